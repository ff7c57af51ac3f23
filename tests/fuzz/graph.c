/*
 * fuzz graph - what Meta's Graph API answers to a send, under any status; the first byte picks it, the second the
 * attempt. Sent is only what has an id; what is kept of an error is short, whole text without a phone number.
 *
 * links services/channel-whatsapp-cloud/plan.c
 */
#include <stdint.h>
#include <string.h>

#include "../../services/channel-whatsapp-cloud/plan.h"
#include "base/limits.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_text(const char *text, size_t bytes_max)
{
    if (text == NULL || text_check(text, strlen(text), bytes_max, "text", NULL) != OK)
        __builtin_trap();
}

static void check_no_number(const char *text)
{
    for (size_t digits = 0; *text; text++) {
        digits = *text >= '0' && *text <= '9' ? digits + 1 : 0;
        if (digits > 6)
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const long STATUSES[] = { 200, 201, 400, 401, 403, 404, 429, 500, 502, 503, 504, 0 };
    if (bytes < 2)
        return 0;
    struct arena *arena = arena_new(0);
    struct http_response response = { .end = HTTP_ANSWERED,
                                      .started = true,
                                      .status = STATUSES[data[0] % (sizeof STATUSES / sizeof *STATUSES)],
                                      .body = arena_text_n(arena, (const char *)data + 2, bytes - 2),
                                      .body_bytes = bytes - 2 };
    struct plan plan = plan_make(arena, &response, data[1] % 8, 6);
    if ((plan.end == PLAN_SENT) != (plan.external_id[0] != '\0'))
        __builtin_trap();
    if (plan.end == PLAN_SENT && response.status >= 300)
        __builtin_trap();
    check_text(plan.external_id, KEY_BYTES_MAX);
    check_text(plan.error, 256);
    check_no_number(plan.error);
    check_text(plan.code, 32);
    arena_free(arena);
    return 0;
}
