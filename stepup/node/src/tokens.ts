import { createHash, timingSafeEqual } from 'node:crypto'
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions } from 'jose'
import { badToken, StepUpError } from './errors.js'
import type { Server } from './server.js'

const largest = 64 << 10 // bytes of a token that is looked at
const lastSecond = 253402300799 // of the year 9999

/** The claims of a token whose signature is right. Each reader refuses a value of another type. */
export class Claims {
  constructor(
    readonly all: JWTPayload,
    readonly alg: string,
    readonly typ: string | undefined,
  ) {}

  /** The text name, or "" if it is absent. */
  text(name: string): string {
    const value = this.all[name] ?? ''
    if (typeof value !== 'string') throw badToken(`${name} is not text`)
    return value
  }

  /** The list of texts name, or an empty one if it is absent. */
  texts(name: string): string[] {
    const value = this.all[name] ?? []
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) throw badToken(`${name} is not a list of texts`)
    return value
  }

  /** The claim name in seconds since 1970, or `undefined` if it is absent. */
  seconds(name: string): number | undefined {
    const value = this.all[name]
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !(value > 0 && value <= lastSecond)) throw badToken(`${name} is not a time`)
    return value
  }

  /** The claim name, a time in the words of RFC 3339, in milliseconds since 1970. */
  instant(name: string): number {
    const text = this.text(name)
    const at = Date.parse(text)
    if (!/^\d{4}-\d\d-\d\dT/.test(text) || Number.isNaN(at)) throw badToken(`${name} is not a time`)
    return at
  }
}

/**
 * Checks the signature of a token against the server's published keys, never one that its
 * header offers, and what options say besides.
 *
 * @throws {StepUpError} `token`, or `unavailable` if the keys could not be read
 *
 * Source: RFC 8725 sections 3.1, 3.2, 3.10 and 3.11; RFC 7515 section 4.1.11.
 */
export async function open(raw: string, keys: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<Claims> {
  if (typeof raw !== 'string' || raw.length > largest) throw badToken('it is none, or too large')
  try {
    const { payload, protectedHeader } = await jwtVerify(raw, keys, options)
    const typ = protectedHeader.typ?.toLowerCase().replace(/^application\//, '')
    return new Claims(payload, protectedHeader.alg, typ)
  } catch (cause) {
    if (cause instanceof StepUpError) throw cause
    if (cause instanceof errors.JWKSTimeout) throw new StepUpError('unavailable', 'the keys endpoint took too long', { endpoint: 'keys' })
    if (cause instanceof errors.JWKSInvalid) throw new StepUpError('unavailable', 'the keys cannot be read', { endpoint: 'keys' })
    // The message names what was wrong; the cause would hold the claims.
    throw badToken(cause instanceof errors.JOSEError ? cause.message : 'it cannot be read')
  }
}

/** What every token of the server has. */
export interface Common {
  subject: string
  acr: string
  amr: string[]
  /** Seconds since 1970; `undefined` if no user took part. */
  authTime: number | undefined
  issuedAt: number
  expiresAt: number
}

/** Checks what jose leaves open: types, and times that lie ahead. */
export function common(claims: Claims, server: Server): Common {
  const now = Date.now() / 1000 + server.clockTolerance
  const subject = claims.text('sub')
  const authTime = claims.seconds('auth_time')
  const issuedAt = claims.seconds('iat')
  const expiresAt = claims.seconds('exp')
  if (subject === '') throw badToken('sub is missing')
  if (expiresAt === undefined) throw badToken('exp is missing')
  if (issuedAt === undefined || issuedAt > now) throw badToken('iat is missing, or in the future')
  if (authTime !== undefined && authTime > now) throw badToken('auth_time is in the future')
  return { subject, acr: claims.text('acr'), amr: claims.texts('amr'), authTime, issuedAt, expiresAt }
}

/** What an ID token says, checked but for what depends on a transaction. */
export interface IdToken extends Common {
  claims: Claims
}

/**
 * Checks the ID token raw, and that it belongs to accessToken.
 *
 * @throws {StepUpError} `token`, `unavailable`
 *
 * Source: OpenID Connect Core sections 3.1.3.6 to 3.1.3.8.
 */
export async function openIdToken(server: Server, clientId: string, raw: string, accessToken: string): Promise<IdToken> {
  const claims = await open(raw, server.keys, {
    issuer: server.issuer,
    audience: clientId,
    algorithms: server.idTokenAlgs(),
    clockTolerance: server.clockTolerance,
  })
  // An access or logout token of the same server is signed with the same keys, so the type
  // has to tell them apart.
  if (claims.typ !== undefined && claims.typ !== 'jwt') throw badToken('it is another kind of token')
  const read = common(claims, server)
  const azp = claims.text('azp')
  if (Array.isArray(claims.all.aud) && claims.all.aud.length > 1 && azp === '') {
    throw badToken('it has several audiences and does not say for whom it was made')
  }
  if (azp !== '' && azp !== clientId) throw badToken('it was made for another client')
  if (claims.all['at_hash'] !== undefined && !same(claims.text('at_hash'), halfHash(claims.alg, accessToken))) {
    throw badToken('it belongs to another access token')
  }
  return { claims, ...read }
}

/**
 * The left half of the hash of token, as at_hash has it. Ed25519 signs with SHA-512; all
 * other accepted algorithms use SHA-256.
 */
function halfHash(alg: string, token: string): string {
  const sum = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256').update(token).digest()
  return sum.subarray(0, sum.length / 2).toString('base64url')
}

/** Whether a and b are equal, in a time that does not tell where they differ. */
export function same(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}

/** Seconds since 1970 as a time in words. */
export function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
