// What a silence brings: summaries in steps, the memory of prompts, bump-ups; and that each of it is asked for once.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Store } from './store.mjs'
import { Talk } from './talk.mjs'
import { until } from '../support/process.mjs'

let store
before(async () => {
  store = await Store.start({ scheduler: true, env: { WHATSAPP_CLOUD_PACING: '0', BUFFER_MS: '0', LOOP_GUARD: 'off' } })
  await store.rows("update crm.companies set quiet_from = '00:00', quiet_to = '24:00'") // whenever this runs
})
after(() => store?.stop())

const jobsOf = (conversationId, prefix) =>
  store.rows('select * from jobs.jobs where idempotency_key like $1 order by created_at', [`${prefix}_${conversationId}_%`])
const lead = async id => (await store.rows('select * from crm.leads where id = $1', [id]))[0]
const session = id => store.value('select summary from crm.ai_sessions where conversation_id = $1', [id])

/** So many questions, each answered; the AI's answers have left. */
async function chat(turns, texts = n => `question ${n}`) {
  const talk = await Talk.start(store, { message_text: texts(1) })
  for (let n = 1; n <= turns; n++) {
    const asked = n === 1 ? talk.first : await talk.write({ message_text: texts(n) })
    await talk.reply(asked, { text: `answer ${n}` })
  }
  return talk
}
/** All that was written is older by so many days, and it is looked at now. */
async function silent(talk, days) {
  await store.rows(`update crm.messages set created_at = created_at - $2 * interval '1 day' where lead_id = $1`, [talk.leadId, days])
  await store.rows(`update crm.conversations set window_ends_at = window_ends_at - $2 * interval '1 day', silence_at = least(silence_at, $3) where lead_id = $1`,
    [talk.leadId, days, new Date()])
}
const looked = talk => until('the look', async () => {
  const { silence_at } = await talk.conversation()
  return silence_at === null || silence_at > new Date()
})

const ask = (talk, subject, request, reply, item) => store.bus.ask(subject, request, reply, item, talk.caller)
const openSummary = (talk, more = {}) => ask(talk, 'store.summary.open', 'SummaryOpenRequest', 'SummaryOpened', { lead_id: talk.leadId, ...more })
const commitSummary = (talk, opened, more) => ask(talk, 'store.summary.commit', 'SummaryCommitRequest', 'SummaryCommitted', {
  lead_id: talk.leadId, step: opened.step, conversation_id: opened.conversation_id, after_position: opened.after_position,
  covered_position: opened.covered_position, covered_at: opened.covered_at, ...more })
const digest = (summary, more = {}) => ({ summary, key_points: ['one', 'two'], sentiment: 'positive', next_action: 'Call.', insights: { text: '{"budget":"500"}' }, ...more })

test('a summary tells all that was said, is kept with the lead, and its insights join those that are there', async () => {
  const talk = await chat(3)
  await store.rows(`update crm.leads set attributes = '{"mine":1,"insights":{"authority":"she decides"}}' where id = $1`, [talk.leadId])
  const opened = await openSummary(talk)
  assert.equal(opened.step, 'SUMMARY_STEP_TELL')
  assert.deepEqual(opened.context.history.map(({ sender, text }) => [sender, text]),
    [1, 2, 3].flatMap(n => [['customer', `question ${n}`], ['ai', `answer ${n}`]]))
  const { version } = await lead(talk.leadId)
  assert.equal((await commitSummary(talk, opened, { digest: digest('They asked. We answered. All is well.') })).stale, false)
  const after = await lead(talk.leadId)
  const { at, covered_at, ...told } = after.attributes.ai_summary
  assert.deepEqual(told, { summary: 'They asked. We answered. All is well.', key_points: ['one', 'two'], sentiment: 'positive', next_action: 'Call.',
    covered_sequence: 6, conversation_id: talk.conversationId })
  assert.ok(Date.parse(at) && Date.parse(covered_at))
  assert.deepEqual([after.attributes.mine, after.attributes.insights], [1, { authority: 'she decides', budget: '500' }])
  assert.equal(Number(after.version), Number(version) + 1)
  assert.deepEqual((await talk.events()).filter(type => type === 'lead.summarised'), ['lead.summarised'])
})

