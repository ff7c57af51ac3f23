// One violation of each rule, planted in a healthy system: what is done to its rows, its streams or the provider; the rule that must find it, and those that may, too,
// because one wrong row breaks several promises. `at` names the healthy system's rows (checker.test.mjs).
import { randomUUID } from 'node:crypto'
import { headers } from 'nats'
import { encode } from '../../support/bus.mjs'
import { featurePlants } from './feature_plants.mjs'
import { jobPlants } from './job_plants.mjs'

const q = id => `'${id}'`
const message = (id, set) => `update crm.messages set ${set} where id = ${q(id)}`
const turn = (id, set) => `update crm.turns set ${set} where id = ${q(id)}`
const conversation = (id, set) => `update crm.conversations set ${set} where id = ${q(id)}`
const event = (type, id) => `(select id from crm.events where type = '${type}' and payload ->> 'message_id' = ${q(id)} limit 1)`
const saw = (id, members) => `update crm.send_verdicts set saw = (saw::jsonb || '${JSON.stringify(members)}')::json where message_id = ${q(id)} and verdict = 'go'`

const told = 'the stream tells what happened', untold = 'every event is in the stream', fact = 'every fact has its event', status = 'every status has its event'
const passes = 'a turn passes over no message', dense = 'positions are dense', go = 'nothing leaves without a go', reached = 'what reached the provider had a go'

