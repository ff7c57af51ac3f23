/* Documents that should have been indexed by now: asked for again, by the same key; a dead job is told in the document.
 */
#include "base/limits.h"
#include "core/transaction.h"
#include "document_view.h"
#include "knowledge.h"

enum { PAGE = 100, LATE_MS = 10 * SECOND_MS };

/* Oldest first; whoever was asked for waits until it is late again. */
static const struct statement late_find = {
    .name = "kb_late_find",
    .sql =
        "update crm.ai_kb_docs d set indexing_since = $2 from (select id from crm.ai_kb_docs where state = 'indexing' and indexing_since < $1 "
        "    order by indexing_since, id limit $3 for no key update skip locked) l where d.id = l.id returning d.company_id, d.id, d.revision",
};
/* A job that ended without it: the next revision gets one of its own. */
static const struct statement revision_next = {
    .name = "kb_revision_next",
    .sql =
        "update crm.ai_kb_docs set revision = revision + 1 where company_id = $1 and id = $2 and revision = $3 and state = 'indexing'",
};
static const struct statement dead_tell = {
    .name = "kb_dead_tell",
    .sql =
        "update crm.ai_kb_docs set state = 'failed', error = 'its job is in the dead letters', indexing_since = null "
        "where company_id = $1 and id = $2 and revision = $3 and state = 'indexing'",
};

static enum status row_change(struct batch *batch, const struct statement *statement, const struct rows *rows,
                              size_t row, struct error *error)
{
    struct params *params = params_new(batch->arena);
    params_text(params, rows_text(rows, row, 0));
    params_text(params, rows_text(rows, row, 1));
    params_int(params, rows_int(rows, row, 2));
    return db_run(batch->db, batch->arena, statement, params, NULL, error);
}

enum status knowledge_sweep(struct batch *batch, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    Pb__JobEnqueued **replies = NULL;
    params_moment(params, batch->now - LATE_MS);
    params_moment(params, batch->now);
    params_int(params, PAGE);
    TRY(db_run(batch->db, batch->arena, &late_find, params, &rows, error));
    if (!rows.count)
        return OK;
    Pb__JobSpec **jobs = ARENA_ARRAY(batch->arena, Pb__JobSpec *, rows.count);
    for (size_t row = 0; row < rows.count; row++)
        jobs[row] = document_job(batch->arena, rows_text(&rows, row, 0), rows_text(&rows, row, 1),
                                 rows_int(&rows, row, 2), NULL);
    if (ask_enqueue(batch->arena, jobs, rows.count, &replies, error) == RETRY)
        return RETRY;
    for (size_t row = 0; row < rows.count; row++) {
        Pb__JobStatus status =
            replies[row] && replies[row]->existing ? replies[row]->status : PB__JOB_STATUS__JOB_STATUS_QUEUED;
        if (status == PB__JOB_STATUS__JOB_STATUS_COMPLETED)
            TRY(row_change(batch, &revision_next, &rows, row, error));
        else if (status == PB__JOB_STATUS__JOB_STATUS_DLQ)
            TRY(row_change(batch, &dead_tell, &rows, row, error));
    }
    return OK;
}
