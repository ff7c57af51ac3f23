#include "query.h"

#include <string.h>

#include "base/cursor.h"
#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/pbjson.h"
#include "wire/pbrow.h"

/* A Job's columns, from j (jobs.jobs) and what it is, u (jobs.unfinished) or c (jobs.completed). */
#define JOB_COLUMNS                                                                                                                         \
    "j.id, j.company_id, j.task_name, j.task_params, j.priority,"                                                                           \
    " coalesce(u.status, 'completed') AS status, coalesce(u.attempts, c.attempts) AS attempts,"                                             \
    " j.attempts_max, j.idempotency_key, u.error AS error_message, c.result, j.correlation_id, coalesce(u.run_at, j.created_at) AS run_at," \
    " j.created_at, coalesce(u.updated_at, c.finished_at, j.created_at) AS updated_at"
#define STATE_OF_J                                                                                                     \
    " LEFT JOIN LATERAL (SELECT * FROM jobs.unfinished AS u WHERE u.id = j.id LIMIT 1) AS u ON true"                   \
    " LEFT JOIN LATERAL (SELECT * FROM jobs.completed AS c WHERE c.job_id = j.id LIMIT 1) AS c ON true"

static void fail_all(struct batch *batch, enum status status, const struct error *error)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i]->status == OK)
            item_fail(batch->items[i], status, error->code, "%s", error->text);
}

/* -- jobs.get */

static const struct statement get_sql = {
    "query_get",
    "SELECT w.n, " JOB_COLUMNS " FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS w (id, company_id, n)"
    " CROSS JOIN LATERAL (SELECT * FROM jobs.jobs AS j WHERE j.id = w.id AND j.company_id = w.company_id LIMIT 1) AS j" STATE_OF_J,
};

static const struct statement attempts_sql = {
    "query_attempts",
    "SELECT w.n, a.* FROM unnest($1::uuid[]) WITH ORDINALITY AS w (id, n) CROSS JOIN LATERAL ("
    "  SELECT attempt, dispatch, started_at, finished_at, outcome, error, code FROM jobs.runs AS r WHERE r.job_id = w.id"
    "  ORDER BY dispatch DESC LIMIT 50) AS a ORDER BY w.n, a.dispatch",
};

struct wanted {
    const char **ids, **companies;
    struct item **items;
    Pb__Job **jobs;
    size_t count;
};

static void wanted_from(struct batch *batch, struct wanted *wanted)
{
    *wanted = (struct wanted){ .ids = ARENA_ARRAY(batch->arena, const char *, batch->count),
                               .companies = ARENA_ARRAY(batch->arena, const char *, batch->count),
                               .items = ARENA_ARRAY(batch->arena, struct item *, batch->count),
                               .jobs = ARENA_ARRAY(batch->arena, Pb__Job *, batch->count) };
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        const Pb__JobGetRequest *request = item->message;
        if (!ident_valid(text_or(request->id, "")) || !ident_valid(item->caller.company_id)) {
            item_fail(item, REJECT, "bad_value", "id or company_id is no UUID");
            continue;
        }
        wanted->ids[wanted->count] = request->id;
        wanted->companies[wanted->count] = item->caller.company_id;
        wanted->items[wanted->count++] = item;
    }
}

static enum status read_jobs(struct batch *batch, struct wanted *wanted, struct error *error)
{
    struct rows rows;
    struct params *params = params_new(batch->arena);
    params_texts(params, wanted->ids, wanted->count);
    params_texts(params, wanted->companies, wanted->count);
    TRY(db_run(batch->db, batch->arena, &get_sql, params, &rows, error));
    for (size_t i = 0; i < rows.count; i++)
        wanted->jobs[rows_int(&rows, i, 0) - 1] = pbrow_read(batch->arena, &pb__job__descriptor, &rows, i);
    return OK;
}

static enum status read_attempts(struct batch *batch, struct wanted *wanted, struct error *error)
{
    struct rows rows;
    void **attempts;
    struct params *params = params_new(batch->arena);
    params_texts(params, wanted->ids, wanted->count);
    TRY(db_run(batch->db, batch->arena, &attempts_sql, params, &rows, error));
    pbrow_read_all(batch->arena, &pb__job_attempt__descriptor, &rows, &attempts);
    for (size_t i = 0; i < rows.count; i++) {
        Pb__Job *job = wanted->jobs[rows_int(&rows, i, 0) - 1];
        if (!job)
            continue;
        if (job->n_attempt_log == 0)
            job->attempt_log = (Pb__JobAttempt **)(attempts + i); /* rows of one job are neighbours */
        job->n_attempt_log++;
    }
    return OK;
}

