/* The admin port: is it alive, can it work, what does it count. */
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "net/web.h"
#include "service/process.h"

enum { ROUND_MS_MAX = 2 * ACK_WAIT_MS };

static struct web *web;
static struct db *probe;
static pthread_mutex_t probe_lock = PTHREAD_MUTEX_INITIALIZER;

static bool threads_come_round(void)
{
    int64_t now_us = moment_monotonic_us();
    for (size_t i = 0; i < process.worker_count; i++)
        if (process.workers[i].running && now_us - process.workers[i].tick_us > ROUND_MS_MAX * 1000LL)
            return false;
    return duties_well();
}

static enum status database_answers(struct error *error)
{
    pthread_mutex_lock(&probe_lock);
    if (!probe)
        probe = process_db("admin");
    enum status status = probe ? db_ready(probe, error) : OK;
    if (probe && status == OK)
        status = db_script(probe, "SELECT 1", error);
    pthread_mutex_unlock(&probe_lock);
    return status;
}

static enum status ready(struct error *error)
{
    if (service_draining())
        return error_code(error, RETRY, "draining", "the process is ending");
    if (!bus_connected(process.bus))
        return error_code(error, RETRY, "bus_away", "the message bus is not connected");
    TRY(database_answers(error));
    if (!process.started)
        return error_code(error, RETRY, "starting", "the process is starting");
    if (!keeper_well())
        return error_code(error, RETRY, "topology", "streams or consumers are missing");
    return process.service->ready ? process.service->ready(error) : OK;
}

static void answer(struct web_response *response, int status, const char *type, const struct buffer *body)
{
    response->status = status;
    response->content_type = type;
    response->body = buffer_text(body);
    response->body_bytes = body->bytes;
}

static void handle(void *context, const struct web_request *request, struct web_response *response)
{
    (void)context;
    struct buffer body = { .arena = request->arena };
    struct error error = { 0 };
    int status = 200;
    const char *type = "text/plain; charset=utf-8";
    if (text_same(request->path, "/healthz")) {
        status = threads_come_round() ? 200 : 503;
        buffer_add(&body, status == 200 ? "ok\n" : "a thread doesn't come round\n");
    } else if (text_same(request->path, "/readyz")) {
        status = ready(&error) == OK ? 200 : 503;
        buffer_format(&body, "%s\n", status == 200 ? "ok" : error.text);
    } else if (text_same(request->path, "/metrics")) {
        type = "text/plain; version=0.0.4; charset=utf-8";
        metrics_write(&body);
    } else {
        status = 404;
        buffer_add(&body, "/healthz, /readyz, /metrics\n");
    }
    answer(response, status, type, &body);
}

static size_t body_max(const char *method, const char *path)
{
    (void)method;
    (void)path;
    return 0;
}

/* So that whoever started us on any free port finds it. */
static enum status write_port(struct error *error)
{
    const char *path = getenv("PARLEY_ADMIN_FILE");
    if (text_empty(path))
        return OK;
    FILE *file = fopen(path, "we");
    if (!file)
        return error_set(error, REJECT, "PARLEY_ADMIN_FILE can't be written: %s", path);
    fprintf(file, "%d\n", admin_port());
    return fclose(file) == 0 ? OK : error_set(error, REJECT, "PARLEY_ADMIN_FILE can't be written: %s", path);
}

enum status admin_open(const char *listen, int64_t port, struct error *error)
{
    char address[160];
    snprintf(address, sizeof address, "%.128s:%lld", listen, (long long)port);
    const struct web_options options = { .listen = address, .threads = 4, .body_max = body_max, .handle = handle };
    TRY(web_open(&options, &web, error));
    return write_port(error);
}

int admin_port(void)
{
    return web ? web_port(web) : 0;
}

void admin_close(void)
{
    if (web)
        web_close(web);
    web = NULL;
    db_close(probe);
    probe = NULL;
}
