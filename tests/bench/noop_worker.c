/*
 * noop_worker - the worker of the no-op benchmark: a service like any other, whose handler does nothing.
 *
 *   takes   work.ai.engage   params {"at": when it was enqueued, monotonic us, or 0}
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "noop_shared.h"
#include "service/service.h"

static struct noop_shared *shared;

static void note_wait(const char *params, int64_t now_us)
{
    const char *at = strstr(params, "\"at\":");
    int64_t at_us = at ? strtoll(at + strlen("\"at\":"), NULL, 10) : 0;
    int64_t count = atomic_load(&shared->wait_count);
    if (at_us == 0 || count == NOOP_SAMPLES_MAX)
        return;
    shared->waits_us[count] = now_us - at_us;
    atomic_store(&shared->wait_count, count + 1);
}

static void handle(struct batch *batch)
{
    int64_t now_us = moment_monotonic_us(), none = 0;
    atomic_compare_exchange_strong(&shared->first_us, &none, now_us);
    for (size_t i = 0; i < batch->count; i++) {
        const Pb__JobDispatch *job = batch->items[i]->message;
        note_wait(pb_json_text(job->params), now_us);
    }
    atomic_store(&shared->last_us, now_us);
    atomic_fetch_add(&shared->handled, (int64_t)batch->count);
}

static struct noop_shared *map(const char *path)
{
    int fd = open(path ? path : "", O_RDWR | O_CLOEXEC);
    void *memory = mmap(NULL, sizeof(struct noop_shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || memory == MAP_FAILED)
        abort();
    close(fd);
    return memory;
}

int main(int argc, char **argv)
{
    const struct subject noop = { .name = WORK_AI_ENGAGE.name,
                                  .carrier = CARRIER_WORK,
                                  .stream = WORK_AI_ENGAGE.stream,
                                  .consumer = WORK_AI_ENGAGE.consumer,
                                  .task = WORK_AI_ENGAGE.task };
    const struct route routes[] = { { .takes = &noop, .handle = handle }, { 0 } };
    const struct service worker = { .name = "ai-engage", .help = "the no-op benchmark's worker", .routes = routes };
    shared = map(getenv("NOOP_SHARED"));
    return service_main(argc, argv, &worker);
}
