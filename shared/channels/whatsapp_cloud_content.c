/* What a customer wrote: one row per message type of Meta's. A type that is not in the table is kept raw. */
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "channels/whatsapp_cloud.h"
#include "channels/whatsapp_cloud_inside.h"

/* One message being read. */
struct content {
    struct arena *arena;
    const cJSON *message;
    const cJSON *object; /* message[type] */
    Pb__InboundMessage *out;
    struct buffer metadata; /* members of extra_metadata, without the braces */
    struct error *error;
};

static void metadata_add(struct content *content, const char *name, const cJSON *tree)
{
    if (!tree)
        return;
    if (content->metadata.bytes)
        buffer_add_char(&content->metadata, ',');
    json_add_string(&content->metadata, name);
    buffer_add_char(&content->metadata, ':');
    buffer_add(&content->metadata, json_text(content->arena, tree));
}

/* Texts that a person wrote may be long, but not without end. */
static enum status text_set(struct content *content, const char *text)
{
    if (text_empty(text))
        return OK;
    if (strlen(text) > MESSAGE_TEXT_BYTES_MAX)
        return error_code(content->error, REJECT, "too_long", "the text is longer than %d bytes",
                          MESSAGE_TEXT_BYTES_MAX);
    content->out->message_text = arena_text(content->arena, text);
    return OK;
}

static void answer_none(struct content *content)
{
    content->out->wants_answer = false;
}

static const char *text_at(const struct content *content, const char *name)
{
    return whatsapp_cloud_text(content->object, name);
}

static enum status read_text(struct content *content)
{
    const char *body;
    TRY(json_need_text(content->object, "body", &body, content->error));
    return text_set(content, body);
}

/* A file name is a stranger's text: no folders, no control characters, not hidden. */
static char *filename_clean(struct arena *arena, const char *filename)
{
    char *clean = text_cut(arena, filename, KEY_BYTES_MAX);
    for (char *at = clean; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F || *at == '/' || *at == '\\' || (*at == '.' && at == clean))
            *at = '_';
    return clean;
}

static enum status read_media(struct content *content)
{
    struct buffer media = { .arena = content->arena };
    buffer_format(&media, "{\"type\":\"%s\"", content->out->kind);
    for (const cJSON *member = content->object->child; member; member = member->next) {
        if (strcmp(member->string, "type") == 0)
            continue;
        buffer_add_char(&media, ',');
        json_add_string(&media, member->string);
        buffer_add_char(&media, ':');
        if (strcmp(member->string, "filename") == 0 && cJSON_IsString(member))
            json_add_string(&media, filename_clean(content->arena, member->valuestring));
        else
            buffer_add(&media, json_text(content->arena, member));
    }
    buffer_add_char(&media, '}');
    content->out->media_info = pb_json(content->arena, buffer_text(&media));
    return text_set(content, text_at(content, "caption"));
}

static void add_part(struct buffer *text, const char *separator, const char *part)
{
    if (!*part)
        return;
    if (text->bytes)
        buffer_add(text, separator);
    buffer_add(text, part);
}

static enum status read_location(struct content *content)
{
    struct buffer text = { .arena = content->arena };
    const cJSON *latitude = cJSON_GetObjectItemCaseSensitive(content->object, "latitude");
    const cJSON *longitude = cJSON_GetObjectItemCaseSensitive(content->object, "longitude");
    add_part(&text, ", ", text_at(content, "name"));
    add_part(&text, ", ", text_at(content, "address"));
    if (cJSON_IsNumber(latitude) && cJSON_IsNumber(longitude))
        add_part(&text, " ",
                 text_format(content->arena, "(%s, %s)", json_text(content->arena, latitude),
                             json_text(content->arena, longitude)));
    return text_set(content, buffer_text(&text));
}

static enum status read_contacts(struct content *content)
{
    struct buffer names = { .arena = content->arena };
    for (const cJSON *contact = content->object->child; contact; contact = contact->next)
        add_part(&names, ", ",
                 whatsapp_cloud_text(cJSON_GetObjectItemCaseSensitive(contact, "name"), "formatted_name"));
    return text_set(content, buffer_text(&names));
}

/* A flow's answers come as JSON inside a text; both the title and the answers are what the person said. */
static enum status read_interactive(struct content *content)
{
    const cJSON *reply = cJSON_GetObjectItemCaseSensitive(content->object, text_at(content, "type"));
    struct buffer text = { .arena = content->arena };
    if (strcmp(text_at(content, "type"), "call_permission_reply") == 0)
        answer_none(content);
    add_part(&text, "\n", whatsapp_cloud_text(reply, "title"));
    add_part(&text, "\n", whatsapp_cloud_text(reply, "description"));
    add_part(&text, "\n", whatsapp_cloud_text(reply, "body"));
    add_part(&text, "\n", whatsapp_cloud_text(reply, "response_json"));
    return text_set(content, buffer_text(&text));
}

/* The stop button of a template: its payload is ours ("STOP", "STOP_MKT"), whatever language the label has. */
static enum status read_button(struct content *content)
{
    const char *payload = text_at(content, "payload");
    if (strcmp(payload, "STOP") == 0 || text_starts(payload, "STOP_"))
        PB_SET(content->out, opt_out, true);
    return text_set(content, text_at(content, "text"));
}

static void reply_to_set(struct content *content, const char *id)
{
    if (*id && strlen(id) <= KEY_BYTES_MAX)
        content->out->reply_to = arena_text(content->arena, id);
}

static enum status read_reaction(struct content *content)
{
    answer_none(content);
    reply_to_set(content, text_at(content, "message_id"));
    return text_set(content, text_at(content, "emoji"));
}

