// What should never be on the bus, and is: garbage, halves, forged items. Each is refused or set aside alone, its neighbours are done, no process ends of it, and nothing is sent twice.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Bus, encode, decode, headers, type } from '../support/bus.mjs'
import { Parley } from '../support/parley.mjs'
import { patience, root, until } from '../support/process.mjs'

const COMPANY = '00000000-0000-5000-8000-000000000000'
const MEMORY_MB_MAX = process.env.PARLEY_BUILD?.includes('san-') ? 2000 : 400
let parley, bus, pids, lead, company, home

/** Every subject that answers calls, with the type of its request: the table of the topology itself. */
const CALLS = [...readFileSync(join(root, 'shared/service/topology.c'), 'utf8').matchAll(/CALL\("([a-z_.]+)", ([a-z_]+), ([a-z_]+)\)/g)]
  .map(([, subject, request, reply]) => [subject, ...[request, reply].map(name => name.replace(/(^|_)(.)/g, (_, __, letter) => letter.toUpperCase()))])

const rss = pid => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1]) / 1024
const streams = async () => Object.fromEntries((await (await fetch(`http://127.0.0.1:${parley.nats.monitorPort}/jsz?streams=true`)).json()).account_details[0].stream_detail.map(({ name, state }) => [name, state]))
const count = sql => parley.postgres.value(`select count(*) from ${sql}`)

before(async () => {
  parley = await Parley.start()
  bus = await Bus.open(parley.nats.url)
  home = (await parley.get('/company')).body.id
  company = randomUUID() // of its own: what is taken from a stranger may well change how a company answers
  const { message_id: first } = (await parley.inbound('+15005560001', 'Hello there', { company_id: company })).body
  lead = await until('the lead', async () => (await parley.postgres.rows('select l.id from crm.leads l join crm.messages m on m.lead_id = l.id where m.id = $1', [first]))[0])
  pids = parley.services.map(({ pid }) => pid)
})
after(async () => {
  await bus?.close()
  await parley?.stop()
})

/** The whole way still works: every process is the one that was started, none has grown without end, a customer is answered. */
let customers = 0
async function well() {
  assert.deepEqual(parley.services.map(({ pid, child }) => child.running && pid), pids)
  for (const service of parley.services) assert.ok(rss(service.pid) < MEMORY_MB_MAX, `${service.name} has had ${rss(service.pid)} MB`)
  const phone = `1500556${String(1000 + ++customers)}`
  assert.equal((await parley.inbound(`+${phone}`, 'Are you well?')).status, 200)
  assert.equal((await parley.sentCount(1, phone)).length, 1)
}
const request = async (subject, bytes, waitMs = 20000) => decode('AnswerBatch', (await bus.connection.request(subject, bytes, { timeout: waitMs * patience })).data).answers ?? []
const noise = (bytes, seed) => {
  const pieces = []
  for (let n = 0; n * 64 < bytes; n++) pieces.push(createHmac('sha512', seed).update(String(n)).digest())
  return Buffer.concat(pieces).subarray(0, bytes)
}

test('bytes that are no batch are answered with a refusal by every subject', async () => {
  assert.ok(CALLS.length > 25)
  const valid = Buffer.from(encode('CallBatch', { deadline_at: Date.now() + 600000, calls: [{ company_id: company, body: encode('LeadGetRequest', { id: lead.id }) }] }))
  for (const [subject] of CALLS) {
    for (const bytes of [noise(1, 'a'), noise(100, 'b'), noise(1000, 'c'), noise(100000, 'd'), Buffer.alloc(1000, 0xff), valid.subarray(0, -1), valid.subarray(1), Buffer.concat([valid, Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f])])]) {
      const [answer, ...more] = await request(subject, bytes)
      assert.equal(more.length, 0)
      assert.equal(answer.status, 'STATUS_REJECT', `${subject}: ${JSON.stringify(answer)}`)
      assert.ok(answer.code && answer.error)
    }
    assert.deepEqual(await request(subject, Buffer.alloc(0)), [], subject)
  }
  await well()
})

test('a payload of four megabytes, of a million calls or of nothing but depth is refused, and costs no memory that stays', async () => {
  const calls = Buffer.alloc(3900000) // a call in two bytes
  for (let at = 0; at < calls.length; at += 2) calls.writeUInt16BE(0x1200, at)
  let deep = Buffer.alloc(0)
  for (let n = 0; n < 5000; n++) deep = Buffer.concat([Buffer.from([0x12, ...varint(deep.length)]), deep])
  for (const subject of ['store.lead.get', 'store.inbound.record', 'jobs.enqueue', 'jobs.finish', 'ingest.quarantine.replay'])
    for (const bytes of [calls, Buffer.alloc(4100000), noise(4100000, 'e'), deep]) {
      const answers = await request(subject, bytes)
      assert.ok(answers.every(({ status }) => status === 'STATUS_REJECT'), `${subject}: ${JSON.stringify(answers.slice(0, 2))}`)
      assert.ok(answers.length >= 1)
    }
  await well()
})

