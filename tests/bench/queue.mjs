// The scheduler beside crowds: a crowded and an empty house on this machine, asked in turn. QUEUE=full: 100,000 and 1,000,000 jobs; else a tenth.
import { House, uuid } from '../scheduler/house.mjs'
import { bulkWaiting } from '../scheduler/bulk.mjs'
import { Arrivals, SEND, blockedLane, conversation, figures, interleaved, otherCompany, wayToWorker } from '../scheduler/live.mjs'
import { completed } from '../scheduler/worker.mjs'
import { pause, until } from '../support/process.mjs'

const TIMES = process.env.QUEUE === 'full' ? 10 : 1
const BACKLOG = 10000 * TIMES, MANY = 100000 * TIMES, ASKED = 200

const both = ([beside, alone]) => ({ 'beside the crowd': figures(beside), alone: figures(alone) })

async function live(crowded, quiet) {
  const [loud, calm] = [await conversation(crowded), await conversation(quiet)]
  for (const [task, priority] of [['sequence.step', 70], [SEND, 60]]) await bulkWaiting(crowded.postgres, { task, count: BACKLOG / 2, priority })
  const turns = await interleaved(ASKED, loud.live, calm.live)
  return { [`live job to its turn, ${BACKLOG} low-priority jobs being worked off, ms`]: both(turns),
    'the same to its send, whose worker they keep full, ms': both([loud.toSend, calm.toSend]) }
}

async function lane(crowded, quiet) {
  const times = await interleaved(ASKED, await blockedLane(crowded, { count: MANY }), await blockedLane(quiet, { count: 0 }))
  return { [`one job, enqueue to worker, beside ${MANY} due jobs of a blocked lane, ms`]: both(times) }
}

async function company(crowded, quiet) {
  const times = await interleaved(ASKED, await otherCompany(crowded, { count: MANY }), await otherCompany(quiet, { count: 20 + 2 * ASKED }))
  return { [`one job, room to worker, beside ${MANY} ready jobs of another company, ms`]: both(times) }
}

/** Due jobs, 500 a second for ten seconds. */
async function lateness(house) {
  const task = 'smartengage.message', perSecond = 500, count = 5000
  await bulkWaiting(house.postgres, { task, count: MANY, priority: 65, from: Date.now() + 3600000, to: Date.now() + 90000000 })
  const from = Date.now() + 1500, late = [], id = uuid()
  await house.worker(task, job => (late.push(Date.now() - from - job.params.n * 1000 / perSecond), completed()))
  await bulkWaiting(house.postgres, { company: id, task, count, priority: 65, from, to: from + count / perSecond * 1000 })
  await until('all', () => late.length === count, 60000)
  return { [`due to worker, ${perSecond} jobs/s beside ${MANY} for later, ms`]: figures(late) }
}

/** A backup or a long report keeps PostgreSQL from clearing away what jobs leave behind when they go. */
async function snapshot(house) {
  const passed = 20000, arrivals = new Arrivals()
  const worker = await house.worker('ai.summary', arrivals.handle, { capacity: 500 })
  const [before] = await interleaved(ASKED, () => wayToWorker(house, arrivals, 'ai.summary'))
  const reader = await house.postgres.pool.connect()
  try {
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await reader.query('SELECT count(*) FROM jobs.tasks')
    const taken = worker.taken.length
    for (let n = 0; n < passed; n += 500) await house.enqueue(...Array.from({ length: 500 }, () => ({ task: 'ai.summary' })))
    await until('all', () => worker.taken.length === taken + passed && worker.held === 0, 120000)
    const [after] = await interleaved(ASKED, () => wayToWorker(house, arrivals, 'ai.summary'))
    return { [`one job, enqueue to worker, once ${passed} jobs have passed under the snapshot of a long reader, ms`]: { after: figures(after), before: figures(before) } }
  } finally {
    reader.release(true)
  }
}

export async function queue() {
  const crowded = new House(), quiet = new House()
  await Promise.all([crowded, quiet].map(house => house.start({ JOB_RUN_MS_MAX: '3600000' }))) // a filling takes minutes, and what is held meanwhile stays held
  const result = {}
  try {
    for (const ask of [live, lane, company, lateness, snapshot]) {
      Object.assign(result, await ask(crowded, quiet))
      await Promise.all([crowded.dismiss(), quiet.dismiss()])
      await pause(100)
    }
  } finally {
    await Promise.all([crowded.stop(), quiet.stop()])
  }
  return result
}