test('a summary never overwrites one that covers more', async () => {
  const talk = await chat(2)
  const older = await openSummary(talk)
  await talk.reply(await talk.write())
  const newer = await openSummary(talk)
  assert.equal((await commitSummary(talk, newer, { digest: digest('Newer.') })).stale, false)
  assert.equal((await commitSummary(talk, older, { digest: digest('Older.') })).stale, true)
  assert.equal((await lead(talk.leadId)).attributes.ai_summary.summary, 'Newer.')
  assert.equal((await commitSummary(talk, newer, { digest: digest('Newer, again.') })).stale, false) // a job that runs twice
})

test('attributes are anybody\'s to write: what is no summary of ours never keeps a summary out', async () => {
  const talk = await chat(2)
  const opened = await openSummary(talk)
  for (const known of [{ conversation_id: talk.conversationId, covered_sequence: 'all of it' }, { conversation_id: talk.conversationId, covered_sequence: 9e99 },
    { covered_at: 'yesterday' }, { covered_at: { no: 'time' } }, 7, null]) {
    await store.rows('update crm.leads set attributes = $2 where id = $1', [talk.leadId, { ai_summary: known }])
    assert.equal((await commitSummary(talk, opened, { digest: digest('Ours.') })).stale, false, JSON.stringify(known))
    assert.equal((await lead(talk.leadId)).attributes.ai_summary.summary, 'Ours.')
  }
})

test('all conversations of a person are told together, and another company knows nothing of them', async () => {
  const talk = await chat(2)
  const other = await Talk.start(store, { message_text: 'by mail' })
  await store.rows("update crm.conversations set lead_id = $1, state = 'closed' where lead_id = $2", [talk.leadId, other.leadId])
  const opened = await openSummary(talk)
  assert.deepEqual(opened.context.history.map(({ text }) => text).sort(), ['answer 1', 'answer 2', 'by mail', 'question 1', 'question 2'])
  const foreign = await store.bus.ask('store.summary.open', 'SummaryOpenRequest', 'SummaryOpened', { lead_id: talk.leadId }, { company_id: randomUUID() })
  assert.deepEqual([foreign.step, foreign.reason], ['SUMMARY_STEP_NOTHING', 'no_messages'])
})

test('a lead that is asked for several times at once is told the same each time, every message once', async () => {
  const talk = await chat(60) // more than one memory step holds
  const asked = Array.from({ length: 8 }, (_, n) => ({ lead_id: talk.leadId, memory_only: n % 2 === 1 }))
  const answers = await store.bus.call('store.summary.open', 'SummaryOpenRequest', 'SummaryOpened', asked, talk.caller)
  for (const { reply } of answers) {
    const positions = reply.context.history.map(({ position }) => Number(position))
    assert.ok(positions.length > 30)
    assert.deepEqual(positions, positions.map((_, n) => n + 1))
  }
})

test('what a prompt will no longer hold is remembered in steps, and a step that began elsewhere is refused', async () => {
  const talk = await chat(22) // 44 messages
  const [job] = await jobsOf(talk.conversationId, 'ai_memory').then(async known => known.length ? known : [null])
  assert.equal(job, null) // the commit's answer brings it, ai-engage enqueues it
  const first = await openSummary(talk, { memory_only: true })
  assert.deepEqual([first.step, first.after_position, first.covered_position, first.context.history.length, first.context.summary],
    ['SUMMARY_STEP_REMEMBER', 0, 34, 34, undefined])
  assert.equal((await commitSummary(talk, first, { memory: 'It began with question 1.' })).stale, false)
  assert.equal((await commitSummary(talk, first, { memory: 'Twice.' })).stale, true)
  assert.equal(await session(talk.conversationId), 'It began with question 1.')
  assert.deepEqual([(await openSummary(talk, { memory_only: true })).step, (await openSummary(talk)).step], ['SUMMARY_STEP_NOTHING', 'SUMMARY_STEP_TELL'])
  const told = await openSummary(talk)
  assert.deepEqual([told.context.summary, told.context.history[0].text], ['It began with question 1.', 'question 18'])
  const turn = await talk.open(await talk.write())
  assert.equal(turn.context.summary, 'It began with question 1.')
})

