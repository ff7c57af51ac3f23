/* The gateway's half of the way in: one webhook body into pieces that can be stored, refused and repeated each on its
 * own. */
#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"

enum { ESCAPE_BYTES = 6 };

/* Each piece repeats what stands around it once in the webhook: without an end to that, three megabytes could become
 * a hundred thousand. */
struct splitter {
    struct arena *arena;
    struct whatsapp_cloud_piece *pieces;
    size_t count, capacity;
    size_t bytes; /* of all pieces */
    bool full;    /* past WEBHOOK_PIECES_MAX or WEBHOOK_PIECES_BYTES_MAX: none is made any more, and all are refused */
};

/* A profile by its keys, "" where it lacks one. */
struct profile {
    const char *user_id, *wa_id;
    const cJSON *contact;
};

/* Where the item at hand comes from. Anything may be NULL. */
struct origin {
    const char *entry_id, *field;
    const cJSON *value;
    const char *metadata; /* as text, made once */
    const struct profile *profiles;
    size_t profile_count;
};

/* -- escapes that no database can hold */

static int escape_value(const char *at, const char *end)
{
    if (end - at < ESCAPE_BYTES || at[0] != '\\' || at[1] != 'u')
        return -1;
    int value = 0;
    for (int i = 2; i < 6; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool surrogate(int value, int first)
{
    return value >= first && value < first + 0x400;
}

static void replace_escape(char *at)
{
    static const char REPLACEMENT[ESCAPE_BYTES] = { '\\', 'u', 'f', 'f', 'f', 'd' };
    memcpy(at, REPLACEMENT, sizeof REPLACEMENT);
}

/*
 * \u0000 and halves of surrogate pairs are legal to send and impossible to store. One person's odd byte must not cost a
 * thousand neighbours their message: each becomes U+FFFD before the body is parsed. The signature has been checked over
 * the bytes as they came.
 */
static char *mend_escapes(struct arena *arena, const char *body, size_t bytes)
{
    char *mended = arena_text_n(arena, body, bytes);
    char *end = mended + bytes;
    for (char *at = mended; at < end; at++) {
        if (*at != '\\')
            continue;
        int value = escape_value(at, end);
        if (value < 0) {
            at++; /* the escaped character is not the start of an escape */
        } else if (surrogate(value, 0xD800) && surrogate(escape_value(at + ESCAPE_BYTES, end), 0xDC00)) {
            at += 11;
        } else {
            if (value == 0 || (value >= 0xD800 && value < 0xE000))
                replace_escape(at);
            at += 5;
        }
    }
    return mended;
}

/* -- pieces */

static const char *member_text(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(member) ? member->valuestring : "";
}

static void add_member(struct buffer *body, const char *name, const char *json)
{
    if (!json)
        return;
    buffer_format(body, ",\"%s\":", name);
    buffer_add(body, json);
}

static const char *text_of(struct arena *arena, const cJSON *tree)
{
    return tree ? json_text(arena, tree) : NULL;
}

static struct whatsapp_cloud_piece *piece_add(struct splitter *splitter)
{
    if (splitter->count == splitter->capacity) {
        size_t capacity = splitter->capacity ? splitter->capacity * 2 : 8;
        struct whatsapp_cloud_piece *grown = ARENA_ARRAY(splitter->arena, struct whatsapp_cloud_piece, capacity);
        if (splitter->count)
            memcpy(grown, splitter->pieces, splitter->count * sizeof *grown);
        splitter->pieces = grown;
        splitter->capacity = capacity;
    }
    return &splitter->pieces[splitter->count++];
}

static const char *compose(struct splitter *splitter, const struct origin *origin, const cJSON *contact,
                           const char *name, const cJSON *item)
{
    struct buffer body = { .arena = splitter->arena };
    buffer_add(&body, "{\"entry_id\":");
    json_add_string(&body, text_or(origin->entry_id, ""));
    buffer_add(&body, ",\"field\":");
    json_add_string(&body, text_or(origin->field, ""));
    add_member(&body, "metadata", origin->metadata);
    add_member(&body, "contact", text_of(splitter->arena, contact));
    add_member(&body, name, text_of(splitter->arena, item));
    buffer_add_char(&body, '}');
    splitter->bytes += body.bytes;
    return buffer_text(&body);
}

/* "" for what is too long to be one: it would travel once more beside the body. */
static const char *account_of(const struct origin *origin)
{
    const char *account = member_text(cJSON_GetObjectItemCaseSensitive(origin->value, "metadata"), "phone_number_id");
    return strlen(account) > KEY_BYTES_MAX ? "" : account;
}

/* name: the member under which the item stands in the piece. A repeat of the webhook gives the same dedupe, byte for
 * byte of the item. NULL: no more. */
static struct whatsapp_cloud_piece *piece_make(struct splitter *splitter, const struct origin *origin,
                                               enum whatsapp_cloud_kind kind, const cJSON *contact, const char *name,
                                               const cJSON *item)
{
    splitter->full |= splitter->count == WEBHOOK_PIECES_MAX || splitter->bytes > WEBHOOK_PIECES_BYTES_MAX;
    if (splitter->full)
        return NULL;
    const char *body = compose(splitter, origin, contact, name, item);
    struct whatsapp_cloud_piece *piece = piece_add(splitter);
    *piece = (struct whatsapp_cloud_piece){
        .kind = kind, .account = account_of(origin), .external_id = "", .body = body, .bytes = strlen(body)
    };
    piece->dedupe = ident_named(splitter->arena, "whatsapp_cloud piece", piece->body, NULL);
    return piece;
}

static bool same_key(const char *a, const char *b)
{
    return *a && strcmp(a, b) == 0;
}

/* The profile that belongs to a message. A message that names nobody takes the only one there is. */
static const cJSON *contact_of(const struct origin *origin, const cJSON *message)
{
    const char *user_id = member_text(message, "from_user_id"), *from = member_text(message, "from");
    for (size_t i = 0; i < origin->profile_count; i++)
        if (same_key(origin->profiles[i].user_id, user_id) || same_key(origin->profiles[i].wa_id, from))
            return origin->profiles[i].contact;
    return !*from && !*user_id && origin->profile_count == 1 ? origin->profiles[0].contact : NULL;
}

/* Looked through once for each message, so looked up once: more than there can be pieces are not wanted. */
static void read_profiles(struct splitter *splitter, struct origin *origin)
{
    const cJSON *contacts = cJSON_GetObjectItemCaseSensitive(origin->value, "contacts");
    size_t count = cJSON_IsArray(contacts) ? (size_t)cJSON_GetArraySize(contacts) : 0;
    count = count > WEBHOOK_PIECES_MAX ? WEBHOOK_PIECES_MAX : count;
    struct profile *profiles = ARENA_ARRAY(splitter->arena, struct profile, count);
    const cJSON *contact = count > 0 ? contacts->child : NULL;
    for (size_t i = 0; i < count; i++, contact = contact->next)
        profiles[i] = (struct profile){ .user_id = member_text(contact, "user_id"),
                                        .wa_id = member_text(contact, "wa_id"),
                                        .contact = contact };
    origin->profiles = profiles;
    origin->profile_count = count;
}

static void split_message(struct splitter *splitter, const struct origin *origin, const cJSON *message)
{
    struct whatsapp_cloud_piece *piece =
        piece_make(splitter, origin, WHATSAPP_CLOUD_MESSAGE, contact_of(origin, message), "message", message);
    if (!piece)
        return;
    piece->external_id = member_text(message, "id");
    if (*piece->external_id)
        piece->dedupe =
            ident_named(splitter->arena, "whatsapp_cloud message", piece->account, piece->external_id, NULL);
}

static const char *status_recipient(const cJSON *status)
{
    static const char *const NAMES[] = { "recipient_participant_id", "recipient_participant_user_id",
                                         "recipient_user_id", "recipient_id" };
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (*member_text(status, NAMES[i]))
            return member_text(status, NAMES[i]);
    return "";
}

static void split_status(struct splitter *splitter, const struct origin *origin, const cJSON *status)
{
    struct whatsapp_cloud_piece *piece = piece_make(splitter, origin, WHATSAPP_CLOUD_STATUS, NULL, "status", status);
    if (!piece)
        return;
    piece->external_id = member_text(status, "id");
    if (*piece->external_id)
        piece->dedupe = ident_named(splitter->arena, "whatsapp_cloud status", piece->account, piece->external_id,
                                    member_text(status, "status"), status_recipient(status), NULL);
}

/* A marketing preference has no id of its own: who, when and what make one, so that a redelivery is the same message
 * for ever. */
static void split_preference(struct splitter *splitter, const struct origin *origin, const cJSON *preference)
{
    struct whatsapp_cloud_piece *piece =
        piece_make(splitter, origin, WHATSAPP_CLOUD_MESSAGE, NULL, "preference", preference);
    if (!piece)
        return;
    const char *text = json_text(splitter->arena, preference);
    const char *id = ident_named(splitter->arena, "whatsapp_cloud preference", piece->account, text, NULL);
    piece->external_id = text_format(splitter->arena, "preference.%s", id);
    piece->dedupe = id;
}

typedef void split_one(struct splitter *splitter, const struct origin *origin, const cJSON *item);

/* False: the value has no such list. A list that is none is passed on as one malformed item, to be refused by its
 * reader. */
static bool split_list(struct splitter *splitter, const struct origin *origin, const char *name, split_one *one)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(origin->value, name);
    if (!list)
        return false;
    if (!cJSON_IsArray(list))
        one(splitter, origin, list);
    else
        for (const cJSON *item = list->child; item && !splitter->full; item = item->next)
            one(splitter, origin, item);
    return true;
}

static void split_errors(struct splitter *splitter, const struct origin *origin, const cJSON *item)
{
    piece_make(splitter, origin, WHATSAPP_CLOUD_OTHER, NULL, "value", item);
}

static void split_change(struct splitter *splitter, const char *entry_id, const cJSON *change)
{
    struct origin origin = { .entry_id = entry_id,
                             .field = member_text(change, "field"),
                             .value = cJSON_GetObjectItemCaseSensitive(change, "value") };
    origin.metadata = text_of(splitter->arena, cJSON_GetObjectItemCaseSensitive(origin.value, "metadata"));
    read_profiles(splitter, &origin);
    bool messages = strcmp(origin.field, "messages") == 0;
    bool known = false;
    if (messages) {
        known |= split_list(splitter, &origin, "messages", split_message);
        known |= split_list(splitter, &origin, "statuses", split_status);
        known |= split_list(splitter, &origin, "errors", split_errors);
    } else if (strcmp(origin.field, "smb_message_echoes") == 0) {
        known |= split_list(splitter, &origin, "message_echoes", split_message);
    } else if (strcmp(origin.field, "user_preferences") == 0) {
        known |= split_list(splitter, &origin, "user_preferences", split_preference);
    }
    if (known)
        return;
    if (!cJSON_IsObject(origin.value) && (messages || !*origin.field)) /* meant as messages, and none can be found */
        piece_make(splitter, &origin, WHATSAPP_CLOUD_MESSAGE, NULL, "malformed", change);
    else
        piece_make(splitter, &origin, WHATSAPP_CLOUD_OTHER, NULL, "value", origin.value ? origin.value : change);
}

static void split_malformed(struct splitter *splitter, const char *entry_id, const cJSON *what)
{
    piece_make(splitter, &(struct origin){ .entry_id = entry_id }, WHATSAPP_CLOUD_MESSAGE, NULL, "malformed", what);
}

static void split_entry(struct splitter *splitter, const cJSON *entry)
{
    const char *id = member_text(entry, "id");
    const cJSON *changes = cJSON_GetObjectItemCaseSensitive(entry, "changes");
    if (!cJSON_IsArray(changes)) {
        split_malformed(splitter, id, entry);
        return;
    }
    for (const cJSON *change = changes->child; change && !splitter->full; change = change->next)
        split_change(splitter, id, change);
}

/* Another object of Meta's (a page, an app) is none of ours: no pieces, and still a 200. */
enum status whatsapp_cloud_split(struct arena *arena, const char *body, size_t bytes,
                                 struct whatsapp_cloud_piece **pieces, size_t *count, struct error *error)
{
    struct splitter splitter = { .arena = arena };
    cJSON *root = NULL;
    *pieces = NULL;
    *count = 0;
    TRY(json_parse(arena, mend_escapes(arena, body, bytes), bytes, &root, error));
    if (!cJSON_IsObject(root))
        return error_code(error, REJECT, "malformed_json", "a webhook is one JSON object");
    if (strcmp(member_text(root, "object"), "whatsapp_business_account") != 0)
        return OK;
    const cJSON *entries = cJSON_GetObjectItemCaseSensitive(root, "entry");
    if (entries && !cJSON_IsArray(entries))
        split_malformed(&splitter, "", entries);
    else
        for (const cJSON *entry = entries ? entries->child : NULL; entry && !splitter.full; entry = entry->next)
            split_entry(&splitter, entry);
    if (splitter.full)
        return error_code(error, REJECT, "body_too_large",
                          "a webhook comes apart into at most %d items, %d bytes in all", WEBHOOK_PIECES_MAX,
                          WEBHOOK_PIECES_BYTES_MAX);
    *pieces = splitter.pieces;
    *count = splitter.count;
    return OK;
}
