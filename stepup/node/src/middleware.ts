import type { IncomingMessage, ServerResponse } from 'node:http'
import { demandOf, type AccessToken, type Requirement } from './access.js'
import type { Detail, PlainAction } from './details.js'
import type { Receipt } from './receipt.js'
import { AccessChecker, type AccessRequest, type Verdict, type VerifierConfig } from './verifier.js'

/** Middleware in the shape that connect and Express have; it works with node:http as well. */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

/** The middleware of {@link Verifier.require}. */
export interface Guard extends Middleware {
  /** What it checks tokens with; by its `consume` and `verifyReceipt` a handler executes. */
  readonly verifier: Verifier
}

const passed = new WeakMap<IncomingMessage, AccessToken>()

/** The access token that {@link Verifier.require} let pass with req; `undefined` elsewhere. */
export function accessOf(req: IncomingMessage): AccessToken | undefined {
  return passed.get(req)
}

/**
 * Checks the access tokens of one tenant for one API: JWTs (RFC 9068), as bearer tokens or
 * bound to a key (RFC 9449). It does not ask the server whether a token was revoked; they
 * live for minutes.
 */
export class Verifier {
  readonly #checker: AccessChecker

  /** @throws {TypeError} for a mistake in config */
  constructor(config: VerifierConfig) {
    this.#checker = new AccessChecker(config)
  }

  /**
   * Reads the discovery document now. Without it, it is read with the first request.
   *
   * @throws {StepUpError} `unavailable`
   */
  async connect(): Promise<void> {
    await this.#checker.connect()
  }

  /**
   * Judges a request by its headers, without any framework. A request that may not pass is to
   * be answered with `status`; `headers` belong to the answer of one that may, too.
   *
   * Source: RFC 6750 section 3; RFC 9470 section 3; RFC 9449 section 7.1.
   */
  verifyAccess(request: AccessRequest, requirement: Requirement = {}): Promise<Verdict> {
    return this.#checker.judge(request, demandOf(requirement))
  }

  /**
   * Middleware that lets a request pass if its token is valid and meets requirement. Otherwise
   * it answers:
   *
   * - no token: 401 with a bare challenge
   * - a token that is not valid; one that is bound to a key as a bearer token, or the other way
   *   round; one with a proof of another key: 401 `invalid_token`
   * - a proof that is not good, or was used before: 401 `invalid_dpop_proof`; one without our
   *   nonce: 401 `use_dpop_nonce`, with DPoP-Nonce
   * - a scope is missing: 403 `insufficient_scope`
   * - acr or auth_time do not do: 401 `insufficient_user_authentication`, with the acr_values
   *   and max_age that would
   * - the server's keys, or the proofs that were used, cannot be read: 503
   *
   * What is behind it finds the token with {@link accessOf}. A token passes until it expires: a
   * handler that carries out a confirmed action has to take each `id` once.
   */
  require(requirement: Requirement): Guard {
    const demand = demandOf(requirement)
    const middleware: Middleware = (req, res, next) => {
      const url = (req as { originalUrl?: string }).originalUrl ?? req.url ?? '/'
      this.#checker.judge({ method: req.method ?? '', url, headers: single(req) }, demand).then((verdict) => {
        if (verdict.ok) {
          passed.set(req, verdict.token)
          for (const [name, value] of verdict.headers) res.setHeader(name, value)
          next()
          return
        }
        refuse(res, verdict.status, verdict.headers)
      }, next)
    }
    return Object.assign(middleware, { verifier: this })
  }

  /**
   * Uses up the approval that token was given for, for detail, which is what this API is about
   * to execute: read from what it executes, and not from the token. key, of 1 to 128 printable
   * characters of ASCII, is the API's own name for this one execution; keep it before the call.
   * Execute only what it returns for. token is what {@link accessOf} or verifyAccess returned,
   * of this or another verifier of the same issuer and audience.
   *
   * The server is asked with the token itself, so the API needs no registration. After
   * `unavailable` the same call yields the same receipt while the token lives, which is two
   * minutes; later only the app can tell, by `StepUp.status`. A token that is bound to a key is
   * of use to its holder alone: then the app consumes, and sends the receipt along; see
   * {@link Verifier.verifyReceipt}.
   *
   * @throws {StepUpError} `bound`, `not_approved`, `mismatch`, and those of `StepUp.consumeFor`
   * @throws {TypeError} for a copy of a token, or one for another API
   */
  consume(token: AccessToken, detail: Detail | PlainAction, key: string): Promise<Receipt> {
    return this.#checker.consume(token, detail, key)
  }

  /**
   * Checks that jws is the receipt of the approval that token was given for, and that detail,
   * which is what this API is about to execute, is what was approved. It is for an app that has
   * consumed the approval itself. A receipt stays good: execute each `confirmationId` once.
   *
   * @throws {StepUpError} `not_approved`, `mismatch`, `token`, `unavailable`
   */
  verifyReceipt(token: AccessToken, jws: string, detail: Detail | PlainAction): Promise<Receipt> {
    return this.#checker.verifyReceipt(token, jws, detail)
  }
}

/** One guard for one route: `new Verifier(options).require(options)`, which it has as `verifier`. */
export function requireStepUp(options: VerifierConfig & Requirement): Guard {
  return new Verifier(options).require(options)
}

/** Node leaves out all but the first of some headers; a second token must not be passed over. */
function single({ headersDistinct: all }: IncomingMessage): { authorization?: string; dpop?: string } {
  const authorization = all['authorization']
  const dpop = all['dpop']
  return {
    ...(authorization ? { authorization: authorization.join(', ') } : {}),
    ...(dpop ? { dpop: dpop.join(', ') } : {}),
  }
}

function refuse(res: ServerResponse, status: number, headers: [string, string][]): void {
  const words: Record<number, string> = { 401: 'Unauthorized', 403: 'Forbidden', 503: 'Service Unavailable' }
  res.statusCode = status
  for (const [name, value] of headers) res.appendHeader(name, value)
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  res.end(`${words[status]}\n`)
}
