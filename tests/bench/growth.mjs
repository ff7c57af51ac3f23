// What a message costs on a system that has been used for long, against an empty one: two whole systems on this machine, asked in turn, five times; medians. GROWTH=full: 5 million
// messages of 100,000 leads and a million finished jobs; else 200,000 of 10,000 and 100,000. Known leads bring a history with them, which costs something however large the
// system is; so the empty one is given as many as write in one run, with conversations of the same length, before they are asked.
import { Agent, request } from 'node:http'
import { cpuSeconds } from './measure.mjs'
import { fill, knownPhone } from './fill.mjs'
import { Parley } from '../support/parley.mjs'
import { until } from '../support/process.mjs'

const full = process.env.GROWTH === 'full'
const SIZE = full ? { leads: 100000, messages: 5000000, jobs: 1000000 } : { leads: 10000, messages: 200000, jobs: 100000 }
const RUNS = 5, SENT = full ? 3000 : 1500, CONNECTIONS = 16

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const median = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]

class System {
  static async start() {
    const system = new System()
    system.parley = await Parley.start({ env: { LOG_LEVEL: 'warn', LOOP_GUARD: 'off' }, postgres: { socket: true, settings: ['shared_preload_libraries=pg_stat_statements', 'pg_stat_statements.max=10000'] } })
    await system.parley.postgres.rows('CREATE EXTENSION pg_stat_statements')
    await system.parley.faults({ receipts: { enabled: false } })
    system.known = 0 // how many leads have a history
    system.strangers = 0
    return system
  }

  stranger() { return `12${String(this.strangers++).padStart(9, '0')}` }

  post(phone) {
    const content = JSON.stringify({ phone_number: phone, contact_name: 'Bench', message_text: 'Hello, what does it cost?' })
    return new Promise((resolve, reject) => {
      const call = request({ agent, port: new URL(this.parley.url).port, host: '127.0.0.1', path: '/inbound-message', method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) } }, response => {
        response.resume()
        response.on('end', () => response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`)))
      })
      call.on('error', reject)
      call.end(content)
    })
  }

  async sent() { return (await this.parley.sim('/_sim/count')).sent }
  drained() {
    return until('the queue to drain', async () => {
      const { body } = await this.parley.get('/queue/stats')
      return body.queued + body.processing + body.failed === 0
    }, 300000, 100)
  }

  cpu() {
    const { services, nats, postgres } = this.parley
    return { services: services.map(service => cpuSeconds(service.pid)).reduce((a, b) => a + b), 'nats-server': cpuSeconds(nats.child.pid),
      PostgreSQL: cpuSeconds(postgres.child.pid) }
  }

  /** One message of each of these people, as fast as it goes. */
  async load(phones) {
    const before = await this.sent(), cpu = this.cpu(), began = performance.now(), rest = phones[Symbol.iterator]()
    await Promise.all(Array.from({ length: CONNECTIONS }, async () => { for (const phone of rest) await this.post(phone) }))
    const accepted = performance.now()
    await until('every reply', async () => await this.sent() >= before + phones.length, 300000, 10)
    const replied = performance.now()
    await this.drained()
    return { 'accepted/s': phones.length / (accepted - began) * 1000, 'messages/s': phones.length / (replied - began) * 1000,
      ...Object.fromEntries(Object.entries(this.cpu()).map(([name, seconds]) => [`${name}, CPU ms per message`, (seconds - cpu[name]) * 1000 / phones.length])) }
  }

  strangersWrite() { return this.load(Array.from({ length: SENT }, () => this.stranger())) }
  /** Distinct people of those that are known, spread evenly and other ones each time. */
  knownWrite(run) {
    const step = Math.floor(this.known / SENT)
    return this.load(Array.from({ length: SENT }, (_, n) => knownPhone((n * step + run) % this.known)))
  }

  async statements() {
    // constants are shown as such or as parameters, as it happens
    const text = `regexp_replace(regexp_replace(query, '\\s+', ' ', 'g'), '''[^'']*''|\\$\\d+|\\m\\d+', '?', 'g')`
    return this.parley.postgres.rows(`SELECT left(${text}, 110) AS query, sum(calls) AS calls, sum(total_exec_time) AS ms,
      sum(shared_blks_hit + shared_blks_read) AS blocks, sum(shared_blks_read) AS read FROM pg_stat_statements GROUP BY 1`)
  }
}

/** Where the difference is: statements by how much more of PostgreSQL's time a message takes, ms. */
async function dearer(empty, filled, messages) {
  const before = new Map((await empty.statements()).map(row => [row.query, row]))
  const rows = (await filled.statements()).map(row => {
    const was = before.get(row.query) ?? { ms: 0, calls: 0, blocks: 0 }
    const per = one => [one.ms / messages, one.ms / one.calls, one.blocks / one.calls].map(value => Math.round(value * 1000) / 1000)
    return { more: (row.ms - was.ms) / messages, query: row.query, 'filled [ms/message, ms/call, blocks/call]': per(row), empty: per(was),
      'read/call': Math.round(row.read / row.calls * 100) / 100 }
  })
  return rows.sort((a, b) => b.more - a.more).slice(0, 6)
}

function compare(runs) {
  const names = Object.keys(runs[0][0])
  return Object.fromEntries(names.map(name => {
    const [empty, filled] = [0, 1].map(i => median(runs.map(run => run[i][name])))
    return [name, { empty, filled, 'filled to empty': Math.round(filled / empty * 1000) / 1000 }]
  }))
}

/** quietly(run): runs it when the machine is free. */
export async function growth({ say = () => {}, quietly = run => run() } = {}) {
  const [empty, filled] = [await System.start(), await System.start()]
  try {
    await fill(filled.parley, { ...SIZE, say })
    for (const system of [empty, filled]) for (let n = 0; n < 2; n++) await system.strangersWrite() // warm
    const runs = async ask => {
      for (const system of [empty, filled]) await system.parley.postgres.rows('SELECT pg_stat_statements_reset()')
      const all = []
      for (let run = 0; run < RUNS; run++)
        await quietly(async () => { all.push([await ask(empty, run), await ask(filled, run)]) })
      return { ...compare(all), 'dearer statements': await dearer(empty, filled, RUNS * SENT) }
    }
    const strangers = await runs(system => system.strangersWrite())
    say(JSON.stringify(strangers))
    await fill(empty.parley, { leads: SENT, messages: SENT * SIZE.messages / SIZE.leads, jobs: 0 })
    empty.known = SENT
    filled.known = SIZE.leads
    for (const system of [empty, filled]) await system.knownWrite(RUNS) // warm
    const known = await runs((system, run) => system.knownWrite(run))
    const stored = await filled.parley.postgres.value('SELECT count(*) FROM crm.messages')
    const gb = await filled.parley.postgres.value('SELECT pg_database_size(current_database())') / 1e9
    return { 'messages stored': stored, 'database, GB': gb, 'a lead per message': strangers, 'known leads': known }
  } finally {
    await Promise.all([empty.parley.stop(), filled.parley.stop()])
  }
}
