// Always true 5: status never goes backwards, order inside a conversation never breaks.
import { rule, sql } from './rule.mjs'

const RANK = { queued: 0, held: 1, withdrawn: 1, cancelled: 1, unknown: 1, sent: 2, failed: 3, delivered: 4, read: 5 }
const STATUS_EVENTS = Object.keys(RANK).map(status => `message.${status}`)

/** Sent again from the dead letters: a failure may be followed by everything. */
const backwards = (before, after, replayed) => before === 'failed' && replayed ? false : RANK[before] >= RANK.sent && RANK[after] < RANK[before]

export const orderRules = [
  rule('positions are dense', 5, sql(`
    select c.id, c.last_position, count(m.id) as count, min(m.position) as first, max(m.position) as last from crm.conversations c
    left join crm.messages m on m.conversation_id = c.id where c.state = 'open' group by 1, 2
    having count(m.id) <> c.last_position or coalesce(max(m.position), 0) <> c.last_position or coalesce(min(m.position), 1) <> 1`,
    row => `conversation ${row.id} counts ${row.last_position} messages and has ${row.count}, positions ${row.first} to ${row.last}`)),

  rule('the newest message is the newest', 5, sql(`
    select c.id, c.last_message_id, c.last_position from crm.conversations c where c.state = 'open' and c.last_position > 0
      and not exists (select from crm.messages m where m.id = c.last_message_id and m.conversation_id = c.id and m.position = c.last_position)`,
    row => `conversation ${row.id}: message ${row.last_message_id} is not at its last position ${row.last_position}`)),

  rule('received is what came in', 5, sql(`
    select id, direction, status from crm.messages where (direction = 'inbound') <> (status = 'received')`,
    row => `message ${row.id} is ${row.direction} and ${row.status}`)),

  // in the order in which PostgreSQL committed
  rule('status never goes backwards', 5, async world => {
    const found = [], events = await world.rows(`
      select e.payload ->> 'message_id' as id, substr(e.type, 9) as status, exists (select from crm.send_verdicts v
        where v.message_id::text = e.payload ->> 'message_id' and v.verdict = 'go' and v.saw ->> 'replayed' = 'true') as replayed
      from crm.events e where e.type = any ($1) order by pg_xact_commit_timestamp(e.xmin), e.n`, [STATUS_EVENTS])
    const furthest = new Map()
    for (const { id, status, replayed } of events) {
      const before = furthest.get(id)
      if (before && backwards(before, status, replayed)) found.push(`message ${id} became ${status} after it had been ${before}`)
      else if (!before || RANK[status] >= RANK[before] || replayed) furthest.set(id, status)
    }
    for (const [id, status] of furthest) {
      const now = world.messages.get(id)?.status
      if (now in RANK && backwards(status, now, false)) found.push(`message ${id} is ${now} though it had been ${status}`)
    }
    return found
  }),

  rule('every status has its event', 5, sql(`
    select m.id, m.status from crm.messages m where m.direction = 'outbound' and m.status not in ('queued', 'sending') and not exists
      (select from crm.events e where e.lead_id = m.lead_id and e.type = 'message.' || m.status and e.payload ->> 'message_id' = m.id::text)
      and not exists (select from crm.events e where e.type = 'lead.merged' and e.lead_id = m.lead_id)`,
    row => `message ${row.id} is ${row.status} and no event says so`)),

  rule('owners change one after the other', 5, async world => {
    const found = [], epochs = new Map(), rows = await world.rows(`
      select e.payload ->> 'conversation_id' as id, (e.payload ->> 'epoch')::bigint as epoch, case e.type when 'conversation.handed_back' then 'ai' else 'human' end as owner,
             e.type = 'conversation.escalated' as waits
      from crm.events e where e.type in ('conversation.taken_over', 'conversation.handed_back', 'conversation.escalated') and e.payload ->> 'epoch' is not null
      order by pg_xact_commit_timestamp(e.xmin), e.n`)
    for (const { id, epoch, owner, waits } of rows) {
      const before = epochs.get(id) ?? { epoch: 0, owner: 'ai' }
      const taken = before.waits && !waits && owner === 'human' // a person came to what waited for one
      if (epoch !== before.epoch + 1 || (owner === before.owner && !taken)) found.push(`conversation ${id} went from ${before.owner} (epoch ${before.epoch}) to ${owner} (epoch ${epoch})`)
      epochs.set(id, { epoch, owner, waits })
    }
    for (const row of await world.rows(`select id, epoch, owner from crm.conversations where state = 'open' and not id = any ($1)`, [world.joined])) {
      const told = epochs.get(row.id) ?? { epoch: 0, owner: 'ai' }
      if (row.epoch !== told.epoch || row.owner !== told.owner) found.push(`conversation ${row.id} is ${row.owner}'s (epoch ${row.epoch}); the event log says ${told.owner}'s (epoch ${told.epoch})`)
    }
    return found
  }),
]
