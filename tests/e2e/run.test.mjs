// `make run` as a person or a benchmark meets it: infra/dev/run with a folder and ports of its own.
import test, { after, describe } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PHONE_ID, SERVICES } from '../support/parley.mjs'
import { Child, build, folder, freePort, pause, root, until } from '../support/process.mjs'

const alive = pid => {
  try { process.kill(pid, 0) } catch { return false }
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

/** infra/dev/run with `env`; knows what it wrote. */
class Run {
  constructor(env = {}) {
    this.var = folder('run')
    this.extra = env
  }

  async start() {
    const [http, postgres, nats, simulator] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
    this.env = { HTTP_PORT: String(http), POSTGRES_PORT: String(postgres), NATS_PORT: String(nats), SIMULATOR_PORT: String(simulator),
      PARLEY_VAR: this.var, BUFFER_MS: '0', WHATSAPP_CLOUD_PACING: '0', ...this.extra }
    this.url = `http://127.0.0.1:${http}`
    process.on('exit', () => { // a test that failed leaves nothing behind: the services are no children of ours
      if (!this.child.running || !existsSync(join(this.var, 'run.json'))) return
      for (const pid of this.pids()) try { process.kill(pid, 'SIGKILL') } catch { /* gone already */ }
    })
    this.child = new Child('run', 'bash', [join(root, 'infra/dev/run'), build], { cwd: '/', env: this.env, log: join(this.var, 'run.log') }).start()
    await until('make run to be up', () => {
      if (!this.child.running) throw new Error(`it ended: ${this.text()}`)
      return /Ctrl-C stops all/.test(this.text())
    }, 90000)
    return this
  }

  text() { return this.child.text() }
  json() { return JSON.parse(readFileSync(join(this.var, 'run.json'), 'utf8')) }
  pids() {
    const { services, pids } = this.json()
    return [...services.map(({ pid }) => pid), ...Object.values(pids).filter(Boolean)]
  }
  pidOf(name) { return this.json().services.find(service => service.name === name).pid }
  status() { return spawnSync(join(root, 'infra/dev/status'), { env: { PATH: process.env.PATH, PARLEY_VAR: this.var }, encoding: 'utf8', cwd: '/' }) }

  inbound(phone, text) {
    return fetch(`${this.url}/inbound-message`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ phone_number: phone, contact_name: 'R', message_text: text }) })
  }
  async answered(phone, text, simulator) {
    const posted = await until('the gateway to take a message', async () => {
      const response = await this.inbound(phone, text)
      return response.ok && response.json()
    }, 30000)
    assert.equal(posted.status, 'ok')
    return until('the answer', async () => {
      const sent = await (await fetch(`${simulator}/_sim/sent?to=${phone}`)).json()
      return sent.length > 0 && sent
    }, 30000)
  }

  /** SIGTERM, and whatever it is: nothing of it is left. */
  async stop() {
    if (!this.child?.running) return
    const pids = existsSync(join(this.var, 'run.json')) ? this.pids() : []
    const from = Date.now()
    const ended = await this.child.stop('SIGTERM', 20000)
    const took = Date.now() - from
    const left = pids.filter(alive)
    for (const pid of left) process.kill(pid, 'SIGKILL')
    return { ...ended, took, left }
  }
}

