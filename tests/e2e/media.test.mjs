// Files that customers send: fetched, checked, kept once, shown only to their company; and what becomes of those that can't be had.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { readdirSync, readFileSync, existsSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { APP_SECRET, PHONE_ID, Parley, Service } from '../support/parley.mjs'
import { freePort, until } from '../support/process.mjs'

const LINK_KEY = 'a key for links that is long enough'
const HEADS = {
  'image/jpeg': Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46]), 'image/png': Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
  'audio/ogg': Buffer.from('OggS'), 'application/pdf': Buffer.from('%PDF-1.7\n'), 'text/plain': Buffer.from('plain'),
}
let parley, files, n = 0
before(async () => {
  parley = await Parley.start({ env: { MEDIA_LINK_KEY: LINK_KEY, PUBLIC_URL: 'https://parley.example/', AI_MEDIA_WAIT_MS: '2000', JOB_LADDER_MS: '200,200,200,200,200' } })
  files = parley.env.MEDIA_DIR
})
after(() => parley?.stop())

/** A file at the vendor's; answers its id and whole content. */
async function lay(mime_type, more = {}) {
  const id = `media${++n}x${Date.now()}`
  const head = Buffer.concat([more.head ?? HEADS[mime_type] ?? Buffer.from('??'), Buffer.from(more.tag ?? `#${n}`)])
  const { tag, ...order } = more
  await parley.sim('/_sim/media', { id, mime_type, ...order, head: head.toString('base64') })
  const bytes = Math.max(more.bytes ?? 0, head.length)
  return { id, mime_type, content: Buffer.concat([head, Buffer.alloc(bytes - head.length, 'A')]) }
}

/** A customer sends it; answers our id of the message. */
async function send(from, kind, file, more = {}, phone = PHONE_ID, id = `wamid.media.${n}.${Math.random()}`) {
  const message = { from, id, timestamp: String(Math.floor(Date.now() / 1000)), type: kind, [kind]: { id: file.id, mime_type: file.mime_type, ...more } }
  const body = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: 'waba-1', changes: [{ field: 'messages', value: {
      messaging_product: 'whatsapp', metadata: { display_phone_number: '15005550100', phone_number_id: phone },
      contacts: [{ profile: { name: 'Ines' }, wa_id: from }], messages: [message] } }] }],
  })
  const signature = createHmac('sha256', APP_SECRET).update(body).digest('hex')
  assert.equal((await parley.post('/webhook', body, { 'x-hub-signature-256': `sha256=${signature}` })).status, 200)
  return until('the message', () => parley.postgres.value(`select id from crm.messages where external_id = '${id}'`))
}

const fileOf = async id => (await parley.get(`/messages/${id}`)).body.media_info?.file
const settled = (id, state, waitMs) => until(`the file of ${id} to be ${state}`, async () => {
  const file = await fileOf(id)
  return file?.state === state && file
}, waitMs)
const raw = async (path, headers = {}, method = 'GET') => {
  const response = await fetch(parley.url + path, { headers, method, redirect: 'manual' })
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) }
}
const asked = async id => (await parley.sim('/_sim/media')).find(file => file.id === id)
const kept = company => readdirSync(files, { recursive: true }).filter(name => name.startsWith(company) && /[0-9a-f]{64}$/.test(name))
const sha256 = content => createHash('sha256').update(content).digest('hex')

test('a picture is fetched, kept under its hash and shown with its own type, and the message is answered as always', async () => {
  const picture = await lay('image/jpeg', { bytes: 50000 })
  const id = await send('15005550401', 'image', picture, { caption: 'my roof' })
  const file = await settled(id, 'stored')
  assert.deepEqual({ bytes: file.bytes, sha256: file.sha256, mime_type: file.mime_type, link: file.link },
    { bytes: 50000, sha256: sha256(picture.content), mime_type: 'image/jpeg', link: `/media/${id}` })
  const shown = await raw(file.link)
  assert.equal(shown.status, 200)
  assert.ok(shown.body.equals(picture.content))
  assert.equal(shown.headers.get('content-type'), 'image/jpeg')
  assert.equal(shown.headers.get('x-content-type-options'), 'nosniff')
  assert.match(shown.headers.get('content-disposition'), /^inline/)
  await parley.sentCount(1, '15005550401')
  const events = (await parley.get(`/leads/${(await parley.get(`/messages/${id}`)).body.lead_id}/events`)).body.items
  assert.equal(events.filter(event => event.type === 'message.media_stored').length, 1)
})

