// Who goes first and who has to wait: lanes, priorities, companies in turn. One real scheduler, a worker made of npm clients.
// Runs by itself: it measures intervals.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { House, uuid } from './house.mjs'
import { completed, defer, retry } from './worker.mjs'
import { pause, until } from '../support/process.mjs'

const house = new House()
before(() => house.start({ JOB_LADDER_MS: '300' }))
after(() => house.stop())

const send = 'channel.send.whatsapp_cloud'
const gaps = jobs => jobs.slice(1).map((job, i) => job.dispatched_at - jobs[i].dispatched_at)
const order = jobs => jobs.map(job => job.params.n)

test('jobs of a lane keep its interval, also across a restart of the scheduler', async () => {
  const worker = await house.worker(send, () => completed())
  const lanes = [{ name: 'paced', interval_ms: 200 }]
  await house.enqueue(...Array.from({ length: 16 }, (_, n) => ({ task: send, lanes, params: { n } })))
  await until('a few', () => worker.taken.length >= 6)
  await house.scheduler.child.kill()
  await house.scheduler.start()
  await until('all', () => worker.taken.length === 16)
  assert.deepEqual(order(worker.taken), [...Array(16).keys()])
  const apart = gaps(worker.taken)
  assert.ok(Math.min(...apart) >= 200, `gaps ${apart}`)
  assert.ok(apart.filter(ms => ms > 220).length <= 2, `gaps ${apart}`) // the restart, and a busy machine once
  await house.dismiss()
})

test('room that results make between the pick of live work and that of the rest is not for low priority', async () => {
  const task = 'channel.send.sms', jobs = priority => Array.from({ length: 5 }, (_, n) => ({ task, priority, params: { n } }))
  await house.enqueue(...jobs(50))
  const rest = `select id from jobs.pick('${task}', 0::smallint, 89::smallint, 5, 5, now(), now() + interval '1 hour', false, true, true)`
  const client = await house.postgres.pool.connect()
  try {
    const picked = async () => {
      await client.query('begin')
      await until('the task', async () => (await client.query(`select set_config('parley.task', '${task}', true) where jobs.hold_task('${task}')`)).rowCount) // the scheduler looks, too
      const { rowCount } = await client.query(rest)
      await client.query('rollback')
      return rowCount
    }
    assert.equal(await picked(), 5)
    await house.enqueue(...jobs(100))
    assert.equal(await picked(), 0)
  } finally {
    client.release()
  }
  const worker = await house.worker(task, () => completed(), { capacity: 5 })
  await until('all', () => worker.taken.length === 10)
  assert.ok(worker.taken.slice(0, 5).every(job => job.priority === 100), JSON.stringify(worker.taken.map(job => job.priority)))
  await house.dismiss()
})

test('jitter only lengthens the interval', async () => {
  const worker = await house.worker(send, () => completed())
  await house.enqueue(...Array.from({ length: 12 }, (_, n) => ({ task: send, lanes: [{ name: 'jitter', interval_ms: 40, jitter_ms: 60 }], params: { n } })))
  await until('all', () => worker.taken.length === 12)
  const apart = gaps(worker.taken)
  assert.ok(Math.min(...apart) >= 40 && Math.max(...apart) < 160, `gaps ${apart}`)
  assert.ok(new Set(apart.map(ms => Math.round(ms / 10))).size > 1, 'all gaps alike')
  await house.dismiss()
})

test('a lane has no more jobs in flight than its limit, and they leave in order', async () => {
  const worker = await house.worker(send, () => null)
  await house.enqueue(...Array.from({ length: 6 }, (_, n) => ({ task: send, lanes: [{ name: 'three', in_flight_max: 3 }], params: { n } })))
  await until('three', () => worker.taken.length === 3)
  await pause(150)
  assert.deepEqual(order(worker.taken), [0, 1, 2])
  await worker.finish(worker.taken[1], completed())
  await until('the next', () => worker.taken.length === 4)
  await worker.finish(worker.taken[0], { outcome: 'JOB_OUTCOME_DEAD', error: 'x' })
  await worker.finish(worker.taken[2], completed())
  await until('the rest', () => worker.taken.length === 6)
  assert.deepEqual(order(worker.taken), [0, 1, 2, 3, 4, 5])
  for (const job of worker.taken.slice(3)) await worker.finish(job, completed())
  await house.dismiss()
})