const rowPlants = [
  { rule: 'accepted is stored', also: [dense, 'an event speaks of what is there'], sql: at => `delete from crm.messages where id = ${q(at.a.inbound[0])}` },
  { rule: 'stored once', also: [dense, passes, fact], sql: at => at.copy('messages', at.a.inbound[0], { id: randomUUID(), position: 99, external_id: null, turn_id: null, wants_answer: false }) },
  { rule: 'stored as it was said', sql: at => message(at.a.inbound[0], `message_text = 'something else'`) },
  { rule: 'an accepted message has the job that was told', sql: at => `update jobs.jobs set idempotency_key = 'another' where id = (select job_id from crm.messages where id = ${q(at.a.inbound[0])})` },
  { rule: 'received is what came in', also: [status], sql: at => message(at.a.inbound[0], `status = 'delivered'`) },
  { rule: 'one row per provider message', also: [dense, 'stored once', fact, 'the order of arrival is the order of positions'], sql: at => `drop index crm.messages_external; ${at.copy('messages', at.b.inbound[1], { id: randomUUID(), position: 99 })}` },
  { rule: 'the order of arrival is the order of positions', sql: at => {
    const [one, other] = [at.b.inbound[1], at.b.inbound[2]], was = id => `position = (select position from was where id = ${q(id)})`
    return `create temp table was as select id, position from crm.messages; ${message(one, 'position = 0')}; ${message(other, was(one))}; ${message(one, was(other))}`
  } },

  { rule: 'what is owed has a job or a person', also: ['owners change one after the other'], sql: at => conversation(at.b.conversation, `owner = 'ai'`) },
  { rule: 'nobody waits for the AI past the deadline', also: ['owners change one after the other', 'what is owed has a job or a person'],
    sql: at => conversation(at.b.conversation, `owner = 'ai', owed_since = now() - interval '1 day'`) },
  { rule: 'who is handed over is told once', also: [untold, 'an event happens once', 'owners change one after the other'],
    sql: at => at.copy('events', `(select id from crm.events where type = 'conversation.escalated' and lead_id = ${q(at.handed.lead)})`, { id: randomUUID() }) },
  { rule: 'who waits for a person too long is told of once', sql: at => conversation(at.b.conversation, `owed_since = now() - interval '1 day'`) },
  { rule: 'what counts as answered was answered', also: [passes], sql: at => message(at.a.inbound[0], 'turn_id = null') },
  { rule: 'a message is covered by the turn that covers it', sql: at => turn(at.a.turns[0], `state = 'superseded'`) },
  { rule: 'a turn passes over no message', also: ['a message is covered by the turn that covers it'], sql: at => message(at.a.inbound[0], `turn_id = ${q(at.a.turns[1])}`) },
  { rule: 'covered by one turn', also: [passes], sql: at => turn(at.a.turns[1], 'after_position = 0') },
  { rule: 'coverage only moves on', sql: at => turn(at.a.turns[0], `committed_at = committed_at + interval '1 day'`) },
  { rule: 'a turn has at most one reply', also: [dense, 'a reply has its turn', status, fact], sql: at => at.copy('messages', at.a.replies[0], { id: randomUUID(), position: 99, external_id: null, status: 'withdrawn' }) },
  { rule: 'a committed turn has its reply', also: ['a reply has its turn'], sql: at => turn(at.a.turns[0], 'message_id = null') },
  { rule: 'a reply has its turn', also: ['a committed turn has its reply', fact], sql: at => message(at.a.replies[0], 'turn_id = null') },
  { rule: 'a job answers once', sql: at => `drop index crm.turns_job; ${turn(at.a.turns[1], `job_id = (select job_id from crm.turns where id = ${q(at.a.turns[0])})`)}` },
  { rule: 'what a conversation says of itself agrees', sql: at => conversation(at.a.conversation, 'covered_position = last_position + 5') },
  { rule: 'what is owed was said', sql: at => conversation(at.b.conversation, 'owed_position = owed_position + 1, last_position = last_position + 1'), also: [dense, 'the newest message is the newest'] },
  { rule: 'what is about to leave has a job', sql: at => message(at.other.replies[0], `status = 'queued'`) },

  { rule: 'what is remembered was said', sql: at => conversation(at.a.conversation, 'remembered_position = 1') },
  { rule: 'a summary covers what was said', also: ['a summary is told'], sql: at => `update crm.leads set attributes = attributes ||
      '{"ai_summary":{"conversation_id":"${at.a.conversation}","covered_sequence":999}}' where id = ${q(at.a.lead)}` },

  { rule: go, also: [reached], sql: at => `delete from crm.send_verdicts where message_id = ${q(at.a.replies[0])}` },
  { rule: 'what the AI said was found safe', sql: at => turn(at.a.turns[0], `safety_checks = '{"safe": false}'`) },
  { rule: 'it leaves for its person', sql: at => `update crm.lead_contacts set address = '19990001111' where lead_id = ${q(at.a.lead)}` },
  { rule: 'what has left is not called waiting', also: ['status never goes backwards', status], sql: at => message(at.a.replies[0], `status = 'withdrawn'`) },
  { rule: 'what is called sent was sent', also: [go, status], sql: at => message(at.other.replies[0], `status = 'sent'`) },
  { rule: `a sent message carries its provider's id`, sql: at => message(at.a.replies[0], `external_id = 'wamid.another'`) },
  { rule: 'sending does not last', sql: at => message(at.unknown, `status = 'sending', go_until = now() - interval '1 hour'`) },
  { rule: 'unknown is reported', also: [go, status], sql: at => message(at.other.replies[0], `status = 'unknown', updated_at = now()`) },
  { rule: 'unknown ends', sql: at => message(at.unknown, `status = 'unknown', updated_at = now() - interval '1 hour'`) },
  { rule: 'what stays unknown is put before a person', also: [told], sql: () => `delete from crm.events where type = 'conversation.escalated' and payload ->> 'epoch' is null` },
  { rule: `no go for the AI in a person's conversation`, sql: at => saw(at.a.replies[0], { owner: 'human' }) },
  { rule: 'no go for the AI after a takeover commit', sql: at => `insert into crm.send_verdicts (company_id, message_id, verdict, saw, created_at)
      select company_id, message_id, verdict, saw, created_at from crm.send_verdicts where message_id = ${q(at.c.replies[0])} and verdict = 'go'` },
  { rule: 'no answer over a newer question', sql: at => saw(at.a.replies.at(-1), { newer_owed: true, answer_by_at: '2100-01-01T00:00:00Z' }) },

  { rule: dense, also: ['the newest message is the newest', 'what is owed was said'], sql: at => message(at.b.inbound.at(-1), 'position = position + 10') },
  { rule: 'the newest message is the newest', sql: at => conversation(at.a.conversation, `last_message_id = ${q(at.a.inbound[0])}`) },
  { rule: 'status never goes backwards', also: [untold, 'an event happens once'], sql: at => at.copy('events', event('message.sent', at.a.replies[0]), { id: randomUUID() }) },
  { rule: status, also: [told], sql: at => `delete from crm.events where id = ${event('message.read', at.a.replies[0])}` },
  { rule: 'owners change one after the other', sql: at => conversation(at.a.conversation, 'epoch = epoch + 1') },

  { rule: 'companies are not mixed', sql: at => message(at.a.inbound[0], `company_id = ${q(at.otherCompany)}`) },
  { rule: `a conversation is one person's`, also: ['stored as it was said', 'an accepted message has the job that was told', fact], sql: at => message(at.a.inbound[0], `lead_id = ${q(at.c.lead)}`) },

  { rule: fact, also: [told], sql: at => `delete from crm.events where type = 'turn.committed' and payload ->> 'turn_id' = ${q(at.a.turns[0])}` },
  { rule: 'an event speaks of what is there', also: [told, fact], sql: at => `update crm.events set payload = (payload::jsonb || '{"message_id":"${randomUUID()}"}')::json where id = ${event('message.received', at.a.inbound[0])}` },
  { rule: 'an event happens once', also: [untold], sql: at => at.copy('events', event('message.received', at.a.inbound[0]), { id: randomUUID() }) },
  { rule: untold, sql: at => at.copy('events', `(select id from crm.events where type = 'lead.created' limit 1)`, { id: randomUUID() }) },
  { rule: told, also: [untold], sql: at => `update crm.events set id = gen_random_uuid() where type = 'lead.created' and lead_id = ${q(at.a.lead)}` },
  { rule: 'events of a message come in the order of the log', also: ['the log is in the order of what happened', 'status never goes backwards'],
    sql: at => `alter table crm.events alter column n drop identity; update crm.events set n = -1 where id = ${event('message.read', at.a.replies[0])}` },
  { rule: 'the log is in the order of what happened', also: ['events of a message come in the order of the log', 'status never goes backwards'],
    sql: at => `alter table crm.events alter column n drop identity; update crm.events set n = 0 where id = ${event('message.delivered', at.a.replies[0])}` },
  ...featurePlants,
  ...jobPlants,
]

