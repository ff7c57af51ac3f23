// What follows a conversation: its summary, the memory of prompts, bump-ups; with every vendor's model, with none, and with the workers killed in the middle.
import test, { after, before, beforeEach } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Parley, Service } from '../support/parley.mjs'
import { until } from '../support/process.mjs'

let parley, company, second
before(async () => {
  parley = await Parley.start({ env: { JOB_LADDER_MS: Array(5).fill(300).join(), JOB_RUN_MS_MAX: '4000', LOOP_GUARD: 'off' } })
  second = new Service('summary', parley.env) // two of them throughout
  await second.start()
  await job((await parley.inbound('+15005570000', 'hello')).body.job_id)
  company = await parley.postgres.value('select id from crm.companies')
})
after(async () => {
  await second?.end()
  await parley?.stop()
})
beforeEach(async () => {
  await parley.sim('/_sim/reset', {})
  await parley.postgres.rows('delete from crm.ai_models')
})

const job = (id, status = 'completed') => until(`job ${id} to be ${status}`, async () => {
  const { body } = await parley.get(`/jobs/${id}`)
  return body.status === status && body
}, 30000)
const use = (provider, model) => parley.postgres.rows(
  `insert into crm.ai_models (id, company_id, provider, model, temperature, max_tokens, system_prompt, created_at, updated_at)
   values ($1, $2, $3, $4, 0.2, 300, 'You are Bob of Acme.', now(), now())`, [randomUUID(), company, provider, model])
const calls = () => parley.sim('/_sim/llm')
const lead = async id => (await parley.get(`/leads/${id}`)).body
const eventsOf = async id => (await parley.get(`/leads/${id}/events?limit=200`)).body.items.map(({ type }) => type)

let phone = 15005570100
/** Somebody who wrote these and was answered each time; {to, id, last}. */
async function chat(...texts) {
  const to = String(++phone)
  let last
  for (const [i, text] of texts.entries()) {
    last = await job((await parley.inbound(`+${to}`, text)).body.job_id)
    await until('the answer', async () => (await parley.postgres.value(
      `select count(*) from crm.messages m join crm.leads l on l.id = m.lead_id where l.phone_number = $1 and m.sender_type = 'ai'
       and m.status in ('sent', 'delivered', 'read')`, [`+${to}`])) > i)
  }
  const { body } = await parley.get(`/leads?phone=${to}`)
  return { to, id: body.items[0].id, last }
}
const summarise = (person, headers) => parley.post(`/leads/${person.id}/summary`, undefined, headers)

const SAID = {
  summary: 'Ines wants a red bicycle. She has 500 euros. We promised a test ride. She will come on Friday.',
  key_points: ['Red bicycle', 'Comes on Friday'], sentiment: 'positive', next_action: 'Prepare the test ride.',
  insights: [{ name: 'Budget', value: '500 euros' }, { name: 'decision maker', value: 'herself' }],
}

