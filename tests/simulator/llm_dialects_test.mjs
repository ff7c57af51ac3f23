// The models of Anthropic and Google are held to their contracts too, and misbehave by the same plans.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { KEY, start } from './harness.mjs'

const { simulator } = start()
const said = (role, text) => ({ role, content: [{ type: 'text', text }] })
const part = (role, text) => ({ role, parts: [{ text }] })

describe("Anthropic's model", () => {
  test('answers in blocks, with what was asked on record', async () => {
    const messages = [said('user', 'first'), said('assistant', 'yes'), said('user', 'Hello?')]
    const { status, json, headers } = await simulator.askAnthropic({ system: 'Be kind.', messages, temperature: 0.7 })
    assert.equal(status, 200)
    assert.deepEqual(json.content, [{ type: 'text', text: 'Reply #1 to "Hello?"' }])
    assert.deepEqual([json.type, json.role, json.model, json.stop_reason], ['message', 'assistant', 'claude-sonnet-4-6', 'end_turn'])
    assert.ok(json.usage.input_tokens > 0 && json.usage.cache_read_input_tokens > 0 && json.usage.output_tokens > 0)
    assert.ok(headers['request-id'])
    const [call] = await simulator.get('/_sim/llm')
    assert.deepEqual(
      { ...call, at: 0 },
      { at: 0, provider: 'anthropic', model: 'claude-sonnet-4-6', system: 'Be kind.', messages, aborted: false, status: 200 },
    )
    const { content } = (await simulator.askAnthropic({ model: 'claude-haiku-5-5' })).json
    assert.deepEqual(content.map(({ type }) => type), ['thinking', 'text'])
  })

  test('is strict about key, version, model, limit, roles, text, temperature and unknown members', async () => {
    const wrong = async (members, status, type, message, headers) => {
      const answer = await simulator.askAnthropic(members, headers)
      assert.deepEqual([answer.status, answer.json.type, answer.json.error.type], [status, 'error', type], answer.text)
      assert.match(answer.json.error.message, message)
      assert.ok(answer.json.request_id)
    }
    const version = { 'anthropic-version': '2023-06-01' }
    await wrong({}, 401, 'authentication_error', /required/, version)
    await wrong({}, 401, 'authentication_error', /invalid x-api-key/, { ...version, 'x-api-key': 'wrong' })
    await wrong({}, 401, 'authentication_error', /required/, { ...version, authorization: `Bearer ${KEY}` })
    await wrong({}, 400, 'invalid_request_error', /^anthropic-version/, { 'x-api-key': KEY })
    await wrong({ model: 'gpt-4o-mini' }, 404, 'not_found_error', /gpt-4o-mini/)
    const bad = (members, message) => wrong(members, 400, 'invalid_request_error', message)
    await bad({ model: undefined }, /^model/)
    await bad({ max_tokens: undefined }, /^max_tokens: Field required/)
    await bad({ max_tokens: 0 }, /^max_tokens/)
    await bad({ temperature: 1.1 }, /^temperature/)
    await bad({ messages: [] }, /at least one/)
    await bad({ messages: [said('system', 'x'), said('user', 'x')] }, /role/)
    await bad({ messages: [said('assistant', 'x'), said('user', 'x')] }, /first message/)
    await bad({ messages: [said('user', 'x'), said('user', 'x')] }, /alternate/)
    await bad({ messages: [said('user', ' ')] }, /non-whitespace/)
    await bad({ messages: [{ role: 'user' }] }, /content/)
    await bad({ system: '' }, /non-empty/)
    await bad({ surprise: 1 }, /^surprise/)
    await bad({ stream: true }, /stream/)
    await bad({ model: 'claude-haiku-5-5', temperature: 0.7 }, /deprecated/)
    await bad({ model: 'claude-haiku-5-5', messages: [said('user', 'x'), said('assistant', 'x')] }, /prefill/)
    assert.equal((await simulator.call('GET', '/v1/messages', undefined, { headers: { 'x-api-key': KEY } })).status, 405)
  })

  test('fails as planned and as its name says', async () => {
    await simulator.faults({ llm: { status: 529, retry_after: 2, count: 1 } })
    const overloaded = await simulator.askAnthropic()
    assert.deepEqual([overloaded.status, overloaded.json.error.type, overloaded.headers['retry-after']], [529, 'overloaded_error', '2'])
    await simulator.faults({ llm: { status: 429, error: { code: 'enforced_spend_limit_reached' } } })
    assert.equal((await simulator.askAnthropic()).json.error.details.error_code, 'enforced_spend_limit_reached')
    await simulator.faults({ llm: null })
    assert.equal((await simulator.askAnthropic({ model: 'sim-status-500' })).json.error.type, 'api_error')
    assert.equal((await simulator.askAnthropic({ model: 'sim-length' })).json.stop_reason, 'max_tokens')
    assert.equal((await simulator.askAnthropic({ model: 'sim-filter' })).json.stop_reason, 'refusal')
    const blocked = (await simulator.askAnthropic({ model: 'sim-blocked' })).json
    assert.deepEqual([blocked.stop_reason, blocked.content], ['refusal', []])
    assert.equal((await simulator.askAnthropic({ model: 'sim-thought' })).json.content[0].type, 'thinking')
    await assert.rejects(simulator.askAnthropic({ model: 'sim-cut' }), { code: 'ECONNRESET' })
  })
})

