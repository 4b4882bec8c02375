import assert from 'node:assert/strict'
import { test } from 'node:test'
import { action, actionOf, parseChallenge, satisfies } from '@sallyport-id/stepup'

const error = 'error="insufficient_user_authentication"'

test('a demand is read', () => {
  const cases = [
    ['all of it', `Bearer ${error}, error_description="Do \\"it\\"", acr_values="a b", max_age="300", scope="x  y"`, { acr: ['a', 'b'], maxAge: 300, scope: 'x y', description: 'Do it' }],
    ['nothing named', `bearer ${error}`, { acr: [] }],
    ['of a token bound to a key', `DPoP algs="ES256", ${error}, acr_values="a"`, { acr: ['a'] }],
    ['max_age as a token', `Bearer max_age=0 , ${error}`, { acr: [], maxAge: 0 }],
    ['the second of several', `Basic realm="a, b", Negotiate abc==, , Bearer ${error}, acr_values=phr`, { acr: ['phr'] }],
    ['a parameter in other letters', `Bearer ERROR="insufficient_user_authentication", ACR_Values="a"`, { acr: ['a'] }],
  ]
  for (const [name, header, want] of cases) assert.deepEqual(parseChallenge(header), want, name)
  const headers = new Headers([['www-authenticate', 'Negotiate'], ['www-authenticate', `Bearer ${error}, max_age=5`]])
  assert.deepEqual(parseChallenge(new Response('', { status: 401, headers })), { acr: [], maxAge: 5 })
  assert.deepEqual(parseChallenge(headers), { acr: [], maxAge: 5 })
})

test('what cannot be read as a whole demands nothing', () => {
  const cases = [
    '', 'Bearer', 'Bearer error="invalid_token"', error, `Basic ${error}`,
    `Bearer ${error}, acr_values="a`, `Bearer ${error}, acr_values="a" acr_values="b"`, `Bearer ${error}, acr_values="a", acr_values="b"`,
    `Bearer ${error} max_age="1"`, `Bearer ${error}, max_age="-1"`, `Bearer ${error}, max_age="5s"`, `Bearer ${error}, max_age="2147483648"`, `Bearer ${error}, acr_values="ä"`,
    `Bearer ${error}, acr_values="a\u0000"`, `Bearer ${error}, =`, `Bearer ${error}; max_age=1`, `Bearer\t${error}`, `Bearer ${error}, acr_values=`,
    `Bearer ${error}, x="${'x'.repeat(9000)}"`, `"Bearer" ${error}`,
  ]
  for (const header of cases) assert.equal(parseChallenge(header), undefined, header)
  assert.equal(parseChallenge(new Response('')), undefined)
})

test('a stronger level satisfies a weaker one, and an action nothing but itself', () => {
  const [one, td, two, mfa] = ['1fa', 'td', '2sv', 'mfa'].map((level) => `urn:sallyport:acr:${level}`)
  for (const [have, want] of [[mfa, two], [mfa, mfa], ['phrh', 'phr'], [td, one], [two, td.replace('td', '1fa')], ['own', 'own'], [action('a.b'), action('a.b')]]) {
    assert.ok(satisfies(have, want), `${have} for ${want}`)
  }
  for (const [have, want] of [[two, mfa], ['phr', 'phrh'], [td, td], [td, two], ['phrh', 'own'], ['phrh', action('a.b')], [action('a.b'), one], [action('a.b'), action('a.c')], ['', ''], ['', one], [one, '']]) {
    assert.ok(!satisfies(have, want), `${have} for ${want}`)
  }
  assert.equal(actionOf(action('payout.request')), 'payout.request')
  assert.equal(actionOf(mfa), undefined)
})
