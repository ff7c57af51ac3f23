/*
 * service - the skeleton every process is handed to.
 *
 * A service is a table of routes. A route takes batches from one subject, on one thread, with one arena and one
 * database connection; its handler gives each item one answer: OK, RETRY or REJECT (the default is OK). Decoding, acks,
 * replies, job results, retries, heartbeats, quarantine, logging, metrics, signals and drain are the skeleton's.
 *
 * A handler never publishes, acks or keeps a pointer past its batch.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/moment.h"
#include "base/setting.h"
#include "net/db.h"
#include "net/http.h"
#include "service/client.h"
#include "service/metrics.h"
#include "service/topology.h"
#include "wire/pb.h"

/* One message, call or job, and the answer it gets. */
struct item {
    const void *message;  /* decoded, of the subject's request type; for work the Pb__JobDispatch. Never NULL */
    const void *params;   /* work with a request type: its params, decoded; else NULL */
    struct caller caller; /* whose: company, correlation, trace; empty text where unknown */
    uint64_t sequence;    /* stream items: the stream's */
    struct arena *arena;  /* lives until the item is answered: the batch's, or its own in a slow route */

    /* the answer, set by the handler */
    enum status status; /* OK unless said otherwise */
    struct error error;
    const ProtobufCMessage *reply; /* calls: of the subject's reply type, required with OK; in the item's arena */
    Pb__JobFinish *finish;         /* work: made by item_* below; NULL with OK: completed without a result */

    /* slow routes */
    void *state;                          /* the handler's own, from handle to resume; in the item's arena */
    const struct http_response *response; /* resume only: how the call ended */
    const char *label;                    /* what route_abort finds it by; set before item_call */
    struct slot *slot;                    /* the skeleton's */
};

struct batch {
    struct arena *arena; /* reset after the batch */
    struct db *db;       /* NULL unless the service has a database */
    moment now;          /* the batch's clock */
    struct item **items;
    size_t count;
    struct worker *worker; /* the skeleton's */
};

struct route {
    const struct subject *takes; /* NULL ends the table */
    void (*handle)(struct batch *batch);
    void (*resume)(struct batch *batch); /* slow routes: items whose outside call is over */
    /* slow routes: of an item that is given back unfinished when the process ends, what isn't in its arena; may be NULL
     */
    void (*let_go)(struct item *item);
    /* hears: nudges delivered on the route's own thread, between batches */
    const struct subject *hears;
    void (*hear)(struct batch *batch, const void *message);
    size_t batch_max;  /* items; 0: BATCH_ITEMS_MAX */
    size_t parked_max; /* slow routes: calls in flight of each copy; 0: PARKED_MAX */
    unsigned threads;  /* copies of the route in this process, each with calls and nudges of its own; 0: 1 */
};

/* Something done again and again beside the routes, on a thread of its own: a relay, a sweep, a dispatcher. */
struct duty {
    const char *name; /* NULL ends the table */
    /* Returns how many ms until it wants to run again: 0 at once; never more than 60000. Woken earlier by duty_wake or
     * by `hears`. */
    int64_t (*run)(struct batch *batch); /* batch without items */
    const struct subject *hears;         /* NULL: none. A nudge on it wakes the duty */
    void (*hear)(const void *message);   /* called on a library thread before the wake; may be NULL; must be quick and
                                            thread-safe */
    void (*stop)(struct batch *batch);   /* on drain; may be NULL */
    int64_t apart_ms;                    /* wakes so soon after the first one do for one run together; under 1000 */
};

struct service {
    const char *name;
    const char *help; /* one line */
    const struct setting *settings,
        *own_settings;          /* both may be NULL: those of a part that several services share, and the rest */
    const struct route *routes; /* may be NULL */
    const struct duty *duties;  /* may be NULL */
    bool database;              /* DATABASE_URL is read; each thread gets a connection */
    const char *schema;         /* of its migrations */
    const struct migration *migrations;
    size_t migration_count;
    bool http; /* makes outside calls */
    /* After the settings, before anything is connected: what one setting alone can't tell. REJECT stops the start. May
     * be NULL. */
    enum status (*check)(struct error *error);
    /* After settings and connections, before the routes run; REJECT stops the start. All may be NULL. */
    enum status (*open)(struct batch *batch, struct error *error);
    void (*close)(void);                       /* after the routes have stopped */
    enum status (*ready)(struct error *error); /* asked by /readyz beside bus and database; quick */
    int (*command)(int argc, char **argv); /* arguments other than --help and --version; its result is the exit code */
};

/* For a command: connects the bus, so that ask_one works. RETRY: the broker did not answer within 5 s. */
enum status service_connect(struct error *error);
void service_disconnect(void);

int service_main(int argc, char **argv, const struct service *service);

/* -- answers */

void item_fail(struct item *item, enum status status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Work. result is JSON text or NULL. */
void item_complete(struct item *item, const char *result_json);
void item_retry_after(struct item *item, int64_t retry_after_ms); /* beside RETRY: the provider's own wait */
void item_defer(struct item *item, moment until);                 /* not yet; costs no attempt */
void item_coalesce(struct item *item, const char *into_key, int64_t delay_ms); /* superseded by the job of that key */
void item_children(struct item *item, Pb__JobSpec *const *jobs, size_t count); /* enqueued with the result */

/* -- outside calls of slow routes */

/* Parks the item: its answer is given in resume. The request is copied; the item's arena is the call's until then. */
void item_call(struct item *item, const struct http_request *request);
/*
 * Instead of an answer, when what must be told of the item can't be told yet: the item stays held, under heartbeats,
 * and comes to resume again after a pause that grows with every time. Its response (NULL without a call) and its state
 * are as they were.
 */
void item_resume_later(struct item *item);
/* On the route's thread: every parked item with that label has its call aborted; reason ends up in response->error.
 * Returns how many. */
size_t route_abort(struct batch *batch, const char *label, const char *reason);

/* -- duties */
void duty_wake(const struct duty *duty); /* any thread */

/* -- what the process knows of itself */
const char *service_worker_id(void); /* "<service>-<8 hex>", of this process */
bool service_draining(void);
bool service_bus_connected(void);
/* Streams that were re-created because they had vanished since this process started; count and names for /health. */
size_t service_vanished(const char *const **names);
