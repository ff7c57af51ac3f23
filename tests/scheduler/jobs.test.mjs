// What a job goes through: keys, ladder, dead letters, replay, deferral, coalescing, children. One real scheduler, a worker made of npm clients.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { House, uuid } from './house.mjs'
import { completed, dead, defer, retry } from './worker.mjs'
import { pause, until } from '../support/process.mjs'

const house = new House()
before(() => house.start({ JOB_LADDER_MS: '60,120,180', JOB_RUN_MS_MAX: '1500' }))
after(() => house.stop())

const ended = (id, status) => until(`${id} to be ${status}`, async () => (await house.job(id)).status === `JOB_STATUS_${status}` && house.job(id))

test('the same key in the same company is the same job, in a batch and after it', async () => {
  const [a, b] = await house.enqueue({ idempotency_key: 'same', task: 'kb.index' }, { idempotency_key: 'same', task: 'kb.index' })
  const c = await house.add({ idempotency_key: 'same', task: 'kb.index', params: { other: true } })
  assert.equal(a.reply.existing, false)
  for (const reply of [b.reply, c]) assert.deepEqual([reply.job_id, reply.existing, reply.status], [a.reply.job_id, true, 'JOB_STATUS_QUEUED'])
  const other = await house.add({ idempotency_key: 'same', task: 'kb.index', company_id: uuid() })
  assert.notEqual(other.job_id, a.reply.job_id)
  assert.equal((await house.stats({}, house.company)).total, 1)
})

test('of many jobs in a call those that are known stay as they are, and the others are written', async () => {
  const company_id = uuid(), job = n => ({ idempotency_key: `many_${n}`, task: 'kb.index', company_id, params: { n } })
  const many = (from, count) => Array.from({ length: count }, (_, n) => job(from + n))
  const first = await house.enqueue(...many(0, 10)), second = await house.enqueue(...many(5, 20), job(24), job(0))
  assert.deepEqual(second.map(({ reply }) => reply.existing), [...Array(5).fill(true), ...Array(15).fill(false), true, true])
  assert.deepEqual(second.slice(0, 5).map(({ reply }) => reply.job_id), first.slice(5).map(({ reply }) => reply.job_id))
  assert.deepEqual([second[20], second[21]].map(({ reply }) => reply.job_id), [second[19], first[0]].map(({ reply }) => reply.job_id))
  assert.equal((await house.stats({}, company_id)).total, 25)
})

test('an id that the caller fixed is kept, and belongs to one company', async () => {
  const id = uuid()
  assert.equal((await house.add({ id, task: 'kb.index' })).job_id, id)
  assert.equal((await house.add({ id, task: 'kb.index' })).existing, true)
  const [answer] = await house.enqueue({ id, task: 'kb.index', company_id: uuid() })
  assert.deepEqual([answer.status, answer.code], ['STATUS_REJECT', 'conflict'])
})

test('a bad item is refused alone, with a stable code', async () => {
  const bad = [{ task: 'no.such.task' }, { priority: 50 }, { priority: 101 }, { params: [1] }, { params: { text: 'x'.repeat(65536) } }, { company_id: 'x' },
    { id: 'x' }, { delay_ms: -1 }, { lanes: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }, { lanes: [{ name: 'a' }, { name: 'a' }] }, { lanes: [{}] },
    { idempotency_key: 'k'.repeat(256) }, { attempts_max: 0 }]
  const answers = await house.enqueue(...bad, { task: 'kb.index' })
  assert.deepEqual(answers.map(answer => answer.code ?? answer.status), ['unknown_task', 'bad_value', 'bad_value', 'bad_value', 'too_long', 'bad_value',
    'bad_value', 'bad_value', 'bad_value', 'bad_value', 'bad_value', 'too_long', 'bad_value', 'STATUS_OK'])
})

test('a job with nothing to do completes at once as skipped', async () => {
  const reply = await house.add({ skipped: 'a person owns it', idempotency_key: 'skip' })
  assert.equal(reply.status, 'JOB_STATUS_COMPLETED')
  const job = await house.job(reply.job_id)
  assert.deepEqual(JSON.parse(job.result.text), { outcome: 'skipped', reason: 'a person owns it' })
  assert.equal((await house.add({ idempotency_key: 'skip' })).status, 'JOB_STATUS_COMPLETED')
})

