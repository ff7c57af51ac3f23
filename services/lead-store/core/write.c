#include "write.h"

#include "column.h"
#include "wire/pbrow.h"

void write_refuse(struct item *item, const struct error *refused)
{
    item_fail(item, REJECT, refused->code, "%s", refused->text);
}

void write_run(struct batch *batch, write_check *check, transaction_work *work)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct error refused = { 0 };
        if (check(batch->items[i], &refused) != OK)
            write_refuse(batch->items[i], &refused);
    }
    transaction_run(batch, work);
}

static const struct statement companies_hold = {
    .name = "write_companies_hold",
    .sql = "select id from crm.companies where id = any($1::uuid[]) order by id for no key update",
};

static enum status work_in_turn(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    const struct writer *writer = items[0]->state;
    struct event_list events = { .batch = batch };
    struct params *params = params_new(batch->arena);
    COLUMN_TEXTS(params, count, i, items[i]->caller.company_id);
    db_queue(batch->db, batch->arena, &companies_hold, params, NULL);
    for (size_t i = 0; i < count; i++)
        TRY(writer->one(batch, items[i], &events, error));
    event_flush(&events);
    return OK;
}

void write_in_turn(struct batch *batch, const struct writer *writer)
{
    for (size_t i = 0; i < batch->count; i++)
        batch->items[i]->state = (void *)writer;
    write_run(batch, writer->check, work_in_turn);
}

enum status write_show(struct batch *batch, struct item *item, const struct statement *statement,
                       const ProtobufCMessageDescriptor *descriptor, const char *id, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, item->caller.company_id);
    params_text(params, id);
    TRY(db_run(batch->db, batch->arena, statement, params, &rows, error));
    item->reply = pbrow_read(item->arena, descriptor, &rows, 0);
    return OK;
}

enum status write_version(bool given, int64_t version, int64_t now, const char *noun, struct error *refused)
{
    if (!given || version == now)
        return OK;
    return error_code(refused, REJECT, "stale_version", "%s has been changed since: its version is %lld", noun,
                      (long long)now);
}
