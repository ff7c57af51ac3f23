// Whoever waits for the AI past the deadline gets a person, once, and is told once, whatever sweeps, dies or comes back.
import test, { after, before, describe } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Store } from './store.mjs'
import { Talk, engageKey } from './talk.mjs'
import { until } from '../support/process.mjs'

const DEADLINE_MS = 1000, PERSON_DEADLINE_MS = 1500

let store
before(async () => {
  store = await Store.start({ scheduler: true, copies: 2, env: { BUFFER_MS: '0', BUFFER_MAX_MS: '0', HAND_OVER_DEADLINE_MS: String(DEADLINE_MS), HAND_OVER_PERSON_DEADLINE_MS: String(PERSON_DEADLINE_MS), WHATSAPP_CLOUD_PACING: '0' } })
})
after(() => store?.stop())

const escalations = leadId => store.rows("select payload, occurred_at from crm.events where type = 'conversation.escalated' and lead_id = $1", [leadId])
const overdue = leadId => store.rows("select payload, occurred_at from crm.events where type = 'conversation.overdue' and lead_id = $1 order by n", [leadId])
const untilOverdue = (talk, count = 1) => until('its being overdue', async () => { const found = await overdue(talk.leadId); return found.length >= count && found })
const notices = conversationId => store.rows("select * from crm.messages where conversation_id = $1 and sender_type = 'system'", [conversationId])
const sweeps = async count => { // so many more passes of whichever copy sweeps
  for (let n = 0; n < count; n++) {
    const seen = await store.value("select leased_until from crm.relay where name = 'sweep'")
    await until('a sweep', async () => (await store.value("select leased_until from crm.relay where name = 'sweep'")).getTime() > seen.getTime())
  }
}
const handedOver = talk => until('a person', async () => (await talk.conversation()).owner === 'human')

describe('who waits', { concurrency: true }, () => { // for the same seconds
  test('past the deadline a person owns it and the customer is told, once, however often is swept', async () => {
    const asked = Date.now()
    const talk = await Talk.start(store)
    await handedOver(talk)
    const [{ payload, occurred_at }] = await escalations(talk.leadId)
    assert.deepEqual([payload.reason, payload.epoch, payload.by], ['ai_unavailable', 1, 'system'])
    assert.ok(occurred_at.getTime() - asked >= DEADLINE_MS - 100, 'before its deadline')
    await sweeps(2)
    assert.equal((await escalations(talk.leadId)).length, 1)
    const [notice, ...more] = await notices(talk.conversationId)
    assert.deepEqual([notice.id, more.length], [payload.message_id, 0])
    await until('the send of the notice', () => store.value("select count(*) from jobs.jobs where idempotency_key = $1", [`send_${notice.id}`]))
    const conversation = await talk.conversation()
    assert.deepEqual([conversation.covered_position, conversation.assignee], [0, null])
    assert.ok(conversation.escalated_at)
  })

  test('when the model comes back it finds a person, and after the handback it answers', async () => {
    const talk = await Talk.start(store)
    const late = await talk.open(talk.first)
    await handedOver(talk)
    const refused = await talk.commit(late)
    assert.deepEqual([refused.state, refused.reason], ['refused', 'human_owner'])
    assert.deepEqual((({ state, reason }) => [state, reason])(await talk.open(talk.first)), ['nothing', 'human'])
    const back = await talk.giveBack()
    assert.equal(back.jobs.length, 1)
    const opened = await talk.open({ ...talk.first, job: randomUUID() })
    assert.equal((await talk.commit(opened)).state, 'committed')
    await sweeps(1)
    assert.equal((await talk.conversation()).owner, 'ai')
  })

  test('an answer in time, a person and a closed conversation are left alone', async () => {
    const answered = await Talk.start(store), taken = await Talk.start(store), closed = await Talk.start(store)
    await answered.reply(answered.first)
    await taken.take()
    await closed.set("state = 'closed'")
    const waiting = await Talk.start(store)
    await handedOver(waiting)
    for (const talk of [answered, taken, closed]) assert.deepEqual(await escalations(talk.leadId), [])
    assert.equal((await taken.conversation()).assignee, 'ana')
  })

  test('who waits for a person past the deadline is overdue: said once, listed, and over with the answer', async () => {
    const asked = Date.now()
    const talk = await Talk.start(store)
    await talk.take()
    const list = async more => (await store.bus.ask('store.conversation.list', 'ConversationListRequest', 'ConversationList', { lead_id: talk.leadId, ...more }, talk.caller)).items ?? []
    assert.deepEqual(await list({ overdue: true }), [])
    const [{ payload, occurred_at }] = await untilOverdue(talk)
    assert.deepEqual([payload.message_id, payload.assignee, payload.given_back, payload.reason], [talk.first.message_id, 'ana', false, undefined])
    assert.ok(occurred_at.getTime() - asked >= PERSON_DEADLINE_MS - 100, 'before its deadline')
    for (const more of [{ overdue: true }, { overdue: true, waiting: true }, { overdue: true, waiting: true, order: 'newest' }]) assert.ok((await list(more))[0].overdue_at, JSON.stringify(more))
    assert.deepEqual(await list({ overdue: false }), [])
    await talk.write({ message_text: 'Hello?' }) // the same wait goes on
    await sweeps(2)
    assert.equal((await overdue(talk.leadId)).length, 1)
    await talk.post()
    const [answered] = await list({ overdue: false })
    assert.deepEqual([answered.overdue_at, answered.waiting_since_at], [undefined, undefined])
    const again = await talk.write({ message_text: 'And one more thing' })
    assert.equal((await untilOverdue(talk, 2))[1].payload.message_id, again.message_id)
  })

  test('whom nobody came to after an escalation is overdue, too', async () => {
    const talk = await Talk.start(store)
    await talk.commit(await talk.open(talk.first), { actions: [{ type: 'hand_over', reason: 'asked for' }], text: 'A colleague will write.' })
    const [{ payload }] = await untilOverdue(talk)
    assert.deepEqual([payload.reason, payload.message_id, payload.assignee], ['asked for', undefined, undefined])
  })
})

