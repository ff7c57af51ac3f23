#include "lane.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Lane ids, a few hundred at most. */
struct lane_set {
    int64_t *ids;
    size_t count, room;
};

static bool set_has(const struct lane_set *set, int64_t id)
{
    for (size_t i = 0; set && i < set->count; i++)
        if (set->ids[i] == id)
            return true;
    return false;
}

static void set_add(struct arena *arena, struct lane_set **set, int64_t id)
{
    if (id == 0 || set_has(*set, id))
        return;
    if (!*set)
        *set = ARENA_NEW(arena, struct lane_set);
    if ((*set)->count == (*set)->room) {
        const int64_t *before = (*set)->ids;
        (*set)->room = (*set)->room ? (*set)->room * 2 : 16;
        (*set)->ids = ARENA_ARRAY(arena, int64_t, (*set)->room);
        if (before)
            memcpy((*set)->ids, before, (*set)->count * sizeof *before);
    }
    (*set)->ids[(*set)->count++] = id;
}

static struct params *ids_params(struct change *change, const struct lane_set *set)
{
    struct params *params = params_new(change->arena);
    params_bigints(params, set->ids, set->count);
    return params;
}

/* -- locks */

static const struct statement lock_sql = {
    "lanes_lock",
    "SELECT pg_advisory_xact_lock(k) FROM (SELECT DISTINCT jobs.lane_key(l) AS k FROM unnest($1::bigint[]) AS l ORDER BY 1) AS sorted",
};

static const struct statement there_sql = {
    "lanes_there",
    "SELECT count(*) FROM jobs.lanes WHERE id = ANY ($1::bigint[])",
};

static const struct statement try_sql = {
    "lanes_try",
    "SELECT l FROM unnest($1::bigint[]) AS l WHERE pg_try_advisory_xact_lock(jobs.lane_key(l))",
};

void lanes_locked(struct change *change, int64_t lane)
{
    set_add(change->arena, &change->locked, lane);
}

bool lanes_hold_lock(const struct change *change, int64_t lane)
{
    return set_has(change->locked, lane);
}

void lanes_lock(struct change *change, const int64_t *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lanes_locked(change, lanes[i]);
    if (!change->locked)
        return;
    struct params *params = ids_params(change, change->locked);
    change->lanes_wanted = change->locked->count;
    db_queue(change->db, change->arena, &lock_sql, params, NULL);
    db_queue(change->db, change->arena, &there_sql, params, &change->lanes_there);
}

enum status lanes_sure(const struct change *change, struct error *error)
{
    if (change->lanes_wanted > 0 && (size_t)rows_int(&change->lanes_there, 0, 0) < change->lanes_wanted)
        return error_code(error, RETRY, "lane_gone", "a lane was cleared away just now");
    return OK;
}

/* Of the touched lanes those we hold or can have at once; the others are left. */
static enum status lanes_hold(struct change *change, struct lane_set **ours, struct error *error)
{
    struct lane_set *others = NULL;
    for (size_t i = 0; i < change->lane_count; i++)
        set_add(change->arena, set_has(change->locked, change->lanes[i]) ? ours : &others, change->lanes[i]);
    change->lane_count = 0;
    if (!others)
        return OK;
    struct rows rows;
    TRY(db_run(change->db, change->arena, &try_sql, ids_params(change, others), &rows, error));
    for (size_t i = 0; i < rows.count; i++) {
        lanes_locked(change, rows_int(&rows, i, 0));
        set_add(change->arena, ours, rows_int(&rows, i, 0));
    }
    for (size_t i = 0; i < others->count; i++)
        if (!set_has(change->locked, others->ids[i]))
            set_add(change->arena, &change->left, others->ids[i]);
    return OK;
}

static const struct statement leave_sql = {
    "lanes_leave",
    "UPDATE jobs.lanes SET wake_at = $2::timestamptz + interval '1 microsecond' WHERE id = $1",
};

/* A microsecond on top, which no other wake_at has: whoever moves the lane now knows by that to leave it standing. Not
 * in the transaction, which holds locks and must not wait for whoever holds these; and each lane by itself, so that
 * no row is held while another is waited for. */
void lanes_leave(struct change *change)
{
    for (size_t i = 0; i < change->lane_count; i++)
        set_add(change->arena, &change->left, change->lanes[i]);
    change->lane_count = 0;
    for (size_t i = 0; change->left && i < change->left->count; i++) {
        struct error error = { 0 };
        struct params *params = params_new(change->arena);
        params_int(params, change->left->ids[i]);
        params_moment(params, change->now);
        if (db_run(change->db, change->arena, &leave_sql, params, NULL, &error) != OK)
            log_line(LOG_WARN, "a lane waits for its next job", "error", error.text, NULL);
        change_wake(change, change->now);
    }
}

/* -- moving up */

/*
 * lane: how many may stand at each front now. line: who does, in order. front: those of them whose time has come.
 * moved: rows whose stage changes by that; a row that left or entered its second lane's line makes that lane one to
 * look at. woken: when a lane moves by itself, by its pace or by a retry's time. Each step is linear in the lanes: rows
 * are found by key, fronts by hash.
 */
