// A company chooses its models over REST: every prompt keeps its version, a budget ends in a person.
import test, { before, after, beforeEach } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Parley } from '../support/parley.mjs'
import { until } from '../support/process.mjs'

let parley, company, phone = 15005580000
before(async () => {
  parley = await Parley.start({ env: { JOB_LADDER_MS: Array(5).fill(300).join() } })
  await answered(next())
  company = await parley.postgres.value('select id from crm.companies')
})
after(() => parley?.stop())
beforeEach(async () => {
  await parley.sim('/_sim/reset', {})
  for (const { id } of (await parley.get('/ai-models')).body.items) await parley.send('DELETE', `/ai-models/${id}`)
})

const next = () => `+${++phone}`
const job = async (id, status) => until(`job ${id} to be ${status}`, async () => {
  const { body } = await parley.get(`/jobs/${id}`)
  return body.status === status && body
})
const answered = async (to, text = 'hello?') => job((await parley.inbound(to, text)).body.job_id, 'completed')
const add = async (more = {}, headers) => {
  const { status, body } = await parley.post('/ai-models', { provider: 'openai', model: 'gpt-4o-mini', ...more }, headers)
  assert.equal(status, 201, JSON.stringify(body))
  return body
}
const refused = async (answer, status, code) => {
  const { status: got, body } = await answer
  assert.deepEqual([got, body.code], [status, code], JSON.stringify(body))
}
const stages = () => parley.postgres.rows('select id, name from crm.stages where company_id = $1 order by position', [company])
const eventsOf = async id => (await parley.postgres.rows('select type, payload from crm.events where entity_id = $1 order by xid, n', [id]))

test('a model is added with what is not said by default, shown, listed, changed under its version, removed', async () => {
  const made = await add()
  assert.deepEqual({ ...made, id: 0, created_at: 0, updated_at: 0, prompt_version: 0 }, {
    id: 0, position: 0, provider: 'openai', model: 'gpt-4o-mini', temperature: 0.7, max_tokens: 500, system_prompt: '', prompt_version: 0, version: 1, created_at: 0, updated_at: 0,
  })
  const second = await add({ provider: 'gemini', model: 'gemini-2.5-flash' })
  assert.equal(second.position, 1)
  assert.deepEqual((await parley.get('/ai-models')).body.items.map(({ id }) => id), [made.id, second.id])
  const shown = await parley.get(`/ai-models/${made.id}`)
  assert.deepEqual([shown.body, shown.headers.get('etag')], [{ ...made, status: { state: 'available' } }, '"1"'])
  const changed = await parley.send('PATCH', `/ai-models/${made.id}`, { temperature: 0, max_tokens: 100 }, { 'if-match': '"1"' })
  assert.deepEqual([changed.status, changed.body.temperature, changed.body.max_tokens, changed.body.version, changed.headers.get('etag')], [200, 0, 100, 2, '"2"'])
  assert.equal(changed.body.prompt_version, made.prompt_version)
  await refused(parley.send('PATCH', `/ai-models/${made.id}`, { position: 7 }, { 'if-match': '"1"' }), 412, 'stale_version')
  await refused(parley.send('DELETE', `/ai-models/${made.id}`, undefined, { 'if-match': '"1"' }), 412, 'stale_version')
  assert.equal((await parley.send('DELETE', `/ai-models/${made.id}`, undefined, { 'if-match': '"2"' })).status, 200)
  await refused(parley.get(`/ai-models/${made.id}`), 404, 'unknown_ai_model')
  assert.deepEqual((await eventsOf(made.id)).map(({ type }) => type), ['ai_model.created', 'ai_model.updated', 'ai_model.deleted'])
})

