/*
 * settle_parked - receipts that came before their message's id was known: taken from where they wait, and applied at
 * once.
 *
 * Park and settle may cross; what is missed here is found by the sweep.
 */
#pragma once
#include "core/event.h"
#include "core/hold.h"

struct parked_list {
    struct arena *arena;
    struct parked_wish {
        const struct held_message *message;
        const char *external_id;
        Pb__SendSettled *reply; /* its status follows */
    } * wishes;
    size_t count, capacity;
    struct ids looked; /* the provider's ids that are asked for */
    struct rows found; /* of them those that something is parked under */
};

/* Which ids have something parked, queued with the locks: mostly none, and then there is nothing to take. */
void parked_look(struct parked_list *list, const char *external_id);
void parked_look_queue(struct batch *batch, struct parked_list *list);
void parked_want(struct parked_list *list, const struct held_message *message, const char *external_id,
                 Pb__SendSettled *reply);
enum status parked_apply(const struct parked_list *list, struct event_list *events, struct error *error);
