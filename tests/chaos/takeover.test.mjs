// A person takes over or writes, the customer stops, the customer writes again: at a hundred evenly spaced points of a turn, and at each of its stages the moment it is seen.
import test, { before, after, beforeEach } from 'node:test'
import assert from 'node:assert/strict'
import { Parley } from '../support/parley.mjs'
import { Bus } from '../support/bus.mjs'
import { pause, until } from '../support/process.mjs'
import { full } from './plan.mjs'
import { assertWhole, copies, drained, provable, proven, talks } from './talks.mjs'
import { sawNothing, watch } from './witness.mjs'

const POINTS = 100
const GRAPH_MS = 120
const STAGES = ['stored', 'opened', 'asked', 'committed', 'sending', 'taken', 'sent']
const EACH = full ? 20 : 5 // conversations per stage

let parley, bus, length
let prefix = 1500800
let known = 0 // messages written so far
before(async () => {
  parley = await Parley.start({ ...provable, env: { BUFFER_MS: '250', BUFFER_MAX_MS: '120000' } })
  bus = await Bus.open(parley.nats.url)
  await watch(parley)
})
after(async () => {
  await bus?.close()
  await parley?.stop()
})
beforeEach(async () => {
  await until('receipts of the test before', async () => (await parley.sim('/_sim/count')).receipts_waiting === 0)
  await parley.sim('/_sim/reset', { keep_records: true })
  await parley.faults({ llm: { latency_ms: 300 }, graph: { latency_ms: GRAPH_MS }, receipts: { sent_ms: 10, delivered_ms: 40, read_ms: 80 } })
  prefix++
})

const phones = count => Array.from({ length: count }, (_, n) => `${prefix}${String(n).padStart(4, '0')}`)
const question = phone => `What about ${phone}?`
async function write(phone, text) {
  assert.equal((await parley.receive(phone, text)).status, 200)
  known++
}
const whole = waitMs => drained(parley, known, waitMs)

/** How long a turn takes from the acknowledged message until its call has ended, with as many at once as later: nine of ten are over by then. */
async function rehearse() {
  const asked = new Map()
  await Promise.all(phones(POINTS).map(async phone => {
    await write(phone, question(phone))
    asked.set(phone, Date.now())
  }))
  await whole()
  const lengths = [...await copies(parley, prefix)].map(([phone, [copy]]) => copy.at - asked.get(phone) + GRAPH_MS).sort((a, b) => a - b)
  assert.equal(lengths.length, POINTS)
  return lengths[Math.floor(0.9 * POINTS)]
}

const answerOf = phone => parley.postgres.value(`select m.status from crm.messages m join crm.leads l on l.id = m.lead_id where l.phone_number = $1 and m.sender_type = 'ai'`, [`+${phone}`])

/** Asks and, after k % of a turn, fires: once per point, all at once; the last ones when the answer is there, however slow today is. Answers what fire() answered, by phone. */
async function atEveryPoint(fire) {
  length ??= await rehearse().then(ms => { prefix++; return ms })
  return new Map(await Promise.all(phones(POINTS).map(async (phone, k) => {
    await write(phone, question(phone))
    await pause(length * k / POINTS)
    if (k >= POINTS - 3) await until('the answer', async () => ['sent', 'delivered', 'read'].includes(await answerOf(phone)), 60000)
    return [phone, await fire(phone)]
  })))
}

/** The stages that each conversation has reached, asked for without pause until stop(). */
class Stages {
  constructor() { Object.assign(this, { waiting: new Map(), going: true, over: undefined, calls: 0, sends: 0 }) }
  start() { this.over = this.look(); return this }
  reached(phone, stage) { return new Promise(resolve => this.waiting.set(`${phone} ${stage}`, resolve)) }
  see(phone, stage) {
    this.waiting.get(`${phone} ${stage}`)?.()
    this.waiting.delete(`${phone} ${stage}`)
  }

