// What strangers send: each a clear refusal or a closed connection, everybody else is served meanwhile, and nothing in the database or on the bus is changed by it.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { APP_SECRET, Parley, PHONE_ID } from '../support/parley.mjs'
import { picture } from '../support/picture.mjs'
import { build, patience, pause, until } from '../support/process.mjs'
import { head, problem, Raw, raw, request } from '../support/raw.mjs'

const THREADS = 64
const NOBODY = '00000000-0000-7000-8000-000000000000'
let parley, key, theirKey, company, lead, message, job, theirs, pids
const as = (which = key) => ({ authorization: `Bearer ${which}` })
const auth = () => `Authorization: Bearer ${key}`
const makeKey = (...args) => execFileSync(join(build, 'bin/gateway'), ['--make-key', ...args], { env: { ...process.env, ...parley.env }, encoding: 'utf8' }).trim()
const known = which => until('the key to be known', async () => (await parley.get('/queue/stats', as(which))).status === 200)

/** A lead with an answered message, of the company of that key. */
async function customer(phone, which) {
  const posted = (await parley.post('/inbound-message', { phone_number: phone, contact_name: 'A Customer', message_text: 'Hello there' }, as(which))).body
  await until('the job', async () => (await parley.get(`/jobs/${posted.job_id}`, as(which))).body.status === 'completed')
  const found = (await parley.get(`/leads?phone=${encodeURIComponent(phone)}`, as(which))).body.items[0]
  const whole = (await parley.get(`/leads/${found.id}`, as(which))).body
  return { ...whole, message_id: posted.message_id, job_id: posted.job_id, conversation_id: whole.conversations[0].id }
}

before(async () => {
  parley = await Parley.start({ env: { PARLEY_AUTH: 'on', HTTP_THREADS: String(THREADS) } })
  key = makeKey('default')
  await known(key)
  company = (await parley.post('/companies', { name: 'Others' }, as())).body
  theirKey = makeKey(company.id)
  await known(theirKey)
  lead = await customer('+15005570001', key)
  message = lead.message_id
  job = lead.job_id
  theirs = await customer('+15005570002', theirKey)
  await until('everything at rest', async () => {
    const { body } = await parley.get('/queue/stats', as())
    const unsettled = await parley.postgres.value(`select count(*) from crm.messages where direction = 'outbound' and status in ('queued', 'sending', 'sent', 'delivered')`)
    return body.queued + body.processing + body.failed + Number(unsettled) === 0
  })
  let last = ''
  await until('two pictures that are the same', async () => {
    const before = last
    last = JSON.stringify(await picture(parley))
    return last === before
  }, 20000, 500)
  pids = parley.services.map(({ pid }) => pid)
})
after(() => parley?.stop())

/** Ports from which the gateway still holds a connection, as the kernel sees it: established, or left by the other side only. */
function held() {
  const port = Number(new URL(parley.url).port)
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1).map(line => line.trim().split(/\s+/))
  return lines.filter(([, local, , state]) => parseInt(local.split(':')[1], 16) === port && ['01', '08'].includes(state)).map(([, , remote]) => parseInt(remote.split(':')[1], 16))
}

/** A customer who does nothing wrong is answered all the while. */
async function during(attack) {
  let over = false, served = 0
  const good = (async () => {
    while (!over || served < 5) {
      const answer = await parley.get(`/leads/${lead.id}`, as())
      assert.equal(answer.status, 200, `a good request during the attack: ${JSON.stringify(answer.body)}`)
      assert.equal(answer.body.id, lead.id)
      served++
    }
  })()
  try {
    return await attack()
  } finally {
    over = true
    await good
  }
}

/** An attack that changes nothing while others are served; every process survives it. */
const hostile = (name, attack) => test(name, async () => {
  const was = await picture(parley)
  await during(attack)
  await until('the gateway to let go of every connection', () => held().length === 0)
  assert.deepEqual(await picture(parley), was)
  assert.deepEqual(parley.services.map(({ pid, child }) => child.running && pid), pids)
})

