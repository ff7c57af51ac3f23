#include "gate_rules.h"

#include "base/limits.h"
#include "base/text.h"

#define GO     PB__VERDICT__VERDICT_GO
#define DEFER  PB__VERDICT__VERDICT_DEFER
#define REFUSE PB__VERDICT__VERDICT_REFUSE
#define BUSY   PB__VERDICT__VERDICT_BUSY
#define DONE   PB__VERDICT__VERDICT_DONE

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (text_same(word, *list))
            return true;
    return false;
}

static struct gate_verdict refuse(const char *status, const char *reason)
{
    return (struct gate_verdict){ .verdict = REFUSE, .reason = reason, .status = status };
}

static struct gate_verdict defer(const struct gate_facts *facts, moment until, const char *reason)
{
    return (struct gate_verdict){ .verdict = DEFER, .reason = reason, .until = until + facts->jitter_ms };
}

static struct gate_verdict busy(const struct gate_facts *facts, moment until, const char *reason)
{
    moment soonest = facts->now + BUSY_AGAIN_MS;
    return (struct gate_verdict){ .verdict = BUSY, .reason = reason, .until = until > soonest ? until : soonest };
}

static struct gate_verdict go(const struct gate_facts *facts)
{
    return (struct gate_verdict){ .verdict = GO, .until = facts->now + GO_VALID_MS, .status = "sending" };
}

/* A failure that put the job into the dead letters, where a person may have mended its cause before the replay. */
static bool may_be_replayed(const struct gate_facts *facts)
{
    static const char *const outcomes[] = { "window", "opted_out", "unreachable", NULL };
    return facts->replayed && !facts->message.accepted && !is_one_of(facts->message.reason, outcomes);
}

/* By status alone: true when the message is not waiting to leave, and the verdict is that. */
static bool judge_status(const struct gate_facts *facts, struct gate_verdict *out)
{
    static const char *const ended[] = { "held", "withdrawn", "cancelled", NULL };
    const struct gate_message *message = &facts->message;
    if (text_same(message->status, "queued") || (text_same(message->status, "failed") && may_be_replayed(facts)))
        return false;
    if (text_same(message->status, "sending") && text_same(message->claim, facts->claim))
        *out = (struct gate_verdict){ .verdict = GO, .until = message->go_until };
    else if (text_same(message->status, "sending"))
        *out = busy(facts, message->go_until + SEND_CALL_WAIT_MS, "sending");
    else if (text_same(message->status, "unknown"))
        *out = busy(facts, message->status_at + facts->unknown_hold_ms, "unknown");
    else if (is_one_of(message->status, ended))
        *out = refuse(NULL, text_or(message->reason, message->status));
    else
        *out = (struct gate_verdict){ .verdict = DONE, .reason = message->status };
    return true;
}

/*
 * What the AI wrote leaves only while the AI owns the conversation, without a change of hands since. The reply by which
 * the AI itself handed over was written in the person's epoch, and leaves in that one.
 */
static bool judge_owner(const struct gate_facts *facts, struct gate_verdict *out)
{
    if (!text_same(facts->message.sender_type, "ai"))
        return false;
    bool persons = facts->conversation.human && !facts->turn.handed_over;
    bool taken = persons || facts->conversation.epoch != facts->message.epoch || facts->turn.asked_human;
    if (taken)
        *out = refuse("cancelled", "human_owner");
    return taken;
}

/* They wanted nothing more after it was written; only the confirmation of that wish leaves. */
static bool judge_opt_out(const struct gate_facts *facts, struct gate_verdict *out)
{
    if (text_same(facts->message.cause, "notice") || facts->person.opted_out_at <= facts->message.written_at)
        return false;
    *out = refuse("cancelled", "opted_out");
    return true;
}

/* What the AI has past the gate comes before a person's word, never after it: it settles first, or its time is over. */
static bool judge_ai_leaving(const struct gate_facts *facts, struct gate_verdict *out)
{
    moment until = facts->conversation.ai_go_until + LAST_BYTES_MS;
    if (text_same(facts->message.sender_type, "ai") || until <= facts->now)
        return false;
    *out = (struct gate_verdict){ .verdict = BUSY, .reason = "ai_leaving", .until = facts->now + AI_LEAVING_AGAIN_MS };
    return true;
}

/* A newer question takes the answer back until the maximum wait is over: one answer to all of it follows. Where a
 * person answers, none does. */
static bool judge_newer(const struct gate_facts *facts, struct gate_verdict *out)
{
    const struct gate_turn *turn = &facts->turn;
    if (!turn->known || !turn->newest || !turn->newer_owed || facts->now >= turn->answer_by ||
        facts->conversation.human)
        return false;
    *out = refuse("withdrawn", "superseded");
    return true;
}

static bool judge_reach(const struct gate_facts *facts, struct gate_verdict *out)
{
    if (!facts->reach.account)
        *out = refuse("held", "no_account");
    else if (!facts->reach.recipient)
        *out = refuse("held", "no_recipient");
    else
        return false;
    return true;
}

static bool judge_window(const struct gate_facts *facts, struct gate_verdict *out)
{
    const struct gate_conversation *conversation = &facts->conversation;
    if (facts->template == TEMPLATE_REFUSED)
        *out = refuse("held", "template_not_approved");
    else if (conversation->windowed && facts->template == TEMPLATE_NONE &&
             facts->now >= conversation->window_ends_at - SERVICE_WINDOW_MARGIN_MS)
        *out = refuse("held", "window_closed");
    else
        return false;
    return true;
}

/* Only for what the business starts, never for an answer. */
static bool judge_proactive(const struct gate_facts *facts, struct gate_verdict *out)
{
    const struct gate_person *person = &facts->person;
    if (!text_same(facts->message.cause, "proactive"))
        return false;
    if (person->opted_out_at)
        *out = refuse("cancelled", "opted_out");
    else if (facts->conversation.newer_inbound)
        *out = refuse("cancelled", "customer_wrote");
    else if (!person->marketing_consent)
        *out = refuse("cancelled", "no_consent");
    else if (facts->reach.unreachable)
        *out = refuse("cancelled", "unreachable");
    else if (person->proactive_at && facts->now < person->proactive_at + PROACTIVE_EVERY_MS)
        *out = defer(facts, person->proactive_at + PROACTIVE_EVERY_MS, "frequency_cap");
    else if (person->quiet_until)
        *out = defer(facts, person->quiet_until, "quiet_hours");
    else
        return false;
    return true;
}

struct gate_verdict gate_judge(const struct gate_facts *facts)
{
    typedef bool gate_rule(const struct gate_facts *facts, struct gate_verdict *out);
    static gate_rule *const rules[] = { judge_status,     judge_owner,  judge_opt_out,
                                        judge_ai_leaving, judge_newer,  judge_proactive,
                                        judge_reach,      judge_window, NULL };
    struct gate_verdict verdict;
    for (size_t i = 0; rules[i]; i++)
        if (rules[i](facts, &verdict))
            return verdict;
    return go(facts);
}
