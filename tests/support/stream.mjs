// A stream of messages, each from a customer of its own, and the proof afterwards: what was acknowledged is stored once and answered once.
import assert from 'node:assert/strict'
import { pause, until } from './process.mjs'

export class Stream {
  /** Posts one message every everyMs until stop(); keeps what was acknowledged. */
  constructor(parley, prefix, everyMs = 20) {
    Object.assign(this, { parley, prefix, acknowledged: new Map(), refused: 0, going: true })
    this.over = this.run(everyMs)
  }

  async run(everyMs) {
    const posts = []
    for (let n = 0; this.going; n++) {
      const phone = `${this.prefix}${String(n).padStart(5, '0')}`
      posts.push(this.parley.inbound(phone, `message ${n}`).then(
        ({ status, body }) => {
          if (status === 200) this.acknowledged.set(phone, body)
          else this.refused++
        },
        () => { this.refused++ }))
      await pause(everyMs)
    }
    await Promise.all(posts)
  }

  async stop() {
    this.going = false
    await this.over
    return this
  }

  /** Waits until nothing is under way any more, then holds the stored rows and the provider's copies against what was acknowledged. */
  async prove(waitMs = 90000) {
    const { parley } = this
    await until('everything to drain', async () => {
      const { body } = await parley.get('/queue/stats')
      // with its job: what its recorder left without one when it died comes again with the stream's redelivery
      const recorded = await parley.postgres.value(`select count(*) from crm.messages m where id = any($1) and exists (select from jobs.jobs j where j.id = m.job_id)`,
        [[...this.acknowledged.values()].map(({ message_id }) => message_id)])
      return recorded === this.acknowledged.size && body.queued + body.processing + body.failed === 0
    }, waitMs, 250)
    await until('no message to be on its way', async () =>
      await parley.postgres.value(`select count(*) from crm.messages where status in ('queued', 'sending')`) === 0, 60000, 250)

    const copies = new Map()
    for (const { to } of await parley.sent()) copies.set(to.replace('+', ''), (copies.get(to.replace('+', '')) ?? 0) + 1)
    const replies = new Map((await parley.postgres.rows(
      `select l.phone_number, count(*) filter (where m.direction = 'inbound') inbound, count(*) filter (where m.direction = 'outbound' and m.status not in ('withdrawn', 'cancelled')) outbound,
              bool_or(m.status in ('unknown', 'held')) as unknown from crm.leads l join crm.messages m on m.lead_id = l.id where l.phone_number like $1 group by 1`,
      [`+${this.prefix}%`])).map(row => [row.phone_number.slice(1), row]))
    const unanswered = [], unknown = []
    for (const phone of this.acknowledged.keys()) {
      const row = replies.get(phone)
      assert.equal(row?.inbound, 1, `${phone}: stored ${row?.inbound} times`)
      assert.equal(row.outbound, 1, `${phone}: ${row.outbound} replies written`)
      const sent = copies.get(phone) ?? 0
      assert.ok(sent <= 1, `${phone}: ${sent} copies reached the provider`)
      if (row.unknown) unknown.push(phone)
      else if (sent === 0) unanswered.push(phone)
    }
    assert.deepEqual(unanswered, [], 'acknowledged, but neither answered nor reported unknown')
    return { messages: this.acknowledged.size, refused: this.refused, unknown: unknown.length }
  }
}
