-- jobs: what the scheduler owns. Every time is a parameter of the statement that writes it.

-- A job for good: written once, and once more when it ends. None of its indexed columns changes, so that the end is a HOT update.
CREATE TABLE jobs.jobs (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL,
    task_name text NOT NULL,
    task_params json NOT NULL,
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 100),
    attempts_max smallint NOT NULL CHECK (attempts_max BETWEEN 1 AND 13),
    idempotency_key text CHECK (octet_length(idempotency_key) BETWEEN 1 AND 255),
    correlation_id text,
    traceparent text,
    created_at timestamptz NOT NULL,
    -- set when the job has completed, with what came of it
    finished_at timestamptz,
    attempts smallint,
    result json
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX jobs_key ON jobs.jobs (company_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_list ON jobs.jobs (company_id, task_name, created_at, id);

-- Where a job that has not completed stands; the row goes when the job completes. stage says what it waits for:
--   0 its time (run_at)   1 its first lane   2 its second lane   3 a worker: it is ready   4 its result: it is processing   5 a person: dlq
-- place_at is its place among equals: the run_at it got in line with; a retry keeps it in its lanes.
CREATE TABLE jobs.unfinished (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL,
    task text NOT NULL,
    priority smallint NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'processing', 'failed', 'dlq')),
    stage smallint NOT NULL CHECK (stage BETWEEN 0 AND 5),
    run_at timestamptz NOT NULL,
    place_at timestamptz NOT NULL,
    lane_1 bigint,
    lane_2 bigint,
    attempts smallint NOT NULL DEFAULT 0,
    attempts_max smallint NOT NULL,
    dispatch integer NOT NULL DEFAULT 0,
    dispatched_at timestamptz,
    deadline_at timestamptz,
    error text,
    code text,
    -- put back from the dead letters by a person
    replayed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((stage = 4) = (status = 'processing')),
    CHECK ((stage = 5) = (status = 'dlq')),
    CHECK (stage NOT IN (1, 2) OR lane_1 IS NOT NULL),
    CHECK (lane_2 IS NULL OR lane_1 IS NOT NULL)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.1,
        autovacuum_vacuum_cost_delay = 0);
-- who is next: ready jobs alone, so that a pick never walks past one that can't go
CREATE INDEX unfinished_ready ON jobs.unfinished (task, priority, company_id, place_at, id) WHERE stage = 3;
CREATE VIEW jobs.ready AS
    SELECT id, company_id, task, priority, status, place_at, lane_1, lane_2 FROM jobs.unfinished WHERE stage = 3;
-- what becomes due next; live work has a line of its own
CREATE INDEX unfinished_due_live ON jobs.unfinished (run_at) WHERE stage = 0 AND priority >= 90;
CREATE INDEX unfinished_due_low ON jobs.unfinished (run_at) WHERE stage = 0 AND priority < 90;
-- what should be back, and how much is under way
CREATE INDEX unfinished_processing ON jobs.unfinished (task, deadline_at) WHERE stage = 4;
-- the lines of the lanes, and those at their front (passed on, ready or under way)
CREATE INDEX unfinished_lane_1 ON jobs.unfinished (lane_1, priority DESC, place_at, id) WHERE lane_1 IS NOT NULL AND stage BETWEEN 1 AND 3;
CREATE INDEX unfinished_lane_2 ON jobs.unfinished (lane_2, priority DESC, place_at, id) WHERE lane_2 IS NOT NULL AND stage BETWEEN 2 AND 3;
CREATE INDEX unfinished_front_1 ON jobs.unfinished (lane_1) WHERE lane_1 IS NOT NULL AND stage BETWEEN 2 AND 4;
CREATE INDEX unfinished_front_2 ON jobs.unfinished (lane_2) WHERE lane_2 IS NOT NULL AND stage BETWEEN 3 AND 4;
-- lists and replay
CREATE INDEX unfinished_list ON jobs.unfinished (company_id, status, task, created_at, id) WHERE stage <> 4;

-- One row per run that ended. dispatch only grows, attempt starts again after a replay.
CREATE TABLE jobs.job_attempts (
    job_id uuid NOT NULL,
    dispatch integer NOT NULL,
    attempt smallint NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('completed', 'retry', 'dead', 'deferred', 'coalesced', 'timeout')),
    error text,
    code text,
    PRIMARY KEY (job_id, dispatch)
);

-- Pacing that jobs share by name. A lane's line moves only under its lock (an advisory lock of the transaction).
-- wake_at: when the lane must be looked at again though nothing happens in it; NULL when an enqueue, dispatch or finish will do that.
CREATE TABLE jobs.lanes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id uuid NOT NULL,
    name text NOT NULL,
    interval_ms integer NOT NULL,
    jitter_ms integer NOT NULL,
    in_flight_max integer NOT NULL,
    next_at timestamptz NOT NULL,
    wake_at timestamptz,
    UNIQUE (company_id, name)
) WITH (fillfactor = 70);
-- the key of that lock
CREATE FUNCTION jobs.lane_key(lane bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT hashtextextended('parley.lane.' || lane::text, 0) $$;
CREATE INDEX lanes_wake ON jobs.lanes (wake_at) WHERE wake_at IS NOT NULL;

-- One row per task; whoever dispatches that task holds it. picks: how many were made, for the share of low priority.
CREATE TABLE jobs.tasks (
    name text PRIMARY KEY,
    picks bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Taking turns: the company served last at that priority.
CREATE TABLE jobs.turns (
    task text NOT NULL,
    priority smallint NOT NULL,
    company_id uuid NOT NULL,
    PRIMARY KEY (task, priority)
) WITH (fillfactor = 50);

-- How many jobs are in which state; changed in the statement that changes the rows. A database session adds to rows of its own (slot), so that
-- nobody waits for a counter; slots that are gone are folded into slot 0. completed and total outlive purged rows.
CREATE TABLE jobs.counts (
    company_id uuid NOT NULL,
    task text NOT NULL,
    slot integer NOT NULL,
    queued bigint NOT NULL,
    processing bigint NOT NULL,
    completed bigint NOT NULL,
    failed bigint NOT NULL,
    dlq bigint NOT NULL,
    total bigint NOT NULL,
    PRIMARY KEY (company_id, task, slot)
) WITH (fillfactor = 50);

-- Events owed to the stream: written with what they tell, deleted once the stream has them.
CREATE TABLE jobs.events (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL,
    type text NOT NULL,
    company_id uuid NOT NULL,
    entity_id uuid NOT NULL,
    lead_id text,
    correlation_id text,
    payload json NOT NULL,
    occurred_at timestamptz NOT NULL
);
