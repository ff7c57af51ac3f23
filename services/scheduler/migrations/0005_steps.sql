-- New jobs and completed ones, each in one call, by steps of which each is a function: what can go to a worker at once is written as processing,
-- and nobody picks it. The callers are add.c and complete.c; what most calls need not do is asked for by a cheap test first.

-- A job as its caller sends it, in the order of its key, no id twice. run_at is never before `at`; turn: its place among equals of the call;
-- place_1, place_2: numbers of its lanes among those of the call; skipped: why there is nothing to do, NULL: there is.
CREATE TYPE jobs.new_job AS (id uuid, company_id uuid, task text, params json, priority integer, attempts_max integer, key text,
    correlation_id text, traceparent text, run_at timestamptz, turn integer, place_1 integer, place_2 integer, skipped text);

-- What a call answers. kind 1, once: what was written: `held` of jobs.complete; `added`, ids, NULL for all; `stages` of those that were added and
-- have work to do, in order. 2: a job that was picked, everything from id on. 3: only what each may say: wake_at, when the dispatcher must look at
-- a lane or task, and busy, another scheduler holds a task.
CREATE TYPE jobs.outcome AS (kind smallint, wake_at timestamptz, busy boolean, held integer[], added uuid[], stages smallint[],
    id uuid, dispatch integer, company_id uuid, task text, task_params json, priority smallint, attempts smallint, attempts_max smallint,
    correlation_id text, traceparent text, created_at timestamptz, replayed boolean, run_at timestamptz);

CREATE TYPE jobs.lanes_seen AS (open boolean[], crowded bigint[]); -- by the lane's number; lanes without a free place
CREATE TYPE jobs.placed AS (stages smallint[], gone bigint[], line bigint[]); -- lanes whose job goes; lanes in which one gets in line
CREATE TYPE jobs.entered AS (added uuid[], stages smallint[], wake_at timestamptz, busy boolean, backlog integer[]); -- tasks to be picked for
CREATE TYPE jobs.ended AS (held integer[], tasks text[], lanes bigint[]); -- per run that was ended, but for lanes

-- -- lanes

-- Those that were not there. One that a single job names which is due is written as if that job went; jobs.spend_lanes corrects it.
CREATE FUNCTION jobs.make_lanes(lanes bigint[], companies uuid[], names text[], intervals bigint[], jitters bigint[], limits bigint[], alone boolean[],
        at timestamptz) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    made bigint[];
BEGIN
    WITH new AS (
        INSERT INTO jobs.lanes (id, company_id, name, interval_ms, jitter_ms, in_flight_max, next_at)
        SELECT l.id, l.company_id, l.name, l.interval_ms, l.jitter_ms, l.in_flight_max,
            CASE WHEN l.alone THEN at + (l.interval_ms + floor(random() * (l.jitter_ms + 1))) * interval '1 millisecond' ELSE at END
        FROM unnest(lanes, companies, names, intervals, jitters, limits, alone)
            AS l (id, company_id, name, interval_ms, jitter_ms, in_flight_max, alone)
        ON CONFLICT DO NOTHING RETURNING id)
    SELECT coalesce(array_agg(id), '{}') INTO made FROM new;
    RETURN made;
END $$;

-- How lanes stand whose locks we hold: one is open if its pace has passed, nobody stands in line and a place is free. The newest limits are the
-- lane's. Those we made are empty.
CREATE FUNCTION jobs.see_lanes(lanes bigint[], intervals bigint[], jitters bigint[], limits bigint[], alone boolean[], made bigint[], at timestamptz)
    RETURNS jobs.lanes_seen LANGUAGE plpgsql AS $$
DECLARE
    seen jobs.lanes_seen;
    there bigint;
    changed boolean;
