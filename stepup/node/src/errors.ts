/**
 * What went wrong, in the terms of what the caller can do about it.
 *
 * - `denied`: the user, or a policy, said no
 * - `unmet`: the demanded acr or max_age was not reached, or this user cannot reach it;
 *   with `challenge`, an API demands it
 * - `interaction_required`: `prompt: 'none'` was asked, and the user has to see a page; or, with
 *   the `error` `login_required`, another user signed in than the `subject` of the request
 * - `other_subject`: the answer is about another user than the one that was pinned
 * - `response`: what the browser brought does not belong to the transaction
 * - `token`: a token, a proof or a receipt is not valid. Do not execute
 * - `invalid_grant`: a code is used up, expired or revoked
 * - `bad_detail`: the detail cannot be sent, or the server does not take it; `message` says
 *   what to change
 * - `too_often`: the app has asked this user for too many confirmations, or the server for too
 *   much. Nothing was begun; `retryAfter` says when the same call may pass
 * - `not_found`: this app has no such confirmation
 * - `not_approved`: the user has not approved: not yet, or no more
 * - `consumed`: another request has used the approval. Do not execute
 * - `revoked`: the session or the grant behind the approval has ended
 * - `expired`: the time to use the approval is over
 * - `mismatch`: something else was approved than what is about to be executed
 * - `unavailable`: the server was not reached, or did not answer as it should; the same
 *   call may pass later
 * - `bound`: the access token is bound to a key that this API does not hold, so it cannot
 *   use it at the server
 * - `refused`: any other error of the server's, such as `invalid_client`
 */
export type StepUpErrorCode =
  | 'denied'
  | 'unmet'
  | 'interaction_required'
  | 'other_subject'
  | 'response'
  | 'token'
  | 'invalid_grant'
  | 'bad_detail'
  | 'too_often'
  | 'not_found'
  | 'not_approved'
  | 'consumed'
  | 'revoked'
  | 'expired'
  | 'mismatch'
  | 'unavailable'
  | 'bound'
  | 'refused'

/** Where an error of the server came from. */
export type Endpoint = 'authorization' | 'discovery' | 'keys' | 'par' | 'token' | 'confirmation' | 'userinfo'

/** What a {@link StepUpError} knows besides its code. */
export interface StepUpErrorDetails {
  /** The endpoint that answered, if one did. */
  endpoint?: Endpoint | undefined
  /** The HTTP status of the answer. */
  status?: number | undefined
  /** The error code of the protocol, such as `invalid_client`. */
  error?: string | undefined
  /**
   * For developers: it tells the reasons for one error code apart, in words that may change. It
   * comes from outside, so a page has to escape it.
   */
  description?: string | undefined
  /** In how many seconds the same call may pass, where the server said so (RFC 9110 section 10.2.3). */
  retryAfter?: number | undefined
  /** What the API demands, where that is the reason. */
  challenge?: import('./challenge.js').Challenge | undefined
  cause?: unknown
}

/**
 * Every failure that is not a mistake in the arguments; those are a `TypeError`. It
 * never holds a token or a secret, so it may be logged.
 */
export class StepUpError extends Error {
  override readonly name = 'StepUpError'
  readonly code: StepUpErrorCode
  readonly endpoint?: Endpoint
  readonly status?: number
  readonly error?: string
  readonly description?: string
  readonly retryAfter?: number
  readonly challenge?: import('./challenge.js').Challenge

  constructor(code: StepUpErrorCode, reason: string, details: StepUpErrorDetails = {}) {
    super(`stepup: ${code}: ${reason}`, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    if (details.endpoint !== undefined) this.endpoint = details.endpoint
    if (details.status !== undefined) this.status = details.status
    if (details.error !== undefined) this.error = details.error
    if (details.description !== undefined) this.description = details.description
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter
    if (details.challenge !== undefined) this.challenge = details.challenge
  }
}

/**
 * The codes of the protocol, and what a caller can do about them.
 *
 * Source: RFC 6749 sections 4.1.2.1 and 5.2; RFC 9396 section 5; OpenID Connect Core
 * section 3.1.2.6; OpenID Connect Core Error Code unmet_authentication_requirements.
 */
const kinds: ReadonlyMap<string, StepUpErrorCode> = new Map([
  ['access_denied', 'denied'],
  ['unmet_authentication_requirements', 'unmet'],
  ['login_required', 'interaction_required'],
  ['interaction_required', 'interaction_required'],
  ['consent_required', 'interaction_required'],
  ['account_selection_required', 'interaction_required'],
  ['invalid_grant', 'invalid_grant'],
  ['server_error', 'unavailable'],
  ['temporarily_unavailable', 'unavailable'],
  ['invalid_authorization_details', 'bad_detail'],
  ['not_found', 'not_found'],
  ['not_approved', 'not_approved'],
  ['already_consumed', 'consumed'],
  ['revoked', 'revoked'],
  ['expired', 'expired'],
  ['mismatch', 'mismatch'],
])

/**
 * The error that stands for what an endpoint, or the browser, said. A push that comes too often
 * is no passing thing, and nobody has denied it: it is a code of its own.
 */
export function answered(endpoint: Endpoint, from: { status: number; headers: Headers } | undefined, error: unknown, description: unknown): StepUpError {
  const name = printable(error, 100)
  const said = printable(description, 200)
  const status = from?.status
  const busy = status !== undefined && (status >= 500 || status === 429)
  const often = endpoint === 'par' && status === 429
  const code = often ? 'too_often' : busy ? 'unavailable' : (kinds.get(name) ?? 'refused')
  const words = [status, name || 'an unknown error'].filter((word) => word !== undefined).join(' ')
  return new StepUpError(code, `the ${endpoint} endpoint answered ${words}${said && `: ${said}`}`, {
    endpoint,
    status,
    error: name || undefined,
    description: said || undefined,
    retryAfter: retryAfter(from?.headers.get('retry-after')),
  })
}

const longestWait = 24 * 60 * 60 // seconds that are believed

/** Source: RFC 9110 section 10.2.3; a date is not read. */
function retryAfter(sent: string | null | undefined): number | undefined {
  return sent && /^\d{1,9}$/.test(sent) ? Math.min(Number(sent), longestWait) : undefined
}

/** Says why a token was refused. The reason never quotes the token. */
export function badToken(reason: string): StepUpError {
  return new StepUpError('token', reason)
}

/** A mistake in the arguments of a call. */
export function mistake(reason: string): TypeError {
  return new TypeError(`stepup: ${reason}`)
}

/**
 * Cuts text from outside to at most limit characters of printable ASCII, so that it can
 * neither forge log lines nor fill them.
 */
export function printable(text: unknown, limit: number): string {
  return typeof text === 'string' ? text.replace(/[^ -~]/g, '').slice(0, limit) : ''
}