/** 300 -> [0xac, 0x02] */
function varint(number) {
  const bytes = []
  for (; number > 127; number = Math.floor(number / 128)) bytes.push(number % 128 | 128)
  return [...bytes, number]
}

const TEXTS = ['', ' ', 'x'.repeat(100000), "' or 1=1 --", '\u0001\u001f', '🎉'.repeat(100), 'not-a-uuid', '00000000-0000-0000-0000-00000000000g', '%s%n', '../../etc/passwd', '{"a":1', 'NULL', '$1']
const NUMBERS = { int32: [-2147483648, -1, 0, 2147483647], int64: ['-9223372036854775808', '-1', '0', '253402300800000', '9223372036854775807'], double: [NaN, Infinity, -1e308], bool: [true], uint64: ['18446744073709551615'] }
const JSONS = ['', 'null', '[]', '"x"', '7', '{', '{"a":1,"a":2}', '{"a":"\\u0000"}', '['.repeat(100) + ']'.repeat(100), `{"a":"${'x'.repeat(70000)}"}`, '{"a":1e999}', '{"a":"\\ud800"}']

/** Items of a type that are wrong in one member each, beside what is right in the others. */
function* wrong(name, good) {
  for (const field of type(name).fieldsArray) {
    field.resolve()
    const one = value => ({ ...good, [field.name]: field.repeated ? [value] : value })
    if (field.type === 'string') for (const text of TEXTS) yield one(text)
    else if (NUMBERS[field.type]) for (const number of NUMBERS[field.type]) yield one(number)
    else if (field.type === 'Json') for (const text of JSONS) yield one({ text })
    else if (field.type === 'bytes') yield one(Buffer.from('garbage'))
    else if (field.resolvedType?.values) for (const number of [0, 99, -1, 2147483647]) yield one(number)
    else if (field.resolvedType) {
      yield one({})
      for (const inner of wrong(field.resolvedType.name, {})) yield one(inner)
    }
    if (field.repeated) yield { ...good, [field.name]: Array.from({ length: 1000 }, () => field.type === 'string' ? 'x' : {}) }
  }
}

const known = () => ({ // members as they would be right, by name
  id: randomUUID(), job_id: randomUUID(), company_id: company, lead_id: lead.id, message_id: randomUUID(), claim: randomUUID(), turn_id: randomUUID(), external_id: `ext-${randomUUID()}`, name: 'Hostile', task: 'smartengage.run',
  channel: 1, received_at: Date.now(), provider_at: Date.now(), kind: 'text', message_text: 'hi', phone: '+15005560001', operator: 'eve', message: 'x', wants_answer: false,
})
const right = name => Object.fromEntries(Object.entries(known()).filter(([member]) => {
  const field = type(name).fields[member]
  return field && !field.repeated
}))

test('items that are wrong in any one member are taken or refused for good, never for later: nobody asks for ever', async () => {
  const seen = {}
  for (const [subject, name, reply] of CALLS) {
    if (subject === 'store.operator.post') continue // sends; wrong ones are REST's and the gate's tests
    const items = [...wrong(name, right(name))].map(item => {
      try { return encode(name, item) } catch { return undefined }
    }).filter(item => item && item.length < 200000)
    for (let at = 0; at < items.length; at += 40) {
      const calls = items.slice(at, at + 40).map(body => ({ company_id: company, correlation_id: 'hostile', body }))
      const answers = await request(subject, encode('CallBatch', { deadline_at: Date.now() + 60000, calls }))
      assert.equal(answers.length, calls.length, subject)
      answers.forEach((answer, n) => {
        const status = answer.status ?? 'STATUS_OK'
        if (status === 'STATUS_RETRY' && answer.code !== 'reply_full') (seen[subject] ??= []).push([answer.code, answer.error, JSON.stringify(decodeLoosely(name, calls[n].body)).slice(0, 300)])
        if (status === 'STATUS_OK' && answer.body) decode(reply, answer.body)
        if (status === 'STATUS_REJECT') assert.ok(answer.code && answer.error, JSON.stringify(answer))
      })
    }
  }
  assert.deepEqual(seen, {})
  await well()
})
const decodeLoosely = (name, bytes) => { try { return decode(name, bytes) } catch (error) { return String(error) } }