const one = list => { assert.equal(list.length, 1, JSON.stringify(list)); return list[0] }
/** One refused request; a connection closed without a word will do where `silent`. */
async function refused(bytes, status, code, { silent = false, halfClose = false, what = String([bytes].flat()[0]).slice(0, 120) } = {}) {
  const heard = await raw(parley.url, bytes, { halfClose })
  if (silent && heard.length === 0) return
  const answer = one(heard)
  problem(answer, status, code, what)
  assert.equal(answer.headers.connection, 'close', what)
}
const call = async (method, path, body, ...lines) => one(await raw(parley.url, request(method, path, body ?? '', ...lines)))

// -- bodies

/** Each endpoint that takes a body, with one that it would take. */
const endpoints = () => [
  ['POST', '/inbound-message', { phone_number: '+15005570009', contact_name: 'T', message_text: 'hi' }],
  ['POST', '/jobs', { task: 'smartengage.run', params: {} }],
  ['POST', '/companies', { name: 'X' }],
  ['POST', '/api-keys', { name: 'x', scopes: ['read'] }],
  ['POST', '/channel-accounts', { channel: 'whatsapp_cloud', account: '99' }],
  ['POST', '/api/v1/takeover', { phone: '+15005570001' }],
  ['POST', '/api/v1/handback', { phone: '+15005570001' }],
  ['POST', '/api/v1/operator-message', { phone: '+15005570001', message: 'x' }],
  ['POST', '/admin/dlq/replay', { max_jobs: 1 }],
  ['POST', '/admin/quarantine/replay', { max_items: 1 }],
  ['PATCH', `/leads/${lead.id}`, { contact_name: 'X' }],
]

hostile('what is no JSON object is malformed_json or wrong_type at every endpoint', async () => {
  const deep = (open, close, count) => open.repeat(count) + close.repeat(count)
  const bodies = [
    'null', '[]', '"text"', '7', 'true', '   ', '{', '}', '{"a":1', '{"a":1}}', '{"a":1}{"a":1}', '{"a":1,}', '{a:1}', "{'a':1}", '{"a":01}', '{"a":.5}', '{"a":+1}', '{"a":NaN}',
    '{"a":Infinity}', '{"a":0x10}', '{"a":1e}', '/* c */{"a":1}', '{"a":1}//', '\ufeff{"a":1}', '{"a":"\t"}', '{"a":"\\x41"}', '{"a":"\\u12"}', `{"a":${'9'.repeat(70)}}`,
    deep('{"a":', '}', 33).replace('}', '1}'), deep('[', ']', 100000), deep('{"a":[', ']}', 50000), '['.repeat(200000), `{"a":${'[],'.repeat(3)}}`,
  ]
  for (const [method, path] of endpoints())
    for (const body of bodies) problem(await call(method, path, body, auth()), [400, 422], ['malformed_json', 'wrong_type'], `${method} ${path} ${body.slice(0, 40)}`)
})

hostile('duplicate members, NUL, bad UTF-8 and half surrogates are malformed_json wherever they stand', async () => {
  for (const [method, path, good] of endpoints()) {
    const text = JSON.stringify(good)
    const with_ = piece => Buffer.concat([Buffer.from(`${text.slice(0, -1)},"x":"`), piece, Buffer.from('"}')])
    const bodies = [
      `${text.slice(0, -1)},${text.slice(1)}`, `${text.slice(0, -1)},"x":{"y":1,"y":2}}`, `${text.slice(0, -1)},"\\u0078":1,"x":2}`, `${text}\0`, `\0${text}`,
      ...[[0x00], [0xff], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0x80], [0xe2, 0x82]].map(bytes => with_(Buffer.from(bytes))),
      ...['\\u0000', '\\ud800', '\\udc00', '\\ud800\\ud800', '\\ud800x', '\\ud83d\\u0041', '\\udc00\\ud800'].map(escape => with_(Buffer.from(escape))),
    ]
    for (const body of bodies) problem(await call(method, path, body, auth()), 400, 'malformed_json', `${method} ${path} ${body}`)
  }
})

