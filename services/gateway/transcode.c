#include "transcode.h"

#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "routes.h"
#include "rules.h"
#include "wire/field.h"
#include "wire/pbjson.h"

static const ProtobufCFieldDescriptor *text_field(const ProtobufCMessageDescriptor *type, const char *name)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(type, name);
    return field != NULL && field->type == PROTOBUF_C_TYPE_STRING && !field_is_repeated(field) ? field : NULL;
}

/* NULL when the message has no such field, or it is not set. */
static char **text_at(ProtobufCMessage *message, const char *name)
{
    const ProtobufCFieldDescriptor *field = text_field(message->descriptor, name);
    return field == NULL ? NULL : field_memory(message, field);
}

/* -- whose company */

enum status transcode_company(struct exchange *exchange, const char *named, struct error *error)
{
    const char *own = exchange->key.company_id;
    if (text_empty(own))
        own = ident_default_company(exchange->arena);
    exchange->caller.company_id = own;
    if (named == NULL)
        return OK;
    if (!ident_valid(named))
        return error_code(error, REJECT, "bad_value", "'company_id' must be a UUID.");
    named = text_lower(exchange->arena, named);
    if (strcmp(named, own) != 0 && !exchange->key.every_company)
        return error_code(error, REJECT, "forbidden", "The API key belongs to another company.");
    exchange->caller.company_id = named;
    return OK;
}

static enum status settle_company(struct exchange *exchange, ProtobufCMessage *message, struct error *error)
{
    char **in_body = text_at(message, "company_id");
    const char *in_query = NULL;
    TRY(web_query(exchange->request, "company_id", &in_query, error));
    const char *named = in_body != NULL && *in_body != NULL ? *in_body : in_query;
    if (in_query != NULL && strcasecmp(named, in_query) != 0)
        return error_code(error, REJECT, "bad_value", "'company_id' differs between body and query.");
    TRY(transcode_company(exchange, named, error));
    if (in_body != NULL)
        *in_body = arena_text(exchange->arena, exchange->caller.company_id);
    return OK;
}

/* -- path, query, headers */

static bool word_in(const char *words, const char *word)
{
    size_t bytes = strlen(word);
    for (const char *at = words; at != NULL && *at != '\0'; at += strcspn(at, " "), at += strspn(at, " "))
        if (strcspn(at, " ") == bytes && memcmp(at, word, bytes) == 0)
            return true;
    return false;
}

static enum status read_query(struct exchange *exchange, ProtobufCMessage *message, struct error *error)
{
    const char *at = NULL, *name = NULL, *value = NULL, *once = NULL;
    while (web_query_next(exchange->request, &at, &name, &value)) {
        if (name == NULL || value == NULL)
            return error_code(error, REJECT, "bad_value", "The query is not well-formed.");
        if (strcmp(name, "company_id") == 0)
            continue;
        if (!word_in(exchange->endpoint->query, name))
            return error_code(error, REJECT, "unknown_parameter", "'%s' is no parameter of this endpoint.",
                              text_cut(exchange->arena, name, 64));
        TRY(web_query(exchange->request, name, &once, error)); /* refuses a second one */
        if (value[0] != '\0')
            TRY(pbjson_set(exchange->arena, message, name, value, error));
    }
    return OK;
}

static enum status read_id(const struct exchange *exchange, ProtobufCMessage *message, struct error *error)
{
    if (exchange->id == NULL)
        return OK;
    const char *field = exchange->endpoint->id_field;
    const char *noun = exchange->endpoint->id_noun;
    if (noun != NULL && !ident_valid(exchange->id)) /* no id of ours: as unknown as any other */
        return error_code(error, REJECT, text_format(exchange->arena, "unknown_%s", noun), "There is no such %s.",
                          noun);
    return pbjson_set(exchange->arena, message, field, text_lower(exchange->arena, exchange->id), error);
}

enum status transcode_idempotency_key(const struct exchange *exchange, const char **out, struct error *error)
{
    *out = web_header(exchange->request, "Idempotency-Key");
    if (*out == NULL)
        return OK;
    size_t bytes = strlen(*out);
    for (size_t i = 0; i < bytes; i++)
        if ((*out)[i] < 0x20 || (*out)[i] > 0x7E)
            return error_code(error, REJECT, "bad_value", "'Idempotency-Key' must be printable ASCII.");
    if (bytes == 0 || bytes > KEY_BYTES_MAX)
        return error_code(error, REJECT, "bad_value", "'Idempotency-Key' must have 1 to %d characters.", KEY_BYTES_MAX);
    return OK;
}

enum status transcode_other_body(struct error *error)
{
    return error_code(error, REJECT, "idempotency_mismatch", "The same Idempotency-Key came with another body before.");
}

