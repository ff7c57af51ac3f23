/*
 * memory - allocation for a test process: it never answers NULL, out of memory aborts.
 */
#ifndef SIMULATOR_MEMORY_H
#define SIMULATOR_MEMORY_H

#include <stddef.h>

/* The object that holds `pointer` as its `member`: how a timer or a watch finds its owner. */
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

void *memory_zeroed(size_t bytes);
void *memory_resized(void *memory, size_t bytes);

/* NULL stays NULL. */
char *memory_text(const char *text);

#endif
