/*
 * records - what the simulator has seen: the accepted copies and the model calls, oldest first, bounded.
 *
 * A number names a record for ever: one that was dropped or reset since is simply no longer found.
 */
#ifndef SIMULATOR_RECORDS_H
#define SIMULATOR_RECORDS_H

#include "buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum { RECORDS_MAX = 200000, RECORDS_BYTES_MAX = 256 * 1024 * 1024 };

struct llm_record {
    int64_t at_ms;
    int64_t status;       /* 0: no answer yet, or none ever */
    bool aborted;         /* the client left first */
    const char *provider; /* lives for ever */
    char *model;
    char *system;   /* JSON text as it came, or NULL: it is one of the messages, or there is none */
    char *messages; /* JSON text as it came, or NULL */
};

struct sent_record {
    int64_t at_ms;
    const char *to;
    const char *type;
    const char *text;
    const char *id;
    const char *callback;
    const char *phone_id;
    const char *template_json;
    const char *quoted; /* NULL: it quotes nothing */
};

struct record_ring {
    struct record **items; /* by number modulo RECORDS_MAX */
    uint64_t first;        /* the oldest kept */
    uint64_t next;
    uint64_t base; /* the first since the last reset */
    size_t bytes;
};

struct records {
    struct record_ring sent;
    struct record_ring llm;
    struct record_ring marks; /* read marks and typing indicators */
    uint64_t llm_aborted;
    uint64_t llm_in_flight;
    uint64_t receipts_delivered;
    uint64_t receipts_dropped; /* too many were waiting */
    uint64_t marked_read;
};

void records_open(struct records *records);

/* Forgets everything but the calls that are in flight. */
void records_reset(struct records *records);

uint64_t records_sent_total(const struct records *records);
uint64_t records_llm_total(const struct records *records);

void records_add_sent(struct records *records, const struct sent_record *sent);
void records_add_mark(struct records *records, const char *phone_id, const char *message_id, bool typing);

/* Copies the texts; answers the record's number. */
uint64_t records_add_llm(struct records *records, const struct llm_record *call);

/* NULL when it is gone. */
struct llm_record *records_find_llm(struct records *records, uint64_t number);

/* JSON arrays, from the `since`-th record since the reset on; `to` NULL: every recipient. */
void records_write_sent(struct buffer *buffer, const struct records *records, uint64_t since, const char *to);
void records_write_marks(struct buffer *buffer, const struct records *records, uint64_t since);
void records_write_llm(struct buffer *buffer, const struct records *records, uint64_t since);

#endif
