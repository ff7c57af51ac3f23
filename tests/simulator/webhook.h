/*
 * webhook - the way to the business's callback URLs: signs each body and posts it, again and again if need be.
 *
 * Deliveries run side by side and promise no order, as the vendor's do. Signatures are made anew for each try,
 * so a signature fault that is taken away heals what waits for its retry. Copies take the addresses in turn.
 */
#ifndef SIMULATOR_WEBHOOK_H
#define SIMULATOR_WEBHOOK_H

#include "buffer.h"
#include "faults.h"
#include "loop.h"

#include <curl/curl.h>
#include <stdbool.h>

enum { WEBHOOK_SIGNATURE_ROOM = 80, WEBHOOK_URLS_ROOM = 1000 };

struct webhook {
    struct loop *loop;
    struct faults *faults;
    const char *urls; /* comma separated; empty: nobody listens */
    const char *next; /* of the addresses, whose turn it is; NULL or at the end: the first's */
    const char *secret;
    CURLM *multi;
    struct timer curl_timer;
};

struct webhook_outcome {
    int status; /* of the gateway: 200, or the last other one; 0 when there was no answer */
    int tries;
};

bool webhook_open(struct webhook *webhook);

/*
 * Takes the body over. With `retry` it is posted until every copy is answered 200 or the tries are used up.
 * `done` is called once, never from inside this call.
 */
void webhook_deliver(struct webhook *webhook, struct buffer *body, bool retry,
                     void (*done)(void *owner, struct webhook_outcome outcome), void *owner);

/* X-Hub-Signature-256 over the bytes: sha256=<64 lower-case hex>. */
void webhook_sign(const char *secret, const void *bytes, size_t count, char signature[WEBHOOK_SIGNATURE_ROOM]);

#endif
