// HTTP as an attacker writes it: bytes on a socket, what comes back until the end, and the answers in it.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { patience } from './process.mjs'

const SILENCE_MS = 30000

/** A connection that keeps what it hears. */
export class Raw {
  constructor(url) {
    this.heard = Buffer.alloc(0)
    this.socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
    this.open = new Promise(resolve => { this.socket.once('connect', resolve).once('error', resolve) })
    this.socket.on('data', data => { this.heard = Buffer.concat([this.heard, data]) }).on('error', () => {})
    this.ended = new Promise(resolve => { this.socket.on('end', resolve).on('close', resolve) })
  }

  async write(bytes) {
    await this.open
    if (!this.socket.writableEnded && !this.socket.destroyed) await new Promise(resolve => this.socket.write(bytes, resolve))
    return this
  }

  /** All that comes until the server closes; that it never does fails. */
  async end() {
    let timer
    const silence = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`the server keeps the connection; heard ${this.heard.toString('latin1').slice(0, 300)}`)), SILENCE_MS * patience) })
    try {
      await Promise.race([this.ended, silence])
    } finally {
      clearTimeout(timer)
      this.socket.destroy()
    }
    return answers(this.heard)
  }
}

/** Sends the pieces one after the other, then listens to the end. halfClose: says that nothing more comes. */
export async function raw(url, pieces, { halfClose = false } = {}) {
  const connection = new Raw(url)
  for (const piece of [pieces].flat()) await connection.write(piece)
  if (halfClose) connection.socket.end()
  return connection.end()
}

/** A request's head. */
export const head = (first, ...lines) => [`${first} HTTP/1.1`, 'Host: h', ...lines, '', ''].join('\r\n')
export const request = (method, path, body, ...lines) =>
  Buffer.concat([Buffer.from(head(`${method} ${path}`, 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close', ...lines)), Buffer.from(body)])

/** [{status, headers, body}] of what a server has written; the body of a problem is parsed. */
export function answers(bytes) {
  const list = []
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf('\r\n\r\n', at)
    assert.ok(end >= 0, `half an answer: ${bytes.subarray(at, at + 200)}`)
    const [first, ...lines] = bytes.subarray(at, end).toString('latin1').split('\r\n')
    assert.match(first, /^HTTP\/1\.1 \d\d\d /)
    const headers = Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
    const count = Number(headers['content-length'] ?? 0)
    const text = bytes.subarray(end + 4, end + 4 + count).toString()
    list.push({ status: Number(first.slice(9, 12)), headers, body: /json/.test(headers['content-type']) && text ? JSON.parse(text) : text })
    at = end + 4 + count
  }
  return list
}

/** That an answer is a problem document of RFC 9457, of that status and code (one, or one of several). */
export function problem(answer, status, code, what = '') {
  const said = `${what}: ${JSON.stringify(answer).slice(0, 400)}`
  assert.ok([status].flat().includes(answer.status), said)
  assert.match(answer.headers['content-type'] ?? answer.headers.get('content-type'), /^application\/problem\+json/, said)
  assert.equal(answer.body.status, answer.status, said)
  assert.equal(answer.body.type, `urn:parley:problem:${answer.body.code}`, said)
  for (const member of ['title', 'detail', 'correlation_id']) assert.ok(answer.body[member], said)
  if (code) assert.ok([code].flat().includes(answer.body.code), said)
}