void query_get(struct batch *batch)
{
    struct wanted wanted;
    struct error error = { 0 };
    wanted_from(batch, &wanted);
    if (wanted.count == 0)
        return;
    enum status status = read_jobs(batch, &wanted, &error);
    if (status == OK)
        status = read_attempts(batch, &wanted, &error);
    if (status != OK) {
        fail_all(batch, status, &error);
        return;
    }
    for (size_t i = 0; i < wanted.count; i++) {
        if (wanted.jobs[i])
            wanted.items[i]->reply = &wanted.jobs[i]->base;
        else
            item_fail(wanted.items[i], REJECT, "unknown_job", "there is no such job");
    }
}

/* -- jobs.list: newest first, per task along an index, then the newest of all tasks */

#define PAGE_OF(alias)                                                                                                 \
    alias ".created_at, " alias ".id) < ($4::timestamptz, $5::uuid) ORDER BY " alias ".created_at DESC, " alias        \
          ".id DESC LIMIT $6::bigint"

static const struct statement list_sql = {
    "query_list",
    "SELECT " JOB_COLUMNS " FROM ("
    "  SELECT j.* FROM (SELECT name FROM jobs.tasks WHERE $2::text IS NULL OR name = $2) AS t CROSS JOIN LATERAL ("
    "   SELECT * FROM jobs.jobs AS j WHERE j.company_id = $1::uuid AND j.task_name = t.name"
    "    AND ($3::text IS NULL OR (SELECT true FROM jobs.completed AS c WHERE c.job_id = j.id)) AND (" PAGE_OF(
        "j") ") AS j"
             "  ORDER BY j.created_at DESC, j.id DESC LIMIT $6) AS j" STATE_OF_J
             " ORDER BY j.created_at DESC, j.id DESC",
};

static const struct statement list_waiting_sql = {
    "query_list_waiting",
    "SELECT " JOB_COLUMNS " FROM ("
    "  SELECT u.id FROM (SELECT name FROM jobs.tasks WHERE $2::text IS NULL OR name = $2) AS t CROSS JOIN LATERAL ("
    "   SELECT id, created_at FROM jobs.waiting AS u WHERE u.company_id = $1::uuid AND u.status = $3 AND u.task = t.name"
    "    AND (" PAGE_OF(
        "u") ") AS u ORDER BY u.created_at DESC, u.id DESC LIMIT $6) AS w"
             " CROSS JOIN LATERAL (SELECT * FROM jobs.jobs AS j WHERE j.id = w.id LIMIT 1) AS j" STATE_OF_J
             " ORDER BY j.created_at DESC, j.id DESC",
};

/* As many as workers can hold: few enough to be sorted. */
static const struct statement list_processing_sql = {
    "query_list_processing",
    "SELECT " JOB_COLUMNS " FROM ("
    "  SELECT u.id FROM (SELECT name FROM jobs.tasks WHERE $2::text IS NULL OR name = $2) AS t CROSS JOIN LATERAL ("
    "   SELECT id, created_at FROM jobs.processing AS u WHERE u.task = t.name AND u.company_id = $1::uuid AND $3 = 'processing'"
    "    AND (" PAGE_OF(
        "u") ") AS u ORDER BY u.created_at DESC, u.id DESC LIMIT $6) AS w"
             " CROSS JOIN LATERAL (SELECT * FROM jobs.jobs AS j WHERE j.id = w.id LIMIT 1) AS j" STATE_OF_J
             " ORDER BY j.created_at DESC, j.id DESC",
};

static const struct statement *list_statement(Pb__JobStatus status)
{
    switch (status) {
    case PB__JOB_STATUS__JOB_STATUS_QUEUED:
    case PB__JOB_STATUS__JOB_STATUS_FAILED:
    case PB__JOB_STATUS__JOB_STATUS_DLQ:
        return &list_waiting_sql;
    case PB__JOB_STATUS__JOB_STATUS_PROCESSING:
        return &list_processing_sql;
    default:
        return &list_sql;
    }
}

static int64_t list_limit(const Pb__JobListRequest *request)
{
    if (!request->has_limit)
        return PAGE_ITEMS;
    return request->limit < 1 ? 1 : request->limit > PAGE_ITEMS_MAX ? PAGE_ITEMS_MAX : request->limit;
}

/* A page ends at its limit or at BATCH_BYTES_MAX of params and results. */
static size_t page_fits(Pb__Job *const *jobs, size_t count)
{
    size_t bytes = 0, fits = 0;
    for (; fits < count; fits++) {
        bytes +=
            strlen(pb_json_text(jobs[fits]->task_params)) + strlen(pb_json_text(jobs[fits]->result)) + KEY_BYTES_MAX;
        if (fits > 0 && bytes > BATCH_BYTES_MAX)
            break;
    }
    return fits;
}

/* Past every time and id there is: year 9999. */
static const struct cursor NEWEST = { .at = INT64_C(253370764800000), .id = "ffffffff-ffff-ffff-ffff-ffffffffffff" };

