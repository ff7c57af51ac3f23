#include "net/web.h"

#include <assert.h>
#include <civetweb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/moment.h"
#include "base/text.h"
#include "net/web_detach.h"
#include "net/web_file.h"
#include "net/web_framing.h"
#include "net/web_limit.h"
#include "net/web_text.h"
#include "net/web_wake.h"

enum {
    THREADS = 64,
    KEEP_ALIVE_MS = 5000,
    KEEP_ALIVE_MARGIN_MS = 1000, /* told less than is kept: who holds to it never sends into a connection that ends */
    REQUEST_WAIT_MS_DEFAULT = 10000,
    CLOSE_WAIT_MS = 10000,
    DISCARD_BYTES_MAX =
        32 * 1024 * 1024, /* of a refused body, so that the peer gets to read why; more than the largest file */
    DISCARD_WAIT_MS = 2000,
    BODY_BYTES_PER_MS_MIN = 64, /* of a body that becomes a file: the least a sender must do */
};

struct web {
    struct mg_context *server;
    struct web_options options;
    atomic_bool draining;
    atomic_size_t in_flight;
    atomic_uint connections; /* each holds a thread */
    struct web_limit limit;
};

/* What a server thread keeps between requests. */
struct keep {
    struct arena *arena;
    const char *head; /* where civetweb's buffer starts, as far as seen */
    struct web_reading reading;
};

/* -- answering: header and body in one write */

static void add_date(struct buffer *out)
{
    char date[40];
    time_t now = (time_t)(moment_now() / SECOND_MS);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    buffer_format(out, "Date: %s\r\n", date);
}

static unsigned thread_count(const struct web *web)
{
    return web->options.threads == 0 ? THREADS : web->options.threads;
}

/* Where more than half of the threads are held, nobody keeps one who has nothing to ask. */
static bool crowded(const struct web *web)
{
    return atomic_load(&web->connections) > thread_count(web) / 2;
}

static bool must_close(const struct web *web, struct mg_connection *connection, bool refused)
{
    const char *wish = mg_get_header(connection, "Connection");
    const struct mg_request_info *info = mg_get_request_info(connection);
    bool modern = info->http_version != NULL && strcmp(info->http_version, "1.1") == 0;
    if (refused || atomic_load(&web->draining) || crowded(web))
        return true;
    return wish == NULL ? !modern : strcasestr(wish, "keep-alive") == NULL;
}

static int64_t keep_alive_ms(const struct web *web)
{
    return web->options.keep_alive_ms == 0 ? KEEP_ALIVE_MS : web->options.keep_alive_ms;
}

/* A client that keeps its connections has to know when ours ends: it would send into a closed one. */
static void add_connection(struct buffer *out, const struct web *web, bool close)
{
    int64_t told_ms = keep_alive_ms(web) - KEEP_ALIVE_MARGIN_MS;
    if (close)
        buffer_add(out, "Connection: close\r\n");
    else
        buffer_format(out, "Connection: keep-alive\r\nKeep-Alive: timeout=%lld\r\n",
                      (long long)(told_ms > 0 ? told_ms / 1000 : 0));
}

static void respond(struct web *web, struct mg_connection *connection, const struct web_request *request,
                    const struct web_response *response, bool refused)
{
    struct buffer out = { .arena = request->arena };
    static const struct web_response unreadable = { .status = 500, .content_type = "text/plain", .body = "" };
    int file = web_file_open(response->file);
    if (response->file != NULL && file < 0)
        response = &unreadable;
    size_t bytes = file < 0 ? response->body_bytes : (size_t)response->file_bytes;
    bool bare = response->status == 204 || response->status == 304;
    bool close = must_close(web, connection, refused || response->take != NULL);
    buffer_format(&out, "HTTP/1.1 %d %s\r\n", response->status, web_reason(response->status));
    add_date(&out);
    if (!bare)
        buffer_format(&out, "Content-Type: %s\r\n", text_or(response->content_type, "application/json"));
    if (!bare && response->take == NULL)
        buffer_format(&out, "Content-Length: %zu\r\n", bytes);
    for (size_t i = 0; i < sizeof response->headers / sizeof *response->headers && response->headers[i] != NULL; i++) {
        assert(strpbrk(response->headers[i], "\r\n") == NULL);
        buffer_format(&out, "%s\r\n", response->headers[i]);
    }
    add_connection(&out, web, close);
    buffer_add(&out, "X-Content-Type-Options: nosniff\r\n\r\n");
    bool whole = !bare && strcmp(request->method, "HEAD") != 0;
    if (whole && file < 0)
        buffer_add_n(&out, response->body, response->body_bytes);
    if (close)
        mg_disable_connection_keep_alive(connection);
    if (mg_write(connection, out.text, out.bytes) < 0 ||
        (whole && file >= 0 && !web_file_send(connection, file, response->file_from, response->file_bytes)))
        mg_disable_connection_keep_alive(connection);
    web_file_close(file);
}

