// The gate: every state and claim, every rule on both sides, and what a refusal leaves behind.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Store } from './store.mjs'
import { PHONE_ID, TOKEN } from '../support/parley.mjs'
import { Talk, engageKey } from './talk.mjs'

const MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR
let store
before(async () => { store = await Store.start({ env: { BUFFER_MS: '700', BUFFER_MAX_MS: '60000' } }) })
after(() => store?.stop())

const verdictOf = ({ verdict, reason, status }) => [verdict, reason, status]
/** A message that the business starts, as a campaign would leave it. */
async function proactive(talk, { consent = true } = {}) {
  await store.rows('update crm.leads set consent = $2 where id = $1', [talk.leadId, JSON.stringify({ marketing: consent })])
  return store.outbound(talk.first, { cause: 'proactive' })
}
const people = (talk, sql, values = []) => store.rows(`update crm.leads set ${sql} where id = $1`, [talk.leadId, ...values])

test('a go carries all that the channel needs, for five seconds', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  const at = Date.now()
  const go = await talk.authorize(id)
  assert.deepEqual(verdictOf(go), ['go', undefined, 'sending'])
  assert.ok(go.go_until_at >= at + 4900 && go.go_until_at <= Date.now() + 5000)
  const { outgoing } = go
  assert.deepEqual([outgoing.account, JSON.parse(outgoing.credentials.text).token, outgoing.recipient, outgoing.recipient_kind, outgoing.text, outgoing.channel],
    [PHONE_ID, TOKEN, talk.phone.slice(1), 'phone', 'An answer.', 'CHANNEL_WHATSAPP_CLOUD'])
  const row = await talk.row(id)
  assert.deepEqual([row.status, row.claim, row.go_until.getTime()], ['sending', 'claim-1', go.go_until_at])
})

test('the first claim owns the message, the same claim is told the same go, another is told to wait', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  const first = await talk.authorize(id)
  const same = await talk.authorize(id)
  assert.deepEqual([same.verdict, same.go_until_at, same.outgoing], ['go', first.go_until_at, first.outgoing])
  const other = await talk.authorize(id, 'claim-2')
  assert.deepEqual([...verdictOf(other), other.until_at, other.outgoing], ['busy', 'sending', 'sending', first.go_until_at + 20000, undefined])
})

test('two claims in one batch: one go, one busy', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  const answers = await store.bus.call('store.send.authorize', 'SendAuthorizeRequest', 'SendAuthorized',
    [{ message_id: id, claim: 'a' }, { message_id: id, claim: 'b' }, { message_id: randomUUID(), claim: 'c' }], talk.caller)
  assert.deepEqual(answers.map(answer => answer.reply?.verdict ?? answer.code), ['VERDICT_GO', 'VERDICT_BUSY', 'unknown_message'])
  assert.equal((await talk.row(id)).claim, 'a')
})

test('twenty claims at once from two connections: exactly one go', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => talk.authorize(id, `claim ${i}`)))
  assert.equal(answers.filter(answer => answer.verdict === 'go').length, 1)
  assert.equal(answers.filter(answer => answer.verdict === 'busy').length, 19)
})

test('every later status is answered without a go', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  await talk.authorize(id)
  const expected = { unknown: 'busy', sent: 'done', failed: 'done', delivered: 'done', read: 'done', held: 'refuse', withdrawn: 'refuse', cancelled: 'refuse' }
  for (const [status, verdict] of Object.entries(expected)) {
    await store.rows('update crm.messages set status = $2, updated_at = now() where id = $1', [id, status])
    for (const claim of ['claim-1', 'claim-2']) {
      const answer = await talk.authorize(id, claim)
      assert.deepEqual([status, answer.verdict, answer.status, answer.outgoing], [status, verdict, status, undefined])
    }
  }
})