test('a part of a file can be asked for, its head alone too, and a part past its end is 416', async () => {
  const sound = await lay('audio/ogg', { bytes: 1000 })
  const { link } = await settled(await send('15005550402', 'audio', sound, { voice: true }), 'stored')
  const part = await raw(link, { range: 'bytes=10-19' })
  assert.equal(part.status, 206)
  assert.equal(part.headers.get('content-range'), 'bytes 10-19/1000')
  assert.ok(part.body.equals(sound.content.subarray(10, 20)))
  assert.ok((await raw(link, { range: 'bytes=-5' })).body.equals(sound.content.subarray(995)))
  assert.ok((await raw(link, { range: 'bytes=990-' })).body.equals(sound.content.subarray(990)))
  assert.equal((await raw(link, { range: 'bytes=1000-' })).status, 416)
  assert.equal((await raw(link, { range: 'bytes=1-2,5-6' })).status, 200)
  const head = await raw(link, {}, 'HEAD')
  assert.equal(head.status, 200)
  assert.equal(head.headers.get('content-length'), '1000')
})

test('a document is saved under its own name, in any script, and never shown in place', async () => {
  const paper = await lay('application/pdf')
  const { link } = await settled(await send('15005550403', 'document', paper, { filename: 'রসিদ 5.pdf' }), 'stored')
  const shown = await raw(link)
  assert.match(shown.headers.get('content-disposition'), /^attachment; filename\*=UTF-8''/)
  assert.equal(decodeURIComponent(shown.headers.get('content-disposition').split("''")[1]), 'রসিদ 5.pdf')
})

test('the same content is kept once per company, and two companies never see or share each other\'s', async () => {
  const other = '0b8e55a2-0000-4000-8000-0000000000aa'
  assert.ok([200, 201].includes((await parley.post('/companies', { id: other, name: 'Other' })).status))
  assert.equal((await parley.post('/channel-accounts', { company_id: other, channel: 'whatsapp_cloud', account: '770099', credentials: { token: 'test-token' } })).status, 200)
  const first = await lay('image/png', { tag: 'same', bytes: 3000 }), second = await lay('image/png', { tag: 'same', bytes: 3000 })
  const one = await send('15005550404', 'image', first), two = await send('15005550404', 'image', second)
  const foreign = await send('15005550405', 'image', second, {}, '770099')
  await Promise.all([settled(one, 'stored'), settled(two, 'stored')])
  await until('the foreign file', () => parley.postgres.value(`select count(*) from crm.media where id = '${foreign}'`))
  const company = (await parley.postgres.value(`select company_id from crm.messages where id = '${one}'`))
  assert.equal(kept(company).filter(name => name.endsWith(sha256(first.content))).length, 1)
  assert.equal(kept(other).length, 1)
  assert.equal((await raw(`/media/${foreign}`)).status, 404)
  assert.equal((await raw(`/media/${one}?company_id=${other}`)).status, 404)
  assert.equal((await raw(`/media/${foreign}?company_id=${other}`)).status, 200)
})

test('a link opens one file without a key until it is over, and no other file, company or time', async () => {
  const picture = await lay('image/jpeg')
  const id = await send('15005550406', 'image', picture), more = await send('15005550406', 'image', await lay('image/jpeg'))
  await Promise.all([settled(id, 'stored'), settled(more, 'stored')])
  const made = await parley.post(`/media/${id}/link`, { valid_s: 60 })
  assert.equal(made.status, 200)
  assert.ok(Math.abs(Date.parse(made.body.expires_at) - Date.now() - 60000) < 10000)
  const opened = await raw(made.body.link)
  assert.equal(opened.status, 200)
  assert.ok(opened.body.equals(picture.content))
  const url = new URL(made.body.link, parley.url), twist = (name, value) => {
    const other = new URL(url)
    other.searchParams.set(name, value)
    return other.pathname + other.search
  }
  assert.equal((await raw(twist('expires', '99999999999'))).status, 403)
  assert.equal((await raw(twist('company', '0b8e55a2-0000-4000-8000-0000000000aa'))).status, 403)
  assert.equal((await raw(twist('signature', '0'.repeat(64)))).status, 403)
  assert.equal((await raw(made.body.link.replace(id, more))).status, 403)
  const past = Math.floor(Date.now() / 1000) - 1, company = url.searchParams.get('company')
  const signature = createHmac('sha256', LINK_KEY).update(`media\n${company}\n${id}\n${past}`).digest('hex')
  assert.equal((await raw(`/media/${id}?company=${company}&expires=${past}&signature=${signature}`)).status, 403)
  assert.equal((await parley.post(`/media/${id}/link`, { valid_s: 5 })).status, 422)
  assert.equal((await parley.post('/media/0b8e55a2-0000-4000-8000-0000000000ab/link')).status, 404)
})

