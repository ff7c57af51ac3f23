/*
 * comment - what a field holds, in the words that stand beside it in proto/.
 *
 * The table is made of those files when Parley is built (infra/dev/comments.awk); a descriptor knows no comments.
 */
#pragma once
#include <stddef.h>

struct comment {
    const char *message, *field, *text; /* "Lead", "stage" */
};

extern const struct comment COMMENTS[];
extern const size_t COMMENT_COUNT;

const char *comment_find(const char *message, const char *field); /* NULL: none */
