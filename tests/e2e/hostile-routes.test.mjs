// The classes of hostile input at every route there is, as the OpenAPI description lists them: a route that is new is attacked by itself. Refused by name, whoever asks and
// whatever it is about, and nothing is changed.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { Parley } from '../support/parley.mjs'
import { picture } from '../support/picture.mjs'
import { build, until } from '../support/process.mjs'
import { problem, raw, request } from '../support/raw.mjs'

let parley, key, theirKey, ours, theirs, operations, schemas
const as = which => ({ authorization: `Bearer ${which}` })
const auth = (which = key) => `Authorization: Bearer ${which}`
const makeKey = (...args) => execFileSync(join(build, 'bin/gateway'), ['--make-key', ...args], { env: { ...process.env, ...parley.env }, encoding: 'utf8' }).trim()
const known = which => until('the key to be known', async () => (await parley.get('/queue/stats', as(which))).status === 200)
const call = async (method, path, body, ...lines) => {
  const [answer, ...more] = await raw(parley.url, request(method, path, body ?? '', ...lines))
  assert.ok(answer && more.length === 0, `${method} ${path}: ${1 + more.length} answers`)
  return answer
}

/** One of each thing that a path can name, of the company of that key: {noun of the path: id}. */
async function things(which, phone, prompts) {
  const make = async (path, body) => {
    const { status, body: made } = await parley.post(path, body, as(which))
    assert.ok(status < 300, `${path}: ${JSON.stringify(made)}`)
    return made
  }
  const posted = await make('/inbound-message', { phone_number: phone, contact_name: 'A Customer', message_text: 'Hello there' })
  await until('the job', async () => (await parley.get(`/jobs/${posted.job_id}`, as(which))).body.status === 'completed')
  const [{ id: lead }] = (await parley.get(`/leads?phone=${encodeURIComponent(phone)}`, as(which))).body.items
  const [{ id: conversation }] = (await parley.get(`/leads/${lead}`, as(which))).body.conversations
  const model = await make('/ai-models', { provider: 'openai', model: 'gpt-4o-mini', system_prompt: 'Be kind.' })
  const pipeline = await make('/pipelines', { name: 'Second', stages: ['Only'] })
  const file = await parley.send('POST', '/media', '%PDF-1.7\n', { ...as(which), 'content-type': 'application/pdf' })
  await make(`/conversations/${conversation}/notes`, { text: 'A note.' })
  for (const system_prompt of prompts) await parley.send('PATCH', `/ai-models/${model.id}`, { system_prompt }, as(which))
  const [{ version }] = (await parley.get(`/ai-models/${model.id}/prompts`, as(which))).body.items
  const [first] = (await parley.get('/api-keys', as(which))).body.items
  return {
    leads: lead, conversations: conversation, messages: posted.message_id, jobs: posted.job_id, 'ai-models': model.id, 'ai-prompts': version, pipelines: pipeline.id, stages: pipeline.stages[0].id,
    media: file.body.id, 'canned-replies': (await make('/canned-replies', { shortcut: 'hi', text: 'Hello!' })).id, 'kb/documents': (await make('/kb/documents', { title: 'Prices', text: 'A haircut costs 20 euros.' })).id,
    'api-keys': first.id, companies: first.company_id, phone,
  }
}

before(async () => {
  parley = await Parley.start({ env: { PARLEY_AUTH: 'on', MEDIA_LINK_KEY: 'a key for links that is long enough', PUBLIC_URL: 'https://parley.example', JOB_LADDER_MS: '50,50,50,50,50' } })
  key = makeKey('default')
  await known(key)
  const company = (await parley.post('/companies', { name: 'Others' }, as(key))).body
  theirKey = makeKey(company.id)
  await known(theirKey);
  [ours, theirs] = await Promise.all([things(key, '+15005571001', ['Be brief.']), things(theirKey, '+15005571002', [])])
  const { paths, components } = (await parley.get('/openapi.json')).body
  schemas = components.schemas
  operations = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, ...operation })))
  let last
  await until('everything at rest', async () => {
    const was = last
    last = JSON.stringify(await picture(parley))
    return was === last && await parley.postgres.value('select count(*) from jobs.unfinished') === 0
  }, 30000, 500)
})
after(() => parley?.stop())

