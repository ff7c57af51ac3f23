// The model is held to OpenAI's contract for chat completions, and misbehaves as planned.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { KEY, start } from './harness.mjs'

const { simulator } = start()

describe('the model', () => {
  test('answers with a number and the last words of the user, and counts tokens', async () => {
    const words = 'ü'.repeat(70)
    const messages = [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'first' },
      { role: 'assistant', content: 'yes' },
      { role: 'user', content: words },
    ]
    const { status, json, headers } = await simulator.ask({ messages, temperature: 0.7, max_completion_tokens: 500 })
    assert.equal(status, 200)
    assert.equal(json.object, 'chat.completion')
    assert.equal(json.model, 'gpt-4o-mini')
    const [choice] = json.choices
    assert.equal(choice.finish_reason, 'stop')
    assert.deepEqual(choice.message, { role: 'assistant', refusal: null, content: `Reply #1 to "${'ü'.repeat(60)}"` })
    assert.ok(json.usage.prompt_tokens > 0 && json.usage.completion_tokens > 0)
    assert.equal(json.usage.total_tokens, json.usage.prompt_tokens + json.usage.completion_tokens)
    assert.ok(headers['x-request-id'])
    assert.match((await simulator.ask()).json.choices[0].message.content, /^Reply #2 to "Hello\?"$/)
    const calls = await simulator.get('/_sim/llm')
    assert.deepEqual(
      { ...calls[0], at: 0 },
      { at: 0, provider: 'openai', model: 'gpt-4o-mini', system: null, messages, aborted: false, status: 200 },
    )
    assert.equal((await simulator.get('/_sim/llm?since=1')).length, 1)
    assert.equal((await simulator.ask({ n: 3 })).json.choices.length, 3)
  })

  test('is strict about key, model, messages, numbers and unknown arguments', async () => {
    const wrong = async (members, status, code, options) => {
      const answer = await simulator.ask(members, options)
      assert.deepEqual([answer.status, answer.json.error.code], [status, code], answer.text)
      assert.ok(answer.json.error.type && answer.json.error.message)
    }
    await wrong({}, 401, 'invalid_api_key', { token: 'wrong' })
    await wrong({}, 401, 'invalid_api_key', {})
    await wrong({ model: undefined }, 400, 'missing_required_parameter')
    await wrong({ messages: undefined }, 400, 'missing_required_parameter')
    await wrong({ messages: [] }, 400, 'empty_array')
    await wrong({ messages: [{ role: 'robot', content: 'x' }] }, 400, 'invalid_value')
    await wrong({ messages: [{ role: 'user' }] }, 400, 'invalid_type')
    await wrong({ messages: [{ role: 'user', content: 7 }] }, 400, 'invalid_type')
    await wrong({ messages: [{ role: 'tool', content: 'x' }] }, 400, 'missing_required_parameter')
    for (const temperature of [-0.1, 2.1, 'warm']) await wrong({ temperature }, 400, 'invalid_value')
    for (const temperature of [0, 2]) assert.equal((await simulator.ask({ temperature })).status, 200)
    await wrong({ max_completion_tokens: 0 }, 400, 'invalid_value')
    await wrong({ surprise: 1 }, 400, null)
    await wrong({ model: 'gpt-5-mini', max_tokens: 300 }, 400, 'unsupported_parameter')
    await wrong({ model: 'o3', temperature: 0.7 }, 400, 'unsupported_value')
    assert.equal((await simulator.ask({ model: 'gpt-5-mini', max_completion_tokens: 300 })).status, 200)
    await wrong({ stream: true }, 400, 'unsupported_value')
    assert.equal((await simulator.call('POST', '/v1/chat/completions', '{', { token: KEY })).status, 400)
    const calls = await simulator.get('/_sim/llm')
    assert.deepEqual([calls[0].status, calls.at(-1).messages], [401, null])
  })

  test('lists its models, with those whose names script what happens', async () => {
    const { data } = (await simulator.call('GET', '/v1/models', undefined, { token: KEY })).json
    assert.ok(data.some(model => model.id === 'gpt-4o-mini') && data.some(model => model.id === 'sim-cut'))
    assert.equal((await simulator.ask({ model: 'sim-status-429' })).json.error.type, 'rate_limit_exceeded')
    assert.equal((await simulator.ask({ model: 'sim-status-404' })).json.error.code, 'model_not_found')
    assert.equal((await simulator.ask({ model: 'sim-length' })).json.choices[0].finish_reason, 'length')
    assert.equal((await simulator.ask({ model: 'sim-filter' })).json.choices[0].finish_reason, 'content_filter')
    const { refusal, content } = (await simulator.ask({ model: 'sim-blocked' })).json.choices[0].message
    assert.ok(refusal && content === null)
    await assert.rejects(simulator.ask({ model: 'sim-cut' }), { code: 'ECONNRESET' })
    const started = performance.now()
    assert.equal((await simulator.ask({ model: 'sim-slow-200' })).status, 200)
    assert.ok(performance.now() - started >= 199)
    await simulator.faults({ llm: { reply: 'the plan goes first' } })
    assert.equal(
      (await simulator.ask({ model: 'sim-status-500' })).json.choices[0].message.content,
      'the plan goes first',
    )
  })

  test('fails as planned: statuses with their errors, Retry-After, garbage, cuts, a scripted reply', async () => {
    await simulator.faults({ llm: { status: 500, count: 2 } })
    assert.equal((await simulator.ask()).json.error.type, 'server_error')
    assert.equal((await simulator.ask()).status, 500)
    assert.equal((await simulator.ask()).status, 200)
    const error = { type: 'insufficient_quota', code: 'credit_balance_exhausted' }
    await simulator.faults({ llm: { status: 429, error, retry_after: 2 } })
    const answer = await simulator.ask()
    assert.deepEqual([answer.status, answer.json.error.type, answer.json.error.code], [429, error.type, error.code])
    assert.equal(answer.headers['retry-after'], '2')
    await simulator.faults({ llm: { garbage: true } })
    const garbage = await simulator.ask()
    assert.equal(garbage.status, 200)
    assert.throws(() => garbage.json)
    await simulator.faults({ llm: { cut: true } })
    await assert.rejects(simulator.ask(), { code: 'ECONNRESET' })
    await simulator.faults({ llm: { reply: 'Forty euros.' } })
    assert.equal((await simulator.ask()).json.choices[0].message.content, 'Forty euros.')
    await simulator.faults({ llm: null })
    assert.match((await simulator.ask()).json.choices[0].message.content, /^Reply #8 /)
    assert.deepEqual(
      (await simulator.get('/_sim/llm')).map(call => call.status),
      [500, 500, 200, 429, 200, null, 200, 200],
    )
  })

  test('notices a client that leaves while the answer is due', async () => {
    await simulator.faults({ llm: { latency_ms: 60000 } })
    const controller = new AbortController()
    const answer = simulator.ask({}, { token: KEY, signal: controller.signal })
    await simulator.until('/_sim/count', count => count.llm_in_flight === 1)
    const [waiting] = await simulator.get('/_sim/llm')
    assert.deepEqual([waiting.aborted, waiting.status], [false, null])
    controller.abort()
    await assert.rejects(answer)
    await simulator.until('/_sim/count', count => count.llm_in_flight === 0 && count.llm_aborted === 1)
    const [call] = await simulator.get('/_sim/llm')
    assert.deepEqual([call.aborted, call.status], [true, null])
  })

  test('holds two thousand calls at once', async () => {
    await simulator.faults({ llm: { latency_ms: 1500 } })
    const calls = Array.from({ length: 2000 }, () => simulator.ask())
    await simulator.until('/_sim/count', count => count.llm_in_flight === 2000)
    const answers = await Promise.all(calls)
    assert.ok(answers.every(answer => answer.status === 200))
    assert.equal((await simulator.get('/_sim/count')).llm, 2000)
  })
})
