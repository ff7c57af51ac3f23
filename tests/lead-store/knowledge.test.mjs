// What a company has written down, as lead-store keeps it: saved, stored in chunks, published at once, found, and kept for the answers that were given from it.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Store } from './store.mjs'
import { Talk } from './talk.mjs'
import { chunk, index, put, search, teach } from './teach.mjs'

let store
before(async () => { store = await Store.start() })
after(() => store?.stop())

/** A company of its own. */
async function company() {
  const { id } = await store.bus.ask('store.company.create', 'CompanyCreateRequest', 'Company', { name: 'Acme' })
  return { company_id: id, correlation_id: 'test' }
}
const refused = async (subject, request, reply, item, caller) => (await store.bus.call(subject, request, reply, [item], caller))[0].code
const read = (caller, id) => store.bus.ask('store.knowledge.get', 'KnowledgeGetRequest', 'KnowledgeDocument', { id }, caller)
const titles = found => found.items.filter(item => item.relevant).map(item => item.title)

test('a document is saved before it is found, with the job that indexes it', async () => {
  const caller = await company()
  const saved = await put(store, caller, { title: 'Opening hours', text: 'We are open on weekdays.', format: 'markdown', source: 'the website' })
  assert.deepEqual([saved.state, saved.version, saved.language, saved.format, saved.source], ['indexing', 1, 'en', 'markdown', 'the website'])
  const [job] = saved.jobs
  assert.deepEqual([job.task, job.idempotency_key, job.lanes[0].name, job.lanes[0].in_flight_max, job.id],
    ['kb.index', `kb_index_${saved.id}_1`, 'kb.index', 2, saved.job_id])
  assert.deepEqual((await search(store, caller, 'open on weekdays')).items ?? [], [])
  const shown = await read(caller, saved.id)
  assert.deepEqual([shown.text, shown.chunks.length], ['We are open on weekdays.', 0])
})

test('what it is written in follows from its script, unless it is said', async () => {
  const caller = await company()
  const bengali = await put(store, caller, { title: 'দাম', text: 'আমাদের দাম খুব কম।' })
  const said = await put(store, caller, { title: 'Prix', text: 'Nos prix sont bas.', language: 'FR-ca' })
  assert.deepEqual([bengali.language, said.language], ['bn', 'fr'])
  assert.deepEqual((await store.rows('select title, language::text from crm.ai_kb_docs where company_id = $1 order by title', [caller.company_id])),
    [{ title: 'Prix', language: 'french' }, { title: 'দাম', language: 'simple' }])
})

test('bad documents are refused by a code and change nothing', async () => {
  const caller = await company()
  const bad = async (item, code) => assert.equal(await refused('store.knowledge.put', 'KnowledgePutRequest', 'KnowledgeDocument', item, caller), code)
  await bad({ title: ' ', text: 'x' }, 'bad_value')
  await bad({ title: 'x'.repeat(513), text: 'x' }, 'bad_value')
  await bad({ title: 'x', text: ' ... ' }, 'bad_value')
  await bad({ title: 'x', text: 'x'.repeat(512 * 1024 + 1) }, 'too_long')
  await bad({ title: 'x', text: 'x', format: 'pdf' }, 'bad_value')
  await bad({ title: 'x', text: 'x', language: 'english' }, 'bad_value')
  await bad({ title: 'x', text: 'question,answer\nonly one', format: 'csv' }, 'bad_csv')
  await bad({ id: randomUUID(), replaces: true, title: 'x', text: 'x' }, 'unknown_document')
  assert.equal(await store.value('select count(*) from crm.ai_kb_docs where company_id = $1', [caller.company_id]), 0)
  const largest = await put(store, caller, { title: 'x', text: 'x'.repeat(512 * 1024) })
  assert.equal(largest.state, 'indexing')
})

