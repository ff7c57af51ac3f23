// Broker, database and vendor are taken away under load: 503 or waiting in a queue, memory stays bounded, and when they are back everything drains.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { pause } from '../support/process.mjs'
import { Load } from './load.mjs'
import { full, seed } from './plan.mjs'
import { System } from './system.mjs'

const AWAY_MS = full ? 60000 : 2000
/** What a process may hold more than before, when all it needs is away and requests keep coming. */
const MORE_MIB_MAX = 64

let system, prefix = 150400
// a ladder that is longer than anything is away: who comes back finds the job waiting, not dead
before(async () => { system = await System.start({ env: { JOB_LADDER_MS: full ? '1000,5000,20000,60000,60000' : '300,1000,3000,5000,5000' } }) })
after(() => system?.stop())

async function away(t, leave, back) {
  const load = new Load(system.parley, { seed: seed + prefix, prefix: String(++prefix), handovers: false, everyMs: 10 })
  t.after(() => load.stop())
  await pause(1000)
  const before = new Map(system.memory().map(({ name, mib }) => [name, mib])), { ledger } = load
  await leave()
  const left = Date.now(), peak = new Map()
  while (Date.now() < left + AWAY_MS) {
    for (const { name, mib } of system.memory()) peak.set(name, Math.max(mib, peak.get(name) ?? 0))
    await pause(100)
  }
  const meanwhile = ledger.posts.filter(post => post.at > left + 500)
  await back()
  await pause(1000)
  t.diagnostic(JSON.stringify({ ...await system.prove(await load.stop()), mib: Object.fromEntries([...peak].map(([name, mib]) => [name, Math.round(mib)])) }))
  for (const [name, mib] of peak) assert.ok(mib < before.get(name) + MORE_MIB_MAX, `${name} grew from ${before.get(name)} to ${mib} MiB`)
  assert.ok(meanwhile.length > 10)
  return { meanwhile, taken: meanwhile.filter(post => post.acknowledgedAt && post.acknowledgedAt < left + AWAY_MS) }
}

test('the broker away: nothing is taken, nothing is lost, and all goes on when it is back', async t => {
  const { taken } = await away(t, () => system.nats.kill(), () => system.nats.resume())
  assert.deepEqual(taken, [])
})

test('the database away: messages are taken and wait in the stream', async t => {
  const { taken, meanwhile } = await away(t, () => system.postgres.kill(), () => system.postgres.resume())
  assert.ok(taken.length > 10)
  assert.deepEqual(meanwhile.filter(post => !post.acknowledgedAt), [])
})

test('the vendor away, model and channel: messages are taken and answered when it is back', async t => {
  const { taken } = await away(t, () => system.parley.vendorAway(), () => system.parley.vendorBack())
  assert.ok(taken.length > 10)
})
