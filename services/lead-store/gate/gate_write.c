/* What the gate's verdicts leave behind, for a whole batch. */
#include "base/text.h"
#include "conversation/owed.h"
#include "conversation/uncover.h"
#include "core/column.h"
#include "core/payload.h"
#include "gate_ask.h"

static const struct statement gate_message_save = {
    .name = "gate_message_save",
    .sql =
        "update crm.messages m set status = v.status, claim = v.claim, go_until = v.go_until, error_class = v.error_class, "
        "    error_code = null, error = null, updated_at = $2 "
        "from unnest($1::crm.message_status_row[]) as v where m.id = v.id",
};

/* The last one that changed a message in this batch speaks for it. */
static size_t changed_asks(struct gate_batch *gate, struct gate_ask **out)
{
    size_t count = 0;
    struct ids seen = { .arena = gate->batch->arena };
    for (size_t i = gate->count; i-- > 0;) {
        struct gate_ask *ask = &gate->list[i];
        if (!ask->message || !ask->verdict.status || ids_has(&seen, ask->message->id))
            continue;
        ids_add(&seen, ask->message->id);
        out[count++] = ask;
    }
    return count;
}

static void messages_save(struct gate_batch *gate)
{
    struct arena *arena = gate->batch->arena;
    struct gate_ask **asks = ARENA_ARRAY(arena, struct gate_ask *, gate->count);
    size_t count = changed_asks(gate, asks);
    if (!count)
        return;
    struct params *params = params_new(arena);
    struct records *rows = records_new(arena, count);
    RECORD_UUIDS(rows, i, asks[i]->message->id);
    RECORD_TEXTS(rows, i, asks[i]->message->status);
    RECORD_TEXTS(rows, i, asks[i]->message->claim);
    RECORD_MOMENTS(rows, i, asks[i]->message->go_until);
    RECORD_TEXTS(rows, i, NULL); /* external_id: stays */
    RECORD_TEXTS(rows, i, asks[i]->message->error_class);
    RECORD_TEXTS(rows, i, NULL); /* error_code */
    RECORD_TEXTS(rows, i, NULL); /* error */
    RECORD_MOMENTS(rows, i, 0);  /* sent_at: stays */
    params_records(params, rows, "crm.message_status_row");
    params_moment(params, gate->batch->now);
    db_queue(gate->batch->db, arena, &gate_message_save, params, NULL);
}

static const struct statement gate_lead_save = {
    .name = "gate_lead_save",
    .sql = "update crm.leads l set proactive_at = $3, proactive_message_id = v.message_id "
           "from unnest($1::uuid[], $2::uuid[]) as v(id, message_id) where l.id = v.id",
};

/* The one frequency counter: moved under the lead's lock by the message that leaves. */
static void leads_save(struct gate_batch *gate)
{
    struct arena *arena = gate->batch->arena;
    struct gate_ask **asks = ARENA_ARRAY(arena, struct gate_ask *, gate->count);
    size_t count = 0;
    for (size_t i = 0; i < gate->count; i++)
        if (gate->list[i].message && text_same(gate->list[i].verdict.status, "sending") &&
            text_same(gate->list[i].message->cause, "proactive"))
            asks[count++] = &gate->list[i];
    if (!count)
        return;
    struct params *params = params_new(arena);
    COLUMN_TEXTS(params, count, i, asks[i]->lead->id);
    COLUMN_TEXTS(params, count, i, asks[i]->message->id);
    params_moment(params, gate->batch->now);
    db_queue(gate->batch->db, arena, &gate_lead_save, params, NULL);
}

static const char *template_word(enum gate_template template)
{
    static const char *const words[] = {
        [TEMPLATE_NONE] = NULL, [TEMPLATE_APPROVED] = "approved", [TEMPLATE_REFUSED] = "not_approved"
    };
    return words[template];
}

