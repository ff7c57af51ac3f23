// Sends that go wrong as planned.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ANNA, refused, start } from './harness.mjs'

const { receiver, simulator } = start()

describe('faults of a send', () => {
  test('a vendor code comes as often as planned, with Retry-After, and nothing is accepted', async () => {
    await simulator.faults({ graph: { code: 131056, count: 2, retry_after: 7 } })
    const answer = await simulator.sendText('x')
    await refused(answer, 400, 131056)
    assert.equal(answer.headers['retry-after'], '7')
    await refused(simulator.sendText('x'), 400, 131056)
    assert.equal((await simulator.sendText('x')).status, 200)
    assert.equal((await simulator.get('/_sim/count')).sent, 1)
  })

  test('codes come with the HTTP status of the contract', async () => {
    for (const [code, status] of [
      [0, 401],
      [190, 401],
      [10, 403],
      [230, 403],
      [131000, 500],
      [131016, 503],
      [130429, 429],
      [424242, 400],
    ]) {
      await simulator.faults({ graph: { code } })
      await refused(simulator.sendText('x'), status, code)
    }
  })

  test('each n-th call, only one recipient, or by chance from the seed', async () => {
    const outcomes = async (count, members) => {
      const seen = []
      for (let i = 0; i < count; i++) seen.push((await simulator.sendText('x', members)).status)
      return seen
    }
    await simulator.faults({ graph: { code: 131000, every: 3 } })
    assert.deepEqual(await outcomes(6), [200, 200, 500, 200, 200, 500])
    await simulator.faults({ graph: { code: 131000, to: `+${ANNA}` } })
    assert.deepEqual(await outcomes(2), [500, 500])
    assert.deepEqual(await outcomes(2, { to: '15005550178' }), [200, 200])
    await simulator.faults({ seed: 42, graph: { code: 131000, probability: 0.5 } })
    const first = await outcomes(20)
    assert.ok(first.includes(200) && first.includes(500))
    await simulator.faults({ seed: 42, graph: { code: 131000, probability: 0.5 } })
    assert.deepEqual(await outcomes(20), first)
  })

  test('a cut before acceptance leaves nothing behind; one after it leaves the copy and its receipts', async () => {
    await simulator.faults({ graph: { cut_before_accept: true, count: 1 } })
    await assert.rejects(simulator.sendText('lost'), { code: 'ECONNRESET' })
    assert.deepEqual(await simulator.get('/_sim/sent'), [])
    await simulator.faults({ graph: { accept_then_cut: true, count: 1 } })
    await assert.rejects(simulator.sendText('kept', { biz_opaque_callback_data: 'job-9' }), { code: 'ECONNRESET' })
    const [copy] = await simulator.get('/_sim/sent')
    assert.deepEqual([copy.text, copy.callback], ['kept', 'job-9'])
    const statuses = await receiver.until(() => receiver.statuses().length === 3 && receiver.statuses())
    assert.ok(statuses.every(status => status.id === copy.id && status.biz_opaque_callback_data === 'job-9'))
  })

  test('a bare status has a page of HTML and no error body', async () => {
    await simulator.faults({ graph: { http_only: 502, count: 1, retry_after: 1 } })
    const answer = await simulator.sendText('x')
    assert.equal(answer.status, 502)
    assert.match(answer.headers['content-type'], /html/)
    assert.equal(answer.headers['retry-after'], '1')
    assert.throws(() => answer.json)
  })

  test('latency holds for every call; alone it can be limited to some', async () => {
    const timed = async () => {
      const started = performance.now()
      const { status } = await simulator.sendText('x')
      return [status, performance.now() - started]
    }
    await simulator.faults({ graph: { latency_ms: 200, jitter_ms: 20, code: 131000, every: 2 } })
    for (const expected of [200, 500]) {
      const [status, took] = await timed()
      assert.equal(status, expected)
      assert.ok(took >= 199 && took < 1000, `took ${took}`)
    }
    await simulator.faults({ graph: { latency_ms: 200, count: 1 } })
    assert.ok((await timed())[1] >= 199)
    assert.ok((await timed())[1] < 150)
  })

  test('the answer of a send can come after its first status', async () => {
    await simulator.faults({ webhook: { delay_send_answer_ms: 400 } })
    const answer = simulator.sendText('x')
    const [status] = await receiver.until(() => receiver.statuses().length > 0 && receiver.statuses())
    const raced = await Promise.race([answer, Promise.resolve('not yet')])
    assert.equal(raced, 'not yet')
    assert.equal((await answer).json.messages[0].id, status.id)
  })

  test('an unreachable number is refused with 131026; an error can also come later, as a failed status', async () => {
    await simulator.faults({ unreachable: ['0199'] })
    await refused(simulator.sendText('x', { to: '15005550199' }), 400, 131026)
    assert.equal((await simulator.sendText('x')).status, 200)
    await receiver.until(() => receiver.statuses().length === 3)
    await simulator.faults({ unreachable: [], graph: { code: 131026, fail_later: true, count: 1 } })
    receiver.reset()
    assert.equal((await simulator.sendText('x')).status, 200)
    const [status] = await receiver.until(() => receiver.statuses().length === 1 && receiver.statuses())
    assert.deepEqual([status.status, status.errors[0].code], ['failed', 131026])
    assert.equal((await simulator.get('/_sim/count')).receipts_waiting <= 1, true)
  })

  test('an invalid send is refused as such, and uses up no fault', async () => {
    await simulator.faults({ graph: { code: 131000, count: 1 } })
    await refused(simulator.sendText(''), 400, 131009)
    await refused(simulator.sendText('x'), 500, 131000)
  })
})
