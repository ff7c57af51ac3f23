// A system that has been used for long: one conversation is had with the real system, and its rows are copied, with other ids, positions and times, until there are as many as
// wanted. So each row is as the services write it, whatever columns it has. Ids are UUIDv7 of their time, as the services' own; events count as published.
import { bulkFinished } from '../scheduler/bulk.mjs'
import { until } from '../support/process.mjs'

const HOUR_MS = 3600000
const EXCHANGES = 6 // before the one that is copied: its prompt has a history

/** The phone number of the n-th lead, as a provider spells it. */
export const knownPhone = n => `1555${String(n).padStart(7, '0')}`

async function exemplar(parley) {
  const phone = '15540000001'
  for (let n = 1; n <= EXCHANGES; n++) {
    await parley.inbound(phone, `Question ${n}: what does it cost, and when could you deliver it to me?`)
    await parley.sentCount(n, phone)
  }
  const [turn] = await until('its last turn', () => parley.postgres.rows(`SELECT t.* FROM crm.turns t JOIN crm.messages m ON m.id = t.message_id
    WHERE t.state = 'committed' AND m.status IN ('sent', 'delivered', 'read') AND t.opened_position = $1`, [2 * EXCHANGES - 1]).then(rows => rows.length && rows))
  const inbound = await parley.postgres.value(`SELECT id FROM crm.messages WHERE turn_id = $1 AND direction = 'inbound'`, [turn.id])
  return { company: turn.company_id, lead: turn.lead_id, conversation: turn.conversation_id, turn: turn.id, inbound, outbound: turn.message_id }
}

/** A UUIDv7 of a time and a name, and the n-th lead's time in a round. */
const functions = `
  CREATE FUNCTION pg_temp.made(at timestamptz, name text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(name), 1, 3) || '8' || substr(md5(name), 4, 15))::uuid $$`

/** Copies of one table's exemplary rows: `changes` says which columns become what; the others stay. */
async function copy(client, table, where, changes, from, values) {
  const { rows } = await client.query(`SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = 'crm' AND table_name = $1 AND is_generated = 'NEVER' AND is_identity = 'NO'`, [table])
  const names = rows.map(row => row.name)
  const given = name => changes[name] ?? (/_at$|_ts$/.test(name) ? `CASE WHEN e.${name} IS NOT NULL THEN at END` : `e.${name}`)
  await client.query(`INSERT INTO crm.${table} (${names.join()}) SELECT ${names.map(given).join()} FROM ${from}, (SELECT * FROM crm.${table} WHERE ${where}) AS e`
    .replace(/:(\w+)/g, (all, name) => name in values ? `'${values[name]}'` : all))
}

const lead = `pg_temp.made(began, 'lead' || l)`, conversation = `pg_temp.made(began, 'conversation' || l)`
const of = (what, k = 'k', at = 'at') => `pg_temp.made(${at}, '${what}' || l || '.' || ${k})`
const phone = `('1555' || lpad(l::text, 7, '0'))`

/** People, with a conversation each of `rounds` exchanges, the last just before `to`. */
async function people(client, one, leads, rounds, began, to) {
  const values = { ...one, began: began.toISOString() }
  const from = `(SELECT l, :began::timestamptz AS began, :began::timestamptz AS at FROM generate_series(0, ${leads - 1}) AS l) AS n`
  const contact = `pg_temp.made(began, 'contact' || l || e.kind)`
  await copy(client, 'leads', 'id = :lead', { id: lead, phone_number: `'+' || ${phone}`, contact_name: `'Lead ' || l` }, from, values)
  await copy(client, 'lead_contacts', 'lead_id = :lead', { id: contact, lead_id: lead, value: `CASE WHEN e.kind = 'phone' THEN '+' || ${phone} ELSE e.value || l END`, address: phone },
    from, values)
  const last = `('${to.toISOString()}'::timestamptz + l * interval '1 microsecond')`
  await copy(client, 'conversations', 'id = :conversation', { id: conversation, lead_id: lead, phone: `'+' || ${phone}`, name: `'Lead ' || l`,
    contact_id: `CASE WHEN e.contact_id IS NOT NULL THEN pg_temp.made(began, 'contact' || l || (SELECT kind FROM crm.lead_contacts WHERE id = e.contact_id)) END`,
    last_position: 2 * rounds, covered_position: 2 * rounds - 1, owed_position: 2 * rounds - 1, last_message_id: of('out', rounds - 1, last),
    window_ends_at: `e.window_ends_at`, owed_since: 'NULL', buffer_until: 'NULL' }, from, values)
}

