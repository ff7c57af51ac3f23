/* What a job's run came to, in the scheduler's words. */
#include "base/text.h"
#include "service/process.h"

void item_fail(struct item *item, enum status status, const char *code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char text[ERROR_BYTES_MAX];
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    item->status = error_code(&item->error, status, code, "%s", text);
}

Pb__JobFinish *finish_of(struct item *item)
{
    if (!item->finish)
        item->finish = PB_NEW(item->arena, job_finish);
    return item->finish;
}

void item_complete(struct item *item, const char *result_json)
{
    Pb__JobFinish *finish = finish_of(item);
    item->status = OK;
    PB_SET(finish, outcome, PB__JOB_OUTCOME__JOB_OUTCOME_COMPLETED);
    finish->result = pb_json(item->arena, result_json ? arena_text(item->arena, result_json) : NULL);
}

static int32_t to_int32(int64_t number)
{
    return number > INT32_MAX ? INT32_MAX : number < 0 ? 0 : (int32_t)number;
}

void item_retry_after(struct item *item, int64_t retry_after_ms)
{
    Pb__JobFinish *finish = finish_of(item);
    PB_SET(finish, retry_after_ms, to_int32(retry_after_ms));
}

void item_defer(struct item *item, moment until)
{
    Pb__JobFinish *finish = finish_of(item);
    item->status = OK;
    PB_SET(finish, outcome, PB__JOB_OUTCOME__JOB_OUTCOME_DEFER);
    PB_SET(finish, run_at, until);
}

void item_coalesce(struct item *item, const char *into_key, int64_t delay_ms)
{
    Pb__JobFinish *finish = finish_of(item);
    item->status = OK;
    PB_SET(finish, outcome, PB__JOB_OUTCOME__JOB_OUTCOME_COALESCE);
    PB_SET(finish, delay_ms, to_int32(delay_ms));
    finish->coalesced_into = arena_text(item->arena, into_key);
}

void item_children(struct item *item, Pb__JobSpec *const *jobs, size_t count)
{
    Pb__JobFinish *finish = finish_of(item);
    finish->children = arena_copy(item->arena, jobs, count * sizeof *jobs);
    finish->n_children = count;
}

void finish_compose(struct slot *slot)
{
    struct item *item = &slot->item;
    const Pb__JobDispatch *dispatch = item->message;
    Pb__JobFinish *finish = finish_of(item);
    finish->job_id = dispatch->job_id;
    PB_SET(finish, dispatch, dispatch->dispatch);
    if (item->status == RETRY)
        PB_SET(finish, outcome, PB__JOB_OUTCOME__JOB_OUTCOME_RETRY);
    else if (item->status == REJECT)
        PB_SET(finish, outcome, PB__JOB_OUTCOME__JOB_OUTCOME_DEAD);
    else if (!finish->has_outcome)
        PB_SET(finish, outcome, PB__JOB_OUTCOME__JOB_OUTCOME_COMPLETED);
    if (item->status == OK)
        return;
    finish->error = item->error.text;
    finish->code = item->error.code;
    finish->n_children = 0;
}
