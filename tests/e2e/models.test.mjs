// A company's row says which vendor's model answers it; each vendor is held to its own contract by the simulator.
import test, { before, after, beforeEach } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Parley, Service } from '../support/parley.mjs'
import { until } from '../support/process.mjs'

const LADDER_MS = 400
let parley, company
before(async () => {
  parley = await Parley.start({ env: { JOB_LADDER_MS: Array(5).fill(LADDER_MS).join() } })
  const { body } = await parley.inbound('+15005590000', 'hello')
  await job(body.job_id, 'completed')
  company = await parley.postgres.value('select id from crm.companies')
})
after(() => parley?.stop())
beforeEach(async () => {
  await parley.sim('/_sim/reset', {})
  await parley.postgres.rows('delete from crm.ai_models')
})

const job = async (id, status) => until(`job ${id} to be ${status}`, async () => {
  const { body } = await parley.get(`/jobs/${id}`)
  return body.status === status && body
})
const use = (provider, model, { position = 0, temperature = 0.2, prompt = 'You are Bob of Acme.' } = {}) => parley.postgres.rows(
  `insert into crm.ai_models (id, company_id, position, provider, model, temperature, max_tokens, system_prompt, prompt_version, created_at, updated_at)
   values ($1, $2, $3, $4, $5, $6, 300, $7, 7, now(), now())`, [randomUUID(), company, position, provider, model, temperature, prompt])
const calls = () => parley.sim('/_sim/llm')
const turnOf = async jobId => (await parley.postgres.rows('select * from crm.turns where job_id = $1', [jobId]))[0]
const writtenOf = async turn => (await parley.postgres.rows('select * from crm.ai_messages where id = $1', [turn.message_id]))[0]

// What each vendor's dialect makes of the same conversation.
const vendors = {
  anthropic: {
    model: 'claude-sonnet-4-6',
    system: ({ system }) => system,
    turns: ({ messages }) => messages.map(({ role, content }) => [role, content.map(({ text }) => text)]),
    assistant: 'assistant',
  },
  gemini: {
    model: 'gemini-2.0-flash',
    system: ({ system }) => system.parts.map(({ text }) => text).join(),
    turns: ({ messages }) => messages.map(({ role, parts }) => [role, parts.map(({ text }) => text)]),
    assistant: 'model',
  },
}

