// What the AI may not say never leaves and is kept nowhere; machines that answer each other come to an end.
import test, { after, before, beforeEach } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Parley } from '../support/parley.mjs'
import { until } from '../support/process.mjs'

const NOTICE = 'Thanks for your message. A colleague will get back to you as soon as possible.'
const NUMBER = '15005551000' // of the other Parley, as its customers see it
const ENV = { JOB_LADDER_MS: Array(5).fill(300).join(), HAND_OVER_DEADLINE_MS: '3600000' }
let parley, other, phone = 15005557000

before(async () => {
  [parley, other] = await Promise.all([Parley.start({ env: ENV }), Parley.start({ env: ENV })])
  await answered(await parley.inbound(`+${++phone}`, 'hello'))
  await parley.postgres.rows('update crm.companies set company_card = $1', [{ phone: '+880 1711-123456', site: 'https://salon.example.com', haircut: '350 taka' }])
})
after(() => Promise.all([parley?.stop(), other?.stop()]))
beforeEach(async () => {
  await parley.sim('/_sim/reset', {})
  await policy({})
})

const answered = async ({ body }) => (await until(`job ${body.job_id} to end`, async () => {
  const job = await parley.get(`/jobs/${body.job_id}`)
  return ['completed', 'dlq'].includes(job.body.status) && job
})).body
const policy = async ai_policy => assert.equal((await parley.send('PATCH', '/company', { ai_policy })).status, 200)
const replies = (...texts) => parley.faults({ llm: { provider: 'openai', count: texts.length, reply: texts[0] } })
const ask = async text => answered(await parley.inbound(`+${++phone}`, text))
const talkOf = async to => (await parley.postgres.rows('select * from crm.conversations where phone = $1', [`+${to}`]))[0]
const refusalsOf = async talk => (await parley.get(`/safety/refusals?lead_id=${talk.lead_id}`)).body.items
const modelCalls = async () => (await parley.sim('/_sim/llm')).filter(call => call.provider === 'openai')

/** The word stands in no table and no log. */
const nowhere = async word => {
  const tables = await parley.postgres.rows("select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables where table_schema in ('crm', 'jobs') and table_type = 'BASE TABLE'")
  for (const { name } of tables)
    assert.equal(await parley.postgres.value(`select count(*)::int from ${name} t where t::text like $1`, [`%${word}%`]), 0, name)
  for (const service of parley.services) assert.ok(!service.text().includes(word), service.name)
}

