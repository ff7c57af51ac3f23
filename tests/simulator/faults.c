#include "faults.h"

#include "text.h"

#include <string.h>

enum { LATENCY_MS_MAX = 600000, RETRY_AFTER_MAX = 86400, COUNT_MAX = 1000000000 };

#define AT(type, member)   .offset = offsetof(struct type, member)
#define ROOM(type, member) .bytes = sizeof(((struct type *)NULL)->member)

static const struct field llm_error_fields[] = {
    { .name = "type", .kind = FIELD_TEXT, AT(llm_error, type), ROOM(llm_error, type) },
    { .name = "code", .kind = FIELD_TEXT, AT(llm_error, code), ROOM(llm_error, code) },
    { .name = "message", .kind = FIELD_TEXT, AT(llm_error, message), ROOM(llm_error, message) },
    { 0 },
};

static const struct field llm_fields[] = {
    { .name = "every", .kind = FIELD_INTEGER, AT(llm_fault, choice.every), .min = 1, .max = COUNT_MAX },
    { .name = "probability", .kind = FIELD_NUMBER, AT(llm_fault, choice.probability), .min = 0, .max = 1 },
    { .name = "count", .kind = FIELD_INTEGER, AT(llm_fault, choice.count), .min = FAULT_ENDLESS, .max = COUNT_MAX },
    { .name = "latency_ms", .kind = FIELD_INTEGER, AT(llm_fault, latency.latency_ms), .max = LATENCY_MS_MAX },
    { .name = "jitter_ms", .kind = FIELD_INTEGER, AT(llm_fault, latency.jitter_ms), .max = LATENCY_MS_MAX },
    { .name = "status", .kind = FIELD_INTEGER, AT(llm_fault, status), .min = 400, .max = 599 },
    { .name = "error", .kind = FIELD_OBJECT, AT(llm_fault, error), ROOM(llm_fault, error), .fields = llm_error_fields },
    { .name = "retry_after", .kind = FIELD_INTEGER, AT(llm_fault, retry_after), .max = RETRY_AFTER_MAX },
    { .name = "cut", .kind = FIELD_BOOLEAN, AT(llm_fault, cut) },
    { .name = "garbage", .kind = FIELD_BOOLEAN, AT(llm_fault, garbage) },
    { .name = "reply", .kind = FIELD_TEXT, AT(llm_fault, reply), ROOM(llm_fault, reply) },
    { .name = "actions", .kind = FIELD_TEXT, AT(llm_fault, actions), ROOM(llm_fault, actions) },
    { .name = "provider", .kind = FIELD_TEXT, AT(llm_fault, provider), ROOM(llm_fault, provider) },
    { 0 },
};

static const struct field graph_fields[] = {
    { .name = "every", .kind = FIELD_INTEGER, AT(graph_fault, choice.every), .min = 1, .max = COUNT_MAX },
    { .name = "probability", .kind = FIELD_NUMBER, AT(graph_fault, choice.probability), .min = 0, .max = 1 },
    { .name = "count", .kind = FIELD_INTEGER, AT(graph_fault, choice.count), .min = FAULT_ENDLESS, .max = COUNT_MAX },
    { .name = "latency_ms", .kind = FIELD_INTEGER, AT(graph_fault, latency.latency_ms), .max = LATENCY_MS_MAX },
    { .name = "jitter_ms", .kind = FIELD_INTEGER, AT(graph_fault, latency.jitter_ms), .max = LATENCY_MS_MAX },
    { .name = "code", .kind = FIELD_INTEGER, AT(graph_fault, code), .max = 999999 },
    { .name = "http_only", .kind = FIELD_INTEGER, AT(graph_fault, http_only), .min = 300, .max = 599 },
    { .name = "retry_after", .kind = FIELD_INTEGER, AT(graph_fault, retry_after), .max = RETRY_AFTER_MAX },
    { .name = "cut_before_accept", .kind = FIELD_BOOLEAN, AT(graph_fault, cut_before_accept) },
    { .name = "accept_then_cut", .kind = FIELD_BOOLEAN, AT(graph_fault, accept_then_cut) },
    { .name = "fail_later", .kind = FIELD_BOOLEAN, AT(graph_fault, fail_later) },
    { .name = "to", .kind = FIELD_TEXT, AT(graph_fault, to), ROOM(graph_fault, to) },
    { 0 },
};

static const char *const signature_words[] = { "right", "wrong", "missing", "stale", NULL };
static const char *const leniency_words[] = { "open", "strict", NULL };

static const struct field webhook_fields[] = {
    { .name = "duplicate", .kind = FIELD_INTEGER, AT(webhook_fault, duplicate), .min = 1, .max = 50 },
    { .name = "spread_ms", .kind = FIELD_INTEGER, AT(webhook_fault, spread_ms), .max = LATENCY_MS_MAX },
    { .name = "reorder", .kind = FIELD_BOOLEAN, AT(webhook_fault, reorder) },
    { .name = "delay_send_answer_ms",
      .kind = FIELD_INTEGER,
      AT(webhook_fault, delay_send_answer_ms),
      .max = LATENCY_MS_MAX },
    { .name = "drop_receipts", .kind = FIELD_BOOLEAN, AT(webhook_fault, drop_receipts) },
    { .name = "drop_callback", .kind = FIELD_BOOLEAN, AT(webhook_fault, drop_callback) },
    { .name = "bad_signature", .kind = FIELD_WORD, AT(webhook_fault, bad_signature), .words = signature_words },
    { .name = "batch", .kind = FIELD_INTEGER, AT(webhook_fault, batch), .min = 1, .max = 1000 },
    { 0 },
};

