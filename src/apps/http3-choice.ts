/**
 * Whether a browser asks an origin over HTTP/3, and how it learns of that: RFC 9114 section 3.1, RFC 7838. QUIC has a head start; TCP follows
 * when there is no answer by then, so that a network which lets no UDP through costs little. What has failed where TCP worked is left alone
 * for a while. All of it as in Chrome: its network stack's HttpStreamFactory::JobController and BrokenAlternativeServices.
 */
import type { Environment } from '../kernel/machine.ts'
import { MILLISECOND, SECOND, type Nanos } from '../kernel/time.ts'
import type { HttpProtocol } from '../scenario/tls-settings.ts'
import { AlternativeServices, BrokenServices } from './alt-svc.ts'
import type { AdvertisedService } from './alt-svc.ts'
import { formatOrigin, type HttpUrl } from './url.ts'

/** Where an origin is asked over HTTP/3. */
export interface Http3Place {
  readonly host: string
  /** UDP port. */
  readonly port: number
}

/** The head start of QUIC, in smoothed round trips of the connection before; where there was none; and at most. */
const HEAD_START = 1.5
const USUAL_HEAD_START: Nanos = 300 * MILLISECOND
const LONGEST_HEAD_START: Nanos = 3 * SECOND

/** What a browser remembers of HTTP/3, over all origins and visits. */
export class Http3Memory {
  private readonly services = new AlternativeServices()
  private readonly broken: BrokenServices
  /** Smoothed round-trip times by origin. */
  private readonly roundTrips = new Map<string, Nanos>()

  /**
   * @param protocols as the browser is told: `undefined` is what is usual
   * @param rest how long HTTP/3 is left alone where it has failed for the first time
   */
  constructor(
    private readonly environment: Environment,
    private readonly protocols: readonly HttpProtocol[] | undefined,
    rest: Nanos,
  ) {
    this.broken = new BrokenServices(rest)
  }

  /** Where an origin is asked over HTTP/3; undefined: nowhere, for now. */
  placeFor(url: HttpUrl): Http3Place | undefined {
    if (url.scheme !== 'https') return undefined
    const { now } = this.environment
    const isListed = this.protocols?.includes('h3')
    if (isListed === false) return undefined
    const told = this.services.find(formatOrigin(url), 'h3', now)
    const place = told ?? (isListed === true ? { host: '', port: url.port } : undefined)
    if (place === undefined) return undefined
    const host = place.host === '' ? url.host : place.host
    // Who has nothing else tries all the same.
    const isOnlyOne = this.protocols?.length === 1
    return isOnlyOne || !this.broken.isBroken(keyOf(host, place.port), now) ? { host, port: place.port } : undefined
  }

  /** How long TCP waits for QUIC. What has failed lately gets no head start. */
  headStart(url: HttpUrl, { host, port }: Http3Place): Nanos {
    if (this.broken.isDoubtful(keyOf(host, port))) return 0
    const roundTrip = this.roundTrips.get(formatOrigin(url))
    return roundTrip === undefined ? USUAL_HEAD_START : Math.min(Math.ceil(roundTrip * HEAD_START), LONGEST_HEAD_START)
  }

  /** A connection has shown how long a round trip takes. */
  noteRoundTrip(url: HttpUrl, smoothed: Nanos): void {
    this.roundTrips.set(formatOrigin(url), smoothed)
  }

  /** An origin has said where else it is to be found. @param age of the response in seconds */
  note(url: HttpUrl, services: readonly AdvertisedService[] | 'clear', age: number): void {
    const origin = formatOrigin(url)
    if (!this.services.note(origin, services, age, this.environment.now)) return
    const service = services === 'clear' ? undefined : services.find(({ protocol }) => protocol === 'h3')
    if (service === undefined) {
      this.environment.record('alt-svc:forgotten', '', { origin })
      return
    }
    const { protocol, host, port, maxAge } = service
    this.environment.record('alt-svc:remembered', '', { origin, protocol, host: host === '' ? url.host : host, port, maxAge })
  }

  /** It failed, though TCP works. */
  failed(url: HttpUrl, { host, port }: Http3Place, error: string): void {
    const rest = this.broken.failed(keyOf(host, port), this.environment.now)
    this.environment.record('alt-svc:broken', '', { origin: formatOrigin(url), host, port, error, rest })
  }

  /** It works. */
  confirmed({ host, port }: Http3Place): void {
    this.broken.confirmed(keyOf(host, port))
  }

  networkChanged(): void {
    this.services.networkChanged()
    this.broken.networkChanged()
    this.roundTrips.clear()
  }
}

function keyOf(host: string, port: number): string {
  return `${host} ${String(port)}`
}
