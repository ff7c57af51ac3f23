/*
 * The embedding that needs nothing: words and pieces of words, hashed to signed dimensions.
 *
 * It knows no meaning, but forms of a word share most of their pieces in any script, and so do words that were typed
 * wrong. Deterministic on every machine; another way of counting is another model's name.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "language/language.h"
#include "llm/embed.h"

enum { PIECE_MIN = 3, PIECE_MAX = 4, WORD_CHARACTERS_MAX = 32, FEATURES_MAX = 64 * 1024 };

static const double PIECE_WEIGHT = 0.4; /* of a whole word's */

struct feature {
    uint64_t hash;
    float weight;
};

struct features {
    struct feature *list;
    size_t count, room;
};

static uint64_t hash_of(const char *bytes, size_t count, uint64_t seed)
{
    uint64_t hash = 0xcbf29ce484222325u ^ seed;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    hash ^= hash >> 33; /* FNV's low bits alone are not even enough for 512 places */
    hash *= 0xff51afd7ed558ccdu;
    return hash ^ (hash >> 33);
}

static void add(struct arena *arena, struct features *features, uint64_t hash, double weight)
{
    if (features->count == FEATURES_MAX)
        return;
    if (features->count == features->room) {
        features->room = features->room ? features->room * 2 : 256;
        struct feature *wider = ARENA_ARRAY(arena, struct feature, features->room);
        if (features->count)
            memcpy(wider, features->list, features->count * sizeof *wider);
        features->list = wider;
    }
    features->list[features->count++] = (struct feature){ hash, (float)weight };
}

/* Words that hold sentences together are short in most languages: they say little of what a text is about. */
static double word_weight(const struct language_word *word)
{
    static const double BY_LENGTH[] = { 0, 0.1, 0.2, 0.45, 0.8 };
    return word->characters < sizeof BY_LENGTH / sizeof *BY_LENGTH ? BY_LENGTH[word->characters] : 1;
}

/* Every run of 3 and 4 characters of "_word_". */
static void add_pieces(struct arena *arena, struct features *features, const struct language_word *word, double weight)
{
    char padded[4 * WORD_CHARACTERS_MAX + 3];
    size_t starts[WORD_CHARACTERS_MAX + 3], characters = 0, bytes = word->bytes + 2;
    padded[0] = padded[bytes - 1] = '_';
    memcpy(padded + 1, word->text, word->bytes);
    for (size_t i = 0; i < bytes; i++)
        if (((unsigned char)padded[i] & 0xC0) != 0x80)
            starts[characters++] = i;
    starts[characters] = bytes;
    for (size_t length = PIECE_MIN; length <= PIECE_MAX; length++)
        for (size_t i = 0; i + length <= characters; i++)
            add(arena, features, hash_of(padded + starts[i], starts[i + length] - starts[i], length), weight);
}

static void collect(struct arena *arena, const char *folded, struct features *features)
{
    struct language_word word;
    while (language_next_word(&folded, &word)) {
        double weight = word_weight(&word);
        add(arena, features, hash_of(word.text, word.bytes, 0), weight);
        if (word.characters >= PIECE_MIN && word.characters <= WORD_CHARACTERS_MAX)
            add_pieces(arena, features, &word, weight * PIECE_WEIGHT);
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t left = ((const struct feature *)a)->hash, right = ((const struct feature *)b)->hash;
    return (left > right) - (left < right);
}

/* What comes again counts less each time. */
static void sum(struct features *features, double values[EMBED_DIMENSIONS])
{
    qsort(features->list, features->count, sizeof *features->list, compare);
    for (size_t i = 0, same; i < features->count; i += same) {
        const struct feature *feature = &features->list[i];
        for (same = 1; i + same < features->count && feature[same].hash == feature->hash; same++)
            ;
        double weight = feature->weight * (1 + log((double)same));
        values[feature->hash % EMBED_DIMENSIONS] += feature->hash >> 63 ? -weight : weight;
    }
}

void embed_local(struct arena *arena, const char *text, struct embedding *out)
{
    struct features features = { 0 };
    double values[EMBED_DIMENSIONS] = { 0 };
    collect(arena, language_fold(arena, text), &features);
    if (features.count)
        sum(&features, values);
    embed_fit(values, EMBED_DIMENSIONS, out);
}
