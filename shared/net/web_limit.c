#include "net/web_limit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/moment.h"
#include "net/web_detach.h"

enum { LOOKS_PER_WAIT = 10, LOOK_MS_MIN = 20, LOOK_MS_MAX = 1000 };

/* -- looking */

static void shut(const struct web_limit *limit, const struct web_reading *reading)
{
    int fd = web_find(reading->address, reading->port, limit->port);
    if (fd >= 0)
        shutdown(fd, SHUT_RD);
}

static void look(struct web_limit *limit)
{
    int64_t now_us = moment_monotonic_us();
    for (struct web_reading *reading = limit->readings; reading; reading = reading->next) {
        pthread_mutex_lock(&reading->lock);
        if (reading->due_us != 0 && reading->due_us < now_us) {
            shut(limit, reading);
            reading->due_us = 0;
        }
        pthread_mutex_unlock(&reading->lock);
    }
}

static struct timespec look_at(const struct web_limit *limit)
{
    struct timespec at;
    int64_t look_ms = limit->wait_ms / LOOKS_PER_WAIT;
    look_ms = look_ms < LOOK_MS_MIN ? LOOK_MS_MIN : look_ms > LOOK_MS_MAX ? LOOK_MS_MAX : look_ms;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t ns = at.tv_nsec + look_ms * 1000000;
    at.tv_sec += ns / 1000000000;
    at.tv_nsec = ns % 1000000000;
    return at;
}

static void *run(void *context)
{
    struct web_limit *limit = context;
    pthread_mutex_lock(&limit->lock);
    while (!limit->over) {
        struct timespec at = look_at(limit);
        if (pthread_cond_timedwait(&limit->ending, &limit->lock, &at) == ETIMEDOUT)
            look(limit);
    }
    pthread_mutex_unlock(&limit->lock);
    return NULL;
}

void web_limit_init(struct web_limit *limit, int64_t wait_ms)
{
    pthread_condattr_t monotonic;
    *limit = (struct web_limit){ .wait_ms = wait_ms };
    pthread_mutex_init(&limit->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&limit->ending, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/* Called with all signals blocked. */
void web_limit_start(struct web_limit *limit, int port)
{
    limit->port = port;
    if (pthread_create(&limit->thread, NULL, run, limit) != 0)
        abort();
}

void web_limit_end(struct web_limit *limit)
{
    pthread_mutex_lock(&limit->lock);
    limit->over = true;
    pthread_cond_signal(&limit->ending);
    pthread_mutex_unlock(&limit->lock);
    pthread_join(limit->thread, NULL);
    pthread_cond_destroy(&limit->ending);
    pthread_mutex_destroy(&limit->lock);
}

/* -- the server's threads */

void web_limit_add(struct web_limit *limit, struct web_reading *reading)
{
    *reading = (struct web_reading){ 0 };
    pthread_mutex_init(&reading->lock, NULL);
    pthread_mutex_lock(&limit->lock);
    reading->next = limit->readings;
    limit->readings = reading;
    pthread_mutex_unlock(&limit->lock);
}

void web_limit_remove(struct web_limit *limit, struct web_reading *reading)
{
    pthread_mutex_lock(&limit->lock);
    struct web_reading **at = &limit->readings;
    while (*at != reading)
        at = &(*at)->next;
    *at = reading->next;
    pthread_mutex_unlock(&limit->lock);
    pthread_mutex_destroy(&reading->lock);
}

void web_limit_begin(struct web_reading *reading, const char *address, int port, int64_t wait_ms)
{
    pthread_mutex_lock(&reading->lock);
    reading->due_us = moment_monotonic_us() + wait_ms * 1000;
    reading->address = address;
    reading->port = port;
    pthread_mutex_unlock(&reading->lock);
}

void web_limit_done(struct web_reading *reading)
{
    pthread_mutex_lock(&reading->lock);
    reading->due_us = 0;
    pthread_mutex_unlock(&reading->lock);
}