const hostile = (name, attack) => test(name, async () => {
  const was = await picture(parley)
  await attack()
  assert.deepEqual(await picture(parley), was)
  assert.ok(parley.services.every(({ child }) => child.running))
})

const noun = path => path.slice(1, path.indexOf('/{id}'))
const named = (path, what = ours) => path.includes('{id}') ? path.replace('{id}', what[noun(path)] ?? assert.fail(`things() has nothing for ${path}`)) : path
const closed = () => operations.filter(({ security }) => security === undefined)
const withId = () => closed().filter(({ path }) => path.includes('{id}'))
const members = operation => {
  const { $ref } = operation.requestBody?.content?.['application/json']?.schema ?? {}
  return $ref && { required: [], ...schemas[$ref.split('/').at(-1)] }
}
const withBody = () => closed().filter(members)

/** What is no value of a member of that schema. */
function wrongFor({ type, $ref, enum: words }) {
  if ($ref) return ['x', 7, true, []]
  return { string: [7, true, {}, [], ...words ? ['pigeon'] : []], integer: ['x', true, 1.5, {}, [], '9'.repeat(30)], number: ['x', true, {}, []], boolean: ['x', 7, {}, []], array: ['x', 7, true, {}], object: ['x', 7, []] }[type] ?? []
}

hostile('a body that is no JSON object, or holds what JSON may not, is refused at every route that takes one', async () => {
  const depth = 40000, bodies = ['null', '[]', '7', '{', '{"a":1}}', '{"a":1,}', '{"a":1,"a":2}', '{"x":"\\ud800"}', '{"x":"\\u0000"}', '{"x":"\0"}', '\ufeff{}', '['.repeat(depth) + ']'.repeat(depth), `{"a":${'9'.repeat(70)}}`,
    Buffer.from([0x7b, 0x22, 0x78, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])]
  assert.ok(withBody().length > 25)
  for (const { method, path } of withBody())
    for (const body of bodies) problem(await call(method, named(path), body, auth()), [400, 422], ['malformed_json', 'wrong_type'], `${method} ${path} ${String(body).slice(0, 40)}`)
})

hostile('a member that is unknown or of a wrong type is refused by its name at every route', async () => {
  let count = 0
  for (const operation of withBody()) {
    const { method, path } = operation, { properties } = members(operation)
    problem(await call(method, named(path), '{"surprise":1}', auth()), 422, 'unknown_field', `${method} ${path}`)
    for (const [member, schema] of Object.entries(properties ?? {}))
      for (const value of wrongFor(schema)) {
        count++
        const body = /^9+$/.test(value) ? `{"${member}":${value}}` : JSON.stringify({ [member]: value })
        const answer = await call(method, named(path), body, auth())
        problem(answer, 422, undefined, `${method} ${path} ${body}`)
        assert.match(answer.body.detail, new RegExp(member), `${method} ${path} ${body}: ${answer.body.detail}`)
      }
  }
  assert.ok(count > 300, `${count}`)
})

/** What a route would take, as its description shows it. */
const body = operation => members(operation) && JSON.stringify(operation.requestBody.content['application/json'].example)

hostile('a thing of another company is unknown at every route that names one, whatever is asked of it', async () => {
  assert.ok(withId().length > 25)
  for (const operation of withId()) {
    const { method, path } = operation, what = `${method} ${path}`, sent = body(operation)
    problem(await call(method, named(path), sent, auth(theirKey)), 404, undefined, what)
    problem(await call(method, `${named(path)}?company_id=${ours.companies}`, sent, auth(theirKey)), 403, 'forbidden', what)
    problem(await call(method, named(path), sent), 401, 'unauthorised', what)
    if (method === 'GET') assert.ok((await call(method, named(path), undefined, auth())).status < 400, `${what}: nor is it ours`)
  }
})

