/*
 * fuzz json - strict parsing: what is taken is written and taken again, the same.
 */
#include <stdint.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct arena *arena = arena_new(0);
    char *text = arena_text_n(arena, (const char *)data, bytes);
    cJSON *tree = NULL;
    struct error error = { 0 };
    if (json_parse(arena, text, bytes, &tree, &error) == OK) {
        char *once = json_text(arena, tree);
        if (json_parse(arena, once, strlen(once), &tree, &error) != OK || strcmp(once, json_text(arena, tree)) != 0)
            __builtin_trap();
    }
    arena_free(arena);
    return 0;
}