let phone = 15005590100
for (const [provider, vendor] of Object.entries(vendors)) {
  test(`a company that wants ${provider} gets its answers from there, with system prompt, history and usage in place`, async () => {
    const to = String(++phone)
    await use(provider, vendor.model)
    await parley.inbound(`+${to}`, 'first question')
    await parley.sentCount(1, to) // until it has left, a newer message would take it back
    const { result, id } = await job((await parley.inbound(`+${to}`, 'second question')).body.job_id, 'completed')
    assert.equal(result.model, vendor.model)
    const sent = await parley.sentCount(2, to)
    assert.deepEqual(sent.map(({ text }) => text), ['Reply #1 to "first question"', 'Reply #2 to "second question"'])

    const seen = await calls()
    assert.deepEqual(seen.map(call => [call.provider, call.model, call.status]), Array(2).fill([provider, vendor.model, 200]))
    assert.match(vendor.system(seen[1]), /^You are Bob of Acme\./)
    assert.deepEqual(vendor.turns(seen[1]), [
      ['user', ['[profile name] Test User', 'first question']],
      [vendor.assistant, ['Reply #1 to "first question"']],
      ['user', ['second question']],
    ])

    const turn = await turnOf(id)
    assert.deepEqual([turn.state, turn.provider, turn.model, turn.prompt_version], ['committed', provider, vendor.model, 7])
    assert.ok(turn.prompt_tokens > 0 && turn.completion_tokens > 0, `${turn.prompt_tokens} ${turn.completion_tokens}`)
    const written = await writtenOf(turn)
    assert.deepEqual([written.provider, written.model, written.prompt_tokens, written.completion_tokens],
      [provider, vendor.model, turn.prompt_tokens, turn.completion_tokens])
  })

  test(`${provider}: what the model thought is not for the customer`, async () => {
    const to = String(++phone)
    await use(provider, 'sim-thought')
    await parley.inbound(`+${to}`, 'hello?')
    const [{ text }] = await parley.sentCount(1, to)
    assert.equal(text, 'Reply #1 to "hello?"')
  })

  test(`${provider}: one that is overloaded is asked again, not before the time it told`, async () => {
    const to = String(++phone)
    await use(provider, vendor.model)
    await parley.faults({ llm: { provider, status: provider === 'anthropic' ? 529 : 503, retry_after: 1, count: 1 } })
    const { attempt_log } = await job((await parley.inbound(`+${to}`, 'hello?')).body.job_id, 'completed')
    assert.deepEqual(attempt_log.map(({ outcome, code }) => [outcome, code]), [['retry', 'overloaded'], ['completed', undefined]])
    const [first, second] = (await calls()).map(({ at }) => Date.parse(at))
    assert.ok(second - first >= 1000, `asked again after ${second - first} ms`) // the ladder alone would be sooner
    await parley.sentCount(1, to)
  })

  test(`${provider}: after a refusal a person takes over, and it is not tried again`, async () => {
    for (const model of ['sim-filter', 'sim-blocked']) {
      await parley.postgres.rows('delete from crm.ai_models')
      await use(provider, model)
      const before = (await calls()).length
      const { id, result } = await job((await parley.inbound(`+${++phone}`, 'hello?')).body.job_id, 'completed')
      assert.deepEqual([result.outcome, result.message_id, result.actions], ['committed', undefined, ['hand_over']])
      const { conversation_id } = await turnOf(id)
      const [talk] = await parley.postgres.rows('select owner, escalation_reason from crm.conversations where id = $1', [conversation_id])
      assert.deepEqual([talk.owner, talk.escalation_reason], ['human', 'refused'])
      assert.equal((await calls()).length, before + 1)
    }
  })

  test(`${provider}: a model that doesn't exist and an account without money go to the DLQ, each with its reason`, async () => {
    await use(provider, 'no-such-model')
    const unknown = await job((await parley.inbound(`+${++phone}`, 'hello?')).body.job_id, 'dlq')
    assert.deepEqual(unknown.attempt_log.map(({ code }) => code), ['model'])
    await parley.postgres.rows('delete from crm.ai_models')
    await use(provider, vendor.model)
    const code = provider === 'anthropic' ? 'enforced_spend_limit_reached' : 'GenerateRequestsPerDayPerProjectPerModel'
    await parley.faults({ llm: { status: 429, error: { code } } })
    const broke = await job((await parley.inbound(`+${++phone}`, 'hello?')).body.job_id, 'dlq')
    assert.deepEqual(broke.attempt_log.map(entry => entry.code), ['quota'])
    assert.match(broke.error_message, /HTTP 429/)
  })
}

test('the newest models of Anthropic, which think and refuse a temperature, answer as well', async () => {
  const to = String(++phone)
  await use('anthropic', 'claude-haiku-5-5', { temperature: 0.9 })
  const { id } = await job((await parley.inbound(`+${to}`, 'hello?')).body.job_id, 'completed')
  assert.equal((await turnOf(id)).model, 'claude-haiku-5-5')
  assert.equal((await parley.sentCount(1, to))[0].text, 'Reply #1 to "hello?"')
})