test('a job obeys both its lanes, and one recipient\'s wait holds nobody else up', async () => {
  const worker = await house.worker(send, () => completed())
  const number = { name: 'number', interval_ms: 30 }
  const to = (recipient, n) => ({ task: send, lanes: [{ name: `to:${recipient}`, interval_ms: 400 }, number], params: { n, recipient } })
  await house.enqueue(to('a', 0), to('a', 1), to('a', 2), to('b', 3), to('c', 4), to('d', 5), to('e', 6))
  await until('all', () => worker.taken.length === 7)
  assert.deepEqual(order(worker.taken.slice(0, 5)), [0, 3, 4, 5, 6])
  assert.deepEqual(order(worker.taken.slice(5)), [1, 2])
  assert.ok(Math.min(...gaps(worker.taken)) >= 30, `gaps ${gaps(worker.taken)}`)
  assert.ok(Math.max(...gaps(worker.taken.slice(0, 5))) < 120, `gaps ${gaps(worker.taken)}`)
  assert.ok(Math.min(...gaps(worker.taken.filter(job => job.params.recipient === 'a'))) >= 400)
  await house.dismiss()
})

test('in a lane higher priority passes, a retry keeps its place against its own, a deferred job gives it up', async () => {
  const lanes = [{ name: 'places', in_flight_max: 1 }]
  const worker = await house.worker(send, job => job.params.n === 0 && job.dispatch === 1 ? retry('later') : completed())
  await house.enqueue({ task: send, priority: 70, lanes, params: { n: 0 } }, { task: send, priority: 70, lanes, params: { n: 1 } })
  await until('the first run', () => worker.taken.length === 1)
  await pause(50)
  await house.enqueue({ task: send, priority: 70, lanes, params: { n: 2 } }, { task: send, priority: 60, lanes, params: { n: 3 } },
    { task: send, priority: 95, lanes, params: { n: 4 } })
  await until('all', () => worker.taken.length === 6)
  assert.deepEqual(order(worker.taken), [0, 4, 0, 1, 2, 3])
  await house.dismiss()
  const second = await house.worker(send, job => job.params.n === 0 && job.dispatch === 1 ? defer(Date.now() + 200) : completed())
  await house.enqueue(...[0, 1, 2].map(n => ({ task: send, lanes, params: { n } })))
  await until('all', () => second.taken.length === 4)
  assert.deepEqual(order(second.taken), [0, 1, 2, 0])
  await house.dismiss()
})

test('a higher priority that comes while the lane waits is next', async () => {
  const worker = await house.worker(send, () => completed())
  const lanes = [{ name: 'overtake', interval_ms: 250 }]
  await house.enqueue(...[0, 1, 2].map(n => ({ task: send, priority: 60, lanes, params: { n } })))
  await until('the first', () => worker.taken.length === 1)
  await house.add({ task: send, priority: 100, lanes, params: { n: 9 } })
  await until('all', () => worker.taken.length === 4)
  assert.deepEqual(order(worker.taken), [0, 9, 1, 2])
  await house.dismiss()
})

test('replayed and delayed jobs stand in line like others', async () => {
  const company = uuid()
  const lanes = [{ name: 'again', interval_ms: 100 }]
  let well = false
  const worker = await house.worker(send, () => well ? completed() : { outcome: 'JOB_OUTCOME_DEAD', error: 'x' })
  await house.enqueue(...[0, 1, 2].map(n => ({ company_id: company, task: send, lanes, params: { n } })))
  await until('all dead', async () => (await house.stats({}, company)).dlq === 3)
  well = true
  await house.add({ company_id: company, task: send, lanes, delay_ms: 150, params: { n: 3 } })
  await house.replay({}, company)
  await until('all', () => worker.taken.length === 7)
  assert.deepEqual(order(worker.taken.slice(3)), [0, 1, 2, 3])
  assert.ok(Math.min(...gaps(worker.taken.slice(3))) >= 100)
  await house.dismiss()
})

