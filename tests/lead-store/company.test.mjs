import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Store, message } from './store.mjs'
import { PHONE_ID, TOKEN } from '../support/parley.mjs'

let store
before(async () => { store = await Store.start({ copies: 2, env: { PARLEY_DEMO: 'on' } }) })
after(() => store?.stop())

const create = (item, caller) => store.bus.call('store.company.create', 'CompanyCreateRequest', 'Company', [item], caller)

test('two copies that start together make one default company with its account, pipeline, stages and demo documents', async () => {
  const { default_company_id } = await store.bus.ask('store.stats', 'StatsRequest', 'Stats', {})
  assert.equal(await store.value('select count(*) from crm.companies'), 1)
  assert.equal(await store.value('select name from crm.companies where id = $1', [default_company_id]), 'Lumen Desk')
  assert.equal(await store.value('select count(*) from crm.stages where company_id = $1', [default_company_id]), 5)
  const [account] = await store.rows('select * from crm.channel_accounts')
  assert.deepEqual([account.account, account.company_id, account.credentials], [PHONE_ID, default_company_id, { token: TOKEN }])
  const best = await store.value(`select title from crm.ai_kb_docs, websearch_to_tsquery('english', 'what does it cost') q where search @@ q
                                  order by ts_rank(search, q) desc limit 1`)
  assert.equal(best, 'Prices')
})

test('a company is made once, also when asked again, and bad ones are refused by a sentence', async () => {
  const id = randomUUID()
  const [made] = await create({ id, name: 'Acme', timezone: 'Asia/Dhaka', buffer_ms: 500, company_card: { text: '{"what":"anvils"}' } })
  assert.equal(made.reply.name, 'Acme')
  assert.equal(made.reply.buffer_ms, 500)
  assert.equal(made.reply.buffer_max_ms, undefined)
  const [again] = await create({ id, name: 'Other' })
  assert.equal(again.reply.name, 'Acme')
  assert.equal((await create({ name: 'X', timezone: 'Mars/Base' }))[0].code, 'bad_timezone')
  assert.equal((await create({ name: '' }))[0].code, 'bad_company')
  assert.equal((await create({ name: 'X', company_card: { text: '[1]' } }))[0].code, 'bad_company')
  const recorded = await store.recordOne(message({ account: '', company_id: id, external_id: '' }))
  assert.equal(recorded.jobs[0].delay_ms, 500)
})

test('API keys: made once, listed by company, revoked for good', async () => {
  const [{ reply: company }] = await create({ name: 'Keys' })
  const key = { company_id: company.id, name: 'first', scopes: ['inbound', 'admin'], id: 'abcd1234', secret_hash: 'a'.repeat(64) }
  const make = item => store.bus.call('store.api_key.create', 'ApiKeyCreateRequest', 'ApiKey', [item])
  assert.deepEqual((await make(key))[0].reply.scopes, ['inbound', 'admin'])
  assert.equal((await make(key))[0].status, 'STATUS_OK')
  assert.equal((await make({ ...key, secret_hash: 'b'.repeat(64) }))[0].code, 'unknown_company')
  assert.equal((await make({ ...key, id: 'efgh5678', company_id: randomUUID() }))[0].code, 'unknown_company')
  assert.equal((await make({ ...key, scopes: ['everything'] }))[0].code, 'bad_api_key')
  const list = caller => store.bus.ask('store.api_key.list', 'ApiKeyListRequest', 'ApiKeyList', {}, caller)
  assert.equal((await list({ company_id: company.id })).items.length, 1)
  assert.equal((await list({ company_id: randomUUID() })).items.length, 0)
  const revoke = caller => store.bus.call('store.api_key.revoke', 'ApiKeyRevokeRequest', 'ApiKey', [{ id: key.id }], caller)
  assert.equal((await revoke({ company_id: randomUUID() }))[0].code, 'unknown_api_key')
  assert.equal((await revoke({ company_id: company.id }))[0].reply.revoked, true)
  assert.equal((await list({})).items.find(item => item.id === key.id).revoked, true)
})

test('a channel account is updated by what is given, never shows its credentials and tells the gateways', async () => {
  const [{ reply: company }] = await create({ name: 'Accounts' })
  const make = item => store.bus.ask('store.channel_account.create', 'ChannelAccountRequest', 'ChannelAccount',
    { company_id: company.id, channel: 'CHANNEL_WHATSAPP_CLOUD', account: '880000000000002', ...item })
  const told = store.bus.connection.subscribe('nudge.keys', { max: 1, timeout: 5000 })
  const made = await make({ credentials: { text: '{"token":"t"}' }, webhook_secrets: ['s1'] })
  for await (const _ of told);
  assert.equal(made.has_credentials, true)
  const changed = await make({ address: '+15005550199' })
  assert.deepEqual([changed.id, changed.webhook_secrets, changed.has_credentials, changed.address], [made.id, ['s1'], true, '+15005550199'])
  const list = await store.bus.ask('store.channel_account.list', 'ChannelAccountListRequest', 'ChannelAccountList', {}, { company_id: company.id })
  assert.equal(list.items.length, 1)
})
