// The event log and the stream: every committed fact is told at least once, under an id that never changes, in order; nothing is told that did not happen.
import { rule, sql } from './rule.mjs'

const page = 'docs/events.md'
/** What a fact in the rows must have said of itself. */
const FACTS = [
  ['lead', 'lead.created', 'select id, id as lead_id from crm.leads'],
  ['message', 'message.received', `select id, lead_id from crm.messages where direction = 'inbound'`],
  ['message', 'message.queued', `select id, lead_id from crm.messages m where direction = 'outbound' and turn_id is null and not
    (m.sender_type = 'operator' and m.claim is null and exists (select from crm.events e where e.lead_id = m.lead_id and e.actor = 'operator:phone' and e.payload ->> 'message_id' = m.id::text))`],
  ['consent', 'lead.consent_changed', 'select id, lead_id from crm.lead_consents'],
  ['turn', 'turn.committed', `select id, lead_id from crm.turns where state = 'committed'`],
]
const REFERENCES = [['message_id', 'crm.messages'], ['turn_id', 'crm.turns'], ['conversation_id', 'crm.conversations']]

const same = (told, row) => told.type === row.type && told.company_id === row.company_id && told.entity_id === row.entity_id &&
  (told.lead_id ?? null) === row.lead_id && JSON.stringify(JSON.parse(told.payload.text)) === JSON.stringify(row.payload)

export const eventRules = [
  rule('every fact has its event', page, async world => {
    const found = []
    for (const [what, type, facts] of FACTS)
      for (const row of await world.rows(`select f.id from (${facts}) f where not exists (select from crm.events e where e.type = $1
        and (e.payload ->> $2 = f.id::text or (e.type = 'lead.created' and e.entity_id = f.id)) and e.lead_id = f.lead_id)
        and not exists (select from crm.events e where e.type = 'lead.merged' and e.lead_id = f.lead_id)`, [type, `${what}_id`]))
        found.push(`${what} ${row.id} has no event ${type}`)
    return found
  }),

  rule('an event speaks of what is there', page, async world => {
    const found = []
    for (const [member, table] of REFERENCES)
      for (const row of await world.rows(`select e.id, e.type, e.payload ->> '${member}' as speaks from crm.events e where e.payload ->> '${member}' <> ''
        and not exists (select from ${table} t where t.id::text = e.payload ->> '${member}')`))
        found.push(`event ${row.id} (${row.type}) speaks of ${member} ${row.speaks}, which is not there`)
    return found
  }),

  rule('an event happens once', page, sql(`
    select e.payload ->> 'message_id' as id, e.type, array_agg(e.id) as ids from crm.events e
    where e.type in ('message.received', 'message.sent', 'message.delivered', 'message.read') and not exists (select from crm.send_verdicts v
      where v.message_id::text = e.payload ->> 'message_id' and (v.reason = 'resend' or v.saw ->> 'replayed' = 'true'))
    group by 1, 2 having count(*) > 1`,
    row => `message ${row.id} has ${row.ids.length} events ${row.type}: ${row.ids.join(', ')}`)),

  rule('every event is in the stream', page, async world => world.log.filter(row => !world.told.has(row.id))
    .map(row => `event ${row.id} (${row.type}) of lead ${row.lead_id} is not in EVENTS`)),

  rule('the stream tells what happened', page, async world => {
    const log = new Map(world.log.map(row => [row.id, row])), jobs = new Set((await world.rows('select id from job')).map(({ id }) => id))
    return [...world.told.values()].flatMap(told => {
      const { event, headers, subject } = told
      if (event.type.startsWith('job.')) return jobs.has(event.entity_id) ? [] : [`EVENTS tells of ${event.type} for job ${event.entity_id}, which is not there`]
      const row = log.get(event.id)
      if (!row) return [`EVENTS tells of event ${event.id} (${event.type}), which never happened`]
      if (!same(event, row)) return [`EVENTS tells event ${event.id} (${row.type}) otherwise than the log`]
      return headers.get('ce-id') === row.id && headers.get('Parley-Company') === row.company_id && subject === `events.${row.company_id}.${row.type}`
        ? [] : [`EVENTS tells event ${event.id} (${row.type}) under another id, company or subject`]
    })
  }),

  rule('an event stays what it was', page, async world => [...world.told.values()].filter(told => told.versions.size > 1)
    .map(({ event, versions }) => `EVENTS tells event ${event.id} (${event.type}) in ${versions.size} different ways`)),

  // What speaks of one message, and what made its person known: written under the same locks, so that one is known to be before the other. A stream that was lost is
  // filled again from the log, beside what is new: there no order is promised.
  rule('events of a message come in the order of the log', page, async world => {
    if (world.ledger.deleted.some(({ stream }) => stream === 'EVENTS')) return []
    const found = [], last = new Map()
    for (const row of world.log) {
      const sequence = world.told.get(row.id)?.sequence, about = row.payload.message_id, known = [row.lead_id, about].map(id => last.get(id)).filter(Boolean)
      if (!sequence) continue
      for (const before of known.filter(one => one.sequence > sequence))
        found.push(`lead ${row.lead_id}: event ${row.id} (${row.type}) comes before ${before.row.id} (${before.row.type}), which happened first`)
      if (row.type === 'lead.created') last.set(row.lead_id, { row, sequence })
      if (about) last.set(about, { row, sequence })
    }
    return found
  }),

  // numbers are given out under the locks of what an event tells of: they must agree with the commits
  rule('the log is in the order of what happened', page, async world => {
    const found = [], last = new Map()
    for (const row of world.log) {
      const id = row.payload.message_id
      if (!id || !row.type.startsWith('message.')) continue
      const before = last.get(id)
      if (before && before.committed > row.committed) found.push(`message ${id}: ${before.type} stands before ${row.type} in the log and was committed after it`)
      last.set(id, row)
    }
    return found
  }),

  rule('dead letters are told', page, async world => {
    const told = new Set([...world.told.values()].filter(({ event }) => event.type === 'job.dead_lettered').map(({ event }) => event.entity_id))
    return (await world.rows(`select id, task from job where status = 'dlq'`)).filter(job => !told.has(job.id)).map(job => `job ${job.id} (${job.task}) is a dead letter and no event says so`)
  }),

  rule('nothing is left in a queue', page, async world => Object.entries(world.waiting).filter(([, count]) => count > 0).map(([stream, count]) => `${count} messages are left in ${stream}`)),
  rule('nothing was put aside unread', page, async world => world.quarantined > world.quarantinedAllowed
    ? [`${world.quarantined} messages are in QUARANTINE`] : []),
]
