// How sends end: by their owner's word, by receipts, in every order.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Store, receipt } from './store.mjs'
import { Talk } from './talk.mjs'

let store
before(async () => { store = await Store.start() })
after(() => store?.stop())

/** A reply that was given the go to claim-1. */
async function going() {
  const talk = await Talk.start(store)
  const id = await talk.reply(talk.first)
  await talk.authorize(id)
  return { talk, id, externalId: `wamid.${randomUUID()}` }
}

test('sent: status, provider id, moment and event', async () => {
  const { talk, id, externalId } = await going()
  assert.deepEqual(await talk.settle(id, 'sent', { external_id: externalId }), { status: 'sent', stale: false })
  const row = await talk.row(id)
  assert.deepEqual([row.status, row.external_id, row.error_class], ['sent', externalId, null])
  assert.ok(await store.value('select sent_at from crm.ai_messages where id = $1', [id]))
  assert.deepEqual(await talk.settle(id, 'sent', { external_id: externalId }), { status: 'sent', stale: false }) // asked again: harmless
  assert.equal((await talk.events()).filter(type => type === 'message.sent').length, 1)
  const [event] = await store.rows("select payload from crm.events where type = 'message.sent' and lead_id = $1", [talk.leadId])
  assert.deepEqual([event.payload.message_id, event.payload.channel, event.payload.external_id], [id, 'whatsapp_cloud', externalId])
})

test('not sent: it waits again, and any claim may try', async () => {
  const { talk, id } = await going()
  assert.equal((await talk.settle(id, 'not_sent')).status, 'queued')
  assert.equal((await talk.authorize(id, 'claim-2')).verdict, 'go')
  assert.deepEqual(await talk.settle(id, 'sent', { external_id: 'wamid.late' }), { status: 'sending', stale: true }) // claim-1 is not the owner any more
})

test("nobody settles another claim's send", async () => {
  const { talk, id } = await going()
  for (const outcome of ['sent', 'not_sent', 'failed', 'unknown'])
    assert.deepEqual(await talk.settle(id, outcome, { claim: 'stranger' }), { status: 'sending', stale: true })
  const waiting = await talk.reply(await talk.write())
  assert.equal((await talk.settle(waiting, 'sent', { external_id: 'wamid.x' })).stale, true)
})

test('each class of failure ends as it should', async () => {
  const expected = { AUTH: 'failed', TEMPLATE: 'failed', MEDIA: 'failed', PERMANENT: 'failed', UNREACHABLE: 'failed', OPTED_OUT: 'failed', WINDOW: 'held', RETRY: 'failed' }
  for (const [name, status] of Object.entries(expected)) {
    const { talk, id } = await going()
    const settled = await talk.settle(id, 'failed', { error_class: `SEND_CLASS_${name}`, error_code: '131', error: 'no' })
    assert.deepEqual([name, settled.status], [name, status])
    const row = await talk.row(id)
    assert.deepEqual([row.error_class, row.error_code, row.error], [status === 'held' ? 'window_closed' : name.toLowerCase(), '131', 'no'])
    assert.ok((await talk.events()).includes(`message.${status}`))
    const [lead] = await store.rows('select * from crm.leads where id = $1', [talk.leadId])
    assert.equal(lead.opted_out_at !== null, name === 'OPTED_OUT')
    const contact = await store.value('select unreachable_at from crm.lead_contacts where lead_id = $1', [talk.leadId])
    assert.equal(contact !== null, name === 'UNREACHABLE')
    assert.equal((await talk.events()).includes('lead.opted_out'), name === 'OPTED_OUT')
  }
})

test('an ambiguous send is unknown, and its owner may still tell', async () => {
  for (const [late, status] of [['sent', 'sent'], ['not_sent', 'queued'], ['failed', 'failed'], ['unknown', 'unknown']]) {
    const { talk, id, externalId } = await going()
    assert.equal((await talk.settle(id, 'unknown')).status, 'unknown')
    assert.ok((await talk.events()).includes('message.unknown'))
    assert.equal((await talk.authorize(id, 'claim-2')).verdict, 'busy')
    assert.deepEqual([late, (await talk.settle(id, late, { external_id: externalId, error_class: 'SEND_CLASS_PERMANENT' })).status], [late, status])
  }
})

