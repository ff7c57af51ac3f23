#include "silence_rules.h"

#include "conversation/silence.h"

/* When a summary is due; 0: none is. */
static moment summary_at(const struct silence_facts *facts)
{
    bool wanted = facts->summary_after_ms > 0 && facts->last_position >= SUMMARY_MESSAGES_MIN &&
                  facts->summarised_position < facts->last_position;
    return wanted ? facts->last_at + facts->summary_after_ms : 0;
}

/* A lead that is stuck in its stage is bumped up sooner, but never while people may still be writing. */
static moment bump_at(const struct silence_facts *facts)
{
    if (!facts->may_bump || facts->bumped_position >= facts->last_position)
        return 0;
    moment at = facts->last_at + facts->bumpup_after_ms;
    if (!facts->stuck_after_ms)
        return at;
    moment calm = facts->last_at + DAY_MS, stuck = facts->stage_since + facts->stuck_after_ms;
    moment sooner = calm > stuck ? calm : stuck;
    return sooner < at ? sooner : at;
}

static moment earlier(moment a, moment b)
{
    return !a || (b && b < a) ? b : a;
}

struct silence_verdict silence_judge(const struct silence_facts *facts)
{
    struct silence_verdict verdict = { 0 };
    if (!facts->open)
        return verdict;
    moment summary = summary_at(facts), bump = bump_at(facts);
    verdict.summarise = summary && summary <= facts->now;
    verdict.bump = bump && bump <= facts->now;
    verdict.look_at = earlier(verdict.summarise ? 0 : summary, verdict.bump ? 0 : bump);
    return verdict;
}
