// Lanes under a long load: the interval is kept, across a restart too; what is more urgent overtakes; two lanes hold a job and neither holds up the other's. A gap may never
// be shorter; that it is not longer is asserted of the median, beside a plain timer of this process, since the machine may be busy. CHAOS=full: 500 sends a lane.
// Runs by itself: it measures intervals.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { House } from '../scheduler/house.mjs'
import { completed } from '../scheduler/worker.mjs'
import { figures } from '../scheduler/live.mjs'
import { until } from '../support/process.mjs'

const full = process.env.CHAOS === 'full'
const SENDS = full ? 500 : 60
const EVERY_MS = 200
const RECIPIENTS = 8
const send = 'channel.send.whatsapp_cloud'

const house = new House()
before(() => house.start())
after(() => house.stop())

const gaps = jobs => jobs.slice(1).map((job, i) => job.dispatched_at - jobs[i].dispatched_at)
const median = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]

/** How late a timer of the same interval is meanwhile. */
function clock() {
  const late = []
  let last = performance.now()
  const timer = setInterval(() => {
    late.push(performance.now() - last - EVERY_MS)
    last = performance.now()
  }, EVERY_MS)
  return () => (clearInterval(timer), Math.max(0, median(late)))
}

function kept(t, what, jobs, lateMs) {
  const apart = gaps(jobs)
  const mean = (jobs.at(-1).dispatched_at - jobs[0].dispatched_at) / apart.length
  t.diagnostic(`${what}: ${jobs.length} sends, mean interval ${mean.toFixed(1)} ms, gaps ${JSON.stringify(figures(apart))} ms; a plain timer was late by ${lateMs.toFixed(1)} ms`)
  assert.ok(Math.min(...apart) >= EVERY_MS, `${what}: a gap of ${Math.min(...apart)} ms`)
  assert.ok(median(apart) <= EVERY_MS * 1.1 + lateMs, `${what}: gaps of ${median(apart)} ms`)
}

test(`${SENDS} sends in each of two lanes keep the interval of ${EVERY_MS} ms across a restart, in order, and higher priority overtakes`, async t => {
  const worker = await house.worker(send, () => completed())
  const lines = { // one lane alone, and a number's lane behind recipients' lanes of their own
    alone: () => [{ name: 'alone', interval_ms: EVERY_MS }],
    number: n => [{ name: `to:${n % RECIPIENTS}`, interval_ms: EVERY_MS * (RECIPIENTS - 2) }, { name: 'number', interval_ms: EVERY_MS }],
  }
  const stop = clock()
  for (const [line, lanes] of Object.entries(lines))
    await house.enqueue(...Array.from({ length: SENDS }, (_, n) => ({ task: send, priority: 60, lanes: lanes(n), params: { line, n } })))
  const of = line => worker.taken.filter(job => job.params.line === line)

  const passed = [] // how many of the lane went between an urgent send's enqueue and its dispatch
  for (const share of [0.1, 0.3, 0.7, 0.9]) {
    await until('its part of the sends', () => of('alone').length >= SENDS * share, SENDS * EVERY_MS * 3)
    const before = of('alone').length
    await house.add({ task: send, priority: 100, lanes: lines.alone(), params: { line: 'alone', urgent: true } })
    await until('the urgent one', () => of('alone').slice(before).some(job => job.params.urgent))
    passed.push(of('alone').slice(before).findIndex(job => job.params.urgent))
    if (share !== 0.3) continue
    await house.scheduler.child.kill()
    await house.scheduler.start()
  }
  await until('every send', () => worker.taken.length === 2 * SENDS + passed.length, SENDS * EVERY_MS * 3)
  const lateMs = stop()

  for (const line of Object.keys(lines)) kept(t, line, of(line), lateMs)
  assert.ok(passed.every(count => count <= 1), `sends that went before an urgent one: ${passed}`) // at most the one that was leaving
  assert.deepEqual(of('alone').filter(job => !job.params.urgent).map(job => job.params.n), [...Array(SENDS).keys()])
  for (let to = 0; to < RECIPIENTS; to++) {
    const his = of('number').filter(job => job.params.n % RECIPIENTS === to)
    assert.ok(Math.min(...gaps(his)) >= EVERY_MS * (RECIPIENTS - 2))
    assert.deepEqual(his.map(job => job.params.n), his.map(job => job.params.n).sort((a, b) => a - b))
  }
  await until('all results', async () => (await house.stats({}, house.company)).completed === worker.taken.length)
  assert.deepEqual(await house.countersAgree(), [])
})
