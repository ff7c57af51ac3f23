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

/* A request, as far as an answer depends on it. */
struct llm_prompt {
    const char *model;
    const cJSON *messages;
    const char *last_user; /* the last thing the user said; NULL: nothing */
    int64_t answers;       /* how many are wanted */
};

struct llm_refusal {
    int status; /* 0: none */
    char type[64];
    char code[64]; /* empty: null */
    char message[200];
    char param[64]; /* empty: null */
};

struct llm_dialect {
    bool (*matches)(const struct http_request *request);

    /* Requests that ask no model (a list of them); true when it has answered. */
    bool (*answer_other)(struct exchange *exchange);

    /* The key a request carries; false when it has none. */
    bool (*read_key)(const struct http_request *request, char *key, size_t room);

    /* Checks the request; the prompt points into `body`. */
    void (*read)(const cJSON *body, struct llm_prompt *prompt, struct llm_refusal *refusal);

    void (*write_answer)(struct buffer *buffer, const struct llm_prompt *prompt, const char *text,
                         const char *finish_reason);

    /* Fills in what the provider says with that status, and how it is written. */
    void (*name_error)(int status, struct llm_refusal *refusal);
    void (*write_error)(struct buffer *buffer, const struct llm_refusal *refusal);
};

extern const struct llm_dialect llm_openai;

/* The models whose names script what happens; each a prefix, some with a number behind it. */
extern const char *const llm_scripted_models[];

bool llm_matches(const struct http_request *request);
void llm_handle(struct simulator *simulator, struct exchange *exchange);

#endif
