#include "wire/comment.h"

#include <string.h>

const char *comment_find(const char *message, const char *field)
{
    for (size_t i = 0; i < COMMENT_COUNT; i++)
        if (strcmp(COMMENTS[i].message, message) == 0 && strcmp(COMMENTS[i].field, field) == 0)
            return COMMENTS[i].text;
    return NULL;
}
