#include "uncover.h"

#include "base/text.h"
#include "core/column.h"
#include "core/payload.h"

bool turn_is_newest(const struct held *held, const struct held_turn *turn)
{
    const struct held_conversation *conversation = held_conversation(held, turn->conversation_id);
    return conversation && text_same(conversation->state, "open") && text_same(turn->state, "committed") &&
           turn->covered_position == conversation->covered_position;
}

void turn_uncover(struct held *held, struct held_turn *turn, struct ids *uncovered)
{
    struct held_conversation *conversation = held_conversation(held, turn->conversation_id);
    conversation->covered_position = turn->after_position;
    conversation->changed = true;
    turn->state = "superseded";
    ids_add(uncovered, turn->id);
}

static const struct statement uncover_messages = {
    .name = "uncover_messages",
    .sql =
        "update crm.messages m set turn_id = null, updated_at = $5 "
        "from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) as v(turn_id, conversation_id, after_position, covered_position) "
        "where m.conversation_id = v.conversation_id and m.position > v.after_position and m.position <= v.covered_position "
        "  and m.direction = 'inbound' and m.turn_id = v.turn_id",
};
static const struct statement turn_supersede = {
    .name = "turn_supersede",
    .sql = "update crm.turns set state = 'superseded', updated_at = $2 where id = any($1::uuid[])",
};
/* It has written a message, and stays that message's: if its job runs again, that is another turn. */
static const struct statement turn_take_back = {
    .name = "turn_take_back",
    .sql = "update crm.turns set state = 'superseded', taken_back = true, updated_at = $2 where id = any($1::uuid[])",
};

static void turns_end(struct batch *batch, const struct statement *statement, const struct ids *turn_ids)
{
    struct params *params = params_new(batch->arena);
    params_texts(params, turn_ids->list, turn_ids->count);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, statement, params, NULL);
}

void turns_supersede(struct batch *batch, const struct ids *turn_ids)
{
    if (turn_ids->count)
        turns_end(batch, &turn_supersede, turn_ids);
}

void uncover_write(struct held *held, const struct ids *uncovered)
{
    if (!uncovered->count)
        return;
    struct params *params = params_new(held->batch->arena);
    params_texts(params, uncovered->list, uncovered->count);
    COLUMN_TEXTS(params, uncovered->count, i, held_turn(held, uncovered->list[i])->conversation_id);
    COLUMN_INTS(params, uncovered->count, i, held_turn(held, uncovered->list[i])->after_position);
    COLUMN_INTS(params, uncovered->count, i, held_turn(held, uncovered->list[i])->covered_position);
    params_moment(params, held->batch->now);
    db_queue(held->batch->db, held->batch->arena, &uncover_messages, params, NULL);
    turns_end(held->batch, &turn_take_back, uncovered);
}

void turn_note_superseded(struct event_list *events, const struct held_turn *turn, const char *by_message_id,
                          const struct caller *caller)
{
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "turn_id", turn->id);
    payload_text(&payload, "conversation_id", turn->conversation_id);
    payload_text(&payload, "job_id", turn->job_id);
    payload_text(&payload, "message_id", turn->message_id);
    payload_text(&payload, "by_message_id", by_message_id);
    event_note(events, (struct event_note){
                           .type = "turn.superseded",
                           .company_id = turn->company_id,
                           .lead_id = turn->lead_id,
                           .payload = payload_end(&payload),
                           .actor = "system",
                           .correlation_id = caller->correlation_id,
                       });
}
