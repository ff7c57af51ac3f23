#include "enqueue.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "counts.h"
#include "lane.h"
#include "wire/pbjson.h"

/*
 * Rows are written in the order of their keys, so that two schedulers with the same keys never wait for each other in a
 * circle. A job of the same millisecond takes its place by its order in the batch. An id that stands twice in the batch
 * is one job.
 */
static const struct statement add_sql = {
    "enqueue_add",
    "WITH spec AS MATERIALIZED ("
    "  SELECT DISTINCT ON (id) * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::json[], $5::smallint[], $6::smallint[], $7::text[],"
    "   $8::text[], $9::text[], $10::timestamptz[], $11::bigint[], $12::bigint[], $13::text[]) WITH ORDINALITY"
    "   AS s (id, company_id, task, params, priority, attempts_max, key, correlation_id, traceparent, run_at, lane_1, lane_2, skipped, n)"
    "  ORDER BY id, n),"
    " added AS ("
    "  INSERT INTO jobs.jobs (id, company_id, task_name, task_params, priority, attempts_max, idempotency_key, correlation_id,"
    "   traceparent, created_at, finished_at, attempts, result)"
    "  SELECT id, company_id, task, params, priority, attempts_max, key, correlation_id, traceparent, $14::timestamptz,"
    "   CASE WHEN skipped IS NOT NULL THEN $14 END, CASE WHEN skipped IS NOT NULL THEN 0 END,"
    "   CASE WHEN skipped IS NOT NULL THEN json_build_object('outcome', 'skipped', 'reason', skipped) END"
    "  FROM spec ORDER BY company_id, key, id"
    "  ON CONFLICT DO NOTHING RETURNING id),"
    " waits AS ("
    "  INSERT INTO jobs.unfinished (id, company_id, task, priority, status, stage, run_at, place_at, lane_1, lane_2, attempts_max,"
    "   created_at, updated_at)"
    "  SELECT id, company_id, task, priority, 'queued',"
    "   CASE WHEN run_at > $14 THEN 0 WHEN lane_1 IS NOT NULL THEN 1 ELSE 3 END, run_at, run_at + n * interval '1 microsecond',"
    "   lane_1, lane_2, attempts_max, $14, $14"
    "  FROM spec WHERE skipped IS NULL AND id IN (SELECT id FROM added)),"
    " delta AS ("
    "  SELECT company_id, task, (skipped IS NULL)::int AS queued, 0 AS processing, (skipped IS NOT NULL)::int AS completed, 0 AS failed,"
    "   0 AS dlq, 1 AS total FROM spec WHERE id IN (SELECT id FROM added))," COUNT_DELTA
    " SELECT n FROM spec WHERE id IN (SELECT id FROM added)",
};

static const struct statement known_sql = {
    "enqueue_known",
    "SELECT s.n, j.id, CASE WHEN j.finished_at IS NOT NULL THEN 'completed' ELSE coalesce(u.status, 'completed') END"
    " FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS s (id, company_id, key, n)"
    " CROSS JOIN LATERAL ("
    "   (SELECT j.id, j.finished_at, 0 AS rank FROM jobs.jobs AS j WHERE j.company_id = s.company_id AND j.idempotency_key = s.key LIMIT 1)"
    "   UNION ALL"
    "   (SELECT j.id, j.finished_at, 1 FROM jobs.jobs AS j WHERE j.id = s.id AND j.company_id = s.company_id LIMIT 1)"
    "   ORDER BY rank LIMIT 1) AS j"
    " LEFT JOIN LATERAL (SELECT status FROM jobs.unfinished AS u WHERE u.id = j.id LIMIT 1) AS u ON true",
};

/* The columns of add_sql. */
struct columns {
    const char **ids, **companies, **tasks, **params, **keys, **correlations, **traces, **skipped, **lanes[LANES_MAX];
    int64_t *priorities, *attempts_max;
    moment *run_ats;
};

static const char **texts_new(struct arena *arena, size_t count)
{
    return ARENA_ARRAY(arena, const char *, count);
}

static void columns_new(struct arena *arena, struct columns *columns, size_t count)
{
    columns->ids = texts_new(arena, count);
    columns->companies = texts_new(arena, count);
    columns->tasks = texts_new(arena, count);
    columns->params = texts_new(arena, count);
    columns->keys = texts_new(arena, count);
    columns->correlations = texts_new(arena, count);
    columns->traces = texts_new(arena, count);
    columns->skipped = texts_new(arena, count);
    for (size_t k = 0; k < LANES_MAX; k++)
        columns->lanes[k] = texts_new(arena, count);
    columns->priorities = ARENA_ARRAY(arena, int64_t, count);
    columns->attempts_max = ARENA_ARRAY(arena, int64_t, count);
    columns->run_ats = ARENA_ARRAY(arena, moment, count);
}

