/* store.summary.ask, store.bumpup.ask: the job of what a person wants for a lead, to be enqueued by whoever asked. */
#include "base/ident.h"
#include "base/text.h"
#include "bumpup.h"
#include "core/follow.h"
#include "core/read.h"
#include "summary/summary.h"

/* The conversation that was written in last; a bump-up goes by WhatsApp alone. */
static const struct statement follow_up_find = {
    .name = "follow_up_find",
    .sql = "select l.id as lead_id, c.id as conversation_id, c.last_position "
           "from crm.leads w join crm.leads l on l.id = coalesce(w.merged_into, w.id) "
           "left join lateral (select id, last_position from crm.conversations where lead_id = l.id and state = 'open' "
           "    and (not $3 or channel like 'whatsapp%') order by updated_at desc, id limit 1) c on true "
           "where w.id = $2 and w.company_id = $1",
};

static enum status lead_ask(struct item *item, bool whatsapp, struct db_step *step, struct error *error)
{
    const Pb__FollowUpRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return error_code(error, REJECT, "unknown_lead", "there is no such lead");
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    params_bool(params, whatsapp);
    *step = (struct db_step){ .statement = &follow_up_find, .params = params };
    return OK;
}

typedef Pb__JobSpec *job_make(struct arena *arena, const struct follow_silence *silence);

/* A caller's own key makes a job of its own, under an id that follows from it. */
static enum status lead_tell(struct item *item, const struct rows *rows, job_make *make, struct error *error)
{
    const Pb__FollowUpRequest *request = item->message;
    struct arena *arena = item->arena;
    if (!rows->count)
        return error_code(error, REJECT, "unknown_lead", "there is no such lead");
    if (!rows_text(rows, 0, 1))
        return error_code(error, REJECT, "no_conversation", "this lead has no open conversation for that");
    Pb__FollowUpAccepted *reply = PB_NEW(arena, follow_up_accepted);
    const struct follow_silence silence = {
        .company_id = item->caller.company_id,
        .lead_id = rows_text(rows, 0, 0),
        .conversation_id = rows_text(rows, 0, 1),
        .position = rows_int(rows, 0, 2),
        .correlation_id = item->caller.correlation_id,
        .traceparent = item->caller.traceparent,
        .key = text_empty(request->idempotency_key) ? NULL
                                                    : ident_named(arena, "follow_up", request->idempotency_key, NULL),
    };
    reply->jobs = ARENA_ARRAY(arena, Pb__JobSpec *, 1);
    reply->jobs[reply->n_jobs++] = make(arena, &silence);
    item->reply = &reply->base;
    return OK;
}

static enum status summary_prepare(struct item *item, struct db_step *step, struct error *error)
{
    return lead_ask(item, false, step, error);
}

static enum status summary_tell(struct item *item, const struct rows *rows, struct error *error)
{
    return lead_tell(item, rows, follow_summary_job, error);
}

void summary_ask(struct batch *batch)
{
    read_run(batch, summary_prepare, summary_tell);
}

static enum status bumpup_prepare(struct item *item, struct db_step *step, struct error *error)
{
    return lead_ask(item, true, step, error);
}

static enum status bumpup_tell(struct item *item, const struct rows *rows, struct error *error)
{
    return lead_tell(item, rows, follow_bumpup_job, error);
}

void bumpup_ask(struct batch *batch)
{
    read_run(batch, bumpup_prepare, bumpup_tell);
}
