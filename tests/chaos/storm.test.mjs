// Random kills and stops of everything, several at once, under load, with two copies of each service. Whatever happened: nothing acknowledged is lost, nothing is doubled,
// no rule of the checker is broken. The plan follows from the seed, and so does what the model says beside its plain answers: words that do for a bump-up, or words that
// must never be said.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { until } from '../support/process.mjs'
import { carryOut, makePlan, planText } from './hurt.mjs'
import { Load } from './load.mjs'
import { dice, full, seed } from './plan.mjs'
import { System } from './system.mjs'

const STORMS = full ? 12 : 1
const ROUNDS = full ? 40 : 8

const NUDGE = `${Array.from({ length: 34 }, (_, n) => `word${n}`).join(' ')} please?`
const SECRET = 'sk-plughplughplughplugh1234'

let system
before(async () => {
  system = await System.start()
  await system.parley.inbound('15020000000', 'the first one')
  await until('a company', () => system.postgres.value('select count(*) from crm.companies'))
  assert.equal((await system.parley.send('PATCH', '/company', { budgets: { conversation: { tokens_per_day: 1200 } } })).status, 200)
  await system.postgres.rows(`update crm.companies set quiet_from = '00:00', quiet_to = '24:00'`)
})
after(() => system?.stop())

for (let n = 0; n < STORMS; n++)
  test(`a storm: services, broker and database are killed and stopped at random (CHAOS_SEED=${seed + n})`, async t => {
    const plan = makePlan(dice(seed + n), { rounds: ROUNDS, stopMsMax: full ? 20000 : 2500 })
    t.diagnostic(planText(plan))
    const load = new Load(system.parley, { seed: seed + n, prefix: String(150200 + n), features: true })
    load.ledger.unsafe.push(SECRET)
    await system.parley.faults({ llm: { probability: 0.3, reply: (seed + n) % 2 ? NUDGE : `My key is ${SECRET}` } })
    await carryOut(system, plan)
    t.diagnostic(JSON.stringify(await system.prove(await load.stop())))
  })
