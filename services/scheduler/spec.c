#include "spec.h"

#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

static enum status bad(struct error *error, const char *sentence)
{
    return error_code(error, REJECT, "bad_value", "%s", sentence);
}

/* NULL for an absent text, so that SQL gets NULL. */
static enum status short_text(const char *text, size_t bytes_max, const char *what, const char **out,
                              struct error *error)
{
    *out = text_empty(text) ? NULL : text;
    if (*out && strlen(*out) > bytes_max)
        return error_code(error, REJECT, "too_long", "%s is longer than %zu bytes", what, bytes_max);
    return OK;
}

static enum status take_ids(struct arena *arena, const Pb__JobSpec *job, const struct caller *caller, struct spec *out,
                            struct error *error)
{
    const char *company = text_or(job->company_id, caller->company_id);
    if (!ident_valid(text_or(company, "")))
        return bad(error, "company_id is no UUID");
    if (!text_empty(job->id) && !ident_valid(job->id))
        return bad(error, "id is no UUID");
    out->company_id = text_lower(arena, company);
    out->id = text_empty(job->id) ? ident_fresh(arena) : text_lower(arena, job->id);
    TRY(short_text(job->idempotency_key, KEY_BYTES_MAX, "idempotency_key", &out->key, error));
    TRY(short_text(text_or(job->correlation_id, caller->correlation_id), CORRELATION_BYTES_MAX, "correlation_id",
                   &out->correlation_id, error));
    return short_text(text_or(job->traceparent, caller->traceparent), TRACEPARENT_BYTES_MAX, "traceparent",
                      &out->traceparent, error);
}

static enum status take_params(const Pb__JobSpec *job, struct spec *out, struct error *error)
{
    out->params = pb_json_text(job->params);
    size_t bytes = strlen(out->params);
    if (bytes > PARAMS_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "'params' is longer than %d bytes", PARAMS_BYTES_MAX);
    TRY(json_check(out->params, bytes, error));
    if (out->params[strspn(out->params, " \t\r\n")] != '{')
        return bad(error, "'params' must be one JSON object");
    return OK;
}

static enum status take_task(const Pb__JobSpec *job, struct spec *out, struct error *error)
{
    out->task = task_find(text_or(job->task, ""));
    if (!out->task)
        return error_code(error, REJECT, "unknown_task", "there is no such task");
    out->priority = job->has_priority ? job->priority : out->task->priority;
    if (out->priority < out->task->priority_min || out->priority > out->task->priority_max)
        return error_code(error, REJECT, "bad_value", "'priority' of %s is %d to %d", out->task->name,
                          out->task->priority_min, out->task->priority_max);
    out->attempts_max = job->has_attempts_max ? job->attempts_max : out->task->attempts_max;
    if (out->attempts_max < 1)
        return bad(error, "attempts_max is less than 1");
    if (out->attempts_max > out->task->attempts_max)
        out->attempts_max = out->task->attempts_max;
    return OK;
}

/* Year 2200: past it a sum of times would leave what PostgreSQL and RFC 3339 can write. */
static const moment RUN_AT_MAX = INT64_C(7258118400000);

static enum status take_time(const Pb__JobSpec *job, moment now, struct spec *out, struct error *error)
{
    if (job->delay_ms < 0 || job->run_at < 0 || job->run_at > RUN_AT_MAX)
        return bad(error, "delay_ms or run_at is out of range");
    out->run_at = now + job->delay_ms;
    if (job->run_at > out->run_at)
        out->run_at = job->run_at;
    return OK;
}

static enum status take_lane(const Pb__Lane *lane, const char *company_id, struct lane_spec *out, struct error *error)
{
    const char *name;
    TRY(short_text(lane->name, LANE_NAME_BYTES_MAX, "lane name", &name, error));
    if (!name)
        return bad(error, "a lane has no name");
    if (lane->interval_ms < 0 || lane->interval_ms > LANE_MS_MAX || lane->jitter_ms < 0 ||
        lane->jitter_ms > LANE_MS_MAX)
        return bad(error, "interval_ms or jitter_ms of a lane is out of range");
    if (lane->in_flight_max < 0 || lane->in_flight_max > LANE_IN_FLIGHT_MAX)
        return bad(error, "in_flight_max of a lane is out of range");
    *out = (struct lane_spec){ name, lane->interval_ms, lane->jitter_ms, lane->in_flight_max,
                               ident_number(company_id, name) };
    return OK;
}

static bool lane_idle(const struct lane_spec *lane)
{
    return lane->interval_ms == 0 && lane->jitter_ms == 0 && lane->in_flight_max == 0;
}

/* A lane that holds nobody up is left out: it would only be a lock that all its jobs share. */
static enum status take_lanes(const Pb__JobSpec *job, struct spec *out, struct error *error)
{
    if (job->n_lanes > LANES_MAX)
        return bad(error, "a job may name two lanes");
    if (job->n_lanes == LANES_MAX && text_same(job->lanes[0]->name, job->lanes[1]->name))
        return bad(error, "both lanes have the same name");
    for (size_t i = 0; i < job->n_lanes; i++) {
        TRY(take_lane(job->lanes[i], out->company_id, &out->lanes[out->lane_count], error));
        if (!lane_idle(&out->lanes[out->lane_count]))
            out->lane_count++;
    }
    return OK;
}

enum status spec_from(struct arena *arena, const Pb__JobSpec *job, const struct caller *caller, moment now,
                      struct spec *out, struct error *error)
{
    *out = (struct spec){ 0 };
    TRY(take_task(job, out, error));
    TRY(take_ids(arena, job, caller, out, error));
    TRY(take_params(job, out, error));
    TRY(take_time(job, now, out, error));
    TRY(take_lanes(job, out, error));
    return short_text(job->skipped, SKIPPED_BYTES_MAX, "skipped", &out->skipped, error);
}
