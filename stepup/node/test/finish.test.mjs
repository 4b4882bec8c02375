import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { generateKeyPair } from 'jose'
import { ACR_2SV, ACR_MFA, action, detailsHash, StepUp, StepUpError, Verifier } from '@sallyport-id/stepup'
import { clientId, issuer, redirectUri, seconds } from './issuer.mjs'

const detail = { type: 'payout.request', txn_id: 't1', amount: { value: '1.00', currency: 'EUR' }, payee: { name: 'A', account: { iban: 'I' } } }
const failure = (code) => (e) => e instanceof StepUpError && e.code === code && !/secret|[A-Za-z0-9_-]{60}/.test(JSON.stringify({ ...e, m: e.message, c: String(e.cause) }))

async function connect(t, config = {}) {
  const server = await issuer(t)
  const app = await StepUp.discover({ issuer: server.url, clientId, auth: { secret: 'secretx' }, redirectUri, pauses: [1, 1, 1], ...config })
  return { server, app }
}

/** finish has the server answer with an ID token that bend has changed, and the rest of the answer. */
async function finish({ server, app }, { transaction }, { claims = {}, header, key, rest = {}, query = {} } = {}) {
  server.answers['/token'] = async () => {
    const idToken = await server.sign(
      {
        iss: server.url, aud: clientId, sub: 'alice', iat: seconds(), exp: seconds(300), auth_time: seconds(), nonce: transaction.nonce,
        acr: transaction.acr[0] ?? ACR_2SV, amr: ['pwd'], at_hash: createHash('sha256').update('secret-token').digest().subarray(0, 16).toString('base64url'), ...claims,
      },
      header,
      key,
    )
    return { access_token: 'secret-token', token_type: 'Bearer', expires_in: 120, id_token: idToken, ...rest }
  }
  const callback = new URL(redirectUri)
  for (const [name, value] of Object.entries({ code: 'c', state: transaction.state, iss: server.url, ...query })) callback.searchParams.append(name, value)
  return app.finish(transaction, callback)
}

test('a login is checked', async (t) => {
  const world = await connect(t)
  const started = await world.app.start({ acr: [ACR_2SV], subject: 'alice', maxAge: 60 })
  const proof = await finish(world, started, { claims: { acr: ACR_MFA } }) // a stronger level will do
  assert.deepEqual([proof.subject, proof.acr, proof.accessToken, proof.scope], ['alice', ACR_MFA, 'secret-token', 'openid'])
  assert.deepEqual(JSON.parse(JSON.stringify(proof)), proof)
  const { form, headers } = world.server.asked.at(-2)
  assert.equal(form.get('code_verifier'), started.transaction.codeVerifier)
  assert.equal(headers.authorization, `Basic ${btoa('app:secretx')}`)

  const other = (await generateKeyPair('ES256')).privateKey
  const refused = {
    'signed with another key': ['token', { key: other }],
    'signed with a key that nobody publishes': ['token', { key: other, header: { kid: 'two' } }],
    'an access token': ['token', { header: { typ: 'at+jwt' } }],
    'with an extension': ['token', { header: { crit: ['x'], x: 1 } }],
    'of another issuer': ['token', { claims: { iss: 'https://other.example' } }],
    'for another app': ['token', { claims: { aud: 'other' } }],
    'for several apps': ['token', { claims: { aud: [clientId, 'other'] } }],
    'made for another app': ['token', { claims: { aud: [clientId, 'other'], azp: 'other' } }],
    expired: ['token', { claims: { exp: seconds(-20) } }],
    'without an end': ['token', { claims: { exp: undefined } }],
    'from the future': ['token', { claims: { iat: seconds(30) } }],
    'not valid yet': ['token', { claims: { nbf: seconds(30) } }],
    'with another nonce': ['token', { claims: { nonce: 'x' } }],
    'without a nonce': ['token', { claims: { nonce: undefined } }],
    'of another access token': ['token', { claims: { at_hash: 'x' } }],
    'without auth_time': ['token', { claims: { auth_time: undefined } }],
    'with an auth_time to come': ['token', { claims: { auth_time: seconds(30) } }],
    'with an acr that is no text': ['token', { claims: { acr: [ACR_2SV] } }],
    'without a subject': ['token', { claims: { sub: '' } }],
    'about another user': ['other_subject', { claims: { sub: 'bob' } }],
    'of a weaker level': ['unmet', { claims: { acr: 'urn:sallyport:acr:td' } }],
    'of an action': ['unmet', { claims: { acr: action('payout.request') } }],
    'older than max_age': ['unmet', { claims: { auth_time: seconds(-80) } }],
    'no ID token': ['token', { rest: { id_token: undefined } }],
    'a token of another type': ['token', { rest: { token_type: 'DPoP' } }],
    'a state of another transaction': ['response', { query: { state: 'x' } }],
    'another issuer in the answer': ['response', { query: { iss: 'https://other.example' } }],
    'no code': ['response', { query: { code: '' } }],
    'a refusal': ['denied', { query: { error: 'access_denied', error_description: 'no\u0000\n' } }],
    'a level that nobody reaches': ['unmet', { query: { error: 'unmet_authentication_requirements' } }],
    'a page that is needed': ['interaction_required', { query: { error: 'login_required' } }],
    'a busy server': ['unavailable', { query: { error: 'temporarily_unavailable' } }],
  }
  for (const [name, [code, bend]] of Object.entries(refused)) {
    await assert.rejects(finish(world, started, bend), failure(code), name)
  }
  const stale = { ...started, transaction: { ...started.transaction, startedAt: new Date(Date.now() - 3_700_000).toISOString() } }
  await assert.rejects(finish(world, stale), failure('response'))
  await assert.rejects(world.app.finish(started.transaction, 'https://'), failure('response'))
  world.server.answers['/token'] = () => ({ status: 400, error: 'invalid_grant' })
  const callback = `/callback?code=c&state=${started.transaction.state}&iss=${encodeURIComponent(world.server.url)}`
  await assert.rejects(world.app.finish(started.transaction, callback), failure('invalid_grant'))
  world.server.answers['/token'] = () => ({ status: 401, error: 'invalid_client', headers: { 'www-authenticate': 'Basic realm="x"' } })
  await assert.rejects(world.app.finish(started.transaction, callback), (e) => failure('refused')(e) && e.error === 'invalid_client' && e.status === 401)
})

