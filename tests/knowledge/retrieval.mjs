// Indexes the test set by the real services and asks its questions in each way.
import { documents, questions, unanswerable } from './material.mjs'
import { until } from '../support/process.mjs'

export async function request(parley, method, path, body, headers = {}) {
  const answer = await fetch(parley.url + path, { method, headers: { 'content-type': 'application/json', ...headers }, body: body && JSON.stringify(body) })
  return { status: answer.status, body: await answer.json() }
}

/** All documents of the state that they are waited for in. */
export const untilIndexed = (parley, waitMs = 20000) => until('documents to be indexed', async () => {
  const { body } = await request(parley, 'GET', '/kb/documents?state=indexing')
  return body.items.length === 0
}, waitMs)

export async function indexAll(parley) {
  for (const document of documents) {
    const { status, body } = await request(parley, 'POST', '/kb/documents', { format: 'markdown', ...document })
    if (status !== 201) throw new Error(JSON.stringify(body))
  }
  await untilIndexed(parley)
}

/** {recall@5, recall@1, missed: [question, ...]} of one way in one language. */
export async function recall(parley, language, mode) {
  const missed = []
  let first = 0
  for (const [query, heading] of questions[language]) {
    const { body } = await request(parley, 'POST', '/kb/search', { query, mode })
    const place = body.items.findIndex(item => item.heading === heading)
    if (place < 0) missed.push(query)
    if (place === 0) first++
  }
  const all = questions[language].length
  return { at5: 1 - missed.length / all, at1: first / all, missed }
}

/** Of answerable questions: the share whose answer is held relevant; of the others: those for which anything is. */
export async function relevance(parley) {
  const kept = [], invented = []
  for (const [query, heading] of [...questions.en, ...questions.bn]) {
    const { body } = await request(parley, 'POST', '/kb/search', { query })
    kept.push([query, body.items.some(item => item.heading === heading && item.relevant), body.items.find(item => item.heading === heading)])
  }
  for (const query of unanswerable) {
    const { body } = await request(parley, 'POST', '/kb/search', { query })
    invented.push([query, body.items.filter(item => item.relevant), body.items])
  }
  return { kept, invented }
}
