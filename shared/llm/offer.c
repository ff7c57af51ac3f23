#include "llm/offer.h"

#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "llm/llm_inside.h"
#include "llm/said.h"

enum { EVIDENCE_CHARACTERS_MIN = 2 };

static const char HAND_OVER[] = "hand_over", MOVE_STAGE[] = "move_stage", NOTE[] = "note";

/* What can be offered; members: those of an action of that type, beside "type". */
static const struct kind {
    const char *type, *members, *told;
} KINDS[] = {
    { HAND_OVER, "reason urgency",
      "a person of the team takes over from you. Use it when the customer asks for a person, is upset or complains, when you don't know what they need to know, "
      "or when something must be decided or promised that you may not. `reason`: why, for the team, in one sentence; `urgency`: low, normal or high. "
      "The reply then says that a colleague will get back, and no more than that." },
    { MOVE_STAGE, "stage reason quote",
      "the customer has come to another stage. `stage`: its name, as the instructions above give it; `reason`: why, in one sentence; "
      "`quote`: the customer's own words that show it." },
    { NOTE, "name value quote",
      "you learnt something worth keeping. `name`: budget, authority, need, timing, or what the stage wants to know; `value`: what it is; "
      "`quote`: the customer's own words that say it." },
};

static const struct kind *kind_of(const char *type)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (text_same(KINDS[i].type, type))
            return &KINDS[i];
    return NULL;
}

bool llm_offers(const char *type)
{
    return kind_of(type) != NULL;
}

static bool offers(const char *const *types, const char *type)
{
    return types && llm_among(type, types);
}

/* -- what is offered */

/* In lower case, with one space between words: what a quote is looked for in. */
static const char *plain_words(struct arena *arena, const char *text)
{
    struct buffer words = { .arena = arena };
    char *lower = text_lower(arena, text);
    for (const char *at = lower; *(at += strspn(at, " \t\r\n"));) {
        size_t bytes = strcspn(at, " \t\r\n");
        buffer_add(&words, words.bytes ? " " : "");
        buffer_add_n(&words, at, bytes);
        at += bytes;
    }
    return buffer_text(&words);
}

static size_t keep_evidence(struct arena *arena, Pb__TurnMessage *const *messages, size_t count,
                            struct llm_evidence *list)
{
    size_t kept = 0;
    for (size_t i = count; i-- > 0;)
        if (text_same(messages[i]->sender, "customer"))
            list[kept++] = (struct llm_evidence){ .message_id = arena_text(arena, messages[i]->id),
                                                  .words = plain_words(arena, text_or(messages[i]->text, "")) };
    return kept;
}

void llm_offer_of(struct arena *arena, const Pb__TurnContext *context, struct llm_offer *out)
{
    const char **types = ARENA_ARRAY(arena, const char *, context->n_actions + 1);
    size_t count = 0;
    *out = (struct llm_offer){ 0 };
    for (size_t i = 0; i < context->n_actions; i++) {
        const struct kind *kind = kind_of(context->actions[i]);
        if (kind && !offers(types, kind->type))
            types[count++] = kind->type;
    }
    if (!count)
        return;
    out->types = types;
    if (!offers(types, MOVE_STAGE) && !offers(types, NOTE))
        return;
    struct llm_evidence *list = ARENA_ARRAY(arena, struct llm_evidence, context->n_owed + context->n_history);
    size_t kept = keep_evidence(arena, context->owed, context->n_owed, list);
    kept += keep_evidence(arena, context->history, context->n_history, list + kept);
    out->evidence = list;
    out->evidence_count = kept;
}

/* -- how it is asked for */

void llm_offer_tell(struct buffer *text, const char *const *types)
{
    if (!types)
        return;
    buffer_add(
        text,
        "\n\n## How to answer\n"
        "Answer with one JSON object and nothing around it: {\"reply\": what the customer reads, \"actions\": a list, most often empty}. "
        "The customer never sees the actions, nor that there are any. What can stand in the list:");
    for (; *types; types++)
        buffer_format(text, "\n- {\"type\": \"%s\", ...}: %s", *types, kind_of(*types)->told);
}

static bool wants_member(const char *const *types, const char *member)
{
    for (; *types; types++)
        if (strstr(kind_of(*types)->members, member))
            return true;
    return false;
}

const char *llm_offer_schema(struct arena *arena, const char *const *types)
{
    static const char *const MEMBERS[] = { "reason", "urgency", "stage", "name", "value", "quote" };
    struct buffer properties = { .arena = arena }, required = { .arena = arena };
    buffer_add(&properties, "\"type\":{\"type\":\"string\",\"enum\":[");
    for (size_t i = 0; types[i]; i++)
        buffer_format(&properties, "%s\"%s\"", i ? "," : "", types[i]);
    buffer_add(&properties, "]}");
    buffer_add(&required, "\"type\"");
    for (size_t i = 0; i < sizeof MEMBERS / sizeof *MEMBERS; i++) {
        if (!wants_member(types, MEMBERS[i]))
            continue;
        bool urgency = text_same(MEMBERS[i], "urgency");
        buffer_format(&properties, ",\"%s\":{\"type\":\"string\"%s}", MEMBERS[i],
                      urgency ? ",\"enum\":[\"low\",\"normal\",\"high\"]" : "");
        buffer_format(&required, ",\"%s\"", MEMBERS[i]);
    }
    return text_format(
        arena,
        "{\"type\":\"object\",\"properties\":{\"reply\":{\"type\":\"string\"},\"actions\":{\"type\":\"array\","
        "\"items\":{\"type\":\"object\",\"properties\":{%s},\"required\":[%s],\"additionalProperties\":false}}},"
        "\"required\":[\"reply\",\"actions\"],\"additionalProperties\":false}",
        buffer_text(&properties), buffer_text(&required));
}

