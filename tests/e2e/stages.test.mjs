// A stage says what the AI does in it; what the model learns and where it moves a lead takes effect, if a message of the customer's supports it.
import test, { after, before, beforeEach } from 'node:test'
import assert from 'node:assert/strict'
import { Parley } from '../support/parley.mjs'
import { until } from '../support/process.mjs'

let parley, stages, phone = 15005558000
before(async () => {
  parley = await Parley.start()
  await ended(await parley.inbound(`+${++phone}`, 'hello'))
  stages = Object.fromEntries((await parley.postgres.rows('select name, id from crm.stages')).map(({ name, id }) => [name, id]))
})
after(() => parley?.stop())
beforeEach(async () => {
  await parley.sim('/_sim/reset', {})
  await policy({})
})

const ended = async ({ body }) => (await until(`job ${body.job_id} to end`, async () => {
  const job = await parley.get(`/jobs/${body.job_id}`)
  return ['completed', 'dlq'].includes(job.body.status) && job
})).body
const policy = async (ai_config, allowed = null) => parley.postgres.rows("update crm.stages set ai_config = $1, allowed_transitions = $2 where name = 'New'", [ai_config, allowed])
const model = actions => parley.faults({ llm: { provider: 'openai', count: 1, actions: JSON.stringify(actions.map(action => ({ reason: '', urgency: 'low', stage: '', name: '', value: '', ...action }))) } })
const say = async text => {
  const answer = await parley.inbound(`+${phone}`, text)
  return { ...await ended(answer), message_id: answer.body.message_id }
}
const lead = async () => (await parley.get(`/leads?phone=%2B${phone}`)).body.items[0]
const moved = async ({ id }) => parley.postgres.rows("select actor, payload from crm.events where lead_id = $1 and type = 'lead.stage_changed'", [id])
const systemOf = async () => (await parley.sim('/_sim/llm')).at(-1).messages[0].content