for (const [provider, model] of [['openai', 'gpt-4o-mini'], ['anthropic', 'claude-sonnet-4-6'], ['gemini', 'gemini-2.0-flash'], ['openai', 'sim-plain']])
  test(`a lead is summed up by ${provider} ${model}: kept with the lead, told in its story, asked for once`, async () => {
    const person = await chat('I want a red bicycle', 'I have 500 euros')
    await use(provider, model)
    await parley.faults({ llm: { reply: JSON.stringify(SAID) } })
    const { status, body } = await summarise(person)
    assert.deepEqual([status, Object.keys(body).sort()], [202, ['job_id', 'status']])
    const { result, task_name, priority } = await job(body.job_id)
    assert.deepEqual([task_name, priority, result.outcome, result.covered_sequence], ['ai.summary', 90, 'summarised', 4])
    const { attributes } = await lead(person.id)
    const { at, covered_at, conversation_id, covered_sequence, ...told } = attributes.ai_summary
    assert.deepEqual([told, covered_sequence, conversation_id], [{ ...SAID, insights: undefined }, 4, result.conversation_id].map(x => JSON.parse(JSON.stringify(x))))
    assert.ok(Date.parse(at) && Date.parse(covered_at))
    assert.deepEqual(attributes.insights, { budget: '500 euros', decision_maker: 'herself' })
    assert.equal((await eventsOf(person.id)).filter(type => type === 'lead.summarised').length, 1)
    const asked = (await calls()).filter(call => call.status === 200).at(-1)
    const prompt = JSON.stringify(asked.messages)
    assert.match(prompt, /Customer: I want a red bicycle/)
    assert.match(prompt, /Assistant: Reply #/)
    assert.equal((await summarise(person)).body.job_id, body.job_id) // nothing new was said
    const own = [await summarise(person, { 'Idempotency-Key': `k-${person.id}` }), await summarise(person, { 'Idempotency-Key': `k-${person.id}` })]
    assert.equal(own[0].body.job_id, own[1].body.job_id)
    assert.notEqual(own[0].body.job_id, body.job_id)
    await job(own[0].body.job_id)
  })

test('nobody, and a lead of nobody knows whom, has no summary', async () => {
  const unknown = await parley.post(`/leads/${randomUUID()}/summary`)
  assert.deepEqual([unknown.status, unknown.body.code], [404, 'unknown_lead'])
  const wrong = await parley.post('/leads/x/bumpup')
  assert.deepEqual([wrong.status, wrong.body.code], [404, 'unknown_lead'])
  const field = await parley.post(`/leads/${randomUUID()}/summary`, { idempotency_key: 'x' })
  assert.deepEqual([field.status, field.body.code], [422, 'unknown_field'])
})

test('what can not be read as a summary is asked for once more in the same run, and too long a one is cut', async () => {
  const person = await chat('Do you open on Sunday?', 'Thanks')
  const before = (await calls()).length
  await parley.faults({ llm: { reply: 'Sure, here you are: they talked.', count: 1 } })
  const repaired = await job((await summarise(person)).body.job_id)
  assert.deepEqual([repaired.attempt_log.length, (await calls()).length - before], [1, 2])
  assert.match((await lead(person.id)).attributes.ai_summary.summary, /It was said twice\.$/)
  await parley.faults({ llm: { reply: JSON.stringify({ ...SAID, summary: 'One is. Two is. Three is. Four is. Five is. Six is.' }) } })
  await job((await summarise(person, { 'Idempotency-Key': randomUUID() })).body.job_id)
  assert.equal((await lead(person.id)).attributes.ai_summary.summary, 'One is. Two is. Three is. Four is. Five is.')
})

test('without a model the summary is made of what the customer wrote', async () => {
  const person = await chat('My budget is 700 dollars. I live in Dhaka.', 'The last one was broken, I am angry!')
  await use('local', 'local')
  await job((await summarise(person)).body.job_id)
  const { ai_summary: told, insights } = (await lead(person.id)).attributes
  assert.match(told.summary, /^The customer began with "My budget is 700 dollars/)
  assert.deepEqual([told.sentiment, told.next_action], ['negative', 'Wait for the customer, or follow up.'])
  assert.ok(told.key_points.includes('My budget is 700 dollars.'), told.key_points.join())
  assert.deepEqual(insights, { budget: 'My budget is 700 dollars.' })
})

test('a fact that was told a hundred messages ago is in the prompt', async () => {
  await use('local', 'local')
  const person = await chat('My order number is 8812-XK and I live in Dhaka.', ...Array.from({ length: 52 }, (_, n) => `And then, what about thing ${n}?`))
  const remembered = await until('the memory', async () => (await parley.postgres.rows(
    'select c.last_position::int as last, c.remembered_position::int as remembered from crm.conversations c where lead_id = $1', [person.id]))
    .find(({ last, remembered }) => last - remembered < 30))
  assert.ok(remembered.last > 100, JSON.stringify(remembered))
  const next = await job((await parley.inbound(`+${person.to}`, 'Where is it?')).body.job_id)
  const prompt = await parley.postgres.value('select prompt from crm.turns where job_id = $1', [next.id])
  const holds = prompt.messages.filter(({ content }) => content.includes('8812-XK'))
  assert.deepEqual(holds.map(({ role }) => role), ['user'])
  assert.match(holds[0].content, /^\[what was said before, in short\] My order number is 8812-XK and I live in Dhaka\./)
  assert.ok(prompt.messages.length <= 44, // system, name, memory, forty lines and the question
    `${prompt.messages.length}`)
})

test('a silent conversation is summed up by itself, and so is one that a person has handed back', async () => {
  const person = await chat('One question', 'Two questions')
  await parley.postgres.rows(`update crm.messages set created_at = created_at - interval '61 minutes' where lead_id = $1`, [person.id])
  await parley.postgres.rows('update crm.conversations set silence_at = $2 where lead_id = $1', [person.id, new Date()])
  const told = await until('the summary', async () => (await lead(person.id)).attributes.ai_summary)
  assert.equal(told.covered_sequence, 4)
  await parley.post('/api/v1/takeover', { phone: person.to })
  await parley.post('/api/v1/operator-message', { phone: person.to, message: 'A person here.' })
  await parley.post('/api/v1/handback', { phone: person.to })
  await until('the next summary', async () => (await lead(person.id)).attributes.ai_summary.covered_sequence === 5)
})

test('a conversation in which only people answered is summed up after its silence, too', async () => {
  const person = await chat('One question', 'Two questions')
  await parley.post('/api/v1/takeover', { phone: person.to })
  await parley.postgres.rows('update crm.conversations set silence_at = null where lead_id = $1', [person.id]) // as if the AI had never answered
  await parley.post('/api/v1/operator-message', { phone: person.to, message: 'A person here.' })
  const armed = () => parley.postgres.value('select silence_at from crm.conversations where lead_id = $1', [person.id])
  assert.ok(await armed() > new Date())
  await parley.postgres.rows(`update crm.messages set created_at = created_at - interval '61 minutes' where lead_id = $1`, [person.id])
  await parley.postgres.rows('update crm.conversations set silence_at = $2 where lead_id = $1', [person.id, new Date()])
  await until('the summary', async () => (await lead(person.id)).attributes.ai_summary?.covered_sequence === 5)
})

// -- bump-ups

const words = (count, from = 0) => `${Array.from({ length: count - 1 }, (_, n) => `word${from + n}`).join(' ')} please?`
const consents = (person, entry, headers) => parley.post(`/leads/${person.id}/consents`, entry, headers)
const consent = async person => assert.equal((await consents(person, { scope: 'marketing', granted: true, source: 'sign-up form' })).status, 201)
const awake = () => parley.postgres.rows("update crm.companies set quiet_from = '00:00', quiet_to = '24:00'")
const bump = async (person, headers) => parley.post(`/leads/${person.id}/bumpup`, undefined, headers)
async function willing(...texts) {
  const person = await chat(...texts)
  await consent(person)
  await awake()
  return person
}

test('a bump-up goes out by WhatsApp as the model wrote it, and there is no second one before the next answer', async () => {
  const person = await willing('I want a red bicycle')
  await parley.faults({ llm: { reply: `"${words(35)}"` } })
  const { status, body } = await bump(person)
  assert.equal(status, 202)
  const { result } = await job(body.job_id)
  assert.equal(result.outcome, 'committed')
  const sent = await parley.sentCount(2, person.to)
  assert.deepEqual([sent[1].type, sent[1].text], ['text', words(35)])
  const { attributes } = await lead(person.id)
  assert.ok(Date.parse(attributes.last_bumpup_at))
  assert.equal((await eventsOf(person.id)).filter(type => type === 'lead.bumped').length, 1)
  const [row] = await parley.postgres.rows('select * from crm.ai_messages where id = $1', [result.message_id])
  assert.deepEqual([row.message_type, row.model, row.safety_checks.safe], ['bumpup', 'gpt-4o-mini', true])
  const why = (await parley.get(`/messages/${result.message_id}/why`)).body
  assert.deepEqual([why.model, why.verdicts.at(-1).verdict], ['gpt-4o-mini', 'go'])
  assert.match(JSON.stringify(why.prompt), /I want a red bicycle/)
  const again = await job((await bump(person, { 'Idempotency-Key': randomUUID() })).body.job_id)
  assert.deepEqual([again.result.outcome, again.result.reason], ['dropped', 'bumped_already'])
})

test('words that will not do are written again, with what was wrong; after the third time nothing is sent', async () => {
  const person = await willing('Hello')
  await parley.faults({ llm: { reply: words(29), count: 1 } })
  await parley.faults({ llm: { reply: words(41), count: 3 } })
  const { result } = await job((await bump(person)).body.job_id)
  assert.deepEqual([result.outcome, result.reason], ['dropped', 'unsuitable'])
  const asked = await calls()
  assert.match(JSON.stringify(asked.at(-1).messages), /can't be used: it has 41 words; write 30 to 40/)
  await parley.faults({ llm: { reply: words(40), count: 1 } })
  const good = await job((await bump(person, { 'Idempotency-Key': randomUUID() })).body.job_id)
  assert.equal(good.result.outcome, 'committed')
  await parley.sentCount(2, person.to)

  await job((await parley.inbound(`+${person.to}`, 'Oh, hello')).body.job_id)
  await parley.sentCount(3, person.to)
  await parley.faults({ llm: { reply: words(38) } }) // nearly the bump-up before
  const alike = await job((await bump(person)).body.job_id)
  assert.deepEqual([alike.result.outcome, alike.result.reason], ['dropped', 'unsuitable'])
  await parley.faults({ llm: { reply: `${words(30, 100)} See https://evil.example/x` } })
  const unsafe = await job((await bump(person, { 'Idempotency-Key': randomUUID() })).body.job_id)
  assert.deepEqual([unsafe.result.outcome, unsafe.result.reason], ['dropped', 'unsafe'])
  const refused = (await parley.get(`/safety/refusals?lead_id=${person.id}`)).body.items // what was wrong, never what it said
  assert.deepEqual(refused.map(({ job_id, turn_id, verdict, model }) => [job_id, turn_id, verdict.failed, model]), Array(3).fill([unsafe.id, undefined, ['links'], 'gpt-4o-mini']))
  assert.equal((await parley.sent(person.to)).length, 3)
})

test("the company's own rules and its moderation hold for bump-ups, too", async () => {
  const policy = async ai_policy => assert.equal((await parley.send('PATCH', '/company', { ai_policy })).status, 200)
  const person = await willing('Hello')
  const outcome = async reply => {
    await parley.faults({ llm: { provider: 'openai', reply } })
    const { result } = await job((await bump(person, { 'Idempotency-Key': randomUUID() })).body.job_id)
    return [result.outcome, result.reason]
  }
  await policy({ safety: { forbidden: ['word7 word8'] } })
  assert.deepEqual(await outcome(words(35)), ['dropped', 'unsafe'])
  await policy({ safety: { moderation: 'openai' } })
  assert.deepEqual(await outcome(`sim-flagged ${words(34)}`), ['dropped', 'unsafe'])
  assert.deepEqual(await outcome(words(35, 200)), ['committed', undefined])
  const [{ safety_checks: verdict }] = await parley.postgres.rows('select safety_checks from crm.bumpups where lead_id = $1', [person.id])
  assert.deepEqual([verdict.safe, verdict.checks.at(-1)], [true, 'moderation'])
  assert.equal((await parley.sentCount(2, person.to)).length, 2)
  await policy({})
})

test('who wants no marketing, has just written or belongs to a person is left alone', async () => {
  const reason = async person => (await job((await bump(person, { 'Idempotency-Key': randomUUID() })).body.job_id)).result.reason
  const person = await chat('Hello')
  assert.equal(await reason(person), 'no_consent')
  await consent(person)
  await parley.post('/api/v1/takeover', { phone: person.to })
  assert.equal(await reason(person), 'human_owner')
  const other = await willing('Hello')
  await parley.faults({ llm: { reply: words(33), latency_ms: 400 } })
  const { body } = await bump(other)
  await until('the call', async () => (await parley.sim('/_sim/count')).llm_in_flight > 0)
  await parley.inbound(`+${other.to}`, 'I was just about to write')
  const { result } = await job(body.job_id)
  assert.deepEqual([result.outcome, result.reason], ['dropped', 'not_silent'])
})

test('what a person allows is a ledger: who recorded which proof when; the newest word counts, also for what waits to leave', async () => {
  const person = await chat('Hello'), at = minutes => new Date(Date.now() - minutes * 60000).toISOString()
  await awake()
  const form = { scope: 'marketing', granted: true, channel: 'whatsapp_cloud', source: 'sign-up form', text_version: 'v3', proof: 'I want offers by WhatsApp.', given_at: at(60), operator: 'ana' }
  const made = await consents(person, form, { 'Idempotency-Key': `form-${person.id}` })
  const { id, created_at, ...told } = made.body
  assert.deepEqual([made.status, told], [201, { ...form, operator: undefined, lead_id: person.id, recorded_by: 'ana' }].map(x => JSON.parse(JSON.stringify(x))))
  assert.ok(Date.parse(created_at))
  assert.equal((await consents(person, form, { 'Idempotency-Key': `form-${person.id}` })).body.id, id)
  const other = await consents(person, { ...form, granted: false }, { 'Idempotency-Key': `form-${person.id}` })
  assert.deepEqual([other.status, other.body.code], [422, 'idempotency_mismatch'])
  assert.deepEqual((await lead(person.id)).consent, { marketing: true })

  const far = (new Date().getUTCHours() + 11) % 23, clock = hour => `${String(hour).padStart(2, '0')}:00`
  await parley.postgres.rows('update crm.companies set quiet_from = $1, quiet_to = $2', [clock(far), clock(far + 1)]) // it waits for hours
  await parley.faults({ llm: { reply: words(35) } })
  const { result } = await job((await bump(person)).body.job_id)
  assert.equal(result.outcome, 'committed')
  const withdrawn = await consents(person, { scope: 'marketing', granted: false, source: 'phone call', given_at: at(10) })
  assert.equal(withdrawn.status, 201)
  await consents(person, { scope: 'marketing', granted: true, source: 'an older list', given_at: at(120) }) // recorded late, said before
  await consents(person, { scope: 'transactional', granted: true, source: 'contract' })
  assert.deepEqual((await lead(person.id)).consent, { marketing: false, transactional: true })
  await awake()
  const again = await parley.post('/jobs', { task: 'channel.send.whatsapp_cloud', params: { message_id: result.message_id } })
  assert.deepEqual((await job(again.body.job_id)).result.reason, 'no_consent')
  assert.equal((await parley.get(`/messages/${result.message_id}`)).body.status, 'cancelled')

  const page = (await parley.get(`/leads/${person.id}/consents?limit=3`)).body
  assert.deepEqual(page.items.map(({ scope, granted, source }) => [scope, granted, source]),
    [['transactional', true, 'contract'], ['marketing', true, 'an older list'], ['marketing', false, 'phone call']])
  assert.deepEqual((await parley.get(`/leads/${person.id}/consents?limit=3&cursor=${page.next_cursor}`)).body.items.map(entry => entry.id), [id])
  const events = await parley.postgres.rows("select actor, payload from crm.events where lead_id = $1 and type = 'lead.consent_changed' order by n", [person.id])
  assert.deepEqual(events.map(({ actor, payload }) => [actor, payload.scope, payload.granted, payload.counts]),
    [['operator:ana', 'marketing', true, true], ['operator:operator', 'marketing', false, true], ['operator:operator', 'marketing', true, false],
      ['operator:operator', 'transactional', true, true]])
})

test('what is no consent is refused by name and changes nothing', async () => {
  const person = await chat('Hello'), good = { scope: 'marketing', granted: true, source: 'form' }
  const refused = async (entry, status, code, whose = person) => {
    const answer = await consents(whose, entry)
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(entry))
  }
  for (const missing of ['scope', 'granted', 'source']) await refused({ ...good, [missing]: undefined }, 422, 'missing_field')
  await refused({ ...good, scope: 'everything' }, 422, 'bad_value')
  await refused({ ...good, channel: 'pigeon' }, 422, 'bad_value')
  await refused({ ...good, given_at: new Date(Date.now() + 3600000).toISOString() }, 422, 'bad_value')
  await refused({ ...good, proof: 'x'.repeat(16 * 1024 + 1) }, 422, 'too_long')
  await refused(good, 404, 'unknown_lead', { id: randomUUID() })
  assert.deepEqual((await parley.get(`/leads/${person.id}/consents`)).body, { items: [], next_cursor: null })
  assert.deepEqual((await lead(person.id)).consent, {})
})

test('without a model there are words for it too, and each time others', async () => {
  const person = await willing('Hello')
  await use('local', 'local')
  await job((await bump(person)).body.job_id)
  const sent = await parley.sentCount(2, person.to)
  const count = sent[1].text.split(/\s+/).length
  assert.ok(count >= 30 && count <= 40, `${count}: ${sent[1].text}`)
})

test('after three silent days it leaves by the approved template, by itself', async () => {
  const person = await willing('I want a red bicycle')
  const template = randomUUID()
  await parley.postgres.rows(`insert into crm.templates (id, company_id, channel, name, language, external_name, text, placeholders, state, created_at, updated_at)
    values ($1, $2, 'whatsapp_cloud', 'bump', 'en_US', 'order_update', 'Hi {{name}}! {{2}}', '{name,text}', 'approved', now(), now())`, [template, company])
  assert.equal((await parley.send('PATCH', '/company', { bumpup_template_id: template })).body.bumpup_template_id, template)
  await parley.faults({ llm: { reply: words(36) } })
  await parley.postgres.rows(`update crm.messages set created_at = created_at - interval '3 days' where lead_id = $1`, [person.id])
  await parley.postgres.rows(`update crm.conversations set window_ends_at = window_ends_at - interval '3 days', silence_at = $2 where lead_id = $1`, [person.id, new Date()])
  const sent = await parley.sentCount(2, person.to)
  assert.deepEqual([sent[1].type, sent[1].template?.name ?? sent[1].template], ['template', 'order_update'])
  const [message] = (await parley.get(`/leads/${person.id}/messages`)).body.items
  assert.deepEqual([message.message_text, message.template_id, message.extra_metadata], [`Hi Test User! ${words(36)}`, template, { template_params: ['Test User', words(36)] }])
  const cleared = (await parley.send('PATCH', '/company', { bumpup_template_id: '', summary_after_minutes: 90 })).body
  assert.deepEqual([cleared.bumpup_template_id, cleared.summary_after_minutes], [undefined, 90])
  for (const wrong of [{ bumpup_template_id: randomUUID() }, { bumpup_template_id: 'x' }, { summary_after_minutes: 10081 }]) {
    const { status, body } = await parley.send('PATCH', '/company', wrong)
    assert.deepEqual([status, body.code], [422, 'bad_value'])
  }
})

test('what it costs is counted, and with the budget used up no model is asked', async () => {
  const usage = async () => (await parley.get('/usage')).body.items.reduce((sum, { calls, failed }) => [sum[0] + calls, sum[1] + failed], [0, 0])
  const person = await willing('Hello', 'Hello again')
  const [calls0, failed0] = await usage()
  await job((await summarise(person)).body.job_id)
  await parley.faults({ llm: { reply: words(29) } })
  await job((await bump(person)).body.job_id)
  assert.deepEqual(await until('the count', async () => {
    const [made, vain] = await usage()
    return made - calls0 === 4 && [made - calls0, vain - failed0]
  }), [4, 3]) // a summary, and three times words that would not do
  const settings = async budgets => assert.equal((await parley.send('PATCH', '/company', { budgets })).status, 200)
  await settings({ conversation: { tokens_per_day: 1 } }) // from now on it is counted by conversation
  await parley.faults({ llm: null })
  const again = async ask => (await job((await ask(person, { 'Idempotency-Key': randomUUID() })).body.job_id)).result
  assert.equal((await again(summarise)).outcome, 'summarised')
  const before = (await calls()).length
  assert.deepEqual(await again(summarise).then(({ outcome, reason }) => [outcome, reason]), ['nothing', 'budget_conversation'])
  assert.deepEqual(await again(bump).then(({ outcome, reason }) => [outcome, reason]), ['dropped', 'budget_conversation'])
  assert.equal((await calls()).length, before)
  await settings({})
})

test('summary and ai-engage killed in the middle: told once, sent once', async () => {
  const [told, bumped] = [await chat('One', 'Two'), await willing('Hello')]
  await parley.faults({ llm: { reply: words(34), latency_ms: 600 } })
  const bumpJob = (await bump(bumped)).body.job_id
  const summaryJob = (await summarise(told)).body.job_id
  await until('both calls', async () => (await parley.sim('/_sim/count')).llm_in_flight >= 2)
  for (const service of [parley.service('ai-engage'), parley.service('summary'), second]) service.signal('SIGKILL')
  await parley.faults({ llm: { reply: words(34) } })
  await parley.service('ai-engage').start()
  await job(bumpJob)
  await parley.faults({ llm: null })
  await parley.service('summary').start()
  await job(summaryJob)
  assert.equal((await parley.sentCount(2, bumped.to)).length, 2)
  assert.equal((await parley.postgres.rows('select id from crm.bumpups where lead_id = $1', [bumped.id])).length, 1)
  assert.equal((await eventsOf(told.id)).filter(type => type === 'lead.summarised').length, 1)
})
