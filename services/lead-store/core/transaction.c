#include "transaction.h"

#include <string.h>

#include "event.h"

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

/* How a batch is run; what comes next follows from how it failed. */
struct attempt {
    int runs;
    bool parts;      /* under savepoints, so that a bad item can be found by halving */
    bool duplicates; /* a row that exists already is such an item: looking again did not help */
};

/* A row with this key exists. */
static bool is_duplicate(const struct db *db, const struct error *error)
{
    return db_connected(db) && strcmp(error->code, TRANSACTION_AGAIN) != 0 && strcmp(db_sqlstate(db), "23505") == 0;
}

/* A part under a savepoint: whole, or in halves until the bad item stands alone. */
static enum status run_part(struct batch *batch, transaction_work *work, const struct attempt *attempt,
                            struct item **items, size_t count, struct error *error)
{
    if (!count)
        return OK;
    TRY(db_savepoint(batch->db, error));
    items_reset(items, count);
    enum status status = work(batch, items, count, error);
    if (status == OK)
        status = db_flush(batch->db, error);
    if (status == OK)
        return db_savepoint_release(batch->db, error);
    if (status == RETRY && !(attempt->duplicates && is_duplicate(batch->db, error)))
        return RETRY;
    struct error reason = *error;
    TRY(db_savepoint_back(batch->db, error));
    if (count == 1) {
        metric_add(&refused, NULL, 1);
        items_fail(items, 1, REJECT, &reason);
        return OK;
    }
    TRY(run_part(batch, work, attempt, items, count / 2, error));
    return run_part(batch, work, attempt, items + count / 2, count - count / 2, error);
}

static enum status run_once(struct batch *batch, transaction_work *work, const struct attempt *attempt,
                            struct item **items, size_t count, struct error *error)
{
    event_begin();
    TRY(db_begin(batch->db, error));
    items_reset(items, count);
    TRY(attempt->parts ? run_part(batch, work, attempt, items, count, error) : work(batch, items, count, error));
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

/* Is another run of any use, and how is it to be run? */
static bool attempt_next(struct attempt *attempt, const struct batch *batch, enum status status,
                         const struct error *error)
{
    attempt->runs++;
    if (status == REJECT) {
        bool first = !attempt->parts;
        attempt->parts = true;
        return first;
    }
    if (!worth_another_run(batch->db, error))
        return false;
    if (attempt->runs < RUNS_MAX)
        return true;
    bool first = !attempt->duplicates && is_duplicate(batch->db, error);
    attempt->parts = attempt->duplicates = true;
    return first;
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
    struct attempt attempt = { 0 };
    for (bool again = true; again;) {
        error = (struct error){ 0 };
        status = run_once(batch, work, &attempt, items, count, &error);
        if (status == OK)
            break;
        again = attempt_next(&attempt, batch, status, &error);
        db_rollback(batch->db);
    }
    if (status != OK)
        items_fail(items, count, status, &error);
    else
        event_committed();
}
