// The whole system on private servers for somebody else's load generator: `node tests/bench/serve.mjs LLM_URL GRAPH_URL` prints its URL and process ids
// ("name=pid ...") as two lines, and stops everything when its input ends or it is asked to end.
import { Parley } from '../support/parley.mjs'

const [llm, graph] = process.argv.slice(2)
if (!graph) {
  console.error('usage: node tests/bench/serve.mjs LLM_URL GRAPH_URL')
  process.exit(2)
}
const parley = await Parley.start({ simulator: false, postgres: { socket: true }, env: { LOG_LEVEL: 'warn', LOOP_GUARD: 'off', OPENAI_BASE_URL: `${llm}/v1`, GRAPH_BASE_URL: graph } })
const pids = [...parley.services, { name: 'nats-server', pid: parley.nats.child.pid }, { name: 'postgres', pid: parley.postgres.child.pid }]
console.log(parley.url)
console.log(pids.map(({ name, pid }) => `${name}=${pid}`).join(' '))
process.stdin.resume().on('end', async () => {
  await parley.stop()
  process.exit(0)
})
