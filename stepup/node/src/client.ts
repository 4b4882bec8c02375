import * as oauth from 'oauth4webapi'
import { covers, demandOf, meets, type Requirement } from './access.js'
import { acrs, action, actionOf, isActionName, words } from './acr.js'
import { detailsHash } from './canonical.js'
import { parseChallenge, type Challenge } from './challenge.js'
import { confirmed, type Confirmation } from './confirmation.js'
import { consume, consumeFor, type Consumption, type ConsumeOptions } from './consume.js'
import { Core, type StepUpConfig } from './core.js'
import { prepare, type Detail, type PlainAction } from './details.js'
import { mistake, StepUpError } from './errors.js'
import { secureUrl } from './fetch.js'
import { finish, type Callback, type Proof } from './finish.js'
import { openReceipt, type ExpectedReceipt, type Receipt } from './receipt.js'
import { refresh, userinfo } from './refresh.js'
import { address, begin, parameters, type StartOptions } from './request.js'
import { standing, type Standing } from './standing.js'
import { actionAsked, foreign, type Transaction } from './transaction.js'

/** Where to send the browser, and what to keep on the server's side until it is back. */
export interface Started {
  url: string
  transaction: Transaction
}

/** What is pushed: a detail stands for its own action, and needs the user it is for. */
export interface PushOptions extends StartOptions {
  subject: string
  detail: Detail
  /**
   * For an app that keeps its own login and is registered to vouch for its users: when it
   * logged the subject in itself, in whole seconds since 1970. The user then confirms without
   * a login at the server. The app has to sign (`privateKey`).
   */
  loggedInAt?: number | undefined
}

/** What an API that demands more cannot know. */
export interface AnswerOptions extends StartOptions {
  /** The transaction, where the demand is the action of one; it is pushed. */
  detail?: Detail | undefined
}

/** A request to an API. Its body may be sent twice, so it is no stream. */
export interface ApiRequest {
  method?: string
  headers?: Headers | Record<string, string>
  body?: string | Uint8Array | URLSearchParams
  signal?: AbortSignal
}

/**
 * An app that sends its users to one Sallyport tenant. It keeps nothing about any user;
 * one instance serves all.
 */
export class StepUp {
  readonly #core: Core

  private constructor(core: Core) {
    this.#core = core
  }

  /**
   * Reads the tenant's discovery document.
   *
   * @throws {StepUpError} `unavailable`; a `TypeError` is a mistake in config, such as an issuer
   * that has no document, or a document that does not belong to its issuer
   */
  static async discover(config: StepUpConfig): Promise<StepUp> {
    return new StepUp(await Core.connect(config))
  }

  /** The names of the actions that the server can be asked to have confirmed. */
  get actions(): string[] {
    const values = this.#core.server.metadata['acr_values_supported']
    const names = Array.isArray(values) ? values.map((acr) => actionOf(String(acr))) : []
    return names.filter(isActionName)
  }

  /** The types of transactions that it can be asked to have confirmed. */
  get detailTypes(): string[] {
    const types = this.#core.server.metadata['authorization_details_types_supported']
    return Array.isArray(types) ? types.map(String) : []
  }

