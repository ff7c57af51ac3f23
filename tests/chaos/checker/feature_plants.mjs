// One violation of each rule about files, documents, costs, stages, summaries, bump-ups and what is safe to say. at.picture: who sent a file; at.bumped: who was bumped
// up and summed up; at.spent: whose budget is used up; at.noted: of whom something is noted, and who was moved for it.
import { randomUUID } from 'node:crypto'

const q = id => `'${id}'`
const told = 'the stream tells what happened'
const event = (type, lead) => `type = '${type}' and lead_id = ${q(lead)}`
const attribute = (lead, path, value) => `update crm.leads set attributes = jsonb_set(attributes, '{${path}}', '${JSON.stringify(value)}') where id = ${q(lead)}`
export const featurePlants = [
  { rule: 'a file that came is fetched, given up or has a job', also: ['what a message says of its file is so'],
    sql: at => `update crm.messages set media_info = media_info - 'file' where id = ${q(at.picture.inbound[0])}` },
  { rule: 'what a message says of its file is so', sql: at => `delete from crm.media where message_id = ${q(at.picture.inbound[0])}` },
  { rule: 'a file is kept as it came', also: ['what a message says of its file is so'], sql: at => `update crm.media set bytes = bytes + 1 where message_id = ${q(at.picture.inbound[0])}` },
  { rule: 'what became of a file is told', also: [told], sql: at => `delete from crm.events where ${event('message.media_stored', at.picture.lead)}` },
  { rule: 'a document is ready, failed or has a job', sql: () => `update crm.ai_kb_docs set state = 'indexing', indexing_since = now()` },
  { rule: 'a document that is ready can be found', sql: () => `delete from crm.ai_kb_vectors` },

  { rule: 'what was used is counted', also: ['conversations spend what their company does'], sql: () => `update crm.ai_usage set prompt_tokens = 0` },
  { rule: 'conversations spend what their company does', sql: () => `update crm.ai_spent set tokens = 1000000` },
  { rule: 'a budget that is used up is told once', also: [told], sql: at => `delete from crm.events where ${event('budget.reached', at.spent.lead)}` },
  { rule: 'no model answers past a budget', sql: at => `update crm.ai_budgets_reached set reached_at = reached_at - interval '1 hour';
      delete from crm.events where type = 'company.updated'; update crm.turns set provider = 'openai' where conversation_id = ${q(at.spent.conversation)}`, also: [told, 'what was used is counted'] },

  { rule: `a note rests on the customer's words`, sql: at => attribute(at.noted.lead, 'bant,need,message_id', at.a.inbound[0]) },
  { rule: 'the score counts what is known', sql: at => attribute(at.noted.lead, 'bant,score', 100) },
  { rule: `a move rests on the customer's words`, also: [told], sql: at => `update crm.events set payload = (payload::jsonb || '{"evidence":"${at.a.inbound[0]}"}')::json
      where ${event('lead.stage_changed', at.noted.lead)}` },
  { rule: 'stages change one after the other', sql: at => `alter table crm.leads disable trigger leads_stage_changed; update crm.leads l set stage_id = (select s.id from crm.stages s
      where s.company_id = l.company_id and s.id <> l.stage_id order by s.position desc limit 1) where l.id = ${q(at.noted.lead)}` },

  { rule: 'what a person allows is their newest word', sql: at => `update crm.leads set consent = '{"marketing":false}' where id = ${q(at.bumped.lead)}` },
  { rule: 'every fact has its event', also: [told], sql: at => `delete from crm.events where ${event('lead.consent_changed', at.bumped.lead)}` },
  { rule: 'a summary is told', also: [told], sql: at => `delete from crm.events where ${event('lead.summarised', at.bumped.lead)}` },
  { rule: 'a silence brings one bump-up', also: ['positions are dense', 'a bump-up is a message, and is told', 'the newest message is the newest', 'nothing leaves without a go', 'what is called sent was sent',
    'every status has its event', 'every fact has its event', `a sent message carries its provider's id`],
    sql: at => { const id = randomUUID(); return `${at.copy('messages', at.bumped.bumpup, { id, position: 99, external_id: null })};
      create temp table another as select * from crm.bumpups; update another set id = '${id}', job_id = '${id}'; insert into crm.bumpups select * from another` } },
  { rule: 'a bump-up is a message, and is told', also: [told], sql: at => `delete from crm.events where ${event('lead.bumped', at.bumped.lead)}` },
  { rule: 'what bumps somebody up was found safe', sql: () => 'update crm.bumpups set safety_checks = null' },
  { rule: 'what was refused is kept nowhere', sql: at => `update crm.leads set attributes = attributes || '{"seen":"${at.unsafe}"}' where id = ${q(at.a.lead)}` },
  { rule: 'a refusal is of a turn, and tells no words', sql: () => `update crm.safety_refusals set verdict = verdict || '{"text":"what it said"}'` },
]
