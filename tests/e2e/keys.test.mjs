// With API keys on: who may do what, and that a company never sees or touches another's.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { APP_SECRET, Parley, PHONE_ID, TOKEN } from '../support/parley.mjs'
import { build, pause, until } from '../support/process.mjs'

const OTHER_NUMBER = '660011223344551'
let parley, root, ours, theirs, company
const as = key => ({ authorization: `Bearer ${key}` })
const makeKey = (...args) => execFileSync(join(build, 'bin/gateway'), ['--make-key', ...args], { env: { ...process.env, ...parley.env }, encoding: 'utf8' }).trim()
const known = key => until('the key to be known', async () => (await parley.get('/queue/stats', as(key))).status !== 401)

before(async () => {
  parley = await Parley.start({ env: { PARLEY_AUTH: 'on' } })
  root = makeKey('default')
  await known(root)
  company = (await parley.post('/companies', { name: 'Others' }, as(root))).body
  ours = (await parley.post('/api-keys', { name: 'ours', scopes: ['admin'] }, as(root))).body.key
  theirs = makeKey(company.id)
  await Promise.all([known(ours), known(theirs)])
})
after(() => parley?.stop())

test('the table of scopes: 403 without the right one, anything else with it; no key is 401, the open ones need none', async () => {
  const keys = {}
  for (const scope of ['inbound', 'read', 'write', 'operator', 'admin']) {
    keys[scope] = (await parley.post('/api-keys', { name: scope, scopes: [scope] }, as(root))).body.key
    await known(keys[scope])
  }
  const id = '00000000-0000-7000-8000-000000000000'
  const table = [
    ['POST', '/inbound-message', 'inbound'],
    ['GET', '/leads', 'read'], ['GET', `/leads/${id}`, 'read'], ['PATCH', `/leads/${id}`, 'write'], ['GET', `/leads/${id}/messages`, 'read'],
    ['GET', `/leads/${id}/events`, 'read'], ['GET', `/leads/${id}/consents`, 'read'], ['POST', `/leads/${id}/consents`, 'write'], ['POST', `/leads/${id}/summary`, 'write'], ['POST', `/leads/${id}/bumpup`, 'write'],
    ['GET', `/messages/${id}`, 'read'], ['GET', `/messages/${id}/why`, 'read'],
    ['POST', '/media', 'operator'], ['DELETE', `/media/${id}`, 'write'], ['GET', `/media/${id}`, 'read'], ['POST', `/media/${id}/link`, 'read'],
    ['GET', '/templates', 'read'], ['POST', '/templates/sync', 'write'],
    ['POST', '/api/v1/takeover', 'operator'], ['POST', '/api/v1/handback', 'operator'], ['POST', '/api/v1/operator-message', 'operator'],
    ['GET', '/safety/refusals', 'read'],
    ['POST', '/jobs', 'write'], ['GET', '/jobs', 'read'], ['GET', `/jobs/${id}`, 'read'],
    ['GET', '/queue/stats', 'read'],
    ['POST', '/admin/dlq/replay', 'admin'], ['POST', '/admin/quarantine/replay', 'admin'],
    ['GET', '/company', 'read'], ['PATCH', '/company', 'admin'],
    ['GET', `/companies/${id}`, 'read'], ['PATCH', `/companies/${id}`, 'admin'], ['POST', '/companies', 'admin'],
    ['POST', '/api-keys', 'admin'], ['GET', '/api-keys', 'admin'], ['DELETE', '/api-keys/aaaaaaaa', 'admin'],
    ['POST', '/channel-accounts', 'admin'], ['GET', '/channel-accounts', 'admin'],
    ['GET', '/conversations', 'read'], ['GET', `/conversations/${id}`, 'read'], ['GET', `/conversations/${id}/messages`, 'read'],
    ['PATCH', `/conversations/${id}`, 'operator'], ['POST', `/conversations/${id}/read`, 'operator'],
    ['POST', `/conversations/${id}/typing`, 'operator'], ['GET', `/conversations/${id}/notes`, 'read'],
    ['POST', `/conversations/${id}/notes`, 'operator'],
    ['GET', '/canned-replies', 'read'], ['GET', `/canned-replies/${id}`, 'read'], ['POST', '/canned-replies', 'operator'],
    ['PATCH', `/canned-replies/${id}`, 'operator'], ['DELETE', `/canned-replies/${id}`, 'operator'],
    ['GET', '/events/stream?type=none', 'read'],
    ['POST', '/kb/documents', 'write'], ['GET', '/kb/documents', 'read'], ['GET', `/kb/documents/${id}`, 'read'],
    ['PUT', `/kb/documents/${id}`, 'write'], ['DELETE', `/kb/documents/${id}`, 'write'], ['POST', '/kb/search', 'read'],
    ['GET', '/kb/settings', 'read'], ['PATCH', '/kb/settings', 'admin'],
    ['GET', '/pipelines', 'read'], ['POST', '/pipelines', 'admin'], ['GET', `/pipelines/${id}`, 'read'], ['PATCH', `/pipelines/${id}`, 'admin'], ['DELETE', `/pipelines/${id}`, 'admin'],
    ['POST', '/stages', 'admin'], ['GET', `/stages/${id}`, 'read'], ['PATCH', `/stages/${id}`, 'admin'], ['DELETE', `/stages/${id}`, 'admin'],
    ['POST', '/ai-models', 'admin'], ['GET', '/ai-models', 'read'], ['GET', `/ai-models/${id}`, 'read'], ['PATCH', `/ai-models/${id}`, 'admin'],
    ['DELETE', `/ai-models/${id}`, 'admin'], ['GET', `/ai-models/${id}/prompts`, 'read'],
    ['GET', `/ai-prompts/${id}`, 'read'],
    ['GET', '/usage', 'read'],
  ]
  const listed = Object.entries((await parley.get('/openapi.json')).body.paths).flatMap(([path, methods]) => Object.entries(methods)
    .filter(([, operation]) => operation.security === undefined).map(([method]) => `${method.toUpperCase()} ${path}`))
  const told = table.map(([method, path]) => `${method} ${path.replace(id, '{id}').replace('aaaaaaaa', '{id}').split('?')[0]}`)
  assert.deepEqual(listed.sort(), [...new Set(told)].sort())
  for (const [method, path, scope] of table) {
    const body = method === 'GET' || method === 'DELETE' ? undefined : '{"nonsense":1}'
    assert.equal((await parley.send(method, path, body)).status, 401, path)
    for (const [name, key] of Object.entries(keys)) {
      const { status, body: answer } = await parley.send(method, path, body, as(key))
      const installation = ['/companies', '/admin/quarantine/replay'].includes(path)
      if ((name === scope || name === 'admin') && !installation) assert.ok(![401, 403].includes(status), `${name} ${method} ${path}: ${status}`)
      else assert.deepEqual([status, answer.code], [403, 'forbidden'], `${name} ${method} ${path}`)
    }
  }
  for (const path of ['/health', '/stats', '/metrics', '/openapi.json', '/asyncapi.json', '/docs']) assert.ok([200, 503].includes((await parley.get(path)).status))
  assert.equal((await parley.get('/leads', { 'x-api-key': keys.read })).status, 200)
  assert.equal((await parley.get(`/leads?key=${keys.read}`)).status, 401)
  const [start, shown] = [keys.read.slice(0, -1), keys.read.at(-1)]
  assert.equal((await parley.get('/leads', as(start + (shown === '0' ? '1' : '0')))).status, 401)
})