test('a wrong key goes to the DLQ with reason auth, whoever the vendor is; with the right one the replay is answered', async () => {
  const right = parley.service('ai-engage')
  const wrong = new Service('ai-engage', { ...parley.env, OPENAI_API_KEY: 'x', ANTHROPIC_API_KEY: 'x', GEMINI_API_KEY: 'x' })
  await right.stop()
  try {
    await wrong.start()
    for (const [provider, model] of [['openai', 'gpt-4o-mini'], ['anthropic', 'claude-sonnet-4-6'], ['gemini', 'gemini-2.0-flash']]) {
      await parley.postgres.rows('delete from crm.ai_models')
      await use(provider, model)
      const { attempt_log, id } = await job((await parley.inbound(`+${++phone}`, 'hello?')).body.job_id, 'dlq')
      assert.deepEqual([provider, ...attempt_log.map(({ outcome, code }) => [outcome, code])], [provider, ['dead', 'auth']])
      assert.equal((await turnOf(id)).state, 'open')
    }
  } finally {
    await wrong.end()
    await right.start()
  }
  await parley.post('/admin/dlq/replay', { max_jobs: 100 })
  await parley.sentCount(1, String(phone))
  await until('all jobs over', async () => {
    const { body } = await parley.get('/queue/stats')
    return body.queued + body.processing + body.failed === 0
  })
})

// From here on a company lists several models; no breaker has opened yet: ai-engage was started anew.
const asked = async (provider, status) => (await calls()).filter(call => call.provider === provider && call.status === status).length
const answer = async () => job((await parley.inbound(`+${++phone}`, 'hello?')).body.job_id, 'completed')

test('a vendor that is down: the next of the list answers within the same run, soon without asking the first, until a probe finds it well', async () => {
  await use('anthropic', 'claude-sonnet-4-6')
  await use('gemini', 'gemini-2.0-flash', { position: 1 })
  await parley.faults({ llm: { provider: 'anthropic', status: 529 } })
  for (let n = 1; n <= 5; n++) {
    const { result, attempt_log, id } = await answer()
    assert.deepEqual([result.model, attempt_log.length, (await turnOf(id)).provider], ['gemini-2.0-flash', 1, 'gemini'])
  }
  assert.deepEqual([await asked('anthropic', 529), await asked('gemini', 200)], [5, 5])
  await until('an answer without a call to the first', async () => { // a probe may come between
    const before = await asked('anthropic', 529)
    assert.equal((await answer()).result.model, 'gemini-2.0-flash')
    return await asked('anthropic', 529) === before
  })

  await parley.faults({ llm: null })
  await until('the first to answer again', async () => (await answer()).result.model === 'claude-sonnet-4-6')
  assert.equal((await answer()).result.model, 'claude-sonnet-4-6')
})

test('a vendor that cuts the connection: the next of the list answers within the same run, by its own prompt', async () => {
  await use('openai', 'sim-cut')
  await use('gemini', 'gemini-2.0-flash', { position: 1, prompt: 'You are Eve of Acme.' })
  const { attempt_log } = await answer()
  assert.equal(attempt_log.length, 1)
  const [first, second] = await calls()
  assert.deepEqual([first.provider, first.status, second.provider, second.status], ['openai', null, 'gemini', 200])
  assert.match(first.messages[0].content, /^You are Bob/)
  assert.match(vendors.gemini.system(second), /^You are Eve/)
})

test('with every model of the list in trouble the job is tried again if one of them may be well later', async () => {
  await use('openai', 'gpt-4o-mini')
  await use('gemini', 'no-such-model', { position: 1 })
  await parley.faults({ llm: { provider: 'openai', status: 500, count: 1 } })
  const { result, attempt_log } = await answer()
  assert.deepEqual(attempt_log.map(({ outcome, code }) => [outcome, code]), [['retry', 'model'], ['completed', undefined]])
  assert.equal(result.model, 'gpt-4o-mini')
})

test('a refusal is not taken to the next of the list', async () => {
  await use('openai', 'sim-filter')
  await use('gemini', 'gemini-2.0-flash', { position: 1 })
  const { result } = await job((await parley.inbound(`+${++phone}`, 'hello?')).body.job_id, 'completed')
  assert.deepEqual(result.actions, ['hand_over'])
  assert.equal(await asked('gemini', 200), 0)
})

// What a model does beside its text.
const HAND_OVER = [{ type: 'hand_over', reason: 'The customer is upset.', urgency: 'high' }]
const contract = { openai: 'gpt-4o-mini', anthropic: 'claude-haiku-5-5', gemini: 'gemini-2.5-flash' }
const replyTo = async to => (await parley.sentCount(1, to))[0].text

