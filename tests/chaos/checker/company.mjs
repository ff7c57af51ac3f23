// Always true 6: every row's company is that of the rows it belongs to.
import { rule } from './rule.mjs'

/** child, its column, parent: same company. */
const PARENTS = [
  ['stages', 'pipeline_id', 'pipelines'], ['leads', 'pipeline_id', 'pipelines'], ['leads', 'stage_id', 'stages'], ['leads', 'user_id', 'users'],
  ['leads', 'merged_into', 'leads'], ['lead_contacts', 'lead_id', 'leads'], ['lead_contacts', 'channel_account_id', 'channel_accounts'],
  ['conversations', 'lead_id', 'leads'], ['conversations', 'channel_account_id', 'channel_accounts'], ['conversations', 'contact_id', 'lead_contacts'],
  ['messages', 'conversation_id', 'conversations'], ['messages', 'lead_id', 'leads'], ['messages', 'channel_account_id', 'channel_accounts'],
  ['messages', 'turn_id', 'turns'], ['messages', 'template_id', 'templates'], ['ai_messages', 'id', 'messages'], ['turns', 'conversation_id', 'conversations'],
  ['turns', 'lead_id', 'leads'], ['turns', 'message_id', 'messages'], ['send_verdicts', 'message_id', 'messages'], ['events', 'lead_id', 'leads'],
  ['lead_consents', 'lead_id', 'leads'], ['ai_sessions', 'lead_id', 'leads'], ['ai_sessions', 'conversation_id', 'conversations'], ['bumpups', 'id', 'messages'], ['bumpups', 'lead_id', 'leads'],
]
const JOBS = [
  ['job j', `crm.messages p on p.id::text = j.message_id`, 'the message it speaks of'],
  ['crm.messages m join job j on j.id = m.job_id', 'crm.messages p on p.id = m.id', 'the message that names it'],
  ['crm.turns t join job j on j.id = t.job_id', 'crm.turns p on p.id = t.id', 'the turn it opened'],
]

export const companyRules = [
  rule('companies are not mixed', 6, async world => {
    const found = []
    for (const [child, column, parent] of PARENTS) {
      const rows = await world.rows(`select c.id, c.${column} as parent, p.id as found, c.company_id, p.company_id as other from crm.${child} c
        left join crm.${parent} p on p.id = c.${column} where c.${column} is not null and p.company_id is distinct from c.company_id`)
      for (const row of rows)
        found.push(row.found ? `${child} ${row.id} is company ${row.company_id}'s, ${parent} ${row.parent} is company ${row.other}'s`
          : `${child} ${row.id} belongs to ${parent} ${row.parent}, which is not there`)
    }
    for (const [from, joined, what] of JOBS) {
      const rows = await world.rows(`select j.id, j.company_id, p.id as parent, p.company_id as other from ${from} join ${joined} where p.company_id <> j.company_id`)
      for (const row of rows) found.push(`job ${row.id} is company ${row.company_id}'s, ${what} (${row.parent}) is company ${row.other}'s`)
    }
    return found
  }),

  rule('a conversation is one person\'s', 6, async world => (await world.rows(`
    select m.id, m.lead_id, c.lead_id as other, m.conversation_id from crm.messages m join crm.conversations c on c.id = m.conversation_id where c.lead_id <> m.lead_id
    union all select m.id, m.lead_id, t.lead_id, m.conversation_id from crm.messages m join crm.conversations c on c.id = m.conversation_id
      join crm.lead_contacts t on t.id = c.contact_id where t.lead_id <> m.lead_id`))
    .map(row => `message ${row.id} is lead ${row.lead_id}'s, its conversation ${row.conversation_id} is lead ${row.other}'s`)),
]
