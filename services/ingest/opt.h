/*
 * opt - whether a whole message is a word by which people leave or come back.
 *
 * Whole messages only: "We must STOP this bill" is a sentence, "Stop!" is an opt-out. Case, punctuation, emoji and
 * doubled spaces don't count.
 */
#pragma once
#include "base/arena.h"

enum opt { OPT_NONE, OPT_OUT, OPT_IN };

enum opt opt_read(struct arena *arena, const char *text); /* NULL: OPT_NONE */
