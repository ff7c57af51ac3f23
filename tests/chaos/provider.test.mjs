// A provider at its worst: every webhook up to fifty times over four gateways and out of order, statuses before the answer to the send that they speak of,
// connections that end after it has taken the message. What is stored, said and told stays as if nothing had been.
import test, { before, after, beforeEach } from 'node:test'
import assert from 'node:assert/strict'
import { nanos } from 'nats'
import { Parley, PHONE_ID } from '../support/parley.mjs'
import { Bus } from '../support/bus.mjs'
import { until } from '../support/process.mjs'
import { full, seed } from './plan.mjs'
import { assertWhole, copies, drained, provable, proven, talks } from './talks.mjs'
import { sawNothing, watch } from './witness.mjs'

const people = full ? 100 : 20
const HOLD_MS = 1500

let parley, bus, streams
let prefix = 1500700
before(async () => {
  parley = await Parley.start({ ...provable, gateways: 4, env: { BUFFER_MS: '300', BUFFER_MAX_MS: '120000', UNKNOWN_HOLD_MS: String(HOLD_MS) } })
  bus = await Bus.open(parley.nats.url)
  streams = await bus.connection.jetstreamManager()
  // a declaration from the future, which the services leave alone: the broker lets copies through as it does when they come minutes apart
  await streams.streams.update('INBOUND', { description: 'parley declaration 999', duplicate_window: nanos(100) })
  await watch(parley)
})
after(async () => {
  await bus?.close()
  await parley?.stop()
})
beforeEach(async () => {
  await until('receipts of the test before', async () => (await parley.sim('/_sim/count')).receipts_waiting === 0)
  await parley.sim('/_sim/reset', { keep_records: true })
  prefix++
})

const phones = (count = people) => Array.from({ length: count }, (_, n) => `${prefix}${String(n).padStart(4, '0')}`)
const everyone = parts => Promise.all(phones().map(phone => Promise.all(parts.map(part => parley.receive(phone, `${part} of ${phone}`, { retry: true })))))
const stored = () => parley.postgres.value("select count(*) from crm.messages where direction = 'inbound'")
const statuses = () => parley.postgres.rows(`select m.status, count(*)::int from crm.messages m join crm.leads l on l.id = m.lead_id
  where l.phone_number like $1 and m.direction = 'outbound' group by 1`, [`+${prefix}%`]).then(rows => Object.fromEntries(rows.map(row => [row.status, row.count])))
const all = (status, count = people) => until(`${count} messages ${status}`, async () => {
  const found = await statuses()
  return found[status] === count && Object.keys(found).every(other => [status, 'withdrawn'].includes(other))
}, 60000, 50)

/** What was told of each message that went out, in the order of the log. */
async function told() {
  const rows = await parley.postgres.rows(`select m.id, array_agg(e.type order by e.xid, e.n) as types from crm.messages m join crm.leads l on l.id = m.lead_id
    join crm.events e on e.lead_id = l.id and e.type like 'message.%' and e.payload ->> 'message_id' = m.id::text
    where l.phone_number like $1 and m.direction = 'outbound' group by 1`, [`+${prefix}%`])
  return rows.map(({ types }) => types.map(type => type.slice('message.'.length)))
}

async function assertAllWhole() {
  const [found, taken] = await Promise.all([talks(parley, prefix), copies(parley, prefix)])
  assert.deepEqual([...found.keys()].sort(), phones())
  for (const [phone, messages] of found) assertWhole(phone, messages, taken.get(phone))
  for (const types of await told()) {
    assert.equal(new Set(types).size, types.length, `told twice: ${types}`)
    const rising = types.filter(type => ['sent', 'delivered', 'read'].includes(type))
    assert.deepEqual(rising, ['sent', 'delivered', 'read'].filter(type => rising.includes(type)), `told in the wrong order: ${types}`)
  }
  await sawNothing(parley)
  await proven(parley, bus, { unknownHoldMs: HOLD_MS })
}

const pieces = async () => Promise.all(parley.services.filter(({ name }) => name === 'gateway').map(async gateway =>
  Number(/^parley_webhook_pieces_total\{kind="message"\} (\d+)/m.exec(await (await gateway.admin('/metrics')).text())?.[1] ?? 0)))

test(`each webhook fifty times over four gateways, out of order, leaves one row, one reply, one rise of each status (CHAOS_SEED=${seed})`, async t => {
  const before = (await streams.streams.info('INBOUND')).state.last_seq
  await parley.faults({ seed, llm: { latency_ms: 200, jitter_ms: 300 }, receipts: { sent_ms: 20, delivered_ms: 120, read_ms: 240 },
    webhook: { duplicate: 50, spread_ms: 1500, reorder: true, delay_send_answer_ms: 100 } })
  const known = await stored()
  const answers = (await everyone(['first', 'second', 'third'])).flat()
  assert.ok(answers.every(({ status }) => status === 200))
  await drained(parley, known + 3 * people)
  await all('read')
  const ids = (await parley.postgres.rows(`select m.external_id from crm.messages m join crm.leads l on l.id = m.lead_id
    where l.phone_number like $1 and m.direction = 'inbound'`, [`+${prefix}%`])).map(row => row.external_id)
  assert.deepEqual(ids.sort(), answers.map(({ id }) => id).sort())
  await assertAllWhole()

  const [reached, through] = [await pieces(), (await streams.streams.info('INBOUND')).state.last_seq - before]
  t.diagnostic(`copies of messages at the gateways: ${reached}; past the broker's window, with receipts: ${through} of ${6 * people}`)
  assert.ok(reached.every(count => count > 20 * people), `copies at the gateways: ${reached}`)
  assert.ok(through > 30 * people, `${through} copies past the broker's window`)
})

