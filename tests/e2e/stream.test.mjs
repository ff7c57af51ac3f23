// GET /events/stream: nothing is missed and nothing comes twice, whatever is cut, killed or slow.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Parley } from '../support/parley.mjs'
import { EventReader } from '../support/sse.mjs'
import { build, pause, until } from '../support/process.mjs'

const CUTS = 100, NIL = '00000000-0000-0000-0000-000000000000'
let parley, root, company, readers = []
const as = key => ({ authorization: `Bearer ${key}` })
const makeKey = (...args) => execFileSync(join(build, 'bin/gateway'), ['--make-key', ...args], { env: { ...process.env, ...parley.env }, encoding: 'utf8' }).trim()
const known = key => until('the key to be known', async () => (await parley.get('/queue/stats', as(key))).status !== 401)
const reader = (query = '', { key = root, ...more } = {}) => {
  readers.push(new EventReader(`${parley.url}/events/stream${query}`, { headers: as(key), ...more }))
  return readers.at(-1)
}
const write = (phone, text, key = root) => parley.post('/inbound-message', { phone_number: phone, contact_name: 'Test User', message_text: text }, as(key))
const logged = (where = 'true', values = []) => parley.postgres.rows(`select id, type, lead_id from crm.events where ${where} order by n`, values)
const isMessage = event => event.type.startsWith('message.')
const answered = phone => parley.sentCount(1, phone.replace('+', ''), 60000)

before(async () => {
  parley = await Parley.start({ env: { PARLEY_AUTH: 'on', HTTP_STREAMS: '20', HTTP_STREAM_HEARTBEAT_MS: '200' } })
  root = makeKey('default')
  await known(root)
  company = (await parley.post('/companies', { name: 'Others' }, as(root))).body
})
after(async () => {
  for (const one of readers) one.cut()
  await parley?.stop()
})

test('a conversation comes as it happens, in its order, as documents, to those who asked for it', async () => {
  const all = await reader().open(), some = await reader('?type=message.*,lead.created').open()
  await write('+15007000001', 'hello stream')
  await until('message.read', () => all.types().includes('message.read'))
  const order = ['lead.created', 'message.received', 'turn.committed', 'message.sent', 'message.delivered', 'message.read']
  assert.deepEqual(all.types().filter(type => order.includes(type)), order)
  const received = all.events.find(event => event.type === 'message.received')
  assert.deepEqual([received.data.id, received.data.type, received.data.payload.text, 'number' in received.data], [received.id, 'message.received', 'hello stream', false])
  assert.equal(received.data.lead_id, received.data.entity_id)
  await until('the same there', () => some.types().includes('message.read'))
  assert.deepEqual(some.types(), all.types().filter(type => /^message\.|^lead\.created$/.test(type)))
  const one = await reader(`?lead_id=${received.data.lead_id}&after=${NIL}`).open()
  await until('all of one lead, from the first', () => one.types().includes('message.read'))
  await write('+15007000002', 'somebody else')
  await answered('+15007000002')
  await until('the other one on the open stream', () => all.types().filter(type => type === 'message.sent').length === 2)
  assert.deepEqual(one.ids(), (await logged('lead_id = $1', [received.data.lead_id])).map(event => event.id))
  for (const each of [all, some, one]) each.cut()
})

test('a stream begins now, or after the event that is named; who is cut before an event came resumes where he began', async () => {
  const fresh = await reader().open()
  assert.ok(fresh.lastId, 'no place to resume from')
  fresh.cut()
  await write('+15007000003', 'while nobody listened')
  await answered('+15007000003')
  await fresh.open()
  await until('what was missed', () => fresh.types().includes('message.sent'))
  const from = fresh.types().indexOf('lead.created')
  assert.ok(from >= 0 && fresh.types()[from + 1] === 'message.received')
  const middle = fresh.events[from + 1].id
  const later = await reader(`?after=${middle}`).open()
  await until('the rest', () => later.types().includes('message.sent'))
  assert.equal(later.ids()[0], fresh.ids()[from + 2])
  for (const each of [fresh, later]) each.cut()
})

