#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

/* Under AddressSanitizer what was forgotten by arena_reset is poisoned, so that a pointer kept too long is found. */
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes)   ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

enum { ALIGN_BYTES = alignof(max_align_t) };

enum { LARGE_PART = 4 /* of a chunk: a piece from a fourth of it on is a large one */ };

struct chunk {
    struct chunk *next;
    size_t capacity; /* of room */
    size_t taken;    /* at most capacity, a multiple of ALIGN_BYTES */
    alignas(max_align_t) char room[];
};

struct arena {
    struct chunk *chunks; /* the first one is filled; the others are full or hold one large piece each */
    size_t chunk_bytes;
    size_t used;
};

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
}

struct arena *arena_new(size_t chunk_bytes)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        abort();
    arena->chunk_bytes = rounded(chunk_bytes ? chunk_bytes : ARENA_CHUNK_BYTES);
    return arena;
}

static void chunk_free(struct chunk *chunk)
{
    ASAN_UNPOISON_MEMORY_REGION(chunk->room, chunk->capacity);
    free(chunk);
}

/* Frees every chunk but the first of the usual size, which is returned; NULL when there is none. */
static struct chunk *keep_one(struct arena *arena)
{
    struct chunk *kept = NULL;
    struct chunk *chunk = arena->chunks;
    while (chunk) {
        struct chunk *next = chunk->next;
        if (!kept && chunk->capacity == arena->chunk_bytes)
            kept = chunk;
        else
            chunk_free(chunk);
        chunk = next;
    }
    return kept;
}

void arena_reset(struct arena *arena)
{
    struct chunk *kept = keep_one(arena);
    if (kept) {
        kept->next = NULL;
        kept->taken = 0;
        ASAN_POISON_MEMORY_REGION(kept->room, kept->capacity);
    }
    arena->chunks = kept;
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    struct chunk *kept = keep_one(arena);
    if (kept)
        chunk_free(kept);
    free(arena);
}

static struct chunk *chunk_new(size_t capacity)
{
    if (capacity > SIZE_MAX - sizeof(struct chunk))
        return NULL;
    struct chunk *chunk = malloc(sizeof *chunk + capacity);
    if (!chunk)
        return NULL;
    *chunk = (struct chunk){ .capacity = capacity };
    ASAN_POISON_MEMORY_REGION(chunk->room, capacity);
    return chunk;
}

/*
 * A chunk with room for bytes. A large piece gets a chunk of its own, of just its size, behind the first, whose rest
 * stays in use: of small arenas, of which there are thousands, little is empty.
 */
static struct chunk *chunk_for(struct arena *arena, size_t bytes)
{
    struct chunk *first = arena->chunks;
    if (first && first->capacity - first->taken >= bytes)
        return first;
    bool large = bytes > arena->chunk_bytes / (first ? LARGE_PART : 1);
    struct chunk *fresh = chunk_new(large ? bytes : arena->chunk_bytes);
    if (!fresh)
        return NULL;
    if (first && large) {
        fresh->next = first->next;
        first->next = fresh;
    } else {
        fresh->next = first;
        arena->chunks = fresh;
    }
    return fresh;
}

/* NULL when the machine has no more memory. An empty piece still has an address of its own. */
static void *take(struct arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    size_t whole = rounded(bytes ? bytes : 1);
    struct chunk *chunk = chunk_for(arena, whole);
    if (!chunk)
        return NULL;
    char *piece = chunk->room + chunk->taken;
    chunk->taken += whole;
    arena->used += whole;
    ASAN_UNPOISON_MEMORY_REGION(piece, bytes);
    return memset(piece, 0, bytes);
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    assert(arena);
    void *piece = take(arena, bytes);
    if (!piece)
        abort();
    return piece;
}

void *arena_array(struct arena *arena, size_t count, size_t item_bytes)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, item_bytes, &bytes))
        abort();
    return arena_alloc(arena, bytes);
}

void *arena_try(struct arena *arena, size_t bytes, size_t bytes_max)
{
    assert(arena);
    return bytes > bytes_max ? NULL : take(arena, bytes);
}

void *arena_copy(struct arena *arena, const void *bytes, size_t count)
{
    void *copy = arena_alloc(arena, count);
    if (count)
        memcpy(copy, bytes, count);
    return copy;
}

char *arena_text_n(struct arena *arena, const char *text, size_t bytes)
{
    if (!text)
        return NULL;
    assert(bytes < SIZE_MAX);
    char *copy = arena_alloc(arena, bytes + 1);
    if (bytes)
        memcpy(copy, text, bytes);
    return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
    return text ? arena_text_n(arena, text, strlen(text)) : NULL;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