test('what is wrong is refused by its member and changes nothing', async () => {
  const made = await add()
  const post = more => parley.post('/ai-models', { provider: 'openai', model: 'gpt-4o-mini', ...more })
  await refused(post({ provider: 'acme' }), 422, 'bad_value')
  await refused(post({ provider: undefined }), 422, 'missing_field')
  await refused(post({ model: '' }), 422, 'bad_value')
  await refused(post({ temperature: 2.1 }), 422, 'bad_value')
  await refused(post({ max_tokens: 0 }), 422, 'bad_value')
  await refused(post({ stage_id: randomUUID() }), 422, 'unknown_stage')
  await refused(post({ position: 0 }), 409, 'conflict')
  await refused(post({ id: randomUUID() }), 422, 'unknown_field')
  await refused(post({ system_prompt: 'x'.repeat(64 * 1024 + 1) }), 422, 'too_long')
  await refused(parley.send('PATCH', `/ai-models/${randomUUID()}`, { position: 1 }), 404, 'unknown_ai_model')
  await refused(parley.get('/ai-models/7'), 404, 'unknown_ai_model')
  await refused(parley.get('/ai-prompts/99999'), 404, 'unknown_prompt')
  assert.deepEqual((await parley.get('/ai-models')).body.items, [{ ...made, status: { state: 'available' } }])
})

test('the same Idempotency-Key makes one model, and with another body none', async () => {
  const key = { 'idempotency-key': randomUUID() }
  const [one, two] = [await add({ system_prompt: 'Be kind.' }, key), await add({ system_prompt: 'Be kind.' }, key)]
  assert.deepEqual(one, two)
  await refused(parley.post('/ai-models', { provider: 'openai', model: 'other' }, key), 422, 'idempotency_mismatch')
  assert.equal((await parley.get('/ai-models')).body.items.length, 1)
})

test('each change of a prompt is a new version; the one that was used stands with the reply and is found again, also when the model is gone', async () => {
  const { id, prompt_version: first } = await add({ system_prompt: 'You are Bob.' })
  const to = next()
  await answered(to)
  await parley.sentCount(1, to.slice(1))
  const same = (await parley.send('PATCH', `/ai-models/${id}`, { system_prompt: 'You are Bob.' })).body
  assert.equal(same.prompt_version, first)
  const { prompt_version: second } = (await parley.send('PATCH', `/ai-models/${id}`, { system_prompt: 'You are Eve.' })).body
  assert.ok(second > first)
  await answered(to, 'and now?')
  const other = await add({ position: 5, system_prompt: 'You are Max.' })
  assert.ok(other.prompt_version > second, 'a number is the company\'s')

  const used = await parley.postgres.rows('select prompt_version from crm.turns t join crm.leads l on l.id = t.lead_id where l.phone_number = $1 order by t.created_at', [to])
  assert.deepEqual(used.map(row => row.prompt_version), [first, second])
  assert.match((await parley.sim('/_sim/llm')).at(-1).messages[0].content, /^You are Eve\./)
  const page = (await parley.get(`/ai-models/${id}/prompts?limit=1`)).body
  assert.deepEqual(page.items.map(item => [item.version, item.system_prompt]), [[second, 'You are Eve.']])
  const rest = (await parley.get(`/ai-models/${id}/prompts?limit=1&cursor=${page.next_cursor}`)).body
  assert.deepEqual([rest.items.map(item => item.version), rest.next_cursor], [[first], null])
  await parley.send('DELETE', `/ai-models/${id}`)
  assert.deepEqual([(await parley.get(`/ai-prompts/${first}`)).body.system_prompt, (await parley.get(`/ai-models/${id}/prompts`)).body.items.length], ['You are Bob.', 2])
})

test('a stage has models of its own, which are asked before the company\'s', async () => {
  const [stage] = await stages()
  await add({ model: 'gpt-4o' })
  const own = await add({ model: 'gpt-4o-mini', stage_id: stage.id })
  assert.deepEqual([own.position, own.stage_id], [0, stage.id])
  const { items } = (await parley.get('/ai-models')).body
  assert.deepEqual(items.map(({ model }) => model), ['gpt-4o-mini', 'gpt-4o'])
  assert.deepEqual((await parley.get(`/ai-models?stage_id=${stage.id}`)).body.items, [{ ...own, status: { state: 'available' } }])
  assert.equal((await answered(next())).result.model, 'gpt-4o-mini')
})

test('another company sees and changes none of them', async () => {
  const { id } = await add({ system_prompt: 'Secret.' })
  const { body: other } = await parley.post('/companies', { name: 'Others' })
  const at = `?company_id=${other.id}`
  assert.deepEqual((await parley.get(`/ai-models${at}`)).body.items, [])
  await refused(parley.get(`/ai-models/${id}${at}`), 404, 'unknown_ai_model')
  await refused(parley.get(`/ai-models/${id}/prompts${at}`), 404, 'unknown_ai_model')
  await refused(parley.send('PATCH', `/ai-models/${id}${at}`, { position: 3 }), 404, 'unknown_ai_model')
  await refused(parley.send('DELETE', `/ai-models/${id}${at}`), 404, 'unknown_ai_model')
  const [stage] = await stages()
  await refused(parley.post(`/ai-models${at}`, { provider: 'local', model: 'local', stage_id: stage.id }), 422, 'unknown_stage')
})

