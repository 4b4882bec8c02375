import { actionOf } from './acr.js'
import type { Json } from './canonical.js'
import { StepUpError } from './errors.js'

/**
 * What an app remembers between `push` or `start` and `finish`. It is plain JSON, and it
 * belongs into the session on the app's side: whoever reads it can finish in the user's
 * stead. It is good for one answer.
 */
export interface Transaction {
  version: 1
  issuer: string
  clientId: string
  state: string
  nonce: string
  codeVerifier: string
  /** The levels or the action of which one was asked for; empty for any. */
  acr: string[]
  maxAge?: number
  scope: string
  /** The user that the request is pinned to. */
  subject?: string
  startedAt: string
  /** Of what was pushed. */
  detailsHash?: string
  txnId?: string
  /** What the app goes on with afterwards. It was not sent. */
  resume?: Json
}

/** How long after its start an answer is still taken; the server's interaction lives 30 minutes. */
const life = 60 * 60 * 1000

/** The name of the action that tx asks for, or `undefined`. */
export function actionAsked(tx: Transaction): string | undefined {
  return tx.acr.length === 1 ? actionOf(tx.acr[0] as string) : undefined
}

/**
 * Refuses a transaction of another client, a stale one, and one that `start` cannot have
 * made: a damaged session must not weaken a check.
 */
export function own(tx: Transaction, issuer: string, clientId: string): void {
  const secrets = [tx?.state, tx?.nonce, tx?.codeVerifier]
  const texts = [tx?.scope, tx?.startedAt]
  const sound =
    tx?.version === 1 &&
    secrets.every((secret) => typeof secret === 'string' && secret.length >= 43) &&
    texts.every((text) => typeof text === 'string') &&
    Array.isArray(tx.acr) &&
    (tx.maxAge === undefined || Number.isSafeInteger(tx.maxAge)) &&
    (tx.detailsHash === undefined) === (tx.txnId === undefined) &&
    (tx.detailsHash === undefined || (actionAsked(tx) !== undefined && typeof tx.subject === 'string'))
  if (!sound) throw foreign('the transaction is damaged')
  if (tx.issuer !== issuer || tx.clientId !== clientId) throw foreign('it was started by another client')
  const age = Date.now() - Date.parse(tx.startedAt)
  if (!(age <= life)) throw foreign('it was started more than an hour ago')
}

/** What the browser brought does not belong to the transaction. */
export function foreign(reason: string): StepUpError {
  return new StepUpError('response', reason)
}
