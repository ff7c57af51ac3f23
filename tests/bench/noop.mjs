// No-op jobs through the scheduler alone, as other job queues are measured: `tests/bench/noop.mjs`, or phase `noop` of `make bench`. Prints one line of JSON.
// JOBS (2000), IN_FLIGHT (16), SAMPLES (300), RATE (50 a second): as noop_driver.c explains them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Service } from '../support/parley.mjs'
import { build } from '../support/process.mjs'
import { Nats, Postgres } from '../support/servers.mjs'

export async function noopFigures(env = process.env) {
  const [nats, postgres] = await Promise.all([new Nats().start(), new Postgres().start()])
  const servers = { NATS_URL: nats.url, DATABASE_URL: postgres.url, LOG_LEVEL: 'warn' }
  const scheduler = await new Service('scheduler', servers).start()
  const { JOBS = '2000', IN_FLIGHT = '16', SAMPLES = '300', RATE = '50' } = env
  const program = name => join(build, 'tests/bench', name)
  const driver = spawn(program('noop_driver'), [program('noop_worker'), JOBS, IN_FLIGHT, SAMPLES, RATE],
    { env: { ...process.env, ...servers }, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  driver.stdout.on('data', data => { out += data })
  const [code] = await once(driver, 'close')
  await scheduler.end()
  await Promise.all([postgres.stop(), nats.stop()])
  if (code !== 0) throw new Error(`noop_driver ended with ${code}`)
  return JSON.parse(out)
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(JSON.stringify(await noopFigures()))
  process.exit(0)
}