test('an action is itself and nothing else', async (t) => {
  const world = await connect(t)
  const started = await world.app.start({ acr: action('payout.request'), subject: 'alice' })
  for (const acr of [action('bid.place'), 'phrh', ACR_MFA, '']) {
    await assert.rejects(finish(world, started, { claims: { acr } }), failure('unmet'), acr)
  }
})

test('a confirmation is of what was pushed', async (t) => {
  const world = await connect(t)
  const started = await world.app.push({ subject: 'alice', detail })
  const hash = world.app.detailsHash('alice', detail)
  const said = { txn: 'c1', 'urn:sallyport:confirmation': { id: 'c1', details_hash: hash, approved_at: new Date().toISOString() } }
  const beside = { confirmation_id: 'c1', type: detail.type, txn_id: 't1', details_hash: hash, acr: action(detail.type), method: 'email' }
  const good = { claims: said, rest: { authorization_details: [beside] } }
  assert.equal((await finish(world, started, good)).acr, action('payout.request'))
  assert.equal(world.server.asked.find(({ path }) => path === '/par').form.get('authorization_details'), `[${JSON.stringify({ amount: { currency: 'EUR', value: '1.00' }, payee: { account: { iban: 'I' }, name: 'A' }, txn_id: 't1', type: 'payout.request' })}]`)
  const inner = said['urn:sallyport:confirmation']
  const refused = {
    'another hash': ['mismatch', { ...good, claims: { ...said, 'urn:sallyport:confirmation': { ...inner, details_hash: 'x' } } }],
    'another transaction beside it': ['mismatch', { ...good, rest: { authorization_details: [{ ...beside, txn_id: 't2' }] } }],
    'two transactions': ['token', { ...good, rest: { authorization_details: [beside, beside] } }],
    'no transaction beside it': ['token', { claims: said }],
    'two confirmations': ['token', { ...good, claims: { ...said, txn: 'c2' } }],
    'another confirmation beside it': ['token', { ...good, rest: { authorization_details: [{ ...beside, confirmation_id: 'c2' }] } }],
    'no confirmation': ['token', { ...good, claims: {} }],
    'an old approval': ['token', { ...good, claims: { ...said, 'urn:sallyport:confirmation': { ...inner, approved_at: new Date(Date.now() - 60_000).toISOString() } } }],
    'a refresh token': ['token', { ...good, rest: { ...good.rest, refresh_token: 'r' } }],
  }
  for (const [name, [code, bend]] of Object.entries(refused)) {
    await assert.rejects(finish(world, started, bend), failure(code), name)
  }
})

