// People and the AI in one conversation, the whole way: the business's own phone, media and quotes, five times there and back, the model away.
import test, { before, after, beforeEach } from 'node:test'
import assert from 'node:assert/strict'
import { Parley } from '../support/parley.mjs'
import { pause, until } from '../support/process.mjs'

const DEADLINE_MS = 4000
const NOTICE = 'Thanks for your message. A colleague will get back to you as soon as possible.'

let parley
before(async () => {
  parley = await Parley.start({ env: { BUFFER_MS: '0', BUFFER_MAX_MS: '500', HAND_OVER_DEADLINE_MS: String(DEADLINE_MS), JOB_LADDER_MS: '200,400,800,1600,1600' } })
})
after(() => parley?.stop())
beforeEach(() => parley.sim('/_sim/reset', {}))

const leadOf = async phone => (await parley.get(`/leads?phone=${phone}`)).body.items[0]
const messagesOf = async phone => (await parley.get(`/leads/${(await leadOf(phone)).id}/messages`)).body.items.reverse()
const storyOf = async phone => (await parley.get(`/leads/${(await leadOf(phone)).id}/events?limit=200`)).body.items.reverse()
/** Of the last answer: a handback has the conversation summed up as well. */
const lastPrompt = async phone => (await parley.sim('/_sim/llm')).filter(call => !call.aborted).map(call => JSON.stringify(call.messages))
  .findLast(prompt => prompt.includes(phone) && !prompt.includes('You write notes about conversations'))

test('hand over and back five times: the bot answers each time and remembers', async () => {
  const phone = '15005570001'
  await parley.receive(phone, `I am ${phone}, round 0`)
  await parley.sentCount(1, phone)
  for (let round = 1; round <= 5; round++) {
    assert.equal((await parley.post('/api/v1/takeover', { phone, operator: 'mira' })).status, 200)
    const posted = await parley.post('/api/v1/operator-message', { phone, message: `Mira here, code M-${round}`, operator: 'mira' })
    assert.equal(posted.status, 200)
    await parley.sentCount(3 * round - 1, phone)
    await parley.receive(phone, `customer in round ${round}`)
    await until('the message to be stored', async () => (await messagesOf(phone)).some(message => message.message_text === `customer in round ${round}`))
    assert.equal((await parley.post('/api/v1/handback', { phone, operator: 'mira' })).status, 200)
    await parley.sentCount(3 * round, phone) // at once: nobody had to write again
    await until('the answer to be stored as sent', async () => ['sent', 'delivered', 'read'].includes((await messagesOf(phone)).at(-1).status))
    await parley.receive(phone, `and again in round ${round}`)
    await parley.sentCount(3 * round + 1, phone)
  }
  const prompt = await lastPrompt(phone)
  for (let round = 1; round <= 5; round++) for (const said of [`code M-${round}`, `customer in round ${round}`, `and again in round ${round}`])
    assert.ok(prompt.includes(said), `the bot forgot: ${said}`)
  assert.match(prompt, /\[colleague mira\] Mira here, code M-5/)
  const sent = await parley.sent(phone)
  assert.equal(sent.length, 1 + 5 * 3)
})

