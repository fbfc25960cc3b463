import type { RandomBytes } from '../../../crypto/random-bytes.ts'
import type { Nanos } from '../../endpoint.ts'
import { SentPackets, type SentPacket } from './sent-packets.ts'

/** Packets that count as lost, and are remembered in case they arrive after all. */
const MOST_LATE = 256
/** Packets that are not in flight, remembered for what their ACK frames reported. */
const MOST_SILENT = 256
/** Left-out packet numbers that are remembered. */
const MOST_SKIPPED = 4
/** From one left-out packet number to the next: at least so many, and at most twice as many; from one to the next their number doubles. */
const FIRST_STRIDE = 64
const LAST_STRIDE = 8192

interface LatePacket<Frame> {
  readonly packet: SentPacket<Frame>
  /** The reduction that its loss brought or came after. */
  readonly episode: number
  readonly lostAt: Nanos
}

/** What a sender keeps of one packet-number space: RFC 9002 appendix A.3. */
export class RecoverySpace<Frame> {
  readonly packets = new SentPackets<Frame>()
  /** Number of the next packet. */
  next = 0
  /** largest_acked_packet; -1: none yet. */
  largestAcked = -1
  /** When the earliest packet counts as lost by time; -1: none is late. */
  lossTime: Nanos = -1
  /** time_of_last_ack_eliciting_packet. */
  lastElicitingAt: Nanos = 0
  /** How many probes are to be sent. */
  probes = 0
  /** In rising order of their numbers. */
  readonly late: LatePacket<Frame>[] = []

  // Of the acknowledgment at hand.
  newlyEliciting = false
  newlyMarked = 0

  /** Counts that the peer has reported, and how many packets were sent as ECT(0). */
  ect0 = 0
  ce = 0
  sentMarked = 0

  private readonly skipped: number[] = []
  private stride = FIRST_STRIDE
  private skipAt = Infinity

  /** @param random where packet numbers are left out; undefined: none are */
  constructor(private readonly random: RandomBytes | undefined) {
    this.chooseSkip()
  }

  /** RFC 9000 section 21.4: at irregular distances, ever longer ones, for most peers are honest. */
  private chooseSkip(): void {
    if (this.random === undefined) return
    const [high, low] = this.random(2)
    this.skipAt = this.next + this.stride + ((high * 256 + low) % this.stride)
    this.stride = Math.min(2 * this.stride, LAST_STRIDE)
  }

  /** A packet with the number `next` was sent. */
  add(packet: SentPacket<Frame>): void {
    if (packet.size > 0 || this.packets.silent < MOST_SILENT) this.packets.add(packet)
    if (packet.isMarked) this.sentMarked++
    this.next++
    if (this.next < this.skipAt) return
    this.skipped.push(this.next)
    if (this.skipped.length > MOST_SKIPPED) this.skipped.shift()
    this.next++
    this.chooseSkip()
  }

  /** @param ranges smallest and largest number of each */
  acknowledgesSkipped(ranges: readonly number[]): boolean {
    for (const number of this.skipped) {
      for (let i = 0; i < ranges.length && ranges[i + 1] >= number; i += 2) if (ranges[i] <= number) return true
    }
    return false
  }

  isSkipped(number: number): boolean {
    return this.skipped.includes(number)
  }

  /** A packet counts as lost. */
  keepLate(packet: SentPacket<Frame>, episode: number, now: Nanos): void {
    const { late } = this
    let at = late.length
    while (at > 0 && late[at - 1].packet.number > packet.number) at--
    const entry = { packet, episode, lostAt: now }
    if (at === late.length) late.push(entry)
    else late.splice(at, 0, entry)
    if (late.length > MOST_LATE) late.shift()
  }

  /** Forgets what was lost longer ago than `age`. */
  forgetLate(now: Nanos, age: Nanos): void {
    const { late } = this
    let gone = 0
    while (gone < late.length && late[gone].lostAt + age < now) gone++
    if (gone > 0) late.splice(0, gone)
  }

  /** Takes out those that are acknowledged after all. @param ranges smallest and largest number of each, in falling order */
  takeLate(ranges: readonly number[]): LatePacket<Frame>[] {
    const taken: LatePacket<Frame>[] = []
    const { late } = this
    let range = 0
    for (let i = late.length - 1; i >= 0; i--) {
      const { number } = late[i].packet
      while (range < ranges.length && ranges[range] > number) range += 2
      if (range >= ranges.length) break
      if (number > ranges[range + 1]) continue
      taken.push(late[i])
      late.splice(i, 1)
    }
    return taken
  }
}