test('a place that is unknown, foreign or too old, and a filter of nothing, are refused by name', async () => {
  const refused = async (query, more) => { try { await reader(query, more).open() } catch (error) { return [error.status, error.body?.code] } }
  const [{ id }] = await logged()
  assert.deepEqual(await refused('?after=0191f0a0-0000-7000-8000-000000000000'), [422, 'unknown_event'])
  assert.deepEqual(await refused('', { after: 'no-uuid' }), [422, 'unknown_event'])
  assert.deepEqual(await refused('?after=no-uuid'), [422, 'bad_value'])
  assert.deepEqual(await refused(`?company_id=${company.id}`, { after: id }), [422, 'unknown_event'])
  assert.deepEqual(await refused('?type=message.eaten'), [422, 'bad_value'])
  assert.deepEqual(await refused('?surprise=1'), [422, 'unknown_parameter'])
  assert.deepEqual(await refused('', { key: 'ak_live_aaaaaaaa_b' }), [401, 'unauthorised'])
  await parley.postgres.rows("update crm.events set admitted_at = admitted_at - interval '8 days' where id = $1", [id])
  assert.deepEqual(await refused('', { after: id }), [410, 'event_too_old'])
  await parley.postgres.rows("update crm.events set admitted_at = admitted_at + interval '8 days' where id = $1", [id])
})

test("another company's stream shows nothing of ours, and ends when its key is revoked", async () => {
  const key = makeKey(company.id)
  await known(key)
  const theirs = await reader('', { key }).open(), ours = await reader().open()
  await write('+15007000004', 'ours')
  await answered('+15007000004')
  await write('+15007000005', 'theirs', key)
  await until('their own', () => theirs.types().includes('message.received'))
  assert.ok(theirs.events.every(event => event.type !== 'message.received' || event.data.payload.text === 'theirs'))
  assert.deepEqual(theirs.ids().filter(id => ours.ids().includes(id)), [])
  const leads = new Set((await logged('company_id = $1', [company.id])).map(event => event.id))
  assert.ok(theirs.ids().every(id => leads.has(id)))
  assert.equal((await parley.send('DELETE', `/api-keys/${key.split("_")[2]}?company_id=${company.id}`, undefined, as(root))).status, 200)
  await theirs.over
  await until('our heartbeat', () => ours.comments > 0)
  ours.cut()
})

test('as many streams as may be open hold no thread of the server; one more is told to come later', async () => {
  const open = []
  for (let i = 0; i < 20; i++) open.push(await reader().open())
  await assert.rejects(reader().open(), error => error.status === 503 && error.body.code === 'too_many_streams' && Number(error.headers['retry-after']) > 0)
  assert.match((await parley.get('/metrics')).body, /parley_event_streams 20/)
  assert.equal((await parley.get('/leads?limit=1', as(root))).status, 200)
  for (const each of open) each.cut()
  await until('room', async () => /parley_event_streams 0\n/.test((await parley.get('/metrics')).body))
})

test(`no gap and no duplicate over ${CUTS} cut connections under load, with the store killed and the broker restarted`, async () => {
  const [{ id: after }] = await parley.postgres.rows('select id from crm.events where company_id <> $1 order by n desc limit 1', [company.id])
  const one = reader('', { after }), filtered = reader('?type=message.*', { after }), slow = connect(Number(new URL(parley.url).port), '127.0.0.1').on('error', () => {})
  slow.write(`GET /events/stream?after=${NIL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${root}\r\n\r\n`) // never read
  slow.pause()
  let writing = true, wrote = 0
  const load = (async () => {
    while (writing) {
      await Promise.all(Array.from({ length: 4 }, (_, i) => write(`+1500710${String(wrote * 4 + i).padStart(4, '0')}`, `line ${wrote}`).catch(() => {})))
      wrote++
      await pause(15)
    }
  })()
  const reopen = each => until('a stream', () => each.open(), 30000)
  for (let cut = 0; cut < CUTS; cut++) {
    await Promise.all([one, filtered].map(reopen))
    if (cut === 30) parley.service('lead-store').supervise().signal('SIGKILL')
    if (cut === 60) parley.nats.kill().then(() => parley.nats.resume())
    const had = one.events.length, opened = Date.now()
    await until('a few more events', () => one.events.length > had + cut % 7 || Date.now() - opened > 150, 30000, 3)
    one.cut()
    filtered.cut()
  }
  writing = false
  await load
  await Promise.all([one, filtered].map(reopen))
  let all // answers and receipts of what was written last come until everybody has as much; if they never do, what follows says why
  await until('all of it', async () => {
    all = await logged('n > (select n from crm.events where id = $1) and company_id <> $2', [after, company.id])
    return one.events.length === all.length && filtered.events.length === all.filter(isMessage).length
  }, 60000).catch(() => {})
  assert.ok(all.length > 500, `only ${all.length} events`)
  assert.deepEqual(one.ids(), all.map(event => event.id))
  assert.deepEqual(filtered.ids(), all.filter(isMessage).map(event => event.id))
  assert.ok(one.opened > CUTS)
  slow.destroy()
})

test('at the end every stream ends, with what was on its way', async () => {
  const last = await reader().open()
  await write('+15007000006', 'the last one')
  await until('it', () => last.types().includes('message.received'))
  await parley.service('gateway').stop()
  await last.over
  await pause(0)
})
