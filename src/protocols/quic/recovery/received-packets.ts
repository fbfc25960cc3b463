/**
 * What has come in, in one packet-number space, and when to say so.
 *
 * Required reading: RFC 9000 sections 12.3 (duplicates), 13.2 (when to acknowledge, and what), 13.4.1 (ECN counts), 19.3 (the ACK frame).
 *
 * How it works. Numbers of received packets are kept as ranges. An ACK frame reports the newest of them; what the peer is known to have
 * heard of, because it acknowledged a packet with an ACK frame, is not reported again, but still remembered to tell duplicates. The number
 * of ranges is bounded: behind the oldest one nothing is taken any more.
 */
import type { Nanos } from '../../endpoint.ts'
import type { AckFrame } from '../../../wire/quic/frame.ts'
import type { EcnBits } from '../datagram.ts'

/** So many ranges are remembered, and packets that are older than all of them are refused. */
const MOST_RANGES = 256
/** So many are reported at once: RFC 9000 section 13.2.3 leaves the number to the receiver. */
const MOST_REPORTED = 32
/** RFC 9000 section 13.2.2. */
const PACKETS_PER_ACK = 2
/** After so many packets with nothing but ACK frames one should draw an acknowledgment, so that ranges can be forgotten: section 13.2.4. */
const PACKETS_PER_PING = 16

const NANOS_PER_MICROSECOND = 1000

export class ReceivedPackets {
  /** Largest packet number so far; -1: none. What truncated numbers are decoded by (RFC 9000 appendix A.3). */
  largest = -1
  /** Whether an acknowledgment is due at once. */
  ackNow = false
  /** When one is due at the latest; -1: none is owed. */
  ackAt: Nanos = -1
  /** Packets that came with each mark. */
  private ect0 = 0
  private ect1 = 0
  private ce = 0
  /** Smallest and largest number of each range, in rising order. */
  private readonly ranges: number[] = []
  /** Smaller numbers are refused: they may have been received, it is forgotten. */
  private floor = 0
  private largestAt: Nanos = 0
  /** Largest number of a packet that asked for an acknowledgment. */
  private largestEliciting = -1
  /** Such packets since the last ACK frame. */
  private unreported = 0
  /** The peer knows of packets up to this one, as far as they had come. */
  private knownUpTo = -1
  /** ACK frames that went out in packets that ask for no acknowledgment, since the last that did. */
  private silentReports = 0

  /**
   * @param delay how long an acknowledgment may wait in nanoseconds (max_ack_delay); 0 for handshakes: they are acknowledged at once
   * (RFC 9000 section 13.2.1)
   */
  constructor(private readonly delay: Nanos) {}

  /** Whether a packet of that number is to be dropped, as it was received before or may have been (RFC 9000 section 12.3). */
  isDuplicate(number: number): boolean {
    if (number > this.largest) return false
    if (number < this.floor) return true
    const { ranges } = this
    for (let i = ranges.length - 2; i >= 0; i -= 2) {
      if (number >= ranges[i]) return number <= ranges[i + 1]
    }
    return false
  }

  /**
   * A packet was authenticated, and all its frames were taken.
   * @param eliciting whether it holds anything but ACK, PADDING and CONNECTION_CLOSE
   */
  record(number: number, eliciting: boolean, ecn: EcnBits, now: Nanos): void {
    if (ecn === 2) this.ect0++
    else if (ecn === 1) this.ect1++
    else if (ecn === 3) this.ce++
    if (eliciting) this.owe(number, ecn === 3, now)
    if (number > this.largest) {
      this.largest = number
      this.largestAt = now
    }
    this.insert(number)
    // What comes so late has to be reported once more.
    if (number <= this.knownUpTo) this.knownUpTo = number - 1
  }

  /** RFC 9000 section 13.2.1. */
  private owe(number: number, marked: boolean, now: Nanos): void {
    this.unreported++
    // Out of order, or behind a gap, so that the sender finds losses early; and marked, so that it slows down.
    const disordered = number < this.largestEliciting || this.isBehindGap(number)
    if (this.delay === 0 || this.unreported >= PACKETS_PER_ACK || disordered || marked) this.ackNow = true
    if (this.ackAt < 0) this.ackAt = now + this.delay
    if (number > this.largestEliciting) this.largestEliciting = number
  }

  /** Whether packets are missing between the largest that asked for an acknowledgment and this new one. */
  private isBehindGap(number: number): boolean {
    const { ranges, largestEliciting } = this
    if (largestEliciting < 0 || number <= largestEliciting + 1) return false
    return number > this.largest + 1 || ranges[ranges.length - 2] > largestEliciting + 1
  }

  private insert(number: number): void {
    const { ranges } = this
    let i = ranges.length
    while (i > 0 && ranges[i - 2] > number) i -= 2
    // The range at i - 2 begins at or below the number, that at i above it.
    const joinsBelow = i > 0 && ranges[i - 1] >= number - 1
    const joinsAbove = i < ranges.length && ranges[i] === number + 1
    if (joinsBelow && joinsAbove) ranges.splice(i - 1, 2)
    else if (joinsBelow) ranges[i - 1] = Math.max(ranges[i - 1], number)
    else if (joinsAbove) ranges[i] = number
    else if (i === ranges.length) ranges.push(number, number)
    else ranges.splice(i, 0, number, number)
    if (ranges.length > 2 * MOST_RANGES) {
      this.floor = ranges[1] + 1
      ranges.splice(0, 2)
    }
  }

  /** Whether an ACK frame would say something new to ask for. Then it rides on whatever goes out (RFC 9000 section 13.2.1). */
  get isOwed(): boolean {
    return this.unreported > 0
  }

  /** Whether the next packet with an ACK frame should also hold a PING, if it holds nothing else to be acknowledged (section 13.2.4). */
  get wantsPing(): boolean {
    return this.silentReports >= PACKETS_PER_PING && this.ranges.length > 2
  }

  /**
   * An ACK frame to be sent now, which settles what is owed; undefined: nothing was received yet.
   * @param exponent ack_delay_exponent of ours, 3 in handshakes
   * @param most how many ranges there is room for
   */
  report(exponent: number, now: Nanos, most = MOST_REPORTED): AckFrame | undefined {
    const { ranges, knownUpTo } = this
    if (this.largest < 0) return undefined
    const reported: number[] = []
    for (let i = ranges.length - 2; i >= 0 && reported.length < 2 * most; i -= 2) {
      if (ranges[i + 1] <= knownUpTo && reported.length > 0) break
      reported.push(ranges[i], ranges[i + 1])
    }
    const microseconds = Math.floor((now - this.largestAt) / NANOS_PER_MICROSECOND)
    this.ackNow = false
    this.ackAt = -1
    this.unreported = 0
    this.silentReports++
    return {
      type: 'ACK',
      largest: this.largest,
      // Handshakes are acknowledged without delay, and theirs is not looked at (section 13.2.5).
      delay: this.delay === 0 ? 0 : Math.floor(microseconds / (1 << exponent)),
      ranges: reported,
      ecn: this.ect0 + this.ect1 + this.ce > 0 ? { ect0: this.ect0, ect1: this.ect1, ce: this.ce } : undefined,
    }
  }

  /** The ACK frame has gone out in a packet that the peer will acknowledge. */
  reportWillBeAcknowledged(): void {
    this.silentReports = 0
  }

  /** The peer has acknowledged a packet whose ACK frame reported packets up to that one (RFC 9000 section 13.2.4). */
  reportAcknowledged(largest: number): void {
    if (largest > this.knownUpTo) this.knownUpTo = largest
  }
}
