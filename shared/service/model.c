#include "service/model.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "llm/breaker.h"
#include "service/provider.h"

enum { CALL_WAIT_MS_MIN = 1000, CALL_WAIT_MS_MAX = 55000 }; /* a run of the job has 60 s */

int64_t model_wait_ms;

/* Providers in the order in which they answer by default; the last one always can. */
static struct access {
    const struct llm_provider *provider;
    const char *model; /* setting: where the company names none */
} accesses[] = {
    [PROVIDER_OPENAI] = { .provider = &LLM_OPENAI },
    [PROVIDER_ANTHROPIC] = { .provider = &LLM_ANTHROPIC },
    [PROVIDER_GEMINI] = { .provider = &LLM_GEMINI },
    [PROVIDERS] = { .provider = &LLM_LOCAL },
};
enum { ACCESSES = PROVIDERS + 1, TOLD_AGAIN_MS = 1000 };

/* What the process has learnt of its providers, under one lock: all its routes ask them. */
static pthread_mutex_t learnt = PTHREAD_MUTEX_INITIALIZER;

/* Of provider and key, for a provider has one key. */
static struct breaker breakers[ACCESSES];

static struct breaker *breaker_of(const struct access *access)
{
    return &breakers[access - accesses];
}

const struct setting model_settings[] = {
    PROVIDER_SETTINGS_OPENAI,
    { .name = "OPENAI_MODEL",
      .text = &accesses[PROVIDER_OPENAI].model,
      .fallback = "gpt-4o-mini",
      .help = "model where the company names none" },
    PROVIDER_SETTINGS_ANTHROPIC,
    { .name = "ANTHROPIC_MODEL",
      .text = &accesses[PROVIDER_ANTHROPIC].model,
      .fallback = "claude-haiku-5-5",
      .help = "model where the company names none" },
    PROVIDER_SETTINGS_GEMINI,
    { .name = "GEMINI_MODEL",
      .text = &accesses[PROVIDER_GEMINI].model,
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

/* Once, at start. */
enum status model_open(struct batch *batch, struct error *error)
{
    (void)batch;
    return provider_open(error);
}

static struct access *access_of(const struct llm_provider *provider)
{
    for (size_t i = 0; i < ACCESSES; i++)
        if (accesses[i].provider == provider)
            return &accesses[i];
    return NULL;
}

static struct access *access_by_default(void)
{
    size_t i = 0;
    while (!provider_reachable(accesses[i].provider)) /* the last one is */
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
    if (!provider_reachable(candidate->access->provider))
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
    pthread_mutex_lock(&learnt);
    struct candidate *chosen = pick(list, count, tried, now, &others);
    if (!chosen && check(&list[0], NULL) == OK) /* the list has changed, and what is left of it was tried: once more */
        chosen = &list[0];
    if (chosen)
        breaker_admit(breaker_of(chosen->access), now);
    pthread_mutex_unlock(&learnt);
    if (!chosen)
        return check(&list[0], error); /* none can be reached */
    struct access *access = chosen->access;
    if (chosen->row)
        take_row(context, chosen->row);
    *out = (struct model_choice){ .provider = access->provider,
                                  .model = text_or(access->model, access->provider->model),
                                  .bit = chosen->bit,
                                  .others = others };
    return provider_endpoint(access->provider, &out->endpoint, error);
}

/* -- servers that take no format */

/* The last ones that refused. */
enum { FORMLESS_MAX = 32 };
static struct formless {
    const struct llm_provider *provider;
    char model[128];
} formless[FORMLESS_MAX];

static bool has_refused(const struct llm_provider *provider, const char *model)
{
    for (size_t i = 0; i < FORMLESS_MAX; i++)
        if (formless[i].provider == provider && text_same(formless[i].model, model))
            return true;
    return false;
}

bool model_formats(const struct llm_provider *provider, const char *model)
{
    pthread_mutex_lock(&learnt);
    bool refused = has_refused(provider, model);
    pthread_mutex_unlock(&learnt);
    return !refused;
}

void model_refused_format(const struct llm_provider *provider, const char *model)
{
    static size_t next;
    size_t bytes = strlen(model) + 1;
    pthread_mutex_lock(&learnt);
    if (bytes <= sizeof formless->model && !has_refused(provider, model)) {
        struct formless *at = &formless[next++ % FORMLESS_MAX];
        at->provider = provider;
        memcpy(at->model, model, bytes);
    }
    pthread_mutex_unlock(&learnt);
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

/* Under the lock. */
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
    pthread_mutex_lock(&learnt);
    if (barred)
        breaker_failed(breaker, now, BREAKER_WAIT_MS_MAX, true);
    else if (unwell)
        breaker_failed(breaker, now, reply->retry_after_ms, reply->retry_after_ms > 0);
    else /* an answer, or a no to this one question */
        breaker_worked(breaker);
    count_outcome(access, reply->reason);
    pthread_mutex_unlock(&learnt);
    count_tokens(access, "prompt", reply->prompt_tokens);
    count_tokens(access, "completion", reply->completion_tokens);
}

void model_lost(const struct llm_provider *provider, moment now)
{
    const struct access *access = access_of(provider);
    pthread_mutex_lock(&learnt);
    breaker_failed(breaker_of(access), now, 0, false);
    count_outcome(access, "lost");
    pthread_mutex_unlock(&learnt);
}

void model_ended(const struct llm_provider *provider)
{
    const struct access *access = access_of(provider);
    pthread_mutex_lock(&learnt);
    breaker_forget(breaker_of(access));
    count_outcome(access, "ended");
    pthread_mutex_unlock(&learnt);
}

void model_unasked(const struct llm_provider *provider)
{
    pthread_mutex_lock(&learnt);
    breaker_forget(breaker_of(access_of(provider)));
    pthread_mutex_unlock(&learnt);
}

/* What was said of each, and when: what still holds is said again, for whoever began to listen since. */
static struct told {
    moment until, at;
    char reason[32];
} tellings[ACCESSES];

/* Under the lock; NULL: nobody needs to hear of it now. */
static Pb__ModelNudge *telling(struct arena *arena, size_t index, bool news, moment now)
{
    struct told *told = &tellings[index];
    if (!news && (told->until <= now || now < told->at + TOLD_AGAIN_MS))
        return NULL;
    told->at = now;
    Pb__ModelNudge *message = PB_NEW(arena, model_nudge);
    message->provider = (char *)accesses[index].provider->name;
    message->reason = arena_text(arena, told->reason);
    PB_SET(message, until_at, told->until);
    return message;
}

void model_state_tell(struct arena *arena, const struct llm_provider *provider, const char *reason, moment now)
{
    size_t asked = (size_t)(access_of(provider) - accesses);
    const struct breaker *breaker = &breakers[asked];
    Pb__ModelNudge *messages[ACCESSES];
    pthread_mutex_lock(&learnt);
    moment until = breaker->wait_ms > 0 ? breaker->open_until : 0;
    bool news = tellings[asked].until != until;
    if (news) {
        tellings[asked].until = until;
        snprintf(tellings[asked].reason, sizeof tellings[asked].reason, "%s", text_or(reason, ""));
    }
    for (size_t i = 0; i < ACCESSES; i++)
        messages[i] = telling(arena, i, news && i == asked, now);
    pthread_mutex_unlock(&learnt);
    for (size_t i = 0; i < ACCESSES; i++)
        if (messages[i])
            nudge(arena, &NUDGE_MODEL, messages[i]);
}