test('the same key is the same document, another body under it is refused, and the same text twice is one document', async () => {
  const caller = await company()
  const id = randomUUID(), document = { id, title: 'A', text: 'One.' }
  const first = await put(store, caller, document)
  const again = await put(store, caller, document)
  assert.deepEqual([again.id, again.version, again.created_at], [id, 1, first.created_at])
  const code = item => refused('store.knowledge.put', 'KnowledgePutRequest', 'KnowledgeDocument', item, caller)
  assert.equal(await code({ ...document, text: 'Two.' }), 'idempotency_mismatch')
  assert.equal(await code({ title: 'A', text: 'One.' }), 'document_exists')
  const other = await company()
  assert.equal(await refused('store.knowledge.put', 'KnowledgePutRequest', 'KnowledgeDocument', { ...document, replaces: true, text: 'Three.' }, other), 'unknown_document')
  assert.equal(await refused('store.knowledge.get', 'KnowledgeGetRequest', 'KnowledgeDocument', { id }, other), 'unknown_document')
  assert.equal(await refused('store.knowledge.delete', 'KnowledgeGetRequest', 'KnowledgeDocument', { id }, other), 'unknown_document')
})

test('a document is replaced at once: until then the old text is found, from then on the new one alone', async () => {
  const caller = await company()
  const old = await teach(store, caller, { title: 'Parking', text: 'Parking is behind the house.' })
  const replaced = await put(store, caller, { id: old.id, replaces: true, title: 'Parking', text: 'Parking is in the cellar.' })
  assert.deepEqual([replaced.version, replaced.state, replaced.jobs[0].idempotency_key], [2, 'indexing', `kb_index_${old.id}_2`])
  const stored = chunk('Parking is in the cellar.', { title: 'Parking' })
  await index(store, caller, { id: old.id, revision: 2, chunks: [stored] })
  assert.equal((await search(store, caller, 'parking house')).items[0].text, 'Parking is behind the house.')
  assert.equal((await index(store, caller, { id: old.id, revision: 1, last: true, chunk_ids: [] })).current, false)
  const published = await index(store, caller, { id: old.id, revision: 2, last: true, chunk_ids: [stored.id] })
  assert.deepEqual([published.current, published.added, published.removed], [true, 1, 1])
  const found = await search(store, caller, 'parking')
  assert.deepEqual(found.items.map(item => item.text), ['Parking is in the cellar.'])
  assert.equal((await read(caller, old.id)).state, 'ready')
  const stale = await refused('store.knowledge.put', 'KnowledgePutRequest', 'KnowledgeDocument', { id: old.id, replaces: true, title: 'P', text: 'x', if_version: 1 }, caller)
  assert.equal(stale, 'stale_version')
})

test('a chunk that is named and was never stored keeps the old ones found', async () => {
  const caller = await company()
  const old = await teach(store, caller, { title: 'Pets', text: 'Dogs are welcome.' })
  await put(store, caller, { id: old.id, replaces: true, title: 'Pets', text: 'Cats are welcome.' })
  const code = await refused('store.knowledge.index', 'KnowledgeIndexRequest', 'KnowledgeIndexed', { id: old.id, revision: 2, last: true, chunk_ids: [randomUUID()] }, caller)
  assert.equal(code, 'chunks_missing')
  assert.deepEqual((await search(store, caller, 'dogs')).items.map(item => item.text), ['Dogs are welcome.'])
})

test('words are counted as often as chunks that are found hold them, whatever was replaced and deleted', async () => {
  const caller = await company()
  const one = await teach(store, caller, { title: 'One', text: 'carpets and windows' })
  const two = await teach(store, caller, { title: 'Two', text: 'carpets' })
  const count = term => store.value('select chunks from crm.ai_kb_terms where company_id = $1 and term = $2', [caller.company_id, term])
  assert.deepEqual([await count('carpet'), await count('window')], [2, 1])
  await put(store, caller, { id: two.id, replaces: true, title: 'Two', text: 'windows' })
  const next = chunk('windows', { title: 'Two' })
  await index(store, caller, { id: two.id, revision: 2, chunks: [next], last: true, chunk_ids: [next.id] })
  assert.deepEqual([await count('carpet'), await count('window')], [1, 2])
  await store.bus.ask('store.knowledge.delete', 'KnowledgeGetRequest', 'KnowledgeDocument', { id: one.id }, caller)
  assert.deepEqual([await count('carpet'), await count('window')], [0, 1])
  assert.equal(await store.value('select chunk_count from crm.kb_companies where company_id = $1', [caller.company_id]), 1)
  assert.deepEqual((await search(store, caller, 'carpets')).items ?? [], [])
})

