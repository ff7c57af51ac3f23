// An integrator's view: npm `nats` subscribes, `protobufjs` decodes with our .proto files, the documents describe what comes.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { consumerOpts } from 'nats'
import { Parser } from '@asyncapi/parser'
import { Parley, SERVICES } from '../support/parley.mjs'
import { Bus, decode } from '../support/bus.mjs'
import { root, until } from '../support/process.mjs'

let parley, bus
const events = []
before(async () => {
  parley = await Parley.start()
  bus = await Bus.open(parley.nats.url)
  const subscription = await bus.jetstream.subscribe('events.>', consumerOpts().orderedConsumer().deliverAll())
  ;(async () => {
    for await (const message of subscription) events.push({ subject: message.subject, headers: message.headers, event: decode('Event', message.data) })
  })()
})
after(async () => {
  await bus?.close()
  await parley?.stop()
})

test('a conversation arrives as events on subjects of its company, in order, with CloudEvents headers', async () => {
  await parley.receive('15005580001', 'hello events')
  await parley.sentCount(1, '15005580001')
  const story = await until('message.read', () => events.some(({ event }) => event.type === 'message.read') && events)
  const types = story.map(({ event }) => event.type)
  const order = ['lead.created', 'message.received', 'turn.committed', 'message.sent', 'message.delivered', 'message.read']
  assert.deepEqual(types.filter(type => order.includes(type)), order)
  for (const { subject, headers, event } of story) {
    assert.equal(subject, `events.${event.company_id}.${event.type}`)
    assert.equal(headers.get('ce-id'), event.id)
    assert.equal(headers.get('ce-type'), event.type)
    assert.equal(headers.get('Parley-Lead'), event.lead_id)
    JSON.parse(event.payload.text)
  }
  const received = story.find(({ event }) => event.type === 'message.received').event
  assert.equal(JSON.parse(received.payload.text).text, 'hello events')
})

test('one correlation id runs through the whole chain', async () => {
  await parley.post('/inbound-message', { phone_number: '+15005580002', contact_name: 'C', message_text: 'trace me' }, { 'x-correlation-id': 'trace-42' })
  await parley.sentCount(1, '15005580002')
  await until('the chain', () => ['message.received', 'turn.committed', 'message.sent'].every(type =>
    events.some(({ event }) => event.type === type && event.correlation_id === 'trace-42')))
  const jobs = (await parley.get('/jobs?limit=200')).body.items.filter(job => job.correlation_id === 'trace-42')
  assert.deepEqual(jobs.map(job => job.task_name).sort(), ['ai.engage', 'channel.send.whatsapp_cloud'])
})

test('asyncapi.json is valid AsyncAPI and, like docs/events.md, names every event', async () => {
  const { body } = await parley.get('/asyncapi.json')
  const { document, diagnostics } = await new Parser().parse(JSON.stringify(body))
  assert.ok(document, JSON.stringify(diagnostics.filter(({ severity }) => severity === 0)))
  const page = readFileSync(join(root, 'docs/events.md'), 'utf8')
  const table = readFileSync(join(root, 'shared/service/event_type.c'), 'utf8').match(/\{ "[a-z_]+\.[a-z_]+",/g).map(line => line.slice(3, -2))
  assert.ok(table.length > 20)
  for (const type of table) {
    assert.ok(page.includes(`\`${type}\``), `docs/events.md lacks ${type}`)
    assert.ok(JSON.stringify(body).includes(type), `asyncapi.json lacks ${type}`)
  }
  for (const { event } of events) assert.ok(table.includes(event.type), `${event.type} is in no table`)
})

test('every service answers $SRV.PING, so that the nats tool lists it', async () => {
  const names = new Set()
  const subscription = bus.connection.subscribe('_INBOX.ping.test')
  ;(async () => { for await (const message of subscription) names.add(message.json().name) })()
  bus.connection.publish('$SRV.PING', undefined, { reply: '_INBOX.ping.test' })
  await until('all of them', () => names.size === SERVICES.length)
  assert.deepEqual([...names].sort(), [...SERVICES].sort())
})
