// Everything at once, on two copies of lead-store: whatever order things fall in, the rows agree afterwards.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Store } from './store.mjs'
import { Talk } from './talk.mjs'

const SEED = Number(process.env.SEED ?? Date.now() % 1e6)
let state = SEED
const random = below => { state = (state * 1103515245 + 12345) % 2147483648; return Math.floor(state / 65536) % below }

let store
before(async () => { store = await Store.start({ copies: 2, env: { BUFFER_MS: '0', BUFFER_MAX_MS: '150' } }) })
after(() => store?.stop())

/** One of the last three: older ones are over in most cases. */
const late = list => list.at(-1 - random(Math.min(3, list.length) || 1))

/** What can happen to a conversation, in any order; each keeps what it learnt in the talk. */
const happenings = {
  async write(talk) { talk.recorded.push(await talk.write()) },
  async open(talk) {
    const recorded = late(talk.recorded)
    const opened = await talk.open(recorded, `claim ${random(3)}`, { wait_ms_max: 10 }) // so that jobs of one burst open beside each other
    if (opened.state === 'open') talk.opened.push(opened)
    for (const id of opened.message_ids ?? []) talk.replies.add(id)
  },
  async commit(talk) {
    const opened = late(talk.opened)
    const committed = opened && await talk.commit(opened).catch(error => {
      if (error.code !== 'unknown_turn') throw error // its reply was taken back: that turn is over
    })
    if (committed?.state === 'committed') talk.replies.add(committed.message_id)
  },
  async authorize(talk) {
    const id = [...talk.replies][random(talk.replies.size || 1)]
    if (!id) return
    const claim = `channel ${random(2)}`
    const answer = await talk.authorize(id, claim)
    if (answer.verdict === 'go') talk.gone.push([id, claim])
  },
  async settle(talk) {
    const [id, claim] = late(talk.gone) ?? []
    if (id) await talk.settle(id, ['sent', 'sent', 'sent', 'not_sent', 'unknown', 'failed'][random(6)], { claim, external_id: `wamid.${id}`, error_class: 'SEND_CLASS_AUTH' })
  },
  async take(talk) { await talk.take() },
  async giveBack(talk) { await talk.giveBack() },
  async post(talk) { await talk.post({ idempotency_key: `${talk.leadId} ${random(4)}` }) },
}
const flow = ['write', 'write', 'open', 'open', 'open', 'commit', 'commit', 'commit', 'authorize', 'authorize', 'settle', 'settle']
const often = [...flow, ...flow, 'take', 'giveBack', 'giveBack', 'giveBack', 'post']

test(`five thousand happenings at random (SEED=${SEED})`, async () => {
  const talks = await Promise.all(Array.from({ length: 25 }, () => Talk.start(store)))
  for (const talk of talks) Object.assign(talk, { recorded: [talk.first], opened: [], replies: new Set(), gone: [] })
  await Promise.all(talks.flatMap(talk => Array.from({ length: 5 }, async () => {
    for (let i = 0; i < 40; i++) await happenings[often[random(often.length)]](talk)
  })))

  const wrong = async (what, sql) => assert.deepEqual(await store.rows(sql), [], what)
  await wrong('a turn has at most one reply', "select turn_id from crm.messages where direction = 'outbound' and turn_id is not null group by turn_id having count(*) > 1")
  await wrong('coverage never passes the end', 'select id from crm.conversations where covered_position > last_position or owed_position > last_position')
  await wrong('owed_since says what positions say', 'select id from crm.conversations where (owed_since is not null) <> (owed_position > covered_position)')
  await wrong('what is past the coverage belongs to no turn', `select m.id from crm.messages m join crm.conversations c on c.id = m.conversation_id
    where m.direction = 'inbound' and m.position > c.covered_position and m.turn_id is not null`)
  await wrong('what is covered by a turn is covered by one that committed', `select m.id from crm.messages m join crm.turns t on t.id = m.turn_id
    where m.direction = 'inbound' and (t.state <> 'committed' or m.position > t.covered_position or m.position <= t.after_position)`)
  await wrong('an owed message is the oldest that owed_since tells', `select c.id from crm.conversations c where c.owner = 'ai' and c.epoch = 0 and c.owed_since is not null and c.owed_since <>
    (select min(created_at) from crm.messages m where m.conversation_id = c.id and m.position > c.covered_position and m.wants_answer)`)
  await wrong('positions have no gap', 'select conversation_id from crm.messages group by conversation_id having count(*) <> max(position)')
  await wrong('nothing of the AI waits where a person owns', `select m.id from crm.messages m join crm.conversations c on c.id = m.conversation_id
    where m.sender_type = 'ai' and m.status = 'queued' and c.owner = 'human' and not exists (select from crm.send_verdicts v where v.message_id = m.id and v.verdict = 'go')`)
  await wrong('what left had a go', `select m.id from crm.messages m where m.direction = 'outbound' and m.status in ('sending', 'sent', 'unknown', 'failed')
    and not exists (select from crm.send_verdicts v where v.message_id = m.id and v.verdict = 'go')`)
  await wrong('no go of the AI without its epoch', `select v.id from crm.send_verdicts v join crm.messages m on m.id = v.message_id
    where v.verdict = 'go' and m.sender_type = 'ai' and v.saw ->> 'status' = 'queued' and (v.saw ->> 'owner' <> 'ai' or v.saw ->> 'epoch' <> v.saw ->> 'message_epoch')`)
  assert.ok(await store.value("select count(*) from crm.messages where status = 'sent'") > 0)
})
