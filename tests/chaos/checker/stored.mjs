// Always true 1 and 2: what was acknowledged is stored, once, as it was said.
import { rule, sql } from './rule.mjs'

const LOST_MS = 5000 // what a stream that is deleted on purpose may have held

const digits = phone => phone.replace('+', '')
const name = post => post.messageId ?? post.externalId ?? JSON.stringify(post.text)

/** Accepted just before its stream was deleted: only the stream knew it. */
const may_be_lost = (ledger, post) => ledger.deleted.some(({ stream, at }) => stream === 'INBOUND' && post.acknowledgedAt > at - LOST_MS && post.acknowledgedAt < at + LOST_MS)

export const storedRules = [
  rule('accepted is stored', 1, async world => world.ledger.acknowledged
    .filter(post => !world.stored(post).length && !may_be_lost(world.ledger, post))
    .map(post => `message ${name(post)} from ${digits(post.phone)} was accepted at ${new Date(post.acknowledgedAt).toISOString()} and is not stored`)),

  rule('stored once', 2, async world => world.ledger.posts
    .map(post => [post, world.storedTexts.get(post.text) ?? []])
    .filter(([, rows]) => rows.length > 1)
    .map(([post, rows]) => `message ${name(post)} is stored ${rows.length} times: ${rows.map(({ id }) => id).join(', ')}`)),

  rule('stored as it was said', 1, async world => world.ledger.acknowledged.flatMap(post => world.stored(post)
    .filter(row => row.message_text !== post.text || digits(row.phone_number ?? '') !== digits(post.phone))
    .map(row => `message ${row.id} was said by ${digits(post.phone)} and is stored as ${row.phone_number}'s, or its text is another`))),

  rule('an accepted message has the job that was told', 1, async world => {
    const jobs = new Map((await world.rows('select id, key, company_id from job')).map(job => [job.id, job]))
    return world.ledger.acknowledged.filter(post => post.jobId && world.stored(post).length).flatMap(post => {
      const [row] = world.stored(post), job = jobs.get(post.jobId)
      if (!job) return [`job ${post.jobId} of message ${row.id} was told and does not exist`]
      const key = `ai_engage_${row.lead_id}_${row.id}`
      return job.key === key || world.merged.has(row.lead_id) ? [] : [`job ${post.jobId} was told for message ${row.id} and has the key ${job.key}`]
    })
  }),

  rule('one row per provider message', 2, sql(`
    select channel_account_id, external_id, array_agg(id) as ids from crm.messages where external_id is not null group by 1, 2 having count(*) > 1`,
    row => `the provider's message ${row.external_id} has ${row.ids.length} rows: ${row.ids.join(', ')}`)),

  // only where one copy of ingest lives through it: two copies race by milliseconds, and what a dead one held comes again after the ack wait
  rule('the order of arrival is the order of positions', 5, async world => {
    const found = []
    for (const posts of world.inOrder ? world.postsByPhone.values() : []) {
      let before // the furthest position that was acknowledged before the next one was said
      for (const post of posts.filter(one => one.acknowledgedAt)) {
        const [row] = world.stored(post)
        if (!row) continue
        if (before && before.post.acknowledgedAt <= post.at && before.row.conversation_id === row.conversation_id && before.row.position > row.position)
          found.push(`message ${row.id} (position ${row.position}) was said after message ${before.row.id} (position ${before.row.position}) had been acknowledged`)
        if (!before || before.row.position < row.position) before = { post, row }
      }
    }
    return found
  }),
]
