#include "settle_rules.h"

#include "base/text.h"

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (text_same(word, *list))
            return true;
    return false;
}

static const char *failed_status(Pb__SendClass error_class)
{
    return error_class == PB__SEND_CLASS__SEND_CLASS_WINDOW ? "held" : "failed";
}

static const char *next_status(const struct settle_facts *facts)
{
    static const char *const leaving[] = { "sending", "unknown", NULL };
    static const char *const not_left[] = { "queued", "sending", "unknown", "held", NULL };
    bool open = is_one_of(facts->status, leaving);
    switch (facts->outcome) {
    case PB__SEND_OUTCOME__SEND_OUTCOME_SENT:
        return is_one_of(facts->status, not_left) ? "sent"
                                                  : NULL; /* it has left, whatever was thought of it meanwhile */
    case PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT:
        return open ? "queued" : NULL;
    case PB__SEND_OUTCOME__SEND_OUTCOME_FAILED:
        return open ? failed_status(facts->error_class) : NULL;
    case PB__SEND_OUTCOME__SEND_OUTCOME_UNKNOWN:
        return text_same(facts->status, "sending") ? "unknown" : NULL;
    default:
        return NULL;
    }
}

/* A receipt was faster: it raised the status and freed the claim. */
static bool is_over(const struct settle_facts *facts)
{
    static const char *const past[] = { "sent", "failed", "delivered", "read", NULL };
    return !facts->claim && is_one_of(facts->status, past);
}

struct settle_verdict settle_judge(const struct settle_facts *facts)
{
    if (is_over(facts))
        return (struct settle_verdict){ 0 };
    if (text_empty(facts->claim) || !text_same(facts->claim, facts->by_claim))
        return (struct settle_verdict){ .stale = true };
    return (struct settle_verdict){ .status = next_status(facts) };
}
