// A database that an earlier release has written: the scheduler of today finds every job where it stood, and goes on with it.
import assert from 'node:assert/strict'
import { randomUUID as uuid } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { House } from './house.mjs'
import { completed } from './worker.mjs'
import { until } from '../support/process.mjs'

const migrations = new URL('../../services/scheduler/migrations/', import.meta.url)
const EARLIER = ['0001_tables', '0002_pick', '0003_direct'] // before a job stood in one place at a time
const house = new House(), task = 'ai.summary'
const ids = { ready: uuid(), later: uuid(), laned: uuid(), retried: uuid(), running: uuid(), dead: uuid(), done: uuid(), merged: uuid(), skipped: uuid() }

/** Rows as that release wrote them. */
async function writeEarlier(client, company, at) {
  const write = (sql, ...values) => client.query(sql, values)
  const minutes = n => new Date(at.getTime() + n * 60000)
  for (const [name, id] of Object.entries(ids))
    await write(`INSERT INTO jobs.jobs (id, company_id, task_name, task_params, priority, attempts_max, idempotency_key, correlation_id, created_at)
      VALUES ($1, $2, $3, $4, 30, 6, $5, 'before', $6)`, id, company, task, JSON.stringify({ name }), `key_${name}`, minutes(-10))
  const end = (id, attempts, dispatch, result) => write(`UPDATE jobs.jobs SET finished_at = $2, attempts = $3, dispatch = $4, dispatched_at = $5, result = $6 WHERE id = $1`,
    id, minutes(-8), attempts, dispatch, dispatch && minutes(-9), result)
  await end(ids.done, 2, 2, '{"text": "short"}')
  await end(ids.merged, 0, null, '{"outcome": "coalesced"}')
  await end(ids.skipped, 0, null, '{"outcome": "skipped"}')
  const ran = (id, outcome) => write(`INSERT INTO jobs.job_attempts (job_id, dispatch, attempt, started_at, finished_at, outcome, error) VALUES ($1, 1, 1, $2, $2, $3, 'busy')`, id, minutes(-9), outcome)
  await ran(ids.done, 'retry')
  await ran(ids.merged, 'coalesced')
  await ran(ids.dead, 'dead')
  await ran(ids.retried, 'retry')
  const lane = await client.query(`INSERT INTO jobs.lanes (id, company_id, name, interval_ms, jitter_ms, in_flight_max, next_at, wake_at)
    VALUES (jobs.lane_id($1, 'one'), $1, 'one', 0, 0, 1, $2, $2) RETURNING id::text`, [company, at])
  const stand = (id, status, stage, more = {}) => {
    const row = { id, company_id: company, task, priority: 30, status, stage, run_at: minutes(-10), place_at: minutes(-10), attempts_max: 6, created_at: minutes(-10), updated_at: minutes(-9), ...more }
    return write(`INSERT INTO jobs.unfinished (${Object.keys(row)}) VALUES (${Object.keys(row).map((_, n) => `$${n + 1}`)})`, ...Object.values(row))
  }
  await stand(ids.ready, 'queued', 3)
  await stand(ids.later, 'queued', 0, { run_at: minutes(60) })
  await stand(ids.laned, 'queued', 1, { lane_1: lane.rows[0].id })
  await stand(ids.retried, 'failed', 0, { run_at: minutes(-1), attempts: 1, dispatch: 1, error: 'busy' })
  await stand(ids.running, 'processing', 4, { dispatch: 1, dispatched_at: new Date(), deadline_at: minutes(5) })
  await stand(ids.dead, 'dlq', 5, { attempts: 1, dispatch: 1, error: 'busy', code: 'gone' })
  await write(`INSERT INTO jobs.counts (company_id, task, slot, queued, processing, completed, failed, dlq, total) VALUES ($1, $2, 0, 3, 1, 3, 1, 1, 9)`, company, task)
}

before(() => house.start({}, 1, async ({ postgres, company }) => {
  const client = await postgres.pool.connect()
  await client.query('CREATE SCHEMA jobs; CREATE TABLE jobs.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL)')
  for (const name of EARLIER) {
    await client.query(readFileSync(new URL(`${name}.sql`, migrations), 'utf8'))
    await client.query('INSERT INTO jobs.migrations VALUES ($1, $2)', [name, new Date()])
  }
  await writeEarlier(client, company, new Date())
  client.release()
}))
after(() => house.stop())

test('every job is told as it stood', async () => {
  const told = Object.fromEntries(await Promise.all(Object.entries(ids).map(async ([name, id]) => [name, (await house.job(id)).status.replace('JOB_STATUS_', '').toLowerCase()])))
  assert.deepEqual(told, { ready: 'queued', later: 'queued', laned: 'queued', retried: 'failed', running: 'processing', dead: 'dlq', done: 'completed', merged: 'completed', skipped: 'completed' })
  const done = await house.job(ids.done)
  assert.equal(done.attempts, 2)
  assert.equal(done.result.text, '{"text": "short"}')
  assert.deepEqual(done.attempt_log.map(run => [run.dispatch, run.outcome]), [[1, 'retry'], [2, 'completed']])
  assert.deepEqual((await house.job(ids.merged)).attempt_log.map(run => run.outcome), ['coalesced'])
  assert.equal((await house.job(ids.dead)).error_message, 'busy')
  assert.deepEqual((await house.list({ status: 'JOB_STATUS_COMPLETED' })).items.map(job => job.id).sort(), [ids.done, ids.merged, ids.skipped].sort())
  assert.deepEqual(await house.countersAgree(), [])
})

test('a key that was used before is the same job', async () => {
  const { job_id, existing } = await house.add({ task, idempotency_key: 'key_done' })
  assert.deepEqual([job_id, existing], [ids.done, true])
})

test('what was under way or waited goes on; its time, its place and its dispatch are kept', async () => {
  const worker = await house.worker(task, () => completed())
  await until('those that are due', async () => (await house.stats()).completed === 7)
  const taken = Object.fromEntries(worker.taken.map(job => [job.params.name, [job.dispatch, job.attempt]]))
  assert.deepEqual(taken, { ready: [1, 1], laned: [1, 1], retried: [2, 2], running: [1, 1] })
  assert.equal((await house.job(ids.later)).status, 'JOB_STATUS_QUEUED')
  await house.replay()
  await until('the dead letter', async () => (await house.stats()).completed === 8)
  assert.deepEqual(await house.countersAgree(), [])
})
