// REST as its users meet it: documents, errors, keys, limits.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { Parley } from '../support/parley.mjs'
import { build, until } from '../support/process.mjs'

let parley
before(async () => { parley = await Parley.start() })
after(() => parley?.stop())

const problem = (response, status, code) => {
  assert.equal(response.status, status, JSON.stringify(response.body))
  assert.match(response.headers.get('content-type'), /^application\/problem\+json/)
  assert.ok(response.headers.get('x-correlation-id'))
  if (code) assert.equal(response.body.code, code)
  assert.equal(response.body.status, status)
}

test('wrong input is refused by name with a problem document and changes nothing', async () => {
  const good = { phone_number: '+12345678901', contact_name: 'T', message_text: 'hi' }
  problem(await parley.post('/inbound-message', '{"phone_number":'), 400, 'malformed_json')
  problem(await parley.post('/inbound-message', { ...good, surprise: 1 }), 422, 'unknown_field')
  assert.match((await parley.post('/inbound-message', { ...good, surprise: 1 })).body.detail, /surprise/)
  problem(await parley.post('/inbound-message', { ...good, message_text: 7 }), 422, 'wrong_type')
  for (const missing of Object.keys(good)) {
    const body = { ...good }
    delete body[missing]
    const response = await parley.post('/inbound-message', body)
    problem(response, 422)
    assert.match(response.body.detail, new RegExp(missing))
  }
  for (const phone of ['123456', '1234567890123456', 'call me', ''])
    problem(await parley.post('/inbound-message', { ...good, phone_number: phone }), 422)
  problem(await parley.post('/inbound-message', { ...good, channel: 'pigeon' }), 422)
  problem(await parley.post('/inbound-message', `{"phone_number":"+12345678901","phone_number":"+12345678902","contact_name":"T","message_text":"hi"}`), 400)
  problem(await parley.post('/inbound-message', { ...good, message_text: 'a\u0000b' }), 400)
  problem(await parley.post('/inbound-message', '['.repeat(5000)), 400)
  problem(await parley.post('/inbound-message', { ...good, message_text: 'x'.repeat(1100 * 1024) }), 413)
  assert.equal(await parley.postgres.value('select count(*) from crm.messages'), 0)
})

test('both spellings of a phone are accepted, and seven and fifteen digits', async () => {
  for (const phone of ['+1234567890', '919876543210', '1234567', '123456789012345'])
    assert.equal((await parley.inbound(phone, 'hi')).status, 200)
})

test('unknown ids, paths and methods', async () => {
  problem(await parley.get('/leads/00000000-0000-7000-8000-000000000000'), 404, 'unknown_lead')
  problem(await parley.get('/leads/not-a-uuid'), 404, 'unknown_lead')
  problem(await parley.get('/jobs/00000000-0000-7000-8000-000000000000'), 404, 'unknown_job')
  problem(await parley.get('/messages/00000000-0000-7000-8000-000000000000'), 404, 'unknown_message')
  problem(await parley.get('/nowhere'), 404)
  const wrong = await parley.send('DELETE', '/inbound-message')
  problem(wrong, 405)
  assert.match(wrong.headers.get('allow'), /POST/)
})

test('the correlation id of the caller is kept, a bad one replaced', async () => {
  assert.equal((await parley.get('/health', { 'x-correlation-id': 'abc-1' })).headers.get('x-correlation-id'), 'abc-1')
  assert.equal((await parley.get('/nowhere', { 'x-correlation-id': 'abc-2' })).headers.get('x-correlation-id'), 'abc-2')
  assert.match((await parley.get('/health', { 'x-correlation-id': 'a b' })).headers.get('x-correlation-id'), /^[0-9a-f-]{36}$/)
})

test('a lead can be patched: attributes merge, null removes, a stale version is refused', async () => {
  await parley.inbound('+12345670001', 'hi')
  const { id } = await until('the lead', async () => (await parley.get('/leads?phone=%2B12345670001')).body.items[0])
  const first = await parley.get(`/leads/${id}`)
  const etag = first.headers.get('etag')
  assert.ok(etag)
  assert.equal(first.body.stage, 'New')
  const patched = await parley.send('PATCH', `/leads/${id}`, { attributes: { budget: 500, city: 'Dhaka' }, priority: 3 }, { 'if-match': etag })
  assert.equal(patched.status, 200)
  assert.deepEqual(patched.body.attributes, { budget: 500, city: 'Dhaka' })
  const again = await parley.send('PATCH', `/leads/${id}`, { attributes: { city: null, tier: 'gold' } })
  assert.deepEqual(again.body.attributes, { budget: 500, tier: 'gold' })
  assert.equal(again.body.priority, 3)
  problem(await parley.send('PATCH', `/leads/${id}`, { priority: 1 }, { 'if-match': etag }), 412, 'stale_version')
})

