import type { Nanos } from '../endpoint.ts'

/** What one connection knows of how large segments may be on the way to its peer; what it does with it is in `path-mtu.ts`. */
export class PathLimits {
  /** Agreed upon by the handshake. */
  agreed = 0
  /** What the path takes by all that was reported. */
  reported = 0
  /** Whether a search is on, or has been. */
  searching = false
  /** Known to get through. */
  low = 0
  /** Not known not to get through. */
  high = 0
  /** When bounds last came together. */
  settledAt: Nanos = 0
  /** Position of a probe's first byte; -1: none is on its way. */
  probeStart = -1
  probeEnd = -1
  /** MSS that the probe tries. */
  probeSize = 0

  /** Most that a segment may carry, options included. */
  get effective(): number {
    const known = Math.min(this.agreed, this.reported)
    return this.searching ? Math.min(known, this.low) : known
  }
}
