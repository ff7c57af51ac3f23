// Figures of the scheduler alone: node tests/scheduler/measure.mjs. Private servers, one scheduler, a no-op worker in this process.
import { House, uuid } from './house.mjs'
import { completed } from './worker.mjs'
import { pause, until } from '../support/process.mjs'

const sorted = list => [...list].sort((a, b) => a - b)
const quantile = (list, q) => sorted(list)[Math.min(list.length - 1, Math.floor(list.length * q))]
const show = (what, figures) => console.log(what.padEnd(46), JSON.stringify(figures))
const ms = number => Math.round(number * 100) / 100
const now = () => new Date()

/** One job at a time on an idle queue: from the enqueue call to the worker's handler. */
async function idleLatency(house, worker, count = 300) {
  const times = []
  for (let i = 0; i < count; i++) {
    const before = performance.now(), taken = worker.taken.length
    await house.add({ params: { i } })
    await until('the job', () => worker.taken.length > taken, 5000, 0)
    times.push(worker.taken.at(-1).at - before)
    await pause(10)
  }
  return { p50_ms: ms(quantile(times, 0.5)), p99_ms: ms(quantile(times, 0.99)) }
}

/** Batches of `batch` enqueued `flight` at a time while the worker runs: first call to last handler call. */
async function through(house, worker, count, batch, flight) {
  const from = worker.taken.length, began = performance.now()
  let sent = 0
  await Promise.all(Array.from({ length: flight }, async () => {
    while (sent < count) {
      sent += batch
      await house.enqueue(...Array.from({ length: batch }, () => ({ params: { n: 1 } })))
    }
  }))
  const enqueued = performance.now()
  await until('all jobs', () => worker.taken.length - from >= count, 120000, 5)
  const handled = performance.now()
  await until('all results', async () => (await house.stats({}, house.company)).processing === 0, 60000, 20)
  return { jobs: count, enqueue_per_s: Math.round(count / (enqueued - began) * 1000), through_per_s: Math.round(count / (handled - began) * 1000),
    finished_per_s: Math.round(count / (performance.now() - began) * 1000) }
}

/** Many due jobs that can't go, written straight into the tables, as fast as SQL goes. */
async function beside(house, worker, count, lane) {
  const company = uuid()
  const task = 'ai.engage'
  await house.postgres.rows(`WITH l AS (INSERT INTO jobs.lanes (id, company_id, name, interval_ms, jitter_ms, in_flight_max, next_at)
      SELECT jobs.lane_id($1::uuid, 'blocked'), $1::uuid, 'blocked', 86400000, 0, 1, $4::timestamptz + interval '1 day' RETURNING id),
    j AS (INSERT INTO jobs.jobs (id, company_id, task_name, task_params, priority, attempts_max, created_at)
      SELECT gen_random_uuid(), $1, $2, '{}', 100, 6, $4 FROM generate_series(1, $3::int) RETURNING id)
    INSERT INTO jobs.waiting (id, company_id, task, priority, status, stage, run_at, place_at, lane_1, attempts_max, created_at, updated_at)
      SELECT j.id, $1, $2, 100, 'queued', CASE WHEN $5 THEN 1 ELSE 3 END, $4, $4, CASE WHEN $5 THEN l.id END, 6, $4, $4 FROM j, l`,
  [company, task, count, now(), lane])
  await house.postgres.rows(`INSERT INTO jobs.counts SELECT $1, $2, 0, $3, 0, 0, 0, 0, $3`, [company, task, count])
  return company
}

const house = await new House().start({ LOG_LEVEL: 'error' })
const only = process.argv[2]
try {
  const worker = await house.worker('ai.engage', () => completed(), { capacity: 2000 })
  await pause(500)
  await through(house, worker, 2000, 50, 4) // warm
  show('idle: enqueue to handler', await idleLatency(house, worker))
  if (!only || only === 'through') {
    show('single adds, 16 in flight', await through(house, worker, 10000, 1, 16))
    show('batches of 256, 4 in flight', await through(house, worker, 40960, 256, 4))
  }
  const count = Number(process.env.BESIDE ?? 200000)
  await beside(house, worker, count, true)
  show(`idle beside ${count} due jobs of a blocked lane`, await idleLatency(house, worker))
  // The crowd fills the first worker's hands and stays there; each more place must go to both companies in turn.
  worker.handle = job => job.company_id === house.company ? completed() : null
  worker.tell(0)
  await pause(1100)
  await beside(house, worker, count, false)
  const times = []
  for (let i = 0; i < 60; i++) {
    const { job_id } = await house.add({ params: { i } })
    const at = performance.now()
    worker.tell(worker.held + 2)
    const job = await until('our job', () => worker.taken.findLast(one => one.job_id === job_id), 5000, 0)
    times.push(job.at - at)
    await pause(5)
  }
  show(`room told to handler, beside ${count} ready of another company`, { p50_ms: ms(quantile(times, 0.5)), p99_ms: ms(quantile(times, 0.99)) })
  console.log((await house.scheduler.admin('/metrics').then(r => r.text())).split('\n').filter(line => /handle_seconds_(sum|count)/.test(line)).join('\n'))
} finally {
  console.log(house.scheduler.text().slice(-2000))
  await house.stop()
}
