/* From main to exit: settings, connections, threads, and the way down. */
#include "service/service.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "service/process.h"

#ifndef PARLEY_VERSION
#define PARLEY_VERSION "0.1.0"
#endif

struct process process;

static const char *nats_url, *database_url, *log_level, *environment, *admin_listen;
static int64_t admin_port_wanted, nats_replicas;

static const char *const log_levels[] = { "debug", "info", "warn", "error", NULL };
static const char *const environments[] = { "development", "production", NULL };
static const char *const database_aliases[] = { "DB_URL", NULL };

static const struct setting common_settings[] = {
    { "NATS_URL", &nats_url, .fallback = "nats://127.0.0.1:4222", .help = "message bus; several servers by commas" },
    { "NATS_REPLICAS", .number = &nats_replicas, .fallback = "1", .min = 1, .max = 5,
      .help = "copies of each stream in a NATS cluster" },
    { "LOG_LEVEL", &log_level, .fallback = "info", .choices = log_levels, .help = "what is written to stderr" },
    { "ENVIRONMENT", &environment, .fallback = "development", .choices = environments, .help = "shown in the log" },
    { "ADMIN_LISTEN", &admin_listen, .fallback = "127.0.0.1", .help = "address of /healthz, /readyz, /metrics" },
    { "ADMIN_PORT", .number = &admin_port_wanted, .fallback = "0", .min = 0, .max = 65535, .help = "0: any free port" },
    { 0 },
};
static const struct setting database_settings[] = {
    { "DATABASE_URL", &database_url, .fallback = "postgresql://127.0.0.1:5432/parley", .aliases = database_aliases,
      .secret = true, .help = "PostgreSQL" },
    { 0 },
};

/* Settings of the system that Parley replaces; they may stand in an old .env. */
static const char *const ignored_settings[] = { "REDIS_URL", "REDIS_URI", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND",
                                                NULL };

const char *service_worker_id(void)
{
    return process.worker_id;
}

bool service_draining(void)
{
    return process.draining;
}

bool service_bus_connected(void)
{
    return process.bus && bus_connected(process.bus);
}

enum log_level process_waiting_level(void)
{
    return moment_now() - process.started_at < START_QUIET_MS ? LOG_DEBUG : LOG_WARN;
}

struct db *process_db(const char *part)
{
    char application[96];
    if (!process.service->database)
        return NULL;
    snprintf(application, sizeof application, "%s %s", process.service->name, part);
    return db_open(process.database_url, application);
}

/* -- settings */

static void note_alias(const char *name, const char *alias)
{
    log_line(LOG_INFO, "setting by another name", "name", name, "alias", alias, NULL);
}

static void note_ignored(void)
{
    for (const char *const *name = ignored_settings; *name; name++)
        if (!text_empty(getenv(*name)))
            log_line(LOG_INFO, "setting ignored", "name", *name, NULL);
}

static enum status read_settings(const struct service *service, struct error *error)
{
    TRY(setting_read(common_settings, note_alias, error));
    if (service->database)
        TRY(setting_read(database_settings, note_alias, error));
    if (service->settings)
        TRY(setting_read(service->settings, note_alias, error));
    if (service->own_settings)
        TRY(setting_read(service->own_settings, note_alias, error));
    process.database_url = database_url;
    process.replicas = nats_replicas;
    return log_level_set(log_level, error);
}

static int help(const struct service *service)
{
    printf("%s: %s\n\nSettings (environment; NAME_FILE names a file that holds the value):\n", service->name,
           text_or(service->help, ""));
    if (service->settings)
        setting_help(stdout, service->settings);
    if (service->own_settings)
        setting_help(stdout, service->own_settings);
    if (service->database)
        setting_help(stdout, database_settings);
    setting_help(stdout, common_settings);
    return 0;
}

/* For nats-server's configuration; the same from every service. */
static int permissions(void)
{
    struct buffer out = { .arena = arena_new(0) };
    topology_permissions(&out);
    fputs(buffer_text(&out), stdout);
    arena_free(out.arena);
    return 0;
}

/* For the health check of a container: asks the service that runs beside it. */
static int probe_beside(const struct service *service)
{
    struct error error = { 0 };
    if (setting_read(common_settings, NULL, &error) == OK && admin_port_wanted == 0)
        error_set(&error, REJECT, "--probe needs ADMIN_PORT: at 0 the port is any free one");
    if (!text_empty(error.text)) {
        fprintf(stderr, "%s: %s\n", service->name, error.text);
        return 2;
    }
    return probe_run(admin_port_wanted);
}

/* -- start */

static sigset_t signals;

