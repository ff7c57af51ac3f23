#include "net/http_call.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum {
    CONNECT_WAIT_MS = 5000,
    CALL_WAIT_MS = 30000,
    RESPONSE_BYTES_MAX = 1024 * 1024,
    RESPONSE_BYTES_MIN = 4096,
    /* An idle connection that is older may have been closed by its peer just now: a request lost on it is a send nobody
       can tell about. */
    IDLE_CONNECTION_SECONDS_MAX = 20,
    DNS_SECONDS_MAX = 60,
    READ_BYTES =
        1024, /* the least that curl takes: it stays with each of thousands of calls that wait for their answer */
};

static_assert(sizeof(((struct http_call *)0)->sentence) >= CURL_ERROR_SIZE, "curl's sentence fits");

/* -- what a call hears from curl */

static bool bytes_left(const struct http_call *call)
{
    long request = 0;
    curl_off_t body = 0;
    curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &request);
    curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &body);
    return request > 0 || body > 0;
}

/*
 * Called when the connection stands, before the request is written. Curl calls it again when a reused connection died
 * without an answer and it is about to send the request once more: if bytes had left, the peer may have acted on them,
 * and sending again would be a second request.
 */
static int on_prerequest(void *context, char *to, char *from, int to_port, int from_port)
{
    struct http_call *call = context;
    (void)to, (void)from, (void)to_port, (void)from_port;
    call->resent = bytes_left(call);
    call->late = !call->resent && call->request.start_by != 0 && moment_now() > call->request.start_by;
    return call->resent || call->late ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static bool answered_well(const struct http_call *call)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

static size_t on_body(char *bytes, size_t one, size_t count, void *context)
{
    struct http_call *call = context;
    (void)one;
    if (count > call->request.response_bytes_max - call->body_bytes) {
        call->too_large = true;
        return 0;
    }
    if (call->request.take != NULL && answered_well(call)) {
        call->body_bytes += count;
        return call->request.take(call->request.take_context, bytes, count) ? count : 0;
    }
    if (call->body_bytes + count > call->body_capacity) {
        size_t capacity = call->body_capacity == 0 ? RESPONSE_BYTES_MIN : call->body_capacity * 2;
        call->body_capacity = capacity < call->body_bytes + count ? call->body_bytes + count : capacity;
        call->body = realloc(call->body, call->body_capacity);
        if (call->body == NULL)
            abort();
    }
    memcpy(call->body + call->body_bytes, bytes, count);
    call->body_bytes += count;
    return count;
}

/* The value if the line is that header, without white space around it, in the arena; else NULL. */
static char *header_value(struct arena *arena, const char *line, size_t bytes, const char *name)
{
    size_t name_bytes = strlen(name);
    if (bytes <= name_bytes || line[name_bytes] != ':' || strncasecmp(line, name, name_bytes) != 0)
        return NULL;
    const char *from = line + name_bytes + 1, *end = line + bytes;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return arena_text_n(arena, from, (size_t)(end - from));
}

/* Retry-After: seconds or a date. */
static int64_t retry_after_ms(const char *value)
{
    long long seconds = 0;
    if (text_int64(value, 0, INT32_MAX, "Retry-After", &seconds, NULL) == OK)
        return seconds * SECOND_MS;
    time_t date = curl_getdate(value, NULL);
    int64_t wait = date == (time_t)-1 ? 0 : (int64_t)date * SECOND_MS - moment_now();
    return wait < 0 ? 0 : wait;
}

static void hear_header(struct http_call *call, const char *line, size_t bytes)
{
    static const char *const request_ids[] = { "x-request-id", "request-id", "x-fb-trace-id" };
    char *value = NULL;
    long long ms = 0;
    if ((value = header_value(call->arena, line, bytes, "content-type")) != NULL)
        call->content_type = value;
    else if ((value = header_value(call->arena, line, bytes, "retry-after")) != NULL && call->retry_after_ms == 0)
        call->retry_after_ms = retry_after_ms(value);
    else if ((value = header_value(call->arena, line, bytes, "retry-after-ms")) != NULL &&
             text_int64(value, 0, INT32_MAX, "retry-after-ms", &ms, NULL) == OK)
        call->retry_after_ms = ms;
    for (size_t i = 0; i < sizeof request_ids / sizeof *request_ids; i++)
        if ((value = header_value(call->arena, line, bytes, request_ids[i])) != NULL)
            call->request_id = value;
}

static size_t on_header(char *bytes, size_t one, size_t count, void *context)
{
    struct http_call *call = context;
    (void)one;
    if (count > 5 && memcmp(bytes, "HTTP/", 5) == 0) { /* the answer after a 1xx: its headers are the ones that count */
        call->content_type = call->request_id = NULL;
        call->retry_after_ms = 0;
    }
    hear_header(call, bytes, count);
    return count;
}

/* -- a call's request */

static const char *const *copy_headers(struct arena *arena, const char *const *headers)
{
    size_t count = 0;
    while (headers != NULL && headers[count] != NULL)
        count++;
    const char **copy = ARENA_ARRAY(arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        assert(strpbrk(headers[i], "\r\n") == NULL);
        copy[i] = arena_text(arena, headers[i]);
    }
    return copy;
}

void http_call_init(struct http_call *call, struct arena *arena, const struct http_request *from)
{
    struct http_request *to = &call->request;
    *to = *from;
    call->arena = arena;
    call->started_us = moment_monotonic_us();
    to->method = arena_text(arena, from->method);
    to->url = arena_text(arena, from->url);
    to->headers = copy_headers(arena, from->headers);
    to->body_file = arena_text(arena, from->body_file);
    to->body = from->body_bytes == 0 ? "" : arena_text_n(arena, from->body, from->body_bytes);
    to->connect_wait_ms = from->connect_wait_ms == 0 ? CONNECT_WAIT_MS : from->connect_wait_ms;
    to->wait_ms = from->wait_ms == 0 ? CALL_WAIT_MS : from->wait_ms;
    to->response_bytes_max = from->response_bytes_max == 0 ? RESPONSE_BYTES_MAX : from->response_bytes_max;
}

/* A file that can't be read ends the call before its first byte. */
static size_t on_read(char *out, size_t one, size_t count, void *context)
{
    struct http_call *call = context;
    size_t bytes = call->body_file == NULL ? 0 : fread(out, one, count, call->body_file);
    return call->body_file == NULL || ferror(call->body_file) ? CURL_READFUNC_ABORT : bytes;
}

static void set_body_file(struct http_call *call)
{
    off_t bytes = 0;
    call->body_file = fopen(call->request.body_file, "rbe");
    if (call->body_file != NULL && fseeko(call->body_file, 0, SEEK_END) == 0)
        bytes = ftello(call->body_file);
    if (call->body_file != NULL)
        rewind(call->body_file);
    curl_easy_setopt(call->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)bytes);
}