test('a consumption is tried again with the same key, where that can help', async (t) => {
  const { server, app } = await connect(t)
  const kept = { id: 'c 1', subject: 'alice', detailsHash: app.detailsHash('alice', detail), key: 'k1' }
  const at = new Date().toISOString()
  const claims = {
    iss: server.url, aud: clientId, sub: 'alice', jti: 'c 1', txn: 't1', action: detail.type, authorization_details: [detail], details_hash: kept.detailsHash,
    requested_at: at, approved_at: at, consumed_at: at, acr: action(detail.type), amr: ['otp'], proofs: [{ stage: 0, proof: 'delivered_code', method: 'email', factor: 'f', at }],
  }
  const receipt = await server.sign(claims, { typ: 'confirmation-receipt+jwt' })
  const path = '/confirmations/c%201/consume'
  let answers
  server.answers[path] = () => answers.shift()
  const consume = (...said) => {
    answers = said
    server.asked.length = 0
    return app.consumeFor(JSON.parse(JSON.stringify(kept)), detail)
  }
  const keys = () => server.asked.filter((one) => one.path === path).map(({ headers, form }) => `${headers['idempotency-key']} ${form.get('details_hash')}`)

  assert.equal((await consume({ status: 503 }, { status: 500, error: 'server_error' }, { receipt })).jws, receipt)
  assert.deepEqual(keys(), Array(3).fill(`k1 ${kept.detailsHash}`))
  await assert.rejects(consume(...Array(9).fill({ status: 503 })), (e) => failure('unavailable')(e) && e.status === 503)
  assert.equal(keys().length, 4)
  const once = [[409, 'already_consumed', 'consumed'], [409, 'not_approved', 'not_approved'], [409, 'revoked', 'revoked'], [410, 'expired', 'expired'], [422, 'mismatch', 'mismatch'], [404, 'not_found', 'not_found'], [429, 'x', 'unavailable'], [401, 'invalid_client', 'refused']]
  for (const [status, error, code] of once) {
    await assert.rejects(consume({ status, error, title: 'because' }, { receipt }), (e) => failure(code)(e) && e.status === status && e.description === 'because', error)
    assert.equal(keys().length, 1, error)
  }
  await assert.rejects(app.consumeFor(kept, { ...detail, txn_id: 't2' }), failure('mismatch'))
  for (const name of Object.keys(kept)) await assert.rejects(app.consumeFor({ ...kept, [name]: undefined }, detail), TypeError, name)

  const bad = {
    'a login token': [{}, { typ: 'JWT' }],
    'of another confirmation': [{ jti: 'c2' }],
    'for another app': [{ aud: 'other' }],
    'of another issuer': [{ iss: 'https://other.example' }],
    'of another user': [{ sub: 'bob' }],
    'of another amount': [{ authorization_details: [{ ...detail, amount: { value: '9.00', currency: 'EUR' } }] }],
    'of two transactions': [{ authorization_details: [detail, detail] }],
    'of another action': [{ action: 'bid.place' }],
    'from the future': [{ consumed_at: new Date(Date.now() + 60_000).toISOString() }],
    'without a time': [{ consumed_at: 'yesterday' }],
  }
  for (const [name, [change, header]] of Object.entries(bad)) {
    const forged = await server.sign({ ...claims, ...change }, { typ: 'confirmation-receipt+jwt', ...header })
    await assert.rejects(consume({ receipt: forged }), failure('token'), name)
  }
  for (const other of [{ clientId: 'other' }, { issuer: 'https://other.example' }]) {
    const bound = { issuer: server.url, clientId, subject: 'alice', detail, ...other }
    const theirs = { ...claims, iss: bound.issuer, aud: bound.clientId, details_hash: detailsHash(bound) }
    await assert.rejects(app.verifyReceipt(await server.sign(theirs, { typ: 'confirmation-receipt+jwt' })), failure('token'), 'a sound one of another app or issuer')
  }
})

