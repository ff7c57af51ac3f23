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

const status = async id => (await parley.get(`/messages/${id}`)).body.status
const statuses = async ids => parley.postgres.rows('select status, count(*)::int as n from crm.messages where id = any($1::uuid[]) group by status', [ids])
const known = async phone => {
  await parley.receive(phone, 'hello')
  await parley.sentCount(1, phone)
}

for (const [phone, what, answer, ends] of [
  ['15005570012', 'is taken', {}, 'sent'],
  ['15005570013', 'is refused for now (131016)', { code: 131016 }, 'sent'],
  ['15005570014', 'is refused for good (131026)', { code: 131026 }, 'failed'],
]) {
  test(`the store restarts while a send is under way that ${what}: its end is told when the store is back`, async () => {
    await known(phone)
    await parley.faults({ graph: { latency_ms: 1000, count: 1, ...answer }, webhook: { drop_receipts: true } })
    const { body } = await parley.post('/api/v1/operator-message', { phone, message: 'from a person' })
    await until('the call', async () => await status(body.message_id) === 'sending')
    const store = parley.service('lead-store')
    await store.stop()
    await pause(2500)
    await store.start()
    await until(`the message to be ${ends}`, async () => await status(body.message_id) === ends, 15000)
    const told = await parley.postgres.value(`select count(*)::int from crm.send_verdicts where message_id = $1 and verdict = 'busy'`, [body.message_id])
    assert.equal(told, 0)
    assert.equal((await parley.sent(phone)).filter(({ text }) => text === 'from a person').length, ends === 'sent' ? 1 : 0)
  })
}

test('sixty of the longest messages at once: the gate\'s answers fill several replies, and every message leaves once', async () => {
  const phones = Array.from({ length: 60 }, (_, n) => `1500558${1000 + n}`)
  await Promise.all(phones.map(known))
  const channel = parley.service('channel-whatsapp-cloud')
  await channel.stop()
  const text = '😀'.repeat(4090)
  const ids = await Promise.all(phones.map(async phone => (await parley.post('/api/v1/operator-message', { phone, message: text })).body.message_id))
  await channel.start()
  await until('all of them to be read', async () => {
    const found = await statuses(ids)
    return found.length === 1 && found[0].status === 'read'
  }, 15000).catch(async error => assert.fail(`${error.message} ${JSON.stringify(await statuses(ids))}`))
  assert.equal((await parley.sent()).filter(message => message.text === text).length, 60)
})

test('a replay while the store is away waits for it and sends', async () => {
  const phone = '15005570015'
  await parley.faults({ graph: { code: 190, count: 1 } })
  const { body } = await parley.inbound('+' + phone, 'hello?')
  const turn = await job(body.job_id, 'completed')
  await until('the send in the DLQ', async () => (await sendJob(turn.result.message_ids[0]))?.status === 'dlq')
  const store = parley.service('lead-store')
  await store.stop()
  assert.equal((await parley.post('/admin/dlq/replay', {})).body.replayed, 1)
  await pause(1000)
  await store.start()
  await parley.sentCount(1, phone)
  await until('the message to be read', async () => await status(turn.result.message_ids[0]) === 'read')
})

test('a store that is away costs a send no attempt, however long', async () => {
  const phone = '15005570016'
  await known(phone)
  const channel = parley.service('channel-whatsapp-cloud'), store = parley.service('lead-store')
  await channel.stop()
  const { body } = await parley.post('/api/v1/operator-message', { phone, message: 'second' })
  await store.stop()
  await channel.start()
  await pause(5000) // the ladder's five steps take one second
  await store.start()
  await parley.sentCount(2, phone)
  const sent = await until('the job to end', async () => {
    const found = await sendJob(body.message_id)
    return found?.status === 'completed' && found
  })
  assert.ok((await parley.get(`/jobs/${sent.id}`)).body.attempt_log.every(({ attempt }) => attempt === 1))
})

test('a gate that answers too late is asked again under the same claim: no message is left behind', async () => {
  const phone = '15005570017'
  await known(phone)
  const channel = parley.service('channel-whatsapp-cloud')
  await channel.stop()
  const { body } = await parley.post('/api/v1/operator-message', { phone, message: 'second' })
  const other = await parley.postgres.pool.connect()
  try {
    await other.query('begin')
    await other.query('select from crm.leads where id = (select lead_id from crm.messages where id = $1) for update', [body.message_id])
    await channel.start()
    await pause(6500) // a request is over after 5 s
  } finally {
    await other.query('rollback')
    other.release()
  }
  await parley.sentCount(2, phone)
  await until('the message to be read', async () => await status(body.message_id) === 'read')
  assert.equal((await parley.sent(phone)).length, 2)
})
