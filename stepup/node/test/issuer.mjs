// A small server that says whatever a test wants it to say, over real HTTP and with real
// signatures.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'

export const clientId = 'app'
export const audience = 'https://api.example'
export const redirectUri = 'https://app.example/callback'

/** seconds is the time now and some seconds. */
export const seconds = (more = 0) => Math.floor(Date.now() / 1000) + more

/** issuer starts one; it ends with t. */
export async function issuer(t) {
  const keys = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  const self = { keys, jwk, jwks: { keys: [jwk] }, asked: [], answers: {}, metadata: {} }
  const server = createServer(async (req, res) => {
    let body = ''
    for await (const part of req) body += part
    const path = new URL(req.url, self.url).pathname
    self.asked.push({ path, headers: req.headers, form: new URLSearchParams(body), body })
    const answer = await (self.answers[path] ?? standard[path])?.(self, self.asked.at(-1))
    const { status = 200, headers = {}, ...said } = answer ?? { status: 404, error: 'not_found' }
    res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(said))
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close(() => {}) && server.closeAllConnections())
  self.url = `http://127.0.0.1:${server.address().port}`
  /** sign makes a token of the server's. */
  self.sign = (claims, header = {}, key = keys.privateKey) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'one', ...header }).sign(key, { crit: { x: true } })
  return self
}

const standard = {
  '/.well-known/openid-configuration': (self) => ({
    issuer: self.url,
    authorization_endpoint: `${self.url}/authorize?tenant=t`,
    token_endpoint: `${self.url}/token`,
    pushed_authorization_request_endpoint: `${self.url}/par`,
    jwks_uri: `${self.url}/jwks`,
    id_token_signing_alg_values_supported: ['ES256'],
    authorization_response_iss_parameter_supported: true,
    ...self.metadata,
  }),
  '/jwks': (self) => self.jwks,
  '/receipts/jwks': (self) => self.jwks,
  '/par': () => ({ status: 201, request_uri: 'urn:ietf:params:oauth:request_uri:x', expires_in: 90 }),
}

/** proof makes a proof of possession for a request. */
export async function proof(keys, { method = 'POST', url, token, claims = {}, header = {} }) {
  const jwk = await exportJWK(keys.publicKey)
  const ath = createHash('sha256').update(token).digest('base64url')
  return new SignJWT({ htm: method, htu: url, ath, jti: crypto.randomUUID(), iat: seconds(), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(keys.privateKey)
}

export const thumbprint = async (keys) => calculateJwkThumbprint(await exportJWK(keys.publicKey))
