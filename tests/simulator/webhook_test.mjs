// What reaches the callback URL: receipts and inbounds, signed, retried, doubled, out of order.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ANNA, OTHER_PHONE_ID, PHONE_ID, Receiver, SECRET, Simulator, TOKEN, sign, start } from './harness.mjs'

const { receiver, simulator } = start()

describe('receipts', () => {
  test('sent, delivered, read follow a send, signed, in order, with the callback and the recipient', async () => {
    const id = (await simulator.sendText('x', { biz_opaque_callback_data: 'jöb' })).json.messages[0].id
    await receiver.until(() => receiver.statuses().length === 3)
    const statuses = receiver.statuses()
    assert.deepEqual(
      statuses.map(status => status.status),
      ['sent', 'delivered', 'read'],
    )
    for (const status of statuses) {
      assert.equal(status.id, id)
      assert.equal(status.recipient_id, ANNA)
      assert.equal(status.biz_opaque_callback_data, 'jöb')
      assert.match(status.timestamp, /^\d{10}$/)
    }
    assert.equal(statuses[0].pricing.pricing_model, 'PMP')
    for (const post of receiver.posts) {
      assert.equal(post.headers['x-hub-signature-256'], sign(post.body))
      assert.ok(post.body.includes('j\\u00f6b'), 'non-ASCII is escaped, as Meta does')
      const [change] = JSON.parse(post.body).entry[0].changes
      assert.equal(change.field, 'messages')
      assert.equal(change.value.metadata.phone_number_id, PHONE_ID)
    }
    await simulator.until('/_sim/count', count => count.receipts_delivered === 3)
  })

  test('carry the user id where there is no phone', async () => {
    await simulator.sendText('x', { to: undefined, recipient: 'US.7001' })
    const [status] = await receiver.until(() => receiver.statuses().length === 3 && receiver.statuses())
    assert.deepEqual([status.recipient_id, status.recipient_user_id], [undefined, 'US.7001'])
  })

  test('come without the callback when the plan says so', async () => {
    await simulator.faults({ webhook: { drop_callback: true } })
    await simulator.sendText('x', { biz_opaque_callback_data: 'job' })
    const [status] = await receiver.until(() => receiver.statuses().length === 3 && receiver.statuses())
    assert.equal('biz_opaque_callback_data' in status, false)
  })

  test('come when the plan says; -1 leaves one out; disabled sends none', async () => {
    await simulator.faults({ receipts: { sent_ms: 0, delivered_ms: -1, read_ms: 300 } })
    const started = performance.now()
    await simulator.sendText('x')
    await receiver.until(() => receiver.statuses().length === 2)
    assert.deepEqual(
      receiver.statuses().map(status => status.status),
      ['sent', 'read'],
    )
    assert.ok(performance.now() - started >= 295)
    await simulator.faults({ receipts: { enabled: false } })
    await simulator.sendText('x')
    assert.equal((await simulator.get('/_sim/count')).receipts_waiting, 0)
    await simulator.faults({ receipts: null, webhook: { drop_receipts: true } })
    await simulator.sendText('x')
    assert.equal((await simulator.get('/_sim/count')).receipts_waiting, 0)
  })

  test('that are due together share a POST, up to the batch, and changes by phone number', async () => {
    await simulator.faults({ receipts: { sent_ms: 500, delivered_ms: -1, read_ms: -1 }, webhook: { batch: 40 } })
    const path = i => `/v23.0/${i < 50 ? PHONE_ID : OTHER_PHONE_ID}/messages`
    const body = { messaging_product: 'whatsapp', to: ANNA, text: { body: 'x' } }
    await Promise.all(Array.from({ length: 100 }, (_, i) => simulator.call('POST', path(i), body, { token: TOKEN })))
    await receiver.until(() => receiver.statuses().length === 100)
    const sizes = receiver.posts.map(
      post => JSON.parse(post.body).entry[0].changes.flatMap(change => change.value.statuses).length,
    )
    assert.ok(Math.max(...sizes) <= 40 && sizes.length < 50, `POSTs of ${sizes}`)
    assert.equal(new Set(receiver.statuses().map(status => status.id)).size, 100)
  })

  test('are posted again with growing gaps until the gateway says 200', async () => {
    let refusals = 3
    receiver.answer = () => (refusals-- > 0 ? 503 : 200)
    await simulator.faults({ receipts: { delivered_ms: -1, read_ms: -1 } })
    await simulator.sendText('x')
    await receiver.until(() => receiver.posts.length === 4)
    const gaps = receiver.posts.slice(1).map((post, i) => post.at - receiver.posts[i].at)
    assert.ok(gaps[0] >= 95 && gaps[1] >= 195 && gaps[2] >= 395, `gaps of ${gaps}`)
    assert.ok(receiver.posts.every(post => post.body.equals(receiver.posts[0].body)))
    await simulator.until('/_sim/count', count => count.receipts_delivered === 1)
  })

  test('survive a gateway that is away for a while', async () => {
    const port = new URL(receiver.url).port
    receiver.close()
    await simulator.faults({ receipts: { sent_ms: 0, delivered_ms: 0, read_ms: 0 } })
    await simulator.sendText('x')
    assert.equal((await simulator.call('POST', '/_sim/receive', { from: ANNA, text: 'x' })).json.status, 0)
    receiver.server.listen(port, '127.0.0.1')
    await receiver.until(() => receiver.statuses().length === 3)
  })

  test('arrive in another order when the plan says so, the same one for the same seed', async () => {
    async function arrivals(seed) {
      await simulator.faults({
        seed,
        webhook: { reorder: true },
        receipts: { sent_ms: 10, delivered_ms: 60, read_ms: 110 },
      })
      receiver.reset()
      const orders = []
      for (let i = 0; i < 6; i++) {
        await simulator.sendText('x')
        await receiver.until(() => receiver.statuses().length === 3 * (i + 1))
        orders.push(
          receiver
            .statuses()
            .slice(-3)
            .map(status => status.status)
            .join(),
        )
      }
      return orders
    }
    const first = await arrivals(7)
    assert.ok(
      first.some(order => order !== 'sent,delivered,read'),
      `orders ${first.join(' ')}`,
    )
    assert.deepEqual(await arrivals(7), first)
  })
})

