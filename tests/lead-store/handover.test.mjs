// Takeover, handback, and a person's own messages.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { Store, message } from './store.mjs'
import { Talk, answering, engageKey } from './talk.mjs'
import { decode } from '../support/bus.mjs'
import { until } from '../support/process.mjs'

let store
before(async () => { store = await Store.start({ env: { BUFFER_MS: '500', BUFFER_MAX_MS: '60000' } }) })
after(() => store?.stop())

test('a takeover cancels what waits, moves the epoch once and is told in the story', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  const taken = await talk.take()
  assert.deepEqual([taken.status, taken.in_flight, taken.conversation_ids, taken.settled_at], ['takeover_complete', [], [talk.conversationId], undefined])
  assert.equal(await talk.status(id), 'cancelled')
  const again = await talk.take()
  assert.deepEqual([again.status, again.conversation_ids], ['takeover_complete', [talk.conversationId]])
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.owner, conversation.epoch, conversation.assignee], ['human', 1, 'ana'])
  const events = await talk.events()
  assert.deepEqual(events.filter(type => type === 'conversation.taken_over').length, 1)
  assert.deepEqual(events.filter(type => type === 'message.cancelled').length, 1)
  const [event] = await store.rows("select payload, actor from crm.events where type = 'conversation.taken_over' and lead_id = $1", [talk.leadId])
  assert.deepEqual([event.actor, event.payload.epoch, event.payload.by], ['operator:ana', 1, 'operator:ana'])
})

test('a send past the gate is named as in flight until its go is over, a settled one is not', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  const go = await talk.authorize(id)
  const taken = await talk.take()
  assert.deepEqual([taken.in_flight, taken.settled_at], [[id], go.go_until_at + 500]) // bytes of the last moment arrive later
  assert.deepEqual((await talk.take()).in_flight, [id]) // asked again: still under way
  await talk.settle(id, 'sent', { external_id: `wamid.${randomUUID()}` })
  assert.deepEqual((await talk.take()).in_flight, [])
  const slow = await Talk.start(store)
  const old = await slow.reply(slow.first)
  await slow.authorize(old)
  const over = ms => store.rows('update crm.messages set go_until = $2 where id = $1', [old, new Date(Date.now() - ms)])
  await over(1)
  assert.deepEqual((await slow.take()).in_flight, [old])
  await over(501)
  assert.deepEqual((await slow.take()).in_flight, [])
})

test('a takeover tells calls under way', async () => {
  const talk = await Talk.start(store)
  const nudges = store.bus.connection.subscribe('nudge.conversation', { max: 1, timeout: 5000 })
  await talk.take()
  for await (const nudge of nudges) {
    const told = decode('ConversationNudge', nudge.data)
    assert.deepEqual([told.cause, told.conversation_id, told.lead_id], ['takeover', talk.conversationId, talk.leadId])
  }
})

test('at a hundred points of the turn nothing of the AI gets past the gate after the takeover', async () => {
  // The turn runs by itself; the takeover falls into it wherever it falls.
  const runs = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
    const talk = await Talk.start(store)
    let takenAt, goAt
    const turn = (async () => {
      const opened = await talk.open(talk.first)
      if (opened.state !== 'open') return
      const committed = await talk.commit(opened)
      if (committed.state !== 'committed') return
      const go = await talk.authorize(committed.message_id)
      if (go.verdict === 'go') goAt = committed.message_id
      return committed.message_id
    })()
    await new Promise(resolve => setTimeout(resolve, 6 * i))
    const taken = await talk.take()
    const inFlight = taken.in_flight
    takenAt = true
    const id = await turn
    const status = id && await talk.status(id)
    return { takenAt, goAt, inFlight, id, status }
  }))
  for (const { goAt, inFlight, id, status } of runs) {
    if (goAt) assert.deepEqual(inFlight, [goAt]) // it had the go before, and the takeover says so
    else assert.ok(!id || status === 'cancelled', `reply ${status} although it never had a go`)
  }
  assert.ok(runs.some(run => run.goAt) || runs.some(run => run.id))
})

