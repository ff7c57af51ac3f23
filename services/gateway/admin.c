#include "admin.h"

#include "base/ident.h"
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
    if (key != NULL && company->id == NULL)
        company->id = ident_named(exchange->arena, "company", "created", exchange->key.id, key, NULL);
    return OK;
}

enum status company_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                           struct error *error)
{
    const Pb__CompanyCreateRequest *wanted = (const Pb__CompanyCreateRequest *)request;
    const Pb__Company *found = (const Pb__Company *)reply;
    if (text_same(wanted->name, found->name))
        return OK;
    if (web_header(exchange->request, "Idempotency-Key") != NULL)
        return error_code(error, REJECT, "idempotency_mismatch",
                          "The same Idempotency-Key came with another body before.");
    return error_code(error, REJECT, "conflict", "Another company has that id.");
}

enum status api_key_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    Pb__ApiKeyCreateRequest *key = (Pb__ApiKeyCreateRequest *)request;
    unsigned scopes = 0;
    char id[KEY_ID_BYTES + 1], text[KEY_TEXT_BYTES];
    if (key->n_scopes == 0)
        return error_code(error, REJECT, "missing_field", "'scopes' is missing.");
    TRY(scopes_read(key->scopes, key->n_scopes, &scopes, error));
    if (key->every_company && !exchange->key.every_company)
        return error_code(error, REJECT, "forbidden", "Only a key of the whole installation may make one.");
    key_make(id, text);
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
