#include "fetch.h"

#include <string.h>
#include <unistd.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "channels/whatsapp_cloud_graph.h"
#include "channels/whatsapp_cloud_media.h"
#include "intake.h"

enum {
    LOOKS_MAX = 3, /* a URL may be over before its file is: then it is asked for again */
    LOOK_WAIT_MS = 15 * SECOND_MS,
    LOAD_WAIT_MS = 120 * SECOND_MS,
    PUT_VALID_S = 600,
    AWAY_WAIT_MS = 2000,
};

struct media_place fetch_place;
static struct whatsapp_cloud_graph graph;
static int64_t bytes_max;
static struct arena *kept;
static const char *graph_root;

const struct setting fetch_settings[] = {
    WHATSAPP_CLOUD_GRAPH_SETTINGS(graph),
    MEDIA_PLACE_SETTINGS(fetch_place),
    { .name = "MEDIA_BYTES_MAX",
      .number = &bytes_max,
      .fallback = "20971520",
      .min = 1024,
      .max = 100 * 1024 * 1024,
      .help = "the largest file that is fetched, where the vendor's own limit is not lower" },
    { 0 },
};

enum status fetch_open(struct batch *batch, struct error *error)
{
    (void)batch;
    kept = arena_new(0);
    TRY(whatsapp_cloud_graph_root(kept, &graph, &graph_root, error));
    return media_place_open(&fetch_place, error);
}

void fetch_close(void)
{
    arena_free(kept);
    kept = NULL;
}

enum fetch_step { STEP_LOOK, STEP_LOAD, STEP_PUT, STEP_TELL };

/* In the item's arena, as all that is kept from one call to the next. */
struct fetch {
    struct item *item;
    const char *message_id, *company_id, *account, *kind, *provider_id, *mime_type, *sha256_declared;
    const char *authorization; /* header line */
    enum fetch_step step;
    int looks;
    struct intake intake;
    char sha256[65];
    Pb__MediaSettleRequest tell;
    enum status status; /* of the job, once it is told: REJECT puts it where a person sees it */
    const char *error;
};

/* Those of a batch that have something to tell the store. */
struct telling {
    struct fetch **list;
    size_t count;
};

/* -- ends */

static void ends(struct fetch *fetch, const char *reason, struct telling *telling)
{
    pb__media_settle_request__init(&fetch->tell);
    fetch->tell.message_id = (char *)fetch->message_id;
    PB_SET(&fetch->tell, stored, reason == NULL);
    fetch->tell.reason = (char *)reason;
    if (!reason) {
        fetch->tell.sha256 = fetch->sha256;
        fetch->tell.mime_type = (char *)fetch->mime_type;
        PB_SET(&fetch->tell, bytes, fetch->intake.bytes);
    }
    fetch->step = STEP_TELL;
    telling->list[telling->count++] = fetch;
}

/* A person must act: the job waits among the dead letters, and its replay fetches. */
static void dies(struct fetch *fetch, const char *reason, const char *error, struct telling *telling)
{
    fetch->status = REJECT;
    fetch->error = error;
    ends(fetch, reason, telling);
}

static void fails(struct fetch *fetch, const char *error, int64_t retry_after_ms, struct telling *telling)
{
    const Pb__JobDispatch *dispatch = fetch->item->message;
    if (dispatch->attempts_max > 0 && dispatch->attempt >= dispatch->attempts_max) {
        dies(fetch, "unreachable", error, telling);
        return;
    }
    item_fail(fetch->item, RETRY, "unreachable", "%s", error);
    if (retry_after_ms > 0)
        item_retry_after(fetch->item, retry_after_ms);
}

/* -- calls */

static void look(struct fetch *fetch)
{
    struct arena *arena = fetch->item->arena;
    const char **headers = ARENA_ARRAY(arena, const char *, 2);
    headers[0] = fetch->authorization;
    fetch->step = STEP_LOOK;
    fetch->looks++;
    item_call(fetch->item, &(struct http_request){ .method = "GET",
                                                   .url = text_format(arena, "%s/%s", graph_root, fetch->provider_id),
                                                   .headers = headers,
                                                   .wait_ms = LOOK_WAIT_MS });
}

static int64_t largest(const struct fetch *fetch)
{
    int64_t vendors = media_bytes_max(fetch->kind);
    return vendors < bytes_max ? vendors : bytes_max;
}

static void load(struct fetch *fetch, const char *url, struct telling *telling)
{
    struct arena *arena = fetch->item->arena;
    struct error error = { 0 };
    const char *name = text_format(arena, "%s.%s", fetch->message_id, ident_fresh(arena));
    const char **headers = ARENA_ARRAY(arena, const char *, 2);
    headers[0] = fetch->authorization;
    fetch->step = STEP_LOAD;
    if (intake_open(&fetch->intake, media_place_incoming(arena, &fetch_place, name), &error) != OK) {
        fails(fetch, arena_text(arena, error.text), 0, telling);
        return;
    }
    item_call(fetch->item, &(struct http_request){ .method = "GET",
                                                   .url = url,
                                                   .headers = headers,
                                                   .wait_ms = LOAD_WAIT_MS,
                                                   .response_bytes_max = (size_t)largest(fetch),
                                                   .take = intake_take,
                                                   .take_context = &fetch->intake });
}

