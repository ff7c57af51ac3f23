// What the tests of the simulator share: the binary as a child process, and a gateway of our own that receives.
// SIMULATOR names the binary, PARLEY_BUILD the build folder it is otherwise looked for in.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { after, before, beforeEach } from 'node:test'
import { fileURLToPath } from 'node:url'

const BUILD = process.env.PARLEY_BUILD ?? fileURLToPath(new URL('../../build/debug', import.meta.url))
export const BINARY = process.env.SIMULATOR ?? `${BUILD}/tests/simulator/simulator`
export const SECRET = 'wa-demo-app-secret-7c1f'
export const TOKEN = 'token-1'
export const KEY = 'key-1'
export const PHONE_ID = '770011223344551'
export const SEND_PATH = `/v23.0/${PHONE_ID}/messages`
export const ANNA = '15005550177'

// What the gateway would be: keeps every POST and answers as it is told.
export class Receiver {
  posts = []
  waiters = []
  answer = () => 200

  async open() {
    this.server = http.createServer((request, response) => this.receive(request, response))
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    this.url = `http://127.0.0.1:${this.server.address().port}/webhook`
  }

  async receive(request, response) {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const post = { at: performance.now(), headers: request.headers, body }
    this.posts.push(post)
    response.statusCode = this.answer(post)
    response.end()
    for (const waiter of this.waiters) waiter()
  }

  // Resolves with the first truthy answer of `look`, asked again after each POST.
  async until(look) {
    const deadline = Date.now() + 10000
    for (;;) {
      const found = look()
      if (found) return found
      assert.ok(Date.now() < deadline, `never came: ${look}`)
      let waiter
      await Promise.race([
        new Promise(resolve => this.waiters.push((waiter = resolve))),
        new Promise(resolve => setTimeout(resolve, 500)),
      ])
      this.waiters = this.waiters.filter(other => other !== waiter)
    }
  }

  statuses() {
    return this.values('statuses')
  }

  messages() {
    return this.values('messages')
  }

  values(kind) {
    return this.posts.flatMap(post =>
      JSON.parse(post.body).entry.flatMap(entry => entry.changes.flatMap(change => change.value[kind] ?? [])),
    )
  }

  reset() {
    this.posts = []
    this.answer = () => 200
  }

  close() {
    this.server.close()
    this.server.closeAllConnections()
  }
}

export class Simulator {
  async open(...options) {
    const environment = { PATH: process.env.PATH, ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? '' }
    this.child = spawn(BINARY, ['--port', '0', ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...environment, ...this.environment },
    })
    process.once('exit', () => this.child.kill('SIGKILL'))
    const [line] = await once(this.child.stdout, 'data')
    this.url = /^simulator ready on (http:\S+)\n$/.exec(line)[1]
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 5000 })
    return this
  }

  call(method, path, body, { token, signal, headers: more } = {}) {
    const verbatim = body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
    const text = verbatim ? body : JSON.stringify(body)
    const headers = text === undefined ? { ...more } : { 'content-length': Buffer.byteLength(text), ...more }
    if (token) headers.authorization = `Bearer ${token}`
    return new Promise((resolve, reject) => {
      const request = http.request(this.url + path, { method, headers, agent: this.agent, signal })
      request.on('error', reject)
      request.on('response', async response => {
        const chunks = []
        for await (const chunk of response) chunks.push(chunk)
        const answered = Buffer.concat(chunks).toString()
        resolve({
          status: response.statusCode,
          headers: response.headers,
          text: answered,
          get json() {
            return JSON.parse(answered)
          },
        })
      })
      request.end(text)
    })
  }

  send(members, token = TOKEN) {
    return this.call('POST', SEND_PATH, { messaging_product: 'whatsapp', to: ANNA, ...members }, { token })
  }

  sendText(body, members) {
    return this.send({ type: 'text', text: { body }, ...members })
  }

  ask(members, options = { token: KEY }) {
    const body = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello?' }], ...members }
    return this.call('POST', '/v1/chat/completions', body, options)
  }

  askAnthropic(members, headers = { 'x-api-key': KEY, 'anthropic-version': '2023-06-01' }) {
    const body = { model: 'claude-sonnet-4-6', max_tokens: 300, messages: [{ role: 'user', content: 'Hello?' }], ...members }
    return this.call('POST', '/v1/messages', body, { headers })
  }

  askGemini(members, { model = 'gemini-2.0-flash', ...headers } = { 'x-goog-api-key': KEY }) {
    const body = { contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }], ...members }
    return this.call('POST', `/v1beta/models/${model}:generateContent`, body, { headers })
  }

  async faults(plan) {
    const answer = await this.call('POST', '/_sim/faults', plan)
    assert.equal(answer.status, 200, answer.text)
    return answer.json
  }

  async get(path) {
    return (await this.call('GET', path)).json
  }

  async until(path, look) {
    const deadline = Date.now() + 10000
    for (;;) {
      const seen = await this.get(path)
      if (look(seen)) return seen
      assert.ok(Date.now() < deadline, `never came: ${look}`)
    }
  }

  async close(signal = 'SIGTERM') {
    this.agent.destroy()
    this.child.kill(signal)
    const [code] = await once(this.child, 'exit')
    return code
  }
}

export function sign(body, secret = SECRET) {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
}

export async function refused(answer, status, code) {
  const { status: got, json } = await answer
  assert.deepEqual([got, json.error.code], [status, code], json.error.error_data.details)
  assert.equal(json.error.type, 'OAuthException')
  assert.match(json.error.message, new RegExp(`^\\(#${code}\\) `))
  assert.equal(json.error.error_data.messaging_product, 'whatsapp')
  assert.ok(json.error.fbtrace_id)
  return json.error.error_data.details
}

// A second number of the same business.
export const OTHER_PHONE_ID = '770011223344552'

// One simulator and one receiver for all tests of a file, as new before each test.
export function start() {
  const receiver = new Receiver()
  const simulator = new Simulator()

  before(async () => {
    await receiver.open()
    await simulator.open(
      ...['--app-secret', SECRET, '--token', TOKEN, '--webhook-url', receiver.url],
      ...['--phone-id', `${PHONE_ID},${OTHER_PHONE_ID}`, '--llm-key', KEY],
    )
  })

  after(async () => {
    assert.equal(await simulator.close(), 0)
    receiver.close()
  })

  // Receipts of an earlier test must not arrive in the next one.
  beforeEach(async () => {
    await simulator.until('/_sim/count', count => count.receipts_waiting === 0 && count.llm_in_flight === 0)
    await simulator.call('POST', '/_sim/reset')
    receiver.reset()
  })

  return { receiver, simulator }
}