test('a failure that went to the dead letters is passed again on its replay, with every rule', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  for (const [errorClass, verdict] of [['auth', 'go'], ['template', 'go'], ['media', 'go'], ['unreachable', 'done'], ['window', 'done']]) {
    await store.rows("update crm.messages set status = 'failed', error_class = $2, claim = 'old' where id = $1", [id, errorClass])
    assert.equal((await talk.authorize(id, 'claim-9')).verdict, 'done')
    assert.deepEqual([errorClass, (await talk.authorize(id, 'claim-9', { replayed: true })).verdict], [errorClass, verdict])
  }
  await talk.set("owner = 'human', epoch = epoch + 1")
  await store.rows("update crm.messages set status = 'failed', error_class = 'auth' where id = $1", [id])
  assert.deepEqual(verdictOf(await talk.authorize(id, 'claim-9', { replayed: true })), ['refuse', 'human_owner', 'cancelled'])
})

test('what the AI wrote is cancelled once a person owns the conversation; a person and a notice pass', async () => {
  const talk = await Talk.start(store)
  const [reply, notice, operator] = [await talk.reply(talk.first), await store.outbound(talk.first, { cause: 'notice', sender_type: 'system' }),
    await store.outbound(talk.first, { cause: 'operator', sender_type: 'operator' })]
  await talk.set("owner = 'human', epoch = epoch + 1")
  assert.deepEqual(verdictOf(await talk.authorize(reply)), ['refuse', 'human_owner', 'cancelled'])
  assert.equal((await talk.authorize(notice)).verdict, 'go')
  assert.equal((await talk.authorize(operator)).verdict, 'go')
  assert.ok((await talk.events()).includes('message.cancelled'))
  assert.deepEqual(verdictOf(await talk.authorize(reply, 'again')), ['refuse', 'human_owner', 'cancelled'])
})

test('a reply is withdrawn by a newer question before the maximum wait, and all of it is owed again', async () => {
  const talk = await Talk.start(store)
  const opened = await talk.open(talk.first)
  const { message_id: id } = await talk.commit(opened)
  const second = await talk.write({ message_text: 'wait, one more thing' })
  const answer = await talk.authorize(id)
  assert.deepEqual(verdictOf(answer), ['refuse', 'superseded', 'withdrawn'])
  assert.deepEqual(answer.jobs.map(job => [job.task, job.idempotency_key, job.id]), [['ai.engage', engageKey(second), second.job]])
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.covered_position, conversation.owed_position], [0, 3])
  assert.equal(conversation.owed_since.getTime(), (await talk.row(talk.first.message_id)).created_at.getTime())
  assert.equal((await talk.row(talk.first.message_id)).turn_id, null)
  const again = await talk.authorize(id, 'claim-2') // the channel died before it could report: told the same
  assert.deepEqual([...verdictOf(again), again.jobs.length], ['refuse', 'superseded', 'withdrawn', 1])
  const next = await talk.open(second)
  assert.deepEqual(next.context.owed.map(line => line.text), ['Hello', 'wait, one more thing'])
  assert.equal(next.context.history.length, 0)
  const whole = await talk.commit(next)
  assert.equal(whole.state, 'committed')
  assert.equal((await talk.authorize(whole.message_id)).verdict, 'go')
  assert.equal((await talk.authorize(id, 'claim-3')).verdict, 'refuse')
  const events = await talk.events()
  assert.ok(events.includes('message.withdrawn') && events.includes('turn.superseded'))
  assert.equal(await store.value("select count(*) from crm.messages where turn_id is null and direction = 'inbound' and conversation_id = $1", [talk.conversationId]), 0)
})

test('a job whose reply was taken back may run again: another turn, and the withdrawn message keeps its own', async () => {
  const talk = await Talk.start(store)
  const opened = await talk.open(talk.first)
  const { message_id: id } = await talk.commit(opened)
  const second = await talk.write({ message_text: 'wait, one more thing' })
  assert.deepEqual(verdictOf(await talk.authorize(id)), ['refuse', 'superseded', 'withdrawn'])
  await assert.rejects(talk.commit(opened), /unknown_turn/)
  await talk.owedSince(61000) // past the maximum wait every job of the burst may answer
  const again = await talk.open(talk.first)
  assert.deepEqual([again.state, again.turn_id === opened.turn_id], ['open', false])
  const whole = await talk.commit(again)
  assert.equal(whole.state, 'committed')
  assert.deepEqual((await store.rows('select id, state, message_id, taken_back from crm.turns where conversation_id = $1 order by opened_at, id', [talk.conversationId]))
    .map(turn => [turn.id, turn.state, turn.message_id, turn.taken_back]),
  [[opened.turn_id, 'superseded', id, true], [again.turn_id, 'committed', whole.message_id, false]])
  assert.equal((await talk.open(talk.first)).message_ids[0], whole.message_id)
  assert.equal((await talk.authorize(whole.message_id)).verdict, 'go')
  assert.equal((await talk.authorize(id, 'claim-2')).verdict, 'refuse')
  assert.equal((await talk.open(second)).state, 'nothing')
})

