/*
 * exchange - one request on its way through the gateway: what is known of it, and the answer it gets.
 *
 * All of it lives in the request's arena. A handler ends by exactly one exchange_answer, _json or _problem.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/error.h"
#include "keys.h"
#include "net/web.h"
#include "service/client.h"

struct endpoint;

struct exchange {
    struct arena *arena;
    const struct web_request *request;
    struct web_response *response;
    const struct endpoint *endpoint; /* NULL: none fits */
    const char *id;                  /* of the path's {id}; NULL: it has none */
    struct key key;                  /* the caller's; the whole installation's while auth is off */
    struct caller caller;            /* company "" until it is known */
    int64_t retry_after_ms;          /* 0: the problem's own */
    const char *secret;              /* a key that was made for this answer */
    const char *external_id;         /* the provider's id, where the answer has one to add; NULL: none */
    const char *problem_member;      /* "name":value that its problem has beside the usual; NULL: none */
    size_t header_count;
};

/* A header line of the answer. */
void exchange_header(struct exchange *exchange, const char *format, ...) __attribute__((format(printf, 2, 3)));
void exchange_answer(struct exchange *exchange, int status, const char *content_type, const char *body, size_t bytes);
/* Without hidden fields. */
void exchange_json(struct exchange *exchange, int status, const ProtobufCMessage *message);
/* Problem document of a failed step. */
void exchange_problem(struct exchange *exchange, enum status status, const struct error *error);
/* Does the step, and on failure answers with its problem and leaves. */
#define EXCHANGE_TRY(exchange, call)                                                                                   \
    do {                                                                                                               \
        enum status exchange_status_ = (call);                                                                         \
        if (exchange_status_ != OK) {                                                                                  \
            exchange_problem((exchange), exchange_status_, &error);                                                    \
            return;                                                                                                    \
        }                                                                                                              \
    } while (0)
