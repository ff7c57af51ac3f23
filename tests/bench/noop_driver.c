/*
 * noop_driver - the producer of the no-op benchmark: no-op jobs, enqueued one by one with some in flight, or in bulk.
 *
 *   noop_driver WORKER JOBS IN_FLIGHT SAMPLES RATE
 *
 * The phases and their names are those by which other job queues are usually measured: a backlog by single adds,
 * drained by a fresh worker process; the same by bulk adds; adds while the worker runs; single jobs on an idle queue at
 * a fixed rate. Prints one line of JSON.
 */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/ident.h"
#include "base/text.h"
#include "noop_shared.h"
#include "service/topology.h"

enum { BULK = 256, WAIT_MS = 5000, IN_FLIGHT_MAX = 256 };

static struct noop_shared *shared;
static struct bus *bus;
static const char *company;
static char path[] = "/tmp/parley-noop-XXXXXX"; /* of the memory that both processes see */

static void pause_us(int64_t us)
{
    nanosleep(&(struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 }, NULL);
}

static void die(const char *what)
{
    fprintf(stderr, "noop_driver: %s\n", what);
    exit(1);
}

/* -- asking the scheduler */

static Pb__Answer *ask_batch(struct arena *arena, const char *subject, Pb__Call **calls, size_t count)
{
    Pb__CallBatch *batch = PB_NEW(arena, call_batch);
    ProtobufCBinaryData bytes;
    struct bus_message reply;
    struct error error = { 0 };
    void *answers = NULL;
    batch->calls = calls;
    batch->n_calls = count;
    pb_pack(arena, batch, &bytes);
    if (bus_request(bus, arena, subject, bytes.data, bytes.len, WAIT_MS, &reply, &error) != OK)
        die(error.text);
    if (pb_unpack(arena, &pb__answer_batch__descriptor, reply.data, reply.bytes, &answers, &error) != OK)
        die(error.text);
    const Pb__AnswerBatch *all = answers;
    for (size_t i = 0; i < all->n_answers; i++)
        if (all->answers[i]->status != PB__STATUS__STATUS_OK)
            die(all->answers[i]->error);
    return all->answers[0];
}

static Pb__Call *call_of(struct arena *arena, const void *request)
{
    Pb__Call *call = PB_NEW(arena, call);
    call->company_id = arena_text(arena, company);
    pb_pack(arena, request, &call->body);
    call->has_body = true;
    return call;
}

static void add(struct arena *arena, size_t count, int64_t at_us)
{
    Pb__Call *calls[BULK];
    assert(count <= BULK);
    for (size_t i = 0; i < count; i++) {
        Pb__JobSpec *job = PB_NEW(arena, job_spec);
        job->task = arena_text(arena, WORK_AI_ENGAGE.task);
        job->params = pb_json(arena, text_format(arena, "{\"at\":%lld}", (long long)at_us));
        calls[i] = call_of(arena, job);
    }
    ask_batch(arena, JOBS_ENQUEUE.name, calls, count);
    arena_reset(arena);
}

static int64_t unfinished(struct arena *arena)
{
    Pb__JobStatsRequest *request = PB_NEW(arena, job_stats_request);
    Pb__Call *call = call_of(arena, request);
    struct error error;
    void *stats = NULL;
    const Pb__Answer *answer = ask_batch(arena, JOBS_STATS.name, &call, 1);
    if (pb_unpack(arena, &pb__job_stats__descriptor, answer->body.data, answer->body.len, &stats, &error) != OK)
        die(error.text);
    const Pb__JobStats *all = stats;
    int64_t left = all->queued + all->processing + all->failed;
    arena_reset(arena);
    return left;
}

/* -- many at once */

static _Atomic int64_t to_add;

static void *add_singles(void *context)
{
    struct arena *arena = arena_new(0);
    (void)context;
    while (atomic_fetch_sub(&to_add, 1) > 0)
        add(arena, 1, 0);
    arena_free(arena);
    return NULL;
}

static double seconds_since(int64_t began_us)
{
    return (double)(moment_monotonic_us() - began_us) / 1e6;
}

static double enqueue_singles(int64_t jobs, int in_flight)
{
    pthread_t threads[IN_FLIGHT_MAX];
    int64_t began_us = moment_monotonic_us();
    atomic_store(&to_add, jobs);
    for (int i = 0; i < in_flight; i++)
        if (pthread_create(&threads[i], NULL, add_singles, NULL) != 0)
            die("no thread");
    for (int i = 0; i < in_flight; i++)
        pthread_join(threads[i], NULL);
    return (double)jobs / seconds_since(began_us);
}

