import type { IpAddress } from '../../wire/address.ts'
import type { SentStreamData } from './packet-draft.ts'

/** Where a datagram comes from or goes to. */
export interface SocketAddress {
  readonly address: IpAddress
  /** UDP port, in [0, 65535]. */
  readonly port: number
}

/** The two ECN bits of an IP header: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE. RFC 3168 section 5. */
export type EcnBits = 0 | 1 | 2 | 3

/** A UDP datagram, in either direction. */
export interface QuicDatagram {
  /** Ours. */
  readonly local: SocketAddress
  /** The peer's. */
  readonly remote: SocketAddress
  readonly ecn: EcnBits
  /** The payload. It does not change any more. */
  readonly bytes: Uint8Array
  /** Which bytes of streams one of ours carries, when it carries some and somebody watches (option `observe`). */
  readonly streams?: readonly SentStreamData[]
}

/** Whether two are the same. */
export function sameAddress(a: SocketAddress, b: SocketAddress): boolean {
  return a === b || (a.port === b.port && a.address === b.address)
}
