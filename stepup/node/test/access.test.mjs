import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { accessOf, ACR_MFA, action, detailsHash, MemoryReplays, requireStepUp, StepUpError, Verifier } from '@sallyport-id/stepup'
import { audience, issuer, proof, seconds, thumbprint } from './issuer.mjs'

const url = `${audience}/limits`
const all = ({ headers }, wanted) => headers.filter(([name]) => name === wanted).map(([, value]) => value)
const failure = (code) => (e) => e instanceof StepUpError && e.code === code

async function world(t, config = {}) {
  const server = await issuer(t)
  const verifier = new Verifier({ issuer: server.url, audience, publicUrl: audience, ...config })
  const keys = await generateKeyPair('ES256', { extractable: true })
  const token = (claims = {}, header = {}, key) =>
    server.sign(
      { iss: server.url, aud: audience, sub: 'alice', client_id: 'app', jti: 'j', iat: seconds(), exp: seconds(300), auth_time: seconds(), acr: ACR_MFA, scope: 'a b', ...claims },
      { typ: 'at+jwt', ...header },
      key,
    )
  const judge = async (headers, requirement, request = {}) => {
    const verdict = await verifier.verifyAccess({ method: 'POST', url: '/limits?a=1', headers, ...request }, requirement)
    return { ...verdict, challenges: all(verdict, 'WWW-Authenticate'), nonce: all(verdict, 'DPoP-Nonce')[0] }
  }
  return { server, verifier, keys, token, judge }
}

test('a bearer token is taken, or refused without a word of why', async (t) => {
  const { server, token, judge } = await world(t)
  const verdict = await judge({ authorization: `Bearer ${await token()}` })
  assert.ok(verdict.ok)
  assert.deepEqual([verdict.token.subject, verdict.token.clientId, verdict.token.acr, verdict.token.boundTo], ['alice', 'app', ACR_MFA, undefined])
  assert.ok((await judge(new Headers({ authorization: `bearer ${await token({ aud: ['x', audience] })}` }))).ok)

  const other = (await generateKeyPair('ES256')).privateKey
  const refused = {
    'signed with another key': await token({}, {}, other),
    'an ID token': await token({}, { typ: 'JWT' }),
    'without a type': await token({}, { typ: undefined }),
    'of another issuer': await token({ iss: 'https://other.example' }),
    'of an approval that it does not name': await token({ txn: 'c1' }),
    'for another API': await token({ aud: `${audience}/` }),
    expired: await token({ exp: seconds(-20) }),
    'without an end': await token({ exp: undefined }),
    'from the future': await token({ iat: seconds(30) }),
    'with an auth_time to come': await token({ auth_time: seconds(30) }),
    'without an app': await token({ client_id: undefined }),
    'without an id': await token({ jti: undefined }),
    'without a user': await token({ sub: '' }),
    'with a scope that is no text': await token({ scope: ['a'] }),
    'bound to a key': await token({ cnf: { jkt: 'x' } }),
    'bound to a certificate': await token({ cnf: { 'x5t#S256': 'x' } }),
    'signed with the public key as a secret': await new SignJWT({ sub: 'x' }).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' }).sign(new TextEncoder().encode(JSON.stringify(server.jwk))),
    'no token': 'x',
  }
  for (const [name, raw] of Object.entries(refused)) {
    const { ok, status, challenges } = await judge({ authorization: `Bearer ${raw}` })
    assert.deepEqual({ ok, status, challenges }, { ok: false, status: 401, challenges: ['Bearer error="invalid_token"'] }, name)
  }
  for (const headers of [{}, { authorization: 'Basic x' }, { authorization: 'Bearer' }, { authorization: `Bearer ${await token()}, Bearer x` }]) {
    const { status, challenges } = await judge(headers)
    assert.deepEqual({ status, challenges }, { status: 401, challenges: ['Bearer', 'DPoP algs="ES256 EdDSA PS256"'] }, JSON.stringify(headers))
  }
})

