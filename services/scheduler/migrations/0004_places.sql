-- Where a job is said: written once in jobs.jobs, it stands in jobs.waiting or jobs.processing as long as it is not over, and ends as a row of jobs.completed.
-- A job that goes at once and completes is three rows written and one deleted: nothing is updated, and no index of the backlog hears of it.

-- What a completed job came to. dispatch and dispatched_at are of the run that completed it; NULL: none did (skipped, or over in favour of another).
CREATE TABLE jobs.completed (
    job_id uuid PRIMARY KEY,
    company_id uuid NOT NULL,
    attempts smallint NOT NULL,
    dispatch integer,
    dispatched_at timestamptz,
    finished_at timestamptz NOT NULL,
    result json
);
INSERT INTO jobs.completed (job_id, company_id, attempts, dispatch, dispatched_at, finished_at, result)
    SELECT id, company_id, coalesce(attempts, 0), dispatch, dispatched_at, finished_at, result FROM jobs.jobs WHERE finished_at IS NOT NULL;
DROP VIEW jobs.runs;
CREATE VIEW jobs.runs AS
    SELECT job_id, dispatch, attempt, started_at, finished_at, outcome, error, code FROM jobs.job_attempts
    UNION ALL
    SELECT job_id, dispatch, attempts, dispatched_at, finished_at, 'completed', NULL, NULL FROM jobs.completed WHERE dispatch IS NOT NULL;

-- Words that are compared byte by byte, whatever the database's language.
ALTER TABLE jobs.jobs DROP COLUMN finished_at, DROP COLUMN attempts, DROP COLUMN result, DROP COLUMN dispatch, DROP COLUMN dispatched_at,
    ALTER COLUMN task_name TYPE text COLLATE "C", ALTER COLUMN idempotency_key TYPE text COLLATE "C";
ALTER TABLE jobs.jobs RESET (fillfactor);

-- A job that a worker has. place_at, error, code and replayed are kept for the case that it comes back.
CREATE TABLE jobs.processing (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL,
    task text COLLATE "C" NOT NULL,
    priority smallint NOT NULL,
    run_at timestamptz NOT NULL,
    place_at timestamptz NOT NULL,
    lane_1 bigint,
    lane_2 bigint,
    attempts smallint NOT NULL DEFAULT 0,
    attempts_max smallint NOT NULL,
    dispatch integer NOT NULL DEFAULT 1,
    dispatched_at timestamptz NOT NULL,
    deadline_at timestamptz NOT NULL,
    error text,
    code text,
    replayed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_threshold = -1,
        autovacuum_analyze_scale_factor = 0.5, autovacuum_vacuum_cost_delay = 0);
-- what should be back, and how much is under way
CREATE INDEX processing_task ON jobs.processing (task, deadline_at);
-- who holds a place of a lane
CREATE INDEX processing_lane_1 ON jobs.processing (lane_1) WHERE lane_1 IS NOT NULL;
CREATE INDEX processing_lane_2 ON jobs.processing (lane_2) WHERE lane_2 IS NOT NULL;
INSERT INTO jobs.processing (id, company_id, task, priority, run_at, place_at, lane_1, lane_2, attempts, attempts_max, dispatch, dispatched_at, deadline_at,
        error, code, replayed, created_at)
    SELECT id, company_id, task, priority, run_at, place_at, lane_1, lane_2, attempts, attempts_max, dispatch, dispatched_at, deadline_at, error, code, replayed,
        created_at FROM jobs.unfinished WHERE stage = 4;
DELETE FROM jobs.unfinished WHERE stage = 4;

-- A job that waits: for its time, in a lane, for a worker, for a person. Stage 4 is in none of these rows.
DROP VIEW jobs.ready;
ALTER TABLE jobs.unfinished RENAME TO waiting;
ALTER TABLE jobs.waiting DROP COLUMN dispatched_at, DROP COLUMN deadline_at, ALTER COLUMN task TYPE text COLLATE "C";
ALTER TABLE jobs.waiting RENAME CONSTRAINT unfinished_pkey TO waiting_pkey;
ALTER INDEX jobs.unfinished_ready RENAME TO waiting_ready;
ALTER INDEX jobs.unfinished_due_live RENAME TO waiting_due_live;
ALTER INDEX jobs.unfinished_due_low RENAME TO waiting_due_low;
ALTER INDEX jobs.unfinished_lane_1 RENAME TO waiting_lane_1;
ALTER INDEX jobs.unfinished_lane_2 RENAME TO waiting_lane_2;
DROP INDEX jobs.unfinished_front_1, jobs.unfinished_front_2, jobs.unfinished_list;
CREATE INDEX waiting_front_1 ON jobs.waiting (lane_1) WHERE lane_1 IS NOT NULL AND stage BETWEEN 2 AND 3;
CREATE INDEX waiting_front_2 ON jobs.waiting (lane_2) WHERE lane_2 IS NOT NULL AND stage = 3;
CREATE INDEX waiting_list ON jobs.waiting (company_id, status, task, created_at, id);
CREATE VIEW jobs.ready AS
    SELECT id, company_id, task, priority, status, place_at, lane_1, lane_2 FROM jobs.waiting WHERE stage = 3;

-- Both, for whoever reads.
CREATE VIEW jobs.unfinished AS
    SELECT id, company_id, task, priority, status, stage, run_at, place_at, lane_1, lane_2, attempts, attempts_max, dispatch,
        NULL::timestamptz AS dispatched_at, NULL::timestamptz AS deadline_at, error, code, replayed, created_at, updated_at FROM jobs.waiting
    UNION ALL
    SELECT id, company_id, task, priority, 'processing', 4::smallint, run_at, place_at, lane_1, lane_2, attempts, attempts_max, dispatch,
        dispatched_at, deadline_at, error, code, replayed, created_at, dispatched_at FROM jobs.processing;

DROP FUNCTION jobs.complete, jobs.add, jobs.take, jobs.pick;
DROP TYPE jobs.outcome;
