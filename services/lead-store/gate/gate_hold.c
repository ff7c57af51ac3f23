/* What is locked and read before anything is judged: people, conversations, messages, in this order. */
#include "base/ident.h"
#include "base/text.h"
#include "core/column.h"
#include "gate_ask.h"

struct wanted {
    struct ids leads, conversations, messages, turns;
};

static const struct statement gate_find = {
    .name = "gate_find",
    .sql = "select m.id, m.lead_id, m.conversation_id, m.turn_id, t.conversation_id as asked_id "
           "from unnest($1::uuid[], $2::uuid[]) as v(id, company_id) "
           "cross join lateral (select * from crm.messages where id = v.id and company_id = v.company_id "
           "                    and direction = 'outbound' limit 1) m "
           "left join lateral (select conversation_id from crm.turns where id = m.turn_id limit 1) t on true",
};

static enum status wanted_find(struct gate_batch *gate, struct wanted *wanted, struct error *error)
{
    struct params *params = params_new(gate->batch->arena);
    struct rows rows;
    COLUMN_UUIDS(params, gate->count, i, gate->list[i].request->message_id);
    COLUMN_UUIDS(params, gate->count, i, gate->list[i].item->caller.company_id);
    TRY(db_run(gate->batch->db, gate->batch->arena, &gate_find, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++) {
        ids_add(&wanted->messages, rows_text(&rows, row, 0));
        ids_add(&wanted->leads, rows_text(&rows, row, 1));
        ids_add(&wanted->conversations, rows_text(&rows, row, 2));
        ids_add(&wanted->turns, rows_text(&rows, row, 3));
        ids_add(&wanted->conversations, rows_text(&rows, row, 4));
    }
    return OK;
}

static bool tells(const Pb__SendAuthorizeRequest *request)
{
    return ident_valid(text_or(request->lead_id, "")) && ident_valid(text_or(request->conversation_id, "")) &&
           (text_empty(request->turn_id) || ident_valid(request->turn_id));
}

/* Each is believed once: the mark stays with the item when its batch is run again. */
static bool all_tell(struct gate_batch *gate)
{
    static const char believed;
    bool all = true;
    for (size_t i = 0; i < gate->count; i++) {
        all &= !gate->list[i].item->state && tells(gate->list[i].request);
        gate->list[i].item->state = (void *)&believed;
    }
    return all;
}

static void wanted_told(const struct gate_batch *gate, struct wanted *wanted)
{
    struct arena *arena = gate->batch->arena;
    for (size_t i = 0; i < gate->count; i++) {
        const Pb__SendAuthorizeRequest *request = gate->list[i].request;
        ids_add(&wanted->messages, text_lower(arena, request->message_id));
        ids_add(&wanted->leads, request->lead_id);
        ids_add(&wanted->conversations, request->conversation_id);
        ids_add(&wanted->turns, request->turn_id);
    }
}

enum status gate_hold(struct gate_batch *gate, struct error *error)
{
    struct arena *arena = gate->batch->arena;
    struct wanted wanted = {
        { .arena = arena },
        { .arena = arena },
        { .arena = arena },
        { .arena = arena },
    };
    gate->told = all_tell(gate);
    if (gate->told)
        wanted_told(gate, &wanted);
    else
        TRY(wanted_find(gate, &wanted, error));
    hold_leads(&gate->held, &wanted.leads);
    hold_conversations(&gate->held, &wanted.conversations);
    hold_messages(&gate->held, &wanted.messages);
    hold_turns(&gate->held, &wanted.turns);
    hold_reach(&gate->held, &wanted.conversations);
    return hold_read(&gate->held, error);
}

bool gate_holds(const struct gate_batch *gate, const struct gate_ask *ask)
{
    if (!ask->conversation || !ask->lead)
        return false;
    if (gate->told && ask->message->turn_id && !ask->turn)
        return false;
    return !ask->turn || held_conversation(&gate->held, ask->turn->conversation_id);
}
