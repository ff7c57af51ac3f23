#include "ladder.h"

#include <string.h>

#include "base/text.h"

enum status ladder_from(const char *text, struct ladder *out, struct error *error)
{
    *out = (struct ladder){ 0 };
    while (*text) {
        char step[24] = "";
        size_t bytes = strcspn(text, ",");
        if (out->count == TASK_RETRIES_MAX || bytes >= sizeof step)
            return error_set(error, REJECT, "a ladder is up to %d numbers of ms with commas between", TASK_RETRIES_MAX);
        memcpy(step, text, bytes);
        long long ms;
        TRY(text_int64(step, 0, DAY_MS, "a step of the ladder", &ms, error));
        out->ms[out->count++] = ms;
        text += bytes + (text[bytes] == ',');
    }
    return OK;
}

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t ladder_wait_ms(const struct ladder *instead, const struct task *task, int attempt, int64_t retry_after_ms)
{
    const int64_t *steps = instead->count ? instead->ms : task->ladder_ms;
    size_t count = instead->count ? instead->count : (size_t)(task->attempts_max - 1);
    if (count > TASK_RETRIES_MAX)
        count = TASK_RETRIES_MAX;
    size_t step = attempt < 1 ? 0 : (size_t)attempt - 1;
    int64_t wait = count == 0 ? 0 : steps[step < count ? step : count - 1];
    return longer(wait, retry_after_ms > RETRY_AFTER_MS_MAX ? RETRY_AFTER_MS_MAX : retry_after_ms);
}

static struct standing waits(Pb__JobStatus status, int attempts, moment run_at, const char *outcome)
{
    return (struct standing){ status, STAGE_WAITS, attempts, run_at, false, outcome };
}

static struct standing completed(int attempts, const char *outcome)
{
    return (
        struct standing){ .status = PB__JOB_STATUS__JOB_STATUS_COMPLETED, .attempts = attempts, .outcome = outcome };
}

static struct standing dead(int attempts, moment now, const char *outcome)
{
    return (struct standing){ PB__JOB_STATUS__JOB_STATUS_DLQ, STAGE_DEAD, attempts, now, false, outcome };
}

/* A failed job waits in its first lane, not outside it: so it keeps its place against its own and lower priority. */
static struct standing failed(const struct ladder *instead, const struct task *task, const struct ending *ending,
                              moment now)
{
    int attempt = ending->attempts + 1;
    if (attempt >= ending->attempts_max)
        return dead(attempt, now, ending->name);
    moment run_at = now + ladder_wait_ms(instead, task, attempt, ending->retry_after_ms);
    struct standing standing = waits(PB__JOB_STATUS__JOB_STATUS_FAILED, attempt, run_at, ending->name);
    standing.keeps_place = ending->laned;
    if (ending->laned)
        standing.stage = STAGE_LANE_1;
    return standing;
}

struct standing ladder_judge(const struct ladder *instead, const struct task *task, const struct ending *ending,
                             moment now)
{
    switch (ending->outcome) {
    case PB__JOB_OUTCOME__JOB_OUTCOME_COMPLETED:
        return completed(ending->attempts + 1, "completed");
    case PB__JOB_OUTCOME__JOB_OUTCOME_DEAD:
        return dead(ending->attempts + 1, now, "dead");
    case PB__JOB_OUTCOME__JOB_OUTCOME_DEFER:
        return waits(PB__JOB_STATUS__JOB_STATUS_QUEUED, ending->attempts, longer(ending->run_at, now + DEFER_MS_MIN),
                     "deferred");
    case PB__JOB_OUTCOME__JOB_OUTCOME_COALESCE:
        if (ending->other_live)
            return completed(ending->attempts, "coalesced");
        return waits(PB__JOB_STATUS__JOB_STATUS_QUEUED, ending->attempts, now + longer(ending->delay_ms, 0),
                     "deferred");
    default:
        return failed(instead, task, ending, now);
    }
}
