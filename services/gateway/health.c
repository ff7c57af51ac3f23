#include "health.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "service/topology.h"
#include "settings.h"

enum { LOOK_EVERY_MS = 1000, PING_WAIT_MS = 200, PONGS_MAX = 256, PICTURE_MS_MAX = 10000 };

/* What an inbound message needs on its way to its answer. */
const char *const HEALTH_SERVICES[] = {
    "ingest", "lead-store", "scheduler", "ai-engage", "channel-whatsapp-cloud", NULL
};

static_assert(sizeof HEALTH_SERVICES / sizeof *HEALTH_SERVICES - 1 <=
                  sizeof((struct health_picture){ 0 }).workers / sizeof(unsigned),
              "a count for each service");

static struct {
    pthread_mutex_t lock;
    struct health_picture picture;
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* -- looking */

static void count_pong(struct arena *arena, const struct bus_message *pong, struct health_picture *picture)
{
    cJSON *tree = NULL;
    const char *name = NULL;
    if (json_parse(arena, pong->data, pong->bytes, &tree, NULL) != OK ||
        json_need_text(tree, "name", &name, NULL) != OK)
        return;
    for (size_t i = 0; HEALTH_SERVICES[i] != NULL; i++)
        picture->workers[i] += strcmp(HEALTH_SERVICES[i], name) == 0;
}

static void count_workers(struct arena *arena, struct health_picture *picture)
{
    struct bus_message *pongs = ARENA_ARRAY(arena, struct bus_message, PONGS_MAX);
    size_t count = 0;
    if (bus_gather(service_bus(), arena, "$SRV.PING", PING_WAIT_MS, pongs, PONGS_MAX, &count, NULL) != OK)
        return;
    for (size_t i = 0; i < count; i++)
        count_pong(arena, &pongs[i], picture);
}

static void add_vanished(struct health_picture *picture, const char *name)
{
    size_t at = strlen(picture->vanished);
    if (strstr(picture->vanished, name) == NULL)
        snprintf(picture->vanished + at, sizeof picture->vanished - at, "%s%s", at > 0 ? ", " : "", name);
}

static void look_at_store(struct arena *arena, struct health_picture *picture)
{
    struct error error = { 0 };
    void *reply = NULL;
    const struct caller caller = { .company_id = "", .correlation_id = "", .traceparent = "" };
    if (ask_one(arena, &STORE_STATS, &caller, PB_NEW(arena, stats_request), &reply, &error) != OK) {
        snprintf(picture->database_why, sizeof picture->database_why, "%s", error.text);
        return;
    }
    const Pb__Stats *stats = reply;
    picture->database = text_empty(stats->database) || text_same(stats->database, "connected");
    snprintf(picture->database_why, sizeof picture->database_why, "%s", text_or(stats->database, ""));
    picture->active_buffers = stats->active_buffers;
    for (size_t i = 0; i < stats->n_vanished_streams; i++)
        add_vanished(picture, stats->vanished_streams[i]);
}

int64_t health_look(struct batch *batch)
{
    const char *const *names = NULL;
    struct health_picture picture = { .nats = service_bus_connected() };
    size_t count = service_vanished(&names);
    for (size_t i = 0; i < count; i++)
        add_vanished(&picture, names[i]);
    if (picture.nats) {
        count_workers(batch->arena, &picture);
        look_at_store(batch->arena, &picture);
    }
    picture.taken_at = moment_now();
    pthread_mutex_lock(&seen.lock);
    if (!picture.nats || !picture.database)
        picture.active_buffers = seen.picture.active_buffers;
    seen.picture = picture;
    pthread_mutex_unlock(&seen.lock);
    return LOOK_EVERY_MS;
}

/* -- telling */

static struct health_picture picture_now(void)
{
    pthread_mutex_lock(&seen.lock);
    struct health_picture picture = seen.picture;
    pthread_mutex_unlock(&seen.lock);
    picture.nats = picture.nats && service_bus_connected();
    if (moment_now() - picture.taken_at > PICTURE_MS_MAX) /* an old picture proves nothing */
        picture.database = false;
    return picture;
}

static void add_check(struct buffer *out, const char *name, const char *value)
{
    buffer_format(out, "%s\"%s\":", out->text[out->bytes - 1] == '{' ? "" : ",", name);
    json_add_string(out, value);
}

bool health_write(struct buffer *out, const struct health_picture *picture)
{
    bool healthy = picture->database && picture->nats && picture->vanished[0] == '\0';
    struct buffer checks = { .arena = out->arena };
    buffer_add(&checks, "{");
    add_check(&checks, "database",
              picture->database
                  ? "connected"
                  : text_format(out->arena, "disconnected: %s", text_or(picture->database_why, "no answer")));
    add_check(&checks, "nats", picture->nats ? "connected" : "disconnected");
    for (size_t i = 0; HEALTH_SERVICES[i] != NULL; i++) {
        add_check(&checks, HEALTH_SERVICES[i], text_format(out->arena, "%u workers active", picture->workers[i]));
        healthy = healthy && picture->workers[i] > 0;
    }
    if (picture->vanished[0] != '\0')
        add_check(&checks, "streams", text_format(out->arena, "lost and made again: %s", picture->vanished));
    buffer_format(out, "{\"status\":\"%s\",\"checks\":%s},\"durability\":\"process\"}",
                  healthy ? "healthy" : "degraded", buffer_text(&checks));
    return healthy;
}

void health_get(struct exchange *exchange)
{
    struct buffer out = { .arena = exchange->arena };
    struct health_picture picture = picture_now();
    bool healthy = health_write(&out, &picture);
    exchange_answer(exchange, healthy ? 200 : 503, NULL, out.text, out.bytes);
}

void health_stats(struct exchange *exchange)
{
    struct buffer out = { .arena = exchange->arena };
    struct health_picture picture = picture_now();
    buffer_format(
        &out,
        "{\"buffer\":{\"active_buffers\":%lld},\"deduplication\":{\"cache_type\":\"postgresql\"},\"environment\":\"%s\"}",
        (long long)picture.active_buffers, settings.environment);
    exchange_answer(exchange, 200, NULL, out.text, out.bytes);
}

void health_metrics(struct exchange *exchange)
{
    struct buffer out = { .arena = exchange->arena };
    metrics_write(&out);
    exchange_answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_text(&out), out.bytes);
}
