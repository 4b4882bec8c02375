import { setTimeout as wait } from 'node:timers/promises'
import { detailsHash } from './canonical.js'
import { complete, type Confirmation } from './confirmation.js'
import type { Core } from './core.js'
import type { Detail, PlainAction } from './details.js'
import { answered, badToken, mistake, StepUpError } from './errors.js'
import { problem } from './fetch.js'
import { openReceipt, type Receipt } from './receipt.js'
import type { Server } from './server.js'

const defaultPauses = [250, 1000, 4000]

/** How a consumption is authorised. */
export interface ConsumeOptions {
  /**
   * Uses the access token of the confirmation, with a proof of possession where it is bound
   * to a key, instead of the app's own authentication. It is good for two minutes.
   */
  with?: 'client' | 'access_token' | undefined
}

/** Which confirmation is used up, for what, and under which name of the try. */
export interface Consumption {
  id: string
  detailsHash: string
  /** 1 to 128 printable characters of ASCII; the same key yields the same receipt. */
  key: string
}

/** Uses kept up for detail; see StepUp.consumeFor. */
export async function consumeFor(core: Core, kept: Confirmation, detail: Detail | PlainAction, options: ConsumeOptions): Promise<Receipt> {
  complete(kept)
  const hash = detailsHash({ issuer: core.issuer, clientId: core.clientId, subject: kept.subject, detail })
  if (hash !== kept.detailsHash) throw new StepUpError('mismatch', 'what is about to be executed has another hash')
  const { id, key } = kept
  return consume(core, { id, detailsHash: hash, key }, options.with === 'access_token' ? kept.accessToken : undefined)
}

/** Uses a confirmation up, as the app or with an access token; see StepUp.consume. */
export async function consume(core: Core, what: Consumption, accessToken?: string): Promise<Receipt> {
  const { server, clientId } = core
  const url = `${server.confirmation(what.id)}/consume`
  const send = async (): Promise<Response> => {
    if (accessToken !== undefined) return core.withToken('confirmation', accessToken, 'POST', url, jsonHeaders(what), json(what))
    // Each try makes a new proof of who the app is: an assertion is used once.
    const headers = new Headers({ accept: 'application/json', 'idempotency-key': what.key, 'content-type': 'application/x-www-form-urlencoded' })
    const form = new URLSearchParams({ details_hash: what.detailsHash })
    await core.auth(server.metadata, core.client, form, headers)
    return server.carry('confirmation', url, { method: 'POST', headers, body: form.toString() })
  }
  return useUp(server, clientId, core.config.pauses, what, () => core.ask('confirmation', send))
}

/** Uses a confirmation of the app clientId up, with the bearer token that was given for it. */
export async function consumeWith(server: Server, clientId: string, what: Consumption, accessToken: string): Promise<Receipt> {
  const headers = jsonHeaders(what)
  headers.set('authorization', `Bearer ${accessToken}`)
  const url = `${server.confirmation(what.id)}/consume`
  return useUp(server, clientId, undefined, what, () => server.carry('confirmation', url, { method: 'POST', headers, body: json(what) }))
}

function jsonHeaders(what: Consumption): Headers {
  return new Headers({ accept: 'application/json', 'idempotency-key': what.key, 'content-type': 'application/json' })
}

function json(what: Consumption): string {
  return JSON.stringify({ details_hash: what.detailsHash })
}

/** Sends until there is an answer that is final, and checks the receipt. */
async function useUp(
  server: Server,
  clientId: string,
  pauses: readonly number[] | undefined,
  what: Consumption,
  send: () => Promise<Response>,
): Promise<Receipt> {
  if (!what.id || !what.detailsHash || !/^[ -~]{1,128}$/.test(what.key)) {
    throw mistake('consume: id, hash or key is missing, or the key is not 1 to 128 printable characters')
  }
  const jws = await patiently(pauses ?? defaultPauses, async () => receiptIn(await send()))
  const receipt = await openReceipt(server, clientId, jws)
  if (receipt.confirmationId !== what.id || receipt.detailsHash !== what.detailsHash) throw badToken('the receipt is for another confirmation')
  return receipt
}

/** Tries again, after each pause, what may do better a moment later. */
async function patiently<T>(pauses: readonly number[], attempt: () => Promise<T>): Promise<T> {
  for (const pause of pauses) {
    try {
      return await attempt()
    } catch (error) {
      const passing = error instanceof StepUpError && error.code === 'unavailable' && error.status !== 429
      if (!passing) throw error
    }
    await wait(pause)
  }
  return attempt()
}

/** The receipt in an answer, as it came. */
async function receiptIn(response: Response): Promise<string> {
  const body = new Uint8Array(await response.arrayBuffer())
  if (response.status !== 200) {
    const { error, description } = problem(body)
    throw answered('confirmation', response, error, description)
  }
  try {
    const { receipt } = Object(JSON.parse(new TextDecoder().decode(body))) as { receipt?: unknown }
    if (typeof receipt === 'string' && receipt !== '') return receipt
  } catch {
    // The same as an answer without a receipt.
  }
  throw new StepUpError('unavailable', 'the answer holds no receipt', { endpoint: 'confirmation' })
}
