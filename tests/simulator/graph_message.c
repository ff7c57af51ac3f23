#include "graph_message.h"

#include "graph_errors.h"
#include "graph_interactive.h"
#include "graph_templates.h"
#include "text.h"

#include <string.h>

enum {
    ID_LENGTH_MAX = 512,
    TEXT_LENGTH_MAX = 4096,
    CAPTION_LENGTH_MAX = 1024,
    CALLBACK_LENGTH_MAX = 512,
    FILENAME_LENGTH_MAX = 240,
    CONTACTS_MAX = 5,
};

/* A kind of message: how its own object is checked and read. */
struct message_kind {
    const char *type; /* also the name of its member */
    void (*read)(struct check *check, const cJSON *object, struct graph_message *message);
};

static void read_text(struct check *check, const cJSON *object, struct graph_message *message)
{
    static const char *const members[] = { "body", "preview_url", NULL };
    check_members(check, object, "text", members);
    check_optional_boolean(check, object, "text", "preview_url");
    message->text = check_text(check, object, "text", "body", 1, TEXT_LENGTH_MAX);
}

static void read_media(struct check *check, const cJSON *object, struct graph_message *message)
{
    static const char *const bare[] = { "id", "link", NULL };
    static const char *const captioned[] = { "id", "link", "caption", NULL };
    static const char *const named[] = { "id", "link", "caption", "filename", NULL };
    const char *type = message->type;
    bool is_bare = strcmp(type, "audio") == 0 || strcmp(type, "sticker") == 0;
    check_members(check, object, type, is_bare ? bare : strcmp(type, "document") == 0 ? named : captioned);
    bool by_id = cJSON_HasObjectItem(object, "id");
    bool by_link = cJSON_HasObjectItem(object, "link");
    if (!by_id && !by_link)
        check_fail(check, GRAPH_MISSING, "Parameter %s needs id or link.", type);
    if (by_id && by_link)
        check_fail(check, GRAPH_BAD_VALUE, "Parameter %s takes id or link, not both.", type);
    if (by_id)
        check_text(check, object, type, "id", 1, ID_LENGTH_MAX);
    else
        check_link(check, object, type, "link");
    check_optional_text(check, object, type, "filename", FILENAME_LENGTH_MAX);
    message->text = check_optional_text(check, object, type, "caption", CAPTION_LENGTH_MAX);
}

static void read_location(struct check *check, const cJSON *object, struct graph_message *message)
{
    static const char *const members[] = { "latitude", "longitude", "name", "address", NULL };
    check_members(check, object, "location", members);
    check_coordinate(check, object, "location", "latitude", 90);
    check_coordinate(check, object, "location", "longitude", 180);
    check_optional_text(check, object, "location", "address", 1000);
    message->text = check_optional_text(check, object, "location", "name", 1000);
}

static void read_reaction(struct check *check, const cJSON *object, struct graph_message *message)
{
    static const char *const members[] = { "message_id", "emoji", NULL };
    check_members(check, object, "reaction", members);
    check_text(check, object, "reaction", "message_id", 1, ID_LENGTH_MAX);
    message->text = check_text(check, object, "reaction", "emoji", 0, 16);
}

static void read_interactive(struct check *check, const cJSON *object, struct graph_message *message)
{
    message->text = graph_interactive_check(check, object);
}

static void read_template(struct check *check, const cJSON *object, struct graph_message *message)
{
    graph_template_check(check, object, &message->filled);
    message->template = object;
    message->text = message->filled.bytes;
}

static const struct message_kind kinds[] = {
    { "text", read_text },         { "image", read_media },       { "video", read_media },
    { "audio", read_media },       { "document", read_media },    { "sticker", read_media },
    { "location", read_location }, { "reaction", read_reaction }, { "interactive", read_interactive },
    { "template", read_template },
};

static const struct message_kind *find_kind(const char *type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].type, type) == 0)
            return &kinds[i];
    return NULL;
}

static void check_contacts(struct check *check, const cJSON *body)
{
    const cJSON *contacts = check_array(check, body, "", "contacts", 1, CONTACTS_MAX);
    const cJSON *contact = NULL;
    cJSON_ArrayForEach (contact, contacts) {
        const cJSON *name = check_object(check, contact, "contacts", "name");
        check_text(check, name, "contacts.name", "formatted_name", 1, 1000);
    }
}

