import type { IncomingHttpHeaders } from 'node:http'
import { challengeOf, covers, meets, openAccessToken, type AccessToken, type Demand } from './access.js'
import { detailsHash } from './canonical.js'
import { demandParameters, formatChallenge } from './challenge.js'
import { consumeWith } from './consume.js'
import type { Detail, PlainAction } from './details.js'
import { badToken, mistake, StepUpError } from './errors.js'
import { secureUrl } from './fetch.js'
import { proofAlgs, Proofs } from './proof.js'
import { openReceipt, type Receipt } from './receipt.js'
import { MemoryReplays, type ReplayMemory } from './replays.js'
import { Server, type ServerConfig } from './server.js'

/** What an API has to know to check access tokens. */
export interface VerifierConfig extends ServerConfig {
  /** The name of this API, to the letter, as the server writes it into tokens for it. */
  audience: string
  /**
   * Where callers reach this API, such as `https://api.example.com`, with the part of the path
   * that a proxy takes away, if one does. It is what the address in a proof of possession is
   * compared with, followed by the path of the request. The request is not asked: its Host and
   * X-Forwarded headers say what the sender chose. Without it, tokens that are bound to a key
   * are refused.
   */
  publicUrl?: string | undefined
  /** Refuses tokens that are not bound to a key. It needs `publicUrl`. */
  requireDpop?: boolean | undefined
  /** Remembers the proofs that were used; a memory of this process by default. */
  replays?: ReplayMemory | undefined
  /**
   * Makes nonces that a proof has to hold: 32 random bytes or more, the same in all processes.
   * Without it none is asked for; then a proof may have been made in advance.
   */
  nonceKey?: string | undefined
}

/** What is looked at of a request. */
export interface AccessRequest {
  method: string
  /** Its path, or its whole address. */
  url: string
  headers: Headers | IncomingHttpHeaders
}

/**
 * Whether a request may pass, and what its answer has to say in any case: `headers` are
 * names and values, of which a name may be there twice.
 */
export type Verdict =
  | { ok: true; token: AccessToken; headers: [string, string][] }
  | { ok: false; status: 401 | 403 | 503; headers: [string, string][]; reason?: StepUpError }

/**
 * The tokens that were verified, by what was returned for them: as they came, and for which
 * API. They are kept aside so that an AccessToken can be logged.
 */
const verified = new WeakMap<AccessToken, { raw: string; issuer: string; audience: string }>()

/** Checks the access tokens of one tenant for one API; see Verifier. */
export class AccessChecker {
  readonly proofs: Proofs
  readonly #config: VerifierConfig
  #server: Promise<Server> | undefined

  constructor(config: VerifierConfig) {
    check(config)
    this.#config = { ...config, publicUrl: config.publicUrl?.replace(/\/$/, '') }
    this.proofs = new Proofs(config.replays ?? new MemoryReplays(), config.nonceKey, config.audience)
  }

