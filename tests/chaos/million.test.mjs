// Very many jobs scheduled for later: those that become due leave in time, and a scheduler that is killed again and again loses none and fires none twice.
// CHAOS=full: 1,000,000 jobs, 30 kills.
// Runs by itself: it measures how late jobs leave.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { House, uuid } from '../scheduler/house.mjs'
import { completed } from '../scheduler/worker.mjs'
import { bulkWaiting } from '../scheduler/bulk.mjs'
import { figures } from '../scheduler/live.mjs'
import { pause, until } from '../support/process.mjs'

const full = process.env.CHAOS === 'full'
const LATER = full ? 1000000 : 20000
const KILLS = full ? 30 : 4
const DUE_PER_S = full ? 500 : 200
const SECONDS = full ? 40 : 4
const task = 'sequence.step'
const HOUR_MS = 3600000

const house = new House()
before(async () => {
  await house.start()
  await bulkWaiting(house.postgres, { company: uuid(), task, count: LATER, priority: 70, from: Date.now() + HOUR_MS, to: Date.now() + 240 * HOUR_MS })
})
after(() => house.stop())

/** Every job came to the worker once, with its first dispatch. */
function eachOnce(worker, count) {
  const times = new Map()
  for (const job of worker.taken) times.set(job.params.n, (times.get(job.params.n) ?? 0) + 1)
  assert.equal(times.size, count)
  assert.deepEqual([...times].filter(([, n]) => n > 1), [])
  assert.ok(worker.taken.every(job => job.dispatch === 1 && job.attempt === 1))
}

test(`of ${LATER} jobs scheduled for later those that are due leave in time`, async t => {
  const worker = await house.worker(task, () => completed())
  const handle = worker.handle, late = [], count = DUE_PER_S * SECONDS
  const from = Date.now() + 1500, to = from + SECONDS * 1000
  worker.handle = job => (late.push(Date.now() - (from + job.params.n * 1000 / DUE_PER_S)), handle(job))
  await bulkWaiting(house.postgres, { company: house.company, task, count, priority: 70, from, to })
  await house.allDone(count, SECONDS * 1000 + 60000)
  const { p50, p99, max } = figures(late)
  t.diagnostic(`due to worker: p50 ${p50}, p99 ${p99}, max ${max} ms at ${DUE_PER_S} jobs/s beside ${LATER} for later`)
  eachOnce(worker, count)
  assert.ok(Math.min(...late) > -2, `${Math.min(...late)} ms: before its time`)
  assert.ok(p99 < 2500, `p99 ${p99} ms`) // 250 on a quiet machine
  await house.dismiss()
})

test(`${KILLS} kills of the scheduler: each job fires once`, async t => {
  const company = uuid(), task = 'smartengage.message'
  const worker = await house.worker(task, () => completed())
  const seconds = KILLS * 0.8, count = Math.ceil(DUE_PER_S * seconds)
  const from = Date.now() + 500
  await bulkWaiting(house.postgres, { company, task, count, priority: 65, from, to: from + seconds * 1000 })
  let kills = 0
  for (; kills < KILLS; kills++) {
    const taken = worker.taken.length
    await until('jobs to leave', () => worker.taken.length > taken || worker.taken.length === count, 30000, 1)
    await pause(200 * Math.random())
    await house.scheduler.child.kill()
    await house.scheduler.start()
  }
  t.diagnostic(`${kills} kills while ${count} jobs became due`)
  await until('all done', async () => (await house.stats({}, company)).completed === count, 120000, 50)
  eachOnce(worker, count)
  assert.equal(await house.postgres.value(`SELECT count(*) FROM jobs.unfinished WHERE status = 'queued'`), LATER)
  assert.deepEqual(await house.countersAgree(), [])
})