test('after the maximum wait a newer question no longer takes an answer back', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  await talk.write()
  await store.rows("update crm.turns set answer_by = now() - interval '1 ms' where conversation_id = $1", [talk.conversationId])
  assert.equal((await talk.authorize(id)).verdict, 'go')
})

test('an older reply leaves although a newer turn has answered since', async () => {
  const talk = await Talk.start(store)
  const first = await talk.reply(talk.first)
  const second = await talk.reply(await talk.write())
  await talk.write()
  assert.equal((await talk.authorize(first)).verdict, 'go')
  assert.deepEqual(verdictOf(await talk.authorize(second)), ['refuse', 'superseded', 'withdrawn'])
})

test('the service window closes a minute early: a reply of 23:59:50 makes no call', async () => {
  const talk = await Talk.start(store, { provider_at: Date.now() - DAY + 10000 })
  const id = await talk.reply(talk.first)
  assert.deepEqual(verdictOf(await talk.authorize(id)), ['refuse', 'window_closed', 'held'])
  assert.ok((await talk.events()).includes('message.held'))
  const inside = await Talk.start(store, { provider_at: Date.now() - DAY + MINUTE + 20000 })
  assert.equal((await inside.authorize(await inside.reply(inside.first))).verdict, 'go')
  const outside = await Talk.start(store, { provider_at: Date.now() - DAY + MINUTE - 1000 })
  assert.equal((await outside.authorize(await outside.reply(outside.first))).reason, 'window_closed')
})

test('outside of the window only an approved template leaves, with its name and values', async () => {
  const talk = await Talk.start(store)
  await talk.set("window_ends_at = now() - interval '1 day'")
  const template = async state => {
    const id = randomUUID()
    await store.rows(`insert into crm.templates (id, company_id, channel, name, external_name, language, text, state, created_at, updated_at)
                      values ($1, $2, 'whatsapp_cloud', $3, 'visit_reminder', 'en_GB', 'Hello {{1}}', $4, now(), now())`, [id, talk.first.company_id, id, state])
    const message = await store.outbound(talk.first, { sender_type: 'operator', cause: 'operator' })
    await store.rows(`update crm.messages set template_id = $2, extra_metadata = '{"template_params":["Ines","10:00"]}' where id = $1`, [message, id])
    return message
  }
  const go = await talk.authorize(await template('approved'))
  assert.equal(go.verdict, 'go')
  assert.deepEqual([go.outgoing.template_name, go.outgoing.template_language, go.outgoing.template_params.text], ['visit_reminder', 'en_GB', '["Ines","10:00"]'])
  assert.deepEqual(verdictOf(await talk.authorize(await template('paused'))), ['refuse', 'template_not_approved', 'held'])
})

test('without an account or an address a message is held and says so', async () => {
  const nowhere = await Talk.start(store, { account: '' })
  await store.rows("update crm.channel_accounts set credentials = null where channel = 'whatsapp_cloud'")
  const held = await nowhere.authorize(await nowhere.reply(nowhere.first))
  await store.rows(`update crm.channel_accounts set credentials = $1 where account = $2`, [JSON.stringify({ token: TOKEN }), PHONE_ID])
  assert.deepEqual(verdictOf(held), ['refuse', 'no_account', 'held'])
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  await talk.set('contact_id = null')
  assert.deepEqual(verdictOf(await talk.authorize(id)), ['refuse', 'no_recipient', 'held'])
})

