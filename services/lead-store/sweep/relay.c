#include "relay.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/event.h"
#include "core/lease.h"
#include "service/event.h"
#include "wire/pbrow.h"

enum {
    RELAY_ITEMS_MAX = 1000,
    AHEAD_ITEMS = RELAY_ITEMS_MAX / 4, /* of a full read: looked at, to see what belongs in front of them */
    LEASE_MS = 10000,
    IDLE_MS = 1000, /* nothing to do: until a commit wakes it */
    KEEP_MS = 100,  /* how long the row may know less than we do of what is published */
    HORIZON_MS = 5, /* an older transaction still runs in front of known events, and its end wakes nobody */
    TROUBLE_MS = 1000,
    REPUBLISH_MS = DAY_MS,
};

static const struct duty *relay_row;
static atomic_bool unheard; /* commits here that no other copy was told of */

static struct metric published = { .name = "parley_events_published_total",
                                   .help = "events published",
                                   .kind = METRIC_COUNTER };
static struct metric behind = { .name = "parley_relay_waiting",
                                .help = "1: events wait for the relay",
                                .kind = METRIC_GAUGE };
static struct metric skipped = { .name = "parley_events_unpublishable_total",
                                 .help = "events the stream refused",
                                 .kind = METRIC_COUNTER };

static void wake(void)
{
    atomic_store(&unheard, true);
    duty_wake(relay_row);
}

void relay_register(const struct duty *row)
{
    relay_row = row;
    event_publisher(wake);
}

/* Where the relay stands; texts as the database wrote them. */
struct watermark {
    char xid[24], n[24];
};

static void watermark_set(struct watermark *at, const char *xid, const char *n)
{
    snprintf(at->xid, sizeof at->xid, "%s", xid);
    snprintf(at->n, sizeof at->n, "%s", n);
}

/* What the duty's one thread knows of its lease; every move of the watermark proves it right, and renews it. */
static struct {
    struct watermark at, kept; /* published up to here; the row's own */
    moment kept_at;
    moment until; /* 0: not held, or not sure */
} standing;

static enum status relay_lease(struct batch *batch, bool *held, struct error *error)
{
    struct rows rows;
    *held = standing.until - batch->now > LEASE_MS / 2;
    if (*held)
        return OK;
    standing.until = 0;
    TRY(lease_take(batch, "events", LEASE_MS, &rows, error));
    *held = rows.count == 1;
    if (*held) {
        watermark_set(&standing.at, rows_text(&rows, 0, 0), rows_text(&rows, 0, 1));
        standing.kept = standing.at;
        standing.until = batch->now + LEASE_MS;
    }
    return OK;
}

/* No transaction that still runs can put anything in front of these. */
static const struct statement relay_read = {
    .name = "relay_read",
    .sql =
        "select id, type, company_id, entity_type, entity_id, lead_id, payload, actor, correlation_id, occurred_at, admitted_at, xid, n, "
        "       (select min(n) from crm.events where xid >= pg_snapshot_xmin(pg_current_snapshot())) as ahead "
        "from crm.events where (xid, n) > ($1::xid8, $2::bigint) and xid < pg_snapshot_xmin(pg_current_snapshot()) "
        "order by xid, n limit $3",
};
/* ... and in front of these one may. */
static const struct statement relay_early = {
    .name = "relay_early",
    .sql = "select exists (select from crm.events where xid >= pg_snapshot_xmin(pg_current_snapshot()))",
};

static enum status events_read(struct batch *batch, struct rows *rows, bool *early, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct db_step steps[] = { { .statement = &relay_early }, { .statement = &relay_read, .params = params } };
    params_text(params, standing.at.xid);
    params_text(params, standing.at.n);
    params_int(params, RELAY_ITEMS_MAX);
    TRY(db_run_all(batch->db, batch->arena, steps, 2, error));
    *early = rows_bool(&steps[0].rows, 0, 0);
    *rows = steps[1].rows;
    return OK;
}

/*
 * Numbers are given out when an event is written, which is under the locks of what it tells of: they are the order of
 * what happened. A transaction has its xid earlier, before it waits for a lock, so one that waited stands too far in
 * front: what is read is published by number, and no further than where everything before has smaller numbers than
 * everything that is known after it, read or still held back by the horizon.
 */
struct place {
    int64_t n;
    size_t row;
};

static int place_compare(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    return (one->n > other->n) - (one->n < other->n);
}

