// Plans are made once per session, here while the tables are all but empty: they must be good when the tables are not. PostgreSQL's own auto_explain tells what
// each statement touched.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Nats, Postgres } from '../support/servers.mjs'
import { Service, PHONE_ID, TOKEN } from '../support/parley.mjs'
import { Bus } from '../support/bus.mjs'
import { Store, message, receipt } from './store.mjs'
import { until } from '../support/process.mjs'

const LEADS = 3000, BATCH = 50
const ROWS_PER_ITEM = 12 // that a step of a plan may look at for each item of a batch: a few messages of one conversation, never all conversations

let store
before(async () => {
  const [postgres, nats] = await Promise.all([new Postgres().start(), new Nats().start()])
  for (const [name, value] of [['session_preload_libraries', 'auto_explain'], ['auto_explain.log_min_duration', '0'], ['auto_explain.log_analyze', 'on'],
    ['auto_explain.log_timing', 'off'], ['auto_explain.log_format', 'json']])
    await postgres.rows(`alter database postgres set ${name} = '${value}'`)
  const env = { DATABASE_URL: postgres.url, NATS_URL: nats.url, WHATSAPP_CLOUD_PHONE_ID: PHONE_ID, WHATSAPP_CLOUD_TOKEN: TOKEN, HAND_OVER_DEADLINE_MS: '3600000', LOOP_QUICK_MAX: '0', LOG_LEVEL: 'warn' }
  const copies = [await new Service('lead-store', env).start()]
  store = Object.assign(new Store(), { postgres, nats, copies, others: [], bus: await Bus.open(nats.url) })
})
after(() => store?.stop())

const texts = (from, count) => Array.from({ length: count }, (_, i) => message({ phone: `+1500${5000000 + from + i}` }))

async function call(subject, request, reply, items, company_id) {
  const answers = await store.bus.call(subject, request, reply, items, { company_id, correlation_id: 'test' }, 60000)
  for (const answer of answers) assert.equal(answer.status, 'STATUS_OK', answer.error)
  return answers.map(answer => answer.reply)
}

/** One answer to each of these messages, every step of it for all of them at once. */
async function answerAll(messages) {
  const recorded = await call('store.inbound.record', 'InboundMessage', 'InboundRecorded', messages)
  const { company_id } = recorded[0]
  const turns = messages.map((item, i) => ({ job_id: item.job_id, claim: randomUUID(), lead_id: recorded[i].lead_id, message_id: recorded[i].message_id }))
  const opened = await call('store.turn.open', 'TurnOpenRequest', 'TurnOpened', turns, company_id)
  const committed = await call('store.turn.commit', 'TurnCommitRequest', 'TurnCommitted', turns.map((turn, i) => ({
    job_id: turn.job_id, claim: turn.claim, turn_id: opened[i].turn_id, conversation_id: opened[i].context.conversation_id, text: 'An answer.', provider: 'openai', model: 'gpt-4o-mini', prompt_tokens: 10, completion_tokens: 5, covered_position: opened[i].context.owed.at(-1).position })), company_id)
  const sends = committed.map(({ message_id }) => ({ message_id, claim: randomUUID() }))
  await call('store.send.authorize', 'SendAuthorizeRequest', 'SendAuthorized', sends, company_id)
  const settles = sends.map(send => ({ ...send, outcome: 'SEND_OUTCOME_SENT', external_id: `wamid.${randomUUID()}`, at: Date.now() }))
  await call('store.send.settle', 'SendSettleRequest', 'SendSettled', settles, company_id)
  await call('store.receipt.apply', 'Receipt', 'ReceiptApplied', settles.map(({ external_id }) => receipt('delivered', { external_id })))
  await call('store.inbound.record', 'InboundMessage', 'InboundRecorded', messages) // redelivered
}

const steps = node => [node, ...(node.Plans ?? []).flatMap(steps)]
const looked = node => (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Join Filter'] ?? 0) +
  (node['Rows Removed by Index Recheck'] ?? 0)) * node['Actual Loops']

/** [statement, rows that its hungriest step looked at] since a place in the server's log. */
function explained(from) {
  const log = readFileSync(`${store.postgres.folder}/log`, 'utf8').slice(from)
  return [...log.matchAll(/ plan:\n((?:\t.*\n)+)/g)].map(match => JSON.parse(match[1]))
    .map(({ 'Query Text': sql, Plan: plan }) => [sql, Math.max(...steps(plan).map(looked))])
}

