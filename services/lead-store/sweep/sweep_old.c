#include "core/config.h"
#include "sweep_pass.h"

enum {
    PERIOD_MS = 60 * SECOND_MS,
    PAGE = 5000,
    PARKED_DAYS = 7,
    PARKED_MAX_ROWS = 100000,
};

/* Only from the old end of an index: what is young is never read. */
static const struct statement old_events = {
    .name = "old_events",
    .sql =
        "delete from crm.events where (xid, n) in (select xid, n from (select xid, n, admitted_at from crm.events order by xid, n limit $2) as e "
        "  where e.admitted_at < $1 and (e.xid, e.n) <= (select xid, n from crm.relay where name = 'events'))",
};

static const struct statement old_verdicts = {
    .name = "old_verdicts",
    .sql =
        "delete from crm.send_verdicts where id in (select id from (select id, created_at from crm.send_verdicts order by id limit $2) as v "
        "  where v.created_at < $1)",
};

static const struct statement old_parked = {
    .name = "old_parked",
    .sql =
        "delete from crm.parked_receipts where id in (select id from crm.parked_receipts where created_at < $1 order by created_at limit $2)",
};

static const struct statement most_parked = {
    .name = "most_parked",
    .sql =
        "delete from crm.parked_receipts where created_at <= (select created_at from crm.parked_receipts order by created_at desc "
        "  offset $1 limit 1)",
};

/* What answers were given from is kept as long as what they were decided by. */
static const struct statement old_chunks = {
    .name = "old_chunks",
    .sql =
        "delete from crm.ai_kb_chunks where id in (select id from crm.ai_kb_chunks where retired_at < $1 order by retired_at limit $2)",
};

static enum status old_delete(struct batch *batch, const struct statement *statement, moment before,
                              struct error *error)
{
    struct params *params = params_new(batch->arena);
    params_moment(params, before);
    params_int(params, PAGE);
    return db_run(batch->db, batch->arena, statement, params, NULL, error);
}

enum status sweep_old(struct batch *batch, struct error *error)
{
    static moment due;
    if (batch->now < due)
        return OK;
    due = batch->now + PERIOD_MS;
    struct params *params = params_new(batch->arena);
    params_int(params, PARKED_MAX_ROWS);
    TRY(old_delete(batch, &old_parked, batch->now - (int64_t)PARKED_DAYS * DAY_MS, error));
    TRY(db_run(batch->db, batch->arena, &most_parked, params, NULL, error));
    if (!config_retention_days)
        return OK;
    moment before = batch->now - config_retention_days * DAY_MS;
    TRY(old_delete(batch, &old_events, before, error));
    TRY(old_delete(batch, &old_chunks, before, error));
    return old_delete(batch, &old_verdicts, before, error);
}
