// The process, its HTTP server and its control calls.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { describe, test } from 'node:test'
import { ANNA, BINARY, KEY, Simulator, refused, sign, start } from './harness.mjs'

const { receiver, simulator } = start()

describe('the process', () => {
  test('refuses to start without a port, with an unknown option, or on a taken port', async () => {
    const port = new URL(simulator.url).port
    for (const options of [[], ['--port', '0', '--bogus', '1'], ['--port', 'x'], ['--port', port]]) {
      const child = spawn(BINARY, options, { stdio: 'ignore' })
      const [code] = await once(child, 'exit')
      assert.notEqual(code, 0, options.join(' '))
    }
  })

  test('takes its settings from the environment, the command line over it, and the first of several secrets', async () => {
    const other = new Simulator()
    other.environment = {
      META_APP_SECRET: 'first,second',
      WHATSAPP_CLOUD_TOKEN: 'from-environment',
      SIM_WEBHOOK_URL: receiver.url,
      OPENAI_API_KEY: 'from-environment',
    }
    await other.open('--llm-key', 'from-command-line')
    assert.equal((await other.sendText('x')).status, 401)
    assert.equal((await other.call('GET', '/v1/models', undefined, { token: 'from-environment' })).status, 401)
    assert.equal((await other.call('GET', '/v1/models', undefined, { token: 'from-command-line' })).status, 200)
    await other.call('POST', '/_sim/receive', { from: ANNA, text: 'hi' })
    assert.equal(receiver.posts[0].headers['x-hub-signature-256'], sign(receiver.posts[0].body, 'first'))
    assert.equal(await other.close('SIGTERM'), 0)
  })

  test('without a token any bearer will do, but one there must be', async () => {
    const open = await new Simulator().open()
    const body = { messaging_product: 'whatsapp', to: ANNA, text: { body: 'x' } }
    assert.equal((await open.call('POST', '/v23.0/1/messages', body, { token: 'whatever' })).status, 200)
    await refused(open.call('POST', '/v23.0/1/messages', body), 401, 190)
    assert.equal((await open.call('POST', '/v1/chat/completions', {})).status, 401)
    const receive = await open.call('POST', '/_sim/receive', { from: ANNA, text: 'x' })
    assert.equal(receive.status, 400, 'nobody can be told without a webhook URL')
    assert.equal(await open.close('SIGINT'), 0)
  })

  test('answers 404 where nothing is simulated and 405 for a wrong method', async () => {
    assert.equal((await simulator.call('GET', '/nowhere')).status, 404)
    assert.equal((await simulator.call('GET', '/_sim/nothing')).status, 404)
    assert.equal((await simulator.call('GET', '/_sim/receive')).status, 405)
    assert.equal((await simulator.call('GET', '/v1/chat/completions', undefined, { token: KEY })).status, 405)
  })
})

describe('HTTP', () => {
  async function raw(text, isWhole = answer => answer.includes('\r\n\r\n')) {
    const socket = net.connect(new URL(simulator.url).port, '127.0.0.1')
    socket.write(text)
    let answer = ''
    for await (const chunk of socket) {
      answer += chunk
      if (isWhole(answer)) break
    }
    socket.destroy()
    return answer
  }

  test("refuses what it can't read", async () => {
    assert.match(await raw('nonsense\r\n\r\n'), /^HTTP\/1.1 400 /)
    assert.match(await raw('POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n'), /^HTTP\/1.1 413 /)
    assert.match(await raw('POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n'), /^HTTP\/1.1 400 /)
    assert.match(await raw('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'), /^HTTP\/1.1 411 /)
    assert.match(await raw(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20000)}`), /^HTTP\/1.1 431 /)
  })

  test('answers requests that were sent ahead, in order, and a body that comes in pieces', async () => {
    const two = 'GET /_sim/count HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n'
    const answer = await raw(two, text => text.includes('nothing is simulated'))
    assert.match(answer, /^HTTP\/1.1 200 OK[^]*"sent":0[^]*HTTP\/1.1 404 Not Found[^]*Connection: close/)
  })

  test('tells a client that expects it to go on with the body', async () => {
    const head = 'POST /_sim/reset HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n'
    assert.match(await raw(head), /^HTTP\/1.1 100 Continue\r\n\r\n/)
  })

  test('carries an answer that is larger than any socket buffer', async () => {
    const text = 'x'.repeat(4096)
    await simulator.faults({ receipts: { enabled: false } })
    await Promise.all(Array.from({ length: 1500 }, () => simulator.sendText(text)))
    const sent = await simulator.get('/_sim/sent')
    assert.equal(sent.length, 1500)
    assert.ok(sent.every(copy => copy.text === text))
  })
})

describe('control', () => {
  test('a plan merges by its top-level members, reads back as it is, and null clears one', async () => {
    await simulator.faults({ llm: { status: 500, latency_ms: 5 }, graph: { code: 190 } })
    const plan = await simulator.faults({ llm: { latency_ms: 7 } })
    assert.deepEqual([plan.llm.status, plan.llm.latency_ms, plan.graph.code], [null, 7, 190])
    assert.deepEqual(await simulator.get('/_sim/faults'), plan)
    assert.deepEqual(await simulator.faults(plan), plan)
    assert.equal((await simulator.faults({ graph: null })).graph.code, null)
  })

  test('a plan with an unknown member or a bad value is refused by name and changes nothing', async () => {
    const wrong = [
      [{ lmm: {} }, /lmm/],
      [{ llm: { latency: 1 } }, /latency/],
      [{ llm: { error: { kind: 'x' } } }, /kind/],
      [{ graph: { code: 190 }, webhook: { batch: 0 } }, /batch/],
      [{ llm: { latency_ms: 1.5 } }, /latency_ms/],
      [{ llm: { probability: 1.1 } }, /probability/],
      [{ window: 'ajar' }, /window/],
      [{ unreachable: [1] }, /unreachable/],
      [{ llm: 1 }, /llm/],
      ['[]', /object/],
    ]
    const before = await simulator.get('/_sim/faults')
    for (const [plan, name] of wrong) {
      const answer = await simulator.call('POST', '/_sim/faults', plan)
      assert.equal(answer.status, 400, JSON.stringify(plan))
      assert.match(answer.json.error, name)
    }
    assert.deepEqual(await simulator.get('/_sim/faults'), before)
  })

  test('a reset forgets records, faults, buckets and windows, or keeps the records', async () => {
    await simulator.faults({ receipts: { enabled: false } })
    await simulator.sendText('x')
    await simulator.ask()
    for (const [path, body] of [['/_sim/reset?keep_records=true'], ['/_sim/reset', { keep_records: true }]]) {
      await simulator.faults({ graph: { code: 190 }, receipts: { enabled: false } })
      await simulator.call('POST', path, body)
      assert.equal((await simulator.get('/_sim/faults')).graph.code, null)
      assert.equal((await simulator.get('/_sim/sent')).length, 1)
    }
    assert.equal((await simulator.call('POST', '/_sim/reset', { keep: true })).status, 400)
    await simulator.call('POST', '/_sim/reset')
    assert.deepEqual(await simulator.get('/_sim/sent'), [])
    assert.deepEqual(await simulator.get('/_sim/llm'), [])
    assert.match((await simulator.ask()).json.choices[0].message.content, /^Reply #1 /)
  })
})
