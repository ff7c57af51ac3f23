// Housekeeping: what it clears away, what it leaves, and that counters outlive both. A scheduler that starts does each of its chores once within a quarter of a minute.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { House, uuid } from './house.mjs'
import { completed, dead } from './worker.mjs'
import { bulkFinished } from './bulk.mjs'
import { until } from '../support/process.mjs'

const house = new House()
before(() => house.start({ JOBS_KEEP_DAYS: '2' }))
after(() => house.stop())

const DAY_MS = 86400000
const ago = days => Date.now() - days * DAY_MS
const task = 'kb.index', send = 'channel.send.whatsapp_cloud'
const jobs = (company, where = 'true') => house.postgres.value(`SELECT count(*) FROM jobs.jobs WHERE company_id = $1 AND ${where}`, [company])

/** Chores are due again when a scheduler starts; `change` is made while none runs. */
async function again(change) {
  await house.scheduler.child.kill()
  const result = await change()
  await house.scheduler.start()
  return result
}

test('finished jobs go with their runs when they are old enough, however many; young, waiting and dead ones stay', async () => {
  const worker = await house.worker(task, job => job.params.die ? dead('as it was told') : completed())
  const { job_id: dlq } = await house.add({ task, params: { die: true } })
  const { job_id: slow } = await house.add({ task })
  await house.allDone(1)
  await until('the dead letter', async () => (await house.stats()).dlq === 1)
  await house.dismiss()
  assert.equal(worker.taken.length, 2)
  const { job_id: waiting } = await house.add({ task, delay_ms: 3600000 })
  const [old, young] = await again(async () => {
    await house.postgres.rows('UPDATE jobs.jobs SET created_at = $1', [new Date(ago(9))]) // `slow` was made long ago and finished just now
    const old = await bulkFinished(house.postgres, { task, count: 4500, priority: 30, to: ago(2.01) })
    return [old, await bulkFinished(house.postgres, { task, count: 100, priority: 30, to: ago(1.9) })]
  })
  await until('the old ones to go', async () => await jobs(old) === 0)
  assert.equal(await jobs(young), 100)
  assert.equal(await jobs(house.company, `id = ANY ('{${dlq},${slow},${waiting}}')`), 3)
  assert.equal(await house.postgres.value('SELECT count(*) FROM jobs.job_attempts WHERE job_id IN (SELECT id FROM jobs.jobs WHERE company_id = $1)', [young]), 10)
  assert.equal(await house.postgres.value('SELECT count(*) FROM jobs.job_attempts WHERE job_id NOT IN (SELECT id FROM jobs.jobs)'), 0)
  assert.equal(await house.postgres.value('SELECT count(*) FROM jobs.completed WHERE job_id NOT IN (SELECT id FROM jobs.jobs)'), 0)
  const { completed: done, total } = await house.stats({}, old)
  assert.deepEqual({ done, total }, { done: 4500, total: 4500 })
  await again(() => house.postgres.rows('UPDATE jobs.completed SET finished_at = $1 WHERE job_id = $2', [new Date(ago(2.01)), slow]))
  await until('the slow one to go', async () => await jobs(house.company) === 2)
  assert.equal((await house.stats()).completed, 1)
})

test('a lane goes when nobody has named it for a day; one that a job names stays, wherever the job waits', async () => {
  const company = uuid()
  const lane = name => ({ name, in_flight_max: 1 })
  const worker = await house.worker(send, () => completed())
  const unused = Array.from({ length: 700 }, (_, n) => `unused ${n}`)
  await house.enqueue(...['idle', 'fresh', ...unused].map(name => ({ company_id: company, task: send, lanes: [lane(name)] })))
  await until('all', async () => (await house.stats({}, company)).completed === 702)
  await house.dismiss()
  await house.enqueue({ company_id: company, task: send, lanes: [lane('first'), lane('second')] }, // in line, no worker
    { company_id: company, task: send, delay_ms: 3600000, lanes: [lane('later'), lane('behind')] })
  const names = async () => (await house.postgres.rows('SELECT name FROM jobs.lanes WHERE company_id = $1 ORDER BY name', [company])).map(row => row.name)
  assert.equal((await names()).length, 706)
  await again(() => house.postgres.rows(`UPDATE jobs.lanes SET next_at = $2 WHERE company_id = $1 AND name <> 'fresh'`, [company, new Date(ago(1.01))]))
  await until('the idle ones to go', async () => (await names()).length === 5)
  assert.deepEqual(await names(), ['behind', 'first', 'fresh', 'later', 'second'])
  await house.worker(send, () => completed())
  await house.add({ company_id: company, task: send, lanes: [lane('idle')] }) // its name may be used again
  await until('those in line', async () => (await house.stats({}, company)).completed === 704)
  assert.equal(worker.taken.length, 702)
  await house.dismiss()
})

test('counters of sessions that are gone are folded into one row, and say the same', async () => {
  const company = uuid()
  await house.worker(task, () => completed())
  for (let n = 0; n < 3; n++) {
    await house.enqueue(...Array.from({ length: 20 }, () => ({ company_id: company, task })))
    await until('them', async () => (await house.stats({}, company)).completed === 20 * (n + 1))
    if (n < 2) await again(() => {})
  }
  await house.dismiss()
  const before = await house.stats({}, company)
  assert.ok(await house.postgres.value('SELECT count(*) FROM jobs.counts WHERE slot <> 0') > 0)
  await again(() => {})
  await until('one row each', async () => await house.postgres.value('SELECT count(*) FROM jobs.counts WHERE slot <> 0') === 0)
  assert.deepEqual(await house.stats({}, company), before)
  assert.equal(await house.postgres.value('SELECT count(*) FROM jobs.counts WHERE company_id = $1', [company]), 1)
})