describe('an inbound', () => {
  test("is delivered signed, in the vendor's envelope, and the gateway's status comes back", async () => {
    const order = {
      from: `+${ANNA}`,
      text: 'Wo ist’s? 😀',
      name: 'Inês',
      user_id: 'US.7001',
      timestamp: 1763632800,
      context: { id: 'wamid.before' },
    }
    const answer = await simulator.call('POST', '/_sim/receive', order)
    assert.equal(answer.json.status, 200)
    const [post] = receiver.posts
    assert.equal(post.headers['x-hub-signature-256'], sign(post.body))
    assert.match(post.body.toString('latin1'), /^[\x20-\x7e]+$/)
    const { object, entry } = JSON.parse(post.body)
    assert.equal(object, 'whatsapp_business_account')
    const { value } = entry[0].changes[0]
    assert.equal(value.metadata.phone_number_id, PHONE_ID)
    assert.deepEqual(value.contacts, [{ profile: { name: 'Inês' }, wa_id: ANNA, user_id: 'US.7001' }])
    assert.deepEqual(value.messages, [
      {
        ...{ from: ANNA, from_user_id: 'US.7001', id: answer.json.id, timestamp: '1763632800' },
        ...{ context: { id: 'wamid.before' }, type: 'text', text: { body: 'Wo ist’s? 😀' } },
      },
    ])
  })

  test('can name its id and number, and come without a phone', async () => {
    const answer = await simulator.call('POST', '/_sim/receive', {
      user_id: 'US.7',
      text: 'x',
      id: 'wamid.mine',
      phone_id: '99',
    })
    assert.deepEqual(answer.json, { status: 200, tries: 1, id: 'wamid.mine' })
    const [message] = receiver.messages()
    assert.deepEqual([message.from, message.from_user_id, message.id], [undefined, 'US.7', 'wamid.mine'])
  })

  test("tells the status of a gateway that refuses, and with retry goes on until it doesn't", async () => {
    let refusals = 1
    receiver.answer = () => (refusals-- > 0 ? 503 : 200)
    assert.equal((await simulator.call('POST', '/_sim/receive', { from: ANNA, text: 'x' })).json.status, 503)
    refusals = 2
    const answer = await simulator.call('POST', '/_sim/receive', { from: ANNA, text: 'x', retry: true })
    assert.deepEqual([answer.json.status, answer.json.tries], [200, 3])
  })

  test("are told as echoes when the business wrote them on its own phone, and their receipts follow", async () => {
    const answer = await simulator.call('POST', '/_sim/echo', {
      to: ANNA, text: 'We are open', timestamp: 1763632800, context: { id: 'wamid.before' },
    })
    assert.deepEqual([answer.json.status, answer.json.tries], [200, 1])
    const [change] = JSON.parse(receiver.posts[0].body).entry[0].changes
    assert.equal(change.field, 'smb_message_echoes')
    assert.deepEqual(change.value.message_echoes, [
      {
        ...{ from: '15005550100', to: ANNA, id: answer.json.id, timestamp: '1763632800' },
        ...{ context: { id: 'wamid.before' }, type: 'text', text: { body: 'We are open' } },
      },
    ])
    await receiver.until(() => receiver.statuses().length === 3)
    assert.ok(receiver.statuses().every(status => status.id === answer.json.id))
    assert.equal((await simulator.call('POST', '/_sim/echo', { text: 'to nobody' })).status, 400)
    assert.equal((await simulator.call('POST', '/_sim/echo', { to: ANNA, text: 'x', name: 'Ines' })).status, 400)
  })

  test('can be any raw body: the signatures are those of the contract', async () => {
    const vectors = [
      [
        '{"object":"whatsapp_business_account","entry":[]}',
        'c4d79b068a67c74b696a98657900136aa1322b487e8ca12ddf8c50573472977a',
      ],
      ['{"t":"\\u00e4\\u00f6"}', 'dc85b3c7510765900f3b071908e7858d76c732e8b24c8d8650fb5fee4c848da2'],
      ['{"t":"äö"}', '6fb4cc8d47eeb89fceed7737367c5729b04aa8454e68c9d7d0ff7d48aec50407'],
    ]
    for (const [body, hex] of vectors) {
      receiver.reset()
      const answer = await simulator.call('POST', '/_sim/receive', { raw: body })
      assert.deepEqual(answer.json, { status: 200, tries: 1, id: null })
      assert.equal(receiver.posts[0].body.toString(), body)
      assert.equal(receiver.posts[0].headers['x-hub-signature-256'], `sha256=${hex}`)
    }
    receiver.reset()
    await simulator.call('POST', '/_sim/receive', { raw: { t: 'äö' } })
    assert.equal(receiver.posts[0].body.toString(), '{"t":"\\u00e4\\u00f6"}')
  })

  test('is refused when it is none, naming what is wrong', async () => {
    const wrong = [
      {},
      { from: ANNA },
      { from: 'x', text: 'x' },
      { from: ANNA, text: 'x', context: 'y' },
      { from: ANNA, text: 'x', colour: 1 },
      '[]',
      '{',
    ]
    for (const body of wrong) {
      const answer = await simulator.call('POST', '/_sim/receive', body)
      assert.equal(answer.status, 400, JSON.stringify(body))
      assert.ok(answer.json.error)
    }
    assert.equal(receiver.posts.length, 0)
  })

  test('is delivered as often as the plan says, up to 50 times', async () => {
    for (const times of [3, 50]) {
      receiver.reset()
      await simulator.faults({ webhook: { duplicate: times } })
      await simulator.call('POST', '/_sim/receive', { from: ANNA, text: 'x' })
      assert.equal(receiver.posts.length, times)
      assert.equal(new Set(receiver.messages().map(message => message.id)).size, 1)
    }
    assert.equal((await simulator.call('POST', '/_sim/faults', { webhook: { duplicate: 51 } })).status, 400)
  })

  test('whose copies are spread over a while is overtaken by what came after it', async () => {
    await simulator.faults({ seed: 5, webhook: { duplicate: 5, spread_ms: 300 } })
    const texts = ['first', 'second', 'third']
    const calls = texts.map(text => simulator.call('POST', '/_sim/receive', { from: ANNA, text }))
    for (const answer of await Promise.all(calls)) assert.deepEqual([answer.json.status, answer.json.tries], [200, 1])
    const seen = receiver.messages().map(message => texts.indexOf(message.text.body))
    assert.equal(seen.length, 15)
    assert.ok(
      seen.some((which, i) => which < seen[i - 1]),
      `order ${seen}`,
    )
  })

  test('reaches several gateways in turn, and so do its copies', async () => {
    const gateways = [new Receiver(), new Receiver(), new Receiver()]
    for (const gateway of gateways) await gateway.open()
    const urls = gateways.map(gateway => gateway.url).join()
    const other = await new Simulator().open('--app-secret', SECRET, '--webhook-url', urls)
    await other.faults({ webhook: { duplicate: 2 } })
    for (let n = 0; n < 3; n++) await other.call('POST', '/_sim/receive', { from: ANNA, text: 'x' })
    assert.deepEqual(
      gateways.map(gateway => gateway.posts.length),
      [2, 2, 2],
    )
    assert.equal(await other.close(), 0)
    for (const gateway of gateways) gateway.close()
  })

  test('can carry a wrong, missing or stale signature', async () => {
    const signature = async fault => {
      receiver.reset()
      await simulator.faults({ webhook: { bad_signature: fault } })
      await simulator.call('POST', '/_sim/receive', { from: ANNA, text: 'x' })
      return receiver.posts[0].headers['x-hub-signature-256']
    }
    for (const fault of [true, 'wrong', 'stale']) {
      const got = await signature(fault)
      assert.match(got, /^sha256=[0-9a-f]{64}$/)
      assert.notEqual(got, sign(receiver.posts[0].body))
    }
    assert.equal(await signature('missing'), undefined)
    assert.equal(await signature(false), sign(receiver.posts[0].body))
  })
})