hostile('a thing of another company that a body or a query names is unknown as well', async () => {
  const { leads: lead_id, conversations: conversation_id, stages: stage_id, pipelines: pipeline_id, 'canned-replies': canned_reply_id, messages, phone, media } = ours
  const bodies = [
    ...[{ lead_id }, { conversation_id }, { phone }].flatMap(who => [['POST', '/api/v1/takeover', who], ['POST', '/api/v1/handback', who], ['POST', '/api/v1/operator-message', { ...who, message: 'x' }]]),
    ['POST', '/api/v1/operator-message', { lead_id: theirs.leads, canned_reply_id }],
    ['POST', '/api/v1/operator-message', { lead_id: theirs.leads, message: 'x', messageId: messages }],
    ['POST', '/api/v1/operator-message', { lead_id: theirs.leads, message: 'x', after_message_id: messages }],
    ['POST', '/api/v1/operator-message', { lead_id: theirs.leads, media: { id: media, type: 'document' } }],
    ['PATCH', `/leads/${theirs.leads}`, { stage_id }],
    ['POST', '/stages', { pipeline_id, name: 'Stolen' }],
    ['POST', '/stages', { name: 'Stolen', allowed_transitions: [stage_id] }],
    ['PATCH', `/stages/${theirs.stages}`, { allowed_transitions: [stage_id] }],
    ['POST', '/ai-models', { provider: 'openai', model: 'x', stage_id }],
    ['PATCH', `/ai-models/${theirs['ai-models']}`, { stage_id }],
    ['PATCH', '/company', { bumpup_template_id: lead_id }],
  ]
  for (const [method, path, body] of bodies)
    problem(await call(method, path, JSON.stringify(body), auth(theirKey)), [404, 409, 422], undefined, `${method} ${path} ${JSON.stringify(body)}`)
  const { next_cursor } = (await parley.get('/jobs?limit=1', as(key))).body
  for (const query of [`/leads?stage_id=${stage_id}`, `/leads?phone=${encodeURIComponent(phone)}`, `/conversations?lead_id=${lead_id}`, `/safety/refusals?lead_id=${lead_id}`, `/ai-models?stage_id=${stage_id}`,
    ...next_cursor ? [`/jobs?cursor=${encodeURIComponent(next_cursor)}`] : []]) {
    const answer = await call('GET', query, undefined, auth(theirKey))
    if (answer.status === 200) assert.deepEqual(answer.body.items.filter(item => item.company_id !== theirs.companies && item.company_id !== undefined), [], query)
    else problem(answer, [404, 422], undefined, query)
  }
})

hostile('a stale version is refused wherever If-Match is taken', async () => {
  const versioned = closed().filter(({ parameters = [] }) => parameters.some(({ name }) => name === 'If-Match'))
  assert.ok(versioned.length > 8)
  for (const operation of versioned)
    for (const tag of ['"999999"', '"-1"', '"99999999999999999999999"', '"x"', '""']) {
      const { method, path } = operation, what = `${method} ${path}`, sent = body(operation)
      problem(await call(method, named(path), sent, auth(), `If-Match: ${tag}`), 412, 'stale_version', `${what} ${tag}`)
    }
})

hostile('what is no id, and an id of nothing, are unknown or refused at every route', async () => {
  for (const operation of withId()) {
    const { method, path } = operation, what = `${method} ${path}`, sent = body(operation)
    for (const id of ['00000000-0000-7000-8000-000000000000', 'x', '-1', '%27%20or%201=1--', 'a'.repeat(5000), '%e2%82%ac', '..%2f..'])
      problem(await call(method, path.replace('{id}', id), sent, auth()), [400, 404, 422], undefined, `${what} ${id.slice(0, 40)}`)
    for (const id of ['%00', '%ff', '%zz'])
      problem(await call(method, path.replace('{id}', id), sent, auth()), 400, 'malformed_request', `${what} ${id}`)
  }
})

