#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    if (memory == NULL) {
        fputs("simulator: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *memory_zeroed(size_t bytes)
{
    return checked(calloc(1, bytes));
}

void *memory_resized(void *memory, size_t bytes)
{
    return checked(realloc(memory, bytes));
}

char *memory_text(const char *text)
{
    return text == NULL ? NULL : checked(strdup(text));
}
