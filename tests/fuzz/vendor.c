/*
 * fuzz vendor - what providers answer to all that is no model's answer and no send: embeddings, moderations, files,
 * templates, under any status; and a file's own first bytes. The first byte picks the parser, the second the status.
 */
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "channels/whatsapp_cloud_media.h"
#include "channels/whatsapp_cloud_template.h"
#include "llm/embed.h"
#include "llm/moderation.h"
#include "media/media_kind.h"
#include "media/media_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct answer {
    long status;
    const char *body;
    size_t bytes;
};

static void demand(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool whole(const char *text)
{
    return text && text_check(text, strlen(text), SIZE_MAX, "it", NULL) == OK;
}

static void embeddings(struct arena *arena, const struct answer *answer)
{
    static const char *const MODELS[] = { "openai:text-embedding-3-small", "gemini:gemini-embedding-001" };
    struct embedding *vectors = ARENA_ARRAY(arena, struct embedding, EMBED_TEXTS_MAX);
    struct llm_reply reply;
    for (size_t i = 0; i < 2; i++) {
        embed_judge(arena, MODELS[i], 2, answer->status, answer->body, answer->bytes, vectors, &reply);
        demand(reply.prompt_tokens >= 0 && (reply.end == LLM_ANSWERED || whole(reply.error)));
    }
}

static void moderation(struct arena *arena, const struct answer *answer)
{
    struct moderation out = { 0 };
    moderation_judge(arena, answer->status, answer->body, answer->bytes, &out);
    demand(out.end == LLM_ANSWERED ? out.score >= 0 && out.score <= 1 : whole(out.error));
}

static void file(struct arena *arena, const struct answer *answer)
{
    const unsigned char sha256[32] = { 0 };
    struct whatsapp_cloud_media out = { 0 };
    whatsapp_cloud_media_read(arena, answer->status, answer->body, answer->bytes, &out);
    if (out.end != WHATSAPP_CLOUD_MEDIA_FOUND) {
        demand(whole(out.error));
        return;
    }
    demand(whole(out.url) && whole(out.mime_type) && out.bytes >= 0);
    whatsapp_cloud_media_trusted(out.url, "https://graph.facebook.com");
    whatsapp_cloud_media_hash_fits(arena, out.sha256, sha256);
    demand(whole(media_type_bare(arena, out.mime_type)));
}

static void templates(struct arena *arena, const struct answer *answer)
{
    struct whatsapp_cloud_template_page page = { 0 };
    Pb__TemplateUpdateRequest update = PB__TEMPLATE_UPDATE_REQUEST__INIT;
    struct error error = { 0 };
    if (whatsapp_cloud_template_page_read(arena, answer->status, answer->body, answer->bytes, &page, &error) == OK)
        for (size_t i = 0; i < page.count; i++) {
            const Pb__Template *one = page.items[i];
            const char *components = pb_json_text(one->components), *filled = NULL;
            demand(whole(one->name) && json_check(components, strlen(components), NULL) == OK);
            whatsapp_cloud_template_fill(arena, text_or(one->text, ""), components, "[\"a\",\"b\"]", &filled, &error);
        }
    whatsapp_cloud_template_update_read(arena, answer->body, answer->bytes, &update, &error);
}

static void head(struct arena *arena, const struct answer *answer)
{
    static const char *const TYPES[] = { "image/jpeg", "image/png", "image/webp",      "audio/ogg",
                                         "audio/mpeg", "video/mp4", "application/pdf", "text/plain" };
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        media_begins_as(TYPES[i], answer->body, answer->bytes);
    demand(!media_link_opens(arena, "a key for links that is long enough", "00000000-0000-7000-8000-000000000000",
                             "00000000-0000-7000-8000-000000000001", "99999999999", answer->body, 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const long STATUSES[] = { 200, 400, 401, 404, 429, 500, 503, 529 };
    static void (*const PARSERS[])(struct arena * arena, const struct answer *answer) = { embeddings, moderation, file,
                                                                                          templates, head };
    if (bytes < 2)
        return 0;
    struct arena *arena = arena_new(0);
    const struct answer answer = { .status = STATUSES[data[1] % 8],
                                   .body = arena_text_n(arena, (const char *)data + 2, bytes - 2),
                                   .bytes = bytes - 2 };
    PARSERS[data[0] % (sizeof PARSERS / sizeof *PARSERS)](arena, &answer);
    arena_free(arena);
    return 0;
}
