// Talking to the services as an integrator would: npm `nats` for the bus, `protobufjs` for our .proto files.
import { connect, headers } from 'nats'
import protobuf from 'protobufjs'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './process.mjs'

const protos = new protobuf.Root()
protos.resolvePath = (_, target) => join(root, 'proto', target)
protos.loadSync(readdirSync(join(root, 'proto/parley/v1')).filter(name => name.endsWith('.proto')).map(name => `parley/v1/${name}`), { keepCase: true })

/** A message type by its short name: type('Lead'). */
export const type = name => protos.lookupType(`parley.v1.${name}`)
const plain = { enums: String, longs: Number, bytes: Buffer, defaults: false, arrays: true }
export const encode = (name, fields) => type(name).encode(type(name).fromObject(fields)).finish()
export const decode = (name, bytes) => type(name).toObject(type(name).decode(bytes), plain)

export class Bus {
  static async open(url) {
    const bus = new Bus()
    bus.connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
    bus.jetstream = bus.connection.jetstream()
    return bus
  }

  /**
   * One batched request: items are plain objects of type `request`; answers are [{status, code, error, reply}] with reply of type `reply`.
   * `caller` goes with every item: {company_id, correlation_id}.
   */
  async call(subject, request, reply, items, caller = {}, waitMs = 10000) {
    const batch = encode('CallBatch', {
      deadline_at: Date.now() + waitMs,
      calls: items.map(item => ({ company_id: '', correlation_id: '', ...caller, body: encode(request, item) })),
    })
    const message = await this.connection.request(subject, batch, { timeout: waitMs })
    return decode('AnswerBatch', message.data).answers.map(answer => ({
      ...answer,
      status: answer.status ?? 'STATUS_OK',
      reply: answer.body ? decode(reply, answer.body) : undefined,
    }))
  }

  /** A single item that must succeed: its reply. */
  async ask(subject, request, reply, item, caller) {
    const [answer] = await this.call(subject, request, reply, [item], caller)
    if (answer.status !== 'STATUS_OK') throw Object.assign(new Error(`${subject}: ${answer.code}: ${answer.error}`), answer)
    return answer.reply ?? {}
  }

  async publish(subject, name, fields, id) {
    return this.jetstream.publish(subject, encode(name, fields), id ? { msgID: id } : {})
  }

  async close() { await this.connection.close() }
}
export { headers }
