// Templates: the provider's list kept in step, its changes taken at once, and a person's message made from one, also after the 24 hours.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { Parley } from '../support/parley.mjs'
import { until } from '../support/process.mjs'

const WABA = '880011223344550'
let parley
before(async () => {
  parley = await Parley.start({ env: { WHATSAPP_CLOUD_WABA_ID: WABA, JOB_LADDER_MS: '200,200,200,200,200' } })
  await parley.faults({ window: 'strict' })
})
after(() => parley?.stop())

const list = async (query = '') => (await parley.get(`/templates?limit=200${query}`)).body.items
const template = async (name, language = 'en_US') => (await list(`&name=${name}`)).find(item => item.language === language)
const sync = async () => {
  const { status, body } = await parley.post('/templates/sync', undefined, { 'idempotency-key': `sync-${Math.random()}`.padEnd(255, '.') }) // as long as a key may be
  assert.equal(status, 202)
  return until('the sync', async () => {
    const job = (await parley.get(`/jobs/${body.job_id}`)).body
    return job.status === 'completed' && job.result
  })
}
const status = (name, word, language = 'en_US') => parley.sim('/_sim/templates', { name, language, status: word })
/** The provider's own word, as a webhook. */
const told = (field, value) => parley.sim('/_sim/receive', { raw: { object: 'whatsapp_business_account', entry: [{ id: WABA, time: 1763632800, changes: [{ field, value }] }] } })
const say = (phone, name, parameters, more = {}) =>
  parley.post('/api/v1/operator-message', { phone, template: { name, language: 'en_US', parameters }, operator: 'Mina', ...more })
const message = async id => (await parley.get(`/messages/${id}`)).body
const HOUR = 3600
const past = hours => Math.floor(Date.now() / 1000) - hours * HOUR
/** Somebody who wrote so long ago that free text is over. */
async function late(phone) {
  await parley.receive(phone, 'long ago', { timestamp: past(30) })
  await until('the lead', async () => (await parley.get(`/leads?phone=%2B${phone}`)).body.items?.length === 1)
  await until('its turn to be over', async () => await parley.postgres.value(`select count(*) from crm.messages m join crm.leads l on l.id = m.lead_id
    where l.phone_number = '+${phone}' and m.direction = 'outbound' and m.status = 'held'`) === 1)
}

test('the list is asked for page by page at start, and every template stands with state, text and parts', async () => {
  await until('all six', async () => (await list()).length === 6)
  const cart = await template('cart_reminder_v2')
  assert.deepEqual([cart.state, cart.category, cart.parameter_format, cart.text, cart.account_group],
    ['approved', 'utility', 'named', '{{first_name}}, something is waiting in your cart.', WABA])
  assert.deepEqual(cart.components.map(part => part.type), ['HEADER', 'BODY', 'BUTTONS'])
  assert.equal((await template('paused_template')).state, 'paused')
  assert.deepEqual((await list('&state=disabled')).map(item => item.name), ['disabled_template'])
  const first = (await parley.get('/templates?limit=4')).body, rest = (await parley.get(`/templates?limit=4&cursor=${first.next_cursor}`)).body
  assert.deepEqual([first.items.length, rest.items.length, rest.next_cursor], [4, 2, null])
  assert.equal((await parley.get('/templates?state=2')).body.items.length, 0)
})

test('a second sync changes nothing; one that the provider has no more is disabled', async () => {
  const before = await parley.postgres.value('select count(*) from crm.events where type = \'template.changed\'')
  assert.deepEqual(await sync(), { outcome: 'synced', accounts: 1, pages: 3, changed: 0 })
  await status('order_update', 'GONE', 'de')
  assert.equal((await sync()).changed, 1)
  const gone = await template('order_update', 'de')
  assert.deepEqual([gone.state, gone.reason], ['disabled', 'gone'])
  await status('order_update', 'APPROVED', 'de')
  assert.equal((await sync()).changed, 1)
  assert.equal(await parley.postgres.value('select count(*) from crm.events where type = \'template.changed\''), before + 2)
})

