// A relying app: login, userinfo, refresh, and the confirmation of a payout. Every
// answer is checked by oauth4webapi, with all its options for strictness on.
//
// Where the configuration names an algorithm for it, the tokens are bound to a key (RFC
// 9449), and every use of them needs a proof.
//
// It talks to the test in lines of JSON. It reads its configuration first; then it
// writes {"open": URL} and reads {"callback": URL}, for each visit of the user,
// and ends with {"done": {...}}.
import * as oauth from 'oauth4webapi'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const write = (message) => process.stdout.write(JSON.stringify(message) + '\n')

const config = await read()
const issuer = new URL(config.issuer)
// The tests run on this machine, without TLS.
const http = { [oauth.allowInsecureRequests]: true }
const client = { client_id: config.client_id, [oauth.clockSkew]: 0, [oauth.clockTolerance]: 2 }
const secret = oauth.ClientSecretBasic(config.client_secret)
const pair = config.dpop ? await oauth.generateKeyPair(config.dpop) : undefined
let DPoP // makes the proofs, by the clock of the client
let nonces = 0

// bound does what needs a proof, and once more when the server asks for its nonce.
async function bound(ask) {
  try {
    return await ask()
  } catch (e) {
    if (!oauth.isDPoPNonceError(e)) throw e
    nonces++
    return ask()
  }
}

const found = await oauth.discoveryRequest(issuer, { algorithm: 'oidc', ...http })
const as = await oauth.processDiscoveryResponse(issuer, found)
if (as.authorization_response_iss_parameter_supported !== true || !as.code_challenge_methods_supported.includes('S256')) {
  throw new Error('the metadata lacks iss in answers or S256')
}

// visit sends the user through one request and returns the tokens. The test says by
// how many seconds it has moved the server's clock.
async function visit(parameters, maxAge) {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const url = new URL(as.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: client.client_id, redirect_uri: config.redirect_uri, response_type: 'code', state, nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    ...(maxAge === undefined ? {} : { max_age: String(maxAge) }), ...parameters,
  })
  write({ open: url.href })
  const { callback, moved } = await read()
  if (client[oauth.clockSkew] !== moved || !DPoP) {
    client[oauth.clockSkew] = moved
    DPoP = pair && oauth.DPoP(client, pair)
  }
  const answer = oauth.validateAuthResponse(as, client, new URL(callback), state)
  return bound(async () => {
    const response = await oauth.authorizationCodeGrantRequest(as, client, secret, answer, config.redirect_uri, verifier, { DPoP, ...http })
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
      expectedNonce: nonce, requireIdToken: true, ...(maxAge === undefined ? {} : { maxAge }),
    })
    if (tokens.token_type !== (DPoP ? 'dpop' : 'bearer')) throw new Error(`the token is of type ${tokens.token_type}`)
    return checked(tokens, response)
  })
}

// checked verifies the signature of the ID token too: the library leaves that to
// TLS otherwise, and here is none.
async function checked(tokens, response) {
  await oauth.validateApplicationLevelSignature(as, response, http)
  return { tokens, claims: oauth.getValidatedIdTokenClaims(tokens) }
}

// access checks the access token as an API does that is called with it.
async function access(tokens) {
  const headers = { authorization: `Bearer ${tokens.access_token}` }
  if (DPoP) {
    // The library makes proofs only for requests of its own; this one goes nowhere.
    await oauth.protectedResourceRequest(tokens.access_token, 'GET', new URL(as.userinfo_endpoint), undefined, undefined, {
      DPoP, ...http, [oauth.customFetch]: async (_, sent) => Object.assign(headers, sent.headers) && new Response(),
    })
  }
  const request = new Request(as.userinfo_endpoint, { headers })
  const options = { requireDPoP: Boolean(DPoP), [oauth.clockSkew]: client[oauth.clockSkew], [oauth.clockTolerance]: 2, ...http }
  return oauth.validateJwtAccessToken(as, request, config.issuer, options)
}

const login = await visit({ scope: 'openid profile email offline_access' }, 300)
const loginAccess = await access(login.tokens)

const infoResponse = await bound(() => oauth.userInfoRequest(as, client, login.tokens.access_token, { DPoP, ...http }))
const asBearer = await fetch(as.userinfo_endpoint, { headers: { authorization: `Bearer ${login.tokens.access_token}` } })
const info = await oauth.processUserInfoResponse(as, client, login.claims.sub, infoResponse)

const refreshResponse = await oauth.refreshTokenGrantRequest(as, client, secret, login.tokens.refresh_token, { DPoP, ...http })
const renewed = await oauth.processRefreshTokenResponse(as, client, refreshResponse)
const refreshed = await checked(renewed, refreshResponse)

const payout = await visit({ scope: 'openid offline_access', acr_values: config.payout })
const payoutAccess = await access(payout.tokens)

// What is no refresh token is refused, with an error that the library can read.
const again = await oauth.refreshTokenGrantRequest(as, client, secret, 'rt1.unknown', { DPoP, ...http })
const refused = await oauth.processRefreshTokenResponse(as, client, again).catch((e) => e)

write({
  done: {
    login: login.claims, login_access: loginAccess, userinfo: info, refreshed: refreshed.claims,
    rotated: refreshed.tokens.refresh_token !== login.tokens.refresh_token,
    payout: payout.claims, payout_access: payoutAccess, payout_refresh: payout.tokens.refresh_token ?? '',
    nonces, as_bearer: asBearer.status,
    refused: { name: refused.constructor.name, error: refused.error, status: refused.status },
  },
})
process.exit(0)
