#include "sight.h"

#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "config.h"
#include "media/media_place.h"
#include "service/model.h"
#include "wire/base64.h"

enum { BYTES_MAX = 4 * 1024 * 1024 }; /* of one question; vendors take 20 MB and more */
enum { VISIT_S = 60, CALL_WAIT_MS = 5000 };

static int64_t wait_ms(const Pb__TurnContext *context)
{
    return context->has_media_wait_ms ? context->media_wait_ms : config_files_wait_ms;
}

static bool takes(const Pb__TurnContext *context, const struct llm_provider *provider, const char *model,
                  const Pb__TurnMessage *said)
{
    return wait_ms(context) > 0 && !text_empty(said->media_kind) && provider->takes &&
           provider->takes(model, text_or(said->media_type, ""));
}

bool sight_waits(const Pb__TurnContext *context, const struct llm_provider *provider, const char *model, moment now)
{
    for (size_t i = 0; i < context->n_owed; i++)
        if (takes(context, provider, model, context->owed[i]) && text_empty(context->owed[i]->media_state) &&
            now < context->owed[i]->at + wait_ms(context))
            return true;
    return false;
}

/* Places in `owed` of what would be shown: the newest that fit. */
static size_t choose(const Pb__TurnContext *context, const struct llm_provider *provider, const char *model,
                     size_t chosen[SIGHT_FILES_MAX])
{
    int64_t room = BYTES_MAX;
    size_t count = 0;
    for (size_t i = context->n_owed; i-- > 0 && count < SIGHT_FILES_MAX;) {
        const Pb__TurnMessage *said = context->owed[i];
        if (!takes(context, provider, model, said) || !text_same(said->media_state, "stored") ||
            said->media_bytes <= 0 || said->media_bytes > room)
            continue;
        room -= said->media_bytes;
        chosen[count++] = i;
    }
    return count;
}

static const char *encoded(struct arena *arena, const char *bytes, size_t count)
{
    struct buffer out = { .arena = arena };
    base64_add(&out, bytes, count);
    return buffer_text(&out);
}

/* -- from a bucket */

static const struct sight_file *known(const struct sight *sight, const char *sha256)
{
    for (size_t i = 0; i < sight->count; i++)
        if (text_same(sight->files[i].sha256, sha256))
            return &sight->files[i];
    return NULL;
}

/* What was uploaded stays in the folder, beside a bucket too. */
static bool in_folder(struct arena *arena, const Pb__TurnContext *context, const Pb__TurnMessage *said)
{
    return access(media_place_file(arena, &config_files, context->company_id, said->media_sha256), R_OK) == 0;
}

const Pb__TurnMessage *sight_wants(struct arena *arena, const struct sight *sight, const Pb__TurnContext *context,
                                   const struct llm_provider *provider, const char *model)
{
    size_t chosen[SIGHT_FILES_MAX];
    if (!media_place_remote(&config_files) || sight->count == SIGHT_FILES_MAX)
        return NULL;
    size_t count = choose(context, provider, model, chosen);
    for (size_t i = 0; i < count; i++) {
        const Pb__TurnMessage *said = context->owed[chosen[i]];
        if (!known(sight, said->media_sha256) && !in_folder(arena, context, said))
            return said;
    }
    return NULL;
}

void sight_call(struct batch *batch, struct item *item, struct sight *sight, const Pb__TurnContext *context,
                const Pb__TurnMessage *wanted, const char *label)
{
    const struct media_place_visit visit = {
        .method = "GET", .company_id = context->company_id, .sha256 = wanted->media_sha256, .valid_s = VISIT_S
    };
    sight->files[sight->count++] = (struct sight_file){ .sha256 = arena_text(item->arena, wanted->media_sha256) };
    sight->under_way = true;
    item->label = label;
    item_call(item, &(struct http_request){ .method = "GET",
                                            .url = media_place_url(batch->arena, &config_files, &visit, moment_now()),
                                            .wait_ms = CALL_WAIT_MS,
                                            .response_bytes_max = (size_t)wanted->media_bytes });
}

bool sight_told(struct item *item, struct sight *sight)
{
    const struct http_response *response = item->response;
    if (!sight->under_way)
        return false;
    sight->under_way = false;
    if (response->end == HTTP_ABORTED) /* something newer is owed: what is shown with it is asked for again */
        sight->count--;
    else if (response->end == HTTP_ANSWERED && response->status == 200)
        sight->files[sight->count - 1].base64 = encoded(item->arena, response->body, response->body_bytes);
    return true;
}

/* -- shown */

/* NULL: it is not where it should be, and the note goes alone. */
static const char *file_read(struct arena *arena, const char *company_id, const Pb__TurnMessage *said)
{
    char *bytes = arena_alloc(arena, (size_t)said->media_bytes);
    FILE *file = fopen(media_place_file(arena, &config_files, company_id, said->media_sha256), "rbe");
    bool whole = file && fread(bytes, 1, (size_t)said->media_bytes, file) == (size_t)said->media_bytes;
    if (file)
        fclose(file);
    return whole ? encoded(arena, bytes, (size_t)said->media_bytes) : NULL;
}

void sight_add(struct arena *arena, const struct sight *sight, const Pb__TurnContext *context,
               const struct llm_provider *provider, struct llm_prompt *prompt)
{
    size_t chosen[SIGHT_FILES_MAX], count = choose(context, provider, prompt->model, chosen);
    if (!count)
        return;
    struct llm_message *messages = arena_copy(arena, prompt->messages, prompt->count * sizeof *messages);
    struct llm_message *owed = messages + prompt->count - context->n_owed; /* the prompt ends with them */
    for (size_t i = 0; i < count; i++) {
        const Pb__TurnMessage *said = context->owed[chosen[i]];
        const struct sight_file *read = known(sight, said->media_sha256);
        struct llm_file *file = ARENA_NEW(arena, struct llm_file);
        file->base64 = read ? read->base64 : file_read(arena, context->company_id, said);
        file->mime_type = said->media_type;
        if (!file->base64)
            continue;
        owed[chosen[i]].files = file;
        owed[chosen[i]].file_count = 1;
    }
    prompt->messages = messages;
}
