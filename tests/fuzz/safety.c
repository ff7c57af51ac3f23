/*
 * fuzz safety - what a model says, against a talk: the bytes up to the first NUL are the material, the rest is the
 * text. A verdict is JSON, and the check of a text against itself knows every fact in it.
 */
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "safety/safety.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(struct arena *arena, const char *material, const char *text, struct safety_verdict *out)
{
    const char *const forbidden[] = { "cure", NULL };
    const struct safety_policy policy = { .forbidden = forbidden };
    const struct llm_message said[] = { { .role = "system", .text = material }, { .role = "user", .text = material } };
    safety_check(arena, &(struct safety_material){ .messages = said, .count = 2, .policy = &policy }, text, out);
    if (json_check(out->json, strlen(out->json), NULL) != OK || out->safe != !out->check)
        __builtin_trap();
}

static bool is_claim(const char *check)
{
    static const char *const CLAIMS[] = { "links", "emails", "numbers", "prices", "percentages", NULL };
    for (const char *const *claim = CLAIMS; check && *claim; claim++)
        if (text_same(*claim, check))
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct arena *arena = arena_new(0);
    struct safety_verdict verdict;
    size_t material_bytes = strnlen((const char *)data, bytes);
    size_t from = material_bytes < bytes ? material_bytes + 1 : bytes;
    const char *material = arena_text_n(arena, (const char *)data, material_bytes);
    const char *text = arena_text_n(arena, (const char *)data + from, bytes - from);
    if (text_check(material, strlen(material), SIZE_MAX, "it", NULL) == OK &&
        text_check(text, bytes - from, SIZE_MAX, "it", NULL) == OK) {
        check(arena, material, text, &verdict);
        check(arena, text, text, &verdict);
        if (is_claim(verdict.check))
            __builtin_trap();
    }
    arena_free(arena);
    return 0;
}
