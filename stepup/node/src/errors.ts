/**
 * What went wrong, in the terms of what the caller can do about it.
 *
 * - `denied`: the user, or a policy, said no
 * - `unmet`: the demanded acr or max_age was not reached, or this user cannot reach it;
 *   with `challenge`, an API demands it
 * - `interaction_required`: `prompt: 'none'` was asked, and the user has to see a page
 * - `other_subject`: the answer is about another user than the one that was pinned
 * - `response`: what the browser brought does not belong to the transaction
 * - `token`: a token, a proof or a receipt is not valid. Do not execute
 * - `invalid_grant`: a code is used up, expired or revoked
 * - `bad_detail`: the detail cannot be sent, or the server does not take it;
 *   `description` says what to change
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
  /** For developers. It comes from outside, so a page has to escape it. */
  description?: string | undefined
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
  readonly challenge?: import('./challenge.js').Challenge

  constructor(code: StepUpErrorCode, reason: string, details: StepUpErrorDetails = {}) {
    super(`stepup: ${code}: ${reason}`, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    if (details.endpoint !== undefined) this.endpoint = details.endpoint
    if (details.status !== undefined) this.status = details.status
    if (details.error !== undefined) this.error = details.error
    if (details.description !== undefined) this.description = details.description
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

/** The error that stands for what an endpoint, or the browser, said. */
export function answered(endpoint: Endpoint, status: number | undefined, error: unknown, description: unknown): StepUpError {
  const name = printable(error, 100)
  const said = printable(description, 200)
  const busy = status !== undefined && (status >= 500 || status === 429)
  const code = busy ? 'unavailable' : (kinds.get(name) ?? 'refused')
  const words = [status, name || 'an unknown error'].filter((word) => word !== undefined).join(' ')
  return new StepUpError(code, `the ${endpoint} endpoint answered ${words}${said && `: ${said}`}`, {
    endpoint,
    status,
    error: name || undefined,
    description: said || undefined,
  })
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
