#include "send.h"

#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"
#include "channels/whatsapp_cloud_graph.h"
#include "own_file.h"
#include "plan.h"
#include "settle.h"

/* Where the gate's answer is missing it is asked again under the same claim, then a go is given back; both together are
 * over before the job's time is. */
enum { DEFER_MS_MIN = 100, ASK_MS_MAX = 20 * SECOND_MS, GIVE_BACK_MS_MAX = 20 * SECOND_MS };

static struct whatsapp_cloud_graph graph;
static int64_t call_wait_ms;
static struct arena *kept;     /* what is made of the settings, once */
static const char *graph_root; /* base URL and version, without a slash at the end */

const struct setting send_settings[] = {
    WHATSAPP_CLOUD_GRAPH_SETTINGS(graph),
    { .name = "PUBLIC_URL",
      .text = &own_file_public_url,
      .help = "where Meta reaches our REST API, https://...: files of our own are sent by links to it" },
    { .name = "MEDIA_LINK_KEY", .text = &own_file_link_key, .secret = true, .help = "signs those links" },
    { .name = "SEND_CALL_WAIT_MS",
      .number = &call_wait_ms,
      .fallback = "20000",
      .min = 1000,
      .max = SEND_CALL_WAIT_MS,
      .help = "how long Meta may take to answer; past it a send is unknown" },
    { 0 },
};

enum status send_open(struct batch *batch, struct error *error)
{
    (void)batch;
    kept = arena_new(0);
    return whatsapp_cloud_graph_root(kept, &graph, &graph_root, error);
}

void send_close(void)
{
    arena_free(kept);
    kept = NULL;
}

/* -- the call */

enum status send_address(struct arena *arena, const char *account, const Pb__Json *credentials, const char *edge,
                         const char **url, const char **bearer, struct error *error)
{
    *bearer = whatsapp_cloud_graph_token(arena, &graph, credentials);
    if (!whatsapp_cloud_graph_id(account))
        return error_code(error, REJECT, "no_account", "the message names no account to send from");
    if (!*bearer)
        return error_code(error, REJECT, "no_token", "the account has no access token");
    *url = text_format(arena, "%s/%s/%s", graph_root, account, edge);
    return OK;
}

enum status send_reach(struct arena *arena, const char *account, const Pb__Json *credentials, const char **url,
                       const char **bearer, struct error *error)
{
    return send_address(arena, account, credentials, "messages", url, bearer, error);
}

