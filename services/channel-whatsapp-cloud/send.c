#include "send.h"

#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"
#include "plan.h"
#include "settle.h"

enum { DEFER_MS_MIN = 100 };

static const char *graph_base_url, *graph_version, *token;
static int64_t call_wait_ms;
static char *graph_root; /* base URL and version, without a slash at the end */

static const char *const token_aliases[] = { "META_WHATSAPP_TOKEN", "WHATSAPP_ACCESS_TOKEN", NULL };

const struct setting send_settings[] = {
    { .name = "GRAPH_BASE_URL",
      .text = &graph_base_url,
      .fallback = "https://graph.facebook.com",
      .help = "Meta's Graph API" },
    { .name = "GRAPH_VERSION", .text = &graph_version, .fallback = "v23.0", .help = "version of the Graph API" },
    { .name = "WHATSAPP_CLOUD_TOKEN",
      .text = &token,
      .aliases = token_aliases,
      .secret = true,
      .help = "access token of accounts that have none of their own" },
    { .name = "SEND_CALL_WAIT_MS",
      .number = &call_wait_ms,
      .fallback = "20000",
      .min = 1000,
      .max = SEND_CALL_WAIT_MS,
      .help = "how long Meta may take to answer; past it a send is unknown" },
    { 0 },
};

/* One handling of one message. */
struct sending {
    const char *message_id, *claim;
};

enum status send_open(struct batch *batch, struct error *error)
{
    (void)batch;
    size_t bytes = strlen(graph_base_url);
    if (!text_starts(graph_base_url, "http://") && !text_starts(graph_base_url, "https://"))
        return error_set(error, REJECT, "GRAPH_BASE_URL must begin with http:// or https://");
    if (strspn(graph_version, "v0123456789.") != strlen(graph_version))
        return error_set(error, REJECT, "GRAPH_VERSION must look like v23.0");
    while (bytes > 0 && graph_base_url[bytes - 1] == '/')
        bytes--;
    struct arena *forever = arena_new(0);
    graph_root = text_format(forever, "%.*s/%s", (int)bytes, graph_base_url, graph_version);
    return OK;
}

/* -- the call */

static const char *token_of(struct arena *arena, const Pb__Outgoing *outgoing)
{
    cJSON *credentials = NULL;
    const char *own = NULL;
    const char *text = pb_json_text(outgoing->credentials);
    if (json_parse(arena, text, strlen(text), &credentials, NULL) == OK && cJSON_IsObject(credentials))
        json_want_text(credentials, "token", &own, NULL);
    return text_or(own, text_or(token, ""));
}

