// Parley's own processes, as built, wired to private servers.
import { join } from 'node:path'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { Child, build, folder, freePort, pause, until } from './process.mjs'
import { Nats, Postgres } from './servers.mjs'

export const SERVICES = ['scheduler', 'lead-store', 'ingest', 'ai-engage', 'summary', 'channel-whatsapp-cloud', 'media', 'knowledge', 'gateway']
export const PHONE_ID = '770011223344551'
export const APP_SECRET = 'test-app-secret'
export const VERIFY_TOKEN = 'test-verify-token'
export const TOKEN = 'test-token'
export const LLM_KEY = 'test-key'
const WRAPPER = (process.env.PARLEY_WRAPPER ?? '').split(' ').filter(Boolean) // what every service runs under, such as valgrind with its options

/** One service process; answers on its admin port once it is ready. */
export class Service {
  constructor(name, env) {
    this.name = name
    this.folder = folder(name)
    this.adminFile = join(this.folder, 'admin')
    const [command, ...args] = [...WRAPPER, join(build, 'bin', name)]
    this.child = new Child(name, command, args,
      { env: { ...env, PARLEY_ADMIN_FILE: this.adminFile }, log: join(this.folder, 'log') })
  }

  async start() {
    rmSync(this.adminFile, { force: true })
    this.child.start()
    const child = this.child
    await until(`${this.name} to be ready`, async () => {
      if (!child.running) throw new Error(`${this.name} ended: ${child.text().slice(-2000)}`)
      return existsSync(this.adminFile) && (await this.admin('/readyz')).ok
    }, 30000)
    return this
  }

  get port() { return Number(readFileSync(this.adminFile, 'utf8')) }
  admin(path) { return fetch(`http://127.0.0.1:${this.port}${path}`) }
  get pid() { return this.child.pid }
  signal(name) { this.child.signal(name) }
  text() { return this.child.text() }
  stop() { return this.child.stop() }

  /** Starts it again whenever it dies, until stop(). */
  supervise() {
    this.supervised = true
    const again = async () => {
      await this.child.ended
      if (!this.supervised) return
      rmSync(this.adminFile, { force: true })
      this.child.start()
      again()
    }
    again()
    return this
  }

  async end() {
    this.supervised = false
    return this.child.stop()
  }
}

/** The whole system on private ports: servers, simulator, services. */
export class Parley {
  /** env: settings for every service; services: which; replicas: copies of each but the gateway; gateways: these, of which the first is `url`; postgres: see Postgres. */
  static async start({ env = {}, services = SERVICES, replicas = 1, gateways = 1, simulator = true, postgres: database } = {}) {
    const parley = new Parley()
    const [postgres, nats, simulatorPort, ...httpPorts] =
      await Promise.all([new Postgres(database).start(), new Nats().start(), freePort(), ...Array.from({ length: gateways }, freePort)])
    const urls = httpPorts.map(port => `http://127.0.0.1:${port}`)
    Object.assign(parley, { postgres, nats, urls, url: urls[0], simulatorUrl: `http://127.0.0.1:${simulatorPort}` })
    parley.env = {
      DATABASE_URL: postgres.url, NATS_URL: nats.url, HTTP_PORT: String(httpPorts[0]), HTTP_LISTEN: '127.0.0.1', PARLEY_AUTH: 'off',
      META_APP_SECRET: APP_SECRET, META_VERIFY_TOKEN: VERIFY_TOKEN, WHATSAPP_CLOUD_PHONE_ID: PHONE_ID, WHATSAPP_CLOUD_TOKEN: TOKEN,
      GRAPH_BASE_URL: parley.simulatorUrl, OPENAI_BASE_URL: `${parley.simulatorUrl}/v1`, OPENAI_API_KEY: LLM_KEY,
      ANTHROPIC_BASE_URL: parley.simulatorUrl, ANTHROPIC_API_KEY: LLM_KEY, GEMINI_BASE_URL: parley.simulatorUrl, GEMINI_API_KEY: LLM_KEY,
      WHATSAPP_CLOUD_PACING: '0', MEDIA_DIR: folder('files'), BUFFER_MS: '0', HAND_OVER_DEADLINE_MS: '3600000', LOG_LEVEL: 'info',
      LOOP_QUICK_MAX: '0', ...env, // a test answers as fast as a machine, for it is one
    }
    parley.services = services.flatMap(name => name === 'gateway'
      ? httpPorts.map(port => new Service(name, { ...parley.env, HTTP_PORT: String(port) }))
      : Array.from({ length: replicas }, () => new Service(name, parley.env)))
    try {
      if (simulator) await parley.startSimulator(simulatorPort)
      await Promise.all(parley.services.map(service => service.start()))
    } catch (error) {
      await parley.stop()
      throw error
    }
    return parley
  }

