/*
 * usage - what models have cost: counters per company, day and model, and per conversation where there are budgets.
 *
 * Written in the transaction of what was paid for, last, for its rows are everybody's.
 */
#pragma once
#include "service/service.h"

/* One call of a model. */
struct usage {
    const char *company_id;
    const char *conversation_id, *lead_id; /* NULL: unknown */
    const char *provider, *model;
    int64_t prompt_tokens, completion_tokens;
    bool failed; /* nothing came of it */
    bool plain;  /* its company is known to have neither budgets nor prices: counting is enough */
};

/* Queues the counting: one statement for those that are plain, one for the others. */
void usage_write(struct batch *batch, const struct usage *list, size_t count);

void usage_record(struct batch *batch);
void usage_read(struct batch *batch);
