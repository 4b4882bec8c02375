import * as oauth from 'oauth4webapi'
import type { Core } from './core.js'
import { answered, StepUpError } from './errors.js'
import { problem } from './fetch.js'
import { methodOf } from './keys.js'

/** The states of a confirmation; the last four end it, as `consumed` does. */
export type State = 'requested' | 'challenged' | 'approved' | 'consumed' | 'denied' | 'failed' | 'expired' | 'cancelled'

/** Where one of the app's confirmations stands. */
export interface Standing {
  id: string
  action: string
  txnId?: string
  state: State
  subject: string
  detailsHash: string
  /** Not there for an action without details. */
  detail?: Record<string, unknown>
  acr?: string
  amr?: string[]
  createdAt?: string
  /** Until which it can be approved. */
  expiresAt?: string
  approvedAt?: string
  /** Until which it can be consumed; there once it is approved. */
  consumeBefore?: string
  consumedAt?: string
  /** For `verifyReceipt`; there once it was consumed. */
  receipt?: string
}

/** Asks where a confirmation stands; path is what follows `/confirmations`. */
export async function standing(core: Core, path: string, isIt: (s: Standing) => boolean): Promise<Standing> {
  const url = `${core.server.base}/confirmations${path}`
  const headers = new Headers({ accept: 'application/json' })
  let response: Response
  if (methodOf(core.config.auth) === 'client_secret_basic') {
    await core.auth(core.server.metadata, core.client, new URLSearchParams(), headers)
    response = await core.server.carry('confirmation', url, { headers })
  } else {
    const token = await ownToken(core)
    response = await core.ask('confirmation', () => core.withToken('confirmation', token, 'GET', url, headers))
  }
  const body = new Uint8Array(await response.arrayBuffer())
  if (response.status !== 200) {
    const { error, description } = problem(body)
    throw answered('confirmation', response, error, description)
  }
  const found = read(body)
  if (found === undefined || !isIt(found)) {
    throw new StepUpError('unavailable', 'the answer cannot be read, or is about another confirmation', { endpoint: 'confirmation' })
  }
  return found
}

/** An app that does not send a secret in the header needs the grant client_credentials. */
async function ownToken(core: Core): Promise<string> {
  const { server, client, auth } = core
  const tokens = await core.ask('token', async () => {
    const response = await oauth.clientCredentialsGrantRequest(server.metadata, client, auth, new URLSearchParams(), core.options('token'))
    return oauth.processClientCredentialsResponse(server.metadata, client, response)
  })
  core.checkType(tokens.token_type)
  return tokens.access_token
}

/** The members that are texts, by their names here. */
const texts = {
  confirmation_id: 'id',
  action: 'action',
  txn_id: 'txnId',
  status: 'state',
  sub: 'subject',
  details_hash: 'detailsHash',
  acr: 'acr',
  created_at: 'createdAt',
  expires_at: 'expiresAt',
  approved_at: 'approvedAt',
  consume_before: 'consumeBefore',
  consumed_at: 'consumedAt',
  receipt: 'receipt',
} as const

function read(body: Uint8Array): Standing | undefined {
  let said: Record<string, unknown>
  try {
    said = Object(JSON.parse(new TextDecoder().decode(body))) as Record<string, unknown>
  } catch {
    return undefined
  }
  const found: Record<string, unknown> = {}
  for (const [theirs, ours] of Object.entries(texts)) {
    const value = said[theirs]
    if (typeof value === 'string' && value !== '') found[ours] = value
  }
  const details = said['authorization_details']
  if (Array.isArray(details) && details.length === 1) found['detail'] = details[0]
  if (Array.isArray(said['amr'])) found['amr'] = said['amr']
  return found['id'] && found['state'] ? (found as unknown as Standing) : undefined
}
