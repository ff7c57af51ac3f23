// What the services read, .env.example lists and compose.yaml hands on: one and the same set of names.
import test from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SERVICES } from '../support/parley.mjs'
import { build, root } from '../support/process.mjs'

const help = name => execFileSync(join(build, 'bin', name), ['--help'], { encoding: 'utf8' })
const names = text => [...text.matchAll(/^ {2}([A-Z][A-Z0-9_]+) /gm)].map(([, name]) => name)
const read = Object.fromEntries(SERVICES.map(service => [service, [...new Set(names(help(service)))]]))
const all = [...new Set(Object.values(read).flat())].sort()

test('.env.example lists every setting of every service and nothing else', () => {
  const listed = [...readFileSync(join(root, '.env.example'), 'utf8').matchAll(/^([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name)
  assert.ok(all.length > 30)
  assert.deepEqual([...listed].sort(), all)
})

test('compose.yaml hands every service what it reads and nothing else', () => {
  const fixedByImage = ['ADMIN_LISTEN', 'ADMIN_PORT', 'DOCS_ASSETS']
  const text = readFileSync(join(root, 'compose.yaml'), 'utf8')
  const members = block => [...(block ?? '').matchAll(/^ {6}([A-Z][A-Z0-9_]*):/gm)].map(([, name]) => name)
  const common = [...text.match(/environment: &environment\n((?: {4}.*\n)*)/)[1].matchAll(/^ {4}([A-Z0-9_]+):/gm)].map(([, name]) => name)
  for (const service of SERVICES) {
    const block = text.match(new RegExp(`^  ${service}:\\n((?: {4}.*\\n)*)`, 'm'))[1]
    const given = [...common, ...members(block)].sort()
    assert.deepEqual(given, read[service].filter(name => !fixedByImage.includes(name)).sort(), service)
  }
})

test('a service without what it must have says so in one sentence and ends', () => {
  const start = env => {
    try {
      execFileSync(join(build, 'bin/gateway'), [], { env: { PATH: process.env.PATH, ...env }, encoding: 'utf8', stdio: 'pipe', timeout: 5000 })
    } catch (error) { return error }
  }
  for (const env of [{}, { ENVIRONMENT: 'production' }, { ENVIRONMENT: 'production', PARLEY_AUTH: 'off', HTTP_LISTEN: '127.0.0.1' }, { PARLEY_AUTH: 'off', HTTP_LISTEN: '0.0.0.0' }]) {
    const ended = start(env)
    assert.equal(ended?.status, 1, JSON.stringify(env))
    assert.match(ended.stderr, /META_APP_SECRET|PARLEY_AUTH/)
  }
})

test('the health check of an image: --probe without ADMIN_PORT, and with nobody there', () => {
  const probe = env => {
    try {
      return { status: 0, stdout: execFileSync(join(build, 'bin/ingest'), ['--probe'], { env, stdio: 'pipe' }) }
    } catch (error) { return error }
  }
  assert.equal(probe({}).status, 2)
  assert.equal(probe({ ADMIN_PORT: '1' }).status, 1)
})
