/*
 * process - what the files of the skeleton share: the one process they run, its threads, and what travels between them.
 *
 * Private to shared/service. A worker's fields belong to its own thread but for those marked shared.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "base/queue.h"
#include "net/bus.h"
#include "net/http.h"
#include "service/service.h"

enum {
    ROUND_WAIT_MS = 1000, /* an idle worker comes round this often */
    BACKOFF_MS_MIN = 100,
    BACKOFF_MS_MAX = 5000,
    DRAIN_WAIT_MS = 5000, /* for outside calls and unreported results */
    CAPACITY_MIN = 64,
    START_QUIET_MS = 3000,   /* so long waiting for others is no news */
    ITEM_ARENA_BYTES = 2048, /* slow routes: thousands of them */
};

/* Something taken and not answered: heartbeats go to its ack subject. In the worker's list, under its lock. */
struct held {
    struct held *next, **at;
    const char *ack_subject;
};

/* The skeleton's side of an item. */
struct slot {
    struct item item; /* first: an item is its slot */
    struct bus_message message;
    struct held held;
    struct worker *worker;
    struct slot *next;   /* in a list of slots */
    struct arena *own;   /* slow routes: all of this item lives there, the slot too */
    bool alone;          /* came before: handled in a batch of its own */
    bool refused_finish; /* jobs.finish refused the result: this is the report of that */
    int64_t taken_us;
    /* parked */
    bool parked;
    struct queue_entry done;
    struct slot *parked_next, **parked_at;
    uint64_t label_hash;
    struct http_call *call; /* under the worker's lock; NULL when over */
    struct http_response response;
    char abort_reason[ERROR_CODE_BYTES_MAX]; /* not in the arena: that is the HTTP client's while parked */
};

struct slot_list {
    struct slot *first, **last;
    size_t count;
};
void slots_init(struct slot_list *list);
void slots_add(struct slot_list *list, struct slot *slot);
struct slot *slots_pop(struct slot_list *list);

/* One thread of one route. */
struct worker {
    const struct route *route;
    const struct subject *subject;
    pthread_t thread;
    struct bus_source *source; /* shared: set before anybody else may see the worker run */
    struct arena *taken;       /* messages and slots, until all of them are answered */
    struct arena *arena;       /* one handling */
    struct arena *scratch;     /* what is composed to say how it went */
    struct db *db;
    size_t batch_max;
    struct batch batch;
    struct item **items; /* batch_max of them */

    struct slot_list again; /* to be handled (streams) or reported (work) again */
    int64_t again_us;       /* when */
    int64_t backoff_ms;     /* 0: all was well */

    struct slot *parked;    /* list of parked slots */
    size_t parked_peak;     /* most of them since memory was last given back */
    struct slot_list later; /* to be resumed again */
    int64_t later_us;       /* when */
    int64_t later_backoff_ms;
    struct queue done;  /* shared: slots whose outside call is over */
    struct queue heard; /* shared: nudges */

    pthread_mutex_t lock; /* of held and of slots' calls */
    struct held *held;    /* shared */
    atomic_size_t held_count, parked_count;
    _Atomic uint64_t handled_count, handled_us, failed_count; /* since the start */
    _Atomic int64_t tick_us;                                  /* shared: when the thread last came round */
    atomic_bool running, saturated;
};

struct duty_thread;

struct process {
    const struct service *service;
    struct bus *bus;
    struct http *http;
    const char *database_url;
    char worker_id[96];
    moment started_at;
    int64_t replicas;
    struct worker *workers;
    atomic_size_t worker_count; /* set when all of them run; shared */
    struct duty_thread *duties;
    atomic_size_t duty_count;
    atomic_bool started; /* connections, migrations, topology and open are done */
    atomic_bool draining;
};
extern struct process process;

/* Of what is usual while everything starts together and worth a look later: debug at first, then warn. */
enum log_level process_waiting_level(void);

/* A pause that grows with every failure: 100 ms doubling to 5 s, with jitter. */
int64_t backoff_next(int64_t *backoff_ms);

/* worker.c */
void workers_start(void);
void workers_join(void);                             /* drains them */
void workers_close(void);                            /* when neither pulse nor listeners see them any more */
struct db *process_db(const char *part);             /* a connection of its own, or NULL without database */
size_t worker_capacity(const struct worker *worker); /* jobs it holds at most */
/* Without its database nothing is handled: RETRY, each. */
void worker_handle(struct worker *worker, void (*handle)(struct batch *batch), struct slot **slots, size_t count);
void worker_again_later(struct worker *worker, struct slot *slot);

/* session.c */
void session_open(void);
void session_close(void);
struct db *session_take(struct db *own); /* the common one if it is free, else own; NULL without database */
void session_give(struct db *db);        /* what was taken */

/* held.c */
void held_add(struct slot *slot);
void held_remove(struct slot *slot);
void held_progress(struct worker *worker); /* any thread */

/* stream.c, work.c, calls.c: one per carrier */
void stream_take(struct worker *worker, const struct bus_message *messages, size_t count);
void stream_again(struct worker *worker);
void work_take(struct worker *worker, const struct bus_message *messages, size_t count);
void work_again(struct worker *worker);
void work_settle(struct worker *worker, struct slot **slots, size_t count);
void work_give_back(struct slot *slot);
void calls_take(struct worker *worker, const struct bus_message *messages, size_t count);

/* finish.c */
Pb__JobFinish *finish_of(struct item *item); /* the item's, made when there is none */
void finish_compose(struct slot *slot);      /* from the item's status and error */

/* parked.c */
void parked_resume(struct worker *worker);
void parked_abandon(struct worker *worker);
bool parked_full(const struct worker *worker);
size_t parked_max(const struct route *route);

/* hear.c */
enum status hear_open(struct worker *worker, struct error *error);
void hear_all(struct worker *worker);
void hear_close(struct worker *worker);

/* quarantine.c: OK when the message is kept for a person */
enum status quarantine_message(struct arena *arena, const struct bus_message *message, const struct error *why,
                               const char *route);

/* keeper.c: streams we own and consumers we take from */
void keeper_start(void);
void keeper_stop(void);
void keeper_look(void); /* something is missing: look at once */
bool keeper_well(void); /* all of them are there */

/* stranded.c: looks now and then; the keeper calls it each time it has looked */
void stranded_look(void);

/* pulse.c: heartbeats and capacity */
void pulse_open(void); /* before anybody says pulse_changed */
void pulse_start(void);
void pulse_stop(void);
void pulse_changed(void);

/* duty.c */
void duties_start(void);
void duties_stop(void);
void duties_close(void); /* when no listener sees them any more */
bool duties_well(void);

/* probe.c: an exit code */
int probe_run(int64_t port);

/* admin.c, micro.c */
enum status admin_open(const char *listen, int64_t port, struct error *error);
int admin_port(void);
void admin_close(void);
enum status micro_open(struct error *error);
void micro_close(void);
const char *micro_answer(struct arena *arena, const char *subject); /* NULL: not meant for us */

/* measures.c: the skeleton's metrics */
extern struct metric measure_batch_items, measure_handle_seconds, measure_stage_seconds, measure_in_flight,
    measure_parked, measure_items, measure_retries, measure_rejects, measure_quarantined, measure_queue_age_seconds,
    measure_vanished, measure_stranded, measure_started, measure_dropped, measure_bus_up;
