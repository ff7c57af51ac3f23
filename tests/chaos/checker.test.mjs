// The checker is tested, too: a healthy system with a bit of everything gives no finding, and each kind of violation planted in it is found, by its rule.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { PHONE_ID, TOKEN } from '../support/parley.mjs'
import { until } from '../support/process.mjs'
import { RULES, check } from './checker/checker.mjs'
import { SOME_COMPLETED_JOB } from './checker/jobs.mjs'
import { plants } from './checker/plants.mjs'
import { told } from './checker/rule.mjs'
import { World } from './checker/world.mjs'
import { Load } from './load.mjs'
import { System } from './system.mjs'

let system, load, at
const { rowPlants, worldPlants, streamPlants } = plants
const people = { a: '15011000001', b: '15011000002', c: '15011000003', unknown: '15011000004', dead: ['15011000005', '15011000006'], other: '15011000007', stop: '15011000008', handed: '15011000009', picture: '15011000010', noted: '15011000011', bumped: '15011000012', unsafe: '15011000013', spent: '15011000014' }

const statusOf = phone => system.postgres.value(`select m.status from crm.messages m join crm.leads l on l.id = m.lead_id where l.phone_number = $1 and m.direction = 'outbound'
  order by m.position desc limit 1`, [`+${phone}`])
const answered = (phone, status = 'read') => until(`the answer to ${phone} to be ${status}`, async () => await statusOf(phone) === status)

/** A bit of everything. */
async function live(otherCompany) {
  for (const what of ['post', 'webhook', 'post']) {
    await load[what](people.a)
    await answered(people.a)
    await system.drain(load.ledger)
  }
  for (const phone of [people.b, people.c]) await load.post(phone)
  for (const phone of [people.b, people.c]) await answered(phone)
  for (const what of ['takeover', 'webhook', 'webhook', 'operator', 'post']) await load[what](people.b)
  for (const what of ['takeover', 'handback', 'post']) await load[what](people.c)
  await load.post(people.stop)
  await system.parley.inbound(people.stop, 'STOP')
  await system.parley.send('PATCH', '/company', { hand_over: { keywords: ['human please'] } })
  await system.parley.inbound(people.handed, 'a human, please')
  await answered(people.handed)
  await system.parley.inbound(people.other, 'hello other company', { company_id: otherCompany })
  await answered(people.other, 'held')
  await system.drain(load.ledger)
  await system.parley.faults({ graph: { accept_then_cut: true, count: 1 }, webhook: { drop_receipts: true } })
  await load.post(people.unknown)
  await answered(people.unknown, 'held')
  await system.parley.faults({ graph: { code: 190 }, webhook: null })
  for (const phone of people.dead) await load.post(phone)
  for (const phone of people.dead) await answered(phone, 'failed')
  await system.parley.faults({ graph: null })
}

/** What lies beside a plain answer: files, documents, notes, a summary, a bump-up, a refused draft, a budget. */
async function liveFeatures() {
  const { parley, postgres } = system
  await parley.post('/kb/documents', { title: 'Prices', text: 'A haircut costs 20 euros. A shave costs 10.' })
  await load.picture(people.picture)
  await answered(people.picture)
  await until('the picture', () => postgres.value('select count(*) from crm.media'))
  const stage = await postgres.value(`select id from crm.stages where name = 'New'`)
  await parley.send('PATCH', `/stages/${stage}`, { ai_config: { collect: ['city'], moves: [{ to: 'Qualified', when: 'they want an offer' }] } })
  const action = { reason: '', urgency: 'low', stage: '', name: '', value: '' }
  await parley.faults({ llm: { provider: 'openai', count: 1, actions: JSON.stringify([{ ...action, type: 'note', name: 'need', value: 'a haircut', quote: 'a haircut' },
    { ...action, type: 'move_stage', stage: 'Qualified', reason: 'wants it', quote: 'a haircut' }]) } })
  await parley.inbound(people.noted, 'I want a haircut')
  await answered(people.noted)

  await load.post(people.bumped)
  await answered(people.bumped)
  const lead = await load.lead(people.bumped)
  await parley.post(`/leads/${lead}/consents`, { scope: 'marketing', granted: true, source: 'sign-up form' })
  await postgres.rows(`update crm.companies set quiet_from = '00:00', quiet_to = '24:00'`)
  await parley.post(`/leads/${lead}/summary`)
  await system.drain(load.ledger)
  await parley.faults({ llm: { count: 1, reply: `${Array.from({ length: 34 }, (_, n) => `word${n}`).join(' ')} please?` } })
  await parley.post(`/leads/${lead}/bumpup`)
  await system.drain(load.ledger)

  load.ledger.unsafe.push('sk-plughplughplughplugh1234')
  await parley.faults({ llm: { provider: 'openai', count: 2, reply: `My key is ${load.ledger.unsafe[0]}` } })
  await load.post(people.unsafe)
  await answered(people.unsafe)
  await parley.send('PATCH', '/company', { budgets: { conversation: { tokens_per_day: 1 } } })
  for (let n = 0; n < 2; n++) {
    await load.post(people.spent)
    await system.drain(load.ledger)
  }
}

