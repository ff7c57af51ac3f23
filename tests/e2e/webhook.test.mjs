// Everything a provider's webhook can hold: verification, signatures, batches with a bad item, redelivery.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { APP_SECRET, PHONE_ID, Parley, VERIFY_TOKEN } from '../support/parley.mjs'
import { until } from '../support/process.mjs'

let parley
before(async () => { parley = await Parley.start() })
after(() => parley?.stop())

const text = (id, from, body, more = {}) =>
  ({ from, id, timestamp: String(Math.floor(Date.now() / 1000)), type: 'text', text: { body }, ...more })
const change = (value, phone = PHONE_ID) => ({
  field: 'messages',
  value: { messaging_product: 'whatsapp', metadata: { display_phone_number: '15005550100', phone_number_id: phone }, ...value },
})
const webhook = (...entries) => ({ object: 'whatsapp_business_account', entry: entries.map((changes, n) => ({ id: `waba-${n}`, changes })) })

function deliver(payload, secret = APP_SECRET) {
  const raw = typeof payload === 'string' ? payload : JSON.stringify(payload)
  const signature = createHmac('sha256', secret).update(raw).digest('hex')
  return parley.post('/webhook', raw, { 'x-hub-signature-256': `sha256=${signature}` })
}

test('verification answers the challenge as plain text, and 403 for anything else', async () => {
  const query = token => `/webhook?hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=158201`
  const good = await parley.get(query(VERIFY_TOKEN))
  assert.equal(good.status, 200)
  assert.match(good.headers.get('content-type'), /^text\/plain/)
  assert.equal(good.body, '158201')
  assert.equal((await parley.get(query('wrong'))).status, 403)
  assert.equal((await parley.get('/webhook?hub.mode=other&hub.challenge=1')).status, 403)
})

test('a wrong, missing or stale signature is 401 and stores nothing', async () => {
  const payload = webhook([change({ messages: [text('wamid.unsigned', '15005550150', 'hi')] })])
  assert.equal((await deliver(payload, 'wrong')).status, 401)
  assert.equal((await parley.post('/webhook', payload)).status, 401)
  assert.equal(await parley.postgres.value(`select count(*) from crm.messages where external_id = 'wamid.unsigned'`), 0)
})

test('a batch stores the good items once, quarantines the bad one alone, and a redelivery changes nothing', async () => {
  const entries = []
  for (let entry = 0; entry < 3; entry++) {
    const changes = []
    for (let c = 0; c < 2; c++) {
      const messages = []
      for (let m = 0; m < 5; m++) messages.push(text(`wamid.batch.${entry}.${c}.${m}`, `1500555${1000 + entry * 10 + c}`, `message ${m}`))
      changes.push(change({ contacts: [{ profile: { name: 'Batch' }, wa_id: `1500555${1000 + entry * 10 + c}` }], messages }))
    }
    entries.push(changes)
  }
  entries[1].push(change({ messages: [{ id: 42, type: 'text', text: 'not an object' }] })) // malformed
  entries[2].push(change({
    statuses: Array.from({ length: 9 }, (_, n) => ({
      id: `wamid.unknown.${n}`, status: 'delivered', timestamp: '1763632915', recipient_id: '15005550177',
    })),
  }))
  const payload = webhook(...entries)
  assert.deepEqual((await deliver(payload)).body, { status: 'received' })
  const stored = () => parley.postgres.value(`select count(*) from crm.messages where external_id like 'wamid.batch.%'`)
  await until('30 messages', async () => await stored() === 30)
  await until('9 parked receipts', async () => await parley.postgres.value(`select count(*) from crm.parked_receipts`) === 9)
  const quarantined = async () => (await fetch(`http://127.0.0.1:${parley.nats.monitorPort}/jsz?streams=true`)).json()
    .then(jsz => jsz.account_details[0].stream_detail.find(stream => stream.name === 'QUARANTINE').state.messages)
  await until('one quarantined item', async () => await quarantined() === 1)
  await until('an answer for each of the six people', async () => new Set((await parley.sent()).map(message => message.to)).size === 6)

  const before = await parley.postgres.value(`select count(*) from crm.events`)
  await until('all jobs over', async () => (await parley.get('/queue/stats')).body.queued === 0)
  for (let n = 0; n < 5; n++) assert.equal((await deliver(payload)).status, 200)
  await until('the inbound stream empty', async () => (await (await fetch(`http://127.0.0.1:${parley.nats.monitorPort}/jsz?streams=true`)).json())
    .account_details[0].stream_detail.find(stream => stream.name === 'INBOUND').state.messages === 0)
  assert.equal(await stored(), 30)
  assert.equal(await parley.postgres.value(`select count(distinct external_id) from crm.messages where external_id like 'wamid.batch.%'`), 30)
  assert.ok(await parley.postgres.value(`select count(*) from crm.events where type = 'message.received'`) === 30, `events before: ${before}`)
})