test('no step of a message looks at more rows than belong to it, whatever the tables were when its plan was made', async () => {
  for (let i = 0; i < 6; i++) await answerAll(texts(0, 1)) // plans, on each of the threads
  await store.rows(`update crm.companies set budgets = '{"conversation":{"tokens_per_day":1000000},"lead":{"tokens_per_day":1000000},"company":{"tokens_per_month":100000000}}'`)
  for (let from = 0; from < LEADS; from += 200) await call('store.inbound.record', 'InboundMessage', 'InboundRecorded', texts(from, 200))
  const start = readFileSync(`${store.postgres.folder}/log`, 'utf8').length
  for (let from = 0; from < 4 * BATCH; from += BATCH) await answerAll(texts(1000 + from, BATCH))
  const statements = explained(start).filter(([sql]) => /crm\.(messages|conversations|leads|lead_contacts|turns|ai_usage|ai_spent)/.test(sql) && !/limit \$5|skip locked/.test(sql))
  assert.ok(statements.length > 100, `only ${statements.length} statements were explained`)
  const hungry = statements.filter(([, rows]) => rows > ROWS_PER_ITEM * BATCH)
  assert.deepEqual(hungry.map(([sql, rows]) => `${rows} rows: ${sql.slice(0, 200)}`), [])
})

test('nobody looks through all conversations for those that have been silent', async () => {
  await store.rows('update crm.conversations set silence_at = $1', [new Date(Date.now() + 86_400_000)])
  const start = readFileSync(`${store.postgres.folder}/log`, 'utf8').length // before: the look may come at once
  const due = await store.rows('update crm.conversations set silence_at = $1 where id in (select id from crm.conversations order by last_position limit 5) returning id', [new Date()])
  await until('the look', async () => await store.value('select count(*) from crm.conversations where id = any($1) and silence_at is null', [due.map(({ id }) => id)]) === 5)
  const looks = explained(start).filter(([sql]) => /silence_at <= /.test(sql))
  assert.ok(looks.length > 0)
  assert.deepEqual(looks.filter(([, rows]) => rows > ROWS_PER_ITEM * due.length), [])
})

test('nobody looks through all that people own for those that wait too long', async () => {
  await store.rows("update crm.conversations set owner = 'human', owed_since = null where id in (select id from crm.conversations where owner = 'ai' order by id limit 1000)")
  await store.rows("update crm.conversations set overdue_at = $1 where id in (select id from crm.conversations where owner = 'ai' order by id limit 500)", [new Date()])
  const start = readFileSync(`${store.postgres.folder}/log`, 'utf8').length
  const late = await store.rows(`update crm.conversations set owner = 'human', owed_since = $1 where id in (select id from crm.conversations where owner = 'ai' and owed_since is not null
    and overdue_at is null limit 5) returning id`, [new Date(Date.now() - 86_400_000)])
  await until('the look', async () => await store.value('select count(*) from crm.conversations where id = any($1) and overdue_at is not null', [late.map(({ id }) => id)]) === 5)
  const looks = explained(start).filter(([sql]) => /person_deadline_ms/.test(sql))
  assert.ok(looks.length > 0)
  assert.deepEqual(looks.filter(([, rows]) => rows > ROWS_PER_ITEM * late.length), [])
})

test('who stands in a stage, and who has a phone, is found without a walk through the company', async () => {
  const { company_id, pipeline_id } = (await store.rows('select company_id, id as pipeline_id from crm.pipelines limit 1'))[0]
  const { id: stage_id } = (await call('store.stage.create', 'StageCreateRequest', 'Stage', [{ name: `Few ${randomUUID()}`, pipeline_id }], company_id))[0]
  const { id: next } = (await call('store.stage.create', 'StageCreateRequest', 'Stage', [{ name: `Next ${randomUUID()}`, pipeline_id }], company_id))[0]
  const oldest = await store.rows('select id, phone_number from crm.leads where company_id = $1 and phone_number is not null order by created_at limit 5', [company_id])
  for (const { id } of oldest) await call('store.lead.patch', 'LeadPatchRequest', 'Lead', [{ id, stage_id }], company_id)
  const list = async filter => (await call('store.lead.list', 'LeadListRequest', 'LeadList', [{ limit: 20, ...filter }], company_id))[0].items.length
  const round = async () => {
    assert.equal(await list({ stage_id }), 5)
    assert.equal(await list({ phone: oldest[0].phone_number }), 1)
    assert.equal(await list({ phone: oldest[0].phone_number, stage_id: next }), 0)
    assert.equal(await list({ phone: '+15005559999999' }), 0)
  }
  for (let i = 0; i < 6; i++) await round() // plans
  const start = readFileSync(`${store.postgres.folder}/log`, 'utf8').length
  await round()
  await call('store.stage.delete', 'StageRemoveRequest', 'StageRemoved', [{ id: stage_id, move_to: next }], company_id)
  const statements = explained(start).filter(([sql]) => /crm\.leads/.test(sql) && !/skip locked/.test(sql))
  assert.ok(statements.length >= 6, `only ${statements.length} statements were explained`)
  assert.deepEqual(statements.filter(([, rows]) => rows > 150).map(([sql, rows]) => `${rows} rows: ${sql.slice(0, 300)}`), [])
})

