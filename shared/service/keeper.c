/* The keeper sees to it that the streams we own and the consumers we take from are there: at start, once a second, and
 * when somebody misses one. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "service/process.h"

enum { LOOK_EVERY_MS = 1000, VANISHED_MAX = 32 };

static pthread_t thread;
static struct queue bell;
static atomic_bool stopping, well;
static bool seen_streams[16], seen_consumers[64]; /* were there: missing now, they have vanished */
static const char *vanished_names[VANISHED_MAX];
static atomic_size_t vanished_count;

size_t service_vanished(const char *const **names)
{
    if (names)
        *names = vanished_names;
    return vanished_count;
}

static void note_vanished(const char *name)
{
    size_t count = vanished_count;
    log_line(LOG_ERROR, "vanished and made again", "name", name, NULL);
    metric_add(&measure_vanished, name, 1);
    for (size_t i = 0; i < count; i++)
        if (text_same(vanished_names[i], name))
            return;
    if (count < VANISHED_MAX) {
        vanished_names[count] = name;
        vanished_count = count + 1;
    }
}

/* Said once per reason, not once per second. What was said quietly is said again. */
static void complain(const char *name, const struct error *error)
{
    static struct error last;
    if (text_same(last.text, error->text))
        return;
    enum log_level level = process_waiting_level();
    if (level == LOG_WARN)
        last = *error;
    log_line(level, "waiting for the bus", "name", name, "code", error->code, "error", error->text, NULL);
}

static bool ensure_stream(const struct bus_stream *declared, bool *seen)
{
    struct error error = { 0 };
    bool created = false;
    struct bus_stream stream = *declared;
    if (stream.replicas == 0)
        stream.replicas = (int)process.replicas;
    if (bus_stream_ensure(process.bus, &stream, &created, &error) != OK) {
        complain(stream.name, &error);
        return false;
    }
    if (created && *seen)
        note_vanished(declared->name);
    *seen = true;
    return true;
}

/* Once it is as declared only its name is looked for; a name that is not told is no proof, and it is looked at whole.
 */
static bool ensure_consumer(const struct bus_consumer *consumer, bool *seen)
{
    struct error error = { 0 };
    bool created = false, there = false;
    if (*seen && bus_consumer_there(process.bus, consumer, &there, &error) == OK && there)
        return true;
    if (bus_consumer_ensure(process.bus, consumer, &created, &error) != OK) {
        complain(consumer->name, &error);
        return false;
    }
    if (created && *seen)
        note_vanished(consumer->name);
    *seen = true;
    return true;
}

static bool taken_by_us(const struct bus_consumer *consumer)
{
    for (const struct route *route = process.service->routes; route && route->takes; route++)
        if (text_same(route->takes->consumer, consumer->name) && text_same(route->takes->stream, consumer->stream))
            return true;
    return false;
}

static bool look(void)
{
    bool all = true;
    for (size_t i = 0; TOPOLOGY_STREAMS[i]; i++)
        if (text_same(topology_owner(TOPOLOGY_STREAMS[i]), process.service->name))
            all = ensure_stream(TOPOLOGY_STREAMS[i], &seen_streams[i]) && all;
    for (size_t i = 0; all && TOPOLOGY_CONSUMERS[i].name; i++)
        if (taken_by_us(&TOPOLOGY_CONSUMERS[i]))
            all = ensure_consumer(&TOPOLOGY_CONSUMERS[i], &seen_consumers[i]) && all;
    return all;
}

static void tell_denied(void)
{
    struct error error = { 0 };
    if (bus_denied(process.bus, &error))
        log_line(LOG_ERROR, "the bus refuses", "code", error.code, "error", error.text, NULL);
}

static void *run(void *context)
{
    (void)context;
    int64_t backoff_ms = 0;
    while (!stopping) {
        well = bus_connected(process.bus) && look();
        if (well)
            stranded_look();
        tell_denied();
        metric_set(&measure_bus_up, NULL, bus_connected(process.bus));
        if (well)
            backoff_ms = 0;
        int64_t wait_ms = well ? LOOK_EVERY_MS : backoff_next(&backoff_ms);
        queue_wait_wake(&bell, wait_ms < LOOK_EVERY_MS ? wait_ms : LOOK_EVERY_MS);
    }
    return NULL;
}

void keeper_look(void)
{
    queue_wake(&bell);
}

bool keeper_well(void)
{
    return well;
}

void keeper_start(void)
{
    queue_init(&bell);
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        abort();
}

void keeper_stop(void)
{
    stopping = true;
    queue_wake(&bell);
    pthread_join(thread, NULL);
}