  /** Reads the discovery document, once; again after it could not be read. */
  connect(): Promise<Server> {
    this.#server ??= Server.discover(this.#config).catch((error: unknown) => {
      this.#server = undefined
      throw error
    })
    return this.#server
  }

  /**
   * Judges a request. A proof is used up before the demand is looked at.
   *
   * @throws {TypeError} if the server is not the one that is configured
   */
  async judge(request: AccessRequest, demand: Demand): Promise<Verdict> {
    const [scheme, raw] = credentials(request)
    if (scheme === undefined) return { ok: false, status: 401, headers: refusal(this.bare()) }
    const bound = scheme.toLowerCase() === 'dpop'
    try {
      const server = await this.connect()
      const token = await openAccessToken(server, this.#config.audience, raw)
      const fresh = await this.possessed(request, token, raw, bound, server)
      const { issuer, audience } = this.#config
      verified.set(token, { raw, issuer, audience })
      return withNonce(compare(token, demand, server.clockTolerance), fresh)
    } catch (error) {
      return this.refuse(error, bound)
    }
  }

  /**
   * Whether who sent the request holds the key that token is bound to, if it is. A bound token
   * is worth nothing without a proof, and one that is not bound is not taken for one that is.
   */
  private async possessed(request: AccessRequest, token: AccessToken, raw: string, bound: boolean, server: Server): Promise<string | undefined> {
    const { publicUrl, requireDpop } = this.#config
    if (token.boundTo === undefined) {
      if (bound || requireDpop) throw badToken('it is not bound to a key')
      return undefined
    }
    if (!bound || publicUrl === undefined) throw badToken('it is bound to a key and must not come as a bearer token')
    return this.proofs.use(header(request, 'dpop'), {
      method: request.method,
      address: publicUrl + pathOf(request.url),
      accessToken: raw,
      thumbprint: token.boundTo,
      leeway: server.clockTolerance,
    })
  }

  /**
   * What was wrong with a token is not said: only its maker can help, and an attacker would
   * learn.
   */
  private refuse(error: unknown, bound: boolean): Verdict {
    if (!(error instanceof StepUpError)) throw error
    if (error.code === 'unavailable') return { ok: false, status: 503, headers: refusal([]), reason: error }
    const parameters: [string, string][] = [['error', error.error ?? 'invalid_token']]
    if (error.description) parameters.push(['error_description', error.description])
    const dpop = this.#config.publicUrl !== undefined && (bound || this.#config.requireDpop === true)
    const verdict: Verdict = { ok: false, status: 401, headers: refusal([challenge(dpop, parameters)]), reason: error }
    return withNonce(verdict, error.error === undefined ? undefined : this.proofs.nonce())
  }

  /** The challenges of a request that brings no token at all. Source: RFC 6750 section 3.1. */
  private bare(): string[] {
    const { publicUrl, requireDpop } = this.#config
    const schemes = requireDpop ? [true] : publicUrl === undefined ? [false] : [false, true]
    return schemes.map((dpop) => challenge(dpop, []))
  }

  /** Uses up the approval that token was given for; see Verifier.consume. */
  async consume(token: AccessToken, detail: Detail | PlainAction, key: string): Promise<Receipt> {
    const what = this.executes(token, detail)
    if (token.boundTo !== undefined) throw new StepUpError('bound', 'the token is bound to a key of its app')
    const known = verified.get(token)
    if (known === undefined) throw mistake('consume: hand over the very token that accessOf, or verifyAccess, returned, and not a copy of it')
    if (known.issuer !== this.#config.issuer || known.audience !== this.#config.audience) {
      throw mistake('consume: the token was verified for another API; use a Verifier of the same issuer and audience, such as the verifier of the guard that let it pass')
    }
    return consumeWith(await this.connect(), token.clientId, { ...what, key }, known.raw)
  }

  /** Checks the receipt of the approval that token was given for; see Verifier.verifyReceipt. */
  async verifyReceipt(token: AccessToken, jws: string, detail: Detail | PlainAction): Promise<Receipt> {
    const what = this.executes(token, detail)
    const receipt = await openReceipt(await this.connect(), token.clientId, jws)
    if (receipt.confirmationId !== what.id || receipt.detailsHash !== what.detailsHash) throw badToken('the receipt is for another confirmation')
    return receipt
  }

  /** Refuses a token that is not of the approval of detail. */
  private executes(token: AccessToken, detail: Detail | PlainAction): { id: string; detailsHash: string } {
    const { confirmationId: id, detailsHash: approved } = token
    if (id === undefined) throw new StepUpError('not_approved', 'the token is of no confirmation')
    const hash = detailsHash({ issuer: this.#config.issuer, clientId: token.clientId, subject: token.subject, detail })
    if (hash !== approved) throw new StepUpError('mismatch', 'what is about to be executed has another hash')
    return { id, detailsHash: hash }
  }
}

function check(config: VerifierConfig): void {
  const { audience, publicUrl, requireDpop, replays, nonceKey } = config
  if (!audience) throw mistake('audience: is missing')
  if (publicUrl === undefined && (requireDpop || replays || nonceKey !== undefined)) throw mistake('publicUrl: is missing, and DPoP needs it')
  if (publicUrl !== undefined && secureUrl(publicUrl, 'publicUrl').href.includes('?')) throw mistake('publicUrl: must not have a query')
  if (nonceKey !== undefined && Buffer.byteLength(nonceKey) < 32) throw mistake('nonceKey: has to have 32 bytes or more')
}

/**
 * The scope comes first: a user should not be asked to confirm what the client may not do
 * anyway.
 */
function compare(token: AccessToken, demand: Demand, leeway: number): Verdict {
  const bound = token.boundTo !== undefined
  if (!covers(token.scope, demand)) {
    const missing = challenge(bound, [['error', 'insufficient_scope'], ['scope', demand.scopes.join(' ')]])
    return { ok: false, status: 403, headers: refusal([missing]) }
  }
  if (meets(token, demand, leeway)) return { ok: true, token, headers: [] }
  const demanded = challengeOf(demand)
  const reason = new StepUpError('unmet', 'acr or auth_time do not do', { challenge: demanded })
  return { ok: false, status: 401, headers: refusal([challenge(bound, demandParameters(demanded))]), reason }
}

/** One value of WWW-Authenticate; that of bound tokens names the algs of proofs. */
function challenge(dpop: boolean, parameters: [string, string][]): string {
  return dpop ? formatChallenge('DPoP', [...parameters, ['algs', proofAlgs.join(' ')]]) : formatChallenge('Bearer', parameters)
}

function refusal(challenges: string[]): [string, string][] {
  return [...challenges.map((value): [string, string] => ['WWW-Authenticate', value]), ['Cache-Control', 'no-store']]
}

/** Source: RFC 9449 section 8.2. */
function withNonce(verdict: Verdict, nonce: string | undefined): Verdict {
  if (nonce === undefined) return verdict
  const headers = verdict.headers.filter(([name]) => name !== 'Cache-Control')
  return { ...verdict, headers: [...headers, ['DPoP-Nonce', nonce], ['Cache-Control', 'no-store']] }
}

/**
 * Scheme and token of the request; no scheme if it has none of both, or several. Tokens in
 * forms and queries are not read: they end up in logs.
 *
 * Source: RFC 6750 section 2.1; RFC 9449 section 7.1.
 */
function credentials(request: AccessRequest): [string | undefined, string] {
  const [, scheme, raw] = /^(Bearer|DPoP) +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(header(request, 'authorization') ?? '') ?? []
  return [scheme, raw ?? '']
}

function header({ headers }: AccessRequest, name: string): string | undefined {
  const value = headers instanceof Headers ? headers.get(name) : headers[name]
  return Array.isArray(value) ? value.join(', ') : (value ?? undefined)
}

/**
 * What follows the host in a request target, as it was sent: what the handler sees is not
 * mended either. The query behind it does not count in a proof.
 */
function pathOf(target: string): string {
  const [path = ''] = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split(/[?#]/, 1)
  return path.startsWith('/') ? path : `/${path}`
}

