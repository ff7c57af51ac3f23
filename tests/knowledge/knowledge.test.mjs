// A company's material, the whole way: given over REST, indexed by the knowledge service, found, answered from, replaced and deleted.
import test, { after, before, beforeEach } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Parley, SERVICES } from '../support/parley.mjs'
import { until } from '../support/process.mjs'
import { indexAll, recall, relevance, untilIndexed } from './retrieval.mjs'

let parley
before(async () => {
  parley = await Parley.start({ env: { JOB_LADDER_MS: Array(5).fill(300).join() } })
})
after(() => parley?.stop())
beforeEach(() => parley.sim('/_sim/reset', {}))

/** A company of its own: its documents, questions and settings. */
async function company() {
  const { id } = (await parley.post('/companies', { name: 'Acme' })).body
  const path = of => `${of}${of.includes('?') ? '&' : '?'}company_id=${id}`
  const own = {
    id,
    get: of => parley.get(path(of)),
    send: (method, of, content, headers) => parley.send(method, path(of), content, headers),
    give: async (document, headers) => (await own.send('POST', '/kb/documents', document, headers)).body,
    ready: document => until('the document to be indexed', async () => {
      const { body } = await own.get(`/kb/documents/${document.id}`)
      return body.state !== 'indexing' && body
    }),
    search: async (query, more = {}) => (await own.send('POST', '/kb/search', { query, ...more })).body,
    embed: embedding => own.send('PATCH', '/kb/settings', { embedding }),
    say: async (phone, text) => {
      const { body } = await own.send('POST', '/inbound-message', { phone_number: phone, contact_name: 'Ines', message_text: text, company_id: id })
      return until('the job to end', async () => {
        const job = (await own.get(`/jobs/${body.job_id}`)).body
        return ['completed', 'dlq'].includes(job.status) && job
      })
    },
  }
  return own
}
const relevant = found => found.items.filter(item => item.relevant)
const asked = async provider => (await parley.sim('/_sim/llm')).filter(call => call.provider === provider)

test('each format is cut at its headings and found by what it says', async () => {
  const acme = await company()
  const made = await Promise.all([
    acme.give({ title: 'Text', text: 'Umbrellas are in the hall.' }),
    acme.give({ title: 'Markdown', format: 'markdown', text: '# Garden\nRoses are watered at **noon**.\n## Trees\nApples ripen in September.' }),
    acme.give({ title: 'Page', format: 'html', text: '<h1>Kitchen</h1><script>secret()</script><p>The <b>oven</b> is cleaned weekly.</p>' }),
    acme.give({ title: 'Asked often', format: 'csv', text: 'question,answer\n"Is there a lift?","Yes, to the fifth floor."\nWhere is the cellar?,Below the stairs.' }),
  ])
  assert.deepEqual(made.map(document => [document.state, document.version]), Array(4).fill(['indexing', 1]))
  const ready = await Promise.all(made.map(acme.ready))
  assert.deepEqual(ready.map(document => [document.state, document.chunks.length]), [['ready', 1], ['ready', 2], ['ready', 1], ['ready', 2]])
  assert.deepEqual(ready[1].chunks.map(chunk => [chunk.heading, chunk.text]), [['Garden', 'Roses are watered at noon.'], ['Garden > Trees', 'Apples ripen in September.']])
  assert.equal(ready[2].chunks[0].text, 'The oven is cleaned weekly.')
  for (const [query, text] of [['when do apples ripen', 'Apples ripen in September.'], ['is the oven cleaned?', 'The oven is cleaned weekly.'],
    ['is there a lift', 'Is there a lift?\nYes, to the fifth floor.']])
    assert.equal(relevant(await acme.search(query))[0]?.text, text)
})

test('a replaced document is embedded only where it changed', async () => {
  const acme = await company()
  await acme.embed('openai')
  const parts = ['# One\nAlpha stays.', '# Two\nBeta goes.', '# Three\nGamma stays.']
  const given = await acme.give({ title: 'Parts', format: 'markdown', text: parts.join('\n') })
  const before = await acme.ready(given)
  assert.equal((await asked('openai-embeddings')).flatMap(call => call.messages).length, 3)
  const { body } = await acme.send('PUT', `/kb/documents/${given.id}`, { title: 'Parts', format: 'markdown', text: [parts[0], '# Two\nDelta comes.', parts[2]].join('\n') })
  assert.equal(body.version, 2)
  const after = await acme.ready(given)
  assert.deepEqual(after.chunks.map(chunk => chunk.text), ['Alpha stays.', 'Delta comes.', 'Gamma stays.'])
  assert.deepEqual([0, 2].map(i => after.chunks[i].id), [0, 2].map(i => before.chunks[i].id))
  assert.equal((await asked('openai-embeddings')).flatMap(call => call.messages).length, 4)
  assert.deepEqual((await acme.search('beta goes', { mode: 'text' })).items.map(item => item.text).filter(text => text.includes('Beta')), [])
})

