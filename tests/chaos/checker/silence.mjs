// docs/summary.md: what is remembered and what is summed up was said.
import { rule, sql } from './rule.mjs'

export const silenceRules = [
  rule('what is remembered was said', 'docs/summary.md', sql(`
    select c.id, c.remembered_position, c.last_position from crm.conversations c where c.remembered_position > c.last_position
      or c.remembered_position > 0 and not exists (select from crm.ai_sessions e where e.conversation_id = c.id and e.summary <> '')`,
    row => `conversation ${row.id} is remembered up to ${row.remembered_position} of ${row.last_position}, or nothing of it is`)),

  rule('a summary covers what was said', 'docs/summary.md', sql(`
    select l.id, l.attributes #>> '{ai_summary,covered_sequence}' as covered, c.last_position from crm.leads l
      left join crm.conversations c on c.id::text = l.attributes #>> '{ai_summary,conversation_id}' and c.company_id = l.company_id
      where l.attributes ? 'ai_summary' and (c.id is null or (l.attributes #>> '{ai_summary,covered_sequence}')::bigint > c.last_position)`,
    row => `lead ${row.id} is summed up to ${row.covered}; its conversation has ${row.last_position}`)),
]
