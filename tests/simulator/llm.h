/*
 * llm - what all simulated model providers share: latency, faults, scripted models, records, aborted calls.
 *
 * A provider's dialect is one file with one struct llm_dialect; it reads a request and writes answers and errors,
 * and knows nothing of time. To add one, declare it here and put it into the list in llm.c.
 */
#ifndef SIMULATOR_LLM_H
#define SIMULATOR_LLM_H

#include "simulator.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

/* A request, as far as an answer and the record depend on it. */
struct llm_prompt {
    const char *model;   /* NULL: none was named */
    const cJSON *system; /* NULL where it is one of the messages */
    const cJSON *messages;
    const char *last_user; /* the last thing the user said; NULL: nothing */
    const cJSON *schema;   /* that the answer must keep to; NULL: any text */
    int64_t answers;       /* how many are wanted */
    bool thought;          /* the answer begins with what the model thought, where the provider shows that */
    char model_room[120];  /* for a dialect that takes the name from elsewhere than the body */
};

/* What a provider says when it refuses. `type` and `code` are its own two words, whatever it calls them. */
struct llm_refusal {
    int status; /* 0: none */
    char type[64];
    char code[64]; /* empty: null */
    char message[200];
    char param[64];      /* empty: null */
    int64_t retry_after; /* in seconds; FIELD_NONE: not told */
};

enum llm_finish { LLM_WHOLE, LLM_CUT, LLM_FILTERED, LLM_BLOCKED /* before a word was said */ };

struct llm_dialect {
    const char *name;
    const char *request_id; /* the header that carries it; NULL: none */
    bool waits_in_body;     /* how long to wait is told in the error itself, not by Retry-After */

    bool (*matches)(const struct http_request *request);

    /* Requests that ask no model (a list of them); true when it has answered. */
    bool (*answer_other)(struct exchange *exchange);

    /* The key a request carries; false when it has none. */
    bool (*read_key)(const struct http_request *request, char *key, size_t room);

    /* What goes on record, right or wrong; the prompt points into `body`. */
    void (*look)(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt);

    /* Checks the request. */
    void (*read)(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt,
                 struct llm_refusal *refusal);

    void (*write_answer)(struct buffer *buffer, const struct llm_prompt *prompt, const char *text,
                         enum llm_finish finish);

    /* Of a key that is missing or wrong. */
    void (*refuse_key)(bool given, struct llm_refusal *refusal);

    /* Fills in what the provider says with that status, and how it is written. */
    void (*name_error)(int status, struct llm_refusal *refusal);
    void (*write_error)(struct buffer *buffer, const struct llm_refusal *refusal);
};

extern const struct llm_dialect llm_openai, llm_anthropic, llm_gemini, llm_openai_embeddings, llm_gemini_embeddings,
    llm_moderation;

/* What every dialect needs. */
const char *llm_member_text(const cJSON *object, const char *name);              /* NULL when it is none */
const cJSON *llm_unknown_member(const cJSON *object, const char *const known[]); /* `known` ends with NULL */
bool llm_is_within(const cJSON *value, double min, double max);
bool llm_is_blank(const char *text);
size_t llm_tokens(const char *text);       /* about */
size_t llm_tokens_of(const cJSON *member); /* of its JSON text */
/* What is wrong with a schema in the strict subset that all vendors take; NULL: nothing. */
const char *llm_schema_fault(const cJSON *schema);
bool llm_is_one_of(const char *text, const char *const prefixes[]); /* begins with one; ends with NULL */

/* The models whose names script what happens; each a prefix, some with a number behind it. */
extern const char *const llm_scripted_models[];

bool llm_matches(const struct http_request *request);
void llm_handle(struct simulator *simulator, struct exchange *exchange);

#endif
