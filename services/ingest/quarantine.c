#include "quarantine.h"

#include <string.h>

#include "base/ident.h"
#include "base/text.h"

enum { ITEMS = 10, ITEMS_MAX = 1000, REPLAY_MS_MAX = 2000, PUBLISH_WAIT_MS = 1000 };

static const char PREFIX[] = "quarantine.";

struct replay {
    struct arena *arena;
    Pb__QuarantineReplayReply *reply;
    const char *stream;
};

/* The stream that keeps what is set aside. */
static const char *quarantine_stream(struct arena *arena)
{
    const char *subject = topology_quarantine_subject(arena, ">");
    for (size_t i = 0; TOPOLOGY_STREAMS[i]; i++)
        if (text_same(TOPOLOGY_STREAMS[i]->subjects[0], subject))
            return TOPOLOGY_STREAMS[i]->name;
    return NULL;
}

/* Without the reason it was set aside for, which is over, and without orders to the server, such as an old id. */
static size_t headers_kept(const struct bus_message *message, struct bus_header *out)
{
    static const char *const DROPPED[] = { "Nats-", "Parley-Error", "Parley-Code", "Parley-Subject" };
    size_t count = 0;
    for (size_t i = 0; i < message->header_count; i++) {
        bool dropped = false;
        for (size_t d = 0; d < sizeof DROPPED / sizeof *DROPPED; d++)
            dropped = dropped || text_starts(message->headers[i].name, DROPPED[d]);
        if (!dropped)
            out[count++] = message->headers[i];
    }
    return count;
}

static enum status put_back(struct replay *replay, const struct bus_message *message, struct error *error)
{
    struct bus_header *headers = ARENA_ARRAY(replay->arena, struct bus_header, message->header_count);
    struct bus_publish publish = { .subject = message->subject + strlen(PREFIX),
                                   .data = message->data,
                                   .bytes = message->bytes,
                                   .id = ident_fresh(replay->arena),
                                   .headers = headers,
                                   .header_count = headers_kept(message, headers) };
    bus_publish_all(service_bus(), &publish, 1, PUBLISH_WAIT_MS);
    if (publish.status != OK) {
        *error = publish.error;
        return publish.status;
    }
    replay->reply->subjects[replay->reply->n_subjects++] = arena_text(replay->arena, publish.subject);
    replay->reply->replayed++;
    return bus_stream_delete_message(service_bus(), replay->stream, message->sequence, error);
}

/* Only what came in goes back: a dispatch of a job is the scheduler's to send again. */
static enum status replay_one(struct replay *replay, uint64_t sequence, struct error *error)
{
    struct bus_message message;
    TRY(bus_stream_read(service_bus(), replay->arena, replay->stream, sequence, &message, error));
    if (!message.data || !text_starts(message.subject, "quarantine.inbound."))
        return OK;
    return put_back(replay, &message, error);
}

static enum status replay_all(struct replay *replay, int32_t items_max, struct error *error)
{
    struct bus_stream_state state;
    int64_t ends_us = moment_monotonic_us() + REPLAY_MS_MAX * 1000LL;
    TRY(bus_stream_state(service_bus(), replay->stream, &state, error));
    for (uint64_t sequence = state.first_sequence; sequence <= state.last_sequence && state.messages > 0; sequence++) {
        if (replay->reply->replayed >= items_max || moment_monotonic_us() > ends_us)
            break;
        TRY(replay_one(replay, sequence, error));
    }
    return OK;
}

static void answer(struct item *item)
{
    const Pb__QuarantineReplayRequest *request = item->message;
    int32_t items_max = request->has_max_items ? request->max_items : ITEMS;
    struct replay replay = { .arena = item->arena,
                             .reply = PB_NEW(item->arena, quarantine_replay_reply),
                             .stream = quarantine_stream(item->arena) };
    if (items_max < 1 || items_max > ITEMS_MAX) {
        item_fail(item, REJECT, "bad_value", "max_items must be 1 to %d", ITEMS_MAX);
        return;
    }
    replay.reply->subjects = ARENA_ARRAY(item->arena, char *, (size_t)items_max);
    PB_SET(replay.reply, replayed, 0);
    item->reply = &replay.reply->base;
    item->status = replay_all(&replay, items_max, &item->error);
    if (item->status != OK && replay.reply->replayed > 0) /* what went back is told; the rest stays for the next time */
        item->status = OK;
}

void quarantine_replay(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        answer(batch->items[i]);
}
