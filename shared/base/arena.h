/*
 * arena - memory that lives as long as one batch.
 *
 * Everything made while a batch is handled comes from its arena and goes with it: nobody frees single pieces. A
 * function without an arena parameter allocates nothing.
 *
 * Never keep a pointer into an arena past its arena_reset.
 */
#pragma once
#include <stddef.h>

struct arena;

/* An empty arena; grows by chunks of its own, at least chunk_bytes each (0: the default of limits.h). Aborts when out
 * of memory. */
struct arena *arena_new(size_t chunk_bytes);
void arena_free(struct arena *arena); /* accepts NULL */

/* Forgets everything made in it; keeps one chunk for the next batch. */
void arena_reset(struct arena *arena);

/* Zeroed, aligned for any type. The size is ours: out of memory aborts. */
void *arena_alloc(struct arena *arena, size_t bytes);
#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_array((arena), (count), sizeof(type)))
void *arena_array(struct arena *arena, size_t count, size_t item_bytes); /* aborts on overflow */

/* As arena_alloc, for a size that a stranger chose: NULL past bytes_max or out of memory. */
void *arena_try(struct arena *arena, size_t bytes, size_t bytes_max);

/* Copies; the result of arena_copy_text ends with NUL. NULL text gives NULL. */
void *arena_copy(struct arena *arena, const void *bytes, size_t count);
char *arena_text(struct arena *arena, const char *text);
char *arena_text_n(struct arena *arena, const char *text, size_t bytes);

/* Bytes handed out since the last reset; for metrics and tests. */
size_t arena_used(const struct arena *arena);
