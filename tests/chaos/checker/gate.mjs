// Always true 3 and 4: nothing leaves without the gate's go, nothing leaves twice, an ambiguous one is reported, and nothing of the AI's leaves after a takeover.
import { rule, sql } from './rule.mjs'

const GO_VALID_MS = 5000 // from the verdict to the first byte
const LAST_BYTES_MS = 1000 // ... and those of the last moment, on a busy machine
const CALL_WAIT_MS = 20000 // a provider's answer; past it the sweep says unknown
const SWEEP_MS = 10000

/** On the business's own phone: stored because it was said, it never passed the gate. */
const ECHO = `(m.sender_type = 'operator' and m.claim is null and exists
  (select from crm.events e where e.lead_id = m.lead_id and e.actor = 'operator:phone' and e.payload ->> 'message_id' = m.id::text))`

/** Where words could be kept, and what names the row. */
const KEEPERS = [['crm.messages', 'id'], ['crm.turns', 'id'], ['crm.events', 'id'], ['crm.bumpups', 'id'], ['crm.safety_refusals', 'id'], ['crm.ai_sessions', 'id'], ['crm.leads', 'id'],
  ['jobs.jobs', 'id'], ['jobs.unfinished', 'id']]

const at = moment => new Date(moment).toISOString()

export const gateRules = [
  rule('nothing leaves without a go', 4, sql(`
    select m.id, m.status from crm.messages m where m.direction = 'outbound' and m.status in ('sending', 'unknown', 'sent', 'delivered', 'read', 'failed')
      and not exists (select from crm.send_verdicts v where v.message_id = m.id and v.verdict = 'go') and not ${ECHO}`,
    row => `message ${row.id} is ${row.status} without a go of the gate`)),

  rule('what reached the provider had a go', 4, async world => {
    const goes = await world.goes()
    return world.sent.flatMap(copy => {
      const list = goes.get(copy.callback) ?? [], when = Date.parse(copy.at)
      if (!world.messages.has(copy.callback)) return [`the provider has ${copy.id} for ${copy.to}, which names message ${copy.callback || '(none)'}: there is none`]
      if (!list.length) return [`message ${copy.callback} reached the provider (${copy.id}) without a go`]
      if (list.every(go => go > when)) return [`message ${copy.callback} reached the provider at ${copy.at}, its first go is of ${at(Math.min(...list))}`]
      return list.some(go => go <= when && when <= go + GO_VALID_MS + LAST_BYTES_MS) ? []
        : [`message ${copy.callback} reached the provider at ${copy.at}, when no go was valid: ${list.map(at).join(', ')}`]
    })
  }),

  rule('what the AI said was found safe', 4, sql(`
    select m.id, t.id as turn_id from crm.messages m join crm.turns t on t.id = m.turn_id
    where m.sender_type = 'ai' and m.direction = 'outbound' and (t.safety_checks ->> 'safe') is distinct from 'true'`,
    row => `message ${row.id} is the AI's, and turn ${row.turn_id} has no verdict that it is safe`)),

  rule('what bumps somebody up was found safe', 4, sql(`
    select id from crm.bumpups where (safety_checks ->> 'safe') is distinct from 'true'`,
    row => `bump-up ${row.id} has no verdict that it is safe`)),

  // what the model was made to say, and must never have been kept: in no row, in no event, at no provider
  rule('what was refused is kept nowhere', 4, async world => {
    const found = []
    for (const words of world.ledger.unsafe) {
      for (const [table, key] of KEEPERS)
        for (const row of await world.rows(`select ${key} as id from ${table} k where position($1 in k::text) > 0`, [words])) found.push(`${table} ${row.id} holds "${words}", which was refused`)
      found.push(...world.sent.filter(copy => JSON.stringify(copy).includes(words)).map(copy => `message ${copy.callback} reached the provider (${copy.id}) with "${words}", which was refused`))
    }
    return found
  }),

  rule('a refusal is of a turn, and tells no words', 4, sql(`
    select r.id from crm.safety_refusals r left join crm.turns t on t.id = r.turn_id and t.conversation_id = r.conversation_id and t.lead_id = r.lead_id and t.company_id = r.company_id
    where t.id is null or (r.verdict ->> 'safe') is distinct from 'false' or r.verdict::jsonb - '{safe,checks,failed,toxicity_score}'::text[] <> '{}'`,
    row => `refusal ${row.id} is of no turn of its person's, or tells more than what was wrong`)),

  rule('nothing leaves twice', 4, async world => [...world.copies()].flatMap(([id, copies]) => {
    const allowed = 1 + (world.resent.get(id) ?? 0)
    return copies.length <= allowed ? [] : [`message ${id} reached the provider ${copies.length} times: ${copies.map(copy => `${copy.id} at ${copy.at}`).join(', ')}`]
  })),

  rule('it leaves for its person', 4, async world => world.sent.flatMap(copy => {
    const message = world.messages.get(copy.callback)
    if (!message) return []
    const reach = world.reach(message)
    if (!reach.addresses.includes(copy.to)) return [`message ${message.id} went to ${copy.to}; its person is reached at ${reach.addresses.join(', ') || 'no address'}`]
    if (copy.phone_id !== reach.account) return [`message ${message.id} went out through ${copy.phone_id}, its account is ${reach.account}`]
    return copy.type === 'text' && message.message_text !== copy.text ? [`message ${message.id} said something else at the provider (${copy.id})`] : []
  })),

  rule('what has left is not called waiting', 4, async world => world.sent.flatMap(copy => {
    const message = world.messages.get(copy.callback)
    return message && ['queued', 'withdrawn', 'cancelled', 'received'].includes(message.status) && !world.resent.has(message.id)
      ? [`message ${message.id} reached the provider (${copy.id} at ${copy.at}) and is ${message.status}`] : []
  })),

  rule('what is called sent was sent', 4, async world => {
    const copies = world.copies()
    return [...world.messages.values()]
      .filter(message => message.direction === 'outbound' && ['sent', 'delivered', 'read'].includes(message.status) && !message.echo && !copies.has(message.id))
      .map(message => `message ${message.id} is ${message.status} and never reached the provider`)
  }),

  rule('a sent message carries its provider\'s id', 4, async world => [...world.copies()].flatMap(([id, copies]) => {
    const message = world.messages.get(id)
    return message && message.external_id && !copies.some(copy => copy.id === message.external_id)
      ? [`message ${id} carries ${message.external_id}, the provider knows it as ${copies.map(copy => copy.id).join(', ')}`] : []
  })),

  rule('sending does not last', 4, sql(`
    select id, go_until from crm.messages where status = 'sending' and (go_until is null or go_until < $1::timestamptz - interval '${CALL_WAIT_MS + SWEEP_MS} ms')`,
    row => `message ${row.id} is sending; its go was over at ${row.go_until?.toISOString() ?? '(never given)'}`, world => [world.now])),

  rule('unknown is reported', 4, sql(`
    select m.id from crm.messages m where m.status = 'unknown' and not exists
      (select from crm.events e where e.type = 'message.unknown' and e.lead_id = m.lead_id and e.payload ->> 'message_id' = m.id::text)`,
    row => `message ${row.id} is unknown and no event says so`)),

  rule('unknown ends', 4, sql(`
    select id, updated_at from crm.messages where status = 'unknown' and updated_at < $1::timestamptz - make_interval(secs => $2 / 1000.0)`,
    row => `message ${row.id} is unknown since ${row.updated_at.toISOString()}`, world => [world.now, world.unknownHoldMs + SWEEP_MS])),

  rule('what stays unknown is put before a person', 4, sql(`
    select m.id, m.conversation_id from crm.messages m join crm.conversations c on c.id = m.conversation_id
    where m.status = 'held' and exists (select from crm.events e where e.type = 'message.held' and e.lead_id = m.lead_id
        and e.payload ->> 'message_id' = m.id::text and e.payload ->> 'reason' = 'unknown')
      and not exists (select from crm.events e where e.type = 'conversation.escalated' and e.lead_id = m.lead_id and e.payload ->> 'conversation_id' = m.conversation_id::text)`,
    row => `message ${row.id} is held, nobody knows whether it left, and its conversation ${row.conversation_id} was not escalated`)),

  rule('no go for the AI in a person\'s conversation', 3, sql(`
    select v.message_id, v.id, v.saw ->> 'owner' as owner, v.saw ->> 'epoch' as epoch, v.saw ->> 'message_epoch' as message_epoch
    from crm.send_verdicts v join crm.messages m on m.id = v.message_id
    where v.verdict = 'go' and m.sender_type = 'ai' and v.saw ->> 'status' in ('queued', 'failed')
      and ((v.saw ->> 'owner' is distinct from 'ai' and v.saw ->> 'handed_over' is distinct from 'true') or v.saw ->> 'epoch' is distinct from v.saw ->> 'message_epoch')`,
    row => `verdict ${row.id} let message ${row.message_id} of epoch ${row.message_epoch} go while ${row.owner} owned the conversation, epoch ${row.epoch}`)),

  // by the order in which PostgreSQL committed, not by any clock of ours
  rule('no go for the AI after a takeover commit', 3, sql(`
    select v.id, v.message_id, e.payload ->> 'epoch' as epoch, m.epoch as message_epoch from crm.send_verdicts v
    join crm.messages m on m.id = v.message_id join crm.events e on e.lead_id = m.lead_id and e.type in ('conversation.taken_over', 'conversation.escalated')
      and e.payload ->> 'conversation_id' = m.conversation_id::text
    where v.verdict = 'go' and m.sender_type = 'ai' and v.saw ->> 'status' in ('queued', 'failed') and (e.payload ->> 'epoch')::bigint > m.epoch
      and pg_xact_commit_timestamp(v.xmin) > pg_xact_commit_timestamp(e.xmin) and not m.conversation_id = any ($1)`,
    row => `verdict ${row.id} let message ${row.message_id} of epoch ${row.message_epoch} go after the takeover to epoch ${row.epoch} had been committed`,
    world => [world.joined])),

  rule('nothing of the AI\'s reaches the provider after a takeover\'s answer', 3, async world => {
    const byPhone = new Map()
    for (const taken of world.ledger.takeovers) byPhone.set(taken.phone.replace('+', ''), [...byPhone.get(taken.phone.replace('+', '')) ?? [], taken])
    return world.sent.flatMap(copy => {
      const message = world.messages.get(copy.callback)
      return (message?.sender_type === 'ai' ? byPhone.get(copy.to) ?? [] : [])
        .filter(taken => message.created_at.getTime() < taken.at && Date.parse(copy.at) > taken.answeredAt)
        .map(taken => `message ${message.id}, written before the takeover at ${at(taken.at)}, reached the provider at ${copy.at}, after its answer at ${at(taken.answeredAt)}`)
    })
  }),

  // that by which the AI hands over leaves: the newer one is a person's
  rule('no answer over a newer question', 3, sql(`
    select v.id, v.message_id, v.saw ->> 'answer_by_at' as answer_by from crm.send_verdicts v
    where v.verdict = 'go' and v.saw ->> 'status' = 'queued' and (v.saw ->> 'newer_owed')::boolean and v.saw ->> 'owner' = 'ai'
      and (v.saw ->> 'answer_by_at')::timestamptz > v.created_at and exists
        (select from crm.turns t join crm.conversations c on c.id = t.conversation_id where t.message_id = v.message_id and t.covered_position = c.covered_position)`,
    row => `verdict ${row.id} let message ${row.message_id} go over a newer question, before ${row.answer_by}`)),
]
