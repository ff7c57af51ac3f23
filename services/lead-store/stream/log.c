#include "log.h"

#include <string.h>
#include <unistd.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/read.h"
#include "settled.h"
#include "wire/pbrow.h"

#define NIL_ID "00000000-0000-0000-0000-000000000000" /* before the first event */

enum {
    EVENT_AGE_MS_MAX = 7 * DAY_MS, /* as long as EVENTS keeps them */
    NUMBERS_MAX = 20000,           /* that one page looks through, however few of them are wanted */
    PAGE_BYTES_MAX = REPLY_BYTES_MAX / 2,
    OVERTAKE_MS = 5000, /* a writer's number is never later than this after its id */
    SETTLE_LOOKS = 100,
    SETTLE_LOOK_US = 3000,
};

static void fail_all(struct batch *batch, enum status status, const struct error *error)
{
    for (size_t i = 0; i < batch->count; i++)
        item_fail(batch->items[i], status, *error->code ? error->code : "unavailable", "%s", error->text);
}

/* -- store.event.find */

static const struct statement log_newest = {
    .name = "log_newest",
    .sql = "select n as number, id from crm.events where company_id = $1 and n <= $2 order by n desc limit 1",
};
/*
 * Ids carry their time and are made just before the numbers are given out, so along a company's numbers they ascend but
 * for the moments by which writers overtake each other. $4 is earlier than the wanted id by far more than those:
 * halving finds where such ids end, and from there the wanted one is looked for. An index of ids would be paid for by
 * each event.
 */
static const struct statement log_known = {
    .name = "log_known",
    .sql =
        "with recursive halving(low, high) as ( "
        "    select 0::bigint, $2::bigint "
        "    union all "
        "    select case when e.id < $4 then e.n else low end, case when e.id < $4 then high else (low + high) / 2 end "
        "    from halving left join lateral (select id, n from crm.events where company_id = $1 and n > (low + high) / 2 and n <= high "
        "                                    order by n limit 1) e on true where low < high) "
        "select e.n as number, e.id, e.admitted_at from (select max(low) as low from halving) h "
        "cross join lateral (select n, id, admitted_at from crm.events where company_id = $1 and n > h.low order by n limit $5) e "
        "where e.id = $3 limit 1",
};
static const struct statement log_first = {
    .name = "log_first",
    .sql = "select 0 as number, null as id, admitted_at from crm.events where company_id = $1 order by n limit 1",
};

/* What was committed before somebody asked for the newest lies before his stream. */
static enum status settle(struct batch *batch, int64_t *number, struct error *error)
{
    int64_t asked_for = 0, newest = 0;
    for (int look = 0; look < SETTLE_LOOKS; look++) {
        if (look > 0)
            usleep(SETTLE_LOOK_US);
        TRY(settled_look(batch, number, &newest, error));
        if (look == 0)
            asked_for = newest;
        if (*number >= asked_for)
            return OK;
    }
    return error_code(error, RETRY, "not_settled", "the event log does not come to rest");
}

/* No id of that time or later is smaller. */
static const char *id_at(struct arena *arena, moment at)
{
    uint64_t ms = at > 0 ? (uint64_t)at : 0;
    return text_format(arena, "%08llx-%04llx-0000-0000-000000000000", (unsigned long long)(ms >> 16),
                       (unsigned long long)(ms & 0xFFFF));
}

static enum status find_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__EventStreamRequest *request = item->message;
    const int64_t *settled = item->state;
    struct params *params = params_new(item->arena);
    TRY(read_company(item, error));
    params_text(params, item->caller.company_id);
    *step = (struct db_step){ .statement = &log_newest, .params = params };
    if (text_same(request->after, NIL_ID)) {
        step->statement = &log_first;
        return OK;
    }
    params_int(params, *settled);
    if (text_empty(request->after))
        return OK;
    moment made_at = ident_moment(request->after);
    if (!made_at)
        return error_code(error, REJECT, "unknown_event", "there is no such event");
    params_text(params, request->after);
    params_text(params, id_at(item->arena, made_at - OVERTAKE_MS));
    params_int(params, NUMBERS_MAX);
    step->statement = &log_known;
    return OK;
}

static enum status find_tell(struct item *item, const struct rows *rows, struct error *error)
{
    const Pb__EventStreamRequest *request = item->message;
    bool from_first = text_same(request->after, NIL_ID);
    Pb__EventFound *found = PB_NEW(item->arena, event_found);
    PB_SET(found, settled_number, *(const int64_t *)item->state);
    PB_SET(found, number, 0);
    item->reply = &found->base;
    if (rows->count == 0 && !text_empty(request->after) && !from_first)
        return error_code(error, REJECT, "unknown_event", "there is no such event");
    if (rows->count == 0)
        return OK;
    int admitted = rows_column(rows, "admitted_at");
    if (admitted >= 0 && rows_moment(rows, 0, admitted) < moment_now() - EVENT_AGE_MS_MAX)
        return error_code(error, REJECT, "event_too_old", "a stream begins at most 7 days back");
    PB_SET(found, number, rows_int(rows, 0, 0));
    found->id = (char *)rows_text(rows, 0, 1);
    return OK;
}