/* -- what the model says to it */

static char *short_text(struct arena *arena, const cJSON *action, const char *member)
{
    return text_cut_characters(arena, text_trim(arena, llm_text(action, member)), LLM_ACTION_CHARACTERS_MAX);
}

/* The newest message that holds the quoted words; NULL: nobody said so. */
static const char *evidence_of(struct arena *arena, const struct llm_offer *offer, const char *quote)
{
    const char *words = plain_words(arena, quote);
    if (text_characters(words) < EVIDENCE_CHARACTERS_MIN)
        return NULL;
    for (size_t i = 0; i < offer->evidence_count; i++)
        if (strstr(offer->evidence[i].words, words))
            return offer->evidence[i].message_id;
    return NULL;
}

static Pb__TurnAction *action_new(struct arena *arena, const char *type, const char *reason, const char *urgency)
{
    static const char *const URGENCIES[] = { "low", "high", NULL };
    Pb__TurnAction *action = PB_NEW(arena, turn_action);
    action->type = arena_text(arena, type);
    action->reason = arena_text(arena, reason);
    if (text_same(type, HAND_OVER))
        action->urgency = arena_text(arena, llm_among(urgency, URGENCIES) ? urgency : "normal");
    return action;
}

static Pb__TurnAction *read_action(struct arena *arena, const struct llm_offer *offer, const cJSON *said)
{
    const char *type = llm_text(said, "type");
    if (!offers(offer->types, type))
        return NULL;
    Pb__TurnAction *action = action_new(arena, type, short_text(arena, said, "reason"), llm_text(said, "urgency"));
    if (text_same(type, MOVE_STAGE))
        action->stage = short_text(arena, said, "stage");
    if (text_same(type, NOTE)) {
        action->name = short_text(arena, said, "name");
        action->value = short_text(arena, said, "value");
    }
    if (!text_same(type, HAND_OVER))
        action->message_id = arena_text(arena, evidence_of(arena, offer, llm_text(said, "quote")));
    return action;
}

static void add_action(struct arena *arena, Pb__TurnAction *action, struct llm_reply *reply)
{
    if (!action || reply->action_count == LLM_ACTIONS_MAX)
        return;
    if (!reply->actions)
        reply->actions = ARENA_ARRAY(arena, Pb__TurnAction *, LLM_ACTIONS_MAX);
    reply->actions[reply->action_count++] = action;
}

bool llm_hands_over(const struct llm_reply *reply)
{
    for (size_t i = 0; i < reply->action_count; i++)
        if (text_same(reply->actions[i]->type, HAND_OVER))
            return true;
    return false;
}

void llm_hand_over(struct arena *arena, const char *reason, const char *urgency, struct llm_reply *reply)
{
    add_action(arena, action_new(arena, HAND_OVER, reason, urgency), reply);
}

static void malformed(struct llm_reply *reply)
{
    reply->text = "";
    llm_end(reply, LLM_RETRY, "malformed", "the model's answer is JSON that can't be read");
}

/* Of broken JSON the reply alone, if its end is there or the model was cut while it wrote it. A hand-over that was
 * begun counts: it errs to a person. */
static void salvage(struct arena *arena, const struct llm_offer *offer, struct llm_reply *reply)
{
    bool whole = false;
    const char *said = reply->text;
    const char *text = said_member(arena, said, "reply", &whole);
    if (text_empty(text) || (!whole && !reply->cut)) {
        malformed(reply);
        return;
    }
    reply->text = text_trim(arena, text);
    reply->cut = !whole;
    if (whole && offers(offer->types, HAND_OVER) && strstr(said, "\"hand_over\""))
        llm_hand_over(arena, "", "normal", reply);
    if (!*reply->text)
        malformed(reply);
}

void llm_offer_read(struct arena *arena, const struct llm_offer *offer, struct llm_reply *reply)
{
    if (!offer->types || reply->end != LLM_ANSWERED)
        return;
    bool json = *reply->text == '{' || strstr(reply->text, "\"reply\"") || text_starts(reply->text, "```json");
    if (!json)
        return;
    const cJSON *object = said_object(arena, reply->text);
    if (!object) {
        salvage(arena, offer, reply);
        return;
    }
    reply->text = text_trim(arena, llm_text(object, "reply"));
    reply->cut = false;
    for (const cJSON *said = llm_list(object, "actions"); said; said = said->next)
        add_action(arena, read_action(arena, offer, said), reply);
    if (!*reply->text && !llm_hands_over(reply))
        malformed(reply);
}
