#include "sight.h"

#include <stdio.h>

#include "base/text.h"
#include "config.h"
#include "media/media_place.h"
#include "service/model.h"
#include "wire/base64.h"

enum {
    FILES_MAX = 4,
    BYTES_MAX = 4 * 1024 * 1024
}; /* of one question, the newest first; vendors take 20 MB and more */

static bool takes(const struct llm_provider *provider, const char *model, const Pb__TurnMessage *said)
{
    return config_files_wait_ms > 0 && !text_empty(said->media_kind) && provider->takes &&
           provider->takes(model, text_or(said->media_type, ""));
}

bool sight_waits(const Pb__TurnContext *context, const struct llm_provider *provider, const char *model, moment now)
{
    for (size_t i = 0; i < context->n_owed; i++)
        if (takes(provider, model, context->owed[i]) && text_empty(context->owed[i]->media_state) &&
            now < context->owed[i]->at + config_files_wait_ms)
            return true;
    return false;
}

/* NULL: it is not where it should be, and the note goes alone. */
static const char *file_read(struct arena *arena, const char *company_id, const Pb__TurnMessage *said)
{
    char *bytes = arena_alloc(arena, (size_t)said->media_bytes);
    struct buffer out = { .arena = arena };
    FILE *file = fopen(media_place_file(arena, &config_files, company_id, said->media_sha256), "rbe");
    bool whole = file && fread(bytes, 1, (size_t)said->media_bytes, file) == (size_t)said->media_bytes;
    if (file)
        fclose(file);
    if (!whole)
        return NULL;
    base64_add(&out, bytes, (size_t)said->media_bytes);
    return buffer_text(&out);
}

static bool shown(const struct llm_provider *provider, const char *model, const Pb__TurnMessage *said, int64_t room)
{
    return takes(provider, model, said) && text_same(said->media_state, "stored") && said->media_bytes > 0 &&
           said->media_bytes <= room;
}

void sight_add(struct arena *arena, const Pb__TurnContext *context, const struct llm_provider *provider,
               struct llm_prompt *prompt)
{
    struct llm_message *messages = arena_copy(arena, prompt->messages, prompt->count * sizeof *messages);
    struct llm_message *owed = messages + prompt->count - context->n_owed; /* the prompt ends with them */
    int64_t room = BYTES_MAX;
    size_t count = 0;
    for (size_t i = context->n_owed; i-- > 0 && count < FILES_MAX && !media_place_remote(&config_files);) {
        const Pb__TurnMessage *said = context->owed[i];
        struct llm_file *file = ARENA_NEW(arena, struct llm_file);
        if (!shown(provider, prompt->model, said, room) ||
            !(file->base64 = file_read(arena, context->company_id, said)))
            continue;
        file->mime_type = said->media_type;
        owed[i].files = file;
        owed[i].file_count = 1;
        room -= said->media_bytes;
        count++;
    }
    prompt->messages = messages;
}