void log_find(struct batch *batch)
{
    struct error error = { 0 };
    int64_t *settled = ARENA_NEW(batch->arena, int64_t);
    enum status status = settle(batch, settled, &error);
    if (status != OK) {
        fail_all(batch, status, &error);
        return;
    }
    for (size_t i = 0; i < batch->count; i++)
        batch->items[i]->state = settled;
    read_run(batch, find_ask, find_tell);
}

/* -- store.event.page */

static const struct statement log_read = {
    .name = "log_read",
    .sql =
        "select e.id, e.type, e.lead_id, e.entity_type, e.entity_id, e.payload, e.actor, e.correlation_id, e.occurred_at, "
        "       e.admitted_at, e.n as number from crm.events e where e.company_id = $1 and e.n > $2 and e.n <= $3 "
        "  and ($4::uuid is null or e.lead_id = $4) "
        "  and ($5::text[] is null or exists (select from unnest($5) t where e.type = t "
        "       or (right(t, 1) = '*' and starts_with(e.type, left(t, -1))))) order by e.n limit $6",
};

struct extent {
    int64_t after, upto;
    bool cut; /* upto is not as far as was asked for */
    bool unsettled;
};

static struct extent extent_of(const Pb__EventPageRequest *request, const struct extent *settled)
{
    struct extent extent = { .after = request->after_number, .upto = settled->upto, .unsettled = settled->unsettled };
    if (request->has_upto_number) {
        extent.upto = request->upto_number;
        extent.unsettled = false;
    }
    extent.cut = extent.upto > extent.after + NUMBERS_MAX;
    if (extent.cut)
        extent.upto = extent.after + NUMBERS_MAX;
    if (extent.upto < extent.after)
        extent.upto = extent.after;
    return extent;
}

static enum status page_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__EventPageRequest *request = item->message;
    struct params *params = params_new(item->arena);
    int64_t limit;
    TRY(read_company(item, error));
    if (!text_empty(request->lead_id) && !ident_valid(request->lead_id))
        return error_code(error, REJECT, "bad_value", "lead_id must be a UUID");
    if (request->after_number < 0 || request->after_number > INT64_MAX - NUMBERS_MAX)
        return error_code(error, REJECT, "bad_value", "after_number is none that was given out");
    struct extent extent = extent_of(request, item->state);
    TRY(read_limit(request->has_limit, request->limit, &limit, error));
    params_text(params, item->caller.company_id);
    params_int(params, extent.after);
    params_int(params, extent.upto);
    params_text_if(params, request->lead_id);
    if (request->n_types > 0)
        params_texts(params, (const char *const *)request->types, request->n_types);
    else
        params_null(params);
    params_int(params, limit);
    *step = (struct db_step){ .statement = &log_read, .params = params };
    return OK;
}

/* How many fit a reply; one always does. */
static size_t count_fitting(const Pb__StreamEvent *const *events, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += protobuf_c_message_get_packed_size(&events[i]->base);
        if (i > 0 && bytes > PAGE_BYTES_MAX)
            return i;
    }
    return count;
}

static enum status page_tell(struct item *item, const struct rows *rows, struct error *error)
{
    const Pb__EventPageRequest *request = item->message;
    struct extent extent = extent_of(request, item->state);
    Pb__EventPage *page = PB_NEW(item->arena, event_page);
    int64_t limit;
    TRY(read_limit(request->has_limit, request->limit, &limit, error));
    size_t count = pbrow_read_all(item->arena, &pb__stream_event__descriptor, rows, (void ***)&page->items);
    page->n_items = count_fitting((const Pb__StreamEvent *const *)page->items, count);
    bool whole = page->n_items == count && count < (size_t)limit;
    PB_SET(page, through_number, whole ? extent.upto : page->items[page->n_items - 1]->number);
    PB_SET(page, more, !whole || extent.cut);
    PB_SET(page, unsettled, extent.unsettled);
    item->reply = &page->base;
    return OK;
}

void log_page(struct batch *batch)
{
    struct error error = { 0 };
    struct extent *settled = ARENA_NEW(batch->arena, struct extent);
    int64_t newest = 0;
    enum status status = settled_look(batch, &settled->upto, &newest, &error);
    if (status != OK) {
        fail_all(batch, status, &error);
        return;
    }
    settled->unsettled = settled->upto < newest;
    for (size_t i = 0; i < batch->count; i++)
        batch->items[i]->state = settled;
    read_run(batch, page_ask, page_tell);
}
