// A team works through its conversations over REST, beside the AI.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { Parley } from '../support/parley.mjs'
import { EventReader } from '../support/sse.mjs'
import { until } from '../support/process.mjs'

let parley, people = 0
const readers = []
before(async () => { parley = await Parley.start() })
after(async () => {
  for (const reader of readers) reader.cut()
  await parley?.stop()
})

const listen = async (query = '') => {
  readers.push(new EventReader(`${parley.url}/events/stream${query}`))
  return readers.at(-1).open()
}
const phone = () => `1500800${String(1000 + ++people)}`
const lead = async digits => until('the lead', async () => (await parley.get(`/leads?phone=%2B${digits}`)).body.items[0])
const one = async id => (await parley.get(`/conversations/${id}`)).body
const patch = (id, body, headers) => parley.send('PATCH', `/conversations/${id}`, body, headers)
const refused = ({ status, body }, expectedStatus, code) => assert.deepEqual([status, body.code], [expectedStatus, code], JSON.stringify(body))
const list = async query => (await parley.get(`/conversations?${query}`)).body.items

/** Somebody wrote, and the AI answered. */
async function talk(text = 'Hello') {
  const digits = phone()
  await parley.receive(digits, text)
  await parley.sentCount(1, digits)
  const { id: leadId, conversations } = await until('the conversation', async () => { const found = await lead(digits); return found.conversations?.length && found })
  return { digits, leadId, id: conversations[0].id }
}
const take = id => parley.post('/api/v1/takeover', { conversation_id: id, operator: 'ana' })
const received = (id, count) => until('what was written', async () => {
  const { items } = (await parley.get(`/conversations/${id}/messages`)).body
  return items.filter(message => message.direction === 'inbound').length >= count && items
})

test('leads and conversations are listed with all that a console shows', async () => {
  const { digits, leadId, id } = await talk()
  const [found] = (await parley.get(`/leads?phone=%2B${digits}`)).body.items
  assert.deepEqual([found.id, found.contacts.length, found.contacts[0].value, found.conversations.map(each => each.id)], [leadId, 1, `+${digits}`, [id]])
  const [shown] = await list(`lead_id=${leadId}`)
  assert.deepEqual([shown.id, shown.owner, shown.state, shown.unread, shown.read_position, shown.version, shown.assignee], [id, 'ai', 'open', 1, 0, 1, undefined])
  assert.deepEqual([shown.last_message.direction, shown.last_message.position], ['outbound', 2])
  const { last_message, ...alone } = await one(id)
  assert.deepEqual([{ ...alone, last_message: undefined }, last_message.id], [{ ...shown, last_message: undefined }, shown.last_message.id])
  const messages = (await parley.get(`/conversations/${id}/messages?limit=1`)).body
  assert.deepEqual(messages.items.map(message => message.position), [2])
  const next = (await parley.get(`/conversations/${id}/messages?limit=1&cursor=${messages.next_cursor}`)).body
  assert.deepEqual([next.items.map(message => message.position), next.next_cursor], [[1], null])
  refused(await parley.get('/conversations/00000000-0000-7000-8000-000000000000'), 404, 'unknown_conversation')
  refused(await parley.get('/conversations/00000000-0000-7000-8000-000000000000/messages'), 404, 'unknown_conversation')
  refused(await parley.get('/conversations?state=ajar'), 422, 'bad_value')
  refused(await parley.get('/conversations?order=oldest'), 422, 'bad_value')
  refused(await parley.get(`/conversations/${id}?company_id=00000000-0000-7000-8000-00000000000a`), 404, 'unknown_conversation')
})

test('those who wait for a person come first who waited longest, page by page; an answer ends the waiting', async () => {
  const talks = []
  for (let i = 0; i < 3; i++) {
    const each = await talk()
    await take(each.id)
    await parley.receive(each.digits, 'Is anybody there?')
    await received(each.id, 2)
    talks.push(each)
  }
  const waiting = []
  for (let cursor = ''; cursor !== null;) {
    const page = (await parley.get(`/conversations?waiting=true&limit=2&cursor=${cursor}`)).body
    waiting.push(...page.items)
    cursor = page.next_cursor
  }
  assert.deepEqual(waiting.map(each => each.id), talks.map(each => each.id))
  assert.ok(waiting.every((each, i) => i === 0 || each.waiting_since_at >= waiting[i - 1].waiting_since_at))
  assert.deepEqual((await list('waiting=true&order=newest')).map(each => each.id), talks.map(each => each.id).reverse())
  assert.equal((await parley.post('/api/v1/operator-message', { conversation_id: talks[0].id, message: 'Yes, me.', operator: 'ana' })).status, 200)
  assert.deepEqual((await list('waiting=true')).map(each => each.id), talks.slice(1).map(each => each.id))
  assert.deepEqual((await list('owner=human&state=open')).map(each => each.id).sort(), talks.map(each => each.id).sort())
})

