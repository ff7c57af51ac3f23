/*
 * llm - what every model provider offers: compose a request, judge an answer. Pure: no network, no state.
 *
 * One file per provider (openai.c, anthropic.c, gemini.c, local.c); llm_provider finds it by name. A provider without a
 * URL answers by itself (`local`).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "wire/pb.h"

enum { LLM_TOKENS_MAX = 1000000000 }; /* that are believed of a usage */

/* A picture or a voice that goes along with a user's words. */
struct llm_file {
    const char *mime_type;
    const char *base64;
};

struct llm_message {
    const char *role; /* system, user, assistant */
    const char *text;
    const struct llm_file *files; /* of types that the provider's `takes` said yes to */
    size_t file_count;
};

struct llm_prompt {
    const char *model; /* never empty */
    double temperature;
    int tokens_max; /* at least 1, of the answer's text; what a model thinks first comes on top */
    const struct llm_message *messages;
    size_t count;
    const char *const *actions; /* that are offered, NULL-terminated; NULL: none */
    const char *schema;         /* JSON Schema of the answer, where the provider is to enforce it; NULL: any text */
};

/* How to reach it: from settings. */
struct llm_endpoint {
    const char *base_url; /* no trailing slash */
    const char *key;      /* "" : none is sent */
};

struct llm_http {
    const char *url;
    const char *const *headers; /* NULL-terminated */
    const char *body;
};

enum llm_end {
    LLM_ANSWERED,
    LLM_RETRY,   /* overloaded, rate limit: later */
    LLM_DEAD,    /* wrong key, unknown model, no money, our request: no retry heals it */
    LLM_REFUSED, /* the model or its filter declined: never unchanged again */
};

struct llm_reply {
    enum llm_end end;
    const char *text;                     /* of ANSWERED: valid UTF-8, trimmed, at least one character */
    const char *model;                    /* as the provider named it */
    bool cut;                             /* by the token limit */
    int prompt_tokens, completion_tokens; /* all that is paid for, cached and thought ones too; 0: not told */
    const char *ratings;      /* {"harassment":"low",...} as the provider rates its own text; NULL: it doesn't */
    double toxicity;          /* the highest of its scores, 0 to 1, where it gives numbers */
    Pb__TurnAction **actions; /* beside the text; of ANSWERED */
    size_t action_count;
    int64_t retry_after_ms; /* of RETRY, where the body says it; a header is the caller's; 0: not told */
    const char *reason; /* unless ANSWERED, our own word: overloaded, rate_limit, empty, unreadable, malformed; auth,
                           quota, model, request; refused */
    const char *code;   /* provider's own error code or type; "" */
    const char *error;  /* one sentence without personal data */
};

struct llm_provider {
    const char *name;
    const char *base_url; /* the vendor's; NULL where it answers by itself */
    const char *model;    /* default */
    /* NULL where it answers by itself */
    void (*compose)(struct arena *arena, const struct llm_endpoint *endpoint, const struct llm_prompt *prompt,
                    struct llm_http *out);
    void (*judge)(struct arena *arena, long http_status, const char *body, size_t bytes, struct llm_reply *out);
    /* Whether that model sees or hears files of that type; NULL: none does. */
    bool (*takes)(const char *model, const char *mime_type);
    /* of one that answers by itself */
    void (*answer)(struct arena *arena, const Pb__TurnContext *context, struct llm_reply *out);
};
const struct llm_provider *llm_provider(const char *name); /* NULL: unknown */
extern const struct llm_provider LLM_OPENAI, LLM_ANTHROPIC, LLM_GEMINI, LLM_LOCAL;

/* The prompt of a turn: system text (role, company card, stage policy, the actions on offer, knowledge under its own
 * heading), history, then what is owed. */
struct llm_offer;
void llm_prompt_of_turn(struct arena *arena, const Pb__TurnContext *context, const struct llm_offer *offer,
                        const char *default_model, struct llm_prompt *out);
/* Of a prompt's system text: what tells the model how to behave, without what it may tell the customer. */
const char *llm_prompt_instructions(struct arena *arena, const char *system_text);
/* As JSON, to be stored with the turn. */
const char *llm_prompt_json(struct arena *arena, const struct llm_prompt *prompt);
