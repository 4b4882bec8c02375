/**
 * The library of a Node app that trusts a Sallyport server. It has sensitive actions
 * confirmed by the user: {@link StepUp}; and it guards APIs: {@link Verifier}.
 *
 * It keeps no session and sets no cookie: both belong to the app. It never accepts a token
 * without a signature of the server's published keys, and refuses what it does not understand.
 */
export { ACR_1FA, ACR_2SV, ACR_MFA, ACR_PHR, ACR_PHRH, ACR_TRUSTED_DEVICE, action, actionOf, satisfies } from './acr.js'
export { canonical, detailsHash, type Bound, type Json } from './canonical.js'
export { parseChallenge, type Challenge } from './challenge.js'
export { StepUp, type AnswerOptions, type ApiRequest, type PushOptions, type Started } from './client.js'
export type { Confirmation } from './confirmation.js'
export type { ConsumeOptions, Consumption } from './consume.js'
export type { StepUpConfig } from './core.js'
export { plainAction, type Account, type Bid, type Detail, type Money, type OwnDetail } from './details.js'
export type { PaymentDetails, Payout, PlainAction, Withdrawal } from './details.js'
export { StepUpError, type Endpoint, type StepUpErrorCode, type StepUpErrorDetails } from './errors.js'
export type { Fetch } from './fetch.js'
export type { Callback, Proof } from './finish.js'
export type { Auth, KeyPair } from './keys.js'
export { accessOf, requireStepUp, Verifier, type Guard, type Middleware } from './middleware.js'
export type { AccessToken, Requirement } from './access.js'
export { MemoryReplays, type ReplayMemory } from './replays.js'
export type { AccessRequest, Verdict, VerifierConfig } from './verifier.js'
export type { ExpectedReceipt, Receipt, ReceiptProof, Vouched } from './receipt.js'
export type { StartOptions } from './request.js'
export type { ServerConfig } from './server.js'
export type { Standing, State } from './standing.js'
export type { Transaction } from './transaction.js'