static void saw_proactive(struct payload *payload, const struct gate_ask *ask)
{
    const struct gate_facts *facts = &ask->facts;
    payload_bool(payload, "opted_out", facts->person.opted_out_at != 0);
    payload_bool(payload, "marketing_consent", facts->person.marketing_consent);
    payload_bool(payload, "unreachable", facts->reach.unreachable);
    payload_moment(payload, "proactive_at", facts->person.proactive_at);
    payload_text(payload, "timezone", ask->quiet.zone_used);
    payload_moment(payload, "quiet_until_at", facts->person.quiet_until);
}

/* The facts as they were, so that nobody has to guess later. No text, no address, no credentials. */
static const char *verdict_saw(struct arena *arena, const struct gate_ask *ask)
{
    const struct gate_facts *facts = &ask->facts;
    struct payload payload = payload_start(arena);
    payload_text(&payload, "status", facts->message.status);
    payload_text(&payload, "cause", facts->message.cause);
    payload_text(&payload, "owner", facts->conversation.human ? "human" : "ai");
    payload_int(&payload, "epoch", facts->conversation.epoch);
    payload_int(&payload, "message_epoch", facts->message.epoch);
    payload_moment(&payload, "window_ends_at", facts->conversation.window_ends_at);
    payload_bool(&payload, "account", facts->reach.account);
    payload_bool(&payload, "recipient", facts->reach.recipient);
    payload_text(&payload, "template", template_word(facts->template));
    if (facts->turn.known) {
        payload_bool(&payload, "newer_owed", facts->turn.newer_owed);
        payload_moment(&payload, "answer_by_at", facts->turn.answer_by);
        if (facts->turn.handed_over)
            payload_bool(&payload, "handed_over", true);
    }
    if (text_same(facts->message.cause, "proactive"))
        saw_proactive(&payload, ask);
    if (facts->replayed)
        payload_bool(&payload, "replayed", true);
    payload_moment(&payload, "until_at", ask->verdict.until);
    return payload_end(&payload);
}

static const struct statement verdict_insert = {
    .name = "verdict_insert",
    .sql = "insert into crm.send_verdicts (company_id, message_id, verdict, reason, saw, created_at) "
           "select v.company_id, v.message_id, v.verdict, v.reason, v.saw, $2 "
           "from unnest($1::crm.verdict_row[]) with ordinality "
           "  as v(company_id, message_id, verdict, reason, saw, place) order by v.place",
};

static const char *verdict_word(Pb__Verdict verdict)
{
    static const char *const words[] = { [PB__VERDICT__VERDICT_GO] = "go",
                                         [PB__VERDICT__VERDICT_DEFER] = "defer",
                                         [PB__VERDICT__VERDICT_REFUSE] = "refuse",
                                         [PB__VERDICT__VERDICT_BUSY] = "busy",
                                         [PB__VERDICT__VERDICT_DONE] = "done" };
    return words[verdict];
}

static void verdicts_save(struct gate_batch *gate)
{
    struct arena *arena = gate->batch->arena;
    struct gate_ask **asks = ARENA_ARRAY(arena, struct gate_ask *, gate->count);
    size_t count = 0;
    for (size_t i = 0; i < gate->count; i++)
        if (gate->list[i].message)
            asks[count++] = &gate->list[i];
    if (!count)
        return;
    struct params *params = params_new(arena);
    struct records *rows = records_new(arena, count);
    RECORD_UUIDS(rows, i, asks[i]->message->company_id);
    RECORD_UUIDS(rows, i, asks[i]->message->id);
    RECORD_TEXTS(rows, i, verdict_word(asks[i]->verdict.verdict));
    RECORD_TEXTS(rows, i, asks[i]->verdict.reason);
    RECORD_JSONS(rows, i, verdict_saw(arena, asks[i]));
    params_records(params, rows, "crm.verdict_row");
    params_moment(params, gate->batch->now);
    db_queue(gate->batch->db, arena, &verdict_insert, params, NULL);
}

