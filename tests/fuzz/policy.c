/*
 * fuzz policy - what a company writes as its rules, each input as all three: a stage's ai_config, its ai_policy, its
 * hand_over. What may be stored is within its limits and read the same way for ever; what may not is read all the same,
 * for older rows hold it.
 *
 * links services/lead-store/stage/lead_note.c services/lead-store/conversation/hand_over_rules.c
 */
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "conversation/hand_over_rules.h"
#include "llm/stage.h"
#include "safety/safety.h"
#include "stage/lead_note.h"
#include "wire/pbjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void demand(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool whole(const char *text)
{
    return text && text_check(text, strlen(text), SIZE_MAX, "it", NULL) == OK;
}

/* The prompt's section, and notes of a lead whose attributes are just as strange. */
static void as_stage(struct arena *arena, char *json)
{
    struct buffer section = { .arena = arena };
    Pb__Json policy = PB__JSON__INIT;
    Pb__TurnContext context = PB__TURN_CONTEXT__INIT;
    struct lead_notes notes;
    policy.text = json;
    context.stage_policy = &policy;
    stage_tell(&section, &context);
    demand(!section.bytes || whole(buffer_text(&section)));
    lead_notes_read(arena, json, json, json, &notes);
    lead_note_take(&notes, "need", json, "m1");
    lead_note_take(&notes, "city", "Dhaka", "m1");
    const char *moved = lead_notes_move(&notes), *kept = lead_notes_json(arena, &notes);
    demand(notes.count <= LEAD_NOTES_MAX && lead_notes_score(&notes) >= 0 && lead_notes_score(&notes) <= 100);
    demand((!moved || whole(moved)) && whole(kept) && json_check(kept, strlen(kept), NULL) == OK);
    if (!stage_policy_wrong(arena, json))
        demand(json_check(json, strlen(json), NULL) == OK && (!section.bytes || *buffer_text(&section) == '\n'));
}

static size_t length(const char *const *list)
{
    size_t count = 0;
    while (list && list[count])
        demand(whole(list[count++]));
    return count;
}

static void as_safety(struct arena *arena, const char *json)
{
    const struct llm_message said[] = { { .role = "user", .text = "It costs 5 euros at https://acme.example." } };
    struct safety_policy policy;
    struct safety_verdict verdict;
    safety_policy_read(arena, json, &policy);
    demand(length(policy.off) <= 200 && length(policy.allowed) <= 200 && length(policy.forbidden) <= 200);
    demand(whole(policy.moderation));
    const struct safety_material material = { .messages = said, .count = 1, .policy = &policy };
    safety_check(arena, &material, "That is 6 euros, see https://other.example or call 0123456789.", &verdict);
    demand(json_check(verdict.json, strlen(verdict.json), NULL) == OK && verdict.safe == !verdict.check);
    if (!safety_policy_wrong(arena, json))
        demand(policy.toxicity_max >= 0 && policy.toxicity_max <= 1);
}

static const char *written_of(struct arena *arena, const Pb__HandOverRules *rules)
{
    struct buffer out = { .arena = arena };
    pbjson_write(&out, &rules->base);
    return buffer_text(&out);
}

/* Written as it was read it says the same. */
static void as_hand_over(struct arena *arena, char *json)
{
    const struct reach_sender company = { .hand_over = json, .locale = "pt-BR" };
    const Pb__HandOverRules *rules = hand_over_rules(arena, json);
    demand(whole(hand_over_notice(arena, &company)));
    const char *reason = hand_over_said(arena, rules, json);
    demand(!reason || text_same(reason, "keyword") || text_same(reason, "sentiment"));
    if (hand_over_rules_wrong(rules))
        return;
    const char *written = written_of(arena, rules);
    demand(whole(written) && text_same(written, written_of(arena, hand_over_rules(arena, written))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct arena *arena = arena_new(0);
    char *json = arena_text_n(arena, (const char *)data, bytes);
    if (text_check(json, bytes, SIZE_MAX, "it", NULL) == OK) { /* as any body and any row */
        as_stage(arena, json);
        as_safety(arena, json);
        as_hand_over(arena, json);
    }
    arena_free(arena);
    return 0;
}
