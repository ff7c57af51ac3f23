#include "settled.h"

static _Thread_local struct {
    int64_t number;
    int64_t next_number; /* settled, too, as soon as nothing older than next_xid runs */
    int64_t next_xid;    /* 0: none is waited for */
} known;

static const struct statement settled_newest = {
    .name = "settled_newest",
    .sql = "select case when is_called then last_value else 0 end from crm.events_n_seq",
};
/* Of its own transaction, which is over when it answers. */
static const struct statement settled_xid = {
    .name = "settled_xid",
    .sql = "select pg_current_xact_id()::text",
};
static const struct statement settled_oldest = {
    .name = "settled_oldest",
    .sql = "select pg_snapshot_xmin(pg_current_snapshot())::text",
};

static enum status ask_number(struct batch *batch, const struct statement *statement, int64_t *out, struct error *error)
{
    struct rows rows;
    TRY(db_run(batch->db, batch->arena, statement, NULL, &rows, error));
    *out = rows_int(&rows, 0, 0);
    return OK;
}

enum status settled_look(struct batch *batch, int64_t *number, int64_t *newest, struct error *error)
{
    int64_t oldest_xid = 0;
    TRY(ask_number(batch, &settled_newest, newest, error));
    if (*newest > known.number && known.next_xid == 0) {
        TRY(ask_number(batch, &settled_xid, &known.next_xid, error));
        known.next_number = *newest;
    }
    if (known.next_xid != 0) {
        TRY(ask_number(batch, &settled_oldest, &oldest_xid, error));
        if (oldest_xid > known.next_xid) {
            known.number = known.next_number;
            known.next_xid = 0;
        }
    }
    *number = known.number;
    return OK;
}
