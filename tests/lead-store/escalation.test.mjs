// A conversation goes to a person though none asked for it: the model's action, the company's rules.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Store } from './store.mjs'
import { Talk, engageKey } from './talk.mjs'
import { decode } from '../support/bus.mjs'

let store
before(async () => { store = await Store.start({ env: { BUFFER_MS: '0', BUFFER_MAX_MS: '60000' } }) })
after(() => store?.stop())

const NOTICE = 'Thanks for your message. A colleague will get back to you as soon as possible.'
const handOver = (more = {}) => ({ actions: [{ type: 'hand_over', reason: 'wants a refund', urgency: 'high', ...more }] })
const escalated = async talk => (await store.rows("select payload, actor from crm.events where type = 'conversation.escalated' and lead_id = $1 order by xid, n", [talk.leadId]))

test("the model hands over: its reply still leaves, the conversation is a person's, and it is told once", async () => {
  const talk = await Talk.start(store)
  const committed = await talk.commit(await talk.open(talk.first), { text: 'I pass you on.', ...handOver() })
  assert.equal(committed.state, 'committed')
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.owner, conversation.epoch, conversation.assignee, conversation.escalation_reason, conversation.escalation_urgency],
    ['human', 1, null, 'wants a refund', 'high'])
  assert.ok(conversation.escalated_at)
  assert.equal(conversation.owed_since, null)
  const [{ payload, actor }, ...others] = await escalated(talk)
  assert.deepEqual([actor, payload.conversation_id, payload.reason, payload.urgency, payload.epoch, others.length], ['ai', talk.conversationId, 'wants a refund', 'high', 1, 0])
  assert.deepEqual(committed.jobs.map(job => job.idempotency_key), [`send_${committed.message_id}`])
  assert.equal((await talk.authorize(committed.message_id)).verdict, 'go')
  assert.equal(await store.value("select count(*) from crm.messages where conversation_id = $1 and sender_type = 'system'", [talk.conversationId]), 0)
})

test('nothing of the AI comes after the word by which it handed over, and a newer question does not take that back', async () => {
  const talk = await Talk.start(store)
  const opened = await talk.open(talk.first)
  const committed = await talk.commit(opened, { text: 'I pass you on.', ...handOver() })
  const question = await talk.write({ message_text: 'Hello?' })
  assert.equal(question.owed, false)
  assert.equal((await talk.authorize(committed.message_id)).verdict, 'go')
  assert.deepEqual((({ state, reason }) => [state, reason])(await talk.open(question)), ['nothing', 'human'])
  const again = await talk.commit(opened, { text: 'Once more.' })
  assert.deepEqual([again.state, again.message_id], ['committed', committed.message_id]) // the same turn, told again
})

test('an earlier answer that still waits to leave does, after it the last word', async () => {
  const talk = await Talk.start(store)
  const earlier = await talk.reply(talk.first)
  const question = await talk.write({ message_text: 'And a person?' })
  await talk.owedSince(120000) // its maximum wait is over: the earlier answer is not taken back
  const last = (await talk.commit(await talk.open(question), { text: 'I pass you on.', ...handOver() })).message_id
  assert.equal((await talk.authorize(earlier)).verdict, 'go')
  await talk.settle(earlier, 'sent', { external_id: `wamid.${randomUUID()}` })
  assert.equal((await talk.authorize(last)).verdict, 'go')
})

test('a person who takes it is its owner by name, and what the AI had not got out by then never leaves', async () => {
  const talk = await Talk.start(store)
  const committed = await talk.commit(await talk.open(talk.first), { text: 'I pass you on.', ...handOver() })
  await talk.take()
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.owner, conversation.assignee, conversation.epoch, conversation.escalated_at], ['human', 'ana', 2, null])
  assert.equal(await talk.status(committed.message_id), 'cancelled')
  await talk.take()
  assert.equal((await talk.conversation()).epoch, 2)
  assert.equal((await talk.events()).filter(type => type === 'conversation.taken_over').length, 1)
})

test("a person's message does the same, and comes after what the AI has past the gate", async () => {
  const talk = await Talk.start(store)
  const committed = await talk.commit(await talk.open(talk.first), { text: 'I pass you on.', ...handOver() })
  await talk.authorize(committed.message_id)
  const posted = await talk.post({ message: 'Here I am.' })
  assert.deepEqual((({ verdict, reason }) => [verdict, reason])(await talk.authorize(posted.message_id)), ['busy', 'ai_leaving'])
  await talk.settle(committed.message_id, 'sent', { external_id: `wamid.${randomUUID()}` })
  assert.equal((await talk.authorize(posted.message_id)).verdict, 'go')
  assert.equal((await talk.conversation()).assignee, 'ana')
})