test('company settings: read, changed one by one, refused by name; a foreign or made-up id is unknown', async () => {
  const first = await parley.get('/company')
  assert.equal(first.status, 200)
  const etag = first.headers.get('etag')
  const hand_over = { keywords: ['human'], negative_sentiment: true, deadline_ms: 60000, notice: 'A colleague answers soon.' }
  const patched = await parley.send('PATCH', '/company', { locale: 'de', opt_out_words: ['genug'], hand_over }, { 'if-match': etag })
  assert.equal(patched.status, 200)
  assert.deepEqual([patched.body.locale, patched.body.opt_out_words, patched.body.hand_over, patched.body.name], ['de', ['genug'], hand_over, first.body.name])
  assert.deepEqual((await parley.get(`/companies/${first.body.id}`)).body, patched.body)
  problem(await parley.send('PATCH', '/company', { locale: 'en' }, { 'if-match': etag }), 412, 'stale_version')
  problem(await parley.send('PATCH', '/company', { colour: 'red' }), 422, 'unknown_field')
  problem(await parley.send('PATCH', '/company', { id: first.body.id }), 422, 'unknown_field')
  problem(await parley.send('PATCH', '/company', { hand_over: { keywords: 'human' } }), 422)
  problem(await parley.send('PATCH', '/company', { hand_over: { deadline_ms: 10 } }), 422, 'bad_value')
  problem(await parley.get(`/companies/${crypto.randomUUID()}`), 404, 'unknown_company')
  problem(await parley.get('/companies/x'), 404, 'unknown_company')
  await parley.send('PATCH', '/company', { locale: 'en', opt_out_words: [], hand_over: {} })
  assert.deepEqual((await parley.get('/company')).body.opt_out_words, [])
})

test('lists come in pages, newest first, without gap or repeat', async () => {
  for (let n = 0; n < 7; n++) await parley.inbound(`+1234568000${n}`, 'hi')
  await until('the leads', async () => await parley.postgres.value(`select count(*) from crm.leads where phone_number like '+1234568000%'`) === 7)
  const all = (await parley.get('/leads?limit=200')).body.items.map(({ id }) => id)
  const paged = []
  let cursor = ''
  do {
    const { body } = await parley.get(`/leads?limit=3${cursor ? `&cursor=${cursor}` : ''}`)
    paged.push(...body.items.map(({ id }) => id))
    cursor = body.next_cursor
  } while (cursor)
  assert.deepEqual(paged, all)
  problem(await parley.get('/leads?limit=201'), 422)
  problem(await parley.get('/leads?cursor=garbage'), 422)
  problem(await parley.get('/leads?colour=red'), 422)
})

test('jobs: a known key is that job, unknown tasks and priorities outside the class are refused', async () => {
  const job = { task: 'smartengage.run', params: { a: 1 }, idempotency_key: 'once' }
  const first = await parley.post('/jobs', job)
  assert.equal(first.status, 202)
  const again = await parley.post('/jobs', job)
  assert.equal(again.status, 200)
  assert.equal(again.body.job_id, first.body.job_id)
  assert.equal((await parley.get(`/jobs/${first.body.job_id}`)).body.status, 'queued')
  problem(await parley.post('/jobs', { task: 'make.coffee', params: {} }), 422, 'unknown_task')
  problem(await parley.post('/jobs', { task: 'smartengage.run', params: {}, priority: 95 }), 422)
})

