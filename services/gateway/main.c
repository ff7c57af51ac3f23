/*
 * gateway - the only door from outside: REST, provider webhooks, health, the API's description.
 *
 *   emits   inbound.message.*   what customers wrote, as it came
 *           inbound.receipt.*   what providers say of what we sent
 *   asks    store.*, jobs.*     for every other endpoint: the table in routes.c
 *   hears   nudge.keys          API keys or channel accounts changed
 *           nudge.events        a company has new events: its streams are told
 *           nudge.model         a provider is passed over, or well again
 *           events.*.job.*      the scheduler's own events, told as they come
 */
#include <stdio.h>

#include "accounts.h"
#include "base/text.h"
#include "docs.h"
#include "health.h"
#include "keys.h"
#include "make_key.h"
#include "model_state.h"
#include "openapi.h"
#include "serve.h"
#include "service/service.h"
#include "settings.h"
#include "stream/feed.h"
#include "stream/hub.h"

enum { LOAD_EVERY_MS = 30000, LOAD_AGAIN_MS = 250, REQUEST_WAIT_MS_MAX = 10000, LOAD_WAIT_MS_MAX = 10000 };

static struct web *web;
static moment opened_at;

/* All companies' keys and accounts, for a word on which keys were used. */
static enum status load(struct arena *arena, struct error *error)
{
    const struct caller caller = { .company_id = "", .correlation_id = "", .traceparent = "" };
    const moment asked_at = moment_now();
    Pb__AccessRequest *request = PB_NEW(arena, access_request);
    void *reply = NULL;
    request->n_uses = keys_used(arena, &request->uses);
    TRY(ask_one(arena, &STORE_ACCESS_READ, &caller, request, &reply, error));
    const Pb__Access *access = reply;
    keys_set(access->keys, access->n_keys, asked_at);
    accounts_set(access->accounts, access->n_accounts);
    return OK;
}

static int64_t load_run(struct batch *batch)
{
    static bool failing; /* this thread's: said once per outage */
    struct error error = { 0 };
    if (load(batch->arena, &error) == OK) {
        failing = false;
        return LOAD_EVERY_MS;
    }
    if (!failing)
        log_line(LOG_WARN, "keys not loaded", "code", error.code, "error", error.text, NULL);
    failing = true;
    return LOAD_AGAIN_MS;
}

static const struct duty duties[] = {
    { .name = "keys", .run = load_run, .hears = &NUDGE_KEYS },
    { .name = "health", .run = health_look },
    { .name = "streams", .run = feed_run, .hears = &NUDGE_EVENTS, .hear = feed_hear, .apart_ms = 10 },
    { 0 },
};

static enum status gateway_check(struct error *error)
{
    return settings_check(&settings, error);
}

static enum status gateway_open(struct batch *batch, struct error *error)
{
    (void)batch;
    char listen_on[128];
    feed_register(&duties[2]);
    TRY(media_place_open(&settings.media, error));
    openapi_open();
    docs_open(settings.docs_assets);
    snprintf(listen_on, sizeof listen_on, "%s:%lld", settings.listen, (long long)settings.port);
    struct web_options options = {
        .listen = listen_on,
        .threads = (unsigned)settings.threads,
        .request_wait_ms = REQUEST_WAIT_MS_MAX,
        .body_max = serve_body_max,
        .body_file = serve_body_file,
        .body_file_max = (size_t)settings.media_bytes_max,
        .handle = serve_handle,
        .refuse = serve_refuse,
    };
    TRY(hub_open(error));
    TRY(feed_open(error));
    TRY(model_state_open(error));
    TRY(web_open(&options, &web, error));
    opened_at = moment_now();
    log_line(LOG_INFO, "listening", "address", listen_on, "auth", settings.auth ? "on" : "off", NULL);
    return OK;
}

/* Waits for the keys a while, not for ever: signed webhooks can be taken without lead-store. */
static enum status gateway_ready(struct error *error)
{
    if ((keys_loaded() && accounts_loaded()) || moment_now() - opened_at > LOAD_WAIT_MS_MAX)
        return OK;
    return error_code(error, RETRY, "keys_not_loaded", "The API keys are not loaded yet.");
}

static void gateway_close(void)
{
    web_close(web);
    web = NULL;
    hub_close();
    docs_close();
    openapi_close();
}

static const struct service gateway = {
    .name = "gateway",
    .help = "REST, webhooks, health",
    .settings = SETTINGS,
    .duties = duties,
    .check = gateway_check,
    .open = gateway_open,
    .close = gateway_close,
    .ready = gateway_ready,
    .command = make_key_command,
};

int main(int argc, char **argv)
{
    return service_main(argc, argv, &gateway);
}
