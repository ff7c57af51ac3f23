// When the model or the provider is unwell: the ladder, the dead letters, outcomes, ambiguity.
import test, { before, after, beforeEach } from 'node:test'
import assert from 'node:assert/strict'
import { Parley } from '../support/parley.mjs'
import { pause, until } from '../support/process.mjs'

let parley
before(async () => { parley = await Parley.start({ env: { JOB_LADDER_MS: '200,200,200,200,200' } }) })
after(() => parley?.stop())
beforeEach(() => parley.sim('/_sim/reset', {}))

const job = async (id, status) => until(`job ${id} to be ${status}`, async () => {
  const { body } = await parley.get(`/jobs/${id}`)
  return body.status === status && body
})
const sendJob = async messageId => {
  const { body } = await parley.get('/jobs?task=channel.send.whatsapp_cloud&limit=200')
  return body.items.find(({ task_params }) => task_params.message_id === messageId)
}

test('a model that answers 500 twice and then well: the attempts show the ladder, one reply leaves', async () => {
  await parley.faults({ llm: { status: 500, count: 2 } })
  const { body } = await parley.inbound('+15005570001', 'hello?')
  const done = await job(body.job_id, 'completed')
  assert.deepEqual(done.attempt_log.map(({ outcome }) => outcome), ['retry', 'retry', 'completed'])
  assert.deepEqual(done.attempt_log.map(({ attempt }) => attempt), [1, 2, 3])
  await parley.sentCount(1, '15005570001')
  await pause(300)
  assert.equal((await parley.sent('15005570001')).length, 1)
})

test('a model that never answers: six runs, then the DLQ; a replay after the fault sends one reply', async () => {
  await parley.faults({ llm: { status: 500, count: -1 } })
  const { body } = await parley.inbound('+15005570002', 'hello?')
  const dead = await job(body.job_id, 'dlq')
  assert.equal(dead.attempt_log.length, 6)
  assert.equal((await parley.sent('15005570002')).length, 0)
  assert.equal((await parley.get('/queue/stats')).body.dlq, 1)
  await parley.faults({ llm: null })
  const replay = await parley.post('/admin/dlq/replay', { max_jobs: 10 })
  assert.deepEqual([replay.body.replayed, replay.body.job_ids], [1, [body.job_id]])
  await job(body.job_id, 'completed')
  await parley.sentCount(1, '15005570002')
  assert.equal((await parley.post('/admin/dlq/replay')).body.replayed, 0)
  await pause(300)
  assert.equal((await parley.sent('15005570002')).length, 1)
})

test('a wrong token (190) goes to the DLQ at once, and a replay with a good one sends', async () => {
  await parley.faults({ graph: { code: 190, count: -1 } })
  const { body } = await parley.inbound('+15005570003', 'hello?')
  const turn = await job(body.job_id, 'completed')
  const send = await until('the send in the DLQ', async () => {
    const found = await sendJob(turn.result.message_ids[0])
    return found?.status === 'dlq' && found
  })
  assert.equal((await parley.get(`/jobs/${send.id}`)).body.attempt_log.length, 1)
  const message = (await parley.get(`/messages/${turn.result.message_ids[0]}`)).body
  assert.deepEqual([message.status, message.error_class], ['failed', 'auth'])
  await parley.faults({ graph: null })
  assert.equal((await parley.post('/admin/dlq/replay', {})).body.replayed, 1)
  await parley.sentCount(1, '15005570003')
})

test('an unreachable recipient (131026) is an outcome, not a failure', async () => {
  await parley.faults({ unreachable: ['15005570004'] })
  const { body } = await parley.inbound('+15005570004', 'hello?')
  const turn = await job(body.job_id, 'completed')
  const send = await until('the send to end', async () => {
    const found = await sendJob(turn.result.message_ids[0])
    return found?.status === 'completed' && found
  })
  assert.equal(send.result.outcome, 'unreachable')
  assert.equal((await parley.get(`/messages/${turn.result.message_ids[0]}`)).body.status, 'failed')
})

test('accepted and then cut: one copy at the provider, settled by its receipt', async () => {
  await parley.faults({ graph: { accept_then_cut: true, count: 1 } })
  const { body } = await parley.inbound('+15005570005', 'hello?')
  const turn = await job(body.job_id, 'completed')
  await parley.sentCount(1, '15005570005')
  await until('the receipt to settle it', async () => (await parley.get(`/messages/${turn.result.message_ids[0]}`)).body.status === 'read')
  await pause(500)
  assert.equal((await parley.sent('15005570005')).length, 1)
})

test('accepted and cut with receipts lost: it stays unknown and is never sent again by itself', async () => {
  await parley.faults({ graph: { accept_then_cut: true, count: 1 }, webhook: { drop_receipts: true } })
  const { body } = await parley.inbound('+15005570006', 'hello?')
  const turn = await job(body.job_id, 'completed')
  await until('the message to be unknown', async () => (await parley.get(`/messages/${turn.result.message_ids[0]}`)).body.status === 'unknown')
  await pause(1000)
  assert.equal((await parley.sent('15005570006')).length, 1)
})

test('a provider that throttles the pair (131056) is tried again, one copy leaves', async () => {
  await parley.faults({ graph: { code: 131056, count: 1 } })
  await parley.inbound('+15005570007', 'hello?')
  await parley.sentCount(1, '15005570007')
})

test('a bare 503 of a proxy is ambiguous: unknown, and not sent a second time', async () => {
  await parley.faults({ graph: { http_only: 503, count: 1 } })
  const { body } = await parley.inbound('+15005570008', 'hello?')
  const turn = await job(body.job_id, 'completed')
  await until('the message to be unknown', async () => (await parley.get(`/messages/${turn.result.message_ids[0]}`)).body.status === 'unknown')
  await pause(500)
  assert.equal((await parley.sent('15005570008')).length, 0)
})

test('a status that overtakes the send response is applied', async () => {
  await parley.faults({ webhook: { delay_send_answer_ms: 500 } })
  const { body } = await parley.inbound('+15005570009', 'hello?')
  const turn = await job(body.job_id, 'completed')
  await until('the message to be read', async () => (await parley.get(`/messages/${turn.result.message_ids[0]}`)).body.status === 'read')
  await pause(800)
  assert.equal((await parley.get(`/messages/${turn.result.message_ids[0]}`)).body.status, 'read')
})

test('receipts that come thrice and in disorder end as read', async () => {
  await parley.faults({ seed: 7, webhook: { duplicate: 3, reorder: true } })
  const { body } = await parley.inbound('+15005570010', 'hello?')
  const turn = await job(body.job_id, 'completed')
  await until('the message to be read', async () => (await parley.get(`/messages/${turn.result.message_ids[0]}`)).body.status === 'read')
  await pause(500)
  assert.equal((await parley.get(`/messages/${turn.result.message_ids[0]}`)).body.status, 'read')
})

test('free text outside the 24 h window is held with its reason and never tried', async () => {
  const yesterday = Math.floor(Date.now() / 1000) - 25 * 3600
  await parley.receive('15005570011', 'an old message', { timestamp: yesterday })
  const held = await until('the held reply', async () =>
    (await parley.postgres.rows(`select id from crm.messages where status = 'held'`))[0])
  const why = (await parley.get(`/messages/${held.id}/why`)).body
  assert.equal(why.verdicts.at(-1).reason, 'window_closed')
  assert.equal((await parley.sent('15005570011')).length, 0)
})