test('a conversation is assigned, by version, and everybody is told', async () => {
  const { id } = await talk()
  const stream = await listen('?type=conversation.*')
  const version = (await parley.get(`/conversations/${id}`)).headers.get('etag')
  const assigned = await patch(id, { assignee: 'ben', operator: 'ana' }, { 'if-match': version })
  assert.deepEqual([assigned.status, assigned.body.assignee, assigned.body.owner], [200, 'ben', 'ai'])
  refused(await patch(id, { assignee: 'cleo' }, { 'if-match': version }), 412, 'stale_version')
  assert.deepEqual((await list('assignee=ben')).map(each => each.id), [id])
  assert.equal((await patch(id, { assignee: 'ben' }, { 'if-match': assigned.headers.get('etag') })).body.version, assigned.body.version)
  assert.equal((await patch(id, { assignee: '' })).body.assignee, undefined)
  assert.ok((await list('assignee=none')).some(each => each.id === id))
  await until('both events', () => stream.events.length === 2)
  assert.deepEqual(stream.events.map(({ type, data }) => [type, data.payload.from, data.payload.to, data.actor]),
    [['conversation.assigned', undefined, 'ben', 'operator:ana'], ['conversation.assigned', 'ben', undefined, 'operator:operator']])
  refused(await patch(id, { assignee: 'x'.repeat(513) }), 422, 'too_long')
  refused(await patch(id, { state: 'ajar' }), 422, 'bad_value')
  stream.cut()
})

test('a closed conversation owes nothing and says no more; what is written then begins a new one, and one of both is open', async () => {
  await parley.faults({ llm: { latency_ms: 60000 } })
  const digits = phone()
  await parley.receive(digits, 'A question')
  const { conversations: [{ id }] } = await until('the conversation', async () => { const found = await lead(digits); return found.conversations?.length && found })
  const closed = await patch(id, { state: 'closed', operator: 'ana' })
  assert.deepEqual([closed.status, closed.body.state, closed.body.waiting_since_at], [200, 'closed', undefined])
  await parley.faults({ llm: null })
  await parley.receive(digits, 'Another question')
  const found = await until('a new conversation', async () => { const seen = await lead(digits); return seen.conversations.length === 2 && seen })
  await parley.sentCount(1, digits)
  assert.deepEqual([found.conversations[0].state, found.conversations[1].state, found.conversations[1].id], ['open', 'closed', id])
  refused(await patch(id, { state: 'open' }), 409, 'conversation_conflict')
  refused(await parley.post(`/conversations/${id}/typing`, {}), 409, 'conversation_closed')
  assert.equal((await patch(found.conversations[0].id, { state: 'closed' })).status, 200)
  const reopened = await patch(id, { state: 'open', operator: 'ana' })
  assert.deepEqual([reopened.body.state, reopened.body.owner], ['open', 'human'])
  const types = (await parley.get(`/leads/${found.id}/events`)).body.items.map(event => event.type).filter(type => type.startsWith('conversation.'))
  assert.deepEqual(types.reverse(), ['conversation.taken_over', 'conversation.closed', 'conversation.taken_over', 'conversation.closed', 'conversation.reopened'])
  assert.equal((await parley.sent(digits)).length, 1)
})

test('what a person has read is marked once, here and at Meta, and the others are told', async () => {
  const { digits, id } = await talk('read me')
  const stream = await listen('?type=conversation.seen')
  await take(id)
  await parley.receive(digits, 'and me')
  await received(id, 2)
  const before = (await parley.sim('/_sim/marks')).length
  const seen = await parley.post(`/conversations/${id}/read`)
  assert.deepEqual([seen.status, seen.body], [200, { conversation_id: id, read_position: 3, unread: 0 }])
  assert.equal((await one(id)).unread, 0)
  const [mark] = await until('the mark', async () => { const marks = await parley.sim(`/_sim/marks?since=${before}`); return marks.length && marks })
  const newest = (await received(id, 2)).find(message => message.message_text === 'and me')
  assert.deepEqual([mark.message_id, mark.typing], [newest.external_id, false])
  assert.deepEqual((await parley.post(`/conversations/${id}/read`, { position: 1 })).body.read_position, 3)
  await until('the event', () => stream.events.length > 0)
  assert.deepEqual(stream.events.map(({ data }) => [data.payload.conversation_id, data.payload.position]), [[id, 3]])
  refused(await parley.post(`/conversations/${id}/read`, { position: -1 }), 422, 'bad_value')
  refused(await parley.post('/conversations/00000000-0000-7000-8000-000000000000/read'), 404, 'unknown_conversation')
  assert.equal((await parley.sim('/_sim/marks')).length, before + 1)
  stream.cut()
})

