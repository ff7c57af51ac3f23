import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { Store, message } from './store.mjs'
import { decode } from '../support/bus.mjs'
import { until } from '../support/process.mjs'

let store
before(async () => { store = await Store.start({ copies: 2 }) })
after(() => store?.stop())

const published = async () => {
  const manager = await store.bus.connection.jetstreamManager()
  return manager
}

/** Everything in EVENTS, in the stream's order: [{id, type, event, headers}]. */
async function stream() {
  const manager = await published()
  const { state } = await manager.streams.info('EVENTS')
  const all = []
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const stored = await manager.streams.getMessage('EVENTS', { seq })
    const event = decode('Event', stored.data)
    all.push({ id: event.id, type: event.type, event, subject: stored.subject, headers: stored.header })
  }
  return all
}
const logged = () => store.rows('select id, type from crm.events order by n')
const first = list => list.filter((event, i) => list.findIndex(other => other.id === event.id) === i)

test('events come out in the order of the log, as CloudEvents, with the ids that find them', async () => {
  const { lead_id, company_id } = await store.recordOne(message({ phone: '+15005550301', correlation_id: 'chain-1' }))
  await until('both events', async () => (await stream()).filter(event => event.event.lead_id === lead_id).length === 2)
  const events = (await stream()).filter(event => event.event.lead_id === lead_id)
  assert.deepEqual(events.map(event => event.type), ['lead.created', 'message.received'])
  const { headers, subject, event } = events[1]
  assert.equal(subject, `events.${company_id}.message.received`)
  assert.deepEqual(['ce-type', 'ce-id', 'Parley-Company', 'Parley-Correlation', 'Parley-Lead'].map(name => headers.get(name)),
    ['message.received', event.id, company_id, 'chain-1', lead_id])
  assert.equal(JSON.parse(event.payload.text).text, 'Hello')
})

test('events leave at once, not with the next second', async () => {
  const lags = []
  for (let n = 0; n < 10; n++) {
    const sub = store.bus.connection.subscribe('events.>', { max: 1, timeout: 5000 })
    const start = performance.now()
    await store.recordOne(message({ phone: '+15005550302', wants_answer: false }))
    for await (const _ of sub) lags.push(performance.now() - start)
  }
  lags.sort((a, b) => a - b)
  assert.ok(lags[5] < 200, `median ${lags[5]} ms`)
})

test('an event of a long transaction is not overtaken: it comes out before later ones, or waits for it', async () => {
  const client = await store.postgres.pool.connect()
  await client.query('begin')
  const [{ company_id }] = (await client.query('select id as company_id from crm.companies limit 1')).rows
  await client.query(`insert into crm.events (id, company_id, type, entity_type, entity_id, payload, occurred_at, admitted_at)
                      values (gen_random_uuid(), $1, 'lead.updated', 'lead', gen_random_uuid(), '{}', now(), now())`, [company_id])
  const { lead_id } = await store.recordOne(message({ phone: '+15005550303' }))
  await new Promise(resolve => setTimeout(resolve, 300))
  assert.equal((await stream()).filter(event => event.event.lead_id === lead_id).length, 0)
  await client.query('commit')
  client.release()
  await until('the events', async () => (await stream()).filter(event => event.event.lead_id === lead_id).length === 2)
  assert.deepEqual((await stream()).map(event => event.id), (await logged()).map(row => row.id))
})

test('who waited for a lock comes after who held it, whichever transaction was older', async () => {
  const [older, third, younger] = [await store.postgres.pool.connect(), await store.postgres.pool.connect(), await store.postgres.pool.connect()]
  const { lead_id, company_id } = await store.recordOne(message({ phone: '+15005550304' }))
  const write = (client, type) => client.query(`insert into crm.events (id, company_id, type, entity_type, entity_id, lead_id, payload, occurred_at, admitted_at)
    values (gen_random_uuid(), $1, $2, 'lead', $3, $3, '{}', now(), now())`, [company_id, type, lead_id])
  const lock = client => client.query('select from crm.leads where id = $1 for no key update', [lead_id])
  for (const client of [older, third, younger]) { // the third, which has to do with none of it, holds the younger one back
    await client.query('begin')
    await client.query('select pg_current_xact_id()')
  }
  await lock(younger)
  const waited = lock(older).then(() => write(older, 'lead.stage_changed')).then(() => older.query('commit'))
  await until('the older one to wait', async () => await store.value(`select count(*) from pg_stat_activity where wait_event_type = 'Lock'`) > 0)
  await write(younger, 'lead.updated')
  await younger.query('commit')
  await waited
  await new Promise(resolve => setTimeout(resolve, 300))
  await third.query('commit')
  for (const client of [older, third, younger]) client.release()
  const types = await until('the events', async () => {
    const list = (await stream()).filter(event => event.event.lead_id === lead_id).map(event => event.type)
    return list.length === 4 && list
  })
  assert.deepEqual(types.slice(2), ['lead.updated', 'lead.stage_changed'])
})

test('the relay\'s copy is killed again and again under load: every event comes out, in order, under its own id', async () => {
  let going = true
  const load = (async () => {
    while (going) await store.record(Array.from({ length: 50 }, (_, i) => message({ phone: `+1500556${String(i).padStart(4, '0')}` }))).catch(() => {})
  })()
  for (let n = 0; n < 4; n++) {
    await new Promise(resolve => setTimeout(resolve, 400))
    const holder = await store.value("select holder from crm.relay where name = 'events'")
    const copy = store.copies.find(service => service.text().includes(holder)) ?? store.copies[n % 2]
    await copy.child.kill()
    await copy.start()
  }
  going = false
  await load
  const log = await logged()
  await until('all events', async () => {
    const { state } = await (await published()).streams.info('EVENTS')
    return state.messages >= log.length
  }, 30000)
  assert.deepEqual(first(await stream()).map(event => event.id), log.map(row => row.id))
})

test('a stream that vanished is filled again with the last 24 hours, twice', async () => {
  for (let n = 0; n < 2; n++) {
    await (await published()).streams.delete('EVENTS')
    await store.recordOne(message({ phone: '+15005550304' }))
    const log = await logged()
    await until('all events again', async () => {
      const { state } = await (await published()).streams.info('EVENTS')
      return state.messages >= log.length
    }, 30000, 200)
    const ids = new Set((await stream()).map(event => event.id))
    assert.ok(log.every(row => ids.has(row.id)))
  }
})