hostile('members of a wrong type, unknown ones and numbers past every range are refused by name', async () => {
  const wrong = [null, true, 7, -1, 1.5, 'x', '', [], [null], {}, { a: 1 }, [[]], '1e400', 'ﬀ'.repeat(400)]
  const taken = []
  for (const [method, path, good] of endpoints()) {
    problem(await call(method, path, JSON.stringify({ ...good, surprise: 1 }), auth()), 422, 'unknown_field', path)
    problem(await call(method, path, JSON.stringify({ ...good, __proto__: 1, constructor: 1 }), auth()), 422, 'unknown_field', path)
    for (const member of Object.keys(good))
      for (const value of wrong) {
        if (value === null || typeof value === typeof good[member]) continue
        const answer = await call(method, path, JSON.stringify({ ...good, [member]: value }), auth())
        if (answer.status < 300) taken.push([path, member, value])
        else {
          problem(answer, 422, undefined, `${path} ${member}=${JSON.stringify(value)}`)
          assert.match(answer.body.detail, new RegExp(member), path)
          assert.ok(answer.body.errors?.some(({ field }) => field.startsWith(member)), JSON.stringify(answer.body))
        }
      }
  }
  assert.deepEqual(taken.filter(([, member]) => member !== 'params'), [])

  const numbers = ['1e999', '-1e999', '99999999999999999999999', '9223372036854775808', '2147483648', '-2147483649', '0.5', '-1', '1e10', '101', '"50"']
  for (const number of numbers) {
    problem(await call('POST', '/jobs', `{"task":"smartengage.run","params":{},"priority":${number}}`, auth()), 422, undefined, number)
    problem(await call('PATCH', `/leads/${lead.id}`, `{"priority":${number === '-1' || number === '101' ? '"x"' : number}}`, auth()), 422, undefined, number)
    problem(await call('POST', '/companies', `{"name":"x","buffer_ms":${number === '101' ? -5 : number}}`, auth()), 422, undefined, number)
    problem(await call('POST', '/admin/dlq/replay', `{"max_jobs":${number === '101' ? 0 : number}}`, auth()), 422, undefined, number)
  }
  for (const limit of ['0', '-1', '201', '1e9', '99999999999999999999999', '1.5', 'x', '%00', '0x10', '%20', '1%201', 'NaN'])
    problem(await call('GET', `/leads?limit=${limit}`, undefined, auth()), 422, undefined, limit)
  for (const when of ['yesterday', '2026-13-01T00:00:00Z', '99999-01-01T00:00:00Z', '2026-01-01', '0000-00-00T00:00:00Z', '2026-01-01T25:00:00Z', '-2026-01-01T00:00:00Z'])
    problem(await call('POST', '/jobs', JSON.stringify({ task: 'smartengage.run', params: {}, run_at: when }), auth()), 422, 'bad_value', when)
})

hostile('bodies of ten megabytes are 413, told or sent, and nobody waits for them', async () => {
  const size = 10 * 1024 * 1024, piece = Buffer.alloc(64 * 1024, 'x')
  const whole = path => (async () => {
    const connection = new Raw(parley.url)
    await connection.write(head(`POST ${path}`, auth(), 'Content-Type: application/json', `Content-Length: ${size}`))
    for (let sent = 0; sent < size && !connection.socket.destroyed; sent += piece.length) await Promise.race([connection.write(piece), connection.ended])
    problem(one(await connection.end()), 413, 'body_too_large', path)
  })()
  await Promise.all(['/inbound-message', '/jobs', '/webhook', `/leads/${lead.id}`, '/nowhere', '/api-keys', '/companies', '/api/v1/takeover'].map(whole))
  await refused(head('POST /inbound-message', auth(), `Content-Length: ${size}`), 413, 'body_too_large', { halfClose: true })
  await refused(head('POST /inbound-message', auth(), 'Expect: 100-continue', `Content-Length: ${size}`), 413, 'body_too_large')
  await refused(head('POST /webhook', 'Content-Length: 3145729'), 413, 'body_too_large', { halfClose: true })
  await refused(head('POST /inbound-message', auth(), 'Content-Length: 1048577'), 413, 'body_too_large', { halfClose: true })
  // one byte less is read, and refused for what it says
  problem(await call('POST', '/inbound-message', ' '.repeat(1048576), auth()), 400, 'malformed_json')
})

