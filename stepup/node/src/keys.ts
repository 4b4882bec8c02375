import { importJWK, type CryptoKey, type JWK } from 'jose'
import * as oauth from 'oauth4webapi'
import { mistake } from './errors.js'

/** The two halves of a key, as WebCrypto has them. The public half has to be extractable. */
export interface KeyPair {
  privateKey: CryptoKey
  publicKey: CryptoKey
}

/** How an app proves who it is. */
export type Auth =
  /** A shared secret, in the header (the default) or in the form. */
  | { secret: string; method?: 'client_secret_basic' | 'client_secret_post' }
  /**
   * A key that signs a statement for each request, and never leaves the app: what payments
   * should use. A CryptoKey, or a private JWK with `alg` where it is of RSA; ES256, PS256,
   * EdDSA and RS256. `keyId` is its `kid` in the registered set, if there are several.
   */
  | { privateKey: CryptoKey | JWK; keyId?: string }
  /** For an app that cannot keep a secret. It can have no details confirmed. */
  | 'none'

/** The method of auth, by its name in the server's metadata. */
export function methodOf(auth: Auth): string {
  if (auth === 'none') return 'none'
  return 'privateKey' in auth ? 'private_key_jwt' : (auth.method ?? 'client_secret_basic')
}

/** What proves who the app is, for oauth4webapi. */
export async function clientAuth(auth: Auth): Promise<oauth.ClientAuth> {
  if (auth === 'none') return oauth.None()
  if ('privateKey' in auth) {
    const key = await privateKey(auth.privateKey)
    const kid = auth.keyId ?? (isJWK(auth.privateKey) ? auth.privateKey.kid : undefined)
    return oauth.PrivateKeyJwt(kid === undefined ? key : { key, kid }, { [oauth.modifyAssertion]: nameEdDSA })
  }
  if (typeof auth.secret !== 'string' || auth.secret === '') throw mistake('auth: the secret is missing')
  return auth.method === 'client_secret_post' ? oauth.ClientSecretPost(auth.secret) : oauth.ClientSecretBasic(auth.secret)
}

/** A handle that makes proofs of possession with key. */
export async function prover(client: oauth.Client, key: KeyPair | JWK): Promise<oauth.DPoPHandle> {
  return oauth.DPoP(client, isJWK(key) ? await pair(key) : key, { [oauth.modifyAssertion]: nameEdDSA })
}

/** Signatures of Ed25519 go by the name of RFC 8037 here, not yet by that of RFC 9864. */
function nameEdDSA(header: Record<string, unknown>): void {
  if (header['alg'] === 'Ed25519') header['alg'] = 'EdDSA'
}

function isJWK(key: CryptoKey | KeyPair | JWK): key is JWK {
  return typeof (key as JWK).kty === 'string'
}

async function pair(jwk: JWK): Promise<KeyPair> {
  const { kty, crv, x, y, n, e, alg } = jwk
  const half = Object.fromEntries(Object.entries({ kty, crv, x, y, n, e, alg }).filter(([, member]) => member !== undefined))
  const publicKey = await importJWK(half as JWK, algOf(jwk), { extractable: true })
  return { privateKey: await privateKey(jwk), publicKey: publicKey as CryptoKey }
}

async function privateKey(key: CryptoKey | JWK): Promise<CryptoKey> {
  if (!isJWK(key)) return key
  const imported = await importJWK(key, algOf(key))
  if (imported instanceof Uint8Array || imported.type !== 'private') throw mistake('the key has to be a private one')
  return imported
}

function algOf(jwk: JWK): string {
  const byCurve: Record<string, string> = { 'P-256': 'ES256', Ed25519: 'EdDSA' }
  const alg = jwk.alg ?? byCurve[jwk.crv ?? '']
  if (alg === undefined) throw mistake('the key has to be EC on P-256, Ed25519, or RSA with an "alg"')
  return alg
}
