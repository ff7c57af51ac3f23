// The figures of docs/performance.md, measured from outside on the real system.
import { execFileSync } from 'node:child_process'
import { Agent, request } from 'node:http'
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { Parley } from '../support/parley.mjs'
import { folder, pause, until } from '../support/process.mjs'
import { growth } from './growth.mjs'
import { knowledge } from './knowledge.mjs'
import { noopFigures } from './noop.mjs'
import { cpuSeconds, memoryMb, summary } from './measure.mjs'
import { queue } from './queue.mjs'
import { stages } from './stages.mjs'

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
let parley
let nextPhone = 0
const phone = () => String(12000000000 + nextPhone++)

/** One POST /inbound-message; answers its latency in ms. */
function post(to = phone()) {
  const content = JSON.stringify({ phone_number: to, contact_name: 'Bench', message_text: 'Hello, what does it cost?' })
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const { port } = new URL(parley.url)
    const call = request({ agent, port, host: '127.0.0.1', path: '/inbound-message', method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) } }, response => {
      response.resume()
      response.on('end', () => response.statusCode === 200 ? resolve(performance.now() - began) : reject(new Error(`status ${response.statusCode}`)))
    })
    call.on('error', reject)
    call.end(content)
  })
}

async function postMany(count, connections) {
  const times = []
  let left = count
  await Promise.all(Array.from({ length: connections }, async () => { while (left-- > 0) times.push(await post()) }))
  return times
}

const count = () => parley.sim('/_sim/count')
const drained = () => until('the queue to drain', async () => {
  const { body } = await parley.get('/queue/stats')
  return body.queued + body.processing + body.failed === 0
}, 300000, 200)

const roots = () => ({
  ...Object.fromEntries(parley.services.map(({ name, pid }) => [name, pid])), 'nats-server': parley.nats.child.pid, postgres: parley.postgres.child.pid,
})
const cpu = () => Object.fromEntries(Object.entries(roots()).map(([name, pid]) => [name, cpuSeconds(pid)]))
const cpuPer = (before, messages) => Object.fromEntries(Object.entries(cpu()).map(([name, seconds]) => [name, (seconds - before[name]) * 1000 / messages]))
const servicesPss = () => parley.services.reduce((sum, { pid }) => sum + memoryMb(pid).pss, 0)

function wrk(seconds, connections, leads) {
  const script = join(folder('wrk'), 'post.lua')
  writeFileSync(script, `math.randomseed(${Date.now() % 100000})
request = function()
  return wrk.format("POST", "/inbound-message", {["content-type"] = "application/json"},
    string.format('{"phone_number":"%d","contact_name":"Bench","message_text":"Hello, what does it cost?"}', 13000000000 + math.random(0, ${leads - 1})))
end
done = function(summary, latency)
  io.write(string.format('RESULT {"rps":%f,"p50":%f,"p99":%f,"errors":%d}', summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end`)
  const out = execFileSync('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, `${parley.url}/inbound-message`], { encoding: 'utf8' })
  return JSON.parse(out.split('RESULT ')[1])
}

const PHASES = {
  stages,

  async idle() {
    const times = []
    for (let n = 0; n < 40; n++) {
      const before = (await count()).sent
      const to = phone()
      const began = Date.now()
      await post(to)
      await until('the reply', async () => (await count()).sent > before, 20000, 1)
      const [sent] = await parley.sim(`/_sim/sent?to=${to}`)
      times.push(Date.parse(sent.at) - began)
      await pause(50)
    }
    return { 'POST to Graph call, one at a time, ms': summary(times) }
  },

  async accept() {
    const result = {}
    for (const leads of [100, 100000]) {
      result[`${leads} leads, whole pipeline`] = wrk(10, 32, leads)
      await drained()
    }
    const workers = parley.services.filter(({ name }) => name !== 'gateway')
    for (const worker of workers) worker.signal('SIGSTOP')
    result['workers stopped'] = wrk(10, 32, 100)
    for (const worker of workers) worker.signal('SIGCONT')
    await drained()
    return result
  },

  async endToEnd() {
    const result = {}
    for (const [latency, messages] of [[0, 20000], [1000, 20000]]) {
      await parley.faults({ llm: { latency_ms: latency } })
      const before = cpu(), sent = (await count()).sent, began = performance.now()
      await postMany(messages, 16)
      await until('every reply', async () => (await count()).sent >= sent + messages, 300000, 20)
      const seconds = (performance.now() - began) / 1000
      await drained()
      result[`LLM ${latency} ms`] = { 'messages/s': messages / seconds, 'CPU ms per message': cpuPer(before, messages), 'PSS of all services, MB': servicesPss() }
    }
    await parley.faults({ llm: null })
    return result
  },

  async inFlight() {
    const idle = summary(await postMany(2000, 4))
    await drained()
    await parley.faults({ llm: { latency_ms: 10000 } })
    await postMany(2000, 16)
    await until('2,000 calls in flight', async () => (await count()).llm_in_flight >= 2000, 30000, 20)
    const busy = summary(await postMany(500, 4))
    const { rss, pss } = memoryMb(parley.service('ai-engage').pid)
    await parley.faults({ llm: null })
    await drained()
    return { 'POST idle, ms': idle, 'POST with 2,000 turns at a 10 s model, ms': busy, 'ai-engage RSS, MB': rss, 'ai-engage PSS, MB': pss }
  },

  queue,
  growth,
  knowledge,
  /** The scheduler alone, on servers of its own, with no-op jobs. */
  async noop() { return noopFigures() },
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PHASES)
parley = await Parley.start({ postgres: { socket: true }, env: { LOG_LEVEL: 'warn', LOOP_GUARD: 'off' } })
await parley.faults({ receipts: { enabled: false } })
await postMany(200, 4)
await drained()
const report = { machine: `${cpus().length} x ${cpus()[0].model}`, 'idle PSS of all services, MB': servicesPss() }
for (const phase of wanted) {
  report[phase] = await PHASES[phase]()
  console.log(JSON.stringify({ [phase]: report[phase] }, (_, value) => typeof value === 'number' ? Math.round(value * 100) / 100 : value, 1))
}
console.log(`\nmachine: ${report.machine}; idle PSS of all services: ${report['idle PSS of all services, MB'].toFixed(1)} MB`)
await parley.stop()
process.exit(0)
