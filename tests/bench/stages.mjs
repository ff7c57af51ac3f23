// Where the time of one message goes: a wiretap on the bus and a stub as model and Graph API, all on this process's clock. The tap costs the server a copy of every
// message, so the whole is also measured without it, before.
import { Agent, createServer, request } from 'node:http'
import { connect } from 'nats'
import { Parley } from '../support/parley.mjs'
import { pause } from '../support/process.mjs'
import { cpuSeconds, percentile, summary } from './measure.mjs'

const MESSAGES = 60

const ANSWERS = {
  llm: () => ({ id: 'c', object: 'chat.completion', created: 1, model: 'm', usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    choices: [{ index: 0, message: { role: 'assistant', content: 'It costs nothing.' }, finish_reason: 'stop' }] }),
  graph: n => ({ messaging_product: 'whatsapp', contacts: [{ input: '1', wa_id: '1' }], messages: [{ id: `wamid.${n}` }] }),
}

/** The outside world: notes when it is called, answers at once. */
async function outside(note) {
  let answered = 0
  const server = createServer((call, response) => {
    const kind = call.url.includes('completions') ? 'llm' : 'graph'
    note(kind)
    const content = JSON.stringify(ANSWERS[kind](answered++))
    call.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }).end(content)
      note(`${kind} answered`)
    })
  })
  server.keepAliveTimeout = 60000
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** What a message of the bus is, as a mark of the timeline; a reply is known by its inbox. */
function marker(note) {
  const asked = new Map()
  return message => {
    const { subject, reply = '' } = message
    if (subject.startsWith('_INBOX.') && asked.has(subject)) {
      note(`${asked.get(subject)} answered`)
      asked.delete(subject)
    } else if (/^(inbound|work)\./.test(subject))
      note(reply.startsWith('$JS.ACK') ? `${subject} delivered` : subject)
    else if (/^(store|jobs)\.(?!capacity)/.test(subject)) {
      asked.set(reply, subject)
      note(subject)
    }
  }
}

const STAGES = [
  ['gateway: POST until published', 'POST', 'inbound.message.whatsapp_cloud'],
  ['nats-server: stored, delivered to ingest', 'inbound.message.whatsapp_cloud', 'inbound.message.whatsapp_cloud delivered'],
  ['ingest: asks', 'inbound.message.whatsapp_cloud delivered', 'store.inbound.record'],
  ['lead-store: inbound.record', 'store.inbound.record', 'store.inbound.record answered'],
  ['ingest: asks', 'store.inbound.record answered', 'jobs.enqueue'],
  ['scheduler: enqueue until published', 'jobs.enqueue', 'work.ai.engage'],
  ['nats-server: stored, delivered to ai-engage', 'work.ai.engage', 'work.ai.engage delivered'],
  ['ai-engage: asks', 'work.ai.engage delivered', 'store.turn.open'],
  ['lead-store: turn.open', 'store.turn.open', 'store.turn.open answered'],
  ['ai-engage: calls the model', 'store.turn.open answered', 'llm'],
  ['the model', 'llm', 'llm answered'],
  ['ai-engage: asks', 'llm answered', 'store.turn.commit'],
  ['lead-store: turn.commit', 'store.turn.commit', 'store.turn.commit answered'],
  ['ai-engage: asks', 'store.turn.commit answered', 'jobs.finish'],
  ['scheduler: finish until published', 'jobs.finish', 'work.channel.send.whatsapp_cloud'],
  ['nats-server: stored, delivered to the channel', 'work.channel.send.whatsapp_cloud', 'work.channel.send.whatsapp_cloud delivered'],
  ['channel: asks', 'work.channel.send.whatsapp_cloud delivered', 'store.send.authorize'],
  ['lead-store: send.authorize', 'store.send.authorize', 'store.send.authorize answered'],
  ['channel: calls Graph', 'store.send.authorize answered', 'graph'],
  ['POST to Graph call', 'POST', 'graph'],
  ['afterwards: settle', 'store.send.settle', 'store.send.settle answered'],
]