hostile('a query that is unknown, doubled, or of a wrong type is refused at every route', async () => {
  const wrong = ({ type, format, enum: words }) => words ? ['pigeon'] : format === 'uuid' ? ['x', '%00'] : { integer: ['0', '-1', 'x', '1.5', '9'.repeat(30)], boolean: ['maybe', '7'] }[type] ?? ['%00', '%ff']
  // a link to a file may be passed on with more behind it, and what it says counts only with its signature
  for (const { method, path, parameters = [] } of closed().filter(({ method, path }) => method === 'GET' && path !== '/media/{id}')) {
    const ask = async (query, what) => problem(await call(method, `${named(path)}?${query}`, undefined, auth()), [400, 404, 422], undefined, `${method} ${path} ${what ?? query}`)
    await ask('surprise=1')
    for (const { name, schema } of parameters.filter(parameter => parameter.in === 'query')) {
      for (const value of wrong(schema)) await ask(`${name}=${value}`)
      await ask(`${name}=1&${name}=1`)
    }
  }
})

hostile('a key for doing something once that is no key is refused wherever one is taken', async () => {
  const keyed = closed().filter(({ parameters = [] }) => parameters.some(({ name }) => name === 'Idempotency-Key'))
  assert.ok(keyed.length > 10)
  for (const operation of keyed)
    for (const line of ['Idempotency-Key:', `Idempotency-Key: ${'k'.repeat(256)}`, 'Idempotency-Key: caf\u00e9', 'Idempotency-Key: a\x01b']) {
      const { method, path } = operation
      problem(await call(method, named(path), body(operation) ?? '{}', auth(), line), path === '/media' ? [400, 415] : [400, 422], ['bad_value', 'malformed_request', 'unsupported_media_type'], `${method} ${path} ${line.slice(0, 40)}`)
    }
})

/** All rows of a company, by table. */
async function rowsOf(company) {
  const tables = await parley.postgres.rows(`select table_name as name from information_schema.columns where table_schema = 'crm' and column_name = 'company_id' order by 1`)
  return Object.fromEntries(await Promise.all(tables.map(async ({ name }) => [name, await parley.postgres.value(`select md5(string_agg(t::text, '|' order by t::text)) from crm.${name} t
    where company_id = $1`, [company])])))
}

test('a job that somebody makes up about what is another company\'s does nothing to it', async () => {
  const { leads: lead_id, conversations: conversation_id, messages: message_id, 'kb/documents': document_id } = ours
  const reply = await parley.postgres.value(`select id from crm.messages where direction = 'outbound' and lead_id = $1`, [lead_id])
  const made = [['ai.engage', { lead_id, message_id }], ['ai.summary', { lead_id }], ['followup.bumpup', { lead_id, conversation_id, position: 1 }], ['channel.send.whatsapp_cloud', { message_id: reply, lead_id, conversation_id }],
    ['channel.mark.whatsapp_cloud', { message_id }], ['media.fetch', { message_id }], ['kb.index', { document_id, revision: 1 }]]
  const was = await rowsOf(ours.companies), sent = (await parley.sent()).length
  assert.ok(was.leads && was.messages)
  const jobs = await Promise.all(made.map(async ([task, params]) => {
    const { status, body } = await parley.post('/jobs', { task, params }, as(theirKey))
    assert.equal(status, 202, `${task}: ${JSON.stringify(body)}`)
    return [task, body.job_id]
  }))
  for (const [task, id] of jobs)
    await until(`${task} to end`, async () => ['completed', 'dlq'].includes((await parley.get(`/jobs/${id}`, as(theirKey))).body.status), 30000)
  assert.deepEqual(await rowsOf(ours.companies), was)
  assert.equal((await parley.sent()).length, sent)
})