test('bad documents get a clear answer and change nothing; keys, versions and unknown ids are honoured', async () => {
  const acme = await company()
  const refused = async (document, status, code) => {
    const { status: got, body } = await acme.send('POST', '/kb/documents', document)
    assert.deepEqual([got, body.code], [status, code])
  }
  await refused({ title: 'x' }, 422, 'missing_field')
  await refused({ title: 'x', text: 'x'.repeat(512 * 1024 + 1) }, 422, 'too_long')
  await refused({ title: 'x', text: 'word', format: 'pdf' }, 422, 'bad_value')
  await refused({ title: 'x', text: 'a,b\nc', format: 'csv' }, 422, 'bad_csv')
  await refused({ title: 'x', text: 'word', replaces: true }, 422, 'unknown_field')
  assert.deepEqual((await acme.get('/kb/documents')).body.items, [])
  const key = { 'idempotency-key': randomUUID() }
  const first = await acme.give({ title: 'Key', text: 'One.' }, key), again = await acme.give({ title: 'Key', text: 'One.' }, key)
  assert.equal(again.id, first.id)
  assert.equal((await acme.send('POST', '/kb/documents', { title: 'Key', text: 'Two.' }, key)).status, 422)
  await acme.ready(first)
  assert.equal((await acme.send('PUT', `/kb/documents/${first.id}`, { title: 'Key', text: 'Two.' }, { 'if-match': '"9"' })).status, 412)
  assert.equal((await acme.send('PUT', `/kb/documents/${randomUUID()}`, { title: 'Key', text: 'Two.' })).status, 404)
  assert.equal((await acme.send('DELETE', `/kb/documents/${first.id}`)).status, 200)
  assert.equal((await acme.get(`/kb/documents/${first.id}`)).status, 404)
  assert.deepEqual((await acme.search('one')).items, [])
})

for (const [provider, dialect] of [['openai', 'openai-embeddings'], ['gemini', 'gemini-embeddings']]) {
  test(`${provider} embeds documents and questions, and a question of a turn is asked with what was found`, async () => {
    const acme = await company()
    assert.equal((await acme.embed(provider)).body.embedding.split(':')[0], provider)
    const given = await acme.give({ title: 'Zebras', text: 'The quagga lived in Karoo.' })
    assert.equal((await acme.ready(given)).chunks[0].embedding.split(':')[0], provider)
    const found = await acme.search('where did the quagga live')
    assert.deepEqual([found.mode, relevant(found).length], ['both', 1])
    assert.ok(found.items[0].cosine > 0.3)
    const job = await acme.say('+15005560001', 'Where did the quagga live?')
    const why = (await acme.get(`/messages/${job.result.message_id}/why`)).body
    assert.deepEqual(why.sources.map(source => source.text), ['The quagga lived in Karoo.'])
    assert.equal((await asked(dialect)).length, 3) // the document, the search, the customer's question
  })
}

test('a provider that fails is asked again for a document, and keeps no customer waiting', async () => {
  const acme = await company()
  await acme.embed('openai')
  await parley.faults({ llm: { provider: 'openai-embeddings', status: 503, count: 2 } })
  const given = await acme.give({ title: 'Hours', text: 'We open at nine.' })
  assert.equal((await acme.ready(given)).state, 'ready')
  await parley.faults({ llm: { provider: 'openai-embeddings', status: 503, count: 1 } })
  const job = await acme.say('+15005560002', 'When do you open?')
  assert.equal(job.status, 'completed')
  const why = (await acme.get(`/messages/${job.result.message_id}/why`)).body
  assert.deepEqual(why.sources.map(source => source.text), ['We open at nine.'])
  await acme.search('When do you open?')
  await acme.say('+15005560003', 'When do you open?')
  const [used] = (await acme.get('/usage?group=model')).body.items.filter(line => line.model === 'text-embedding-3-small')
  assert.deepEqual([used.provider, used.calls, used.failed, used.completion_tokens], ['openai', 3, 0, 0]) // the document, the search, the question
  assert.ok(used.prompt_tokens > 3)
})