test("a message on the business's own phone is the operator's: stored once, taken over by, never answered, its receipts count", async () => {
  const phone = '15005570002'
  await parley.receive(phone, `Hello from ${phone}`)
  const [first] = await parley.sentCount(1, phone)
  await until('the answer to be stored as sent', async () => ['sent', 'delivered', 'read'].includes((await messagesOf(phone)).at(-1).status))
  await parley.faults({ receipts: { sent_ms: 5, delivered_ms: 20, read_ms: 40 } })
  const echo = { to: phone, text: 'Rana here, from the shop phone: code R-7', id: `wamid.echo-${Date.now()}`, context: { id: first.id } }
  for (let n = 0; n < 3; n++) assert.equal((await parley.sim('/_sim/echo', echo)).status, 200) // redelivered
  const message = await until('its receipts', async () => (await messagesOf(phone)).find(one => one.external_id === echo.id && one.status === 'read'))
  assert.deepEqual([message.direction, message.sender_type, message.sender_id, message.message_text, message.reply_to], ['outbound', 'operator', 'phone', echo.text, first.id])
  assert.equal((await messagesOf(phone)).filter(one => one.external_id === echo.id).length, 1)
  const lead = await leadOf(phone)
  assert.equal(lead.human_intervention_required, true)
  const story = await storyOf(phone)
  assert.deepEqual(story.filter(event => event.type === 'conversation.taken_over').map(event => [event.actor, event.payload.epoch]), [['operator:phone', 1]])
  await parley.receive(phone, 'thanks Rana')
  await until('it to be stored', async () => (await messagesOf(phone)).at(-1).message_text === 'thanks Rana')
  await until('its job to end', async () => (await parley.get('/queue/stats')).body.queued === 0 && (await parley.get('/queue/stats')).body.processing === 0)
  assert.equal((await parley.sent(phone)).length, 1) // the AI said nothing, and nobody sent the echo again
  await parley.post('/api/v1/handback', { phone })
  await parley.sentCount(2, phone)
  assert.match(await lastPrompt(phone), /\[colleague\] \[in reply to .*?code R-7/)
})

test('an operator sends a document that quotes the customer; the AI is told of both, and of what the customer quotes', async () => {
  const phone = '15005570003'
  const { id: asked } = await parley.receive(phone, `I am ${phone}. What does the blue one cost?`)
  await parley.sentCount(1, phone)
  const posted = await parley.post('/api/v1/operator-message', { phone: `+${phone}`, message: '', operator: 'mira', messageId: asked,
    media: { type: 'document', link: 'https://cdn.example.org/prices.pdf', filename: 'prices.pdf', caption: 'All prices' } }, { 'idempotency-key': 'prices-1' })
  assert.equal(posted.status, 200, JSON.stringify(posted.body))
  const [, sent] = await parley.sentCount(2, phone)
  assert.deepEqual([sent.type, sent.quoted], ['document', asked])
  assert.deepEqual((await parley.post('/api/v1/operator-message', { phone: `+${phone}`, message: '', operator: 'mira', messageId: asked,
    media: { type: 'document', link: 'https://cdn.example.org/prices.pdf', filename: 'prices.pdf', caption: 'All prices' } }, { 'idempotency-key': 'prices-1' })).body.message_id, posted.body.message_id)
  const shown = await until('it to be sent', async () => (await messagesOf(phone)).find(one => one.id === posted.body.message_id && one.external_id))
  assert.deepEqual([shown.sender_id, shown.kind, shown.media_info.filename, shown.reply_to], ['mira', 'document', 'prices.pdf', asked])
  await parley.post('/api/v1/handback', { conversation_id: shown.conversation_id })
  await parley.receive(phone, 'The second one on that list', { context: { from: '15005550100', id: shown.external_id } })
  await parley.sentCount(3, phone)
  const prompt = await lastPrompt(phone)
  assert.ok(prompt.includes(`[colleague mira] [in reply to \\"I am ${phone}. What does the blue one cost?\\"] [document prices.pdf: All prices]`), prompt)
  assert.ok(prompt.includes('[in reply to \\"All prices\\"] The second one on that list'), prompt)
})

test('the model hands over: its word reaches the customer, the team is told, and nobody is answered twice', async () => {
  const phone = '15005570004'
  await parley.faults({ llm: { reply: JSON.stringify({ reply: 'I ask a colleague to help you.', actions: [{ type: 'hand_over', reason: 'wants a refund', urgency: 'high' }] }), count: 1 } })
  await parley.receive(phone, `I am ${phone} and want my money back`)
  const [word] = await parley.sentCount(1, phone)
  assert.equal(word.text, 'I ask a colleague to help you.')
  const story = await until('the story', async () => (await storyOf(phone)).some(event => event.type === 'message.sent') && storyOf(phone))
  const escalated = story.filter(event => event.type === 'conversation.escalated')
  assert.deepEqual(escalated.map(({ actor, payload }) => [actor, payload.reason, payload.urgency]), [['ai', 'wants a refund', 'high']])
  const lead = await leadOf(phone)
  assert.deepEqual([lead.human_intervention_required, lead.conversations[0].escalation_reason, lead.conversations[0].escalation_urgency], [true, 'wants a refund', 'high'])
  const waiting = (await parley.get('/conversations?waiting=true')).body.items.find(one => one.lead_id === lead.id)
  assert.deepEqual([waiting.owner, waiting.assignee, waiting.escalation_reason], ['human', undefined, 'wants a refund'])
  await parley.receive(phone, 'Hello?')
  await until('it to be stored', async () => (await messagesOf(phone)).at(-1).message_text === 'Hello?')
  await until('its job to end', async () => (await parley.get('/queue/stats')).body.queued + (await parley.get('/queue/stats')).body.processing === 0)
  assert.equal((await parley.sent(phone)).length, 1)
})

const rules = async hand_over => assert.equal((await parley.send('PATCH', '/company', { hand_over })).status, 200)
const asked = async phone => (await parley.sim('/_sim/llm')).filter(call => JSON.stringify(call.messages).includes(phone)).length

test("the company's rules hand over before the model is asked: a word, a complaint, too many answers without progress; the customer is told once", async () => {
  const cases = { keyword: ['15005570021', { keywords: ['real person', 'মানুষ'] }, 'May I talk to a REAL person?'], sentiment: ['15005570022', { negative_sentiment: true }, 'This is a scam, I call my lawyer!'] }
  for (const [reason, [phone, hand_over, text]] of Object.entries(cases)) {
    await rules(hand_over)
    await parley.receive(phone, text)
    assert.equal((await parley.sentCount(1, phone))[0].text, NOTICE)
    const escalated = (await storyOf(phone)).filter(event => event.type === 'conversation.escalated')
    assert.deepEqual(escalated.map(({ payload }) => payload.reason), [reason])
    assert.equal(await asked(phone), 0)
  }
  const phone = '15005570023'
  await rules({ turns_without_progress: 2, notice: 'One moment, a colleague comes.' })
  for (let n = 1; n <= 2; n++) {
    await parley.receive(phone, `I am ${phone}, for the ${n}. time`)
    await parley.sentCount(n, phone)
    await until('the answer to be stored as sent', async () => ['sent', 'delivered', 'read'].includes((await messagesOf(phone)).at(-1).status))
  }
  await parley.receive(phone, `and ${phone} again`)
  assert.equal((await parley.sentCount(3, phone))[2].text, 'One moment, a colleague comes.')
  assert.deepEqual((await storyOf(phone)).filter(event => event.type === 'conversation.escalated').map(({ payload }) => payload.reason), ['no_progress'])
  await rules({})
})

test('who waits for a person past the deadline is overdue, said once; the AI answers then where the company wants it', async () => {
  const phone = '15005570024'
  await parley.receive(phone, `I am ${phone}`)
  await parley.sentCount(1, phone)
  await parley.post('/api/v1/takeover', { phone, operator: 'mira' })
  await rules({ person_deadline_ms: 1000 })
  await parley.receive(phone, 'Where is Mira?')
  const overdue = async () => (await storyOf(phone)).filter(event => event.type === 'conversation.overdue')
  const [told] = await until('it to be told', async () => (await overdue()).length && overdue())
  const listed = async () => (await parley.get('/conversations?overdue=true&limit=200')).body.items.filter(one => one.phone === `+${phone}`).length
  assert.deepEqual([told.payload.message_id, told.payload.assignee, await listed()], [(await messagesOf(phone)).at(-1).id, 'mira', 1])
  await parley.post('/api/v1/operator-message', { phone, message: 'Here I am.', operator: 'mira' })
  await parley.sentCount(2, phone)
  assert.equal(await listed(), 0)
  assert.equal((await overdue()).length, 1)
  await rules({ person_deadline_ms: 1000, give_back_overdue: true })
  await parley.receive(phone, 'And what does it cost?')
  assert.match((await parley.sentCount(3, phone))[2].text, /And what does it cost/)
  assert.equal((await leadOf(phone)).human_intervention_required, false)
  await rules({})
})

test('the model is away for ten minutes: everyone who waits reaches a person within the deadline and is told once; then it does not talk over them', async () => {
  // The ladder and the deadline are shortened; jobs go on trying all the while.
  const phones = Array.from({ length: 20 }, (_, n) => `150055710${String(n).padStart(2, '0')}`)
  await parley.faults({ llm: { status: 503 } })
  const asked = new Map()
  for (const phone of phones) {
    await parley.receive(phone, `Is anybody there? ${phone}`)
    asked.set(phone, Date.now())
  }
  for (const phone of phones) assert.equal((await parley.sentCount(1, phone, 30000))[0].text, NOTICE)
  for (const phone of phones) {
    const escalated = (await storyOf(phone)).filter(event => event.type === 'conversation.escalated')
    assert.deepEqual(escalated.map(({ payload }) => payload.reason), ['ai_unavailable'])
    const waited = Date.parse(escalated[0].occurred_at) - asked.get(phone)
    assert.ok(waited <= DEADLINE_MS + 500 + 3000, `${phone} waited ${waited} ms`) // maximum wait, deadline, and the sweep's second on a busy machine
    assert.equal((await leadOf(phone)).human_intervention_required, true)
  }
  await parley.faults({ llm: null }) // it comes back
  const idle = () => until('all jobs over', async () => {
    const { queued, processing, failed } = (await parley.get('/queue/stats')).body
    return queued + processing + failed === 0
  }, 30000)
  await idle()
  for (const phone of phones) assert.equal((await parley.sent(phone)).length, 1, `${phone} was told or answered more than once`)
  await parley.post('/api/v1/handback', { phone: phones[0] })
  const [, answer] = await parley.sentCount(2, phones[0])
  assert.match(answer.text, /Is anybody there/)
  const posted = await parley.post('/api/v1/operator-message', { phone: phones[1], message: 'Mira here.', operator: 'mira' })
  assert.equal(posted.status, 200)
  await parley.sentCount(2, phones[1])
})
