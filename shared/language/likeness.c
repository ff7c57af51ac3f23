#include "language/likeness.h"

#include <stdlib.h>
#include <string.h>

#include "language/language.h"

enum { RUN_CHARACTERS = 4 };

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static uint64_t run_number(const int32_t *characters, size_t count)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ (uint64_t)characters[i]) * UINT64_C(1099511628211);
    return hash;
}

/* Letters, marks and digits, one after the other. */
static size_t characters_of(struct arena *arena, const char *folded, int32_t **out)
{
    int32_t *characters = ARENA_ARRAY(arena, int32_t, strlen(folded) + 1);
    struct language_word word;
    size_t count = 0;
    while (language_next_word(&folded, &word))
        for (const char *at = word.text; at < word.text + word.bytes;)
            characters[count++] = language_next_character(&at);
    *out = characters;
    return count;
}

size_t likeness_runs(struct arena *arena, const char *folded, size_t length, uint64_t **out)
{
    int32_t *characters;
    size_t count = characters_of(arena, folded, &characters), kept = 0;
    size_t runs = count >= length ? count - length + 1 : 0;
    uint64_t *list = ARENA_ARRAY(arena, uint64_t, runs + 1);
    for (size_t i = 0; i < runs; i++)
        list[i] = run_number(characters + i, length);
    qsort(list, runs, sizeof *list, by_number);
    for (size_t i = 0; i < runs; i++)
        if (!kept || list[kept - 1] != list[i])
            list[kept++] = list[i];
    *out = list;
    return kept;
}

size_t likeness_shared(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count)
{
    size_t shared = 0;
    for (size_t i = 0, k = 0; i < a_count && k < b_count;) {
        uint64_t left = a[i], right = b[k];
        shared += left == right;
        i += left <= right;
        k += right <= left;
    }
    return shared;
}

double likeness(struct arena *arena, const char *a, const char *b)
{
    uint64_t *left, *right;
    const char *folded_a = language_fold(arena, a), *folded_b = language_fold(arena, b);
    size_t left_count = likeness_runs(arena, folded_a, RUN_CHARACTERS, &left);
    size_t right_count = likeness_runs(arena, folded_b, RUN_CHARACTERS, &right);
    if (!left_count || !right_count)
        return strcmp(folded_a, folded_b) == 0 ? 1 : 0;
    size_t shared = likeness_shared(left, left_count, right, right_count);
    return (double)shared / (double)(left_count + right_count - shared);
}
