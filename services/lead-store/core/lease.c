#include "lease.h"

/* Taking and renewing are one: the lease is free, over, or already ours. Its commit need not wait for the disk: a crash
 * that forgets it ends every holder's session too, and what two holders do is done twice, not wrongly. */
static const struct statement lease_statement = {
    .name = "lease_take",
    .sql = "insert into crm.relay as r (name, xid, n, holder, leased_until) "
           "select $1, '0', 0, $2, $4 where set_config('synchronous_commit', 'off', true) is not null "
           "on conflict (name) do update set holder = excluded.holder, leased_until = excluded.leased_until "
           "where r.holder is null or r.holder = excluded.holder or r.leased_until < $3 "
           "returning xid, n",
};

enum status lease_take(struct batch *batch, const char *name, int64_t lease_ms, struct rows *rows, struct error *error)
{
    struct params *params = params_new(batch->arena);
    params_text(params, name);
    params_text(params, service_worker_id());
    params_moment(params, batch->now);
    params_moment(params, batch->now + lease_ms);
    return db_run(batch->db, batch->arena, &lease_statement, params, rows, error);
}

static const struct statement release_statement = {
    .name = "lease_release",
    .sql = "update crm.relay set holder = null, leased_until = null where name = $1 and holder = $2",
};

void lease_release(struct batch *batch, const char *name)
{
    struct error error;
    struct params *params = params_new(batch->arena);
    params_text(params, name);
    params_text(params, service_worker_id());
    db_run(batch->db, batch->arena, &release_statement, params, NULL, &error);
}
