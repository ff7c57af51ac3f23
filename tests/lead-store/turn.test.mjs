// Opening and committing turns: what is owed, who may answer it, and once.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Store, message } from './store.mjs'
import { Talk, answering, engageKey } from './talk.mjs'
import { teach } from './teach.mjs'

let store
before(async () => { store = await Store.start({ env: { BUFFER_MS: '700', BUFFER_MAX_MS: '60000' } }) })
after(() => store?.stop())

test('an owed message is opened with all that a model needs, and committed as one answer', async () => {
  const talk = await Talk.start(store, { message_text: 'Hello, what does it cost?' })
  const opened = await talk.open(talk.first)
  assert.equal(opened.state, 'open')
  const { context } = opened
  assert.deepEqual([context.contact_name, context.stage, context.lead_id, context.provider], ['Ines Duarte', 'New', talk.leadId, ''])
  assert.deepEqual(context.owed.map(line => [line.sender, line.text]), [['customer', 'Hello, what does it cost?']])
  assert.equal(context.history.length, 0)
  assert.ok(context.answer_by_at > Date.now() + 50000)
  const committed = await talk.commit(opened)
  assert.equal(committed.state, 'committed')
  const row = await talk.row(committed.message_id)
  assert.deepEqual([row.sender_type, row.cause, row.status, row.position, row.message_text, row.turn_id], ['ai', 'reply', 'queued', 2, 'An answer.', opened.turn_id])
  const [job] = committed.jobs
  assert.deepEqual([job.task, job.priority, job.idempotency_key], ['channel.send.whatsapp_cloud', 100, `send_${committed.message_id}`])
  assert.equal(row.job_id, job.id)
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.covered_position, conversation.owed_since, conversation.last_message_id], [1, null, committed.message_id])
  assert.equal((await talk.row(talk.first.message_id)).turn_id, opened.turn_id)
  const [ai] = await store.rows('select * from crm.ai_messages where id = $1', [committed.message_id])
  assert.deepEqual([ai.model, ai.prompt_version, ai.safety_checks, ai.message_type, ai.correlation_id], ['gpt-4o-mini', 3, { safe: true }, 'reply', 'test'])
  const [turn] = await store.rows('select * from crm.turns where id = $1', [opened.turn_id])
  assert.deepEqual([turn.state, turn.prompt, turn.message_id, turn.covered_position], ['committed', [{ role: 'user' }], committed.message_id, 1])
  assert.deepEqual(await talk.events(), ['lead.created', 'message.received', 'turn.committed'])
  const [event] = await store.rows("select payload from crm.events where type = 'turn.committed' and lead_id = $1", [talk.leadId])
  assert.deepEqual(event.payload.covered, [talk.first.message_id])
  assert.equal(new Date(event.payload.opened_at).getTime(), turn.opened_at.getTime())
})

test('a time zone that the machine has forgotten keeps no answer back; its tokens count for the day of UTC', async () => {
  const talk = await Talk.start(store)
  const zone = timezone => store.rows('update crm.companies set timezone = $2 where id = $1', [talk.caller.company_id, timezone])
  await zone('Atlantis/Capital')
  try {
    assert.equal((await talk.commit(await talk.open(talk.first), { model: 'zoneless' })).state, 'committed')
    const [usage] = await store.rows("select day::text, calls::int from crm.ai_usage where model = 'zoneless'")
    assert.deepEqual(usage, { day: new Date().toISOString().slice(0, 10), calls: 1 })
  } finally {
    await zone('UTC')
  }
})

test('where its message stands is believed of a job only as far as it is so', async () => {
  const other = await Talk.start(store)
  for (const conversation_id of [undefined, '', 'nonsense', randomUUID(), other.conversationId]) {
    const talk = await Talk.start(store)
    const opened = await talk.open(talk.first, randomUUID(), { conversation_id })
    assert.deepEqual([opened.state, opened.context.conversation_id, opened.covered], ['open', talk.conversationId, 1])
    const committed = await talk.commit(opened)
    const again = await talk.open(talk.first, randomUUID(), { conversation_id })
    assert.deepEqual([again.state, again.message_ids], ['committed', [committed.message_id]])
  }
  assert.equal((await other.open(other.first)).state, 'open')
})

