#include "templates.h"

#include <string.h>

#include "base/text.h"
#include "channels/whatsapp_cloud_graph.h"
#include "channels/whatsapp_cloud_template.h"
#include "send.h"

enum {
    PAGE = 100,
    PAGES_MAX = 200,
    LIST_WAIT_MS = 20 * SECOND_MS,
    LIST_BYTES_MAX = 4 * 1024 * 1024,
    AWAY_WAIT_MS = 2000
};

/* In the item's arena. */
struct listing {
    const Pb__TemplateAccounts *accounts;
    size_t account;
    moment started_at;
    int pages;
    int64_t changed;
};

static const Pb__TemplateAccount *account_of(const struct listing *listing)
{
    return listing->accounts->items[listing->account];
}

/* The next page of the account, or its first. */
static void ask_page(struct item *item, const char *after)
{
    const struct listing *listing = item->state;
    const Pb__TemplateAccount *account = account_of(listing);
    const char *url, *bearer;
    struct error error = { 0 };
    if (send_address(item->arena, account->account_group, account->credentials, "message_templates", &url, &bearer,
                     &error) != OK) {
        item_fail(item, REJECT, error.code, "%s", error.text);
        return;
    }
    const char **headers = ARENA_ARRAY(item->arena, const char *, 2);
    headers[0] = text_format(item->arena, "Authorization: Bearer %s", bearer);
    item_call(item, &(struct http_request){ .method = "GET",
                                            .url = text_format(item->arena, "%s?limit=%d%s%s", url, PAGE,
                                                               after ? "&after=" : "", text_or(after, "")),
                                            .headers = headers,
                                            .wait_ms = LIST_WAIT_MS,
                                            .response_bytes_max = LIST_BYTES_MAX });
}

static void finish(struct item *item)
{
    const struct listing *listing = item->state;
    item_complete(item,
                  text_format(item->arena, "{\"outcome\":\"synced\",\"accounts\":%zu,\"pages\":%d,\"changed\":%lld}",
                              listing->accounts->n_items, listing->pages, (long long)listing->changed));
}

static void begin(struct item *item, const Pb__TemplateAccounts *accounts, moment now)
{
    struct listing *listing = item->state = ARENA_NEW(item->arena, struct listing);
    ProtobufCBinaryData packed;
    void *kept = NULL;
    pb_pack(item->arena, accounts, &packed); /* the answer is the batch's, the list is the item's */
    if (pb_unpack(item->arena, &pb__template_accounts__descriptor, packed.data, packed.len, &kept, &item->error) !=
        OK) {
        item->status = REJECT;
        return;
    }
    *listing = (struct listing){ .accounts = kept, .started_at = now };
    if (accounts->n_items == 0)
        item_complete(item, "{\"outcome\":\"no_account\"}");
    else
        ask_page(item, NULL);
}

void templates_start(struct batch *batch)
{
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, batch->count);
    for (size_t i = 0; i < batch->count; i++)
        calls[i] = (struct call){ .caller = batch->items[i]->caller,
                                  .request = PB_NEW(batch->arena, template_accounts_request) };
    ask_whole(batch->arena, &STORE_TEMPLATE_ACCOUNTS, calls, batch->count);
    for (size_t i = 0; i < batch->count; i++)
        if (calls[i].status == OK)
            begin(batch->items[i], calls[i].reply, batch->now);
        else if (call_away(&calls[i]))
            item_defer(batch->items[i], batch->now + AWAY_WAIT_MS);
        else
            item_fail(batch->items[i], calls[i].status, calls[i].error.code, "%s", calls[i].error.text);
}

/* -- one page */

/* Cursors are Meta's text: only what an address can hold goes into one. */
static bool cursor_fits(const char *after)
{
    return strspn(after, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.~") == strlen(after);
}

static void next(struct item *item, const char *after)
{
    struct listing *listing = item->state;
    if (after && listing->pages >= PAGES_MAX)
        item_fail(item, REJECT, "too_many_pages", "the list of templates does not end");
    else if (after && !cursor_fits(after))
        item_fail(item, REJECT, "unreadable", "the list's cursor can't be used");
    else if (after)
        ask_page(item, arena_text(item->arena, after));
    else if (++listing->account < listing->accounts->n_items)
        ask_page(item, NULL);
    else
        finish(item);
}

static void take(struct batch *batch, struct item *item)
{
    struct listing *listing = item->state;
    const struct http_response *response = item->response;
    struct whatsapp_cloud_template_page page;
    struct error error = { 0 };
    void *reply = NULL;
    if (response->end != HTTP_ANSWERED) {
        item_fail(item, RETRY, "unreachable_provider", "%s", response->error.text);
        return;
    }
    enum status status = whatsapp_cloud_template_page_read(batch->arena, response->status, response->body,
                                                           response->body_bytes, &page, &error);
    if (status == OK) {
        Pb__TemplateRecordRequest *request = PB_NEW(batch->arena, template_record_request);
        request->account_group = account_of(listing)->account_group;
        PB_SET(request, started_at, listing->started_at);
        PB_SET(request, ends, page.after == NULL);
        request->items = page.items;
        request->n_items = page.count;
        status = ask_one(batch->arena, &STORE_TEMPLATE_RECORD, &item->caller, request, &reply, &error);
    }
    if (status != OK) {
        item_fail(item, status, error.code, "%s", error.text);
        return;
    }
    listing->pages++;
    listing->changed += ((const Pb__TemplateRecorded *)reply)->changed;
    next(item, page.after);
}

void templates_told(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        take(batch, batch->items[i]);
}
