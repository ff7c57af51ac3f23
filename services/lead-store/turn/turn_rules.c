#include "turn_rules.h"

moment turn_answer_by(const struct turn_facts *facts)
{
    return facts->owed_since ? facts->owed_since + facts->buffer_max_ms : 0;
}

int32_t turn_superseded_wait_ms(int64_t buffer_ms)
{
    return buffer_ms < SUPERSEDED_WAIT_MS_MIN ? SUPERSEDED_WAIT_MS_MIN : (int32_t)buffer_ms;
}

bool turn_is_owed(const struct turn_facts *facts)
{
    return facts->owed_position > facts->covered_position;
}

static bool wait_is_over(const struct turn_facts *facts)
{
    return facts->now >= turn_answer_by(facts);
}

static struct turn_verdict verdict(Pb__TurnState state, const char *reason)
{
    return (struct turn_verdict){ .state = state, .reason = reason };
}

static struct turn_verdict nothing(const char *reason)
{
    return verdict(PB__TURN_STATE__TURN_STATE_NOTHING, reason);
}

static struct turn_verdict refused(const char *reason)
{
    return verdict(PB__TURN_STATE__TURN_STATE_REFUSED, reason);
}

struct turn_verdict turn_may_open(const struct turn_facts *facts, const struct turn_asked *asked)
{
    if (facts->closed)
        return nothing("closed");
    if (facts->human)
        return nothing("human");
    bool answered = asked->position <= facts->covered_position;
    if (answered && facts->opted_out_at && facts->opted_out_at >= asked->received_at && !turn_is_owed(facts))
        return nothing("opted_out");
    if (answered || !asked->wants_answer || !turn_is_owed(facts))
        return nothing("not_owed");
    if (facts->owed_position > asked->position && !wait_is_over(facts))
        return verdict(PB__TURN_STATE__TURN_STATE_SUPERSEDED, "newer_inbound");
    return verdict(PB__TURN_STATE__TURN_STATE_OPEN, NULL);
}

struct turn_verdict turn_may_commit(const struct turn_facts *facts, const struct turn_offer *offer)
{
    if (!offer->newest_claim)
        return refused("stale_claim");
    if (offer->taken_back)
        return refused("answered"); /* to be opened anew: what is owed may stand elsewhere now */
    if (facts->closed)
        return refused("closed");
    if (facts->human || facts->epoch != offer->epoch)
        return refused("human_owner");
    if (facts->opted_out_at > offer->opened_at)
        return refused("opted_out");
    if (facts->covered_position != offer->after_position || offer->covered_position <= facts->covered_position)
        return refused("answered"); /* another turn or a person was faster */
    if (facts->owed_position > offer->opened_position && !wait_is_over(facts))
        return verdict(PB__TURN_STATE__TURN_STATE_SUPERSEDED, "newer_inbound");
    return verdict(PB__TURN_STATE__TURN_STATE_COMMITTED, NULL);
}