test('a provider that refuses the list is retried or reported by its own code, and the list stays as it was', async () => {
  const other = '0b8e55a2-0000-4000-8000-0000000000bb'
  await parley.post('/companies', { id: other, name: 'Wrong token' })
  await parley.post('/channel-accounts', { company_id: other, channel: 'whatsapp_cloud', account: '770066', credentials: { token: 'not the token', waba_id: '999' } })
  const { body } = await parley.post(`/templates/sync?company_id=${other}`)
  const job = await until('the dead letter', async () => {
    const job = (await parley.get(`/jobs/${body.job_id}?company_id=${other}`)).body
    return job.status === 'dlq' && job
  })
  assert.match(job.error_message, /190/)
  assert.equal((await parley.get(`/templates?company_id=${other}`)).body.items.length, 0)
  assert.equal((await list()).length, 6)
})

test('after the 24 hours free text is refused with what to do; a template gets through, filled, and the AI remembers it', async () => {
  const phone = '15005550501'
  await late(phone)
  const free = await parley.post('/api/v1/operator-message', { phone, message: 'Are you still there?' })
  assert.deepEqual([free.status, free.body.code], [409, 'window_closed'])
  assert.match(free.body.detail, /template/)
  const { status, body } = await say(phone, 'order_update', ['8812', 'on its way'])
  assert.equal(status, 200)
  const [sent] = await parley.sentCount(1, phone)
  assert.deepEqual([sent.type, sent.text], ['template', 'Your order 8812 is now on its way.'])
  const stored = await message(body.message_id)
  assert.deepEqual([stored.message_text, stored.sender_type, stored.sender_id], ['Your order 8812 is now on its way.', 'operator', 'Mina'])
  assert.equal(stored.template_id, (await template('order_update')).id)
})

test('header, named texts and buttons are filled', async () => {
  const phone = '15005550502'
  await late(phone)
  const parameters = { header: { type: 'image', link: 'https://cdn.acme.example/h.jpg' }, body: { first_name: 'Ines' }, buttons: ['c/8812', { payload: 'STOP_MKT' }] }
  assert.equal((await say(phone, 'cart_reminder_v2', parameters)).status, 200)
  const [sent] = await parley.sentCount(1, phone)
  assert.equal(sent.text, 'Ines, something is waiting in your cart.')
  assert.deepEqual(sent.template.components.map(part => [part.type, part.sub_type, part.index].filter(Boolean).join()), ['header', 'body', 'button,url,0', 'button,quick_reply,1'])
})

test('what the template does not take is refused, and stores nothing', async () => {
  const phone = '15005550502', count = () => parley.postgres.value('select count(*) from crm.messages where sender_type = \'operator\'')
  const before = await count()
  const cases = [
    ['order_update', ['8812'], 422, 'template_parameters'], ['order_update', ['1', '2', '3'], 422, 'template_parameters'],
    ['order_update', ['1', 'two\nlines'], 422, 'template_parameters'], ['order_update', { body: ['1', '2'], header: 'x' }, 422, 'template_parameters'],
    ['cart_reminder_v2', { body: { first_name: 'Ines' } }, 422, 'template_parameters'], ['hello_world', { footer: [] }, 422, 'template_parameters'],
    ['paused_template', [], 409, 'template_not_approved'], ['no_such', [], 422, 'unknown_template'],
  ]
  for (const [name, parameters, status, code] of cases) {
    const answer = await say(phone, name, parameters)
    assert.deepEqual([answer.status, answer.body.code], [status, code], `${name} ${JSON.stringify(parameters)}`)
  }
  assert.equal((await say(phone, 'hello_world', [], { message: 'and text' })).status, 422)
  assert.equal((await parley.post('/api/v1/operator-message', { phone, template: { name: 'hello_world' } })).status, 422)
  assert.equal(await count(), before)
})

