/**
 * How large datagrams may be on one path: datagram packetization layer path MTU discovery.
 *
 * Required reading: RFC 8899 (states and constants; sections 4 and 5), RFC 9000 sections 14.2 (routers' reports), 14.3 and 14.4 (probes), RFC
 * 8899 section 4.3 (black holes).
 *
 * How it works. 1,200 bytes fit everywhere, or QUIC would not be there (BASE). Then packets with nothing but PING and PADDING try
 * larger sizes (SEARCHING): first the largest, for most paths take what the own link takes, then the middle of what is known to fit and what
 * is known not to. Three probes of one size must be lost until it counts as too large; no congestion control is involved. When
 * both are close the search is over (SEARCH_COMPLETE), until a timer begins it anew, or until packets of that size are lost again and again
 * while none of them arrives: then the path has changed, and all begins at the base. Sizes are of UDP payloads, in bytes.
 */
import type { Nanos } from '../endpoint.ts'

/** BASE_PLPMTU of RFC 8899 section 5.1.2, with RFC 9000 section 14.3. */
const BASE_DATAGRAM = 1200
/** MAX_PROBES of RFC 8899 section 5.1.2. */
const MOST_PROBES = 3
/** PMTU_RAISE_TIMER of RFC 8899 section 5.1.1. */
const RAISE_AFTER: Nanos = 600_000_000_000
/** Bounds that are closer end the search. */
const PRECISION = 16
/** Losses in a row of packets larger than the base that speak of a black hole. */
const BLACK_HOLE_LOSSES = 6

/** As RFC 8899 section 5.2 names them. */
export type PathMtuState = 'BASE' | 'SEARCHING' | 'SEARCH_COMPLETE'

export class PathMtu {
  /** BASE: nothing is tried yet. */
  state: PathMtuState = 'BASE'
  /** What datagrams may have now: PLPMTU. */
  size = BASE_DATAGRAM
  /** What is not known not to fit. */
  private upper: number
  /** Size of the probe in flight; 0: there is none. */
  private probing = 0
  private lostProbes = 0
  /** Whether the largest size is still to be tried. */
  private triesMost = true
  private completeAt: Nanos = 0
  /** Losses of packets above the base since the last one that arrived. */
  private losses = 0

  /** @param most what the own link takes, and the peer (max_udp_payload_size) */
  constructor(private most: number) {
    this.upper = most
  }

  /** Begins the search: the handshake is over, and the path validated. */
  begin(now: Nanos): void {
    if (this.state !== 'BASE') return
    this.state = 'SEARCHING'
    this.settleIfClose(now)
  }

  /** The peer takes no more than that. */
  limit(most: number): void {
    this.most = Math.max(BASE_DATAGRAM, Math.min(this.most, most))
    this.upper = Math.min(this.upper, this.most)
    this.size = Math.min(this.size, this.most)
  }

  /** Size of the probe that should be sent now; 0: none. It counts as in flight against the window, and goes alone. */
  probeSize(now: Nanos): number {
    if (this.state === 'SEARCH_COMPLETE' && now - this.completeAt >= RAISE_AFTER && this.size < this.most) {
      this.state = 'SEARCHING'
      this.upper = this.most
      this.triesMost = true
      this.lostProbes = 0
    }
    if (this.state !== 'SEARCHING' || this.probing > 0) return 0
    return this.triesMost ? this.upper : (this.size + this.upper + 1) >>> 1
  }

  /** The probe was sent. */
  probeSent(size: number): void {
    this.probing = size
  }

  /** A packet was acknowledged. @param size of the packet */
  acknowledged(size: number, isProbe: boolean, now: Nanos): void {
    if (size > BASE_DATAGRAM) this.losses = 0
    if (!isProbe) return
    this.probing = 0
    this.lostProbes = 0
    this.triesMost = false
    // A report may have come meanwhile that such packets do not fit.
    if (size <= this.upper) this.size = Math.max(this.size, size)
    this.settleIfClose(now)
  }

  probeLost(size: number, now: Nanos): void {
    if (size !== this.probing) return
    this.probing = 0
    this.lostProbes++
    if (this.lostProbes < MOST_PROBES) return
    this.lostProbes = 0
    this.triesMost = false
    this.upper = Math.max(this.size, size - 1)
    this.settleIfClose(now)
  }

  private settleIfClose(now: Nanos): void {
    if (this.state !== 'SEARCHING' || this.upper - this.size >= PRECISION) return
    // The largest of all is worth the last step.
    if (this.triesMost && this.upper > this.size) return
    this.state = 'SEARCH_COMPLETE'
    this.completeAt = now
  }

  /** Another packet than a probe was lost. @returns whether datagrams have to be smaller from now on */
  lost(size: number, now: Nanos): boolean {
    if (size <= BASE_DATAGRAM || this.size <= BASE_DATAGRAM) return false
    this.losses++
    if (this.losses < BLACK_HOLE_LOSSES) return false
    this.losses = 0
    this.restart(this.size - 1, now)
    return true
  }

  /**
   * A router reports that packets are too big, and quotes one that is ours (RFC 9000 section 14.2.1).
   * @param size of UDP payloads that fit
   * @returns whether datagrams have to be smaller from now on
   */
  reported(size: number, now: Nanos): boolean {
    // Less than the base does not exist in QUIC: such a report is not believed.
    if (size < BASE_DATAGRAM || size >= this.upper) return false
    if (size >= this.size) {
      this.upper = size
      this.triesMost = true
      this.settleIfClose(now)
      return false
    }
    this.restart(size, now)
    return true
  }

  private restart(upper: number, now: Nanos): void {
    this.size = BASE_DATAGRAM
    this.upper = Math.max(upper, BASE_DATAGRAM)
    this.state = 'SEARCHING'
    this.triesMost = true
    this.probing = 0
    this.lostProbes = 0
    this.settleIfClose(now)
  }
}