test('a demand is met, or told', async (t) => {
  const { token, judge } = await world(t)
  const authorization = `Bearer ${await token({ auth_time: seconds(-100) })}`
  for (const requirement of [{}, { acr: ACR_MFA }, { acr: [action('a.b'), 'urn:sallyport:acr:2sv'] }, { maxAge: 110 }, { scope: 'b a' }]) {
    assert.ok((await judge({ authorization }, requirement)).ok, JSON.stringify(requirement))
  }
  const description = 'error_description="A stronger or more recent authentication is required"'
  const cases = [
    [{ acr: ['phr', 'phrh'], maxAge: 300 }, 401, `Bearer error="insufficient_user_authentication", ${description}, acr_values="phr phrh", max_age="300"`],
    [{ maxAge: 90, scope: 'a' }, 401, `Bearer error="insufficient_user_authentication", ${description}, max_age="90", scope="a"`],
    [{ acr: action('payout.request') }, 401, `Bearer error="insufficient_user_authentication", ${description}, acr_values="urn:sallyport:action:payout.request"`],
    [{ acr: 'phr', scope: 'a c' }, 403, 'Bearer error="insufficient_scope", scope="a c"'],
  ]
  for (const [requirement, status, challenge] of cases) {
    const verdict = await judge({ authorization }, requirement)
    assert.deepEqual([verdict.ok, verdict.status, verdict.challenges], [false, status, [challenge]])
  }
  const machine = { authorization: `Bearer ${await token({ auth_time: undefined, acr: undefined })}` }
  assert.ok((await judge(machine)).ok)
  assert.equal((await judge(machine, { maxAge: 5 })).status, 401)
  for (const requirement of [{ acr: 'urn:sallyport:acr:td' }, { acr: 'a"b' }, { maxAge: 0 }, { maxAge: 0.5 }]) {
    await assert.rejects(async () => judge(machine, requirement), TypeError, JSON.stringify(requirement))
  }
})

test('a token that is bound to a key comes with a proof for this very request, once', async (t) => {
  const { server, keys, token, judge } = await world(t)
  const bound = await token({ cnf: { jkt: await thumbprint(keys) } })
  const use = async (bend = {}, request, raw = bound) => judge({ authorization: `DPoP ${raw}`, dpop: await proof(keys, { url, token: raw, ...bend }) }, {}, request)
  const good = await use()
  assert.ok(good.ok)
  assert.equal(good.token.boundTo, await thumbprint(keys))
  assert.ok((await use({ url: `${url}?b=2#c` })).ok, 'query and fragment do not count')
  assert.ok((await use({}, { url: `http://elsewhere.example/limits` })).ok, 'host and scheme are not taken from the request')

  const dpop = await proof(keys, { url, token: bound })
  const headers = { authorization: `DPoP ${bound}`, dpop }
  const both = await Promise.all([judge(headers), judge(headers)])
  assert.equal(both.filter(({ ok }) => ok).length, 1, 'a proof is used once')

  const thief = await generateKeyPair('ES256', { extractable: true })
  const secret = await exportJWK(keys.privateKey)
  const algs = 'algs="ES256 EdDSA PS256"'
  const bad = {
    'for another method': await proof(keys, { url, token: bound, method: 'GET' }),
    'for another path': await proof(keys, { url: `${audience}/other`, token: bound }),
    'for another host': await proof(keys, { url: 'https://api.example.org/limits', token: bound }),
    'for another token': await proof(keys, { url, token: 'x' }),
    'for no token': await proof(keys, { url, token: bound, claims: { ath: undefined } }),
    'too old': await proof(keys, { url, token: bound, claims: { iat: seconds(-62) } }),
    'from the future': await proof(keys, { url, token: bound, claims: { iat: seconds(15) } }),
    'without a time': await proof(keys, { url, token: bound, claims: { iat: undefined } }),
    'over before its time': await proof(keys, { url, token: bound, claims: { exp: seconds(-20) } }),
    'without an id': await proof(keys, { url, token: bound, claims: { jti: undefined } }),
    'with an id that is too long': await proof(keys, { url, token: bound, claims: { jti: 'x'.repeat(129) } }),
    'of another type': await proof(keys, { url, token: bound, header: { typ: 'jwt' } }),
    'without a key': await proof(keys, { url, token: bound, header: { jwk: undefined } }),
    'with a private key': await proof(keys, { url, token: bound, header: { jwk: secret } }),
    'with a secret key': await proof(keys, { url, token: bound, header: { jwk: { ...(await exportJWK(keys.publicKey)), k: 'x' } } }),
    'with an extension': await proof(keys, { url, token: bound, header: { crit: ['b64'], b64: true } }),
    'signed by another': await proof({ publicKey: keys.publicKey, privateKey: thief.privateKey }, { url, token: bound }),
    'there twice': `${await proof(keys, { url, token: bound })}, ${await proof(keys, { url, token: bound })}`,
    missing: undefined,
  }
  for (const [name, one] of Object.entries(bad)) {
    const { ok, status, challenges } = await judge({ authorization: `DPoP ${bound}`, dpop: one })
    assert.deepEqual({ ok, status }, { ok: false, status: 401 }, name)
    assert.match(challenges.join(), /^DPoP error="invalid_dpop_proof", error_description="The DPoP proof is not valid: [^"]+\.", algs="ES256 EdDSA PS256"$/, name)
  }
  const stolen = await judge({ authorization: `DPoP ${bound}`, dpop: await proof(thief, { url, token: bound }) })
  assert.deepEqual(stolen.challenges, [`DPoP error="invalid_token", ${algs}`])
  const doubly = await token({ cnf: { jkt: await thumbprint(keys), 'x5t#S256': 'x' } })
  assert.deepEqual((await use({}, {}, doubly)).challenges, [`DPoP error="invalid_token", ${algs}`], 'a token that is bound to more than is understood')
  assert.deepEqual((await use({}, {}, await token())).challenges, [`DPoP error="invalid_token", ${algs}`], 'a token that is not bound')
  const weak = await judge({ authorization: `DPoP ${bound}`, dpop: await proof(keys, { url, token: bound }) }, { acr: 'phr' })
  assert.match(weak.challenges[0], /^DPoP error="insufficient_user_authentication".*acr_values="phr", algs=/)

  const nowhere = new Verifier({ issuer: server.url, audience })
  const unknown = await nowhere.verifyAccess({ method: 'POST', url: '/limits', headers: { authorization: `DPoP ${bound}`, dpop: await proof(keys, { url, token: bound }) } })
  assert.deepEqual([unknown.status, all(unknown, 'WWW-Authenticate')], [401, ['Bearer error="invalid_token"']], 'without an address of its own an API takes no proof')
  assert.deepEqual(all(await nowhere.verifyAccess({ method: 'GET', url: '/', headers: {} }), 'WWW-Authenticate'), ['Bearer'])
  for (const config of [{ requireDpop: true }, { replays: new MemoryReplays() }, { nonceKey: 'x'.repeat(32) }, { publicUrl: 'http://api.example' }, { publicUrl: `${audience}/?` }, { publicUrl: audience, nonceKey: 'x' }, { audience: '' }]) {
    assert.throws(() => new Verifier({ issuer: server.url, audience, ...config }), TypeError, JSON.stringify(config))
  }
})

