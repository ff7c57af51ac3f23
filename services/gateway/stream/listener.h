/*
 * listener - one connection of the event stream: what is on its way to the peer, and what he has been told.
 *
 * Never blocks. All of it is the hub's, under the hub's lock.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys.h"
#include "stream/filter.h"

struct listener {
    struct listener *next;
    uint64_t serial;
    char company_id[IDENT_BYTES], key_id[KEY_ID_BYTES + 1];
    struct filter filter;
    int64_t number; /* of the log: told, or not wanted, up to here */
    int fd;         /* -1: not connected yet */
    bool closing;   /* no more is written; the hub's thread closes it */
    bool watched;   /* for room to write */
    char *bytes;    /* on their way: [from, to) */
    size_t from, to, capacity;
    int64_t moved_us; /* when the peer last took something, or nothing was on its way */
    int64_t spoke_us; /* when something was queued last */
};

struct listener *listener_new(uint64_t serial, const char *company_id, const char *key_id, const struct filter *filter);
void listener_free(struct listener *listener); /* closes the connection */
void listener_connect(struct listener *listener, int fd);
void listener_queue(struct listener *listener, const char *bytes, size_t count);
size_t listener_waiting(const struct listener *listener); /* bytes on their way */
void listener_flush(struct listener *listener);           /* as much as the peer takes now */
void listener_hear(struct listener *listener);            /* a peer says nothing; that he is gone is seen here */