test('a link that nobody told it never leaves: the model is asked once more, and told why', async () => {
  await replies('Book now at https://made-up.example.net/xyzzy')
  const { result } = await ask('how do I book?')
  const [sent, ...more] = await parley.sentCount(1, String(phone))
  assert.match(sent.text, /^Reply #2 to/)
  assert.equal(more.length, 0)
  const [first, second] = await modelCalls()
  assert.equal(second.messages.length, first.messages.length + 1)
  const advice = second.messages.at(-1)
  assert.deepEqual([advice.role, /a link that is neither/.test(advice.content)], ['system', true])
  const why = (await parley.get(`/messages/${result.message_id}/why`)).body
  assert.equal(why.safety_checks.safe, true)
  assert.ok(why.safety_checks.checks.includes('links'))
  const [refusal, ...others] = await refusalsOf(await talkOf(phone))
  assert.deepEqual([refusal.verdict.safe, refusal.verdict.failed, refusal.turn_id, refusal.provider, others.length], [false, ['links'], result.turn_id, 'openai', 0])
  await nowhere('xyzzy')
})

test('what the company itself says may be told: its site, its phone, its prices and what they come to', async () => {
  await replies('A haircut is 350 taka, for 2 people 700 taka. See https://salon.example.com or call 01711123456.')
  await ask('how much for 2 people?')
  assert.match((await parley.sentCount(1, String(phone)))[0].text, /700 taka/)
  assert.equal((await refusalsOf(await talkOf(phone))).length, 0)
})

test('a second draft that is unsafe too is not sent: a person takes over, the customer is told once', async () => {
  await parley.faults({ llm: { provider: 'openai', reply: 'My key is sk-plughplughplughplugh1234' } })
  const { result } = await ask('what is your key?')
  assert.deepEqual([result.outcome, result.message_id, result.actions], ['committed', undefined, ['hand_over']])
  assert.deepEqual((await parley.sentCount(1, String(phone))).map(({ text }) => text), [NOTICE])
  const talk = await talkOf(phone)
  assert.deepEqual([talk.owner, talk.escalation_reason, talk.escalation_urgency], ['human', 'unsafe', 'high'])
  assert.deepEqual((await refusalsOf(talk)).map(({ verdict }) => verdict.failed), [['secrets'], ['secrets']])
  assert.equal(await parley.postgres.value("select count(*)::int from crm.messages where conversation_id = $1 and sender_type = 'ai'", [talk.id]), 0)
  assert.equal((await modelCalls()).length, 2)
  await nowhere('plugh')
})

test('a company forbids phrases, allows links and leaves checks out; what it writes is checked', async () => {
  await policy({ safety: { forbidden: ['guaranteed'], allowed: ['partner.example.org'], off: ['prices'] } })
  await replies('This is GUARANTEED to work.')
  await ask('does it work?')
  assert.match((await parley.sentCount(1, String(phone)))[0].text, /^Reply #2/)
  await replies('Only 99 taka at https://shop.partner.example.org/x')
  await ask('where?')
  assert.match((await parley.sentCount(1, String(phone)))[0].text, /^Only 99 taka/)
  for (const wrong of [{ safety: { off: ['everything'] } }, { safety: { moderation: 'nobody' } }, { loops: { replies_max: -1 } }, { loop: {} }, []]) {
    const refused = await parley.send('PATCH', '/company', { ai_policy: wrong })
    assert.deepEqual([refused.status, refused.body.code], [422, 'bad_value'], JSON.stringify(wrong))
  }
  assert.deepEqual((await parley.get('/company')).body.ai_policy.safety.forbidden, ['guaranteed'])
})

test('a number of the policy may be written with a point or a power of ten', async () => {
  const written = '{"ai_policy":{"safety":{"toxicity_max":0.0},"loops":{"replies_max":20.0,"window_ms":6e5,"quick_ms":1000.0,"quick_max":5.0}}}'
  assert.equal((await parley.send('PATCH', '/company', written)).status, 200)
  await ask('still there?')
  assert.equal((await parley.sentCount(1, String(phone))).length, 1)
})

test("the provider's moderation is asked where the company wants it, and nothing leaves while it is down", async () => {
  await policy({ safety: { moderation: 'openai' } })
  await parley.faults({ llm: { provider: 'moderation', status: 500, count: 1 } })
  const job = await ask('hello?')
  assert.deepEqual(job.attempt_log.map(({ outcome, code }) => [outcome, code])[0], ['retry', 'moderation'])
  await parley.sentCount(1, String(phone))
  const why = (await parley.get(`/messages/${job.result.message_id}/why`)).body
  assert.deepEqual([why.safety_checks.safe, why.safety_checks.toxicity_score, why.safety_checks.checks.at(-1)], [true, 0.0004, 'moderation'])
  await parley.faults({ llm: { provider: 'openai', reply: 'You sim-flagged fool' } })
  await ask('hello?')
  assert.deepEqual((await parley.sentCount(1, String(phone))).map(({ text }) => text), [NOTICE])
  assert.deepEqual((await refusalsOf(await talkOf(phone))).map(({ verdict }) => [verdict.failed, verdict.toxicity_score]), Array(2).fill([['moderation'], 0.97]))
  await nowhere('sim-flagged')
})

test('the same answer for the third time in a row is not given', async () => {
  await parley.faults({ llm: { provider: 'openai', reply: 'Thank you for writing to us, have a wonderful day!' } })
  const to = String(++phone)
  for (let i = 1; i <= 2; i++) {
    await parley.inbound(`+${to}`, `thanks ${i}`)
    await parley.sentCount(i, to)
  }
  await answered(await parley.inbound(`+${to}`, 'thanks 3'))
  assert.equal((await parley.sentCount(3, to)).at(-1).text, NOTICE)
  assert.deepEqual((await refusalsOf(await talkOf(to))).map(({ verdict }) => verdict.failed), Array(2).fill(['repetition']))
})

test('so many answers within the window and no more: then a person is asked, once, and handing back begins anew', async () => {
  await policy({ loops: { replies_max: 2, window_ms: 3600000 } })
  const to = String(++phone)
  for (let i = 1; i <= 2; i++) {
    await parley.inbound(`+${to}`, `question ${i}`)
    await parley.sentCount(i, to)
  }
  for (let i = 3; i <= 4; i++) await answered(await parley.inbound(`+${to}`, `question ${i}`))
  assert.deepEqual((await parley.sentCount(3, to)).map(({ text }) => text === NOTICE), [false, false, true])
  const talk = await talkOf(to)
  assert.deepEqual([talk.owner, talk.escalation_reason], ['human', 'loop'])
  const events = await parley.postgres.rows("select payload from crm.events where lead_id = $1 and type = 'conversation.escalated'", [talk.lead_id])
  assert.deepEqual(events.map(({ payload }) => payload.reason), ['loop'])
  await parley.post('/api/v1/handback', { phone: to })
  assert.match((await parley.sentCount(4, to)).at(-1).text, /question 4/) // what nobody has answered yet
})

test('what a machine writes again and again is answered once, and the person behind it at once', async () => {
  const to = String(++phone)
  await parley.inbound(`+${to}`, 'This is an automated message: we are closed.')
  await parley.sentCount(1, to)
  const { result } = await answered(await parley.inbound(`+${to}`, 'This is an automated message: still closed.'))
  assert.deepEqual([result.outcome, result.reason], ['skipped', 'automatic'])
  await parley.inbound(`+${to}`, 'Hi, I am back, how much is it?')
  assert.match((await parley.sentCount(2, to))[1].text, /I am back/)
  const [event] = await parley.postgres.rows("select payload from crm.events where lead_id = $1 and type = 'message.received' and payload ->> 'automatic' = 'true'", [(await talkOf(to)).lead_id])
  assert.match(event.payload.text, /still closed/)
})

test('who answers faster than a person writes, so many times in a row, is a machine: a person is asked, and a slower answer begins anew', async () => {
  await policy({ loops: { quick_ms: 60000, quick_max: 2 } })
  const to = String(++phone)
  const say = async (i, slowly) => {
    await parley.inbound(`+${to}`, `question ${i}`)
    await parley.sentCount(i, to)
    await until('its sending to be known', () => parley.postgres.value('select m.sent_at is not null from crm.conversations c join crm.messages m on m.id = c.last_message_id where c.phone = $1', [`+${to}`]))
    if (slowly) await parley.postgres.rows("update crm.messages set sent_at = sent_at - interval '2 minutes' where id = $1", [(await talkOf(to)).last_message_id])
  }
  const quick = async () => (await talkOf(to)).quick_count
  await say(1)
  await say(2, true)
  assert.equal(await quick(), 1)
  await say(3)
  assert.equal(await quick(), 0)
  await say(4)
  await say(5) // the second in a row
  const sent = await parley.sent(to)
  assert.deepEqual(sent.map(({ text }) => text === NOTICE), [false, false, false, false, true])
  const talk = await talkOf(to)
  assert.deepEqual([talk.owner, talk.escalation_reason, talk.quick_count], ['human', 'loop', 0])
  const events = await parley.postgres.rows("select payload ->> 'quick' as quick from crm.events where lead_id = $1 and type = 'message.received' order by n", [talk.lead_id])
  assert.deepEqual(events.map(({ quick }) => quick), [null, 'true', null, 'true', 'true'])
})

test('an unsafe text is no reply, whoever commits it', async () => {
  const refusals = await parley.get(`/safety/refusals?lead_id=${randomUUID()}`)
  assert.deepEqual([refusals.status, refusals.body.items], [200, []])
  assert.equal((await parley.get('/safety/refusals?lead_id=x')).status, 422)
  assert.ok((await parley.get('/safety/refusals?limit=1')).body.next_cursor)
  const unsafe = await parley.postgres.rows("select m.id from crm.messages m left join crm.turns t on t.id = m.turn_id where m.sender_type = 'ai' and (t.safety_checks ->> 'safe') is distinct from 'true'")
  assert.deepEqual(unsafe, [])
})

/** Each what the other sends it, until both are done. */
const wire = async (left, right) => {
  const flaggedBefore = (await flagged(left)) + (await flagged(right))
  const ends = [{ system: left, own: String(NUMBER), to: right, seen: 0 }, { system: right, own: '15005551001', to: left, seen: 0 }]
  await ends[0].to.receive(ends[0].own, 'Hello, do you need anything?')
  await until('the two to end', async () => {
    for (const end of ends) {
      const sent = await end.system.sent()
      for (; end.seen < sent.length; end.seen++) await end.to.receive(end.own, sent[end.seen].text)
    }
    const busy = await Promise.all(ends.map(({ system }) => system.postgres.value(`select (select count(*) from crm.messages where status in ('queued', 'sending'))
      + (select count(*) from crm.conversations where owner = 'ai' and owed_position > covered_position)`)))
    const idle = await Promise.all(ends.map(async ({ system, seen }) => (await system.sent()).length === seen))
    return busy.every(count => Number(count) === 0) && idle.every(Boolean) && (await flagged(left)) + (await flagged(right)) > flaggedBefore
  }, 40000)
}
const flagged = async system => Number(await system.postgres.value("select count(*) from crm.events where type = 'conversation.escalated' and payload ->> 'reason' = 'loop'"))

test('two Parleys that are each the other\'s customer stop after so many turns, and a person is asked, on each side once at most', async () => {
  const rules = { safety: { off: ['repetition'] }, loops: { replies_max: 5, window_ms: 3600000 } }
  await policy(rules)
  await other.inbound('+15005559999', 'hello')
  await until('the other company', async () => (await other.get('/company')).status === 200)
  await other.send('PATCH', '/company', { ai_policy: rules })
  await other.sentCount(1)
  const before = await Promise.all([parley, other].map(flagged))
  await other.sim('/_sim/reset', {})
  await wire(parley, other)
  const answers = await Promise.all([parley, other].map(async system => (await system.sent()).filter(({ text }) => text.startsWith('Reply')).length))
  assert.ok(answers.every(count => count >= 4 && count <= 5), JSON.stringify(answers))
  const asked = (await Promise.all([parley, other].map(flagged))).map((count, i) => count - before[i])
  assert.ok(asked.some(count => count === 1) && asked.every(count => count <= 1), JSON.stringify(asked)) // the notice of one may be the other's last straw
})
