#include "enqueue.h"

#include <string.h>

#include "base/text.h"
#include "wire/pbjson.h"

static const struct statement add_sql = {
    "enqueue_add",
    "SELECT * FROM jobs.add($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
};

static const struct statement known_sql = {
    "enqueue_known",
    "SELECT s.n, j.id, coalesce(u.status, 'completed')"
    " FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS s (id, company_id, key, n)"
    " CROSS JOIN LATERAL ("
    "   (SELECT j.id, 0 AS rank FROM jobs.jobs AS j WHERE j.company_id = s.company_id AND j.idempotency_key = s.key LIMIT 1)"
    "   UNION ALL"
    "   (SELECT j.id, 1 FROM jobs.jobs AS j WHERE j.id = s.id AND j.company_id = s.company_id LIMIT 1)"
    "   ORDER BY rank LIMIT 1) AS j"
    " LEFT JOIN LATERAL (SELECT status FROM jobs.unfinished AS u WHERE u.id = j.id LIMIT 1) AS u ON true",
};

static Pb__JobStatus status_from(const char *word)
{
    int status = 0;
    pbjson_enum_value(&pb__job_status__descriptor, word, &status);
    return (Pb__JobStatus)status;
}

/* Jobs that were there before. */
static enum status find_known(struct change *change, const struct adding *adding, struct added *added,
                              struct error *error)
{
    size_t room = adding->count, missing = 0;
    const char **ids = ARENA_ARRAY(change->arena, const char *, room),
               **keys = ARENA_ARRAY(change->arena, const char *, room),
               **companies = ARENA_ARRAY(change->arena, const char *, room);
    size_t *places = ARENA_ARRAY(change->arena, size_t, room);
    for (size_t i = 0; i < room; i++) {
        if (adding->added[i])
            continue;
        added[i].conflict = true;
        ids[missing] = adding->specs[i]->id;
        companies[missing] = adding->specs[i]->company_id;
        keys[missing] = adding->specs[i]->key;
        places[missing++] = i;
    }
    if (missing == 0)
        return OK;
    struct rows rows;
    struct params *params = params_new(change->arena);
    params_uuids(params, ids, missing);
    params_uuids(params, companies, missing);
    params_words(params, keys, missing);
    TRY(db_run(change->db, change->arena, &known_sql, params, &rows, error));
    for (size_t i = 0; i < rows.count; i++)
        added[places[rows_int(&rows, i, 0) - 1]] = (struct added){ .job_id = rows_text(&rows, i, 1),
                                                                   .status = status_from(rows_text(&rows, i, 2)),
                                                                   .existing = true };
    return OK;
}

static const struct params *add_params(struct change *change, struct adding *adding, struct spec *const *specs,
                                       size_t count)
{
    struct params *params = params_new(change->arena);
    adding_jobs(change, adding, specs, count, params);
    adding_tasks(change, adding, true, params);
    return params;
}

enum status enqueue_specs(struct change *change, struct adding *adding, struct spec *const *specs, size_t count,
                          struct rows *rows, struct error *error)
{
    return db_run(change->db, change->arena, &add_sql, add_params(change, adding, specs, count), rows, error);
}

enum status enqueue_added(struct change *change, const struct adding *adding, struct added *added, struct error *error)
{
    for (size_t i = 0; i < adding->count; i++) {
        if (!adding->added[i])
            continue;
        const struct spec *spec = adding->specs[i];
        added[i].job_id = spec->id;
        added[i].status = spec->skipped ? PB__JOB_STATUS__JOB_STATUS_COMPLETED : PB__JOB_STATUS__JOB_STATUS_QUEUED;
    }
    return find_known(change, adding, added, error);
}

/* -- jobs.enqueue */

/* The items of a batch whose spec is good, side by side with it. */
struct wanted {
    struct item **items;
    struct spec **specs;
    struct added *added;
    size_t count;
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

/* Written and dispatched in one round trip, which is a transaction. Known keys are looked up after it. */
static enum status write_wanted(struct batch *batch, struct wanted *wanted, size_t from, size_t count,
                                struct error *error)
{
    struct change change;
    struct adding adding;
    struct rows rows;
    change_start(batch, &change);
    TRY(enqueue_specs(&change, &adding, wanted->specs + from, count, &rows, error));
    adding_take(&change, &adding, &rows);
    change_publish(&change);
    TRY(enqueue_added(&change, &adding, wanted->added + from, error));
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