/* -- the URL */

static void judge_found(struct fetch *fetch, const struct whatsapp_cloud_media *found, struct telling *telling)
{
    struct arena *arena = fetch->item->arena;
    fetch->mime_type = media_type_bare(arena, text_or(found->mime_type, fetch->mime_type));
    fetch->sha256_declared = arena_text(arena, text_or(found->sha256, fetch->sha256_declared));
    if (!media_kind_takes(fetch->kind, fetch->mime_type))
        ends(fetch, "forbidden_type", telling);
    else if (found->bytes > largest(fetch))
        ends(fetch, "too_large", telling);
    else if (!whatsapp_cloud_media_trusted(found->url, graph_root))
        dies(fetch, "unreachable", "the file's URL leads to a host that must not see the token", telling);
    else
        load(fetch, arena_text(arena, found->url), telling);
}

static void looked(struct fetch *fetch, const struct http_response *response, struct telling *telling)
{
    struct whatsapp_cloud_media found;
    struct arena *arena = fetch->item->arena;
    if (response->end != HTTP_ANSWERED) {
        fails(fetch, arena_text(arena, response->error.text), 0, telling);
        return;
    }
    whatsapp_cloud_media_read(arena, response->status, response->body, response->body_bytes, &found);
    switch (found.end) {
    case WHATSAPP_CLOUD_MEDIA_FOUND:
        judge_found(fetch, &found, telling);
        break;
    case WHATSAPP_CLOUD_MEDIA_GONE:
        ends(fetch, "gone", telling);
        break;
    case WHATSAPP_CLOUD_MEDIA_AUTH:
        dies(fetch, "auth", found.error, telling);
        break;
    case WHATSAPP_CLOUD_MEDIA_RETRY:
        fails(fetch, found.error, response->retry_after_ms, telling);
        break;
    }
}

/* -- the file */

/* NULL: it is what it was said to be. */
static const char *wrong(struct fetch *fetch, const unsigned char sha256[32])
{
    if (fetch->intake.bytes == 0 || !media_begins_as(fetch->mime_type, fetch->intake.head, fetch->intake.head_bytes))
        return "wrong_type";
    if (!whatsapp_cloud_media_hash_fits(fetch->item->arena, fetch->sha256_declared, sha256))
        return "wrong_hash";
    return NULL;
}

static void put(struct fetch *fetch)
{
    struct arena *arena = fetch->item->arena;
    const struct media_place_visit visit = {
        .method = "PUT", .company_id = fetch->company_id, .sha256 = fetch->sha256, .valid_s = PUT_VALID_S
    };
    fetch->step = STEP_PUT;
    item_call(fetch->item, &(struct http_request){ .method = "PUT",
                                                   .url = media_place_url(arena, &fetch_place, &visit, moment_now()),
                                                   .body_file = fetch->intake.path,
                                                   .wait_ms = LOAD_WAIT_MS });
}

static void keep(struct fetch *fetch, struct telling *telling)
{
    struct error error = { 0 };
    struct arena *arena = fetch->item->arena;
    unsigned char sha256[32];
    if (intake_end(&fetch->intake, sha256, &error) != OK) {
        fails(fetch, arena_text(arena, error.text), 0, telling);
        return;
    }
    const char *reason = wrong(fetch, sha256);
    memcpy(fetch->sha256, text_hex(arena, sha256, sizeof sha256), sizeof fetch->sha256);
    if (reason)
        ends(fetch, reason, telling);
    else if (media_place_remote(&fetch_place))
        put(fetch);
    else if (media_place_keep(arena, &fetch_place, fetch->intake.path, fetch->company_id, fetch->sha256, &error) == OK)
        ends(fetch, NULL, telling);
    else
        fails(fetch, arena_text(arena, error.text), 0, telling);
}

static bool url_over(long status)
{
    return status == 401 || status == 403 || status == 404 || status == 410;
}

static void loaded(struct fetch *fetch, const struct http_response *response, struct telling *telling)
{
    struct arena *arena = fetch->item->arena;
    bool answered = response->end == HTTP_ANSWERED;
    if (answered && response->status >= 200 && response->status < 300)
        keep(fetch, telling);
    else if (response->too_large)
        ends(fetch, "too_large", telling);
    else if (answered && url_over(response->status) && fetch->looks < LOOKS_MAX) {
        intake_drop(&fetch->intake);
        look(fetch);
    } else if (answered)
        fails(fetch, text_format(arena, "the file's URL answered HTTP %ld", response->status), response->retry_after_ms,
              telling);
    else
        fails(fetch, fetch->intake.failed ? "the file can't be written" : arena_text(arena, response->error.text), 0,
              telling);
}

static void was_put(struct fetch *fetch, const struct http_response *response, struct telling *telling)
{
    struct arena *arena = fetch->item->arena;
    if (response->end != HTTP_ANSWERED)
        fails(fetch, arena_text(arena, response->error.text), 0, telling);
    else if (response->status != 200)
        fails(fetch, text_format(arena, "the bucket answered HTTP %ld", response->status), response->retry_after_ms,
              telling);
    else
        ends(fetch, NULL, telling);
}