/* Ids of Meta's are opaque, but one with a slash in it would change the address. */
static bool account_fits(const char *account)
{
    return !text_empty(account) &&
           strspn(account, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-") == strlen(account);
}

/* Header values end at a line break. */
static bool token_fits(const char *text)
{
    return *text && !strpbrk(text, "\r\n");
}

static void call(struct batch *batch, struct item *item, const Pb__SendAuthorized *authorized, const char *body,
                 const char *bearer)
{
    const char *headers[] = { "Content-Type: application/json",
                              text_format(batch->arena, "Authorization: Bearer %s", bearer), NULL };
    item->label = ((struct sending *)item->state)->message_id;
    item_call(item, &(struct http_request){
                        .method = "POST",
                        .url = text_format(batch->arena, "%s/%s/messages", graph_root, authorized->outgoing->account),
                        .headers = headers,
                        .body = body,
                        .body_bytes = strlen(body),
                        .wait_ms = call_wait_ms,
                        .start_by = authorized->go_until_at });
}

/* False: the call can't be made; error and class say why. */
static bool start_call(struct batch *batch, struct item *item, const Pb__SendAuthorized *authorized,
                       Pb__SendClass *error_class, struct error *error)
{
    const char *body;
    const char *bearer = token_of(batch->arena, authorized->outgoing);
    *error_class = PB__SEND_CLASS__SEND_CLASS_PERMANENT;
    if (whatsapp_cloud_compose(batch->arena, authorized->outgoing, &body, error) != OK)
        return false;
    *error_class = PB__SEND_CLASS__SEND_CLASS_AUTH;
    if (!account_fits(authorized->outgoing->account)) {
        error_code(error, REJECT, "no_account", "the message names no account to send from");
        return false;
    }
    if (!token_fits(bearer)) {
        error_code(error, REJECT, "no_token", "the account has no access token");
        return false;
    }
    call(batch, item, authorized, body, bearer);
    return true;
}

/* -- the gate's answer */

static void finish_gated(struct item *item, const char *outcome, const Pb__SendAuthorized *authorized)
{
    struct buffer result = { .arena = item->arena };
    buffer_format(&result, "{\"outcome\":\"%s\",\"reason\":", outcome);
    json_add_string(&result, text_or(authorized->reason, ""));
    buffer_add(&result, ",\"status\":");
    json_add_string(&result, text_or(authorized->status, ""));
    buffer_add_char(&result, '}');
    item_complete(item, buffer_text(&result));
    if (authorized->n_jobs > 0)
        item_children(item, authorized->jobs, authorized->n_jobs);
}

/* A gate that names no time, or one that is over, is not asked in a circle. */
static moment later(moment until, moment soonest)
{
    return until > soonest ? until : soonest;
}

/* True: the call can't be made, and *settling says what the message is settled as. */
static bool follow(struct batch *batch, struct item *item, const Pb__SendAuthorized *authorized,
                   struct settling *settling)
{
    const struct sending *sending = item->state;
    Pb__SendClass error_class;
    struct error *error = ARENA_NEW(batch->arena, struct error);
    switch (authorized->verdict) {
    case PB__VERDICT__VERDICT_GO:
        if (authorized->outgoing && start_call(batch, item, authorized, &error_class, error))
            return false;
        if (!authorized->outgoing) {
            item_fail(item, RETRY, "no_outgoing", "the gate said go without a message");
            return false;
        }
        *settling = (struct settling){ item, sending->message_id, sending->claim, plan_refuse(error, error_class) };
        return true;
    case PB__VERDICT__VERDICT_DEFER:
    case PB__VERDICT__VERDICT_BUSY:
        item_defer(item, later(authorized->until_at, batch->now + DEFER_MS_MIN));
        return false;
    case PB__VERDICT__VERDICT_REFUSE:
        finish_gated(item, "refused", authorized);
        return false;
    case PB__VERDICT__VERDICT_DONE:
        finish_gated(item, "done", authorized);
        return false;
    default:
        item_fail(item, RETRY, "unknown_verdict", "the gate answered with a verdict that is not known");
        return false;
    }
}

/* Out of the dead letters again: the first attempt of a job that has been dispatched before. */
static bool replayed(const Pb__JobDispatch *dispatch)
{
    return dispatch->attempt <= 1 && dispatch->dispatch > 1;
}

static const Pb__SendAuthorizeRequest *compose(struct arena *arena, const struct item *item)
{
    const struct sending *sending = item->state;
    Pb__SendAuthorizeRequest *request = PB_NEW(arena, send_authorize_request);
    request->message_id = (char *)sending->message_id;
    request->claim = (char *)sending->claim;
    PB_SET(request, replayed, replayed(item->message));
    return request;
}

static bool begin(struct item *item)
{
    const Pb__SendParams *params = item->params;
    struct sending *sending = ARENA_NEW(item->arena, struct sending);
    if (!ident_valid(text_or(params->message_id, ""))) {
        item_fail(item, REJECT, "bad_params", "message_id must be a UUID");
        return false;
    }
    sending->message_id = params->message_id;
    sending->claim = ident_fresh(item->arena);
    item->state = sending;
    return true;
}

void send_start(struct batch *batch)
{
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, batch->count);
    struct item **items = ARENA_ARRAY(batch->arena, struct item *, batch->count);
    struct settling *settlings = ARENA_ARRAY(batch->arena, struct settling, batch->count);
    size_t count = 0, settling_count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (begin(batch->items[i])) {
            items[count] = batch->items[i];
            calls[count++] =
                (struct call){ .caller = batch->items[i]->caller, .request = compose(batch->arena, batch->items[i]) };
        }
    ask(batch->arena, &STORE_SEND_AUTHORIZE, calls, count);
    for (size_t i = 0; i < count; i++)
        if (calls[i].status != OK)
            item_fail(items[i], calls[i].status, calls[i].error.code, "%s", calls[i].error.text);
        else if (follow(batch, items[i], calls[i].reply, &settlings[settling_count]))
            settling_count++;
    settle_all(batch, settlings, settling_count);
}

void send_told(struct batch *batch)
{
    struct settling *settlings = ARENA_ARRAY(batch->arena, struct settling, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        const struct sending *sending = item->state;
        const Pb__JobDispatch *dispatch = item->message;
        settlings[i] =
            (struct settling){ item, sending->message_id, sending->claim,
                               plan_make(batch->arena, item->response, dispatch->attempt, dispatch->attempts_max) };
    }
    settle_all(batch, settlings, batch->count);
}
