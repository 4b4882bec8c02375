import { detailsHash } from './canonical.js'
import { plainAction } from './details.js'
import { badToken, StepUpError } from './errors.js'
import { signingAlgs, type Server } from './server.js'
import { Claims, open } from './tokens.js'

/** One thing that the user proved. */
export interface ReceiptProof {
  /** Of the policy, from 0. */
  stage: number
  /** Such as `delivered_code`. */
  proof: string
  method: string
  /** An id that tells nothing about the person. */
  factor: string
  userVerified: boolean
  at: string
}

/**
 * The server's signed statement that a transaction was shown, proven and used up. `jws` is
 * what to keep: it can be verified years later, with keys that the server publishes for good.
 */
export interface Receipt {
  jws: string
  confirmationId: string
  issuer: string
  clientId: string
  /** Who approved. */
  subject: string
  action: string
  /** The app's own id; not there for an action without details. */
  txnId?: string
  /** What was shown; nothing but its type for an action without details. */
  detail: Record<string, unknown>
  detailsHash: string
  acr: string
  amr: string[]
  proofs: ReceiptProof[]
  /** Of what the server keeps about the proofs. */
  evidenceHash: string
  /** By whom the user was logged in, where that was not the server. */
  vouched?: Vouched
  requestedAt: string
  approvedAt: string
  consumedAt: string
}

/** The word of an app that it had logged the user in itself. */
export interface Vouched {
  /** The client id. */
  by: string
  /** By the app's clock, in seconds since 1970. */
  loggedInAt: number
  /** What the server takes that login for. */
  acr: string
}

/** What a receipt has to say; what is left out may be anything. */
export interface ExpectedReceipt {
  confirmationId?: string | undefined
  subject?: string | undefined
  txnId?: string | undefined
  detailsHash?: string | undefined
  /** What was executed; it has to be what was shown. */
  detail?: unknown
}

/**
 * Checks that jws is a receipt for the app clientId, signed with a key of the server's receipts,
 * that its hash is of the very details that stand in it, and that it says what is expected.
 * A receipt does not expire.
 *
 * Source: RFC 8725 sections 3.1, 3.9 and 3.11.
 */
export async function openReceipt(server: Server, clientId: string, jws: string, expected: ExpectedReceipt = {}): Promise<Receipt> {
  const claims = await open(jws, server.receiptKeys, {
    issuer: server.issuer,
    audience: clientId,
    algorithms: signingAlgs,
    typ: 'confirmation-receipt+jwt',
  })
  const receipt = read(jws, claims)
  if (receipt.clientId !== clientId) throw badToken('it is for several audiences')
  if (Date.parse(receipt.consumedAt) > Date.now() + server.clockTolerance * 1000) throw badToken('it is from the future')
  compare(receipt, expected)
  return receipt
}

function read(jws: string, claims: Claims): Receipt {
  const name = claims.text('action')
  const txnId = claims.text('txn')
  const receipt: Receipt = {
    jws,
    confirmationId: claims.text('jti'),
    issuer: claims.text('iss'),
    clientId: Array.isArray(claims.all.aud) ? '' : claims.text('aud'),
    subject: claims.text('sub'),
    action: name,
    ...(txnId ? { txnId } : {}),
    detail: detailIn(claims, name, txnId),
    detailsHash: claims.text('details_hash'),
    acr: claims.text('acr'),
    amr: claims.texts('amr'),
    proofs: proofsIn(claims),
    evidenceHash: claims.text('evidence_hash'),
    requestedAt: time(claims, 'requested_at'),
    approvedAt: time(claims, 'approved_at'),
    consumedAt: time(claims, 'consumed_at'),
  }
  const word = vouchedIn(claims)
  if (word) receipt.vouched = word
  if (!receipt.confirmationId || !receipt.subject || !name) throw badToken('it does not say what was confirmed')
  if (detailsHash(receipt) !== receipt.detailsHash) throw badToken('its hash is not of its details')
  return receipt
}

function detailIn(claims: Claims, name: string, txnId: string): Record<string, unknown> {
  const all = claims.all['authorization_details']
  if (all === undefined) return { ...plainAction(name) }
  if (!Array.isArray(all) || all.length !== 1) throw badToken('it does not hold exactly one of authorization_details')
  const detail = Object(all[0]) as Record<string, unknown>
  if (detail['type'] !== name || detail['txn_id'] !== txnId) throw badToken('its details are of another transaction')
  return detail
}

function proofsIn(claims: Claims): ReceiptProof[] {
  const list = claims.all['proofs'] ?? []
  if (!Array.isArray(list)) throw badToken('its proofs cannot be read')
  return list.map((item) => {
    const proof = Object(item) as Record<string, unknown>
    const read = new Claims(proof, claims.alg, claims.typ)
    return {
      stage: Number(proof['stage'] ?? 0),
      proof: read.text('proof'),
      method: read.text('method'),
      factor: read.text('factor'),
      userVerified: proof['user_verified'] === true,
      at: time(read, 'at'),
    }
  })
}

function vouchedIn(claims: Claims): Vouched | undefined {
  const told = claims.all['urn:sallyport:vouched']
  if (told === undefined) return undefined
  const read = new Claims(Object(told) as Record<string, unknown>, claims.alg, claims.typ)
  const word = { by: read.text('by'), loggedInAt: read.seconds('auth_time') ?? 0, acr: read.text('acr') }
  if (!word.by || !word.loggedInAt) throw badToken('it does not say who vouched for the user')
  return word
}

function time(claims: Claims, name: string): string {
  return new Date(claims.instant(name)).toISOString()
}

function compare(receipt: Receipt, expected: ExpectedReceipt): void {
  for (const name of ['confirmationId', 'subject', 'txnId', 'detailsHash'] as const) {
    if (expected[name] !== undefined && expected[name] !== receipt[name]) {
      throw new StepUpError('mismatch', `the receipt has another ${name}`)
    }
  }
  if (expected.detail === undefined) return
  const hash = detailsHash({ ...receipt, detail: expected.detail })
  if (hash !== receipt.detailsHash) throw new StepUpError('mismatch', 'the receipt is for something else')
}
