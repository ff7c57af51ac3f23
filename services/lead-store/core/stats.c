#include "stats.h"

#include "base/ident.h"
#include "base/text.h"
#include "transaction.h"

static const struct statement stats_buffers = {
    .name = "stats_buffers",
    .sql =
        "select count(*) from crm.conversations where owed_since is not null and owner = 'ai' and state = 'open' and buffer_until > $1 "
        "and ($2::uuid is null or company_id = $2::uuid)",
};

static enum status stats_one(struct batch *batch, struct item *item, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_moment(params, batch->now);
    params_text_if(params, item->caller.company_id);
    TRY(db_run(batch->db, batch->arena, &stats_buffers, params, &rows, error));
    Pb__Stats *stats = PB_NEW(batch->arena, stats);
    PB_SET(stats, active_buffers, rows_int(&rows, 0, 0));
    stats->database = "connected";
    stats->default_company_id = (char *)ident_default_company(batch->arena);
    const char *const *names;
    stats->n_vanished_streams = service_vanished(&names);
    stats->vanished_streams = (char **)names;
    item->reply = &stats->base;
    return OK;
}

static enum status stats_all(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(stats_one(batch, items[i], error));
    return OK;
}

void stats_read(struct batch *batch)
{
    transaction_run(batch, stats_all);
}