/* message.held, .cancelled, .withdrawn: it ended before leaving. */
static void note_ended(struct event_list *events, const struct gate_ask *ask)
{
    struct arena *arena = events->batch->arena;
    struct payload payload = payload_start(arena);
    payload_text(&payload, "message_id", ask->message->id);
    payload_text(&payload, "conversation_id", ask->conversation->id);
    payload_text(&payload, "channel", ask->message->channel);
    payload_text(&payload, "reason", ask->verdict.reason);
    event_note(events, (struct event_note){
                           .type = text_format(arena, "message.%s", ask->verdict.status),
                           .company_id = ask->message->company_id,
                           .lead_id = ask->message->lead_id,
                           .payload = payload_end(&payload),
                           .actor = "system",
                           .correlation_id = ask->message->correlation_id,
                       });
}

/* A newer question or a takeover took the answer back, now or when it was asked about before. */
static bool is_taken_back(const struct gate_ask *ask)
{
    if (!ask->turn || !text_same(ask->turn->state, "superseded"))
        return false;
    return text_same(ask->message->status, "withdrawn") ||
           (text_same(ask->message->status, "cancelled") && text_same(ask->message->error_class, "human_owner"));
}

/* The newest owed message's job, asked for again; known to the scheduler in most cases. After a change of hands it is
 * one of its own, as after a handback. */
static Pb__JobSpec *taken_back_job(const struct gate_batch *gate, const struct gate_ask *ask,
                                   const struct newest_owed *newest, const struct held_conversation *asked)
{
    const char *suffix = NULL;
    if (asked->owed_position <= asked->covered_position)
        return NULL;
    if (text_same(ask->message->status, "cancelled")) {
        if (!text_same(asked->owner, "ai") || !text_same(asked->state, "open"))
            return NULL;
        suffix = text_format(gate->batch->arena, "%lld", (long long)asked->epoch);
    }
    return newest_owed_job(newest, asked, &ask->item->caller, suffix, suffix ? 0 : asked->reach->sender->buffer_ms);
}

static enum status taken_back_follow(struct gate_batch *gate, struct event_list *events, struct error *error)
{
    struct ids conversations = { .arena = gate->batch->arena };
    for (size_t i = 0; i < gate->count; i++)
        if (is_taken_back(&gate->list[i]))
            ids_add(&conversations, gate->list[i].turn->conversation_id);
    struct newest_owed newest;
    TRY(newest_owed_read(&gate->held, &conversations, &newest, error));
    for (size_t i = 0; i < gate->count; i++) {
        struct gate_ask *ask = &gate->list[i];
        if (!is_taken_back(ask))
            continue;
        const struct held_conversation *asked = held_conversation(&gate->held, ask->turn->conversation_id);
        if (text_same(ask->verdict.status, "withdrawn"))
            turn_note_superseded(events, ask->turn, newest_owed_message(&newest, asked), &ask->item->caller);
        Pb__JobSpec *job = taken_back_job(gate, ask, &newest, asked);
        if (!job)
            continue;
        ask->reply->jobs = ARENA_ARRAY(gate->batch->arena, Pb__JobSpec *, 1);
        ask->reply->jobs[ask->reply->n_jobs++] = job;
    }
    return OK;
}

enum status gate_write(struct gate_batch *gate, struct error *error)
{
    struct event_list events = { .batch = gate->batch };
    for (size_t i = 0; i < gate->count; i++)
        if (gate->list[i].message && gate->list[i].verdict.verdict == PB__VERDICT__VERDICT_REFUSE &&
            gate->list[i].verdict.status)
            note_ended(&events, &gate->list[i]);
    leads_save(gate);
    hold_save(&gate->held);
    messages_save(gate);
    uncover_write(&gate->held, &gate->withdrawn);
    TRY(taken_back_follow(gate, &events, error));
    verdicts_save(gate);
    event_flush(&events);
    return OK;
}