  async look() {
    while (this.going) {
      const [rows, calls, sends] = await Promise.all([parley.postgres.rows(`select l.phone_number as phone, t.state, m.status from crm.leads l
          left join crm.turns t on t.lead_id = l.id left join crm.messages m on m.id = t.message_id where l.phone_number like $1`, [`+${prefix}%`]),
        parley.sim(`/_sim/llm?since=${this.calls}`), parley.sim(`/_sim/sent?since=${this.sends}`)])
      this.calls += calls.length
      this.sends += sends.length
      for (const { to } of sends) this.see(to, 'taken')
      for (const call of calls) this.see(/What about (\d+)/.exec(JSON.stringify(call.messages))[1], 'asked')
      for (const { phone, state, status } of rows)
        for (const stage of ['stored', state === 'open' ? 'opened' : state, ['delivered', 'read'].includes(status) ? 'sent' : status]) this.see(phone.slice(1), stage)
    }
  }

  async stop() {
    this.going = false
    await this.over
  }
}

/** As atEveryPoint(), at the moment when each stage is seen. */
async function atEveryStage(fire) {
  const stages = new Stages().start()
  const fired = new Map(await Promise.all(phones(EACH * STAGES.length).map(async (phone, n) => {
    const reached = Promise.race([stages.reached(phone, STAGES[n % STAGES.length]), stages.reached(phone, 'sent')]) // a stage may be too short to be seen
    await write(phone, question(phone))
    await reached
    return [phone, await fire(phone)]
  })))
  await stages.stop()
  return fired
}

const everywhere = [['at a hundred points of a turn', atEveryPoint], ['at each stage of a turn', atEveryStage]]

/** How far the answers had come, for the reader of the test's output. */
function tell(t, found) {
  const ends = {}
  for (const messages of found.values()) {
    const ai = messages.filter(({ sender_type }) => sender_type === 'ai').map(({ status }) => status).join('+') || 'none yet'
    ends[ai] = (ends[ai] ?? 0) + 1
  }
  t.diagnostic(`a turn: ${length} ms; the AI's messages: ${JSON.stringify(ends)}`)
  return ends
}