test('of two jobs in one request the one that names a wrong conversation costs the other nothing', async () => {
  const [one, other] = [await Talk.start(store), await Talk.start(store)]
  const request = (talk, conversation_id) =>
    ({ job_id: talk.first.job, claim: randomUUID(), lead_id: talk.leadId, message_id: talk.first.message_id, conversation_id, wait_ms_max: 30000 })
  const answers = await store.bus.call('store.turn.open', 'TurnOpenRequest', 'TurnOpened', [request(one, one.conversationId), request(other, one.conversationId)], one.caller)
  assert.deepEqual(answers.map(({ reply }) => [reply.state, reply.context.conversation_id]),
    [['TURN_STATE_OPEN', one.conversationId], ['TURN_STATE_OPEN', other.conversationId]])
})

test('five messages of a burst are one turn: the older jobs are superseded by the newest', async () => {
  const talk = await Talk.start(store)
  const burst = [talk.first]
  for (let i = 2; i <= 5; i++) burst.push(await talk.write({ message_text: `part ${i}` }))
  for (const older of burst.slice(0, 4)) {
    const answer = await talk.open(older)
    assert.deepEqual([answer.state, answer.superseded_by, answer.delay_ms], ['superseded', engageKey(burst[4]), 700])
  }
  const opened = await talk.open(burst[4])
  assert.equal(opened.context.owed.length, 5)
  const reply = await talk.commit(opened)
  assert.equal(reply.state, 'committed')
  for (const one of burst) assert.equal((await talk.row(one.message_id)).turn_id, opened.turn_id)
  const late = await talk.open(burst[1])
  assert.deepEqual([late.state, late.reason], ['nothing', 'not_owed'])
})

test('a message that lands while the model is thinking supersedes the commit, until the maximum wait is over', async () => {
  const talk = await Talk.start(store)
  const opened = await talk.open(talk.first)
  const second = await talk.write({ message_text: 'and one more' })
  await talk.owedSince(59000)
  const refused = await talk.commit(opened)
  assert.deepEqual([refused.state, refused.superseded_by, refused.delay_ms], ['superseded', engageKey(second), 700])
  assert.equal(await store.value("select count(*) from crm.messages where conversation_id = $1 and direction = 'outbound'", [talk.conversationId]), 0)
  assert.ok((await talk.events()).includes('turn.superseded'))
  await talk.owedSince(61000)
  const again = await talk.open(talk.first) // the job runs again after the wait: it commits what it saw
  assert.deepEqual([again.state, again.context.owed.length], ['open', 2])
  const committed = await talk.commit(again, { covered_position: 1 })
  assert.equal(committed.state, 'committed')
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.covered_position, conversation.owed_position], [1, 2])
  const arrived = await store.value('select created_at from crm.messages where id = $1', [second.message_id])
  assert.equal(conversation.owed_since.getTime(), arrived.getTime()) // the rest is owed since it came
  const rest = await talk.open(second)
  assert.deepEqual([rest.state, rest.context.owed.map(line => line.text)], ['open', ['and one more']])
  assert.deepEqual(rest.context.history.map(line => [line.sender, line.position]), [['customer', 1], ['ai', 3]])
})

test('a job that has committed is told the same reply and the same send, whoever asks', async () => {
  const talk = await Talk.start(store)
  const opened = await talk.open(talk.first)
  const first = await talk.commit(opened)
  const again = await talk.commit(opened)
  assert.deepEqual([again.state, again.message_id, again.jobs], ['committed', first.message_id, first.jobs])
  const rerun = await talk.open(talk.first)
  assert.deepEqual([rerun.state, rerun.message_ids, rerun.jobs], ['committed', [first.message_id], first.jobs])
  assert.equal(await store.value('select count(*) from crm.messages where turn_id = $1 and direction = $2', [opened.turn_id, 'outbound']), 1)
})

test('only the newest claim of a job may commit', async () => {
  const talk = await Talk.start(store)
  const old = await talk.open(talk.first, 'first')
  assert.equal((await talk.open(talk.first, 'first')).turn_id, old.turn_id) // asked again: the same turn, told once
  assert.equal(await store.value('select count(*) from crm.turns where conversation_id = $1', [talk.conversationId]), 1)
  const young = await talk.open(talk.first, 'second')
  assert.equal(young.turn_id, old.turn_id)
  const refused = await talk.commit(old)
  assert.deepEqual([refused.state, refused.reason], ['refused', 'stale_claim'])
  assert.equal((await talk.commit(young)).state, 'committed')
})

