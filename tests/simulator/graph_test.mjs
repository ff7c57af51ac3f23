// The send endpoint is held to Meta's contract, from outside.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ANNA, OTHER_PHONE_ID, PHONE_ID, SEND_PATH, TOKEN, refused, start } from './harness.mjs'

const { simulator } = start()

describe('a send', () => {
  test('is accepted with a fresh wamid and kept in /_sim/sent, oldest first', async () => {
    const first = await simulator.send({
      to: `+${ANNA}`,
      text: { body: 'Grüße "1"\n' },
      biz_opaque_callback_data: 'job-1',
    })
    const second = await simulator.sendText('two', { to: '15005550178' })
    assert.equal(first.status, 200)
    const { messaging_product, contacts, messages } = first.json
    assert.equal(messaging_product, 'whatsapp')
    assert.deepEqual(contacts, [{ input: `+${ANNA}`, wa_id: ANNA }])
    assert.match(messages[0].id, /^wamid\.[A-Za-z0-9+/]+=*$/)
    assert.equal(messages[0].message_status, 'accepted')
    assert.notEqual(messages[0].id, second.json.messages[0].id)
    const sent = await simulator.get('/_sim/sent')
    assert.match(sent[0].at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.deepEqual(
      { ...sent[0], at: 0 },
      {
        ...{ at: 0, to: ANNA, type: 'text', text: 'Grüße "1"\n', id: messages[0].id, callback: 'job-1' },
        ...{ phone_id: PHONE_ID, template: null },
      },
    )
    assert.equal(sent[1].text, 'two')
    assert.deepEqual(
      (await simulator.get('/_sim/sent?since=1')).map(copy => copy.text),
      ['two'],
    )
    assert.deepEqual((await simulator.get(`/_sim/sent?to=%2B${ANNA}`)).length, 1)
    assert.deepEqual(await simulator.get('/_sim/sent?since=9'), [])
    assert.equal((await simulator.get('/_sim/count')).sent, 2)
  })

  test('needs the right bearer, phone number id, path and a JSON body in UTF-8', async () => {
    await refused(simulator.send({ text: { body: 'x' } }, 'wrong'), 401, 190)
    await refused(simulator.send({ text: { body: 'x' } }, ''), 401, 190)
    await refused(simulator.call('POST', '/v23.0/999/messages', {}, { token: TOKEN }), 400, 33)
    await refused(simulator.call('POST', '/v23.0/messages', {}, { token: TOKEN }), 400, 100)
    await refused(simulator.call('GET', SEND_PATH, undefined, { token: TOKEN }), 400, 100)
    await refused(simulator.call('POST', SEND_PATH, '{', { token: TOKEN }), 400, 100)
    await refused(simulator.call('POST', SEND_PATH, '[]', { token: TOKEN }), 400, 100)
    await refused(simulator.call('POST', SEND_PATH, '{} x', { token: TOKEN }), 400, 100)
    const latin1 = Buffer.from(
      JSON.stringify({ messaging_product: 'whatsapp', to: ANNA, text: { body: 'ä' } }),
      'latin1',
    )
    assert.match(await refused(simulator.call('POST', SEND_PATH, latin1, { token: TOKEN }), 400, 100), /UTF-8/)
    const second = { messaging_product: 'whatsapp', to: ANNA, text: { body: 'x' } }
    assert.equal(
      (await simulator.call('POST', `/v23.0/${OTHER_PHONE_ID}/messages`, second, { token: TOKEN })).status,
      200,
    )
  })

  test('is refused with 100 for members no send has, at the top and further down', async () => {
    assert.match(await refused(simulator.sendText('x', { surprise: 1 }), 400, 100), /surprise/)
    await refused(simulator.send({ text: { body: 'x', colour: 'red' } }), 400, 100)
    await refused(simulator.sendText('x', { image: { link: 'https://x.example/i.png' } }), 400, 100)
    await refused(simulator.sendText('x', { context: { message_id: 'wamid.x', id: 'y' } }), 400, 100)
  })

  test('is refused with 131008 for what is missing', async () => {
    await refused(simulator.send({ messaging_product: undefined, text: { body: 'x' } }), 400, 131008)
    await refused(simulator.send({ to: undefined, text: { body: 'x' } }), 400, 131008)
    await refused(simulator.send({}), 400, 131008)
    await refused(simulator.send({ text: {} }), 400, 131008)
    await refused(simulator.send({ type: 'image', image: {} }), 400, 131008)
    await refused(simulator.sendText('x', { context: {} }), 400, 131008)
  })

  test('is refused with 131009 for bad values, with 131051 for an unknown type', async () => {
    await refused(simulator.sendText('x', { messaging_product: 'sms' }), 400, 131009)
    await refused(simulator.sendText('x', { to: 'call me' }), 400, 131009)
    await refused(simulator.sendText('x', { to: '' }), 400, 131009)
    await refused(simulator.sendText('x', { recipient_type: 'crowd' }), 400, 131009)
    await refused(simulator.sendText('x', { text: 'x' }), 400, 131009)
    await refused(simulator.sendText('x', { text: { body: 7 } }), 400, 131009)
    await refused(simulator.sendText('x', { text: { body: 'x', preview_url: 'yes' } }), 400, 131009)
    await refused(simulator.send({ type: 'fax', fax: {} }), 400, 131051)
    await refused(simulator.sendText('x', { to: '15005550100' }), 400, 131021)
  })

  test('counts characters, not bytes: text 1 to 4096, caption to 1024, callback to 512', async () => {
    assert.equal((await simulator.sendText('ä'.repeat(4096))).status, 200)
    await refused(simulator.sendText('ä'.repeat(4097)), 400, 131009)
    await refused(simulator.sendText(''), 400, 131009)
    const image = caption => simulator.send({ type: 'image', image: { link: 'https://x.example/i.png', caption } })
    assert.equal((await image('😀'.repeat(1024))).status, 200)
    await refused(image('😀'.repeat(1025)), 400, 131009)
    assert.equal((await simulator.sendText('x', { biz_opaque_callback_data: 'c'.repeat(512) })).status, 200)
    await refused(simulator.sendText('x', { biz_opaque_callback_data: 'c'.repeat(513) }), 400, 131009)
  })

  test('takes media by id or by link, never both, and captions only where there are some', async () => {
    const media = (type, object) => simulator.send({ type, [type]: object })
    const link = 'https://x.example/file'
    assert.equal((await media('document', { link, filename: 'a.pdf', caption: 'c' })).status, 200)
    assert.equal((await media('video', { id: '12345' })).status, 200)
    assert.equal((await media('audio', { link: 'http://x.example/a.ogg' })).status, 200)
    await refused(media('image', { id: '1', link }), 400, 131009)
    await refused(media('image', { link: 'ftp://x.example/i' }), 400, 131009)
    await refused(media('image', { link: 'https://' }), 400, 131009)
    await refused(media('image', { id: '' }), 400, 131009)
    await refused(media('audio', { link, caption: 'no' }), 400, 100)
    await refused(media('sticker', { link, caption: 'no' }), 400, 100)
    await refused(media('image', { link, filename: 'no' }), 400, 100)
    assert.deepEqual(
      (await simulator.get('/_sim/sent')).map(copy => [copy.type, copy.text]),
      [
        ['document', 'c'],
        ['video', null],
        ['audio', null],
      ],
    )
  })

  test('goes to a user id, to a phone before a user id, and to a group', async () => {
    const byId = await simulator.sendText('x', { to: undefined, recipient: 'US.7001' })
    assert.deepEqual(byId.json.contacts, [{ input: 'US.7001', user_id: 'US.7001' }])
    const both = await simulator.sendText('x', { recipient: 'US.7001' })
    assert.deepEqual(both.json.contacts, [{ input: ANNA, wa_id: ANNA }])
    const group = await simulator.sendText('x', { recipient_type: 'group', to: 'Y2FwaV9ncm91cA' })
    assert.equal(group.status, 200)
    assert.deepEqual(
      (await simulator.get('/_sim/sent')).map(copy => copy.to),
      ['US.7001', ANNA, 'Y2FwaV9ncm91cA'],
    )
  })

  test('can be a reply, a location, contacts, a reaction', async () => {
    assert.equal((await simulator.sendText('x', { context: { message_id: 'wamid.unknown' } })).status, 200)
    const location = latitude =>
      simulator.send({ type: 'location', location: { latitude, longitude: -8.6, name: 'Shop' } })
    assert.equal((await location('41.15')).status, 200)
    await refused(location(91), 400, 131009)
    await refused(location('north'), 400, 131009)
    const contacts = count =>
      simulator.send({ type: 'contacts', contacts: Array(count).fill({ name: { formatted_name: 'A' } }) })
    assert.equal((await contacts(5)).status, 200)
    await refused(contacts(6), 400, 131009)
    await refused(simulator.send({ type: 'contacts', contacts: [{ name: {} }] }), 400, 131008)
    assert.equal(
      (await simulator.send({ type: 'reaction', reaction: { message_id: 'wamid.x', emoji: '' } })).status,
      200,
    )
  })

  test('can be interactive, within the limits of each kind', async () => {
    const interactive = members =>
      simulator.send({ type: 'interactive', interactive: { body: { text: 'Choose' }, ...members } })
    const button = (id, title = `Title ${id}`) => ({ type: 'reply', reply: { id, title } })
    const buttons = (...list) => interactive({ type: 'button', action: { buttons: list } })
    assert.equal((await buttons(button('1'), button('2'), button('3'))).status, 200)
    await refused(buttons(), 400, 131009)
    await refused(buttons(button('1'), button('2'), button('3'), button('4')), 400, 131009)
    await refused(buttons(button('1'), button('1', 'Other')), 400, 131009)
    await refused(buttons(button('1', 'Same'), button('2', 'Same')), 400, 131009)
    await refused(buttons(button('1', 't'.repeat(21))), 400, 131009)
    const rows = count => Array.from({ length: count }, (_, i) => ({ id: `${i}`, title: `Row ${i}` }))
    const list = (...sections) => interactive({ type: 'list', action: { button: 'Open', sections } })
    assert.equal((await list({ rows: rows(10) })).status, 200)
    await refused(list({ rows: rows(11) }), 400, 131009)
    await refused(list({ title: 'a', rows: rows(6) }, { title: 'b', rows: rows(5) }), 400, 131009)
    await refused(list({ title: 'a', rows: rows(1) }, { rows: rows(1) }), 400, 131008)
    const url = { name: 'cta_url', parameters: { display_text: 'Go', url: 'https://x.example/' } }
    assert.equal((await interactive({ type: 'cta_url', action: url })).status, 200)
    assert.equal(
      (await interactive({ type: 'location_request_message', action: { name: 'send_location' } })).status,
      200,
    )
    const flow = names => ({ name: 'flow', parameters: { flow_message_version: '3', flow_cta: 'Start', ...names } })
    assert.equal((await interactive({ type: 'flow', action: flow({ flow_id: '1' }) })).status, 200)
    await refused(interactive({ type: 'flow', action: flow({ flow_id: '1', flow_name: 'n' }) }), 400, 131009)
    await refused(interactive({ type: 'flow', action: flow({}) }), 400, 131008)
    await refused(
      interactive({
        type: 'button',
        header: { type: 'text', text: 'h'.repeat(61) },
        action: { buttons: [button('1')] },
      }),
      400,
      131009,
    )
    await refused(interactive({ type: 'wheel', action: {} }), 400, 131009)
  })
})

describe('a template', () => {
  const parameters = (...texts) => [{ type: 'body', parameters: texts.map(text => ({ type: 'text', text })) }]
  const template = (name, components, code = 'en_US') =>
    simulator.send({ type: 'template', template: { name, language: { code }, components } })

  test('that is known is accepted, and its filled text kept', async () => {
    assert.equal((await template('hello_world')).status, 200)
    assert.equal((await template('order_update', parameters('8812', 'packed'))).status, 200)
    assert.equal((await template('order_update', parameters('8812', 'gepackt'), 'de')).status, 200)
    const sent = await simulator.get('/_sim/sent')
    assert.deepEqual(
      sent.map(copy => copy.text),
      ['Welcome and congratulations!', 'Your order 8812 is now packed.', 'Ihre Bestellung 8812 ist jetzt gepackt.'],
    )
    assert.equal(sent[1].template.name, 'order_update')
  })

  test('needs its parameters: as many, of the right kind, without line breaks, not too long', async () => {
    await refused(template('hello_world', parameters('x')), 400, 132000)
    await refused(template('order_update', parameters('x')), 400, 132000)
    await refused(template('order_update'), 400, 132000)
    await refused(template('order_update', parameters('a\nb', 'x')), 400, 132012)
    await refused(template('order_update', parameters('a     b', 'x')), 400, 132012)
    await refused(
      template('order_update', [{ type: 'body', parameters: [{ type: 'image' }, { type: 'text', text: 'x' }] }]),
      400,
      132012,
    )
    await refused(template('order_update', parameters('x'.repeat(1024), 'x')), 400, 132005)
    await refused(
      template('order_update', [{ type: 'body', parameters: [{ type: 'text' }, { type: 'text', text: 'x' }] }]),
      400,
      131008,
    )
  })

  test('that is unknown, in another language, paused or disabled is refused', async () => {
    await refused(template('no_such_template'), 404, 132001)
    await refused(template('hello_world', undefined, 'fr'), 404, 132001)
    await refused(template('paused_template'), 400, 132015)
    await refused(template('disabled_template'), 400, 132016)
    await refused(simulator.send({ type: 'template', template: { name: 'hello_world' } }), 400, 131008)
  })

  test('with a header, a named parameter and buttons is checked in each part', async () => {
    const header = { type: 'header', parameters: [{ type: 'image', image: { link: 'https://x.example/h.jpg' } }] }
    const body = { type: 'body', parameters: [{ type: 'text', parameter_name: 'first_name', text: 'Ines' }] }
    const url = { type: 'button', sub_type: 'url', index: '0', parameters: [{ type: 'text', text: 'c/8812' }] }
    const quick = {
      type: 'button',
      sub_type: 'quick_reply',
      index: '1',
      parameters: [{ type: 'payload', payload: 'STOP' }],
    }
    assert.equal((await template('cart_reminder_v2', [header, body, url, quick])).status, 200)
    assert.match((await simulator.get('/_sim/sent'))[0].text, /^Ines, /)
    await refused(template('cart_reminder_v2', [header, body, url]), 400, 132000)
    await refused(template('cart_reminder_v2', [body, url, quick]), 400, 132000)
    const video = { type: 'header', parameters: [{ type: 'video', video: { link: 'https://x.example/h' } }] }
    await refused(template('cart_reminder_v2', [video, body, url, quick]), 400, 132012)
    const unnamed = { type: 'body', parameters: [{ type: 'text', parameter_name: 'last_name', text: 'x' }] }
    await refused(template('cart_reminder_v2', [header, unnamed, url, quick]), 400, 132000)
    await refused(template('cart_reminder_v2', [header, body, { ...url, sub_type: 'door' }, quick]), 400, 131009)
  })
})

describe('a read mark', () => {
  const mark = members =>
    simulator.call(
      'POST',
      SEND_PATH,
      { messaging_product: 'whatsapp', status: 'read', message_id: 'wamid.x', ...members },
      { token: TOKEN },
    )

  test('is confirmed, with typing too, and sends nothing', async () => {
    assert.deepEqual((await mark()).json, { success: true })
    assert.deepEqual((await mark({ typing_indicator: { type: 'text' } })).json, { success: true })
    const count = await simulator.get('/_sim/count')
    assert.deepEqual([count.marked_read, count.sent], [2, 0])
    assert.deepEqual((await simulator.get('/_sim/marks')).map(mark => mark.typing), [false, true])
  })

  test('is refused for a bad id, status or indicator', async () => {
    await refused(mark({ message_id: 'nonsense' }), 400, 131009)
    await refused(mark({ message_id: undefined }), 400, 131008)
    await refused(mark({ status: 'seen' }), 400, 131009)
    await refused(mark({ typing_indicator: { type: 'voice' } }), 400, 131009)
    await refused(mark({ to: ANNA }), 400, 100)
  })
})

describe("the vendor's limits", () => {
  test('a strict window is opened only by an inbound, for 24 hours by its timestamp, and templates pass', async () => {
    await simulator.faults({ window: 'strict' })
    await refused(simulator.sendText('x'), 400, 131047)
    const day = 24 * 60 * 60
    const now = Math.floor(Date.now() / 1000)
    await simulator.call('POST', '/_sim/receive', { from: ANNA, text: 'old', timestamp: now - day - 5 })
    await refused(simulator.sendText('x'), 400, 131047)
    const template = { name: 'hello_world', language: { code: 'en_US' } }
    assert.equal((await simulator.send({ type: 'template', template })).status, 200)
    await refused(simulator.sendText('x'), 400, 131047)
    await simulator.call('POST', '/_sim/receive', { from: ANNA, text: 'new', timestamp: now - day + 60 })
    assert.equal((await simulator.sendText('x')).status, 200)
    await refused(simulator.sendText('x', { to: '15005550178' }), 400, 131047)
    const other = { messaging_product: 'whatsapp', to: ANNA, text: { body: 'x' } }
    await refused(simulator.call('POST', `/v23.0/${OTHER_PHONE_ID}/messages`, other, { token: TOKEN }), 400, 131047)
  })

  test('a strict window is opened by a raw inbound and by control, and closed by control', async () => {
    await simulator.faults({ window: 'strict' })
    const message = {
      from: ANNA,
      from_user_id: 'US.7001',
      id: 'wamid.1',
      timestamp: `${Math.floor(Date.now() / 1000)}`,
      type: 'text',
      text: { body: 'x' },
    }
    const value = { metadata: { phone_number_id: PHONE_ID }, messages: [message] }
    await simulator.call('POST', '/_sim/receive', {
      raw: { object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages', value }] }] },
    })
    assert.equal((await simulator.sendText('x')).status, 200)
    assert.equal((await simulator.sendText('x', { to: undefined, recipient: 'US.7001' })).status, 200)
    await simulator.call('POST', '/_sim/window', { user: ANNA, closed: true })
    await refused(simulator.sendText('x'), 400, 131047)
    await simulator.call('POST', '/_sim/window', { user: `+${ANNA}` })
    assert.equal((await simulator.sendText('x')).status, 200)
    assert.equal((await simulator.call('POST', '/_sim/window', {})).status, 400)
  })

  test('a strict pair takes 45 at once and then 131056; another recipient is unaffected; open takes all', async () => {
    await simulator.faults({ rate: 'strict', receipts: { enabled: false } })
    for (let i = 0; i < 45; i++) assert.equal((await simulator.sendText('x')).status, 200)
    await refused(simulator.sendText('x'), 400, 131056)
    assert.equal((await simulator.sendText('x', { to: '15005550178' })).status, 200)
    await simulator.faults({ rate: 'open' })
    assert.equal((await simulator.sendText('x')).status, 200)
  })

  test('a strict number takes 80 a second and then 130429', async () => {
    await simulator.faults({ rate: 'strict', receipts: { enabled: false } })
    const burst = Array.from({ length: 200 }, (_, i) => simulator.sendText('x', { to: `${15005551000 + i}` }))
    const answers = await Promise.all(burst)
    const accepted = answers.filter(answer => answer.status === 200).length
    assert.ok(accepted >= 80 && accepted < 200, `accepted ${accepted}`)
    await refused(
      answers.find(answer => answer.status !== 200),
      429,
      130429,
    )
  })
})