/* 100 for a member that no send has, and for the body of another type than the one that is sent. */
static void check_top_members(struct check *check, const cJSON *body, const char *type)
{
    static const char *const common[] = { "messaging_product",
                                          "recipient_type",
                                          "to",
                                          "recipient",
                                          "type",
                                          "context",
                                          "biz_opaque_callback_data",
                                          "recipient_identity_key_hash",
                                          NULL };
    const char *members[sizeof common / sizeof *common + 1] = { 0 };
    memcpy(members, common, sizeof common);
    members[sizeof common / sizeof *common - 1] = type;
    check_members(check, body, "", members);
}

static void read_recipient(struct check *check, const cJSON *body, struct graph_message *message)
{
    static const char *const types[] = { "individual", "group", NULL };
    const char *kind = "individual";
    if (cJSON_HasObjectItem(body, "recipient_type"))
        kind = check_word(check, body, "", "recipient_type", types);
    message->user_id = check_optional_text(check, body, "", "recipient", 140);
    if (message->user_id != NULL && !cJSON_HasObjectItem(body, "to")) {
        message->input = message->user_id;
        if (*message->user_id == '\0')
            check_fail(check, GRAPH_BAD_VALUE, "Parameter recipient is empty.");
        return;
    }
    message->input = check_text(check, body, "", "to", 1, sizeof message->to - 1);
    if (check->failed)
        return;
    if (strcmp(kind, "group") == 0)
        text_copy(message->to, sizeof message->to, message->input);
    else if (!text_phone(message->input, message->to, sizeof message->to))
        check_fail(check, GRAPH_BAD_VALUE, "Parameter to is not a phone number.");
}

static const char *check_context(struct check *check, const cJSON *body)
{
    static const char *const members[] = { "message_id", NULL };
    if (!cJSON_HasObjectItem(body, "context"))
        return NULL;
    const cJSON *context = check_object(check, body, "", "context");
    check_members(check, context, "context", members);
    return check_text(check, context, "context", "message_id", 1, ID_LENGTH_MAX);
}

static void check_product(struct check *check, const cJSON *body)
{
    static const char *const products[] = { "whatsapp", NULL };
    check_word(check, body, "", "messaging_product", products);
}

static const char *read_type(struct check *check, const cJSON *body)
{
    if (!cJSON_HasObjectItem(body, "type"))
        return "text";
    return check_text(check, body, "", "type", 1, 40);
}

void graph_message_read(struct check *check, const cJSON *body, struct graph_message *message)
{
    *message = (struct graph_message){ .type = read_type(check, body) };
    if (check->failed)
        return;
    bool contacts = strcmp(message->type, "contacts") == 0;
    const struct message_kind *kind = find_kind(message->type);
    if (kind == NULL && !contacts) {
        check_fail(check, GRAPH_TYPE_UNKNOWN, "Message type \"%.40s\" is not supported.", message->type);
        return;
    }
    check_top_members(check, body, message->type);
    check_product(check, body);
    read_recipient(check, body, message);
    message->quoted = check_context(check, body);
    check_optional_text(check, body, "", "recipient_identity_key_hash", 256);
    message->callback = check_optional_text(check, body, "", "biz_opaque_callback_data", CALLBACK_LENGTH_MAX);
    if (contacts)
        check_contacts(check, body);
    else if (!check->failed)
        kind->read(check, check_object(check, body, "", message->type), message);
}

bool graph_message_is_read_mark(const cJSON *body)
{
    return cJSON_HasObjectItem(body, "status");
}

void graph_message_check_read_mark(struct check *check, const cJSON *body)
{
    static const char *const members[] = { "messaging_product", "status", "message_id", "typing_indicator", NULL };
    static const char *const statuses[] = { "read", NULL };
    static const char *const indicators[] = { "text", NULL };
    check_members(check, body, "", members);
    check_product(check, body);
    check_word(check, body, "", "status", statuses);
    const char *id = check_text(check, body, "", "message_id", 1, ID_LENGTH_MAX);
    if (id != NULL && !text_starts_with(id, "wamid."))
        check_fail(check, GRAPH_BAD_VALUE, "Parameter message_id is no message id.");
    if (cJSON_HasObjectItem(body, "typing_indicator"))
        check_word(check, check_object(check, body, "", "typing_indicator"), "typing_indicator", "type", indicators);
}

void graph_message_clear(struct graph_message *message)
{
    buffer_clear(&message->filled);
}

const char *graph_message_recipient(const struct graph_message *message)
{
    return message->to[0] != '\0' ? message->to : message->user_id;
}