for (const [provider, model] of Object.entries(contract))
  test(`${provider} is asked for reply and actions in its own format; the customer reads the reply alone`, async () => {
    await use(provider, model)
    await parley.faults({ llm: { actions: JSON.stringify(HAND_OVER) } })
    const { result } = await answer()
    assert.equal(await replyTo(String(phone)), 'Reply #1 to "hello?"')
    assert.equal((await calls()).length, 1)
    assert.deepEqual(result.actions, ['hand_over'])
  })

test('a server that refuses the format is asked once more without it, and from then on without it at once', async () => {
  await use('openai', 'sim-plain')
  const { result, attempt_log } = await answer()
  assert.deepEqual([attempt_log.length, result.actions], [1, undefined])
  assert.equal(await replyTo(String(phone)), 'Reply #2 to "hello?"')
  await answer()
  assert.deepEqual((await calls()).map(({ status }) => status), [400, 200, 200])
})

test('JSON that breaks off never gets to the customer: the reply in it is saved, or the model asked once more', async () => {
  await use('gemini', 'gemini-2.5-flash')
  await parley.faults({ llm: { reply: '{"reply":"We are open.","actions":[{"ty' } })
  await answer()
  assert.equal(await replyTo(String(phone)), 'We are open.')
  await parley.faults({ llm: { reply: '{"reply":"We are', count: 1 } })
  const { attempt_log } = await answer()
  assert.equal(attempt_log.length, 1)
  assert.equal(await replyTo(String(phone)), 'Reply #3 to "hello?"')
})

test('a company whose model may do nothing gets plain text, and is asked for nothing else', async () => {
  await use('openai', 'sim-plain') // it would refuse a format
  await parley.postgres.rows(`update crm.companies set ai_actions = '{}'`)
  await answer()
  assert.equal(await replyTo(String(phone)), 'Reply #1 to "hello?"')
  assert.doesNotMatch((await calls())[0].messages[0].content, /hand_over/)
  await parley.postgres.rows(`update crm.companies set ai_actions = default`)
})

test('what became of the calls, what they took and whether a breaker is open stands at /metrics', async () => {
  const metrics = async () => (await parley.service('ai-engage').admin('/metrics')).text()
  await use('gemini', 'gemini-2.5-flash')
  await use('anthropic', 'claude-sonnet-4-6', { position: 1 })
  await parley.faults({ llm: { provider: 'gemini', status: 429, retry_after: 60 } })
  await answer()
  await until('the breaker to be told', async () => /parley_model_breaker_open\{provider="gemini"\} 1\n/.test(await metrics()))
  const text = await metrics()
  for (const line of ['parley_model_calls_total\\{outcome="gemini rate_limit"\\} [1-9]', 'parley_model_calls_total\\{outcome="anthropic answered"\\} [1-9]',
    'parley_model_tokens_total\\{kind="anthropic completion"\\} [1-9]', 'parley_model_breaker_open\\{provider="anthropic"\\} 0', 'parley_model_seconds_count\\{provider="gemini"\\} [1-9]'])
    assert.match(text, new RegExp(line))
  const shown = (await parley.get('/ai-models')).body.items
  assert.deepEqual(shown.map(({ provider, status }) => [provider, status.state, status.reason]), [['gemini', 'passed_over', 'rate_limit'], ['anthropic', 'available', undefined]])
  assert.ok(Date.parse(shown[0].status.until_at) > Date.now() + 30_000, shown[0].status.until_at) // as long as it asked for
  assert.equal((await parley.get(`/ai-models/${shown[0].id}`)).body.status.state, 'passed_over')
  const gateway = parley.service('gateway')
  await gateway.stop()
  await gateway.start() // knows nothing, and hears it with the next call
  await until('the breaker to be known again', async () => {
    await answer()
    return (await parley.get(`/ai-models/${shown[0].id}`)).body.status.state === 'passed_over'
  })
})