test('by phone in either spelling, by lead, by conversation; unknown ones say which', async () => {
  const talk = await Talk.start(store)
  for (const who of [{ phone: talk.phone }, { phone: talk.phone.slice(1) }, { lead_id: talk.leadId }, { conversation_id: talk.conversationId }]) {
    assert.deepEqual((await talk.take(who)).conversation_ids, [talk.conversationId])
    assert.deepEqual((await talk.giveBack(who)).conversation_ids, [talk.conversationId])
  }
  const code = async (item, caller = talk.caller) => (await store.bus.call('store.conversation.take', 'HandoverRequest', 'HandoverReply', [item], caller))[0].code
  assert.equal(await code({ phone: '+19998887766' }), 'unknown_phone')
  assert.equal(await code({ lead_id: randomUUID() }), 'unknown_lead')
  assert.equal(await code({ lead_id: 'no uuid' }), 'unknown_lead')
  assert.equal(await code({ conversation_id: randomUUID() }), 'unknown_conversation')
  assert.equal(await code({ phone: '12' }), 'bad_value')
  assert.equal(await code({}), 'bad_value')
  assert.equal(await code({ phone: talk.phone, lead_id: talk.leadId }), 'bad_value')
  for (const who of [{ phone: talk.phone }, { lead_id: talk.leadId }, { conversation_id: talk.conversationId }])
    assert.match(await code(who, { company_id: randomUUID() }), /^unknown_/)
  assert.equal((await talk.conversation()).owner, 'ai')
})

test('all open conversations of the person are taken, and only theirs', async () => {
  const talk = await Talk.start(store), other = await Talk.start(store)
  const account = randomUUID(), second = randomUUID()
  await store.rows(`insert into crm.channel_accounts (id, company_id, channel, account, created_at, updated_at) values ($1, $2, 'sms', $3, now(), now())`,
    [account, talk.first.company_id, account])
  await store.rows(`insert into crm.conversations (id, company_id, lead_id, channel_account_id, channel, created_at, updated_at)
                    values ($1, $2, $3, $4, 'sms', now(), now())`, [second, talk.first.company_id, talk.leadId, account])
  assert.deepEqual((await talk.take()).conversation_ids.sort(), [talk.conversationId, second].sort())
  assert.equal((await other.conversation()).owner, 'ai')
})

test('handback: an unanswered question is owed again at once, under a job of its own', async () => {
  const talk = await Talk.start(store)
  await talk.take()
  const question = await talk.write({ message_text: 'Is anybody there?' })
  assert.ok(!question.owed)
  const back = await talk.giveBack()
  assert.deepEqual(back.jobs.map(job => [job.task, job.idempotency_key]), [['ai.engage', `${engageKey(question)}_2`]])
  assert.deepEqual((await talk.giveBack()).jobs.map(job => job.idempotency_key), [`${engageKey(question)}_2`]) // lost answer: the same job again
  assert.equal((await talk.conversation()).epoch, 2)
  const opened = await talk.open({ ...question, job: randomUUID() })
  assert.deepEqual([opened.state, opened.context.owed.map(line => line.text)], ['open', ['Hello', 'Is anybody there?']])
  const committed = await talk.commit(opened)
  assert.equal((await talk.authorize(committed.message_id)).verdict, 'go')
})

test('handback with nothing unanswered waits for the next message', async () => {
  const talk = await Talk.start(store)
  await talk.post({})
  assert.deepEqual(answering((await talk.giveBack()).jobs), [])
  assert.equal((await talk.conversation()).owed_since, null)
})

test('what a cancelled reply was to answer is owed after the handback', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  await talk.take()
  const back = await talk.giveBack()
  assert.deepEqual(back.jobs.map(job => job.idempotency_key), [`${engageKey(talk.first)}_2`])
  assert.equal(await talk.status(id), 'cancelled')
  const opened = await talk.open({ ...talk.first, job: randomUUID() })
  assert.equal((await talk.commit(opened)).state, 'committed')
})

test('five handbacks: the AI answers after each, once', async () => {
  const talk = await Talk.start(store)
  for (let round = 1; round <= 5; round++) {
    await talk.take()
    await talk.post({ message: `A person, ${round}` })
    const question = await talk.write({ message_text: `question ${round}` })
    const back = await talk.giveBack()
    assert.deepEqual(answering(back.jobs).map(job => job.idempotency_key), [`${engageKey(question)}_${2 * round}`])
    const job = randomUUID()
    const opened = await talk.open({ ...question, job })
    assert.deepEqual([opened.state, opened.context.owed.map(line => line.text)], ['open', [`question ${round}`]])
    assert.equal(opened.context.history.at(-1).text, `A person, ${round}`)
    const committed = await talk.commit(opened)
    assert.equal((await talk.authorize(committed.message_id)).verdict, 'go')
    await talk.settle(committed.message_id, 'sent', { external_id: `wamid.${randomUUID()}` })
    assert.equal((await talk.open({ ...question, job: randomUUID() })).state, 'nothing')
  }
  assert.equal(await store.value("select count(*) from crm.messages where lead_id = $1 and sender_type = 'ai' and status = 'sent'", [talk.leadId]), 5)
})