describe("Google's model", () => {
  test('answers in parts, with what was asked on record', async () => {
    const contents = [part('user', 'first'), part('model', 'yes'), part('user', 'Hello?')]
    const systemInstruction = { parts: [{ text: 'Be kind.' }] }
    const { status, json } = await simulator.askGemini({ systemInstruction, contents, generationConfig: { temperature: 2, maxOutputTokens: 1 } })
    assert.equal(status, 200)
    const [candidate] = json.candidates
    assert.deepEqual(candidate.content, { role: 'model', parts: [{ text: 'Reply #1 to "Hello?"' }] })
    assert.deepEqual([candidate.finishReason, json.modelVersion], ['STOP', 'gemini-2.0-flash'])
    assert.ok(json.usageMetadata.promptTokenCount > 0 && json.usageMetadata.candidatesTokenCount > 0)
    const [call] = await simulator.get('/_sim/llm')
    assert.deepEqual(
      { ...call, at: 0 },
      { at: 0, provider: 'gemini', model: 'gemini-2.0-flash', system: systemInstruction, messages: contents, aborted: false, status: 200 },
    )
  })

  test('is strict about key, model, roles, text, numbers and unknown members', async () => {
    const wrong = async (members, code, status, message, options) => {
      const answer = await simulator.askGemini(members, options)
      const { error } = answer.json
      assert.deepEqual([answer.status, error.code, error.status], [code, code, status], answer.text)
      assert.match(error.message, message)
      return error
    }
    await wrong({}, 403, 'PERMISSION_DENIED', /unregistered/, {})
    const { details } = await wrong({}, 400, 'INVALID_ARGUMENT', /not valid/, { 'x-goog-api-key': 'wrong' })
    assert.equal(details[0].reason, 'API_KEY_INVALID')
    await wrong({}, 404, 'NOT_FOUND', /gpt-4o/, { 'x-goog-api-key': KEY, model: 'gpt-4o' })
    const bad = (members, message) => wrong(members, 400, 'INVALID_ARGUMENT', message)
    await bad({ contents: undefined }, /not specified/)
    await bad({ contents: [] }, /not specified/)
    await bad({ contents: [part('assistant', 'x')] }, /valid role/)
    await bad({ contents: [part('model', 'x'), part('user', 'x')] }, /alternate/)
    await bad({ contents: [part('user', 'x'), part('user', 'x')] }, /alternate/)
    await bad({ contents: [part('user', 'x'), part('model', 'x')] }, /end with a user/)
    await bad({ contents: [part('user', '')] }, /parts/)
    await bad({ contents: [{ role: 'user', parts: [] }] }, /parts/)
    await bad({ systemInstruction: { parts: [] } }, /parts/)
    await bad({ generationConfig: { temperature: 2.1 } }, /temperature/)
    await bad({ generationConfig: { maxOutputTokens: 0 } }, /max_output_tokens/)
    await bad({ generationConfig: { max: 1 } }, /Unknown name/)
    await bad({ surprise: 1 }, /Unknown name/)
    assert.equal((await simulator.call('GET', '/v1beta/models/gemini-2.0-flash:generateContent', undefined, { headers: { 'x-goog-api-key': KEY } })).status, 404)
  })

  test('fails as planned and as its name says', async () => {
    await simulator.faults({ llm: { status: 429, retry_after: 17, error: { code: 'GenerateRequestsPerDayPerProjectPerModel' } } })
    const { headers, json: { error } } = await simulator.askGemini()
    assert.equal(error.status, 'RESOURCE_EXHAUSTED')
    assert.equal(error.details[0].violations[0].quotaId, 'GenerateRequestsPerDayPerProjectPerModel')
    assert.equal(error.details[1].retryDelay, '17s')
    assert.equal(headers['retry-after'], undefined)
    await simulator.faults({ llm: { status: 503 } })
    assert.deepEqual((await simulator.askGemini()).json.error.details, [])
    await simulator.faults({ llm: null })
    const named = async model => (await simulator.askGemini({}, { model, 'x-goog-api-key': KEY })).json
    assert.equal((await named('sim-status-504')).error.status, 'DEADLINE_EXCEEDED')
    assert.equal((await named('sim-length')).candidates[0].finishReason, 'MAX_TOKENS')
    assert.equal((await named('sim-filter')).candidates[0].finishReason, 'SAFETY')
    const blocked = await named('sim-blocked')
    assert.deepEqual([blocked.promptFeedback.blockReason, blocked.candidates], ['PROHIBITED_CONTENT', undefined])
    const thought = await named('sim-thought')
    assert.equal(thought.candidates[0].content.parts[0].thought, true)
    assert.ok(thought.usageMetadata.thoughtsTokenCount > 0)
  })
})

test('a plan may befall one provider alone', async () => {
  await simulator.faults({ llm: { provider: 'anthropic', status: 500, count: 1 } })
  assert.equal((await simulator.ask()).status, 200)
  assert.equal((await simulator.askGemini()).status, 200)
  assert.equal((await simulator.askAnthropic()).status, 500)
  assert.equal((await simulator.askAnthropic()).status, 200)
})