/** One exchange of everybody: round k. */
async function exchange(client, one, leads, k, began, at) {
  const values = { ...one, began: began.toISOString() }
  const from = `(SELECT l, ${k} AS k, :began::timestamptz AS began, '${at.toISOString()}'::timestamptz + l * interval '1 microsecond' AS at
    FROM generate_series(0, ${leads - 1}) AS l) AS n`
  const whose = { conversation_id: conversation, lead_id: lead, correlation_id: `'fill' || l || '.' || k` }
  const message = { ...whose, job_id: of('job'), turn_id: of('turn') }
  await copy(client, 'messages', 'id = :inbound', { ...message, id: of('in'), position: 2 * k + 1, external_id: `e.external_id || l || '.' || k` }, from, values)
  await copy(client, 'messages', 'id = :outbound', { ...message, id: of('out'), position: 2 * k + 2, external_id: `e.external_id || l || '.' || k` }, from, values)
  await copy(client, 'turns', 'id = :turn', { ...whose, id: of('turn'), job_id: of('job'), message_id: of('out'), opened_position: 2 * k + 1,
    after_position: Math.max(0, 2 * k - 1), covered_position: 2 * k + 1 }, from, values)
  await copy(client, 'send_verdicts', 'message_id = :outbound', { message_id: of('out') }, from, values)
  await copy(client, 'events', 'entity_id IN (:inbound, :outbound, :turn)', { id: of(`event' || e.id || '`), xid: `'3'::xid8`, lead_id: lead, correlation_id: whose.correlation_id,
    entity_id: `CASE e.entity_id WHEN :inbound THEN ${of('in')} WHEN :outbound THEN ${of('out')} ELSE ${of('turn')} END` }, from, values)
}

/** No checks of keys between tables, which the copies keep by construction, and no wait for the disk. */
async function filler(parley) {
  const client = await parley.postgres.pool.connect()
  await client.query(`SET session_replication_role = replica; SET synchronous_commit = off; ${functions}`)
  return client
}

export async function fill(parley, { leads, messages, jobs, say = () => {} }) {
  const one = await exemplar(parley), rounds = Math.ceil(messages / 2 / leads)
  const now = Date.now(), began = new Date(now - (rounds + 1) * HOUR_MS)
  const at = k => new Date(now - (rounds - k) * HOUR_MS)
  const clients = await Promise.all([filler(parley), filler(parley)])
  await people(clients[0], one, leads, rounds, began, at(rounds - 1))
  let next = 0
  await Promise.all(clients.map(async client => {
    for (let k = next++; k < rounds; k = next++) {
      await exchange(client, one, leads, k, began, at(k))
      await say(`exchange ${k + 1} of ${rounds}`)
    }
  }))
  for (const client of clients) client.release(true)
  for (let left = jobs; left > 0; left -= 250000) {
    const task = left % 500000 ? 'ai.engage' : 'channel.send.whatsapp_cloud'
    await bulkFinished(parley.postgres, { company: one.company, task, count: Math.min(left, 250000), priority: 100, everyMs: 2, to: now - (jobs - left) * 2 })
    await say(`${left} jobs left`)
  }
  // as autovacuum has long done; only these, since what is small would be planned for as if it stayed so
  await parley.postgres.rows('VACUUM ANALYZE crm.leads, crm.lead_contacts, crm.conversations, crm.messages, crm.turns, crm.send_verdicts, crm.events, jobs.jobs, jobs.completed, jobs.job_attempts')
  await parley.postgres.rows('CHECKPOINT')
}