test('what the model notes is kept with the words that support it; what is known is not asked for again', async () => {
  phone++
  await policy({ goal: 'Book a visit.', tone: 'Warm.', collect: ['need', 'city'], house_rule: 'No jokes.' })
  await model([{ type: 'note', name: 'need', value: 'a haircut', quote: 'need a haircut' }, { type: 'note', name: 'city', value: 'Dhaka', quote: 'in Dhaka' },
    { type: 'note', name: 'budget', value: '1 million', quote: 'I am rich' }, { type: 'note', name: 'shoe size', value: '43', quote: 'need a haircut' }])
  const { message_id } = await say('I need a haircut in Dhaka')
  assert.match(await systemOf(), /## What to do in this stage\nGoal: Book a visit\.\nTone: Warm\.\nStill to learn[^\n]*: need, city\nhouse_rule: No jokes\./)
  const { attributes } = await lead()
  assert.deepEqual(attributes.bant, { need: { value: 'a haircut', message_id }, score: 25 }) // the budget rests on words that nobody said
  assert.deepEqual(attributes.collected, { city: { value: 'Dhaka', message_id } })
  await say('and tomorrow?')
  assert.doesNotMatch(await systemOf(), /Still to learn/)
})

test('the model moves a lead where the stage leads to, with evidence; nowhere else', async () => {
  phone++
  await policy({ moves: [{ to: 'Qualified', when: 'they want an offer' }] }, [stages.Qualified])
  await model([{ type: 'move_stage', stage: 'Closed', reason: 'wants it', quote: 'make me an offer' }])
  await say('make me an offer')
  assert.equal((await lead()).stage, 'New')
  await model([{ type: 'move_stage', stage: 'Qualified', reason: 'wants it', quote: 'words that nobody said' }])
  await say('make me an offer now')
  assert.equal((await lead()).stage, 'New')
  await model([{ type: 'move_stage', stage: 'qualified', reason: 'wants an offer', quote: 'an offer please' }])
  const { message_id } = await say('an offer please')
  assert.match(await systemOf(), /Move to the stage "Qualified" when: they want an offer/)
  const person = await lead()
  assert.equal(person.stage, 'Qualified')
  const [{ actor, payload }, ...more] = await moved(person)
  assert.deepEqual([actor, payload.from, payload.to, payload.by, payload.evidence, payload.reason, more.length],
    ['ai', stages.New, stages.Qualified, 'ai', message_id, 'wants an offer', 0])
})

test('the score moves a lead by rule', async () => {
  phone++
  await policy({ collect: ['timing'], moves: [{ to: 'Contacted', score_min: 50 }] })
  await model([{ type: 'note', name: 'need', value: 'a sofa', quote: 'a sofa' }])
  await say('I want a sofa')
  assert.equal((await lead()).stage, 'New')
  await model([{ type: 'note', name: 'timing', value: 'this week', quote: 'this week' }])
  const { message_id } = await say('this week')
  const person = await lead()
  assert.deepEqual([person.stage, person.attributes.bant.score], ['Contacted', 50])
  assert.deepEqual((await moved(person)).map(({ actor, payload }) => [actor, payload.by, payload.evidence]), [['system', 'rule', message_id]])
})

test('where the AI does not answer in a stage, a person does, and the model is not asked', async () => {
  phone++
  await policy({ answers: false })
  const { result } = await say('hello?')
  assert.deepEqual([result.outcome, result.reason], ['nothing', 'handed_over'])
  assert.equal((await parley.sim('/_sim/llm')).length, 0)
  const [talk] = await parley.postgres.rows('select owner, escalation_reason from crm.conversations where phone = $1', [`+${phone}`])
  assert.deepEqual([talk.owner, talk.escalation_reason], ['human', 'stage'])
})

test('stages are listed with their pipeline, made, changed under their version, and removed while nobody is in them', async () => {
  const [pipeline, ...others] = (await parley.get('/pipelines')).body.items
  assert.deepEqual([pipeline.is_default, others.length, pipeline.stages.map(({ name }) => name)], [true, 0, ['New', 'Contacted', 'Qualified', 'Proposal', 'Closed']])
  const body = { name: 'Trial', ai_config: { goal: 'Help them try it.', collect: ['team size'] }, allowed_transitions: [stages.Closed] }
  const made = await parley.post('/stages', body, { 'idempotency-key': 'trial' })
  assert.deepEqual([made.status, made.body.position, made.body.pipeline_id, made.body.allowed_transitions], [201, 6, pipeline.id, [stages.Closed]])
  assert.equal((await parley.post('/stages', body, { 'idempotency-key': 'trial' })).body.id, made.body.id)
  assert.equal((await parley.post('/stages', { name: 'Other' }, { 'idempotency-key': 'trial' })).status, 422)
  const path = `/stages/${made.body.id}`
  const patched = await parley.send('PATCH', path, { ai_config: { answers: false }, allowed_transitions: 'all' }, { 'if-match': made.headers.get('etag') ?? '"1"' })
  assert.deepEqual([patched.status, patched.body.ai_config, patched.body.allowed_transitions, patched.body.name], [200, { answers: false }, undefined, 'Trial'])
  assert.equal((await parley.send('PATCH', path, { name: 'Late' }, { 'if-match': '"1"' })).status, 412)
  assert.equal((await parley.send('DELETE', path)).status < 300, true)
  assert.equal((await parley.get(path)).status, 404)
  const events = await parley.postgres.rows("select type from crm.events where entity_type = 'stage' order by xid, n")
  assert.deepEqual(events.map(({ type }) => type), ['stage.created', 'stage.updated', 'stage.deleted'])
})

test('what a stage may not be is refused by name, and changes nothing', async () => {
  const refused = async (wanted, status, code) => {
    const answer = await wanted
    assert.deepEqual([answer.status, answer.body.code], [status, code])
  }
  const patch = body => parley.send('PATCH', `/stages/${stages.New}`, body)
  await refused(parley.post('/stages', { name: 'New' }), 409, 'conflict')
  await refused(parley.post('/stages', { name: 'X', position: 1 }), 409, 'conflict')
  await refused(patch({ ai_config: { answers: 'no' } }), 422, 'bad_value')
  await refused(patch({ ai_config: { moves: [{ to: 'Closed' }] } }), 422, 'bad_value')
  await refused(patch({ ai_config: [] }), 422, 'bad_value')
  await refused(patch({ allowed_transitions: ['x'] }), 422, 'bad_value')
  await refused(patch({ allowed_transitions: [crypto.randomUUID()] }), 422, 'unknown_stage')
  await refused(parley.send('DELETE', `/stages/${stages.New}`), 409, 'conflict')
  assert.match((await parley.send('DELETE', `/stages/${stages.New}`)).body.detail, /[1-9] leads and 0 models are in the stage/)
  await refused(parley.get(`/stages/${crypto.randomUUID()}`), 404, 'unknown_pipeline_stage')
  assert.equal((await parley.get(`/stages/${stages.New}`)).body.version, 1)
})

test('a stage that is removed hands its leads to another one, a thousand at a time; nobody is lost on the way', async () => {
  phone++
  await say('hello')
  const person = await lead(), { id, pipeline_id } = (await parley.post('/stages', { name: 'Short-lived' })).body
  const other = (await parley.post('/pipelines', { name: 'Elsewhere', stages: ['There', 'Beyond'] })).body
  const remove = to => parley.send('DELETE', `/stages/${id}?move_to=${to}`)
  assert.equal((await parley.send('PATCH', `/leads/${person.id}`, { stage_id: id })).body.stage, 'Short-lived')
  for (const nowhere of [id, crypto.randomUUID()]) assert.deepEqual([(await remove(nowhere)).status, (await remove(nowhere)).body.code], [422, 'unknown_stage'])
  assert.equal((await remove('x')).status, 422)
  assert.equal((await parley.get(`/stages/${id}`)).status, 200)

  await parley.postgres.rows(`insert into crm.leads (id, company_id, pipeline_id, stage_id, created_at, updated_at)
    select gen_random_uuid(), company_id, pipeline_id, $2, created_at, created_at from crm.leads, generate_series(1, 1099) where id = $1`, [person.id, id])
  const first = await remove(other.stages[0].id)
  assert.deepEqual([first.status, first.body], [200, { id, pipeline_id, name: 'Short-lived', position: 6, removed: false, leads_moved: 1000 }])
  const second = await remove(other.stages[0].id)
  assert.deepEqual([second.body.removed, second.body.leads_moved], [true, 100])
  assert.equal((await remove(other.stages[0].id)).status, 404)
  assert.deepEqual((({ stage, pipeline_id }) => [stage, pipeline_id])(await lead()), ['There', other.id])
  const [{ payload }] = (await moved(person)).slice(-1)
  assert.deepEqual([payload.from, payload.to, payload.by, payload.reason], [id, other.stages[0].id, 'operator', 'stage_deleted'])
  const [{ told, people }] = await parley.postgres.rows(`select count(*) as told, count(distinct lead_id) as people from crm.events where type = 'lead.stage_changed' and payload ->> 'from' = $1`, [id])
  assert.deepEqual([Number(told), Number(people)], [1100, 1100])
  const seen = [] // and they are listed there, page by page
  for (let cursor = ''; cursor !== null;) {
    const { body } = await parley.get(`/leads?stage_id=${other.stages[0].id}&limit=200${cursor && `&cursor=${cursor}`}`)
    seen.push(...body.items.map(item => item.id))
    cursor = body.next_cursor
  }
  assert.deepEqual([seen.length, new Set(seen).size, seen.includes(person.id)], [1100, 1100, true])
})

test('a pipeline is made with its stages, becomes the one that new leads enter, and goes when nobody is in it', async () => {
  const refused = async (wanted, status, code) => {
    const answer = await wanted
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(answer.body))
  }
  const patch = (id, body, version) => parley.send('PATCH', `/pipelines/${id}`, body, version ? { 'if-match': `"${version}"` } : {})
  const remove = id => parley.send('DELETE', `/pipelines/${id}`)
  const [first] = (await parley.get('/pipelines')).body.items
  const body = { name: 'Repairs', stages: ['Called', 'Visited', 'Done'] }
  const made = await parley.post('/pipelines', body, { 'idempotency-key': 'repairs' })
  const { id } = made.body
  assert.deepEqual([made.status, made.body.is_default, made.body.archived, made.body.stages.map(({ name, position }) => [name, position])],
    [201, false, false, [['Called', 1], ['Visited', 2], ['Done', 3]]])
  assert.equal((await parley.post('/pipelines', body, { 'idempotency-key': 'repairs' })).body.id, id)
  await refused(parley.post('/pipelines', { ...body, stages: ['Called'] }, { 'idempotency-key': 'repairs' }), 422, 'idempotency_mismatch')
  await refused(parley.post('/pipelines', body), 409, 'conflict') // the name
  for (const wrong of [['A', 'A'], [''], ['x'.repeat(65)], Array.from({ length: 51 }, (_, i) => `S${i}`)]) await refused(parley.post('/pipelines', { name: 'X', stages: wrong }), 422, 'bad_value')
  const plain = (await parley.post('/pipelines', { name: 'Plain' })).body
  assert.deepEqual(plain.stages.map(({ name }) => name), ['New', 'Contacted', 'Qualified', 'Proposal', 'Closed'])

  assert.equal((await patch(id, { is_default: true, name: 'Repairs and parts' }, 1)).body.version, 2)
  await refused(patch(id, { name: 'Late' }, 1), 412, 'stale_version')
  await refused(patch(id, { is_default: false }), 409, 'conflict')
  await refused(patch(id, { archived: true }), 409, 'conflict')
  await refused(patch(plain.id, { name: 'Repairs and parts' }), 409, 'conflict')
  await refused(remove(id), 409, 'conflict')
  assert.deepEqual([(await parley.get(`/pipelines/${first.id}`)).body.is_default, (await parley.get('/pipelines')).body.items[0].id], [false, id])
  phone++
  await say('hello?')
  const person = await lead()
  assert.deepEqual([person.pipeline_id, person.stage], [id, 'Called'])

  assert.equal((await patch(first.id, { is_default: true })).status, 200)
  assert.equal((await patch(id, { archived: true })).body.archived, true)
  assert.deepEqual((await parley.get('/pipelines?archived=true')).body.items.map(each => each.id), [id])
  assert.equal((await patch(id, { is_default: true })).body.archived, false) // new leads enter it
  assert.equal((await patch(first.id, { is_default: true })).body.is_default, true)
  assert.match((await remove(id)).body.detail, /^1 leads and 0 models/)
  assert.equal((await parley.send('PATCH', `/leads/${person.id}`, { stage_id: stages.New })).body.pipeline_id, first.id)
  for (const each of [id, plain.id]) assert.ok((await remove(each)).status < 300)
  await refused(parley.get(`/pipelines/${id}`), 404, 'unknown_pipeline')
  await refused(remove(crypto.randomUUID()), 404, 'unknown_pipeline')
  const events = await parley.postgres.rows("select type from crm.events where entity_id = $1 order by n", [id])
  assert.deepEqual([events[0].type, events.at(-1).type, new Set(events.slice(1, -1).map(({ type }) => type))], ['pipeline.created', 'pipeline.deleted', new Set(['pipeline.updated'])])
})
