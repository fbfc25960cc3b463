import type { IpAddress } from '../wire/address.ts'
import { MILLISECOND, SECOND, type Nanos } from '../kernel/time.ts'
import { SparseMap } from './sparse-map.ts'
import { TokenBucket } from './token-bucket.ts'

/** Errors per destination, as Linux limits them: six at once, then one a second. */
const ERRORS_AT_ONCE = 6
const ERROR_INTERVAL = SECOND
/** Errors altogether, as Linux limits them: fifty at once, then a thousand a second. */
const ALL_ERRORS_AT_ONCE = 50
const ALL_ERRORS_INTERVAL = MILLISECOND
/** Most destinations whose errors are counted apart. */
const LIMITED_DESTINATIONS = 1024

/** How many errors of ICMP a host may send: RFC 1812 section 4.3.2.8, RFC 4443 section 2.4 (f). */
export class ErrorLimit<Address extends IpAddress> {
  private readonly limits = new SparseMap<Address, TokenBucket>()
  private readonly limit = new TokenBucket(ALL_ERRORS_AT_ONCE, ALL_ERRORS_INTERVAL)

  /** Takes one error to a destination, if there is one left. */
  allows(destination: Address, now: Nanos): boolean {
    let limit = this.limits.get(destination)
    if (limit === undefined) {
      if (this.limits.size >= LIMITED_DESTINATIONS) this.limits.clear()
      limit = new TokenBucket(ERRORS_AT_ONCE, ERROR_INTERVAL)
      this.limits.set(destination, limit)
    }
    return limit.take(now) && this.limit.take(now)
  }
}