test('the highest priority goes first, and low priority keeps every twentieth pick', async () => {
  const task = 'channel.send.sms' // nobody else's: a worker that is gone still counts for 3 s, and order holds within a window of one
  const jobs = (count, priority) => Array.from({ length: count }, () => ({ task, priority, params: {} }))
  await house.enqueue(...jobs(200, 60), ...jobs(50, 95), ...jobs(200, 100))
  const worker = await house.worker(task, () => completed(), { capacity: 1 })
  await until('450', () => worker.taken.length === 450, 60000)
  const first = worker.taken.slice(0, 200)
  const low = first.filter(job => job.priority === 60).length
  assert.ok(low >= 9 && low <= 11, `${low} of 200`)
  const high = worker.taken.filter(job => job.priority >= 90).map(job => job.priority)
  assert.deepEqual(high, [...high].sort((a, b) => b - a))
  await house.dismiss()
})

test('an eighth of the workers is kept for live work, however much of low priority waits', async () => {
  const task = 'channel.send.push' // nobody else's
  const worker = await house.worker(task, () => null, { capacity: 16 }) // holds what it gets
  await house.enqueue(...Array.from({ length: 100 }, () => ({ task, priority: 60 }))) // in one call: they would fill the workers at once
  await until('what low priority may have', () => worker.taken.length >= 14)
  for (const priority of [60, 90, 100]) await house.add({ task, priority })
  await until('live work', () => worker.taken.length >= 16)
  assert.deepEqual(worker.taken.map(job => job.priority).sort((a, b) => a - b).slice(14), [90, 100])
  await worker.finish(worker.taken[0], completed()) // 15 held, 13 of them low: a place, and it is live work's
  worker.held--
  await house.add({ task, priority: 95 })
  await until('live work again', () => worker.taken.length >= 17)
  assert.equal(worker.taken.at(-1).priority, 95)
  await house.dismiss()
})

test('companies take turns, however much one of them has', async () => {
  const crowd = uuid(), small = [uuid(), uuid(), uuid()]
  await house.enqueue(...Array.from({ length: 1000 }, () => ({ company_id: crowd, task: 'media.fetch' })))
  await house.enqueue(...small.flatMap(company_id => Array.from({ length: 10 }, () => ({ company_id, task: 'media.fetch' }))))
  const worker = await house.worker('media.fetch', () => completed(), { capacity: 3 })
  await until('sixty', () => worker.taken.length >= 60)
  const taken = worker.taken.slice(0, 48)
  for (const company of small) assert.equal(taken.filter(job => job.company_id === company).length, 10, 'a small company waited')
  await until('all', () => worker.taken.length === 1030, 30000)
  await house.dismiss()
})

test('a live job is not delayed by twenty thousand low ones', async () => {
  const worker = await house.worker(send, () => completed(), { capacity: 50 })
  const crowd = uuid()
  const low = Array.from({ length: 20000 }, () => ({ company_id: crowd, task: send, priority: 40, lanes: [] }))
  const filling = house.enqueue(...low)
  const passed = [] // low jobs that came to the worker between the answer and the live one: those that were on their way
  for (let n = 0; n < 40; n++) {
    const { job_id } = await house.add({ task: send, priority: 100 })
    const from = worker.taken.length
    await until('it', () => worker.taken.find(one => one.job_id === job_id), 10000, 2)
    passed.push(worker.taken.findIndex(one => one.job_id === job_id) - from)
    await pause(20)
  }
  assert.ok(passed.every(count => count <= 150), `it stood behind ${passed}`)
  await filling
  await house.dismiss()
})

test('the counters say what the rows say', async () => { assert.deepEqual(await house.countersAgree(), []) })