// -- what they cost
const settings = async more => {
  const { status, body } = await parley.send('PATCH', '/company', more)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}
const usage = async (query = '') => (await parley.get(`/usage?${query}`)).body.items ?? []
const PRICES = [
  { provider: 'openai', input_per_million: 1, output_per_million: 1 },
  { provider: 'openai', model: 'gpt-4o', input_per_million: 1000, output_per_million: 2000 },
]
const escalated = async to => (await parley.postgres.rows(
  'select c.owner, c.escalation_reason as reason from crm.conversations c join crm.leads l on l.id = c.lead_id where l.phone_number = $1', [to]))[0]
const reached = () => parley.postgres.rows(`select payload from crm.events where type = 'budget.reached' order by xid, n`)
  .then(rows => rows.map(({ payload }) => payload.scope))

test('what the models used is counted by day, provider and model, with money where there is a price; failed calls too', async () => {
  await settings({ budgets: { prices: PRICES } })
  await add({ model: 'gpt-4o-mini' })
  const used = async () => (await usage('group=model')).find(({ model }) => model === 'gpt-4o-mini') ?? { calls: 0, failed: 0, prompt_tokens: 0, completion_tokens: 0, cost: 0 }
  const before = await used()
  await answered(next())
  await parley.faults({ llm: { reply: '   ', count: 1 } }) // paid for, and empty
  await answered(next())
  const line = await until('both to be counted', async () => {
    const now = await used()
    return now.calls === before.calls + 3 && now
  })
  assert.equal(line.failed, before.failed + 1)
  const [prompt, completion] = [line.prompt_tokens - before.prompt_tokens, line.completion_tokens - before.completion_tokens]
  const turns = await parley.postgres.rows('select prompt_tokens, completion_tokens from crm.turns order by committed_at desc limit 2')
  assert.ok(prompt > turns[0].prompt_tokens + turns[1].prompt_tokens && completion >= turns[0].completion_tokens + turns[1].completion_tokens, `${prompt} ${completion}`)
  assert.ok(Math.abs(line.cost - before.cost - (prompt * 1000 + completion * 2000) / 1e6) < 1e-6, `${line.cost}`) // the longest name counts
  const today = new Date().toISOString().slice(0, 10)
  const [day] = await usage(`group=day&from=${today}&to=${today}`)
  const [all] = await usage()
  assert.deepEqual([day.day, day.calls, day.prompt_tokens], [today, all.calls, all.prompt_tokens])
  assert.deepEqual((await usage('group=provider')).map(({ provider }) => provider), ['openai'])
  assert.deepEqual(await usage('from=2020-01-01&to=2020-01-31'), [])
  for (const day of ['2020-02-31', '2020-02-03x', '0000-01-01', '2020-02-03T00:00:00Z'])
    await refused(parley.get(`/usage?from=${day}`), 422, 'bad_value')
  await refused(parley.get('/usage?from=2026-02-02&to=2026-02-01'), 422, 'bad_value')
  await refused(parley.get('/usage?group=lead'), 422, 'bad_value')
})

