import type { Nanos } from '../endpoint.ts'
import type { RandomBytes } from '../../crypto/random-bytes.ts'
import type { RemoteConnectionId } from './connection-ids.ts'
import type { SocketAddress } from './datagram.ts'
import { PathMtu } from './path-mtu.ts'
import { PathValidation } from './path-validation.ts'
import { EcnValidation } from './recovery/ecn-validation.ts'
import { PathCongestion, type PathCongestionOptions } from './recovery/path-congestion.ts'
import { INITIAL_RTT, RttEstimate } from './recovery/rtt-estimate.ts'

/** RFC 9000 section 8.1. */
const AMPLIFICATION = 3
const NEVER_LIMITED = Infinity
/** What is kept of the allowance for challenges, in bytes: without an answer to them there would never be more of it. */
const RESERVE = 128
/** What one of them takes, at most. */
const CHALLENGE = 64

export interface PathOptions extends PathCongestionOptions {
  /** Whether packets are sent as ECT(0) while the path lets it through. Default: true. */
  readonly ecn?: boolean
  /** The largest datagram to try, in bytes of UDP payload; 1200: none larger. */
  readonly maxUdpPayload: number
  /** In nanoseconds. Default: 333 ms. */
  readonly initialRtt?: Nanos
}

/** One way between two addresses, and all that is measured of it. */
export class Path {
  readonly rtt: RttEstimate
  readonly congestion: PathCongestion
  readonly ecn: EcnValidation
  readonly mtu: PathMtu
  readonly validation: PathValidation
  /** What packets that go this way are addressed with; undefined: the peer has not given out enough. */
  connectionId: RemoteConnectionId | undefined
  private allowance: number

  /**
   * @param limited whether the peer may be somebody else, who did not ask for what is sent there (RFC 9000 sections 8.1 and 9.3.1)
   * @param from a path whose round-trip time and window hold for this one, too: where only the peer's port differs (section 9.4)
   */
  constructor(
    readonly local: SocketAddress,
    readonly remote: SocketAddress,
    options: PathOptions,
    limited: boolean,
    random: RandomBytes,
    from?: Path,
  ) {
    this.rtt = from?.rtt ?? new RttEstimate(options.initialRtt ?? INITIAL_RTT)
    this.mtu = from?.mtu ?? new PathMtu(options.maxUdpPayload)
    this.validation = new PathValidation(random)
    this.congestion = new PathCongestion(options, this.rtt, this.mtu.size, from?.congestion)
    this.ecn = from?.ecn ?? new EcnValidation(options.ecn ?? true)
    this.allowance = limited ? 0 : NEVER_LIMITED
  }

  /** How many bytes may be sent now, before the address is validated; `Infinity`: it is. */
  get sendable(): number {
    const { allowance, validation } = this
    if (validation.state !== 'validating' || allowance === NEVER_LIMITED) return allowance
    return Math.max(allowance - RESERVE, validation.isChallengeDue ? Math.min(allowance, CHALLENGE) : 0)
  }

  /** A datagram came from there. */
  datagramReceived(length: number): void {
    this.allowance += AMPLIFICATION * length
  }

  /** A datagram goes there. */
  datagramSent(length: number): void {
    this.allowance -= length
  }

  /** The peer is known to be there. */
  addressValidated(): void {
    this.allowance = NEVER_LIMITED
  }
}
