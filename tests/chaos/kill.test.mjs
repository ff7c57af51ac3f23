// Named kills under a stream of messages, each with automatic restart. Whatever dies, what was acknowledged is stored once and answered once; a send in flight at the kill
// settles by its receipt or is reported `unknown`; none is doubled.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { Stream } from '../support/stream.mjs'
import { pause } from '../support/process.mjs'
import { dice, full, seed } from './plan.mjs'
import { System } from './system.mjs'

let system, parley
let prefix = 150100
const streams = []
before(async () => {
  system = await System.start({ replicas: 1 })
  parley = system.parley
})
after(() => system?.stop())

function stream(t) {
  const messages = new Stream(parley, String(++prefix))
  streams.push(messages)
  t.after(() => messages.stop())
  return messages
}
/** In full each scenario is proven by itself; else all of them at the end, for what takes long is to wait. */
async function proven(t, messages) {
  await messages.stop()
  if (!full) return
  t.diagnostic(JSON.stringify(await messages.prove()))
  await system.prove()
}
/** Takes a service away until the returned function is called. */
async function away(name) {
  const service = parley.service(name)
  service.supervised = false
  await service.child.kill()
  return async () => { await service.start(); service.supervise() }
}

/** What ingest held at a kill is done: a batch that waits for the scheduler keeps it from taking more. */
async function inboundEmpty() {
  const manager = await system.bus.connection.jetstreamManager()
  await system.until('INBOUND to be empty', async () => (await manager.streams.info('INBOUND')).state.messages === 0, 60000)
}

test(`every service is killed, in an order and at moments by dice (CHAOS_SEED=${seed})`, async t => {
  const messages = stream(t), random = dice()
  const order = [...parley.services, random.of(parley.services), random.of(parley.services)].map(service => [random(), service]).sort(([a], [b]) => a - b)
  for (const [, service] of order) {
    await pause(random.between(250, 750))
    service.signal('SIGKILL')
  }
  await pause(1000)
  await proven(t, messages)
  assert.ok(messages.acknowledged.size > 50)
})

test('ingest is killed between record and enqueue', async t => {
  await inboundEmpty()
  const back = await away('scheduler') // recorded messages can't be enqueued now
  const messages = stream(t)
  await system.until('a recorded message', async () => await parley.postgres.value(`select count(*) from crm.messages where direction = 'inbound'
    and not exists (select from jobs.jobs j where j.id = job_id)`) > 0)
  parley.service('ingest').signal('SIGKILL')
  await pause(500)
  await back()
  await proven(t, messages)
})

test('ai-engage is killed between commit and finish', async t => {
  await parley.faults({ llm: { latency_ms: 400 } })
  const messages = stream(t)
  await system.until('calls under way', async () => (await parley.sim('/_sim/count')).llm_in_flight > 3)
  const back = await away('scheduler') // committed turns can't be finished now
  await system.until('a committed turn whose job is not finished', async () => await parley.postgres.value(
    `select count(*) from crm.turns t join jobs.unfinished j on j.id = t.job_id where t.state = 'committed' and j.status = 'processing'`) > 0)
  parley.service('ai-engage').signal('SIGKILL')
  await back()
  await parley.faults({ llm: null })
  await proven(t, messages)
})

let cut
test('the channel is killed between authorise and call', async t => {
  const messages = stream(t)
  await pause(500)
  const store = parley.service('lead-store'), channel = parley.service('channel-whatsapp-cloud')
  let caught = []
  for (let n = 0; n < 100 && !caught.length; n++) { // stop it the moment a message is `sending` and the provider doesn't have it
    store.signal('SIGSTOP')
    await pause(30)
    channel.signal('SIGSTOP')
    store.signal('SIGCONT')
    await pause(60)
    const sending = await parley.postgres.rows(`select l.phone_number from crm.messages m join crm.leads l on l.id = m.lead_id
      where m.status = 'sending' and l.phone_number like $1`, [`+${messages.prefix}%`])
    const sent = sending.length ? new Set((await parley.sent()).map(({ to }) => to.replace('+', ''))) : undefined
    caught = sending.filter(row => !sent.has(row.phone_number.slice(1)))
    if (!caught.length) {
      channel.signal('SIGCONT')
      await pause(20)
    }
  }
  if (!caught.length) await system.until('a send caught between authorise and call', () => false, 0)
  channel.signal('SIGKILL')
  await proven(t, messages)
  cut = messages
})

test('the scheduler is killed between commit and publish', async t => {
  const messages = stream(t)
  await pause(500)
  parley.nats.child.signal('SIGSTOP') // what is committed now can't be published
  await pause(300)
  parley.service('scheduler').signal('SIGKILL')
  parley.nats.child.signal('SIGCONT')
  await pause(500)
  await proven(t, messages)
})

test('lead-store, nats-server and PostgreSQL are killed and come back', async t => {
  const messages = stream(t)
  await pause(500)
  parley.service('lead-store').signal('SIGKILL')
  await pause(1500)
  await parley.nats.kill()
  await pause(500)
  await parley.nats.resume()
  await pause(1500)
  await parley.postgres.kill()
  await pause(500)
  await parley.postgres.resume()
  await pause(1500)
  await proven(t, messages)
})

test('after all of it: stored once, answered once or reported unknown, and the checker finds nothing', async t => {
  const results = []
  for (const messages of streams) results.push(await messages.prove())
  t.diagnostic(JSON.stringify(results))
  assert.ok(results[streams.indexOf(cut)].unknown > 0, 'an authorised message whose sender died must be reported unknown')
  t.diagnostic(JSON.stringify(await system.prove()))
})
