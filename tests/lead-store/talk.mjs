// One customer's conversation as lead-store is asked about it: turns, sends, handovers. Names as in the protocol.
import { randomUUID } from 'node:crypto'
import { message } from './store.mjs'

let people = 0

export class Talk {
  /** A new person who wrote the given messages; wishes go into the first. */
  static async start(store, { phone = `+1500556${String(1000 + ++people)}`, caller, ...first } = {}) {
    const talk = Object.assign(new Talk(), { store, phone, caller: {} })
    talk.first = await talk.write(first)
    talk.leadId = talk.first.lead_id
    talk.conversationId = talk.first.conversation_id
    talk.caller = { company_id: talk.first.company_id, correlation_id: 'test' }
    return talk
  }

  /** The customer writes; answers what was recorded, with the engage job's id. */
  async write(more = {}) {
    const item = message({ phone: this.phone, ...more })
    return { ...(await this.store.recordOne(item)), job: item.job_id }
  }

  async #call(subject, request, reply, item, caller = this.caller) {
    const [answer] = await this.store.bus.call(subject, request, reply, [item], caller)
    return answer
  }
  async #ask(subject, request, reply, item, caller = this.caller) {
    return this.store.bus.ask(subject, request, reply, item, caller)
  }

  openCall(recorded, claim, caller, more = {}) {
    return this.#call('store.turn.open', 'TurnOpenRequest', 'TurnOpened',
      { job_id: recorded.job, claim, lead_id: recorded.lead_id, message_id: recorded.message_id, conversation_id: recorded.conversation_id, wait_ms_max: 30000, ...more }, caller)
  }
  async open(recorded, claim = randomUUID(), more = {}) {
    const answer = await this.openCall(recorded, claim, this.caller, more)
    if (answer.status !== 'STATUS_OK') throw new Error(`${answer.code}: ${answer.error}`)
    const reply = answer.reply
    return { ...reply, state: reply.state.replace('TURN_STATE_', '').toLowerCase(), claim, job: recorded.job,
      covered: reply.context?.owed?.at(-1).position }
  }
  async commit(opened, more = {}) {
    const reply = await this.#ask('store.turn.commit', 'TurnCommitRequest', 'TurnCommitted', {
      job_id: opened.job, claim: opened.claim, turn_id: opened.turn_id, conversation_id: opened.context?.conversation_id, text: 'An answer.', provider: 'openai', model: 'gpt-4o-mini', prompt_version: 3,
      covered_position: opened.covered, prompt_tokens: 10, completion_tokens: 5, latency_ms: 800, prompt: { text: '[{"role":"user"}]' },
      safety_checks: { text: '{"safe":true}' }, ...more,
    })
    return { ...reply, state: reply.state.replace('TURN_STATE_', '').toLowerCase() }
  }
  /** Opened and committed: the reply's id. */
  async reply(recorded, more) {
    const committed = await this.commit(await this.open(recorded), more)
    if (committed.state !== 'committed') throw new Error(`not committed: ${committed.state} ${committed.reason}`)
    return committed.message_id
  }

  /** Where a message stands, as the params of its job say it. */
  async place(messageId) {
    const { lead_id, conversation_id, turn_id } = await this.row(messageId)
    return { lead_id, conversation_id, ...turn_id && { turn_id } }
  }
  async authorize(messageId, claim = 'claim-1', more = {}) {
    const reply = await this.#ask('store.send.authorize', 'SendAuthorizeRequest', 'SendAuthorized', { message_id: messageId, claim, ...await this.place(messageId), ...more })
    return { ...reply, verdict: reply.verdict.replace('VERDICT_', '').toLowerCase() }
  }
  settle(messageId, outcome, more = {}) {
    return this.#ask('store.send.settle', 'SendSettleRequest', 'SendSettled',
      { message_id: messageId, claim: 'claim-1', outcome: `SEND_OUTCOME_${outcome.toUpperCase()}`, at: Date.now(), ...more })
  }
  take(more = { phone: this.phone, operator: 'ana' }) {
    return this.#ask('store.conversation.take', 'HandoverRequest', 'HandoverReply', more)
  }
  giveBack(more = { phone: this.phone, operator: 'ana' }) {
    return this.#ask('store.conversation.give_back', 'HandoverRequest', 'HandoverReply', more)
  }
  postCall(more, caller) {
    return this.#call('store.operator.post', 'OperatorMessageRequest', 'OperatorMessageReply', { phone: this.phone, message: 'A person here.', operator: 'ana', ...more }, caller)
  }
  async post(more) {
    const answer = await this.postCall(more)
    if (answer.status !== 'STATUS_OK') throw new Error(`${answer.code}: ${answer.error}`)
    return answer.reply
  }

  async conversation() { return (await this.store.rows('select * from crm.conversations where id = $1', [this.conversationId]))[0] }
  async row(id) { return (await this.store.rows('select * from crm.messages where id = $1', [id]))[0] }
  status(id) { return this.store.status(id) }
  events() { return this.store.events(this.leadId) }
  /** The maximum wait of what is owed began so long ago. */
  async owedSince(agoMs) {
    await this.store.rows("update crm.conversations set owed_since = $2 where id = $1", [this.conversationId, new Date(Date.now() - agoMs)])
  }
  async set(sql, values = []) { await this.store.rows(`update crm.conversations set ${sql} where id = $1`, [this.conversationId, ...values]) }
}

export const engageKey = recorded => `ai_engage_${recorded.lead_id}_${recorded.message_id}`
/** Jobs of an answer, without those that tell or remember what was said. */
export const answering = jobs => jobs.filter(job => job.task !== 'ai.summary')
