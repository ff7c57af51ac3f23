// What nobody could read or place is set aside, and put back once it can be.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { APP_SECRET, Parley, PHONE_ID, TOKEN } from '../support/parley.mjs'
import { pause, until } from '../support/process.mjs'

const STRANGE = '990011223344551' // nobody's, for ever
let parley
before(async () => { parley = await Parley.start({ env: { WHATSAPP_CLOUD_PHONE_ID: '880011223344551' } }) }) // so that the simulator's number is nobody's yet
after(() => parley?.stop())

const quarantined = async () => (await (await fetch(`http://127.0.0.1:${parley.nats.monitorPort}/jsz?streams=true`)).json())
  .account_details[0].stream_detail.find(stream => stream.name === 'QUARANTINE').state.messages

function deliver(phoneId, messages) {
  const raw = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: 'waba', changes: [{ field: 'messages', value: {
      messaging_product: 'whatsapp', metadata: { display_phone_number: '15005550100', phone_number_id: phoneId },
      contacts: messages.map(({ from }) => ({ wa_id: from, profile: { name: 'Q' } })), messages,
    } }] }],
  })
  return parley.post('/webhook', raw, { 'x-hub-signature-256': `sha256=${createHmac('sha256', APP_SECRET).update(raw).digest('hex')}` })
}
const text = (id, from, body) => ({ from, id, timestamp: String(Math.floor(Date.now() / 1000)), type: 'text', text: { body } })

test('a message for an unknown account waits in quarantine; with the account there a replay stores and answers it', async () => {
  const { id, status } = await parley.receive('15005556001', 'Is anybody there?')
  assert.equal(status, 200)
  await until('the quarantine', async () => await quarantined() === 1)
  assert.equal(await parley.postgres.value(`select count(*) from crm.messages`), 0)

  // nothing has changed: it goes round and is set aside again, once
  assert.equal((await parley.post('/admin/quarantine/replay')).body.replayed, 1)
  await until('the quarantine again', async () => await quarantined() === 1)
  assert.equal(await parley.postgres.value(`select count(*) from crm.messages`), 0)

  const company = (await parley.post('/companies', { name: 'The Strangers' })).body
  const account = await parley.post('/channel-accounts', { company_id: company.id, channel: 'whatsapp_cloud', account: PHONE_ID, credentials: { token: TOKEN } })
  assert.equal(account.status, 200)
  assert.equal(account.body.company_id, company.id)
  assert.equal(account.body.has_credentials, true)
  for (const hidden of ['credentials', 'webhook_secrets', 'verify_token']) assert.equal(account.body[hidden], undefined)

  const replay = await parley.post('/admin/quarantine/replay', { max_items: 5 })
  assert.equal(replay.status, 200)
  assert.deepEqual(replay.body, { replayed: 1, subjects: ['inbound.message.whatsapp_cloud'] })
  const [reply] = await parley.sentCount(1, '15005556001')
  assert.equal(reply.phone_id, PHONE_ID)
  const row = (await parley.postgres.rows(`select * from crm.messages where external_id = $1`, [id]))[0]
  assert.equal(row.company_id, company.id)
  assert.equal(row.message_text, 'Is anybody there?')
  assert.equal(await quarantined(), 0)
  assert.deepEqual((await parley.post('/admin/quarantine/replay', {})).body.replayed, 0)

  // a redelivery by the provider changes nothing
  assert.equal((await deliver(PHONE_ID, [text(id, '15005556001', 'Is anybody there?')])).status, 200)
  await pause(500)
  assert.equal(await parley.postgres.value(`select count(*) from crm.messages where external_id = $1`, [id]), 1)
  assert.equal((await parley.sent('15005556001')).length, 1)
})

test('what is no message at all goes round and is set aside again; max_items is kept to', async () => {
  await deliver(STRANGE, [{ id: 42, type: 'text', text: 'no object' }, { id: 43, type: 'text', text: 'no object' }, { id: 44, type: 'text', text: 'no object' }])
  await until('three items', async () => await quarantined() === 3)
  assert.equal((await parley.post('/admin/quarantine/replay', { max_items: 2 })).body.replayed, 2)
  await until('three items again', async () => await quarantined() === 3)
  for (const max_items of [0, 1001, 'many']) assert.equal((await parley.post('/admin/quarantine/replay', { max_items })).status, 422)
})
