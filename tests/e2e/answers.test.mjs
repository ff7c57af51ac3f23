// Details of the answers that clients rely on: ids that resolve, keys that fix what is made, a person's message and its provider's id.
import test, { before, after, describe } from 'node:test'
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { Parley } from '../support/parley.mjs'
import { until } from '../support/process.mjs'

let parley
before(async () => { parley = await Parley.start() })
after(() => parley?.stop())

const refused = (response, status, code) => {
  assert.equal(response.status, status, JSON.stringify(response.body))
  assert.match(response.headers.get('content-type'), /^application\/problem\+json/)
  assert.equal(response.body.code, code)
}
const job = (id, headers) => until(`job ${id} to complete`, async () => {
  const { status, body } = await parley.get(`/jobs/${id}`, headers)
  return status === 200 && body.status === 'completed' && body
})
const lead = phone => until(`the lead ${phone}`, async () => (await parley.get(`/leads?phone=${encodeURIComponent(phone)}`)).body.items[0])

describe('job_id of an inbound', () => {
  test('resolves to a skipped job with the reason where the AI has nothing to answer', async () => {
    const stop = await parley.inbound('+15005570101', 'STOP')
    const done = await job(stop.body.job_id)
    assert.equal(done.result.outcome, 'skipped')
    assert.ok(done.result.reason)
    assert.equal(done.task_name, 'ai.engage')

    await job((await parley.inbound('+15005570102', 'hello')).body.job_id)
    await parley.sentCount(1, '15005570102') // a takeover cancels what has not left
    assert.equal((await parley.post('/api/v1/takeover', { phone: '+15005570102' })).status, 200)
    const owned = await job((await parley.inbound('+15005570102', 'still there?')).body.job_id)
    assert.equal(owned.result.outcome, 'skipped')
    assert.ok(owned.result.reason)
    assert.equal((await parley.sent('15005570102')).length, 1)
  })

  test('resolves for every message of a burst, with one answer', async () => {
    const posted = await Promise.all(['a', 'b', 'c', 'd'].map(text => parley.inbound('+15005570103', text)))
    for (const { body } of posted) assert.ok((await job(body.job_id)).result.outcome)
  })

  test('carries the correlation id of the request, as do message and events', async () => {
    const posted = await parley.post('/inbound-message', { phone_number: '15005570104', contact_name: 'C', message_text: 'hi' }, { 'x-correlation-id': 'corr-1.a_b' })
    assert.equal((await job(posted.body.job_id)).correlation_id, 'corr-1.a_b')
    const message = (await parley.get(`/messages/${posted.body.message_id}`)).body
    assert.equal(message.correlation_id, 'corr-1.a_b')
    const events = (await parley.get(`/leads/${message.lead_id}/events`)).body.items
    assert.ok(events.filter(({ type }) => type === 'message.received').every(event => event.correlation_id === 'corr-1.a_b'))
  })
})

describe('POST /inbound-message', () => {
  test('a known name is brought up to date by a non-empty one only', async () => {
    const post = contact_name => parley.post('/inbound-message', { phone_number: '+15005570110', contact_name, message_text: 'hi' })
    await post('First')
    await until('the name', async () => (await lead('+15005570110')).contact_name === 'First')
    await job((await post('')).body.job_id)
    assert.equal((await lead('+15005570110')).contact_name, 'First')
    await post('Second')
    await until('the new name', async () => (await lead('15005570110')).contact_name === 'Second')
  })

  test('the e-mail channel takes an address, others a phone; aliases of channels are taken', async () => {
    const post = (phone_number, channel) => parley.post('/inbound-message', { phone_number, contact_name: 'E', message_text: 'hi', channel })
    assert.equal((await post('e@example.org', 'email')).status, 200)
    refused(await post('+15005570111', 'email'), 422, 'bad_value')
    refused(await post('e@example.org', 'whatsapp_cloud'), 422, 'bad_value')
    for (const channel of ['whatsapp', 'wa_cloud', 'wa_web', 'sms']) assert.equal((await post('+15005570112', channel)).status, 200)
  })

  test('Idempotency-Key: the first body wins, nothing is compared', async () => {
    const post = text => parley.post('/inbound-message', { phone_number: '+15005570113', contact_name: 'K', message_text: text }, { 'idempotency-key': 'in-1' })
    const [first, again] = [await post('one'), await post('two')]
    assert.deepEqual({ ...again.body, duplicate: undefined }, { ...first.body, duplicate: undefined })
    assert.equal(again.body.duplicate, true)
    assert.equal(first.body.duplicate, undefined)
    await until('the message', async () => (await parley.get(`/messages/${first.body.message_id}`)).body.message_text === 'one')
  })
})