static void refuse(struct web *web, struct mg_connection *connection, const struct web_request *request, int status,
                   const char *why)
{
    struct web_response response = {
        .status = status, .content_type = "text/plain", .body = why, .body_bytes = strlen(why)
    };
    if (web->options.refuse != NULL)
        web->options.refuse(web->options.context, request, status, why, &response);
    respond(web, connection, request, &response, true);
}

/* From now on reading of this connection ends after wait_ms, until web_limit_done. */
static struct web_reading *reading_begin(struct mg_connection *connection, int64_t wait_ms)
{
    const struct mg_request_info *info = mg_get_request_info(connection);
    struct keep *keep = mg_get_thread_pointer(connection);
    web_limit_begin(&keep->reading, info->remote_addr, info->remote_port, wait_ms);
    return &keep->reading;
}

/* A peer that still sends would get a reset instead of the answer: read what comes for a moment. */
static void discard_body(struct mg_connection *connection)
{
    char bytes[4096];
    struct web_reading *reading = reading_begin(connection, DISCARD_WAIT_MS);
    for (size_t total = 0; total < DISCARD_BYTES_MAX;) {
        int count = mg_read(connection, bytes, sizeof bytes);
        if (count <= 0)
            break;
        total += (size_t)count;
    }
    web_limit_done(reading);
}

/* -- reading a request */

/* All of it, within the time that a request has. */
static int read_whole(const struct web *web, struct mg_connection *connection, char *body, size_t bytes)
{
    struct web_reading *reading = reading_begin(connection, web->limit.wait_ms);
    int count = mg_read(connection, body, bytes);
    web_limit_done(reading);
    return count;
}

/* Into a file, within a time that grows with its size. */
static int body_keep(const struct web *web, struct mg_connection *connection, const struct web_framing *framing,
                     struct web_request *request)
{
    int64_t wait_ms = web->limit.wait_ms + (int64_t)(framing->body_bytes / BODY_BYTES_PER_MS_MIN);
    struct web_reading *reading = reading_begin(connection, wait_ms);
    int status = web_file_take(connection, request->body_file, framing->body_bytes);
    web_limit_done(reading);
    request->body = "";
    request->body_bytes = framing->body_bytes;
    return status;
}

