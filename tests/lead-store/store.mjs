// lead-store alone with its real servers, and the messages that its tests send.
import { randomUUID } from 'node:crypto'
import { Nats, Postgres } from '../support/servers.mjs'
import { Service, PHONE_ID, TOKEN } from '../support/parley.mjs'
import { Bus } from '../support/bus.mjs'
import { until } from '../support/process.mjs'

export class Store {
  /** copies: of lead-store; scheduler: one too; postgres: see Postgres. */
  static async start({ env = {}, copies = 1, scheduler = false, postgres: database } = {}) {
    const store = new Store()
    const [postgres, nats] = await Promise.all([new Postgres(database).start(), new Nats().start()])
    store.env = { DATABASE_URL: postgres.url, NATS_URL: nats.url, WHATSAPP_CLOUD_PHONE_ID: PHONE_ID, WHATSAPP_CLOUD_TOKEN: TOKEN, HAND_OVER_DEADLINE_MS: '3600000', LOOP_QUICK_MAX: '0', LOG_LEVEL: 'info', ...env }
    store.copies = Array.from({ length: copies }, () => new Service('lead-store', store.env))
    store.others = scheduler ? [new Service('scheduler', store.env)] : []
    await Promise.all([...store.copies, ...store.others].map(service => service.start()))
    return Object.assign(store, { postgres, nats, bus: await Bus.open(nats.url) })
  }

  async stop() {
    await this.bus.close()
    await Promise.all([...this.copies, ...this.others].map(service => service.end()))
    await this.nats.stop()
    await this.postgres.stop()
  }

  rows(sql, values) { return this.postgres.rows(sql, values) }
  value(sql, values) { return this.postgres.value(sql, values) }

  record(items, caller) { return this.bus.call('store.inbound.record', 'InboundMessage', 'InboundRecorded', items, caller) }
  async recordOne(item, caller) { return this.bus.ask('store.inbound.record', 'InboundMessage', 'InboundRecorded', item, caller) }
  receipts(items) { return this.bus.call('store.receipt.apply', 'Receipt', 'ReceiptApplied', items) }

  /** Types of a lead's events, in the order of the log. */
  async events(leadId) {
    return (await this.rows('select type from crm.events where lead_id = $1 order by xid, n', [leadId])).map(row => row.type)
  }

  /** An outbound message as a turn leaves it behind, in the conversation of a recorded inbound. */
  async outbound(recorded, more = {}) {
    const row = { id: randomUUID(), status: 'queued', cause: 'reply', sender_type: 'ai', updated_at: new Date(), external_id: null, go_until: null, claim: null, ...more }
    await this.rows(
      `with c as (update crm.conversations set last_position = last_position + 1 where id = $1 returning *)
       insert into crm.messages (id, company_id, conversation_id, lead_id, channel_account_id, channel, position, direction, sender_type, message_text,
                                 status, cause, epoch, priority, claim, go_until, external_id, created_at, updated_at)
       select $2, company_id, id, lead_id, channel_account_id, channel, last_position, 'outbound', $3, 'answer', $4, $5, epoch, 100, $6, $7, $8, $9, $9 from c`,
      [recorded.conversation_id, row.id, row.sender_type, row.status, row.cause, row.claim, row.go_until, row.external_id, row.updated_at])
    return row.id
  }

  status(id) { return this.value('select status from crm.messages where id = $1', [id]) }
  untilStatus(id, status, waitMs) { return until(`message ${status}`, async () => (await this.status(id)) === status, waitMs) }
}

let sequence = 0
/** A text on the default company's WhatsApp number. */
export function message(more = {}) {
  const phone = 'phone' in more ? more.phone : '+15005550177'
  const { phone: _, bsuid, ...rest } = more
  const identities = []
  if (bsuid) identities.push({ kind: 'bsuid', value: bsuid, address: bsuid })
  if (phone) identities.push({ kind: 'phone', value: phone, address: phone.slice(1) })
  return {
    id: randomUUID(), job_id: randomUUID(), channel: 'CHANNEL_WHATSAPP_CLOUD', account: PHONE_ID, identities, contact_name: 'Ines Duarte',
    external_id: `wamid.${randomUUID()}`, kind: 'text', message_text: 'Hello', provider_at: Date.now(), received_at: Date.now(), wants_answer: true,
    correlation_id: 'test', sequence: ++sequence, ...rest,
  }
}

export const receipt = (status, more = {}) => ({
  channel: 'CHANNEL_WHATSAPP_CLOUD', account: PHONE_ID, status: `RECEIPT_STATUS_${status.toUpperCase()}`, provider_at: Date.now(), recipient: '15005550177', ...more,
})

export const statuses = answers => answers.map(answer => answer.status)