hostile('a webhook that is signed and still nonsense is refused as a whole', async () => {
  const sign = text => `X-Hub-Signature-256: sha256=${createHmac('sha256', APP_SECRET).update(text).digest('hex')}`
  const deliver = (text, ...lines) => call('POST', '/webhook', text, ...(lines.length ? lines : [sign(text)]))
  for (const text of ['', 'null', '[]', '{', '{"object":', '[['.repeat(20000), '{"object":"whatsapp_business_account","object":1}', '\ufeff{}'])
    problem(await deliver(text), 400, 'malformed_json', text.slice(0, 40))
  const many = (count, metadata) => JSON.stringify({ object: 'whatsapp_business_account', entry: [{ changes: [{ field: 'messages', value: {
    metadata: { phone_number_id: PHONE_ID, padding: 'x'.repeat(metadata) }, messages: Array.from({ length: count }, () => ({})) } }] }] })
  problem(await deliver(many(100000, 1000000)), 413, 'body_too_large')
  problem(await deliver(many(4097, 1)), 413, 'body_too_large')
  const good = '{"object":"whatsapp_business_account","entry":[]}', right = sign(good)
  for (const line of [right.replace('sha256=', 'sha1='), right.replace('sha256=', ''), right.slice(0, -1), `${right}0`, right.replace(/=.*/, hex => hex.toUpperCase()), 'X-Hub-Signature-256: sha256=',
    `X-Hub-Signature-256: sha256=${'0'.repeat(64)}`, `X-Hub-Signature-256: ${'a'.repeat(10000)}`, `X-Hub-Signature: ${right.split(' ')[1]}`])
    problem(await deliver(good, line), 401, 'bad_signature', line.slice(0, 60))
  for (const query of ['', '?hub.mode=subscribe', '?hub.mode=subscribe&hub.verify_token=&hub.challenge=1', '?hub.mode=subscribe&hub.verify_token=%00&hub.challenge=1', `?hub.verify_token=${'x'.repeat(8000)}`])
    problem(await call('GET', `/webhook${query}`), 403, 'forbidden', query.slice(0, 60))
})

// -- who, whose, and since when

hostile('absent, malformed, unknown and misplaced keys are all the same 401', async () => {
  const secret = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')
  const lines = [
    [], ['Authorization:'], ['Authorization: Bearer'], ['Authorization: Bearer '], [`Authorization: ${key}`], [`Authorization: Basic ${Buffer.from(`x:${key}`).toString('base64')}`], [`Authorization: Bearer ${secret}`],
    [`Authorization: Bearer ${key}x`], [`Authorization: Bearer ${key} x`], [`Authorization: Bearer ${key.toUpperCase()}`], [`Authorization: Bearer ${'a'.repeat(12000)}`], ['Authorization: Bearer ak_live_'],
    ['Authorization: Bearer ak_live_abcdefgh_'], ['Authorization: Bearer ak_live_________________'], ["X-Api-Key: ' or 1=1 --"], ['X-Api-Key: %00'], [`Cookie: key=${key}`], [`Proxy-Authorization: Bearer ${key}`],
    [`Authorization: Bearer ${secret}`, `X-Api-Key: ${key}`], ['X-Forwarded-For: 127.0.0.1', 'X-Real-IP: 127.0.0.1', 'X-Original-URL: /health'],
  ]
  for (const line of lines)
    for (const [method, path] of [['GET', '/leads'], ['POST', '/inbound-message'], ['DELETE', '/api-keys/abcdefgh']]) {
      const answer = await call(method, path, undefined, ...line)
      problem(answer, 401, 'unauthorised', `${method} ${path} ${String(line).slice(0, 60)}`)
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
      assert.doesNotMatch(JSON.stringify(answer), new RegExp(key.slice(18)))
    }
  problem(await call('GET', `/leads?api_key=${key}&authorization=${key}`), 401, 'unauthorised')
})

