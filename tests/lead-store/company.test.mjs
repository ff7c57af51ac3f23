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
  const { items } = await store.bus.ask('store.knowledge.search', 'KnowledgeSearchRequest', 'KnowledgeFound', { query: 'what does it cost' }, { company_id: default_company_id })
  assert.equal(items[0].title, 'Prices')
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

test("a company's settings are shown and changed one by one, under the version that was seen", async () => {
  const [{ reply: made }] = await create({ name: 'Settings', timezone: 'Asia/Dhaka' })
  const caller = { company_id: made.id }
  const patch = item => store.bus.call('store.company.patch', 'CompanyPatchRequest', 'Company', [item], caller)
  const get = () => store.bus.ask('store.company.get', 'CompanyGetRequest', 'Company', {}, caller)
  assert.deepEqual([made.version, made.quiet_from, made.quiet_to, made.opt_out_words, made.bumpup_after_days], [1, '08:00', '22:00', [], 3])
  const hand_over = { keywords: ['Human', 'আসল মানুষ'], turns_without_progress: 3, deadline_ms: 5000, notice: '' }
  const [{ reply: changed }] = await patch({ locale: 'bn-BD', quiet_from: '09:30', buffer_ms: 700, opt_out_words: { text: '["no more", "basta"]' }, hand_over, if_version: 1 })
  assert.deepEqual([changed.version, changed.name, changed.locale, changed.quiet_from, changed.quiet_to, changed.buffer_ms, changed.opt_out_words],
    [2, 'Settings', 'bn-BD', '09:30', '22:00', 700, ['no more', 'basta']])
  assert.deepEqual((({ keywords, turns_without_progress, deadline_ms, notice }) => ({ keywords, turns_without_progress, deadline_ms, notice }))(changed.hand_over), hand_over)
  assert.equal((await patch({ name: 'Late', if_version: 1 }))[0].code, 'stale_version')
  assert.deepEqual((await get()).hand_over.keywords, hand_over.keywords)
  const [event] = await store.rows("select payload, entity_id from crm.events where type = 'company.updated' and company_id = $1", [made.id])
  assert.deepEqual([event.entity_id, event.payload.changed], [made.id, ['locale', 'buffer_ms', 'quiet_from', 'opt_out_words', 'hand_over']])
  await patch({})
  assert.equal((await get()).version, 2) // nothing was asked for, nothing changed
  for (const [wrong, code] of [[{ timezone: 'Mars/Base' }, 'bad_timezone'], [{ timezone: '' }, 'bad_value'], [{ quiet_from: '25:00' }, 'bad_value'], [{ quiet_to: '8' }, 'bad_value'],
    [{ company_card: { text: '[]' } }, 'bad_value'], [{ opt_out_words: { text: '"x"' } }, 'bad_value'], [{ opt_out_words: { text: '[" "]' } }, 'bad_value'],
    [{ bumpup_after_days: 366 }, 'bad_value'], [{ hand_over: { keywords: [''] } }, 'bad_value'], [{ hand_over: { keywords: ['x'.repeat(65)] } }, 'bad_value'],
    [{ hand_over: { deadline_ms: 999 } }, 'bad_value'], [{ hand_over: { deadline_ms: 86400001 } }, 'bad_value'], [{ hand_over: { turns_without_progress: 101 } }, 'bad_value'],
    [{ hand_over: { notice: 'x'.repeat(1001) } }, 'bad_value'], [{ name: '' }, 'bad_value']])
    assert.equal((await patch(wrong))[0].code, code, JSON.stringify(wrong))
  for (const well of [{ hand_over: { keywords: ['é'.repeat(64)], deadline_ms: 86400000, turns_without_progress: 100, notice: 'é'.repeat(1000) } }, { quiet_to: '23:59' }])
    assert.equal((await patch(well))[0].status, 'STATUS_OK', JSON.stringify(well))
  assert.equal((await store.bus.call('store.company.get', 'CompanyGetRequest', 'Company', [{}], { company_id: randomUUID() }))[0].code, 'unknown_company')
})