test('two claims of one job in one batch: the later one owns the turn', async () => {
  const talk = await Talk.start(store)
  const request = claim => ({ job_id: talk.first.job, claim, lead_id: talk.leadId, message_id: talk.first.message_id })
  const answers = await store.bus.call('store.turn.open', 'TurnOpenRequest', 'TurnOpened', [request('a'), request('b')], talk.caller)
  assert.deepEqual(answers.map(answer => answer.reply.state), ['TURN_STATE_OPEN', 'TURN_STATE_OPEN'])
  assert.equal(answers[0].reply.turn_id, answers[1].reply.turn_id)
  assert.equal(await store.value('select claim from crm.turns where job_id = $1', [talk.first.job]), 'b')
})

test('of two turns that answer the same message only one commits, in one batch too', async () => {
  const talk = await Talk.start(store)
  const second = await talk.write()
  await talk.owedSince(61000)
  const [older, newer] = [await talk.open(talk.first), await talk.open(second)]
  const commit = opened => ({ job_id: opened.job, claim: opened.claim, turn_id: opened.turn_id, text: 'x', covered_position: 2 })
  const answers = await store.bus.call('store.turn.commit', 'TurnCommitRequest', 'TurnCommitted', [commit(older), commit(newer)], talk.caller)
  assert.deepEqual(answers.map(answer => [answer.reply.state, answer.reply.reason]), [['TURN_STATE_COMMITTED', undefined], ['TURN_STATE_REFUSED', 'answered']])
})

test('a commit that names its conversation wrongly, or not, is the same commit', async () => {
  const other = await Talk.start(store)
  const talks = await Promise.all(Array.from({ length: 4 }, () => Talk.start(store)))
  const named = [talks[0].conversationId.toUpperCase(), other.conversationId, randomUUID(), 'no uuid']
  const opened = await Promise.all(talks.map(talk => talk.open(talk.first)))
  const commits = opened.map((turn, i) => ({ job_id: turn.job, claim: turn.claim, conversation_id: named[i], text: `answer ${i}`, covered_position: 1 }))
  for (const round of ['committed', 'told again']) {
    const answers = await store.bus.call('store.turn.commit', 'TurnCommitRequest', 'TurnCommitted', commits, other.caller)
    assert.deepEqual(answers.map(answer => answer.reply?.state), Array(4).fill('TURN_STATE_COMMITTED'), round)
    for (const [i, talk] of talks.entries()) {
      const replies = await store.rows("select id, message_text from crm.messages where conversation_id = $1 and direction = 'outbound'", [talk.conversationId])
      assert.deepEqual(replies, [{ id: answers[i].reply.message_id, message_text: `answer ${i}` }])
    }
  }
  assert.equal(await store.value('select last_position from crm.conversations where id = $1', [other.conversationId]), 1)
})

test('a takeover at any point of the turn leaves no reply behind', async () => {
  const before = await Talk.start(store)
  await before.take()
  assert.deepEqual((({ state, reason }) => [state, reason])(await before.open(before.first)), ['nothing', 'human'])

  const between = await Talk.start(store)
  const opened = await between.open(between.first)
  await between.take()
  assert.deepEqual((({ state, reason }) => [state, reason])(await between.commit(opened)), ['refused', 'human_owner'])
  assert.ok((await between.events()).includes('turn.failed'))

  const thereAndBack = await Talk.start(store)
  const early = await thereAndBack.open(thereAndBack.first)
  await thereAndBack.take()
  await thereAndBack.giveBack()
  assert.deepEqual((({ state, reason }) => [state, reason])(await thereAndBack.commit(early)), ['refused', 'human_owner'])
})

test('an opt-out while the model thinks refuses the commit', async () => {
  const talk = await Talk.start(store)
  const opened = await talk.open(talk.first)
  await talk.write({ message_text: 'STOP', opt_out: true, wants_answer: false })
  assert.deepEqual((({ state, reason }) => [state, reason])(await talk.commit(opened)), ['refused', 'opted_out'])
  assert.deepEqual((({ state, reason }) => [state, reason])(await talk.open(talk.first)), ['nothing', 'opted_out'])
})

