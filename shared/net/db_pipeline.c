/* Many statements in one round trip: what is queued, then steps. */
#include <assert.h>
#include <stdlib.h>

#include "net/db_inside.h"

static void queue_grow(struct db *db)
{
    db->queue_capacity = db->queue_capacity ? 2 * db->queue_capacity : QUEUE_FIRST;
    db->queue = realloc(db->queue, db->queue_capacity * sizeof *db->queue);
    if (!db->queue)
        abort();
}

void db_queue(struct db *db, struct arena *arena, const struct statement *statement, const struct params *params,
              struct rows *rows)
{
    assert(db->in_transaction);
    if (rows)
        *rows = (struct rows){ 0 };
    if (db->queued_count == db->queue_capacity)
        queue_grow(db);
    db->queue[db->queued_count++] =
        (struct db_queued){ .step = { .statement = statement, .params = params }, .arena = arena, .rows = rows };
}

enum status db_flush(struct db *db, struct error *error)
{
    return db->queued_count ? db_pipeline(db, NULL, NULL, 0, error) : OK;
}

static enum status prepare(struct db *db, const struct db_step *step, struct error *error)
{
    TRY(db_prepare(db, step->statement, error));
    return db_know_row(db, step->params, error);
}

static enum status prepare_all(struct db *db, const struct db_step *steps, size_t count, struct error *error)
{
    for (size_t i = 0; i < db->queued_count; i++)
        TRY(prepare(db, &db->queue[i].step, error));
    for (size_t i = 0; i < count; i++)
        TRY(prepare(db, &steps[i], error));
    return OK;
}

/* All of them and the end mark into libpq's buffer. */
static bool send_all(const struct db *db, const struct db_step *steps, size_t count)
{
    for (size_t i = 0; i < db->queued_count; i++)
        if (!db_send_prepared(db, db->queue[i].step.statement, db->queue[i].step.params))
            return false;
    for (size_t i = 0; i < count; i++)
        if (!db_send_prepared(db, steps[i].statement, steps[i].params))
            return false;
    return PQpipelineSync(db->conn);
}

static enum status not_run(struct db_step *step)
{
    return error_code(&step->error, RETRY, "not_run", "not run: an earlier step failed");
}

static enum status take_step(struct db *db, struct arena *arena, struct db_step *step)
{
    CLEANUP(db_clear_result) PGresult *result = NULL;
    CLEANUP(db_clear_result) PGresult *end = NULL;
    TRY(db_await(db, &result, &step->error));
    if (!result)
        return db_lost(db, &step->error);
    if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED)
        not_run(step);
    enum status status = PQresultStatus(result) == PGRES_PIPELINE_ABORTED
                             ? RETRY
                             : db_take_result(db, arena, result, &step->rows, &step->error);
    if (!db->conn)
        return status;
    enum status ended = db_await(db, &end, status == OK ? &step->error : NULL);
    assert(ended != OK || !end);
    return status == OK ? ended : status;
}

/* Takes its answer, and keeps it as the failure if it is the first one. */
static void take_next(struct db *db, struct arena *arena, struct db_step *step, const struct db_step **failed)
{
    step->status = db->conn ? take_step(db, arena, step) : not_run(step);
    if (step->status != OK && !*failed)
        *failed = step;
}

static void take_queued(struct db *db, const struct db_step **failed)
{
    for (size_t i = 0; i < db->queued_count; i++) {
        struct db_queued *queued = &db->queue[i];
        take_next(db, queued->arena, &queued->step, failed);
        if (queued->rows)
            *queued->rows = queued->step.rows;
    }
}

/* The end mark's own result, after which the connection can be used as usual again. */
static enum status leave_pipeline(struct db *db, struct error *error)
{
    CLEANUP(db_clear_result) PGresult *result = NULL;
    TRY(db_await(db, &result, error));
    if (PQresultStatus(result) != PGRES_PIPELINE_SYNC || !PQexitPipelineMode(db->conn))
        return db_lost(db, error);
    return OK;
}

/* Without a transaction of the caller's, the steps were one of their own: what an earlier step did is undone. */
static void undo_all_but(struct db_step *steps, size_t count, const struct db_step *failed)
{
    for (size_t i = 0; i < count; i++)
        if (&steps[i] != failed && steps[i].status == OK)
            steps[i].status = error_code(&steps[i].error, RETRY, "not_run", "undone: another step failed");
}

static enum status take_all(struct db *db, struct arena *arena, struct db_step *steps, size_t count,
                            struct error *error)
{
    const struct db_step *failed = NULL;
    take_queued(db, &failed);
    for (size_t i = 0; i < count; i++)
        take_next(db, arena, &steps[i], &failed);
    enum status left = db->conn ? leave_pipeline(db, error) : RETRY;
    if (!failed && left == OK)
        return OK;
    if (!db->in_transaction)
        undo_all_but(steps, count, failed);
    return failed ? error_code(error, failed->status, failed->error.code, "%s", failed->error.text) : left;
}

static enum status run_all(struct db *db, struct arena *arena, struct db_step *steps, size_t count, struct error *error)
{
    TRY(db_usable(db, error));
    TRY(prepare_all(db, steps, count, error));
    if (!PQenterPipelineMode(db->conn) || !send_all(db, steps, count))
        return db_lost(db, error);
    return take_all(db, arena, steps, count, error);
}

enum status db_pipeline(struct db *db, struct arena *arena, struct db_step *steps, size_t count, struct error *error)
{
    enum status status = run_all(db, arena, steps, count, error);
    db->queued_count = 0;
    return status;
}

enum status db_run_all(struct db *db, struct arena *arena, struct db_step *steps, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        steps[i].rows = (struct rows){ 0 };
        steps[i].error = (struct error){ 0 };
        steps[i].status = not_run(&steps[i]);
    }
    return db_pipeline(db, arena, steps, count, error);
}
