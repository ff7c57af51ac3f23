// The examples of README and docs/ as a reader meets them: each curl is run against a running system, as it stands there.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PHONE_ID, Parley } from '../support/parley.mjs'
import { build, folder, root, until } from '../support/process.mjs'

const STREAM_SECONDS = 0.3 // an event stream has no end of its own
let parley, here, env
const phones = ['+12345678901', '+15005550177'] // whom the examples name

before(async () => {
  parley = await Parley.start({ env: { WHATSAPP_CLOUD_WABA_ID: '880011223344550', MEDIA_LINK_KEY: 'a key for links that is long enough', PUBLIC_URL: 'https://parley.example' } })
  here = folder('examples')
  writeFileSync(join(here, 'offer.pdf'), '%PDF-1.7\n')
  writeFileSync(join(here, 'webhook.json'), JSON.stringify({ object: 'whatsapp_business_account', entry: [] }))
  env = { ...process.env, ...parley.env, HOST: parley.url, PICTURE: await picture() }
  const template = await until('the templates', async () => (await parley.get('/templates?name=order_update')).body.items[0])
  const [{ stages }] = (await parley.get('/pipelines')).body.items
  Object.assign(env, { TEMPLATE: template.id, CONTACTED: stages[1].id, QUALIFIED: stages[2].id })
})
after(() => parley?.stop())

/** A picture that a customer sends; our id of its message, once the file is there. */
async function picture() {
  const external_id = 'wamid.examples.1'
  await parley.sim('/_sim/media', { id: 'picture1', mime_type: 'image/png', head: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1').toString('base64') })
  await parley.sim('/_sim/receive', { raw: { object: 'whatsapp_business_account', entry: [{ id: 'waba-1', changes: [{ field: 'messages', value: {
    messaging_product: 'whatsapp', metadata: { display_phone_number: '15005550100', phone_number_id: PHONE_ID }, contacts: [{ profile: { name: 'Ines' }, wa_id: '15005550178' }],
    messages: [{ from: '15005550178', id: external_id, timestamp: String(Math.floor(Date.now() / 1000)), type: 'image', image: { id: 'picture1', mime_type: 'image/png' } }] } }] }] } })
  return until('the picture', () => parley.postgres.value(`select id from crm.messages where external_id = $1 and media_info #>> '{file,state}' = 'stored'`, [external_id]))
}

/** Somebody has just written, and what an example's variables stand for. */
async function scene() {
  const written = await Promise.all(phones.map(async phone => {
    const { id } = await parley.receive(phone.slice(1), 'Hello')
    return until('the message', async () => (await parley.postgres.rows('select id, lead_id, conversation_id from crm.messages where external_id = $1', [id]))[0])
  }))
  const { lead_id, conversation_id, id } = written[0]
  await until('the answer, where there is one', () => parley.postgres.value(`select count(*) = 0 from crm.messages m where m.conversation_id = $1
    and (m.status in ('queued', 'sending') or exists (select from jobs.unfinished u where u.id = m.job_id))`, [conversation_id]), 3000).catch(() => {})
  const newest = await parley.get(`/conversations/${conversation_id}/messages?limit=1`)
  Object.assign(env, { LEAD: lead_id, CONVERSATION: conversation_id, MESSAGE: id, LAST_SEEN: newest.body.items[0].id, MESSAGE_ID: env.PICTURE })
}

/** The commands of a page by block; a command goes on over a backslash and an open quote. */
function commands(text) {
  const blocks = []
  let block, open = ''
  for (const line of text.split('\n')) {
    if (!/^( {4}|`{3})/.test(line) && !open && !/^(curl|[A-Z]+=\$)|^ /.test(line)) block = undefined
    const code = line.replace(/^ {4}/, '')
    if (!open && !/^(curl |[A-Z]+=\$\()/.test(code)) continue
    open += (open && '\n') + code
    if (code.endsWith('\\') || open.replace(/ +# .*$/, '').split("'").length % 2 === 0) continue
    if (!block) blocks.push(block = [])
    block.push(open)
    open = ''
  }
  assert.equal(open, '', 'a command without its end')
  return blocks
}

/** Runs a command in a shell whose curl goes to this system; answers the HTTP status and what was printed. */
async function run(command) {
  const curl = `curl() { command curl -sS --max-time $CURL_SECONDS -w '%{stderr}\\n%{http_code}' "\${@//localhost:8000/${new URL(parley.url).host}}"; }\n`
  const script = curl + command.replaceAll('localhost:8090', new URL(parley.simulatorUrl).host).replaceAll('build/release', build)
  const seconds = command.includes('/events/stream') ? STREAM_SECONDS : 10
  const child = spawn('bash', ['-c', script], { cwd: here, env: { ...env, CURL_SECONDS: String(seconds) } })
  const said = { stdout: '', stderr: '' }
  for (const name of Object.keys(said)) child[name].on('data', data => { said[name] += data })
  await new Promise(resolve => child.on('close', resolve))
  return { ...said, status: Number(said.stderr.split('\n').at(-1)) }
}

const json = text => {
  try { return JSON.parse(text) ?? {} } catch { return {} }
}

/** What an example made is what the next ones of its page mean. */
function remember(command, made) {
  if (made.job_id) env.JOB = made.job_id
  if (!/POST|--data-binary/.test(command) || !made.id) return
  env.ID = made.id
  if (command.includes('/canned-replies')) env.REPLY = made.id
  if (command.includes('/stages')) env.STAGE = made.id
  if (command.includes('/pipelines ')) env.PIPELINE = made.id
}

/** "POST /leads/{id}/summary", of a command that asks the gateway for that. */
function endpoint(command) {
  const [, path] = /(?:localhost:8000|\$HOST)(\/[^\s'"?]*)/.exec(command) ?? []
  const method = /-X (\w+)/.exec(command)?.[1] ?? (/ -d |--data/.test(command) ? 'POST' : 'GET')
  return path && `${method} ${path.replace(/\$\w+|(?<=\/)\d+/g, '{id}')}`
}
const shown = new Set()

const pages = ['README.md', ...readdirSync(join(root, 'docs')).map(name => `docs/${name}`)]
for (const page of pages) {
  const blocks = commands(readFileSync(join(root, page), 'utf8'))
  if (blocks.length === 0) continue
  test(`the examples of ${page} do what they say`, async () => {
    env.STAGE = (await parley.get('/pipelines')).body.items[0].stages[0].id
    for (const block of blocks) {
      await scene()
      for (const command of block) {
        const told = await run(command)
        if (command.startsWith('KEY=')) {
          assert.equal(told.stderr, '', command)
          continue
        }
        const stale = told.status === 412 && command.includes('If-Match') // which version it is now is not the example's to know
        assert.ok(stale || (told.status >= 200 && told.status < 300), `${command}\n${told.stdout}\n${told.stderr}`)
        remember(command, json(told.stdout))
        shown.add(endpoint(command))
      }
    }
  })
}

test('every endpoint has its example', async () => {
  const { paths } = (await parley.get('/openapi.json')).body
  const all = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`))
  assert.deepEqual(all.filter(each => !shown.has(each) && each !== 'GET /docs/{id}'), []) // that page's own files
})