describe('Idempotency-Key on what makes something', () => {
  const key = value => ({ 'idempotency-key': value })

  test('jobs: same body, same job; another body 422; a key in the body names the job and nothing is compared', async () => {
    const first = await parley.post('/jobs', { task: 'smartengage.run', params: { a: 1 } }, key('job-1'))
    assert.equal(first.status, 202)
    const again = await parley.post('/jobs', { task: 'smartengage.run', params: { a: 1 } }, key('job-1'))
    assert.deepEqual([again.status, again.body.job_id], [200, first.body.job_id])
    refused(await parley.post('/jobs', { task: 'smartengage.run', params: { a: 2 } }, key('job-1')), 422, 'idempotency_mismatch')
    refused(await parley.post('/jobs', { task: 'smartengage.run', params: { a: 1 }, priority: 31 }, key('job-1')), 422, 'idempotency_mismatch')
    refused(await parley.post('/jobs', { task: 'media.fetch', params: { a: 1 } }, key('job-1')), 422, 'idempotency_mismatch')
    refused(await parley.post('/jobs', { task: 'smartengage.run', idempotency_key: 'other' }, key('job-1')), 422, 'bad_value')
    const named = await parley.post('/jobs', { task: 'smartengage.run', params: { a: 2 }, idempotency_key: 'job-1' })
    assert.deepEqual([named.status, named.body.job_id], [200, first.body.job_id])
    assert.equal((await parley.post('/jobs', { task: 'smartengage.run', params: [1] })).status, 422)
  })

  test('companies: same body, same company; any other member 422', async () => {
    const body = { name: 'Keyed', timezone: 'Asia/Dhaka', company_card: { a: 1, b: [2] }, buffer_ms: 500 }
    const first = await parley.post('/companies', body, key('co-1'))
    assert.equal(first.status, 201)
    const again = await parley.post('/companies', body, key('co-1'))
    assert.deepEqual([again.status, again.body], [201, first.body])
    for (const other of [{ name: 'Else' }, { timezone: 'Asia/Tokyo' }, { timezone: undefined }, { locale: 'bn' }, { plan: 'pro' }, { company_card: { a: 1 } }, { buffer_ms: 600 },
      { buffer_ms: undefined }, { buffer_max_ms: 9000 }])
      refused(await parley.post('/companies', { ...body, ...other }, key('co-1')), 422, 'idempotency_mismatch')
    refused(await parley.post('/companies', { ...body, id: first.body.id, plan: 'pro' }), 409, 'conflict')
  })

  test('companies: a key fixes the company also where the caller names its id', async () => {
    const body = { name: 'Named', id: '5b1c6f3e-0000-4000-8000-00000000cafe' }
    const answers = await Promise.all([1, 2, 3].map(() => parley.post('/companies', body, key('co-2'))))
    for (const answer of answers) assert.deepEqual([answer.status, answer.body], [201, answers[0].body])
    assert.equal(answers[0].body.id, body.id)
    refused(await parley.post('/companies', { ...body, id: '5b1c6f3e-0000-4000-8000-00000000beef' }, key('co-2')), 422, 'idempotency_mismatch')
    refused(await parley.post('/companies', { ...body, name: 'Else' }, key('co-3')), 422, 'idempotency_mismatch')
    assert.equal((await parley.post('/companies', { name: 'Named' }, key('co-2'))).body.id, body.id)
    assert.equal((await parley.post('/companies', body)).status, 201)
    refused(await parley.post('/companies', { ...body, request_id: body.id }), 422, 'unknown_field')
  })

  test('API keys: a repeat makes no second one and says so', async () => {
    const body = { name: 'once', scopes: ['read'] }
    const answers = await Promise.all(Array.from({ length: 6 }, () => parley.post('/api-keys', body, key('key-1'))))
    answers.push(await parley.post('/api-keys', body, key('key-1')))
    const [first, ...more] = answers.filter(({ status }) => status === 201)
    assert.deepEqual(more, [])
    assert.equal(first.body.key.slice(8, 16), first.body.id)
    for (const again of answers.filter(({ status }) => status !== 201)) {
      refused(again, 409, 'conflict')
      assert.match(again.body.detail, new RegExp(first.body.id))
    }
    assert.equal((await parley.get('/api-keys')).body.items.filter(({ name }) => name === 'once').length, 1)
    const revoked = await parley.send('DELETE', `/api-keys/${first.body.id}`)
    assert.deepEqual([revoked.status, revoked.body.revoked], [200, true])
    refused(await parley.send('DELETE', '/api-keys/nonesuch'), 404, 'unknown_api_key')
  })

  test('an operator message: same body, same message and one copy; another body 422', async () => {
    await job((await parley.inbound('+15005570120', 'hello')).body.job_id)
    const body = { phone: '15005570120', message: 'Anna here.' }
    const first = await parley.post('/api/v1/operator-message', body, key('op-1'))
    const again = await parley.post('/api/v1/operator-message', body, key('op-1'))
    assert.equal(first.status, 200)
    assert.deepEqual(again.body, first.body)
    refused(await parley.post('/api/v1/operator-message', { ...body, message: 'Else.' }, key('op-1')), 422, 'idempotency_mismatch')
    assert.equal((await parley.sent('15005570120')).filter(({ text }) => text === 'Anna here.').length, 1)
  })

  test('a key that is none is refused', async () => {
    for (const bad of ['x'.repeat(256), 'caf\u00e9'])
      refused(await parley.post('/jobs', { task: 'smartengage.run' }, key(bad)), 422, 'bad_value')
  })
})

