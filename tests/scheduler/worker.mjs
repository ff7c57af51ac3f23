// A worker that nobody here wrote in C: tells its capacity, pulls one task's dispatches with the npm client, reports with jobs.finish.
import { AckPolicy } from 'nats'
import { decode, encode } from '../support/bus.mjs'

export class Worker {
  /** handle(job) answers the fields of a JobFinish ({outcome, ...}); null keeps the job without a result. */
  constructor(bus, task, handle, { capacity = 100, id = `worker-${Math.random().toString(16).slice(2, 10)}`, consumer } = {}) {
    Object.assign(this, { bus, task, handle, capacity, id })
    this.consumer = consumer ?? task.replaceAll('.', '-')
    this.taken = [] // every dispatch, in the order it came
    this.held = 0
    this.hands = new Set() // their messages
    this.waiting = []
    this.retried = [] // why results had to be reported again
  }

  async start() {
    const manager = await this.bus.connection.jetstreamManager()
    await manager.consumers.add('WORK', { durable_name: this.consumer, filter_subject: `work.${this.task}`, ack_policy: AckPolicy.Explicit,
      ack_wait: 15e9, max_ack_pending: 65536 }).catch(error => { if (!/exists/.test(error.message)) throw error })
    this.messages = await (await this.bus.jetstream.consumers.get('WORK', this.consumer)).consume({ max_messages: 1000 })
    this.loop = this.#take()
    this.tell()
    this.timer = setInterval(() => this.tell(), 1000)
    this.heartbeat = setInterval(() => { for (const message of this.hands) message.working() }, 5000) // a third of the ack wait, as the skeleton does
    return this
  }

  /** As the skeleton does: at once when it changes, every second anyhow. */
  tell(capacity = this.capacity) {
    this.capacity = capacity
    const free = Math.max(0, capacity - this.held)
    this.bus.connection.publish(`jobs.capacity.${this.task}`, encode('JobCapacity', { worker_id: this.id, task: this.task, free, held: this.held }))
  }

  async #take() {
    for await (const message of this.messages) {
      const job = decode('JobDispatch', message.data)
      job.at = performance.now()
      job.params = job.params?.text ? JSON.parse(job.params.text) : {}
      this.taken.push(job)
      this.held++
      this.hands.add(message)
      this.#run(job, message)
    }
  }

  async #run(job, message) {
    const answer = await this.handle(job)
    if (!answer) return // held until the test finishes it itself
    await this.finish(job, answer)
    message.ack()
    this.hands.delete(message)
    this.held--
  }

  /** Results that are ready together travel together, as the skeleton's do. */
  finish(job, answer) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item: { job_id: job.job_id, dispatch: job.dispatch, ...answer }, resolve, reject })
      if (this.waiting.length === 1) setImmediate(() => this.#report())
    })
  }

  async #report() {
    while (this.waiting.length) {
      const some = this.waiting.splice(0, 256)
      this.bus.call('jobs.finish', 'JobFinish', 'JobFinished', some.map(one => one.item), {}, 2000)
        .then(answers => some.forEach((one, i) => {
          if (answers[i].status !== 'STATUS_RETRY') return one.resolve(answers[i])
          this.retried.push(answers[i].error)
          setTimeout(() => this.finish(one.item, one.item).then(one.resolve, one.reject), 50)
        }))
        .catch(() => this.over || setTimeout(() => { this.waiting.push(...some); if (this.waiting.length === some.length) this.#report() }, 100))
    }
  }

  async stop() {
    this.over = true // what could not be reported until now is not reported by this one
    clearInterval(this.timer)
    clearInterval(this.heartbeat)
    this.tell(0)
    await this.messages.close()
    await this.loop
  }
}

export const completed = result => ({ outcome: 'JOB_OUTCOME_COMPLETED', ...(result ? { result: { text: JSON.stringify(result) } } : {}) })
export const retry = (error, fields = {}) => ({ outcome: 'JOB_OUTCOME_RETRY', error, code: 'test', ...fields })
export const dead = error => ({ outcome: 'JOB_OUTCOME_DEAD', error, code: 'test' })
export const defer = run_at => ({ outcome: 'JOB_OUTCOME_DEFER', run_at })
