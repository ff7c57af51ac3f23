/*
 * bus_private - what bus.c and the bus_*.c files share. Nobody else includes it: nats.h ends here.
 *
 * A process has one connection, which bus_drive.c reads and writes. What is sent leaves at once, or is gathered: then
 * it leaves with the next that does, or when the driver comes round.
 */
#pragma once
#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/queue.h"
#include "net/bus.h"

enum { BUS_SUBJECT_BYTES_MAX = 512, BUS_INBOX_BYTES_MAX = 128 };

/* bus_listen.c: a subscription whose messages the driver passes on, on its own thread. The handler must not block; it
 * owns the message. */
typedef void bus_handler(void *context, natsMsg *message);
struct bus_subscription {
    struct bus_subscription *next;
    natsSubscription *handle;
    bus_handler *handler;
    void *context;
};
natsStatus bus_subscribe(struct bus *bus, struct bus_subscription *subscription, const char *subject,
                         bus_handler *handler, void *context);
void bus_unsubscribe(struct bus *bus, struct bus_subscription *subscription); /* on return its handler is not called */
bool bus_subscription_queues(natsSubscription *handle);
/* False: nothing is here. A message that is NULL says that nobody heard what was asked. */
bool bus_subscription_next(natsSubscription *handle, natsMsg **message);
/* What was read goes where it is taken from; the driver also calls the handlers. Whoever else reads passes on what is
 * pulled only, and is told whether something is left for the driver. */
void bus_pass_on(struct bus *bus);
bool bus_pass_on_pulled(struct bus *bus);

struct bus_listening; /* bus_listen's own */

struct bus {
    natsConnection *connection;
    struct bus_drive *drive;
    struct bus_asker *askers; /* nobody asks with them now; under lock */
    atomic_int asking;        /* who waits for an answer now */
    jsCtx *jetstream;         /* management */
    pthread_mutex_t passing;  /* of the subscriptions, and held while a handler runs */
    struct bus_subscription *subscriptions;
    pthread_mutex_t lock;       /* of the lists below; may be taken under passing */
    struct bus_source *sources; /* told of reconnects */
    struct bus_listening *listening;
    struct publishing *publishing;  /* asynchronous publishes whose acks are awaited */
    struct publishing_apart *apart; /* those that nobody waits for */
    uint64_t publishing_next;
    natsSubscription *acks;                   /* of asynchronous publishes */
    struct queue acks_over;                   /* woken when the last of their handlers has returned */
    char denied[256];                         /* what the server refused us, until somebody asks; "" */
    char inbox_prefix[64];                    /* "_INBOX.<name>": the service's user may subscribe to no other */
    char ack_prefix[BUS_INBOX_BYTES_MAX + 1]; /* "<inbox>." */
};

/* Instead of natsMsg_Destroy; NULL is fine. bus_messages_clear destroys what is kept. */
void bus_message_done(natsMsg *message);
void bus_messages_clear(void);

void bus_inbox(const struct bus *bus, char out[BUS_INBOX_BYTES_MAX]); /* fresh, under our prefix */
bool bus_connection_up(const struct bus *bus);
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
struct bus_drive *bus_drive_new(struct bus *bus, natsOptions *options);
void bus_drive_connected(struct bus_drive *drive, natsConnection *connection); /* or will be: it is known from now on */
void bus_drive_ring(struct bus_drive *drive);                                  /* the driver passes on what is here */
void bus_drive_stop(struct bus_drive *drive);                                  /* before its connection is destroyed */
void bus_drive_free(struct bus_drive *drive); /* accepts NULL; stopped, its connection destroyed */
/* At once, with all that is buffered. */
natsStatus bus_drive_publish(struct bus_drive *drive, natsMsg *message);
natsStatus bus_drive_send(struct bus_drive *drive, const char *subject, const char *reply, const void *data,
                          size_t bytes);
/* With others; waits while far too much is buffered. */
natsStatus bus_drive_gather(struct bus_drive *drive, natsMsg *message);
/* Who leads reads instead of the driver, until he follows again; false: somebody else does. A read waits for something
 * to come, returns when anything has, or nothing for a while, and calls no handlers. */
bool bus_drive_lead(struct bus_drive *drive);
void bus_drive_read(struct bus_drive *drive, int64_t wait_ms);
void bus_drive_follow(struct bus_drive *drive);

/* bus_request.c: one answer, or the status that says why there is none. The question's status members are not used. */
enum status bus_ask(struct bus *bus, const struct bus_publish *question, int64_t wait_ms, natsMsg **answer,
                    struct error *error);
void bus_askers_clear(struct bus *bus); /* nobody asks any more */
/* bus_publish.c: one message to a stream; sets its status members. */
void bus_publish_alone(struct bus *bus, struct bus_publish *message, int64_t wait_ms);

/* What is taken from, of either kind. */
struct bus_source {
    struct bus *bus;
    struct bus_source *next;
    bool pulled; /* else served */
    /* served */
    natsSubscription *served;
    natsMsg *left; /* what did not fit the last batch */
    /* pulled */
    natsSubscription *inbound;
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
void bus_sources_fill(struct bus *bus);  /* what was read goes into the queues of those that pull */
/* Its ack comes under this call's id and the message's place in it; gathered or at once. */
enum status bus_send_for_ack(struct bus *bus, const struct bus_publish *message, uint64_t id, size_t place,
                             bool gathered, struct error *error);
void bus_apart_answered(struct bus *bus, uint64_t id, size_t place, enum status status);
void bus_apart_close(struct bus *bus);
enum status bus_publish_open(struct bus *bus, struct error *error);
void bus_publish_close(struct bus *bus);
