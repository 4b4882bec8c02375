import * as oauth from 'oauth4webapi'
import { ACR_TRUSTED_DEVICE, acrs, actionOf, isActionName, validAcr, words } from './acr.js'
import { canonical, type Json } from './canonical.js'
import type { Core } from './core.js'
import { mistake } from './errors.js'
import type { Transaction } from './transaction.js'

/** What is asked of the server. Nothing at all asks for a login at the tenant's own level. */
export interface StartOptions {
  /** The levels that will do, the preferred one first; or one action, as `action` writes it, alone. */
  acr?: string | readonly string[] | undefined
  /** How old the user's last active proof may be, in whole seconds; 0 asks for a new one. */
  maxAge?: number | undefined
  /** Of `none`, `login`, `consent` and `select_account` one or more; `none` stands alone. */
  prompt?: string | undefined
  /** Asked for besides `openid`, which always is. */
  scopes?: readonly string[] | undefined
  /**
   * Pins the request to one user: the `subject` of the proof that the app's session began
   * with. An action needs it: otherwise a payout of one user could be confirmed by another.
   */
  subject?: string | undefined
  /** The ID token of the app's session, if it kept it. */
  idTokenHint?: string | undefined
  /** What the user would type as name. */
  loginHint?: string | undefined
  /** BCP 47 tags, the preferred one first. */
  uiLocales?: readonly string[] | undefined
  /** The APIs that the access token is for, as they are registered (RFC 8707). */
  resources?: readonly string[] | undefined
  /** What the app goes on with afterwards. It is found in the transaction and never sent. */
  resume?: Json | undefined
}

const prompts = ['none', 'login', 'consent', 'select_account']

/**
 * Refuses a request that could not be answered, or whose answer would not say which of
 * several things was proven.
 */
function check(options: StartOptions, acr: string[]): void {
  const actions = acr.map(actionOf).filter((name) => name !== undefined)
  if (!acr.every(validAcr)) throw mistake('acr: a value is not one')
  if (acr.includes(ACR_TRUSTED_DEVICE)) throw mistake('acr: a trusted device cannot be asked for')
  if (!actions.every(isActionName)) throw mistake('acr: an action is not one')
  if (actions.length > 0 && acr.length > 1) throw mistake('acr: an action must be asked for alone')
  if (actions.length > 0 && !options.subject) throw mistake('subject: an action needs the one that the session belongs to')
  const age = options.maxAge
  if (age !== undefined && !(Number.isSafeInteger(age) && age >= 0 && age < 2 ** 31)) throw mistake('maxAge: has to be whole seconds')
  const asked = words(options.prompt)
  if (!asked.every((prompt) => prompts.includes(prompt))) throw mistake('prompt: is not known')
  if (asked.includes('none') && asked.length > 1) throw mistake('prompt: none stands alone')
  if (options.resume !== undefined) canonical(options.resume)
}

/** The transaction that options ask for. */
export function begin(core: Core, options: StartOptions): Transaction {
  const acr = acrs(options.acr)
  check(options, acr)
  return {
    version: 1,
    issuer: core.issuer,
    clientId: core.clientId,
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    codeVerifier: oauth.generateRandomCodeVerifier(),
    acr,
    scope: [...new Set(['openid', ...(options.scopes ?? [])])].join(' '),
    startedAt: new Date().toISOString(),
    ...(options.maxAge === undefined ? {} : { maxAge: options.maxAge }),
    ...(options.subject ? { subject: options.subject } : {}),
    ...(options.resume === undefined ? {} : { resume: options.resume }),
  }
}

/**
 * The authorization request for tx; empty values are not sent.
 *
 * Source: OpenID Connect Core sections 3.1.2.1 and 5.5; RFC 7636 section 4; RFC 9470
 * section 4; RFC 8707 section 2.
 */
export async function parameters(core: Core, options: StartOptions, tx: Transaction): Promise<URLSearchParams> {
  const sent = new URLSearchParams()
  const claims = tx.subject && JSON.stringify({ id_token: { sub: { value: tx.subject } } })
  for (const [name, value] of Object.entries({
    response_type: 'code',
    client_id: core.clientId,
    redirect_uri: core.config.redirectUri,
    scope: tx.scope,
    state: tx.state,
    nonce: tx.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(tx.codeVerifier),
    code_challenge_method: 'S256',
    dpop_jkt: await core.dpop?.calculateThumbprint(),
    acr_values: tx.acr.join(' '),
    max_age: tx.maxAge?.toString(),
    prompt: words(options.prompt).join(' '),
    login_hint: options.loginHint,
    id_token_hint: options.idTokenHint,
    ui_locales: options.uiLocales?.join(' '),
    claims,
  })) {
    if (value) sent.set(name, value)
  }
  for (const resource of options.resources ?? []) sent.append('resource', resource)
  return sent
}

/** The address of the authorization endpoint; what it has in its own query stays. */
export function address(core: Core, sent: URLSearchParams): string {
  const url = new URL(core.server.metadata.authorization_endpoint as string)
  for (const name of new Set(sent.keys())) url.searchParams.delete(name)
  for (const [name, value] of sent) url.searchParams.append(name, value)
  return url.href
}
