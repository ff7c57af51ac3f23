// One child process of a test: started in a folder of its own, ended by pid, never outliving the test.
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '')
export const build = process.env.PARLEY_BUILD ?? join(root, 'build/debug')

/** How much longer everything may take: under valgrind and the sanitizers. */
export const patience = Number(process.env.PARLEY_PATIENCE ?? 1)
/** Where those write what they find. */
const findings = Object.fromEntries(Object.entries(process.env).filter(([name]) => /^[A-Z]+SAN_OPTIONS$/.test(name)))

export const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Asks again and again until `question` answers something truthy; its last answer or error is in the message when time is up. */
export async function until(what, question, waitMs = 20000, everyMs = 20) {
  const end = Date.now() + waitMs * patience
  let last
  for (;;) {
    try {
      last = await question()
      if (last) return last
    } catch (error) {
      last = error
    }
    if (Date.now() > end) throw new Error(`waited ${waitMs * patience} ms in vain for ${what}; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`)
    await pause(everyMs)
  }
}

/** Below the range from which the kernel takes ports for outgoing connections, so that none of those can be in the way later. */
export async function freePort() {
  for (;;) {
    const port = 10000 + Math.floor(Math.random() * 20000)
    const free = await new Promise(resolve => {
      const server = createServer()
      server.on('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (free) return port
  }
}

const folders = []
export function folder(name) {
  const path = mkdtempSync(join(tmpdir(), `parley-${name}-`))
  chmodSync(path, 0o755)
  folders.push(path)
  return path
}

const living = new Set()
process.on('exit', () => {
  for (const child of living) try { process.kill(child.pid, 'SIGKILL') } catch { /* gone already */ }
  if (!process.env.KEEP_LOGS) for (const path of folders) rmSync(path, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))

/** A program with its output in a file; dies with the test process. */
export class Child {
  constructor(name, command, args, { env = {}, cwd, log, asUser } = {}) {
    Object.assign(this, { name, command, args, env, cwd, log, asUser })
  }

  start() {
    const user = this.asUser ? ['--reuid', this.asUser, '--regid', this.asUser, '--clear-groups'] : []
    const out = openSync(this.log, 'a')
    this.child = spawn('setpriv', [...user, '--pdeathsig', 'KILL', this.command, ...this.args],
      { env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...findings, ...this.env }, cwd: this.cwd, stdio: ['ignore', out, out] })
    closeSync(out)
    const child = this.child
    living.add(child)
    this.ended = new Promise(resolve => child.on('exit', (code, signal) => {
      living.delete(child)
      child.over = true
      resolve({ code, signal })
    }))
    return this
  }

  get pid() { return this.child.pid }
  get running() { return this.child && !this.child.over }
  signal(name) { if (this.running) process.kill(this.child.pid, name) }
  text() { return readFileSync(this.log, 'utf8') }
  /** Resident memory, MiB. */
  memory() { return Number(readFileSync(`/proc/${this.pid}/statm`, 'utf8').split(' ')[1]) * 4096 / 1048576 }

  /** Ends it and answers {code, signal}; kills it when it does not obey in time. */
  async stop(signal = 'SIGTERM', waitMs = 15000) {
    if (!this.running) return this.ended
    this.signal('SIGCONT')
    this.signal(signal)
    const timer = setTimeout(() => this.signal('SIGKILL'), waitMs * patience)
    const result = await this.ended
    clearTimeout(timer)
    return result
  }

  async kill() { return this.stop('SIGKILL') }
}
