#include "finish.h"

#include <stdlib.h>
#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "capacity.h"
#include "close.h"
#include "complete.h"
#include "enqueue.h"
#include "lane.h"
#include "wire/pbjson.h"

enum { RESULT_BYTES_MAX = 64 * 1024, ERROR_TEXT_BYTES_MAX = 1000, CODE_BYTES_MAX = 64, CHILDREN_MAX = 256 };

/* One item of jobs.finish. */
struct report {
    struct item *item;
    const Pb__JobFinish *finish;
    const char *job_id;
    struct spec **children;
    struct run run;
    bool held;       /* its row is locked and this is its current dispatch; or it has completed */
    bool alone;      /* completed, and the first of its batch that names its job */
    bool other_live; /* the job it wants to end in favour of */
    const char *other_id;
};

static enum status check_result(const Pb__JobFinish *finish, struct error *error)
{
    if (!finish->result || text_empty(finish->result->text))
        return OK;
    if (strlen(finish->result->text) > RESULT_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "result is longer than %d bytes", RESULT_BYTES_MAX);
    return json_check_own(finish->result->text, strlen(finish->result->text), error);
}

static enum status check_children(struct batch *batch, struct report *report, struct error *error)
{
    const Pb__JobFinish *finish = report->finish;
    if (finish->n_children > CHILDREN_MAX)
        return error_code(error, REJECT, "bad_value", "more than %d children", CHILDREN_MAX);
    report->children = ARENA_ARRAY(batch->arena, struct spec *, finish->n_children + 1);
    for (size_t i = 0; i < finish->n_children; i++) {
        report->children[i] = ARENA_NEW(batch->arena, struct spec);
        TRY(spec_from(batch->arena, finish->children[i], &report->item->caller, batch->now, report->children[i],
                      error));
    }
    return OK;
}

static enum status report_from(struct batch *batch, struct item *item, struct report *report, struct error *error)
{
    const Pb__JobFinish *finish = item->message;
    *report = (struct report){ .item = item, .finish = finish };
    if (!ident_valid(text_or(finish->job_id, "")) || !finish->has_dispatch)
        return error_code(error, REJECT, "bad_value", "job_id is no UUID, or dispatch is missing");
    if (finish->outcome < PB__JOB_OUTCOME__JOB_OUTCOME_COMPLETED ||
        finish->outcome > PB__JOB_OUTCOME__JOB_OUTCOME_COALESCE)
        return error_code(error, REJECT, "bad_value", "there is no such outcome");
    report->job_id = text_lower(batch->arena, finish->job_id);
    TRY(check_result(finish, error));
    return check_children(batch, report, error);
}

/* Rows in the order of their ids: whoever finishes several waits for others in the same order. */
static const struct statement hold_sql = {
    "finish_hold",
    "SELECT " RUN_COLUMNS
    " FROM jobs.processing AS u WHERE u.id = ANY ($1::uuid[]) ORDER BY u.id FOR NO KEY UPDATE OF u",
};

/* The first report of a job's current dispatch gets its row; the others stay without. */
static void give_row(struct report *reports, size_t count, const struct run *run)
{
    for (size_t i = 0; i < count; i++) {
        if (text_same(reports[i].job_id, run->job_id) && reports[i].finish->dispatch == run->dispatch) {
            reports[i].run = *run;
            reports[i].held = true;
            return;
        }
    }
}

/* All children of those that are held, flat. */
static size_t gather_children(struct change *change, const struct report *reports, size_t count, struct spec ***out)
{
    size_t room = 0, found = 0;
    for (size_t i = 0; i < count; i++)
        room += reports[i].held ? reports[i].finish->n_children : 0;
    *out = ARENA_ARRAY(change->arena, struct spec *, room + 1);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; reports[i].held && k < reports[i].finish->n_children; k++)
            (*out)[found++] = reports[i].children[k];
    return found;
}

