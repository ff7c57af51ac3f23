// What a killed nats-server leaves in a work queue behind its acknowledgements is taken again: what was handled goes, what was not is answered.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Parley } from '../support/parley.mjs'
import { Bus } from '../support/bus.mjs'
import { until } from '../support/process.mjs'

const [FORGOTTEN, HANDLED] = ['15005581901', '15005581902']
let parley, bus

before(async () => { parley = await Parley.start() })
after(async () => {
  await bus?.close()
  await parley?.stop()
})

const manager = async () => {
  await bus?.close()
  bus = await Bus.open(parley.nats.url)
  return bus.connection.jetstreamManager()
}
const messages = async () => (await manager()).streams.info('INBOUND').then(info => info.state.messages)

/** The messages' files as they were: what a server finds that was killed after it wrote its consumer's state and before it wrote the stream's. */
async function withServerStopped(change) {
  const files = join(parley.nats.folder, 'store', 'jetstream', '$G', 'streams', 'INBOUND', 'msgs')
  await parley.nats.stop()
  change(files)
  await parley.nats.resume()
}

test('a message behind the acknowledgements is taken again: answered once if it never was, not a second time if it was', async () => {
  const ingest = parley.service('ingest')
  const kept = join(parley.nats.folder, 'kept')
  await ingest.stop()
  for (const digits of [FORGOTTEN, HANDLED]) assert.equal((await parley.inbound(`+${digits}`, 'Are you open today?')).status, 200)
  await withServerStopped(files => cpSync(files, kept, { recursive: true }))
  const before = await (await manager()).streams.info('INBOUND')
  await (await manager()).streams.deleteMessage('INBOUND', before.state.first_seq)
  await ingest.start()
  await parley.sentCount(1, HANDLED, 30000)
  await until('an empty queue', async () => await messages() === 0, 20000)
  await ingest.stop()
  await withServerStopped(files => {
    rmSync(files, { recursive: true })
    cpSync(kept, files, { recursive: true })
  })
  assert.equal(await messages(), 2)
  const consumer = await (await manager()).consumers.info('INBOUND', 'ingest-message')
  assert.deepEqual([consumer.num_pending, consumer.num_ack_pending], [0, 0], 'the server would deliver them by itself')
  await ingest.start()
  await parley.sentCount(1, FORGOTTEN, 40000)
  await until('an empty queue', async () => await messages() === 0, 40000)
  await until('all jobs done', async () => {
    const { body } = await parley.get('/queue/stats')
    return body.queued + body.processing + body.failed === 0
  }, 20000)
  assert.deepEqual((await parley.sent()).filter(sent => sent.to === HANDLED).length, 1)
  assert.deepEqual((await parley.sent()).filter(sent => sent.to === FORGOTTEN).length, 1)
})