static void set_method(CURL *easy, const struct http_request *request)
{
    bool post = strcmp(request->method, "POST") == 0;
    if (post || request->body_bytes > 0) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, text_or(request->body, ""));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_bytes);
    }
    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (!post && strcmp(request->method, "GET") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static struct curl_slist *header_list(const struct http_request *request)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no 100-continue: it costs a round trip */
    bool typed = false;
    for (const char *const *header = request->headers; header != NULL && *header != NULL; header++) {
        list = curl_slist_append(list, *header);
        typed = typed || strncasecmp(*header, "content-type:", 13) == 0;
    }
    return typed ? list : curl_slist_append(list, "Content-Type:"); /* curl would call it a form */
}

/* The total wait counts from http_start: a call that waited for a slot has that much less. */
static long wait_left_ms(const struct http_call *call)
{
    int64_t left = call->request.wait_ms - (moment_monotonic_us() - call->started_us) / 1000;
    return left < 1 ? 1 : (long)left;
}

void http_call_set_up(struct http_call *call, const char *user_agent)
{
    CURL *easy = call->easy;
    call->headers = header_list(&call->request);
    curl_easy_reset(easy);
    if (call->request.body_file != NULL)
        set_body_file(call);
    else
        set_method(easy, &call->request);
    if (call->request.take != NULL) /* refused by its head where that says how long it is */
        curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->request.response_bytes_max);
    curl_easy_setopt(easy, CURLOPT_URL, call->request.url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->request.connect_wait_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, wait_left_ms(call));
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_CONNECTION_SECONDS_MAX);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)DNS_SECONDS_MAX);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)READ_BYTES);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_prerequest);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->sentence);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
}

/* -- how it ended */

bool http_call_stale(const struct http_call *call)
{
    return (moment_monotonic_us() - call->started_us) / 1000 >= call->request.wait_ms;
}

static void say_why(const struct http_call *call, CURLcode code, struct http_response *response)
{
    const char *curl = call->sentence[0] != '\0' ? call->sentence : curl_easy_strerror(code);
    if (response->end == HTTP_ABORTED)
        error_set(&response->error, RETRY, "The call was aborted.");
    else if (call->late)
        error_set(&response->error, RETRY, "The connection stood too late to start the call.");
    else if (call->resent)
        error_set(&response->error, RETRY, "The connection was cut before an answer came.");
    else if (call->too_large)
        error_set(&response->error, RETRY, "The answer is larger than %zu bytes.", call->request.response_bytes_max);
    else
        error_set(&response->error, RETRY, "The call failed: %s.", curl);
}

static void take_answer(struct http_call *call, struct http_response *response)
{
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &response->status);
    response->body =
        arena_text_n(call->arena, call->body == NULL ? "" : call->body, call->body == NULL ? 0 : call->body_bytes);
    response->body_bytes = call->body == NULL ? 0 : call->body_bytes;
    response->content_type = text_or(call->content_type, "");
    response->request_id = text_or(call->request_id, "");
    response->retry_after_ms = call->retry_after_ms;
}

void http_call_judge(struct http_call *call, int code, bool aborted, struct http_response *response)
{
    *response = (struct http_response){ .body = "", .content_type = "", .request_id = "", .late = call->late };
    response->started = call->easy != NULL && bytes_left(call);
    call->too_large = call->too_large || code == CURLE_FILESIZE_EXCEEDED;
    response->too_large = call->too_large;
    if (aborted)
        response->end = HTTP_ABORTED;
    else if (code == CURLE_OK)
        response->end = HTTP_ANSWERED;
    else
        response->end = response->started ? HTTP_BROKEN : HTTP_NOT_STARTED;
    if (response->end == HTTP_ANSWERED)
        take_answer(call, response);
    else
        say_why(call, (CURLcode)code, response);
    response->took_us = moment_monotonic_us() - call->started_us;
}

void http_call_clear(struct http_call *call)
{
    curl_slist_free_all(call->headers);
    free(call->body);
    if (call->body_file != NULL)
        fclose(call->body_file);
    call->body_file = NULL;
    call->headers = NULL;
    call->body = NULL;
}