for (const [where, fireAll] of everywhere) {
  test(`takeover ${where}: nothing is authorised after it, nothing reaches the provider after its answer, and handback answers what is owed once`, async t => {
    const answered = await fireAll(async phone => {
      const taken = await until('the lead', async () => {
        const answer = await parley.post('/api/v1/takeover', { phone })
        return answer.status !== 404 && answer
      })
      assert.deepEqual([taken.status, taken.body.status], [200, 'takeover_complete'])
      return Date.now()
    })
    await whole()
    for (const [phone, sent] of await copies(parley, prefix))
      for (const { at } of sent) assert.ok(at <= answered.get(phone), `${phone}: ${at - answered.get(phone)} ms after the answer`)
    const ends = tell(t, await talks(parley, prefix))
    assert.ok((ends['none yet'] ?? 0) + (ends.cancelled ?? 0) > 0 && ends.read > 0, 'not all of the turn was seen') // on a busy machine all are written first
    await sawNothing(parley)

    for (const phone of answered.keys()) assert.equal((await parley.post('/api/v1/handback', { phone })).status, 200)
    await whole()
    const [found, sent] = await Promise.all([talks(parley, prefix), copies(parley, prefix)])
    for (const [phone, messages] of found) {
      assertWhole(phone, messages, sent.get(phone))
      assert.equal(sent.get(phone).length, 1, `${phone} was answered ${sent.get(phone).length} times`)
    }
    await sawNothing(parley)
    await proven(parley, bus)
  })

  test(`takeover ${where} by which the AI hands over: the same, whoever was first, and the team is told of each hand-over once`, { skip: !full && fireAll === atEveryStage }, async t => {
    await parley.faults({ llm: { latency_ms: 300, reply: JSON.stringify({ reply: 'A colleague will get back to you.', actions: [{ type: 'hand_over', reason: 'asked for', urgency: 'low' }] }) } })
    const answered = await fireAll(async phone => {
      const taken = await until('the lead', async () => {
        const answer = await parley.post('/api/v1/takeover', { phone, operator: 'mira' })
        return answer.status !== 404 && answer
      })
      assert.deepEqual([taken.status, taken.body.status], [200, 'takeover_complete'])
      return Date.now()
    })
    await whole()
    for (const [phone, sent] of await copies(parley, prefix))
      for (const { at } of sent) assert.ok(at <= answered.get(phone), `${phone}: ${at - answered.get(phone)} ms after the answer`)
    const stories = await parley.postgres.rows(`select l.phone_number, c.owner, c.assignee, c.epoch::int, array(select e.type from crm.events e where e.lead_id = l.id
        and e.type in ('conversation.taken_over', 'conversation.escalated') order by e.xid, e.n) as story
      from crm.leads l join crm.conversations c on c.lead_id = l.id where l.phone_number like $1`, [`+${prefix}%`])
    for (const { phone_number, owner, assignee, epoch, story } of stories) {
      assert.deepEqual([owner, assignee], ['human', 'mira'], phone_number)
      assert.ok(['conversation.taken_over', 'conversation.escalated,conversation.taken_over'].includes(story.join()), `${phone_number}: ${story}`)
      assert.equal(epoch, story.length)
    }
    assert.ok(new Set(stories.map(({ epoch }) => epoch)).size === 2, 'not all of the turn was seen')
    tell(t, await talks(parley, prefix))
    await sawNothing(parley)

    await parley.faults({ llm: null })
    for (const phone of answered.keys()) assert.equal((await parley.post('/api/v1/handback', { phone })).status, 200)
    await whole()
    const [found, sent] = await Promise.all([talks(parley, prefix), copies(parley, prefix)])
    for (const [phone, messages] of found) {
      assertWhole(phone, messages, sent.get(phone))
      assert.equal(sent.get(phone).length, 1, `${phone} was answered ${sent.get(phone).length} times`)
    }
    await sawNothing(parley)
    await proven(parley, bus)
  })

  test(`opt-out ${where}: after it nothing leaves but its confirmation, which comes last`, async t => {
    const fired = await fireAll(phone => write(phone, 'STOP'))
    await whole()
    const [found, sent] = await Promise.all([talks(parley, prefix), copies(parley, prefix)])
    assert.equal(found.size, fired.size)
    for (const [phone, messages] of found) {
      assertWhole(phone, messages, sent.get(phone), { answered: false })
      assert.deepEqual(messages.filter(({ cause }) => cause === 'notice').map(({ status }) => status), ['read'], phone)
      assert.equal(sent.get(phone).at(-1).callback, messages.find(({ cause }) => cause === 'notice').id, `${phone}: something came after the confirmation`)
      assert.ok(sent.get(phone).length <= 2, phone)
    }
    tell(t, found)
    await sawNothing(parley)
    await proven(parley, bus)
  })

  test(`a new message ${where}: no reply is authorised over it, all is answered, each once`, async t => {
    const fired = await fireAll(phone => write(phone, `And one more thing about ${phone}.`))
    await whole()
    const [found, sent] = await Promise.all([talks(parley, prefix), copies(parley, prefix)])
    assert.equal(found.size, fired.size)
    for (const [phone, messages] of found) {
      assertWhole(phone, messages, sent.get(phone))
      assert.equal(messages.filter(({ direction }) => direction === 'inbound').length, 2)
      assert.ok(sent.get(phone).length <= 2, phone)
    }
    tell(t, found)
    assert.ok([...found.values()].some((_, n) => sent.get(phones(found.size)[n]).length === 1), 'no reply ever covered both')
    await sawNothing(parley)
    await proven(parley, bus)
  })
}

test('a person\'s message at each stage of a turn: the AI\'s word comes before it or not at all', async t => {
  const fired = await atEveryStage(async phone => {
    const posted = await parley.post('/api/v1/operator-message', { phone, message: `This is Mira for ${phone}.`, operator: 'mira' })
    assert.deepEqual([posted.status, posted.body.status], [200, 'success'])
  })
  await whole()
  const [found, sent] = await Promise.all([talks(parley, prefix), copies(parley, prefix)])
  assert.equal(found.size, fired.size)
  for (const [phone, messages] of found) {
    assertWhole(phone, messages, sent.get(phone), { answered: false })
    assert.equal(sent.get(phone).at(-1).text, `This is Mira for ${phone}.`, `${phone}: the AI talked over a person`)
  }
  tell(t, found)
  await sawNothing(parley)
  await proven(parley, bus)
})