test('the commit that makes a conversation outgrow its prompt brings the job that remembers, once for so many messages', async () => {
  const talk = await chat(14)
  const keys = []
  for (let n = 0; n < 4; n++) {
    const committed = await talk.commit(await talk.open(await talk.write()))
    keys.push(...committed.jobs.map(job => job.idempotency_key).filter(key => key.startsWith('ai_memory')))
  }
  assert.deepEqual(keys, Array(4).fill(`ai_memory_${talk.conversationId}_20`))
})

test('a silence brings one summary, however often it is looked at; the next message begins another', async () => {
  const talk = await chat(2)
  const { silence_at } = await talk.conversation()
  assert.ok(silence_at - Date.now() > 59 * 60000 && silence_at - Date.now() <= 60 * 60000)
  await talk.reply(await talk.write())
  assert.deepEqual((await talk.conversation()).silence_at, silence_at) // messages leave it alone
  await store.rows('update crm.conversations set silence_at = $2 where id = $1', [talk.conversationId, new Date()])
  await looked(talk) // too early: moved on, nothing asked
  assert.deepEqual(await jobsOf(talk.conversationId, 'ai_summary'), [])
  await silent(talk, 1)
  const [job] = await until('the job', async () => { const jobs = await jobsOf(talk.conversationId, 'ai_summary'); return jobs.length && jobs })
  assert.deepEqual([job.task_name, job.priority, job.task_params], ['ai.summary', 90, { lead_id: talk.leadId, conversation_id: talk.conversationId, position: 6 }])
  await looked(talk)
  assert.equal((await talk.conversation()).silence_at, null)
  await talk.reply(await talk.write())
  await silent(talk, 1)
  await until('the next one', async () => (await jobsOf(talk.conversationId, 'ai_summary')).length === 2)
})

test('a company that wants none gets none', async () => {
  const talk = await Talk.start(store)
  await store.rows('update crm.companies set summary_after_minutes = 0 where id = $1', [talk.caller.company_id])
  try {
    for (let n = 0; n < 3; n++) await talk.reply(n ? await talk.write() : talk.first)
    assert.equal((await talk.conversation()).silence_at, null)
  } finally {
    await store.rows('update crm.companies set summary_after_minutes = 60 where id = $1', [talk.caller.company_id])
  }
})

test('a handback brings the summary of what the person said', async () => {
  const talk = await chat(2)
  await talk.take()
  await talk.post({ message: 'I am here.' })
  const given = await talk.giveBack()
  assert.deepEqual(given.jobs.map(job => job.idempotency_key), [`ai_summary_${talk.conversationId}_5`])
})

// -- bump-ups