test('a company sees and touches nothing of another\'s', async () => {
  const phone = '+15005580001'
  const posted = (await parley.post('/inbound-message', { phone_number: phone, contact_name: 'Ours', message_text: 'hi', external_id: 'same' }, as(ours))).body
  const [reply] = await parley.sentCount(1, phone)
  const lead = (await parley.get(`/leads?phone=${encodeURIComponent(phone)}`, as(ours))).body.items[0]
  await until('the job', async () => (await parley.get(`/jobs/${posted.job_id}`, as(ours))).body.status === 'completed')

  for (const path of [`/leads/${lead.id}`, `/leads/${lead.id}/messages`, `/leads/${lead.id}/events`, `/messages/${reply.callback}`, `/messages/${reply.callback}/why`,
    `/messages/${posted.message_id}`, `/jobs/${posted.job_id}`]) {
    assert.equal((await parley.get(path, as(ours))).status, 200, path)
    assert.equal((await parley.get(path, as(theirs))).status, 404, path)
    assert.equal((await parley.get(`${path}?company_id=${lead.company_id}`, as(theirs))).status, 403, path)
    assert.equal((await parley.get(`${path}?company_id=${company.id}`, as(root))).status, 404, path) // the installation's key looks into the company it names
  }
  for (const path of ['/leads', '/jobs', `/leads?phone=${encodeURIComponent(phone)}`]) assert.deepEqual((await parley.get(path, as(theirs))).body.items, [], path)
  assert.equal((await parley.send('PATCH', `/leads/${lead.id}`, { contact_name: 'Stolen' }, as(theirs))).status, 404)
  assert.equal((await parley.get(`/companies/${lead.company_id}`, as(theirs))).status, 404)
  assert.equal((await parley.send('PATCH', `/companies/${lead.company_id}`, { name: 'Stolen' }, as(theirs))).status, 404)
  for (const who of [{ phone }, { lead_id: lead.id }]) {
    for (const path of ['takeover', 'handback']) assert.equal((await parley.post(`/api/v1/${path}`, who, as(theirs))).status, 404)
    assert.equal((await parley.post('/api/v1/operator-message', { ...who, message: 'x' }, as(theirs))).status, 404)
    assert.equal((await parley.post('/api/v1/takeover', { ...who, company_id: lead.company_id }, as(theirs))).status, 403)
  }
  assert.equal((await parley.get(`/leads/${lead.id}`, as(ours))).body.human_intervention_required, false)

  // the same key in another company is another message
  const same = (await parley.post('/inbound-message', { phone_number: phone, contact_name: 'Theirs', message_text: 'hi', external_id: 'same' }, as(theirs))).body
  assert.notEqual(same.message_id, posted.message_id)
  await until('their lead', async () => (await parley.get('/leads', as(theirs))).body.items[0]?.contact_name === 'Theirs')
  assert.equal((await parley.get(`/leads/${lead.id}`, as(ours))).body.contact_name, 'Ours')

  const stats = (await parley.get('/queue/stats', as(theirs))).body
  assert.deepEqual(stats.by_company ?? [], [])
  const whole = await until('their job', async () => {
    const { body } = await parley.get('/queue/stats', as(root))
    return body.by_company.length > 1 && body
  })
  assert.deepEqual(whole.by_company.map(({ company_id }) => company_id).sort(), [company.id, lead.company_id].sort())

  const list = (await parley.get('/api-keys', as(theirs))).body.items
  assert.deepEqual([...new Set(list.map(({ company_id }) => company_id))], [company.id])
  assert.ok(list.every(key => key.secret_hash === undefined && key.key === undefined))
  const foreign = (await parley.get('/api-keys', as(ours))).body.items[0].id
  assert.equal((await parley.send('DELETE', `/api-keys/${foreign}`, undefined, as(theirs))).status, 404)
  assert.equal((await parley.post('/api-keys', { name: 'x', scopes: ['read'], every_company: true }, as(theirs))).status, 403)
  assert.equal((await parley.post('/api-keys', { name: 'x', scopes: ['read'], company_id: lead.company_id }, as(theirs))).status, 403)
})