test('an API behind a proxy, and one that takes bound tokens only', async (t) => {
  const { keys, token, judge } = await world(t, { publicUrl: `${audience}/v1/`, requireDpop: true })
  const bound = await token({ cnf: { jkt: await thumbprint(keys) } })
  for (const [htu, path, ok] of [
    ['https://API.example:443/v1/%6cimits', '/limits', true], [`${audience}/v1/limits`, '/v1/limits', false], [`${audience}/v1/a%2Fb`, '/a/b', false],
    [`${audience}/v1//other.example/x`, '//other.example/x', true], ['https://other.example/x', 'https://other.example/x', false],
  ]) {
    const verdict = await judge({ authorization: `DPoP ${bound}`, dpop: await proof(keys, { url: htu, token: bound }) }, {}, { url: path })
    assert.equal(verdict.ok, ok, `${htu} ${path}`)
  }
  assert.deepEqual((await judge({ authorization: `Bearer ${await token()}` })).challenges, ['DPoP error="invalid_token", algs="ES256 EdDSA PS256"'])
  assert.deepEqual((await judge({})).challenges, ['DPoP algs="ES256 EdDSA PS256"'])
})

test('an address that two readers could take for two is none', async (t) => {
  const { keys, token, judge } = await world(t)
  const bound = await token({ cnf: { jkt: await thumbprint(keys) } })
  const use = async (htu, path) => (await judge({ authorization: `DPoP ${bound}`, dpop: await proof(keys, { url: htu, token: bound }) }, {}, { url: path })).ok
  for (const [htu, path] of [
    ['/admin', '/public/%2e%2e/admin'], ['/admin', '/public/../admin'], ['/admin', '/public/.%2E/admin'], ['/admin', '/./admin'], ['/admin', '/%2e/admin'], ['/', '/a/..'], ['/', '/%2E'],
    ['/admin', '/public\\..\\admin'], ['/admin', '\\admin'], ['/admin', '/ad\tmin'], ['/admin', 'http://elsewhere.example/public/../admin'], ['/admin', 'http://elsewhere.example/public/%2e%2e/admin?a'],
    ['/public/../admin', '/public/../admin'], ['/public/%2e%2e/admin', '/public/%2e%2e/admin'], ['/a/../admin', '/admin'], ['/a/%2E./admin', '/admin'], ['/admin/.', '/admin/'], ['\\admin', '/admin'],
    ['/ad\tmin', '/admin'], ['/ad\nmin', '/admin'], ['/admin\r\n', '/admin'], ['/admin ', '/admin'], ['/a/..?b', '/'], ['/a/..#b', '/'],
  ]) {
    assert.equal(await use(audience + htu, path), false, `${htu} for ${path}`)
  }
  for (const htu of ['https:\\\\api.example\\admin', 'https:/api.example/admin', 'https:api.example/admin', 'https:///api.example/admin', ' https://api.example/admin', '/admin', 'https://a@api.example/admin']) {
    assert.equal(await use(htu, '/admin'), false, htu)
  }
  for (const [htu, path] of [
    ['/a/...', '/a/...'], ['/.well-known/x', '/.well-known/x'], ['/a..b', '/a..b'], ['/%252e%252e/a', '/%252e%252e/a'], ['/admin?a=/../b', '/admin'],
    ['/admin', '/admin?next=/a/../b\\c'], ['', '/'], ['/', 'http://elsewhere.example'], ['/', 'http://elsewhere.example?a'],
  ]) {
    assert.equal(await use(audience + htu, path), true, `${htu} for ${path}`)
  }
})

