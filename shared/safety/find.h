/*
 * find - the facts in a text that can be checked: links, e-mail addresses, phone and other long numbers, amounts of
 * money, percentages.
 *
 * The text is folded (language/language.h), and so are the facts: what was written in two ways is found as one. A
 * character belongs to one fact at most.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum fact_kind {
    FACT_LINK,  /* "example.com/prices": without scheme, www. and what a sentence puts after it */
    FACT_EMAIL, /* "info@example.com" */
    FACT_LONG,  /* a phone number, an account, a ticket: at least seven digits, and only them */
    FACT_MONEY, /* a number beside a currency: "350", "1200.50" */
    FACT_PERCENT,
    FACT_NUMBER, /* any other */
    FACT_KINDS,
};

struct fact {
    enum fact_kind kind;
    const char *text; /* as above */
    double value;     /* of MONEY, PERCENT, NUMBER */
};

struct facts {
    struct fact *list;
    size_t count, capacity;
    size_t of[FACT_KINDS]; /* how many of each */
};
void facts_find(struct arena *arena, const char *folded, struct facts *out); /* adds to what is there */

/* Host of a link, and whether it is that domain or one below it. */
char *fact_host(struct arena *arena, const char *link);
bool host_within(const char *host, const char *domain);
