// However much waits, and whosever it is, a live conversation goes first. Two houses on one machine, asked in turn: one is crowded, the other is not. The figures are
// printed; what is asserted is generous, since the machine may be busy (tests/bench has the figures of a quiet one). CHAOS=full: 100,000 and 1,000,000 jobs.
// Runs by itself: it holds times against those without a crowd.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { House, uuid } from '../scheduler/house.mjs'
import { completed } from '../scheduler/worker.mjs'
import { bulkWaiting } from '../scheduler/bulk.mjs'
import { SEND, blockedLane, conversation, figures, interleaved, otherCompany } from '../scheduler/live.mjs'
import { until } from '../support/process.mjs'

const full = process.env.CHAOS === 'full'
const BACKLOG = full ? 100000 : 10000
const DUE = full ? 1000000 : 50000
const LIVE = full ? 500 : 40

const crowded = new House(), quiet = new House()
before(() => Promise.all([crowded, quiet].map(house => house.start({ JOB_RUN_MS_MAX: '3600000' })))) // what a worker holds stays held, however long a filling takes
after(() => Promise.all([crowded.stop(), quiet.stop()]))
const dismiss = () => Promise.all([crowded.dismiss(), quiet.dismiss()])

/** Not slower than the same thing without the crowd, but for a bound that a busy machine keeps too. */
function near(t, what, [beside, alone], { ms, times }) {
  const a = figures(beside), b = figures(alone)
  t.diagnostic(`${what}: beside the crowd ${JSON.stringify(a)}, without ${JSON.stringify(b)} ms`)
  assert.ok(a.p50 < ms + times * b.p50, `${what}: p50 ${a.p50} ms, without the crowd ${b.p50}`)
  assert.ok(a.p99 < 10 * ms + times * b.max, `${what}: p99 ${a.p99} ms, without the crowd ${b.max} at most`)
}

test(`a live message starts its turn and leaves beside ${BACKLOG} waiting low-priority jobs of another company`, async t => {
  const [loud, calm] = await Promise.all([conversation(crowded), conversation(quiet)])
  const company = uuid()
  await bulkWaiting(crowded.postgres, { company, task: 'sequence.step', count: BACKLOG / 2, priority: 70 })
  await bulkWaiting(crowded.postgres, { company, task: SEND, count: BACKLOG / 2, priority: 60 })
  await until('low priority to be under way', async () => (await crowded.stats({}, company)).completed > 0)
  const turns = await interleaved(LIVE, loud.live, calm.live)
  assert.ok((await crowded.stats({}, company)).queued > BACKLOG / 4, 'the backlog ended before the test did')
  near(t, 'enqueue to turn', turns, { ms: 50, times: 5 })
  near(t, 'enqueue to send', [loud.toSend, calm.toSend], { ms: 50, times: 5 })
  await dismiss()
})

test(`low priority keeps every twentieth pick, with ${BACKLOG} of it waiting and live jobs never out`, async t => {
  const task = 'channel.send.sms', live = full ? 5000 : 1000
  const company = uuid()
  await crowded.enqueue(...Array.from({ length: live }, () => ({ task, priority: 100, params: { live: true } })))
  await bulkWaiting(crowded.postgres, { company, task, count: BACKLOG, priority: 50 })
  const worker = await crowded.worker(task, () => completed(), { capacity: 20 })
  await until('the live ones', async () => (await crowded.stats({}, crowded.company)).by_task.find(one => one.task === task).completed === live, 120000)
  const last = worker.taken.findLastIndex(job => job.params.live)
  const low = worker.taken.slice(0, last + 1).filter(job => !job.params.live).length
  t.diagnostic(`${low} low-priority picks among ${last + 1}`)
  assert.ok(low >= 0.045 * last && low <= 0.055 * last + 20, `${low} of ${last + 1}`)
  await dismiss()
})

test(`one dispatch beside ${DUE} due jobs of a blocked lane takes as long as one alone`, async t => {
  const beside = await blockedLane(crowded, { count: DUE }), alone = await blockedLane(quiet, { count: 0 })
  near(t, 'enqueue to worker', await interleaved(LIVE, beside, alone), { ms: 10, times: 3 })
  assert.equal(await crowded.postgres.value(`SELECT count(*) FROM jobs.unfinished WHERE task = 'followup.bumpup' AND status = 'queued'`), DUE)
  await dismiss()
})

test(`one dispatch beside ${DUE} ready jobs of another company takes as long as beside a few`, async t => {
  const beside = await otherCompany(crowded, { count: DUE }), alone = await otherCompany(quiet, { count: 20 + 2 * LIVE })
  near(t, 'room told to worker', await interleaved(LIVE, beside, alone), { ms: 10, times: 3 })
  await dismiss()
})