test('a person sees what a reaction and media said, and neither is owed', async () => {
  const talk = await Talk.start(store, { kind: 'image', message_text: 'my kitchen', media_info: { text: '{"id":"1"}' } })
  await talk.write({ kind: 'reaction', message_text: '👍', wants_answer: false })
  const question = await talk.write({ kind: 'audio', message_text: '' })
  const { context } = await talk.open(question)
  assert.deepEqual(context.owed.map(line => line.text), ['[image: my kitchen]', '[audio]'])
  assert.deepEqual(context.history.map(line => line.text), ['[reaction: 👍]'])
})

test('what was cancelled or failed is no history; what a person wrote is', async () => {
  const talk = await Talk.start(store)
  const reply = await talk.reply(talk.first)
  await store.rows("update crm.messages set status = 'failed' where id = $1", [reply])
  await talk.post({ message: 'I looked into it.' })
  await talk.giveBack()
  const next = await talk.write({ message_text: 'Thanks!' })
  const { context } = await talk.open(next)
  assert.deepEqual(context.history.map(line => [line.sender, line.text]), [['customer', 'Hello'], ['operator', 'I looked into it.']])
})

test('owed and history are bounded in number and bytes', async () => {
  const talk = await Talk.start(store)
  for (let i = 0; i < 60; i++) await store.rows(
    `with c as (update crm.conversations set last_position = last_position + 1, owed_position = last_position + 1 where id = $1 returning *)
     insert into crm.messages (id, company_id, conversation_id, lead_id, channel_account_id, channel, position, direction, sender_type, message_text,
       status, wants_answer, created_at, updated_at)
     select $2, company_id, id, lead_id, channel_account_id, channel, last_position, 'inbound', 'customer', $3, 'received', true, now(), now() from c`,
    [talk.conversationId, randomUUID(), `line ${i}`])
  await talk.owedSince(61000)
  const many = await talk.open(talk.first)
  assert.deepEqual([many.context.owed.length, many.context.owed[0].text, many.covered], [50, 'Hello', 50])
  assert.equal((await talk.commit(many)).state, 'committed')
  const rest = await talk.open({ ...talk.first, job: randomUUID(), message_id: await store.value('select id from crm.messages where conversation_id = $1 and position = 61', [talk.conversationId]) })
  assert.deepEqual([rest.context.owed.length, rest.context.history.length, rest.context.history.at(-1).sender], [11, 40, 'ai'])

  const long = await Talk.start(store, { message_text: 'a'.repeat(40000) })
  await long.write({ message_text: 'b'.repeat(25000) })
  const last = await long.write({ message_text: 'c'.repeat(25000) })
  const { context } = await long.open(last)
  assert.deepEqual(context.owed.map(line => line.text[0]), ['a', 'b'])
})

test('the knowledge base is asked with the words that mean something, best passage first', async () => {
  const talk = await Talk.start(store, { message_text: 'What does it cost to clean a carpet?' })
  await teach(store, talk.caller, { title: 'Carpets', text: 'We clean carpets. A carpet costs 20 euro per square metre.', language: 'en' })
  await teach(store, talk.caller, { title: 'Windows', text: 'What does it do? It is what it is.', language: 'bn' })
  await teach(store, talk.caller, { title: 'Prices', text: 'All that we clean has a cost: carpet 20, window 5.', language: 'bn' })
  const { context } = await talk.open(talk.first)
  assert.deepEqual(context.passages.map(passage => passage.title).sort(), ['Carpets', 'Prices'])
  assert.equal(context.passages.find(passage => passage.title === 'Prices').text, 'All that we clean has a cost: carpet 20, window 5.')
  assert.ok(context.passages[0].score >= context.passages[1].score)
  const quoting = await Talk.start(store, { message_text: "it's a 'carpet' \\ & | ! ( ) <-> ''" })
  assert.ok((await quoting.open(quoting.first)).context.passages.length)
  const small = await Talk.start(store, { message_text: 'what is it?' })
  const nothing = (await small.open(small.first)).context
  assert.deepEqual([nothing.passages.length, nothing.knowledge_missing], [0, 'say'])
})