test("a message on the business's own phone takes what waits for a person, and the AI's last word is cancelled", async () => {
  const talk = await Talk.start(store)
  const committed = await talk.commit(await talk.open(talk.first), { text: 'I pass you on.', ...handOver() })
  const echo = await talk.write({ echo: true, wants_answer: false, message_text: 'I am here.' })
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.owner, conversation.assignee, conversation.epoch, conversation.escalated_at], ['human', 'phone', 2, null])
  assert.equal((await talk.authorize(committed.message_id)).reason, 'human_owner')
  assert.deepEqual((({ sender_type, sender_id, status, wants_answer }) => [sender_type, sender_id, status, wants_answer])(await talk.row(echo.message_id)), ['operator', 'phone', 'sent', false])
  await talk.write({ echo: true, wants_answer: false, message_text: 'Still here.' })
  assert.equal((await talk.conversation()).epoch, 2)
  assert.equal((await talk.events()).filter(type => type === 'conversation.taken_over').length, 1)
})

test('without a word of the AI the customer is told by the company, and the question stays open for the person', async () => {
  const talk = await Talk.start(store)
  const opened = await talk.open(talk.first)
  const committed = await talk.commit(opened, { text: undefined, ...handOver({ reason: 'unsafe', urgency: undefined }) })
  assert.deepEqual([committed.state, committed.message_id], ['committed', undefined])
  const [notice] = await store.rows("select * from crm.messages where conversation_id = $1 and direction = 'outbound'", [talk.conversationId])
  assert.deepEqual([notice.sender_type, notice.cause, notice.message_text], ['system', 'notice', NOTICE])
  assert.deepEqual(committed.jobs.map(job => job.idempotency_key), [`send_${notice.id}`])
  assert.equal((await talk.authorize(notice.id)).verdict, 'go')
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.covered_position, conversation.escalation_urgency], [0, 'normal'])
  const again = await talk.commit(opened, { text: undefined, ...handOver() })
  assert.deepEqual([again.state, again.message_id], ['committed', undefined])
  const back = await talk.giveBack()
  assert.deepEqual(back.jobs.map(job => job.idempotency_key), [`${engageKey(talk.first)}_2`])
  const reopened = await talk.open({ ...talk.first, job: randomUUID() })
  assert.deepEqual([reopened.state, reopened.context.owed.map(line => line.text)], ['open', ['Hello']])
})

test('within the hour the customer is not told a second time', async () => {
  const talk = await Talk.start(store)
  for (let round = 0; round < 3; round++) {
    const committed = await talk.commit(await talk.open({ ...talk.first, job: randomUUID() }), { text: undefined, ...handOver() })
    assert.equal(committed.jobs.length, round ? 0 : 1)
    await talk.giveBack()
  }
  assert.equal((await escalated(talk)).length, 3)
  assert.equal(await store.value("select count(*) from crm.messages where conversation_id = $1 and sender_type = 'system'", [talk.conversationId]), 1)
})

test('calls under way are told, as by a takeover', async () => {
  const talk = await Talk.start(store)
  const opened = await talk.open(talk.first)
  const nudges = store.bus.connection.subscribe('nudge.conversation', { max: 1, timeout: 5000 })
  await talk.commit(opened, { text: 'I pass you on.', ...handOver() })
  for await (const nudge of nudges) assert.deepEqual([decode('ConversationNudge', nudge.data).cause], ['takeover'])
})

test('a commit without text needs the action, and a turn has at most sixteen', async () => {
  const talk = await Talk.start(store)
  const opened = await talk.open(talk.first)
  await assert.rejects(talk.commit(opened, { text: undefined }), /text must have/)
  await assert.rejects(talk.commit(opened, { text: undefined, actions: [{ type: 'note', name: 'budget', value: '5' }] }), /text must have/)
  await assert.rejects(talk.commit(opened, { actions: Array.from({ length: 17 }, () => ({ type: 'note' })) }), /at most 16 actions/)
  const committed = await talk.commit(opened, { actions: [{ type: 'dance' }] })
  assert.equal(committed.state, 'committed')
  assert.equal((await talk.conversation()).owner, 'ai')
})

test('a takeover while the model thinks refuses its action too', async () => {
  const talk = await Talk.start(store)
  const opened = await talk.open(talk.first)
  await talk.take()
  const refused = await talk.commit(opened, { text: 'I pass you on.', ...handOver() })
  assert.deepEqual([refused.state, refused.reason], ['refused', 'human_owner'])
  assert.deepEqual(await escalated(talk), [])
  assert.equal((await talk.conversation()).assignee, 'ana')
})

/** The rules of the default company, for one test. */
async function withRules(hand_over, run) {
  const set = rules => store.bus.ask('store.company.patch', 'CompanyPatchRequest', 'Company', { hand_over: rules }, { company_id: store.company })
  store.company ??= await store.value('select id from crm.companies')
  await set(hand_over)
  try {
    await run()
  } finally {
    await set({})
  }
}
const outcome = ({ state, reason }) => [state, reason]