test('a request that could not be answered is a mistake', async (t) => {
  const { server, app } = await connect(t)
  const { url, transaction } = await app.start({ acr: [ACR_MFA, 'phr'], maxAge: 0, scopes: ['email', 'openid'], resources: ['https://a', 'https://b'], resume: { a: [1] } })
  const sent = new URL(url).searchParams
  assert.deepEqual(
    ['tenant', 'acr_values', 'max_age', 'scope', 'claims', 'prompt'].map((name) => sent.get(name)),
    ['t', `${ACR_MFA} phr`, '0', 'openid email', null, null],
  )
  assert.deepEqual(sent.getAll('resource'), ['https://a', 'https://b'])
  assert.deepEqual(transaction.resume, { a: [1] })
  assert.ok(!url.includes('resume'))
  for (const options of [
    { acr: action('payout.request') }, { acr: [action('payout.request'), ACR_MFA], subject: 'a' }, { acr: action('Payout'), subject: 'a' },
    { acr: 'urn:sallyport:acr:td' }, { acr: 'a b' }, { maxAge: -1 }, { maxAge: 1.5 }, { prompt: 'none login' }, { prompt: 'never' }, { detail }, { acr: action('payout.request'), subject: 'a', loggedInAt: 1 },
  ]) {
    await assert.rejects(app.start(options), TypeError, JSON.stringify(options))
  }
  for (const options of [{ detail }, { detail, subject: 'a', acr: ACR_MFA }, { detail, subject: 'a', prompt: 'none' }]) {
    await assert.rejects(app.push(options), TypeError, JSON.stringify(options))
  }
  const big = { ...detail, reference: 'x'.repeat(4096) }
  for (const wrong of [{ ...detail, txn_id: 'a b' }, { ...detail, type: 'payout' }, { type: 'a.b' }, [], 'x', null, big]) {
    await assert.rejects(app.push({ subject: 'a', detail: wrong }), failure('bad_detail'), JSON.stringify(wrong))
  }
  await assert.rejects(app.push({ subject: 'a', detail: { ...detail, type: 'nosuch\n' } }), { message: 'stepup: bad_detail: type "nosuch" is not a type of transaction (such as payout.request)' })
  await assert.rejects(app.start({ acr: action('payout.request'), subject: 'a', loggedInAt: 1 }), { message: /must not pass through the browser; use push/ })
  await assert.rejects(app.answer({ acr: [action('payout.request')] }, { subject: 'a', loggedInAt: 1 }), TypeError)
  await assert.rejects(app.answer({ acr: [action('bid.place')] }, { subject: 'a', detail }), TypeError)
  const config = { issuer: server.url, clientId, auth: { secret: 's' }, redirectUri }
  for (const change of [
    { issuer: 'http://id.example' }, { issuer: `${server.url}/` }, { issuer: `${server.url}/?a` }, { issuer: server.url.replace('127.0.0.1', 'localhost') }, { clientId: '' },
    { auth: { secret: '' } }, { redirectUri: '/callback' }, { redirectUri: `${redirectUri}#a` }, { clockTolerance: 61 }, { auth: { privateKey: server.jwk } },
  ]) {
    await assert.rejects(StepUp.discover({ ...config, ...change }), TypeError, JSON.stringify(change))
  }
  for (const metadata of [{ token_endpoint: 'http://id.example/token' }, { jwks_uri: undefined }, { token_endpoint_auth_methods_supported: ['none'] }]) {
    server.metadata = metadata
    await assert.rejects(StepUp.discover(config), TypeError, JSON.stringify(metadata))
  }
  await assert.rejects(StepUp.discover({ ...config, issuer: 'http://127.0.0.1:1' }), failure('unavailable'))
  const plain = { issuer: 'https://id.example', authorization_endpoint: 'https://id.example/a', token_endpoint: 'http://localhost/token', jwks_uri: 'https://id.example/k' }
  await assert.rejects(StepUp.discover({ ...config, issuer: plain.issuer, fetch: async () => Response.json(plain) }), TypeError, 'less protected than the issuer')
  const document = '/.well-known/openid-configuration'
  for (const status of [400, 401, 404, 410]) {
    server.answers[document] = () => ({ status })
    const message = `stepup: issuer: ${server.url}${document} answered ${status}; check the issuer`
    await assert.rejects(StepUp.discover(config), { name: 'TypeError', message })
    await assert.rejects(new Verifier({ issuer: server.url, audience: 'https://api.example' }).connect(), { name: 'TypeError', message })
  }
  for (const status of [408, 429, 500, 503]) {
    server.answers[document] = () => ({ status })
    await assert.rejects(StepUp.discover(config), (e) => failure('unavailable')(e) && e.status === status && e.message.includes(String(status)), status)
  }
  server.answers['/.well-known/openid-configuration'] = () => ({ status: 302, headers: { location: `${server.url}/elsewhere` } })
  await assert.rejects(StepUp.discover(config), failure('unavailable'))
  assert.ok(!server.asked.some(({ path }) => path === '/elsewhere'), 'no redirect is followed')
  server.answers['/.well-known/openid-configuration'] = () => ({ issuer: server.url, more: 'x'.repeat(300_000) })
  await assert.rejects(StepUp.discover(config), failure('unavailable'))
})

