#include "add.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "capacity.h"
#include "dispatch.h"
#include "net/db_record.h"
#include "work.h"

/* Columns of jobs.outcome. */
enum { KIND, WAKE_AT, BUSY, HELD, ADDED, STAGES, JOB, RUN_AT = JOB + WORK_COLUMN_COUNT };
enum { KIND_WRITTEN = 1, KIND_JOB };

/* -- order */

static int compare_ids(const void *a, const void *b, void *context)
{
    struct spec *const *specs = context;
    const size_t *left = a, *right = b;
    int order = strcmp(specs[*left]->id, specs[*right]->id);
    return order ? order : (*left > *right) - (*left < *right);
}

static int compare_keys(const void *a, const void *b, void *context)
{
    struct spec *const *specs = context;
    const struct spec *left = specs[*(const size_t *)a], *right = specs[*(const size_t *)b];
    int order = strcmp(left->company_id, right->company_id);
    if (order == 0)
        order = strcmp(left->key ? left->key : "", right->key ? right->key : "");
    return order ? order : strcmp(left->id, right->id);
}

/* Keys in one order, so that two schedulers with the same keys never wait for each other in a circle. */
static void put_in_order(struct arena *arena, struct adding *adding)
{
    adding->order = ARENA_ARRAY(arena, size_t, adding->count + 1);
    for (size_t i = 0; i < adding->count; i++)
        adding->order[i] = i;
    adding->written = adding->count;
    if (adding->count < 2)
        return;
    qsort_r(adding->order, adding->count, sizeof *adding->order, compare_ids, (void *)adding->specs);
    adding->written = 0;
    for (size_t i = 0; i < adding->count; i++) {
        const char *before = adding->written ? adding->specs[adding->order[adding->written - 1]]->id : "";
        if (!text_same(before, adding->specs[adding->order[i]]->id))
            adding->order[adding->written++] = adding->order[i];
    }
    qsort_r(adding->order, adding->written, sizeof *adding->order, compare_keys, (void *)adding->specs);
}

static const struct spec *written(const struct adding *adding, size_t i)
{
    return adding->specs[adding->order[i]];
}

/* -- the jobs and their lanes */

/* A lane that some of the jobs name. */
struct lane_use {
    const struct spec *spec; /* the last of them in the batch, whose limits are the lane's */
    const struct lane_spec *lane;
    size_t spec_number, place; /* among the lanes, from 1 */
    size_t users;
    bool due; /* the one that names it is */
};

static int compare_uses(const void *a, const void *b)
{
    const struct lane_use *left = a, *right = b;
    if (left->lane->id != right->lane->id)
        return left->lane->id < right->lane->id ? -1 : 1;
    return (left->spec_number > right->spec_number) - (left->spec_number < right->spec_number);
}

/* Each lane once, in the order of their ids. */
static size_t gather_lanes(struct change *change, const struct adding *adding, struct lane_use **out)
{
    struct lane_use *uses = *out = ARENA_ARRAY(change->arena, struct lane_use, adding->written * LANES_MAX + 1);
    size_t found = 0, count = 0;
    for (size_t i = 0; i < adding->written; i++) {
        const struct spec *spec = written(adding, i);
        for (size_t k = 0; k < spec->lane_count; k++)
            uses[found++] = (struct lane_use){ .spec = spec,
                                               .lane = &spec->lanes[k],
                                               .spec_number = adding->order[i],
                                               .users = 1,
                                               .due = !spec->skipped && spec->run_at <= change->now };
    }
    qsort(uses, found, sizeof *uses, compare_uses);
    for (size_t i = 0; i < found; i++) {
        if (count > 0 && uses[count - 1].lane->id == uses[i].lane->id) {
            uses[i].users += uses[count - 1].users;
            count--;
        }
        uses[count] = uses[i];
        uses[count].place = count + 1;
        count++;
    }
    return count;
}

static int compare_lane(const void *id, const void *use)
{
    int64_t left = *(const int64_t *)id, right = ((const struct lane_use *)use)->lane->id;
    return (left > right) - (left < right);
}

/* Among the lanes of the call, from 1. */
static int64_t place_of(const struct spec *spec, size_t k, const struct lane_use *uses, size_t count)
{
    if (k >= spec->lane_count)
        return RECORD_NULL;
    const struct lane_use *use = bsearch(&spec->lanes[k].id, uses, count, sizeof *uses, compare_lane);
    return (int64_t)use->place;
}

