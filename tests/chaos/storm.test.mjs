// Random kills and stops of everything, several at once, under load, with two copies of each service. Whatever happened: nothing acknowledged is lost, nothing is doubled,
// no rule of the checker is broken. The plan follows from the seed.
import test, { after, before } from 'node:test'
import { carryOut, makePlan, planText } from './hurt.mjs'
import { Load } from './load.mjs'
import { dice, full, seed } from './plan.mjs'
import { System } from './system.mjs'

const STORMS = full ? 12 : 1
const ROUNDS = full ? 40 : 8

let system
before(async () => { system = await System.start() })
after(() => system?.stop())

for (let n = 0; n < STORMS; n++)
  test(`a storm: services, broker and database are killed and stopped at random (CHAOS_SEED=${seed + n})`, async t => {
    const plan = makePlan(dice(seed + n), { rounds: ROUNDS, stopMsMax: full ? 20000 : 2500 })
    t.diagnostic(planText(plan))
    const load = new Load(system.parley, { seed: seed + n, prefix: String(150200 + n) })
    await carryOut(system, plan)
    t.diagnostic(JSON.stringify(await system.prove(await load.stop())))
  })
