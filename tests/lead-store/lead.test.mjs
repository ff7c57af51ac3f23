// Reading and changing people: pages, versions, and the walls between companies.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Store } from './store.mjs'
import { Talk } from './talk.mjs'

let store
before(async () => { store = await Store.start() })
after(() => store?.stop())

const calls = {
  list: ['store.lead.list', 'LeadListRequest', 'LeadList'], get: ['store.lead.get', 'LeadGetRequest', 'Lead'], patch: ['store.lead.patch', 'LeadPatchRequest', 'Lead'],
  messages: ['store.lead.messages', 'MessageListRequest', 'MessageList'], events: ['store.lead.events', 'MessageListRequest', 'LeadEventList'],
  message: ['store.message.get', 'MessageGetRequest', 'Message'], why: ['store.message.why', 'MessageGetRequest', 'MessageWhy'],
}
const ask = (talk, name, item) => store.bus.ask(...calls[name], item, talk.caller)
const code = async (name, item, caller) => (await store.bus.call(...calls[name], [item], caller))[0].code

async function pages(talk, name, item) {
  const all = []
  let cursor, count = 0
  do {
    const page = await ask(talk, name, { ...item, cursor })
    all.push(...page.items)
    cursor = page.next_cursor
    count++
  } while (cursor)
  return { all, count }
}

test('a lead is shown with its contacts and conversations', async () => {
  const talk = await Talk.start(store)
  const lead = await ask(talk, 'get', { id: talk.leadId })
  assert.deepEqual([lead.phone_number, lead.contact_name, lead.stage, lead.version, lead.opted_out, lead.human_intervention_required, lead.attributes.text],
    [talk.phone, 'Ines Duarte', 'New', 1, false, false, '{}'])
  assert.deepEqual(lead.contacts.map(contact => [contact.kind, contact.value, contact.address, contact.channel]), [['phone', talk.phone, talk.phone.slice(1), 'CHANNEL_WHATSAPP_CLOUD']])
  assert.deepEqual(lead.conversations.map(conversation => [conversation.id, conversation.owner, conversation.state]), [[talk.conversationId, 'ai', 'open']])
  await talk.take()
  assert.equal((await ask(talk, 'get', { id: talk.leadId })).human_intervention_required, true)
})

test('lists go by pages, newest first, whole and without repeats while new ones come', async () => {
  const talks = []
  for (let i = 0; i < 7; i++) talks.push(await Talk.start(store))
  const seen = []
  let cursor
  do {
    const page = await ask(talks[0], 'list', { limit: 3, cursor })
    seen.push(...page.items.map(lead => lead.id))
    cursor = page.next_cursor
    if (seen.length === 3) await Talk.start(store) // comes in front of the first page: moves nothing
  } while (cursor)
  assert.equal(new Set(seen).size, seen.length)
  const mine = talks.map(talk => talk.leadId)
  assert.deepEqual(seen.filter(id => mine.includes(id)), [...mine].reverse())
})

test('a lead is found by phone in either spelling and by stage', async () => {
  const talk = await Talk.start(store)
  for (const phone of [talk.phone, talk.phone.slice(1), `${talk.phone.slice(0, 5)} ${talk.phone.slice(5)}`])
    assert.deepEqual((await ask(talk, 'list', { phone })).items.map(lead => lead.id), [talk.leadId])
  assert.deepEqual((await ask(talk, 'list', { phone: '+4900000000' })).items, [])
  assert.deepEqual((await ask(talk, 'list', { phone: 'nonsense' })).items, [])
  const [{ id: qualified }] = await store.rows("select id from crm.stages where name = 'Qualified' and company_id = $1", [talk.first.company_id])
  await ask(talk, 'patch', { id: talk.leadId, stage_id: qualified })
  assert.deepEqual((await ask(talk, 'list', { stage_id: qualified })).items.map(lead => [lead.id, lead.stage]), [[talk.leadId, 'Qualified']])
})