const consent = (talk, marketing = true) => store.rows('update crm.leads set consent = $2 where id = $1', [talk.leadId, JSON.stringify({ marketing })])
let templates = 0
async function template(talk, state = 'approved') {
  const id = randomUUID()
  await store.rows(`insert into crm.templates (id, company_id, channel, name, language, external_name, text, placeholders, state, created_at, updated_at)
    values ($1, $2, 'whatsapp_cloud', $3, 'en_US', 'order_update', 'Hi {{name}}! {{2}} Bye.', '{name,text}', $4, now(), now())`, [id, talk.caller.company_id, `bump ${++templates}`, state])
  await store.rows('update crm.companies set bumpup_template_id = $2 where id = $1', [talk.caller.company_id, id])
  return id
}
const position = async talk => Number((await talk.conversation()).last_position)
const openBump = async (talk, more = {}) => {
  const job_id = randomUUID()
  const opened = await ask(talk, 'store.bumpup.open', 'BumpupOpenRequest', 'BumpupOpened',
    { job_id, lead_id: talk.leadId, conversation_id: talk.conversationId, position: await position(talk), ...more })
  return { job_id, ...opened, state: opened.state.replace('BUMPUP_STATE_', '').toLowerCase() }
}
const commitBump = async (talk, opened, more = {}) => {
  const reply = await ask(talk, 'store.bumpup.commit', 'BumpupCommitRequest', 'BumpupCommitted', {
    job_id: opened.job_id, lead_id: talk.leadId, conversation_id: talk.conversationId, position: opened.position, epoch: opened.epoch, opening: opened.opening,
    text: 'Are you still there?', provider: 'openai', model: 'gpt-4o-mini', ...more })
  return { ...reply, state: reply.state.replace('BUMPUP_STATE_', '').toLowerCase() }
}
/** Answered, with consent, at whatever hour. */
async function ready(turns = 1) {
  const talk = await chat(turns)
  await store.rows("update crm.companies set quiet_from = '00:00', quiet_to = '24:00'")
  await consent(talk)
  return talk
}

test('a bump-up is a message of the AI that the business starts, said once in the story, and the same job commits it once', async () => {
  const talk = await ready()
  const opened = await openBump(talk)
  assert.deepEqual([opened.state, opened.context.history.length, opened.unlike], ['open', 2, ['answer 1']])
  const committed = await commitBump(talk, opened)
  assert.equal(committed.state, 'committed')
  assert.deepEqual([committed.jobs[0].task, committed.jobs[0].priority], ['channel.send.whatsapp_cloud', 95])
  const again = await commitBump(talk, opened)
  assert.deepEqual([again.state, again.message_id], ['committed', committed.message_id])
  const reopened = await openBump(talk, { job_id: opened.job_id })
  assert.deepEqual([reopened.state, reopened.message_id, reopened.jobs[0].idempotency_key], ['committed', committed.message_id, committed.jobs[0].idempotency_key])
  const row = await talk.row(committed.message_id)
  assert.deepEqual([row.sender_type, row.cause, row.status, row.message_text, row.template_id], ['ai', 'proactive', 'queued', 'Are you still there?', null])
  const [written] = await store.rows('select * from crm.ai_messages where id = $1', [committed.message_id])
  assert.deepEqual([written.message_type, written.model], ['bumpup', 'gpt-4o-mini'])
  assert.ok(Date.parse((await lead(talk.leadId)).attributes.last_bumpup_at))
  assert.equal((await talk.events()).filter(type => type === 'lead.bumped').length, 1)
  assert.equal((await talk.authorize(committed.message_id)).verdict, 'go')
})

test('another bump-up waits for the next answer, opens in another way and must differ from the earlier ones', async () => {
  const talk = await ready()
  const openings = []
  for (let n = 0; n < 3; n++) {
    const opened = await openBump(talk)
    openings.push(opened.opening)
    assert.deepEqual(opened.unlike.slice(1), Array.from({ length: n }, (_, i) => `Hello ${n - 1 - i}?`))
    await commitBump(talk, opened, { text: `Hello ${n}?` })
    const second = await openBump(talk)
    assert.deepEqual([second.state, second.reason], ['dropped', 'bumped_already'])
    await talk.reply(await talk.write(), { text: 'answer 1' })
  }
  assert.deepEqual([...openings].sort(), ['checking_in', 'circling_back', 'following_up'])
})

test('whoever wrote first gets no bump-up: not at the opening, not at the commit, not at the gate', async () => {
  const talk = await ready()
  const before = await position(talk)
  const opened = await openBump(talk)
  const asked = await talk.write()
  const late = await commitBump(talk, opened)
  assert.deepEqual([late.state, late.reason], ['dropped', 'not_silent'])
  await talk.reply(asked)
  const older = await openBump(talk, { position: before })
  assert.deepEqual([older.state, older.reason], ['dropped', 'not_silent'])

  const { message_id } = await commitBump(talk, await openBump(talk))
  await talk.write()
  const refused = await talk.authorize(message_id)
  assert.deepEqual([refused.verdict, refused.reason, await talk.status(message_id)], ['refuse', 'customer_wrote', 'cancelled'])
})

