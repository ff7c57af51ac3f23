// A document of one chunk, indexed as the knowledge service would; without a vector of its own it is found by words alone.
import { randomUUID } from 'node:crypto'

const revision = 1
export const chunk = (text, more = {}) => ({ id: randomUUID(), title: '', heading: '', text, embedding: 'local:1', vector: Buffer.alloc(512), ...more })

export const put = (store, caller, document) => store.bus.ask('store.knowledge.put', 'KnowledgePutRequest', 'KnowledgeDocument', document, caller)
export const index = (store, caller, request) => store.bus.ask('store.knowledge.index', 'KnowledgeIndexRequest', 'KnowledgeIndexed', request, caller)
export const search = (store, caller, query, more = {}) =>
  store.bus.ask('store.knowledge.search', 'KnowledgeSearchRequest', 'KnowledgeFound', { query, ...more }, caller)

/** Saved and found: the document and its chunk. */
export async function teach(store, caller, document, more = {}) {
  const saved = await put(store, caller, document)
  const only = chunk(document.text, { title: document.title, ...more })
  await index(store, caller, { id: saved.id, revision, chunks: [only], last: true, chunk_ids: [only.id] })
  return { ...saved, chunk: only }
}