test('a company sees its own jobs only', async () => {
  const { job_id } = await house.add({ task: 'kb.index' })
  await assert.rejects(house.job(job_id, uuid()), { code: 'unknown_job' })
  assert.deepEqual((await house.list({}, uuid())).items, [])
  assert.equal((await house.stats({}, uuid())).total, 0)
})

test('a dispatch carries the whole job, and its result is kept', async () => {
  const worker = await house.worker('ai.engage', () => completed({ said: 'hello' }))
  const { job_id } = await house.add({ params: { n: 1, text: 'ä"\\' }, correlation_id: 'c-1', traceparent: '00-a-b-01', priority: 95 })
  const job = await ended(job_id, 'COMPLETED')
  const { at, created_at, dispatched_at, ...taken } = worker.taken.at(-1)
  assert.deepEqual(taken, { job_id, dispatch: 1, company_id: house.company, task: 'ai.engage', params: { n: 1, text: 'ä"\\' }, priority: 95, attempt: 1,
    attempts_max: 6, correlation_id: 'c-1', traceparent: '00-a-b-01' })
  assert.ok(at && dispatched_at >= created_at)
  assert.equal(JSON.parse(job.result.text).said, 'hello')
  assert.deepEqual(job.attempt_log.map(one => [one.attempt, one.outcome]), [[1, 'completed']])
  await house.dismiss()
})

test('a failing job climbs the ladder, a provider\'s wait stretches a step, and the last failure is the dead letter', async () => {
  const worker = await house.worker('ai.engage', job => retry(`run ${job.attempt}`, job.attempt === 2 ? { retry_after_ms: 400 } : {}))
  const { job_id } = await house.add({ attempts_max: 4 })
  const job = await ended(job_id, 'DLQ')
  const log = job.attempt_log
  assert.deepEqual(log.map(one => [one.attempt, one.dispatch, one.outcome, one.error]), [1, 2, 3, 4].map(n => [n, n, 'retry', `run ${n}`]))
  const waits = log.slice(1).map((one, i) => one.started_at - log[i].finished_at)
  for (const [i, least] of [60, 400, 180].entries()) assert.ok(waits[i] >= least && waits[i] < least + 150, `waits ${waits}`)
  assert.equal(job.error_message, 'run 4')
  assert.equal(worker.taken.filter(one => one.job_id === job_id).length, 4)
  await house.dismiss()
})

test('an error that no retry heals is a dead letter at once; replay runs the oldest again, the same dead job once', async () => {
  const company = uuid()
  const told = await house.events(company)
  let healed = false
  await house.worker('ai.engage', () => healed ? completed() : dead('no such account'))
  const ids = []
  for (let i = 0; i < 3; i++) {
    ids.push((await house.add({ company_id: company, idempotency_key: `dead-${i}`, correlation_id: `why-${i}`, params: { lead_id: house.company } })).job_id)
    await pause(5)
  }
  await until('three dead letters', async () => (await house.stats({}, company)).dlq === 3)
  assert.deepEqual((await house.list({ status: 'JOB_STATUS_DLQ' }, company)).items.map(job => job.id), [...ids].reverse())
  const first = await told.next()
  assert.equal(first.subject, `events.${company}.job.dead_lettered`)
  assert.deepEqual(['ce-type', 'ce-source', 'ce-specversion', 'content-type', 'Parley-Company', 'Parley-Correlation', 'Parley-Lead', 'ce-id', 'Nats-Msg-Id']
    .map(name => first.headers.get(name)), ['job.dead_lettered', '/parley/scheduler', '1.0', 'application/protobuf', company, 'why-0', house.company,
    first.event.id, first.event.id])
  assert.deepEqual(JSON.parse(first.event.payload.text), { job_id: ids[0], task: 'ai.engage', attempt: 1, code: 'test', error: 'no such account' })
  await told.next(), await told.next()
  healed = true
  const replayed = await house.replay({ max_jobs: 2 }, company)
  assert.deepEqual([replayed.replayed, replayed.job_ids], [2, ids.slice(0, 2)])
  assert.deepEqual(replayed.jobs.map(job => job.outcome), ['REPLAY_OUTCOME_REPLAYED', 'REPLAY_OUTCOME_REPLAYED'])
  await until('both to complete', async () => (await house.stats({}, company)).completed === 2)
  assert.deepEqual((await house.job(ids[0], company)).attempt_log.map(one => [one.attempt, one.dispatch, one.outcome]), [[1, 1, 'dead'], [1, 2, 'completed']])
  assert.equal((await told.next()).event.type, 'job.replayed')
  assert.equal((await house.replay({}, company)).replayed, 1)
  assert.equal((await house.replay({}, company)).replayed, 0)
  assert.equal((await house.add({ company_id: company, idempotency_key: 'dead-0' })).existing, true)
  await house.dismiss()
})

