#include "transaction.h"

#include <string.h>

#include "relay.h"

/* Runs of a batch that met a concurrent writer; after them the caller asks again. */
enum { RUNS_MAX = 4 };

static struct metric refused = {
    .name = "parley_store_database_refused_total",
    .help = "items that passed our checks and were refused by the database",
    .kind = METRIC_COUNTER,
};

static void items_reset(struct item **items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        items[i]->status = OK;
        items[i]->error = (struct error){ 0 };
        items[i]->reply = NULL;
    }
}

static void items_fail(struct item **items, size_t count, enum status status, const struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        items[i]->status = status;
        items[i]->error = *error;
        items[i]->reply = NULL;
    }
}

/* A part under a savepoint: whole, or in halves until the bad item stands alone. */
static enum status run_part(struct batch *batch, transaction_work *work, struct item **items, size_t count,
                            struct error *error)
{
    if (!count)
        return OK;
    TRY(db_savepoint(batch->db, error));
    items_reset(items, count);
    enum status status = work(batch, items, count, error);
    if (status == OK)
        return db_savepoint_release(batch->db, error);
    if (status == RETRY)
        return RETRY;
    struct error reason = *error;
    TRY(db_savepoint_back(batch->db, error));
    if (count == 1) {
        metric_add(&refused, NULL, 1);
        items_fail(items, 1, REJECT, &reason);
        return OK;
    }
    TRY(run_part(batch, work, items, count / 2, error));
    return run_part(batch, work, items + count / 2, count - count / 2, error);
}

static enum status run_once(struct batch *batch, transaction_work *work, struct item **items, size_t count, bool parts,
                            struct error *error)
{
    relay_forget();
    TRY(db_begin(batch->db, error));
    items_reset(items, count);
    TRY(parts ? run_part(batch, work, items, count, error) : work(batch, items, count, error));
    return db_commit(batch->db, error);
}

/* Somebody else was faster (deadlock, a row that just came into being): looking again is enough. */
static bool worth_another_run(struct db *db, const struct error *error)
{
    if (!db_connected(db))
        return false;
    const char *state = db_sqlstate(db);
    return strcmp(error->code, TRANSACTION_AGAIN) == 0 || strncmp(state, "40", 2) == 0 || strcmp(state, "23505") == 0 ||
           strcmp(state, "23503") == 0;
}

static size_t items_to_do(struct batch *batch, struct item **out)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i]->status == OK)
            out[count++] = batch->items[i];
    return count;
}

void transaction_run(struct batch *batch, transaction_work *work)
{
    struct item **items = ARENA_ARRAY(batch->arena, struct item *, batch->count + 1);
    size_t count = items_to_do(batch, items);
    if (!count)
        return;
    struct error error = { 0 };
    enum status status = RETRY;
    bool parts = false;
    for (int run = 0; run < RUNS_MAX && status != OK; run++) {
        error = (struct error){ 0 };
        status = run_once(batch, work, items, count, parts, &error);
        if (status == OK)
            break;
        bool again = status == REJECT ? !parts : worth_another_run(batch->db, &error);
        parts = parts || status == REJECT;
        db_rollback(batch->db);
        if (!again)
            break;
    }
    if (status != OK)
        items_fail(items, count, status, &error);
    else
        relay_commit();
}