test('a URL that is over is asked for again', async () => {
  const picture = await lay('image/jpeg', { expired: 2 })
  await settled(await send('15005550407', 'image', picture), 'stored')
  const { looked, loaded } = await asked(picture.id)
  assert.deepEqual({ looked, loaded }, { looked: 3, loaded: 1 })
})

test('what no retry heals is an outcome, told in the message and by an event, and asked for once', async () => {
  const MB = 1024 * 1024
  const cases = [
    ['gone', 'image', await lay('image/jpeg', { code: 100 })],
    ['too_large', 'document', await lay('application/pdf', { bytes: 20 * MB + 1 })], // as told
    ['too_large', 'document', await lay('application/pdf', { bytes: 20 * MB + 1, told_bytes: 10 })], // as it comes
    ['too_large', 'image', await lay('image/jpeg', { bytes: 5 * MB + 1, told_bytes: 0 })],
    ['forbidden_type', 'document', await lay('application/x-msdownload')],
    ['forbidden_type', 'image', await lay('application/pdf')],
    ['wrong_type', 'image', await lay('image/png', { head: Buffer.from('<html><script>') })],
    ['wrong_hash', 'image', await lay('image/jpeg', { sha256: '0'.repeat(64) })],
  ]
  for (const [reason, kind, file] of cases) {
    const id = await send('15005550408', kind, file)
    assert.equal((await settled(id, 'failed')).reason, reason, file.mime_type)
    assert.equal((await raw(`/media/${id}`)).status, 404)
    assert.ok((await asked(file.id)).looked === 1)
    await until('the job to be over', async () => {
      const jobs = (await parley.get('/jobs?task=media.fetch&limit=1')).body.items
      return jobs[0].status === 'completed' && jobs[0].result.reason === reason
    })
  }
  const exact = await lay('application/pdf', { bytes: 20 * MB })
  assert.equal((await settled(await send('15005550408', 'document', exact), 'stored')).bytes, 20 * MB)
  assert.deepEqual(readdirSync(join(files, 'incoming')), [])
})

test('the token never goes to a host that is not the vendor\'s, and its job waits for a person', async () => {
  const file = await lay('image/jpeg', { url: `${parley.url}/stats` })
  const id = await send('15005550409', 'image', file)
  await settled(id, 'failed')
  await until('the dead letter', async () => (await parley.get('/jobs?task=media.fetch&status=dlq')).body.items.some(job => job.task_params.message_id === id))
})

test('a vendor that is unwell is asked again; one that stays so is told as unreachable, and a replay heals it', async () => {
  const twice = await lay('image/jpeg', { status: 503, count: 2 })
  await settled(await send('15005550410', 'image', twice), 'stored')
  assert.equal((await asked(twice.id)).loaded, 3)
  const never = await lay('image/jpeg', { code: 131016 })
  const id = await send('15005550410', 'image', never)
  assert.equal((await settled(id, 'failed')).reason, 'unreachable')
  const dead = () => parley.get('/jobs?task=media.fetch&status=dlq').then(answer => answer.body.items.filter(job => job.task_params.message_id === id))
  await until('the dead letter', async () => (await dead()).length === 1)
  await parley.sim('/_sim/media', { id: never.id, mime_type: 'image/jpeg', head: HEADS['image/jpeg'].toString('base64') })
  assert.equal((await parley.post('/admin/dlq/replay', { max_jobs: 100 })).status, 200)
  await settled(id, 'stored')
})

/** What the model was asked with, of the calls that hold these words. */
const asks = async words => (await parley.sim('/_sim/llm')).filter(call => JSON.stringify(call.messages ?? '').includes(words))

