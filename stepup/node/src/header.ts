/** One challenge of a WWW-Authenticate header; the names of its parameters are in small letters. */
export interface RawChallenge {
  scheme: string
  parameters: Map<string, string>
}

const longest = 8 << 10 // characters of a header that are looked at

/**
 * Splits a WWW-Authenticate header into its challenges.
 *
 * The grammar is awkward: commas part both challenges and their parameters, so a word is a
 * new scheme unless "=" follows it. It returns `undefined` for anything that does not
 * follow the grammar, and for a parameter that is there twice.
 *
 * Source: RFC 9110 sections 5.6.2, 5.6.4, 11.2, 11.3 and 11.6.1.
 */
export function parseHeader(header: string): RawChallenge[] | undefined {
  if (header.length > longest) return undefined
  const all: RawChallenge[] = []
  const s = new Scanner(header)
  for (;;) {
    s.take(/[ \t,]*/y)
    if (s.atEnd()) return all
    const word = s.take(token)
    if (word === undefined) return undefined
    if (s.take(/[ \t]*=/y) !== undefined) {
      const last = all.at(-1)
      if (last === undefined || !s.parameter(last.parameters, word)) return undefined
      continue
    }
    all.push({ scheme: word, parameters: new Map() })
    if (!s.afterScheme()) return undefined
  }
}

const token = /[A-Za-z0-9!#$%&'*+\-.^_`|~]+/y
const quoted = /"((?:[\t !#-[\]-~\u0080-\uffff]|\\[\t -~\u0080-\uffff])*)"/y

/** Walks over a header. */
class Scanner {
  private at = 0

  constructor(private readonly text: string) {}

  atEnd(): boolean {
    return this.at === this.text.length
  }

  /** Reads what pattern, a sticky one, matches here; `undefined` if it does not. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0]
    this.at += found?.length ?? 0
    return found
  }

  /** Whether what parts one thing from the next comes now. */
  private parted(): boolean {
    return this.atEnd() || this.text[this.at] === ','
  }

  /** Reads what parts a scheme from its parameters, and a token68 if it has one instead. */
  afterScheme(): boolean {
    if (this.parted()) return true
    if (this.take(/ +/y) === undefined) return false
    const start = this.at
    if (this.take(/[A-Za-z0-9!#$%&'*+\-.^_`|~/]+=*[ \t]*/y) === undefined || !this.parted()) this.at = start
    return true
  }

  /** Reads the value of name into parameters. */
  parameter(parameters: Map<string, string>, name: string): boolean {
    this.take(/[ \t]*/y)
    const value = this.take(quoted)?.slice(1, -1).replace(/\\(.)/g, '$1') ?? this.take(token)
    const key = name.toLowerCase()
    if (value === undefined || parameters.has(key)) return false
    parameters.set(key, value)
    this.take(/[ \t]*/y)
    return this.parted()
  }
}