static const struct field receipt_fields[] = {
    { .name = "enabled", .kind = FIELD_BOOLEAN, AT(receipt_plan, enabled) },
    { .name = "sent_ms", .kind = FIELD_INTEGER, AT(receipt_plan, sent_ms), .min = FIELD_NONE, .max = LATENCY_MS_MAX },
    { .name = "delivered_ms",
      .kind = FIELD_INTEGER,
      AT(receipt_plan, delivered_ms),
      .min = FIELD_NONE,
      .max = LATENCY_MS_MAX },
    { .name = "read_ms", .kind = FIELD_INTEGER, AT(receipt_plan, read_ms), .min = FIELD_NONE, .max = LATENCY_MS_MAX },
    { 0 },
};

#define SECTION(member, table) .kind = FIELD_OBJECT, AT(faults, member), ROOM(faults, member), .fields = table

static const struct field faults_fields[] = {
    { .name = "seed", .kind = FIELD_INTEGER, AT(faults, seed), .max = 9007199254740991 },
    { .name = "llm", SECTION(llm, llm_fields) },
    { .name = "graph", SECTION(graph, graph_fields) },
    { .name = "webhook", SECTION(webhook, webhook_fields) },
    { .name = "receipts", SECTION(receipts, receipt_fields) },
    { .name = "unreachable", .kind = FIELD_TEXTS, AT(faults, unreachable) },
    { .name = "window", .kind = FIELD_WORD, AT(faults, window), .words = leniency_words },
    { .name = "rate", .kind = FIELD_WORD, AT(faults, rate), .words = leniency_words },
    { 0 },
};

static const struct faults defaults = {
    .seed = 1,
    .dice = 1,
    .llm = { .choice = { .every = 1, .probability = FIELD_NONE, .count = FAULT_ENDLESS },
             .status = FIELD_NONE,
             .retry_after = FIELD_NONE },
    .graph = { .choice = { .every = 1, .probability = FIELD_NONE, .count = FAULT_ENDLESS },
               .code = FIELD_NONE,
               .http_only = FIELD_NONE,
               .retry_after = FIELD_NONE },
    .webhook = { .duplicate = 1, .batch = 100 },
    .receipts = { .enabled = true, .sent_ms = 20, .delivered_ms = 60, .read_ms = 120 },
};

void faults_reset(struct faults *faults)
{
    *faults = defaults;
}

bool faults_merge(struct faults *faults, const cJSON *plan, char problem[FIELD_PROBLEM_ROOM])
{
    struct faults merged = *faults;
    if (!fields_read(plan, faults_fields, &merged, &defaults, problem))
        return false;
    if (cJSON_HasObjectItem(plan, "seed"))
        merged.dice = (uint64_t)merged.seed;
    *faults = merged;
    return true;
}

void faults_write(struct buffer *buffer, const struct faults *faults)
{
    fields_write(buffer, faults_fields, faults);
}

/* splitmix64 */
static uint64_t dice_next(uint64_t *dice)
{
    uint64_t value = *dice += 0x9e3779b97f4a7c15U;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
}

uint64_t faults_dice(struct faults *faults, uint64_t limit)
{
    return limit == 0 ? 0 : dice_next(&faults->dice) % limit;
}

static bool draw_chance(struct faults *faults, double probability)
{
    return (double)(dice_next(&faults->dice) >> 11) / (double)(1ULL << 53) < probability;
}

static bool choose(struct faults *faults, struct fault_choice *choice)
{
    choice->calls++;
    if (choice->count != FAULT_ENDLESS && choice->chosen >= choice->count)
        return false;
    bool hit = choice->probability >= 0 ? draw_chance(faults, choice->probability) : choice->calls % choice->every == 0;
    choice->chosen += hit;
    return hit;
}

static int64_t draw_latency(struct faults *faults, const struct fault_latency *latency)
{
    return latency->latency_ms + (int64_t)faults_dice(faults, (uint64_t)latency->jitter_ms + 1);
}

static bool llm_has_effect(const struct llm_fault *fault)
{
    return fault->status != FIELD_NONE || fault->cut || fault->garbage || fault->reply[0] != '\0' ||
           fault->actions[0] != '\0';
}

static bool graph_has_effect(const struct graph_fault *fault)
{
    return fault->code != FIELD_NONE || fault->http_only != FIELD_NONE || fault->cut_before_accept ||
           fault->accept_then_cut;
}

const struct llm_fault *faults_draw_llm(struct faults *faults, const char *provider, int64_t *latency_ms)
{
    struct llm_fault *fault = &faults->llm;
    *latency_ms = 0;
    if (fault->provider[0] != '\0' && strcmp(fault->provider, provider) != 0)
        return NULL;
    bool chosen = choose(faults, &fault->choice);
    bool effect = llm_has_effect(fault);
    *latency_ms = effect || chosen ? draw_latency(faults, &fault->latency) : 0;
    return effect && chosen ? fault : NULL;
}

const struct graph_fault *faults_draw_graph(struct faults *faults, const char *to, int64_t *latency_ms)
{
    struct graph_fault *fault = &faults->graph;
    *latency_ms = 0;
    const char *only = fault->to + (fault->to[0] == '+');
    if (*only != '\0' && strcmp(only, to) != 0)
        return NULL;
    bool chosen = choose(faults, &fault->choice);
    bool effect = graph_has_effect(fault);
    *latency_ms = effect || chosen ? draw_latency(faults, &fault->latency) : 0;
    return effect && chosen ? fault : NULL;
}

bool faults_unreachable(const struct faults *faults, const char *phone)
{
    for (size_t i = 0; i < faults->unreachable.count; i++)
        if (text_ends_with(phone, faults->unreachable.items[i]))
            return true;
    return false;
}