/* The members of jobs.new_job. */
static void add_jobs(struct change *change, struct params *params, const struct adding *adding,
                     const struct lane_use *uses, size_t use_count)
{
    static const char type[] = "jobs.new_job";
    struct records *rows = records_new(change->arena, adding->written);
    RECORD_UUIDS(rows, i, written(adding, i)->id);
    RECORD_UUIDS(rows, i, written(adding, i)->company_id);
    RECORD_TEXTS(rows, i, written(adding, i)->task->name);
    RECORD_JSONS(rows, i, written(adding, i)->params);
    RECORD_INTEGERS(rows, i, written(adding, i)->priority);
    RECORD_INTEGERS(rows, i, written(adding, i)->attempts_max);
    RECORD_TEXTS(rows, i, written(adding, i)->key);
    RECORD_TEXTS(rows, i, written(adding, i)->correlation_id);
    RECORD_TEXTS(rows, i, written(adding, i)->traceparent);
    RECORD_MOMENTS(rows, i, written(adding, i)->run_at);
    RECORD_INTEGERS(rows, i, (int64_t)adding->order[i] + 1);
    for (size_t k = 0; k < LANES_MAX; k++)
        RECORD_INTEGERS(rows, i, place_of(written(adding, i), k, uses, use_count));
    RECORD_TEXTS(rows, i, written(adding, i)->skipped);
    params_records(params, rows, type);
}

static void add_lanes(struct change *change, struct params *params, const struct lane_use *uses, size_t count)
{
    enum { COLUMNS = 7 };
    for (int i = 0; i < COLUMNS && count == 0; i++)
        params_null(params);
    if (count == 0)
        return;
    struct arena *arena = change->arena;
    int64_t *ids = ARENA_ARRAY(arena, int64_t, count + 1), *intervals = ARENA_ARRAY(arena, int64_t, count + 1),
            *jitters = ARENA_ARRAY(arena, int64_t, count + 1), *limits = ARENA_ARRAY(arena, int64_t, count + 1);
    const char **companies = ARENA_ARRAY(arena, const char *, count + 1),
               **names = ARENA_ARRAY(arena, const char *, count + 1);
    bool *alone = ARENA_ARRAY(arena, bool, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct lane_spec *lane = uses[i].lane;
        ids[i] = lane->id;
        companies[i] = uses[i].spec->company_id;
        names[i] = lane->name;
        intervals[i] = lane->interval_ms;
        jitters[i] = lane->jitter_ms;
        limits[i] = lane->in_flight_max;
        alone[i] = uses[i].users == 1 && uses[i].due;
    }
    params_bigints(params, ids, count);
    params_uuids(params, companies, count);
    params_words(params, names, count);
    params_bigints(params, intervals, count);
    params_bigints(params, jitters, count);
    params_bigints(params, limits, count);
    params_bools(params, alone, count);
}

/* -- tasks */

/* A task with workers, as a call sees it. */
struct task_room {
    const struct task *task;
    int64_t due, capacity;
    bool low; /* some of the due jobs are of low priority */
};

static void count_due(const struct change *change, const struct adding *adding, struct task_room *room)
{
    for (size_t i = 0; i < adding->written; i++) {
        const struct spec *spec = written(adding, i);
        if (spec->task != room->task || spec->skipped || spec->run_at > change->now)
            continue;
        room->due++;
        room->low |= spec->priority < PRIORITY_LIVE_MIN;
    }
}

static size_t find_rooms(const struct change *change, const struct adding *adding, bool only_due,
                         struct task_room *rooms)
{
    size_t count = 0;
    for (const struct task *task = TASKS; task->name && count < CHANGE_TASKS_MAX; task++) {
        struct task_room room = { .task = task, .capacity = capacity_of(task->name, change->now) };
        count_due(change, adding, &room);
        if (room.capacity > 0 && (room.due > 0 || !only_due))
            rooms[count++] = room;
    }
    return count;
}

