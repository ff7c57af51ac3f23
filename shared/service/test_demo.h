/*
 * test_demo - services whose handlers do what their input tells them to and report what they saw, so that a test can
 * watch the skeleton at work.
 *
 * Included by service_test only, whose program is also these services: `service_test --demo <name>`. Reports are core
 * messages on "seen.<what>".
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "service/service.h"

static const char *stub_url;
static const char *mark_path;
static const struct setting demo_settings[] = {
    { "DEMO_STUB_URL", &stub_url, .fallback = "", .help = "where ai-engage calls" },
    { "DEMO_MARK", &mark_path, .fallback = "", .help = "a file that remembers a death" },
    { 0 },
};

static void report(const char *subject, const char *text)
{
    bus_send(service_bus(), subject, text, strlen(text), NULL);
}

/* -- ingest: the account says what to do */

static void on_one(struct item *item, moment now)
{
    static moment until;
    const Pb__RawInbound *raw = item->message;
    const char *order = text_or(raw->account, "ok");
    if (text_starts(order, "retry:")) {
        until = until ? until : now + strtoll(order + 6, NULL, 10);
        if (now < until)
            item_fail(item, RETRY, "not_yet", "told to wait");
        else
            until = 0;
    } else if (text_same(order, "reject"))
        item_fail(item, REJECT, "bad_thing", "told to refuse");
    else if (text_same(order, "die") && access(mark_path, F_OK) != 0) {
        fclose(fopen(mark_path, "we"));
        _exit(9);
    }
}

/* "<count> <id>:<status> ..." */
static void report_batch(struct batch *batch, const char *subject)
{
    struct buffer text = { .arena = batch->arena };
    buffer_format(&text, "%zu", batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        const Pb__RawInbound *raw = batch->items[i]->message;
        buffer_format(&text, " %s:%s", text_or(raw->id, "?"), status_name(batch->items[i]->status));
    }
    report(subject, buffer_text(&text));
}

static void on_inbound(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        on_one(batch->items[i], batch->now);
    report_batch(batch, "seen.inbound");
}

static void on_receipt(struct batch *batch)
{
    report_batch(batch, "seen.receipt");
}

/* -- lead-store: the id says what to answer */

static void on_lead_get(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        const Pb__LeadGetRequest *request = item->message;
        Pb__Lead *lead = PB_NEW(item->arena, lead);
        lead->id = request->id;
        item->reply = &lead->base;
        if (text_same(request->id, "later"))
            item_fail(item, RETRY, "busy", "told to wait");
        else if (text_same(request->id, "never"))
            item_fail(item, REJECT, "unknown_lead", "there is no such lead");
        else if (text_starts(request->id, "large"))
            lead->contact_name = memset(arena_alloc(item->arena, 100 * 1024 + 1), 'x', 100 * 1024);
    }
    report("seen.calls", text_format(batch->arena, "%zu", batch->count));
}

/* -- scheduler: tells each result; asks once more for those whose job is called so, and is slow with a crowd */

static void on_finish(struct batch *batch)
{
    static int refusals;
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        const Pb__JobFinish *finish = item->message;
        Pb__JobFinished *finished = PB_NEW(item->arena, job_finished);
        item->reply = &finished->base;
        if (i == 0 && text_starts(finish->job_id, "crowd"))
            usleep(250 * 1000);
        if (text_starts(finish->job_id, "twice") && refusals++ < 2) {
            item_fail(item, RETRY, "busy", "told to wait");
            continue;
        }
        if (text_starts(finish->job_id, "refused") && finish->outcome != PB__JOB_OUTCOME__JOB_OUTCOME_DEAD) {
            item_fail(item, REJECT, "bad_result", "told to refuse");
            continue;
        }
        report("seen.finish", text_format(batch->arena, "%s %d %s %zu", finish->job_id, (int)finish->outcome,
                                          text_or(finish->code, "-"), finish->n_children));
    }
}