test('callers that say who they are wrongly get nothing of anybody', async () => {
  for (const caller of [{ company_id: '' }, { company_id: 'x' }, { company_id: COMPANY }, { company_id: "' or 1=1 --" }, { company_id: `${company}'` }, { company_id: company.toUpperCase() + ' ' }, { correlation_id: 'x'.repeat(10000) }, { traceparent: 'x'.repeat(10000) }]) {
    const [answer] = await request('store.lead.get', encode('CallBatch', { deadline_at: Date.now() + 60000, calls: [{ company_id: COMPANY, ...caller, body: encode('LeadGetRequest', { id: lead.id }) }] }))
    assert.equal(answer.status, 'STATUS_REJECT', JSON.stringify([caller, answer]))
  }
  for (const deadline of [1, -1, '9223372036854775807', '-9223372036854775808']) {
    const bytes = encode('CallBatch', { deadline_at: deadline, calls: [{ company_id: company, body: encode('LeadGetRequest', { id: lead.id }) }] })
    if (String(deadline).startsWith('9')) assert.equal((await request('store.lead.get', bytes)).length, 1)
    else await bus.connection.publish('store.lead.get', bytes) // past it: nobody is told
  }
  await well()
})

test('in a batch of inbound messages the wrong ones are refused alone, the others are stored in their order', async () => {
  const good = n => ({ ...right('InboundMessage'), external_id: `batch-${n}`, job_id: randomUUID(), identities: [{ kind: 'phone', value: '+15005560002', address: '15005560002' }] })
  const bad = [...wrong('InboundMessage', { ...right('InboundMessage'), identities: [{ kind: 'phone', value: '+15005560003', address: '15005560003' }] })]
    .map(item => { try { return encode('InboundMessage', item) } catch { return Buffer.from('garbage') } }).filter(item => item.length < 100000).concat([Buffer.from('garbage'), Buffer.alloc(0), Buffer.from([0x52, 3, 0x61, 0, 0x62])])
  let n = 0
  for (let at = 0; at < bad.length; at += 30) {
    const calls = bad.slice(at, at + 30).flatMap(body => [{ company_id: company, body }, { company_id: company, body: encode('InboundMessage', good(++n)), good: true }])
    const answers = await request('store.inbound.record', encode('CallBatch', { deadline_at: Date.now() + 60000, calls }))
    answers.forEach((answer, i) => {
      if (calls[i].good) assert.equal(answer.status ?? 'STATUS_OK', 'STATUS_OK', `${JSON.stringify(answer)} beside ${JSON.stringify(decodeLoosely('InboundMessage', calls[i - 1].body)).slice(0, 500)}`)
    })
  }
  const stored = await parley.postgres.rows(`select external_id from crm.messages where external_id like 'batch-%' order by position`)
  assert.deepEqual(stored.map(({ external_id }) => external_id), Array.from({ length: n }, (_, i) => `batch-${i + 1}`))
  await well()
})

test('what nobody can read on INBOUND is set aside alone, and its neighbours are answered', async () => {
  const before = await streams()
  const raw = more => ({ id: randomUUID(), job_id: randomUUID(), channel: 1, account: '', company_id: company, received_at: Date.now(), correlation_id: 'c', ...more })
  const post = more => ({ phone_number: '+15005560004', contact_name: 'x', message_text: 'x', ...more })
  const forged = headers()
  for (const [name, value] of [['Parley-Company', "' or 1=1"], ['Parley-Correlation', 'x'.repeat(5000)], ['traceparent', '🎉'], ['Nats-Expected-Stream', 'INBOUND'], ['X'.repeat(500), 'y'], ['Parley-Error', 'forged'], ['Parley-Subject', 'work.ai.engage']]) forged.set(name, value)
  const items = [
    noise(1, 'a'), noise(1000, 'b'), noise(300000, 'c'), Buffer.alloc(0), noise(4190000, 'd'), Buffer.alloc(4190000),
    ...[{}, { post: {} }, { post: post({ phone_number: 'x' }) }, { post: post({ message_text: '' }) }, { post: post({ message_text: 'x'.repeat(70000) }) }, { post: post(), id: 'x' }, { post: post(), job_id: '' }, { post: post(), received_at: 0 },
      { post: post(), received_at: '9223372036854775807' }, { post: post(), received_at: '-9223372036854775808' }, { post: post(), company_id: 'x' }, { post: post(), channel: 99 }, { post: post(), account: 'nobody-s' }, { channel: 4, body: Buffer.from('{}') },
      { body: Buffer.from('{}') }, { body: Buffer.from('null') }, { body: Buffer.from('[[[') }, { body: noise(1000, 'e') }, { body: Buffer.from('{"field":"messages","message":{"id":"x","type":"text","text":{"body":"a"}}}') },
      { body: Buffer.from('{"field":"messages","metadata":{"phone_number_id":"1"},"message":{"from":"15005560004","id":7,"type":"text"}}') },
    ].map(more => encode('RawInbound', raw(more))),
  ]
  let neighbours = 0, set = 0
  for (const [subject, expected] of [['inbound.message.whatsapp_cloud', items], ['inbound.receipt.whatsapp_cloud', items], ['inbound.message.nonsense', items.slice(0, 4)]])
    for (const [n, data] of expected.entries()) {
      await bus.jetstream.publish(subject, data, n % 3 === 0 && data.length < 4000000 ? { headers: forged } : {})
      set++
      const phone = `1500556${2000 + ++neighbours}`
      await bus.jetstream.publish('inbound.message.whatsapp_cloud', encode('RawInbound', raw({ company_id: home, post: post({ phone_number: `+${phone}`, message_text: `neighbour ${neighbours}` }) })))
    }
  await until('INBOUND to be empty', async () => (await streams()).INBOUND.messages === 0, 60000)
  const after = await streams()
  assert.equal(after.QUARANTINE.messages - before.QUARANTINE.messages, set)
  assert.equal(await count(`crm.leads where phone_number = '+15005560004'`), 0)
  await until('every neighbour to be answered', async () => new Set((await parley.sent()).map(({ to }) => to.replace('+', '')).filter(to => to.startsWith('15005562'))).size === neighbours, 60000)
  await well()
})