test('the picture itself reaches a model that sees, once it is there; its bytes are not kept with the turn', async () => {
  const picture = await lay('image/jpeg', { bytes: 2000, status: 503, count: 1 })
  const id = await send('15005550420', 'image', picture, { caption: 'is this mould?' })
  await parley.sentCount(1, '15005550420')
  const [call] = await asks('is this mould?')
  assert.ok(JSON.stringify(call.messages).includes(`data:image/jpeg;base64,${picture.content.toString('base64')}`))
  assert.equal(JSON.stringify((await parley.get(`/messages/${id}/why`)).body.prompt).includes('base64'), false)
})

test('a file that does not come in time goes as its note, and the answer does not wait for it', async () => {
  const picture = await lay('image/jpeg', { bytes: 2000, half: 1000 })
  const id = await send('15005550421', 'image', picture, { caption: 'the second roof' })
  await parley.sentCount(1, '15005550421')
  assert.equal(await fileOf(id), undefined)
  const [call] = await asks('the second roof')
  assert.ok(JSON.stringify(call.messages).includes('[image: the second roof]'))
  assert.equal(JSON.stringify(call.messages).includes('base64'), false)
})

test('each provider gets what it takes: Gemini the voice, Claude the picture, a model that is blind the note alone', async () => {
  const company = await parley.postgres.value('select company_id from crm.channel_accounts where account = $1', [PHONE_ID])
  const model = (provider, name) => parley.postgres.rows(`insert into crm.ai_models (id, company_id, provider, model, created_at, updated_at)
    values (gen_random_uuid(), '${company}', '${provider}', '${name}', now(), now()) on conflict (company_id, stage_id, position)
    do update set provider = excluded.provider, model = excluded.model returning id`)
  const cases = [
    ['gemini', 'gemini-2.0-flash', 'audio', 'audio/ogg', content => `"inlineData":{"mimeType":"audio/ogg","data":"${content}"}`],
    ['anthropic', 'claude-sonnet-4-20250514', 'image', 'image/png', content => `"source":{"type":"base64","media_type":"image/png","data":"${content}"}`],
    ['openai', 'gpt-3.5-turbo', 'image', 'image/png', () => '[image]'],
  ]
  for (const [n, [provider, name, kind, type, expected]] of cases.entries()) {
    await model(provider, name)
    const file = await lay(type, { bytes: 300 }), phone = `1500555043${n}`
    const before = (await parley.sim('/_sim/llm')).length
    await send(phone, kind, file)
    await parley.sentCount(1, phone)
    const call = (await parley.sim('/_sim/llm'))[before], asked = JSON.stringify(call.messages)
    assert.equal(call.provider, provider)
    assert.ok(asked.includes(expected(file.content.toString('base64'))), asked.slice(0, 500))
    assert.equal(asked.includes('base64') || asked.includes('inlineData'), provider !== 'openai')
  }
  await parley.postgres.rows(`delete from crm.ai_models where company_id = '${company}' returning id`)
})

test('media is killed in the middle of a download: the file is fetched whole, once, and nothing is left behind', async () => {
  const service = parley.service('media')
  const film = await lay('audio/ogg', { bytes: 400000, half: 1 })
  const id = await send('15005550411', 'audio', film)
  await until('half of it to have come', () => {
    const begun = readdirSync(join(files, 'incoming')).find(name => name.startsWith(id))
    return begun && readFileSync(join(files, 'incoming', begun)).length >= 190000
  })
  service.signal('SIGKILL')
  await service.child.ended
  await service.start()
  const file = await settled(id, 'stored', 60000)
  assert.ok((await raw(file.link)).body.equals(film.content))
  assert.equal(await parley.postgres.value(`select count(*) from crm.events where type = 'message.media_stored' and payload ->> 'message_id' = '${id}'`), 1)
  assert.ok(existsSync(join(files, 'incoming'))) // the torn piece goes after an hour
})

test('a message that repeats fetches its file once', async () => {
  const picture = await lay('image/jpeg')
  const id = await send('15005550412', 'image', picture, {}, PHONE_ID, 'wamid.media.again')
  await settled(id, 'stored')
  assert.equal(await send('15005550412', 'image', picture, {}, PHONE_ID, 'wamid.media.again'), id)
  await send('15005550412', 'image', await lay('image/jpeg')) // behind it in the stream
  assert.equal(await asked(picture.id).then(file => file.loaded), 1)
  assert.equal(await parley.postgres.value(`select count(*) from jobs.jobs where idempotency_key = 'media_fetch_${id}'`), 1)
})