test("a company's own deadline goes before the installation's", async () => {
  const patient = await Talk.start(store)
  const patch = deadline_ms => store.bus.ask('store.company.patch', 'CompanyPatchRequest', 'Company', { hand_over: { deadline_ms } }, patient.caller)
  await patch(3600000)
  const talk = await Talk.start(store)
  await sweeps(2)
  assert.equal((await talk.conversation()).owner, 'ai')
  await patch(1000)
  await handedOver(talk)
  await store.bus.ask('store.company.patch', 'CompanyPatchRequest', 'Company', { hand_over: {} }, patient.caller)
})

test('a company lets the AI answer where no person did, but not what was given to people for a reason', async () => {
  const taken = await Talk.start(store), asked = await Talk.start(store)
  await store.bus.ask('store.company.patch', 'CompanyPatchRequest', 'Company', { hand_over: { give_back_overdue: true, person_deadline_ms: 100, deadline_ms: 86400000 } }, taken.caller)
  await taken.take()
  await asked.commit(await asked.open(asked.first), { actions: [{ type: 'hand_over', reason: 'asked for' }], text: '' })
  const [[{ payload }], [kept]] = await Promise.all([untilOverdue(taken), untilOverdue(asked)])
  assert.deepEqual([payload.given_back, kept.payload.given_back, kept.payload.message_id], [true, false, asked.first.message_id])
  const conversation = await taken.conversation()
  assert.deepEqual([conversation.owner, conversation.epoch, (await asked.conversation()).owner], ['ai', 2, 'human'])
  const [back] = await store.rows("select payload from crm.events where type = 'conversation.handed_back' and lead_id = $1", [taken.leadId])
  assert.deepEqual([back.payload.by, back.payload.owed], ['system', true])
  await until('the job of its answer', () => store.value('select count(*) from jobs.jobs where idempotency_key = $1', [`${engageKey(taken.first)}_2`]))
  assert.equal((await taken.open({ ...taken.first, job: randomUUID() })).state, 'open')
  await store.bus.ask('store.company.patch', 'CompanyPatchRequest', 'Company', { hand_over: {} }, taken.caller)
})

test('five hundred who wait are all handed over and told once, while one of two copies goes', async () => {
  const talks = await Promise.all(Array.from({ length: 500 }, () => Talk.start(store)))
  const ids = talks.map(talk => talk.conversationId)
  const waiting = () => store.value("select count(*) from crm.conversations where id = any ($1) and owner = 'ai'", [ids])
  await until('some to be handed over', async () => await waiting() < 500)
  await store.copies[0].end()
  await until('all to be handed over', async () => await waiting() === 0, 30000)
  const [{ told, events, most }] = await store.rows(`select count(*) as told, (select count(*) from crm.events where type = 'conversation.escalated'
      and payload ->> 'conversation_id' = any ($1::text[])) as events, max(n) as most
    from (select conversation_id, count(*) as n from crm.messages where conversation_id = any ($1::uuid[]) and sender_type = 'system' group by 1) t`, [ids])
  assert.deepEqual([told, events, most], [500, 500, 1])
})
