/** One factor: a password. */
export const ACR_1FA = 'urn:sallyport:acr:1fa'
/** One factor on a device that the user chose to trust. A server reports it; nobody can ask for it. */
export const ACR_TRUSTED_DEVICE = 'urn:sallyport:acr:td'
/** Two steps: a password and a code sent by email. */
export const ACR_2SV = 'urn:sallyport:acr:2sv'
/** Two factors of different kinds, both actively verified. */
export const ACR_MFA = 'urn:sallyport:acr:mfa'
/** A phishing-resistant login, such as one with a passkey. */
export const ACR_PHR = 'phr'
/** The same with a key that is bound to hardware. */
export const ACR_PHRH = 'phrh'

/** The levels of a login in their order; each implies those before it. */
const ladder: readonly string[] = [ACR_1FA, ACR_TRUSTED_DEVICE, ACR_2SV, ACR_MFA, ACR_PHR, ACR_PHRH]

const actionPrefix = 'urn:sallyport:action:'
const actionName = /^[a-z][a-z0-9_]{0,31}(\.[a-z][a-z0-9_]{0,31}){1,2}$/

/** The acr value that asks for the confirmation of one action, such as `payout.request`. */
export function action(name: string): string {
  return actionPrefix + name
}

/** The name of the action that acr stands for, or `undefined`. */
export function actionOf(acr: string): string | undefined {
  return acr.startsWith(actionPrefix) ? acr.slice(actionPrefix.length) : undefined
}

/** Whether name can be that of an action: two or three words, joined by dots. */
export function isActionName(name: unknown): name is string {
  return typeof name === 'string' && actionName.test(name)
}

/**
 * Whether a token that says `have` meets a demand for `want`.
 *
 * - On the ladder 1fa < td < 2sv < mfa < phr < phrh a stronger level satisfies a weaker one.
 * - A trusted device satisfies 1fa and nothing else, and a demand for it is never met.
 * - An action is satisfied by that very action alone, and satisfies no level.
 * - Any other value, such as an alias that a tenant defines, must be equal.
 */
export function satisfies(have: string, want: string): boolean {
  if (have === '' || want === '' || want === ACR_TRUSTED_DEVICE) return false
  const h = ladder.indexOf(have)
  const w = ladder.indexOf(want)
  return h >= 0 && w >= 0 ? h >= w : have === want
}

/**
 * Whether v can travel in acr_values and in a quoted string of an HTTP header: printable
 * ASCII without space, quote and backslash.
 */
export function validAcr(v: unknown): v is string {
  return typeof v === 'string' && /^[!#-[\]-~]{1,256}$/.test(v)
}

/** One acr value or several, as a list. */
export function acrs(acr: string | readonly string[] | undefined): string[] {
  return acr === undefined ? [] : typeof acr === 'string' ? [acr] : [...acr]
}

/** The words of a text that has spaces between them. */
export function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '')
}
