/*
 * bus - NATS and JetStream, the only room that knows nats.c.
 *
 * A bus is one process's connection. All functions may be called by any thread. Bytes in, bytes out: meaning is
 * service/'s.
 *
 * Times in ms; the conversion to the library's nanoseconds happens here and nowhere else. Rules and measured traps:
 * docs/bus.md.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/moment.h"

struct bus;

struct bus_options {
    const char *url;  /* nats://[user:password@]host:port[,...] */
    const char *name; /* shown in the server's monitoring */
};

/* Connects, or keeps trying in the background: RETRY comes only from later calls. REJECT for a bad URL. */
enum status bus_open(const struct bus_options *options, struct bus **out, struct error *error);
void bus_close(struct bus *bus); /* accepts NULL; flushes first */
bool bus_connected(const struct bus *bus);
/* True, with the sentence, if the server has refused us something since the last time: permissions tell in no other
 * way. */
bool bus_denied(struct bus *bus, struct error *error);
const char *bus_server_version(const struct bus *bus); /* "" while disconnected */

struct bus_header {
    const char *name, *value; /* names differ within a message; value NULL: left out */
};

/* A message that was taken; all of it lives in the taker's arena. */
struct bus_message {
    const char *subject;
    const char *reply; /* where its answer or ack goes; never NULL for a pulled one */
    const char *data;
    size_t bytes;
    const struct bus_header *headers;
    size_t header_count;
    uint64_t sequence;   /* in the stream; 0 for core messages */
    uint64_t deliveries; /* 1 = first; 0 for core messages */
    moment published_at; /* as the stream stamped it */
};
const char *bus_header(const struct bus_message *message, const char *name); /* NULL when absent */

/* -- publishing to a stream: each item gets its own status, OK only after the stream's ack */

struct bus_publish {
    const char *subject;
    const void *data;
    size_t bytes;
    const char *id; /* Nats-Msg-Id; NULL: none */
    const struct bus_header *headers;
    size_t header_count;
    /* set by bus_publish_all */
    enum status status; /* RETRY: broker away, stream full, no ack in time; REJECT: too large, refused */
    struct error error;
    bool duplicate; /* the stream had this id within its window: it was NOT stored again */
    uint64_t sequence;
};
void bus_publish_all(struct bus *bus, struct bus_publish *messages, size_t count, int64_t wait_ms);
/*
 * The same, in order, for one publisher that has a stream nearly to itself: one acknowledgement proves them all. Each
 * message has an id, and all go to one stream. sequence is not told.
 */
void bus_publish_chain(struct bus *bus, struct bus_publish *messages, size_t count, int64_t wait_ms);
/*
 * Without waiting: messages that the stream has not taken within wait_ms, or refused in a way that can heal, are
 * counted and told once, on whatever thread finds out; nothing is told when it took all. The caller knows by other
 * means what he published. bus_publish_overdue finds what got no answer, a missing stream among it; call it now and
 * then.
 */
void bus_publish_apart(struct bus *bus, const struct bus_publish *messages, size_t count, int64_t wait_ms,
                       void (*told)(int64_t word, size_t untaken), int64_t word);
void bus_publish_overdue(struct bus *bus);

/* -- core: best effort, and request/reply */

enum status bus_send(struct bus *bus, const char *subject, const void *data, size_t bytes, struct error *error);
enum status bus_request(struct bus *bus, struct arena *arena, const char *subject, const void *data, size_t bytes,
                        int64_t wait_ms, struct bus_message *reply,
                        struct error *error); /* RETRY: nobody there, no answer */

/* Asks everybody at once: what came within wait_ms, at most count_max replies, in the arena. OK with *count 0 when
 * nobody is there. */
enum status bus_gather(struct bus *bus, struct arena *arena, const char *subject, int64_t wait_ms,
                       struct bus_message *replies, size_t count_max, size_t *count, struct error *error);

/* -- taking: a stream's consumer (pulled) or a core subject (queue group); one thread takes from one source */

struct bus_source;

enum status bus_pull_open(struct bus *bus, const char *stream, const char *consumer, struct bus_source **out,
                          struct error *error);
enum status bus_serve_open(struct bus *bus, const char *subject, const char *queue, struct bus_source **out,
                           struct error *error);