test('statuses that come before the answer to the send count, and the answer takes nothing back', async () => {
  await parley.faults({ seed, webhook: { delay_send_answer_ms: 3000, reorder: true }, receipts: { sent_ms: 0, delivered_ms: 30, read_ms: 60 } })
  const known = await stored()
  await everyone(['hello'])
  await all('read') // all of them while the calls are still under way
  assert.ok((await parley.get('/queue/stats')).body.processing > 0, 'the calls were over already')
  await drained(parley, known + people)
  await all('read')
  await assertAllWhole()
})

test('receipts that name only the provider\'s id wait for the answer that brings it', async () => {
  await parley.faults({ seed, webhook: { delay_send_answer_ms: 600, drop_callback: true, duplicate: 5, spread_ms: 200 }, receipts: { sent_ms: 0, delivered_ms: 30, read_ms: 60 } })
  const known = await stored()
  await everyone(['hello'])
  await until('parked receipts', async () => await parley.postgres.value('select count(*) from crm.parked_receipts') > 0)
  await drained(parley, known + people)
  await all('read')
  assert.equal(await parley.postgres.value('select count(*) from crm.parked_receipts'), 0)
  await assertAllWhole()
})

test('a connection that ends after the message was taken: one copy, unknown until its receipt comes, never sent again', async () => {
  await parley.faults({ seed, graph: { accept_then_cut: true }, receipts: { sent_ms: 700, delivered_ms: 750, read_ms: 800 }, webhook: { reorder: true, duplicate: 5, spread_ms: 100 } })
  const known = await stored()
  await everyone(['hello'])
  await drained(parley, known + people)
  await all('read')
  assert.ok((await told()).some(types => types.includes('unknown')), 'no message was ever unknown')
  await assertAllWhole()
})

test('without a receipt it stays unknown and is put before a person, still never sent again; a receipt that comes after all counts', async () => {
  await parley.faults({ seed, graph: { accept_then_cut: true }, webhook: { drop_receipts: true } })
  await everyone(['hello'])
  await all('unknown')
  await all('held') // by policy, when the time for a receipt is over
  await assertAllWhole()
  for (const types of await told()) assert.deepEqual(types, ['unknown', 'held'])
  assert.equal(await parley.postgres.value('select count(*) from crm.conversations c join crm.leads l on l.id = c.lead_id where l.phone_number like $1 and c.escalated_at is not null',
    [`+${prefix}%`]), people)

  const taken = [...(await copies(parley, prefix)).values()].flat()
  const value = { messaging_product: 'whatsapp', metadata: { display_phone_number: '15550001111', phone_number_id: PHONE_ID },
    statuses: taken.map(({ id, to, callback }) => ({ id, status: 'delivered', timestamp: String(Math.floor(Date.now() / 1000)), recipient_id: to, biz_opaque_callback_data: callback })) }
  await parley.sim('/_sim/receive', { raw: { object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages', value }] }] } })
  await all('delivered')
  await assertAllWhole()
})

test('connections that end before or after, at random, answers that come late: at most one copy, and what the provider has is known', async t => {
  const known = await stored()
  let taken = 0, lost = 0
  for (const fault of [{ accept_then_cut: true }, { cut_before_accept: true }]) {
    prefix++
    await parley.faults({ seed, graph: { ...fault, probability: 0.4, latency_ms: 20, jitter_ms: 80 }, webhook: { delay_send_answer_ms: 60, reorder: true },
      receipts: { sent_ms: 50, delivered_ms: 60, read_ms: 400 } })
    await everyone(['hello'])
    await until('an end of each', async () => {
      const found = await statuses()
      return (found.read ?? 0) + (found.held ?? 0) === people
    }, 60000, 50)
    const at = await copies(parley, prefix)
    for (const [phone, messages] of await talks(parley, prefix)) {
      const reply = messages.find(({ sender_type, status }) => sender_type === 'ai' && status !== 'withdrawn')
      const mine = at.get(phone) ?? []
      assert.deepEqual(mine.map(({ callback }) => callback), reply.status === 'read' ? [reply.id] : [], `${phone}: ${reply.status}`)
      mine.length ? taken++ : lost++
    }
  }
  await drained(parley, known + 2 * people)
  await sawNothing(parley)
  await proven(parley, bus, { unknownHoldMs: HOLD_MS })
  t.diagnostic(`taken ${taken}, lost and reported ${lost}`)
  assert.ok(lost > 0)
})
