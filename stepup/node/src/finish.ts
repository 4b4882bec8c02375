import * as oauth from 'oauth4webapi'
import { satisfies } from './acr.js'
import type { Core } from './core.js'
import { answered, badToken, printable, StepUpError } from './errors.js'
import { iso, openIdToken, same, type IdToken } from './tokens.js'
import { foreign, own, type Transaction } from './transaction.js'

/**
 * What the server vouches for after a login or a confirmation. It is plain JSON, with
 * tokens in it: to be protected like a password.
 */
export interface Proof {
  /** Who, unique within the issuer. */
  subject: string
  /** The level or the action that was reached. */
  acr: string
  /** How, in the words of RFC 8176. */
  amr: string[]
  /** When the latest active proof was made that counts for `acr`. */
  authTime: string
  idToken: string
  /** All claims of the ID token. */
  claims: Record<string, unknown>
  accessToken: string
  refreshToken?: string
  /** When the access token expires, if the server said so. */
  expiresAt?: string
  /** What was granted, separated by spaces. */
  scope: string
}

/** A checked answer of the token endpoint. */
export interface Finished {
  proof: Proof
  idToken: IdToken
  tokens: oauth.TokenEndpointResponse
}

/** What the browser brought: the address that it came to, or the query of it. */
export type Callback = string | URL | URLSearchParams

/** What logins and confirmations have in common. */
export async function finish(core: Core, tx: Transaction, callback: Callback): Promise<Finished> {
  own(tx, core.issuer, core.clientId)
  const answer = read(core, tx, callback)
  const tokens = await core.ask('token', async () => {
    const { server, client, auth, config } = core
    const options = core.options('token')
    const response = await oauth.authorizationCodeGrantRequest(server.metadata, client, auth, answer, config.redirectUri, tx.codeVerifier, options)
    return oauth.processAuthorizationCodeResponse(server.metadata, client, response, { expectedNonce: tx.nonce, requireIdToken: true })
  })
  core.checkType(tokens.token_type)
  const idToken = await openIdToken(core.server, core.clientId, tokens.id_token as string, tokens.access_token)
  if (!same(idToken.claims.text('nonce'), tx.nonce)) throw badToken('the nonce is another one')
  met(core, tx, idToken)
  return { proof: proof(tx, idToken, tokens), idToken, tokens }
}

/**
 * The answer in callback, after it was shown to belong to tx: nothing in it is believed
 * before.
 *
 * Source: RFC 9207 section 2.4.
 */
function read(core: Core, tx: Transaction, callback: Callback): URLSearchParams {
  const base = core.config.redirectUri
  if (!(callback instanceof URLSearchParams) && !URL.canParse(String(callback), base)) throw foreign('it is not an address')
  const query = callback instanceof URLSearchParams ? callback : new URL(callback, base).searchParams
  let answer: URLSearchParams
  try {
    answer = oauth.validateAuthResponse(core.server.metadata, core.client, query, tx.state)
  } catch (error) {
    if (error instanceof oauth.AuthorizationResponseError) {
      throw answered('authorization', undefined, error.error, error.error_description)
    }
    if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError) throw foreign(error.message)
    throw error
  }
  if (query.getAll('code').length !== 1 || !query.get('code')) throw foreign('there is not one code')
  return answer
}

/**
 * Whether token proves what tx asked for: the user that it is pinned to; of an action that
 * very action; of levels one of them or a stronger one. max_age is met by a proof that is
 * young enough now, or that was made after the transaction began: the user may have taken
 * time on a later page.
 *
 * Source: OpenID Connect Core section 3.1.3.7; RFC 9470 section 5.
 */
function met(core: Core, tx: Transaction, token: IdToken): void {
  if (tx.subject !== undefined && token.subject !== tx.subject) {
    throw new StepUpError('other_subject', 'the answer is about another user')
  }
  if (tx.acr.length > 0 && !tx.acr.some((want) => satisfies(token.acr, want))) {
    throw new StepUpError('unmet', `the server answered acr ${printable(token.acr, 100) || 'none'}`)
  }
  if (token.authTime === undefined) throw badToken('auth_time is missing')
  if (tx.maxAge === undefined) return
  const oldest = Math.min(Date.now() / 1000 - tx.maxAge, Date.parse(tx.startedAt) / 1000)
  if (token.authTime < Math.floor(oldest) - core.server.clockTolerance) {
    throw new StepUpError('unmet', 'the proof is older than max_age')
  }
}

function proof(tx: Transaction, token: IdToken, tokens: oauth.TokenEndpointResponse): Proof {
  const { refresh_token: refreshToken } = tokens
  return {
    subject: token.subject,
    acr: token.acr,
    amr: token.amr,
    authTime: iso(token.authTime as number),
    idToken: tokens.id_token as string,
    claims: token.claims.all,
    accessToken: tokens.access_token,
    ...(refreshToken ? { refreshToken } : {}),
    ...lifetime(tokens),
    scope: tokens.scope ?? tx.scope,
  }
}

/** When the access token expires, if the server said so. */
export function lifetime({ expires_in: seconds }: oauth.TokenEndpointResponse): { expiresAt?: string } {
  return seconds && seconds < 2 ** 31 ? { expiresAt: iso(Math.floor(Date.now() / 1000 + seconds)) } : {}
}