static int body_read(const struct web *web, struct mg_connection *connection, const struct web_framing *framing,
                     size_t bytes_max, struct web_request *request)
{
    char *body = request->body_file != NULL ? "" : arena_try(request->arena, framing->body_bytes + 1, bytes_max + 1);
    const char *expect = mg_get_header(connection, "Expect");
    if (body == NULL)
        return 413;
    if (expect != NULL && strcasecmp(expect, "100-continue") != 0)
        return 417;
    if (expect != NULL && framing->body_bytes > 0)
        mg_write(connection, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    if (request->body_file != NULL)
        return body_keep(web, connection, framing, request);
    int count = framing->body_bytes == 0 ? 0 : read_whole(web, connection, body, framing->body_bytes);
    if (count < 0 || (size_t)count < framing->body_bytes)
        return 408;
    request->body = body;
    request->body_bytes = framing->body_bytes;
    return 0;
}

static const char *body_why(int status)
{
    if (status == 413)
        return "The body is too large.";
    if (status == 503)
        return "The body can't be kept.";
    return status == 417 ? "Only 100-continue can be expected." : "The body did not come in time.";
}

static struct arena *arena_of(const struct mg_connection *connection)
{
    struct keep *keep = mg_get_thread_pointer(connection);
    return keep->arena;
}

/* A request as far as its head tells; path "/" and no headers when the head could not be read. */
static struct web_request request_of(struct mg_connection *connection, bool readable)
{
    const struct mg_request_info *info = mg_get_request_info(connection);
    struct web_request request = {
        .arena = arena_of(connection), .method = "GET", .path = "/", .query = "", .body = ""
    };
    request.remote = info->remote_addr;
    if (!readable)
        return request;
    request.method = info->request_method;
    request.query = text_or(info->query_string, "");
    request.connection = connection;
    return request;
}

static void handle(struct web *web, struct mg_connection *connection)
{
    const struct mg_request_info *info = mg_get_request_info(connection);
    struct web_request request = request_of(connection, true);
    struct web_response response = { .status = 500, .body = "" };
    struct web_framing framing = web_framing_read(info, &((struct keep *)mg_get_thread_pointer(connection))->head);
    const char *path = web_decode(request.arena, info->local_uri_raw, strlen(info->local_uri_raw), false);
    /* a proxy before us that decides by path doesn't take an encoded slash for one: neither do we */
    if (path == NULL || path[0] != '/' || strcasestr(info->local_uri_raw, "%2f") != NULL) {
        refuse(web, connection, &request, 400, "The path is not well-formed.");
        return;
    }
    request.path = path;
    if (framing.status != 0) {
        refuse(web, connection, &request, framing.status, framing.why);
        return;
    }
    if (atomic_load(&web->draining)) { /* counted as in flight already: web_close waits for this answer too */
        refuse(web, connection, &request, 503, "The server is ending.");
        return;
    }
    if (framing.body_bytes > 0 && web->options.body_file != NULL)
        request.body_file = web->options.body_file(web->options.context, &request);
    size_t bytes_max = request.body_file != NULL       ? web->options.body_file_max
                       : web->options.body_max == NULL ? HTTP_BODY_BYTES_MAX
                                                       : web->options.body_max(request.method, path);
    int status = framing.body_bytes > bytes_max ? 413 : body_read(web, connection, &framing, bytes_max, &request);
    if (status != 0) {
        refuse(web, connection, &request, status, body_why(status));
        if (status == 413 && mg_get_header(connection, "Expect") == NULL) /* who asks first sends nothing now */
            discard_body(connection);
        return;
    }
    web->options.handle(web->options.context, &request, &response);
    respond(web, connection, &request, &response, false);
    if (response.take != NULL)
        response.take(response.taken, web_detach(info->remote_addr, info->remote_port, web_port(web)));
}

/* -- what civetweb calls */

static struct web *web_of(const struct mg_connection *connection)
{
    return mg_get_user_data(mg_get_context(connection));
}

static int on_request(struct mg_connection *connection)
{
    struct web *web = web_of(connection);
    atomic_fetch_add(&web->in_flight, 1);
    arena_reset(arena_of(connection));
    handle(web, connection);
    atomic_fetch_sub(&web->in_flight, 1);
    return 200; /* handled: civetweb itself does nothing with it */
}

/* What civetweb refuses before a handler is asked: its head was not readable. */
static int on_error(struct mg_connection *connection, int status, const char *why)
{
    struct web *web = web_of(connection);
    arena_reset(arena_of(connection));
    struct web_request request = request_of(connection, false);
    (void)why;
    if (status == 413) /* the head; 1.15 says 400 of it */
        refuse(web, connection, &request, 431, "The request's head is too large.");
    else if (status == 408 || status == 505)
        refuse(web, connection, &request, status,
               status == 408 ? "The request did not come in time." : "HTTP/1.1 is spoken here.");
    else
        refuse(web, connection, &request, 400, "The request is not well-formed.");
    return 0;
}

static int on_message(const struct mg_connection *connection, const char *message)
{
    (void)connection, (void)message;
    return 1; /* net/ never logs */
}

static void *on_thread(const struct mg_context *server, int type)
{
    struct web *web = mg_get_user_data(server);
    (void)type;
    struct keep *keep = calloc(1, sizeof *keep);
    if (keep == NULL)
        abort();
    keep->arena = arena_new(0);
    web_limit_add(&web->limit, &keep->reading);
    return keep;
}

static void on_thread_end(const struct mg_context *server, int type, void *pointer)
{
    struct keep *keep = pointer;
    struct web *web = mg_get_user_data(server);
    (void)type;
    web_limit_remove(&web->limit, &keep->reading);
    arena_free(keep->arena);
    free(keep);
}

/* -- opening and closing */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void library_init(void)
{
    mg_init_library(0);
    signal(SIGPIPE, SIG_IGN);
}

/* On the connection's thread, at its begin and its end. */
static int on_connection(const struct mg_connection *connection, void **data)
{
    struct web *web = mg_get_user_data(mg_get_context(connection));
    (void)data;
    atomic_fetch_add(&web->connections, 1);
    return 0;
}

static void on_connection_end(const struct mg_connection *connection)
{
    struct web *web = mg_get_user_data(mg_get_context(connection));
    atomic_fetch_sub(&web->connections, 1);
}

static struct mg_context *start(struct web *web)
{
    char threads[16], keep_alive[24], wait[24], head[16];
    const struct web_options *options = &web->options;
    snprintf(threads, sizeof threads, "%u", options->threads == 0 ? THREADS : options->threads);
    snprintf(keep_alive, sizeof keep_alive, "%lld", (long long)keep_alive_ms(web));
    snprintf(wait, sizeof wait, "%lld",
             (long long)(options->request_wait_ms == 0 ? REQUEST_WAIT_MS_DEFAULT : options->request_wait_ms));
    snprintf(head, sizeof head, "%d", WEB_HEAD_BYTES_MAX);
    const char *table[] = {
        "listening_ports",
        options->listen,
        "num_threads",
        threads,
        "connection_queue",
        "256",
        "listen_backlog",
        "1024",
        "tcp_nodelay",
        "1",
        "enable_keep_alive",
        "yes",
        "keep_alive_timeout_ms",
        keep_alive,
        "request_timeout_ms",
        wait,
        "max_request_size",
        head,
        "decode_url",
        "no",
        "decode_query_string",
        "no",
        "enable_auth_domain_check",
        "no",
        "enable_directory_listing",
        "no",
        "access_control_allow_origin",
        "",
        "access_control_allow_methods",
        "",
        "access_control_allow_headers",
        "",
        NULL,
    };
    const struct mg_callbacks callbacks = {
        .begin_request = on_request,
        .http_error = on_error,
        .log_message = on_message,
        .init_thread = on_thread,
        .exit_thread = on_thread_end,
        .init_connection = on_connection,
        .connection_close = on_connection_end,
    };
    return mg_start(&callbacks, web, table);
}

enum status web_open(const struct web_options *options, struct web **out, struct error *error)
{
    sigset_t all, before;
    pthread_once(&once, library_init);
    struct web *web = calloc(1, sizeof *web);
    if (web == NULL)
        abort();
    web->options = *options;
    web_limit_init(&web->limit, options->request_wait_ms == 0 ? REQUEST_WAIT_MS_DEFAULT : options->request_wait_ms);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    web->server = start(web);
    if (web->server != NULL)
        web_limit_start(&web->limit, web_port(web));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (web->server == NULL) {
        free(web);
        return error_set(error, REJECT, "The web server can't listen on %s.", options->listen);
    }
    *out = web;
    return OK;
}

int web_port(const struct web *web)
{
    struct mg_server_port port = { 0 };
    return mg_get_server_ports(web->server, 1, &port) == 1 ? port.port : 0;
}

void web_drain(struct web *web)
{
    atomic_store(&web->draining, true);
}

size_t web_in_flight(const struct web *web)
{
    return atomic_load(&web->in_flight);
}

void web_close(struct web *web)
{
    if (web == NULL)
        return;
    web_drain(web);
    int64_t until_us = moment_monotonic_us() + (int64_t)CLOSE_WAIT_MS * 1000;
    while (web_in_flight(web) > 0 && moment_monotonic_us() < until_us) /* mg_stop would drop them */
        usleep(1000);
    struct web_wake wake;
    web_wake_start(&wake, web_port(web));
    mg_stop(web->server);
    web_wake_end(&wake);
    web_limit_end(&web->limit);
    free(web);
}

/* -- what a handler asks */

const char *web_header(const struct web_request *request, const char *name)
{
    return request->connection == NULL ? NULL : mg_get_header(request->connection, name);
}