test('forged and broken dispatches on WORK do nothing and go away', async () => {
  const done = (await parley.get('/jobs?status=completed&limit=20')).body.items
  const sent = (await parley.sent()).length
  const messages = await parley.postgres.rows(`select id from crm.messages where direction = 'outbound' limit 20`)
  const forged = (task, more) => encode('JobDispatch', { job_id: randomUUID(), dispatch: 1, company_id: company, task, params: { text: '{}' }, priority: 100, attempt: 1, attempts_max: 6, created_at: Date.now(), dispatched_at: Date.now(), ...more })
  for (const task of ['ai.engage', 'channel.send.whatsapp_cloud']) {
    const subject = `work.${task}`
    for (const data of [Buffer.alloc(0), noise(1, 'a'), noise(1000, 'b'), noise(1000000, 'c'), Buffer.alloc(4190000)]) await bus.jetstream.publish(subject, data)
    for (const more of [{}, { job_id: 'x' }, { company_id: 'x' }, { company_id: COMPANY }, { dispatch: -1 }, { dispatch: 2147483647 }, { attempt: 2147483647 }, { attempt: -5 }, { attempts_max: 0 }, { task: 'make.coffee' }, ...JSONS.map(text => ({ params: { text } }))])
      await bus.jetstream.publish(subject, forged(task, more))
    for (const { id } of messages)
      await bus.jetstream.publish(subject, forged(task, { params: { text: JSON.stringify(task === 'ai.engage' ? { lead_id: lead.id, message_id: id } : { message_id: id }) } }))
    for (const { id } of done) // a job that is over, dispatched again by nobody
      await bus.jetstream.publish(subject, forged(task, { job_id: id, dispatch: 2, params: { text: JSON.stringify({ lead_id: lead.id, message_id: messages[0].id }) } }))
  }
  await until('WORK to be empty', async () => (await streams()).WORK.messages === 0, 60000)
  assert.equal((await parley.sent()).length, sent, 'a forged dispatch has sent something')
  for (const { id } of done) assert.equal((await parley.get(`/jobs/${id}`)).body.status, 'completed')
  await well()
})

test('garbage on the nudges and from workers that do not exist holds nobody up', async () => {
  const capacity = more => encode('JobCapacity', { worker_id: 'evil', task: 'ai.engage', free: 1000, held: 0, ...more })
  for (let n = 0; n < 200; n++) {
    for (const subject of ['nudge.conversation', 'nudge.relay', 'nudge.dispatch', 'nudge.keys', 'jobs.capacity.ai.engage', 'jobs.capacity.x', 'jobs.capacity.make.coffee', '$SRV.PING', '$SRV.INFO.x'])
      bus.connection.publish(subject, noise(n, 'n'))
    bus.connection.publish('jobs.capacity.ai.engage', capacity({ free: [2147483647, -2147483648, -1, 0][n % 4], held: [-1, 2147483647][n % 2], worker_id: `evil-${n}` }))
    bus.connection.publish('jobs.capacity.channel.send.whatsapp_cloud', capacity({ worker_id: 'x'.repeat(100000) }))
  }
  await bus.connection.flush()
  for (let n = 0; n < 5; n++) await well()
})
