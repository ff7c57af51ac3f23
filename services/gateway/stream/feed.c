#include "stream/feed.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "rules.h"
#include "stream/hub.h"
#include "wire/pbjson.h"

enum {
    PAGE_EVENTS = 200,
    LOOK_MS = 1000,    /* nobody nudged */
    UNSETTLED_MS = 10, /* a transaction still runs in front of what is known */
    TROUBLE_MS = 250,
};

static const struct duty *feed_row;
static struct arena *passing, *typings; /* of what is passed on; one subscription, one thread */

void feed_register(const struct duty *row)
{
    feed_row = row;
}

void feed_wake(void)
{
    duty_wake(feed_row);
}

void feed_hear(const void *message)
{
    const Pb__EventsNudge *nudge = message;
    for (size_t i = 0; i < nudge->n_company_ids; i++)
        hub_due(nudge->company_ids[i]);
}

/* -- as they go out */

/* Lines of the document would be lines of the stream. */
static struct frame frame_of(struct arena *arena, const Pb__StreamEvent *event, const char *id)
{
    struct buffer out = { .arena = arena };
    if (id != NULL)
        buffer_format(&out, "id: %s\n", id);
    buffer_format(&out, "event: %s\ndata: ", event->type);
    size_t from = out.bytes;
    pbjson_write_shown(&out, &event->base, rules_shown);
    for (size_t i = from; i < out.bytes; i++)
        if (out.text[i] == '\n' || out.text[i] == '\r')
            out.text[i] = ' ';
    buffer_add(&out, "\n\n");
    return (struct frame){ .lead_id = event->lead_id, .type = event->type, .text = out.text, .bytes = out.bytes };
}

static void tell(struct arena *arena, const struct hub_want *want, const Pb__EventPage *page)
{
    struct frame *frames = ARENA_ARRAY(arena, struct frame, page->n_items + 1);
    for (size_t i = 0; i < page->n_items; i++)
        frames[i] = frame_of(arena, page->items[i], page->items[i]->id);
    hub_tell(want, frames, page->n_items, page->through_number, page->more || page->unsettled);
}

/* -- asking */

static Pb__EventPageRequest *request_of(struct arena *arena, const struct hub_want *want)
{
    Pb__EventPageRequest *request = PB_NEW(arena, event_page_request);
    PB_SET(request, after_number, want->after);
    PB_SET(request, limit, PAGE_EVENTS);
    if (want->listener != 0) {
        PB_SET(request, upto_number, want->upto);
        filter_ask(&want->filter, arena, request);
    }
    return request;
}

static int64_t again_ms(const Pb__EventPage *page)
{
    if (page->more)
        return 0;
    return page->unsettled ? UNSETTLED_MS : LOOK_MS;
}

static int64_t ask_all(struct arena *arena, const struct hub_want *wants, size_t count)
{
    struct call *calls = ARENA_ARRAY(arena, struct call, count + 1);
    int64_t soonest_ms = LOOK_MS;
    for (size_t i = 0; i < count; i++) {
        calls[i].caller = (struct caller){ .company_id = wants[i].company_id, .correlation_id = "", .traceparent = "" };
        calls[i].request = request_of(arena, &wants[i]);
    }
    ask_whole(arena, &STORE_EVENT_PAGE, calls, count);
    for (size_t i = 0; i < count; i++) {
        int64_t ms = TROUBLE_MS;
        if (calls[i].status == OK) {
            tell(arena, &wants[i], calls[i].reply);
            ms = again_ms(calls[i].reply);
        } else if (wants[i].listener == 0)
            hub_due(wants[i].company_id);
        soonest_ms = ms < soonest_ms ? ms : soonest_ms;
    }
    return soonest_ms;
}

int64_t feed_run(struct batch *batch)
{
    static moment looked_at;
    struct hub_want *wants = NULL;
    if (batch->now - looked_at >= LOOK_MS || batch->now < looked_at) {
        looked_at = batch->now;
        hub_due(NULL);
    }
    size_t count = hub_heads(batch->arena, &wants);
    int64_t heads_ms = ask_all(batch->arena, wants, count);
    count = hub_laggards(batch->arena, &wants);
    int64_t laggards_ms = ask_all(batch->arena, wants, count);
    return heads_ms < laggards_ms ? heads_ms : laggards_ms;
}

/* -- what is in no log */

static void on_event(void *context, const struct bus_message *message)
{
    void *decoded = NULL;
    (void)context;
    arena_reset(passing);
    if (pb_unpack(passing, &pb__event__descriptor, message->data, message->bytes, &decoded, NULL) != OK)
        return;
    const Pb__Event *from = decoded;
    Pb__StreamEvent *event = PB_NEW(passing, stream_event);
    if (text_empty(from->company_id) || text_empty(from->type))
        return;
    event->id = from->id;
    event->type = from->type;
    event->lead_id = from->lead_id;
    event->entity_type = from->entity_type;
    event->entity_id = from->entity_id;
    event->payload = from->payload;
    event->actor = from->actor;
    event->correlation_id = from->correlation_id;
    PB_SET(event, occurred_at, from->occurred_at);
    PB_SET(event, admitted_at, from->admitted_at);
    struct frame frame = frame_of(passing, event, NULL);
    hub_pass(from->company_id, &frame);
}

/* Somebody writes: shown for as long as it says, and nothing that happened. */
static void on_typing(void *context, const struct bus_message *message)
{
    struct arena *arena = typings;
    void *decoded = NULL;
    (void)context;
    arena_reset(arena);
    if (pb_unpack(arena, NUDGE_TYPING.request, message->data, message->bytes, &decoded, NULL) != OK)
        return;
    const Pb__TypingNudge *typing = decoded;
    struct buffer data = { .arena = arena };
    if (text_empty(typing->company_id))
        return;
    pbjson_write(&data, &typing->base);
    const char *text = text_format(arena, "event: " FILTER_TYPING "\ndata: %s\n\n", buffer_text(&data));
    const struct frame frame = {
        .lead_id = typing->lead_id, .type = FILTER_TYPING, .text = text, .bytes = strlen(text)
    };
    hub_pass(typing->company_id, &frame);
}

enum status feed_open(struct error *error)
{
    passing = arena_new(0);
    typings = arena_new(0);
    TRY(bus_listen(service_bus(), NUDGE_TYPING.name, on_typing, NULL, error));
    return bus_listen(service_bus(), EVENTS_OF_JOBS.name, on_event, NULL, error);
}
