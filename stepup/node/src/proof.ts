import { createHash, createHmac } from 'node:crypto'
import { calculateJwkThumbprint, decodeProtectedHeader, EmbeddedJWK, errors, jwtVerify, type JWTVerifyResult } from 'jose'
import { badToken, StepUpError } from './errors.js'
import type { ReplayMemory } from './replays.js'
import { same } from './tokens.js'

/** The signatures that a proof of possession may have: those that the server takes, too. */
export const proofAlgs = ['ES256', 'EdDSA', 'PS256']

const longest = 8 << 10 // bytes of a proof that is looked at
const life = 60 // seconds that a proof is good after it was made
const nonceLife = 300 // seconds that a nonce is the current one

/** What a proof has to be for. */
export interface ProofFor {
  method: string
  address: string
  accessToken: string
  /** Of the key that the token is bound to (RFC 7638). */
  thumbprint: string
  /** How far clocks may differ, in seconds. */
  leeway: number
}

/**
 * Judges proofs of possession for one API. That a proof is used once is checked last, so
 * that nothing but a good one is remembered.
 *
 * Source: RFC 9449 sections 4.3, 7.1, 9 and 11.1.
 */
export class Proofs {
  constructor(
    private readonly replays: ReplayMemory,
    private readonly nonceKey: string | undefined,
    private readonly audience: string,
  ) {}

  /**
   * Checks a proof and uses it up. It returns the nonce that the answer has to bring, if one.
   *
   * @throws {StepUpError} `token`, with the `error` to answer; `unavailable` if what was used
   * cannot be known
   */
  async use(raw: string | undefined, want: ProofFor): Promise<string | undefined> {
    if (raw === undefined || raw.length > longest) throw bad('it is missing, or too long')
    const { payload, protectedHeader } = await verified(raw, want.leeway)
    const thumbprint = await calculateJwkThumbprint(Object(protectedHeader.jwk), 'sha256')
    const now = Date.now() / 1000
    const { iat, jti } = payload
    if (payload['htm'] !== want.method) throw bad('its htm is another method')
    if (!sameAddress(payload['htu'], want.address)) throw bad('its htu is another address')
    if (payload['ath'] !== createHash('sha256').update(want.accessToken).digest('base64url')) throw bad('its ath is of another token')
    if (typeof iat !== 'number' || iat > now + want.leeway || iat < now - life) throw bad('its time is over, or ahead')
    if (typeof jti !== 'string' || jti === '' || Buffer.byteLength(jti) > 128) throw bad('its jti is missing or too long')
    if (!same(thumbprint, want.thumbprint)) throw badToken('the proof is of another key')
    const fresh = this.judgeNonce(payload['nonce'], now, want.leeway)
    const key = createHash('sha256').update(`${thumbprint}\u0000${jti}`).digest('base64url')
    if (!(await this.firstUse(key, (iat + life + want.leeway) * 1000))) throw bad('it was used before')
    return fresh
  }

  private async firstUse(key: string, until: number): Promise<boolean> {
    try {
      return await this.replays.firstUse(key, until)
    } catch (cause) {
      throw new StepUpError('unavailable', 'it cannot be known whether a proof was used', { cause })
    }
  }

  /**
   * What proofs have to hold now. It is computed, not stored: every process with the same key
   * knows it, and nobody can know it before its time, so no proof can be made in advance.
   */
  nonce(at = Date.now() / 1000): string | undefined {
    if (this.nonceKey === undefined) return undefined
    return createHmac('sha256', this.nonceKey).update(`dpop nonce\u0000${this.audience}\u0000${Math.floor(at / nonceLife)}`).digest('base64url')
  }

  /** The one before is taken too, so that none ends while a request with it is under way. */
  private judgeNonce(sent: unknown, now: number, leeway: number): string | undefined {
    if (this.nonceKey === undefined) return undefined
    const isOf = (at: number): boolean => typeof sent === 'string' && same(sent, this.nonce(at) as string)
    if (isOf(now) || isOf(now + leeway)) return undefined
    if (isOf(now - nonceLife)) return this.nonce(now)
    throw new StepUpError('token', 'the proof needs the nonce that comes with the answer', { error: 'use_dpop_nonce' })
  }
}

/** The members of RFC 7518 section 6 that nobody else may know. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

async function verified(raw: string, leeway: number): Promise<JWTVerifyResult> {
  try {
    const { crit, jwk } = decodeProtectedHeader(raw)
    if (crit !== undefined) throw bad('it has extensions that are not understood')
    if (privateMembers.some((name) => name in Object(jwk))) throw bad('its jwk gives a private key away')
    return await jwtVerify(raw, EmbeddedJWK, { algorithms: proofAlgs, typ: 'dpop+jwt', clockTolerance: leeway })
  } catch (cause) {
    if (cause instanceof StepUpError) throw cause
    throw bad(cause instanceof errors.JOSEError ? cause.message.replace(/\.?$/, '') : 'it cannot be read')
  }
}

/** A segment that means this one or the one above, however it is written. */
const dotSegment = /\/(\.|%2e){1,2}(\/|$)/i

/**
 * Whether two addresses are the same without their query and fragment, however they are
 * written.
 *
 * Source: RFC 9449 section 4.3; RFC 3986 sections 6.2.2 and 6.2.3.
 */
function sameAddress(htu: unknown, address: string): boolean {
  const said = plain(htu)
  return said !== undefined && said === plain(address)
}

/**
 * An address in the one way to compare it. URL mends what it reads: it goes up where a path
 * says so, drops tabs, and takes a backslash for a slash. A router does not, and would serve
 * another path than the proof was compared with; so what would be mended is refused.
 */
function plain(written: unknown): string | undefined {
  if (typeof written !== 'string') return undefined
  const [address = ''] = written.split(/[?#]/, 1)
  if (!/^https?:\/\/[^/]/i.test(address) || /[\\\u0000-\u0020\u007f]/.test(address) || dotSegment.test(address)) return undefined
  if (!URL.canParse(address)) return undefined
  const { origin, pathname, username, password } = new URL(address)
  if (username || password) return undefined
  try {
    return origin + pathname.split('/').map((segment) => encodeURIComponent(decodeURIComponent(segment))).join('/')
  } catch {
    return undefined
  }
}

/** What was wrong with a proof is said: its maker is the caller. */
function bad(reason: string): StepUpError {
  const description = `The DPoP proof is not valid: ${reason}.`
  return new StepUpError('token', description, { error: 'invalid_dpop_proof', description })
}
