#include "settle_parked.h"

#include <string.h>

#include "base/text.h"
#include "core/column.h"
#include "receipt.h"

enum { WISHES_FIRST = 32 };

static const struct statement parked_find = {
    .name = "parked_find",
    .sql = "select v.id from unnest($1::text[]) as v(id) "
           "where exists (select from crm.parked_receipts where external_id = v.id offset 0)",
};

void parked_look(struct parked_list *list, const char *external_id)
{
    ids_add(&list->looked, external_id);
}

void parked_look_queue(struct batch *batch, struct parked_list *list)
{
    if (!list->looked.count)
        return;
    struct params *params = params_new(batch->arena);
    params_words(params, list->looked.list, list->looked.count);
    db_queue(batch->db, batch->arena, &parked_find, params, &list->found);
}

static bool is_parked(const struct parked_list *list, const char *external_id)
{
    for (size_t row = 0; row < list->found.count; row++)
        if (text_same(rows_text(&list->found, row, 0), external_id))
            return true;
    return false;
}

void parked_want(struct parked_list *list, const struct held_message *message, const char *external_id,
                 Pb__SendSettled *reply)
{
    if (!is_parked(list, external_id))
        return;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : WISHES_FIRST;
        struct parked_wish *wishes = ARENA_ARRAY(list->arena, struct parked_wish, capacity);
        for (size_t i = 0; i < list->count; i++)
            wishes[i] = list->wishes[i];
        list->wishes = wishes;
        list->capacity = capacity;
    }
    list->wishes[list->count++] = (struct parked_wish){ message, external_id, reply };
}

static const struct statement parked_take = {
    .name = "parked_take",
    .sql =
        "with taken as (delete from crm.parked_receipts p "
        "    using unnest($1::uuid[], $2::text[]) as v(account_id, external_id) join crm.channel_accounts a on a.id = v.account_id "
        "    where p.external_id = v.external_id and p.channel = a.channel and p.account = a.account "
        "    returning p.id, p.created_at, p.receipt) "
        "select encode(receipt, 'hex') from taken order by created_at, id",
};

static uint8_t nibble(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* What encode(..., 'hex') wrote. */
static enum status receipt_of_hex(struct arena *arena, const char *hex, Pb__Receipt **out, struct error *error)
{
    size_t bytes = strlen(hex) / 2;
    uint8_t *data = arena_alloc(arena, bytes + 1);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    return pb_unpack(arena, &pb__receipt__descriptor, data, bytes, (void **)out, error);
}

enum status parked_apply(const struct parked_list *list, struct event_list *events, struct error *error)
{
    struct batch *batch = events->batch;
    if (!list->count)
        return OK;
    struct params *params = params_new(batch->arena);
    COLUMN_TEXTS(params, list->count, i, list->wishes[i].message->account_id);
    COLUMN_TEXTS(params, list->count, i, list->wishes[i].external_id);
    struct rows rows;
    TRY(db_run(batch->db, batch->arena, &parked_take, params, &rows, error));
    struct receipt_task *tasks = ARENA_ARRAY(batch->arena, struct receipt_task, rows.count + 1);
    for (size_t row = 0; row < rows.count; row++) {
        Pb__Receipt *receipt;
        TRY(receipt_of_hex(batch->arena, rows_text(&rows, row, 0), &receipt, error));
        tasks[row].receipt = receipt;
    }
    TRY(receipt_apply_all(events, tasks, rows.count, error));
    for (size_t row = 0; row < rows.count; row++)
        for (size_t i = 0; i < list->count; i++)
            if (tasks[row].applied && text_same(tasks[row].applied->message_id, list->wishes[i].message->id))
                list->wishes[i].reply->status = tasks[row].applied->status;
    return OK;
}
