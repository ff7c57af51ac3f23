#include "work.h"

#include <stdatomic.h>

#include "base/limits.h"
#include "base/text.h"
#include "due.h"

enum { PAY_BATCH = 256, PAY_AGAIN_MS = 250 };

/* Since when dispatches may be missing in the stream; 0: none is. */
static _Atomic int64_t owed_since;

static struct metric unpublished_total = {
    .name = "parley_dispatch_unpublished_total",
    .help = "Dispatches that the stream did not take at once; they are published again.",
    .kind = METRIC_COUNTER
};

void work_owe(moment since)
{
    int64_t known = atomic_load(&owed_since);
    while ((known == 0 || since < known) && !atomic_compare_exchange_weak(&owed_since, &known, since))
        ;
}

Pb__JobDispatch *work_read(struct arena *arena, const struct rows *rows, size_t row, int column, moment dispatched_at)
{
    Pb__JobDispatch *job = PB_NEW(arena, job_dispatch);
    job->job_id = arena_text(arena, rows_text(rows, row, column));
    PB_SET(job, dispatch, (int32_t)rows_int(rows, row, column + 1));
    job->company_id = arena_text(arena, rows_text(rows, row, column + 2));
    job->task = arena_text(arena, rows_text(rows, row, column + 3));
    job->params = pb_json(arena, rows_text(rows, row, column + 4));
    PB_SET(job, priority, (int32_t)rows_int(rows, row, column + 5));
    PB_SET(job, attempt, (int32_t)rows_int(rows, row, column + 6) + 1);
    PB_SET(job, attempts_max, (int32_t)rows_int(rows, row, column + 7));
    job->correlation_id = arena_text(arena, rows_text(rows, row, column + 8));
    job->traceparent = arena_text(arena, rows_text(rows, row, column + 9));
    PB_SET(job, created_at, rows_moment(rows, row, column + 10));
    PB_SET(job, dispatched_at, dispatched_at);
    if (rows_bool(rows, row, column + 11))
        PB_SET(job, replayed, true);
    return job;
}

static struct bus_publish compose(struct arena *arena, const Pb__JobDispatch *job)
{
    ProtobufCBinaryData data;
    pb_pack(arena, job, &data);
    return (struct bus_publish){
        .subject = topology_work_subject(arena, job->task),
        .data = data.data,
        .bytes = data.len,
        .id = text_format(arena, "%s.%d", job->job_id, job->dispatch),
    };
}

static void owe(moment since, size_t missing)
{
    if (missing == 0)
        return;
    metric_add(&unpublished_total, NULL, (int64_t)missing);
    work_owe(since);
    due_by(moment_now() + PAY_AGAIN_MS);
}

static struct bus_publish *compose_all(struct arena *arena, Pb__JobDispatch *const *jobs, size_t count)
{
    struct bus_publish *messages = ARENA_ARRAY(arena, struct bus_publish, count);
    for (size_t i = 0; i < count; i++)
        messages[i] = compose(arena, jobs[i]);
    return messages;
}

/* All of them were dispatched now. */
void work_publish(struct arena *arena, Pb__JobDispatch *const *jobs, size_t count, moment now)
{
    if (count > 0)
        bus_publish_apart(service_bus(), compose_all(arena, jobs, count), count, BLOCK_WAIT_MS_MAX, owe, now);
}

static void publish_again(struct arena *arena, Pb__JobDispatch *const *jobs, size_t count)
{
    size_t missing = 0;
    moment since = INT64_MAX;
    struct bus_publish *messages = compose_all(arena, jobs, count);
    bus_publish_all(service_bus(), messages, count, BLOCK_WAIT_MS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (messages[i].status != RETRY)
            continue;
        missing++;
        since = jobs[i]->dispatched_at < since ? jobs[i]->dispatched_at : since;
    }
    owe(since, missing);
}

static const struct statement owed_sql = {
    "work_owed",
    "SELECT u.id, u.dispatched_at FROM jobs.tasks AS t CROSS JOIN LATERAL ("
    "  SELECT id, dispatched_at FROM jobs.processing AS u WHERE u.task = t.name AND u.dispatched_at >= $1::timestamptz) AS u"
    " ORDER BY u.dispatched_at, u.id",
};

static const struct statement again_sql = {
    "work_again",
    "SELECT " WORK_COLUMNS ", u.dispatched_at FROM jobs.processing AS u"
    " CROSS JOIN LATERAL (SELECT * FROM jobs.jobs AS j WHERE j.id = u.id LIMIT 1) AS j"
    " WHERE u.id = ANY ($1::uuid[])",
};

static enum status pay_some(struct batch *batch, const struct rows *owed, size_t from, struct error *error)
{
    const char *ids[PAY_BATCH];
    size_t count = 0;
    while (count < PAY_BATCH && from + count < owed->count) {
        ids[count] = rows_text(owed, from + count, 0);
        count++;
    }
    struct rows rows;
    struct params *params = params_new(batch->arena);
    params_texts(params, ids, count);
    TRY(db_run(batch->db, batch->arena, &again_sql, params, &rows, error));
    Pb__JobDispatch **jobs = ARENA_ARRAY(batch->arena, Pb__JobDispatch *, rows.count);
    for (size_t i = 0; i < rows.count; i++)
        jobs[i] = work_read(batch->arena, &rows, i, 0, rows_moment(&rows, i, WORK_COLUMN_COUNT));
    publish_again(batch->arena, jobs, rows.count);
    return OK;
}

/* What fails again owes itself again. */
enum status work_pay(struct batch *batch, struct error *error)
{
    bus_publish_overdue(service_bus());
    moment since = atomic_exchange(&owed_since, 0);
    if (since == 0)
        return OK;
    struct rows owed;
    struct params *params = params_new(batch->arena);
    params_moment(params, since > batch->now - WORK_YOUNG_MS ? since : batch->now - WORK_YOUNG_MS);
    enum status status = db_run(batch->db, batch->arena, &owed_sql, params, &owed, error);
    for (size_t from = 0; status == OK && from < owed.count && atomic_load(&owed_since) == 0; from += PAY_BATCH)
        status = pay_some(batch, &owed, from, error);
    if (status != OK || atomic_load(&owed_since) != 0)
        work_owe(since);
    return status;
}
