// Everything there is to see of a system, read once: one snapshot of PostgreSQL, the streams, and the provider's record.
import pg from 'pg'
import { consumerOpts } from 'nats'
import { decode } from '../../support/bus.mjs'
import { JOB_VIEWS } from './jobs.mjs'
import { Ledger } from './ledger.mjs'

const DAY_MS = 86400000
const digits = phone => phone.replace('+', '')
const grouped = (list, key) => {
  const groups = new Map()
  for (const one of list) groups.set(key(one), [...groups.get(key(one)) ?? [], one])
  return groups
}

/**
 * Messages that a consumer has yet to deliver or to see acknowledged, by stream. Not the stream's own count: nats-server 2.9 that was killed may keep messages that
 * its consumers know as acknowledged.
 */
export async function waiting(manager) {
  const counts = {}
  for (const stream of ['INBOUND', 'WORK']) {
    counts[stream] = 0
    for await (const consumer of manager.consumers.list(stream)) counts[stream] += consumer.num_pending + consumer.num_ack_pending
  }
  return counts
}

export class World {
  /**
   * drained: nothing is under way any more, so nothing may be left that "comes in a moment". inOrder: one copy of ingest, never killed, so that messages were stored
   * in the order in which they were accepted. filesFolder: where the system keeps files, if it may be looked into.
   */
  static async read({ postgresUrl, bus, sent, ledger = new Ledger(), drained = true, inOrder = false, unknownHoldMs = 600000, deadlineMs = 3600000, quarantinedAllowed = 0, filesFolder }) {
    const world = new World()
    Object.assign(world, { ledger, sent, drained, inOrder, unknownHoldMs, deadlineMs, quarantinedAllowed, filesFolder, now: new Date() })
    world.later = drained ? new Date(Date.now() + DAY_MS) : world.now
    await world.readStreams(bus)
    await world.readRows(postgresUrl).catch(error => world.close().then(() => { throw error }))
    return world
  }

  async readStreams(bus) {
    const manager = await bus.connection.jetstreamManager()
    this.waiting = this.drained ? await waiting(manager) : {}
    this.quarantined = (await manager.streams.info('QUARANTINE')).state.messages
    this.told = new Map()
    const { state } = await manager.streams.info('EVENTS')
    if (!state.messages) return
    const subscription = await bus.jetstream.subscribe('events.>', consumerOpts().orderedConsumer().deliverAll())
    for await (const message of subscription) {
      this.tell(message)
      if (message.info.streamSequence >= state.last_seq) break
    }
  }

  tell(message) {
    const event = decode('Event', message.data), known = this.told.get(event.id)
    const version = `${event.type} ${event.entity_id} ${event.payload?.text}`
    if (known) known.versions.add(version)
    else this.told.set(event.id, { event, headers: message.headers, subject: message.subject, sequence: message.info.streamSequence, versions: new Set([version]) })
  }

  async readRows(url) {
    this.client = new pg.Client(url)
    await this.client.connect()
    if ((await this.rows(`show track_commit_timestamp`))[0].track_commit_timestamp !== 'on') throw new Error('the checker needs PostgreSQL with track_commit_timestamp=on')
    await this.rows(JOB_VIEWS)
    await this.rows('begin isolation level repeatable read read only')
    const messages = await this.rows(`select m.*, l.phone_number, a.account, exists (select from crm.events e where m.sender_type = 'operator' and m.claim is null
        and e.lead_id = m.lead_id and e.actor = 'operator:phone' and e.payload ->> 'message_id' = m.id::text) as echo
      from crm.messages m join crm.leads l on l.id = m.lead_id left join crm.channel_accounts a on a.id = m.channel_account_id`)
    this.messages = new Map(messages.map(row => [row.id, row]))
    this.storedTexts = grouped(messages.filter(row => row.direction === 'inbound'), row => row.message_text)
    this.byExternalId = new Map(messages.filter(row => row.external_id).map(row => [row.external_id, row]))
    this.postsByPhone = grouped(this.ledger.posts, post => digits(post.phone))
    this.log = await this.rows(`select *, extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000 as committed from crm.events order by n`)
    this.addresses = grouped(await this.rows('select lead_id, address from crm.lead_contacts'), row => row.lead_id)
    const merges = this.log.filter(row => row.type === 'lead.merged')
    this.merged = new Set(merges.flatMap(row => [row.lead_id, row.payload.merged_lead_id]))
    /** Conversations whose messages were shifted when two people became one: turns keep the positions of before. */
    this.joined = merges.flatMap(row => row.payload.moved.appended.flatMap(one => [one.conversation_id, one.into]))
    this.resent = new Map((await this.rows(`select message_id, count(*) from crm.send_verdicts where reason = 'resend' group by 1`)).map(row => [row.message_id, row.count]))
  }

  rows(query, values = []) { return this.client.query(query, values).then(result => result.rows) }

  /** Rows of what somebody said: by the id that the answer named, else by the provider's. */
  stored(post) {
    const row = post.messageId ? this.messages.get(post.messageId) : this.byExternalId.get(post.externalId)
    return row ? [row] : []
  }

  /** Where a message's person is reached, and through which account. */
  reach(message) {
    return { addresses: (this.addresses.get(message.lead_id) ?? []).map(row => digits(row.address)), account: message.account }
  }

  copies() { return this.byMessage ??= grouped(this.sent.filter(copy => copy.callback), copy => copy.callback) }

  /** Message id -> times of its goes, ms. */
  async goes() {
    return new Map([...grouped(await this.rows(`select message_id, created_at from crm.send_verdicts where verdict = 'go'`), row => row.message_id)]
      .map(([id, rows]) => [id, rows.map(row => row.created_at.getTime())]))
  }

  async close() { await this.client.end() }
}
