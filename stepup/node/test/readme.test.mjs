import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { StepUp } from '@sallyport-id/stepup'
import { clientId, issuer, redirectUri } from './issuer.mjs'

const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')

// The example is run against the real server, by the tests in internal/e2e/node.
test('the README shows the examples as they are', () => {
  for (const name of ['app', 'api']) assert.ok(read('README.md').includes('```js\n' + read(`example/${name}.mjs`) + '```\n'), name)
})

test('the README names every code, and every code is one', () => {
  const codes = [...read('src/errors.ts').split('export class')[0].matchAll(/^ {2}\| '(\w+)'$/gm)].map(([, code]) => code)
  assert.equal(codes.length, 18)
  for (const code of codes) assert.ok(read('README.md').includes('`' + code + '`'), code)
})

test('what is printed shows no secret', async (t) => {
  const server = await issuer(t)
  const app = await StepUp.discover({ issuer: server.url, clientId, auth: { secret: 'secret-x' }, redirectUri })
  assert.ok(!(inspect(app, { depth: 9, showHidden: true }) + JSON.stringify(app)).includes('secret-x'))
})
