import type { JWK } from 'jose'
import * as oauth from 'oauth4webapi'
import { answered, badToken, mistake, StepUpError, type Endpoint } from './errors.js'
import { problem, secureUrl } from './fetch.js'
import { clientAuth, methodOf, prover, type Auth, type KeyPair } from './keys.js'
import { Server, type ServerConfig } from './server.js'

/** What an app has to know to use a Sallyport tenant. */
export interface StepUpConfig extends ServerConfig {
  clientId: string
  /** How the app proves who it is. */
  auth: Auth
  /** One of those that are registered, to the letter. */
  redirectUri: string
  /**
   * Binds the app's tokens to a key: a pair, or a private JWK. Every process of the app
   * needs the same one, for a code that one asked for can be redeemed by it alone.
   *
   * Source: RFC 9449.
   */
  dpop?: KeyPair | JWK | undefined
  /**
   * How many milliseconds to wait before each further try to consume; by default 250,
   * 1000 and 4000.
   */
  pauses?: readonly number[] | undefined
}

/** What all requests of a client have in common. */
export class Core {
  readonly client: oauth.Client

  private constructor(
    readonly config: StepUpConfig,
    readonly server: Server,
    readonly auth: oauth.ClientAuth,
    readonly dpop: oauth.DPoPHandle | undefined,
  ) {
    this.client = { client_id: config.clientId, [oauth.clockTolerance]: server.clockTolerance }
  }

  /** Reads the discovery document; see {@link Server.discover}. */
  static async connect(config: StepUpConfig): Promise<Core> {
    if (!config.clientId) throw mistake('clientId: is missing')
    if (!URL.canParse(config.redirectUri) || config.redirectUri.includes('#')) {
      throw mistake('redirectUri: must be absolute and without a fragment')
    }
    const auth = await clientAuth(config.auth)
    const dpop = config.dpop && (await prover({ client_id: config.clientId }, config.dpop))
    const server = await Server.discover(config)
    const offered = server.metadata.token_endpoint_auth_methods_supported
    if (offered !== undefined && !offered.includes(methodOf(config.auth))) {
      throw mistake(`auth: the server does not offer ${methodOf(config.auth)}`)
    }
    return new Core(config, server, auth, dpop)
  }

  get issuer(): string {
    return this.config.issuer
  }

  get clientId(): string {
    return this.config.clientId
  }

  /** What every call of oauth4webapi is given. */
  options(endpoint: Endpoint): ReturnType<Server['options']> & { DPoP?: oauth.DPoPHandle } {
    const options = this.server.options(endpoint)
    return this.dpop ? { ...options, DPoP: this.dpop } : options
  }

  /**
   * Makes a request and reads its answer. Where the server wants its nonce in the proof of
   * possession, both are done once more: the first answer brought it.
   *
   * Source: RFC 9449 section 8.
   */
  async ask<T>(endpoint: Endpoint, request: () => Promise<T>): Promise<T> {
    try {
      return await request().catch((error: unknown) => {
        if (this.dpop && oauth.isDPoPNonceError(error)) return request()
        throw error
      })
    } catch (error) {
      throw await failure(endpoint, error)
    }
  }

  /** Fetches with an access token of this app. Only {@link Core.ask} may call it. */
  async withToken(endpoint: Endpoint, token: string, method: string, url: string, headers?: Headers, body?: string): Promise<Response> {
    const options = this.options(endpoint)
    return oauth.protectedResourceRequest(token, method, secureUrl(url, endpoint), headers, body, options)
  }

  /** Refuses tokens of another type than this app asks for: they are to be used in another way. */
  checkType(type: string): void {
    const want = this.dpop ? 'dpop' : 'bearer'
    if (type !== want) throw badToken(`the server sent a token of another type than ${want}`)
  }
}

/**
 * The error to throw for what oauth4webapi threw. Its own are not passed on: their cause
 * may hold tokens.
 */
async function failure(endpoint: Endpoint, error: unknown): Promise<unknown> {
  if (error instanceof oauth.ResponseBodyError) {
    return answered(endpoint, error.response, error.error, error.error_description)
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    const said = problem(new Uint8Array(await error.response.arrayBuffer()))
    const challenged = error.cause.find((challenge) => challenge.parameters.error !== undefined)?.parameters
    return answered(endpoint, error.response, said.error || challenged?.error, said.description || challenged?.error_description)
  }
  if (error instanceof oauth.OperationProcessingError && error.cause instanceof Response && error.cause.status >= 400) {
    return answered(endpoint, error.cause, undefined, error.message)
  }
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError) {
    return endpoint === 'token' ? badToken(error.message) : new StepUpError('unavailable', error.message, { endpoint })
  }
  return error
}