test("a stage's model goes before the company's", async () => {
  const talk = await Talk.start(store)
  const stage = await store.value('select stage_id from crm.leads where id = $1', [talk.leadId])
  const add = (stageId, model) => store.rows(
    `insert into crm.ai_models (id, company_id, stage_id, provider, model, temperature, system_prompt, prompt_version, created_at, updated_at)
     values ($1, $2, $3, 'openai', $4, 0.2, 'Be brief.', 7, now(), now())`, [randomUUID(), talk.first.company_id, stageId, model])
  await add(null, 'of-the-company')
  assert.equal((await talk.open(talk.first)).context.model, 'of-the-company')
  await add(stage, 'of-the-stage')
  const { context } = await talk.open(talk.first)
  assert.deepEqual([context.model, context.provider, context.temperature, context.tokens_max, context.prompt_version], ['of-the-stage', 'openai', 0.2, 500, 7])
  await store.rows('delete from crm.ai_models')
})

test('further models follow in their order, the stage\'s before the company\'s, three at most', async () => {
  const talk = await Talk.start(store)
  const stage = await store.value('select stage_id from crm.leads where id = $1', [talk.leadId])
  const add = (stageId, position, provider, model) => store.rows(
    `insert into crm.ai_models (id, company_id, stage_id, position, provider, model, temperature, max_tokens, system_prompt, prompt_version, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, 0.2, 300, $7, 7, now(), now())`, [randomUUID(), talk.first.company_id, stageId, position, provider, model, `Be ${model}.`])
  await add(null, 0, 'openai', 'c0')
  await add(stage, 5, 'gemini', 's5')
  await add(stage, 2, 'anthropic', 's2')
  const { context } = await talk.open(talk.first)
  assert.deepEqual([context.provider, context.model], ['anthropic', 's2'])
  assert.deepEqual(context.fallbacks, [
    { provider: 'gemini', model: 's5', temperature: 0.2, tokens_max: 300, system_prompt: 'Be s5.', prompt_version: 7 },
    { provider: 'openai', model: 'c0', temperature: 0.2, tokens_max: 300, system_prompt: 'Be c0.', prompt_version: 7 },
  ])
  await add(null, 1, 'local', 'c1')
  await add(null, 2, 'local', 'c2')
  assert.deepEqual((await talk.open(talk.first)).context.fallbacks.map(({ model }) => model), ['s5', 'c0', 'c1'])
  await store.rows('delete from crm.ai_models')
})

/** They can be written to by mail too, and prefer that: the conversation and the contact there. */
async function preferMail(talk) {
  const account = randomUUID(), contact = randomUUID(), other = randomUUID()
  await store.rows(`insert into crm.channel_accounts (id, company_id, channel, account, credentials, created_at, updated_at)
                    values ($1, $2, 'email', $3, '{"token":"x"}', now(), now())`, [account, talk.first.company_id, `mail-${account}`])
  await store.rows(`insert into crm.lead_contacts (id, company_id, lead_id, channel_account_id, channel, kind, value, address, created_at, updated_at)
                    values ($1, $2, $3, $4, 'email', 'email', 'ines@example.org', 'ines@example.org', now(), now())`, [contact, talk.first.company_id, talk.leadId, account])
  await store.rows(`insert into crm.conversations (id, company_id, lead_id, channel_account_id, channel, contact_id, created_at, updated_at)
                    values ($1, $2, $3, $4, 'email', $5, now(), now())`, [other, talk.first.company_id, talk.leadId, account, contact])
  await store.rows("update crm.leads set preferred_channel = 'email' where id = $1", [talk.leadId])
  return { other, contact }
}

test('a preferred channel takes the reply if it can reach, and a takeover of either side cancels it', async () => {
  const talk = await Talk.start(store)
  const { other, contact } = await preferMail(talk)
  const reply = await talk.reply(talk.first)
  assert.deepEqual((({ channel, conversation_id }) => [channel, conversation_id])(await talk.row(reply)), ['email', other])
  const next = await talk.write({ message_text: 'Got it?' })
  assert.deepEqual((await talk.open(next)).context.history.map(line => [line.sender, line.text]), [['customer', 'Hello'], ['ai', 'An answer.']])
  await talk.take({ conversation_id: talk.conversationId })
  assert.equal(await talk.status(reply), 'cancelled')
  await talk.giveBack({ conversation_id: talk.conversationId })
  await store.rows('update crm.lead_contacts set unreachable_at = now() where id = $1', [contact])
  const back = await talk.open({ ...next, job: randomUUID() })
  assert.equal(back.context.owed.length, 2) // what the cancelled reply covered is owed again
  assert.equal((await talk.row((await talk.commit(back)).message_id)).channel, 'whatsapp_cloud')
})