test('an answer ignores opt-out, quiet hours and cap; what the business starts does not', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  await people(talk, "opted_out_at = now() - interval '1 hour', proactive_at = now()")
  assert.equal((await talk.authorize(id)).verdict, 'go')
  const noon = await Talk.start(store)
  await store.rows("update crm.companies set quiet_from = '00:00', quiet_to = '24:00'")
  assert.deepEqual(verdictOf(await noon.authorize(await proactive(noon, { consent: false }))), ['refuse', 'no_consent', 'cancelled'])
  const optedOut = await proactive(noon)
  await people(noon, 'opted_out_at = now()')
  assert.deepEqual(verdictOf(await noon.authorize(optedOut)), ['refuse', 'opted_out', 'cancelled'])
  await people(noon, 'opted_out_at = null')
  assert.equal((await noon.authorize(await proactive(noon))).verdict, 'go')
})

test('two campaigns race for one person: exactly one leaves within a day', async () => {
  const talk = await Talk.start(store)
  await store.rows("update crm.companies set quiet_from = '00:00', quiet_to = '24:00'")
  const [one, two] = [await proactive(talk), await proactive(talk)]
  const answers = await Promise.all([talk.authorize(one, 'a'), talk.authorize(two, 'b')])
  assert.deepEqual(answers.map(answer => answer.verdict).sort(), ['defer', 'go'])
  const deferred = answers.find(answer => answer.verdict === 'defer')
  assert.equal(deferred.reason, 'frequency_cap')
  assert.ok(deferred.until_at >= Date.now() + DAY - MINUTE && deferred.until_at <= Date.now() + DAY + 10 * MINUTE)
  const winner = answers[0].verdict === 'go' ? one : two, claim = winner === one ? 'a' : 'b'
  await talk.settle(winner, 'not_sent', { claim })
  assert.equal((await talk.authorize(winner, 'c')).verdict, 'go') // its own retry is not a second message
  await people(talk, `proactive_at = now() - interval '24 hours 1 second'`)
  assert.equal((await talk.authorize(winner === one ? two : one, 'd')).verdict, 'go')
})

test("quiet hours are the person's own: held until their morning, with a recorded zone", async () => {
  const talk = await Talk.start(store)
  const id = await proactive(talk)
  const localHour = zone => Number(new Intl.DateTimeFormat('en-GB', { hour: '2-digit', hourCycle: 'h23', timeZone: zone }).format())
  // Of the fixed-offset zones one is in its night and one in its day, whenever this test runs.
  const zones = Array.from({ length: 24 }, (_, i) => `Etc/GMT${i < 12 ? `+${i}` : `-${i - 11}`}`)
  const night = zones.find(zone => localHour(zone) === 3), day = zones.find(zone => localHour(zone) === 12)
  await store.rows("update crm.companies set quiet_from = '08:00', quiet_to = '22:00'")
  await people(talk, 'timezone = $2', [night])
  const answer = await talk.authorize(id)
  assert.deepEqual(verdictOf(answer), ['defer', 'quiet_hours', 'queued'])
  const opening = new Date(answer.until_at)
  const local = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: night }).format(opening)
  assert.match(local, /^08:0\d$/)
  assert.ok(answer.until_at > Date.now() + 4 * HOUR && answer.until_at < Date.now() + 5 * HOUR + 10 * MINUTE)
  await people(talk, 'timezone = $2', [day]) // the zone is corrected while it is held
  assert.equal((await talk.authorize(id, 'later')).verdict, 'go')
  const unknown = await Talk.start(store)
  await people(unknown, "timezone = 'Mars/Olympus'")
  await store.rows("update crm.companies set quiet_from = '00:00', quiet_to = '24:00'")
  const third = await proactive(unknown)
  assert.equal((await unknown.authorize(third)).verdict, 'go')
  const saw = await store.value('select saw from crm.send_verdicts where message_id = $1', [third])
  assert.equal(saw.timezone, 'UTC')
})

