#include "service/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "llm/breaker.h"

enum { CALL_WAIT_MS_MIN = 1000, CALL_WAIT_MS_MAX = 55000 }; /* a run of the job has 60 s */

int64_t model_wait_ms;

/* A provider and what the installation says of it; in the order in which they answer by default. */
static struct access {
    const struct llm_provider *provider;
    const char *base_url_setting;
    const char *key, *base_url, *model; /* settings; "" when not set */
    char *trimmed;                      /* the base URL that counts */
    struct llm_endpoint endpoint;
} accesses[] = {
    { .provider = &LLM_OPENAI, .base_url_setting = "OPENAI_BASE_URL" },
    { .provider = &LLM_ANTHROPIC, .base_url_setting = "ANTHROPIC_BASE_URL" },
    { .provider = &LLM_GEMINI, .base_url_setting = "GEMINI_BASE_URL" },
    { .provider = &LLM_LOCAL },
};
enum { OPENAI, ANTHROPIC, GEMINI, LOCAL, ACCESSES };

/* Of provider and key, for a provider has one key. Each route learns for itself: a route is a thread, and nothing is
 * shared. */
static _Thread_local struct breaker breakers[ACCESSES];

static struct breaker *breaker_of(const struct access *access)
{
    return &breakers[access - accesses];
}

const struct setting model_settings[] = {
    { .name = "OPENAI_API_KEY",
      .text = &accesses[OPENAI].key,
      .secret = true,
      .help = "key of OpenAI or of a server that speaks the same" },
    { .name = "OPENAI_BASE_URL",
      .text = &accesses[OPENAI].base_url,
      .help = "with its /v1; the vendor's; a server of one's own needs no key" },
    { .name = "OPENAI_MODEL",
      .text = &accesses[OPENAI].model,
      .fallback = "gpt-4o-mini",
      .help = "model where the company names none" },
    { .name = "ANTHROPIC_API_KEY", .text = &accesses[ANTHROPIC].key, .secret = true, .help = "key of Anthropic" },
    { .name = "ANTHROPIC_BASE_URL", .text = &accesses[ANTHROPIC].base_url, .help = "the vendor's" },
    { .name = "ANTHROPIC_MODEL",
      .text = &accesses[ANTHROPIC].model,
      .fallback = "claude-haiku-5-5",
      .help = "model where the company names none" },
    { .name = "GEMINI_API_KEY", .text = &accesses[GEMINI].key, .secret = true, .help = "key of Google's Gemini" },
    { .name = "GEMINI_BASE_URL", .text = &accesses[GEMINI].base_url, .help = "the vendor's" },
    { .name = "GEMINI_MODEL",
      .text = &accesses[GEMINI].model,
      .fallback = "gemini-3.5-flash-lite",
      .help = "model where the company names none" },
    { .name = "AI_CALL_WAIT_MS",
      .number = &model_wait_ms,
      .fallback = "45000",
      .min = CALL_WAIT_MS_MIN,
      .max = CALL_WAIT_MS_MAX,
      .help = "how long a model may take" },
    { 0 },
};

static enum status open_access(struct access *access, struct error *error)
{
    const char *url = text_or(access->base_url, access->provider->base_url);
    if (!text_starts(url, "http://") && !text_starts(url, "https://"))
        return error_set(error, REJECT, "%s must begin with http:// or https://", access->base_url_setting);
    free(access->trimmed);
    access->trimmed = strdup(url);
    if (!access->trimmed)
        abort();
    for (size_t end = strlen(url); end > 0 && access->trimmed[end - 1] == '/'; end--)
        access->trimmed[end - 1] = '\0';
    access->endpoint = (struct llm_endpoint){ .base_url = access->trimmed, .key = access->key };
    return OK;
}

/* Once, at start. */
enum status model_open(struct batch *batch, struct error *error)
{
    (void)batch;
    for (size_t i = 0; i < ACCESSES; i++)
        if (accesses[i].base_url_setting)
            TRY(open_access(&accesses[i], error));
    return OK;
}

/* A server of one's own may need no key. */
static bool is_reachable(const struct access *access)
{
    return !access->base_url_setting || !text_empty(access->key) || !text_empty(access->base_url);
}

static struct access *access_of(const struct llm_provider *provider)
{
    for (size_t i = 0; i < ACCESSES; i++)
        if (accesses[i].provider == provider)
            return &accesses[i];
    return NULL;
}

enum status model_endpoint(const struct llm_provider *provider, struct llm_endpoint *out, struct error *error)
{
    const struct access *access = access_of(provider);
    if (!access || !is_reachable(access))
        return error_code(error, REJECT, "auth", "%s is wanted, and neither a key nor a base URL is set",
                          provider ? provider->name : "a provider that isn't here");
    *out = access->endpoint;
    return OK;
}

static struct access *access_by_default(void)
{
    size_t i = 0;
    while (!is_reachable(&accesses[i])) /* the last one is */
        i++;
    return &accesses[i];
}

/* -- the company's list */

enum { LIST_MAX = 8 };

/* A model that the company may be answered by. */
struct candidate {
    const char *name; /* of the provider */
    struct access *access;
    const Pb__TurnModel *row; /* NULL: the context itself has it */
    unsigned bit;
};

static struct candidate candidate_of(const char *name, const Pb__TurnModel *row, size_t place)
{
    return (struct candidate){ .name = name, .access = access_of(llm_provider(name)), .row = row, .bit = 1u << place };
}

/* The first, then its fallbacks; without a choice of the company's there is one. */
static size_t list_candidates(const Pb__TurnContext *context, struct candidate list[LIST_MAX])
{
    size_t count = 0;
    if (text_empty(context->provider)) {
        list[0] = (struct candidate){ .access = access_by_default(), .bit = 1 };
        return 1;
    }
    list[count++] = candidate_of(context->provider, NULL, 0);
    for (size_t i = 0; i < context->n_fallbacks && count < LIST_MAX; i++, count++)
        list[count] = candidate_of(text_or(context->fallbacks[i]->provider, ""), context->fallbacks[i], count);
    return count;
}