/* -- ai-engage: every job asks the stub */

enum { DEMO_RESUMES = 3 };

/* "later": not to be told the first times; "call-later": only then does it call. */
static bool told_later(struct item *item)
{
    int *resumes = item->state;
    const Pb__EngageParams *params = item->params;
    if (!strstr(params->lead_id, "later") || ++*resumes > DEMO_RESUMES)
        return false;
    report("seen.later", text_format(item->arena, "%d %s", *resumes, item->response ? "told" : "-"));
    if (*resumes == DEMO_RESUMES && !item->response)
        item_call(item, &(struct http_request){ .method = "GET", .url = stub_url, .wait_ms = 60000 });
    else
        item_resume_later(item);
    return true;
}

static void on_engage(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const Pb__EngageParams *params = batch->items[i]->params;
        const struct http_request request = { .method = "GET", .url = stub_url, .wait_ms = 60000 };
        if (text_same(params->lead_id, "seen"))
            report("seen.taken", params->lead_id);
        batch->items[i]->label = params->lead_id;
        batch->items[i]->state = ARENA_NEW(batch->items[i]->arena, int);
        if (text_same(params->lead_id, "call-later")) {
            item_resume_later(batch->items[i]);
            continue;
        }
        item_call(batch->items[i], &request);
    }
}

static void on_engaged(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        Pb__JobSpec *child = PB_NEW(batch->arena, job_spec);
        child->task = text_format(batch->arena, "channel.send.%s", "email");
        if (told_later(item))
            continue;
        if (item->response->end == HTTP_ABORTED)
            item_coalesce(item, "newer", 1000);
        else if (item->response->end != HTTP_ANSWERED)
            item_fail(item, RETRY, "call", "%s", item->response->error.text);
        else {
            item_complete(item, "{\"ok\":true}");
            item_children(item, &child, 1);
        }
    }
}

static void on_conversation(struct batch *batch, const void *message)
{
    const Pb__ConversationNudge *told = message;
    size_t count = route_abort(batch, told->lead_id, "a newer message came");
    report("seen.abort", text_format(batch->arena, "%zu", count));
}

static int64_t on_duty(struct batch *batch)
{
    report("seen.duty", text_format(batch->arena, "%lld", (long long)(batch->now > 0)));
    return 60000;
}

static const struct duty demo_duties[] = { { .name = "relay", .run = on_duty, .hears = &NUDGE_RELAY }, { 0 } };
static const struct route ingest_routes[] = { { .takes = &INBOUND_MESSAGE, .handle = on_inbound },
                                              { .takes = &INBOUND_RECEIPT, .handle = on_receipt, .batch_max = 10 },
                                              { 0 } };
static const struct route store_routes[] = { { .takes = &STORE_LEAD_GET, .handle = on_lead_get, .threads = 2 }, { 0 } };
static const struct route scheduler_routes[] = { { .takes = &JOBS_FINISH, .handle = on_finish }, { 0 } };
static const struct route engage_routes[] = { { .takes = &WORK_AI_ENGAGE,
                                                .handle = on_engage,
                                                .resume = on_engaged,
                                                .hears = &NUDGE_CONVERSATION,
                                                .hear = on_conversation },
                                              { 0 } };

static const struct service demos[] = {
    { .name = "ingest", .settings = demo_settings, .routes = ingest_routes },
    { .name = "lead-store", .settings = demo_settings, .routes = store_routes, .duties = demo_duties },
    { .name = "scheduler", .settings = demo_settings, .routes = scheduler_routes },
    { .name = "ai-engage", .settings = demo_settings, .routes = engage_routes, .http = true },
};

/* option may be NULL */
static int demo_main(const char *name, char *option)
{
    char *arguments[] = { "demo", option, NULL };
    for (size_t i = 0; i < sizeof demos / sizeof *demos; i++)
        if (text_same(demos[i].name, name))
            return service_main(option ? 2 : 1, arguments, &demos[i]);
    return 2;
}
