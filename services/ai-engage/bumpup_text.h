/*
 * bumpup_text - the words of a bump-up: how a model is asked for them, whether they will do, and some without a model.
 * Pure.
 */
#pragma once
#include "llm/transcript.h"

enum { BUMPUP_WORDS_MIN = 30, BUMPUP_WORDS_MAX = 40 };

/* complaint: what was wrong with the words before; NULL: these are the first. */
struct llm_task bumpup_task(struct arena *arena, const Pb__BumpupOpened *opened, const char *complaint);

/* One paragraph, without the quotes that models put around it. */
const char *bumpup_shape(struct arena *arena, const char *text);
/* NULL: they will do; else what is wrong, as the model is told. unlike: what they must differ from. */
const char *bumpup_fault(struct arena *arena, const char *text, char *const *unlike, size_t unlike_count);

/* The n-th that can be said without a model. */
const char *bumpup_local(struct arena *arena, const Pb__BumpupOpened *opened, size_t n);