test('a channel that is stopped between the go and the call wakes after the takeover and sends nothing', async () => {
  const [store, channel] = ['lead-store', 'channel-whatsapp-cloud'].map(name => parley.service(name))
  await parley.faults({ llm: { latency_ms: 0 } })
  const everyone = phones(200)
  let caught
  for (let n = 0; n < everyone.length && !caught; n++) { // stop it the moment a message is `sending`, and look whether the provider has it
    await write(everyone[n], question(everyone[n]))
    await until('the reply', async () => await parley.postgres.value(`select count(*) from crm.leads l join crm.messages m on m.lead_id = l.id
      where l.phone_number = $1 and m.direction = 'outbound'`, [`+${everyone[n]}`]) > 0, 20000, 1)
    store.signal('SIGSTOP')
    await pause(20)
    channel.signal('SIGSTOP')
    store.signal('SIGCONT')
    await pause(60)
    const status = await parley.postgres.value(`select m.status from crm.leads l join crm.messages m on m.lead_id = l.id
      where l.phone_number = $1 and m.direction = 'outbound'`, [`+${everyone[n]}`])
    if (status === 'sending' && (await parley.sent(everyone[n])).length === 0) caught = everyone[n]
    else channel.signal('SIGCONT')
  }
  assert.ok(caught, 'no send was caught between go and call')
  const began = Date.now()
  const taken = await parley.post('/api/v1/takeover', { phone: caught })
  assert.equal(taken.status, 200)
  assert.ok(Date.now() - began > 1000, 'the takeover answered while the go was valid')
  channel.signal('SIGCONT')
  await whole()
  assert.equal((await parley.sent(caught)).length, 0, 'it talked over a person')
  assert.deepEqual((await talks(parley, caught)).get(caught).map(({ status }) => status), ['received', 'cancelled'])
  await parley.post('/api/v1/handback', { phone: caught })
  await parley.sentCount(1, caught)
  await whole()
  await sawNothing(parley)
  await proven(parley, bus)
})

test('the witness sees what must never be', async () => {
  const [phone, other] = phones(2)
  for (const who of [phone, other]) await write(who, question(who))
  await whole()
  const [reply, theirs] = await Promise.all([phone, other].map(async who => (await talks(parley, who)).get(who).at(-1).id))
  const set = (id, status) => parley.postgres.rows('update crm.messages set status = $2 where id = $1', [id, status])
  await parley.postgres.rows(`update crm.conversations set owner = 'human' where id = (select conversation_id from crm.messages where id = $1)`, [reply])
  await parley.postgres.rows(`update crm.leads set opted_out_at = now() where id = (select lead_id from crm.messages where id = $1)`, [reply])
  await parley.postgres.rows(`insert into crm.messages (id, company_id, conversation_id, lead_id, channel_account_id, channel, position, direction, sender_type, wants_answer, status, created_at, updated_at)
    select gen_random_uuid(), company_id, conversation_id, lead_id, channel_account_id, channel, position + 1, 'inbound', 'customer', true, 'received', now(), now() from crm.messages where id = $1`, [theirs])
  for (const id of [reply, theirs]) for (const status of ['queued', 'sending', 'unknown', 'sending']) await set(id, status)
  const seen = await parley.postgres.rows('select message_id, what from witness.wrong order by at')
  const of = id => seen.filter(({ message_id }) => message_id === id).map(({ what }) => what)
  assert.deepEqual(of(reply), ['a status went back', 'authorised after the opt-out', 'authorised after a takeover',
    'authorised, and was not waiting', 'authorised after the opt-out', 'authorised after a takeover'])
  assert.deepEqual(of(theirs), ['a status went back', 'authorised over a newer owed message', 'authorised, and was not waiting', 'authorised over a newer owed message'])
})
