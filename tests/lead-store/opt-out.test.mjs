import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { Store, message } from './store.mjs'
import { Talk } from './talk.mjs'

let store
before(async () => { store = await Store.start() })
after(() => store?.stop())

const stop = phone => message({ phone, message_text: 'STOP', opt_out: true, wants_answer: false })

test('an opt-out cancels all that is queued, suppresses and is confirmed once', async () => {
  const phone = '+15005550101'
  const first = await store.recordOne(message({ phone }))
  const [reply, campaign, gone] = [
    await store.outbound(first), await store.outbound(first, { cause: 'proactive' }), await store.outbound(first, { status: 'sent', external_id: 'wamid.gone' }),
  ]
  const stopping = stop(phone)
  const answer = await store.recordOne(stopping)
  assert.equal(answer.jobs[0].skipped, 'opt_out')
  assert.equal(answer.jobs[1].task, 'channel.send.whatsapp_cloud')
  assert.deepEqual([await store.status(reply), await store.status(campaign), await store.status(gone)], ['cancelled', 'cancelled', 'sent'])
  assert.ok(await store.value('select opted_out_at from crm.leads where id = $1', [first.lead_id]))
  const [notice] = await store.rows("select * from crm.messages where lead_id = $1 and cause = 'notice'", [first.lead_id])
  assert.deepEqual([notice.sender_type, notice.direction, notice.status], ['system', 'outbound', 'queued'])
  assert.equal(answer.jobs[1].params.text, JSON.stringify({ message_id: notice.id }))

  const repeat = await store.recordOne(stopping)
  assert.ok(!repeat.created)
  assert.equal(repeat.jobs[1].id, answer.jobs[1].id)
  const second = await store.recordOne(stop(phone))
  assert.equal(second.jobs.length, 1)
  const events = await store.events(first.lead_id)
  assert.equal(events.filter(type => type === 'lead.opted_out').length, 1)
  assert.equal(events.filter(type => type === 'message.queued').length, 1)
  assert.equal(events.filter(type => type === 'message.cancelled').length, 2)
})

test('after an opt-out a later message is answered again, and START ends the suppression', async () => {
  const phone = '+15005550102'
  const first = await store.recordOne(message({ phone }))
  await store.recordOne(stop(phone))
  assert.equal(await store.value('select owed_since from crm.conversations where id = $1', [first.conversation_id]), null)
  const later = await store.recordOne(message({ phone }))
  assert.ok(later.owed)
  assert.ok(await store.value('select opted_out_at from crm.leads where id = $1', [first.lead_id]))
  await store.recordOne(message({ phone, message_text: 'START', opt_in: true }))
  assert.equal(await store.value('select opted_out_at from crm.leads where id = $1', [first.lead_id]), null)
  assert.ok((await store.events(first.lead_id)).includes('lead.opted_in'))
})

test('an opt-out as the very first message and STOP twice in one batch are confirmed once', async () => {
  const phone = '+15005550103'
  const answers = await store.record([stop(phone), stop(phone)])
  assert.deepEqual(answers.map(answer => answer.reply.jobs.length), [2, 1])
  assert.ok(await store.value('select opted_out_at from crm.leads where id = $1', [answers[0].reply.lead_id]))
})

test('a call under way hears of the opt-out', async () => {
  const phone = '+15005550104'
  await store.recordOne(message({ phone }))
  const nudges = store.bus.connection.subscribe('nudge.conversation', { max: 1, timeout: 5000 })
  await store.recordOne(stop(phone))
  for await (const nudge of nudges) assert.match(Buffer.from(nudge.data).toString(), /opt_out/)
})

test('STOP again ends the answer to what was asked since the first, before and past the gate, and is told and confirmed no second time', async () => {
  const talk = await Talk.start(store)
  await store.recordOne(stop(talk.phone))
  const waiting = await talk.reply(await talk.write({ message_text: 'one more thing' }))
  await store.recordOne(stop(talk.phone))
  assert.equal(await talk.status(waiting), 'cancelled')
  const refused = await talk.authorize(waiting)
  assert.deepEqual([refused.verdict, refused.reason], ['refuse', 'opted_out'])

  const gone = await talk.reply(await talk.write({ message_text: 'and another' }))
  assert.equal((await talk.authorize(gone)).verdict, 'go')
  await store.recordOne(stop(talk.phone))
  await talk.settle(gone, 'not_sent') // it came back
  const again = await talk.authorize(gone, 'claim-2')
  assert.deepEqual([again.verdict, again.reason], ['refuse', 'opted_out'])
  const events = await talk.events()
  assert.equal(events.filter(type => type === 'lead.opted_out').length, 1)
  assert.equal(await store.value("select count(*) from crm.messages where lead_id = $1 and cause = 'notice'", [talk.leadId]), 1)
})