test('Bengali is found by forms of its words, and by parts of words that were typed otherwise', async () => {
  const caller = await company()
  await teach(store, caller, { title: 'ফেরত', text: 'পণ্য ফেরত দিতে চাইলে সাত দিনের মধ্যে জানাতে হবে।' })
  await teach(store, caller, { title: 'ডেলিভারি', text: 'ঢাকার ভেতরে ডেলিভারি চার্জ ষাট টাকা।' })
  assert.deepEqual((await search(store, caller, 'ফেরতের নিয়ম কী?', { mode: 'text' })).items.map(item => item.title), ['ফেরত'])
  assert.deepEqual(titles(await search(store, caller, 'ডেলিভারির চার্জটা কত', { mode: 'text' })), ['ডেলিভারি'])
})

test("a company never finds another's material", async () => {
  const [mine, theirs] = [await company(), await company()]
  await teach(store, theirs, { title: 'Secret', text: 'The secret ingredient is saffron.' })
  await teach(store, mine, { title: 'Mine', text: 'We sell bread.' })
  assert.deepEqual((await search(store, mine, 'secret ingredient saffron')).items.filter(item => item.relevant), [])
  assert.deepEqual(titles(await search(store, theirs, 'secret ingredient')), ['Secret'])
})

test('an answer keeps what it was given from, as it was, whatever becomes of the document', async () => {
  const talk = await Talk.start(store, { message_text: 'Where can I park my bicycle?' })
  const document = await teach(store, talk.caller, { title: 'Bicycles', text: 'Bicycles can be parked in the yard.' })
  const opened = await talk.open(talk.first)
  const [passage] = opened.context.passages
  assert.deepEqual([passage.chunk_id, passage.document_id], [document.chunk.id, document.id])
  const { message_id: id } = await talk.commit(opened, { document_ids: [document.id], sources: [passage] })
  await store.bus.ask('store.knowledge.delete', 'KnowledgeGetRequest', 'KnowledgeDocument', { id: document.id }, talk.caller)
  const why = await store.bus.ask('store.message.why', 'MessageGetRequest', 'MessageWhy', { id }, talk.caller)
  const [source] = why.sources
  assert.deepEqual([source.chunk_id, source.title, source.text], [document.chunk.id, 'Bicycles', 'Bicycles can be parked in the yard.'])
  assert.ok(Math.abs(source.score - passage.score) < 1e-6)
})

test('another embedding indexes every document anew, and words find them meanwhile', async () => {
  const caller = await company()
  const document = await teach(store, caller, { title: 'Garden', text: 'We plant roses.' })
  const patch = more => store.bus.ask('store.knowledge.settings_patch', 'KnowledgeSettingsRequest', 'KnowledgeSettings', more, caller)
  assert.equal((await patch({ when_missing: 'hand_over' })).embedding, 'local:1')
  assert.equal((await read(caller, document.id)).state, 'ready')
  const settings = await patch({ embedding: 'openai' })
  assert.deepEqual([settings.embedding, settings.when_missing, settings.documents, settings.chunks], ['openai:text-embedding-3-small', 'hand_over', 1, 1])
  assert.equal((await read(caller, document.id)).state, 'indexing')
  const found = await search(store, caller, 'roses')
  assert.deepEqual([found.mode, found.vector_wanted, titles(found)], ['text', true, ['Garden']])
  const code = await refused('store.knowledge.settings_patch', 'KnowledgeSettingsRequest', 'KnowledgeSettings', { embedding: 'anthropic' }, caller)
  assert.equal(code, 'bad_value')
})

test('pages hold every document once, newest first, and can be of one state', async () => {
  const caller = await company()
  for (let i = 0; i < 5; i++) await put(store, caller, { title: `Number ${i}`, text: `Text ${i}.` })
  const list = more => store.bus.ask('store.knowledge.list', 'KnowledgeListRequest', 'KnowledgeList', more, caller)
  const first = await list({ limit: 3 }), second = await list({ limit: 3, cursor: first.next_cursor })
  assert.deepEqual([...first.items, ...second.items].map(item => item.title), [4, 3, 2, 1, 0].map(i => `Number ${i}`))
  assert.equal(second.next_cursor, undefined)
  assert.deepEqual((await list({ state: 'ready' })).items ?? [], [])
})
