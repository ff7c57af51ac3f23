// A message in, one answer out, and the story told afterwards: over REST and over the provider's webhook.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { Parley } from '../support/parley.mjs'
import { until } from '../support/process.mjs'

let parley
before(async () => { parley = await Parley.start({ env: { PARLEY_DEMO: 'on' } }) })
after(() => parley?.stop())

test('a posted message is answered once, and its story is told in order', async () => {
  const posted = await parley.inbound('+12345678901', 'Hello, what does it cost?')
  assert.equal(posted.status, 200)
  assert.equal(posted.body.status, 'ok')
  assert.match(posted.headers.get('x-correlation-id'), /^[0-9a-f-]{36}$/)
  const [reply, ...more] = await parley.sentCount(1, '12345678901')
  assert.equal(more.length, 0)
  assert.match(reply.text, /Reply #/)

  const job = await until('the job to complete', async () => {
    const { body } = await parley.get(`/jobs/${posted.body.job_id}`)
    return body.status === 'completed' && body
  })
  assert.equal(job.task_name, 'ai.engage')
  assert.equal(job.result.outcome, 'committed')

  const message = (await parley.get(`/messages/${posted.body.message_id}`)).body
  const answer = await until('the receipts', async () => {
    const { body } = await parley.get(`/messages/${reply.callback}`)
    return body.status === 'read' && body
  })
  assert.equal(answer.external_id, reply.id)
  assert.equal(answer.sender_type, 'ai')
  assert.ok(answer.position > message.position)

  const events = (await parley.get(`/leads/${message.lead_id}/events?limit=200`)).body.items.reverse().map(event => event.type)
  const order = ['lead.created', 'message.received', 'turn.committed', 'message.sent', 'message.read']
  assert.deepEqual(events.filter(type => order.includes(type)), order)

  const stats = await until('the send to be over as well', async () => { // the receipts may come before its worker has told
    const { body } = await parley.get('/queue/stats')
    return body.processing === 0 && body
  })
  assert.deepEqual([stats.queued, stats.failed, stats.dlq], [0, 0, 0])
  assert.equal(stats.total, stats.completed)
  assert.equal(stats.total, 2) // the turn and its send
})

test('a repeat with the same key gives the same ids and no second answer', async () => {
  const first = await parley.inbound('+12345678902', 'Is it open today?', { external_id: 'repeat-1' })
  const again = await parley.inbound('+12345678902', 'Is it open today?', { external_id: 'repeat-1' })
  assert.equal(again.body.message_id, first.body.message_id)
  assert.equal(again.body.job_id, first.body.job_id)
  assert.equal(again.body.duplicate, true)
  await parley.sentCount(1, '12345678902')
  const rows = await parley.postgres.value(`select count(*) from crm.messages where external_id = 'repeat-1'`)
  assert.equal(rows, 1)
})

test('equal texts without a key are distinct messages', async () => {
  const [one, two] = await Promise.all([parley.inbound('+12345678903', 'ok'), parley.inbound('+12345678903', 'ok')])
  assert.notEqual(one.body.message_id, two.body.message_id)
  await until('both rows', async () => await parley.postgres.value(
    `select count(*) from crm.messages where id in ($1, $2)`, [one.body.message_id, two.body.message_id]) === 2)
})

test('a webhook message is answered to the exact address, the name kept up to date', async () => {
  await parley.receive('15005550177', 'Do you speak Bengali? আপনি কেমন আছেন 🙂', { name: 'Ines' })
  const [reply] = await parley.sentCount(1, '15005550177')
  assert.equal(reply.to, '15005550177')
  await parley.receive('15005550177', 'Second thought', { name: 'Ines Duarte' })
  const lead = await until('the new name', async () => {
    const { body } = await parley.get('/leads?phone=%2B15005550177')
    return body.items[0]?.contact_name === 'Ines Duarte' && body.items[0]
  })
  const messages = (await parley.get(`/leads/${lead.id}/messages`)).body.items
  assert.ok(messages.some(message => message.message_text === 'Do you speak Bengali? আপনি কেমন আছেন 🙂'))
})

test('an opt-out is confirmed once, stops what is queued, and a later message is answered again', async () => {
  const phone = '15005550178'
  await parley.receive(phone, 'STOP')
  const [confirmation, ...more] = await parley.sentCount(1, phone)
  assert.equal(more.length, 0)
  await parley.receive(phone, 'stop!')
  await parley.receive(phone, 'We must STOP this bill')
  const sent = await parley.sentCount(2, phone)
  assert.equal(sent.filter(message => message.text === confirmation.text).length, 1)
  assert.match(sent[1].text, /Reply #/)
  const { body } = await parley.get(`/leads?phone=${phone}`)
  assert.equal(body.items[0].opted_out, true)
})

test('GET /messages/{id}/why names the gate verdict, the turn and the prompt', async () => {
  await parley.inbound('+12345678904', 'Why did you say that?')
  const [reply] = await parley.sentCount(1, '12345678904')
  const why = (await parley.get(`/messages/${reply.callback}/why`)).body
  assert.equal(why.verdicts.at(-1).verdict, 'go')
  assert.equal(why.covered_message_ids.length, 1)
  assert.match(JSON.stringify(why.prompt), /Why did you say that\?/)
})