/* The rows of these jobs, if they are processing. */
static enum status hold(struct change *change, struct report *reports, size_t count, struct error *error)
{
    const char **ids = ARENA_ARRAY(change->arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        ids[i] = reports[i].job_id;
    struct rows rows;
    struct params *params = params_new(change->arena);
    params_uuids(params, ids, count);
    TRY(db_run(change->db, change->arena, &hold_sql, params, &rows, error));
    for (size_t i = 0; i < rows.count; i++) {
        struct run run;
        run_read(change->arena, &rows, i, &run);
        give_row(reports, count, &run);
    }
    return OK;
}

static bool wants_other(const struct report *report)
{
    return report->held && report->finish->outcome == PB__JOB_OUTCOME__JOB_OUTCOME_COALESCE &&
           !text_empty(report->finish->coalesced_into);
}

static const struct statement others_sql = {
    "finish_others",
    "SELECT o.n, j.id FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS o (company_id, key, n)"
    " CROSS JOIN LATERAL (SELECT id FROM jobs.jobs AS j WHERE j.company_id = o.company_id AND j.idempotency_key = o.key LIMIT 1) AS j"
    " CROSS JOIN LATERAL (SELECT id FROM jobs.unfinished AS u WHERE u.id = j.id AND u.status <> 'dlq' LIMIT 1) AS u",
};

static enum status find_others(struct change *change, struct report *reports, size_t count, struct error *error)
{
    const char **companies = ARENA_ARRAY(change->arena, const char *, count),
               **keys = ARENA_ARRAY(change->arena, const char *, count);
    size_t *places = ARENA_ARRAY(change->arena, size_t, count), wanted = 0;
    for (size_t i = 0; i < count; i++) {
        if (!wants_other(&reports[i]))
            continue;
        companies[wanted] = reports[i].run.company_id;
        keys[wanted] = reports[i].finish->coalesced_into;
        places[wanted++] = i;
    }
    if (wanted == 0)
        return OK;
    struct rows rows;
    struct params *params = params_new(change->arena);
    params_texts(params, companies, wanted);
    params_texts(params, keys, wanted);
    TRY(db_run(change->db, change->arena, &others_sql, params, &rows, error));
    for (size_t i = 0; i < rows.count; i++)
        reports[places[rows_int(&rows, i, 0) - 1]].other_id = arena_text(change->arena, rows_text(&rows, i, 1));
    return OK;
}

/* Of two jobs that end in favour of each other only the first may. */
static bool other_lives(const struct report *reports, size_t self)
{
    const char *other = reports[self].other_id;
    if (!other || text_same(other, reports[self].job_id))
        return false;
    for (size_t i = 0; i < self; i++)
        if (reports[i].held && text_same(reports[i].job_id, other) &&
            text_same(reports[i].run.standing.outcome, "coalesced"))
            return false;
    return true;
}

static const char *coalesced_result(struct arena *arena, const char *into)
{
    struct buffer buffer = { .arena = arena };
    buffer_add(&buffer, "{\"outcome\":\"coalesced\",\"into\":");
    json_add_string(&buffer, into);
    buffer_add(&buffer, "}");
    return buffer_text(&buffer);
}

static void judge(struct change *change, struct report *reports, size_t self)
{
    struct report *report = &reports[self];
    struct run *run = &report->run;
    const Pb__JobFinish *finish = report->finish;
    struct ending ending = {
        .outcome = finish->outcome,
        .name = "retry",
        .attempts = run->attempts,
        .attempts_max = run->attempts_max,
        .retry_after_ms = finish->retry_after_ms,
        .run_at = finish->run_at,
        .delay_ms = finish->delay_ms,
        .other_live = other_lives(reports, self),
        .laned = run->lanes[0] != 0,
    };
    run->standing = ladder_judge(&scheduler_settings.ladder, run->task, &ending, change->now);
    run->error = text_empty(finish->error) ? NULL : text_cut(change->arena, finish->error, ERROR_TEXT_BYTES_MAX);
    run->code = text_empty(finish->code) ? NULL : text_cut(change->arena, finish->code, CODE_BYTES_MAX);
    run->result = finish->result && !text_empty(finish->result->text) ? finish->result->text : NULL;
    if (text_same(run->standing.outcome, "coalesced"))
        run->result = coalesced_result(change->arena, finish->coalesced_into);
}

/* The lanes that these runs move; 0 for none. */
static int64_t *moved_lanes(struct change *change, const struct run *runs, size_t count)
{
    int64_t *lanes = ARENA_ARRAY(change->arena, int64_t, count * LANES_MAX + 1);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < LANES_MAX; k++)
            lanes[i * LANES_MAX + k] = run_moves_lane(&runs[i], k);
    return lanes;
}

