/*
 * placeholder - {name} and its like in a canned reply, filled in with what is known. Pure.
 */
#pragma once
#include "base/arena.h"
#include "base/error.h"

struct placeholder_values {
    const char *name, *phone, *operator, * company; /* NULL or "": not known */
};

/* REJECT bad_value: a placeholder that there is none of. A brace alone is a brace. */
enum status placeholder_check(const char *text, struct error *error);
/* What is not known is left out, with the blank before it: "Hello {name}, ..." becomes "Hello, ...". */
char *placeholder_fill(struct arena *arena, const char *text, const struct placeholder_values *values);
