// Always true 3: every owed inbound is covered by exactly one turn, or has a live job, or a job in the dead letters, or belongs to a person; a turn has at most one reply.
import { rule, sql } from './rule.mjs'

const SWEEP_MS = 30000 // the sweeping copy may die: its lease ends first
const EARLY_MS = 20000 // recorded, and its recorder has not asked for its job yet, or died before: the stream brings it again by then

export const owedRules = [
  rule('what is owed has a job or a person', 3, sql(`
    select m.id, m.conversation_id, m.position from crm.messages m join crm.conversations c on c.id = m.conversation_id
    where m.direction = 'inbound' and m.wants_answer and m.position > c.covered_position and c.owner = 'ai' and c.state = 'open'
      and (c.escalated_at is null or c.escalated_at < c.owed_since)
      and m.created_at < $1::timestamptz - interval '${EARLY_MS} ms'
      and not exists (select from crm.messages o join job j on j.message_id = o.id::text and j.task = 'ai.engage' and j.status <> 'completed'
                      where o.conversation_id = m.conversation_id and o.direction = 'inbound' and o.position > c.covered_position)`,
    row => `message ${row.id} (conversation ${row.conversation_id}, position ${row.position}) is owed an answer; it has no live job, none in the dead letters, and no person`,
    world => [world.later])),

  rule('nobody waits for the AI past the deadline', 3, sql(`
    select id, owed_since from crm.conversations where owner = 'ai' and state = 'open' and owed_since < $1::timestamptz - make_interval(secs => $2 / 1000.0)`,
    row => `conversation ${row.id} waits for the AI since ${row.owed_since.toISOString()}`, world => [world.now, world.deadlineMs + SWEEP_MS])),

  rule('who is handed over is told once', 3, sql(`
    select a.payload ->> 'conversation_id' as id, a.payload ->> 'message_id' as one, b.payload ->> 'message_id' as other from crm.events a join crm.events b
      on b.type = a.type and b.lead_id = a.lead_id and b.n > a.n and b.payload ->> 'conversation_id' = a.payload ->> 'conversation_id' and b.admitted_at < a.admitted_at + interval '1 hour'
    where a.type = 'conversation.escalated' and a.payload ->> 'epoch' is not null and b.payload ->> 'epoch' is not null
      and a.payload ->> 'message_id' is not null and b.payload ->> 'message_id' is not null`,
    row => `the customer of conversation ${row.id} was told by ${row.one} and within the hour by ${row.other}`)),

  // the installation's deadline, as no scenario sets another: half an hour
  rule('who waits for a person too long is told of once', 'docs/conversations.md', sql(`
    with waits as (select c.id, c.overdue_at, least(c.escalated_at, case when c.owner = 'human' then c.owed_since end) as since,
                          coalesce((o.hand_over ->> 'person_deadline_ms')::bigint, 1800000) as deadline_ms
                   from crm.conversations c join crm.companies o on o.id = c.company_id where c.state = 'open' and (c.owner = 'human' or c.escalated_at is not null))
    select id, null as times from waits where deadline_ms > 0 and since < now() - make_interval(secs => deadline_ms / 1000.0 + 60) and (overdue_at is null or overdue_at < since)
    union all
    select (payload ->> 'conversation_id')::uuid, count(*) from crm.events where type = 'conversation.overdue' group by payload ->> 'conversation_id', payload ->> 'waiting_since_at' having count(*) > 1`,
    row => row.times ? `conversation ${row.id}: ${row.times} events say that the same wait is overdue` : `conversation ${row.id} waits for a person past the deadline, and no event says so`)),

  rule('what counts as answered was answered', 3, sql(`
    select m.id, m.conversation_id, m.position from crm.messages m join crm.conversations c on c.id = m.conversation_id
    where m.direction = 'inbound' and m.wants_answer and m.turn_id is null and m.position <= c.covered_position
      and not exists (select from crm.messages o where o.conversation_id = m.conversation_id and o.sender_type = 'operator' and o.position > m.position)
      and not exists (select from crm.events e where e.lead_id = m.lead_id and e.type = 'conversation.closed' and e.payload ->> 'conversation_id' = m.conversation_id::text
                      and e.admitted_at >= m.created_at)
      and not exists (select from crm.events e where e.lead_id = m.lead_id and e.type = 'lead.opted_out')
      and not exists (select from crm.messages o where o.conversation_id = m.conversation_id and not o.wants_answer and o.direction = 'inbound' and o.position > m.position
                      and exists (select from crm.events e where e.lead_id = m.lead_id and e.type = 'lead.opted_in'))`,
    row => `message ${row.id} (conversation ${row.conversation_id}, position ${row.position}) counts as answered; no turn covers it, no person wrote after it or closed the conversation`)),

  rule('a message is covered by the turn that covers it', 3, sql(`
    select m.id, m.turn_id, t.state, m.position, t.after_position, t.covered_position from crm.messages m left join crm.turns t on t.id = m.turn_id
    where m.direction = 'inbound' and m.turn_id is not null and not m.conversation_id = any ($1)
      and (t.id is null or t.state <> 'committed' or t.conversation_id <> m.conversation_id or m.position <= t.after_position or m.position > t.covered_position)`,
    row => `message ${row.id} (position ${row.position}) names turn ${row.turn_id}, which is ${row.state ?? 'not there'} and covers ${row.after_position} to ${row.covered_position}`,
    world => [world.joined])),

  rule('a turn passes over no message', 3, sql(`
    select m.id, m.turn_id, t.id as by from crm.turns t join crm.messages m on m.conversation_id = t.conversation_id and m.direction = 'inbound'
      and m.position > t.after_position and m.position <= t.covered_position
    where t.state = 'committed' and m.turn_id is distinct from t.id and not t.conversation_id = any ($1)`,
    row => `message ${row.id} is within what turn ${row.by} answered, and ${row.turn_id ? `names turn ${row.turn_id}` : 'names no turn'}`, world => [world.joined])),

  rule('covered by one turn', 3, sql(`
    select a.id as one, b.id as other, a.conversation_id, greatest(a.after_position, b.after_position) + 1 as position
    from crm.turns a join crm.turns b on b.conversation_id = a.conversation_id and b.id > a.id
    where a.state = 'committed' and b.state = 'committed' and not a.conversation_id = any ($1)
      and a.after_position < b.covered_position and b.after_position < a.covered_position`,
    row => `turns ${row.one} and ${row.other} of conversation ${row.conversation_id} both cover position ${row.position}`, world => [world.joined])),

  rule('coverage only moves on', 5, sql(`
    select a.id as earlier, b.id as later, a.conversation_id from crm.turns a join crm.turns b on b.conversation_id = a.conversation_id
    where a.state = 'committed' and b.state = 'committed' and not a.conversation_id = any ($1) and a.committed_at < b.committed_at and a.covered_position > b.covered_position
    union all
    select t.id, null, t.conversation_id from crm.turns t join crm.conversations c on c.id = t.conversation_id
    where t.state = 'committed' and not t.conversation_id = any ($1) and t.covered_position > c.covered_position`,
    row => row.later ? `turn ${row.later} of conversation ${row.conversation_id} was committed after turn ${row.earlier} and covers less`
      : `turn ${row.earlier} covers more than its conversation ${row.conversation_id} says is covered`, world => [world.joined])),

  rule('a turn has at most one reply', 3, sql(`
    select turn_id, array_agg(id) as ids from crm.messages where direction = 'outbound' and turn_id is not null group by 1 having count(*) > 1`,
    row => `turn ${row.turn_id} has ${row.ids.length} replies: ${row.ids.join(', ')}`)),

  rule('a committed turn has its reply', 3, sql(`
    select t.id, t.message_id from crm.turns t left join crm.messages m on m.id = t.message_id
    where t.state = 'committed' and not (t.handed_over and t.message_id is null and t.covered_position = t.after_position) and (m.id is null or m.turn_id is distinct from t.id or m.direction <> 'outbound' or m.sender_type <> 'ai'
      or not exists (select from crm.ai_messages a where a.id = m.id))`,
    row => `turn ${row.id} is committed and message ${row.message_id} is not its reply`)),

  rule('a reply has its turn', 3, sql(`
    select m.id, m.turn_id from crm.messages m left join crm.turns t on t.id = m.turn_id
    where m.direction = 'outbound' and m.sender_type = 'ai' and m.cause = 'reply' and t.message_id is distinct from m.id`,
    row => `message ${row.id} is an answer of turn ${row.turn_id}, which does not know it`)),

  rule('a job answers once', 3, sql(`
    select t.job_id, array_agg(t.id) as ids from crm.turns t where not t.taken_back group by 1 having count(*) > 1`,
    row => `job ${row.job_id} has ${row.ids.length} turns: ${row.ids.join(', ')}`)),

  rule('what a conversation says of itself agrees', 3, sql(`
    select id, last_position, covered_position, owed_position, owed_since from crm.conversations
    where covered_position > last_position or owed_position > last_position or covered_position < 0
       or (state = 'open' and (owed_since is not null) <> (owed_position > covered_position))`,
    row => `conversation ${row.id}: last ${row.last_position}, covered ${row.covered_position}, owed ${row.owed_position}, owed since ${row.owed_since?.toISOString()}`)),

  rule('what is owed was said', 3, sql(`
    select c.id, c.owed_position from crm.conversations c where c.owed_position > c.covered_position and c.state = 'open'
      and not exists (select from crm.messages m where m.conversation_id = c.id and m.position = c.owed_position and m.direction = 'inbound' and m.wants_answer)`,
    row => `conversation ${row.id} owes an answer to position ${row.owed_position}, where nobody asked for one`)),

  rule('what is about to leave has a job', 4, sql(`
    select m.id, m.status from crm.messages m where m.status = 'queued' and m.updated_at < $1::timestamptz - interval '${EARLY_MS} ms'
      and not exists (select from job j where j.message_id = m.id::text and j.task like 'channel.send.%' and j.status <> 'completed')`,
    row => `message ${row.id} is ${row.status}; it has no live job and none in the dead letters`, world => [world.later])),
]
