#include "admin.h"

#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/text.h"
#include "keys.h"
#include "service/topology.h"
#include "transcode.h"
#include "wire/pb.h"

enum status company_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    Pb__CompanyCreateRequest *company = (Pb__CompanyCreateRequest *)request;
    const char *key = NULL;
    TRY(transcode_idempotency_key(exchange, &key, error));
    if (key != NULL)
        company->request_id = ident_named(exchange->arena, "company", "created", exchange->key.id, key, NULL);
    return OK;
}

/* Another company's id is an unknown one. */
enum status company_address(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    (void)request;
    const char *id = exchange->id ? text_lower(exchange->arena, exchange->id) : NULL;
    if (id == NULL || strcmp(id, exchange->caller.company_id) == 0)
        return OK;
    if (!exchange->key.every_company)
        return error_code(error, REJECT, "unknown_company", "There is no such company.");
    exchange->caller.company_id = id;
    return OK;
}

static bool same_json(struct arena *arena, const Pb__Json *a, const Pb__Json *b)
{
    const char *one = pb_json_text(a), *other = pb_json_text(b);
    cJSON *tree = NULL, *other_tree = NULL;
    return json_parse(arena, one, strlen(one), &tree, NULL) == OK &&
           json_parse(arena, other, strlen(other), &other_tree, NULL) == OK && cJSON_Compare(tree, other_tree, true);
}

/* What was not asked for is what the store makes of it. */
static bool same_company(struct arena *arena, const Pb__CompanyCreateRequest *wanted, const Pb__Company *found)
{
    return (wanted->id == NULL || strcasecmp(wanted->id, found->id) == 0) && text_same(wanted->name, found->name) &&
           text_same(text_or(wanted->timezone, "UTC"), found->timezone) &&
           text_same(text_or(wanted->locale, "en"), found->locale) &&
           text_same(text_or(wanted->plan, "free"), found->plan) && wanted->has_buffer_ms == found->has_buffer_ms &&
           wanted->buffer_ms == found->buffer_ms && wanted->has_buffer_max_ms == found->has_buffer_max_ms &&
           wanted->buffer_max_ms == found->buffer_max_ms && same_json(arena, wanted->company_card, found->company_card);
}

enum status company_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                           struct error *error)
{
    const Pb__CompanyCreateRequest *wanted = (const Pb__CompanyCreateRequest *)request;
    const Pb__Company *found = (const Pb__Company *)reply;
    if (same_company(exchange->arena, wanted, found))
        return OK;
    if (wanted->request_id != NULL)
        return transcode_other_body(error);
    return error_code(error, REJECT, "conflict", "Another company has that id.");
}

enum status api_key_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    Pb__ApiKeyCreateRequest *key = (Pb__ApiKeyCreateRequest *)request;
    const char *idempotency_key = NULL;
    unsigned scopes = 0;
    char id[KEY_ID_BYTES + 1], text[KEY_TEXT_BYTES];
    if (key->n_scopes == 0)
        return error_code(error, REJECT, "missing_field", "'scopes' is missing.");
    TRY(scopes_read(key->scopes, key->n_scopes, &scopes, error));
    if (key->every_company && !exchange->key.every_company)
        return error_code(error, REJECT, "forbidden", "Only a key of the whole installation may make one.");
    TRY(transcode_idempotency_key(exchange, &idempotency_key, error));
    key_make(id, text);
    if (idempotency_key != NULL) /* fixes the id, not the secret: the store refuses a second key of that id */
        key_rename(ident_named(exchange->arena, "api_key", exchange->key.id, idempotency_key, NULL), id, text);
    exchange->secret = arena_text(exchange->arena, text);
    key->id = arena_text(exchange->arena, id);
    key->secret_hash = key_hash(exchange->arena, text);
    return OK;
}

enum status api_key_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                           struct error *error)
{
    ((Pb__ApiKey *)reply)->key = arena_text(exchange->arena, exchange->secret);
    return keys_changed(exchange, request, reply, error);
}

enum status keys_changed(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                         struct error *error)
{
    (void)request, (void)reply, (void)error;
    nudge(exchange->arena, &NUDGE_KEYS, PB_NEW(exchange->arena, empty));
    return OK;
}