test('a file is uploaded, kept, and sent to a customer by a signed link of our own; what is none is refused and leaves nothing', async () => {
  const upload = async (content, type, query = '', headers = {}) => {
    const response = await fetch(`${parley.url}/media${query}`, { method: 'POST', body: content, headers: { 'content-type': type, ...headers } })
    return { status: response.status, body: await response.json() }
  }
  const paper = Buffer.concat([HEADS['application/pdf'], Buffer.alloc(2_000_000, 'p')])
  const made = await upload(paper, 'application/pdf', '?filename=offer.pdf', { 'idempotency-key': 'offer' })
  assert.deepEqual([made.status, made.body.kind, made.body.bytes, made.body.sha256], [201, 'document', paper.length, sha256(paper)])
  assert.equal((await upload(paper, 'application/pdf', '', { 'idempotency-key': 'offer' })).body.id, made.body.id)
  assert.equal((await upload(HEADS['application/pdf'], 'application/pdf', '', { 'idempotency-key': 'offer' })).body.code, 'idempotency_mismatch')
  assert.ok((await raw(`/media/${made.body.id}`)).body.equals(paper))
  for (const [content, type, status] of [[paper, 'text/html', 415], ['<html>', 'image/png', 415], [Buffer.alloc(6 * 1024 * 1024, 1), 'image/jpeg', 413], [Buffer.alloc(21 * 1024 * 1024), 'application/pdf', 413], ['', 'image/png', 422]])
    assert.equal((await upload(content, type)).status, status, type)
  assert.deepEqual(readdirSync(join(files, 'incoming')).filter(name => !name.includes('.')), [])
  const phone = '15005550450', say = media => parley.post('/api/v1/operator-message', { phone, media })
  await send(phone, 'image', await lay('image/png'))
  await parley.sentCount(1, phone)
  assert.equal((await say({ type: 'document', id: '0b8e55a2-0000-4000-8000-0000000000ac' })).body.code, 'unknown_file')
  assert.equal((await say({ type: 'document', id: made.body.id, caption: 'Our offer', filename: 'offer.pdf' })).status, 200)
  const sent = (await parley.sentCount(2, phone)).at(-1)
  assert.equal(sent.type, 'document')
})

const remove = id => parley.send('DELETE', `/media/${id}`)
/** What was deleted is due, and the tidying that every start of media begins with is over. */
const removals = async (services = [parley.service('media')]) => {
  await parley.postgres.rows("update crm.media_removals set due_at = now() - interval '1 minute'")
  for (const service of services) { await service.stop(); await service.start() }
  await until('the contents to be gone', async () => await parley.postgres.value('select count(*)::int from crm.media_removals') === 0)
}
const aged = () => { for (const name of readdirSync(files, { recursive: true })) if (/[0-9a-f]{64}$/.test(name)) utimesSync(join(files, name), 1, 1) } // nothing of it was written lately

test('a file is deleted by its message: nobody has it from then on, and its content goes with the last one that is the same', async () => {
  const picture = await lay('image/png', { tag: 'twice the same' }), other = await lay('image/png', { tag: 'twice the same' })
  const [one, two] = [await send('15005550450', 'image', picture), await send('15005550451', 'image', other)]
  const file = await settled(one, 'stored')
  await settled(two, 'stored')
  const there = () => readdirSync(files, { recursive: true }).filter(name => name.includes(file.sha256)).length
  const { link } = (await parley.post(`/media/${one}/link`, {})).body
  assert.equal((await raw(link)).status, 200)
  assert.deepEqual((({ status, body }) => [status, body])(await remove(one)), [200, { id: one, state: 'deleted' }])
  assert.deepEqual([(await raw(`/media/${one}`)).status, (await raw(link)).status, (await fileOf(one)).state, (await fileOf(one)).sha256], [404, 404, 'deleted', undefined])
  assert.equal((await remove(one)).status, 200) // again
  aged()
  await removals()
  assert.deepEqual([there(), (await raw(`/media/${two}`)).status], [1, 200])

  await parley.post('/admin/dlq/replay', {})
  assert.equal((await remove(two)).status, 200)
  const again = await send('15005550452', 'image', await lay('image/png', { tag: 'twice the same' })) // comes in again before it went
  await settled(again, 'stored')
  await removals()
  assert.deepEqual([there(), (await raw(`/media/${again}`)).status], [1, 200])
  await remove(again)
  aged()
  await removals()
  assert.equal(there(), 0)

  const uploaded = (await (await fetch(`${parley.url}/media`, { method: 'POST', headers: { 'content-type': 'application/pdf' }, body: '%PDF-1.7 to be deleted' })).json()).id
  assert.equal((await remove(uploaded)).status, 200)
  for (const id of [uploaded, '00000000-0000-7000-8000-000000000000', 'x']) assert.deepEqual((({ status, body }) => [status, body.code])(await remove(id)), [404, 'unknown_media'])
  const events = await parley.postgres.rows("select type, coalesce(payload ->> 'message_id', payload ->> 'media_id') as id, lead_id is null as nobodys from crm.events where type like '%media%deleted' order by n")
  assert.deepEqual(events.map(({ type, id, nobodys }) => [type, id, nobodys]), [...[one, two, again].map(id => ['message.media_deleted', id, false]), ['media.deleted', uploaded, true]])
})