test('a proof holds our nonce, so that none is made in advance', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const { keys, token, judge } = await world(t, { nonceKey: 'x'.repeat(32) })
  const bound = await token({ cnf: { jkt: await thumbprint(keys) }, exp: seconds(3600) })
  const use = async (nonce) => judge({ authorization: `DPoP ${bound}`, dpop: await proof(keys, { url, token: bound, claims: { nonce } }) })
  const first = await use()
  assert.deepEqual([first.status, first.challenges], [401, ['DPoP error="use_dpop_nonce", algs="ES256 EdDSA PS256"']])
  assert.equal((await use('x')).nonce, first.nonce)
  const second = await use(first.nonce)
  assert.deepEqual([second.ok, second.nonce], [true, undefined])
  t.mock.timers.tick(300_000)
  const third = await use(first.nonce)
  assert.equal(third.ok, true, 'the one before is taken, too')
  assert.notEqual(third.nonce, first.nonce)
  assert.equal((await use(third.nonce)).nonce, undefined)
  t.mock.timers.tick(300_000)
  assert.equal((await use(first.nonce)).ok, false)
})

test('an API uses the approval up that a token was given for', async (t) => {
  const { server, keys, token, judge, verifier } = await world(t)
  const detail = { type: 'payout.request', txn_id: 't1', amount: { value: '1.00', currency: 'EUR' } }
  const hash = detailsHash({ issuer: server.url, clientId: 'app', subject: 'alice', detail })
  const at = new Date().toISOString()
  const claims = { txn: 'c1', 'urn:sallyport:confirmation': { id: 'c1', details_hash: hash, approved_at: at } }
  const pass = async (more) => (await judge({ authorization: `Bearer ${await token(more)}` })).token
  const receipt = await server.sign(
    { iss: server.url, aud: 'app', sub: 'alice', jti: 'c1', txn: 't1', action: detail.type, authorization_details: [detail], details_hash: hash, requested_at: at, approved_at: at, consumed_at: at },
    { typ: 'confirmation-receipt+jwt' },
  )
  server.answers['/confirmations/c1/consume'] = () => ({ receipt })
  const passed = await pass(claims)
  assert.deepEqual([passed.confirmationId, passed.detailsHash], ['c1', hash])
  assert.equal((await verifier.consume(passed, detail, 'k')).jws, receipt)
  const { headers, body } = server.asked.find(({ path }) => path.endsWith('/consume'))
  assert.match(headers.authorization, /^Bearer ey/)
  assert.deepEqual([headers['idempotency-key'], JSON.parse(body)], ['k', { details_hash: hash }])
  assert.equal((await verifier.verifyReceipt(passed, receipt, detail)).confirmationId, 'c1')

  const other = { ...detail, amount: { value: '9.00', currency: 'EUR' } }
  await assert.rejects(verifier.consume(passed, other, 'k'), failure('mismatch'))
  await assert.rejects(verifier.verifyReceipt(passed, receipt, other), failure('mismatch'))
  await assert.rejects(verifier.consume(await pass(), detail, 'k'), failure('not_approved'))
  await assert.rejects(verifier.consume({ ...passed }, detail, 'k'), { name: 'TypeError', message: /accessOf.*copy/ })
  const same = new Verifier({ issuer: server.url, audience })
  assert.equal((await same.consume(passed, detail, 'k')).jws, receipt, 'any verifier of the same API will do')
  const elsewhere = new Verifier({ issuer: server.url, audience: 'https://other.example' })
  await assert.rejects(elsewhere.consume(passed, detail, 'k'), { name: 'TypeError', message: /same issuer and audience/ })
  const guard = requireStepUp({ issuer: server.url, audience })
  const req = { method: 'POST', url: '/', headersDistinct: { authorization: [`Bearer ${await token(claims)}`] } }
  await new Promise((done, fail) => guard(req, { setHeader: () => {} }, (error) => (error ? fail(error) : done())))
  assert.equal((await guard.verifier.consume(accessOf(req), detail, 'k')).jws, receipt)
  const second = await pass({ txn: 'c2', 'urn:sallyport:confirmation': { id: 'c2', details_hash: hash, approved_at: at } })
  await assert.rejects(verifier.verifyReceipt(second, receipt, detail), failure('token'))
  const raw = await token({ ...claims, cnf: { jkt: await thumbprint(keys) } })
  const bound = await judge({ authorization: `DPoP ${raw}`, dpop: await proof(keys, { url, token: raw }) })
  await assert.rejects(verifier.consume(bound.token, detail, 'k'), failure('bound'))
  assert.equal((await verifier.verifyReceipt(bound.token, receipt, detail)).confirmationId, 'c1')
})