test('a receipt that came before its message was known is applied with the settle', async () => {
  const { talk, id, externalId } = await going()
  const [parked] = await store.receipts([receipt('delivered', { external_id: externalId })])
  assert.equal(parked.reply.parked, true)
  assert.deepEqual(await talk.settle(id, 'sent', { external_id: externalId }), { status: 'delivered', stale: false })
  assert.equal(await talk.status(id), 'delivered')
  assert.equal(await store.value('select count(*) from crm.parked_receipts where external_id = $1', [externalId]), 0)
})

test('sent, delivered, read, failed in every order, with our own settle anywhere: one final status', async () => {
  const steps = ['settle', 'sent', 'delivered', 'read']
  const orders = list => list.length < 2 ? [list] : list.flatMap((one, i) => orders([...list.slice(0, i), ...list.slice(i + 1)]).map(rest => [one, ...rest]))
  for (const order of orders(steps)) {
    const { talk, id, externalId } = await going()
    const seen = []
    for (const step of order) {
      if (step === 'settle') await talk.settle(id, 'sent', { external_id: externalId })
      else await store.receipts([receipt(step, { external_id: externalId, message_id: id })])
      seen.push(await talk.status(id))
    }
    const rank = ['sending', 'sent', 'delivered', 'read']
    assert.deepEqual([...seen].sort((a, b) => rank.indexOf(a) - rank.indexOf(b)), seen, order.join())
    assert.deepEqual([order.join(), seen.at(-1)], [order.join(), 'read'])
    assert.equal((await talk.row(id)).external_id, externalId)
  }
})

test('a receipt of failure beats the settle, a late delivered beats the failure', async () => {
  const { talk, id, externalId } = await going()
  await store.receipts([receipt('failed', { message_id: id, external_id: externalId, error_class: 'unreachable', error_code: '131026' })])
  assert.deepEqual(await talk.settle(id, 'sent', { external_id: externalId }), { status: 'failed', stale: false })
  await store.receipts([receipt('delivered', { external_id: externalId })])
  assert.equal(await talk.status(id), 'delivered')
})

test("a provider's id that another message has already does not stop the settle", async () => {
  const one = await going(), two = await going()
  await one.talk.settle(one.id, 'sent', { external_id: one.externalId })
  assert.equal((await two.talk.settle(two.id, 'sent', { external_id: one.externalId })).status, 'sent')
  assert.equal((await two.talk.row(two.id)).external_id, null)
})

test('bad input is refused alone', async () => {
  const { talk, id } = await going()
  const good = { message_id: id, claim: 'claim-1', outcome: 'SEND_OUTCOME_SENT', external_id: 'wamid.good' }
  const answers = await store.bus.call('store.send.settle', 'SendSettleRequest', 'SendSettled', [
    { ...good, message_id: 'x' }, { ...good, message_id: randomUUID() }, { ...good, claim: '' }, { ...good, outcome: undefined },
    { ...good, external_id: 'x'.repeat(256) }, good], talk.caller)
  assert.deepEqual(answers.map(answer => answer.code ?? answer.reply.status), ['unknown_message', 'unknown_message', 'bad_value', 'bad_value', 'too_long', 'sent'])
  const [stranger] = await store.bus.call('store.send.settle', 'SendSettleRequest', 'SendSettled', [good], { company_id: randomUUID() })
  assert.equal(stranger.code, 'unknown_message')
})

test("one provider's id for two messages of one batch stays with the first, and all are sent", async () => {
  const [one, two, three] = [await going(), await going(), await going()]
  const item = (send, external_id) => ({ message_id: send.id, claim: 'claim-1', outcome: 'SEND_OUTCOME_SENT', at: Date.now(), external_id })
  const answers = await store.bus.call('store.send.settle', 'SendSettleRequest', 'SendSettled',
    [item(one, one.externalId), item(two, one.externalId), item(three, three.externalId)], one.talk.caller)
  assert.deepEqual(answers.map(answer => [answer.status, answer.reply?.status]), Array(3).fill(['STATUS_OK', 'sent']))
  const ids = await Promise.all([one, two, three].map(async send => (await send.talk.row(send.id)).external_id))
  assert.deepEqual(ids, [one.externalId, null, three.externalId])
})