BEGIN
    SELECT array_agg(n.alone AND (n.ours OR n.next_at <= at AND n.empty AND NOT n.crowded) ORDER BY n.n),
        array_agg(n.id) FILTER (WHERE n.crowded), count(n.next_at), bool_or(n.changed)
    INTO seen.open, seen.crowded, there, changed FROM (
        SELECT x.id, x.n, x.alone, x.id = ANY (made) AS ours, l.next_at,
            l.interval_ms <> x.interval_ms OR l.jitter_ms <> x.jitter_ms OR l.in_flight_max <> x.in_flight_max AS changed,
            NOT EXISTS (SELECT FROM jobs.waiting AS w WHERE w.lane_1 = x.id AND w.stage BETWEEN 1 AND 3)
                AND NOT EXISTS (SELECT FROM jobs.waiting AS w WHERE w.lane_2 = x.id AND w.stage BETWEEN 2 AND 3) AS empty,
            x.in_flight_max > 0 AND x.in_flight_max <= (SELECT count(*) FROM jobs.processing AS p WHERE p.lane_1 = x.id)
                + (SELECT count(*) FROM jobs.processing AS p WHERE p.lane_2 = x.id) AS crowded
        FROM unnest(lanes, intervals, jitters, limits, alone) WITH ORDINALITY AS x (id, interval_ms, jitter_ms, in_flight_max, alone, n)
            LEFT JOIN LATERAL (SELECT * FROM jobs.lanes AS l WHERE l.id = x.id LIMIT 1) AS l ON true) AS n;
    IF there < cardinality(lanes) THEN
        RAISE EXCEPTION 'a lane was cleared away just now' USING ERRCODE = 'serialization_failure';
    END IF;
    IF changed THEN
        UPDATE jobs.lanes AS l SET interval_ms = x.interval_ms, jitter_ms = x.jitter_ms, in_flight_max = x.in_flight_max
        FROM unnest(lanes, intervals, jitters, limits) AS x (id, interval_ms, jitter_ms, in_flight_max)
        WHERE l.id = ANY (lanes) AND l.id = x.id AND (l.interval_ms <> x.interval_ms OR l.jitter_ms <> x.jitter_ms OR l.in_flight_max <> x.in_flight_max);
    END IF;
    RETURN seen;
END $$;

-- The pace of lanes whose job goes is spent; a new lane was written as if it would be. Who stands in line is looked after when it opens: answers
-- when that is.
CREATE FUNCTION jobs.spend_lanes(made bigint[], gone bigint[], line bigint[], crowded bigint[], at timestamptz) RETURNS timestamptz
    LANGUAGE plpgsql AS $$
DECLARE
    unspent bigint[];
    spent bigint[];
    wake_at timestamptz;
BEGIN
    IF line IS NULL AND made @> gone AND gone @> made THEN
        RETURN NULL;
    END IF;
    unspent := ARRAY(SELECT l FROM unnest(made) AS l WHERE gone IS NULL OR l <> ALL (gone));
    spent := ARRAY(SELECT l FROM unnest(gone) AS l WHERE l <> ALL (made));
    WITH told AS (
        UPDATE jobs.lanes AS l SET
            next_at = CASE WHEN l.id = ANY (spent) THEN at + (l.interval_ms + floor(random() * (l.jitter_ms + 1))) * interval '1 millisecond'
                WHEN l.id = ANY (unspent) THEN at ELSE l.next_at END,
            wake_at = CASE WHEN l.id = ANY (line) AND (crowded IS NULL OR l.id <> ALL (crowded))
                THEN least(l.wake_at, CASE WHEN l.id = ANY (unspent) THEN at ELSE greatest(l.next_at, at) END) ELSE l.wake_at END
        WHERE l.id = ANY (unspent || spent || line) AND (l.interval_ms + l.jitter_ms > 0 OR l.id = ANY (line)) RETURNING l.wake_at)
    SELECT min(told.wake_at) INTO wake_at FROM told;
    RETURN wake_at;
END $$;