describe('a person and the AI', () => {
  test('takeover and handback: both spellings, idempotent, shown in lead and conversation; unknown phones are 404', async () => {
    await job((await parley.inbound('+15005570130', 'hello')).body.job_id)
    await until('the answer to have left', async () => (await parley.postgres.value(`select count(*) from crm.messages m join crm.leads l on l.id = m.lead_id
      where l.phone_number = '+15005570130' and m.status in ('sent', 'delivered', 'read')`)) > 0)
    for (const phone of ['+15005570130', '15005570130']) {
      const { status, body } = await parley.post('/api/v1/takeover', { phone, operator: 'anna' })
      assert.equal(status, 200)
      assert.equal(body.status, 'takeover_complete')
      assert.equal(body.conversation_ids.length, 1)
      assert.deepEqual(body.in_flight ?? [], [])
    }
    const { id, human_intervention_required } = await lead('+15005570130')
    assert.equal(human_intervention_required, true)
    const whole = (await parley.get(`/leads/${id}`)).body
    assert.deepEqual([whole.conversations[0].human_intervention_required, whole.conversations[0].owner], [true, 'human'])
    for (let n = 0; n < 2; n++) assert.equal((await parley.post('/api/v1/handback', { lead_id: id })).body.status, 'handback_complete')
    assert.equal((await parley.get(`/leads/${id}`)).body.human_intervention_required, false)
    for (const path of ['takeover', 'handback']) refused(await parley.post(`/api/v1/${path}`, { phone: '+15005570199' }), 404, 'unknown_phone')
    refused(await parley.post('/api/v1/operator-message', { phone: '+15005570199', message: 'x' }), 404, 'unknown_phone')
    refused(await parley.post('/api/v1/takeover', {}), 422, 'missing_field')
    refused(await parley.post('/api/v1/takeover', { phone: '+15005570130', lead_id: id }), 422, 'bad_value')
  })

  test('an operator message takes the conversation over, leaves at priority 100 and is answered with the provider\'s id', async () => {
    const asked = await parley.inbound('+15005570131', 'hello')
    await job(asked.body.job_id)
    const [reply] = await parley.sentCount(1, '15005570131')
    const { status, body } = await parley.post('/api/v1/operator-message',
      { phone: '+15005570131', message: 'Anna: back on Monday.', messageId: reply.callback, media: null, operator: 'anna' })
    assert.equal(status, 200)
    assert.equal(body.status, 'success')
    assert.equal(body.message, 'Message queued for processing')
    const sent = (await parley.sent('15005570131')).find(({ text }) => text === 'Anna: back on Monday.')
    assert.equal(body.external_id, sent.id)
    assert.equal(body.message_id, sent.callback)
    const message = (await parley.get(`/messages/${body.message_id}`)).body
    assert.deepEqual([message.sender_type, message.sender_id, message.reply_to], ['operator', 'anna', reply.id])
    const send = (await parley.get('/jobs?task=channel.send.whatsapp_cloud&limit=200')).body.items.find(({ task_params }) => task_params.message_id === body.message_id)
    assert.equal(send.priority, 100)
    assert.equal((await lead('+15005570131')).human_intervention_required, true)
  })

  test('while no channel is there the answer comes after a moment, without the provider\'s id', async () => {
    await job((await parley.inbound('+15005570132', 'hello')).body.job_id)
    await parley.sentCount(1, '15005570132')
    const channel = parley.service('channel-whatsapp-cloud')
    await channel.stop()
    const from = Date.now()
    const { status, body } = await parley.post('/api/v1/operator-message', { phone: '+15005570132', message: 'Later.' })
    const took = Date.now() - from
    assert.equal(status, 200)
    assert.equal(body.external_id, undefined)
    assert.ok(took >= 400 && took < 2500, `${took} ms`)
    await channel.start()
    await until('it to leave', async () => (await parley.get(`/messages/${body.message_id}`)).body.external_id)
  })
})