static enum status check(const struct candidate *candidate, struct error *error)
{
    if (!candidate->access)
        return error_code(error, REJECT, "provider", "there is no model provider '%.32s' here", candidate->name);
    if (!is_reachable(candidate->access))
        return error_code(error, REJECT, "auth", "the company wants %s, and neither a key nor a base URL is set",
                          candidate->access->provider->name);
    return OK;
}

/* Of those that can be reached and were not tried: the first that its breaker admits, else the first. NULL: none. */
static struct candidate *pick(struct candidate *list, size_t count, unsigned tried, moment now, bool *others)
{
    struct candidate *first = NULL, *admitted = NULL;
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        if ((list[i].bit & tried) || check(&list[i], NULL) != OK)
            continue;
        left++;
        if (!first)
            first = &list[i];
        if (!admitted && breaker_admits(breaker_of(list[i].access), now))
            admitted = &list[i];
    }
    *others = left > 1;
    return admitted ? admitted : first;
}

static void take_row(Pb__TurnContext *context, const Pb__TurnModel *row)
{
    context->provider = row->provider;
    context->model = row->model;
    context->system_prompt = row->system_prompt;
    PB_SET(context, temperature, row->temperature);
    PB_SET(context, tokens_max, row->tokens_max);
    PB_SET(context, prompt_version, row->prompt_version);
}

enum status model_choose(Pb__TurnContext *context, unsigned tried, moment now, struct model_choice *out,
                         struct error *error)
{
    struct candidate list[LIST_MAX];
    bool others = false;
    size_t count = list_candidates(context, list);
    struct candidate *chosen = pick(list, count, tried, now, &others);
    if (!chosen) { /* none can be reached; or the list has changed, and what is left of it was tried: once more, then */
        TRY(check(&list[0], error));
        chosen = &list[0];
    }
    struct access *access = chosen->access;
    breaker_admit(breaker_of(access), now);
    if (chosen->row)
        take_row(context, chosen->row);
    *out = (struct model_choice){ .provider = access->provider,
                                  .model = text_or(access->model, access->provider->model),
                                  .endpoint = access->endpoint,
                                  .bit = chosen->bit,
                                  .others = others };
    return OK;
}

/* -- servers that take no format */

/* The last ones that refused; used on the route's thread only. */
enum { FORMLESS_MAX = 32 };
static _Thread_local struct formless {
    const struct llm_provider *provider;
    char model[128];
} formless[FORMLESS_MAX];

bool model_formats(const struct llm_provider *provider, const char *model)
{
    for (size_t i = 0; i < FORMLESS_MAX; i++)
        if (formless[i].provider == provider && text_same(formless[i].model, model))
            return false;
    return true;
}

void model_refused_format(const struct llm_provider *provider, const char *model)
{
    static _Thread_local size_t next;
    if (strlen(model) >= sizeof formless->model || !model_formats(provider, model))
        return;
    struct formless *at = &formless[next++ % FORMLESS_MAX];
    at->provider = provider;
    memcpy(at->model, model, strlen(model) + 1);
}

/* -- what became of the calls */

static struct metric outcomes = { .name = "parley_model_calls_total",
                                  .help = "calls of models by provider and what came of them",
                                  .kind = METRIC_COUNTER,
                                  .label = "outcome" };
static struct metric tokens = { .name = "parley_model_tokens_total",
                                .help = "tokens of prompts and answers that providers reported",
                                .kind = METRIC_COUNTER,
                                .label = "kind" };
static struct metric broken = { .name = "parley_model_breaker_open",
                                .help = "1 while a provider is passed over where there is another model",
                                .kind = METRIC_GAUGE,
                                .label = "provider" };

static void count_outcome(const struct access *access, const char *outcome)
{
    char label[64];
    snprintf(label, sizeof label, "%s %s", access->provider->name, text_or(outcome, "answered"));
    metric_add(&outcomes, label, 1);
    metric_set(&broken, access->provider->name, breaker_of(access)->wait_ms > 0);
}

static void count_tokens(const struct access *access, const char *kind, int amount)
{
    char label[64];
    snprintf(label, sizeof label, "%s %s", access->provider->name, kind);
    metric_add(&tokens, label, amount);
}

void model_answered(const struct llm_provider *provider, const struct llm_reply *reply, moment now)
{
    const struct access *access = access_of(provider);
    struct breaker *breaker = breaker_of(access);
    bool barred = text_same(reply->reason, "auth") || text_same(reply->reason, "quota");
    bool unwell = text_same(reply->reason, "overloaded") || text_same(reply->reason, "rate_limit") ||
                  text_same(reply->reason, "unreadable");
    if (barred)
        breaker_failed(breaker, now, BREAKER_WAIT_MS_MAX, true);
    else if (unwell)
        breaker_failed(breaker, now, reply->retry_after_ms, reply->retry_after_ms > 0);
    else /* an answer, or a no to this one question */
        breaker_worked(breaker);
    count_outcome(access, reply->reason);
    count_tokens(access, "prompt", reply->prompt_tokens);
    count_tokens(access, "completion", reply->completion_tokens);
}

void model_lost(const struct llm_provider *provider, moment now)
{
    const struct access *access = access_of(provider);
    breaker_failed(breaker_of(access), now, 0, false);
    count_outcome(access, "lost");
}

void model_ended(const struct llm_provider *provider)
{
    const struct access *access = access_of(provider);
    breaker_forget(breaker_of(access));
    count_outcome(access, "ended");
}