/* How many of the rows; 0: what must come before them is committed and held back, so they wait. */
static size_t page_end(struct arena *arena, const struct rows *rows, int n_column)
{
    int64_t *smallest = ARENA_ARRAY(arena, int64_t, rows->count + 1), largest = 0;
    int64_t ahead = rows_int(rows, 0, rows_column(rows, "ahead"));
    bool full = rows->count == RELAY_ITEMS_MAX;
    size_t end = 0;
    smallest[rows->count] = ahead ? ahead : INT64_MAX;
    for (size_t row = rows->count; row-- > 0;) {
        int64_t n = rows_int(rows, row, n_column);
        smallest[row] = n < smallest[row + 1] ? n : smallest[row + 1];
    }
    for (size_t row = 0; row < rows->count - (full ? AHEAD_ITEMS : 0); row++) {
        int64_t n = rows_int(rows, row, n_column);
        largest = n > largest ? n : largest;
        end = largest < smallest[row + 1] ? row + 1 : end;
    }
    return end || ahead ? end : rows->count;
}

/* The rows of the page, in the order in which they are published. */
static const struct place *page_order(struct arena *arena, const struct rows *rows, size_t count, int n_column)
{
    struct place *places = ARENA_ARRAY(arena, struct place, count + 1);
    for (size_t row = 0; row < count; row++)
        places[row] = (struct place){ rows_int(rows, row, n_column), row };
    qsort(places, count, sizeof *places, place_compare);
    return places;
}

/* How many from the start are out, or can never be (which is a bug of ours, reported, and must not stop the others). */
static size_t events_publish(struct batch *batch, const struct rows *rows, const struct place *order, size_t count)
{
    const Pb__Event **events = ARENA_ARRAY(batch->arena, const Pb__Event *, count);
    enum status *statuses = ARENA_ARRAY(batch->arena, enum status, count);
    void **read;
    pbrow_read_all(batch->arena, &pb__event__descriptor, rows, &read);
    for (size_t i = 0; i < count; i++)
        events[i] = read[order[i].row];
    event_publish_all(batch->arena, events, count, statuses);
    for (size_t i = 0; i < count; i++) {
        if (statuses[i] == RETRY)
            return i;
        metric_add(statuses[i] == OK ? &published : &skipped, NULL, 1);
        if (statuses[i] == REJECT)
            log_line(LOG_ERROR, "event can't be published", "event", events[i]->id, "type", events[i]->type, NULL);
    }
    return count;
}

/* Its commit need not wait for the disk: a watermark that a crash forgets has its events published again. */
static const struct statement relay_move = {
    .name = "relay_move",
    .sql = "update crm.relay set xid = $1::xid8, n = $2::bigint, leased_until = $3 "
           "where name = 'events' and holder = $4 and xid = $5::xid8 and n = $6::bigint "
           "  and set_config('synchronous_commit', 'off', true) is not null",
};

static enum status watermark_keep(struct batch *batch, struct error *error)
{
    struct rows rows;
    struct params *params = params_new(batch->arena);
    moment until = moment_now() + LEASE_MS;
    params_text(params, standing.at.xid);
    params_text(params, standing.at.n);
    params_moment(params, until);
    params_text(params, service_worker_id());
    params_text(params, standing.kept.xid);
    params_text(params, standing.kept.n);
    TRY(db_run(batch->db, batch->arena, &relay_move, params, &rows, error));
    if (!rows.affected)
        return error_set(error, RETRY, "the relay's watermark was moved by another");
    standing.kept = standing.at;
    standing.kept_at = batch->now;
    standing.until = until;
    return OK;
}

/* Not after each page: another copy, or this one after a crash, publishes what the row doesn't know once more. */
static enum status watermark_keep_due(struct batch *batch, int64_t *again_ms, struct error *error)
{
    if (text_same(standing.at.xid, standing.kept.xid) && text_same(standing.at.n, standing.kept.n))
        return OK;
    int64_t due_ms = standing.kept_at + KEEP_MS - batch->now;
    if (due_ms <= 0 || due_ms > KEEP_MS)
        return watermark_keep(batch, error);
    if (*again_ms > due_ms)
        *again_ms = due_ms;
    return OK;
}

/* Index walk from the newest event back to the first that is older; never further back than the watermark already is.
 */
static const struct statement relay_back = {
    .name = "relay_back",
    .sql = "update crm.relay r set xid = coalesce(o.xid, '0'), n = coalesce(o.n, 0) "
           "from (select 1) as one left join lateral "
           "     (select xid, n from crm.events where admitted_at < $1 order by xid desc, n desc limit 1) as o on true "
           "where r.name = 'events' and (r.xid, r.n) > (coalesce(o.xid, '0'), coalesce(o.n, 0))",
};

/* The event log's stream is the one that this service owns. */
static const char *own_stream(void)
{
    const struct bus_stream *const *stream = TOPOLOGY_STREAMS;
    while (!text_same(topology_owner(*stream), "lead-store"))
        stream++;
    return (*stream)->name;
}

static size_t times_vanished(void)
{
    const char *const *names;
    size_t count = service_vanished(&names), times = 0;
    for (size_t i = 0; i < count; i++)
        times += text_same(names[i], own_stream());
    return times;
}