  async startSimulator(port) {
    this.simulator = new Child('simulator', join(build, 'tests/simulator/simulator'),
      ['--port', String(port), '--app-secret', APP_SECRET, '--token', TOKEN, '--webhook-url', this.urls.map(url => `${url}/webhook`).join(), '--phone-id', PHONE_ID,
        '--llm-key', LLM_KEY],
      { env: { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_leaks=0` }, log: join(folder('simulator'), 'log') }).start() // ends with connections open
    await until('the simulator', async () => (await fetch(`${this.simulatorUrl}/_sim/count`)).ok)
  }

  service(name) { return this.services.find(service => service.name === name) }

  // A connection each: the gateway lets go of one that was idle for a second, maybe in the moment in which fetch would use it again.
  async get(path, headers = {}) {
    const response = await fetch(this.url + path, { headers: { connection: 'close', ...headers } })
    return { status: response.status, headers: response.headers, body: await body(response) }
  }

  async send(method, path, content, headers = {}) {
    const response = await fetch(this.url + path, {
      method, headers: { connection: 'close', 'content-type': 'application/json', ...headers },
      body: content === undefined || typeof content === 'string' ? content : JSON.stringify(content),
    })
    return { status: response.status, headers: response.headers, body: await body(response) }
  }
  post(path, content, headers) { return this.send('POST', path, content, headers) }

  inbound(phone, text, more = {}) {
    return this.post('/inbound-message', { phone_number: phone, contact_name: 'Test User', message_text: text, ...more })
  }

  async sim(path, content) {
    const response = await fetch(this.simulatorUrl + path, content === undefined ? {} : { method: 'POST', body: JSON.stringify(content) })
    if (!response.ok) throw new Error(`simulator ${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }
  faults(plan) { return this.sim('/_sim/faults', plan) }
  receive(from, text, more = {}) { return this.sim('/_sim/receive', { from, text, ...more }) }

  /** Takes the vendor away, with nobody in the middle of a send, and keeps its record; startSimulator brings it back. */
  async vendorAway() {
    const channels = this.services.filter(service => service.name.startsWith('channel-'))
    for (const channel of channels) channel.signal('SIGSTOP')
    await pause(300) // what they had written is in the vendor's socket, and is read and recorded
    this.sentBefore = await this.sent()
    await this.simulator.kill()
    for (const channel of channels) channel.signal('SIGCONT')
  }
  vendorBack() { return this.startSimulator(Number(new URL(this.simulatorUrl).port)) }

  /** What reached a recipient (digits), oldest first. */
  async sent(to) {
    const all = [...this.sentBefore ?? [], ...await this.sim('/_sim/sent')]
    return to ? all.filter(message => message.to.replace('+', '') === to.replace('+', '')) : all
  }
  sentCount(count, to, waitMs) {
    return until(`${count} messages sent${to ? ` to ${to}` : ''}`, async () => {
      const sent = await this.sent(to)
      return sent.length >= count && sent
    }, waitMs)
  }

  async stop() {
    await Promise.allSettled(this.services.map(service => service.end()))
    await this.simulator?.stop()
    await this.nats.stop()
    await this.postgres.stop()
  }
}

async function body(response) {
  const text = await response.text()
  if (!/json/.test(response.headers.get('content-type') ?? '')) return text
  return text ? JSON.parse(text) : undefined
}
