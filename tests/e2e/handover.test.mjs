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
const lastPrompt = async phone => {
  const [last] = (await parley.sim('/_sim/llm')).filter(call => !call.aborted && JSON.stringify(call.messages).includes(phone)).slice(-1)
  return JSON.stringify(last?.messages)
}

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
  assert.equal(sent.length, 1 + 5 * 3 - 0)
})
