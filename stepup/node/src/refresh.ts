import * as oauth from 'oauth4webapi'
import { satisfies } from './acr.js'
import type { Core } from './core.js'
import { answered, badToken, mistake, StepUpError } from './errors.js'
import { problem } from './fetch.js'
import { lifetime, type Proof } from './finish.js'
import { iso, openIdToken, type IdToken } from './tokens.js'

/** Renews the tokens of old; see StepUp.refresh. */
export async function refresh(core: Core, old: Proof): Promise<Proof> {
  const { server, client, auth } = core
  const { refreshToken } = old
  if (!refreshToken) throw new StepUpError('invalid_grant', 'there is no refresh token')
  const tokens = await core.ask('token', async () => {
    const response = await oauth.refreshTokenGrantRequest(server.metadata, client, auth, refreshToken, core.options('token'))
    return oauth.processRefreshTokenResponse(server.metadata, client, response)
  })
  core.checkType(tokens.token_type)
  const { expiresAt: _, ...kept } = old
  return {
    ...kept,
    ...(tokens.id_token ? renewed(old, tokens.id_token, await openIdToken(server, core.clientId, tokens.id_token, tokens.access_token)) : {}),
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token ?? refreshToken,
    ...lifetime(tokens),
    scope: tokens.scope ?? old.scope,
  }
}

/**
 * What a new ID token says, which goes on from old and claims no more than it: a refresh
 * proves nothing anew.
 *
 * Source: OpenID Connect Core section 12.2.
 */
function renewed(old: Proof, raw: string, token: IdToken): Partial<Proof> {
  const nonce = token.claims.all['nonce']
  if (token.subject !== old.subject) throw new StepUpError('other_subject', 'the answer is about another user')
  if (nonce !== undefined && nonce !== old.claims['nonce']) throw badToken('the nonce is another one')
  if (token.authTime !== undefined && token.authTime * 1000 > Date.parse(old.authTime)) throw badToken('a refresh must not move auth_time')
  if (token.acr !== '' && token.acr !== old.acr && !satisfies(old.acr, token.acr)) throw badToken('a refresh must not raise acr')
  return {
    acr: token.acr,
    ...(token.amr.length > 0 ? { amr: token.amr } : {}),
    ...(token.authTime === undefined ? {} : { authTime: iso(token.authTime) }),
    idToken: raw,
    claims: token.claims.all,
  }
}

/** Reads the claims of the user; see StepUp.userinfo. */
export async function userinfo(core: Core, proof: Proof): Promise<Record<string, unknown>> {
  const url = core.server.metadata.userinfo_endpoint
  if (url === undefined) throw mistake('the server has no userinfo endpoint')
  const headers = new Headers({ accept: 'application/json' })
  const response = await core.ask('userinfo', () => core.withToken('userinfo', proof.accessToken, 'GET', url, headers))
  const body = new Uint8Array(await response.arrayBuffer())
  if (response.status !== 200) {
    const { error, description } = problem(body)
    throw answered('userinfo', response, error, description)
  }
  let claims: Record<string, unknown>
  try {
    claims = Object(JSON.parse(new TextDecoder().decode(body))) as Record<string, unknown>
  } catch {
    throw new StepUpError('unavailable', 'the answer cannot be read', { endpoint: 'userinfo' })
  }
  // Source: OpenID Connect Core section 5.3.4.
  if (!proof.subject || claims['sub'] !== proof.subject) throw new StepUpError('other_subject', 'the answer is about another user')
  return claims
}