test('the same key gives the same message, another template under it is refused', async () => {
  const phone = '15005550503', key = { 'idempotency-key': 'template-once' }
  await late(phone)
  const post = (name, parameters) => parley.post('/api/v1/operator-message', { phone, template: { name, language: 'en_US', parameters } }, key)
  const one = await post('order_update', ['1', 'here']), two = await post('order_update', ['1', 'here'])
  assert.equal(one.body.message_id, two.body.message_id)
  assert.equal((await post('order_update', ['2', 'here'])).body.code, 'idempotency_mismatch')
  await parley.sentCount(1, phone)
})

test('a webhook that pauses a template stops what waits to leave with it at once, reported; reinstated it leaves again', async () => {
  const phone = '15005550504'
  await late(phone)
  const channel = parley.service('channel-whatsapp-cloud')
  channel.signal('SIGSTOP')
  const waiting = (await Promise.all([1, 2, 3, 4, 5].map(n => say(phone, 'order_update', [String(n), 'waiting'])))).map(answer => answer.body.message_id)
  const { id, provider_id } = await template('order_update')
  await told('message_template_status_update', { event: 'PAUSED', message_template_id: Number(provider_id), message_template_name: 'order_update', message_template_language: 'en_US', reason: 'LOW_QUALITY' })
  await until('it to be paused', async () => (await template('order_update')).state === 'paused')
  assert.equal((await template('order_update')).reason, 'low_quality')
  channel.signal('SIGCONT')
  for (const one of waiting) {
    await until('it to be held', async () => (await message(one)).status === 'held')
    assert.equal((await parley.get(`/messages/${one}/why`)).body.verdicts.at(-1).reason, 'template_not_approved')
  }
  assert.equal((await parley.sent(phone)).length, 0)
  const [event] = await parley.postgres.rows(`select payload from crm.events where type = 'template.changed' and entity_id = '${id}' order by n desc limit 1`)
  assert.deepEqual([event.payload.from, event.payload.to, event.payload.reason, event.payload.queued], ['approved', 'paused', 'low_quality', 5])
  assert.equal(await parley.postgres.value(`select count(*) from crm.events where type = 'message.held' and payload ->> 'message_id' in (${waiting.map(one => `'${one}'`)})`), 5)
  assert.equal((await say(phone, 'order_update', ['1', 'x'])).body.code, 'template_not_approved')
  await told('message_template_status_update', { event: 'APPROVED', message_template_id: Number(provider_id), message_template_name: 'order_update', message_template_language: 'en_US', reason: 'NONE' })
  await until('it to be approved', async () => (await template('order_update')).state === 'approved')
  assert.equal((await say(phone, 'order_update', ['6', 'again'])).status, 200)
  await parley.sentCount(1, phone)
})

test('quality and category are taken from their webhooks; another business account\'s word changes nothing', async () => {
  const { provider_id } = await template('hello_world')
  await told('message_template_quality_update', { previous_quality_score: 'GREEN', new_quality_score: 'RED', message_template_id: Number(provider_id), message_template_name: 'hello_world', message_template_language: 'en_US' })
  await told('template_category_update', { message_template_id: Number(provider_id), message_template_name: 'hello_world', message_template_language: 'en_US', previous_category: 'UTILITY', new_category: 'MARKETING' })
  await until('both', async () => {
    const { quality, category, state } = await template('hello_world')
    return quality === 'red' && category === 'marketing' && state === 'approved'
  })
  await parley.sim('/_sim/receive', { raw: { object: 'whatsapp_business_account', entry: [{ id: '111', changes: [{ field: 'message_template_status_update',
    value: { event: 'DISABLED', message_template_id: Number(provider_id), message_template_name: 'hello_world', message_template_language: 'en_US' } }] }] } })
  await told('message_template_status_update', { event: 'FLAGGED', message_template_id: Number(provider_id), message_template_name: 'hello_world', message_template_language: 'en_US' })
  await until('the inbound stream to be empty', async () => (await (await fetch(`http://127.0.0.1:${parley.nats.monitorPort}/jsz?streams=true`)).json())
    .account_details[0].stream_detail.find(stream => stream.name === 'INBOUND').state.messages === 0)
  assert.equal((await template('hello_world')).state, 'approved')
})