static enum status send_back(struct batch *batch, struct error *error)
{
    struct params *params = params_new(batch->arena);
    params_moment(params, batch->now - REPUBLISH_MS);
    standing.until = 0;
    TRY(db_run(batch->db, batch->arena, &relay_back, params, NULL, error));
    log_line(LOG_ERROR, "event stream was lost, the last 24 h are published again", NULL);
    return OK;
}

/* Any copy may be the one that saw the stream vanish, so any copy may send the watermark back. */
static enum status republish_vanished(struct batch *batch, struct error *error)
{
    static size_t handled;
    size_t times = times_vanished();
    if (times == handled)
        return OK;
    TRY(send_back(batch, error));
    handled = times;
    return OK;
}

/*
 * Asked once a second by the holder, for losses that nobody watched (while we were down, or a second time): a stream
 * whose sequence fell, or that is empty though something was published, is a new one. True: the watermark went back.
 */
static enum status republish_lost(struct batch *batch, bool *back, struct error *error)
{
    static uint64_t seen_sequence;
    static moment due;
    struct bus_stream_state state;
    *back = false;
    if (batch->now < due)
        return OK;
    TRY(bus_stream_state(service_bus(), own_stream(), &state, error));
    due = batch->now + IDLE_MS;
    *back = state.last_sequence < seen_sequence || (state.last_sequence == 0 && !text_same(standing.at.xid, "0"));
    seen_sequence = state.last_sequence;
    return *back ? send_back(batch, error) : OK;
}

/* The same company's events stand together mostly: a repetition now and then harms nobody. */
static void tell_streams(struct batch *batch, const struct rows *rows, const struct place *order, size_t count)
{
    Pb__EventsNudge *message = PB_NEW(batch->arena, events_nudge);
    int column = rows_column(rows, "company_id");
    message->company_ids = ARENA_ARRAY(batch->arena, char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        const char *id = rows_text(rows, order[i].row, column);
        if (message->n_company_ids == 0 || !text_same(message->company_ids[message->n_company_ids - 1], id))
            message->company_ids[message->n_company_ids++] = (char *)id;
    }
    nudge(batch->arena, &NUDGE_EVENTS, message);
}

static void tell_others(struct batch *batch)
{
    if (atomic_exchange(&unheard, false))
        nudge(batch->arena, &NUDGE_RELAY, PB_NEW(batch->arena, empty));
}

/* The watermark passes a page as a whole: what is out of one that is not comes again, under its own ids. */
static void page_relay(struct batch *batch, const struct rows *rows, int64_t *again_ms)
{
    int n_column = rows_column(rows, "n");
    size_t count = page_end(batch->arena, rows, n_column);
    if (count == 0) {
        *again_ms = HORIZON_MS;
        return;
    }
    const struct place *order = page_order(batch->arena, rows, count, n_column);
    if (events_publish(batch, rows, order, count) < count) {
        *again_ms = TROUBLE_MS;
        return;
    }
    tell_streams(batch, rows, order, count);
    watermark_set(&standing.at, rows_text(rows, count - 1, rows_column(rows, "xid")),
                  rows_text(rows, count - 1, n_column));
    if (rows->count == RELAY_ITEMS_MAX)
        *again_ms = 0;
    else if (count < rows->count)
        *again_ms = HORIZON_MS;
}

static enum status relay_step(struct batch *batch, int64_t *again_ms, struct error *error)
{
    bool held, back, early;
    TRY(republish_vanished(batch, error));
    TRY(relay_lease(batch, &held, error));
    *again_ms = IDLE_MS;
    if (!held) {
        tell_others(batch);
        return OK;
    }
    atomic_store(&unheard, false);
    TRY(republish_lost(batch, &back, error));
    if (back) {
        *again_ms = 0;
        return OK;
    }
    struct rows rows;
    TRY(events_read(batch, &rows, &early, error));
    metric_set(&behind, NULL, rows.count > 0 || early);
    if (early)
        *again_ms = HORIZON_MS;
    if (rows.count)
        page_relay(batch, &rows, again_ms);
    return watermark_keep_due(batch, again_ms, error);
}

int64_t relay_run(struct batch *batch)
{
    struct error error = { 0 };
    int64_t again_ms = TROUBLE_MS;
    if (relay_step(batch, &again_ms, &error) == OK)
        return again_ms;
    standing.until = 0;
    log_line(LOG_WARN, "relay will try again", "reason", error.text, NULL);
    return TROUBLE_MS;
}

void relay_stop(struct batch *batch)
{
    struct error error = { 0 };
    if (standing.until && watermark_keep(batch, &error) != OK)
        log_line(LOG_WARN, "relay's watermark is not kept: events are published again", "reason", error.text, NULL);
    standing.until = 0;
    lease_release(batch, "events");
    nudge(batch->arena, &NUDGE_RELAY, PB_NEW(batch->arena, empty));
}
