// docs/stages.md: what is known of a lead, and where it stands, rests on the customer's own words.
import { rule, sql } from './rule.mjs'

const page = 'docs/stages.md'
const NOTES = `(select l.id, l.company_id, n.key as name, n.value ->> 'message_id' as evidence from crm.leads l
  cross join lateral jsonb_each(case when jsonb_typeof(l.attributes -> 'bant') = 'object' then (l.attributes -> 'bant') - 'score' else '{}' end
    || case when jsonb_typeof(l.attributes -> 'collected') = 'object' then l.attributes -> 'collected' else '{}' end) n)`

export const stageRules = [
  rule('a note rests on the customer\'s words', page, sql(`
    select n.id, n.name, n.evidence from ${NOTES} n where not exists
      (select from crm.messages m where m.id::text = n.evidence and m.lead_id = n.id and m.company_id = n.company_id and m.direction = 'inbound')`,
    row => `of lead ${row.id} ${row.name} is noted; it rests on message ${row.evidence}, which that customer did not write`)),

  rule('the score counts what is known', page, sql(`
    select l.id, l.attributes #>> '{bant,score}' as score, count(n.key)::integer * 25 as known from crm.leads l
      left join lateral jsonb_each(l.attributes -> 'bant') n on n.key in ('budget', 'authority', 'need', 'timing')
    where jsonb_typeof(l.attributes -> 'bant') = 'object' and l.attributes -> 'bant' ? 'score' group by l.id having (l.attributes #>> '{bant,score}')::numeric <> count(n.key) * 25`,
    row => `lead ${row.id} has the score ${row.score}, what is known of it makes ${row.known}`)),

  rule('a move rests on the customer\'s words', page, sql(`
    select e.id, e.lead_id, e.payload ->> 'by' as by, e.payload ->> 'evidence' as evidence from crm.events e
    where e.type = 'lead.stage_changed' and e.payload ->> 'by' in ('ai', 'rule') and not exists
        (select from crm.messages m where m.id::text = e.payload ->> 'evidence' and m.lead_id = e.lead_id and m.company_id = e.company_id and m.direction = 'inbound')
      and not exists (select from crm.events o where o.type = 'lead.merged' and o.payload ->> 'merged_lead_id' = e.lead_id::text)`,
    row => `lead ${row.lead_id} was moved (event ${row.id}, by ${row.by}) on the words of message ${row.evidence}, which that customer did not write`)),

  rule('stages change one after the other', page, async world => {
    const found = [], at = new Map(), now = new Map((await world.rows('select id, stage_id from crm.leads')).map(row => [row.id, row.stage_id]))
    for (const { id, lead_id, payload } of world.log.filter(row => row.type === 'lead.stage_changed')) {
      if (at.has(lead_id) && at.get(lead_id) !== payload.from) found.push(`lead ${lead_id}: event ${id} moves it from stage ${payload.from}, it stood in ${at.get(lead_id)}`)
      at.set(lead_id, payload.to)
    }
    for (const [lead, stage] of at)
      if (now.has(lead) && now.get(lead) !== stage) found.push(`lead ${lead} stands in stage ${now.get(lead)}, its last move was to ${stage}`)
    return found
  }),
]
