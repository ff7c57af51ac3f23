/*
 * routes - every REST endpoint, one row each: the transcoder, the scopes and the OpenAPI document read the same row.
 *
 * A new endpoint is one row here and one query in the service that answers its subject.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "exchange.h"
#include "keys.h"
#include "service/topology.h"

struct endpoint {
    const char *method;        /* NULL ends the table */
    const char *path;          /* "/leads/{id}" */
    const char *tag, *summary; /* of the document */
    enum scope scope;
    const struct subject *asks;              /* transcoded: who answers; its types are the request's and the reply's */
    const ProtobufCMessageDescriptor *body;  /* JSON body; NULL: none is taken */
    const ProtobufCMessageDescriptor *reply; /* for the document where asks is NULL or differs; NULL: asks->reply */
    bool body_optional;
    bool takes_key;    /* Idempotency-Key fixes what it makes */
    const char *makes; /* and is the id of that: a name-based one of this kind; NULL: prepare's or the store's to do */
    bool takes_file;   /* the body is a file of any type */
    bool by_link;      /* a signed link opens it without a key */
    bool installation; /* only for keys of the whole installation */
    const char *id_field; /* request field that {id} fills */
    const char *id_noun;  /* what {id} is the UUID of: "lead"; NULL: {id} need not be a UUID */
    const char *query;    /* request fields that may be given as query parameters, space separated; NULL: none */
    int success;          /* status; 0: 200 */
    const char *codes;    /* of problems that don't follow from the above, space separated; NULL: none */
    /* Transcoded: what only this endpoint knows, before asking; may be NULL. */
    enum status (*prepare)(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
    /* Transcoded: what follows from the reply, before it is shown; may be NULL. */
    enum status (*follow)(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                          struct error *error);
    /* Instead of transcoding. */
    void (*handle)(struct exchange *exchange);
};

extern const struct endpoint ENDPOINTS[];

/* The row that fits; *id is set when its path has one. NULL: none; *path_known tells that another method would fit. */
const struct endpoint *routes_find(struct arena *arena, const char *method, const char *path, const char **id,
                                   bool *path_known);
/* "GET, HEAD, POST" of a path. */
const char *routes_allow(struct arena *arena, const char *path);
const ProtobufCMessageDescriptor *endpoint_reply(const struct endpoint *endpoint);
bool endpoint_has_version(const struct endpoint *endpoint); /* it changes what has a version: If-Match counts */
