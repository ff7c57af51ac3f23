import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { PHONE_ID } from '../support/parley.mjs'
import { Store, message, statuses } from './store.mjs'

let store
before(async () => { store = await Store.start({ copies: 2 }) })
after(() => store?.stop())

test('twenty parallel first messages of one sender become one lead, one conversation and twenty positions', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => store.recordOne(message({ phone: '+15005550001' }))))
  assert.equal(new Set(answers.map(answer => answer.lead_id)).size, 1)
  assert.equal(new Set(answers.map(answer => answer.conversation_id)).size, 1)
  assert.deepEqual(answers.map(answer => answer.position).sort((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i + 1))
  assert.equal(await store.value('select count(*) from crm.lead_contacts where value = $1', ['+15005550001']), 1)
  const events = await store.events(answers[0].lead_id)
  assert.equal(events.filter(type => type === 'lead.created').length, 1)
  assert.equal(events.filter(type => type === 'message.received').length, 20)
})

test('the same provider message fifty times is one row, and every answer names it', async () => {
  const same = message({ phone: '+15005550002' })
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => store.recordOne(i % 2 ? same : { ...same, id: randomUUID() })))
  assert.equal(new Set(answers.map(answer => answer.message_id)).size, 1)
  assert.equal(answers.filter(answer => answer.created).length, 1)
  assert.equal(await store.value('select count(*) from crm.messages where external_id = $1', [same.external_id]), 1)
  assert.equal(await store.value("select count(*) from crm.events where type = 'message.received' and payload->>'external_id' = $1", [same.external_id]), 1)
  for (const answer of answers) assert.equal(answer.jobs[0].idempotency_key, `ai_engage_${answer.lead_id}_${answer.message_id}`)
})

test('the same message twice in one batch is one row', async () => {
  const same = message({ phone: '+15005550012' })
  const other = { ...same, id: randomUUID() }
  const answers = await store.record([same, other, same, other])
  assert.deepEqual(statuses(answers), ['STATUS_OK', 'STATUS_OK', 'STATUS_OK', 'STATUS_OK'])
  assert.deepEqual(answers.map(answer => answer.reply.created), [true, false, false, false])
  assert.equal(new Set(answers.map(answer => answer.reply.message_id)).size, 1)
})

test('five times "ok" are five rows', async () => {
  const answers = await store.record(Array.from({ length: 5 }, () => message({ phone: '+15005550003', message_text: 'ok' })))
  assert.deepEqual(answers.map(answer => answer.reply.position), [1, 2, 3, 4, 5])
  assert.equal(await store.value('select count(*) from crm.messages where lead_id = $1', [answers[0].reply.lead_id]), 5)
})

test('a batch is stored in the order of its sequences, whatever its own order', async () => {
  const [first, second, third] = [message({ phone: '+15005550004' }), message({ phone: '+15005550004' }), message({ phone: '+15005550004' })]
  const answers = await store.record([third, first, second])
  assert.deepEqual(answers.map(answer => answer.reply.position), [3, 1, 2])
})

test('a bad item is refused alone', async () => {
  const answers = await store.record([
    message({ phone: '+15005550005' }), message({ id: 'none' }), message({ account: 'nobody' }), message({ identities: [] }),
    message({ company_id: randomUUID() }), message({ phone: '+15005550005', media_info: { text: '{' } }), message({ phone: '+15005550005' }),
  ])
  assert.deepEqual(answers.map(answer => answer.code ?? 'ok'), ['ok', 'bad_message', 'unknown_account', 'bad_message', 'unknown_account', 'bad_message', 'ok'])
})

test('what only the database refuses is found by halves and refused alone', async () => {
  const phone = '+15005550008'
  const items = Array.from({ length: 9 }, () => message({ phone }))
  items[5].media_info = { text: '{"size":1e200000}' } // JSON, but no number of PostgreSQL's
  const answers = await store.record(items)
  assert.deepEqual(statuses(answers).map(status => status === 'STATUS_OK'), [true, true, true, true, true, false, true, true, true])
  assert.equal(answers[5].status, 'STATUS_REJECT')
  assert.deepEqual(answers.filter(answer => answer.reply).map(answer => answer.reply.position), [1, 2, 3, 4, 5, 6, 7, 8])
})

