/*
 * fuzz llm - what a model server answers, under any status; the first byte picks provider and status. A text that is
 * taken must be valid, and so must what leaves of it; offered actions, it may be JSON or break off.
 *
 * links services/ai-engage/reply.c
 */
#include <stdint.h>
#include <string.h>

#include "../../services/ai-engage/reply.h"
#include "base/text.h"
#include "llm/llm.h"
#include "llm/offer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const long STATUSES[] = { 200, 400, 401, 404, 429, 500, 503, 529 };
    static const char *const PROVIDERS[] = { "openai", "anthropic", "gemini" };
    if (bytes == 0)
        return 0;
    struct arena *arena = arena_new(0);
    char *body = arena_text_n(arena, (const char *)data + 1, bytes - 1);
    struct llm_reply reply = { 0 };
    llm_provider(PROVIDERS[data[0] / 8 % 3])->judge(arena, STATUSES[data[0] % 8], body, bytes - 1, &reply);
    static const char *const ACTIONS[] = { "hand_over", "note", NULL };
    struct llm_offer offer = { .types = data[0] / 24 % 2 ? ACTIONS : NULL };
    llm_offer_read(arena, &offer, &reply);
    if (reply.end == LLM_ANSWERED && !llm_hands_over(&reply)) {
        struct error error = { 0 };
        if (text_empty(reply.text) || text_check(reply.text, strlen(reply.text), SIZE_MAX, "reply", &error) != OK)
            __builtin_trap();
        const char *shaped = reply_shape(arena, &reply, data[0] % 7 * 10 + 1);
        if (text_check(shaped, strlen(shaped), strlen(reply.text), "reply", &error) != OK)
            __builtin_trap();
    }
    arena_free(arena);
    return 0;
}
