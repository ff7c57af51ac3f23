/*
 * http_call - one outgoing call: what curl is told of it, what it hears, and what its end means. Private to http.c.
 *
 * Everything but the list members is touched by the driving thread only, from the moment http_start has handed the call
 * over.
 */
#pragma once
#include <stdio.h>

#include "net/http.h"

struct curl_slist;

struct http_stack;

struct http_call {
    struct http_call *next;       /* in waiting or in running; guarded by the lock until it runs */
    struct http_call *previous;   /* in running */
    struct http_call *abort_next; /* in aborting */
    bool abort_asked, over;       /* guarded by the lock */
    struct arena *arena;          /* the call's from http_start to done */
    struct http_request request;  /* copies */
    http_done *done;
    void *context;
    int64_t started_us;
    void *easy;               /* curl's; set while it runs */
    struct http_stack *stack; /* that carries it then */
    struct curl_slist *headers;
    bool late, resent, too_large;
    char *body; /* malloc'd: it grows on the driving thread */
    size_t body_bytes, body_capacity;
    FILE *body_file;                 /* of the request */
    char *content_type, *request_id; /* in the arena */
    int64_t retry_after_ms;
    char sentence[256]; /* curl's own, CURL_ERROR_SIZE */
};

/* A copy of the request in the arena, with the defaults filled in. */
void http_call_init(struct http_call *call, struct arena *arena, const struct http_request *request);
/* Tells call->easy all there is to know. */
void http_call_set_up(struct http_call *call, const char *user_agent);
bool http_call_stale(const struct http_call *call); /* its time was over before it had a slot */
/* What its end means. code is curl's; call->easy is NULL when it never ran. */
void http_call_judge(struct http_call *call, int code, bool aborted, struct http_response *response);
void http_call_clear(struct http_call *call); /* frees what is not in the arena; curl must have let go of it */
