/*
 * client - asking other services and publishing, with the caller's ids copied along.
 *
 * Every request is a batch with one status per item; asking again under the same key is always harmless. Usable from
 * any thread of a process that runs under service_main.
 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include "base/moment.h"
#include "service/topology.h"

/* On whose behalf, and in which causal chain. Texts may be "" but not NULL. */
struct caller {
    const char *company_id;
    const char *correlation_id;
    const char *traceparent;
};

struct call {
    struct caller caller;
    const void *request; /* of the subject's request type */
    void *reply;         /* set with OK; of the subject's reply type, in the arena */
    enum status status;  /* RETRY also when nobody answered */
    struct error error;
};

/* One request per BATCH_ITEMS_MAX or BATCH_BYTES_MAX, in order; blocks up to REQUEST_WAIT_MS in all. */
void ask(struct arena *arena, const struct subject *subject, struct call *calls, size_t count);
/* As ask, and asks again for what did not fit into a reply (reply_full): replies may be large. */
void ask_whole(struct arena *arena, const struct subject *subject, struct call *calls, size_t count);
/* It failed because the house itself is away: no fault of what was asked. */
bool call_away(const struct call *call);
/* A single one. */
enum status ask_one(struct arena *arena, const struct subject *subject, const struct caller *caller,
                    const void *request, void **reply, struct error *error);
/* jobs.enqueue for all of them; status of the worst. replies (may be NULL) gets one JobEnqueued per job. */
enum status ask_enqueue(struct arena *arena, Pb__JobSpec *const *jobs, size_t count, Pb__JobEnqueued ***replies,
                        struct error *error);

/* Best effort. */
void nudge(struct arena *arena, const struct subject *subject, const void *message);

/* The process's bus, for publishing to streams. */
struct bus *service_bus(void);
/* As bus_publish_all for one packed message with the caller's ids as headers; id NULL: none. */
enum status publish_one(struct arena *arena, const char *subject, const char *id, const struct caller *caller,
                        const void *message, bool *duplicate, struct error *error);