test('a keyword brings a person without a call of the model, in any case and only as whole words', () => withRules({ keywords: ['Real person', 'মানুষ'] }, async () => {
  const talk = await Talk.start(store, { message_text: 'Can I talk to a REAL PERSON, please?!' })
  const opened = await talk.open(talk.first)
  assert.deepEqual(outcome(opened), ['nothing', 'handed_over'])
  const [notice] = await store.rows("select * from crm.messages where conversation_id = $1 and sender_type = 'system'", [talk.conversationId])
  assert.deepEqual([notice.message_text, opened.jobs.map(job => job.idempotency_key)], [NOTICE, [`send_${notice.id}`]])
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.owner, conversation.escalation_reason, conversation.covered_position], ['human', 'keyword', 0])
  assert.deepEqual(outcome(await talk.open({ ...talk.first, job: randomUUID() })), ['nothing', 'human'])
  const [{ payload, actor }] = await escalated(talk)
  assert.deepEqual([actor, payload.by, payload.reason, payload.epoch, payload.message_id], ['system', 'system', 'keyword', 1, notice.id])
  const bengali = await Talk.start(store, { message_text: 'আমি মানুষ চাই।' })
  assert.deepEqual(outcome(await bengali.open(bengali.first)), ['nothing', 'handed_over'])
  const other = await Talk.start(store, { message_text: 'unreal personality' })
  assert.equal((await other.open(other.first)).state, 'open')
}))

test('any message of a burst may hold the keyword, and two jobs of it hand over once', () => withRules({ keywords: ['human'] }, async () => {
  const talk = await Talk.start(store, { message_text: 'human' })
  const second = await talk.write({ message_text: 'hello?' })
  const asked = [talk.first, second].map(one => ({ job_id: one.job, claim: randomUUID(), lead_id: talk.leadId, message_id: one.message_id }))
  const answers = await store.bus.call('store.turn.open', 'TurnOpenRequest', 'TurnOpened', asked, talk.caller)
  assert.deepEqual(answers.map(answer => answer.reply.reason), ['handed_over', 'handed_over'])
  assert.equal((await escalated(talk)).length, 1)
}))

test('an angry word brings a person where the company wants it', () => withRules({ negative_sentiment: true, notice: '' }, async () => {
  const talk = await Talk.start(store, { message_text: 'This is a SCAM!!!' })
  const opened = await talk.open(talk.first)
  assert.deepEqual([outcome(opened), opened.jobs], [['nothing', 'handed_over'], []])
  assert.equal((await talk.conversation()).escalation_reason, 'sentiment')
  const calm = await Talk.start(store, { message_text: 'Is this a scampi dish?' })
  assert.equal((await calm.open(calm.first)).state, 'open')
}))

test('so many answers without progress bring a person; a note, or a person in between, begins the count anew', () => withRules({ turns_without_progress: 2 }, async () => {
  const answer = async (talk, recorded, more) => {
    const committed = await talk.commit(await talk.open(recorded), more)
    await talk.authorize(committed.message_id)
    await talk.settle(committed.message_id, 'sent', { external_id: `wamid.${randomUUID()}` })
  }
  const talk = await Talk.start(store)
  await answer(talk, talk.first)
  await answer(talk, await talk.write())
  const third = await talk.write()
  assert.deepEqual(outcome(await talk.open(third)), ['nothing', 'handed_over'])
  assert.equal((await talk.conversation()).escalation_reason, 'no_progress')
  await talk.giveBack()
  assert.equal((await talk.open({ ...third, job: randomUUID() })).state, 'open')
  const noted = await Talk.start(store)
  await answer(noted, noted.first)
  await answer(noted, await noted.write(), { actions: [{ type: 'note', name: 'budget', value: '500' }] })
  assert.equal((await noted.open(await noted.write())).state, 'open')
}))

test('the notice speaks the company\'s language, or says its own words', async () => {
  const speak = async (settings, expected) => {
    await store.bus.ask('store.company.patch', 'CompanyPatchRequest', 'Company', settings, { company_id: store.company })
    const talk = await Talk.start(store, { message_text: 'human' })
    await talk.open(talk.first)
    assert.match(await store.value("select message_text from crm.messages where conversation_id = $1 and sender_type = 'system'", [talk.conversationId]), expected)
  }
  await speak({ locale: 'bn-BD', hand_over: { keywords: ['human'] } }, /ধন্যবাদ/)
  await speak({ locale: 'de_AT' }, /Kollege/)
  await speak({ locale: 'tlh' }, /A colleague/)
  await speak({ hand_over: { keywords: ['human'], notice: 'Mira answers soon.' } }, /^Mira answers soon\.$/)
  await store.bus.ask('store.company.patch', 'CompanyPatchRequest', 'Company', { locale: 'en', hand_over: {} }, { company_id: store.company })
})
