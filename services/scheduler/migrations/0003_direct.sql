-- New jobs and completed ones, each in one call: what can go to a worker at once is written as processing, and nobody picks it.

-- A lane's id follows from its name (lane.c has the same), so that nobody has to look it up, and it is the key of its lock. The first eight
-- bytes of a SHA-256: two lanes that shared an id, which no installation will live to see, would share their pace.
CREATE FUNCTION jobs.lane_id(company_id uuid, name text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT ('x' || encode(substr(sha256(convert_to(company_id::text || '/' || name, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint $$;
ALTER TABLE jobs.lanes ALTER COLUMN id DROP IDENTITY;
UPDATE jobs.unfinished AS u SET
    lane_1 = (SELECT jobs.lane_id(l.company_id, l.name) FROM jobs.lanes AS l WHERE l.id = u.lane_1),
    lane_2 = (SELECT jobs.lane_id(l.company_id, l.name) FROM jobs.lanes AS l WHERE l.id = u.lane_2) WHERE u.lane_1 IS NOT NULL;
ALTER TABLE jobs.lanes DROP CONSTRAINT lanes_pkey;
UPDATE jobs.lanes SET id = jobs.lane_id(company_id, name);
ALTER TABLE jobs.lanes ADD PRIMARY KEY (id);
ALTER TABLE jobs.lanes DROP CONSTRAINT lanes_company_id_name_key;
CREATE OR REPLACE FUNCTION jobs.lane_key(lane bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT lane $$;

-- Whoever dispatches a task holds this lock of the transaction, and no row: nothing is written for it. Answers whether it is ours; never waits.
CREATE FUNCTION jobs.hold_task(task text) RETURNS boolean LANGUAGE sql VOLATILE
    AS $$ SELECT pg_try_advisory_xact_lock(hashtextextended('parley.task.' || task, 0)) $$;

-- The run that completed a job is told by the job itself; jobs.job_attempts has the others.
ALTER TABLE jobs.jobs ADD COLUMN dispatch integer, ADD COLUMN dispatched_at timestamptz;
CREATE VIEW jobs.runs AS
    SELECT job_id, dispatch, attempt, started_at, finished_at, outcome, error, code FROM jobs.job_attempts
    UNION ALL
    SELECT id, dispatch, attempts, dispatched_at, finished_at, 'completed', NULL, NULL FROM jobs.jobs WHERE dispatch IS NOT NULL;

-- What these said is checked before it gets here (spec.c), and follows from how rows are written; PostgreSQL reads each of them anew for every
-- statement that writes, which took a fifth of a small one's time.
ALTER TABLE jobs.jobs DROP CONSTRAINT jobs_priority_check, DROP CONSTRAINT jobs_attempts_max_check, DROP CONSTRAINT jobs_idempotency_key_check;
ALTER TABLE jobs.unfinished DROP CONSTRAINT unfinished_status_check, DROP CONSTRAINT unfinished_stage_check, DROP CONSTRAINT unfinished_check,
    DROP CONSTRAINT unfinished_check1, DROP CONSTRAINT unfinished_check2, DROP CONSTRAINT unfinished_check3;

-- What the functions below answer. kind 0, of complete: held. 1, of add: added, stages. 2: a job that was picked, everything from id on. 3: only
-- what each may say: wake_at, when the dispatcher must look at a lane or task, and busy, another scheduler holds a task.
CREATE TYPE jobs.outcome AS (kind smallint, wake_at timestamptz, busy boolean, held integer[], added uuid[], stages smallint[],
    id uuid, dispatch integer, company_id uuid, task text, task_params json, priority smallint, attempts smallint, attempts_max smallint,
    correlation_id text, traceparent text, created_at timestamptz, replayed boolean, run_at timestamptz);

-- What low priority may hold of a task's workers: an eighth is kept for live work where the task has both classes (mixed), so that somebody who
-- waits never stands behind work that can.
CREATE FUNCTION jobs.low_capacity(capacity bigint, mixed boolean) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT capacity - CASE WHEN mixed THEN capacity / 8 ELSE 0 END $$;

-- Picks ready jobs of a task whose lock is held: where it has both classes, low priority's share (pass 1), live work (2), what is left for low
-- priority (3); else whoever is highest. Lanes in which others stand are left to the dispatcher, under their locks, which the pick has.
CREATE FUNCTION jobs.take(wanted_task text, wanted bigint, capacity bigint, deadline timestamptz, mixed boolean, at timestamptz)
    RETURNS SETOF jobs.outcome LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    o jobs.outcome;
    p record;
    woken bigint[] := '{}';
    taken bigint := 0;
BEGIN
    PERFORM set_config('parley.task', wanted_task, true);
    FOR pass IN CASE WHEN mixed THEN 1 ELSE 3 END .. 3 LOOP
        EXIT WHEN taken >= wanted;
        FOR p IN SELECT * FROM jobs.pick(wanted_task, CASE pass WHEN 2 THEN 90 ELSE 0 END::smallint,
                CASE WHEN mixed AND pass <> 2 THEN 89 ELSE 100 END::smallint, wanted - taken,
                CASE pass WHEN 3 THEN jobs.low_capacity(capacity, mixed) ELSE capacity END, at, deadline, pass = 1, true, mixed) LOOP
            IF p.id IS NULL THEN
                o := (3, NULL, true, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
            ELSE
                o := (2, NULL, false, NULL, NULL, NULL, p.id, p.dispatch, p.company_id, p.task, p.task_params, p.priority, p.attempts, p.attempts_max,
                    p.correlation_id, p.traceparent, p.created_at, p.replayed, p.run_at);
                taken := taken + 1;
                woken := woken || CASE WHEN p.empty_1 THEN NULL ELSE p.lane_1 END || CASE WHEN p.empty_2 THEN NULL ELSE p.lane_2 END;
            END IF;
            RETURN NEXT o;
        END LOOP;
    END LOOP;
    o := (3, NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    IF taken > 0 AND taken < wanted THEN
        o.wake_at := at; -- the level is empty, the next may not be
    END IF;
    IF num_nonnulls(VARIADIC woken) > 0 THEN
        WITH told AS (
            UPDATE jobs.lanes AS l SET wake_at = least(l.wake_at, greatest(l.next_at, at)) WHERE l.id = ANY (woken) RETURNING wake_at)
        SELECT least(o.wake_at, min(wake_at)) INTO o.wake_at FROM told;
    END IF;
    RETURN NEXT o;
END $$;

-- Writes jobs, and takes those along that can go now.
--   ids .. skips   the jobs in the order of their keys, no id twice; due_ats not before `at`; turns: their order in time; places_1,
--                  places_2: their lanes' numbers in lanes
--   lanes .. alone  their lanes, each once, in the order of their ids; alone: one job names it, and that one is due
--   also           further lanes to be locked, and then a job that is neither new nor known is a failure (PS001); NULL: neither
--   tasks .. mixed  the tasks of due jobs: how many are due, what the workers can hold, when they must be back, whether it has both classes
-- added: ids, or NULL for all. stages: of those that were added and have work to do, in order. Then what jobs.take answers.
--
-- Locks: new keys, new lanes, lane locks; from there on nothing waits. (A key waits for whoever is completing its job, and he for lane locks.) A lane that was made here is ours without a lock. A job goes at once if its
-- lanes are open and empty (their pace has passed, nobody stands in line, a place is free), and if its task has room for all due jobs of this
-- call and nothing ready; if only the task has no room, it is ready. The others get in line, and the dispatcher looks after their lanes.
CREATE FUNCTION jobs.add(ids uuid[], companies uuid[], kinds text[], bodies text[], levels smallint[], tries smallint[], keys text[],
        correlations text[], traces text[], due_ats timestamptz[], turns integer[], places_1 integer[], places_2 integer[], skips text[],
        lanes bigint[], lane_companies uuid[], lane_names text[], intervals bigint[], jitters bigint[], limits bigint[], alone boolean[],
        also bigint[], tasks text[], due bigint[], capacities bigint[], deadlines timestamptz[], mixed boolean[], at timestamptz)
    RETURNS SETOF jobs.outcome LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    o jobs.outcome := (1, NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    i integer;
    made bigint[]; -- new lanes
    locks bigint[]; -- the others
    open boolean[]; -- by the lane's number
    there bigint;
    changed boolean;
    crowded bigint[]; -- lanes without a free place
    direct text[] := '{}'; -- tasks
    backlog integer[] := '{}'; -- tasks, by number
    gone bigint[]; -- lanes whose job goes, or may
    line bigint[]; -- lanes in which one gets in line
    spent bigint[];
    unspent bigint[];
BEGIN
    WITH new AS (
        INSERT INTO jobs.jobs (id, company_id, task_name, task_params, priority, attempts_max, idempotency_key, correlation_id, traceparent,
            created_at, finished_at, attempts, result)
        SELECT s.id, s.company_id, s.task, s.params::json, s.priority, s.attempts_max, s.key, s.correlation_id, s.traceparent, at,
            CASE WHEN s.skipped IS NOT NULL THEN at END, CASE WHEN s.skipped IS NOT NULL THEN 0 END,
            CASE WHEN s.skipped IS NOT NULL THEN json_build_object('outcome', 'skipped', 'reason', s.skipped) END
        FROM unnest(ids, companies, kinds, bodies, levels, tries, keys, correlations, traces, skips)
            AS s (id, company_id, task, params, priority, attempts_max, key, correlation_id, traceparent, skipped)
        ON CONFLICT DO NOTHING RETURNING id)
    SELECT coalesce(array_agg(id), '{}') INTO o.added FROM new;
    IF cardinality(o.added) = cardinality(ids) THEN
        o.added := NULL;
    ELSIF also IS NOT NULL AND EXISTS (
        SELECT FROM unnest(ids, companies, keys) AS s (id, company_id, key) WHERE s.id <> ALL (o.added)
            AND NOT EXISTS (SELECT FROM jobs.jobs AS j WHERE j.company_id = s.company_id AND j.idempotency_key = s.key)
            AND NOT EXISTS (SELECT FROM jobs.jobs AS j WHERE j.id = s.id AND j.company_id = s.company_id)) THEN
        RAISE EXCEPTION 'the id belongs to another job' USING ERRCODE = 'PS001';
    END IF;

    IF cardinality(lanes) > 0 THEN
        WITH new AS (
            INSERT INTO jobs.lanes (id, company_id, name, interval_ms, jitter_ms, in_flight_max, next_at)
            SELECT l.id, l.company_id, l.name, l.interval_ms, l.jitter_ms, l.in_flight_max,
                CASE WHEN l.alone THEN at + (l.interval_ms + floor(random() * (l.jitter_ms + 1))) * interval '1 millisecond' ELSE at END
            FROM unnest(lanes, lane_companies, lane_names, intervals, jitters, limits, alone)
                AS l (id, company_id, name, interval_ms, jitter_ms, in_flight_max, alone)
            ON CONFLICT DO NOTHING RETURNING id)
        SELECT array_agg(id) INTO made FROM new;
        open := alone;
    END IF;
    IF cardinality(also) > 0 OR cardinality(lanes) > coalesce(cardinality(made), 0) THEN
        SELECT array_agg(l) INTO locks FROM unnest(lanes) AS l WHERE made IS NULL OR l <> ALL (made);
        PERFORM pg_advisory_xact_lock(l) FROM (SELECT l FROM unnest(locks || also) AS l GROUP BY l ORDER BY l) AS sorted;
    END IF;
    IF cardinality(locks) > 0 THEN
        SELECT array_agg(n.alone AND (n.ours OR n.next_at <= at AND n.empty AND NOT n.crowded) ORDER BY n.n),
            array_agg(n.id) FILTER (WHERE n.crowded), count(n.next_at), bool_or(n.changed)
        INTO open, crowded, there, changed FROM (
            SELECT x.id, x.n, x.alone, m.id IS NOT NULL AS ours, l.next_at,
                l.interval_ms <> x.interval_ms OR l.jitter_ms <> x.jitter_ms OR l.in_flight_max <> x.in_flight_max AS changed,
                NOT EXISTS (SELECT FROM jobs.unfinished AS u WHERE u.lane_1 = x.id AND u.stage BETWEEN 1 AND 3)
                    AND NOT EXISTS (SELECT FROM jobs.unfinished AS u WHERE u.lane_2 = x.id AND u.stage BETWEEN 2 AND 3) AS empty,
                x.in_flight_max > 0 AND x.in_flight_max <=
                    (SELECT count(*) FROM jobs.unfinished AS u WHERE u.lane_1 = x.id AND u.stage BETWEEN 2 AND 4 AND u.stage + 0 = 4)
                    + (SELECT count(*) FROM jobs.unfinished AS u WHERE u.lane_2 = x.id AND u.stage BETWEEN 3 AND 4 AND u.stage + 0 = 4)
                    AS crowded
            FROM unnest(lanes, intervals, jitters, limits, alone) WITH ORDINALITY AS x (id, interval_ms, jitter_ms, in_flight_max, alone, n)
                LEFT JOIN LATERAL (SELECT * FROM jobs.lanes AS l WHERE l.id = x.id LIMIT 1) AS l ON true
                LEFT JOIN unnest(made) AS m (id) ON m.id = x.id) AS n;
        IF there < cardinality(lanes) THEN
            RAISE EXCEPTION 'a lane was cleared away just now' USING ERRCODE = 'serialization_failure';
        END IF;
        IF changed THEN
            UPDATE jobs.lanes AS l SET interval_ms = x.interval_ms, jitter_ms = x.jitter_ms, in_flight_max = x.in_flight_max
            FROM unnest(lanes, intervals, jitters, limits) AS x (id, interval_ms, jitter_ms, in_flight_max)
            WHERE l.id = x.id AND (l.interval_ms <> x.interval_ms OR l.jitter_ms <> x.jitter_ms OR l.in_flight_max <> x.in_flight_max);
        END IF;
    END IF;

    FOR i IN 1 .. coalesce(cardinality(tasks), 0) LOOP
        CONTINUE WHEN due[i] = 0 OR capacities[i] = 0;
        IF NOT jobs.hold_task(tasks[i]) THEN
            o.busy := true;
        ELSIF NOT EXISTS (SELECT FROM jobs.unfinished AS u WHERE u.stage = 3 AND u.task = tasks[i])
            AND (SELECT count(*) FROM jobs.unfinished AS u WHERE u.stage = 4 AND u.task = tasks[i]) + due[i] <=
                jobs.low_capacity(capacities[i], mixed[i] AND 90 > ANY (levels)) THEN
            direct := direct || tasks[i];
        ELSE
            backlog := backlog || i;
        END IF;
    END LOOP;

    WITH new AS (
        INSERT INTO jobs.unfinished (id, company_id, task, priority, status, stage, run_at, place_at, lane_1, lane_2, attempts_max, dispatch,
            dispatched_at, deadline_at, created_at, updated_at)
        SELECT s.id, s.company_id, s.task, s.priority, CASE WHEN s.stage = 4 THEN 'processing' ELSE 'queued' END, s.stage, s.run_at,
            s.run_at + s.n * interval '1 microsecond', lanes[s.place_1], lanes[s.place_2], s.attempts_max,
            CASE WHEN s.stage = 4 THEN 1 ELSE 0 END, CASE WHEN s.stage = 4 THEN at END,
            CASE WHEN s.stage = 4 THEN deadlines[array_position(tasks, s.task)] END, at, at
        FROM (SELECT *, CASE WHEN run_at > at THEN 0 WHEN NOT open[place_1] OR NOT open[place_2] THEN 1 WHEN task = ANY (direct) THEN 4
                ELSE 3 END::smallint AS stage
            FROM unnest(ids, companies, kinds, levels, tries, due_ats, turns, places_1, places_2, skips)
                AS s (id, company_id, task, priority, attempts_max, run_at, n, place_1, place_2, skipped)
            WHERE skipped IS NULL AND (o.added IS NULL OR id = ANY (o.added))) AS s
        RETURNING company_id, task, stage, lane_1, lane_2),
    counted AS (
        INSERT INTO jobs.counts AS c (company_id, task, slot, queued, processing, completed, failed, dlq, total)
        SELECT company_id, task, pg_backend_pid(), count(*) FILTER (WHERE stage <> 4), count(*) FILTER (WHERE stage = 4), 0, 0, 0, count(*)
        FROM new GROUP BY company_id, task ORDER BY company_id, task
        ON CONFLICT (company_id, task, slot) DO UPDATE SET queued = c.queued + excluded.queued,
            processing = c.processing + excluded.processing, total = c.total + excluded.total)
    SELECT array_agg(stage), array_agg(lane_1) FILTER (WHERE stage = 4 AND lane_1 IS NOT NULL)
            || array_agg(lane_2) FILTER (WHERE stage = 4 AND lane_2 IS NOT NULL), array_agg(lane_1) FILTER (WHERE stage = 1)
        INTO o.stages, gone, line FROM new;
    IF num_nonnulls(VARIADIC skips) > 0 THEN
        INSERT INTO jobs.counts AS c (company_id, task, slot, queued, processing, completed, failed, dlq, total)
        SELECT company_id, task, pg_backend_pid(), 0, 0, count(*), 0, 0, count(*) FROM unnest(ids, companies, kinds, skips)
            AS s (id, company_id, task, skipped)
        WHERE skipped IS NOT NULL AND (o.added IS NULL OR id = ANY (o.added)) GROUP BY company_id, task ORDER BY company_id, task
        ON CONFLICT (company_id, task, slot) DO UPDATE SET completed = c.completed + excluded.completed, total = c.total + excluded.total;
    END IF;

    -- The pace of lanes whose job goes is spent; a new lane was written as if it would be. Who stands in line is looked after when it opens.
    IF cardinality(lanes) > 0 THEN
        SELECT array_agg(l) INTO unspent FROM unnest(made) AS l WHERE gone IS NULL OR l <> ALL (gone);
        SELECT array_agg(l) INTO spent FROM unnest(gone) AS l WHERE made IS NULL OR l <> ALL (made);
        IF num_nonnulls(unspent, spent, line) > 0 THEN
            WITH told AS (
                UPDATE jobs.lanes AS l SET
                    next_at = CASE WHEN l.id = ANY (spent) THEN at + (l.interval_ms + floor(random() * (l.jitter_ms + 1))) * interval '1 millisecond'
                        WHEN l.id = ANY (unspent) THEN at ELSE l.next_at END,
                    wake_at = CASE WHEN l.id = ANY (line) AND (crowded IS NULL OR l.id <> ALL (crowded))
                        THEN least(l.wake_at, CASE WHEN l.id = ANY (unspent) THEN at ELSE greatest(l.next_at, at) END) ELSE l.wake_at END
                WHERE l.id = ANY (unspent || spent || line)
                    AND (l.interval_ms + l.jitter_ms > 0 OR l.id = ANY (line)) RETURNING wake_at)
            SELECT min(wake_at) INTO o.wake_at FROM told;
        END IF;
    END IF;
    RETURN NEXT o;
    FOREACH i IN ARRAY backlog LOOP
        RETURN QUERY SELECT * FROM jobs.take(tasks[i], due[i], capacities[i], deadlines[i], mixed[i], at);
    END LOOP;
END $$;

-- Ends runs that completed, writes their children and fills the places that got free.
--   done, dispatches, results  jobs in the order of their ids, no id twice
--   parents        per child, its parent's number in done
--   ids .. at      the children, their lanes, and all tasks with workers: as for jobs.add
-- held: numbers in done of those whose current dispatch it was; the others change nothing. A child of a stale result, or one that is neither
-- new nor known: PS001, and nothing is written; such a batch is finished step by step.
CREATE FUNCTION jobs.complete(done uuid[], dispatches integer[], results text[], parents integer[],
        ids uuid[], companies uuid[], kinds text[], bodies text[], levels smallint[], tries smallint[], keys text[],
        correlations text[], traces text[], due_ats timestamptz[], turns integer[], places_1 integer[], places_2 integer[], skips text[],
        lanes bigint[], lane_companies uuid[], lane_names text[], intervals bigint[], jitters bigint[], limits bigint[], alone boolean[],
        tasks text[], due bigint[], capacities bigint[], deadlines timestamptz[], mixed boolean[], at timestamptz)
    RETURNS SETOF jobs.outcome LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    o jobs.outcome := (0, NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    ended_tasks text[];
    left_lanes bigint[];
    woken bigint[];
    i integer;
    places bigint;
BEGIN
    WITH ended AS (
        DELETE FROM jobs.unfinished AS u USING unnest(done, dispatches, results) WITH ORDINALITY AS f (id, dispatch, result, n)
        WHERE u.id = f.id AND u.dispatch = f.dispatch AND u.stage + 0 = 4
        RETURNING f.n, u.id, u.company_id, u.task, u.dispatch, u.dispatched_at, u.attempts, u.lane_1, u.lane_2, f.result),
    closed AS (
        UPDATE jobs.jobs AS j SET finished_at = at, attempts = e.attempts + 1, result = e.result::json, dispatch = e.dispatch,
            dispatched_at = e.dispatched_at
        FROM ended AS e WHERE j.id = e.id),
    counted AS (
        INSERT INTO jobs.counts AS c (company_id, task, slot, queued, processing, completed, failed, dlq, total)
        SELECT company_id, task, pg_backend_pid(), 0, -count(*), count(*), 0, 0, 0 FROM ended GROUP BY company_id, task ORDER BY company_id, task
        ON CONFLICT (company_id, task, slot) DO UPDATE SET processing = c.processing + excluded.processing,
            completed = c.completed + excluded.completed)
    SELECT coalesce(array_agg(n::integer), '{}'), array_agg(task), coalesce(array_agg(lane_1) FILTER (WHERE lane_1 IS NOT NULL), '{}')
            || array_agg(lane_2) FILTER (WHERE lane_2 IS NOT NULL)
        INTO o.held, ended_tasks, left_lanes FROM ended;
    IF cardinality(ids) > 0 THEN
        IF cardinality(o.held) < cardinality(done) AND EXISTS (SELECT FROM unnest(parents) AS p WHERE p <> ALL (o.held)) THEN
            RAISE EXCEPTION 'a stale result has children' USING ERRCODE = 'PS001';
        END IF;
        RETURN QUERY SELECT * FROM jobs.add(ids, companies, kinds, bodies, levels, tries, keys, correlations, traces, due_ats, turns, places_1,
            places_2, skips, lanes, lane_companies, lane_names, intervals, jitters, limits, alone, left_lanes, tasks, due, capacities, deadlines, mixed, at);
    ELSIF cardinality(left_lanes) > 0 THEN
        PERFORM pg_advisory_xact_lock(l) FROM (SELECT l FROM unnest(left_lanes) AS l GROUP BY l ORDER BY l) AS sorted;
    END IF;
    IF cardinality(left_lanes) > 0 THEN
        SELECT array_agg(l) INTO woken FROM unnest(left_lanes) AS l
        WHERE EXISTS (SELECT FROM jobs.unfinished AS u WHERE u.lane_1 = l AND u.stage BETWEEN 1 AND 3)
            OR EXISTS (SELECT FROM jobs.unfinished AS u WHERE u.lane_2 = l AND u.stage BETWEEN 2 AND 3);
        IF woken IS NOT NULL THEN
            WITH told AS (
                UPDATE jobs.lanes AS l SET wake_at = least(l.wake_at, greatest(l.next_at, at)) WHERE l.id = ANY (woken) RETURNING wake_at)
            SELECT min(wake_at) INTO o.wake_at FROM told;
        END IF;
    END IF;
    RETURN NEXT o;
    FOR i, places IN SELECT array_position(tasks, e.task), count(*) FROM unnest(ended_tasks) AS e (task) GROUP BY e.task LOOP
        CONTINUE WHEN i IS NULL OR capacities[i] = 0
            OR NOT EXISTS (SELECT FROM jobs.unfinished AS u WHERE u.stage = 3 AND u.task = tasks[i]);
        IF jobs.hold_task(tasks[i]) THEN
            RETURN QUERY SELECT * FROM jobs.take(tasks[i], places, capacities[i], deadlines[i], mixed[i], at);
        ELSE
            o := (3, NULL, true, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
            RETURN NEXT o;
        END IF;
    END LOOP;
END $$;
