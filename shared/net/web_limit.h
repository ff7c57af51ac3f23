/*
 * web_limit - an end to every read of a body. Private to the web files.
 *
 * civetweb's time limit begins anew with each byte that comes: who sends one every few seconds keeps a thread for ever.
 * A thread says when it begins to read and when it is done; what lasts too long has the reading side of its connection
 * shut, so that the read ends short. Only then is the connection looked for: civetweb does not tell its descriptor.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* One thread of the server. */
struct web_reading {
    struct web_reading *next;
    pthread_mutex_t lock; /* held while the connection is shut: it can't become another one meanwhile */
    int64_t due_us;       /* 0: not reading */
    const char *address;  /* of the peer */
    int port;
};

struct web_limit {
    pthread_mutex_t lock;
    pthread_cond_t ending;
    struct web_reading *readings;
    pthread_t thread;
    int port;        /* ours */
    int64_t wait_ms; /* of a whole request */
    bool over;
};

void web_limit_init(struct web_limit *limit, int64_t wait_ms); /* before there are threads */
void web_limit_start(struct web_limit *limit, int port);
void web_limit_end(struct web_limit *limit); /* when no thread is left */

void web_limit_add(struct web_limit *limit, struct web_reading *reading);
void web_limit_remove(struct web_limit *limit, struct web_reading *reading);
void web_limit_begin(struct web_reading *reading, const char *address, int port, int64_t wait_ms);
void web_limit_done(struct web_reading *reading);
