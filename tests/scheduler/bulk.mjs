// Very many jobs at once, written straight into the scheduler's tables as jobs.enqueue and jobs.finish leave them: the only SQL of the tests that knows these tables'
// columns in full. For what would take minutes through the bus; the scheduler finds them at its next look (once a second).
import { randomUUID } from 'node:crypto'

/** The statements run in one transaction, so that no look sees half of them. */
async function transaction(postgres, ...statements) {
  const client = await postgres.pool.connect()
  try {
    await client.query('BEGIN')
    for (const [sql, values] of statements) await client.query(sql, values)
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

const jobs = `INSERT INTO jobs.jobs (id, company_id, task_name, task_params, priority, attempts_max, idempotency_key, correlation_id, created_at)`
const counted = `INSERT INTO jobs.counts AS c (company_id, task, slot, queued, processing, completed, failed, dlq, total)
  SELECT company_id, task, 0, queued, 0, completed, 0, 0, queued + completed FROM (VALUES ($1::uuid, $2::text, $3::bigint, $4::bigint)) AS v (company_id, task, queued, completed)
  ON CONFLICT (company_id, task, slot) DO UPDATE SET queued = c.queued + excluded.queued, completed = c.completed + excluded.completed, total = c.total + excluded.total`

/**
 * `count` jobs that wait: due now, evenly from `from` to `to` (ms since the epoch), or, with `lane` (a name that the scheduler knows already), in that lane's line.
 * Their params are {"n": first + 0 ...}.
 */
export async function bulkWaiting(postgres, { company = randomUUID(), task, count, priority, lane, from, to, first = 0 }) {
  const now = new Date()
  const lane_1 = lane === undefined ? null : await postgres.value('SELECT id FROM jobs.lanes WHERE company_id = $1 AND name = $2', [company, lane])
  const begin = new Date(from ?? now.getTime())
  const spreadMs = to === undefined ? 0 : to - begin.getTime()
  await transaction(postgres,
    [`WITH job AS MATERIALIZED (SELECT gen_random_uuid() AS id, n, $7::timestamptz + n * ($8::float8 / $3::bigint) * interval '1 millisecond' AS run_at
        FROM generate_series(0, $3::bigint - 1) AS n),
      added AS (${jobs} SELECT id, $1::uuid, $2, json_build_object('n', n + $9::bigint), $4::smallint, 6, 'bulk_' || id, 'bulk', $5::timestamptz FROM job)
      INSERT INTO jobs.waiting (id, company_id, task, priority, status, stage, run_at, place_at, lane_1, attempts_max, created_at, updated_at)
      SELECT id, $1, $2, $4, 'queued', CASE WHEN run_at > $5 THEN 0 WHEN $6::bigint IS NOT NULL THEN 1 ELSE 3 END, run_at,
        run_at + n * interval '1 microsecond', $6, 6, $5, $5 FROM job`, [company, task, count, priority, now, lane_1, begin, spreadMs, first]],
    [counted, [company, task, count, 0]])
  return company
}

/** `count` jobs that completed, one every `everyMs` up to `to`; every tenth with its second run. */
export async function bulkFinished(postgres, { company = randomUUID(), task, count, priority, to = Date.now(), everyMs = 10, params = '{}', result = '{}' }) {
  await transaction(postgres,
    [`WITH job AS MATERIALIZED (SELECT gen_random_uuid() AS id, n % 10 = 0 AS retried, $4::timestamptz - ($3::bigint - n) * $5::float8 * interval '1 millisecond' AS at
        FROM generate_series(1, $3::bigint) AS n),
      added AS (${jobs} SELECT id, $1::uuid, $2, $6::json, $7::smallint, 6, 'bulk_' || id, 'bulk_' || id, at FROM job),
      ended AS (INSERT INTO jobs.completed (job_id, company_id, attempts, dispatch, dispatched_at, finished_at, result)
        SELECT id, $1, 1 + retried::int, 1 + retried::int, at, at + interval '1 second', $8::json FROM job)
      INSERT INTO jobs.job_attempts (job_id, dispatch, attempt, started_at, finished_at, outcome, error)
      SELECT id, 1, 1, at, at, 'retry', 'busy' FROM job WHERE retried`, [company, task, count, new Date(to), everyMs, params, priority, result]],
    [counted, [company, task, 0, count]])
  return company
}
