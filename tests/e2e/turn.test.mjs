// The turn: bursts, newer messages while the model thinks, people taking over and giving back.
import test, { before, after, beforeEach } from 'node:test'
import assert from 'node:assert/strict'
import { Parley } from '../support/parley.mjs'
import { pause, until } from '../support/process.mjs'

let parley
before(async () => { parley = await Parley.start({ env: { BUFFER_MS: '300', BUFFER_MAX_MS: '120000' } }) })
after(() => parley?.stop())
beforeEach(() => parley.sim('/_sim/reset', {}))

const settled = () => until('all jobs over', async () => {
  const { body } = await parley.get('/queue/stats')
  return body.queued + body.processing + body.failed === 0
})
const thinking = count => until(`${count} calls under way`, async () => (await parley.sim('/_sim/count')).llm_in_flight >= count)

test('five messages within the buffer get one reply whose prompt holds all five', async () => {
  const phone = '15005560001'
  for (let n = 1; n <= 5; n++) await parley.receive(phone, `part ${n} of five`)
  await parley.sentCount(1, phone)
  await settled()
  assert.equal((await parley.sent(phone)).length, 1)
  const calls = (await parley.sim('/_sim/llm')).filter(call => !call.aborted)
  assert.equal(calls.length, 1)
  for (let n = 1; n <= 5; n++) assert.match(JSON.stringify(calls[0].messages), new RegExp(`part ${n} of five`))
})

test('a message that lands while the model is thinking aborts the call and is in the only reply that leaves', async () => {
  const phone = '15005560002'
  await parley.faults({ llm: { latency_ms: 1500 } })
  await parley.receive(phone, 'first half')
  await thinking(1)
  await parley.receive(phone, 'second half')
  await parley.sentCount(1, phone)
  await settled()
  assert.equal((await parley.sent(phone)).length, 1)
  const calls = await parley.sim('/_sim/llm')
  assert.ok(calls.some(call => call.aborted), 'no call was aborted')
  const whole = calls.filter(call => !call.aborted)
  assert.equal(whole.length, 1)
  assert.match(JSON.stringify(whole[0].messages), /first half.*second half/)
})

test('a turn that the database forgot, as a crash may make it, is opened again and answered once', async () => {
  const phone = '15005560012'
  await parley.faults({ llm: { latency_ms: 1500 } })
  await parley.receive(phone, 'Are you there?')
  await thinking(1)
  await parley.postgres.rows("delete from crm.turns where state = 'open'")
  await parley.sentCount(1, phone)
  await settled()
  assert.equal((await parley.sent(phone)).length, 1)
  assert.equal((await parley.sim('/_sim/llm')).length, 2)
})

test('a person writes through the same queue, takes over by it, and the AI knows it after handback', async () => {
  const phone = '15005560003'
  await parley.receive(phone, 'I want a person')
  await parley.sentCount(1, phone)
  const posted = await parley.post('/api/v1/operator-message', { phone: `+${phone}`, message: 'This is Mira. Your code is BLUE-7.', operator: 'mira' })
  assert.equal(posted.status, 200)
  assert.equal(posted.body.status, 'success')
  const [, mine] = await parley.sentCount(2, phone)
  assert.equal(mine.text, 'This is Mira. Your code is BLUE-7.')
  const lead = (await parley.get(`/leads?phone=${phone}`)).body.items[0]
  assert.equal(lead.human_intervention_required, true)

  await parley.receive(phone, 'thanks Mira')
  await pause(1000)
  assert.equal((await parley.sent(phone)).length, 2, 'the AI talked over a person')
  await parley.post('/api/v1/handback', { phone })
  await parley.sentCount(3, phone)
  const last = (await parley.sim('/_sim/llm')).at(-1)
  assert.match(JSON.stringify(last.messages), /BLUE-7/)
  assert.match(JSON.stringify(last.messages), /thanks Mira/)
})

test('takeover and handback are idempotent, and a stranger is 404', async () => {
  const phone = '15005560004'
  await parley.receive(phone, 'hello')
  await parley.sentCount(1, phone)
  for (let n = 0; n < 2; n++) assert.equal((await parley.post('/api/v1/takeover', { phone })).status, 200)
  for (let n = 0; n < 2; n++) assert.equal((await parley.post('/api/v1/handback', { phone })).status, 200)
  assert.equal((await parley.post('/api/v1/takeover', { phone: '+19999999999' })).status, 404)
  await pause(700)
  assert.equal((await parley.sent(phone)).length, 1)
})