test('a key that is there already, however often one looks, is refused alone too', async () => {
  await store.rows("create unique index test_once on crm.messages (message_text) where message_text like 'only once%'")
  try {
    const phone = '+15005550009'
    const items = Array.from({ length: 7 }, () => message({ phone }))
    items[1].message_text = items[4].message_text = 'only once'
    const answers = await store.record(items)
    assert.deepEqual(statuses(answers).map(status => status === 'STATUS_OK'), [true, true, true, true, false, true, true])
    assert.equal(answers[4].status, 'STATUS_REJECT')
    assert.deepEqual(answers.filter(answer => answer.reply).map(answer => answer.reply.position), [1, 2, 3, 4, 5, 6])
  } finally {
    await store.rows('drop index crm.test_once')
  }
})

test('batches about the same people race through two copies: every message is stored once, positions have no gap', async () => {
  const person = n => [{ phone: `+1500555080${n % 10}` }, { phone: `+1500555080${n % 10}`, bsuid: `US.80${n % 10}` }, { phone: null, bsuid: `US.80${n % 10}` }][n % 3]
  const batches = Array.from({ length: 16 }, (_, b) => Array.from({ length: 60 }, (_, i) => message(person(b % 2 ? i : 59 - i))))
  const sent = batches.flat()
  const ask = async batch => {
    for (;;) {
      const answers = await store.record(batch)
      if (answers.every(answer => answer.status === 'STATUS_OK')) return answers
      assert.ok(answers.every(answer => answer.status !== 'STATUS_REJECT'))
    }
  }
  await Promise.all([...batches, ...batches.slice(0, 4)].map(ask))
  assert.equal(await store.value('select count(*) from crm.messages where external_id = any($1)', [sent.map(item => item.external_id)]), sent.length)
  const gaps = await store.rows(`select c.id from crm.conversations c join crm.messages m on m.conversation_id = c.id
                                 group by c.id having count(*) <> max(m.position) or max(m.position) <> max(c.last_position)`)
  assert.deepEqual(gaps.map(row => row.id), [])
  const people = await store.value("select count(distinct lead_id) from crm.lead_contacts where value like '+1500555080%' or value like 'US.80%'")
  assert.equal(people, 10)
})

test('an unknown company with a key of its own comes into being with its pipeline and five stages', async () => {
  const company_id = randomUUID()
  const item = () => message({ account: '', company_id, external_id: '', phone: '+15005550006' })
  const answers = await Promise.all(Array.from({ length: 10 }, () => store.recordOne(item())))
  assert.equal(new Set(answers.map(answer => answer.lead_id)).size, 1)
  assert.equal(answers[0].company_id, company_id)
  const stages = await store.rows('select name from crm.stages where company_id = $1 order by position', [company_id])
  assert.deepEqual(stages.map(row => row.name), ['New', 'Contacted', 'Qualified', 'Proposal', 'Closed'])
  const stage = await store.value('select s.name from crm.leads l join crm.stages s on s.id = l.stage_id where l.id = $1', [answers[0].lead_id])
  assert.equal(stage, 'New')
})

test('who wrote before the company had an account stays the same person after', async () => {
  const company_id = randomUUID()
  const item = () => message({ account: '', company_id, external_id: '', phone: '+15005550007' })
  const early = await store.recordOne(item())
  await store.bus.ask('store.channel_account.create', 'ChannelAccountRequest', 'ChannelAccount',
    { company_id, channel: 'CHANNEL_WHATSAPP_CLOUD', account: '880000000000001' })
  assert.equal((await store.recordOne(item())).lead_id, early.lead_id)
  assert.equal((await store.recordOne(message({ account: '880000000000001', phone: '+15005550007' }))).conversation_id, early.conversation_id)
})

test('an account is one company\'s, and another company\'s messages for it are refused', async () => {
  const other = randomUUID()
  await store.recordOne(message({ account: '', company_id: other, external_id: '' }))
  const [answer] = await store.bus.call('store.channel_account.create', 'ChannelAccountRequest', 'ChannelAccount',
    [{ company_id: other, channel: 'CHANNEL_WHATSAPP_CLOUD', account: PHONE_ID }])
  assert.equal(answer.code, 'account_taken')
  const [refused] = await store.record([message({ company_id: other })])
  assert.equal(refused.code, 'unknown_account')
})