test("a person's message takes over, covers what was owed, and leaves at priority 100 past the owner rule", async () => {
  const talk = await Talk.start(store)
  const waiting = await talk.reply(await talk.write())
  const posted = await talk.post({ message: 'I am on it.' })
  assert.deepEqual([posted.status, posted.message], ['success', 'Message queued for processing'])
  assert.deepEqual(posted.jobs.map(job => [job.task, job.priority, job.idempotency_key]), [['channel.send.whatsapp_cloud', 100, `send_${posted.message_id}`]])
  const row = await talk.row(posted.message_id)
  assert.deepEqual([row.sender_type, row.sender_id, row.cause, row.status, row.message_text], ['operator', 'ana', 'operator', 'queued', 'I am on it.'])
  assert.equal(await talk.status(waiting), 'cancelled')
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.owner, conversation.covered_position, conversation.owed_since], ['human', row.position, null])
  assert.equal((await talk.authorize(posted.message_id)).verdict, 'go')
  const events = await talk.events()
  assert.ok(events.indexOf('conversation.taken_over') < events.lastIndexOf('message.queued'))
  assert.deepEqual(answering((await talk.giveBack()).jobs), [])
})

test('the same key is the same message, another body under it is refused, in one batch too', async () => {
  const talk = await Talk.start(store)
  const key = randomUUID()
  const first = await talk.post({ idempotency_key: key })
  assert.deepEqual(await talk.post({ idempotency_key: key }), first)
  for (const other of [{ message: 'Another.' }, { operator: 'bo' }, { media: { type: 'image', link: 'https://example.org/a.jpg' } }])
    assert.equal((await talk.postCall({ idempotency_key: key, ...other })).code, 'idempotency_mismatch')
  const stranger = await Talk.start(store)
  assert.equal((await talk.postCall({ idempotency_key: key, phone: stranger.phone })).code, 'idempotency_mismatch')
  const twin = randomUUID()
  const item = { phone: talk.phone, message: 'Twice.', operator: 'ana', idempotency_key: twin }
  const answers = await store.bus.call('store.operator.post', 'OperatorMessageRequest', 'OperatorMessageReply', [item, item, { ...item, message: 'No.' }], talk.caller)
  assert.deepEqual(answers.map(answer => answer.code ?? answer.reply.message_id), [answers[0].reply.message_id, answers[0].reply.message_id, 'idempotency_mismatch'])
  assert.equal(await store.value("select count(*) from crm.messages where lead_id = $1 and sender_type = 'operator'", [talk.leadId]), 2)
  assert.equal((await talk.post({ idempotency_key: key.toUpperCase() })).message_id === first.message_id, false)
})

test('a person may quote by our id or by the provider\'s, but only what was said in this talk', async () => {
  const talk = await Talk.start(store), other = await Talk.start(store)
  const external = (await talk.row(talk.first.message_id)).external_id
  for (const quoted of [talk.first.message_id, external]) {
    const posted = await talk.post({ messageId: quoted })
    assert.equal((await talk.row(posted.message_id)).reply_to, external)
    assert.equal((await talk.authorize(posted.message_id)).outgoing.quoted_external_id, external)
  }
  assert.equal((await talk.postCall({ messageId: other.first.message_id })).code, 'unknown_message')
  assert.equal((await talk.postCall({ messageId: 'wamid.nobody' })).code, 'unknown_message')
  const unsent = await talk.post({})
  assert.equal((await talk.postCall({ messageId: unsent.message_id })).code, 'bad_value')
})

test('media go along as they are, and bad ones are refused by name', async () => {
  const talk = await Talk.start(store)
  const media = { type: 'document', link: 'https://example.org/offer.pdf', caption: 'Our "offer"', filename: 'offer.pdf' }
  const posted = await talk.post({ message: '', media })
  const row = await talk.row(posted.message_id)
  assert.deepEqual([row.media_info, row.kind, row.message_text], [media, 'document', null])
  assert.deepEqual(JSON.parse((await talk.authorize(posted.message_id)).outgoing.media.text), media)
  const code = async more => (await talk.postCall(more)).code
  assert.equal(await code({ media: { ...media, id: '5' } }), 'bad_value')
  assert.equal(await code({ media: { type: 'image' } }), 'bad_value')
  assert.equal(await code({ media: { ...media, type: 'hologram' } }), 'bad_value')
  assert.equal(await code({ media: { ...media, link: 'file:///etc/passwd' } }), 'bad_value')
  assert.equal(await code({ message: '' }), 'bad_value')
  assert.equal(await code({ message: 'x'.repeat(4097) }), 'too_long')
  assert.equal(await code({ message: 'é'.repeat(4096) }), undefined)
  assert.equal(await code({ phone: '+19998887755' }), 'unknown_phone')
})

