/* Once an hour each company's list is asked for: a webhook may be lost, and who has just been added has no list at all.
 */
#include "base/text.h"
#include "core/follow.h"
#include "template.h"

enum { EVERY_MS = 60 * MINUTE_MS };

static const struct statement template_owners = {
    .name = "template_owners",
    .sql = "select distinct company_id from crm.channel_accounts where credentials ? 'waba_id'",
};

static Pb__JobSpec *sync_job(struct arena *arena, const char *company_id, moment now)
{
    Pb__JobSpec *job = PB_NEW(arena, job_spec);
    job->company_id = arena_text(arena, company_id);
    job->task = arena_text(arena, WORK_TEMPLATE_SYNC.task);
    job->idempotency_key = text_format(arena, "template_sync_%s_h%lld", company_id, (long long)(now / EVERY_MS));
    job->params = pb_json(arena, "{}");
    return job;
}

enum status template_sweep(struct batch *batch, struct error *error)
{
    static moment next; /* the sweep's own thread: by the key it is once an hour in all copies */
    struct rows rows;
    if (batch->now < next)
        return OK;
    TRY(db_run(batch->db, batch->arena, &template_owners, NULL, &rows, error));
    Pb__JobSpec **jobs = ARENA_ARRAY(batch->arena, Pb__JobSpec *, rows.count + 1);
    for (size_t row = 0; row < rows.count; row++)
        jobs[row] = sync_job(batch->arena, rows_text(&rows, row, 0), batch->now);
    if (rows.count)
        TRY(ask_enqueue(batch->arena, jobs, rows.count, NULL, error));
    next = batch->now + EVERY_MS;
    return OK;
}
