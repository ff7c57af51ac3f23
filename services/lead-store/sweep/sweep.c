#include "sweep.h"

#include <stdio.h>

#include "core/column.h"
#include "core/lease.h"
#include "core/payload.h"
#include "knowledge/knowledge.h"
#include "silence/silence_sweep.h"
#include "sweep_pass.h"
#include "template/template.h"

enum { SWEEP_MS = 1000, LEASE_MS = 15000 };

void sweep_cursor_params(const struct sweep_cursor *cursor, struct params *params)
{
    params_moment(params, cursor->at ? cursor->at : 1);
    params_text(params, cursor->id ? cursor->id : "00000000-0000-0000-0000-000000000000");
}

void sweep_cursor_move(struct sweep_cursor *cursor, const struct rows *rows, size_t page, const char *at_column,
                       const char *id_column)
{
    *cursor = (struct sweep_cursor){ 0 };
    if (rows->count < page)
        return;
    cursor->at = rows_moment(rows, rows->count - 1, rows_column(rows, at_column));
    snprintf(cursor->id_bytes, sizeof cursor->id_bytes, "%s",
             rows_text(rows, rows->count - 1, rows_column(rows, id_column)));
    cursor->id = cursor->id_bytes;
}

enum status sweep_transaction(struct batch *batch, sweep_work *work, void *context, struct error *error)
{
    struct event_list events = { .batch = batch };
    event_begin();
    TRY(db_begin(batch->db, error));
    enum status status = work(&events, context, error);
    if (status == OK) {
        event_flush(&events);
        status = db_commit(batch->db, error);
    }
    if (status == OK)
        event_committed();
    else
        db_rollback(batch->db);
    return status;
}

static const struct statement flag_write = {
    .name = "flag_write",
    .sql =
        "with held as (select c.id, u.message_id, u.reason from crm.conversations c "
        "              join unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) as u(id, message_id, reason, since) on c.id = u.id "
        "              where c.escalated_at is null or c.escalated_at < u.since order by c.id for no key update of c) "
        "update crm.conversations c set escalated_at = $5, escalation_reason = held.reason, escalation_urgency = 'normal', updated_at = $5 from held where c.id = held.id "
        "returning c.id, c.company_id, c.lead_id, held.message_id, held.reason",
};

static void note_flagged(struct event_list *events, const struct rows *rows, size_t row)
{
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "conversation_id", rows_text(rows, row, 0));
    payload_text(&payload, "message_id", rows_text(rows, row, 3));
    payload_text(&payload, "reason", rows_text(rows, row, 4));
    event_note(events, (struct event_note){ .type = "conversation.escalated",
                                            .company_id = rows_text(rows, row, 1),
                                            .lead_id = rows_text(rows, row, 2),
                                            .payload = payload_end(&payload),
                                            .actor = "system" });
}

enum status sweep_flag(struct event_list *events, const struct flag *flags, size_t count, struct error *error)
{
    if (!count)
        return OK;
    struct batch *batch = events->batch;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    COLUMN_TEXTS(params, count, i, flags[i].conversation_id);
    COLUMN_TEXTS(params, count, i, flags[i].message_id);
    COLUMN_TEXTS(params, count, i, flags[i].reason);
    COLUMN_MOMENTS(params, count, i, flags[i].since);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &flag_write, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        note_flagged(events, &rows, row);
    return OK;
}

/* Each on its own: one that fails (the scheduler is away) does not keep the others from their work. */
static const struct {
    const char *name;
    enum status (*run)(struct batch *batch, struct error *error);
} passes[] = {
    { "parked", sweep_parked }, { "sending", sweep_sending },     { "unknown", sweep_unknown },
    { "owed", sweep_owed },     { "overdue", sweep_overdue },     { "person", sweep_person },
    { "queued", sweep_queued }, { "knowledge", knowledge_sweep }, { "silence", silence_sweep },
    { "old", sweep_old },       { "templates", template_sweep },
};

int64_t sweep_run(struct batch *batch)
{
    struct rows lease;
    struct error error = { 0 };
    if (lease_take(batch, "sweep", LEASE_MS, &lease, &error) != OK) {
        log_line(LOG_WARN, "sweep will try again", "reason", error.text, NULL);
        return SWEEP_MS;
    }
    for (size_t i = 0; lease.count && i < sizeof passes / sizeof *passes; i++) {
        error = (struct error){ 0 };
        if (passes[i].run(batch, &error) != OK)
            log_line(LOG_WARN, "sweep pass will try again", "pass", passes[i].name, "reason", error.text, NULL);
    }
    return SWEEP_MS;
}

void sweep_stop(struct batch *batch)
{
    lease_release(batch, "sweep");
}
