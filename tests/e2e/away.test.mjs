// When a part is away: what is told, what is refused, and that it heals by itself.
import test, { before, after } from 'node:test'
import assert from 'node:assert/strict'
import { Parley } from '../support/parley.mjs'
import { until } from '../support/process.mjs'

let parley
before(async () => { parley = await Parley.start() })
after(() => parley?.stop())

const healthy = () => until('a healthy system', async () => (await parley.get('/health')).body.status === 'healthy', 30000)
const degraded = (what, check) => until(`/health to tell of ${what}`, async () => {
  const { status, body } = await parley.get('/health')
  return status === 503 && body.status === 'degraded' && check(body.checks) && body.checks
}, 30000)
const later = response => {
  assert.equal(response.status, 503, JSON.stringify(response.body))
  assert.ok(Number(response.headers.get('retry-after')) > 0)
  assert.match(response.headers.get('content-type'), /^application\/problem\+json/)
  assert.ok(response.body.code)
  assert.ok(response.headers.get('x-correlation-id'))
}

test('a service away: 0 workers in its place; what needs it is 503, messages are still taken', async () => {
  await healthy()
  await parley.receive('15005581009', 'Hello')
  await parley.sentCount(1, '15005581009')
  for (const name of ['ingest', 'scheduler', 'ai-engage', 'channel-whatsapp-cloud', 'lead-store']) {
    const service = parley.service(name)
    await service.stop()
    const checks = await degraded(name, found => found[name] === '0 workers active')
    assert.equal(checks.nats, 'connected')
    if (name === 'scheduler') {
      later(await parley.get('/queue/stats'))
      const said = { phone: '15005581009', message: 'a person here', operator: 'mira' }
      const { status, body } = await parley.post('/api/v1/operator-message', said) // stored: whoever was told 503 would say it twice
      assert.deepEqual([status, (await parley.get(`/messages/${body.message_id}`)).body.status], [200, 'queued'])
      later(await parley.post('/api/v1/operator-message', said, { 'idempotency-key': 'said-once' })) // and by a key it may be said again
    }
    if (name === 'lead-store') {
      later(await parley.get('/leads'))
      assert.match(checks.database, /^disconnected: ./)
    }
    const digits = `1500558100${name.length % 10}`
    assert.equal((await parley.inbound(`+${digits}`, `without ${name}`)).status, 200)
    await service.start()
    await parley.sentCount(1, digits, 30000)
    await healthy()
  }
})

test('the database away: reads are 503, messages are still taken and answered later', async () => {
  await parley.postgres.kill()
  const checks = await degraded('the database', found => /^disconnected: ./.test(found.database))
  assert.equal(checks.nats, 'connected')
  later(await parley.get('/leads'))
  assert.equal((await parley.inbound('+15005581101', 'no database')).status, 200)
  assert.equal((await parley.get('/stats')).status, 200)
  await parley.postgres.resume()
  await parley.sentCount(1, '15005581101', 30000)
  await healthy()
})

test('the broker away: nothing is accepted', async () => {
  await parley.nats.kill()
  await degraded('the broker', found => found.nats === 'disconnected')
  later(await parley.inbound('+15005581102', 'no broker'))
  later(await parley.get('/leads'))
  await parley.nats.resume()
  await healthy()
  await until('a message to be taken', async () => (await parley.inbound('+15005581103', 'back')).status === 200)
  await parley.sentCount(1, '15005581103', 30000)
  assert.equal((await parley.sent('15005581102')).length, 0)
})
