#include "own_file.h"

#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/text.h"
#include "media/media_link.h"

enum { LINK_MS = 60 * MINUTE_MS };

const char *own_file_public_url, *own_file_link_key;

static const char *link_of(struct arena *arena, const char *company_id, const char *id, moment now)
{
    size_t bytes = strlen(own_file_public_url);
    while (bytes > 0 && own_file_public_url[bytes - 1] == '/')
        bytes--;
    return text_format(arena, "%.*s%s", (int)bytes, own_file_public_url,
                       media_link(arena, own_file_link_key, company_id, id, now + LINK_MS));
}

/* Meta's ids are no UUIDs. */
enum status own_file_link(struct arena *arena, const char *company_id, Pb__Outgoing *outgoing, moment now,
                          struct error *error)
{
    cJSON *media = NULL;
    const char *id = NULL;
    const char *text = pb_json_text(outgoing->media);
    if (json_parse(arena, text, strlen(text), &media, NULL) != OK || !cJSON_IsObject(media) ||
        json_want_text(media, "id", &id, NULL) != OK || !ident_valid(text_or(id, "")))
        return OK;
    if (text_empty(own_file_public_url) || text_empty(own_file_link_key))
        return error_code(error, REJECT, "no_link",
                          "PUBLIC_URL and MEDIA_LINK_KEY must be set for files of our own to be sent");
    struct buffer json = { .arena = arena };
    buffer_add(&json, "{\"link\":");
    json_add_string(&json, link_of(arena, company_id, id, now));
    for (const cJSON *member = media->child; member; member = member->next) {
        if (text_same(member->string, "id") || text_same(member->string, "link"))
            continue;
        buffer_add_char(&json, ',');
        json_add_string(&json, member->string);
        buffer_format(&json, ":%s", json_text(arena, member));
    }
    buffer_add_char(&json, '}');
    outgoing->media = pb_json(arena, buffer_text(&json));
    return OK;
}