async function person(phone) {
  const rows = await system.postgres.rows(`select m.id, m.conversation_id, m.lead_id, m.direction, m.sender_type, m.company_id from crm.messages m join crm.leads l on l.id = m.lead_id
    where l.phone_number = $1 order by m.position`, [`+${phone}`])
  const turns = await system.postgres.rows(`select t.id from crm.turns t where t.conversation_id = $1 and state = 'committed' order by covered_position`, [rows[0].conversation_id])
  return { phone, lead: rows[0].lead_id, conversation: rows[0].conversation_id, company: rows[0].company_id, turns: turns.map(({ id }) => id),
    inbound: rows.filter(row => row.direction === 'inbound').map(({ id }) => id), replies: rows.filter(row => row.sender_type === 'ai').map(({ id }) => id) }
}

/** An insert of a row like another one; id: of that one, a literal or an expression. */
async function copier() {
  const columns = {}
  for (const table of ['messages', 'events'])
    columns[table] = (await system.postgres.rows(`select column_name as name from information_schema.columns where table_schema = 'crm' and table_name = $1
      and is_generated = 'NEVER' and is_identity = 'NO' and not (table_name = 'events' and column_name = 'xid')`, [table])).map(({ name }) => name)
  return (table, id, changed) => {
    const value = name => name in changed ? (changed[name] === null ? 'null' : `'${changed[name]}'`) : name
    return `insert into crm.${table} (${columns[table]}) select ${columns[table].map(value)} from crm.${table} where id = ${id.startsWith('(') ? id : `'${id}'`}`
  }
}

before(async () => {
  system = await System.start({ replicas: 1 })
  load = new Load(system.parley, { seed: 1, prefix: 'the checker\'s', everyMs: 0 })
  const otherCompany = randomUUID()
  await live(otherCompany)
  await liveFeatures()
  await system.drain(load.ledger)
  await Promise.all(system.parley.services.map(service => service.end())) // what is planted now nobody mends
  const dead = (await system.postgres.rows(`select id from jobs.unfinished where status = 'dlq' order by id`)).map(({ id }) => id)
  const job = await system.postgres.value(SOME_COMPLETED_JOB)
  at = { a: await person(people.a), b: await person(people.b), c: await person(people.c), handed: await person(people.handed), picture: await person(people.picture), noted: await person(people.noted),
    bumped: await person(people.bumped), spent: await person(people.spent), unsafe: load.ledger.unsafe[0], other: await person(people.other), unknown: (await person(people.unknown)).replies[0],
    dead, job, otherCompany, bus: system.bus, graph: system.parley.simulatorUrl, phoneId: PHONE_ID, token: TOKEN, copy: await copier() }
  at.bumped.bumpup = await system.postgres.value('select id from crm.bumpups')
  assert.equal(dead.length, 2)
  await system.postgres.pool.end()
})
after(() => system?.stop())

const found = async (more = {}) => check({ postgresUrl: system.postgres.url, bus: system.bus, sent: await system.parley.sent(), ledger: load.ledger, inOrder: true, unknownHoldMs: 3000,
  filesFolder: system.parley.env.MEDIA_DIR, ...more })

/** The plant's own rule must speak; beside it only those that are named. */
function judge(plant, findings) {
  const rules = new Set(findings.map(({ rule }) => rule))
  assert.ok(rules.has(plant.rule), `not found; found: ${told(findings) || 'nothing'}`)
  rules.delete(plant.rule)
  assert.deepEqual([...rules].filter(rule => !plant.also?.includes(rule)), [], told(findings))
}

test('a healthy system gives no finding', async () => assert.equal(told(await found()), ''))

test('every rule has its planted violation', () => {
  const planted = new Set([...rowPlants, ...worldPlants, ...streamPlants].map(({ rule }) => rule))
  assert.deepEqual(RULES.map(({ name }) => name).filter(name => !planted.has(name)), [])
})

for (const [n, plant] of rowPlants.entries())
  test(`planted in the rows, found: ${plant.rule}`, async () => {
    const name = `planted_${n}`, url = system.postgres.url.replace(/postgres$/, name)
    const run = async (where, statement) => {
      const client = new pg.Client(where)
      await client.connect()
      await client.query(statement).finally(() => client.end())
    }
    await run(system.postgres.url.replace(/postgres$/, 'template1'), `create database ${name} template postgres`)
    await run(url, plant.sql(at))
    judge(plant, await found({ postgresUrl: url }))
  })

for (const plant of worldPlants)
  test(`planted at the provider, found: ${plant.rule}`, async () => {
    const before = await system.parley.sent()
    const response = await plant.sim(at)
    assert.equal(response.status, 200, await response.text())
    const sent = (await system.parley.sent()).slice(before.length)
    at.healthy ??= before
    judge(plant, await found({ sent: [...at.healthy, ...sent] }))
  })

for (const plant of streamPlants)
  test(`planted in the streams, found: ${plant.rule}`, async () => {
    const sent = at.healthy ?? await system.parley.sent(), before = new Set((await found({ sent })).map(({ text }) => text))
    const world = new World()
    Object.assign(world, { drained: false })
    await world.readStreams(system.bus)
    const pick = wanted => [...world.told.values()].find(({ event }) => wanted(event))
    await plant.bus({ ...at, sequence: wanted => pick(wanted).sequence, event: wanted => pick(wanted).event })
    judge(plant, (await found({ sent })).filter(({ text }) => !before.has(text)))
  })
