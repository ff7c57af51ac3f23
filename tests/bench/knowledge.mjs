// How long it takes to find what fits a question among a company's chunks: the store's own answer, asked one question after the other.
import { Parley } from '../support/parley.mjs'
import { Bus } from '../support/bus.mjs'
import { until } from '../support/process.mjs'
import { summary } from './measure.mjs'

const CHUNKS = Number(process.env.KNOWLEDGE_CHUNKS ?? 10000), DOCUMENT_CHUNKS = 400, CHUNK_WORDS = 110, VOCABULARY = 12000, QUESTIONS = 500

let seed = 7
const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648
const SYLLABLES = ['ka', 'ro', 'mi', 'ten', 'sal', 'ver', 'do', 'lin', 'pas', 'qu', 'ber', 'ost', 'an', 'fi', 'gul', 'ha']
const word = rank => [rank % 16, (rank >> 4) % 16, (rank >> 8) % 16, (rank >> 12) % 16].map(i => SYLLABLES[i]).join('').slice(0, 3 + rank % 9)
/** Words as languages use them: the n-th most frequent one n times as rarely as the first. */
const words = count => Array.from({ length: count }, () => word(Math.floor(VOCABULARY ** random()))).join(' ')

export async function knowledge() {
  const bin = process.env.POSTGRES_BIN // of a PostgreSQL with pgvector
  const parley = await Parley.start({ services: ['scheduler', 'lead-store', 'knowledge', 'gateway'], simulator: false, postgres: bin ? { bin } : {} })
  const bus = await Bus.open(parley.nats.url)
  try {
    const began = performance.now()
    for (let i = 0; i < CHUNKS / DOCUMENT_CHUNKS; i++) {
      const text = Array.from({ length: DOCUMENT_CHUNKS }, (_, k) => `# Part ${k}\n${words(CHUNK_WORDS)}.`).join('\n')
      const { status, body } = await parley.post('/kb/documents', { title: `Document ${i}`, format: 'markdown', language: 'en', text })
      if (status !== 201) throw new Error(JSON.stringify(body))
    }
    const settings = await until('the documents to be indexed', async () => {
      const { body } = await parley.get('/kb/settings')
      return body.chunks === CHUNKS && body
    }, 240000, 100)
    const indexed = (performance.now() - began) / 1000
    const caller = { company_id: await parley.postgres.value('select company_id from crm.kb_companies') }
    await parley.postgres.rows('vacuum analyze crm.ai_kb_chunks, crm.ai_kb_vectors, crm.ai_kb_terms')
    const times = []
    for (let i = 0; i < QUESTIONS + 50; i++) {
      const query = words(4 + i % 12)
      const start = performance.now()
      await bus.ask('store.knowledge.search', 'KnowledgeSearchRequest', 'KnowledgeFound', { query }, caller)
      if (i >= 50) times.push(performance.now() - start)
    }
    return { chunks: settings.chunks, index: settings.index, 'indexed in, s': indexed, 'question, ms': summary(times) }
  } finally {
    await bus.close()
    await parley.stop()
  }
}