void adding_tasks(struct change *change, const struct adding *adding, bool only_due, struct params *params)
{
    struct task_room rooms[CHANGE_TASKS_MAX];
    const char *names[CHANGE_TASKS_MAX];
    int64_t due[CHANGE_TASKS_MAX], shares[CHANGE_TASKS_MAX], capacities[CHANGE_TASKS_MAX];
    moment deadlines[CHANGE_TASKS_MAX];
    bool mixed[CHANGE_TASKS_MAX];
    size_t count = find_rooms(change, adding, only_due, rooms);
    for (size_t i = 0; i < count; i++) {
        const struct task *task = rooms[i].task;
        names[i] = task->name;
        due[i] = rooms[i].due;
        capacities[i] = rooms[i].capacity;
        shares[i] = rooms[i].low ? dispatch_low_capacity(task, rooms[i].capacity) : rooms[i].capacity;
        deadlines[i] = change->now + dispatch_run_ms(task);
        mixed[i] = dispatch_mixed(task);
    }
    params_words(params, names, count);
    params_bigints(params, due, count);
    params_bigints(params, shares, count);
    params_bigints(params, capacities, count);
    params_moments(params, deadlines, count);
    params_bools(params, mixed, count);
    params_moment(params, change->now);
}

void adding_jobs(struct change *change, struct adding *adding, struct spec *const *specs, size_t count,
                 struct params *params)
{
    struct lane_use *uses;
    *adding = (struct adding){ .specs = specs, .count = count, .added = ARENA_ARRAY(change->arena, bool, count + 1) };
    put_in_order(change->arena, adding);
    size_t use_count = gather_lanes(change, adding, &uses);
    if (adding->written > 0)
        add_jobs(change, params, adding, uses, use_count);
    else
        params_null(params);
    add_lanes(change, params, uses, use_count);
}

/* -- the answer */

static Pb__JobDispatch *dispatch_of(struct change *change, const struct spec *spec)
{
    Pb__JobDispatch *job = PB_NEW(change->arena, job_dispatch);
    job->job_id = (char *)spec->id;
    PB_SET(job, dispatch, 1);
    job->company_id = (char *)spec->company_id;
    job->task = (char *)spec->task->name;
    job->params = pb_json(change->arena, spec->params);
    PB_SET(job, priority, spec->priority);
    PB_SET(job, attempt, 1);
    PB_SET(job, attempts_max, spec->attempts_max);
    job->correlation_id = (char *)spec->correlation_id;
    job->traceparent = (char *)spec->traceparent;
    PB_SET(job, created_at, change->now);
    PB_SET(job, dispatched_at, change->now);
    return job;
}

/* added and stages stand in the order in which the jobs were written. */
static void take_added(struct change *change, struct adding *adding, const struct rows *rows, size_t row)
{
    const char *const *added = NULL, *const * stages;
    size_t added_count = rows_texts(rows, row, ADDED, change->arena, &added), next = 0, stage = 0;
    size_t stage_count = rows_texts(rows, row, STAGES, change->arena, &stages);
    bool all = rows_text(rows, row, ADDED) == NULL;
    for (size_t i = 0; i < adding->written; i++) {
        const struct spec *spec = written(adding, i);
        if (!all && (next == added_count || !text_same(added[next], spec->id)))
            continue;
        next++;
        adding->added[adding->order[i]] = true;
        if (spec->skipped || stage == stage_count)
            continue;
        if (strtol(stages[stage++], NULL, 10) == STAGE_PROCESSING)
            dispatch_left(change, spec->task, dispatch_of(change, spec), spec->run_at);
        else if (spec->run_at > change->now)
            change_wake(change, spec->run_at);
    }
}

static void take_job(struct change *change, const struct rows *rows, size_t row)
{
    Pb__JobDispatch *job = work_read(change->arena, rows, row, JOB, change->now);
    dispatch_left(change, task_find(job->task), job, rows_moment(rows, row, RUN_AT));
}

void adding_take(struct change *change, struct adding *adding, const struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        int64_t kind = rows_int(rows, i, KIND);
        change_wake(change, rows_moment(rows, i, WAKE_AT));
        if (rows_bool(rows, i, BUSY))
            change_wake(change, change->now + DISPATCH_BUSY_MS);
        if (kind == KIND_WRITTEN)
            take_added(change, adding, rows, i);
        else if (kind == KIND_JOB)
            take_job(change, rows, i);
    }
}

size_t adding_held(struct change *change, const struct rows *rows, const char *const **held)
{
    *held = NULL;
    for (size_t i = 0; i < rows->count; i++)
        if (rows_int(rows, i, KIND) == KIND_WRITTEN)
            return rows_texts(rows, i, HELD, change->arena, held);
    return 0;
}