  /**
   * Asks for a login, a level, or the confirmation of an action by its name alone. Nothing is
   * sent yet.
   *
   * @throws {TypeError} for a mistake in options
   */
  async start(options: StartOptions = {}): Promise<Started> {
    if ('detail' in options && options.detail !== undefined) throw mistake('a detail must not pass through the browser; use push')
    if ('loggedInAt' in options && options.loggedInAt !== undefined) throw mistake('what an app vouches for must not pass through the browser; use push')
    const transaction = begin(this.#core, options)
    return { url: address(this.#core, await parameters(this.#core, options, transaction)), transaction }
  }

  /**
   * Has one transaction confirmed. The request goes past the browser, whose address holds
   * nothing but its name; it is good for little more than a minute, until its first visit. A
   * push of the same detail leads to the same page while nothing is decided, so it may be
   * repeated after `unavailable`.
   *
   * @throws {StepUpError} `bad_detail`, `too_often`, `unavailable`, `refused`
   *
   * Source: RFC 9126 sections 2 and 4; RFC 9396 section 3.
   */
  async push(options: PushOptions): Promise<Started> {
    const core = this.#core
    const detail = prepare(options.detail)
    if (acrs(options.acr).some((acr) => acr !== detail.acr)) throw mistake('acr: a detail stands for its own action; leave it out')
    if (options.prompt?.trim() === 'none') throw mistake('prompt: nobody confirms without a page')
    if (core.server.metadata.pushed_authorization_request_endpoint === undefined) throw mistake('the server has no endpoint to push to')
    const transaction = begin(core, { ...options, acr: detail.acr })
    transaction.txnId = detail.txnId
    transaction.detailsHash = this.detailsHash(options.subject, options.detail)
    const sent = await parameters(core, options, transaction)
    sent.set('authorization_details', `[${detail.canonical}]`)
    if (options.loggedInAt !== undefined) sent.set('vouched_subject', word(core, options.subject, options.loggedInAt))
    const answer = await core.ask('par', async () => {
      const response = await oauth.pushedAuthorizationRequest(core.server.metadata, core.client, core.auth, sent, core.options('par'))
      return oauth.processPushedAuthorizationResponse(core.server.metadata, core.client, response)
    })
    return { url: address(core, new URLSearchParams({ client_id: core.clientId, request_uri: answer.request_uri })), transaction }
  }

  /**
   * Checks what the browser brought back for transaction, redeems the code, and returns what
   * the server vouches for. Take the transaction out of the session first.
   *
   * @throws {StepUpError} `response`, `denied`, `unmet`, `interaction_required`,
   * `invalid_grant`, `token`, `other_subject`, `mismatch`, `unavailable`, `refused`
   *
   * Source: OpenID Connect Core sections 3.1.2.5 to 3.1.3.8; RFC 9207 section 2.4.
   */
  async finish(transaction: Transaction, callback: Callback): Promise<Proof> {
    const finished = await finish(this.#core, transaction, callback)
    if (transaction.detailsHash !== undefined) confirmed(this.#core, transaction, finished)
    return finished.proof
  }

  /**
   * Like finish, for a transaction: it checks besides that what was approved is what was
   * pushed, for the user that it is pinned to, just now. An action that was asked for by its
   * name alone is taken too.
   */
  async finishConfirmation(transaction: Transaction, callback: Callback): Promise<Confirmation> {
    if (!Array.isArray(transaction?.acr) || actionAsked(transaction) === undefined) throw foreign('it does not ask for a confirmation')
    return confirmed(this.#core, transaction, await finish(this.#core, transaction, callback))
  }

  /**
   * Renews the tokens of old. Keep what it returns instead of old: the server may have replaced
   * the refresh token, and takes the use of a replaced one for theft. A refresh proves nothing
   * anew, so an answer that names another user, a later auth_time or a higher acr is refused.
   *
   * @throws {StepUpError} `invalid_grant` if the user has to log in again; `other_subject`,
   * `token`, `unavailable`, `refused`
   */
  refresh(old: Proof): Promise<Proof> {
    return refresh(this.#core, old)
  }

  /**
   * The claims of the user that the access token of proof gives access to.
   *
   * @throws {StepUpError} `other_subject`, `unavailable`; `refused` with status 401 when the
   * token is no longer good
   */
  userinfo(proof: Proof): Promise<Record<string, unknown>> {
    return userinfo(this.#core, proof)
  }

  /**
   * Whether proof, which the app's session holds, is of this tenant and meets requirement now. It
   * is not spent by that: an app that carries out a confirmed action takes the proof out of its
   * session in the same step. Tokens may be expired: `maxAge` says how old a proof may be.
   *
   * @throws {TypeError} for a requirement that could never be met
   */
  meets(proof: Proof, requirement: Requirement): boolean {
    const demand = demandOf(requirement)
    const ours = proof.subject !== '' && proof.claims['iss'] === this.#core.issuer
    return ours && covers(proof.scope, demand) && meets(proof, demand, this.#core.server.clockTolerance)
  }

  /** The hash of detail for this app and a user of it. */
  detailsHash(subject: string, detail: Detail | PlainAction): string {
    return detailsHash({ issuer: this.#core.issuer, clientId: this.#core.clientId, subject, detail })
  }

  /**
   * Uses the approval up for detail, which is what the app is about to execute: read from
   * where it keeps it, and not what it was sent or what it pushed. If it is anything else than
   * what was approved, it is refused before anything is used up.
   *
   * Execute only what it returns for. After `unavailable` nobody knows whether the approval
   * was used: call again with the same confirmation, now or after a restart; it yields the
   * same receipt. Two workers of one app have to keep each other out themselves.
   *
   * @throws {StepUpError} `mismatch`, `consumed`, `revoked`, `expired`, `not_approved`,
   * `not_found`, `unavailable` after four tries, `token`, `refused`
   */
  consumeFor(confirmation: Confirmation, detail: Detail | PlainAction, options: ConsumeOptions = {}): Promise<Receipt> {
    return consumeFor(this.#core, confirmation, detail, options)
  }

  /** Like consumeFor, for an app that has kept no more than the id: with its own hash and key. */
  consume(what: Consumption): Promise<Receipt> {
    return consume(this.#core, what)
  }

  /**
   * Checks a receipt of this app, also years later, and that it says what is expected.
   *
   * @throws {StepUpError} `token`, `mismatch`, `unavailable`
   */
  verifyReceipt(jws: string, expected?: ExpectedReceipt): Promise<Receipt> {
    return openReceipt(this.#core.server, this.#core.clientId, jws, expected)
  }

  /**
   * Where a confirmation stands, for an app that lost an answer; it uses nothing up. An app
   * that does not prove itself by a secret in the header, such as one that signs, needs the
   * grant client_credentials in its registration; without it the error is
   * `unauthorized_client`.
   *
   * @throws {StepUpError} `not_found`, `unavailable`, `refused`
   */
  status(id: string): Promise<Standing> {
    return standing(this.#core, `/${encodeURIComponent(id)}`, (s) => s.id === id)
  }

  /** The same by the app's own id of the transaction, for one that has lost everything else. */
  statusByTxn(action: string, txnId: string): Promise<Standing> {
    const query = new URLSearchParams({ action, txn_id: txnId }).toString()
    return standing(this.#core, `?${query}`, (s) => s.action === action && s.txnId === txnId)
  }

  /**
   * Sends a request to an API with an access token, of a proof or a confirmation, and a proof
   * of possession if this client has `dpop`. It returns every answer but one: where the API
   * demands that the user proves more first, it throws `unmet` with the `challenge`, for
   * {@link StepUp.answer}. It follows no redirect.
   *
   * @throws {StepUpError} `unmet`, `unavailable`
   *
   * Source: RFC 9470 section 4; RFC 9449 section 7; RFC 6750 section 2.1.
   */
  async fetch(accessToken: string, address: string, request: ApiRequest = {}): Promise<Response> {
    const { dpop, config } = this.#core
    const carrier = config.fetch ?? fetch
    const url = secureUrl(address, 'fetch')
    const send = (): Promise<Response> =>
      oauth.protectedResourceRequest(accessToken, request.method ?? 'GET', url, new Headers(request.headers), request.body, {
        [oauth.allowInsecureRequests]: true, // secureUrl has judged it
        ...(dpop ? { DPoP: dpop } : {}),
        ...(request.signal ? { signal: request.signal } : {}),
        [oauth.customFetch]: (target: string, init: object) => carrier(target, init).catch(unreached),
      })
    try {
      return await send().catch((error: unknown) => {
        if (dpop && oauth.isDPoPNonceError(error)) return send()
        throw error
      })
    } catch (error) {
      if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error
      const challenge = error.status === 401 ? parseChallenge(error.response) : undefined
      if (challenge === undefined) return error.response
      throw new StepUpError('unmet', 'the API demands another authentication of the user', { challenge, status: 401 })
    }
  }

  /**
   * Begins what an API demands. `subject`, `resources` (the API, so that the new token is for
   * it) and `resume` (what the app goes on with) are the app's to say, and the `detail` where
   * the demand is the action of one, which is pushed.
   *
   * @throws {TypeError} if the detail is of another action than the API demands
   *
   * Source: RFC 9470 section 4.
   */
  async answer(challenge: Challenge, options: AnswerOptions = {}): Promise<Started> {
    const { detail, ...rest } = options
    const demanded: StartOptions = {
      ...rest,
      maxAge: challenge.maxAge ?? options.maxAge,
      scopes: [...(options.scopes ?? []), ...words(challenge.scope)],
    }
    if (detail === undefined) return this.start({ ...demanded, acr: challenge.acr })
    if (!challenge.acr.includes(action(detail.type))) throw mistake("the API demands something else than the detail's action")
    return this.push({ ...demanded, acr: undefined, subject: options.subject ?? '', detail })
  }
}

function unreached(cause: unknown): never {
  throw new StepUpError('unavailable', 'the API was not reached', { cause })
}

/** The app's word that it has logged subject in itself. */
function word(core: Core, subject: string, at: number): string {
  if (core.config.auth === 'none' || !('privateKey' in core.config.auth)) throw mistake('loggedInAt: only an app that signs may vouch for a user')
  if (!Number.isSafeInteger(at) || at <= 0) throw mistake('loggedInAt: has to be whole seconds since 1970')
  return JSON.stringify({ sub: subject, auth_time: at })
}