test('that a person writes is shown to the team and to the customer, and stored nowhere', async () => {
  const { id, leadId } = await talk()
  const stream = await listen('?type=conversation.typing'), other = await listen('?lead_id=00000000-0000-7000-8000-000000000000')
  const answer = await parley.post(`/conversations/${id}/typing`, { operator: 'ana' })
  assert.deepEqual([answer.status, answer.body], [202, { status: 'ok' }])
  await until('the others to be told', () => stream.events.length)
  const [{ id: none, data }] = stream.events
  assert.deepEqual([none, data.conversation_id, data.lead_id, data.by], [undefined, id, leadId, 'operator:ana'])
  assert.ok(new Date(data.until_at) > new Date())
  await until('Meta to be told', async () => (await parley.sim('/_sim/marks')).some(mark => mark.typing))
  const marks = (await parley.sim('/_sim/marks')).length
  await Promise.all([1, 2, 3].map(() => parley.post(`/conversations/${id}/typing`)))
  await until('all of them', () => stream.events.length === 4)
  assert.deepEqual([await parley.postgres.value("select count(*) from crm.events where type like '%typing%'"), other.events.length], [0, 0])
  assert.ok((await parley.sim('/_sim/marks')).length <= marks + 1)
  for (const each of [stream, other]) each.cut()
})

test('a reply written on an outdated view is refused with what was missed, and nothing is stored', async () => {
  const { digits, id } = await talk('first')
  await take(id)
  const [newest] = (await parley.get(`/conversations/${id}/messages`)).body.items
  await parley.receive(digits, 'second')
  const [second] = await received(id, 2)
  const write = (more, headers) => parley.post('/api/v1/operator-message', { conversation_id: id, message: 'As to your first question', operator: 'ana', ...more }, headers)
  const stored = await parley.postgres.value('select count(*) from crm.messages where conversation_id = $1', [id])
  for (const seen of [{ after_message_id: newest.id }, { after_position: newest.position }]) {
    const answer = await write(seen)
    refused(answer, 409, 'outdated_view')
    assert.match(answer.headers.get('content-type'), /^application\/problem\+json/)
    assert.deepEqual(answer.body.missed.map(message => [message.id, message.message_text]), [[second.id, 'second']])
  }
  assert.equal(await parley.postgres.value('select count(*) from crm.messages where conversation_id = $1', [id]), stored)
  refused(await write({ after_message_id: '00000000-0000-7000-8000-000000000000' }), 404, 'unknown_message')
  const key = { 'idempotency-key': `reply-${id}` }
  const sent = await write({ after_message_id: second.id }, key)
  assert.equal(sent.status, 200)
  assert.equal((await one(id)).unread, 0, 'who answers has read it')
  await parley.receive(digits, 'third')
  await received(id, 3)
  assert.equal((await write({ after_message_id: second.id }, key)).body.message_id, sent.body.message_id, 'a repeat is answered with the message that it made')
  const rival = await write({ after_message_id: sent.body.message_id, message: 'My colleague did not see this' })
  refused(rival, 409, 'outdated_view')
  assert.deepEqual(rival.body.missed.map(message => message.message_text), ['third'])
})

test("the team's notes are never sent, and the model knows those that are for it", async () => {
  const { digits, id, leadId } = await talk()
  const stream = await listen('?type=note.*')
  const add = (body, headers) => parley.post(`/conversations/${id}/notes`, body, headers)
  const made = await add({ text: 'Complained twice.', operator: 'ana' }, { 'idempotency-key': `n-${id}` })
  assert.deepEqual([made.status, made.body.author, made.body.text, made.body.for_ai, made.body.lead_id], [201, 'ana', 'Complained twice.', false, leadId])
  assert.deepEqual((await add({ text: 'Complained twice.', operator: 'ana' }, { 'idempotency-key': `n-${id}` })).body, made.body)
  refused(await add({ text: 'Other', operator: 'ana' }, { 'idempotency-key': `n-${id}` }), 422, 'idempotency_mismatch')
  await add({ text: 'Gets 10 % off, said the boss.', for_ai: true })
  const page = (await parley.get(`/conversations/${id}/notes?limit=1`)).body
  const next = (await parley.get(`/conversations/${id}/notes?limit=1&cursor=${page.next_cursor}`)).body
  assert.deepEqual([...page.items, ...next.items].map(note => note.text), ['Gets 10 % off, said the boss.', 'Complained twice.'])
  assert.equal(next.next_cursor, null)
  await until('the events', () => stream.events.length === 2)
  assert.deepEqual(stream.events.map(({ type, data }) => [type, data.payload.note_id === made.body.id, data.payload.for_ai]), [['note.created', true, false], ['note.created', false, true]])
  await parley.receive(digits, 'What does it cost?')
  await parley.sentCount(2, digits)
  const asked = (await parley.sim('/_sim/llm')).map(call => JSON.stringify(call.messages)).filter(text => text.includes('What does it cost?'))
  assert.ok(asked.at(-1).includes('Gets 10 % off') && !asked.at(-1).includes('Complained twice'))
  assert.ok((await parley.sent(digits)).every(message => !/Complained|boss/.test(message.text)))
  refused(await add({ text: ' ' }), 422, 'bad_value')
  refused(await add({}), 422, 'missing_field')
  refused(await parley.post('/conversations/00000000-0000-7000-8000-000000000000/notes', { text: 'x' }), 404, 'unknown_conversation')
  refused(await parley.get('/conversations/00000000-0000-7000-8000-000000000000/notes'), 404, 'unknown_conversation')
  stream.cut()
})