test('a company says how long its answers wait for a file', async () => {
  const set = media_wait_ms => parley.send('PATCH', '/company', { media_wait_ms })
  assert.equal((await set(60001)).status, 422)
  assert.equal((await set(0)).body.media_wait_ms, 0) // words only
  const picture = await lay('image/jpeg', { bytes: 500 })
  await settled(await send('15005550453', 'image', picture, { caption: 'unseen roof' }), 'stored')
  await parley.sentCount(1, '15005550453')
  assert.equal(JSON.stringify((await asks('unseen roof'))[0].messages).includes('base64'), false)
  assert.equal((await set(20000)).status, 200)
  const late = await lay('image/jpeg', { bytes: 500, status: 503, count: 3 }) // longer than the installation waits is possible, too
  await send('15005550454', 'image', late, { caption: 'late roof' })
  await parley.sentCount(1, '15005550454')
  assert.ok(JSON.stringify((await asks('late roof'))[0].messages).includes(late.content.toString('base64')))
  await parley.postgres.rows('update crm.companies set media_wait_ms = null')
})

test('with a bucket files are kept there alone, and a reader is sent there by a URL that is signed for a while', async () => {
  const bucket = { MEDIA_S3_ENDPOINT: parley.simulatorUrl, MEDIA_S3_BUCKET: 'sim-bucket', MEDIA_S3_KEY: 'sim-key', MEDIA_S3_SECRET: 'sim-secret' }
  const port = await freePort()
  await parley.service('media').end()
  await parley.service('ai-engage').end()
  const services = [...['media', 'ai-engage'].map(name => new Service(name, { ...parley.env, ...bucket })), new Service('gateway', { ...parley.env, ...bucket, HTTP_PORT: String(port) })]
  try {
    await Promise.all(services.map(service => service.start()))
    const paper = await lay('application/pdf', { bytes: 70000 })
    const file = await settled(await send('15005550440', 'document', paper, { filename: 'bill.pdf' }), 'stored')
    const answer = await fetch(`http://127.0.0.1:${port}${file.link}`, { redirect: 'manual' })
    assert.equal(answer.status, 302)
    const url = answer.headers.get('location'), there = await fetch(url)
    assert.equal(there.status, 200)
    assert.equal(there.headers.get('content-type'), 'application/pdf')
    assert.ok(Buffer.from(await there.arrayBuffer()).equals(paper.content))
    assert.equal((await fetch(url.replace('X-Amz-Expires=300', 'X-Amz-Expires=900'))).status, 403)
    assert.equal(readdirSync(files, { recursive: true }).filter(name => name.includes(file.sha256)).length, 0)

    const picture = await lay('image/jpeg', { bytes: 3000 })
    const shown = await send('15005550441', 'image', picture, { caption: 'from a bucket' })
    await parley.sentCount(1, '15005550441')
    const [call] = await asks('from a bucket')
    assert.ok(JSON.stringify(call.messages).includes(`data:image/jpeg;base64,${picture.content.toString('base64')}`))
    const link = (await fetch(`http://127.0.0.1:${port}/media/${shown}`, { redirect: 'manual' })).headers.get('location')
    assert.equal((await fetch(link)).status, 200)
    assert.equal((await remove(shown)).status, 200)
    aged()
    await removals([services[0]])
    assert.equal((await fetch(link)).status, 404)
  } finally {
    await Promise.all(services.map(service => service.end()))
    await Promise.all(['media', 'ai-engage'].map(name => parley.service(name).start()))
  }
})