test('only a replayed job says so, whatever becomes of its runs, until it completes', async () => {
  const company = uuid()
  const answers = [defer(Date.now() + 50), retry('first'), dead('then'), retry('again'), defer(Date.now() + 50), completed()]
  const worker = await house.worker('ai.engage', () => answers.shift())
  const { job_id } = await house.add({ company_id: company })
  await until('the dead letter', async () => (await house.stats({}, company)).dlq === 1)
  assert.equal((await house.replay({}, company)).replayed, 1)
  await until('it to complete', async () => (await house.stats({}, company)).completed === 1)
  const runs = worker.taken.filter(one => one.job_id === job_id)
  assert.deepEqual(runs.map(({ dispatch, replayed }) => [dispatch, replayed ?? false]),
    [[1, false], [2, false], [3, false], [4, true], [5, true], [6, true]])
  await house.dismiss()
})

test('a deferred job comes back at its time and has lost no attempt', async () => {
  let until_at
  await house.worker('ai.engage', job => job.dispatch === 1 ? defer(until_at = Date.now() + 300) : completed())
  const { job_id } = await house.add({})
  const job = await ended(job_id, 'COMPLETED')
  assert.deepEqual(job.attempt_log.map(one => [one.attempt, one.outcome]), [[1, 'deferred'], [1, 'completed']])
  assert.ok(job.attempt_log[1].started_at >= until_at && job.attempt_log[1].started_at < until_at + 150)
  await house.dismiss()
})

test('a superseded job ends only while the newer one lives', async () => {
  await house.worker('ai.engage', job => job.params.into && job.dispatch < 3
    ? { outcome: 'JOB_OUTCOME_COALESCE', coalesced_into: job.params.into, delay_ms: 120 } : completed())
  await house.add({ idempotency_key: 'newer', delay_ms: 60000 })
  const superseded = await ended((await house.add({ params: { into: 'newer' } })).job_id, 'COMPLETED')
  assert.deepEqual(JSON.parse(superseded.result.text), { outcome: 'coalesced', into: 'newer' })
  const gone = (await house.add({ idempotency_key: 'gone' })).job_id
  await ended(gone, 'COMPLETED')
  const alone = await ended((await house.add({ params: { into: 'gone' } })).job_id, 'COMPLETED')
  assert.deepEqual(alone.attempt_log.map(one => one.outcome), ['deferred', 'deferred', 'completed'])
  assert.ok(alone.attempt_log[1].started_at - alone.attempt_log[0].finished_at >= 120)
  const unknown = await ended((await house.add({ params: { into: 'never was' } })).job_id, 'COMPLETED')
  assert.equal(unknown.attempt_log.length, 3)
  await house.dismiss()
})

test('children are enqueued with the result, once, and only the current dispatch counts', async () => {
  const worker = await house.worker('ai.engage', () => null)
  const { job_id } = await house.add({})
  const job = await until('the dispatch', () => worker.taken.find(one => one.job_id === job_id))
  const child = { ...house.spec({ task: 'kb.index', idempotency_key: 'child' }) }
  const other = await worker.finish({ ...job, dispatch: 7 }, { ...completed(), children: [child] })
  assert.deepEqual([other.reply.stale, other.reply.status], [true, 'JOB_STATUS_PROCESSING'])
  const answers = await Promise.all([0, 1, 2].map(() => worker.finish(job, { ...completed({ n: 1 }), children: [child] })))
  assert.deepEqual(answers.map(answer => answer.reply.stale).sort(), [false, true, true])
  assert.deepEqual(answers.map(answer => answer.reply.status), Array(3).fill('JOB_STATUS_COMPLETED'))
  assert.equal((await house.add({ task: 'kb.index', idempotency_key: 'child' })).existing, true)
  const refused = await worker.finish(job, { ...completed(), children: [house.spec({ task: 'no.such.task' })] })
  assert.deepEqual([refused.status, refused.code], ['STATUS_REJECT', 'unknown_task'])
  assert.equal((await worker.finish({ job_id: uuid(), dispatch: 1 }, completed())).reply.stale, true)
  await house.dismiss()
})

