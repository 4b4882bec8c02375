import { ACR_TRUSTED_DEVICE, acrs, actionOf, satisfies, validAcr, words } from './acr.js'
import type { Challenge } from './challenge.js'
import { approvalIn } from './confirmation.js'
import { badToken, mistake } from './errors.js'
import { signingAlgs, type Server } from './server.js'
import { common, iso, open, type Claims } from './tokens.js'

/** A valid access token, as an API sees it. */
export interface AccessToken {
  /** The user; the client itself where no user took part. */
  subject: string
  clientId: string
  id: string
  scope: string
  acr: string
  /** The name of the action that it confirms. Such a token is to be taken once, by its `id`. */
  action?: string
  amr: string[]
  authTime?: string
  issuedAt: string
  expiresAt: string
  /** The thumbprint (RFC 7638) of the key that it is bound to and that its sender holds. */
  boundTo?: string
  /** Of the one approval that it was given for, where it was. See `Verifier.consume`. */
  confirmationId?: string
  detailsHash?: string
  claims: Record<string, unknown>
}

/** What is demanded of a token. Nothing at all demands a valid one and nothing more. */
export interface Requirement {
  /** The levels of which one is enough, or one action; see `satisfies`. */
  acr?: string | readonly string[] | undefined
  /** How long ago the user's last active proof may be, in whole seconds; more than 0. */
  maxAge?: number | undefined
  /** The scopes that are all needed, separated by spaces. */
  scope?: string | undefined
}

/** A requirement, checked once. */
export interface Demand {
  acr: string[]
  maxAge: number | undefined
  scopes: string[]
}

/** @throws {TypeError} for a requirement that could never be met */
export function demandOf(requirement: Requirement): Demand {
  const acr = acrs(requirement.acr)
  const { maxAge } = requirement
  if (!acr.every(validAcr) || acr.includes(ACR_TRUSTED_DEVICE)) throw mistake('acr: a value is not one that can be demanded')
  if (maxAge !== undefined && !(Number.isSafeInteger(maxAge) && maxAge > 0)) throw mistake('maxAge: has to be whole seconds, more than 0')
  return { acr, maxAge, scopes: words(requirement.scope) }
}

/** The demand as it is told to a client whose token does not meet it. */
export function challengeOf({ acr, maxAge, scopes }: Demand): Challenge {
  return {
    acr,
    description: 'A stronger or more recent authentication is required',
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  }
}

/** What an access token and a proof of a session both say. */
export interface Proven {
  acr: string
  authTime?: string
}

/** Whether scope, which was granted, holds all that are demanded. */
export function covers(scope: string, { scopes }: Demand): boolean {
  const granted = words(scope)
  return scopes.every((want) => granted.includes(want))
}

/** Whether token meets demand now. A time that lies ahead is nobody's proof. */
export function meets(token: Proven, { acr, maxAge }: Demand, leeway: number): boolean {
  if (acr.length > 0 && !acr.some((want) => satisfies(token.acr, want))) return false
  if (maxAge === undefined) return true
  if (token.authTime === undefined) return false
  const age = (Date.now() - Date.parse(token.authTime)) / 1000
  return age <= maxAge && age >= -leeway
}

/**
 * Checks the JWT access token raw. Whether its sender holds the key that it is bound to is the
 * caller's to ask.
 *
 * @throws {StepUpError} `token`, `unavailable`
 *
 * Source: RFC 9068 section 4; RFC 7800 section 3.
 */
export async function openAccessToken(server: Server, audience: string, raw: string): Promise<AccessToken> {
  const claims = await open(raw, server.keys, {
    issuer: server.issuer,
    audience,
    algorithms: signingAlgs,
    typ: 'at+jwt',
    clockTolerance: server.clockTolerance,
  })
  const { subject, acr, amr, authTime, issuedAt, expiresAt } = common(claims, server)
  const clientId = claims.text('client_id')
  const id = claims.text('jti')
  if (clientId === '' || id === '') throw badToken('client_id or jti is missing')
  const name = actionOf(acr)
  const boundTo = boundKey(claims)
  const approval = claims.all['txn'] === undefined ? undefined : approvalIn(claims)
  return {
    subject,
    clientId,
    id,
    scope: claims.text('scope'),
    acr,
    ...(name === undefined ? {} : { action: name }),
    amr,
    ...(authTime === undefined ? {} : { authTime: iso(authTime) }),
    issuedAt: iso(issuedAt),
    expiresAt: iso(expiresAt),
    ...(boundTo === undefined ? {} : { boundTo }),
    ...(approval ? { confirmationId: approval.id, detailsHash: approval.hash } : {}),
    claims: claims.all,
  }
}

/** The thumbprint in cnf. What is bound in a way that is not understood is refused. */
function boundKey(claims: Claims): string | undefined {
  const cnf = claims.all['cnf']
  if (cnf === undefined) return undefined
  const members = Object.entries(Object(cnf) as Record<string, unknown>)
  const [name, value] = members[0] ?? []
  if (members.length !== 1 || name !== 'jkt' || typeof value !== 'string' || value === '') throw badToken('it is bound in a way that is not known')
  return value
}
