import type { Nanos } from '../endpoint.ts'

/** Payload in a SYN to a server that has never named an MSS (RFC 7413 section 4.1.3). */
const CAUTIOUS_MSS = 536
/** After two losses in a row it is not tried for two times as long as one minute, then four, and so on (as Linux). */
const LOSSES_TOLERATED = 2
const PAUSE: Nanos = 60_000_000_000
const MOST_DOUBLINGS = 10

/** What a client remembers of a server: RFC 7413 section 4.1.3. Connections to it share one. */
export class FastOpenPeer {
  /** undefined: none yet. */
  cookie: Uint8Array | undefined
  mss = CAUTIOUS_MSS
  /** SYNs with the option that were lost, in a row. */
  losses = 0
  lastLostAt: Nanos = 0

  /** Whether the option may be used now; some middleboxes drop SYNs that have it, or data (RFC 7413 section 4.1.3.1). */
  mayTry(now: Nanos): boolean {
    if (this.losses < LOSSES_TOLERATED) return true
    return now - this.lastLostAt > PAUSE * (1 << Math.min(this.losses, MOST_DOUBLINGS))
  }
}