test('health, stats, metrics and the documents answer', async () => {
  const health = await until('a healthy system', async () => {
    const response = await parley.get('/health')
    return response.status === 200 && response
  })
  assert.equal(health.body.status, 'healthy')
  assert.equal(health.body.checks.database, 'connected')
  assert.equal(health.body.checks.nats, 'connected')
  assert.match(health.body.checks.ingest, /1 workers active/)
  const stats = (await parley.get('/stats')).body
  assert.equal(stats.deduplication.cache_type, 'postgresql')
  assert.equal(stats.environment, 'development')
  assert.equal(typeof stats.buffer.active_buffers, 'number')
  assert.match((await parley.get('/metrics')).body, /# TYPE parley_/)
  const openapi = (await parley.get('/openapi.json')).body
  assert.equal(openapi.openapi.slice(0, 3), '3.1')
  for (const path of ['/inbound-message', '/webhook', '/queue/stats', '/admin/dlq/replay', '/jobs', '/jobs/{id}', '/leads', '/leads/{id}', '/leads/{id}/messages',
    '/leads/{id}/events', '/messages/{id}', '/messages/{id}/why', '/health', '/stats', '/companies', '/api-keys', '/channel-accounts', '/api/v1/takeover',
    '/api/v1/operator-message', '/api/v1/handback', '/admin/quarantine/replay'])
    assert.ok(openapi.paths[path], `openapi lacks ${path}`)
  assert.match((await parley.get('/docs')).body, /openapi\.json/)
})

test('a slow, a half-open and a smuggling connection harm nobody', async () => {
  const { port } = new URL(parley.url)
  const raw = text => new Promise(resolve => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.on('data', data => { answer += data })
    socket.on('close', () => resolve(answer))
    socket.on('error', () => resolve(answer))
    setTimeout(() => socket.destroy(), 3000)
  })
  const slow = Array.from({ length: 20 }, () => raw('POST /inbound-message HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{'))
  const smuggled = await raw('POST /inbound-message HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\n\r\n')
  assert.match(smuggled, /^(HTTP\/1\.1 4\d\d|$)/)
  const twice = await raw('POST /inbound-message HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}')
  assert.match(twice, /^(HTTP\/1\.1 4\d\d|$)/)
  assert.equal((await parley.inbound('+12345678555', 'still here')).status, 200)
  await Promise.all(slow)
})

test('with auth on: no key 401, wrong scope 403, another company unseen, a revoked key refused, the rate limited', async () => {
  const gateway = parley.service('gateway')
  await gateway.stop()
  Object.assign(gateway.child.env, { PARLEY_AUTH: 'on' })
  await gateway.start()
  const make = (...args) => execFileSync(join(build, 'bin/gateway'), ['--make-key', ...args], { env: { ...process.env, ...parley.env }, encoding: 'utf8' }).trim().split('\n').at(-1)
  const admin = make('default')
  assert.match(admin, /^ak_live_/)
  const as = key => ({ authorization: `Bearer ${key}` })
  problem(await parley.get('/leads'), 401)
  problem(await parley.get('/leads', as('ak_live_00000000_wrong')), 401)
  const leads = await until('the key to be known', async () => {
    const response = await parley.get('/leads', as(admin))
    return response.status === 200 && response
  })
  assert.ok(leads.body.items.length > 0)

  const reader = (await parley.post('/api-keys', { name: 'reader', scopes: ['read'], requests_per_minute: 5 }, as(admin))).body
  assert.match(reader.key, /^ak_live_/)
  assert.equal(reader.secret_hash, undefined)
  await until('the reader key', async () => (await parley.get('/queue/stats', as(reader.key))).status === 200)
  problem(await parley.post('/jobs', { task: 'smartengage.run', params: {} }, as(reader.key)), 403)
  const statuses = []
  for (let n = 0; n < 8; n++) statuses.push(await parley.get('/queue/stats', as(reader.key)))
  const limited = statuses.find(({ status }) => status === 429)
  assert.ok(limited, 'never limited')
  assert.ok(Number(limited.headers.get('retry-after')) > 0)

  const company = (await parley.post('/companies', { name: 'Other Ltd' }, as(admin)))
  assert.equal(company.status, 201)
  const other = make(company.body.id)
  await until('the other key', async () => (await parley.get('/leads', as(other))).status === 200)
  assert.deepEqual((await parley.get('/leads', as(other))).body.items, [])
  problem(await parley.get(`/leads/${leads.body.items[0].id}`, as(other)), 404)
  problem(await parley.post('/inbound-message', { phone_number: '+12345678901', contact_name: 'T', message_text: 'x', company_id: leads.body.items[0].company_id }, as(other)), 403)
  assert.equal((await parley.get('/queue/stats', as(other))).body.total, 0)
})