test('limits and cursors are checked on both sides', async () => {
  const talk = await Talk.start(store)
  for (const [limit, expected] of [[0, 'bad_value'], [1, undefined], [200, undefined], [201, 'bad_value'], [-1, 'bad_value']]) {
    assert.equal(await code('list', { limit }, talk.caller), expected)
    assert.equal(await code('messages', { lead_id: talk.leadId, limit }, talk.caller), expected)
    assert.equal(await code('events', { lead_id: talk.leadId, limit }, talk.caller), expected)
  }
  for (const cursor of ['x', 'ff', '00', Buffer.from('1/2/3').toString('hex'), Buffer.from(`99999999999999999/1/${randomUUID()}`).toString('hex'), 'a'.repeat(10000)])
    for (const name of ['list', 'messages', 'events']) assert.equal(await code(name, { lead_id: talk.leadId, cursor }, talk.caller), 'bad_value')
  assert.equal(await code('list', { stage_id: 'x' }, talk.caller), 'bad_value')
})

test('messages and events of a lead, newest first, page by page', async () => {
  const talk = await Talk.start(store)
  for (let i = 0; i < 4; i++) await talk.write({ message_text: `line ${i}` })
  await talk.post({ message: 'Hello from a person' })
  const messages = await pages(talk, 'messages', { lead_id: talk.leadId, limit: 2 })
  assert.deepEqual([messages.count, messages.all.map(message => message.position)], [3, [6, 5, 4, 3, 2, 1]])
  assert.deepEqual((({ sender_type, direction, status, message_text }) => [sender_type, direction, status, message_text])(messages.all[0]),
    ['operator', 'outbound', 'queued', 'Hello from a person'])
  const events = await pages(talk, 'events', { lead_id: talk.leadId, limit: 3 })
  assert.deepEqual(events.all.map(event => event.type).reverse(), await talk.events())
  const received = events.all.at(-2)
  assert.deepEqual([received.type, received.entity_id, JSON.parse(received.payload.text).text, received.correlation_id], ['message.received', talk.leadId, 'Hello', 'test'])
  const empty = await Talk.start(store)
  await store.rows('delete from crm.events where lead_id = $1', [empty.leadId])
  assert.deepEqual((await ask(empty, 'events', { lead_id: empty.leadId })).items, [])
})

test('a patch changes what it names, merges attributes, and moves the version', async () => {
  const talk = await Talk.start(store)
  const [{ id: contacted }] = await store.rows("select id from crm.stages where name = 'Contacted' and company_id = $1", [talk.first.company_id])
  const one = await ask(talk, 'patch', { id: talk.leadId, attributes: { text: '{"budget":500,"nested":{"a":1,"b":null},"gone":true}' }, if_version: 1 })
  assert.deepEqual([one.version, JSON.parse(one.attributes.text)], [2, { budget: 500, nested: { a: 1, b: null }, gone: true }])
  const two = await ask(talk, 'patch', { id: talk.leadId, attributes: { text: '{"gone":null,"nested":{"c":2},"Ünïcode":"ß"}' }, contact_name: 'Ada', priority: -5,
    preferred_channel: 'CHANNEL_EMAIL', stage_id: contacted })
  assert.deepEqual([two.version, JSON.parse(two.attributes.text), two.contact_name, two.priority, two.preferred_channel, two.stage],
    [3, { budget: 500, nested: { c: 2 }, Ünïcode: 'ß' }, 'Ada', -5, 'CHANNEL_EMAIL', 'Contacted'])
  const three = await ask(talk, 'patch', { id: talk.leadId, priority: 0 })
  assert.deepEqual([three.priority, three.contact_name], [0, 'Ada'])
  const events = await store.rows("select type, payload from crm.events where lead_id = $1 and type like 'lead.%' order by n", [talk.leadId])
  assert.deepEqual(events.map(event => event.type), ['lead.created', 'lead.updated', 'lead.stage_changed', 'lead.updated', 'lead.updated'])
  assert.deepEqual((({ from_name, to_name, to }) => [from_name, to_name, to])(events[2].payload), ['New', 'Contacted', contacted])
  const nothing = await ask(talk, 'patch', { id: talk.leadId })
  assert.equal(nothing.version, 4)
})

test('a stale version changes nothing, and of two patches at once one is stale', async () => {
  const talk = await Talk.start(store)
  assert.equal(await code('patch', { id: talk.leadId, priority: 1, if_version: 2 }, talk.caller), 'stale_version')
  const answers = await store.bus.call(...calls.patch, [{ id: talk.leadId, priority: 1, if_version: 1 }, { id: talk.leadId, priority: 2, if_version: 1 }], talk.caller)
  assert.deepEqual(answers.map(answer => answer.code ?? answer.reply.priority), [1, 'stale_version'])
  const rivals = await Promise.all([3, 4].map(priority => store.bus.call(...calls.patch, [{ id: talk.leadId, priority, if_version: 2 }], talk.caller)))
  assert.equal(rivals.filter(([answer]) => answer.code === 'stale_version').length, 1)
})

