/*
 * setting - what an operator may set: one table per service, read once at start from the environment.
 *
 * NAME_FILE names a file that holds the value (secrets). An alias is read when the name itself is unset, and reported
 * so that the log can say it once. Empty counts as unset; NAME and NAME_FILE together are refused. A bad value stops
 * the start with one sentence. --help prints the tables.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct setting {
    const char *name;  /* environment variable; NULL ends the table */
    const char **text; /* exactly one of text, number, flag is set */
    int64_t *number;
    bool *flag;                 /* on/off, true/false, yes/no, 1/0 */
    const char *fallback;       /* as text; NULL: empty text, 0, off */
    int64_t min, max;           /* of a number, both inclusive; 0,0: not checked */
    const char *const *choices; /* of a text, NULL-terminated, compared without case and stored as listed; NULL: any */
    const char *const *aliases; /* NULL-terminated; NULL: none */
    bool secret;                /* --help never shows the value */
    const char *help;           /* one line */
};

typedef void setting_notice(const char *name, const char *alias);

/* Reads one table. notice (may be NULL) hears of each alias used. Values live as long as the process. */
enum status setting_read(const struct setting *table, setting_notice *notice, struct error *error);
void setting_help(FILE *out, const struct setting *table);