test("a company's own opt-out words opt out, beside the built-in ones", async () => {
  const [{ reply: company }] = await create({ name: 'Words' })
  await store.bus.ask('store.company.patch', 'CompanyPatchRequest', 'Company', { opt_out_words: { text: '["No more, please"]' } }, { company_id: company.id })
  const said = text => store.recordOne(message({ account: '', company_id: company.id, external_id: '', phone: '+15005550333', message_text: text }))
  const first = await said('no more')
  assert.equal(first.jobs[0].skipped, undefined)
  const stopped = await said('NO MORE please!')
  assert.equal(stopped.jobs[0].skipped, 'opt_out')
  assert.ok(await store.value('select opted_out_at from crm.leads where id = $1', [stopped.lead_id]))
})

test('API keys: made once, listed by company, revoked for good', async () => {
  const [{ reply: company }] = await create({ name: 'Keys' })
  const key = { company_id: company.id, name: 'first', scopes: ['inbound', 'admin'], id: 'abcd1234', secret_hash: 'a'.repeat(64) }
  const make = item => store.bus.call('store.api_key.create', 'ApiKeyCreateRequest', 'ApiKey', [item])
  assert.deepEqual((await make(key))[0].reply.scopes, ['inbound', 'admin'])
  assert.equal((await make(key))[0].status, 'STATUS_OK')
  assert.equal((await make({ ...key, secret_hash: 'b'.repeat(64) }))[0].code, 'conflict')
  assert.equal((await make({ ...key, id: 'efgh5678', company_id: randomUUID() }))[0].code, 'unknown_company')
  assert.equal((await make({ ...key, scopes: ['everything'] }))[0].code, 'bad_api_key')
  const list = caller => store.bus.ask('store.api_key.list', 'ApiKeyListRequest', 'ApiKeyList', {}, caller)
  assert.equal((await list({ company_id: company.id })).items.length, 1)
  assert.equal((await list({ company_id: randomUUID() })).items.length, 0)
  const revoke = caller => store.bus.call('store.api_key.revoke', 'ApiKeyRevokeRequest', 'ApiKey', [{ id: key.id }], caller)
  assert.equal((await revoke({ company_id: randomUUID() }))[0].code, 'unknown_api_key')
  const access = uses => store.bus.ask('store.access.read', 'AccessRequest', 'Access', { uses })
  const known = async uses => (await access(uses)).keys.find(({ id }) => id === key.id)
  assert.deepEqual((await known([])).scopes, key.scopes)
  assert.equal((await revoke({ company_id: company.id }))[0].reply.revoked, true)
  assert.equal((await list({ company_id: company.id })).items[0].revoked, true)
  assert.equal(await known([]), undefined)
})

test('an expired key lets nobody in; of several uses of a key the latest is kept, and one of a key that is gone is nothing', async () => {
  const [{ reply: company }] = await create({ name: 'Uses' })
  const make = (id, more) => store.bus.ask('store.api_key.create', 'ApiKeyCreateRequest', 'ApiKey', { company_id: company.id, name: id, scopes: ['read'], id, secret_hash: 'c'.repeat(64), ...more })
  await make('usedkey2')
  await make('expired2', { expires_at: 1000 })
  for (const uses of [[['usedkey2', 5000], ['nonesuch', 1]], [['usedkey2', 4000]]]) {
    const { keys } = await store.bus.ask('store.access.read', 'AccessRequest', 'Access', { uses: uses.map(([id, used_at]) => ({ id, used_at })) })
    assert.deepEqual(keys.filter(({ company_id }) => company_id === company.id).map(({ id }) => id), ['usedkey2'])
  }
  const { items } = await store.bus.ask('store.api_key.list', 'ApiKeyListRequest', 'ApiKeyList', {}, { company_id: company.id })
  assert.deepEqual(items.map(({ id, last_used_at }) => [id, Number(last_used_at ?? 0)]).sort(), [['expired2', 0], ['usedkey2', 5000]])
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
