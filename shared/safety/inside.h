/*
 * inside - what the checks of safety.c share: a text under examination, and what it is held against, made once and only
 * when somebody asks. Nobody else includes it.
 */
#pragma once
#include "language/language.h"
#include "safety/find.h"
#include "safety/safety.h"

struct exam {
    struct arena *arena;
    const struct safety_material *material;
    const char *text, *folded;
    struct facts facts;
    struct facts *known;     /* exam_known */
    struct facts *customers; /* exam_customers */
};
const struct facts *exam_known(struct exam *exam);     /* of all of the prompt, and what the company allows */
const struct facts *exam_customers(struct exam *exam); /* of the customer's own messages */

bool safety_check_known(const char *name);

/* claim.c: what the material doesn't hold */
bool has_unknown_link(struct exam *exam);
bool has_unknown_email(struct exam *exam);
bool has_unknown_phone(struct exam *exam);
bool has_unknown_price(struct exam *exam);
bool has_unknown_percentage(struct exam *exam);

/* secret.c: what nobody may be told, whoever wrote it down */
bool has_key(struct exam *exam);
bool has_card_number(struct exam *exam);

/* echo.c: what shows the machine behind the text */
bool has_role_mark(struct exam *exam);
bool has_prompt_echo(struct exam *exam);
bool has_repetition(struct exam *exam);
bool has_forbidden(struct exam *exam);
