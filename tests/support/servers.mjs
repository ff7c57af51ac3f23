// Private real servers: PostgreSQL and nats-server on free ports, in folders of their own.
import { execFileSync } from 'node:child_process'
import { mkdirSync, chownSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { Child, folder, freePort, until } from './process.mjs'

pg.types.setTypeParser(20, Number) // bigint: ours are small

export function postgresBin() {
  const versions = readdirSync('/usr/lib/postgresql').map(Number).sort((a, b) => b - a)
  return `/usr/lib/postgresql/${versions[0]}/bin`
}

const isRoot = process.getuid() === 0
const postgresUser = () => isRoot ? 'postgres' : undefined
const postgresIds = () => ['-u', '-g'].map(flag => Number(execFileSync('id', [flag, 'postgres'])))

export class Postgres {
  /** settings: more of PostgreSQL's own, 'name=value'; bin: the folder of another PostgreSQL's programs; socket: reached by its Unix socket, not by TCP. */
  constructor({ settings = [], bin = postgresBin(), socket = false } = {}) {
    Object.assign(this, { settings: settings.flatMap(setting => ['-c', setting]), bin, socket })
  }

  async start() {
    this.folder = folder('postgres')
    this.port = await freePort()
    const data = join(this.folder, 'data')
    if (isRoot) chownSync(this.folder, ...postgresIds())
    const asUser = isRoot ? ['--reuid', 'postgres', '--regid', 'postgres', '--clear-groups'] : []
    execFileSync('setpriv', [...asUser, join(this.bin, 'initdb'), '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
      { stdio: 'ignore', cwd: '/' })
    this.child = new Child('postgres', join(this.bin, 'postgres'),
      ['-D', data, '-p', String(this.port), '-k', this.folder, '-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=200',
        '-c', 'shared_buffers=128MB', '-c', 'max_wal_size=2GB', ...this.settings],
      { cwd: '/', log: join(this.folder, 'log'), asUser: postgresUser() })
    this.url = `postgresql://postgres@${this.socket ? '' : `127.0.0.1:${this.port}`}/postgres${this.socket ? `?host=${this.folder}&port=${this.port}` : ''}`
    await this.resume()
    return this
  }

  async resume() {
    this.child.start()
    await until('PostgreSQL', async () => {
      if (!this.child.running) this.child.start() // what a killed one left behind was still in the way
      const client = new pg.Client(this.url)
      await client.connect()
      await client.end()
      return true
    })
    this.pool = new pg.Pool({ connectionString: this.url, max: 4 })
    this.pool.on('error', () => {}) // the server was killed on purpose
    this.asked = new Set() // how each question that waits is told so
  }

  /** Rows of one query; fails when the server is killed, also where it still waited for a connection: a pool that ends forgets those. */
  async rows(sql, values = []) {
    const { pool, asked } = this
    let gone
    const killed = new Promise((_, reject) => asked.add(gone = () => reject(new Error('PostgreSQL was killed'))))
    try {
      return (await Promise.race([pool.query(sql, values), killed])).rows
    } finally {
      asked.delete(gone)
    }
  }
  async value(sql, values = []) { return Object.values((await this.rows(sql, values))[0] ?? {})[0] }

  /** Every process of this server: the postmaster and its children. */
  pids() {
    const children = readFileSync(`/proc/${this.child.pid}/task/${this.child.pid}/children`, 'utf8').trim()
    return [this.child.pid, ...children ? children.split(' ').map(Number) : []]
  }
  signalAll(name) {
    for (const pid of this.pids()) try { process.kill(pid, name) } catch { /* ended meanwhile */ }
  }

  async kill() { // postmaster gone: its children follow
    const { pool } = this
    await this.child.kill()
    for (const gone of this.asked) gone()
    await pool.end().catch(() => {})
  }
  async stop() { await this.pool.end().catch(() => {}); await this.child.stop('SIGINT') }
}

export class Nats {
  async start() {
    this.folder = folder('nats')
    this.port = await freePort()
    this.monitorPort = await freePort()
    const conf = join(this.folder, 'nats.conf')
    mkdirSync(join(this.folder, 'store'))
    writeFileSync(conf, `listen: "127.0.0.1:${this.port}"\nhttp: "127.0.0.1:${this.monitorPort}"\nmax_payload: 4MB\n` +
      `jetstream { store_dir: "${join(this.folder, 'store')}", max_file_store: 16GB, max_memory_store: 256MB }\n`)
    this.child = new Child('nats-server', 'sh', ['-c', 'echo 1000000 >/proc/self/timerslack_ns; exec nats-server -c "$1"', 'nats-server', conf],
      { log: join(this.folder, 'log'), env: { GOGC: '400' } }) // as in compose.yaml
    this.url = `nats://127.0.0.1:${this.port}`
    await this.resume()
    return this
  }

  async resume() {
    this.child.start()
    await until('nats-server', async () => (await fetch(`http://127.0.0.1:${this.monitorPort}/healthz`)).ok)
  }

  async kill() { await this.child.kill() }
  async stop() { await this.child.stop() }
}
