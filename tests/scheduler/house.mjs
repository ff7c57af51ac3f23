// Private servers and any number of real schedulers.
import { Bus, decode } from '../support/bus.mjs'
import { Service } from '../support/parley.mjs'
import { Nats, Postgres } from '../support/servers.mjs'
import { Worker } from './worker.mjs'
import { until } from '../support/process.mjs'
import { randomUUID } from 'node:crypto'

export const uuid = () => randomUUID()

export class House {
  /** prepare: given the house, makes the database what it was before; postgres: see Postgres. */
  async start(env = {}, count = 1, prepare = () => {}, postgres) {
    ;[this.nats, this.postgres] = await Promise.all([new Nats().start(), new Postgres(postgres).start()])
    this.company = uuid()
    await prepare(this)
    this.env = { NATS_URL: this.nats.url, DATABASE_URL: this.postgres.url, LOG_LEVEL: 'warn', ...env }
    this.schedulers = []
    for (let i = 0; i < count; i++) await this.another()
    this.bus = await Bus.open(this.nats.url)
    this.workers = []
    return this
  }

  async another() {
    const scheduler = await new Service('scheduler', this.env).start()
    this.schedulers.push(scheduler)
    return scheduler
  }

  get scheduler() { return this.schedulers[0] }

  async worker(task, handle, options) {
    const worker = await new Worker(this.bus, task, handle, options).start()
    this.workers.push(worker)
    return worker
  }

  /** Ends the workers of one test; the next one starts from nothing waiting for them. */
  async dismiss() {
    for (const worker of this.workers.splice(0)) await worker.stop()
  }

  spec(fields) {
    const { params = {}, ...rest } = fields
    return { company_id: this.company, task: 'ai.engage', params: { text: JSON.stringify(params) }, ...rest }
  }

  /** Answers of jobs.enqueue, in batches of 256. */
  async enqueue(...specs) {
    const answers = []
    for (let i = 0; i < specs.length; i += 256)
      answers.push(...await this.bus.call('jobs.enqueue', 'JobSpec', 'JobEnqueued', specs.slice(i, i + 256).map(fields => this.spec(fields))))
    return answers
  }

  async add(fields) { return (await this.enqueue(fields))[0].reply }
  job(id, company_id = this.company) { return this.bus.ask('jobs.get', 'JobGetRequest', 'Job', { id }, { company_id }) }
  list(fields = {}, company_id = this.company) { return this.bus.ask('jobs.list', 'JobListRequest', 'JobList', fields, { company_id }) }
  stats(fields = {}, company_id = this.company) { return this.bus.ask('jobs.stats', 'JobStatsRequest', 'JobStats', fields, { company_id }) }
  replay(fields = {}, company_id = this.company) {
    return this.bus.ask('jobs.replay', 'JobReplayRequest', 'JobReplayReply', fields, { company_id })
  }

  /** Waits until so many jobs have completed; tells where the others stand when they don't. */
  async allDone(count, waitMs = 60000) {
    try {
      await until('all done', async () => (await this.stats({}, this.company)).completed === count, waitMs, 50)
    } catch (error) {
      const rows = await this.postgres.rows(`SELECT u.stage, u.status, count(*), min(u.dispatched_at), array_agg(DISTINCT coalesce(a.name, '') || '+' || coalesce(b.name, '')) AS lanes,
        min(a.wake_at) AS wake_1, min(b.wake_at) AS wake_2 FROM jobs.unfinished u LEFT JOIN jobs.lanes a ON a.id = u.lane_1 LEFT JOIN jobs.lanes b ON b.id = u.lane_2 GROUP BY 1, 2`)
      throw new Error(`${error.message} ${JSON.stringify(rows)} ${JSON.stringify(this.workers.flatMap(worker => worker.retried).slice(0, 5))}`)
    }
  }

  /** What the counters say must be what the rows say, for every company and task. */
  async countersAgree() {
    return this.postgres.rows(`
      SELECT company_id, task FROM (
        SELECT company_id, task, sum(queued) q, sum(processing) p, sum(completed) c, sum(failed) f, sum(dlq) d, sum(total) t
        FROM jobs.counts GROUP BY 1, 2) said
      FULL JOIN (
        SELECT j.company_id, j.task_name AS task, count(*) FILTER (WHERE u.status = 'queued') q, count(*) FILTER (WHERE u.status = 'processing') p,
          count(*) FILTER (WHERE e.job_id IS NOT NULL) c, count(*) FILTER (WHERE u.status = 'failed') f,
          count(*) FILTER (WHERE u.status = 'dlq') d, count(*) t
        FROM jobs.jobs j LEFT JOIN jobs.unfinished u USING (id) LEFT JOIN jobs.completed e ON e.job_id = j.id GROUP BY 1, 2) real USING (company_id, task)
      WHERE (said.q, said.p, said.c, said.f, said.d, said.t) IS DISTINCT FROM (real.q, real.p, real.c, real.f, real.d, real.t)
        OR EXISTS (SELECT FROM jobs.jobs j LEFT JOIN jobs.unfinished u USING (id) LEFT JOIN jobs.completed e ON e.job_id = j.id WHERE (e.job_id IS NULL) = (u.id IS NULL))`)
  }

  /** Tasks of which workers have more jobs than the scheduler takes them to have at most. */
  async beyondBusy() {
    return this.postgres.rows(`SELECT name FROM jobs.tasks t WHERE busy_max < (SELECT count(*) FROM jobs.processing WHERE task = t.name)`)
  }

  /** The events of one company from the stream. The test makes the stream, as lead-store would. */
  async events(company) {
    const manager = await this.bus.connection.jetstreamManager()
    await manager.streams.add({ name: 'EVENTS', subjects: ['events.>'] }).catch(() => {})
    const subscription = await this.bus.jetstream.consumers.get('EVENTS', { filterSubjects: `events.${company}.>` })
    return { next: async () => {
      const message = await subscription.next({ expires: 5000 })
      return message && { subject: message.subject, headers: message.headers, event: decode('Event', message.data) }
    } }
  }

  async stop() {
    await this.dismiss()
    await this.bus?.close()
    for (const scheduler of this.schedulers ?? []) await scheduler.end()
    await this.postgres?.stop()
    await this.nats?.stop()
  }
}
