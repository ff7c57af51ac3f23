// Near vectors by a real pgvector and without it: on a small set the same, on a larger one nearly. Debian 13's postgresql-17-pgvector is found by itself; another
// PostgreSQL that has it is named by POSTGRES_BIN, the folder of its programs (docs/knowledge.md says how one is made on Debian 12).
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { Service } from '../support/parley.mjs'
import { postgresBin } from '../support/servers.mjs'
import { Store } from './store.mjs'
import { chunk, index, put, search } from './teach.mjs'

const bin = process.env.POSTGRES_BIN ?? postgresBin()
const control = bin.replace('/lib/postgresql/', '/share/postgresql/').replace(/\/bin$/, '/extension/vector.control')
const skip = !existsSync(control) && `pgvector is not installed: there is no ${control}`
const MODEL = 'openai:test', DIMENSIONS = 512

let store, pgvector, without
before(async () => {
  if (skip) return
  store = await Store.start({ copies: 0, postgres: { bin } })
  without = new Service('lead-store', { ...store.env, KB_PGVECTOR: 'off' })
  pgvector = new Service('lead-store', store.env)
  await pgvector.start()
})
after(async () => {
  await Promise.all([pgvector, without].map(service => service?.child.running && service.end()))
  await store?.stop()
})

let seed = 42
const random = () => ((seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648) + ((seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648) - 1
const near = (center, far) => Int8Array.from({ length: DIMENSIONS }, (_, i) => Math.max(-127, Math.min(127, Math.round((center?.[i] ?? 0) + far * random()))))
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0)
const cosine = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))

/** A company whose chunks have these vectors. */
async function company(vectors) {
  const { id } = await store.bus.ask('store.company.create', 'CompanyCreateRequest', 'Company', { name: 'Acme' })
  const caller = { company_id: id, correlation_id: 'test' }
  await store.bus.ask('store.knowledge.settings_patch', 'KnowledgeSettingsRequest', 'KnowledgeSettings', { embedding: MODEL }, caller)
  const document = await put(store, caller, { title: 'Vectors', text: 'Vectors.' })
  const chunks = vectors.map((vector, i) => chunk(`number ${i}`, { embedding: MODEL, vector: Buffer.from(vector.buffer) }))
  for (let from = 0; from < chunks.length; from += 100) await index(store, caller, { id: document.id, revision: 1, chunks: chunks.slice(from, from + 100) })
  await index(store, caller, { id: document.id, revision: 1, last: true, chunk_ids: chunks.map(({ id }) => id) })
  return caller
}
const ask = (caller, vector, limit) => search(store, caller, 'x', { mode: 'vector', limit, vector: Buffer.from(vector.buffer), embedding: MODEL })
const numbers = found => found.items.map(item => Number(item.text.slice('number '.length)))
const exactly = (vectors, question, limit) =>
  vectors.map((vector, i) => [cosine(vector, question), i]).sort((a, b) => b[0] - a[0]).slice(0, limit).map(([, i]) => i)

/** With pgvector, then without it. */
async function bothWays(work) {
  const first = await work()
  await pgvector.end()
  await without.start()
  const second = await work()
  await without.end()
  await pgvector.start()
  return [first, second]
}

test('on a small set the same chunks are found in the same order with pgvector and without it', { skip }, async () => {
  const vectors = Array.from({ length: 100 }, () => near(null, 100)), questions = Array.from({ length: 10 }, () => near(null, 100))
  const caller = await company(vectors)
  const settings = () => store.bus.ask('store.knowledge.settings_get', 'Empty', 'KnowledgeSettings', {}, caller)
  const [first, second] = await bothWays(async () => ({ index: (await settings()).index,
    found: await Promise.all(questions.map(async question => numbers(await ask(caller, question, 20)))) }))
  assert.deepEqual([first.index, second.index], ['pgvector', 'sketch'])
  assert.deepEqual(first.found, second.found)
  assert.deepEqual(first.found, questions.map(question => exactly(vectors, question, 20)))
})

test('on a larger set, between the vectors of others, both find nearly all of the nearest', { skip }, async () => {
  const topics = Array.from({ length: 50 }, () => near(null, 60))
  const vectors = Array.from({ length: 1200 }, (_, i) => near(topics[i % topics.length], 60))
  await company(vectors.slice(0, 300))
  const caller = await company(vectors)
  const questions = topics.slice(0, 30).map(topic => near(topic, 60))
  const ways = await bothWays(() => Promise.all(questions.map(async question => numbers(await ask(caller, question, 5)))))
  const shares = ways.map(found => found.reduce((sum, got, i) => {
    const wanted = exactly(vectors, questions[i], 5)
    return sum + got.filter(number => wanted.includes(number)).length / 5
  }, 0) / questions.length)
  console.log(`recall@5 of the nearest, 1,200 chunks: pgvector ${shares[0].toFixed(3)}, signs and exact comparison ${shares[1].toFixed(3)}`)
  assert.ok(shares.every(share => share >= 0.9), `${shares}`)
})
