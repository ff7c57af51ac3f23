// Customers and operators, by dice: new people, bursts, webhooks, takeovers, handbacks, operators' messages; pictures, documents, summaries, bump-ups. One person's requests go one after the other, so that
// their order is known; people are independent of each other. What was asked and answered is in the ledger.
import { PHONE_ID } from '../support/parley.mjs'
import { pause } from '../support/process.mjs'
import { Ledger } from './checker/ledger.mjs'
import { dice } from './plan.mjs'

const PEOPLE_AT_ONCE_MAX = 64 // requests under way
const ANSWER_WAIT_MS = 40000 // a takeover may wait for a send

export class Load {
  /** Starts at once, unless everyMs is 0. prefix: the first digits of its people's numbers; handovers: whether operators meddle; features: what else there is. */
  constructor(parley, { seed, prefix, everyMs = 15, handovers = true, webhooks = true, features = false }) {
    Object.assign(this, { parley, prefix, everyMs, handovers, webhooks, features, ledger: new Ledger(), random: dice(seed), people: [], busy: new Set(), going: everyMs > 0, n: 0, asked: 0 })
    this.over = this.run()
  }

  async run() {
    while (this.going) {
      if (this.busy.size < PEOPLE_AT_ONCE_MAX) this.start(this.draw())
      await pause(this.everyMs)
    }
    await Promise.all(this.busy)
  }

  async stop() {
    this.going = false
    await this.over
    return this
  }

  draw() {
    const known = this.people.length > 3 && this.random() < 0.5
    const person = known ? this.random.of(this.people.slice(-40)) : this.person()
    const chance = this.random()
    if (known && this.handovers && chance < 0.15) return [person, this.random.of(['takeover', 'takeover', 'handback', 'handback', 'operator'])]
    if (this.features && chance > 0.15 && chance < 0.2) return [person, 'picture']
    if (this.features && known && chance > 0.2 && chance < 0.45) return [this.random.of(this.people), this.random.of(['summary', 'bumpup', 'bumpup', 'bumpup', 'document'])] // also of who is silent
    return [person, this.webhooks && chance > 0.7 ? 'webhook' : 'post', known ? this.random.between(1, 3) : 1]
  }

  person() {
    const person = { phone: `${this.prefix}${String(this.people.length).padStart(5, '0')}`, turn: Promise.resolve() }
    this.people.push(person)
    return person
  }

  /** After what this person has under way. */
  start([person, what, times = 1]) {
    const task = person.turn = person.turn.then(async () => {
      for (let i = 0; i < times; i++) await this[what](person.phone).catch(() => {}) // no answer: nothing was promised
    })
    this.busy.add(task)
    task.then(() => this.busy.delete(task))
  }

  text() { return `${this.prefix} message ${++this.n}` }

  /** Of the gateways in turn. */
  async ask(path, body) {
    const { urls } = this.parley, response = await fetch(urls[this.asked++ % urls.length] + path,
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal: AbortSignal.timeout(ANSWER_WAIT_MS) })
    const answer = await response.json().catch(() => ({}))
    if (![200, 201, 202, 404, 409, 503].includes(response.status)) this.ledger.unexpected.push(`${path}: ${response.status} ${JSON.stringify(answer)}`)
    return { ok: response.status === 200 || response.status === 202, status: response.status, ...answer }
  }

  async post(phone) {
    const text = this.text(), post = this.ledger.wrote(phone, text)
    const answer = await this.ask('/inbound-message', { phone_number: `+${phone}`, contact_name: 'Test User', message_text: text })
    if (answer.ok) this.ledger.acknowledge(post, { messageId: answer.message_id, jobId: answer.job_id })
  }

  async webhook(phone) {
    const text = this.text(), post = this.ledger.wrote(phone, text, { externalId: `wamid.${this.prefix}.${this.n}` })
    const answer = await this.parley.receive(phone, text, { id: post.externalId })
    if (answer.status === 200) this.ledger.acknowledge(post, {})
  }

  /** A photo with a few words, at the vendor's under an id of its own. */
  async picture(phone) {
    const text = this.text(), id = `${this.prefix.replace(/\W/g, '')}picture${this.n}`, post = this.ledger.wrote(phone, text, { externalId: `wamid.${id}` })
    await this.parley.sim('/_sim/media', { id, mime_type: 'image/jpeg', bytes: 2000, head: Buffer.from(`\xff\xd8\xff\xe0 ${id}`, 'latin1').toString('base64') })
    const message = { from: phone, id: post.externalId, timestamp: String(Math.floor(Date.now() / 1000)), type: 'image', image: { id, mime_type: 'image/jpeg', caption: text } }
    const answer = await this.parley.sim('/_sim/receive', { raw: { object: 'whatsapp_business_account', entry: [{ id: 'waba-1', changes: [{ field: 'messages', value: {
      messaging_product: 'whatsapp', metadata: { display_phone_number: '15005550100', phone_number_id: PHONE_ID }, contacts: [{ profile: { name: 'Test User' }, wa_id: phone }],
      messages: [message] } }] }] } })
    if (answer.status === 200) this.ledger.acknowledge(post, {})
  }

  document() { return this.ask('/kb/documents', { title: `Prices ${++this.n}`, text: `A haircut costs ${this.n} euros. A shave costs half of that.` }) }
  async summary(phone) { return this.ask(`/leads/${await this.lead(phone)}/summary`) }
  /** Of somebody who agreed to it. */
  async bumpup(phone) {
    const lead = await this.lead(phone)
    await this.ask(`/leads/${lead}/consents`, { scope: 'marketing', granted: true, source: 'sign-up form' })
    return this.ask(`/leads/${lead}/bumpup`)
  }
  lead(phone) { return this.parley.postgres.value('select id from crm.leads where phone_number = $1', [`+${phone}`]) }

  async takeover(phone) {
    const at = Date.now(), answer = await this.ask('/api/v1/takeover', { phone: `+${phone}`, operator: 'anna' })
    if (answer.ok) this.ledger.takeovers.push({ phone, at, answeredAt: Date.now() })
  }
  handback(phone) { return this.ask('/api/v1/handback', { phone: `+${phone}`, operator: 'anna' }) }
  operator(phone) { return this.ask('/api/v1/operator-message', { phone: `+${phone}`, operator: 'anna', message: `an operator's word ${++this.n}` }) }
}
