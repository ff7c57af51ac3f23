#include "plan.h"

#include "base/text.h"

enum { PAIR_STEP_MS = SECOND_MS, PAIR_FACTOR = 4, PAIR_WAIT_MS_MAX = 10 * MINUTE_MS };

/* Meta's advice for the pair limit: 4^n seconds, n = 0, 1, 2 ... */
static int64_t pair_wait_ms(int32_t attempt)
{
    int64_t wait_ms = PAIR_STEP_MS;
    for (int32_t n = 1; n < attempt && wait_ms < PAIR_WAIT_MS_MAX; n++)
        wait_ms *= PAIR_FACTOR;
    return wait_ms < PAIR_WAIT_MS_MAX ? wait_ms : PAIR_WAIT_MS_MAX;
}

static struct plan unknown(const char *word, const char *error)
{
    return (struct plan){ .end = PLAN_UNKNOWN,
                          .outcome = PB__SEND_OUTCOME__SEND_OUTCOME_UNKNOWN,
                          .word = word,
                          .code = "",
                          .error = error,
                          .external_id = "" };
}

static struct plan not_sent(enum plan_end end, const char *word, const char *error)
{
    return (struct plan){ .end = end,
                          .outcome = PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT,
                          .word = word,
                          .code = "",
                          .error = error,
                          .external_id = "" };
}

static enum plan_end end_of(Pb__SendClass error_class)
{
    switch (error_class) {
    case PB__SEND_CLASS__SEND_CLASS_RETRY:
    case PB__SEND_CLASS__SEND_CLASS_THROTTLE_NUMBER:
    case PB__SEND_CLASS__SEND_CLASS_THROTTLE_PAIR:
        return PLAN_RETRY;
    case PB__SEND_CLASS__SEND_CLASS_WINDOW:
    case PB__SEND_CLASS__SEND_CLASS_OPTED_OUT:
    case PB__SEND_CLASS__SEND_CLASS_UNREACHABLE:
        return PLAN_OUTCOME;
    default:
        return PLAN_DEAD;
    }
}

static struct plan refused(const struct whatsapp_cloud_verdict *verdict, int64_t retry_after_ms, int32_t attempt,
                           bool last)
{
    struct plan plan = { .end = end_of(verdict->error_class),
                         .outcome = PB__SEND_OUTCOME__SEND_OUTCOME_FAILED,
                         .error_class = verdict->error_class,
                         .word = whatsapp_cloud_class_word(verdict->error_class),
                         .code = verdict->error_code,
                         .error = verdict->error,
                         .external_id = "" };
    if (plan.end != PLAN_RETRY)
        return plan;
    if (!last)
        plan.outcome = PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT;
    plan.retry_after_ms = retry_after_ms;
    if (verdict->error_class == PB__SEND_CLASS__SEND_CLASS_THROTTLE_PAIR && pair_wait_ms(attempt) > retry_after_ms)
        plan.retry_after_ms = pair_wait_ms(attempt);
    return plan;
}

static struct plan answered(struct arena *arena, const struct http_response *response, int32_t attempt, bool last)
{
    struct whatsapp_cloud_verdict verdict;
    whatsapp_cloud_judge(arena, response->status, response->body, response->body_bytes, &verdict);
    if (verdict.outcome == PB__SEND_OUTCOME__SEND_OUTCOME_FAILED)
        return refused(&verdict, response->retry_after_ms, attempt, last);
    if (verdict.outcome == PB__SEND_OUTCOME__SEND_OUTCOME_UNKNOWN)
        return unknown("unreadable_answer", verdict.error);
    return (struct plan){ .end = PLAN_SENT,
                          .outcome = PB__SEND_OUTCOME__SEND_OUTCOME_SENT,
                          .word = "sent",
                          .code = "",
                          .error = "",
                          .external_id = verdict.external_id };
}

/* A go that ran out before the connection stood costs no attempt; a provider that can't be reached does. */
struct plan plan_make(struct arena *arena, const struct http_response *response, int32_t attempt, int32_t attempts_max)
{
    bool last = attempts_max > 0 && attempt >= attempts_max;
    const char *error = arena_text(arena, response->error.text);
    switch (response->end) {
    case HTTP_ANSWERED:
        return answered(arena, response, attempt, last);
    case HTTP_NOT_STARTED:
        return response->late ? not_sent(PLAN_DEFER, "late", error)
                              : not_sent(PLAN_RETRY, "unreachable_provider", error);
    case HTTP_ABORTED:
        return response->started ? unknown("aborted", error) : not_sent(PLAN_DEFER, "aborted", error);
    default:
        return unknown("no_answer", error);
    }
}

struct plan plan_unanswered(struct arena *arena, const struct error *error, bool away)
{
    return not_sent(away ? PLAN_DEFER : PLAN_RETRY, arena_text(arena, error->code), arena_text(arena, error->text));
}

struct plan plan_refuse(const struct error *error, Pb__SendClass error_class)
{
    return (struct plan){ .end = PLAN_DEAD,
                          .outcome = PB__SEND_OUTCOME__SEND_OUTCOME_FAILED,
                          .error_class = error_class,
                          .word = whatsapp_cloud_class_word(error_class),
                          .code = error->code,
                          .error = error->text,
                          .external_id = "" };
}
