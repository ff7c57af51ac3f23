#include "tidy.h"

#include "base/text.h"
#include "fetch.h"

enum { TIDY_EVERY_MS = 60 * SECOND_MS, ABANDONED_MS = 60 * MINUTE_MS, WRITTEN_LATELY_MS = 5 * MINUTE_MS };
enum { VISIT_S = 60, CALL_WAIT_MS = 5000, PAGES_MAX = 20, IN_FLIGHT_MAX = 1 };

static struct http *http;

/* 404: a bucket forgets a thing once. */
static bool remove_from_bucket(struct arena *arena, const Pb__MediaContent *content)
{
    struct http_response response;
    const struct media_place_visit visit = {
        .method = "DELETE", .company_id = content->company_id, .sha256 = content->sha256, .valid_s = VISIT_S
    };
    http_call_now(http, arena,
                  &(struct http_request){ .method = "DELETE",
                                          .url = media_place_url(arena, &fetch_place, &visit, moment_now()),
                                          .wait_ms = CALL_WAIT_MS },
                  &response);
    return response.end == HTTP_ANSWERED &&
           ((response.status >= 200 && response.status < 300) || response.status == 404);
}

static bool remove_content(struct batch *batch, const Pb__MediaContent *content)
{
    return media_place_remove(batch->arena, &fetch_place, content->company_id, content->sha256, WRITTEN_LATELY_MS,
                              batch->now) &&
           (!media_place_remote(&fetch_place) || remove_from_bucket(batch->arena, content));
}

/* Tells what was removed and hears what is to be. false: nothing could be done, or nothing is left. */
static bool remove_page(struct batch *batch, Pb__MediaRemoveRequest *told)
{
    const struct caller caller = { .company_id = "", .correlation_id = "", .traceparent = "" };
    struct error error = { 0 };
    void *reply = NULL;
    enum status status = ask_one(batch->arena, &STORE_MEDIA_REMOVE, &caller, told, &reply, &error);
    if (status != OK)
        log_line(LOG_WARN, "deleted files not asked for", "code", error.code, "error", error.text, NULL);
    told->n_removed = 0;
    if (status != OK)
        return false;
    const Pb__MediaRemovable *found = reply;
    told->removed = ARENA_ARRAY(batch->arena, Pb__MediaContent *, found->n_items + 1);
    for (size_t i = 0; i < found->n_items; i++)
        if (remove_content(batch, found->items[i]))
            told->removed[told->n_removed++] = found->items[i];
    return told->n_removed > 0;
}

int64_t tidy_run(struct batch *batch)
{
    Pb__MediaRemoveRequest *told = PB_NEW(batch->arena, media_remove_request);
    size_t count = media_place_tidy(batch->arena, &fetch_place, ABANDONED_MS, batch->now);
    if (count > 0)
        log_line(LOG_INFO, "unfinished files removed", "count", text_format(batch->arena, "%zu", count), NULL);
    for (size_t page = 0; page < PAGES_MAX && remove_page(batch, told); page++)
        continue;
    return TIDY_EVERY_MS;
}

void tidy_open(void)
{
    http = http_open(&(struct http_options){ .in_flight_max = IN_FLIGHT_MAX });
}

void tidy_close(void)
{
    http_close(http);
    http = NULL;
}