-- Lanes that somebody left: when the dispatcher must look at those in which others stand.
CREATE FUNCTION jobs.wake_lanes(lanes bigint[], at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    woken bigint[] := ARRAY(SELECT l FROM unnest(lanes) AS l
        WHERE EXISTS (SELECT FROM jobs.waiting AS w WHERE w.lane_1 = l AND w.stage BETWEEN 1 AND 3)
            OR EXISTS (SELECT FROM jobs.waiting AS w WHERE w.lane_2 = l AND w.stage BETWEEN 2 AND 3));
    wake_at timestamptz;
BEGIN
    IF cardinality(woken) > 0 THEN
        WITH told AS (
            UPDATE jobs.lanes AS l SET wake_at = least(l.wake_at, greatest(l.next_at, at)) WHERE l.id = ANY (woken) RETURNING l.wake_at)
        SELECT min(told.wake_at) INTO wake_at FROM told;
    END IF;
    RETURN wake_at;
END $$;

-- -- new jobs

-- How many jobs of a task workers have, found along the index in its order, which forgets rows that are gone; a bitmap would visit them each time.
CREATE FUNCTION jobs.under_way(wanted_task text) RETURNS bigint LANGUAGE plpgsql SET enable_bitmapscan = off AS $$
BEGIN
    RETURN (SELECT count(*) FROM jobs.processing AS p WHERE p.task = wanted_task);
END $$;

-- A task, whose lock we hold, has nothing ready and room for so many more.
CREATE FUNCTION jobs.has_room(wanted_task text, wanted bigint, capacity bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN NOT EXISTS (SELECT FROM jobs.waiting AS w WHERE w.stage = 3 AND w.task = wanted_task) AND jobs.under_way(wanted_task) + wanted <= capacity;
END $$;

-- Answers which are new, NULL for all. strict: one that is neither new nor known is a failure (PS001).
CREATE FUNCTION jobs.write_jobs(new jobs.new_job[], strict boolean, at timestamptz) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    added uuid[];
BEGIN
    WITH written AS (
        INSERT INTO jobs.jobs (id, company_id, task_name, task_params, priority, attempts_max, idempotency_key, correlation_id, traceparent, created_at)
        SELECT s.id, s.company_id, s.task, s.params, s.priority, s.attempts_max, s.key, s.correlation_id, s.traceparent, at FROM unnest(new) AS s
        ON CONFLICT DO NOTHING RETURNING id)
    SELECT array_agg(id) INTO added FROM written;
    IF cardinality(added) = cardinality(new) THEN
        RETURN NULL;
    END IF;
    added := coalesce(added, '{}');
    IF strict AND EXISTS (
        SELECT FROM unnest(new) AS s WHERE s.id <> ALL (added)
            AND NOT EXISTS (SELECT FROM jobs.jobs AS j WHERE j.company_id = s.company_id AND j.idempotency_key = s.key)
            AND NOT EXISTS (SELECT FROM jobs.jobs AS j WHERE j.id = s.id AND j.company_id = s.company_id)) THEN
        RAISE EXCEPTION 'the id belongs to another job' USING ERRCODE = 'PS001';
    END IF;
    RETURN added;
END $$;

-- Those with nothing to do are over.
CREATE FUNCTION jobs.skip_jobs(new jobs.new_job[], added uuid[], at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH skipped AS (
        SELECT s.id, s.company_id, s.task, s.skipped FROM unnest(new) AS s
        WHERE s.skipped IS NOT NULL AND (added IS NULL OR s.id = ANY (added))),
    over AS (
        INSERT INTO jobs.completed (job_id, company_id, attempts, finished_at, result)
        SELECT s.id, s.company_id, 0, at, json_build_object('outcome', 'skipped', 'reason', s.skipped) FROM skipped AS s)
    INSERT INTO jobs.counts AS c (company_id, task, slot, queued, processing, completed, failed, dlq, total)
    SELECT s.company_id, s.task, pg_backend_pid(), 0, 0, count(*), 0, 0, count(*) FROM skipped AS s GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (company_id, task, slot) DO UPDATE SET completed = c.completed + excluded.completed, total = c.total + excluded.total;
END $$;

-- Writes where new jobs stand. direct: tasks whose due jobs go if their lanes are open; without lanes `open` is NULL.
CREATE FUNCTION jobs.place(new jobs.new_job[], added uuid[], lanes bigint[], open boolean[], direct text[], tasks text[], deadlines timestamptz[],
        at timestamptz) RETURNS jobs.placed LANGUAGE plpgsql AS $$
DECLARE
    p jobs.placed;
BEGIN
    WITH placed AS MATERIALIZED (
        SELECT s.id, s.company_id, s.task, s.priority, s.run_at, s.run_at + s.turn * interval '1 microsecond' AS place_at,
            lanes[s.place_1] AS lane_1, lanes[s.place_2] AS lane_2, s.attempts_max,
            CASE WHEN s.run_at > at THEN 0 WHEN NOT open[s.place_1] OR NOT open[s.place_2] THEN 1 WHEN s.task = ANY (direct) THEN 4
                ELSE 3 END::smallint AS stage
        FROM unnest(new) AS s WHERE s.skipped IS NULL AND (added IS NULL OR s.id = ANY (added))),
    started AS (
        INSERT INTO jobs.processing (id, company_id, task, priority, run_at, place_at, lane_1, lane_2, attempts_max, dispatched_at, deadline_at, created_at)
        SELECT id, company_id, task, priority, run_at, place_at, lane_1, lane_2, attempts_max, at, deadlines[array_position(tasks, task)], at
        FROM placed WHERE stage = 4),
    lined AS (
        INSERT INTO jobs.waiting (id, company_id, task, priority, status, stage, run_at, place_at, lane_1, lane_2, attempts_max, created_at, updated_at)
        SELECT id, company_id, task, priority, 'queued', stage, run_at, place_at, lane_1, lane_2, attempts_max, at, at FROM placed WHERE stage <> 4),
    counted AS (
        INSERT INTO jobs.counts AS c (company_id, task, slot, queued, processing, completed, failed, dlq, total)
        SELECT company_id, task, pg_backend_pid(), count(*) FILTER (WHERE stage <> 4), count(*) FILTER (WHERE stage = 4), 0, 0, 0, count(*)
        FROM placed GROUP BY company_id, task ORDER BY company_id, task
        ON CONFLICT (company_id, task, slot) DO UPDATE SET queued = c.queued + excluded.queued,
            processing = c.processing + excluded.processing, total = c.total + excluded.total)
    SELECT array_agg(stage),
        array_agg(lane_1) FILTER (WHERE stage = 4 AND lane_1 IS NOT NULL) || array_agg(lane_2) FILTER (WHERE stage = 4 AND lane_2 IS NOT NULL),
        array_agg(lane_1) FILTER (WHERE stage = 1)
    INTO p FROM placed;
    RETURN p;
END $$;

-- Writes jobs and decides which can go now.
--   lanes .. alone  their lanes, each once, in the order of their ids; alone: one job names it, and that one is due
--   also            further lanes to be locked, and then a job that is neither new nor known is a failure (PS001); NULL: neither
--   tasks .. deadlines  tasks: how many jobs are due, how many may be with workers once they are, when they must be back
--
-- Locks: new keys, new lanes, lane locks; from there on nothing waits. (A key waits for whoever is completing its job, and he for lane locks.) A lane
-- that was made here is ours without a lock. A job goes at once if its lanes are open, and if its task has room for all due jobs of this call and
-- nothing ready; if only the task has no room, it is ready. The others get in line, and the dispatcher looks after their lanes.
CREATE FUNCTION jobs.enter(new jobs.new_job[], lanes bigint[], lane_companies uuid[], lane_names text[], intervals bigint[], jitters bigint[],
        limits bigint[], alone boolean[], also bigint[], tasks text[], due bigint[], rooms bigint[], deadlines timestamptz[], at timestamptz)
    RETURNS jobs.entered LANGUAGE plpgsql AS $$
DECLARE
    e jobs.entered;
    p jobs.placed;
    seen jobs.lanes_seen;
    made bigint[] := '{}';
    others bigint[] := '{}'; -- lanes that were there
    direct text[] := '{}';
BEGIN
    e.added := jobs.write_jobs(new, also IS NOT NULL, at);
    e.busy := false;
    e.backlog := '{}';
    IF cardinality(lanes) > 0 THEN
        made := jobs.make_lanes(lanes, lane_companies, lane_names, intervals, jitters, limits, alone, at);
        seen.open := alone;
        IF cardinality(made) < cardinality(lanes) THEN
            others := ARRAY(SELECT l FROM unnest(lanes) AS l WHERE l <> ALL (made));
        END IF;
    END IF;
    IF cardinality(also || others) > 0 THEN
        PERFORM pg_advisory_xact_lock(l) FROM (SELECT l FROM unnest(also || others) AS l GROUP BY l ORDER BY l) AS sorted;
    END IF;
    IF cardinality(others) > 0 THEN
        seen := jobs.see_lanes(lanes, intervals, jitters, limits, alone, made, at);
    END IF;
    FOR i IN 1 .. coalesce(cardinality(tasks), 0) LOOP
        CONTINUE WHEN due[i] = 0;
        IF NOT jobs.hold_task(tasks[i]) THEN
            e.busy := true;
        ELSIF jobs.has_room(tasks[i], due[i], rooms[i]) THEN
            direct := direct || tasks[i];
        ELSE
            e.backlog := e.backlog || i;
        END IF;
    END LOOP;
    p := jobs.place(new, e.added, lanes, seen.open, direct, tasks, deadlines, at);
    e.stages := p.stages;
    IF coalesce(cardinality(p.stages), 0) < coalesce(cardinality(e.added), cardinality(new)) THEN
        PERFORM jobs.skip_jobs(new, e.added, at);
    END IF;
    IF cardinality(lanes) > 0 THEN
        e.wake_at := jobs.spend_lanes(made, p.gone, p.line, seen.crowded, at);
    END IF;
    RETURN e;
END $$;

-- -- picks

-- Takes ready jobs of a task: they are processing after it, to be published when the caller's transaction commits.
--   $1 task   $2, $3 lowest and highest priority   $4 how many at most   $5 what the workers can hold   $6 now   $7 when they must be back
--   $8 only low priority's share: of the picks that make a multiple of 20   $9 jobs with lanes too   $10 the picks are counted
-- No row: nothing is ready, or there is no room. One row without an id: something may be ready and could not be taken.
-- Most calls find nothing, because a job leaves with its enqueue: they are answered before the statement, whose start alone costs 0.3 ms.
--
-- task: its row, if we hold it (jobs.tasks is locked and the setting says so, both before this call, so that what is seen here is younger than
-- the lock); else the scheduler that does picks, and we have no room. room: how many. level: the priority to serve. company: who has ready
-- jobs there, in turn from the one after the last served, one index probe each. candidate: everybody's first, then everybody's second, ... A
-- laned job needs the locks of its lanes; if they are not free it is left for the next look. empty_1, empty_2: as the statement found it,
-- nobody but the job itself stands in that lane, and nothing wakes it. (stage + 0: rows are found by id, not along the index of all ready. They are
-- found by an array of ids, not by a join: PostgreSQL last counted these rows when hardly any waited, and then joins all that wait with all that go.)
CREATE FUNCTION jobs.pick(text, smallint, smallint, bigint, bigint, timestamptz, timestamptz, boolean, boolean, boolean)
    RETURNS TABLE (id uuid, dispatch integer, company_id uuid, task text, task_params json, priority smallint, attempts smallint,
        attempts_max smallint, correlation_id text, traceparent text, created_at timestamptz, replayed boolean, run_at timestamptz,
        lane_1 bigint, empty_1 boolean, lane_2 bigint, empty_2 boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    IF current_setting('parley.task', true) IS DISTINCT FROM $1 THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM jobs.waiting AS u WHERE u.stage = 3 AND u.task = $1 AND u.priority BETWEEN $2 AND $3) THEN
        RETURN;
    END IF;
    -- Results that come between two picks make room. While live work is ready it is not for low priority, beyond its share; whoever brought them
    -- found the task held, and looks again.
    IF $10 AND NOT $8 AND $3 < 90 AND EXISTS (SELECT FROM jobs.waiting AS u WHERE u.stage = 3 AND u.task = $1 AND u.priority >= 90
            AND ($9 OR u.lane_1 IS NULL)) THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH RECURSIVE task AS MATERIALIZED
      (SELECT picks FROM jobs.tasks WHERE name = $1 AND current_setting('parley.task', true) = $1),
     space AS MATERIALIZED (SELECT picks, least($4::bigint,
       $5::bigint - jobs.under_way($1)) AS jobs FROM task),
     room AS MATERIALIZED (SELECT CASE WHEN $8::bool THEN (picks + jobs) / 20 - picks / 20 ELSE jobs END AS jobs FROM space),
     level AS MATERIALIZED (
      SELECT priority, coalesce((SELECT t.company_id FROM jobs.turns AS t WHERE t.task = $1 AND t.priority = u.priority),
        'ffffffff-ffff-ffff-ffff-ffffffffffff') AS last
      FROM jobs.ready AS u WHERE u.task = $1 AND u.priority BETWEEN $2::smallint AND $3::smallint
       AND (SELECT jobs FROM room) > 0 ORDER BY u.priority DESC LIMIT 1),
     company (company_id, lap, n) AS (
      SELECT level.last, 0, 0 FROM level
      UNION ALL
      SELECT s.company_id, s.lap, c.n + 1 FROM company AS c CROSS JOIN level CROSS JOIN LATERAL (SELECT * FROM (
        (SELECT u.company_id, c.lap FROM jobs.ready AS u WHERE u.task = $1 AND u.priority = level.priority
          AND u.company_id > c.company_id AND (c.lap = 0 OR u.company_id <= level.last) ORDER BY u.company_id LIMIT 1)
        UNION ALL
        (SELECT u.company_id, 1 FROM jobs.ready AS u WHERE c.lap = 0 AND u.task = $1
          AND u.priority = level.priority AND u.company_id <= level.last ORDER BY u.company_id LIMIT 1)) AS x ORDER BY lap LIMIT 1) AS s
      WHERE c.n < (SELECT jobs FROM room)),
     share AS MATERIALIZED (
      SELECT greatest(1, least((SELECT jobs FROM room), ceil((SELECT jobs FROM room) * 4.0 / greatest(count(*) - 1, 1))))::bigint AS jobs
      FROM company),
     candidate AS MATERIALIZED (
      SELECT u.id, u.k, c.n, c.company_id FROM company AS c CROSS JOIN LATERAL (
        SELECT id, row_number() OVER (ORDER BY place_at, id) AS k FROM (
          SELECT u.id, u.place_at FROM jobs.ready AS u
          WHERE u.task = $1 AND u.priority = (SELECT priority FROM level) AND u.company_id = c.company_id
           AND (u.lane_1 IS NULL OR $9::bool AND pg_try_advisory_xact_lock(jobs.lane_key(u.lane_1))
            AND (u.lane_2 IS NULL OR pg_try_advisory_xact_lock(jobs.lane_key(u.lane_2))))
          ORDER BY u.place_at, u.id LIMIT (SELECT jobs FROM share)) AS first) AS u
      WHERE c.n > 0 ORDER BY u.k, c.n LIMIT greatest(0, (SELECT jobs FROM room))),
     chosen AS MATERIALIZED (SELECT array_agg(id ORDER BY k, n) AS ids FROM candidate),
     taken AS (
      DELETE FROM jobs.waiting AS u WHERE u.id = ANY ((SELECT ids FROM chosen)::uuid[]) AND u.stage + 0 = 3
      RETURNING u.id, u.company_id, u.task, u.priority, u.run_at, u.place_at, u.lane_1, u.lane_2, u.attempts, u.attempts_max, u.dispatch + 1 AS dispatch,
       u.error, u.code, u.replayed, u.created_at, u.status, array_position((SELECT ids FROM chosen), u.id) AS n),
     started AS (
      INSERT INTO jobs.processing (id, company_id, task, priority, run_at, place_at, lane_1, lane_2, attempts, attempts_max, dispatch, dispatched_at,
       deadline_at, error, code, replayed, created_at)
      SELECT id, company_id, task, priority, run_at, place_at, lane_1, lane_2, attempts, attempts_max, dispatch, $6, $7, error, code, replayed, created_at
      FROM taken),
     turned AS (
      INSERT INTO jobs.turns AS t (task, priority, company_id)
      SELECT $1, level.priority, (SELECT company_id FROM candidate ORDER BY k DESC, n DESC LIMIT 1) FROM level
      WHERE EXISTS (SELECT FROM candidate)
      ON CONFLICT (task, priority) DO UPDATE SET company_id = excluded.company_id WHERE t.company_id <> excluded.company_id),
     spent AS (UPDATE jobs.lanes SET next_at = $6 + (interval_ms + floor(random() * (jitter_ms + 1))) * interval '1 millisecond'
      WHERE id = ANY (ARRAY(SELECT lane_1 FROM taken UNION SELECT lane_2 FROM taken)) AND interval_ms + jitter_ms > 0),
     made AS (UPDATE jobs.tasks SET picks = picks + (SELECT count(*) FROM taken) WHERE name = $1 AND $10::bool AND EXISTS (SELECT FROM taken)),
     delta AS (SELECT company_id, task, -(status = 'queued')::int AS queued, 1 AS processing, 0 AS completed, -(status = 'failed')::int AS failed,
       0 AS dlq, 0 AS total FROM taken),
     counted AS (
      INSERT INTO jobs.counts AS c (company_id, task, slot, queued, processing, completed, failed, dlq, total)
      SELECT company_id, task, pg_backend_pid(), sum(queued), sum(processing), sum(completed), sum(failed), sum(dlq), sum(total)
      FROM delta GROUP BY company_id, task ORDER BY company_id, task
      ON CONFLICT (company_id, task, slot) DO UPDATE SET queued = c.queued + excluded.queued,
       processing = c.processing + excluded.processing, completed = c.completed + excluded.completed,
       failed = c.failed + excluded.failed, dlq = c.dlq + excluded.dlq, total = c.total + excluded.total)
     SELECT u.id, u.dispatch, u.company_id, u.task, j.task_params, u.priority, u.attempts, u.attempts_max, j.correlation_id, j.traceparent,
      j.created_at, u.replayed, u.run_at,
      u.lane_1,
      NOT EXISTS (SELECT FROM jobs.waiting AS o WHERE o.lane_1 = u.lane_1 AND o.stage BETWEEN 1 AND 3 AND o.id <> u.id)
       AND NOT EXISTS (SELECT FROM jobs.waiting AS o WHERE o.lane_2 = u.lane_1 AND o.stage BETWEEN 2 AND 3 AND o.id <> u.id)
       AND NOT EXISTS (SELECT FROM jobs.lanes AS l WHERE l.id = u.lane_1 AND l.wake_at IS NOT NULL),
      u.lane_2,
      NOT EXISTS (SELECT FROM jobs.waiting AS o WHERE o.lane_1 = u.lane_2 AND o.stage BETWEEN 1 AND 3 AND o.id <> u.id)
       AND NOT EXISTS (SELECT FROM jobs.waiting AS o WHERE o.lane_2 = u.lane_2 AND o.stage BETWEEN 2 AND 3 AND o.id <> u.id)
       AND NOT EXISTS (SELECT FROM jobs.lanes AS l WHERE l.id = u.lane_2 AND l.wake_at IS NOT NULL)
     FROM (SELECT WHERE EXISTS (SELECT FROM level) OR NOT EXISTS (SELECT FROM task)) AS one LEFT JOIN taken AS u ON true
      LEFT JOIN LATERAL (SELECT * FROM jobs.jobs AS j WHERE j.id = u.id LIMIT 1) AS j ON true ORDER BY u.n;
END $$;

-- What a pick means for its caller's lanes is in jobs.pick. Takes from ready jobs of a task whose lock is held: where it has both classes, low
-- priority's share (pass 1), live work (2), what is left for low priority (3); else whoever is highest. Lanes in which others stand are left to the
-- dispatcher, under their locks, which the pick has.
CREATE FUNCTION jobs.take(wanted_task text, wanted bigint, capacity bigint, deadline timestamptz, mixed boolean, at timestamptz)
    RETURNS SETOF jobs.outcome LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    o jobs.outcome;
    rest jobs.outcome;
    p record;
    woken bigint[] := '{}';
    taken bigint := 0;
BEGIN
    PERFORM set_config('parley.task', wanted_task, true);
    rest.kind := 3;
    rest.busy := false;
    FOR pass IN CASE WHEN mixed THEN 1 ELSE 3 END .. 3 LOOP
        EXIT WHEN taken >= wanted;
        FOR p IN SELECT * FROM jobs.pick(wanted_task, CASE pass WHEN 2 THEN 90 ELSE 0 END::smallint,
                CASE WHEN mixed AND pass <> 2 THEN 89 ELSE 100 END::smallint, wanted - taken,
                CASE pass WHEN 3 THEN jobs.low_capacity(capacity, mixed) ELSE capacity END, at, deadline, pass = 1, true, mixed) LOOP
            IF p.id IS NULL THEN
                rest.busy := true;
                CONTINUE;
            END IF;
            o := (2, NULL, false, NULL, NULL, NULL, p.id, p.dispatch, p.company_id, p.task, p.task_params, p.priority, p.attempts, p.attempts_max,
                p.correlation_id, p.traceparent, p.created_at, p.replayed, p.run_at);
            taken := taken + 1;
            woken := woken || CASE WHEN p.empty_1 THEN NULL ELSE p.lane_1 END || CASE WHEN p.empty_2 THEN NULL ELSE p.lane_2 END;
            RETURN NEXT o;
        END LOOP;
    END LOOP;
    IF taken > 0 AND taken < wanted THEN
        rest.wake_at := at; -- the level is empty, the next may not be
    END IF;
    IF num_nonnulls(VARIADIC woken) > 0 THEN
        WITH told AS (
            UPDATE jobs.lanes AS l SET wake_at = least(l.wake_at, greatest(l.next_at, at)) WHERE l.id = ANY (woken) RETURNING wake_at)
        SELECT least(rest.wake_at, min(wake_at)) INTO rest.wake_at FROM told;
    END IF;
    RETURN NEXT rest;
END $$;

-- -- what the scheduler calls

-- Writes new jobs and takes along what can go.
--   rooms       per task, how many may be with workers once its due jobs are: what they can hold (capacities), less what is kept for live work
--   mixed       whether the task has both classes
CREATE FUNCTION jobs.add(new jobs.new_job[], lanes bigint[], lane_companies uuid[], lane_names text[], intervals bigint[], jitters bigint[],
        limits bigint[], alone boolean[], tasks text[], due bigint[], rooms bigint[], capacities bigint[], deadlines timestamptz[], mixed boolean[],
        at timestamptz)
    RETURNS SETOF jobs.outcome LANGUAGE plpgsql AS $$
DECLARE
    e jobs.entered := jobs.enter(new, lanes, lane_companies, lane_names, intervals, jitters, limits, alone, NULL, tasks, due, rooms, deadlines, at);
    o jobs.outcome;
    i integer;
BEGIN
    o.kind := 1;
    o.wake_at := e.wake_at;
    o.busy := e.busy;
    o.added := e.added;
    o.stages := e.stages;
    RETURN NEXT o;
    FOREACH i IN ARRAY e.backlog LOOP
        RETURN QUERY SELECT * FROM jobs.take(tasks[i], due[i], capacities[i], deadlines[i], mixed[i], at);
    END LOOP;
END $$;

-- Ends those of these runs that are their jobs' current ones; the others change nothing. In the order of the jobs' ids, no id twice.
CREATE FUNCTION jobs.end_runs(done uuid[], dispatches integer[], results text[], at timestamptz) RETURNS jobs.ended LANGUAGE plpgsql AS $$
DECLARE
    e jobs.ended;
BEGIN
    WITH gone AS (
        DELETE FROM jobs.processing AS p WHERE p.id = ANY (done) AND p.dispatch = dispatches[array_position(done, p.id)]
        RETURNING array_position(done, p.id) AS n, p.id, p.company_id, p.task, p.dispatch, p.dispatched_at, p.attempts, p.lane_1, p.lane_2),
    told AS (
        INSERT INTO jobs.completed (job_id, company_id, attempts, dispatch, dispatched_at, finished_at, result)
        SELECT id, company_id, attempts + 1, dispatch, dispatched_at, at, results[n]::json FROM gone),
    counted AS (
        INSERT INTO jobs.counts AS c (company_id, task, slot, queued, processing, completed, failed, dlq, total)
        SELECT company_id, task, pg_backend_pid(), 0, -count(*), count(*), 0, 0, 0 FROM gone GROUP BY company_id, task ORDER BY company_id, task
        ON CONFLICT (company_id, task, slot) DO UPDATE SET processing = c.processing + excluded.processing,
            completed = c.completed + excluded.completed)
    SELECT coalesce(array_agg(n), '{}'), coalesce(array_agg(task), '{}'),
        coalesce(array_agg(lane_1) FILTER (WHERE lane_1 IS NOT NULL), '{}') || array_agg(lane_2) FILTER (WHERE lane_2 IS NOT NULL)
    INTO e FROM gone;
    RETURN e;
END $$;

-- Ends runs that completed, writes their children and fills the places that got free. parents: per child, its parent's number in done; new is NULL
-- if there are none. held: numbers in done of those that counted. A child of a stale result, or one that is neither new nor known: PS001, and nothing
-- is written; such a batch is finished step by step.
CREATE FUNCTION jobs.complete(new jobs.new_job[], lanes bigint[], lane_companies uuid[], lane_names text[], intervals bigint[], jitters bigint[],
        limits bigint[], alone boolean[], done uuid[], dispatches integer[], results text[], parents integer[], tasks text[], due bigint[],
        rooms bigint[], capacities bigint[], deadlines timestamptz[], mixed boolean[], at timestamptz) RETURNS SETOF jobs.outcome LANGUAGE plpgsql AS $$
DECLARE
    ended jobs.ended := jobs.end_runs(done, dispatches, results, at);
    e jobs.entered;
    o jobs.outcome;
    i integer;
BEGIN
    o.kind := 1;
    o.busy := false;
    o.held := ended.held;
    IF new IS NOT NULL THEN
        IF cardinality(o.held) < cardinality(done) AND NOT parents <@ o.held THEN
            RAISE EXCEPTION 'a stale result has children' USING ERRCODE = 'PS001';
        END IF;
        e := jobs.enter(new, lanes, lane_companies, lane_names, intervals, jitters, limits, alone, ended.lanes, tasks, due, rooms, deadlines, at);
        o.busy := e.busy;
        o.added := e.added;
        o.stages := e.stages;
    ELSIF cardinality(ended.lanes) > 0 THEN
        PERFORM pg_advisory_xact_lock(l) FROM (SELECT l FROM unnest(ended.lanes) AS l GROUP BY l ORDER BY l) AS sorted;
    END IF;
    o.wake_at := e.wake_at;
    IF cardinality(ended.lanes) > 0 THEN
        o.wake_at := least(o.wake_at, jobs.wake_lanes(ended.lanes, at));
    END IF;
    RETURN NEXT o;
    FOREACH i IN ARRAY coalesce(e.backlog, '{}') LOOP
        RETURN QUERY SELECT * FROM jobs.take(tasks[i], due[i], capacities[i], deadlines[i], mixed[i], at);
    END LOOP;
    FOR i IN 1 .. coalesce(cardinality(tasks), 0) LOOP
        CONTINUE WHEN tasks[i] <> ALL (ended.tasks);
        CONTINUE WHEN NOT EXISTS (SELECT FROM jobs.waiting AS w WHERE w.stage = 3 AND w.task = tasks[i]);
        IF jobs.hold_task(tasks[i]) THEN
            RETURN QUERY SELECT * FROM jobs.take(tasks[i], cardinality(array_positions(ended.tasks, tasks[i])), capacities[i], deadlines[i], mixed[i], at);
        ELSE
            o := NULL;
            o.kind := 3;
            o.busy := true;
            RETURN NEXT o;
        END IF;
    END LOOP;
END $$;