/* -- telling */

static void finish(struct fetch *fetch, const struct call *call)
{
    struct item *item = fetch->item;
    const char *reason = fetch->tell.reason;
    if (call->status == RETRY) {
        item_resume_later(item);
        return;
    }
    if (call->status != OK && !text_same(call->error.code, "unknown_message"))
        item_fail(item, REJECT, call->error.code, "%s", call->error.text);
    else if (fetch->status != OK)
        item_fail(item, REJECT, reason, "%s", fetch->error);
    else
        item_complete(item, reason ? text_format(item->arena, "{\"outcome\":\"failed\",\"reason\":\"%s\"}", reason)
                                   : "{\"outcome\":\"stored\"}");
}

static void tell(struct batch *batch, const struct telling *telling)
{
    if (telling->count == 0)
        return;
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, telling->count);
    for (size_t i = 0; i < telling->count; i++)
        calls[i] = (struct call){ .caller = telling->list[i]->item->caller, .request = &telling->list[i]->tell };
    ask(batch->arena, &STORE_MEDIA_SETTLE, calls, telling->count);
    for (size_t i = 0; i < telling->count; i++)
        finish(telling->list[i], &calls[i]);
}

/* -- from the job to its end */

static void begin(struct item *item, const Pb__MediaFound *found, struct telling *telling)
{
    struct arena *arena = item->arena;
    struct fetch *fetch = item->state = ARENA_NEW(arena, struct fetch);
    const char *token = whatsapp_cloud_graph_token(arena, &graph, found->credentials);
    *fetch = (struct fetch){ .item = item,
                             .message_id = ((const Pb__MediaFetchParams *)item->params)->message_id,
                             .company_id = arena_text(arena, found->company_id),
                             .kind = arena_text(arena, text_or(found->kind, "")),
                             .provider_id = arena_text(arena, text_or(found->provider_id, "")),
                             .mime_type = media_type_bare(arena, found->mime_type),
                             .sha256_declared = arena_text(arena, text_or(found->sha256, "")),
                             .authorization = text_format(arena, "Authorization: Bearer %s", text_or(token, "")) };
    if (!whatsapp_cloud_graph_id(fetch->provider_id))
        ends(fetch, "gone", telling);
    else if (!token)
        dies(fetch, "auth", "the account has no access token", telling);
    else
        look(fetch);
}

static void found(struct item *item, const struct call *call, struct telling *telling)
{
    const Pb__MediaFound *found = call->reply;
    if (call->status == OK && !text_same(found->state, "stored") && !text_same(found->state, "deleted"))
        begin(item, found, telling);
    else if (call->status == OK)
        item_complete(item, text_format(item->arena, "{\"outcome\":\"%s\"}", found->state));
    else if (text_same(call->error.code, "unknown_message"))
        item_complete(item, "{\"outcome\":\"nothing\"}");
    else if (call_away(call))
        item_defer(item, moment_now() + AWAY_WAIT_MS);
    else
        item_fail(item, call->status, call->error.code, "%s", call->error.text);
}

void fetch_start(struct batch *batch)
{
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, batch->count);
    struct item **items = ARENA_ARRAY(batch->arena, struct item *, batch->count);
    struct telling telling = { .list = ARENA_ARRAY(batch->arena, struct fetch *, batch->count) };
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const Pb__MediaFetchParams *params = batch->items[i]->params;
        if (!ident_valid(text_or(params->message_id, ""))) {
            item_fail(batch->items[i], REJECT, "bad_params", "message_id must be a UUID");
            continue;
        }
        Pb__MediaFindRequest *request = PB_NEW(batch->arena, media_find_request);
        request->message_id = params->message_id;
        items[count] = batch->items[i];
        calls[count++] = (struct call){ .caller = batch->items[i]->caller, .request = request };
    }
    ask_whole(batch->arena, &STORE_MEDIA_FIND, calls, count);
    for (size_t i = 0; i < count; i++)
        found(items[i], &calls[i], &telling);
    tell(batch, &telling);
}

void fetch_told(struct batch *batch)
{
    struct telling telling = { .list = ARENA_ARRAY(batch->arena, struct fetch *, batch->count) };
    for (size_t i = 0; i < batch->count; i++) {
        struct fetch *fetch = batch->items[i]->state;
        const struct http_response *response = batch->items[i]->response;
        enum fetch_step step = fetch->step;
        if (step == STEP_LOOK)
            looked(fetch, response, &telling);
        else if (step == STEP_LOAD)
            loaded(fetch, response, &telling);
        else if (step == STEP_PUT)
            was_put(fetch, response, &telling);
        else
            telling.list[telling.count++] = fetch;
        if (fetch->step == step || fetch->step == STEP_TELL) /* no call reads or writes the file any more */
            intake_drop(&fetch->intake);
    }
    tell(batch, &telling);
}

void fetch_let_go(struct item *item)
{
    struct fetch *fetch = item->state;
    if (fetch)
        intake_drop(&fetch->intake);
}