static void columns_set(struct arena *arena, struct columns *columns, size_t i, const struct spec *spec)
{
    columns->ids[i] = spec->id;
    columns->companies[i] = spec->company_id;
    columns->tasks[i] = spec->task->name;
    columns->params[i] = spec->params;
    columns->keys[i] = spec->key;
    columns->correlations[i] = spec->correlation_id;
    columns->traces[i] = spec->traceparent;
    columns->skipped[i] = spec->skipped;
    for (size_t k = 0; k < spec->lane_count; k++)
        columns->lanes[k][i] = text_format(arena, "%lld", (long long)spec->lanes[k].id);
    columns->priorities[i] = spec->priority;
    columns->attempts_max[i] = spec->attempts_max;
    columns->run_ats[i] = spec->run_at;
}

static struct params *add_params(struct change *change, const struct columns *columns, size_t count)
{
    struct params *params = params_new(change->arena);
    params_texts(params, columns->ids, count);
    params_texts(params, columns->companies, count);
    params_texts(params, columns->tasks, count);
    params_texts(params, columns->params, count);
    params_ints(params, columns->priorities, count);
    params_ints(params, columns->attempts_max, count);
    params_texts(params, columns->keys, count);
    params_texts(params, columns->correlations, count);
    params_texts(params, columns->traces, count);
    params_moments(params, columns->run_ats, count);
    params_texts(params, columns->lanes[0], count);
    params_texts(params, columns->lanes[1], count);
    params_texts(params, columns->skipped, count);
    params_moment(params, change->now);
    return params;
}

/* A new job makes its lanes and its task, or the clock, something to look at. It may be there already, or not get
 * through its lanes: then the look is in vain. */
static void touch_new(struct change *change, const struct spec *spec)
{
    if (spec->skipped)
        return;
    if (spec->run_at > change->now)
        change_wake(change, spec->run_at);
    else
        change_touch_task(change, spec->task->name, 1);
    for (size_t k = 0; spec->run_at <= change->now && k < spec->lane_count; k++)
        change_touch_lane(change, spec->lanes[k].id);
}

static struct params *add_params_of(struct change *change, struct spec *const *specs, size_t count)
{
    struct columns columns;
    columns_new(change->arena, &columns, count);
    for (size_t i = 0; i < count; i++)
        columns_set(change->arena, &columns, i, specs[i]);
    return add_params(change, &columns, count);
}

static void take_added(struct spec *const *specs, const struct rows *rows, struct added *added)
{
    for (size_t i = 0; i < rows->count; i++) {
        size_t n = (size_t)rows_int(rows, i, 0) - 1;
        added[n].job_id = specs[n]->id;
        added[n].status = specs[n]->skipped ? PB__JOB_STATUS__JOB_STATUS_COMPLETED : PB__JOB_STATUS__JOB_STATUS_QUEUED;
    }
}

static Pb__JobStatus status_from(const char *word)
{
    int status = 0;
    pbjson_enum_value(&pb__job_status__descriptor, word, &status);
    return (Pb__JobStatus)status;
}

static enum status find_known(struct change *change, struct spec *const *specs, size_t count, struct added *added,
                              struct error *error)
{
    struct columns columns;
    columns_new(change->arena, &columns, count);
    size_t *places = ARENA_ARRAY(change->arena, size_t, count), missing = 0;
    for (size_t i = 0; i < count; i++) {
        if (added[i].job_id)
            continue;
        added[i].conflict = true;
        columns_set(change->arena, &columns, missing, specs[i]);
        places[missing++] = i;
    }
    struct rows rows;
    struct params *params = params_new(change->arena);
    params_texts(params, columns.ids, missing);
    params_texts(params, columns.companies, missing);
    params_texts(params, columns.keys, missing);
    TRY(db_run(change->db, change->arena, &known_sql, params, &rows, error));
    for (size_t i = 0; i < rows.count; i++)
        added[places[rows_int(&rows, i, 0) - 1]] = (struct added){ .job_id = rows_text(&rows, i, 1),
                                                                   .status = status_from(rows_text(&rows, i, 2)),
                                                                   .existing = true };
    return OK;
}

void enqueue_specs(struct change *change, struct spec *const *specs, size_t count, struct rows *rows)
{
    if (count == 0)
        return;
    lanes_limit(change, specs, count);
    db_queue(change->db, change->arena, &add_sql, add_params_of(change, specs, count), rows);
    for (size_t i = 0; i < count; i++)
        touch_new(change, specs[i]);
}

enum status enqueue_added(struct change *change, struct spec *const *specs, size_t count, const struct rows *rows,
                          struct added *added, struct error *error)
{
    take_added(specs, rows, added);
    return rows->count < count ? find_known(change, specs, count, added, error) : OK;
}

