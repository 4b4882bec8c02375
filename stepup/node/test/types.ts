// Compiled and never run: what the types promise to an app in TypeScript.
import type { webcrypto } from 'node:crypto'
import { action, StepUp, StepUpError, Verifier, type Confirmation, type Detail, type Payout, type StepUpErrorCode } from '@sallyport-id/stepup'

export async function app(key: webcrypto.CryptoKey): Promise<Confirmation> {
  const stepup = await StepUp.discover({ issuer: 'https://id.example', clientId: 'app', auth: { privateKey: key }, redirectUri: 'https://app.example/callback' })
  const detail: Payout = { type: 'payout.request', txn_id: 't', amount: { value: '1.00', currency: 'EUR' }, payee: { name: 'A', account: { iban: 'I' } } }
  const own: Detail = { type: 'prescription.sign', txn_id: 't', patient: 'Ana', urgency: 'urgent' }
  // @ts-expect-error a detail needs the user it is for
  await stepup.push({ detail: own })
  // @ts-expect-error a payout has a payee
  const incomplete: Payout = { type: 'payout.request', txn_id: 't', amount: { value: '1.00', currency: 'EUR' } }
  // @ts-expect-error there is no such way to prove who the app is
  await StepUp.discover({ issuer: '', clientId: '', auth: { password: '' }, redirectUri: '', detail: incomplete })
  const { url, transaction } = await stepup.push({ subject: 'alice', detail, resume: { payout: 7 } })
  const kept = JSON.parse(JSON.stringify(transaction)) as typeof transaction
  const confirmation = await stepup.finishConfirmation(kept, url)
  const { jws, txnId } = await stepup.consumeFor(confirmation, detail)
  await stepup.verifyReceipt(jws, { txnId, detail })
  return confirmation
}

export async function api(request: Request): Promise<string> {
  const verifier = new Verifier({ issuer: 'https://id.example', audience: 'https://api.example' })
  const verdict = await verifier.verifyAccess(request, { acr: action('payout.request'), maxAge: 300 })
  if (!verdict.ok) return new Response(null, { status: verdict.status, headers: verdict.headers }).statusText
  return verdict.token.subject
}

export function told(error: unknown): StepUpErrorCode | undefined {
  return error instanceof StepUpError ? error.code : undefined
}