void bus_source_close(struct bus_source *source); /* accepts NULL; what was pulled and not taken is given back (nak) */

/*
 * Up to count_max messages or bytes_max bytes, whichever ends first; waits wait_ms for the first one only, never for a
 * batch to fill. count_max 0 takes nothing and only waits for the wake. 0: none came, or somebody called
 * bus_source_wake. Never blocks longer than BLOCK_WAIT_MS_MAX. RETRY: the consumer or stream is gone.
 */
enum status bus_take(struct bus_source *source, struct arena *arena, struct bus_message *out, size_t count_max,
                     size_t bytes_max, int64_t wait_ms, size_t *count, struct error *error);
/* Any thread: the take under way or the next one returns at once. For a core subject it is the end too: nothing new
 * comes, and what is here can still be taken. */
void bus_source_wake(struct bus_source *source);
void bus_source_stop(struct bus_source *source); /* nothing new comes; what is here can still be taken */
/* How many messages may be pulled ahead and wait here (the library's choice at most); the taking thread's to set. */
void bus_source_window(struct bus_source *source, size_t window);
size_t bus_source_queued(struct bus_source *source); /* any thread: pulled and not taken */
void bus_source_progress(struct bus_source *source); /* any thread: heartbeats for those */

/* Best effort by nature: a lost ack is a redelivery. together: how many are acknowledged at this time; a few leave at
 * once, many are gathered. */
void bus_ack(struct bus *bus, const struct bus_message *message, size_t together);
void bus_nak(struct bus *bus, const struct bus_message *message, int64_t delay_ms);
void bus_progress(struct bus *bus, const char *ack_subject);            /* heartbeat: still working on it */
void bus_terminate(struct bus *bus, const struct bus_message *message); /* never again */
void bus_flush(struct bus *bus);

/* Called for every message of a core subject (no queue group), on the thread that reads: must neither block nor ask. */
typedef void bus_listener(void *context, const struct bus_message *message);
enum status bus_listen(struct bus *bus, const char *subject, bus_listener *listener, void *context,
                       struct error *error);
void bus_listen_stop(struct bus *bus); /* no listener is called any more on return */

/* -- JetStream management */

struct bus_stream {
    const char *name;
    const char *const *subjects; /* NULL-terminated */
    bool work_queue;             /* else limits */
    int64_t age_ms_max;          /* 0: none */
    int64_t bytes_max;           /* 0: none */
    int64_t duplicates_ms;       /* window of Nats-Msg-Id */
    bool discard_old;            /* else new messages are refused when full */
    int replicas;
    int version; /* of our declaration; kept in the description, never replaced by an older one */
};
struct bus_consumer {
    const char *name; /* durable; no dots */
    const char *stream;
    const char *filter; /* NULL: all */
    int64_t ack_wait_ms;
    int64_t ack_pending_max;
};
/* Creates or updates. *created tells that it was not there (so that a vanished stream is noticed). */
enum status bus_stream_ensure(struct bus *bus, const struct bus_stream *stream, bool *created, struct error *error);
enum status bus_consumer_ensure(struct bus *bus, const struct bus_consumer *consumer, bool *created,
                                struct error *error);
/* Whether one of this name is there, asked in the way that costs the server nothing. A stream that is away has none. */
enum status bus_consumer_there(struct bus *bus, const struct bus_consumer *consumer, bool *there, struct error *error);

struct bus_stream_state {
    uint64_t messages, bytes, first_sequence, last_sequence;
};
enum status bus_stream_state(struct bus *bus, const char *stream, struct bus_stream_state *out, struct error *error);
struct bus_consumer_state {
    uint64_t ack_floor;  /* stream sequence: all of its messages up to here are acknowledged */
    uint64_t delivering; /* delivered and not acknowledged */
    uint64_t pending;    /* not delivered yet */
};
enum status bus_consumer_state(struct bus *bus, const struct bus_consumer *consumer, struct bus_consumer_state *out,
                               struct error *error);
/* One stored message by sequence; OK with data NULL when there is none. */
enum status bus_stream_read(struct bus *bus, struct arena *arena, const char *stream, uint64_t sequence,
                            struct bus_message *out, struct error *error);
enum status bus_stream_delete_message(struct bus *bus, const char *stream, uint64_t sequence, struct error *error);