describe('with nothing given', () => {
  const run = new Run()
  after(() => run.stop())

  test('it prints its addresses and one conversation', async () => {
    await run.start()
    const text = run.text()
    assert.match(text, new RegExp(`REST API +${run.url} `))
    assert.match(text, /A customer, \+1555\d{7}, writes: {2}Hello, what does it cost\?\n {2}accepted: \{"status":"ok","message_id":"[^"]+","job_id":"[^"]+"\}\nParley answers: {2}\S/)
  })

  test('run.json has the agreed members, and they are true', async () => {
    const json = run.json()
    assert.equal(json.gateway, run.url)
    assert.equal(json.simulator, `http://127.0.0.1:${run.env.SIMULATOR_PORT}`)
    assert.equal(json.nats, `nats://127.0.0.1:${run.env.NATS_PORT}`)
    assert.equal(json.postgres, `postgresql://postgres@127.0.0.1:${run.env.POSTGRES_PORT}/postgres`)
    assert.deepEqual(json.services.map(({ name }) => name).sort(), [...SERVICES].sort())
    for (const { pid, admin } of json.services) {
      assert.ok(alive(pid))
      assert.equal((await fetch(`${admin}/readyz`)).status, 200)
    }
    await until('health', async () => (await fetch(`${run.url}/health`)).status === 200)
  })

  test('status prints gateway, broker, database and workers', () => {
    const { status, stdout, stderr } = run.status()
    assert.equal(status, 0, stderr)
    for (const name of ['gateway', 'broker', 'database', ...SERVICES]) assert.match(stdout, new RegExp(`^${name} +up `, 'm'))
    assert.match(stdout, /"queued":\d+/)
  })

  for (const names of [['ai-engage'], ['lead-store', 'channel-whatsapp-cloud'], ['gateway', 'scheduler']])
    test(`${names.join(' and ')} killed: started again, run.json says so, the next message is answered`, async () => {
      const before = run.json()
      for (const name of names) process.kill(run.pidOf(name), 'SIGKILL')
      await until('run.json to be new', async () => {
        const now = run.json()
        return names.every(name => run.pidOf(name) !== before.services.find(service => service.name === name).pid) &&
          (await Promise.all(now.services.map(async ({ admin }) => (await fetch(`${admin}/readyz`)).ok))).every(Boolean)
      }, 20000, 50)
      for (const { name, pid } of run.json().services) {
        assert.ok(alive(pid), name)
        if (!names.includes(name)) assert.equal(pid, before.services.find(service => service.name === name).pid)
      }
      const phone = `1555900000${names.length}${names[0].length % 10}`
      assert.equal((await run.answered(phone, 'Still there?', run.json().simulator)).length, 1)
    })

  test('a second one on the same port refuses to start and harms nothing', async () => {
    const second = spawnSync('bash', [join(root, 'infra/dev/run'), build], { env: { PATH: process.env.PATH, ...run.env, PARLEY_VAR: folder('run') }, encoding: 'utf8', timeout: 20000 })
    assert.notEqual(second.status, 0)
    assert.match(second.stderr, /in use/)
    assert.equal((await fetch(`${run.url}/queue/stats`)).status, 200)
  })

  test('SIGTERM ends all of it within 15 s', async () => {
    const { took, left } = await run.stop()
    assert.deepEqual(left, [])
    assert.ok(took < 15000, `${took} ms`)
    assert.ok(!existsSync(join(run.var, 'run.json')))
    assert.notEqual(run.status().status, 0)
  })
})

describe('with OPENAI_BASE_URL and GRAPH_BASE_URL given', () => {
  let upstream, run
  after(async () => {
    await run?.stop()
    await upstream?.stop()
  })

  test('no simulator is started, the model and the provider that were named are asked', async () => {
    const port = await freePort()
    upstream = new Child('simulator', join(build, 'tests/simulator/simulator'), ['--port', String(port)], { log: join(folder('upstream'), 'log') }).start()
    const url = `http://127.0.0.1:${port}`
    await until('the upstream', async () => (await fetch(`${url}/_sim/count`)).ok)
    run = await new Run({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'k', GRAPH_BASE_URL: url }).start()
    const json = run.json()
    assert.equal(json.simulator, null)
    assert.equal(json.pids.simulator, null)
    assert.doesNotMatch(run.text(), /A customer/)
    const [reply, ...more] = await run.answered('15559000100', 'Who are you?', url)
    assert.equal(more.length, 0)
    assert.match(reply.text, /^Reply #\d+ to "Who are you\?"/)
    assert.equal(reply.phone_id, PHONE_ID)
    assert.equal(run.status().status, 0)
  })

  test('and it ends as well', async () => {
    const { left, took } = await run.stop()
    assert.deepEqual(left, [])
    assert.ok(took < 15000, `${took} ms`)
    await pause(50)
    assert.ok(upstream.running)
  })
})

describe('with settings of one\'s own', () => {
  test('API keys on: it says how to get the first one, and that one works', async () => {
    const run = await new Run({ PARLEY_AUTH: 'on' }).start()
    try {
      const [, command] = run.text().match(/API keys are on; the first one: (.*)/)
      const made = spawnSync('bash', ['-c', command], { env: { PATH: process.env.PATH }, encoding: 'utf8' })
      assert.match(made.stdout, /^ak_live_\w+\n$/, made.stderr)
      await until('the key to be known', async () => (await fetch(`${run.url}/leads`, { headers: { authorization: `Bearer ${made.stdout.trim()}` } })).ok)
      const { status, stdout } = run.status()
      assert.equal(status, 0)
      assert.match(stdout, /queue: Not authorised/)
    } finally {
      assert.deepEqual((await run.stop()).left, [])
    }
  })

  test('NAME_FILE is taken where the start itself needs the value', async () => {
    const secret = join(folder('secret'), 'app')
    writeFileSync(secret, 'secret-of-a-file\n')
    const run = await new Run({ META_APP_SECRET_FILE: secret }).start()
    try {
      assert.match(run.text(), /Parley answers/)
      // signed by the simulator, checked by the gateway
      const received = await (await fetch(`${run.json().simulator}/_sim/receive`, { method: 'POST', body: JSON.stringify({ from: '15559000200', text: 'hi' }) })).json()
      assert.equal(received.status, 200)
    } finally {
      assert.deepEqual((await run.stop()).left, [])
    }
  })
})