test('what the gate would refuse is not even written', async () => {
  const reason = async talk => (await openBump(talk)).reason
  const none = await chat(1)
  assert.equal(await reason(none), 'no_consent')
  const out = await ready()
  await store.rows('update crm.leads set opted_out_at = now() where id = $1', [out.leadId])
  assert.equal(await reason(out), 'opted_out')
  const taken = await ready()
  const opened = await openBump(taken)
  await taken.take()
  assert.equal(await reason(taken), 'human_owner')
  await taken.giveBack()
  assert.equal((await commitBump(taken, opened)).reason, 'human_owner') // it changed hands since
  const owed = await ready()
  await owed.write()
  assert.equal(await reason(owed), 'not_silent')
  const far = await ready()
  await silent(far, 3)
  assert.equal(await reason(far), 'no_template')
})

test('outside the window it leaves by the approved template, with the words in its last place', async () => {
  const talk = await ready()
  const id = await template(talk)
  await store.rows("update crm.leads set contact_name = 'Ines' where id = $1", [talk.leadId])
  await silent(talk, 3)
  const { message_id } = await commitBump(talk, await openBump(talk), { text: 'Still there?' })
  const row = await talk.row(message_id)
  assert.deepEqual([row.template_id, row.message_text, row.extra_metadata], [id, 'Hi Ines! Still there? Bye.', { template_params: ['Ines', 'Still there?'] }])
  const { outgoing } = await talk.authorize(message_id)
  assert.deepEqual([outgoing.template_name, outgoing.template_language, JSON.parse(outgoing.template_params.text)], ['order_update', 'en_US', ['Ines', 'Still there?']])
  await template(talk, 'paused')
  const next = await ready()
  await silent(next, 3)
  assert.equal((await openBump(next)).reason, 'no_template')
})

test('a silence of three days brings one bump-up, where all allows it; a lead that is stuck gets it sooner', async () => {
  const [talk, unwilling, stuck] = [await ready(), await chat(1), await ready()]
  await template(talk)
  const stage = await store.value('select stage_id from crm.leads where id = $1', [stuck.leadId])
  const another = await store.value("select id from crm.stages where company_id = $1 and name = 'Qualified'", [talk.caller.company_id])
  await store.rows(`update crm.stages set ai_config = '{"bumpup_after_days":2}' where id = $1`, [another])
  await ask(stuck, 'store.lead.patch', 'LeadPatchRequest', 'Lead', { id: stuck.leadId, stage_id: another })
  assert.notEqual(stage, another)
  assert.ok(Date.now() - (await lead(stuck.leadId)).stage_changed_at < 60000)
  await store.rows("update crm.leads set stage_changed_at = stage_changed_at - interval '2 days' where id = $1", [stuck.leadId])
  for (const one of [talk, unwilling, stuck]) { // the company had no template when they were answered
    await store.rows('update crm.conversations set silence_at = $2 where id = $1', [one.conversationId, new Date()])
    await silent(one, 2)
  }
  await until('the stuck one', async () => (await jobsOf(stuck.conversationId, 'bumpup')).length)
  await looked(talk)
  assert.deepEqual(await jobsOf(talk.conversationId, 'bumpup'), [])
  await silent(talk, 1)
  const [job] = await until('the job', async () => { const jobs = await jobsOf(talk.conversationId, 'bumpup'); return jobs.length && jobs })
  assert.deepEqual([job.task_name, job.priority, job.idempotency_key], ['followup.bumpup', 95, `bumpup_${talk.conversationId}_2`])
  await looked(talk)
  assert.deepEqual([await jobsOf(unwilling.conversationId, 'bumpup'), (await unwilling.conversation()).silence_at], [[], null])
})
