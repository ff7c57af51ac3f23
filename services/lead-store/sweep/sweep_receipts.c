#include <string.h>

#include "base/text.h"
#include "core/column.h"
#include "receipt/receipt.h"
#include "sweep_pass.h"

enum { PAGE = 2000, RECENT_MS = 30 * SECOND_MS };

/* Receipts and sends may cross: the message may know its external id by now. */
static const struct statement parked_find = {
    .name = "sweep_parked",
    .sql =
        "select p.created_at, p.id, case when m.id is not null then encode(p.receipt, 'hex') end as receipt "
        "from (select * from crm.parked_receipts where (created_at, id) > ($1::timestamptz, $2::uuid) order by created_at, id limit $3) as p "
        "left join crm.channel_accounts a on a.channel = p.channel and a.account = p.account and a.account <> '' "
        "left join crm.messages m on m.channel_account_id = a.id and m.external_id = p.external_id and m.direction = 'outbound' "
        "order by p.created_at, p.id",
};

static const struct statement parked_forget = {
    .name = "parked_forget",
    .sql = "delete from crm.parked_receipts where id = any($1::uuid[])",
};

struct parked {
    const char **ids;
    struct receipt_task *tasks;
    size_t count;
};

static unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static const Pb__Receipt *receipt_from_hex(struct arena *arena, const char *hex)
{
    struct error error;
    size_t bytes = strlen(hex) / 2;
    unsigned char *data = arena_alloc(arena, bytes + 1);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (unsigned char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    void *receipt = NULL;
    return pb_unpack(arena, &pb__receipt__descriptor, data, bytes, &receipt, &error) == OK ? receipt : NULL;
}

static enum status parked_work(struct event_list *events, void *context, struct error *error)
{
    struct parked *parked = context;
    struct batch *batch = events->batch;
    struct params *params = params_new(batch->arena);
    TRY(receipt_apply_all(events, parked->tasks, parked->count, error));
    params_texts(params, parked->ids, parked->count);
    return db_run(batch->db, batch->arena, &parked_forget, params, NULL, error);
}

static enum status matched_apply(struct batch *batch, const struct rows *rows, struct error *error)
{
    struct parked parked = { ARENA_ARRAY(batch->arena, const char *, rows->count + 1),
                             ARENA_ARRAY(batch->arena, struct receipt_task, rows->count + 1), 0 };
    for (size_t row = 0; row < rows->count; row++) {
        const Pb__Receipt *receipt =
            rows_text(rows, row, 2) ? receipt_from_hex(batch->arena, rows_text(rows, row, 2)) : NULL;
        if (!receipt)
            continue;
        parked.ids[parked.count] = rows_text(rows, row, 1);
        parked.tasks[parked.count++].receipt = receipt;
    }
    return parked.count ? sweep_transaction(batch, parked_work, &parked, error) : OK;
}

static enum status parked_page(struct batch *batch, const struct sweep_cursor *from, struct rows *rows,
                               struct error *error)
{
    struct params *params = params_new(batch->arena);
    sweep_cursor_params(from, params);
    params_int(params, PAGE);
    TRY(db_run(batch->db, batch->arena, &parked_find, params, rows, error));
    return matched_apply(batch, rows, error);
}

/* The youngest every time, the others page by page in turn. */
enum status sweep_parked(struct batch *batch, struct error *error)
{
    static struct sweep_cursor cursor;
    const struct sweep_cursor recent = { .at = batch->now - RECENT_MS };
    struct rows rows;
    TRY(parked_page(batch, &cursor, &rows, error));
    bool all = !cursor.at && rows.count < PAGE;
    sweep_cursor_move(&cursor, &rows, PAGE, "created_at", "id");
    return all ? OK : parked_page(batch, &recent, &rows, error);
}