test('identities: phone, then phone and user id, then user id alone are one person', async () => {
  const phone = '+15005550020', bsuid = 'US.20'
  const answers = [await store.recordOne(message({ phone })), await store.recordOne(message({ phone, bsuid })), await store.recordOne(message({ phone: null, bsuid }))]
  assert.equal(new Set(answers.map(answer => answer.lead_id)).size, 1)
  assert.equal(new Set(answers.map(answer => answer.conversation_id)).size, 1)
  const kinds = await store.rows('select kind from crm.lead_contacts where lead_id = $1 order by kind', [answers[0].lead_id])
  assert.deepEqual(kinds.map(row => row.kind), ['bsuid', 'phone'])
})

test('identities: two people who turn out to be one are merged into the older, with what they wrote and are owed', async () => {
  const phone = '+15005550021', bsuid = 'US.21'
  const older = await store.recordOne(message({ phone, message_text: 'one' }))
  const younger = await store.recordOne(message({ phone: null, bsuid, message_text: 'two' }))
  await store.recordOne(message({ phone: null, bsuid, message_text: 'three' }))
  assert.notEqual(older.lead_id, younger.lead_id)
  const caller = { company_id: older.company_id, correlation_id: 'test' }
  const allow = (lead_id, granted, given_at) => store.bus.ask('store.consent.record', 'ConsentRecordRequest', 'Consent', { lead_id, scope: 'marketing', granted, source: 'form', given_at }, caller)
  await allow(older.lead_id, true, Date.now() - 2000)
  await allow(younger.lead_id, false, Date.now() - 1000)
  const both = await store.recordOne(message({ phone, bsuid, message_text: 'four' }))
  assert.equal(both.lead_id, older.lead_id)
  assert.deepEqual(await store.value('select consent from crm.leads where id = $1', [older.lead_id]), { marketing: false })
  assert.equal((await allow(younger.lead_id, true, Date.now())).lead_id, older.lead_id)
  assert.deepEqual(await store.value('select consent from crm.leads where id = $1', [older.lead_id]), { marketing: true })
  assert.equal(await store.value('select merged_into from crm.leads where id = $1', [younger.lead_id]), older.lead_id)
  const texts = await store.rows('select message_text, position, wants_answer from crm.messages where conversation_id = $1 order by position', [both.conversation_id])
  assert.deepEqual(texts.map(row => row.message_text), ['one', 'two', 'three', 'four'])
  const conversation = (await store.rows('select * from crm.conversations where id = $1', [both.conversation_id]))[0]
  assert.equal(conversation.last_position, 4)
  assert.equal(conversation.owed_position, 4)
  assert.equal(await store.value('select state from crm.conversations where id = $1', [younger.conversation_id]), 'closed')
  const event = (await store.rows("select payload from crm.events where type = 'lead.merged' and lead_id = $1", [older.lead_id]))[0].payload
  assert.equal(event.merged_lead_id, younger.lead_id)
  assert.equal(event.moved.appended[0].shift, 1)
  assert.equal(event.moved.consent_ids.length, 1)
  const again = await store.recordOne(message({ phone: null, bsuid }))
  assert.equal(again.conversation_id, both.conversation_id)
})

test('identities: three people tied together within one batch become one', async () => {
  const [a, b] = [await store.recordOne(message({ phone: '+15005550031' })), await store.recordOne(message({ phone: null, bsuid: 'US.31' }))]
  const answers = await store.record([
    message({ phone: '+15005550031', bsuid: 'US.32' }), message({ phone: null, bsuid: 'US.31' }), message({ phone: '+15005550031', bsuid: 'US.31' }),
  ])
  assert.deepEqual(statuses(answers), ['STATUS_OK', 'STATUS_OK', 'STATUS_OK'])
  assert.equal(new Set(answers.map(answer => answer.reply.lead_id)).size, 1)
  assert.equal(answers[0].reply.lead_id, a.lead_id)
  assert.equal(await store.value('select count(*) from crm.messages where lead_id = $1', [a.lead_id]), 5)
  assert.equal(await store.value('select merged_into from crm.leads where id = $1', [b.lead_id]), a.lead_id)
})

