#include "mark.h"

#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"
#include "send.h"

enum { MARK_WAIT_MS = 5000 };

static void call(struct batch *batch, struct item *item, const Pb__Mark *mark)
{
    const Pb__MarkParams *params = item->params;
    const char *url = NULL, *bearer = NULL;
    struct error error = { 0 };
    if (text_empty(mark->external_id)) {
        item_complete(item, "{\"outcome\":\"skipped\",\"reason\":\"no_external_id\"}");
        return;
    }
    if (send_reach(batch->arena, mark->account, mark->credentials, &url, &bearer, &error) != OK) {
        item_complete(item, text_format(item->arena, "{\"outcome\":\"skipped\",\"reason\":\"%s\"}", error.code));
        return;
    }
    const char *headers[] = { "Content-Type: application/json",
                              text_format(batch->arena, "Authorization: Bearer %s", bearer), NULL };
    const char *body = whatsapp_cloud_mark(batch->arena, mark->external_id, params->typing);
    item_call(item, &(struct http_request){ .method = "POST",
                                            .url = url,
                                            .headers = headers,
                                            .body = body,
                                            .body_bytes = strlen(body),
                                            .wait_ms = MARK_WAIT_MS });
}

void mark_start(struct batch *batch)
{
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, batch->count + 1);
    for (size_t i = 0; i < batch->count; i++) {
        const Pb__MarkParams *params = batch->items[i]->params;
        Pb__MarkRequest *request = PB_NEW(batch->arena, mark_request);
        request->message_id = params->message_id;
        calls[i] = (struct call){ .caller = batch->items[i]->caller, .request = request };
    }
    ask_whole(batch->arena, &STORE_MESSAGE_MARK, calls, batch->count);
    for (size_t i = 0; i < batch->count; i++)
        if (calls[i].status == OK)
            call(batch, batch->items[i], calls[i].reply);
        else
            item_fail(batch->items[i], calls[i].status, calls[i].error.code, "%s", calls[i].error.text);
}

/* Meta away: a read mark is told later, an indicator (which has one attempt) is over. */
static void tell(struct item *item)
{
    const Pb__MarkParams *params = item->params;
    const struct http_response *response = item->response;
    bool unwell = response->end != HTTP_ANSWERED || response->status >= 500 || response->status == 429;
    if (response->end == HTTP_ANSWERED && response->status == 200)
        item_complete(item, params->typing ? "{\"outcome\":\"typing\"}" : "{\"outcome\":\"read\"}");
    else if (unwell && !params->typing)
        item_fail(item, RETRY, "unreachable_provider", "Meta did not take the mark: status %ld", response->status);
    else
        item_complete(item, text_format(item->arena, "{\"outcome\":\"refused\",\"status\":%ld}", response->status));
}

void mark_told(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        tell(batch->items[i]);
}
