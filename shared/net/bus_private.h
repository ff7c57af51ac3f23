/*
 * bus_private - what bus.c and the bus_*.c files share. Nobody else includes it: nats.h ends here.
 *
 * Connections: `main` (SendAsap) carries requests, replies, pulls and subscriptions; `bulk` (with the library's
 * flusher, which gathers writes) acks, heartbeats and asynchronous publishing; `sync` (driven by bus_drive.c)
 * publishing with an answer, one by one.
 */
#pragma once
#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/queue.h"
#include "net/bus.h"

enum { BUS_CONNECTIONS_MAX = 16, BUS_SUBJECT_BYTES_MAX = 512, BUS_INBOX_BYTES_MAX = 128 };

/* A subscription whose end can be waited for: the library's own Destroy returns while its callback may still run. */
struct bus_subscription {
    natsSubscription *handle;
    struct queue over; /* woken when the last callback has returned */
};
natsStatus bus_subscribe(struct bus_subscription *subscription, natsConnection *connection, const char *subject,
                         const char *queue, natsMsgHandler handler, void *context);
void bus_unsubscribe(struct bus_subscription *subscription);
/* What the server has sent already is still handled first. */
void bus_unsubscribe_last(struct bus_subscription *subscription, natsConnection *connection);

struct bus_listening; /* bus_listen's own */

/* A connection that requests go over, and what they wait on. */
struct bus_line {
    natsConnection *connection;
    struct bus_drive *drive;  /* NULL: the library's own threads read and write */
    struct bus_asker *askers; /* nobody asks with them now; under the bus's lock */
};

struct bus {
    natsConnection *main, *bulk;
    struct bus_driver *driver;         /* of sync */
    struct bus_line asking, gathering; /* main's, bulk's */
    struct bus_line sync[BUS_CONNECTIONS_MAX];
    unsigned sync_count;
    atomic_uint sync_next;
    jsCtx *jetstream;           /* management, on main */
    pthread_mutex_t lock;       /* of the lists below */
    struct bus_source *sources; /* told of reconnects */
    struct bus_listening *listening;
    struct publishing *publishing;  /* asynchronous publishes whose acks are awaited */
    struct publishing_apart *apart; /* those that nobody waits for */
    uint64_t publishing_next;
    struct bus_subscription acks;             /* of asynchronous publishes */
    char denied[256];                         /* what the server refused us, until somebody asks; "" */
    char inbox_prefix[64];                    /* "_INBOX.<name>": the service's user may subscribe to no other */
    char ack_prefix[BUS_INBOX_BYTES_MAX + 1]; /* "<inbox>." */
};

/* Instead of natsMsg_Destroy; NULL is fine. bus_messages_clear destroys what is kept. */
void bus_message_done(natsMsg *message);
void bus_messages_clear(void);

void bus_inbox(const struct bus *bus, char out[BUS_INBOX_BYTES_MAX]); /* fresh, under our prefix */
bool bus_connection_up(natsConnection *connection);
enum status bus_away(struct error *error);                                         /* RETRY: not connected */
enum status bus_failed(natsStatus problem, const char *what, struct error *error); /* the library's status as ours */
/* Copies a message of the library's into the arena; not its JetStream metadata. */
void bus_message_from(struct arena *arena, natsMsg *from, struct bus_message *out);
/* Reads the stream's numbers out of an ack subject; false when it is none. */
bool bus_metadata_from(const char *reply, struct bus_message *out);
/* NATS is a text protocol: a subject with white space or a header with a line end would be read as something else. */
bool bus_subject_valid(const char *subject);
/* NULL: the subject or a header is not what the bus takes. */
natsMsg *bus_message_to(const char *subject, const char *reply, const void *data, size_t bytes, const char *id,
                        const struct bus_header *headers, size_t header_count);

/* bus_drive.c */
struct bus_driver *bus_driver_new(void);
void bus_driver_free(struct bus_driver *driver); /* its connections are closed */
struct bus_drive *bus_drive_new(struct bus_driver *driver, natsOptions *options);
void bus_drive_connected(struct bus_drive *drive, natsConnection *connection); /* or will be: it is known from now on */
natsStatus bus_drive_publish(struct bus_drive *drive, natsMsg *message);
void bus_drive_free(struct bus_drive *drive); /* accepts NULL; its connection is closed */

/* bus_request.c: one answer, or the status that says why there is none. The question's status members are not used. */
enum status bus_line_request(struct bus *bus, struct bus_line *line, const struct bus_publish *question,
                             int64_t wait_ms, natsMsg **answer, struct error *error);
natsStatus bus_line_publish(const struct bus_line *line, natsMsg *message); /* NULL: what can't be sent */
void bus_line_clear(struct bus_line *line);                                 /* nobody asks any more */
/* bus_publish.c: one message to a stream; sets its status members. */
struct bus_line *bus_line_next(struct bus *bus); /* for publishing one by one */
void bus_publish_over(struct bus *bus, struct bus_line *line, struct bus_publish *message, int64_t wait_ms);

/* What is taken from, of either kind. */
struct bus_source {
    struct bus *bus;
    struct bus_source *next;
    bool pulled; /* else served */
    /* served */
    natsSubscription *served;
    natsMsg *left; /* what did not fit the last batch */
    /* pulled */
    struct bus_subscription subscription;
    struct queue queue;
    char pull_subject[BUS_SUBJECT_BYTES_MAX], info_subject[BUS_SUBJECT_BYTES_MAX], inbox[BUS_INBOX_BYTES_MAX];
    size_t window;
    size_t requested;      /* asked for and not taken yet, queued ones included */
    int64_t pull_ends_us;  /* when the newest pull is over at the latest */
    int64_t pull_pause_us; /* no pull before: the last was refused */
    bool gone;             /* the server says there is no such consumer */
};
struct bus_source *bus_source_new(struct bus *bus, bool pulled);

/* bus_serve.c */
size_t bus_serve_take(struct bus_source *source, struct arena *arena, struct bus_message *out, size_t count_max,
                      size_t bytes_max, int64_t ends_us);
size_t bus_serve_queued(struct bus_source *source);
void bus_serve_end(struct bus_source *source);  /* any thread: nothing new comes; a take under way returns soon */
void bus_serve_stop(struct bus_source *source); /* the same, and what the server has sent already is here on return */
void bus_serve_clear(struct bus_source *source);

void bus_sources_reset(struct bus *bus); /* after a reconnect: outstanding pulls are gone */
/* Its ack comes under this call's id and the message's place in it. */
enum status bus_send_for_ack(struct bus *bus, struct bus_line *line, const struct bus_publish *message, uint64_t id,
                             size_t place, struct error *error);
void bus_apart_answered(struct bus *bus, uint64_t id, size_t place, enum status status);
void bus_apart_close(struct bus *bus);
enum status bus_publish_open(struct bus *bus, struct error *error);
void bus_publish_close(struct bus *bus);