hostile('ids of another company are unknown, whichever way they come in', async () => {
  const mine = `Authorization: Bearer ${theirKey}`
  for (const path of [`/leads/${lead.id}`, `/leads/${lead.id}/messages`, `/leads/${lead.id}/events`, `/messages/${message}`, `/messages/${message}/why`, `/jobs/${job}`]) {
    problem(await call('GET', path, undefined, mine), 404, undefined, path)
    problem(await call('GET', `${path}?company_id=${lead.company_id}`, undefined, mine), 403, 'forbidden', path)
    problem(await call('GET', `${path}?company_id=${lead.company_id}&company_id=${company.id}`, undefined, mine), [403, 422], undefined, path)
    problem(await call('GET', path.replace(/[a-f]/g, c => c.toUpperCase()), undefined, mine), 404, undefined, path)
  }
  for (const target of [{ conversation_id: lead.conversation_id }, { lead_id: lead.id }, { phone: lead.phone_number }])
    for (const path of ['takeover', 'handback', 'operator-message'])
      problem(await call('POST', `/api/v1/${path}`, JSON.stringify({ ...target, ...(path === 'operator-message' && { message: 'x' }) }), mine), 404, undefined, `${path} ${Object.keys(target)}`)
  for (const body of [{ contact_name: 'Stolen' }, { stage_id: lead.stage_id }, { attributes: { a: 1 } }])
    problem(await call('PATCH', `/leads/${lead.id}`, JSON.stringify(body), mine), 404, 'unknown_lead')
  problem(await call('PATCH', `/leads/${theirs.id}`, JSON.stringify({ stage_id: lead.stage_id }), mine), [404, 422], 'unknown_stage') // a stage of another's pipeline
  problem(await call('POST', '/api/v1/operator-message', JSON.stringify({ lead_id: theirs.id, message: 'x', company_id: lead.company_id }), mine), 403, 'forbidden')
  problem(await call('POST', '/jobs', JSON.stringify({ task: 'smartengage.run', params: {}, company_id: lead.company_id }), mine), [403, 422])
  problem(await call('POST', '/inbound-message', JSON.stringify({ phone_number: '+15005570003', contact_name: 'x', message_text: 'x', company_id: lead.company_id }), mine), 403, 'forbidden')
  for (const path of ['/companies', '/admin/quarantine/replay']) problem(await call('POST', path, '{"name":"x"}', mine), 403, 'forbidden')
  for (const list of ['/leads', '/jobs']) {
    const { next_cursor } = (await parley.get(`${list}?limit=1`, as())).body
    const page = await call('GET', `${list}?cursor=${encodeURIComponent(next_cursor ?? '')}`, undefined, mine)
    for (const item of page.body.items ?? []) assert.equal(item.company_id, company.id)
  }
})

hostile('a stale version is 412 in every spelling, and so is what names no version', async () => {
  const { version } = (await parley.get(`/leads/${lead.id}`, as())).body
  for (const tag of [`"${version - 1}"`, `"${version + 1}"`, String(version + 1), `W/"${version + 7}"`, '"0"', '"-1"', '"99999999999999999999999"', '"x"', '', '"', '""', '"1', `"${version}", "${version + 1}"`, '"1e3"', `"${version}"x`])
    problem(await call('PATCH', `/leads/${lead.id}`, '{"contact_name":"Stale"}', auth(), `If-Match: ${tag}`), 412, 'stale_version', tag)
})

// -- requests that aren't

hostile('methods that are none, or not of this path, are refused with what is allowed', async () => {
  for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const answer = await call(method, '/inbound-message', undefined, auth())
    problem(answer, 405, 'method_not_allowed', method)
    assert.equal(answer.headers.allow, 'POST')
  }
  for (const method of ['TRACE', 'CONNECT', 'get', 'BREW', 'PROPFIND', 'X'.repeat(300), 'G\tET', '"GET"', 'GET,POST'])
    await refused(request(method, '/leads', '', auth()), [400, 405], ['malformed_request', 'method_not_allowed'], { silent: true })
  problem(await call('GET', '/leads', '{"a":1}', auth()), [400, 422], ['malformed_request'])
})

hostile('a body that says it is something else than JSON is 415', async () => {
  const body = JSON.stringify({ phone_number: '+15005570009', contact_name: 'T', message_text: 'hi' })
  for (const type of ['text/plain', 'text/html', 'application/xml', 'multipart/form-data; boundary=x', 'application/octet-stream', 'application/jsonx', 'json', 'application/x-protobuf', 'text/plain; a=application/json', ',', 'a'.repeat(5000)])
    for (const [method, path, good] of [['POST', '/inbound-message', body], ['PATCH', `/leads/${lead.id}`, '{"contact_name":"X"}']])
      problem(one(await raw(parley.url, head(`${method} ${path}`, auth(), `Content-Type: ${type}`, `Content-Length: ${good.length}`, 'Connection: close') + good)), 415, 'unsupported_media_type', type.slice(0, 60))
})

