// What the outside saw: what was asked of the gateway, in which order, and what it answered. The checker holds the system against this.

export class Ledger {
  posts = [] // {phone, text, at, acknowledgedAt?, messageId?, jobId?, externalId?, status?}; at and acknowledgedAt: ms
  takeovers = [] // {phone, at, answeredAt}: answered with 200
  unexpected = [] // sentences: neither taken, nor refused as something that is away
  unsafe = [] // words that a model was made to say and that the safety check must have stopped
  /** Streams that were deleted on purpose, {stream, at}: what only they knew may be gone. */
  deleted = []

  /** Opens an entry before the request leaves. Texts are unique: they tell rows apart that the answer never named. */
  wrote(phone, text, more = {}) {
    const post = { phone, text, at: Date.now(), ...more }
    this.posts.push(post)
    return post
  }

  acknowledge(post, fields) { Object.assign(post, { acknowledgedAt: Date.now() }, fields) }
  get acknowledged() { return this.posts.filter(post => post.acknowledgedAt) }
  get refused() { return this.posts.length - this.acknowledged.length }
}
