// The whole system for chaos: two copies of each service, each started again when it dies; ways to hurt it, and the proof at the end.
import assert from 'node:assert/strict'
import { Bus } from '../support/bus.mjs'
import { Parley } from '../support/parley.mjs'
import { pause, until } from '../support/process.mjs'
import { check } from './checker/checker.mjs'
import { JOBS_UNDER_WAY } from './checker/jobs.mjs'
import { Ledger } from './checker/ledger.mjs'
import { told } from './checker/rule.mjs'
import { waiting } from './checker/world.mjs'

const UNKNOWN_HOLD_MS = 3000
/** Longer than anything that is only a delay: a redelivery takes 15 s, what the sweep finds up to 60 s. */
const DRAIN_WAIT_MS = 150000

export class System {
  static async start({ env = {}, replicas = 2 } = {}) {
    const system = new System()
    system.parley = await Parley.start({
      env: { JOB_LADDER_MS: '300,500,1000,2000,3000', JOB_RUN_MS_MAX: '5000', UNKNOWN_HOLD_MS: String(UNKNOWN_HOLD_MS), LOG_LEVEL: 'warn', LOOP_GUARD: 'off', ...env }, replicas, gateways: replicas,
      postgres: { settings: ['track_commit_timestamp=on'] },
    })
    system.bus = await Bus.open(system.parley.nats.url)
    for (const service of system.parley.services) service.supervise()
    return system
  }

  get postgres() { return this.parley.postgres }
  get nats() { return this.parley.nats }
  copies(name) { return this.parley.services.filter(service => service.name === name) }
  signal(name, signal) { for (const service of this.copies(name)) service.signal(signal) }
  async manager() { return this.bus.connection.jetstreamManager() }

  /** Takes all copies of a service away until the returned function is called. */
  async away(name) {
    for (const service of this.copies(name)) {
      service.supervised = false
      await service.child.kill()
    }
    return () => Promise.all(this.copies(name).map(async service => { await service.start(); service.supervise() }))
  }

  /** Resident memory of every service, MiB by name and process. */
  memory() { return this.parley.services.filter(service => service.child.running).map(service => ({ name: service.name, mib: service.child.memory() })) }

  async restartNats(awayMs = 300) {
    await this.nats.kill()
    await pause(awayMs)
    await this.nats.resume()
  }
  async restartPostgres(awayMs = 300) {
    await this.postgres.kill()
    await pause(awayMs)
    await this.postgres.resume()
  }

  /** What is still under way, as a sentence; '' when nothing is. */
  async underWay(ledger) {
    const { postgres } = this
    const counts = {
      jobs: await postgres.value(JOBS_UNDER_WAY),
      leaving: await postgres.value(`select count(*) from crm.messages where status in ('queued', 'sending', 'unknown')`),
      owed: await postgres.value(`select count(*) from crm.conversations c where owed_since is not null and owner = 'ai' and state = 'open' and (escalated_at is null or escalated_at < owed_since)
        and not exists (select from jobs.unfinished u join jobs.jobs j on j.id = u.id join crm.messages m on m.id::text = j.task_params ->> 'message_id'
                        where m.conversation_id = c.id and u.status = 'dlq')`),
      events: await postgres.value(`select count(*) from crm.events e, crm.relay r where r.name = 'events' and (e.xid, e.n) > (r.xid, r.n)`),
      documents: await postgres.value(`select count(*) from crm.ai_kb_docs where state = 'indexing'`), // whose job was lost is found by the sweep
      receipts: (await this.parley.sim('/_sim/count')).receipts_waiting,
      ...await waiting(await this.manager()),
    }
    const ids = ledger.acknowledged.filter(post => post.messageId).map(post => post.messageId)
    counts.unrecorded = ids.length - await postgres.value('select count(*) from crm.messages where id = any ($1)', [ids])
    return Object.entries(counts).filter(([name, count]) => count > 0 && !(name === 'unrecorded' && ledger.deleted.length)).map(([name, count]) => `${name} ${count}`).join(', ')
  }

  /** until(), which tells on failure what stands still: services that are gone or not ready, and what is under way. */
  async until(what, question, waitMs) {
    return until(what, question, waitMs).catch(async error => {
      const unwell = []
      for (const service of this.parley.services)
        if (!await service.admin('/readyz').then(answer => answer.ok, () => false)) unwell.push(service.name)
      const underWay = await this.underWay(new Ledger()).catch(problem => problem.message)
      throw new Error(`${error.message}; unwell: ${unwell.join(', ') || 'none'}; under way: ${underWay || 'nothing'}`)
    })
  }

  async drain(ledger, waitMs = DRAIN_WAIT_MS) {
    let last = ''
    await until('everything to drain', async () => {
      last = await this.underWay(ledger)
      return !last
    }, waitMs, 250).catch(error => { throw new Error(`${error.message}; under way: ${last}`) })
  }

  findings(ledger, more = {}) {
    return this.parley.sent().then(sent => check({ postgresUrl: this.postgres.url, bus: this.bus, sent, ledger, unknownHoldMs: UNKNOWN_HOLD_MS, filesFolder: this.parley.env.MEDIA_DIR, ...more }))
  }

  /** Waits until nothing is under way any more; then the checker finds nothing. */
  async prove(load = { ledger: new Ledger() }, more = {}) {
    const { ledger } = load
    let stuck
    await this.drain(ledger).catch(error => { stuck = error })
    const findings = await this.findings(ledger, { drained: !stuck, ...more })
    assert.equal(told(findings), '', stuck?.message)
    if (stuck) throw stuck
    assert.deepEqual(ledger.unexpected, [])
    return this.summary(ledger)
  }

  async summary(ledger) {
    const rows = await this.postgres.rows(`select status, count(*) from crm.messages where direction = 'outbound' group by 1 order by 1`)
    const [also] = await this.postgres.rows(`select (select count(*) from crm.media) as files, (select count(*) from crm.ai_kb_docs) as documents, (select count(*) from crm.bumpups) as bumpups,
      (select count(*) from crm.leads where attributes ? 'ai_summary') as summaries, (select count(*) from crm.safety_refusals) as unsafe, (select count(*) from crm.ai_budgets_reached) as budgets`)
    return { accepted: ledger.acknowledged.length, refused: ledger.refused, takeovers: ledger.takeovers.length, ...Object.fromEntries(rows.map(row => [row.status, row.count])),
      ...Object.fromEntries(Object.entries(also).filter(([, count]) => count > 0)) }
  }

  async stop() {
    await this.bus?.close()
    await this.parley?.stop()
  }
}