test('whether a stage may go is asked of those who stand in it, not of all leads', async () => {
  const { company_id, pipeline_id } = (await store.rows('select company_id, id as pipeline_id from crm.pipelines limit 1'))[0]
  const ask = (subject, request, reply, item) => call(subject, request, reply, [item], company_id)
  const round = async () => {
    const { id } = (await ask('store.stage.create', 'StageCreateRequest', 'Stage', { name: `Trial ${randomUUID()}`, pipeline_id }))[0]
    await ask('store.stage.delete', 'StageRemoveRequest', 'StageRemoved', { id })
    const made = (await ask('store.pipeline.create', 'PipelineCreateRequest', 'Pipeline', { name: `Trial ${randomUUID()}` }))[0]
    await ask('store.pipeline.delete', 'PipelineRequest', 'Pipeline', { id: made.id })
  }
  for (let i = 0; i < 6; i++) await round() // plans
  const start = readFileSync(`${store.postgres.folder}/log`, 'utf8').length
  await round()
  const statements = explained(start).filter(([sql]) => /crm\.(stages|pipelines|"?leads)|"crm"\."leads"/.test(sql))
  assert.ok(statements.length > 5, `only ${statements.length} statements were explained`)
  assert.deepEqual(statements.filter(([, rows]) => rows > 200).map(([sql, rows]) => `${rows} rows: ${sql.slice(0, 300)}`), [])
})

/** Each of these is given to a person: by the model's action, then, given back, by a rule of the company. */
async function handOverAll(messages) {
  const recorded = await call('store.inbound.record', 'InboundMessage', 'InboundRecorded', messages)
  const { company_id } = recorded[0]
  const turns = () => messages.map((_, i) => ({ job_id: randomUUID(), claim: randomUUID(), lead_id: recorded[i].lead_id, message_id: recorded[i].message_id }))
  const first = turns(), opened = await call('store.turn.open', 'TurnOpenRequest', 'TurnOpened', first, company_id)
  await call('store.turn.commit', 'TurnCommitRequest', 'TurnCommitted', first.map((turn, i) => ({
    job_id: turn.job_id, claim: turn.claim, turn_id: opened[i].turn_id, covered_position: opened[i].context.owed.at(-1).position, actions: [{ type: 'hand_over', reason: 'asked for' }] })), company_id)
  await call('store.conversation.give_back', 'HandoverRequest', 'HandoverReply', recorded.map(({ conversation_id }) => ({ conversation_id })), company_id)
  const rules = hand_over => call('store.company.patch', 'CompanyPatchRequest', 'Company', [{ hand_over }], company_id)
  await rules({ turns_without_progress: 5 })
  await call('store.turn.open', 'TurnOpenRequest', 'TurnOpened', turns(), company_id)
  await rules({ keywords: ['person'] })
  for (const { reason } of await call('store.turn.open', 'TurnOpenRequest', 'TurnOpened', turns(), company_id)) assert.equal(reason, 'handed_over')
  await rules({})
}

test('a hand-over looks at its own conversation, the watchdog at those that waited too long', async () => {
  for (let i = 0; i < 6; i++) await handOverAll(texts(8000 + i, 1).map(item => ({ ...item, message_text: 'A person, please' })))
  const start = readFileSync(`${store.postgres.folder}/log`, 'utf8').length
  await handOverAll(texts(5000, BATCH).map(item => ({ ...item, message_text: 'A person, please' })))
  const statements = explained(start).filter(([sql]) => /crm\.(messages|conversations|turns)/.test(sql) && !/limit \$[45]|skip locked/.test(sql))
  assert.deepEqual(statements.filter(([, rows]) => rows > ROWS_PER_ITEM * BATCH).map(([sql, rows]) => `${rows} rows: ${sql.slice(0, 200)}`), [])
  const from = readFileSync(`${store.postgres.folder}/log`, 'utf8').length
  const late = await store.rows(`update crm.conversations set owed_since = now() - interval '1 day' where id in (select id from crm.conversations where owner = 'ai'
    and owed_since is not null limit 5) returning id`)
  await until('the watchdog', async () => await store.value("select count(*) from crm.conversations where id = any($1) and owner = 'human'", [late.map(({ id }) => id)]) === 5)
  const looks = explained(from).filter(([sql]) => /with allowed as/.test(sql))
  assert.ok(looks.length > 0)
  assert.deepEqual(looks.filter(([, rows]) => rows > ROWS_PER_ITEM * late.length), [])
})

test('an inbox and the streams look at a page of what is there, never at all of it', async () => {
  const newest = await call('store.inbound.record', 'InboundMessage', 'InboundRecorded', texts(9000, 3))
  const { company_id } = newest[0], ask = (subject, request, reply, item) => call(subject, request, reply, [item], company_id)
  const pages = async () => {
    for (const more of [{}, { waiting: true }, { waiting: true, order: 'newest' }, { owner: 'human' }, { assignee: 'ana' }, { overdue: true }, { waiting: true, overdue: true }])
      await ask('store.conversation.list', 'ConversationListRequest', 'ConversationList', { limit: 20, state: 'open', ...more })
    for (const { conversation_id } of newest) {
      await ask('store.conversation.get', 'ConversationGetRequest', 'Conversation', { id: conversation_id })
      await ask('store.conversation.messages', 'ConversationMessagesRequest', 'MessageList', { conversation_id, limit: 20 })
      await ask('store.conversation.read', 'ConversationReadRequest', 'ConversationSeen', { id: conversation_id })
      await ask('store.conversation.typing', 'ConversationTypingRequest', 'ConversationTyping', { id: conversation_id })
    }
    const [{ number, id: after }] = await ask('store.event.find', 'EventStreamRequest', 'EventFound', {})
    await ask('store.event.find', 'EventStreamRequest', 'EventFound', { after })
    for (const more of [{}, { types: ['message.*'] }]) await ask('store.event.page', 'EventPageRequest', 'EventPage', { after_number: number - 30, limit: 20, ...more })
    await ask('store.lead.list', 'LeadListRequest', 'LeadList', { limit: 20 })
    const { lead_id } = newest[0]
    await ask('store.lead.get', 'LeadGetRequest', 'Lead', { id: lead_id })
    for (const [what, reply] of [['messages', 'MessageList'], ['events', 'LeadEventList']]) await ask(`store.lead.${what}`, 'MessageListRequest', reply, { lead_id, limit: 20 })
    await call('store.conversation.take', 'HandoverRequest', 'HandoverReply', newest.map(each => ({ conversation_id: each.conversation_id, operator: 'ana' })), company_id)
    await ask('store.operator.post', 'OperatorMessageRequest', 'OperatorMessageReply', { lead_id, message: 'Hello', operator: 'ana', after_position: 1000 })
  }
  for (let i = 0; i < 6; i++) await pages() // plans
  const start = readFileSync(`${store.postgres.folder}/log`, 'utf8').length
  await pages()
  const statements = explained(start).filter(([sql]) => /crm\.(messages|conversations|events|leads)/.test(sql) && !/limit \$5|skip locked|relay|pg_snapshot|status in \('queued', 'sending'\)/.test(sql))
  assert.ok(statements.length > 20, `only ${statements.length} statements were explained`)
  const walks = sql => /order by [cl]\.created_at desc/.test(sql) // from the newest on, until a page of those that are asked for is full
  assert.deepEqual(statements.filter(([sql, rows]) => rows > 200 && !walks(sql)).map(([sql, rows]) => `${rows} rows: ${sql.slice(0, 300)}`), [])
})

test('no question looks at more than its share of a company\'s chunks, and at none of another\'s', async () => {
  const say = i => ({ title: `Document ${i}`, heading: '', embedding: 'local:1', vector: Buffer.alloc(512, 1 + i % 100), id: randomUUID() })
  const fill = async (count, text) => {
    const { id } = await store.bus.ask('store.company.create', 'CompanyCreateRequest', 'Company', { name: 'Acme' })
    const caller = { company_id: id, correlation_id: 'test' }
    const document = await store.bus.ask('store.knowledge.put', 'KnowledgePutRequest', 'KnowledgeDocument', { title: 'All', text: 'All.' }, caller)
    const chunks = Array.from({ length: count }, (_, i) => ({ ...say(i), text: text(i) }))
    for (let from = 0; from < count; from += 100)
      await store.bus.ask('store.knowledge.index', 'KnowledgeIndexRequest', 'KnowledgeIndexed', { id: document.id, revision: 1, chunks: chunks.slice(from, from + 100) }, caller)
    await store.bus.ask('store.knowledge.index', 'KnowledgeIndexRequest', 'KnowledgeIndexed', { id: document.id, revision: 1, last: true, chunk_ids: chunks.map(chunk => chunk.id) }, caller)
    return caller
  }
  const ask = (caller, query) => store.bus.ask('store.knowledge.search', 'KnowledgeSearchRequest', 'KnowledgeFound', { query }, caller)
  const mine = await fill(20, i => `carpet number ${i} of mine`)
  for (let i = 0; i < 6; i++) await ask(mine, 'which carpet is number 7') // its plan is made while the tables are all but empty
  await fill(1500, i => `carpet number ${i} of theirs`)
  const start = readFileSync(`${store.postgres.folder}/log`, 'utf8').length
  for (let i = 0; i < 6; i++) assert.equal((await ask(mine, 'which carpet is number 7')).items[0].text, 'carpet number 7 of mine')
  const statements = explained(start).filter(([sql]) => /crm\.(ai_kb|kb_)/.test(sql) && !/indexing_since|retired_at/.test(sql))
  assert.ok(statements.length >= 18, `only ${statements.length} statements were explained`)
  // its twenty chunks, found both ways, are put together pair by pair
  assert.deepEqual(statements.filter(([, rows]) => rows > 450).map(([sql, rows]) => `${rows} rows: ${sql.slice(0, 200)}`), [])
})

test('a file is found by its own message, a template by its name', async () => {
  const all = async (from, count) => {
    const pictures = texts(from, count).map(item => ({ ...item, kind: 'image', media_info: { text: '{"type":"image","id":"m1","mime_type":"image/jpeg"}' } }))
    const recorded = await call('store.inbound.record', 'InboundMessage', 'InboundRecorded', pictures), { company_id } = recorded[0]
    for (const { jobs } of recorded) assert.deepEqual(jobs.map(job => job.task).filter(task => task === 'media.fetch'), ['media.fetch'])
    const ids = recorded.map(({ message_id }) => ({ message_id }))
    await call('store.media.find', 'MediaFindRequest', 'MediaFound', ids, company_id)
    const kept = ids.map((id, n) => ({ ...id, stored: true, sha256: (n + from).toString(16).padStart(64, '0'), bytes: 10, mime_type: 'image/jpeg' }))
    await call('store.media.settle', 'MediaSettleRequest', 'MediaSettled', kept, company_id)
    await call('store.media.settle', 'MediaSettleRequest', 'MediaSettled', kept, company_id) // told twice
    await call('store.media.get', 'MediaGetRequest', 'MediaFile', ids.map(({ message_id }) => ({ id: message_id })), company_id)
    const items = Array.from({ length: count }, (_, n) => ({ name: `t${from + n}`, language: 'en', state: 'approved', text: 'Hi {{1}}', provider_id: `p${from + n}`, components: { text: '[]' } }))
    await call('store.template.record', 'TemplateRecordRequest', 'TemplateRecorded', [{ account_group: 'waba', started_at: Date.now(), items }], company_id)
    await call('store.template.update', 'TemplateUpdateRequest', 'TemplateUpdated', [{ account_group: 'waba', provider_id: `p${from}`, state: 'paused' }], company_id)
    await call('store.operator.post', 'OperatorMessageRequest', 'OperatorMessageReply',
      [{ lead_id: recorded[0].lead_id, operator: 'ana', template: { name: `t${from + 1}`, language: 'en', parameters: { text: '["you"]' } } }], company_id)
  }
  for (let i = 0; i < 6; i++) await all(20000 + 10 * i, 2) // plans
  for (let i = 0; i < 10; i++) await all(30000 + 100 * i, 50)
  const start = readFileSync(`${store.postgres.folder}/log`, 'utf8').length
  await all(40000, BATCH)
  const statements = explained(start).filter(([sql]) => /crm\.(messages|media|templates)/.test(sql) && !/limit \$5|skip locked/.test(sql))
  assert.ok(statements.some(([sql]) => /crm\.media/.test(sql)) && statements.some(([sql]) => /crm\.templates/.test(sql)))
  assert.deepEqual(statements.filter(([, rows]) => rows > ROWS_PER_ITEM * BATCH).map(([sql, rows]) => `${rows} rows: ${sql.slice(0, 200)}`), [])
})
