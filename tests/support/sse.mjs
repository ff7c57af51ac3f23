// A reader of server-sent events that keeps to the standard: an id without data moves its place too.
import http from 'node:http'

/** One connection after another to the same stream; `events` is all that came, over all of them. */
export class EventReader {
  constructor(url, { headers = {}, after } = {}) { Object.assign(this, { url, headers, lastId: after, events: [], comments: 0, opened: 0 }) }

  /** Connects, from the last id on; answers when the stream has begun. Throws {status, body, headers} for any other answer. */
  open() {
    return new Promise((resolve, reject) => {
      const request = http.get(this.url, { headers: { ...this.headers, ...this.lastId ? { 'last-event-id': this.lastId } : {} }, agent: false }, response => {
        if (response.statusCode !== 200) return this.#refused(response, reject)
        this.response = response
        this.over = new Promise(end => { for (const name of ['end', 'close', 'error']) response.on(name, end) })
        this.opened++
        let text = '', begun = false
        response.setEncoding('utf8').on('data', chunk => {
          if (this.request !== request) return // cut: what still comes was never received
          const blocks = (text + chunk).split('\n\n')
          text = blocks.pop()
          for (const block of blocks) this.#take(block)
          if (!begun && (begun = true)) resolve(this)
        })
      })
      this.request = request
      request.on('error', reject)
    })
  }

  #refused(response, reject) {
    let body = ''
    response.setEncoding('utf8').on('data', chunk => { body += chunk })
      .on('end', () => reject(Object.assign(new Error(`stream refused: ${response.statusCode} ${body}`), { status: response.statusCode, body: JSON.parse(body), headers: response.headers })))
  }

  #take(block) {
    const event = {}
    for (const line of block.split('\n')) {
      const [, name, value] = line.match(/^([a-z]*):? ?(.*)$/)
      if (line.startsWith(':')) this.comments++
      else event[name] = value
    }
    if (event.id) this.lastId = event.id
    if (event.data) this.events.push({ id: event.id, type: event.event, data: JSON.parse(event.data) })
  }

  /** The network is gone: nothing that was not read yet will be. */
  cut() {
    this.request?.destroy()
    this.request = undefined
  }
  ids() { return this.events.map(event => event.id) }
  types() { return this.events.map(event => event.type) }
}