static enum status list_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__JobListRequest *request = item->message;
    struct cursor cursor;
    TRY(cursor_read(batch->arena, request->cursor, &cursor, error));
    if (!cursor.id)
        cursor = NEWEST;
    if (!ident_valid(item->caller.company_id))
        return error_code(error, REJECT, "bad_value", "company_id is no UUID");
    int64_t limit = list_limit(request);
    struct rows rows;
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    params_text_if(params, request->task);
    params_text(params,
                request->has_status ? pbjson_enum_word(&pb__job_status__descriptor, (int)request->status) : NULL);
    params_moment(params, cursor.at);
    params_text(params, cursor.id);
    params_int(params, limit + 1);
    TRY(db_run(batch->db, batch->arena, list_statement(request->has_status ? request->status : 0), params, &rows,
               error));
    void **jobs;
    size_t found = pbrow_read_all(batch->arena, &pb__job__descriptor, &rows, &jobs);
    Pb__JobList *reply = PB_NEW(item->arena, job_list);
    reply->items = (Pb__Job **)jobs;
    reply->n_items = page_fits(reply->items, found > (size_t)limit ? (size_t)limit : found);
    if (reply->n_items < found) {
        const Pb__Job *last = reply->items[reply->n_items - 1];
        reply->next_cursor = cursor_text(item->arena, &(struct cursor){ .at = last->created_at, .id = last->id });
    }
    item->reply = &reply->base;
    return OK;
}

void query_list(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        batch->items[i]->status = list_one(batch, batch->items[i], &batch->items[i]->error);
}

/* -- jobs.stats */

static const struct statement stats_sql = {
    "query_stats",
    "SELECT company_id, task, sum(queued) AS queued, sum(processing) AS processing, sum(completed) AS completed, sum(failed) AS failed,"
    "  sum(dlq) AS dlq, sum(total) AS total FROM jobs.counts WHERE $1::uuid IS NULL OR company_id = $1"
    " GROUP BY company_id, task ORDER BY company_id, task",
};

static void counts_add(Pb__JobCounts *sum, const Pb__JobCounts *part)
{
    PB_SET(sum, queued, sum->queued + part->queued);
    PB_SET(sum, processing, sum->processing + part->processing);
    PB_SET(sum, completed, sum->completed + part->completed);
    PB_SET(sum, failed, sum->failed + part->failed);
    PB_SET(sum, dlq, sum->dlq + part->dlq);
    PB_SET(sum, total, sum->total + part->total);
}

/* The entry of that name, made when there is none yet. */
static Pb__JobCounts *counts_find(struct arena *arena, Pb__JobCounts **list, size_t *count, const char *company_id,
                                  const char *task)
{
    for (size_t i = 0; i < *count; i++)
        if (text_same(list[i]->company_id, company_id) && text_same(list[i]->task, task))
            return list[i];
    Pb__JobCounts *counts = PB_NEW(arena, job_counts);
    counts->company_id = (char *)company_id;
    counts->task = (char *)task;
    return list[(*count)++] = counts;
}

static void stats_set(Pb__JobStats *stats, const Pb__JobCounts *sum)
{
    PB_SET(stats, queued, sum->queued);
    PB_SET(stats, processing, sum->processing);
    PB_SET(stats, completed, sum->completed);
    PB_SET(stats, failed, sum->failed);
    PB_SET(stats, dlq, sum->dlq);
    PB_SET(stats, total, sum->total);
}

static Pb__JobStats *stats_from(struct arena *arena, const struct rows *rows, bool companies)
{
    Pb__JobStats *stats = PB_NEW(arena, job_stats);
    Pb__JobCounts *sum = PB_NEW(arena, job_counts), *company = NULL;
    stats->by_task = ARENA_ARRAY(arena, Pb__JobCounts *, rows->count);
    stats->by_company = ARENA_ARRAY(arena, Pb__JobCounts *, rows->count);
    for (size_t i = 0; i < rows->count; i++) {
        Pb__JobCounts *part = pbrow_read(arena, &pb__job_counts__descriptor, rows, i);
        counts_add(sum, part);
        counts_add(counts_find(arena, stats->by_task, &stats->n_by_task, NULL, part->task), part);
        if (!companies)
            continue;
        if (!company || !text_same(company->company_id, part->company_id)) {
            company = PB_NEW(arena, job_counts);
            company->company_id = part->company_id;
            stats->by_company[stats->n_by_company++] = company;
        }
        counts_add(company, part);
    }
    stats_set(stats, sum);
    return stats;
}

static enum status stats_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__JobStatsRequest *request = item->message;
    if (!request->every_company && !ident_valid(item->caller.company_id))
        return error_code(error, REJECT, "bad_value", "company_id is no UUID");
    struct rows rows;
    struct params *params = params_new(batch->arena);
    params_text(params, request->every_company ? NULL : item->caller.company_id);
    TRY(db_run(batch->db, batch->arena, &stats_sql, params, &rows, error));
    item->reply = &stats_from(batch->arena, &rows, request->every_company)->base;
    return OK;
}

void query_stats(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        batch->items[i]->status = stats_one(batch, batch->items[i], &batch->items[i]->error);
}