test('two copies of lead-store merge the same two people at the same time, once', async () => {
  for (let n = 0; n < 5; n++) {
    const phone = `+1500555004${n}`, bsuid = `US.4${n}`
    await Promise.all([store.recordOne(message({ phone })), store.recordOne(message({ phone: null, bsuid }))])
    const answers = await Promise.all(Array.from({ length: 8 }, () => store.recordOne(message({ phone, bsuid }))))
    assert.equal(new Set(answers.map(answer => answer.lead_id)).size, 1)
    assert.equal(await store.value("select count(*) from crm.events where type = 'lead.merged' and lead_id = $1", [answers[0].lead_id]), 1)
    assert.equal(await store.value('select last_position from crm.conversations where id = $1', [answers[0].conversation_id]), 10)
  }
})

test('a person\'s new number finds the same person', async () => {
  const before = await store.recordOne(message({ phone: '+15005550050' }))
  await store.recordOne(message({ phone: '+15005550050', kind: 'system', wants_answer: false, number_changed_to: '+15005550051' }))
  const after = await store.recordOne(message({ phone: '+15005550051' }))
  assert.equal(after.lead_id, before.lead_id)
  assert.equal(await store.value('select phone from crm.conversations where id = $1', [after.conversation_id]), '+15005550051')
})

test('a new name replaces the old one, an empty one and a late repeat do not', async () => {
  const first = message({ phone: '+15005550060', contact_name: 'Old Name' })
  const { lead_id } = await store.recordOne(first)
  await store.recordOne(message({ phone: '+15005550060', contact_name: 'New Name' }))
  await store.recordOne(message({ phone: '+15005550060', contact_name: '' }))
  await store.recordOne(first)
  assert.equal(await store.value('select contact_name from crm.leads where id = $1', [lead_id]), 'New Name')
})

test('the service window opens by the provider\'s time and never closes earlier', async () => {
  const at = Date.now() - 3600_000
  const { conversation_id } = await store.recordOne(message({ phone: '+15005550061', provider_at: at }))
  const ends = async () => (await store.value('select window_ends_at from crm.conversations where id = $1', [conversation_id])).getTime()
  assert.equal(await ends(), at + 24 * 3600_000)
  await store.recordOne(message({ phone: '+15005550061', provider_at: at - 5000 }))
  assert.equal(await ends(), at + 24 * 3600_000)
})

test('owed since the oldest unanswered message; the delay is the buffer and ends with the maximum wait', async () => {
  const [one] = await store.record([message({ phone: '+15005550062', received_at: Date.now() - 14_500 })])
  assert.ok(one.reply.owed)
  assert.ok(one.reply.jobs[0].delay_ms > 0 && one.reply.jobs[0].delay_ms <= 500, `${one.reply.jobs[0].delay_ms}`)
  const fresh = await store.recordOne(message({ phone: '+15005550063' }))
  assert.equal(fresh.jobs[0].delay_ms, 2000)
  assert.equal(fresh.jobs[0].task, 'ai.engage')
})

test('what wants no answer gets a job that is skipped at once', async () => {
  const answer = await store.recordOne(message({ phone: '+15005550064', kind: 'reaction', wants_answer: false }))
  assert.ok(!answer.owed)
  assert.equal(answer.jobs[0].skipped, 'no_answer_wanted')
})

test('what the business writes on its own phone takes the conversation over and answers what was owed', async () => {
  const phone = '+15005550065'
  const inbound = message({ phone })
  const { conversation_id, lead_id } = await store.recordOne(inbound)
  const nudges = store.bus.connection.subscribe('nudge.conversation', { max: 1, timeout: 5000 })
  await store.recordOne(message({ phone, echo: true, message_text: 'I am here', wants_answer: false, contact_name: '' }))
  const conversation = (await store.rows('select * from crm.conversations where id = $1', [conversation_id]))[0]
  assert.equal(conversation.owner, 'human')
  assert.equal(conversation.epoch, 1)
  assert.equal(conversation.covered_position, 2)
  assert.equal(conversation.owed_since, null)
  assert.deepEqual(await store.events(lead_id), ['lead.created', 'message.received', 'message.sent', 'conversation.taken_over'])
  for await (const nudge of nudges) assert.match(Buffer.from(nudge.data).toString(), /takeover/)
  const again = await store.recordOne(inbound)
  assert.equal(again.jobs[0].skipped, 'human_owner')
  const later = await store.recordOne(message({ phone }))
  assert.equal(later.jobs[0].skipped, 'human_owner')
})
