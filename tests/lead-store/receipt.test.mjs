import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Store, message, receipt, statuses } from './store.mjs'
import { until } from '../support/process.mjs'

let store, inbound
before(async () => {
  store = await Store.start()
  inbound = await store.recordOne(message())
})
after(() => store?.stop())

function permutations(list) {
  return list.length < 2 ? [list] : list.flatMap((one, i) => permutations([...list.slice(0, i), ...list.slice(i + 1)]).map(rest => [one, ...rest]))
}
const order = ['sent', 'failed', 'delivered', 'read']

test('receipts in every order end in the highest status, and every change is one event', async () => {
  for (const sequence of permutations(order)) {
    const external_id = `wamid.${randomUUID()}`
    const id = await store.outbound(inbound, { status: 'sending', claim: 'c' })
    let highest = -1
    const changes = []
    for (const status of sequence) {
      const [answer] = await store.receipts([receipt(status, { message_id: id, external_id, error_class: status === 'failed' ? 'permanent' : '' })])
      const raised = order.indexOf(status) > highest
      highest = Math.max(highest, order.indexOf(status))
      if (raised) changes.push(`message.${status}`)
      assert.equal(answer.reply.changed ?? false, raised)
      assert.equal(answer.reply.status, order[highest])
    }
    const events = await store.rows("select type from crm.events where payload->>'message_id' = $1 order by xid, n", [id])
    assert.deepEqual(events.map(row => row.type), changes)
    const row = (await store.rows('select * from crm.messages where id = $1', [id]))[0]
    assert.deepEqual([row.status, row.external_id, row.error_class], ['read', external_id, null])
  }
})

test('all receipts of a message in one batch, the last first', async () => {
  const external_id = `wamid.${randomUUID()}`
  const id = await store.outbound(inbound, { status: 'unknown', external_id })
  const answers = await store.receipts(['read', 'delivered', 'sent'].map(status => receipt(status, { external_id })))
  assert.deepEqual(answers.map(answer => [answer.reply.status, answer.reply.changed]), [['read', true], ['read', false], ['read', false]])
  assert.equal(await store.status(id), 'read')
})

test('the event of a receipt carries the provider\'s time, and the message when it was sent', async () => {
  const at = Date.now() - 5000, external_id = `wamid.${randomUUID()}`
  const id = await store.outbound(inbound, { status: 'sent', external_id })
  await store.receipts([receipt('delivered', { external_id, provider_at: at })])
  const [event] = await store.rows("select occurred_at from crm.events where type = 'message.delivered' and payload->>'message_id' = $1", [id])
  assert.equal(event.occurred_at.getTime(), at)
  assert.equal((await store.value('select sent_at from crm.messages where id = $1', [id])).getTime(), at)
})

test('our id in a receipt counts only for the account that it came through', async () => {
  const company_id = randomUUID(), account = '880000000000777'
  await store.recordOne(message({ account: '', company_id, external_id: '' }))
  await store.bus.ask('store.channel_account.create', 'ChannelAccountRequest', 'ChannelAccount', { company_id, channel: 'CHANNEL_WHATSAPP_CLOUD', account })
  const id = await store.outbound(inbound, { status: 'sending' })
  const [answer] = await store.receipts([receipt('delivered', { account, message_id: id, external_id: 'wamid.foreign' })])
  assert.ok(answer.reply.parked)
  assert.equal(await store.status(id), 'sending')
})

test('a failed receipt acts by its class: opted out suppresses, unreachable marks the contact until they write again', async () => {
  const person = await store.recordOne(message({ phone: '+15005550201' }))
  const [one, two] = [await store.outbound(person, { status: 'sent', external_id: 'wamid.o1' }), await store.outbound(person, { status: 'sent', external_id: 'wamid.o2' })]
  await store.receipts([
    receipt('failed', { external_id: 'wamid.o1', error_class: 'opted_out', error_code: '131050', error: 'user opted out', recipient: '15005550201' }),
    receipt('failed', { external_id: 'wamid.o2', error_class: 'unreachable', error_code: '131026', error: 'undeliverable', recipient: '15005550201' }),
  ])
  assert.ok(await store.value('select opted_out_at from crm.leads where id = $1', [person.lead_id]))
  assert.ok((await store.events(person.lead_id)).includes('lead.opted_out'))
  assert.ok(await store.value('select unreachable_at from crm.lead_contacts where lead_id = $1', [person.lead_id]))
  const rows = await store.rows('select status, error_class, error_code from crm.messages where id = any($1) order by external_id', [[one, two]])
  assert.deepEqual(rows.map(row => [row.status, row.error_class, row.error_code]), [['failed', 'opted_out', '131050'], ['failed', 'unreachable', '131026']])
  await store.recordOne(message({ phone: '+15005550201' }))
  assert.equal(await store.value('select unreachable_at from crm.lead_contacts where lead_id = $1', [person.lead_id]), null)
})

test('a receipt that comes before its message is known is parked and matched by the sweep', async () => {
  const external_id = `wamid.${randomUUID()}`
  const answers = await store.receipts([receipt('delivered', { external_id }), receipt('sent', { external_id }), receipt('sent', { external_id })])
  assert.deepEqual(statuses(answers), ['STATUS_OK', 'STATUS_OK', 'STATUS_OK'])
  assert.ok(answers.every(answer => answer.reply.parked))
  assert.equal(await store.value('select count(*) from crm.parked_receipts where external_id = $1', [external_id]), 2)
  const id = await store.outbound(inbound, { status: 'sent', external_id })
  await store.untilStatus(id, 'delivered')
  await until('the parked ones to be gone', async () => await store.value('select count(*) from crm.parked_receipts where external_id = $1', [external_id]) === 0)
})

test('a receipt for nobody\'s account, of no status or without an id is refused alone', async () => {
  const id = await store.outbound(inbound, { status: 'sent', external_id: 'wamid.fine' })
  const answers = await store.receipts([
    receipt('sent', { account: 'nobody', external_id: 'x' }), receipt('unspecified', { external_id: 'x' }), receipt('sent', {}), receipt('read', { external_id: 'wamid.fine' }),
  ])
  assert.deepEqual(answers.map(answer => answer.code ?? 'ok'), ['unknown_account', 'bad_receipt', 'bad_receipt', 'ok'])
  assert.equal(await store.status(id), 'read')
})

test("a provider's id that another message has stops no receipt: not of its own batch, not of an inbound's", async () => {
  const [one, two, three] = await Promise.all(Array.from({ length: 3 }, () => store.outbound(inbound, { status: 'unknown' })))
  const same = `wamid.${randomUUID()}`, own = `wamid.${randomUUID()}`
  const named = (message_id, external_id) => receipt('sent', { message_id, external_id })
  const answers = await store.receipts([named(one, same), named(two, same), named(three, own)])
  assert.deepEqual(answers.map(answer => [answer.status, answer.reply?.status]), Array(3).fill(['STATUS_OK', 'sent']))
  assert.deepEqual(await Promise.all([one, two, three].map(id => store.value('select external_id from crm.messages where id = $1', [id]))), [same, null, own])
  const customers = await store.value('select external_id from crm.messages where id = $1', [inbound.message_id])
  const late = await store.outbound(inbound, { status: 'unknown' })
  const [taken, delivered] = await store.receipts([named(late, customers), receipt('delivered', { external_id: own })])
  assert.deepEqual([taken.status, taken.reply?.status, delivered.reply?.status], ['STATUS_OK', 'sent', 'delivered'])
  assert.equal(await store.value('select external_id from crm.messages where id = $1', [late]), null)
})