const median = values => percentile([...values].sort((a, b) => a - b), 0.5)

function medians(timelines) {
  const rows = STAGES.map(([name, from, to]) => [`${name} (${to})`, median(timelines.map(marks => marks.get(to) - marks.get(from)))])
  return Object.fromEntries(rows)
}

/** parley_handle_seconds of each route: {route: [sum, count]}. */
async function handled(parley) {
  const routes = {}
  for (const service of parley.services)
    for (const [, what, route, value] of (await (await service.admin('/metrics')).text()).matchAll(/^parley_handle_seconds_(sum|count)\{route="([^"]+)"\} (\S+)$/gm))
      (routes[route] ??= {})[what] = Number(value)
  return routes
}

const handledSince = (before, after) => Object.fromEntries(Object.entries(after).map(([route, { sum, count }]) => [route,
  (sum - (before[route]?.sum ?? 0)) * 1000 / (count - (before[route]?.count ?? 0))]).filter(([, ms]) => ms > 0))

const kind = subject => subject.replace(/^_INBOX\.([\w-]+).*/, '_INBOX.$1').replace(/^(\$JS\.ACK\.[\w-]+\.[\w-]+).*/, '$1').replace(/^events\.[^.]+/, 'events.*')

async function cpuWhileIdle(parley, seconds) {
  const roots = [...parley.services, { name: 'nats-server', pid: parley.nats.child.pid }, { name: 'postgres', pid: parley.postgres.child.pid }]
  const before = roots.map(({ pid }) => cpuSeconds(pid))
  await pause(seconds * 1000)
  return Object.fromEntries(roots.map(({ name, pid }, i) => [name, (cpuSeconds(pid) - before[i]) / seconds * 100]))
}

export async function stages() {
  let marks = new Map(), phone = 14000000000, called
  const note = what => { if (!marks.has(what)) marks.set(what, performance.now()) }
  const stub = await outside(what => { note(what); if (what === 'graph answered') called?.() })
  const base = `http://127.0.0.1:${stub.address().port}`
  const parley = await Parley.start({ simulator: false, postgres: { socket: true }, env: { LOG_LEVEL: 'warn', LOOP_GUARD: 'off', OPENAI_BASE_URL: `${base}/v1`, GRAPH_BASE_URL: base } })
  const agent = new Agent({ keepAlive: true })

  const one = async () => {
    const content = JSON.stringify({ phone_number: String(phone++), contact_name: 'Bench', message_text: 'Hello, what does it cost?' })
    const sent = new Promise(resolve => { called = resolve })
    marks = new Map([['POST', performance.now()]])
    const posted = new Promise((resolve, reject) => request(`${parley.url}/inbound-message`, { agent, method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) } }, response => {
      note('POST answered')
      response.resume().on('end', resolve)
    }).on('error', reject).end(content))
    await Promise.all([posted, sent])
    return marks
  }
  const many = async count => {
    const timelines = []
    for (let n = 0; n < count; n++) {
      timelines.push(await one())
      await pause(50)
    }
    return timelines
  }

  await many(40)
  const idle = await cpuWhileIdle(parley, 10)
  const before = await handled(parley)
  const untapped = (await many(MESSAGES)).map(timeline => timeline.get('graph') - timeline.get('POST'))
  const handle = handledSince(before, await handled(parley))

  const tap = await connect({ servers: parley.nats.url }), mark = marker(what => note(what)), subjects = {}
  tap.subscribe('>', { callback: (_, message) => {
    const name = kind(message.subject)
    subjects[name] = (subjects[name] ?? 0) + 1 / MESSAGES
    mark(message)
  } })
  await tap.flush()
  const timelines = await many(MESSAGES)
  await tap.close()
  await parley.stop()
  stub.close()
  agent.destroy()
  return { 'POST to Graph call, one at a time, ms': summary(untapped), 'medians under a wiretap, ms': medians(timelines), 'handlers, mean ms': handle,
    'messages on the bus per message, one every 50 ms': subjects, 'CPU while idle, % of a core': idle }
}