test('a run that is not back in time counts as failed, and its late result is refused', async () => {
  const worker = await house.worker('ai.engage', job => job.dispatch === 1 ? null : completed())
  const { job_id } = await house.add({})
  const job = await ended(job_id, 'COMPLETED')
  assert.deepEqual(job.attempt_log.map(one => [one.attempt, one.outcome, one.error]), [[1, 'timeout', 'timed out'], [2, 'completed', undefined]])
  assert.equal((await worker.finish({ job_id, dispatch: 1 }, dead('late'))).reply.stale, true)
  await house.dismiss()
})

test('without a worker nothing is dispatched; when one comes everything is', async () => {
  const replies = await house.enqueue({ task: 'media.fetch' }, { task: 'media.fetch' })
  await pause(200)
  for (const { reply } of replies) assert.equal((await house.job(reply.job_id)).status, 'JOB_STATUS_QUEUED')
  await house.worker('media.fetch', () => completed())
  for (const { reply } of replies) await ended(reply.job_id, 'COMPLETED')
  await house.dismiss()
})

test('no more jobs leave than the workers can hold', async () => {
  const worker = await house.worker('ai.summary', () => null, { capacity: 5 })
  await house.enqueue(...Array.from({ length: 20 }, () => ({ task: 'ai.summary', company_id: house.company })))
  await until('five', () => worker.taken.length === 5)
  await pause(300)
  assert.equal(worker.taken.length, 5)
  for (const job of worker.taken.slice(0, 2)) await worker.finish(job, completed()), worker.held--
  await until('two more', () => worker.taken.length === 7)
  await pause(150)
  assert.equal(worker.taken.length, 7)
  assert.deepEqual(await house.beyondBusy(), [])
  await house.dismiss()
})

test('room is told from what was counted before, and counted again when that is used up', async () => {
  const worker = await house.worker('smartengage.message', () => completed(), { capacity: 8 })
  const told = () => house.postgres.value(`select busy_max from jobs.tasks where name = 'smartengage.message'`)
  for (let n = 1; n <= 20; n++) { // one at a time, each over before the next: workers never have more than one
    await ended((await house.add({ task: 'smartengage.message' })).job_id, 'COMPLETED')
    assert.equal(await told(), (n - 1) % 8 + 1)
  }
  assert.equal(worker.taken.length, 20)
  assert.deepEqual(await house.beyondBusy(), [])
  await house.dismiss()
})

test('a job leaves at its time: neither before nor much later', async () => {
  const worker = await house.worker('media.fetch', () => completed())
  const due = [50, 120, 121, 250, 400].map(ms => Date.now() + ms)
  await house.enqueue(...due.map((run_at, n) => ({ task: 'media.fetch', run_at, params: { n } })))
  await until('all', () => worker.taken.filter(job => job.params.n !== undefined).length === due.length)
  for (const job of worker.taken.filter(one => one.params.n !== undefined)) {
    const late = job.dispatched_at - due[job.params.n]
    assert.ok(late >= 0 && late < 500, `late by ${late} ms`)
  }
  await house.dismiss()
})

test('lists are newest first, page by page, and by task and status', async () => {
  const company = uuid()
  const replies = await house.enqueue(...Array.from({ length: 25 }, (_, n) => ({ company_id: company, task: n % 5 ? 'kb.index' : 'smartengage.run' })))
  const all = []
  for (let cursor; ;) {
    const page = await house.list({ limit: 10, cursor }, company)
    all.push(...page.items.map(job => job.id))
    if (!(cursor = page.next_cursor)) break
  }
  assert.deepEqual([...all].sort(), replies.map(one => one.reply.job_id).sort())
  assert.equal((await house.list({ task: 'smartengage.run' }, company)).items.length, 5)
  assert.equal((await house.list({ status: 'JOB_STATUS_QUEUED', task: 'kb.index' }, company)).items.length, 20)
  assert.equal((await house.list({ status: 'JOB_STATUS_PROCESSING' }, company)).items.length, 0)
  assert.equal((await house.list({ status: 'JOB_STATUS_COMPLETED' }, company)).items.length, 0)
  await assert.rejects(house.list({ cursor: 'nonsense' }, company), { code: 'bad_value' })
})

test('the counters say what the rows say', async () => {
  assert.deepEqual(await house.countersAgree(), [])
  const stats = await house.stats({ every_company: true })
  assert.equal(stats.total, stats.by_company.reduce((sum, one) => sum + one.total, 0))
  assert.equal(stats.total, stats.queued + stats.processing + stats.completed + stats.failed + stats.dlq)
})
