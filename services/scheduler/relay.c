#include "relay.h"

#include "base/limits.h"
#include "due.h"
#include "service/event.h"
#include "wire/pbrow.h"

enum { RELAY_BATCH = 256, RELAY_LOOK_MS = 5000, RELAY_AGAIN_MS = 500 };

static const struct statement look_sql = {
    "relay_look",
    "SELECT n, id, type, company_id, 'job' AS entity_type, entity_id, lead_id, payload, 'system' AS actor, correlation_id, occurred_at,"
    "  occurred_at AS admitted_at FROM jobs.events ORDER BY n LIMIT $1",
};

static const struct statement done_sql = {
    "relay_done",
    "DELETE FROM jobs.events WHERE n = ANY ($1::bigint[])",
};

static enum status relay_forget(struct batch *batch, const struct rows *rows, const enum status *statuses, size_t *left,
                                struct error *error)
{
    int64_t *numbers = ARENA_ARRAY(batch->arena, int64_t, rows->count);
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++)
        if (statuses[i] != RETRY)
            numbers[count++] = rows_int(rows, i, 0);
    *left = rows->count - count;
    struct params *params = params_new(batch->arena);
    params_ints(params, numbers, count);
    return db_run(batch->db, batch->arena, &done_sql, params, NULL, error);
}

static enum status relay_some(struct batch *batch, size_t *count, size_t *left, struct error *error)
{
    struct rows rows;
    void **events;
    struct params *params = params_new(batch->arena);
    params_int(params, RELAY_BATCH);
    TRY(db_run(batch->db, batch->arena, &look_sql, params, &rows, error));
    *count = rows.count;
    if (rows.count == 0)
        return OK;
    pbrow_read_all(batch->arena, &pb__event__descriptor, &rows, &events);
    enum status *statuses = ARENA_ARRAY(batch->arena, enum status, rows.count);
    event_publish_all(batch->arena, (const Pb__Event *const *)events, rows.count, statuses);
    return relay_forget(batch, &rows, statuses, left, error);
}

int64_t relay_run(struct batch *batch)
{
    struct error error = { 0 };
    size_t count = 0, left = 0;
    if (relay_some(batch, &count, &left, &error) != OK) {
        log_line(LOG_WARN, "events wait", "error", error.text, NULL);
        return RELAY_AGAIN_MS;
    }
    if (left > 0)
        return RELAY_AGAIN_MS;
    return count == RELAY_BATCH ? 0 : RELAY_LOOK_MS;
}
