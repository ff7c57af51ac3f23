// docs/summary.md, docs/follow-up.md: what is remembered and summed up was said; a silence brings one bump-up, and nothing unsafe; what a person allows is in the ledger.
import { rule, sql } from './rule.mjs'

export const silenceRules = [
  rule('what a person allows is their newest word', 'docs/follow-up.md', sql(`
    select distinct l.id, c.scope from crm.leads l join crm.lead_consents c on c.lead_id = l.id where l.merged_into is null and not exists (
      select from crm.lead_consents n where n.lead_id = l.id and n.scope = c.scope and n.granted = (l.consent ->> c.scope)::boolean
        and n.given_at = (select max(given_at) from crm.lead_consents where lead_id = l.id and scope = c.scope))`,
    row => `lead ${row.id} has another consent to ${row.scope} than the newest of its ledger`)),

  rule('what is remembered was said', 'docs/summary.md', sql(`
    select c.id, c.remembered_position, c.last_position from crm.conversations c where c.remembered_position > c.last_position
      or c.remembered_position > 0 and not exists (select from crm.ai_sessions e where e.conversation_id = c.id and e.summary <> '')`,
    row => `conversation ${row.id} is remembered up to ${row.remembered_position} of ${row.last_position}, or nothing of it is`)),

  rule('a summary covers what was said', 'docs/summary.md', sql(`
    select l.id, l.attributes #>> '{ai_summary,covered_sequence}' as covered, c.last_position from crm.leads l
      left join crm.conversations c on c.id::text = l.attributes #>> '{ai_summary,conversation_id}' and c.company_id = l.company_id
      where l.attributes ? 'ai_summary' and (c.id is null or (l.attributes #>> '{ai_summary,covered_sequence}')::bigint > c.last_position)`,
    row => `lead ${row.id} is summed up to ${row.covered}; its conversation has ${row.last_position}`)),

  rule('a summary is told', 'docs/summary.md', sql(`
    select l.id, l.attributes #>> '{ai_summary,covered_sequence}' as covered from crm.leads l where l.attributes ? 'ai_summary'
      and not exists (select from crm.events e where e.lead_id = l.id and e.type = 'lead.summarised' and e.payload ->> 'covered_sequence' = l.attributes #>> '{ai_summary,covered_sequence}')
      and not exists (select from crm.events e where e.type = 'lead.merged' and e.lead_id = l.id)`,
    row => `lead ${row.id} is summed up to ${row.covered} and no event says so`)),

  // what the gate did not let out has bumped nobody
  rule('a silence brings one bump-up', 'docs/follow-up.md', sql(`
    with bumped as (select b.id, m.conversation_id, m.position, lag(b.id) over w as before, lag(m.position) over w as after
                    from crm.bumpups b join crm.messages m on m.id = b.id where m.status not in ('cancelled', 'held', 'failed') and not m.conversation_id = any ($1)
                    window w as (partition by m.conversation_id order by m.position))
    select * from bumped b where before is not null and not exists (select from crm.messages m
      where m.conversation_id = b.conversation_id and m.position > b.after and m.position < b.position and m.sender_type = 'ai' and m.cause = 'reply')`,
    row => `conversation ${row.conversation_id} has bump-up ${row.id} after bump-up ${row.before}, and the AI has answered nothing in between`, world => [world.joined])),

  rule('a bump-up is a message, and is told', 'docs/follow-up.md', sql(`
    select b.id from crm.bumpups b left join crm.messages m on m.id = b.id
    where m.id is null or (m.sender_type, m.cause, m.direction, m.conversation_id, m.lead_id) is distinct from ('ai', 'proactive', 'outbound', b.conversation_id, b.lead_id)
      or not exists (select from crm.events e where e.lead_id = b.lead_id and e.type = 'lead.bumped' and e.payload ->> 'message_id' = b.id::text)`,
    row => `bump-up ${row.id} is no message of the AI's, or no event tells of it`)),
]
