import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose'
import * as oauth from 'oauth4webapi'
import { mistake, StepUpError, type Endpoint } from './errors.js'
import { carry, secureUrl, type Fetch } from './fetch.js'

/**
 * The signatures that are accepted. "none" and the HS family, which would make a public
 * key or a client's secret a signing key, are not among them and cannot be added.
 */
export const signingAlgs = ['ES256', 'RS256', 'PS256', 'EdDSA']

/** What a client and a verifier both have to know of the server. */
export interface ServerConfig {
  /** The tenant's issuer, to the letter: https, or http on a loopback address. */
  issuer: string
  /** Sends the requests; that of Node by default. */
  fetch?: Fetch | undefined
  /** How far the server's clock may be off, in seconds: 10 by default, 60 at most. */
  clockTolerance?: number | undefined
}

/** The server, as its discovery document describes it. */
export class Server {
  /** What tokens are signed with. */
  readonly keys: JWTVerifyGetKey
  /** What receipts are signed with; none of them is ever taken away. */
  readonly receiptKeys: JWTVerifyGetKey

  private constructor(
    readonly metadata: oauth.AuthorizationServer,
    readonly base: string,
    readonly clockTolerance: number,
    private readonly http: Fetch,
  ) {
    this.keys = this.keySet(metadata.jwks_uri as string)
    this.receiptKeys = this.keySet(`${base}/receipts/jwks`)
  }

  /**
   * Reads the discovery document and refuses one that another issuer wrote, or whose
   * endpoints are less protected than the issuer itself.
   *
   * @throws {StepUpError} `unavailable` if it may be there later
   * @throws {TypeError} for a mistake in config, such as an issuer that has no document
   *
   * Source: OpenID Connect Discovery sections 4 and 4.3.
   */
  static async discover(config: ServerConfig): Promise<Server> {
    const issuer = checked(config)
    const http: Fetch = config.fetch ?? ((url, init) => fetch(url, init))
    const found = await oauth.discoveryRequest(issuer, {
      [oauth.customFetch]: (url: string, init: object) => carry(http, 'discovery', url, init),
      [oauth.allowInsecureRequests]: issuer.protocol === 'http:',
    })
    if (found.status !== 200) throw missing(config.issuer, found)
    let metadata: oauth.AuthorizationServer
    try {
      metadata = await oauth.processDiscoveryResponse(issuer, found)
    } catch (cause) {
      if (cause instanceof oauth.OperationProcessingError && cause.code === oauth.JSON_ATTRIBUTE_COMPARISON) throw otherIssuer()
      const reason = cause instanceof Error ? cause.message : 'the answer cannot be read'
      throw new StepUpError('unavailable', reason, { endpoint: 'discovery', status: found.status })
    }
    checkMetadata(metadata, config.issuer, issuer.protocol)
    return new Server(metadata, config.issuer.replace(/\/$/, ''), config.clockTolerance ?? 10, http)
  }

  get issuer(): string {
    return this.metadata.issuer
  }

  /** The address of what the server knows of one confirmation. */
  confirmation(id: string): string {
    return `${this.base}/confirmations/${encodeURIComponent(id)}`
  }

  /** Carries a request to one of the server's endpoints; see {@link carry}. */
  carry(endpoint: Endpoint, url: string, init: RequestInit): Promise<Response> {
    return carry(this.http, endpoint, url, init)
  }

  /** What every call of oauth4webapi is given. */
  options(endpoint: Endpoint): { [oauth.customFetch]: (url: string, init: object) => Promise<Response>; [oauth.allowInsecureRequests]: boolean } {
    return {
      [oauth.customFetch]: (url, init) => this.carry(endpoint, url, init),
      [oauth.allowInsecureRequests]: this.metadata.issuer.startsWith('http:'),
    }
  }

  /**
   * The keys at address. They are read when they are first needed and every ten minutes,
   * and again for a key that is not known, at most once in 5 seconds.
   */
  private keySet(address: string): JWTVerifyGetKey {
    return createRemoteJWKSet(new URL(address), {
      cooldownDuration: 5_000,
      [customFetch]: async (url, init) => {
        const response = await this.carry('keys', url, init)
        if (response.status === 200) return response
        throw new StepUpError('unavailable', `the keys endpoint answered ${response.status}`, { endpoint: 'keys', status: response.status })
      },
    })
  }

  /** Which of the accepted signatures the server says it uses for ID tokens, or all of them. */
  idTokenAlgs(): string[] {
    const used = this.metadata['id_token_signing_alg_values_supported']
    return Array.isArray(used) ? signingAlgs.filter((alg) => used.includes(alg)) : signingAlgs
  }
}

/**
 * Why there is no document. Who asks at the wrong place is told so: it is as wrong later.
 *
 * Source: RFC 9110 sections 15.5.1 and 15.5.9; RFC 6585 section 4; RFC 8470 section 5.2.
 */
function missing(issuer: string, found: Response): Error {
  const { status } = found
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const passing = status < 400 || [408, 425, 429].includes(status)
  if (!passing) return mistake(`issuer: ${address} answered ${status}; check the issuer`)
  return new StepUpError('unavailable', `the discovery endpoint answered ${status}`, { endpoint: 'discovery', status })
}

function otherIssuer(): TypeError {
  return mistake('issuer: the server calls itself otherwise')
}

function checked(config: ServerConfig): URL {
  const issuer = secureUrl(config.issuer, 'issuer')
  if (config.issuer.includes('?')) throw mistake('issuer: must not have a query')
  const tolerance = config.clockTolerance ?? 10
  if (!(tolerance >= 0 && tolerance <= 60)) throw mistake('clockTolerance: must be between 0 and 60 seconds')
  return issuer
}

function checkMetadata(metadata: oauth.AuthorizationServer, issuer: string, protocol: string): void {
  if (metadata.issuer !== issuer) throw otherIssuer()
  const endpoints = [
    ['authorization_endpoint', true],
    ['token_endpoint', true],
    ['jwks_uri', true],
    ['pushed_authorization_request_endpoint', false],
    ['userinfo_endpoint', false],
  ] as const
  for (const [name, required] of endpoints) {
    const address = metadata[name]
    if (address === undefined && !required) continue
    const url = secureUrl(String(address), `discovery: ${name}`)
    if (protocol === 'https:' && url.protocol !== 'https:') throw mistake(`discovery: ${name}: must be https as the issuer is`)
  }
}
