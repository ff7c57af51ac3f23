// Named moments: who wakes late, what is deleted under load, dead letters run again at once. Each ends drained, and the checker finds nothing.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { SERVICES } from '../support/parley.mjs'
import { pause, until } from '../support/process.mjs'
import { Load } from './load.mjs'
import { full, seed } from './plan.mjs'
import { System } from './system.mjs'

let system, prefix = 150300
before(async () => { system = await System.start() })
after(() => system?.stop())

function load(t, more = {}) {
  const messages = new Load(system.parley, { seed: seed + prefix, prefix: String(++prefix), handovers: false, ...more })
  t.after(async () => { // also when the test has failed
    await messages.stop()
    for (const service of system.parley.services) service.signal('SIGCONT')
    await system.parley.faults({ llm: null, graph: null })
  })
  return messages
}
const proven = async (t, messages) => t.diagnostic(JSON.stringify(await system.prove(await messages.stop())))
const count = (sql, values) => system.postgres.value(`select count(*) from ${sql}`, values)
const gone = status => count(`crm.messages where status = $1`, [status])
/** Past the go, and in full also past the stream's ack wait: by then somebody else has the job. */
const LATE_MS = full ? [7000, 25000] : [7000]

for (const lateMs of LATE_MS) {
  test(`a channel that is stopped between authorise and call, and wakes ${lateMs / 1000} s later, sends nothing twice`, async t => {
    const messages = load(t)
    await until('answers to leave', async () => await gone('read') > 5)
    let caught = false
    for (let n = 0; n < 200 && !caught; n++) { // stopped the moment a message is `sending`, and looked at whether the provider has it
      system.signal('lead-store', 'SIGSTOP')
      await pause(30)
      system.signal('channel-whatsapp-cloud', 'SIGSTOP')
      system.signal('lead-store', 'SIGCONT')
      await pause(60)
      caught = await gone('sending') > 0
      if (!caught) {
        system.signal('channel-whatsapp-cloud', 'SIGCONT')
        await pause(20)
      }
    }
    assert.ok(caught, 'no send was caught between authorise and call')
    await messages.stop()
    await pause(lateMs)
    system.signal('channel-whatsapp-cloud', 'SIGCONT')
    await proven(t, messages)
  })

  if (full) test(`one copy of every service is stopped for ${lateMs / 1000} s in the middle of its work, and wakes late`, async t => {
    await system.parley.faults({ llm: { latency_ms: 500 }, graph: { latency_ms: 300 } })
    const messages = load(t)
    await until('work under way', async () => (await system.parley.sim('/_sim/count')).llm_in_flight > 3 && await gone('sending') > 0)
    for (const name of SERVICES) system.copies(name)[0].signal('SIGSTOP')
    await pause(1000)
    const over = messages.stop() // what a stopped gateway was asked is answered when it wakes
    await pause(lateMs)
    for (const service of system.parley.services) service.signal('SIGCONT')
    await over
    await system.parley.faults({ llm: null, graph: null })
    await proven(t, messages)
  })
}

test('consumers are deleted while sends and calls of the model are in flight: they come back, nothing is sent twice', async t => {
  await system.parley.faults({ llm: { latency_ms: 300 }, graph: { latency_ms: 500 } })
  const messages = load(t), manager = await system.manager()
  await until('sends in flight', async () => await gone('sending') > 3)
  for (const [stream, consumer] of [['WORK', 'channel-send-whatsapp_cloud'], ['WORK', 'ai-engage'], ['INBOUND', 'ingest-message'], ['INBOUND', 'ingest-receipt']]) {
    await manager.consumers.delete(stream, consumer).catch(error => assert.equal(error.api_error?.err_code, 10051, error.message)) // made again while its files went
    await until(`${consumer} to be back`, () => manager.consumers.info(stream, consumer).catch(() => false))
  }
  await pause(500)
  await system.parley.faults({ llm: null, graph: null })
  await proven(t, messages)
})

/** EVENTS last: once it was lost, no order is promised in it. */
function deleted(stream) {
  test(`${stream} is deleted under load: it comes back by itself, and nothing that PostgreSQL knows is lost`, async t => {
    const messages = load(t), manager = await system.manager()
    await until('answers to leave', async () => (await system.parley.sent()).length > 20)
    messages.ledger.deleted.push({ stream, at: Date.now() })
    await manager.streams.delete(stream)
    await until(`${stream} to be back`, () => manager.streams.info(stream).catch(() => false))
    await pause(1000)
    await proven(t, messages)
  })
}
for (const stream of full ? ['WORK', 'INBOUND'] : ['WORK']) deleted(stream)

test('dead letters are run again within two minutes of their death: no dedupe window swallows them', async t => {
  const people = load(t, { everyMs: 0 }), letters = async (task, wanted) => until(`${wanted} dead letters of ${task}`, async () =>
    await count(`jobs.unfinished where status = 'dlq' and task = $1`, [task]) === wanted)
  const replay = async wanted => {
    const { status, body } = await system.parley.post('/admin/dlq/replay', { max_jobs: 100 })
    assert.equal(status, 200)
    assert.equal(body.replayed, wanted)
  }
  const write = () => Promise.all(Array.from({ length: 5 }, (_, n) => people.post(`${prefix}0000${n}`)))
  await system.parley.faults({ llm: { status: 400 } })
  await write()
  await letters('ai.engage', 5)
  await system.parley.faults({ llm: null, graph: { code: 190 } })
  await replay(5)
  await letters('channel.send.whatsapp_cloud', 5)
  await system.parley.faults({ graph: null })
  await replay(5)
  for (let n = 0; n < 5; n++) await system.parley.sentCount(1, `${prefix}0000${n}`)
  await proven(t, people)
})

deleted('EVENTS')
