import { validAcr, words } from './acr.js'
import { parseHeader, type RawChallenge } from './header.js'

const insufficient = 'insufficient_user_authentication'

/**
 * An API's demand for a stronger or fresher proof of the user. Source: RFC 9470 section 3.
 */
export interface Challenge {
  /** Any of them will do; empty means the API names none. */
  acr: string[]
  /** In seconds. */
  maxAge?: number
  /** What the token has to carry besides, separated by spaces. */
  scope?: string
  /** For developers. It comes from outside, so a page has to escape it. */
  description?: string
}

/**
 * The first demand of RFC 9470 in an answer, its headers, or a value of WWW-Authenticate;
 * `undefined` if there is none, and also if the header cannot be read as a whole: a demand
 * that is understood by half could ask for too little.
 */
export function parseChallenge(from: Response | Headers | string): Challenge | undefined {
  const header = typeof from === 'string' ? from : ('headers' in from ? from.headers : from).get('www-authenticate')
  const all = header ? parseHeader(header) : undefined
  const demand = all?.find(({ scheme, parameters }) => /^(bearer|dpop)$/i.test(scheme) && parameters.get('error') === insufficient)
  return demand && read(demand)
}

function read({ parameters }: RawChallenge): Challenge | undefined {
  const acr = words(parameters.get('acr_values'))
  const scope = words(parameters.get('scope'))
  const description = quotable(parameters.get('error_description') ?? '')
  const age = parameters.get('max_age')
  if (![...acr, ...scope].every(validAcr)) return undefined
  if (age !== undefined && !(/^\d{1,10}$/.test(age) && Number(age) < 2 ** 31)) return undefined
  return {
    acr,
    ...(age === undefined ? {} : { maxAge: Number(age) }),
    ...(scope.length === 0 ? {} : { scope: scope.join(' ') }),
    ...(description ? { description } : {}),
  }
}

/** A demand as the parameters of a challenge. */
export function demandParameters(challenge: Challenge): [string, string][] {
  const parameters: [string, string][] = [['error', insufficient]]
  if (challenge.description) parameters.push(['error_description', challenge.description])
  if (challenge.acr.length > 0) parameters.push(['acr_values', challenge.acr.join(' ')])
  if (challenge.maxAge !== undefined) parameters.push(['max_age', String(challenge.maxAge)])
  if (challenge.scope) parameters.push(['scope', challenge.scope])
  return parameters
}

/** A value of WWW-Authenticate, in quoted strings that need no escapes. */
export function formatChallenge(scheme: string, parameters: readonly [string, string][]): string {
  return `${scheme} ${parameters.map(([name, value]) => `${name}="${quotable(value)}"`).join(', ')}`.trim()
}

/** Leaves out what would need an escape within quotes. Source: RFC 6750 section 3. */
function quotable(text: string): string {
  return text.replace(/[^ -~]|["\\]/g, '')
}