test('used proofs can be remembered elsewhere', async (t) => {
  const { server, keys, token } = await world(t)
  const seen = []
  let answer
  const replays = { firstUse: async (key, until) => seen.push([key, until]) && answer() }
  const verifier = new Verifier({ issuer: server.url, audience, publicUrl: audience, replays })
  const bound = await token({ cnf: { jkt: await thumbprint(keys) } })
  const dpop = await proof(keys, { url, token: bound })
  for (const [said, status] of [[() => false, 401], [() => { throw new Error('away') }, 503], [() => true, undefined]]) {
    answer = said
    assert.equal((await verifier.verifyAccess({ method: 'POST', url, headers: { authorization: `DPoP ${bound}`, dpop } })).status, status)
  }
  assert.equal(new Set(seen.map(([key]) => key)).size, 1)
  assert.match(seen[0][0], /^[\w-]{43}$/)
  assert.ok(seen[0][1] > Date.now() + 55_000)
})

test('a full memory refuses rather than forgets', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 10_000 })
  const memory = new MemoryReplays(2)
  assert.deepEqual([memory.firstUse('a', 20_000), memory.firstUse('a', 20_000), memory.firstUse('b', 30_000)], [true, false, true])
  assert.throws(() => memory.firstUse('c', 20_000))
  t.mock.timers.tick(15_000)
  assert.deepEqual([memory.firstUse('c', 40_000), memory.firstUse('b', 40_000)], [true, false])
})

test('the middleware answers for the handler', async (t) => {
  const { server, token } = await world(t)
  const guard = requireStepUp({ issuer: server.url, audience, publicUrl: audience, acr: 'phr' })
  const api = createServer((req, res) => guard(req, res, (error) => (error ? res.writeHead(500).end() : res.end(accessOf(req)?.subject))))
  await new Promise((done) => api.listen(0, '127.0.0.1', done))
  t.after(() => api.close(() => {}) && api.closeAllConnections())
  const call = (headers) => fetch(`http://127.0.0.1:${api.address().port}/`, { headers })
  const strong = await call({ authorization: `Bearer ${await token({ acr: 'phrh' })}` })
  assert.deepEqual([strong.status, await strong.text()], [200, 'alice'])
  const weak = await call({ authorization: `Bearer ${await token()}` })
  assert.equal(weak.status, 401)
  assert.match(weak.headers.get('www-authenticate'), /acr_values="phr"/)
  assert.equal(weak.headers.get('cache-control'), 'no-store')
  assert.equal((await call({})).headers.get('www-authenticate'), 'Bearer, DPoP algs="ES256 EdDSA PS256"')

  const twice = await new Promise(async (done) => {
    const headers = ['Host', 'api', 'Authorization', `Bearer ${await token({ acr: 'phr' })}`, 'Authorization', 'Bearer x']
    request({ port: api.address().port, headers }, done).end()
  })
  assert.equal(twice.statusCode, 401, 'of two tokens none counts')

  server.answers['/jwks'] = () => ({ status: 503 })
  const verdict = await new Verifier({ issuer: server.url, audience }).verifyAccess({ method: 'GET', url: '/', headers: { authorization: `Bearer ${await token()}` } })
  assert.deepEqual([verdict.ok, verdict.status, verdict.headers], [false, 503, [['Cache-Control', 'no-store']]])
})
