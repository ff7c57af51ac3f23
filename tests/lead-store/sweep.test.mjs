import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { Store, message, receipt } from './store.mjs'
import { encode } from '../support/bus.mjs'
import { until } from '../support/process.mjs'

let store
before(async () => {
  store = await Store.start({ scheduler: true, env: { WHATSAPP_CLOUD_PACING: '0', UNKNOWN_HOLD_MS: '1000', UNKNOWN_POLICY: 'resend' } })
})
after(() => store?.stop())

const old = new Date(Date.now() - 300_000)
const jobs = () => store.rows('select * from jobs.jobs order by created_at')
const keyed = async key => (await jobs()).find(job => job.idempotency_key === key)
const late = (conversationId) => store.rows("update crm.conversations set owed_since = owed_since - interval '5 minutes' where id = $1", [conversationId])
const escalations = async leadId => (await store.events(leadId)).filter(type => type === 'conversation.escalated').length

/** A worker comes, takes the job and reports that nothing can heal it. */
async function die(company_id, id) {
  const job = () => store.bus.ask('jobs.get', 'JobGetRequest', 'Job', { id }, { company_id })
  await until('the job to run', async () => {
    store.bus.connection.publish('jobs.capacity.ai.engage', encode('JobCapacity', { worker_id: 'test', task: 'ai.engage', free: 10, held: 0 }))
    return (await job()).status === 'JOB_STATUS_PROCESSING'
  }, 20000, 200)
  await store.bus.ask('jobs.finish', 'JobFinish', 'JobFinished', { job_id: id, dispatch: 1, outcome: 'JOB_OUTCOME_DEAD', error: 'test', code: 'test' }, { company_id })
  assert.equal((await job()).status, 'JOB_STATUS_DLQ')
}

test('an owed message without a job gets its job, under its key and id, and none twice', async () => {
  const item = message({ phone: '+15005550401' })
  const recorded = await store.recordOne(item)
  await late(recorded.conversation_id)
  const key = `ai_engage_${recorded.lead_id}_${item.id}`
  const job = await until('the job', () => keyed(key))
  assert.equal(job.id, item.job_id)
  await new Promise(resolve => setTimeout(resolve, 2500))
  assert.equal((await jobs()).filter(other => other.idempotency_key.startsWith(key)).length, 1)
})

test('an owed message whose job ended without effect gets a fresh one', async () => {
  const item = message({ phone: '+15005550402' })
  const recorded = await store.recordOne(item)
  const key = `ai_engage_${recorded.lead_id}_${item.id}`
  await store.bus.ask('jobs.enqueue', 'JobSpec', 'JobEnqueued', { ...recorded.jobs[0], skipped: 'test' }, { company_id: recorded.company_id })
  await late(recorded.conversation_id)
  await until('the next job', () => keyed(`${key}_s1`))
  await new Promise(resolve => setTimeout(resolve, 2500))
  assert.equal((await jobs()).filter(job => job.idempotency_key.startsWith(key)).length, 2)
})

test('an owed message whose job is dead is given to a person, once, and the customer is told', async () => {
  const item = message({ phone: '+15005550403' })
  const recorded = await store.recordOne(item)
  await store.bus.ask('jobs.enqueue', 'JobSpec', 'JobEnqueued', recorded.jobs[0], { company_id: recorded.company_id })
  await die(recorded.company_id, item.job_id)
  await late(recorded.conversation_id)
  await until('the escalation', async () => await escalations(recorded.lead_id) === 1)
  await new Promise(resolve => setTimeout(resolve, 2500))
  assert.equal(await escalations(recorded.lead_id), 1)
  const [conversation] = await store.rows('select owner, epoch, escalated_at, escalation_reason from crm.conversations where id = $1', [recorded.conversation_id])
  assert.deepEqual([conversation.owner, conversation.epoch, conversation.escalation_reason], ['human', 1, 'dead_lettered'])
  assert.ok(conversation.escalated_at)
  const [notice, ...more] = await store.rows("select id from crm.messages where conversation_id = $1 and cause = 'notice'", [recorded.conversation_id])
  assert.deepEqual(more, [])
  assert.equal((await keyed(`send_${notice.id}`)).task_name, 'channel.send.whatsapp_cloud')
})

test('a message that a person owns is left alone', async () => {
  const item = message({ phone: '+15005550404' })
  const recorded = await store.recordOne(item)
  await store.rows("update crm.conversations set owner = 'human' where id = $1", [recorded.conversation_id])
  await late(recorded.conversation_id)
  await new Promise(resolve => setTimeout(resolve, 2500))
  assert.equal(await keyed(`ai_engage_${recorded.lead_id}_${item.id}`), undefined)
})

test('a queued message without a job gets its send', async () => {
  const recorded = await store.recordOne(message({ phone: '+15005550405' }))
  const id = await store.outbound(recorded, { updated_at: old })
  const job = await until('the send', () => keyed(`send_${id}`))
  assert.equal(job.task_name, 'channel.send.whatsapp_cloud')
  assert.deepEqual(job.task_params, { message_id: id })
})

test('sending past its call is unknown; unknown is sent again once, then held for a person', async () => {
  const recorded = await store.recordOne(message({ phone: '+15005550406' }))
  const id = await store.outbound(recorded, { status: 'sending', claim: 'c1', go_until: old, updated_at: old })
  await store.untilStatus(id, 'queued')
  const types = async () => (await store.rows("select type from crm.events where payload->>'message_id' = $1 order by xid, n", [id])).map(row => row.type)
  assert.deepEqual(await types(), ['message.unknown', 'message.queued'])
  await store.rows("update crm.messages set status = 'unknown' where id = $1", [id])
  await store.untilStatus(id, 'held')
  assert.deepEqual(await types(), ['message.unknown', 'message.queued', 'message.held', 'conversation.escalated'])
  await store.receipts([receipt('delivered', { message_id: id, external_id: 'wamid.late' })])
  assert.equal(await store.status(id), 'delivered')
})

test('a fresh sending message is left alone', async () => {
  const recorded = await store.recordOne(message({ phone: '+15005550407' }))
  const id = await store.outbound(recorded, { status: 'sending', claim: 'c1', go_until: new Date(Date.now() + 5000) })
  await new Promise(resolve => setTimeout(resolve, 2500))
  assert.equal(await store.status(id), 'sending')
})
