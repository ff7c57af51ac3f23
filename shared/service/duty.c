/* Duties: what a service does beside its routes, each on a thread of its own. */
#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "service/process.h"

enum { DUTY_WAIT_MS_MAX = 60000, DUTY_RUN_MS_MAX = 60000 };

struct duty_thread {
    const struct duty *duty;
    pthread_t thread;
    struct queue bell;
    struct arena *arena;
    struct arena *heard; /* of the nudge at hand; one listener, one thread */
    struct batch batch;
    _Atomic int64_t began_us; /* of the run under way; 0: waiting */
};

static atomic_bool stopping;

static struct duty_thread *thread_of(const struct duty *duty)
{
    for (size_t i = 0; i < process.duty_count; i++)
        if (process.duties[i].duty == duty)
            return &process.duties[i];
    return NULL;
}

void duty_wake(const struct duty *duty)
{
    struct duty_thread *thread = thread_of(duty);
    if (thread)
        queue_wake(&thread->bell);
}

static void on_nudge(void *context, const struct bus_message *message)
{
    struct duty_thread *thread = context;
    void *decoded = NULL;
    arena_reset(thread->heard);
    if (pb_unpack(thread->heard, thread->duty->hears->request, message->data, message->bytes, &decoded, NULL) != OK)
        return;
    if (thread->duty->hear)
        thread->duty->hear(decoded);
    queue_wake(&thread->bell);
}

/* Without its database a duty waits, as the routes do. */
static int64_t run_once(struct duty_thread *thread, int64_t *backoff_ms)
{
    struct error error = { 0 };
    arena_reset(thread->arena);
    thread->batch.now = moment_now();
    if (thread->batch.db && db_ready(thread->batch.db, &error) != OK) {
        log_line(LOG_WARN, "duty waits", "duty", thread->duty->name, "error", error.text, NULL);
        return backoff_next(backoff_ms);
    }
    *backoff_ms = 0;
    int64_t wait_ms = thread->duty->run(&thread->batch);
    return wait_ms < 0 ? 0 : wait_ms < DUTY_WAIT_MS_MAX ? wait_ms : DUTY_WAIT_MS_MAX;
}

/* Who has more to do runs on. Who is woken waits for what follows at once, so that one run does for all of it. */
static void rest(struct duty_thread *thread, int64_t wait_ms)
{
    int64_t apart_ms = thread->duty->apart_ms;
    const struct timespec apart = { .tv_nsec = (long)apart_ms * 1000000L };
    assert(apart_ms < SECOND_MS);
    if (wait_ms == 0)
        return;
    if (wait_ms > apart_ms)
        queue_wait_wake(&thread->bell, wait_ms - apart_ms);
    if (apart_ms > 0)
        nanosleep(&apart, NULL);
}

static void *run(void *context)
{
    struct duty_thread *thread = context;
    int64_t backoff_ms = 0;
    while (!stopping) {
        thread->began_us = moment_monotonic_us();
        int64_t wait_ms = run_once(thread, &backoff_ms);
        thread->began_us = 0;
        rest(thread, wait_ms);
    }
    arena_reset(thread->arena);
    if (thread->duty->stop)
        thread->duty->stop(&thread->batch);
    return NULL;
}

static void start(struct duty_thread *thread)
{
    struct error error = { 0 };
    if (thread->duty->hears && bus_listen(process.bus, thread->duty->hears->name, on_nudge, thread, &error) != OK) {
        log_line(LOG_ERROR, "duty can't start", "duty", thread->duty->name, "error", error.text, NULL);
        abort();
    }
    if (pthread_create(&thread->thread, NULL, run, thread) != 0)
        abort();
}

void duties_start(void)
{
    size_t count = 0;
    for (const struct duty *duty = process.service->duties; duty && duty->name; duty++)
        count++;
    struct duty_thread *threads = calloc(count ? count : 1, sizeof *threads);
    if (!threads)
        abort();
    for (size_t i = 0; i < count; i++) {
        threads[i].duty = &process.service->duties[i];
        threads[i].arena = arena_new(0);
        threads[i].heard = arena_new(0);
        threads[i].batch = (struct batch){ .arena = threads[i].arena, .db = process_db(threads[i].duty->name) };
        queue_init(&threads[i].bell);
    }
    process.duties = threads;
    process.duty_count = count;
    for (size_t i = 0; i < count; i++)
        start(&threads[i]);
}

void duties_stop(void)
{
    stopping = true;
    for (size_t i = 0; i < process.duty_count; i++)
        queue_wake(&process.duties[i].bell);
    for (size_t i = 0; i < process.duty_count; i++)
        pthread_join(process.duties[i].thread, NULL);
}

void duties_close(void)
{
    for (size_t i = 0; i < process.duty_count; i++) {
        struct duty_thread *thread = &process.duties[i];
        db_close(thread->batch.db);
        arena_free(thread->arena);
        arena_free(thread->heard);
        queue_clear(&thread->bell);
    }
    process.duty_count = 0;
    free(process.duties);
    process.duties = NULL;
}

bool duties_well(void)
{
    int64_t now_us = moment_monotonic_us();
    for (size_t i = 0; i < process.duty_count; i++) {
        int64_t began_us = process.duties[i].began_us;
        if (began_us != 0 && now_us - began_us > DUTY_RUN_MS_MAX * 1000LL)
            return false;
    }
    return true;
}