test('canned replies: made, found by shortcut, changed by version, filled in when sent, removed', async () => {
  const { digits, id } = await talk()
  await take(id)
  const add = (body, headers) => parley.post('/canned-replies', body, headers)
  const made = await add({ shortcut: 'hello', title: 'Greeting', text: 'Hello {name}, {operator} here.' }, { 'idempotency-key': 'canned-1' })
  assert.deepEqual([made.status, made.body.shortcut, made.body.version], [201, 'hello', 1])
  assert.deepEqual((await add({ shortcut: 'hello', title: 'Greeting', text: 'Hello {name}, {operator} here.' }, { 'idempotency-key': 'canned-1' })).body, made.body)
  refused(await add({ shortcut: 'hello', text: 'Another' }), 409, 'canned_reply_exists')
  refused(await add({ shortcut: 'bill', text: 'Your bill is {bill}' }), 422, 'bad_value')
  refused(await add({ shortcut: 'two words', text: 'x' }), 422, 'bad_value')
  for (const shortcut of ['help', 'bye']) await add({ shortcut, text: 'x' })
  assert.deepEqual((await parley.get('/canned-replies?shortcut=he')).body.items.map(reply => reply.shortcut), ['hello', 'help'])
  const first = (await parley.get('/canned-replies?limit=2')).body
  assert.deepEqual([first.items.map(reply => reply.shortcut), (await parley.get(`/canned-replies?limit=2&cursor=${first.next_cursor}`)).body.items.map(reply => reply.shortcut)],
    [['bye', 'hello'], ['help']])
  const path = `/canned-replies/${made.body.id}`
  const changed = await parley.send('PATCH', path, { text: 'Good morning {first_name}, {operator} here. {phone}' }, { 'if-match': '"1"' })
  assert.deepEqual([changed.status, changed.body.version, changed.headers.get('etag')], [200, 2, '"2"'])
  refused(await parley.send('PATCH', path, { text: 'late' }, { 'if-match': '"1"' }), 412, 'stale_version')
  refused(await parley.send('PATCH', path, { shortcut: 'bye' }), 409, 'canned_reply_exists')
  const posted = await parley.post('/api/v1/operator-message', { conversation_id: id, canned_reply_id: made.body.id, operator: 'ana' })
  assert.equal(posted.status, 200)
  const sent = await parley.sentCount(2, digits)
  assert.equal(sent.at(-1).text, `Good morning Test, ana here. +${digits}`)
  refused(await parley.post('/api/v1/operator-message', { conversation_id: id, canned_reply_id: made.body.id, message: 'both' }), 422, 'bad_value')
  assert.equal((await parley.send('DELETE', path)).status, 200)
  refused(await parley.get(path), 404, 'unknown_canned_reply')
  refused(await parley.post('/api/v1/operator-message', { conversation_id: id, canned_reply_id: made.body.id }), 404, 'unknown_canned_reply')
})

test('where the company wants it, the customer sees that the AI is writing', async () => {
  const stream = await listen('?type=conversation.typing')
  await talk('quietly')
  const before = (await parley.sim('/_sim/marks')).length
  const company = await parley.send('PATCH', '/company', { ai_typing: true })
  assert.deepEqual([company.status, company.body.ai_typing], [200, true])
  await parley.faults({ llm: { latency_ms: 400 } })
  const { digits, id, leadId } = await talk('show me')
  await parley.faults({ llm: null })
  await until('Meta to be told', async () => (await parley.sim('/_sim/marks')).length > before)
  const [mark, ...more] = await parley.sim(`/_sim/marks?since=${before}`)
  const [reply] = await parley.sent(digits)
  const asked = (await received(id, 1)).find(message => message.direction === 'inbound')
  assert.deepEqual([mark.message_id, mark.typing, mark.at < reply.at, more.length], [asked.external_id, true, true, 0])
  assert.deepEqual(stream.events.map(({ data }) => [data.conversation_id, data.lead_id, data.by]), [[id, leadId, 'ai']])
  assert.equal((await parley.send('PATCH', '/company', { ai_typing: false })).body.ai_typing, false)
  stream.cut()
})