test('bad input is refused alone and by name', async () => {
  const talk = await Talk.start(store)
  const good = { job_id: talk.first.job, claim: 'c', lead_id: talk.leadId, message_id: talk.first.message_id }
  const answers = await store.bus.call('store.turn.open', 'TurnOpenRequest', 'TurnOpened',
    [{ ...good, message_id: randomUUID() }, { ...good, message_id: 'no uuid' }, { ...good, job_id: 'x' }, { ...good, claim: '' }, good], talk.caller)
  assert.deepEqual(answers.map(answer => answer.code ?? 'ok'), ['unknown_message', 'unknown_message', 'bad_value', 'bad_value', 'ok'])
  const opened = await talk.open(talk.first)
  const commit = { job_id: opened.job, claim: opened.claim, text: 'x', covered_position: 1 }
  const refused = await store.bus.call('store.turn.commit', 'TurnCommitRequest', 'TurnCommitted', [
    { ...commit, text: '' }, { ...commit, text: 'x'.repeat(16385) }, { ...commit, covered_position: 0 }, { ...commit, covered_position: 99 },
    { ...commit, prompt: { text: '{' } }, { ...commit, document_ids: ['x'] }, { ...commit, job_id: randomUUID() }, { ...commit, text: 'x'.repeat(16384) }], talk.caller)
  assert.deepEqual(refused.map(answer => answer.code ?? answer.reply.state),
    ['bad_value', 'bad_value', 'bad_value', 'bad_value', 'bad_value', 'bad_value', 'unknown_turn', 'TURN_STATE_COMMITTED'])
})

test("another company's turns do not exist", async () => {
  const talk = await Talk.start(store)
  const stranger = { company_id: randomUUID() }
  assert.equal((await talk.openCall(talk.first, 'c', stranger)).code, 'unknown_message')
  const opened = await talk.open(talk.first)
  const [answer] = await store.bus.call('store.turn.commit', 'TurnCommitRequest', 'TurnCommitted',
    [{ job_id: opened.job, claim: opened.claim, text: 'x', covered_position: 1 }], stranger)
  assert.equal(answer.code, 'unknown_turn')
  const [named] = await store.bus.call('store.turn.commit', 'TurnCommitRequest', 'TurnCommitted',
    [{ job_id: opened.job, claim: opened.claim, conversation_id: talk.conversationId, text: 'x', covered_position: 1 }], stranger)
  assert.equal(named.code, 'unknown_turn')
})

test('what a prompt cannot hold is left to a job of its own, until all is answered', async () => {
  const talk = await Talk.start(store)
  let last
  for (let i = 2; i <= 120; i++) last = await talk.write({ message_text: `part ${i}` })
  const opened = await talk.open(last)
  const first = await talk.commit(opened) // before the maximum wait: nothing is newer than what it saw
  assert.equal(first.state, 'committed')
  assert.deepEqual(answering(first.jobs).map(job => job.idempotency_key), [`send_${first.message_id}`, `${engageKey(last)}_p50`])
  assert.deepEqual((await talk.commit(opened)).jobs.map(job => job.idempotency_key), first.jobs.map(job => job.idempotency_key))
  assert.equal(answering((await talk.open(last)).jobs).length, 2) // its answer was lost
  const rest = { ...last, job: randomUUID() }
  const second = await talk.commit(await talk.open(rest))
  assert.deepEqual(answering(second.jobs).map(job => job.idempotency_key), [`send_${second.message_id}`, `${engageKey(last)}_p100`])
  const third = await talk.commit(await talk.open({ ...last, job: randomUUID() }))
  assert.equal(answering(third.jobs).length, 1)
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.covered_position, conversation.owed_since], [120, null])
  assert.deepEqual([(await talk.open(rest)).state, answering((await talk.open(rest)).jobs).length], ['committed', 1])
})

test('a part in bytes is committed too, and what is really newer still takes it back', async () => {
  const talk = await Talk.start(store)
  let last
  for (let i = 2; i <= 8; i++) last = await talk.write({ message_text: String(i) + '\u09ac'.repeat(4000) })
  const opened = await talk.open(last)
  assert.ok(opened.context.owed.length < 8)
  const newer = await talk.write({ message_text: 'one more' })
  const superseded = await talk.commit(opened)
  assert.deepEqual([superseded.state, superseded.superseded_by], ['superseded', engageKey(newer)])
  assert.equal((await talk.commit(await talk.open(newer))).jobs[1].idempotency_key, `${engageKey(newer)}_p${opened.covered}`)
})