static double enqueue_bulk(struct arena *arena, int64_t jobs)
{
    int64_t began_us = moment_monotonic_us();
    for (int64_t left = jobs; left > 0; left -= BULK)
        add(arena, left < BULK ? (size_t)left : BULK, 0);
    return (double)jobs / seconds_since(began_us);
}

/* -- the worker */

static void forget(void)
{
    atomic_store(&shared->handled, 0);
    atomic_store(&shared->first_us, 0);
    atomic_store(&shared->wait_count, 0);
}

static pid_t start_worker(char *program)
{
    forget();
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    execl(program, program, (char *)NULL);
    _exit(127);
}

static void stop_worker(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

static void wait_handled(int64_t jobs)
{
    while (atomic_load(&shared->handled) < jobs)
        pause_us(500);
}

static void wait_finished(struct arena *arena)
{
    while (unfinished(arena) > 0)
        pause_us(5000);
}

/* From the first handler call until the store has no unfinished job. */
static double drain(struct arena *arena, int64_t jobs, char *program, pid_t *pid)
{
    *pid = start_worker(program);
    wait_handled(jobs);
    wait_finished(arena);
    return (double)(jobs - 1) / seconds_since(atomic_load(&shared->first_us));
}

/* First add to last handler call. */
static double through(struct arena *arena, int64_t jobs, int in_flight)
{
    int64_t began_us = moment_monotonic_us();
    forget();
    enqueue_singles(jobs, in_flight);
    wait_handled(jobs);
    double rate = (double)jobs * 1e6 / (double)(atomic_load(&shared->last_us) - began_us);
    wait_finished(arena);
    return rate;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void latency(struct arena *arena, int64_t samples, int64_t rate)
{
    forget();
    int64_t began_us = moment_monotonic_us();
    for (int64_t i = 0; i < samples; i++) {
        int64_t left_us = began_us + i * 1000000 / rate - moment_monotonic_us();
        if (left_us > 0)
            pause_us(left_us);
        add(arena, 1, moment_monotonic_us());
    }
    wait_handled(samples);
    qsort(shared->waits_us, (size_t)samples, sizeof shared->waits_us[0], compare);
}

static void open_all(void)
{
    struct error error = { 0 };
    int fd = mkstemp(path);
    if (fd < 0 || ftruncate(fd, sizeof *shared) != 0)
        die("no file to share");
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED || setenv("NOOP_SHARED", path, 1) != 0)
        die("no memory to share");
    if (bus_open(&(struct bus_options){ .url = getenv("NATS_URL"), .name = "noop-driver" }, &bus, &error) != OK)
        die(error.text);
    while (!bus_connected(bus))
        pause_us(10000);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        die("usage: noop_driver WORKER JOBS IN_FLIGHT SAMPLES RATE");
    int64_t jobs = strtoll(argv[2], NULL, 10), samples = strtoll(argv[4], NULL, 10), rate = strtoll(argv[5], NULL, 10);
    int in_flight = (int)strtol(argv[3], NULL, 10);
    if (jobs < 2 || in_flight < 1 || in_flight > IN_FLIGHT_MAX || samples < 1 || samples > NOOP_SAMPLES_MAX || rate < 1)
        die("a number is out of range");
    struct arena *lasting = arena_new(0), *arena = arena_new(0);
    pid_t worker;
    open_all();
    company = ident_fresh(lasting);
    double single = enqueue_singles(jobs, in_flight), drained = drain(arena, jobs, argv[1], &worker);
    stop_worker(worker);
    double bulk = enqueue_bulk(arena, jobs), drained_bulk = drain(arena, jobs, argv[1], &worker);
    double both = through(arena, jobs, in_flight);
    pause_us(1500000);
    latency(arena, samples, rate);
    long middle = samples / 2, late = samples * 99 / 100;
    printf("{\"enqueue_per_s\":%.0f,\"drain_per_s\":%.0f,\"enqueue_bulk_per_s\":%.0f,\"drain_after_bulk_per_s\":%.0f,"
           "\"through_per_s\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
           single, drained, bulk, drained_bulk, both, (double)shared->waits_us[middle] / 1e3,
           (double)shared->waits_us[late] / 1e3);
    stop_worker(worker);
    unlink(path);
    bus_close(bus);
    return 0;
}
