/**
 * Remembers which proofs of possession were used, so that each passes once. Several processes
 * of one API have to share one memory: with one for each, a proof that was copied passes once
 * at every process until it is too old. A database does with one INSERT of a unique key, Redis
 * with SET NX PXAT.
 *
 * Source: RFC 9449 section 11.1.
 */
export interface ReplayMemory {
  /**
   * Records key, of 43 characters of base64url, and returns whether it was not there before.
   * Of any number of calls at once with the same key, exactly one may be told `true`. The key
   * may be forgotten after until, in milliseconds since 1970, which is about a minute away.
   * After an error the request is answered with 503.
   */
  firstUse(key: string, until: number): boolean | Promise<boolean>
}

/**
 * A memory for an API that is one process. When it is full it refuses new proofs until others
 * are too old: forgetting one early would let it pass twice. Only who has a bound token and
 * its key can fill it.
 */
export class MemoryReplays implements ReplayMemory {
  private readonly until = new Map<string, number>()
  private sweptAt = 0

  constructor(private readonly most = 1 << 18) {}

  firstUse(key: string, until: number): boolean {
    this.sweep()
    if (this.until.has(key)) return false
    if (this.until.size >= this.most) throw new Error(`more than ${this.most} proofs were used`)
    this.until.set(key, until)
    return true
  }

  /** Forgets what is too old to pass anyway, at most once a second. */
  private sweep(): void {
    const now = Date.now()
    const since = now - this.sweptAt
    if (since >= 0 && since < 1000) return
    this.sweptAt = now
    for (const [key, until] of this.until) if (until < now) this.until.delete(key)
  }
}
