import { randomBytes } from 'node:crypto'
import type * as oauth from 'oauth4webapi'
import { detailsHash } from './canonical.js'
import type { Core } from './core.js'
import { plainAction } from './details.js'
import { badToken, mistake, StepUpError } from './errors.js'
import type { Finished } from './finish.js'
import { Claims, same } from './tokens.js'
import { actionAsked, foreign, type Transaction } from './transaction.js'

/**
 * One user's approval of one transaction, checked. It is not used yet: `consumeFor` uses
 * it, once. It is plain JSON; keep it beside what is executed, before it is used, and
 * protect it like a password.
 */
export interface Confirmation {
  id: string
  /** Such as `payout.request`. */
  action: string
  /** The app's own id; not there for an action without details. */
  txnId?: string
  /** Who approved. */
  subject: string
  detailsHash: string
  approvedAt: string
  /** The last method that proved it; not there for an action without details. */
  method?: string
  acr: string
  amr: string[]
  /**
   * The Idempotency-Key of the one consumption that this confirmation is for. An app that
   * kept it can ask again after a crash, and is given the same receipt.
   */
  key: string
  /** Good for two minutes, at the APIs that the request named. */
  accessToken: string
}

/**
 * Checks that what came back is the approval of what tx asked for. The ID token is signed,
 * and counts; what stands beside it must not say otherwise.
 *
 * Source: RFC 9396 section 7.
 */
export function confirmed(core: Core, tx: Transaction, { proof, idToken, tokens }: Finished): Confirmation {
  const name = actionAsked(tx)
  if (name === undefined) throw foreign('it does not ask for a confirmation')
  const bound = { issuer: core.issuer, clientId: core.clientId, subject: proof.subject }
  const want = tx.detailsHash ?? detailsHash({ ...bound, detail: plainAction(name) })
  const said = approvalIn(idToken.claims)
  if (!same(said.hash, want)) throw new StepUpError('mismatch', 'the hash is another one')
  const beside = tx.detailsHash === undefined ? undefined : enriched(tokens)
  if (beside && (beside.text('details_hash') !== want || beside.text('txn_id') !== tx.txnId || beside.text('type') !== name)) {
    throw new StepUpError('mismatch', 'authorization_details are not those that were pushed')
  }
  if (beside && (beside.text('confirmation_id') !== said.id || beside.text('acr') !== proof.acr)) throw badToken('it names two confirmations')
  const leeway = core.server.clockTolerance * 1000
  const begun = Math.floor(Date.parse(tx.startedAt) / 1000) * 1000
  if (said.at > Date.now() + leeway || said.at < begun - leeway) throw badToken('it was approved at another time')
  if (proof.refreshToken !== undefined) throw badToken('a confirmation must not come with a refresh token')
  const method = beside?.text('method')
  return {
    id: said.id,
    action: name,
    ...(tx.txnId === undefined ? {} : { txnId: tx.txnId }),
    subject: proof.subject,
    detailsHash: want,
    approvedAt: new Date(said.at).toISOString(),
    ...(method ? { method } : {}),
    acr: proof.acr,
    amr: proof.amr,
    key: randomBytes(32).toString('base64url'),
    accessToken: proof.accessToken,
  }
}

/** Refuses what `confirmed` cannot have made. */
export function complete(kept: Confirmation): void {
  const texts = [kept?.id, kept?.subject, kept?.detailsHash, kept?.key]
  if (!texts.every((text) => typeof text === 'string' && text !== '')) throw mistake('the confirmation is damaged')
}

/** Reads the claims txn and urn:sallyport:confirmation. */
export function approvalIn(claims: Claims): { id: string; hash: string; at: number } {
  const inner = claims.all['urn:sallyport:confirmation']
  if (typeof inner !== 'object' || inner === null) throw badToken('it does not say what was confirmed')
  const read = new Claims(inner as Record<string, unknown>, claims.alg, claims.typ)
  const [id, hash] = [read.text('id'), read.text('details_hash')]
  if (id === '' || hash === '') throw badToken('it does not say what was confirmed')
  if (claims.text('txn') !== id) throw badToken('it names two confirmations')
  return { id, hash, at: read.instant('approved_at') }
}

/** The one element of authorization_details. */
function enriched(tokens: oauth.TokenEndpointResponse): Claims {
  const list: unknown = tokens.authorization_details
  if (!Array.isArray(list) || list.length !== 1) throw badToken('there is not exactly one of authorization_details')
  return new Claims(Object(list[0]) as Record<string, unknown>, '', undefined)
}