static void call(struct batch *batch, struct item *item, const Pb__SendAuthorized *authorized, const char *body,
                 const char *url, const char *bearer)
{
    const char *headers[] = { "Content-Type: application/json",
                              text_format(batch->arena, "Authorization: Bearer %s", bearer), NULL };
    item->label = ((struct settling *)item->state)->message_id;
    item_call(item, &(struct http_request){ .method = "POST",
                                            .url = url,
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
    const char *body = NULL, *url = NULL, *bearer = NULL;
    Pb__Outgoing *outgoing = authorized->outgoing;
    *error_class = PB__SEND_CLASS__SEND_CLASS_MEDIA;
    if (own_file_link(batch->arena, item->caller.company_id, outgoing, batch->now, error) != OK)
        return false;
    *error_class = PB__SEND_CLASS__SEND_CLASS_PERMANENT;
    if (whatsapp_cloud_compose(batch->arena, outgoing, &body, error) != OK)
        return false;
    *error_class = PB__SEND_CLASS__SEND_CLASS_AUTH;
    if (send_reach(batch->arena, outgoing->account, outgoing->credentials, &url, &bearer, error) != OK)
        return false;
    call(batch, item, authorized, body, url, bearer);
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

/* True: the call can't be made, and the message is to be settled. */
static bool follow(struct batch *batch, struct item *item, const Pb__SendAuthorized *authorized)
{
    Pb__SendClass error_class;
    struct error *error = ARENA_NEW(item->arena, struct error);
    switch (authorized->verdict) {
    case PB__VERDICT__VERDICT_GO:
        if (authorized->outgoing && start_call(batch, item, authorized, &error_class, error))
            return false;
        if (!authorized->outgoing) {
            item_fail(item, RETRY, "no_outgoing", "the gate said go without a message");
            return false;
        }
        settling_ends(item->state, plan_refuse(error, error_class), UNKNOWN_HOLD_MS);
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

/*
 * Without an answer the message may be on its way for all the store knows, under a claim that is this handling's alone:
 * only asking again with it is sure. True: there is no answer to be had, and the message is to be settled as not sent.
 */
static bool follow_unanswered(struct item *item, const struct call *call)
{
    struct settling *settling = item->state;
    moment now = moment_now();
    if (call->status == REJECT)
        item_fail(item, REJECT, call->error.code, "%s", call->error.text);
    else if (!settling->asked && text_same(call->error.code, "nobody_there"))
        item_defer(item, now + AWAY_WAIT_MS);
    else if (now < settling->ask_until) {
        settling->asked = true;
        item_resume_later(item);
    } else {
        settling_ends(settling, plan_unanswered(item->arena, &call->error, call_away(call)), GIVE_BACK_MS_MAX);
        return true;
    }
    return false;
}

static const Pb__SendAuthorizeRequest *compose(struct arena *arena, const struct item *item)
{
    const struct settling *settling = item->state;
    const Pb__JobDispatch *dispatch = item->message;
    const Pb__SendParams *params = item->params;
    Pb__SendAuthorizeRequest *request = PB_NEW(arena, send_authorize_request);
    request->message_id = (char *)settling->message_id;
    request->lead_id = params->lead_id;
    request->conversation_id = params->conversation_id;
    request->turn_id = params->turn_id;
    request->claim = (char *)settling->claim;
    PB_SET(request, replayed, dispatch->replayed);
    return request;
}

static bool begin(struct item *item, moment now)
{
    const Pb__SendParams *params = item->params;
    struct settling *settling = ARENA_NEW(item->arena, struct settling);
    if (!ident_valid(text_or(params->message_id, ""))) {
        item_fail(item, REJECT, "bad_params", "message_id must be a UUID");
        return false;
    }
    settling->item = item;
    settling->message_id = params->message_id;
    settling->claim = ident_fresh(item->arena);
    settling->ask_until = now + ASK_MS_MAX;
    item->state = settling;
    return true;
}

/* Adds those that are to be settled at once. */
static void ask_gate(struct batch *batch, struct item *const *items, size_t count, struct settling **settlings,
                     size_t *settling_count)
{
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, count + 1);
    for (size_t i = 0; i < count; i++)
        calls[i] = (struct call){ .caller = items[i]->caller, .request = compose(batch->arena, items[i]) };
    ask_whole(batch->arena, &STORE_SEND_AUTHORIZE, calls, count);
    for (size_t i = 0; i < count; i++)
        if (calls[i].status == OK ? follow(batch, items[i], calls[i].reply) : follow_unanswered(items[i], &calls[i]))
            settlings[(*settling_count)++] = items[i]->state;
}

void send_start(struct batch *batch)
{
    struct item **items = ARENA_ARRAY(batch->arena, struct item *, batch->count);
    struct settling **settlings = ARENA_ARRAY(batch->arena, struct settling *, batch->count);
    size_t count = 0, settling_count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (begin(batch->items[i], batch->now))
            items[count++] = batch->items[i];
    ask_gate(batch, items, count, settlings, &settling_count);
    settle_all(batch, settlings, settling_count);
}

/* The call is over, or the store could not answer or be told before. */
void send_told(struct batch *batch)
{
    struct item **unanswered = ARENA_ARRAY(batch->arena, struct item *, batch->count);
    struct settling **settlings = ARENA_ARRAY(batch->arena, struct settling *, batch->count);
    size_t unanswered_count = 0, settling_count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        struct settling *settling = item->state;
        const Pb__JobDispatch *dispatch = item->message;
        if (!settling->plan.outcome && !item->response) {
            unanswered[unanswered_count++] = item;
            continue;
        }
        if (!settling->plan.outcome)
            settling_ends(settling, plan_make(item->arena, item->response, dispatch->attempt, dispatch->attempts_max),
                          UNKNOWN_HOLD_MS);
        settlings[settling_count++] = settling;
    }
    if (unanswered_count > 0)
        ask_gate(batch, unanswered, unanswered_count, settlings, &settling_count);
    settle_all(batch, settlings, settling_count);
}