test('a document whose embedding is refused says so, and is indexed once the reason is gone', async () => {
  const acme = await company()
  await acme.embed('openai:sim-status-401')
  const given = await acme.give({ title: 'Hours', text: 'We open at nine.' })
  const failed = await acme.ready(given)
  assert.equal(failed.state, 'failed')
  assert.ok(failed.error.length > 10)
  await acme.embed('local')
  await until('the document to be found', async () => (await acme.get(`/kb/documents/${given.id}`)).body.state === 'ready', 15000)
  assert.equal(relevant(await acme.search('when do you open')).length, 1)
})

test('with nothing that fits, the model is told to say so, or to hand over', async () => {
  const acme = await company()
  await acme.ready(await acme.give({ title: 'Hours', text: 'We open at nine.' }))
  const systemOf = async text => {
    await acme.say(`+1500556${1000 + Math.floor(Math.random() * 9000)}`, text)
    return (await asked('openai')).at(-1).messages[0].content
  }
  assert.match(await systemOf('Do you sell elephants?'), /nothing down that fits.*you don't know/s)
  assert.match(await systemOf('When do you open?'), /### Hours\nWe open at nine\./)
  assert.equal((await acme.send('PATCH', '/kb/settings', { when_missing: 'hand_over' })).status, 200)
  assert.match(await systemOf('Do you sell elephants?'), /nothing down that fits.*hand over/s)
})

test('where the company wants it, what nothing answers goes to a person', async () => {
  const acme = await company()
  await acme.ready(await acme.give({ title: 'Hours', text: 'We open at nine.' }))
  await acme.send('PATCH', '/kb/settings', { when_missing: 'hand_over' })
  assert.equal((await acme.send('POST', '/ai-models', { provider: 'local', model: 'local' })).status, 201)
  const owner = phone => parley.postgres.value('select owner from crm.conversations where company_id = $1 and phone = $2', [acme.id, phone])
  const told = await acme.say('+15005560003', 'When do you open?')
  assert.deepEqual([told.status, await owner('+15005560003')], ['completed', 'ai'])
  const missing = await acme.say('+15005560004', 'Do you repair accordions?')
  assert.deepEqual([missing.status, await owner('+15005560004')], ['completed', 'human'])
  const { reason } = await parley.postgres.value(`select payload from crm.events where company_id = $1 and type = 'conversation.escalated'`, [acme.id])
  assert.match(reason, /nothing that the company has written down/)
})

test('an indexer that is killed loses nothing: its job runs again and goes on where it ended', async () => {
  const acme = await company()
  const sections = Array.from({ length: 60 }, (_, i) => `# Section ${i}\nThis is what section number ${i} says about topic${i}.`)
  await acme.embed('openai')
  await parley.faults({ llm: { latency_ms: 400 } })
  const given = await acme.give({ title: 'Long', format: 'markdown', text: sections.join('\n') })
  await until('a first part to be embedded', async () => (await asked('openai-embeddings')).length > 1)
  parley.service('knowledge').signal('SIGKILL')
  await parley.service('knowledge').child.ended
  await parley.sim('/_sim/faults', {})
  await parley.service('knowledge').start()
  const ready = await until('the document to be indexed', async () => {
    const { body } = await acme.get(`/kb/documents/${given.id}`)
    return body.state === 'ready' && body
  }, 60000)
  assert.equal(ready.chunks.length, 60)
})

test('the test set: of English and Bengali questions nearly all find their answer among the first five', async () => {
  await indexAll(parley)
  for (const [language, mode, least] of [['en', 'text', 0.9], ['bn', 'text', 0.9], ['en', 'vector', 0.85], ['bn', 'vector', 0.85], ['en', 'both', 0.95], ['bn', 'both', 0.95]]) {
    const { at5, at1, missed } = await recall(parley, language, mode)
    console.log(`# recall ${language} ${mode}: @5 ${at5.toFixed(3)}, @1 ${at1.toFixed(3)}${missed.length ? `; missed: ${missed.join(' | ')}` : ''}`)
    assert.ok(at5 >= least, `${language} ${mode}: ${at5}; missed ${missed}`)
  }
  const { kept, invented } = await relevance(parley)
  const share = kept.filter(([, right]) => right).length / kept.length, wrong = invented.filter(([, items]) => items.length).length
  console.log(`# held relevant: ${share.toFixed(3)} of the right ones; something for ${wrong} of ${invented.length} that nothing answers`)
  assert.ok(share >= 0.9 && wrong <= invented.length * 0.4)
})
