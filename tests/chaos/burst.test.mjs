// Many conversations at once, each in bursts by dice, with a model and a provider that fail now and then: what one person writes keeps its order, is answered once,
// each turn by one reply, and nothing is lost.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { Bus } from '../support/bus.mjs'
import { Parley } from '../support/parley.mjs'
import { pause, until } from '../support/process.mjs'
import { Ledger } from './checker/ledger.mjs'
import { dice, full, seed } from './plan.mjs'
import { assertWhole, copies, drained, provable, proven, talks } from './talks.mjs'
import { sawNothing, watch } from './witness.mjs'

const PREFIX = '15009'
const people = full ? 1000 : 150
const BUFFER_MS = 300

let parley, bus
before(async () => {
  parley = await Parley.start({ ...provable, gateways: 2, env: { BUFFER_MS: String(BUFFER_MS), BUFFER_MAX_MS: '120000', JOB_LADDER_MS: '200,400,800,1600,3200' } })
  bus = await Bus.open(parley.nats.url)
  await watch(parley)
})
after(async () => {
  await bus?.close()
  await parley?.stop()
})

/** As a client that asks again with the same key where its connection ended: a gateway closes the idle ones. */
async function request(phone, text) {
  const body = { phone_number: phone, contact_name: 'Test User', message_text: text }
  return until('an answer', () => parley.post('/inbound-message', body, { 'idempotency-key': text }))
}

/** By webhook or by request: one after the other is acknowledged, so that their order is known. */
async function write(ledger, roll, phone, text) {
  const post = ledger.wrote(phone, text)
  if (roll() < 0.5) {
    const { status, id } = await parley.receive(phone, text)
    assert.equal(status, 200)
    ledger.acknowledge(post, { externalId: id })
  } else {
    const { status, body } = await request(phone, text)
    assert.equal(status, 200)
    ledger.acknowledge(post, { messageId: body.message_id, jobId: body.job_id })
  }
}

/** One to three bursts of one to four messages; the pauses within are shorter than the buffer, those between anything. */
async function talk(ledger, roll, phone) {
  await pause(roll.below(people * 15))
  const bursts = roll.between(1, 3)
  for (let burst = 1, n = 0; burst <= bursts; burst++) {
    for (let left = roll.between(1, 4); left > 0; left--) {
      await write(ledger, roll, phone, `${phone} says ${++n}`)
      await pause(roll.below(BUFFER_MS / 2))
    }
    await pause(roll.below(3000))
  }
}

test(`${people} conversations in bursts: order kept, one reply per turn, each message covered once, nothing lost (CHAOS_SEED=${seed})`, async t => {
  await parley.faults({ seed, llm: { status: 500, probability: 0.08, latency_ms: 100, jitter_ms: 500 },
    graph: { code: 131016, probability: 0.08, latency_ms: 10, jitter_ms: 150 }, webhook: { reorder: true, duplicate: 2, spread_ms: 5 },
    receipts: { sent_ms: 10, delivered_ms: 60, read_ms: 150 } })
  const ledger = new Ledger()
  await Promise.all(Array.from({ length: people }, (_, n) => talk(ledger, dice(seed + n), `${PREFIX}${String(n).padStart(6, '0')}`)))
  await drained(parley, ledger.posts.length, 120000)

  const [found, sent] = await Promise.all([talks(parley, PREFIX), copies(parley, PREFIX)])
  assert.equal(found.size, people)
  const written = new Map([...found.keys()].map(phone => [phone, []]))
  for (const { phone, text } of ledger.posts) written.get(phone).push(text)
  let replies = 0, withdrawn = 0
  for (const [phone, messages] of found) {
    const inbound = messages.filter(({ direction }) => direction === 'inbound')
    assert.deepEqual(inbound.map(({ message_text }) => message_text), written.get(phone), `${phone}: what was written, against what is stored`)
    assertWhole(phone, messages, sent.get(phone))
    replies += sent.get(phone).length
    withdrawn += messages.filter(({ status }) => status === 'withdrawn').length
  }
  const storedAt = new Map([...found].flatMap(([, messages]) => messages.map(message => [message.message_text, message.created_at])))
  const lags = ledger.posts.map(post => storedAt.get(post.text) - post.acknowledgedAt).sort((a, b) => a - b)
  t.diagnostic(`stored after the answer: median ${lags[lags.length >> 1]} ms, last ${lags.at(-1)} ms`)
  t.diagnostic(`${ledger.posts.length} messages, ${replies} replies, ${withdrawn} taken back, ${(await parley.sim('/_sim/count')).llm_aborted} calls aborted`)
  assert.ok(replies < ledger.posts.length)
  await sawNothing(parley)
  await proven(parley, bus, { ledger, inOrder: true })
})