test('every message type of the contract becomes a row, an unknown one with its raw body', async () => {
  const from = '15005552222'
  const kinds = {
    image: { image: { id: 'media-1', mime_type: 'image/jpeg', sha256: 'x', caption: 'look' } },
    audio: { audio: { id: 'media-2', mime_type: 'audio/ogg; codecs=opus', sha256: 'x', voice: true } },
    document: { document: { id: 'media-3', mime_type: 'application/pdf', sha256: 'x', filename: '../a.pdf' } },
    location: { location: { latitude: 23.7, longitude: 90.4, name: 'Dhaka' } },
    contacts: { contacts: [{ name: { formatted_name: 'A' }, phones: [{ phone: '+1 500 555 0001' }] }] },
    interactive: { interactive: { type: 'button_reply', button_reply: { id: 'b1', title: 'Yes please' } } },
    button: { button: { payload: 'P', text: 'Book now' }, context: { id: 'wamid.template' } },
    reaction: { reaction: { message_id: 'wamid.x', emoji: '👍' } },
    order: { order: { catalog_id: 'c', text: '', product_items: [{ product_retailer_id: 'r', quantity: 1, item_price: 5, currency: 'USD' }] } },
    hologram: { hologram: { depth: 3 } },
  }
  const messages = Object.entries(kinds).map(([type, fields]) => text(`wamid.kind.${type}`, from, '', { type, text: undefined, ...fields }))
  assert.equal((await deliver(webhook([change({ messages })]))).status, 200)
  const rows = await until('all kinds', async () => {
    const found = await parley.postgres.rows(`select * from crm.messages where external_id like 'wamid.kind.%' order by position`)
    return found.length === messages.length && found
  })
  const row = kind => rows.find(({ external_id }) => external_id === `wamid.kind.${kind}`)
  assert.equal(row('image').message_text, 'look')
  assert.equal(row('interactive').message_text, 'Yes please')
  assert.equal(row('hologram').kind, 'unknown')
  assert.match(JSON.stringify(row('hologram').extra_metadata), /hologram/)
  assert.equal(row('reaction').wants_answer, false)
})

test('one person with a phone, with phone and user id, and with the user id alone is one lead', async () => {
  const value = (id, contact, message) => change({ contacts: [contact], messages: [text(id, undefined, 'hello', message)] })
  const number = '15005553333', user = 'US.70010020030040050'
  await deliver(webhook([value('wamid.id.1', { wa_id: number, profile: { name: 'U' } }, { from: number })]))
  await deliver(webhook([value('wamid.id.2', { wa_id: number, user_id: user, profile: { name: 'U' } }, { from: number, from_user_id: user })]))
  await until('the first two', async () => await parley.postgres.value(`select count(*) from crm.messages where external_id in ('wamid.id.1', 'wamid.id.2')`) === 2)
  await deliver(webhook([value('wamid.id.3', { user_id: user, profile: { name: 'U' } }, { from_user_id: user })]))
  const leads = await until('the third', async () => {
    const rows = await parley.postgres.rows(`select lead_id from crm.messages where external_id like 'wamid.id.%'`)
    return rows.length === 3 && rows
  })
  assert.equal(new Set(leads.map(({ lead_id }) => lead_id)).size, 1)
})

test('a number of no company is quarantined and never lands with somebody else', async () => {
  await deliver(webhook([change({ messages: [text('wamid.stranger', '15005554444', 'hi')] }, '999999999999999')]))
  await until('the quarantine', async () => (await (await fetch(`http://127.0.0.1:${parley.nats.monitorPort}/jsz?streams=true`)).json())
    .account_details[0].stream_detail.find(stream => stream.name === 'QUARANTINE').state.messages === 2)
  assert.equal(await parley.postgres.value(`select count(*) from crm.messages where external_id = 'wamid.stranger'`), 0)
})