describe('all answers', () => {
  test('lists are pages that say when they end', async () => {
    const { id } = await lead('+15005570130')
    for (const path of ['/leads', `/leads/${id}/messages`, `/leads/${id}/events`, '/jobs', '/jobs?status=dlq', '/leads?phone=%2B15005570198']) {
      const { status, body } = await parley.get(path)
      assert.equal(status, 200)
      assert.ok(Array.isArray(body.items), path)
      assert.ok('next_cursor' in body, path)
      const first = (await parley.get(`${path}${path.includes('?') ? '&' : '?'}limit=1`)).body
      assert.ok(first.items.length <= 1)
      assert.deepEqual(first.items[0], body.items[0])
    }
    for (const path of ['messages', 'events']) refused(await parley.get(`/leads/00000000-0000-7000-8000-000000000000/${path}`), 404, 'unknown_lead')
    refused(await parley.get('/jobs?status=sleeping'), 422, 'bad_value')
    refused(await parley.get('/leads?limit=0'), 422, 'bad_value')
  })

  test('the queue: members of its stats; a replay takes no body, an empty one, or a number', async () => {
    const { body } = await parley.get('/queue/stats')
    for (const member of ['queued', 'processing', 'completed', 'failed', 'dlq', 'total']) assert.equal(typeof body[member], 'number', member)
    assert.ok(body.by_task.some(({ task }) => task === 'ai.engage'))
    assert.ok(body.by_company.length > 0)
    for (const content of [undefined, '', {}, { max_jobs: 3 }]) assert.deepEqual((await parley.post('/admin/dlq/replay', content)).body, { replayed: 0, job_ids: [], jobs: [] })
    for (const max_jobs of [0, -1, 1001, 1.5, '3']) assert.equal((await parley.post('/admin/dlq/replay', { max_jobs })).status, 422, String(max_jobs))
  })

  test('the correlation id is on what the server refuses by itself', async () => {
    const { port } = new URL(parley.url)
    const raw = text => new Promise(resolve => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(text))
      let answer = ''
      socket.on('data', data => { answer += data })
      for (const event of ['close', 'error']) socket.on(event, () => resolve(answer))
      setTimeout(() => socket.destroy(), 2000)
    })
    for (const text of ['nonsense\r\n\r\n', 'GET /health HTTP/1.1\r\n\r\n', `GET /health HTTP/1.1\r\nHost: x\r\nA: ${'y'.repeat(20000)}\r\n\r\n`,
      'POST /jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n'])
      assert.match(await raw(text), /^HTTP\/1\.1 4\d\d [^]*\r\nx-correlation-id: [0-9a-f-]{36}\r\n[^]*problem\+json|^HTTP\/1\.1 4\d\d [^]*problem\+json[^]*\r\nx-correlation-id: [0-9a-f-]{36}\r\n/i, text.slice(0, 60))
  })

  test('Meta\'s verification is 403 for whatever is not the right question', async () => {
    for (const query of ['', '?hub.mode=subscribe', '?hub.mode=subscribe&hub.verify_token=test-verify-token', '?hub.mode=subscribe&hub.verify_token=&hub.challenge=1',
      '?hub.mode=subscribe&hub.verify_token=test-verify-token&hub.verify_token=x&hub.challenge=1', '?hub.mode=%ZZ&hub.verify_token=test-verify-token&hub.challenge=1'])
      refused(await parley.get(`/webhook${query}`), 403, 'forbidden')
  })

  test('the description knows the provider\'s id of an operator message', async () => {
    const { components, paths } = (await parley.get('/openapi.json')).body
    assert.equal(components.schemas.OperatorMessageReply.properties.external_id.type, 'string')
    assert.ok(paths['/api-keys'].post.parameters.some(({ name }) => name === 'Idempotency-Key'))
  })
})