/*
 * Children come this way only with a result that is stale or whose child can't be (complete.c), so it may happen that
 * their lanes are locked after those of the runs: should two schedulers then wait for each other, the database tells
 * one to ask again. With a child that can't be, nothing is written.
 */
static enum status write_children(struct change *change, struct spec *const *children, size_t count,
                                  struct error *error)
{
    struct rows rows;
    struct adding adding;
    struct added *added = ARENA_ARRAY(change->arena, struct added, count);
    TRY(enqueue_specs(change, &adding, children, count, &rows, error));
    adding_take(change, &adding, &rows);
    TRY(enqueue_added(change, &adding, added, error));
    for (size_t i = 0; i < count; i++)
        if (added[i].conflict)
            return error_code(error, REJECT, "conflict", "a child's id belongs to another job");
    return OK;
}

static enum status write_runs(struct change *change, struct report *reports, size_t count, struct error *error)
{
    struct spec **children;
    struct run *runs = ARENA_ARRAY(change->arena, struct run, count);
    size_t held = 0, child_count = gather_children(change, reports, count, &children);
    for (size_t i = 0; i < count; i++) {
        if (!reports[i].held)
            continue;
        judge(change, reports, i);
        runs[held++] = reports[i].run;
    }
    lanes_lock(change, moved_lanes(change, runs, held), held * LANES_MAX);
    runs_close(change, runs, held);
    return child_count > 0 ? write_children(change, children, child_count, error) : OK;
}

static const struct statement status_sql = {
    "finish_status",
    "SELECT s.n, coalesce(u.status, 'completed') FROM unnest($1::uuid[]) WITH ORDINALITY AS s (id, n)"
    " CROSS JOIN LATERAL (SELECT FROM jobs.jobs AS j WHERE j.id = s.id LIMIT 1) AS j"
    " LEFT JOIN LATERAL (SELECT status FROM jobs.unfinished AS u WHERE u.id = s.id LIMIT 1) AS u ON true",
};

/* What the jobs of stale results are now; a job that is gone has none. */
static enum status find_stale(struct change *change, struct report *reports, size_t count, struct error *error)
{
    const char **ids = ARENA_ARRAY(change->arena, const char *, count);
    size_t *places = ARENA_ARRAY(change->arena, size_t, count), stale = 0;
    for (size_t i = 0; i < count; i++) {
        if (reports[i].held)
            continue;
        ids[stale] = reports[i].job_id;
        places[stale++] = i;
    }
    if (stale == 0)
        return OK;
    struct rows rows;
    struct params *params = params_new(change->arena);
    params_texts(params, ids, stale);
    TRY(db_run(change->db, change->arena, &status_sql, params, &rows, error));
    for (size_t i = 0; i < rows.count; i++) {
        int status = 0;
        pbjson_enum_value(&pb__job_status__descriptor, text_or(rows_text(&rows, i, 1), ""), &status);
        reports[places[rows_int(&rows, i, 0) - 1]].run.standing.status = (Pb__JobStatus)status;
    }
    return OK;
}

static void answer(const struct report *report)
{
    Pb__JobFinished *reply = PB_NEW(report->item->arena, job_finished);
    if (report->run.standing.status)
        PB_SET(reply, status, report->run.standing.status);
    PB_SET(reply, stale, !report->held);
    report->item->reply = &reply->base;
}

static enum status change_runs(struct change *change, struct report *reports, size_t count, struct error *error)
{
    TRY(hold(change, reports, count, error));
    TRY(find_others(change, reports, count, error));
    TRY(write_runs(change, reports, count, error));
    return find_stale(change, reports, count, error);
}

static enum status finish_some(struct batch *batch, struct report *reports, size_t count, struct error *error)
{
    struct change change;
    TRY(change_begin(batch, &change, error));
    change.plain = true;
    enum status status = change_runs(&change, reports, count, error);
    if (status != OK) {
        change_undo(&change);
        return status;
    }
    TRY(change_commit(&change, error));
    for (size_t i = 0; i < count; i++)
        answer(&reports[i]);
    return OK;
}

static void finish_by_halves(struct batch *batch, struct report *reports, size_t count)
{
    struct error error = { 0 };
    enum status status = finish_some(batch, reports, count, &error);
    if (status == OK)
        return;
    for (size_t i = 0; i < count; i++)
        reports[i].held = false;
    if (status == REJECT && count > 1) {
        finish_by_halves(batch, reports, count / 2);
        finish_by_halves(batch, reports + count / 2, count - count / 2);
        return;
    }
    for (size_t i = 0; i < count; i++)
        item_fail(reports[i].item, status, error.code, "%s", error.text);
}

