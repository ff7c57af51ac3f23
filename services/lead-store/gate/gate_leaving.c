/* What of the AI's is past the gate and not settled, where somebody else wants to write. */
#include "base/text.h"
#include "gate_ask.h"

static const struct statement gate_leaving = {
    .name = "gate_leaving",
    .sql = "select m.conversation_id, max(m.go_until) from crm.messages m "
           "where m.conversation_id = any($1::uuid[]) and m.sender_type = 'ai' and m.status = 'sending' group by 1",
};

static bool is_ais(const struct gate_ask *ask)
{
    return text_same(ask->message->sender_type, "ai");
}

enum status gate_leaving_read(struct gate_batch *gate, struct error *error)
{
    struct arena *arena = gate->batch->arena;
    struct ids conversations = { .arena = arena };
    for (size_t i = 0; i < gate->count; i++)
        if (gate->list[i].message && !is_ais(&gate->list[i]))
            ids_add(&conversations, gate->list[i].conversation->id);
    if (!conversations.count)
        return OK;
    struct params *params = params_new(arena);
    params_texts(params, conversations.list, conversations.count);
    struct rows rows;
    TRY(db_run(gate->batch->db, arena, &gate_leaving, params, &rows, error));
    for (size_t i = 0; i < gate->count; i++)
        for (size_t row = 0; row < rows.count && gate->list[i].message; row++)
            if (text_same(rows_text(&rows, row, 0), gate->list[i].conversation->id))
                gate->list[i].ai_go_until = rows_moment(&rows, row, 1);
    return OK;
}

moment gate_ai_go_until(const struct gate_batch *gate, const struct gate_ask *ask)
{
    moment until = ask->ai_go_until;
    for (size_t i = 0; i < gate->held.message_count; i++) { /* also what this batch has just let go */
        const struct held_message *message = &gate->held.messages[i];
        if (text_same(message->sender_type, "ai") && text_same(message->status, "sending") &&
            text_same(message->conversation_id, ask->conversation->id) && message->go_until > until)
            until = message->go_until;
    }
    return until;
}