static void add_item(struct content *content, struct buffer *text, const cJSON *item)
{
    const cJSON *price = cJSON_GetObjectItemCaseSensitive(item, "item_price");
    int64_t quantity = 1;
    json_want_int64(item, "quantity", &quantity, NULL);
    add_part(text, "\n",
             text_format(content->arena, "%lld x %s", (long long)quantity,
                         whatsapp_cloud_text(item, "product_retailer_id")));
    if (cJSON_IsNumber(price))
        buffer_format(text, " (%s %s)", json_text(content->arena, price), whatsapp_cloud_text(item, "currency"));
}

static enum status read_order(struct content *content)
{
    const cJSON *items;
    struct buffer text = { .arena = content->arena };
    TRY(json_want_array(content->object, "product_items", &items, content->error));
    add_part(&text, "\n", text_at(content, "text"));
    for (const cJSON *item = items ? items->child : NULL; item; item = item->next)
        if (cJSON_IsObject(item))
            add_item(content, &text, item);
    return text_set(content, buffer_text(&text));
}

static enum status read_system(struct content *content)
{
    const char *type = text_at(content, "type");
    answer_none(content);
    if (strcmp(type, "user_changed_number") == 0 || strcmp(type, "customer_changed_number") == 0)
        content->out->number_changed_to = whatsapp_cloud_phone(content->arena, text_at(content, "wa_id"));
    return text_set(content, text_at(content, "body"));
}

/* Something that Meta does not hand on (a poll, a view-once picture): the person did write and gets an answer, unless
 * it only changed an earlier message. */
static enum status read_unsupported(struct content *content)
{
    static const char *const SILENT[] = { "edit", "revoke", "reaction", "system", NULL };
    metadata_add(content, "errors", cJSON_GetObjectItemCaseSensitive(content->message, "errors"));
    for (size_t i = 0; SILENT[i]; i++)
        if (strcmp(text_at(content, "type"), SILENT[i]) == 0)
            answer_none(content);
    return OK;
}

/* An edit or a deletion names what it changes; the row of that message stays as it was written. */
static enum status read_change(struct content *content)
{
    answer_none(content);
    reply_to_set(content, text_at(content, "original_message_id"));
    return OK;
}

static const struct type {
    const char *name;
    const char *kind;
    enum { ANY, OBJECT, ARRAY } wants; /* shape of message[type] */
    bool kept;                         /* message[type] goes to extra_metadata as it is */
    enum status (*read)(struct content *content);
} TYPES[] = {
    { "text", "text", OBJECT, false, read_text },
    { "image", "image", OBJECT, false, read_media },
    { "audio", "audio", OBJECT, false, read_media },
    { "video", "video", OBJECT, false, read_media },
    { "document", "document", OBJECT, false, read_media },
    { "sticker", "sticker", OBJECT, false, read_media },
    { "location", "location", OBJECT, true, read_location },
    { "contacts", "contacts", ARRAY, true, read_contacts },
    { "interactive", "interactive", OBJECT, true, read_interactive },
    { "button", "button", OBJECT, true, read_button },
    { "reaction", "reaction", OBJECT, true, read_reaction },
    { "order", "order", OBJECT, true, read_order },
    { "system", "system", OBJECT, true, read_system },
    { "unsupported", "unsupported", ANY, true, read_unsupported },
    { "edit", "unknown", OBJECT, true, read_change },
    { "revoke", "unknown", OBJECT, true, read_change },
};

static const struct type *type_find(const char *name)
{
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (strcmp(TYPES[i].name, name) == 0)
            return &TYPES[i];
    return NULL;
}

/* A type that is new or missing: everything is kept for a person, and the AI does not guess. */
static void read_unknown(struct content *content)
{
    content->out->kind = arena_text(content->arena, "unknown");
    answer_none(content);
    metadata_add(content, "raw", content->message);
}

static enum status read_known(struct content *content, const struct type *type)
{
    content->object = cJSON_GetObjectItemCaseSensitive(content->message, type->name);
    if ((type->wants == OBJECT && !cJSON_IsObject(content->object)) ||
        (type->wants == ARRAY && !cJSON_IsArray(content->object)))
        return error_code(content->error, REJECT, "invalid_member", "a message of type '%s' without its '%s'",
                          type->name, type->name);
    content->out->kind = arena_text(content->arena, type->kind);
    if (type->kept)
        metadata_add(content, type->name, content->object);
    return type->read(content);
}

/* What stands beside the content whatever its type. A message in a group is kept, but its writer alone is not who
 * should be answered. */
static void read_surroundings(struct content *content)
{
    const cJSON *context = cJSON_GetObjectItemCaseSensitive(content->message, "context");
    const cJSON *group = cJSON_GetObjectItemCaseSensitive(content->message, "group_id");
    if (cJSON_IsObject(context)) {
        if (!content->out->reply_to)
            reply_to_set(content, whatsapp_cloud_text(context, "id"));
        metadata_add(content, "context", context);
    }
    metadata_add(content, "referral", cJSON_GetObjectItemCaseSensitive(content->message, "referral"));
    metadata_add(content, "group_id", group);
    if (group)
        answer_none(content);
}

enum status whatsapp_cloud_read_content(struct arena *arena, const cJSON *message, Pb__InboundMessage *out,
                                        struct error *error)
{
    struct content content = {
        .arena = arena, .message = message, .out = out, .metadata = { .arena = arena }, .error = error
    };
    const struct type *type = type_find(whatsapp_cloud_text(message, "type"));
    PB_SET(out, wants_answer, true);
    if (type)
        TRY(read_known(&content, type));
    else
        read_unknown(&content);
    read_surroundings(&content);
    if (content.metadata.bytes)
        out->extra_metadata = pb_json(arena, text_format(arena, "{%s}", content.metadata.text));
    return OK;
}
