// How long a live job takes beside a crowd; tests/chaos asserts it, tests/bench has the figures. Each function prepares a house and answers a question to be asked again and
// again: ms of one job. Asked of a crowded and of an empty house in turn, the answers were taken on the same machine in the same seconds.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { bulkWaiting } from './bulk.mjs'
import { completed } from './worker.mjs'
import { pause, until } from '../support/process.mjs'

export const SEND = 'channel.send.whatsapp_cloud'

export async function interleaved(count, ...asks) {
  const times = asks.map(() => [])
  for (let n = 0; n < count; n++)
    for (const [i, ask] of asks.entries()) times[i].push(await ask(n))
  return times
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
const round = ms => Math.round(ms * 100) / 100
/** {p50, p99, max}, ms. */
export function figures(times) {
  const sorted = [...times].sort((a, b) => a - b)
  return { p50: round(at(sorted, 0.5)), p99: round(at(sorted, 0.99)), max: round(sorted.at(-1)) }
}

/** Expects jobs by their params.token and answers when each came to its worker. */
export class Arrivals {
  constructor(answer = () => completed()) {
    this.waiting = new Map()
    this.next = 0
    this.handle = job => {
      this.waiting.get(job.params.token)?.(job)
      return answer(job)
    }
  }

  expect() {
    const token = this.next++
    return { token, came: new Promise(resolve => this.waiting.set(token, resolve)).finally(() => this.waiting.delete(token)) }
  }
}

/** From enqueue to worker. */
export async function wayToWorker(house, arrivals, task, more = {}) {
  const { token, came } = arrivals.expect()
  const began = performance.now()
  await house.add({ task, params: { token }, ...more })
  return (await came).at - began
}

/** From enqueue to its turn; toSend: to the send that the turn asks for. Low priority's jobs, which the same workers take, last 20 and 50 ms. */
export async function conversation(house) {
  const sends = new Arrivals(async job => {
    if (job.params.token === undefined) await pause(50)
    return completed()
  })
  const turns = new Arrivals(job => ({ ...completed(), children: [house.spec({ task: SEND, params: job.params,
    lanes: [{ name: `to:${job.params.token}`, interval_ms: 15000 }, { name: 'number', in_flight_max: 80 }] })] }))
  await Promise.all([house.worker('ai.engage', turns.handle), house.worker(SEND, sends.handle, { capacity: 50 }),
    house.worker('sequence.step', async () => { await pause(20); return completed() }, { capacity: 20 })])
  const toSend = []
  return { toSend, async live() {
    const began = performance.now()
    const sent = sends.expect(), turn = turns.expect()
    assert.equal(sent.token, turn.token)
    await house.add({ task: 'ai.engage', params: { token: turn.token } })
    const started = (await turn.came).at - began
    toSend.push((await sent.came).at - began)
    await pause(10 + 20 * Math.random())
    return started
  } }
}

/** From enqueue to worker, beside `count` due jobs in a lane whose only place is taken; every other one names a lane, too. */
export async function blockedLane(house, { count }) {
  const task = 'followup.bumpup'
  const arrivals = new Arrivals(job => job.params.hold ? null : completed())
  const worker = await house.worker(task, arrivals.handle)
  await house.add({ task, priority: 100, params: { hold: true }, lanes: [{ name: 'blocked', in_flight_max: 1 }] })
  await until('its holder', () => worker.taken.length === 1)
  if (count) await bulkWaiting(house.postgres, { company: house.company, task, count, priority: 100, lane: 'blocked' })
  return async n => {
    const ms = await wayToWorker(house, arrivals, task, { priority: 95, lanes: n % 2 ? [{ name: `other:${n}`, in_flight_max: 1 }] : [] })
    await pause(5)
    return ms
  }
}

/** From the word that there is room to the worker, beside `count` ready jobs of another company, which keeps all room that it ever got. */
export async function otherCompany(house, { count }) {
  const task = 'media.fetch', crowd = randomUUID()
  let kept = 0
  const arrivals = new Arrivals(job => job.company_id !== crowd ? completed() : (kept++, null))
  const worker = await house.worker(task, arrivals.handle, { capacity: 20 })
  await bulkWaiting(house.postgres, { company: crowd, task, count, priority: 97 })
  await until('the worker to be full', () => kept === worker.capacity, 60000)
  return async () => {
    const { token, came } = arrivals.expect()
    await house.add({ task, priority: 97, params: { token } })
    const began = performance.now()
    worker.tell(worker.capacity + 2) // one for each company, whoever's turn it is
    const ms = (await came).at - began
    await until('the worker to be full again', () => {
      if (kept !== worker.capacity) throw new Error(`${kept} of ${worker.capacity} kept`)
      return true
    })
    return ms
  }
}
