// Schedulers that die, brokers that go away, several schedulers at once: nothing lost, nothing dispatched twice, counters true.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { House } from './house.mjs'
import { completed, retry } from './worker.mjs'
import { pause, until } from '../support/process.mjs'

let house
afterEach(() => house.stop())

/** Every (job, dispatch) came once. */
function noneTwice(worker) {
  const seen = new Set()
  const twice = worker.taken.map(job => `${job.job_id}.${job.dispatch}`).filter(id => seen.has(id) || !seen.add(id))
  assert.deepEqual(twice, [])
}

test('what was committed and not published is published by the scheduler that starts next', async () => {
  house = await new House().start()
  const worker = await house.worker('ai.engage', () => completed())
  await pause(300)
  const replies = await house.enqueue(...Array.from({ length: 20 }, () => ({ delay_ms: 600 })))
  await house.nats.kill()
  await until('the rows to say so', async () => await house.postgres.value(`SELECT count(*) FROM jobs.unfinished WHERE status = 'processing'`) === 20)
  await house.scheduler.child.kill()
  await house.nats.resume()
  await house.scheduler.start()
  await until('all', () => worker.taken.length === 20)
  await until('all done', async () => (await house.stats({}, house.company)).completed === 20)
  assert.deepEqual(worker.taken.map(job => job.job_id).sort(), replies.map(one => one.reply.job_id).sort())
  assert.ok(worker.taken.every(job => job.dispatch === 1 && job.attempt === 1))
  noneTwice(worker)
  assert.deepEqual(await house.countersAgree(), [])
})

test('a dispatch that the broker did not take is published again by itself', async () => {
  house = await new House().start()
  const worker = await house.worker('ai.engage', () => completed(), { capacity: 500 })
  await pause(300)
  await house.enqueue(...Array.from({ length: 300 }, () => ({ delay_ms: 700 })))
  await house.nats.kill()
  await until('the rows to say so', async () => await house.postgres.value(`SELECT count(*) FROM jobs.unfinished WHERE status = 'processing'`) === 300)
  await house.nats.resume()
  await until('all done', async () => (await house.stats({}, house.company)).completed === 300, 30000)
  assert.ok(worker.taken.every(job => job.dispatch === 1))
  noneTwice(worker)
})

test('three schedulers never dispatch a job twice, whoever enqueues and finishes', async () => {
  house = await new House().start({}, 3)
  const worker = await house.worker('channel.send.whatsapp_cloud', () => completed(), { capacity: 40 })
  const some = n => Array.from({ length: 50 }, (_, i) => ({ task: 'channel.send.whatsapp_cloud', priority: i % 100, delay_ms: i % 3 ? 0 : 20,
    lanes: i % 2 ? [{ name: `r${i % 7}`, in_flight_max: 2 }, { name: 'number', in_flight_max: 30 }] : [], idempotency_key: `k-${n % 60}-${i}` }))
  await Promise.all(Array.from({ length: 8 }, async (_, flight) => { for (let n = flight; n < 80; n += 8) await house.enqueue(...some(n)) }))
  await house.allDone(3000, 30000)
  assert.equal(worker.taken.length, 3000)
  noneTwice(worker)
  assert.deepEqual(await house.countersAgree(), [])
  for (const scheduler of house.schedulers) assert.doesNotMatch(scheduler.text(), /deadlock/)
})

test('schedulers killed at random under load lose nothing, and lanes hold', async () => {
  house = await new House().start({ JOB_LADDER_MS: '50,50,50', JOB_RUN_MS_MAX: '4000' }, 2)
  for (const scheduler of house.schedulers) scheduler.supervise()
  const inLane = new Map()
  const worker = await house.worker('channel.send.whatsapp_cloud', async job => {
    const lane = job.params.lane
    if (lane) inLane.set(lane, (inLane.get(lane) ?? 0) + 1)
    await pause(Math.random() * 20)
    if (lane) inLane.set(lane, inLane.get(lane) - 1)
    return Math.random() < 0.05 ? retry('bad luck') : completed()
  }, { capacity: 200 })
  const wanted = new Set()
  let over = false
  const killer = (async () => {
    for (let i = 0; !over; i++) {
      await pause(300 + Math.random() * 500)
      house.schedulers[i % 2].signal('SIGKILL')
    }
  })()
  const adder = async flight => {
    for (let n = 0; n < 40; n++) {
      const specs = Array.from({ length: 20 }, (_, i) => ({ task: 'channel.send.whatsapp_cloud', idempotency_key: `${flight}-${n}-${i}`,
        delay_ms: i % 5 ? 0 : Math.floor(Math.random() * 200), lanes: i % 4 ? [] : [{ name: `l${i}`, in_flight_max: 1 }], params: i % 4 ? {} : { lane: `l${i}` } }))
      specs.forEach(spec => wanted.add(spec.idempotency_key))
      for (;;) {
        try {
          const answers = await house.bus.call('jobs.enqueue', 'JobSpec', 'JobEnqueued', specs.map(spec => house.spec(spec)), {}, 1500)
          if (answers.every(answer => answer.status === 'STATUS_OK')) break
        } catch { await pause(50) }
      }
    }
  }
  await Promise.all([0, 1, 2, 3].map(adder))
  over = true
  await killer
  const stuck = () => house.postgres.rows('SELECT id, stage, status, attempts, dispatch, lane_1 FROM jobs.unfinished LIMIT 3')
  await until('all done', async () => {
    const stats = await house.stats({}, house.company)
    if (stats.completed + stats.dlq === wanted.size) return true
    throw new Error(JSON.stringify([stats, wanted.size, await stuck()]))
  }, 60000, 250)
  const stats = await house.stats({}, house.company)
  assert.equal(stats.total, wanted.size)
  noneTwice(worker)
  assert.deepEqual(await house.countersAgree(), [])
})

test('PostgreSQL away and back: jobs wait, nothing is lost', async () => {
  house = await new House().start()
  const worker = await house.worker('ai.engage', () => completed())
  await pause(200)
  await house.enqueue(...Array.from({ length: 50 }, () => ({ delay_ms: 300 })))
  await house.postgres.kill()
  let accepted = 50
  await until('a refusal', async () => { // a session may outlive its postmaster by a moment
    const [answer] = await house.enqueue({})
    accepted += answer.status === 'STATUS_OK'
    return answer.status === 'STATUS_RETRY'
  })
  await house.postgres.resume()
  await until('all done', async () => (await house.stats({}, house.company)).completed === accepted, 30000)
  noneTwice(worker)
  assert.deepEqual(await house.countersAgree(), [])
})
