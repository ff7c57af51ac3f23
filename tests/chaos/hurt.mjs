// What can be done to a system, by dice: a plan of rounds, each hurting one to three parts at once, that the same seed makes again.
import { SERVICES } from '../support/parley.mjs'
import { pause } from '../support/process.mjs'

/** One part: who (a service and which copy, the broker, the database, one of its backends), what (killed, stopped), how long it is away or stopped. */
function hurt(random, stopMsMax) {
  const chance = random(), forMs = random.between(100, stopMsMax)
  if (chance < 0.12) return { who: 'nats', what: random.of(['kill', 'stop']), forMs: Math.min(forMs, 3000) }
  if (chance < 0.2) return { who: 'postgres', what: random.of(['kill', 'stop']), forMs: Math.min(forMs, 3000) }
  if (chance < 0.28) return { who: 'backend', what: random.of(['kill', 'terminate', 'terminate']), dice: random() }
  return { who: random.of(SERVICES), copy: random.below(2), what: random.of(['kill', 'stop']), forMs }
}

/** Rounds of {afterMs, hurts}: the parts of one round are hurt at the same time, and no part twice in it. */
export function makePlan(random, { rounds, stopMsMax = 4000, gapMsMax = 1500 }) {
  return Array.from({ length: rounds }, () => {
    const hurts = Array.from({ length: random.of([1, 1, 2, 2, 3]) }, () => hurt(random, stopMsMax))
    const key = one => ['nats', 'postgres', 'backend'].includes(one.who) ? one.who.replace('backend', 'postgres') : `${one.who} ${one.copy}`
    return { afterMs: random.between(100, gapMsMax), hurts: hurts.filter((one, i) => hurts.findIndex(other => key(other) === key(one)) === i) }
  })
}

export const planText = plan => plan.map(({ afterMs, hurts }) => `+${afterMs} ms: ` +
  hurts.map(({ who, copy = '', what, forMs }) => `${what} ${who}${copy === '' ? '' : `/${copy}`}${forMs ? ` ${forMs} ms` : ''}`).join(', ')).join('\n')

async function service(system, { who, copy, what, forMs }) {
  const copies = system.copies(who), one = copies[copy % copies.length]
  if (what === 'kill') return one.signal('SIGKILL')
  const { child } = one.child // this process; by then there may be another in its place
  one.signal('SIGSTOP')
  await pause(forMs)
  child.kill('SIGCONT')
}

async function nats(system, { what, forMs }) {
  if (what === 'kill') return system.restartNats(forMs)
  system.nats.child.signal('SIGSTOP')
  await pause(forMs)
  system.nats.child.signal('SIGCONT')
}

async function postgres(system, { what, forMs }) {
  if (what === 'kill') return system.restartPostgres(forMs)
  system.postgres.signalAll('SIGSTOP')
  await pause(forMs)
  system.postgres.signalAll('SIGCONT')
}

/** One session's process: ended politely, or killed, and then PostgreSQL throws out everybody and recovers. */
async function backend(system, { what, dice }) {
  const sessions = await system.postgres.rows(`select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() order by pid`).catch(() => [])
  if (!sessions.length) return
  const { pid } = sessions[Math.floor(dice * sessions.length)]
  if (what === 'kill') process.kill(pid, 'SIGKILL')
  else await system.postgres.rows('select pg_terminate_backend($1)', [pid]).catch(() => {})
}

const how = { nats, postgres, backend }

/** Does it all; answers when every part is back. */
export async function carryOut(system, plan) {
  const under_way = []
  let servers = Promise.resolve() // broker and database: one thing after the other for each, or a stop would meet a start
  for (const { afterMs, hurts } of plan) {
    await pause(afterMs)
    for (const one of hurts) {
      if (how[one.who]) servers = servers.then(() => how[one.who](system, one))
      else under_way.push(service(system, one))
    }
  }
  await Promise.all([...under_way, servers])
}