test('a lost lead without an open conversation can not be written to', async () => {
  const talk = await Talk.start(store)
  await talk.set("state = 'closed'")
  assert.equal((await talk.postCall({})).code, 'unknown_conversation')
  assert.deepEqual((await talk.take()).conversation_ids, [])
  assert.deepEqual((({ state, reason }) => [state, reason])(await talk.open(talk.first)), ['nothing', 'closed'])
})

test('messages of a merged person are still answered', async () => {
  // Two identities turn out to be one: the younger conversation is closed and its messages move.
  const old = await Talk.start(store, { phone: null, bsuid: `user.${randomUUID()}` }).catch(error => error)
  assert.ok(old instanceof Talk, String(old))
  const bsuid = (await store.rows("select value from crm.lead_contacts where lead_id = $1 and kind = 'bsuid'", [old.leadId]))[0].value
  const young = await Talk.start(store)
  const joined = message({ phone: young.phone, bsuid })
  const recorded = { ...(await store.recordOne(joined)), job: joined.job_id }
  const opened = await young.open(recorded)
  assert.equal(opened.state, 'open')
  assert.equal(opened.context.owed.length, 3)
  const superseded = await young.open(young.first)
  assert.equal(superseded.state, 'superseded')
})

/** Two leads become one while somebody asks for the younger: the asker has looked before and waits for the locks. */
async function duringMerge(ask, { taken = false } = {}) {
  const bsuid = `user.${randomUUID()}`
  const older = await Talk.start(store), younger = await store.recordOne(message({ phone: null, bsuid }))
  if (taken) await older.take({ lead_id: younger.lead_id, operator: 'ana' })
  const waiting = count => until(`${count} waiting`, async () => await store.value("select count(*)::int from pg_stat_activity where wait_event_type = 'Lock'") >= count)
  const client = new pg.Client({ connectionString: store.postgres.url })
  await client.connect()
  try {
    await client.query('begin')
    await client.query('select 1 from crm.conversations where id = $1 for no key update', [older.conversationId])
    const merging = store.recordOne(message({ phone: older.phone, bsuid, message_text: 'It is me' }))
    await waiting(1)
    const asking = ask(older, younger)
    await waiting(2)
    await client.query('commit')
    assert.equal((await merging).lead_id, older.leadId)
    return { older, younger, answer: await asking }
  } finally {
    await client.end()
  }
}

test('a takeover during a merge takes what the two became, by lead and by conversation', async () => {
  for (const by of ['lead_id', 'conversation_id']) {
    const { older, answer } = await duringMerge((talk, younger) => talk.take({ [by]: younger[by], operator: 'ana' }))
    assert.deepEqual(answer.conversation_ids, [older.conversationId])
    assert.equal((await older.conversation()).owner, 'human')
  }
})

test('a handback during a merge gives back what the two became', async () => {
  const { older, answer } = await duringMerge((talk, younger) => talk.giveBack({ lead_id: younger.lead_id, operator: 'ana' }), { taken: true })
  assert.deepEqual(answer.conversation_ids, [older.conversationId])
  assert.equal((await older.conversation()).owner, 'ai')
})

test("a person's message during a merge goes to what the two became", async () => {
  const { older, answer } = await duringMerge((talk, younger) => talk.post({ phone: undefined, lead_id: younger.lead_id }))
  assert.equal((await older.row(answer.message_id)).conversation_id, older.conversationId)
  assert.equal((await older.conversation()).owner, 'human')
  assert.equal((await older.authorize(answer.message_id)).verdict, 'go')
})

test('whoever was merged twice is found by the first of their leads', async () => {
  const [first, second] = [`user.${randomUUID()}`, `user.${randomUUID()}`]
  const oldest = await Talk.start(store)
  await store.recordOne(message({ phone: null, bsuid: second }))
  const youngest = await store.recordOne(message({ phone: null, bsuid: first }))
  const both = message({ phone: null, bsuid: first })
  both.identities.push({ kind: 'bsuid', value: second, address: second })
  await store.recordOne(both)
  assert.equal((await store.recordOne(message({ phone: oldest.phone, bsuid: second }))).lead_id, oldest.leadId)
  assert.equal(await store.value('select merged_into from crm.leads where id = $1', [youngest.lead_id]), oldest.leadId)
  assert.deepEqual((await oldest.take({ lead_id: youngest.lead_id, operator: 'ana' })).conversation_ids, [oldest.conversationId])
})
