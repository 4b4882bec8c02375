import { action, isActionName } from './acr.js'
import { canonical, normalised, type Json } from './canonical.js'
import { printable, StepUpError } from './errors.js'

/** An amount. `value` has no sign, no separators, and the digits that its currency has. */
export interface Money {
  value: string
  /** ISO 4217, or BTC, ETH, USDT, USDC where a wallet is the destination. */
  currency: string
}

/** A bank account. */
export interface Account {
  /** Capital letters, no spaces. */
  iban: string
}

/** Money goes to a bank account. */
export interface Payout {
  type: 'payout.request'
  txn_id: string
  amount: Money
  payee: { name: string; account: Account }
  reference?: string | undefined
}

/** Payouts will go to another account. */
export interface PaymentDetails {
  type: 'payment_details.add'
  txn_id: string
  change: 'add_payout_account' | 'replace_payout_account'
  /** The account until now: `DE•• •••• 4321`. */
  current?: { masked: string } | undefined
  new: { holder: string; account: Account }
}

/** Money goes to a bank account or to a wallet. */
export interface Withdrawal {
  type: 'withdrawal.confirm'
  txn_id: string
  amount: Money
  destination: { account: Account } | { wallet: { network: 'bitcoin' | 'ethereum'; address: string } }
}

/** An offer that binds. */
export interface Bid {
  type: 'bid.place'
  txn_id: string
  amount: Money
  item: { id: string; title: string }
  seller?: string | undefined
}

/** A transaction of a type that the tenant made itself. */
export interface OwnDetail {
  type: string
  txn_id: string
  [member: string]: Json | undefined
}

/**
 * One transaction that a user confirms, in the words of the server. `txn_id` is the app's
 * own name of it, used once: 1 to 64 of `A-Z a-z 0-9 . _ : -`.
 *
 * Source: RFC 9396 section 2.
 */
export type Detail = Payout | PaymentDetails | Withdrawal | Bid | OwnDetail

/** The detail of an action that is confirmed by its name alone. */
export interface PlainAction {
  type: string
}

/** The detail of an action that is confirmed by its name alone: nothing but its type. */
export function plainAction(name: string): PlainAction {
  return { type: name }
}

/** A detail that can be sent. */
export interface Prepared {
  acr: string
  txnId: string
  canonical: string
}

const longest = 4 << 10 // bytes of what a server takes

/**
 * Refuses what no server could take. Which members there have to be, and of what form, is
 * the server's to judge: it knows the type.
 */
export function prepare(detail: Detail): Prepared {
  const text = canonical(normalised(detail))
  const { type, txn_id: txnId } = Object(JSON.parse(text)) as Record<string, unknown>
  if (!text.startsWith('{') || !isActionName(type)) {
    throw bad(`type "${printable(type, 100)}" is not a type of transaction (such as payout.request)`)
  }
  if (typeof txnId !== 'string' || !/^[A-Za-z0-9._:-]{1,64}$/.test(txnId)) {
    throw bad('txn_id has to be 1 to 64 of A-Z a-z 0-9 . _ : -')
  }
  if (Buffer.byteLength(text) + 2 > longest) throw bad(`more than ${longest} bytes`)
  return { acr: action(type), txnId, canonical: text }
}

function bad(reason: string): StepUpError {
  return new StepUpError('bad_detail', reason)
}