hostile('lengths that can be read in two ways end the connection, and what was smuggled behind them is never done', async () => {
  const smuggled = request('POST', '/inbound-message', JSON.stringify({ phone_number: '+15005570666', contact_name: 'S', message_text: 'smuggled' }), auth())
  const framings = [
    ['Content-Length: 4', 'Transfer-Encoding: chunked'], ['Transfer-Encoding: chunked', 'Content-Length: 4'], ['Content-Length: 4', 'transfer-encoding:chunked'], ['Content-Length: 4', 'Transfer-Encoding: x', 'Transfer-Encoding: chunked'],
    ['Content-Length: 0', 'Content-Length: 4'], ['Content-Length: 4', 'Content-Length: 4'], ['Content-Length: 4, 4'], ['Content-Length: +4'], ['Content-Length: 0x4'], ['Content-Length: 4 4'], ['Content-Length: -1'], ['Content-Length:'],
    ['Content-Length: 4\u00a0'], ['Content-Length : 4'], [' Content-Length: 4'], ['X: y', '\tContent-Length: 4'], ['X: y\nContent-Length: 4'], ['X: y\rContent-Length: 4'], ['Content_Length: 4', 'Content-Length : 0'], ['Content-Length\0: 4'],
  ]
  for (const lines of framings) await refused([Buffer.concat([Buffer.from(`${['POST /jobs HTTP/1.1', 'Host: h', auth(), ...lines].join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from('0\r\n\r\n'), smuggled])], 400, 'malformed_request', { silent: true, what: String(lines) })
  for (const coding of ['chunked', 'Chunked', 'gzip, chunked', 'identity', 'chunked, chunked', '\tchunked', '"chunked"'])
    await refused([head('POST /jobs', auth(), `Transfer-Encoding: ${coding}`), smuggled], [400, 411], ['malformed_request', 'length_required'], { what: coding })
  for (const chunks of ['5\r\nhello\r\n0\r\n\r\n', 'zz\r\n', '-1\r\n', 'ffffffffffffffff\r\nx', '5;x="\r\n', '5\nhello\n0\n\n', ''])
    await refused([head('POST /jobs', auth(), 'Transfer-Encoding: chunked'), chunks], 411, 'length_required', { halfClose: true, what: chunks })
  await refused([head('POST /jobs', auth(), 'Content-Length: 99999999999999999999')], 413, 'body_too_large')
})

hostile('requests in one write are answered in order; what comes behind a malformed one is never done', async () => {
  const get = (path, ...lines) => head(`GET ${path}`, auth(), ...lines)
  const mixed = Array.from({ length: 60 }, (_, n) => get(n % 3 === 0 ? `/leads/${lead.id}` : n % 3 === 1 ? `/leads/${NOBODY}` : '/nowhere', `x-correlation-id: n-${n}`))
  const heard = await raw(parley.url, mixed.join('') + head('GET /health', 'Connection: close'))
  assert.deepEqual(heard.slice(0, 60).map(({ status, headers }) => [status, headers['x-correlation-id']]), mixed.map((_, n) => [n % 3 === 0 ? 200 : 404, `n-${n}`]))
  assert.equal(heard.length, 61)
  const order = request('POST', '/inbound-message', JSON.stringify({ phone_number: '+15005570667', contact_name: 'S', message_text: 'behind' }), auth())
  for (const bad of ['GET /leads HTTP/1.1\r\nHost: h\r\nbad line\r\n\r\n', '\0\0\0\0\r\n\r\n', 'GET /leads\r\n\r\n', 'POST /jobs HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n', 'GET /leads HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n']) {
    const list = await raw(parley.url, Buffer.concat([Buffer.from(get('/health')), Buffer.from(bad), order]))
    assert.ok(list.length === 1 || list.length === 2, JSON.stringify(list))
    if (list[1]) problem(list[1], 400, 'malformed_request', bad)
  }
})

hostile('floods of headers, endless lines and long addresses are refused', async () => {
  const many = count => Array.from({ length: count }, (_, n) => `X-${n}: y`)
  for (const bytes of [head('GET /leads', auth(), ...many(64)), head('GET /leads', auth(), ...many(1000)), head('GET /leads', auth(), ...Array(100).fill('X-Same: y')), head('GET /leads', `X: ${'y'.repeat(15000)}`, `Y: ${'y'.repeat(3000)}`),
    head('GET /leads', `${'X'.repeat(20000)}: y`), `GET /leads HTTP/1.1\r\nHost: h\r\n${'X: y\r\n'.repeat(200000)}`, 'G'.repeat(1000000), `GET /${'a'.repeat(100000)} HTTP/1.1\r\nHost: h\r\n\r\n`,
    `GET /leads?x=${'a'.repeat(20000)} HTTP/1.1\r\nHost: h\r\n\r\n`, '\r\n'.repeat(20000)])
    await refused(bytes, [400, 414, 431], ['malformed_request', 'head_too_large'], { silent: true }) // a reset can overtake the answer: the peer was still sending
  problem(await call('GET', `/${'a'.repeat(14000)}`, undefined, auth()), 404, 'not_found')
  problem(await call('GET', `/leads/${'a'.repeat(14000)}`, undefined, auth()), 404, 'unknown_lead')
  problem(await call('GET', `/leads?${'a'.repeat(14000)}=1`, undefined, auth()), 422, 'unknown_parameter')
  problem(await call('GET', `/leads?${Array.from({ length: 3000 }, () => 'a&').join('')}`, undefined, auth()), 422, 'unknown_parameter')
  problem(await call('GET', `/leads?cursor=${'a'.repeat(14000)}`, undefined, auth()), 422, ['too_long', 'bad_value'])
})

hostile('percent signs open no other door', async () => {
  for (const path of ['/%2fleads', '/leads%2f', '/leads%2F', `/leads/${lead.id}%2fmessages`, '/admin%2fdlq%2freplay', '/docs/..%2f..%2f..%2fetc%2fpasswd', '/%', '/%2', '/%zz', '/leads/%00', '/%ff', '/%c0%af', '/leads/%ed%a0%80', '/a\x01b', '/a\x7fb\x00', '/leads?limit=%', '/leads?%=1'])
    await refused(request('GET', path, '', auth()), [400, 422], ['malformed_request', 'bad_value'], { silent: true, what: path }).catch(error => { if (!/connection|close/.test(error.message) || !path.includes('?')) throw error })
  for (const path of ['//leads', '/./leads', '/leads/', '/leads/../leads', '/LEADS', '/leads;x=1', '/leads%3Flimit=1', '/docs/%2e%2e/%2e%2e/etc/passwd', '/docs/../../etc/passwd',
    '/docs/....//etc/passwd', '/docs/..%5c..%5cetc%5cpasswd', '/.env', '/%2e%65nv', `/leads/${lead.id}//messages`, `/leads/${lead.id}/messages/`]) {
    const answer = await call('GET', path, undefined, auth())
    problem(answer, 404, undefined, path)
    assert.doesNotMatch(JSON.stringify(answer), /root:/)
  }
  assert.equal((await call('GET', `/%6ceads/${lead.id}`, undefined, auth())).status, 200) // what it means decides, not how it is written
  assert.equal((await call('GET', `/leads?limit=%31`, undefined, auth())).body.items.length, 1)
  for (const query of ['limit=1&limit=1', 'limit=1&%6cimit=1', 'phone=1&colour=red', '=1', 'limit', 'limit[]=1', 'limit=1;cursor=x', 'stage_id=x', 'phone=%00', 'cursor=%ff', 'cursor=00', 'cursor=zz', 'cursor=312f322f33'])
    if (query !== 'limit') problem(await call('GET', `/leads?${query}`, undefined, auth()), 422, undefined, query)
  assert.deepEqual((await call('GET', "/leads?phone='%20or%201=1--", undefined, auth())).body.items, [])
  for (const target of ['http://evil.example/leads', '*', 'leads', 'evil.example:443', '?limit=1', '#'])
    await refused(request('GET', target, '', auth()), [400, 404, 422], undefined, { silent: true, what: target }).catch(error => { if (!/'close'/.test(error.message)) throw error })
})

hostile('what is no HTTP at all is refused or cut off', async () => {
  const random = createHmac('sha512', 'seed').update('garbage').digest()
  const noise = Buffer.concat(Array.from({ length: 200 }, (_, n) => createHmac('sha512', random).update(String(n)).digest()))
  const hello = Buffer.from('16030100f8010000f40303', 'hex')
  for (const bytes of [noise, Buffer.concat([hello, noise.subarray(0, 237)]), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'SSH-2.0-OpenSSH_9.2\r\n', 'GET / HTTP/2.0\r\nHost: h\r\n\r\n', 'GET / HTTP/9.9\r\nHost: h\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n',
    'GET / HTTP\r\n\r\n', 'GET / http/1.1\r\nHost: h\r\n\r\n', 'HELO example.com\r\n', '\x05\x01\x00', '*1\r\n$4\r\nPING\r\n', 'CONNECT {"verbose":true}\r\nPING\r\n', Buffer.alloc(20000)])
    await refused(bytes, [400, 404, 405, 431, 505], undefined, { silent: true, halfClose: true })
})

hostile('slow, stuck and half-open connections are cut off in time, and no good one waits for them', async () => {
  const LIMIT_MS = 25000 * patience // ten seconds for a request, and some for a machine that is busy
  const trickle = async (start, piece, everyMs) => {
    const connection = new Raw(parley.url)
    let over = false
    connection.ended.then(() => { over = true })
    await connection.write(start)
    for (let n = 0; !over && n < LIMIT_MS / everyMs; n++) {
      await connection.write(piece).catch(() => {})
      await Promise.race([pause(everyMs), connection.ended])
    }
    assert.ok(over, 'nobody minds who sends a byte now and then')
    return connection.end()
  }
  const idle = start => raw(parley.url, start)
  /** Asks for much and never reads: the server must not write for ever. */
  const deaf = []
  for (let n = 0; n < 4; n++) {
    const connection = new Raw(parley.url)
    connection.socket.pause()
    await connection.open
    connection.socket.write(head('GET /openapi.json').repeat(200))
    deaf.push(connection)
  }
  const attacks = [
    ...Array.from({ length: 8 }, () => trickle('GET /leads HTTP/1.1\r\nHost: h\r\n', 'X: y\r\n', 200)),
    ...Array.from({ length: 8 }, () => trickle(head('POST /inbound-message', auth(), 'Content-Length: 100000'), 'x', 200)),
    ...Array.from({ length: 8 }, () => idle('')),
    ...Array.from({ length: 6 }, () => idle('POST /inbound-message HTTP/1.1\r\nHo')),
    ...Array.from({ length: 6 }, () => idle(head('POST /inbound-message', auth(), 'Content-Length: 100') + '{"phone_number":')),
    ...Array.from({ length: 4 }, () => raw(parley.url, head('POST /inbound-message', auth(), 'Content-Length: 100') + '{', { halfClose: true })),
  ]
  for (const list of await Promise.all(attacks)) if (list.length) problem(one(list), [400, 408], ['malformed_request', 'request_timeout'])
  await until('the deaf ones to be given up', () => deaf.every(({ socket }) => !held().includes(socket.localPort)), 40000)
  for (const connection of deaf) connection.socket.destroy()
})

hostile('a thousand connections that come and go at once leave nothing behind', async () => {
  const cut = n => new Promise(resolve => {
    const connection = new Raw(parley.url)
    connection.open.then(() => {
      connection.socket.write(['G', head('GET /leads', auth()), head('POST /jobs', auth(), 'Content-Length: 10'), '\r\n'][n % 4])
      if (n % 2) connection.socket.resetAndDestroy()
      else connection.socket.destroy()
    })
    connection.socket.on('close', resolve)
  })
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 100 }, (_, n) => cut(n)))
})

test('after all of it a customer writes and is answered', async () => {
  const posted = await parley.post('/inbound-message', { phone_number: '+15005570999', contact_name: 'Still', message_text: 'Is anybody there?' }, as())
  assert.equal(posted.status, 200)
  const [reply] = await parley.sentCount(1, '15005570999')
  assert.ok(reply.text)
  assert.equal(await parley.postgres.value(`select count(*) from crm.leads where phone_number in ('+15005570666', '+15005570667', '+15005570009')`), 0)
})