test('why: every verdict is kept with what it saw, and the turn with its prompt', async () => {
  const talk = await Talk.start(store)
  const opened = await talk.open(talk.first)
  const doc = randomUUID()
  const { message_id: id } = await talk.commit(opened, { document_ids: [doc] })
  await talk.authorize(id)
  await talk.authorize(id, 'claim-2')
  await talk.settle(id, 'sent', { external_id: 'wamid.why' })
  await talk.authorize(id, 'claim-3')
  const why = await store.bus.ask('store.message.why', 'MessageGetRequest', 'MessageWhy', { id }, talk.caller)
  assert.deepEqual(why.verdicts.map(verdict => [verdict.verdict, verdict.reason]), [['go', undefined], ['busy', 'sending'], ['done', 'sent']])
  const saw = JSON.parse(why.verdicts[0].saw.text)
  assert.deepEqual([saw.status, saw.owner, saw.epoch, saw.message_epoch, saw.account, saw.newer_owed], ['queued', 'ai', 0, 0, true, false])
  assert.ok(Date.parse(saw.window_ends_at) > Date.now())
  assert.ok(!JSON.stringify(why.verdicts).includes(TOKEN) && !JSON.stringify(why.verdicts).includes(talk.phone.slice(1)))
  assert.deepEqual([why.status, why.turn_id, why.job_id, why.model, why.provider, why.prompt_version, why.covered_message_ids, why.document_ids, why.safety_checks.text],
    ['sent', opened.turn_id, talk.first.job, 'gpt-4o-mini', 'openai', 3, [talk.first.message_id], [doc], '{"safe": true}'])
  const whyInbound = await store.bus.ask('store.message.why', 'MessageGetRequest', 'MessageWhy', { id: talk.first.message_id }, talk.caller)
  assert.equal(whyInbound.turn_id, opened.turn_id)
})

test("another company's message is unknown at the gate, and so is an inbound one", async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  const ask = async (messageId, caller) => (await store.bus.call('store.send.authorize', 'SendAuthorizeRequest', 'SendAuthorized', [{ message_id: messageId, claim: 'x' }], caller))[0].code
  assert.equal(await ask(id, { company_id: randomUUID() }), 'unknown_message')
  assert.equal(await ask(talk.first.message_id, talk.caller), 'unknown_message')
  assert.equal(await ask('nonsense', talk.caller), 'unknown_message')
  assert.equal((await talk.row(id)).status, 'queued')
})

test('where a message stands is what its job says, and is looked up when that is not so', async () => {
  const talk = await Talk.start(store), other = await Talk.start(store)
  const id = await talk.reply(talk.first), elsewhere = await other.place(await other.reply(other.first)), here = await talk.place(id)
  const ask = async (messageId, more, caller = talk.caller) =>
    (await store.bus.call('store.send.authorize', 'SendAuthorizeRequest', 'SendAuthorized', [{ message_id: messageId, claim: 'x', ...more }], caller))[0]
  for (const wrong of [{ ...here, lead_id: elsewhere.lead_id }, { ...here, conversation_id: elsewhere.conversation_id }, { ...here, turn_id: elsewhere.turn_id }, { ...here, turn_id: undefined },
    { ...here, turn_id: randomUUID() }, { ...here, lead_id: randomUUID() }, { ...here, conversation_id: randomUUID() }, elsewhere, { ...here, lead_id: 'nonsense' }, here, {}]) {
    const { reply, code } = await ask(id, wrong)
    assert.deepEqual([reply?.verdict, reply?.outgoing.lead_id, code], ['VERDICT_GO', here.lead_id, undefined], JSON.stringify(wrong))
    await talk.settle(id, 'not_sent', { claim: 'x' })
  }
  for (const more of [here, elsewhere]) {
    assert.equal((await ask(id, more, { company_id: randomUUID() })).code, 'unknown_message')
    assert.equal((await ask(talk.first.message_id, more)).code, 'unknown_message')
    assert.equal((await ask(randomUUID(), more)).code, 'unknown_message')
  }
  assert.equal((await talk.row(id)).status, 'queued')
})

test('after STOP nothing that was written before it leaves, also when it was past the gate already', async () => {
  const talk = await Talk.start(store)
  const [reply, operator] = [await talk.reply(talk.first), await store.outbound(talk.first, { cause: 'operator', sender_type: 'operator' })]
  for (const id of [operator, reply]) assert.equal((await talk.authorize(id)).verdict, 'go')
  const stop = await talk.write({ message_text: 'STOP', opt_out: true, wants_answer: false })
  for (const id of [reply, operator]) {
    assert.equal((await talk.settle(id, 'not_sent')).status, 'queued')
    assert.deepEqual(verdictOf(await talk.authorize(id, 'claim-2')), ['refuse', 'opted_out', 'cancelled'])
  }
  const notice = await store.value("select id from crm.messages where conversation_id = $1 and cause = 'notice'", [stop.conversation_id])
  assert.equal((await talk.authorize(notice)).verdict, 'go')
  const later = await talk.write({ message_text: 'And what does it cost?' })
  assert.equal((await talk.authorize(await talk.reply(later))).verdict, 'go')
})