test('bad patches are refused by name and change nothing', async () => {
  const talk = await Talk.start(store)
  const id = talk.leadId
  const cases = [[{ attributes: { text: '[1]' } }, 'wrong_type'], [{ attributes: { text: '{' } }, 'wrong_type'], [{ attributes: { text: `{"a":"${'x'.repeat(65536)}"}` } }, 'too_long'],
    [{ contact_name: 'x'.repeat(513) }, 'too_long'], [{ stage_id: randomUUID() }, 'unknown_stage'], [{ stage_id: 'x' }, 'unknown_stage']]
  for (const [patch, expected] of cases) assert.equal(await code('patch', { id, ...patch }, talk.caller), expected)
  await store.rows("update crm.stages set allowed_transitions = '{}' where name = 'New'")
  const [{ id: closed }] = await store.rows("select id from crm.stages where name = 'Closed' and company_id = $1", [talk.first.company_id])
  assert.equal(await code('patch', { id, stage_id: closed }, talk.caller), 'stage_not_allowed')
  await store.rows("update crm.stages set allowed_transitions = null")
  assert.equal((await ask(talk, 'get', { id })).version, 1)
})

test('one message as it is', async () => {
  const talk = await Talk.start(store, { message_text: 'Grüße 👋', media_info: { text: '{"id":"77"}' }, kind: 'image' })
  const message = await ask(talk, 'message', { id: talk.first.message_id })
  assert.deepEqual([message.message_text, message.has_text, message.kind, message.status, message.sender_type, message.position, JSON.parse(message.media_info.text)],
    ['Grüße 👋', true, 'image', 'received', 'customer', 1, { id: '77' }])
})

test("nothing of another company's is ever seen or changed", async () => {
  const talk = await Talk.start(store)
  const stranger = { company_id: randomUUID() }
  await store.rows("insert into crm.companies (id, name, created_at, updated_at) values ($1, 'Other', now(), now())", [stranger.company_id])
  const posted = await talk.post({})
  assert.deepEqual((await store.bus.ask(...calls.list, {}, stranger)).items, [])
  assert.deepEqual((await store.bus.ask(...calls.list, { phone: talk.phone }, stranger)).items, [])
  assert.equal(await code('get', { id: talk.leadId }, stranger), 'unknown_lead')
  assert.equal(await code('patch', { id: talk.leadId, priority: 9 }, stranger), 'unknown_lead')
  assert.equal(await code('messages', { lead_id: talk.leadId }, stranger), 'unknown_lead')
  assert.equal(await code('events', { lead_id: talk.leadId }, stranger), 'unknown_lead')
  assert.equal(await code('message', { id: posted.message_id }, stranger), 'unknown_message')
  assert.equal(await code('why', { id: posted.message_id }, stranger), 'unknown_message')
  const foreignStage = randomUUID(), pipeline = randomUUID()
  await store.rows("insert into crm.pipelines (id, company_id, name, created_at, updated_at) values ($1, $2, 'P', now(), now())", [pipeline, stranger.company_id])
  await store.rows("insert into crm.stages (id, company_id, pipeline_id, name, position, created_at, updated_at) values ($1, $2, $3, 'S', 0, now(), now())", [foreignStage, stranger.company_id, pipeline])
  assert.equal(await code('patch', { id: talk.leadId, stage_id: foreignStage }, talk.caller), 'unknown_stage')
  const [answer] = await store.bus.call('store.operator.post', 'OperatorMessageRequest', 'OperatorMessageReply', [{ lead_id: talk.leadId, message: 'x' }], stranger)
  assert.equal(answer.code, 'unknown_lead')
  assert.equal((await ask(talk, 'get', { id: talk.leadId })).priority, 0)
})

test('what is no id at all is unknown, and a caller without a company sees nothing', async () => {
  const talk = await Talk.start(store)
  for (const id of ['', 'x', `${talk.leadId}0`, "' or 1=1 --"]) {
    assert.equal(await code('get', { id }, talk.caller), 'unknown_lead')
    assert.equal(await code('message', { id }, talk.caller), 'unknown_message')
    assert.equal(await code('events', { lead_id: id }, talk.caller), 'unknown_lead')
  }
  assert.equal(await code('list', {}, {}), 'unknown_company')
})