test('keys and accounts are pages, newest first, and a key says when it was used', async () => {
  const { id } = (await parley.post('/companies', { name: 'Pages' }, as(root))).body
  const admin = makeKey(id)
  await known(admin)
  const made = []
  for (const name of ['one', 'two', 'three']) made.unshift((await parley.post('/api-keys', { name, scopes: ['read'] }, as(admin))).body)
  for (const account of ['770001', '770002', '770003']) await parley.post('/channel-accounts', { channel: 'whatsapp_cloud', account }, as(admin))
  const walk = async path => {
    const items = []
    for (let cursor = ''; cursor !== null;) {
      const { body } = await parley.get(`${path}?limit=2&cursor=${cursor}`, as(admin))
      items.push(...body.items)
      cursor = body.next_cursor
    }
    return items
  }
  assert.deepEqual((await walk('/channel-accounts')).map(({ account }) => account), ['770003', '770002', '770001'])
  const keys = await walk('/api-keys')
  assert.deepEqual(keys.map(({ name }) => name), ['three', 'two', 'one', 'made by command'])
  for (const path of ['/api-keys', '/channel-accounts']) {
    assert.equal((await parley.get(`${path}?limit=201`, as(admin))).status, 422)
    assert.deepEqual([(await parley.get(`${path}?cursor=00`, as(admin))).body.code], ['bad_value'])
  }
  await known(made[1].key)
  await parley.send('DELETE', `/api-keys/${made[0].id}`, undefined, as(admin)) // the gateways ask anew, and tell what was used
  const used = await until('the use to be told', async () => {
    const { items } = (await parley.get('/api-keys', as(admin))).body
    return items.find(({ name }) => name === 'two').last_used_at && items
  })
  assert.deepEqual(used.filter(({ last_used_at }) => last_used_at).map(({ name }) => name), ['two', 'made by command'])
  assert.ok(Math.abs(Date.parse(used[1].last_used_at) - Date.now()) < 60000)
})