test('a reply that the takeover met past the gate leaves its question open when it comes back', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  await talk.authorize(id)
  await talk.take()
  await talk.settle(id, 'not_sent')
  const refused = await talk.authorize(id, 'claim-2')
  assert.deepEqual([...verdictOf(refused), refused.jobs], ['refuse', 'human_owner', 'cancelled', []])
  assert.equal((await talk.conversation()).covered_position, 0)
  const back = await talk.giveBack()
  assert.deepEqual(back.jobs.map(job => job.idempotency_key), [`${engageKey(talk.first)}_2`])
  const again = await talk.open({ ...talk.first, job: randomUUID() })
  assert.deepEqual(again.context.owed.map(line => line.text), ['Hello'])
  assert.equal((await talk.authorize((await talk.commit(again)).message_id)).verdict, 'go')
})

test('a reply that comes back after the handback is asked for anew by the gate', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  await talk.authorize(id)
  await talk.take()
  assert.deepEqual((await talk.giveBack()).jobs, [])
  await talk.settle(id, 'not_sent')
  for (const claim of ['claim-2', 'claim-3']) { // the second asks because the first's answer was lost
    const refused = await talk.authorize(id, claim)
    assert.deepEqual([...verdictOf(refused), refused.jobs.map(job => job.idempotency_key)], ['refuse', 'human_owner', 'cancelled', [`${engageKey(talk.first)}_2`]])
  }
  const conversation = await talk.conversation()
  assert.deepEqual([conversation.covered_position, conversation.owed_position], [0, 1])
  assert.ok(Date.now() - conversation.owed_since.getTime() < 5000)
  assert.equal((await talk.commit(await talk.open({ ...talk.first, job: randomUUID() }))).state, 'committed')
})

test('a reply after which a person has answered leaves nothing open', async () => {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  await talk.authorize(id)
  await talk.post({})
  await talk.settle(id, 'not_sent')
  await talk.giveBack()
  const refused = await talk.authorize(id, 'claim-2')
  assert.deepEqual([...verdictOf(refused), refused.jobs], ['refuse', 'human_owner', 'cancelled', []])
  assert.equal((await talk.conversation()).owed_since, null)
})

test('an answer to a part of what was owed is not taken back by the rest', async () => {
  const talk = await Talk.start(store)
  let last
  for (let i = 2; i <= 55; i++) last = await talk.write({ message_text: `part ${i}` })
  const id = await talk.reply(last)
  assert.equal((await talk.authorize(id)).verdict, 'go')
  await talk.settle(id, 'not_sent')
  const newer = await talk.write({ message_text: 'and this' })
  const withdrawn = await talk.authorize(id, 'claim-2')
  assert.deepEqual([...verdictOf(withdrawn), withdrawn.jobs[0].idempotency_key], ['refuse', 'superseded', 'withdrawn', engageKey(newer)])
})

test('a person\'s message waits until what the AI has past the gate is settled or its time is over', async () => {
  const talk = await Talk.start(store)
  const reply = await talk.reply(talk.first)
  assert.equal((await talk.authorize(reply)).verdict, 'go')
  const { message_id: mine } = await talk.post({})
  const busy = await talk.authorize(mine, 'claim-2')
  assert.deepEqual(verdictOf(busy), ['busy', 'ai_leaving', 'queued'])
  assert.ok(busy.until_at > Date.now() && busy.until_at < Date.now() + 1000)
  await talk.settle(reply, 'sent', { external_id: `wamid.${reply}` })
  assert.equal((await talk.authorize(mine, 'claim-2')).verdict, 'go')

  const other = await Talk.start(store)
  const lost = await other.reply(other.first)
  await other.authorize(lost)
  const theirs = (await other.post({})).message_id
  assert.equal((await other.authorize(theirs, 'claim-2')).verdict, 'busy')
  await store.rows("update crm.messages set go_until = now() - interval '1 second' where id = $1", [lost]) // nobody settles it
  assert.equal((await other.authorize(theirs, 'claim-2')).verdict, 'go')
})
