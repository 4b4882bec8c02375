import { answered, printable, StepUpError, type Endpoint } from './errors.js'

const largest = 256 << 10 // bytes of an answer of the server's
const patience = 10_000 // milliseconds

/** The part of fetch that is used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * Carries a request to the server: it gives up after 10 s or 256 KiB, and follows no
 * redirect, which would let another host speak for the server. An answer that says the
 * server cannot is an error here already.
 *
 * @throws {StepUpError} `unavailable`
 */
export async function carry(fetch: Fetch, endpoint: Endpoint, url: string, init: RequestInit): Promise<Response> {
  let response: Response
  let body: Uint8Array<ArrayBuffer>
  try {
    response = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(patience) })
    body = await read(response)
  } catch (cause) {
    if (cause instanceof StepUpError) throw cause
    throw new StepUpError('unavailable', `the ${endpoint} endpoint was not reached`, { endpoint, cause })
  }
  if (response.status >= 500) {
    const { error, description } = problem(body)
    throw answered(endpoint, response, error, description)
  }
  const empty = response.status === 204 || response.status === 304
  return new Response(empty ? null : body, { status: response.status, headers: response.headers })
}

async function read(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += part.byteLength
    if (size > largest) throw new Error(`the answer is larger than ${largest} bytes`)
    parts.push(part)
  }
  return Uint8Array.from(Buffer.concat(parts))
}

/**
 * Reads an error body of RFC 6749 section 5.2, or the problem of RFC 9457 with a code
 * beside it. A body that is neither has no code; the status says enough.
 */
export function problem(body: Uint8Array): { error: string; description: string } {
  try {
    const said = Object(JSON.parse(new TextDecoder().decode(body))) as Record<string, unknown>
    return { error: printable(said['error'], 100), description: printable(said['error_description'] ?? said['title'], 200) }
  } catch {
    return { error: '', description: '' }
  }
}

/**
 * Parses raw and refuses what must not carry tokens: anything but https, save http to
 * this very machine. Names under .localhost mean it, as RFC 6761 section 6.3 says.
 *
 * @throws {TypeError}
 */
export function secureUrl(raw: string, what: string): URL {
  let url: URL
  try {
    url = new URL(raw)
  } catch {
    throw new TypeError(`stepup: ${what}: is not an address`)
  }
  if (url.username || url.password || url.hash) throw new TypeError(`stepup: ${what}: must not have a user name or a fragment`)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && loopback(url.hostname))) return url
  throw new TypeError(`stepup: ${what}: must be https, or http on a loopback address`)
}

function loopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}
