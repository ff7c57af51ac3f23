#include "stream/stream.h"

#include <string.h>

#include "base/text.h"
#include "stream/feed.h"
#include "stream/hub.h"
#include "transcode.h"

enum { FULL_WAIT_MS = 5000 };

/* A browser that comes again sends the header with the address of the first time. */
static void prefer_header(const struct exchange *exchange, Pb__EventStreamRequest *request)
{
    const char *last = web_header(exchange->request, "Last-Event-ID");
    if (!text_empty(last))
        request->after = text_lower(exchange->arena, last);
    else if (request->after != NULL)
        request->after = text_lower(exchange->arena, request->after);
}

/* The first lines tell where the stream begins: who is cut off before an event came resumes there. */
static void answer(struct exchange *exchange, const Pb__EventFound *found)
{
    struct buffer out = { .arena = exchange->arena };
    buffer_add(&out, "retry: 1000\n");
    if (!text_empty(found->id))
        buffer_format(&out, "id: %s\n", found->id);
    buffer_add(&out, "\n");
    exchange_header(exchange, "X-Accel-Buffering: no"); /* a proxy that gathers would hold events back */
    exchange_answer(exchange, 200, "text/event-stream", out.text, out.bytes);
}

static enum status find(struct exchange *exchange, const Pb__EventStreamRequest *request, Pb__EventFound **out,
                        struct error *error)
{
    void *reply = NULL;
    TRY(ask_one(exchange->arena, &STORE_EVENT_FIND, &exchange->caller, request, &reply, error));
    *out = reply;
    return OK;
}

void stream_get(struct exchange *exchange)
{
    struct error error = { 0 };
    struct filter filter;
    struct listener *listener = NULL;
    ProtobufCMessage *read = NULL;
    Pb__EventFound *found = NULL;
    EXCHANGE_TRY(exchange, transcode_request(exchange, &pb__event_stream_request__descriptor, &read, &error));
    Pb__EventStreamRequest *request = (Pb__EventStreamRequest *)read;
    prefer_header(exchange, request);
    EXCHANGE_TRY(exchange, filter_read(request, &filter, &error));
    EXCHANGE_TRY(exchange, find(exchange, request, &found, &error));
    if (strcmp(exchange->request->method, "HEAD") == 0) {
        answer(exchange, found);
        return;
    }
    exchange->retry_after_ms = FULL_WAIT_MS;
    EXCHANGE_TRY(exchange, hub_admit(exchange->caller.company_id, exchange->key.id, &filter, &listener, &error));
    hub_begin(listener, found->number, found->settled_number);
    answer(exchange, found);
    exchange->response->take = hub_take;
    exchange->response->taken = listener;
    feed_wake();
}
