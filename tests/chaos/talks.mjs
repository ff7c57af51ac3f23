// What the tests of whole conversations share: waiting until everything has ended, and holding what the provider has against what the store knows.
import assert from 'node:assert/strict'
import { until } from '../support/process.mjs'
import { check } from './checker/checker.mjs'
import { told } from './checker/rule.mjs'

/** What Parley.start() needs so that proven() can tell what was committed when. */
export const provable = { postgres: { settings: ['track_commit_timestamp=on'] } }

/** The checker finds nothing. The simulator must have kept its records since the start. */
export async function proven(parley, bus, more = {}) {
  await until('what came in to be read', async () => await unread(parley) === 0)
  await until('what happened to be told', async () => await parley.postgres.value(UNTOLD) === 0)
  assert.equal(told(await check({ postgresUrl: parley.postgres.url, bus, sent: await parley.sent(), ...more })), '')
}

/** Every person of whose conversation something is still to be done, as far as the store knows. */
const BUSY = `select count(*) from crm.conversations c where (c.owed_since is not null and c.owner = 'ai')
  or exists (select from crm.messages m where m.conversation_id = c.id and m.status in ('queued', 'sending'))`

/** Events that the relay has not published yet. */
const UNTOLD = `select count(*) from crm.events e, crm.relay r where r.name = 'events' and (e.xid, e.n) > (r.xid, r.n)`

/** What came in and is not stored yet. */
async function unread(parley) {
  const { account_details: [account] } = await (await fetch(`http://127.0.0.1:${parley.nats.monitorPort}/jsz?streams=true`)).json()
  return account.stream_detail.find(({ name }) => name === 'INBOUND').state.messages
}

/** Waits until `messages` inbound ones are stored, what is owed is answered, every job has ended and all that the vendor had to tell is read. */
export async function drained(parley, messages, waitMs = 60000) {
  await until(`${messages} messages to be stored`, async () =>
    await parley.postgres.value("select count(*) from crm.messages where direction = 'inbound'") >= messages, waitMs, 50)
  await until('everything to drain', async () => {
    const { body } = await parley.get('/queue/stats')
    const vendor = await parley.sim('/_sim/count')
    return body.queued + body.processing + body.failed === 0 && vendor.llm_in_flight === 0 && vendor.receipts_waiting === 0 &&
      await parley.postgres.value(BUSY) === 0 && await unread(parley) === 0
  }, waitMs, 50)
}

/** The people whose digits begin so, each with its messages in the order of their positions: {phone: [{id, direction, status, ...}]}. */
export async function talks(parley, prefix) {
  const rows = await parley.postgres.rows(`select l.phone_number, c.owner, c.owed_since, m.id, m.position, m.direction, m.sender_type, m.cause, m.status, m.message_text,
      m.external_id, m.turn_id, m.created_at, t.state as turn_state, t.message_id as answer_id, t.after_position, t.covered_position, t.prompt
    from crm.messages m join crm.conversations c on c.id = m.conversation_id join crm.leads l on l.id = m.lead_id left join crm.turns t on t.id = m.turn_id
    where l.phone_number like $1 order by c.id, m.position`, [`+${prefix}%`])
  const found = new Map()
  for (const row of rows) {
    const phone = row.phone_number.slice(1)
    if (!found.has(phone)) found.set(phone, [])
    found.get(phone).push(row)
  }
  return found
}

/** What the provider took for the people whose digits begin so, oldest first: {phone: [{at (ms), callback, ...}]}. */
export async function copies(parley, prefix) {
  const found = new Map()
  for (const copy of await parley.sent()) {
    const phone = copy.to.replace('+', '')
    if (!phone.startsWith(prefix)) continue
    if (!found.has(phone)) found.set(phone, [])
    found.get(phone).push({ ...copy, at: Date.parse(copy.at) })
  }
  return found
}

const left = message => message.direction === 'outbound' && !['withdrawn', 'cancelled', 'queued'].includes(message.status)

/**
 * One conversation as it must be in the end: every message of the customer answered by exactly one committed turn (unless they wanted nothing more: not `answered`),
 * every turn by one reply, and at the provider just what the store says, once, in the order of its positions.
 */
export function assertWhole(phone, messages, taken = [], { answered = true } = {}) {
  assert.deepEqual(messages.map(({ position }) => position), messages.map((_, n) => n + 1), `${phone}: positions`)
  const byId = new Map(messages.map(message => [message.id, message]))
  const answers = new Set()
  for (const message of messages.filter(({ direction, turn_id }) => direction === 'inbound' && turn_id)) {
    assert.equal(message.turn_state, 'committed', `${phone}: ${message.position} is covered by a turn that is ${message.turn_state}`)
    assert.ok(message.after_position < message.position && message.position <= message.covered_position, `${phone}: ${message.position} is not in its turn's range`)
    assert.ok(byId.get(message.answer_id)?.position > message.position, `${phone}: ${message.position} is answered before it came`)
    assert.ok(JSON.stringify(message.prompt).includes(JSON.stringify(message.message_text).slice(1, -1)), `${phone}: ${message.position} is not in its turn's prompt`)
    answers.add(message.answer_id)
  }
  if (answered)
    for (const message of messages) assert.ok(message.direction === 'outbound' || message.turn_id, `${phone}: ${message.position} has no answer`)
  const replies = messages.filter(message => left(message) && message.sender_type === 'ai')
  const expected = messages.filter(({ id, status }) => answers.has(id) && (answered || status !== 'cancelled'))
  assert.deepEqual(replies.map(({ id }) => id), expected.map(({ id }) => id), `${phone}: replies that left, against turns`)
  assert.deepEqual(taken.map(({ callback }) => callback), messages.filter(left).map(({ id }) => id), `${phone}: what the provider has, against what left`)
}