/* -- the usual end */

static bool is_plain(const struct report *report)
{
    return report->finish->outcome == PB__JOB_OUTCOME__JOB_OUTCOME_COMPLETED;
}

static int compare_completions(const void *a, const void *b)
{
    const struct completion *const *left = a, *const *right = b;
    return strcmp((*left)->job_id, (*right)->job_id);
}

/* Answers what became of them, or leaves them to be finished in steps. */
static enum status complete_some(struct batch *batch, struct report *reports, struct completion *list, size_t count,
                                 bool *stepwise, struct error *error)
{
    struct completion **sorted = ARENA_ARRAY(batch->arena, struct completion *, count);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &list[i];
    qsort(sorted, count, sizeof(struct completion *), compare_completions);
    TRY(complete_all(batch, sorted, count, stepwise, error));
    for (size_t i = 0; i < count; i++) {
        reports[i].held = list[i].held;
        reports[i].run.standing.status = list[i].held ? PB__JOB_STATUS__JOB_STATUS_COMPLETED : 0;
    }
    struct change change; /* to read with */
    change_start(batch, &change);
    TRY(find_stale(&change, reports, count, error));
    for (size_t i = 0; i < count; i++)
        answer(&reports[i]);
    return OK;
}

static void complete_by_halves(struct batch *batch, struct report *reports, struct completion *list, size_t count)
{
    struct error error = { 0 };
    bool stepwise;
    enum status status = complete_some(batch, reports, list, count, &stepwise, &error);
    if (status == OK)
        return;
    if (status == REJECT && count > 1) {
        complete_by_halves(batch, reports, list, count / 2);
        complete_by_halves(batch, reports + count / 2, list + count / 2, count - count / 2);
    } else if (stepwise)
        finish_by_halves(batch, reports, count);
    else
        for (size_t i = 0; i < count; i++)
            item_fail(reports[i].item, status, error.code, "%s", error.text);
}

static void complete(struct batch *batch, struct report *reports, size_t count)
{
    struct completion *list = ARENA_ARRAY(batch->arena, struct completion, count);
    for (size_t i = 0; i < count; i++) {
        const Pb__JobFinish *finish = reports[i].finish;
        list[i] =
            (struct completion){ .job_id = reports[i].job_id,
                                 .dispatch = finish->dispatch,
                                 .result =
                                     finish->result && !text_empty(finish->result->text) ? finish->result->text : NULL,
                                 .children = reports[i].children,
                                 .child_count = finish->n_children };
    }
    complete_by_halves(batch, reports, list, count);
}

/* -- jobs.finish */

static int compare_reports(const void *a, const void *b)
{
    const struct report *const *left = a, *const *right = b;
    int order = strcmp((*left)->job_id, (*right)->job_id);
    return order ? order : (*left > *right) - (*left < *right);
}

/* Completed ones to the front, each job once; the others behind them, in their order. */
static size_t put_plain_first(struct batch *batch, struct report *reports, size_t count)
{
    struct report *all = arena_copy(batch->arena, reports, (count + 1) * sizeof *reports);
    struct report **sorted = ARENA_ARRAY(batch->arena, struct report *, count + 1);
    size_t plain = 0, rest = 0;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &all[i];
    qsort(sorted, count, sizeof(struct report *), compare_reports);
    for (size_t i = 0; i < count; i++)
        sorted[i]->alone = is_plain(sorted[i]) && (i == 0 || !text_same(sorted[i - 1]->job_id, sorted[i]->job_id));
    for (size_t i = 0; i < count; i++)
        if (all[i].alone)
            reports[plain++] = all[i];
    for (size_t i = 0; i < count; i++)
        if (!all[i].alone)
            reports[plain + rest++] = all[i];
    return plain;
}

void finish_handle(struct batch *batch)
{
    struct report *reports = ARENA_ARRAY(batch->arena, struct report, batch->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        item->status = report_from(batch, item, &reports[count], &item->error);
        count += item->status == OK;
    }
    size_t plain = put_plain_first(batch, reports, count);
    if (plain > 0)
        complete(batch, reports, plain);
    if (count > plain)
        finish_by_halves(batch, reports + plain, count - plain);
}