static void block_signals(void)
{
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* True: it is time to end. */
static bool pause_ms(int64_t ms)
{
    const struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    return sigtimedwait(&signals, NULL, &wait) > 0;
}

static void name_worker(void)
{
    uint32_t random;
    ident_random(&random, sizeof random);
    snprintf(process.worker_id, sizeof process.worker_id, "%s-%08x", process.service->name, random);
    process.started_at = moment_now();
    metric_set(&measure_started, NULL, process.started_at * 1000);
}

static enum status open_connections(struct error *error)
{
    const struct bus_options bus = { .url = nats_url, .name = process.service->name };
    TRY(bus_open(&bus, &process.bus, error));
    if (process.service->http) {
        const struct http_options http = { .user_agent = "parley" };
        process.http = http_open(&http);
    }
    TRY(micro_open(error));
    return admin_open(admin_listen, admin_port_wanted, error);
}

enum status service_connect(struct error *error)
{
    const struct bus_options bus = { .url = nats_url, .name = process.service->name };
    TRY(bus_open(&bus, &process.bus, error));
    for (int i = 0; i < 100 && !bus_connected(process.bus); i++)
        usleep(50 * 1000);
    return bus_connected(process.bus)
               ? OK
               : error_code(error, RETRY, "bus_away", "the message bus at NATS_URL does not answer");
}

void service_disconnect(void)
{
    bus_close(process.bus);
    process.bus = NULL;
}

/* One try at all that has to be there before the routes run. */
static enum status prepare(struct batch *batch, bool *migrated, struct error *error)
{
    const struct service *service = process.service;
    if (batch->db)
        TRY(db_ready(batch->db, error));
    if (batch->db && !*migrated && service->migration_count > 0)
        TRY(db_migrate(batch->db, service->schema, service->migrations, service->migration_count, error));
    *migrated = true;
    if (!bus_connected(process.bus))
        return error_code(error, RETRY, "bus_away", "the message bus is not connected");
    if (!keeper_well())
        return error_code(error, RETRY, "topology", "streams or consumers are missing");
    arena_reset(batch->arena);
    batch->now = moment_now();
    return service->open ? service->open(batch, error) : OK;
}

/* Tries until all is there. RETRY: told to end meanwhile. */
static enum status prepare_all(struct error *error)
{
    struct batch batch = { .arena = arena_new(0), .db = process_db("start") };
    int64_t backoff_ms = 0;
    bool migrated = false;
    char said[ERROR_BYTES_MAX] = "";
    enum status status;
    while ((status = prepare(&batch, &migrated, error)) == RETRY) {
        enum log_level level = process_waiting_level();
        if (!text_same(said, error->text))
            log_line(level, "not ready yet", "code", error->code, "error", error->text, NULL);
        if (level == LOG_WARN)
            snprintf(said, sizeof said, "%s", error->text);
        int64_t wait_ms = backoff_next(&backoff_ms);
        if (pause_ms(keeper_well() ? wait_ms : wait_ms < 250 ? wait_ms : 250))
            break;
        *error = (struct error){ 0 };
    }
    db_close(batch.db);
    arena_free(batch.arena);
    return status;
}

static void say_ready(void)
{
    char port[16];
    snprintf(port, sizeof port, "%d", admin_port());
    log_line(LOG_INFO, "ready", "worker", process.worker_id, "admin_port", port, "environment", environment, "version",
             PARLEY_VERSION, NULL);
}

/* -- the way down: threads first, then what they stand on */

static void stop_threads(void)
{
    process.draining = true;
    pulse_changed();
    workers_join();
    duties_stop();
    pulse_stop();
    if (process.service->close)
        process.service->close();
}

static void close_connections(void)
{
    admin_close();
    keeper_stop();
    http_close(process.http);
    bus_listen_stop(process.bus);
    workers_close();
    duties_close();
    session_close();
    bus_close(process.bus);
    micro_close();
}

static int serve(void)
{
    struct error error = { 0 };
    enum status status = prepare_all(&error);
    if (status == OK) {
        pulse_open();
        session_open();
        workers_start();
        duties_start();
        pulse_start();
        process.started = true;
        say_ready();
        int signal_number;
        sigwait(&signals, &signal_number);
        log_line(LOG_INFO, "draining", NULL);
        stop_threads();
    }
    process.draining = true;
    close_connections();
    if (status == REJECT)
        log_line(LOG_ERROR, "can't start", "error", error.text, NULL);
    else
        log_line(LOG_INFO, "ended", NULL);
    return status == REJECT ? 1 : 0;
}

static int refuse(const struct service *service, const struct error *error)
{
    fprintf(stderr, "%s: %s\n", service->name, error->text);
    return 1;
}

/* libc gives nearly each thread a heap of its own, and each keeps what it once held: 10 MB more in ai-engage with 4,096
 * calls in flight, for no speed that could be measured. */
enum { HEAPS_MAX = 2 };

int service_main(int argc, char **argv, const struct service *service)
{
    struct error error = { 0 };
    process.service = service;
    mallopt(M_ARENA_MAX, HEAPS_MAX);
    if (argc == 2 && text_same(argv[1], "--help"))
        return help(service);
    if (argc == 2 && text_same(argv[1], "--version"))
        return printf("%s %s\n", service->name, PARLEY_VERSION) < 0;
    if (argc == 2 && text_same(argv[1], "--nats-permissions"))
        return permissions();
    if (argc == 2 && text_same(argv[1], "--probe"))
        return probe_beside(service);
    block_signals();
    log_open(service->name);
    if (read_settings(service, &error) != OK)
        return refuse(service, &error);
    if (argc > 1) {
        if (service->command)
            return service->command(argc, argv);
        error_set(&error, REJECT, "no such option: %s; --help shows the settings", argv[1]);
        return refuse(service, &error);
    }
    if (service->check && service->check(&error) != OK)
        return refuse(service, &error);
    note_ignored();
    name_worker();
    if (open_connections(&error) != OK)
        return refuse(service, &error);
    keeper_start();
    return serve();
}