test('what an answer took besides is counted: its moderation, a summary, a call that was cut off', async () => {
  await add({ model: 'gpt-4o-mini' })
  const lines = async () => Object.fromEntries((await usage('group=model')).map(line => [line.model, line]))
  const none = { calls: 0, failed: 0, prompt_tokens: 0 }, before = await lines()
  const counted = async (model, calls, failed) => until(`${calls} calls of ${model}, ${failed} failed`, async () => {
    const now = (await lines())[model] ?? none, then = before[model] ?? none
    return now.calls - then.calls === calls && now.failed - then.failed === failed && now
  })
  await settings({ ai_policy: { safety: { moderation: 'openai' } } })
  const to = next()
  await answered(to)
  await settings({ ai_policy: {} })
  assert.equal((await counted('omni-moderation-latest', 1, 0)).prompt_tokens, 0)
  await counted('gpt-4o-mini', 1, 0)
  const { id } = (await parley.get(`/leads?phone=${encodeURIComponent(to)}`)).body.items[0]
  const summary = (await parley.post(`/leads/${id}/summary`)).body.job_id
  await until('the summary to have been asked for', async () => (await parley.sim('/_sim/llm')).filter(call => call.provider === 'openai').length > 1)
  await job(summary, 'completed')
  const asked = (await parley.sim('/_sim/llm')).filter(call => call.provider === 'openai').length // an answer that is no summary is asked for once more
  await counted('gpt-4o-mini', asked, asked - 2)
  await parley.faults({ llm: { latency_ms: 20000 } })
  const { body } = await parley.inbound(to, 'and then?')
  await until('the call to be under way', async () => (await parley.sim('/_sim/llm')).filter(call => call.provider === 'openai').length > asked)
  await parley.post('/api/v1/takeover', { phone: to })
  await job(body.job_id, 'completed')
  await counted('gpt-4o-mini', asked + 1, asked - 1)
})

test('a conversation whose budget is used up goes to a person before the model is asked, who is told why; the event comes once', async () => {
  const to = next()
  await settings({ budgets: { conversation: { tokens_per_day: 1 } } })
  await answered(to)
  await parley.sentCount(1, to.slice(1))
  const { result } = await answered(to, 'and now?')
  assert.equal(result.outcome, 'nothing')
  assert.deepEqual(await escalated(to), { owner: 'human', reason: 'budget_conversation' })
  assert.match((await parley.sentCount(2, to.slice(1)))[1].text, /colleague|person|team/i) // the customer is told
  await parley.post('/api/v1/handback', { phone: to })
  await answered(to, 'are you there?') // still used up: a person again
  await until('a person again', async () => (await escalated(to)).owner === 'human')
  assert.equal(await parley.postgres.value('select count(*)::int from crm.turns t join crm.leads l on l.id = t.lead_id where l.phone_number = $1', [to]), 1) // no other was opened
  assert.deepEqual(await reached(), ['conversation'])
  const other = next()
  await answered(other)
  assert.equal((await escalated(other)).owner, 'ai')
  await settings({ budgets: {} })
  await parley.post('/api/v1/handback', { phone: to })
  await answered(to, 'and without a budget?')
  assert.equal((await escalated(to)).owner, 'ai')
})

test('budgets of money, of a lead, of the company\'s day and month hold as well', async () => {
  for (const [budgets, reason] of [
    [{ lead: { money_per_day: 0.0001 }, prices: PRICES }, 'budget_lead'],
    [{ company: { tokens_per_day: 1 } }, 'budget_company_day'],
    [{ company: { money_per_month: 0.000001 }, prices: PRICES }, 'budget_company_month'],
  ]) {
    const to = next()
    await settings({ budgets: reason === 'budget_lead' ? budgets : {} })
    await answered(to)
    await settings({ budgets })
    await parley.sentCount(1, to.slice(1))
    await answered(to, 'and now?')
    assert.equal((await escalated(to)).reason, reason)
  }
  await settings({ budgets: {} })
})

test('settings of the models are refused when they are wrong, and shown as they are', async () => {
  const wrong = (more, code = 'bad_value') => refused(parley.send('PATCH', '/company', more), 422, code)
  await wrong({ ai_actions: ['dance'] })
  await wrong({ ai_actions: 'hand_over' })
  await wrong({ budgets: { lead: { tokens_per_month: 7 } } })
  await wrong({ budgets: { company: { tokens_per_day: -1 } } })
  await wrong({ budgets: { prices: [{ provider: 'acme', input_per_million: 1, output_per_million: 1 }] } })
  await wrong({ budgets: { planet: {} } }, 'unknown_field')
  const shown = await settings({ ai_actions: ['hand_over', 'note'], budgets: { company: { money_per_day: 2.5 }, prices: PRICES } })
  assert.deepEqual([shown.ai_actions, shown.budgets], [['hand_over', 'note'], { company: { money_per_day: 2.5 }, prices: PRICES }])
  assert.deepEqual((await settings({ ai_actions: ['hand_over'], budgets: {} })).ai_actions, ['hand_over'])
})