/* The key becomes the field of that name, or the id of what is made; a body that has one too must say the same. */
static enum status read_idempotency_key(const struct exchange *exchange, ProtobufCMessage *message, struct error *error)
{
    const char *key = NULL;
    char **field = text_at(message, "idempotency_key"), **id = text_at(message, "id");
    const char *kind = exchange->endpoint->makes;
    TRY(transcode_idempotency_key(exchange, &key, error));
    if (kind != NULL && key != NULL && id != NULL)
        *id = ident_named(exchange->arena, kind, exchange->caller.company_id, key, NULL);
    if (field == NULL || key == NULL)
        return OK;
    if (*field != NULL && strcmp(*field, key) != 0)
        return error_code(error, REJECT, "bad_value", "'idempotency_key' differs from the header Idempotency-Key.");
    *field = arena_text(exchange->arena, key);
    return OK;
}

/* If-Match: "7" (as ETag gave it), 7, W/"7" or *. An entity tag of another kind can't be current. */
static enum status read_if_match(const struct exchange *exchange, ProtobufCMessage *message, struct error *error)
{
    const char *tag = web_header(exchange->request, "If-Match");
    if (tag == NULL || protobuf_c_message_descriptor_get_field_by_name(message->descriptor, "if_version") == NULL)
        return OK;
    char *text = text_trim(exchange->arena, tag);
    if (strcmp(text, "*") == 0)
        return OK;
    text += text_starts(text, "W/") ? 2 : 0;
    size_t bytes = strlen(text);
    if (bytes >= 2 && text[0] == '"' && text[bytes - 1] == '"') {
        text[bytes - 1] = '\0';
        text++;
    }
    if (pbjson_set(exchange->arena, message, "if_version", text, NULL) != OK)
        return error_code(error, REJECT, "stale_version", "If-Match names no version of this.");
    return OK;
}

/* -- the body */

bool transcode_is_json(const char *content_type)
{
    static const char *const types[] = { "application/json", "application/x-www-form-urlencoded" };
    if (content_type == NULL)
        return true;
    size_t bytes = strcspn(content_type, "; \t");
    if (content_type[bytes + strspn(content_type + bytes, " \t")] != (strchr(content_type, ';') ? ';' : '\0'))
        return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (bytes == strlen(types[i]) && strncasecmp(content_type, types[i], bytes) == 0)
            return true;
    return bytes > 17 && strncasecmp(content_type, "application/", 12) == 0 &&
           strncasecmp(content_type + bytes - 5, "+json", 5) == 0;
}

static enum status read_body(const struct exchange *exchange, const ProtobufCMessageDescriptor *type,
                             ProtobufCMessage **out, struct error *error)
{
    const struct web_request *request = exchange->request;
    *out = pb_new(exchange->arena, type);
    if (exchange->endpoint->body == NULL) {
        if (request->body_bytes > 0)
            return error_code(error, REJECT, "malformed_request", "This endpoint takes no body.");
        return OK;
    }
    if (request->body_bytes == 0 && exchange->endpoint->body_optional)
        return OK;
    if (!transcode_is_json(web_header(request, "Content-Type")))
        return error_code(error, REJECT, "unsupported_media_type", "The body must be application/json.");
    TRY(pbjson_read(exchange->arena, type, request->body, request->body_bytes, out, error));
    return rules_check_hidden(*out, error);
}

enum status transcode_request(struct exchange *exchange, const ProtobufCMessageDescriptor *type, ProtobufCMessage **out,
                              struct error *error)
{
    TRY(read_body(exchange, type, out, error));
    TRY(read_query(exchange, *out, error));
    TRY(rules_check(*out, error));
    TRY(settle_company(exchange, *out, error));
    TRY(read_id(exchange, *out, error));
    TRY(read_idempotency_key(exchange, *out, error));
    return read_if_match(exchange, *out, error);
}

/* -- the whole way */

/* What has a version is told apart by it. */
static void add_etag(struct exchange *exchange, const void *reply)
{
    const ProtobufCMessageDescriptor *type = endpoint_reply(exchange->endpoint);
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(type, "version");
    if (field != NULL && field_present(reply, field))
        exchange_header(exchange, "ETag: \"%lld\"", (long long)field_integer(field, field_memory(reply, field)));
}

void transcode(struct exchange *exchange)
{
    struct error error = { 0 };
    const struct endpoint *endpoint = exchange->endpoint;
    ProtobufCMessage *request = NULL;
    void *reply = NULL;
    EXCHANGE_TRY(exchange, transcode_request(exchange, endpoint->asks->request, &request, &error));
    if (endpoint->prepare != NULL)
        EXCHANGE_TRY(exchange, endpoint->prepare(exchange, request, &error));
    EXCHANGE_TRY(exchange, ask_one(exchange->arena, endpoint->asks, &exchange->caller, request, &reply, &error));
    if (endpoint->follow != NULL)
        EXCHANGE_TRY(exchange, endpoint->follow(exchange, request, reply, &error));
    add_etag(exchange, reply);
    exchange_json(exchange, endpoint->success == 0 ? 200 : endpoint->success, reply);
}
