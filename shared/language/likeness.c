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

/* Letters, marks and digits, one after the other. */
static size_t characters_of(struct arena *arena, const char *folded, int32_t **out)
{
    int32_t *characters = ARENA_ARRAY(arena, int32_t, strlen(folded) + 1);
    size_t count = 0;
    for (int32_t character; (character = language_next_character(&folded)) != 0;)
        if (language_in_word(character))
            characters[count++] = character;
    *out = characters;
    return count;
}

/* The numbers of all runs, in their order in the text. Each follows from the one before: what leaves it and what joins.
 */
static size_t runs_of(struct arena *arena, const char *folded, size_t length, uint64_t **out)
{
    const uint64_t base = UINT64_C(6364136223846793005);
    int32_t *characters;
    uint64_t number = 0, first_weight = 1;
    size_t count = characters_of(arena, folded, &characters), runs = count >= length ? count - length + 1 : 0;
    *out = ARENA_ARRAY(arena, uint64_t, runs + 1);
    for (size_t i = 1; i < length; i++)
        first_weight *= base;
    for (size_t i = 0; runs && i < count; i++) {
        number = number * base + (uint64_t)characters[i] + 1;
        if (i + 1 < length)
            continue;
        (*out)[i + 1 - length] = number;
        number -= first_weight * ((uint64_t)characters[i + 1 - length] + 1);
    }
    return runs;
}

size_t likeness_runs(struct arena *arena, const char *folded, size_t characters, uint64_t **out)
{
    size_t runs = runs_of(arena, folded, characters, out), kept = 0;
    uint64_t *list = *out;
    qsort(list, runs, sizeof *list, by_number);
    for (size_t i = 0; i < runs; i++)
        if (!kept || list[kept - 1] != list[i])
            list[kept++] = list[i];
    return kept;
}

size_t likeness_letters(struct arena *arena, const char *folded, char **out)
{
    char *to = *out = ARENA_ARRAY(arena, char, strlen(folded) + 1);
    for (const char *at = folded; *at;) {
        const char *from = at;
        if ((unsigned char)*at < 0x80) { /* most are, and quick without a branch on what they are */
            *to = *at++;
            to += language_ascii_in_word((unsigned char)*to);
            continue;
        }
        bool counts = language_in_word(language_next_character(&at));
        memcpy(to, from, (size_t)(at - from));
        to += counts ? at - from : 0;
    }
    *to = '\0';
    return (size_t)(to - *out);
}

bool likeness_any(struct arena *arena, const uint64_t *runs, size_t count, const char *folded, size_t characters)
{
    uint64_t *theirs;
    size_t their_count = runs_of(arena, folded, characters, &theirs);
    for (size_t i = 0; i < their_count; i++)
        if (bsearch(&theirs[i], runs, count, sizeof *runs, by_number))
            return true;
    return false;
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