static const struct statement advance_sql = {
    "lanes_advance",
    "WITH lane AS MATERIALIZED ("
    "  SELECT l.id, l.next_at, l.wake_at, CASE WHEN l.next_at > $2::timestamptz THEN 0 ELSE least("
    "    CASE WHEN l.interval_ms + l.jitter_ms > 0 THEN 1 ELSE 64 END,"
    "    CASE WHEN l.in_flight_max = 0 THEN 64 ELSE greatest(0, l.in_flight_max"
    "      - (SELECT count(*) FROM jobs.processing AS u WHERE u.lane_1 = l.id)"
    "      - (SELECT count(*) FROM jobs.processing AS u WHERE u.lane_2 = l.id)) END) END"
    "    AS room"
    "  FROM jobs.lanes AS l WHERE l.id = ANY ($1::bigint[])),"
    " line AS MATERIALIZED ("
    "  SELECT lane.*, m.* FROM lane CROSS JOIN LATERAL ("
    "    SELECT array_agg(id ORDER BY priority DESC, place_at, id) AS ids, array_agg(side ORDER BY priority DESC, place_at, id) AS sides,"
    "     array_agg(run_at ORDER BY priority DESC, place_at, id) AS run_ats FROM (SELECT * FROM ("
    "      (SELECT u.id, u.priority, u.place_at, u.run_at, 1 AS side FROM jobs.waiting AS u"
    "       WHERE u.lane_1 = lane.id AND u.stage BETWEEN 1 AND 3 ORDER BY u.priority DESC, u.place_at, u.id LIMIT greatest(lane.room, 1))"
    "      UNION ALL"
    "      (SELECT u.id, u.priority, u.place_at, u.run_at, 2 FROM jobs.waiting AS u"
    "       WHERE u.lane_2 = lane.id AND u.stage BETWEEN 2 AND 3 ORDER BY u.priority DESC, u.place_at, u.id LIMIT greatest(lane.room, 1))"
    "     ) AS both_sides ORDER BY priority DESC, place_at, id LIMIT greatest(lane.room, 1)) AS first) AS m),"
    " front AS MATERIALIZED ("
    "  SELECT q.id, q.side FROM line CROSS JOIN LATERAL unnest(ids, sides) WITH ORDINALITY AS q (id, side, n)"
    "  WHERE q.n <= line.room AND q.n < coalesce((SELECT min(r.n) FROM unnest(run_ats) WITH ORDINALITY AS r (at, n) WHERE r.at > $2), 1000)),"
    " judged AS MATERIALIZED ("
    "  SELECT r.id, r.stage AS was, CASE"
    "    WHEN r.lane_1 = ANY ($1) AND r.id NOT IN (SELECT id FROM front WHERE side = 1) THEN 1"
    "    WHEN r.lane_2 IS NULL THEN 3"
    "    WHEN r.stage = 1 THEN 2"
    "    WHEN r.lane_2 = ANY ($1) THEN CASE WHEN r.id IN (SELECT id FROM front WHERE side = 2) THEN 3 ELSE 2 END"
    "    ELSE r.stage END AS becomes"
    "  FROM jobs.waiting AS r WHERE r.id = ANY (ARRAY("
    "    SELECT id FROM front"
    "    UNION SELECT u.id FROM jobs.waiting AS u WHERE u.lane_1 = ANY ($1) AND u.stage BETWEEN 2 AND 3"
    "    UNION SELECT u.id FROM jobs.waiting AS u WHERE u.lane_2 = ANY ($1) AND u.stage = 3))),"
    " moved AS ("
    "  UPDATE jobs.waiting AS u SET stage = j.becomes FROM judged AS j"
    "  WHERE j.becomes <> j.was AND u.id = ANY (ARRAY(SELECT id FROM judged)) AND u.id = j.id AND u.stage + 0 BETWEEN 1 AND 3 RETURNING u.task, u.lane_2, u.stage, j.was),"
    " woken AS ("
    "  UPDATE jobs.lanes AS l SET wake_at = w.at FROM (SELECT id, wake_at, CASE WHEN ids IS NULL THEN NULL WHEN next_at > $2 THEN next_at"
    "    ELSE (SELECT min(r.at) FROM unnest(run_ats[1:room]) AS r (at) WHERE r.at > $2) END AS at FROM line) AS w"
    "  WHERE w.at IS DISTINCT FROM w.wake_at AND l.id = ANY ($1) AND l.id = w.id AND l.wake_at IS NOT DISTINCT FROM w.wake_at RETURNING l.wake_at)"
    " SELECT (SELECT array_agg(DISTINCT lane_2) FROM moved WHERE lane_2 IS NOT NULL AND (was = 1 OR stage = 1)) AS lanes,"
    "  (SELECT array_agg(task) FROM moved WHERE stage = 3) AS ready,"
    "  (SELECT min(wake_at) FROM woken) AS wake_at",
};

enum status lanes_advance(struct change *change, struct error *error)
{
    struct lane_set *ours = NULL;
    change->moved = (struct rows){ 0 };
    TRY(lanes_hold(change, &ours, error));
    if (!ours)
        return OK;
    struct params *params = ids_params(change, ours);
    params_moment(params, change->now);
    db_queue(change->db, change->arena, &advance_sql, params, &change->moved);
    return OK;
}

void lanes_advanced(struct change *change)
{
    const struct rows *rows = &change->moved;
    const char *const *texts;
    if (rows->count == 0)
        return;
    size_t count = rows_texts(rows, 0, 0, change->arena, &texts);
    for (size_t i = 0; i < count; i++)
        change_touch_lane(change, strtoll(texts[i], NULL, 10));
    count = rows_texts(rows, 0, 1, change->arena, &texts);
    for (size_t i = 0; i < count; i++)
        change_touch_task(change, texts[i], 1);
    change_wake(change, rows_moment(rows, 0, 2));
}