test('a number belongs to one company; its own secret signs for it alone, old and new', async () => {
  const account = more => ({ channel: 'whatsapp_cloud', account: OTHER_NUMBER, credentials: { token: TOKEN }, ...more })
  assert.equal((await parley.post('/channel-accounts', account({ webhook_secrets: ['new', 'old'], verify_token: 'theirs' }), as(theirs))).status, 200)
  const taken = await parley.post('/channel-accounts', account(), as(ours))
  assert.deepEqual([taken.status, taken.body.code], [409, 'account_taken'])
  assert.equal((await parley.post('/channel-accounts', { ...account(), account: PHONE_ID }, as(theirs))).status, 409)
  assert.doesNotMatch(JSON.stringify((await parley.get('/channel-accounts', as(theirs))).body), /"(new|old)"|theirs"|test-token/)

  let n = 0
  const deliver = (secret, ...numbers) => {
    const raw = JSON.stringify({ object: 'whatsapp_business_account', entry: numbers.map(number => ({ id: 'w', changes: [{ field: 'messages', value: {
      messaging_product: 'whatsapp', metadata: { display_phone_number: '1', phone_number_id: number },
      messages: [{ from: '15005580009', id: `wamid.k.${++n}`, timestamp: String(Math.floor(Date.now() / 1000)), type: 'text', text: { body: 'hi' } }] } }] })) })
    return parley.post('/webhook', raw, { 'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(raw).digest('hex')}` })
  }
  await until('the secret to be known', async () => (await deliver('new', OTHER_NUMBER)).status === 200)
  assert.equal((await deliver('old', OTHER_NUMBER)).status, 200)
  assert.equal((await deliver(APP_SECRET, OTHER_NUMBER)).status, 200)
  assert.equal((await deliver('new', PHONE_ID)).status, 401)
  assert.equal((await deliver('new', OTHER_NUMBER, PHONE_ID)).status, 401)
  assert.equal((await deliver('older', OTHER_NUMBER)).status, 401)
  await pause(300)
  assert.equal(await parley.postgres.value(`select count(*) from crm.messages where external_id like 'wamid.k.%' and company_id <> $1`, [company.id]), 0)
  assert.equal((await parley.get('/webhook?hub.mode=subscribe&hub.verify_token=theirs&hub.challenge=7')).body, '7')
})

test('an expired key is refused; a key of the installation names any company, also one that is new', async () => {
  const soon = new Date(Date.now() + 1500).toISOString()
  const { key } = (await parley.post('/api-keys', { name: 'soon', scopes: ['read'], expires_at: soon }, as(root))).body
  await known(key)
  await until('it to expire', async () => (await parley.get('/leads', as(key))).status === 401)
  const fresh = '5b1c6f3e-0000-4000-8000-00000000abcd'
  const posted = await parley.post('/inbound-message', { phone_number: '+15005580010', contact_name: 'N', message_text: 'hi', company_id: fresh }, as(root))
  assert.equal(posted.status, 200)
  const lead = await until('the lead of the new company', async () => (await parley.get(`/leads?company_id=${fresh}`, as(root))).body.items[0])
  assert.deepEqual([lead.company_id, lead.stage], [fresh, 'New'])
  const job = await until('its job', async () => {
    const { body } = await parley.get(`/jobs/${posted.body.job_id}?company_id=${fresh}`, as(root))
    return body.status === 'completed' && body
  })
  assert.ok(job.result.outcome)
})