test('an app that asks too often is told when it may ask again', async (t) => {
  const { server, app } = await connect(t)
  const said = { error: 'access_denied', error_description: 'The app has asked too often.' }
  for (const [after, body, retryAfter] of [['90', said, 90], ['90', {}, 90], ['soon', said, undefined], ['-1', said, undefined], ['9'.repeat(20), said, undefined]]) {
    server.answers['/par'] = () => ({ status: 429, headers: { 'retry-after': after }, ...body })
    const told = (e) => failure('too_often')(e) && e.status === 429 && e.retryAfter === retryAfter && e.error === body.error && (!body.error || e.description === said.error_description)
    await assert.rejects(app.push({ subject: 'alice', detail }), told, after)
  }
  server.answers['/par'] = () => ({ status: 503, headers: { 'retry-after': '1' } })
  await assert.rejects(app.push({ subject: 'alice', detail }), (e) => failure('unavailable')(e) && e.retryAfter === 1)
})

test('a refresh proves nothing anew', async (t) => {
  const { server, app } = await connect(t)
  const old = {
    subject: 'alice', acr: ACR_MFA, amr: ['pwd', 'otp'], authTime: new Date(seconds(-60) * 1000).toISOString(), idToken: 'old', claims: { iss: server.url, nonce: 'n' },
    accessToken: 'old', refreshToken: 'secret-r1', expiresAt: new Date().toISOString(), scope: 'openid a',
  }
  const good = { iss: server.url, aud: clientId, sub: 'alice', iat: seconds(), exp: seconds(300), auth_time: seconds(-60), acr: ACR_MFA, nonce: 'n' }
  const refresh = (claims, rest = {}) => {
    server.answers['/token'] = async () => ({ access_token: 'secret-new', token_type: 'Bearer', id_token: claims && (await server.sign(claims)), ...rest })
    return app.refresh(old)
  }
  const fresh = await refresh(good, { refresh_token: 'r2', expires_in: 60, scope: 'openid' })
  assert.equal(server.asked.find(({ path }) => path === '/token').form.get('refresh_token'), 'secret-r1')
  assert.deepEqual([fresh.accessToken, fresh.refreshToken, fresh.scope, fresh.acr, fresh.authTime, fresh.amr], ['secret-new', 'r2', 'openid', ACR_MFA, old.authTime, old.amr])
  const { expiresAt, ...rest } = old
  assert.deepEqual(await refresh(undefined), { ...rest, accessToken: 'secret-new' }, 'what the server leaves out stays')
  assert.equal((await refresh({ ...good, acr: ACR_2SV, auth_time: undefined, nonce: undefined })).acr, ACR_2SV)
  const refused = {
    'about another user': ['other_subject', { sub: 'bob' }],
    'with another nonce': ['token', { nonce: 'x' }],
    'a later auth_time': ['token', { auth_time: seconds(-30) }],
    'a higher acr': ['token', { acr: 'phr' }],
    'an action': ['token', { acr: action('payout.request') }],
    'for another app': ['token', { aud: 'other' }],
  }
  for (const [name, [code, change]] of Object.entries(refused)) await assert.rejects(refresh({ ...good, ...change }), failure(code), name)
  server.answers['/token'] = () => ({ status: 400, error: 'invalid_grant' })
  await assert.rejects(app.refresh(old), failure('invalid_grant'))
  await assert.rejects(app.refresh({ ...old, refreshToken: undefined }), failure('invalid_grant'))

  server.metadata = { userinfo_endpoint: `${server.url}/userinfo` }
  const again = await StepUp.discover({ issuer: server.url, clientId, auth: { secret: 'secretx' }, redirectUri })
  server.answers['/userinfo'] = (_, { headers }) => ({ sub: headers.authorization === 'Bearer old' ? 'alice' : 'bob', email: 'a@b' })
  assert.equal((await again.userinfo(old)).email, 'a@b')
  await assert.rejects(again.userinfo({ ...old, accessToken: 'x' }), failure('other_subject'))
  server.answers['/userinfo'] = () => ({ status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
  await assert.rejects(again.userinfo(old), (e) => failure('refused')(e) && e.status === 401 && e.error === 'invalid_token')
  await assert.rejects(app.userinfo(old), TypeError)

  for (const requirement of [{}, { acr: ACR_2SV, maxAge: 70, scope: 'a' }]) assert.ok(app.meets(old, requirement), JSON.stringify(requirement))
  for (const requirement of [{ acr: 'phr' }, { acr: action('payout.request') }, { maxAge: 50 }, { scope: 'b' }]) assert.ok(!app.meets(old, requirement), JSON.stringify(requirement))
  assert.ok(!app.meets({ ...old, claims: { iss: 'https://other.example' } }, {}), 'its subject means somebody else')
  assert.throws(() => app.meets(old, { maxAge: 0 }), TypeError)
})
