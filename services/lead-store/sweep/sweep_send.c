#include "base/limits.h"
#include "base/text.h"
#include "core/column.h"
#include "core/config.h"
#include "core/payload.h"
#include "sweep_pass.h"

enum { PAGE = 500 };

#define MESSAGE_COLUMNS "m.id, m.company_id, m.lead_id, m.conversation_id, m.channel, m.correlation_id"

static void note_message(struct event_list *events, const struct rows *rows, size_t row, const char *type,
                         const char *reason)
{
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "message_id", rows_text(rows, row, 0));
    payload_text(&payload, "conversation_id", rows_text(rows, row, 3));
    payload_text(&payload, "channel", rows_text(rows, row, 4));
    payload_text(&payload, "reason", reason);
    event_note(events, (struct event_note){ .type = type,
                                            .company_id = rows_text(rows, row, 1),
                                            .lead_id = rows_text(rows, row, 2),
                                            .payload = payload_end(&payload),
                                            .actor = "system",
                                            .correlation_id = rows_text(rows, row, 5) });
}

/* The claim stays: whoever made the call may still settle it, late. */
static const struct statement sending_end = {
    .name = "sweep_sending",
    .sql =
        "with late as (select id from crm.messages where status = 'sending' and updated_at < $1 and go_until < $1 "
        "              order by created_at, id limit $3 for no key update skip locked) "
        "update crm.messages m set status = 'unknown', updated_at = $2 from late where m.id = late.id returning " MESSAGE_COLUMNS,
};

static enum status sending_work(struct event_list *events, void *context, struct error *error)
{
    (void)context;
    struct batch *batch = events->batch;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_moment(params, batch->now - SEND_CALL_WAIT_MS);
    params_moment(params, batch->now);
    params_int(params, PAGE);
    TRY(db_run(batch->db, batch->arena, &sending_end, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        note_message(events, &rows, row, "message.unknown", "no_answer");
    return OK;
}

enum status sweep_sending(struct batch *batch, struct error *error)
{
    return sweep_transaction(batch, sending_work, NULL, error);
}

/* $3: whether to send again what was not sent again before; the gate's verdicts remember that. */
static const struct statement unknown_end = {
    .name = "sweep_unknown",
    .sql =
        "with late as (select id, $3 and not exists (select from crm.send_verdicts v where v.message_id = x.id and v.reason = 'resend') as again "
        "              from crm.messages x where status = 'unknown' and updated_at < $1 order by created_at, id limit $4 "
        "              for no key update skip locked), "
        "     told as (insert into crm.send_verdicts (company_id, message_id, verdict, reason, created_at) "
        "              select m.company_id, m.id, 'defer', 'resend', $2 from late join crm.messages m on m.id = late.id where late.again) "
        "update crm.messages m set status = case when late.again then 'queued' else 'held' end, claim = case when not late.again then m.claim end, "
        "       go_until = null, updated_at = $2 "
        "from late where m.id = late.id returning " MESSAGE_COLUMNS ", late.again",
};

static enum status unknown_work(struct event_list *events, void *context, struct error *error)
{
    (void)context;
    struct batch *batch = events->batch;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_moment(params, batch->now - config_unknown_hold_ms);
    params_moment(params, batch->now);
    params_bool(params, text_same(config_unknown_policy, "resend"));
    params_int(params, PAGE);
    TRY(db_run(batch->db, batch->arena, &unknown_end, params, &rows, error));
    struct flag *flags = ARENA_ARRAY(batch->arena, struct flag, rows.count + 1);
    size_t count = 0;
    for (size_t row = 0; row < rows.count; row++) {
        bool again = rows_bool(&rows, row, 6);
        note_message(events, &rows, row, again ? "message.queued" : "message.held", again ? "resend" : "unknown");
        if (!again)
            flags[count++] =
                (struct flag){ rows_text(&rows, row, 3), rows_text(&rows, row, 0), "send_unknown", batch->now };
    }
    return sweep_flag(events, flags, count, error);
}

enum status sweep_unknown(struct batch *batch, struct error *error)
{
    return sweep_transaction(batch, unknown_work, NULL, error);
}