/** Goes out at the simulator as a channel would send it. */
const send = (at, to, callback) => fetch(`${at.graph}/v23.0/${at.phoneId}/messages`, { method: 'POST', headers: { authorization: `Bearer ${at.token}`, 'content-type': 'application/json' },
  body: JSON.stringify({ messaging_product: 'whatsapp', to, type: 'text', text: { body: 'planted' }, biz_opaque_callback_data: callback }) })

const worldPlants = [
  { rule: reached, also: ['it leaves for its person'], sim: at => send(at, at.other.phone, at.other.replies[0]) },
  { rule: 'nothing leaves twice', also: [reached, 'it leaves for its person'], sim: at => send(at, at.a.phone, at.a.replies[0]) },
  { rule: `nothing of the AI's reaches the provider after a takeover's answer`, also: [reached, 'nothing leaves twice', 'it leaves for its person'], sim: at => send(at, at.c.phone, at.c.replies[0]) },
]

async function publishEvent(at, fields, id) {
  const list = headers()
  for (const [name, value] of Object.entries({ 'Nats-Msg-Id': id, 'ce-id': fields.id, 'Parley-Company': fields.company_id })) list.set(name, value)
  await at.bus.jetstream.publish(`events.${fields.company_id}.${fields.type}`, encode('Event', fields), { headers: list })
}
const remove = async (at, wanted) => (await at.bus.connection.jetstreamManager()).streams.deleteMessage('EVENTS', await at.sequence(wanted))

/** These stay in the streams: what one of them breaks stays broken. */
const streamPlants = [
  { rule: untold, bus: at => remove(at, row => row.type === 'turn.committed') },
  { rule: 'dead letters are told', bus: at => remove(at, row => row.type === 'job.dead_lettered') },
  { rule: told, bus: at => publishEvent(at, { id: randomUUID(), type: 'lead.created', company_id: at.otherCompany, entity_type: 'lead', entity_id: randomUUID(), payload: { text: '{}' } }, randomUUID()) },
  { rule: 'an event stays what it was', bus: async at => publishEvent(at, { ...await at.event(row => row.type === 'message.received'), payload: { text: '{"another":"story"}' } }, randomUUID()) },
  { rule: 'nothing is left in a queue', bus: at => at.bus.jetstream.publish('work.ai.engage', '') },
  { rule: 'nothing was put aside unread', bus: at => at.bus.jetstream.publish('quarantine.inbound.message.whatsapp_cloud', '') },
]

export const plants = { rowPlants, worldPlants, streamPlants }