test('past the maximum wait one job of a burst asks the model, and the newest', async () => {
  const talk = await Talk.start(store)
  const burst = [talk.first]
  for (let i = 2; i <= 6; i++) burst.push(await talk.write({ message_text: `part ${i}` }))
  await talk.owedSince(61000)
  const first = await talk.open(burst[2])
  assert.equal(first.state, 'open')
  for (const older of [0, 1, 3, 4].map(i => burst[i])) {
    const told = await talk.open(older)
    assert.deepEqual([told.state, told.superseded_by, told.delay_ms], ['superseded', engageKey(burst[5]), 700])
  }
  assert.equal((await talk.open(burst[2])).state, 'open') // its own turn is in nobody's way
  const newest = await talk.open(burst[5])
  assert.equal(newest.state, 'open') // it waits for nobody, so somebody answers
  await store.rows("update crm.turns set opened_at = opened_at - interval '31 s' where conversation_id = $1", [talk.conversationId])
  assert.equal((await talk.open(burst[0])).state, 'open') // both were abandoned
  assert.equal((await talk.commit(newest)).state, 'committed')
  assert.equal((await talk.open(burst[1])).state, 'nothing')
})

test('past the maximum wait the jobs of one batch open one turn beside the newest', async () => {
  const talk = await Talk.start(store)
  const burst = [talk.first, await talk.write(), await talk.write()]
  await talk.owedSince(61000)
  const requests = burst.map(one => ({ job_id: one.job, claim: 'a', lead_id: talk.leadId, message_id: one.message_id, wait_ms_max: 30000 }))
  const answers = await store.bus.call('store.turn.open', 'TurnOpenRequest', 'TurnOpened', requests, talk.caller)
  assert.deepEqual(answers.map(answer => answer.reply.state.replace('TURN_STATE_', '')), ['OPEN', 'SUPERSEDED', 'OPEN'])
})

test('two jobs of one message in one batch are each told their own turn, also where the reply went out by another channel', async () => {
  const talk = await Talk.start(store)
  await preferMail(talk)
  const id = await talk.reply(talk.first)
  const requests = [randomUUID(), talk.first.job].map(job_id => ({ job_id, claim: 'late', lead_id: talk.leadId, message_id: talk.first.message_id }))
  const answers = await store.bus.call('store.turn.open', 'TurnOpenRequest', 'TurnOpened', requests, talk.caller)
  assert.deepEqual(answers.map(answer => [answer.status, answer.reply?.state]), [['STATUS_OK', 'TURN_STATE_NOTHING'], ['STATUS_OK', 'TURN_STATE_COMMITTED']])
  assert.deepEqual(answers[1].reply.message_ids, [id])
})

test('without a buffer a superseded job still waits a little before it asks again', async () => {
  const talk = await Talk.start(store)
  await store.rows('update crm.companies set buffer_ms = 0')
  try {
    const opened = await talk.open(talk.first)
    await talk.write()
    assert.deepEqual([(await talk.open(talk.first)).delay_ms, (await talk.commit(opened)).delay_ms], [200, 200])
  } finally {
    await store.rows('update crm.companies set buffer_ms = null')
  }
})

test('a turn whose conversation went up in another during the model call is opened and committed there', async () => {
  const older = await Talk.start(store)
  await older.reply(older.first)
  const bsuid = `user.${randomUUID()}`, item = message({ phone: null, bsuid })
  const young = { ...(await store.recordOne(item)), job: item.job_id }
  const opened = await older.open(young)
  await store.recordOne(message({ phone: older.phone, bsuid, wants_answer: false }))
  assert.deepEqual([(await older.commit(opened)).reason], ['answered'])
  const again = await older.open(young)
  const committed = await older.commit(again)
  assert.deepEqual([again.state, committed.state], ['open', 'committed'])
  const [turn] = await store.rows('select conversation_id, lead_id from crm.turns where job_id = $1', [young.job])
  assert.deepEqual([turn.conversation_id, turn.lead_id], [older.conversationId, older.leadId])
  assert.equal((await older.authorize(committed.message_id)).verdict, 'go')
})
