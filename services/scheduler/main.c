/*
 * scheduler - says when: the only door to jobs.
 *
 *   takes   jobs.enqueue             new jobs, once per key
 *           jobs.finish              what runs came to: done, retry, dead letter, not yet
 *           jobs.get .list .stats    reading
 *           jobs.replay              dead jobs run again
 *   hears   jobs.capacity.>          how many jobs workers can hold
 *   emits   work.<task>              one dispatch of one job
 *           events.<company>.job.*   dead_lettered, replayed
 */
#include "due.h"
#include "enqueue.h"
#include "finish.h"
#include "query.h"
#include "replay.h"
#include "service/migrations.h"
#include "service/service.h"
#include "service/task.h"
#include "settings.h"
#include "work.h"

static const struct route routes[] = {
    { .takes = &JOBS_ENQUEUE, .handle = enqueue_handle },
    { .takes = &JOBS_FINISH, .handle = finish_handle },
    { .takes = &JOBS_GET, .handle = query_get },
    { .takes = &JOBS_LIST, .handle = query_list },
    { .takes = &JOBS_STATS, .handle = query_stats },
    { .takes = &JOBS_REPLAY, .handle = replay_handle },
    { 0 },
};

static const struct statement tasks_sql = {
    "open_tasks",
    "INSERT INTO jobs.tasks (name) SELECT * FROM unnest($1::text[]) AS t (name) ORDER BY name ON CONFLICT DO NOTHING",
};

/* A row per task, and whatever a scheduler that died may not have published. */
static enum status open(struct batch *batch, struct error *error)
{
    TRY(ladder_from(scheduler_settings.ladder_text, &scheduler_settings.ladder, error));
    size_t count = 0;
    while (TASKS[count].name)
        count++;
    const char **names = ARENA_ARRAY(batch->arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        names[i] = TASKS[i].name;
    struct params *params = params_new(batch->arena);
    params_texts(params, names, count);
    TRY(db_run(batch->db, batch->arena, &tasks_sql, params, NULL, error));
    work_owe(batch->now - WORK_YOUNG_MS);
    return OK;
}

int main(int argc, char **argv)
{
    const struct service scheduler = {
        .name = "scheduler",
        .help = "says when: the only door to jobs",
        .settings = SCHEDULER_SETTINGS,
        .routes = routes,
        .duties = SCHEDULER_DUTIES,
        .database = true,
        .schema = "jobs",
        .migrations = MIGRATIONS,
        .migration_count = MIGRATION_COUNT,
        .open = open,
    };
    return service_main(argc, argv, &scheduler);
}
