#include "missed.h"

#include "conversation/message_view.h"
#include "wire/pbrow.h"

/* Of the AI's what has left or is leaving: what waits is cancelled when a person writes. */
static const struct statement missed_since = {
    .name = "missed_since",
    .sql =
        "select w.seen, p.* from (select coalesce($4::bigint, (select position from crm.messages where id = $3::uuid "
        "    and company_id = $1 and conversation_id = $2)) as seen) w left join lateral (" MESSAGE_VIEW
        "from crm.messages m where m.conversation_id = $2 and m.company_id = $1 and m.position > w.seen and (m.direction = 'inbound' "
        "    or m.sender_type = 'operator' or m.status in ('sending', 'unknown', 'sent', 'delivered', 'read')) "
        "order by m.position limit 20) p on true",
};

enum status missed_read(struct batch *batch, const struct held_conversation *conversation, const char *message_id,
                        int64_t position, struct missed *out, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, conversation->company_id);
    params_text(params, conversation->id);
    params_text(params, message_id);
    params_int_if(params, !message_id, position);
    TRY(db_run(batch->db, batch->arena, &missed_since, params, &rows, error));
    *out = (struct missed){ .known = rows_text(&rows, 0, 0) != NULL };
    if (rows_text(&rows, 0, rows_column(&rows, "id")))
        out->count = pbrow_read_all(batch->arena, &pb__message__descriptor, &rows, (void ***)&out->messages);
    return OK;
}
