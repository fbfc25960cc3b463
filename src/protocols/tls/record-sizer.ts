import { MAX_PLAINTEXT_LENGTH } from '../../wire/tls/record.ts'
import type { Nanos } from '../endpoint.ts'

/** With what a record adds, this fits one segment of TCP with timestamps, over IPv4 or IPv6 on Ethernet. */
const SMALL = 1400
/** So many bytes go in small records, about as many as several round trips of slow start carry. */
const START = 65_536
/** After so long without a record, the connection starts anew. */
const IDLE = 1_000_000_000

/**
 * How many bytes go into the next record. A record can only be used when all of it has come, so while the congestion window is small,
 * or one lost segment holds back all that is behind it, small records let the reader begin earlier; large ones cost less. Servers on the
 * web therefore begin with small ones and go on with large ones.
 */
export class RecordSizer {
  private sent = 0
  private last: Nanos = -Infinity

  /** @param fixed bytes of plaintext; 0: small at first, then large */
  constructor(private readonly fixed: number) {}

  /** @param available bytes that wait */
  next(now: Nanos, available: number): number {
    if (this.fixed > 0) return this.fixed
    if (now - this.last > IDLE) this.sent = 0
    this.last = now
    const size = this.sent < START ? SMALL : MAX_PLAINTEXT_LENGTH
    this.sent += Math.min(size, available)
    return size
  }
}