/* -- jobs.enqueue */

/* The items of a batch whose spec is good, side by side with it. */
struct wanted {
    struct item **items;
    struct spec **specs;
    struct added *added;
    size_t count;
    bool laned; /* one of them names a lane */
};

static void wanted_from(struct batch *batch, struct wanted *wanted)
{
    *wanted = (struct wanted){ .items = ARENA_ARRAY(batch->arena, struct item *, batch->count),
                               .specs = ARENA_ARRAY(batch->arena, struct spec *, batch->count),
                               .added = ARENA_ARRAY(batch->arena, struct added, batch->count) };
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        struct spec *spec = ARENA_NEW(batch->arena, struct spec);
        item->status = spec_from(batch->arena, item->message, &item->caller, batch->now, spec, &item->error);
        if (item->status != OK)
            continue;
        wanted->laned = wanted->laned || spec->lane_count;
        wanted->items[wanted->count] = item;
        wanted->specs[wanted->count++] = spec;
    }
}

static void answer(const struct change *change, struct item *item, const struct added *added)
{
    if (added->conflict) {
        item_fail(item, REJECT, "conflict", "the id belongs to another job");
        return;
    }
    Pb__JobEnqueued *reply = PB_NEW(item->arena, job_enqueued);
    reply->job_id = arena_text(item->arena, added->job_id);
    bool left = change_took(change, added->job_id);
    PB_SET(reply, status, left ? PB__JOB_STATUS__JOB_STATUS_PROCESSING : added->status);
    PB_SET(reply, existing, added->existing);
    item->reply = &reply->base;
}

static void lock_lanes_of(struct change *change, struct spec *const *specs, size_t count)
{
    int64_t *lanes = ARENA_ARRAY(change->arena, int64_t, count * LANES_MAX);
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < specs[i]->lane_count; k++)
            lanes[found++] = specs[i]->lanes[k].id;
    lanes_lock(change, lanes, found);
}

static enum status write_in_steps(struct change *change, struct spec *const *specs, size_t count, struct added *added,
                                  struct error *error)
{
    struct rows rows;
    TRY(lanes_name(change, specs, count, error));
    lock_lanes_of(change, specs, count);
    enqueue_specs(change, specs, count, &rows);
    TRY(change_follow(change, error));
    return enqueue_added(change, specs, count, &rows, added, error);
}

/* With lanes: locks first, then row by row. */
static enum status write_laned(struct change *change, struct batch *batch, struct wanted *wanted, size_t from,
                               size_t count, struct error *error)
{
    TRY(change_begin(batch, change, error));
    enum status status = write_in_steps(change, wanted->specs + from, count, wanted->added + from, error);
    if (status == OK)
        return change_commit(change, error);
    change_undo(change);
    return status;
}

/* Without: written and dispatched in one round trip. Known keys are looked up after it. */
static enum status write_plain(struct change *change, struct batch *batch, struct wanted *wanted, size_t from,
                               size_t count, struct error *error)
{
    change_start(batch, change);
    const struct db_step *add = change_step(change, &add_sql, add_params_of(change, wanted->specs + from, count));
    for (size_t i = from; i < from + count; i++)
        touch_new(change, wanted->specs[i]);
    TRY(change_commit(change, error));
    return enqueue_added(change, wanted->specs + from, count, &add->rows, wanted->added + from, error);
}

static enum status write_wanted(struct batch *batch, struct wanted *wanted, size_t from, size_t count,
                                struct error *error)
{
    struct change change;
    TRY(wanted->laned ? write_laned(&change, batch, wanted, from, count, error)
                      : write_plain(&change, batch, wanted, from, count, error));
    for (size_t i = from; i < from + count; i++)
        answer(&change, wanted->items[i], &wanted->added[i]);
    return OK;
}

/* What spec_from lets pass and the database refuses is found by halves, so that it fails alone. */
static void write_by_halves(struct batch *batch, struct wanted *wanted, size_t from, size_t count)
{
    struct error error = { 0 };
    enum status status = write_wanted(batch, wanted, from, count, &error);
    if (status == REJECT && count > 1) {
        memset(wanted->added + from, 0, count * sizeof *wanted->added);
        write_by_halves(batch, wanted, from, count / 2);
        write_by_halves(batch, wanted, from + count / 2, count - count / 2);
    } else if (status != OK) {
        for (size_t i = from; i < from + count; i++)
            item_fail(wanted->items[i], status, error.code, "%s", error.text);
    }
}

void enqueue_handle(struct batch *batch)
{
    struct wanted wanted;
    wanted_from(batch, &wanted);
    if (wanted.count > 0)
        write_by_halves(batch, &wanted, 0, wanted.count);
}
