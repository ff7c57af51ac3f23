-- What a call of many jobs need not do for each of them.

-- No more of a task's jobs than this are with workers: raised under the task's lock by whoever hands them out, and not lowered by results. So most calls
-- know that there is room without counting those under way, which at a slow model are thousands; who does count writes it down. NULL: not counted yet.
ALTER TABLE jobs.tasks ADD COLUMN busy_max bigint;

-- A task, whose lock we hold, has nothing ready and room for so many more; they are taken to be with workers from then on.
CREATE OR REPLACE FUNCTION jobs.has_room(wanted_task text, wanted bigint, capacity bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    busy bigint;
BEGIN
    IF EXISTS (SELECT FROM jobs.waiting AS w WHERE w.stage = 3 AND w.task = wanted_task) THEN
        RETURN false;
    END IF;
    UPDATE jobs.tasks SET busy_max = busy_max + wanted WHERE name = wanted_task AND busy_max + wanted <= capacity;
    IF FOUND THEN
        RETURN true;
    END IF;
    busy := jobs.under_way(wanted_task) + wanted;
    IF busy > capacity THEN
        RETURN false;
    END IF;
    UPDATE jobs.tasks SET busy_max = busy WHERE name = wanted_task;
    RETURN true;
END $$;

-- Answers which are new, NULL for all. strict: one that is neither new nor known is a failure (PS001). ON CONFLICT looks each key up before it writes it,
-- a fifth of what a job costs here: several jobs are first written as if all were new, and once more if one was not.
CREATE OR REPLACE FUNCTION jobs.write_jobs(new jobs.new_job[], strict boolean, at timestamptz) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    added uuid[];
BEGIN
    IF cardinality(new) >= 8 THEN
        BEGIN
            INSERT INTO jobs.jobs (id, company_id, task_name, task_params, priority, attempts_max, idempotency_key, correlation_id, traceparent, created_at)
            SELECT s.id, s.company_id, s.task, s.params, s.priority, s.attempts_max, s.key, s.correlation_id, s.traceparent, at FROM unnest(new) AS s;
            RETURN NULL;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END IF;
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

-- Takes ready jobs of a task: they are processing after it, to be published when the caller's transaction commits.
--   $1 task   $2, $3 lowest and highest priority   $4 how many at most   $5 what the workers can hold   $6 now   $7 when they must be back
--   $8 only low priority's share: of the picks that make a multiple of 20   $9 jobs with lanes too   $10 the picks are counted
-- No row: nothing is ready, or there is no room. One row without an id: something may be ready and could not be taken.
-- Most calls find nothing, because a job leaves with its enqueue: they are answered before the statement, whose start alone costs 0.3 ms.
--
-- task: its row, if we hold it (its lock is taken and the setting says so, both before this call, so that what is seen here is younger than the
-- lock); else the scheduler that does picks, and we have no room. busy: who is counted here need not be counted by jobs.has_room. room: how many.
-- level: the priority to serve. company: who has ready jobs there, in turn from the one after the last served, one index probe each. candidate: everybody's first, then everybody's second, ... A
-- laned job needs the locks of its lanes; if they are not free it is left for the next look. empty_1, empty_2: as the statement found it,
-- nobody but the job itself stands in that lane, and nothing wakes it. (stage + 0: rows are found by id, not along the index of all ready. They are
-- found by an array of ids, not by a join: PostgreSQL last counted these rows when hardly any waited, and then joins all that wait with all that go.)
CREATE OR REPLACE FUNCTION jobs.pick(text, smallint, smallint, bigint, bigint, timestamptz, timestamptz, boolean, boolean, boolean)
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
     busy AS MATERIALIZED (SELECT jobs.under_way($1) AS jobs FROM task),
     space AS MATERIALIZED (SELECT picks, least($4::bigint, $5::bigint - (SELECT jobs FROM busy)) AS jobs FROM task),
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
     made AS (UPDATE jobs.tasks SET picks = picks + CASE WHEN $10::bool THEN (SELECT count(*) FROM taken) ELSE 0 END,
       busy_max = (SELECT jobs FROM busy) + (SELECT count(*) FROM taken) WHERE name = $1 AND EXISTS (SELECT FROM taken)),
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
