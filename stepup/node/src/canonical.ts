import { createHash } from 'node:crypto'
import { StepUpError } from './errors.js'

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined }

const deepest = 100 // levels; a server takes fewer, and says so

/**
 * The canonical form of RFC 8785 of value. A member that is `undefined` is left out.
 *
 * It refuses what two readers could take for two things: a text that is not Unicode (also
 * U+FFFD, which is what is left of such a text), code points that are no characters,
 * numbers that are none, and whatever is not made of plain objects and lists.
 *
 * Source: RFC 8785; RFC 7493 sections 2.1 to 2.3.
 *
 * @throws {StepUpError} `bad_detail`
 */
export function canonical(value: unknown): string {
  return write(value, 0)
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeText(value)
    case 'boolean':
      return String(value)
    case 'number':
      if (!Number.isFinite(value)) throw bad('a number is none')
      // JSON.stringify writes numbers and texts as RFC 8785 sections 3.2.2.2 and 3.2.2.3
      // demand, which were made after it.
      return JSON.stringify(value)
    case 'object':
      if (value === null) return 'null'
      if (depth === deepest) throw bad(`there are more than ${deepest} levels`)
      return Array.isArray(value) ? writeList(value, depth) : writeObject(value, depth)
  }
  throw bad(`a ${typeof value} is not JSON`)
}

function writeList(list: readonly unknown[], depth: number): string {
  // Array.from fills the holes of a list, which map would pass over.
  return `[${Array.from(list, (element) => write(element, depth + 1)).join(',')}]`
}

/** Members stand in the order of the UTF-16 units of their names, which is that of sort. */
function writeObject(object: object, depth: number): string {
  if (!isPlain(object)) throw bad('an object is not a plain one')
  const members = Object.entries(object)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${writeText(name)}:${write(member, depth + 1)}`)
  return `{${members.join(',')}}`
}

function writeText(text: string): string {
  for (const character of text) {
    const c = character.codePointAt(0) as number
    if ((c >= 0xd800 && c <= 0xdfff) || c === 0xfffd) {
      throw bad('a text is not Unicode, or holds half of a surrogate pair')
    }
    if ((c & 0xfffe) === 0xfffe || (c >= 0xfdd0 && c <= 0xfdef)) {
      throw bad('a text holds a code point that is no character')
    }
  }
  return JSON.stringify(text)
}

function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object)
  return (prototype === null || prototype === Object.prototype) && !('toJSON' in object)
}

/**
 * Brings the texts of value into Unicode normal form C, as the server does before it
 * shows and hashes them. Names of members stay as they are.
 */
export function normalised(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.normalize('NFC')
  if (typeof value !== 'object' || value === null || depth === deepest) return value
  if (Array.isArray(value)) return Array.from(value, (element) => normalised(element, depth + 1))
  if (!isPlain(value)) return value
  const members = Object.entries(value).map(([name, member]) => [name, normalised(member, depth + 1)])
  return Object.fromEntries(members)
}

/** What binds a confirmation: equal hashes mean that all four are equal. */
export interface Bound {
  issuer: string
  clientId: string
  subject: string
  detail: unknown
}

/**
 * The hash that binds a confirmation to a server, an app, a user and a transaction. An app
 * computes it from what it is about to execute, never from what it was sent.
 *
 * It is base64url of the SHA-256 of the canonical JSON of `{client_id, detail, iss, sub}`,
 * with the texts of the detail in Unicode normal form C.
 *
 * @throws {StepUpError} `bad_detail`
 */
export function detailsHash({ issuer, clientId, subject, detail }: Bound): string {
  const document = canonical({ client_id: clientId, detail: normalised(detail), iss: issuer, sub: subject })
  return createHash('sha256').update(document, 'utf8').digest('base64url')
}

function bad(reason: string): StepUpError {
  return new StepUpError('bad_detail', reason)
}
