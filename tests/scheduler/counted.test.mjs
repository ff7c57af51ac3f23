// Tables that are nearly empty most of the time were counted when they were: what PostgreSQL believes of them says nothing about a backlog, so nothing may depend on it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { House } from './house.mjs'
import { bulkWaiting } from './bulk.mjs'
import { completed } from './worker.mjs'

const JOBS = 3000, task = 'kb.index'
const house = new House()
before(() => house.start({}, 1, undefined, { settings: ['shared_preload_libraries=auto_explain', 'auto_explain.log_min_duration=0', 'auto_explain.log_analyze=on',
  'auto_explain.log_timing=off', 'auto_explain.log_nested_statements=on', 'autovacuum=off'] }))
after(() => house.stop())

/** How many pairs of rows were compared in vain, by the statement that did, most first. */
function comparedInVain(log) {
  const statements = new Map()
  for (const entry of log.split(/^(?=\d{4}-\d\d-\d\d )/m))
    for (const [, count] of entry.matchAll(/Rows Removed by Join Filter: (\d+)/g)) {
      const text = /Query Text: ([^]{0,120})/.exec(entry)?.[1].replace(/\s+/g, ' ')
      statements.set(text, Math.max(statements.get(text) ?? 0, Number(count)))
    }
  return [...statements].sort((a, b) => b[1] - a[1])
}

test('a backlog is picked and ended by keys, though its tables were last counted when nothing waited', async () => {
  const worker = await house.worker(task, () => completed(), { capacity: 1000 })
  await bulkWaiting(house.postgres, { company: house.company, task, count: 200, priority: 30 })
  await house.allDone(200)
  worker.tell(0)
  await house.postgres.rows('VACUUM (ANALYZE, TRUNCATE false) jobs.waiting, jobs.processing')
  const counted = await house.postgres.rows(`SELECT relname, reltuples, relpages FROM pg_class WHERE oid = ANY ('{jobs.waiting,jobs.processing}'::regclass[])`)
  for (const { relname, reltuples, relpages } of counted) assert.ok(reltuples === 0 && relpages > 0, `${relname}: ${reltuples} rows on ${relpages} pages`)

  await bulkWaiting(house.postgres, { company: house.company, task, count: JOBS, priority: 30, first: 200 })
  const before = house.postgres.child.text().length
  worker.tell(1000)
  await house.allDone(200 + JOBS)
  const log = house.postgres.child.text().slice(before)
  assert.match(log, /end_runs|jobs\.processing/)
  const [worst = ['', 0]] = comparedInVain(log)
  assert.ok(worst[1] < 5000, `${worst[1]} pairs were compared in vain by: ${worst[0]}`)
})
