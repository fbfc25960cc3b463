import type { DeliveryLedger } from '../congestion/delivery-rate.ts'
import type { Nanos } from '../endpoint.ts'
import type { TcpSegment } from '../../wire/tcp.ts'

/** What is known of a sent segment. */
export const SentFlag = {
  /** The peer has it, beyond a gap (RFC 2018). */
  SACKED: 1,
  /** Taken for lost. */
  LOST: 2,
  /** Sent again, and that copy may be on its way. */
  RESENT: 4,
  /** Was ever sent again: useless for measuring time (Karn). */
  EVER_RESENT: 8,
  /** Its last sequence number is the FIN. */
  FIN: 16,
} as const

/** What is known of segments, side by side. */
class Ring {
  readonly starts: Float64Array
  readonly lengths: Int32Array
  readonly sentTimes: Float64Array
  readonly flags: Uint8Array

  /** @param size a power of two, or 0 */
  constructor(readonly size: number) {
    this.starts = new Float64Array(size)
    this.lengths = new Int32Array(size)
    this.sentTimes = new Float64Array(size)
    this.flags = new Uint8Array(size)
  }
}

/** Of a connection that waits for no acknowledgment, as most of a server's do most of the time. */
const NO_RING = new Ring(0)
const FIRST_SIZE = 16

/** Rings of the first size that connections have let go of, so that one that asks and answers all the time allocates nothing. */
const spareRings: Ring[] = []
const MOST_SPARE = 1024

const NO_EDGES: number[] = []

/** Is told of each segment when it is known to have arrived for the first time, cumulatively or selectively. */
export interface DeliveryObserver {
  /**
   * @param end position behind the segment
   * @param sentAt when it was sent, or sent again, last
   * @param resent whether it was ever sent again
   */
  segmentDelivered(end: number, sentAt: Nanos, resent: boolean): void
}

/**
 * The segments sent and not yet acknowledged, oldest first: the scoreboard of RFC 6675, kept by segment. Lengths are in sequence
 * numbers (a FIN counts one), positions count from the initial sequence number. Indices are from 0, the oldest.
 *
 * Sums are kept so that nothing is walked to know what is in flight; loss marks only ever extend upwards until the next timeout, and
 * SACK blocks already seen are not walked again.
 */
export class SentSegments {
  /** How many segments. */
  count = 0
  /** Sequence numbers sent and not cumulatively acknowledged: FlightSize. */
  outstanding = 0
  /** Of these: selectively acknowledged. */
  sacked = 0
  /** Of these: taken for lost, and not selectively acknowledged. */
  lost = 0
  /** Sent again, not acknowledged in any way. */
  resent = 0
  /** How many segments are selectively acknowledged. */
  sackedCount = 0
  /** How many segments were ever sent again. */
  resendings = 0
  /** Changes whenever marks or segments change in another way than by being sent, acknowledged or taken for lost one by one. */
  revision = 0
  /** undefined: nobody asks. */
  observer: DeliveryObserver | undefined = undefined
  /** Measures delivery rates; undefined: nobody asks. */
  ledger: DeliveryLedger | undefined = undefined
  /** Sequence numbers ever taken for lost; counted again when a retransmission is. */
  everLost = 0
  /** One past the highest position selectively acknowledged; 0: none. */
  highestSacked = 0

  /** Results of the last `acknowledge`: when the oldest of its segments was sent; -1 when none of them can be measured. */
  measuredSentAt: Nanos = -1
  /** Whether a segment among them had been sent again. */
  ambiguous = false

  private ring = NO_RING
  private head = 0
  /** All segments below this index have been looked at for marking as lost. */
  private lostBelow = 0
  /** No segment below this index is lost and waiting to be sent again. */
  private resendFrom = 0
  /** Edges of the last SACK blocks, left and right in turn: what they cover is marked. Two lists of them, used in turn; made when first needed. */
  private seen = NO_EDGES
  private next = NO_EDGES
  /** How many blocks. */
  private seenCount = 0

  /** In flight by the estimate of RFC 6675 section 4 (`pipe`). */
  get pipe(): number {
    return this.outstanding - this.sacked - this.lost + this.resent
  }

  private slot(index: number): number {
    return (this.head + index) & (this.ring.size - 1)
  }

  startOf(index: number): number {
    return this.ring.starts[this.slot(index)]
  }
  lengthOf(index: number): number {
    return this.ring.lengths[this.slot(index)]
  }
  flagsOf(index: number): number {
    return this.ring.flags[this.slot(index)]
  }
  /** When a segment was sent, or sent again, last. */
  sentAtOf(index: number): Nanos {
    return this.ring.sentTimes[this.slot(index)]
  }

  /** A new segment was sent, right behind the last one. */
  append(start: number, length: number, fin: boolean, now: Nanos): void {
    if (this.count === this.ring.size) this.grow()
    const { ring } = this
    const slot = this.slot(this.count)
    this.ledger?.sent(slot, this.pipe, now)
    ring.starts[slot] = start
    ring.lengths[slot] = length
    ring.sentTimes[slot] = now
    ring.flags[slot] = fin ? SentFlag.FIN : 0
    this.count++
    this.outstanding += length
  }

  private grow(): void {
    const { ring } = this
    if (ring.size === 0) {
      this.ring = spareRings.pop() ?? new Ring(FIRST_SIZE)
      return
    }
    const larger = new Ring(ring.size * 2)
    for (let i = 0; i < this.count; i++) {
      const from = this.slot(i)
      larger.starts[i] = ring.starts[from]
      larger.lengths[i] = ring.lengths[from]
      larger.sentTimes[i] = ring.sentTimes[from]
      larger.flags[i] = ring.flags[from]
    }
    this.ledger?.rearrange(
      Array.from({ length: this.count }, (_, index) => this.slot(index)),
      larger.size,
    )
    this.ring = larger
    this.head = 0
  }

  /** Nothing is in flight: gives the ring away. */
  private letGo(): void {
    if (this.ring.size === FIRST_SIZE && spareRings.length < MOST_SPARE) spareRings.push(this.ring)
    this.ring = NO_RING
    this.head = 0
  }

  /** Whether a segment in flight carries more than `limit`, and is not selectively acknowledged; each such one counts as lost. */
  markOversizedLost(limit: number): boolean {
    let found = false
    for (let i = 0; i < this.count; i++) {
      const slot = this.slot(i)
      const flags = this.ring.flags[slot]
      const payload = this.ring.lengths[slot] - ((flags & SentFlag.FIN) === 0 ? 0 : 1)
      if (payload <= limit || (flags & SentFlag.SACKED) !== 0) continue
      found = true
      this.declareLost(i)
    }
    return found
  }

  /** Cuts every segment that carries more than `limit` bytes into segments of so many: the path takes no more. Sums stay as they are. */
  resegment(limit: number): void {
    const { ring } = this
    const slots: number[] = []
    const starts: number[] = []
    const lengths: number[] = []
    let { lostBelow } = this
    for (let i = 0; i < this.count; i++) {
      const slot = this.slot(i)
      const fin = (ring.flags[slot] & SentFlag.FIN) === 0 ? 0 : 1
      let start = ring.starts[slot]
      let left = ring.lengths[slot]
      while (left - fin > limit) {
        slots.push(slot)
        starts.push(start)
        lengths.push(limit)
        start += limit
        left -= limit
        if (i < this.lostBelow) lostBelow++
      }
      slots.push(slot)
      starts.push(start)
      lengths.push(left)
    }
    if (slots.length === this.count) return
    let { size } = ring
    while (size < slots.length) size *= 2
    this.ledger?.rearrange(slots, size)
    const cut = new Ring(size)
    cut.starts.set(starts)
    cut.lengths.set(lengths)
    slots.forEach((slot, index) => {
      const isLast = index + 1 === slots.length || slots[index + 1] !== slot
      cut.sentTimes[index] = ring.sentTimes[slot]
      cut.flags[index] = isLast ? ring.flags[slot] : ring.flags[slot] & ~SentFlag.FIN
    })
    this.ring = cut
    this.head = 0
    this.count = slots.length
    this.lostBelow = lostBelow
    this.resendFrom = 0
    // Ranges that were seen end at edges of segments that are no more.
    this.seenCount = 0
    this.sackedCount = 0
    for (let i = 0; i < this.count; i++) if ((cut.flags[i] & SentFlag.SACKED) !== 0) this.sackedCount++
    this.revision++
  }

  /**
   * Takes a cumulative acknowledgment of all below a position; a segment that is covered in part is cut.
   * Leaves `measuredSentAt` and `ambiguous`.
   */
  acknowledge(position: number): void {
    this.measuredSentAt = -1
    this.ambiguous = false
    const { starts, lengths, sentTimes, flags: marks } = this.ring
    let removed = 0
    while (removed < this.count) {
      const slot = this.slot(removed)
      const start = starts[slot]
      if (start >= position) break
      const length = lengths[slot]
      const flags = marks[slot]
      const covered = Math.min(length, position - start)
      this.outstanding -= covered
      if ((flags & SentFlag.SACKED) !== 0) {
        this.sacked -= covered
      } else {
        this.ledger?.acknowledged(slot, covered, sentTimes[slot])
        if ((flags & SentFlag.LOST) !== 0) this.lost -= covered
        if ((flags & SentFlag.RESENT) !== 0) this.resent -= covered
        if ((flags & SentFlag.EVER_RESENT) !== 0) this.ambiguous = true
        else if (this.measuredSentAt < 0) this.measuredSentAt = sentTimes[slot]
      }
      if (covered < length) {
        starts[slot] = position
        lengths[slot] = length - covered
        break
      }
      if ((flags & SentFlag.SACKED) !== 0) this.sackedCount--
      else this.observer?.segmentDelivered(start + length, sentTimes[slot], (flags & SentFlag.EVER_RESENT) !== 0)
      removed++
    }
    if (removed > 0) {
      this.head = this.slot(removed)
      this.count -= removed
      this.lostBelow = Math.max(0, this.lostBelow - removed)
      this.resendFrom = Math.max(0, this.resendFrom - removed)
      if (this.count === 0) this.letGo()
    }
    if (this.ambiguous) this.measuredSentAt = -1
    if (this.highestSacked <= position) {
      this.highestSacked = 0
      this.seenCount = 0
    }
  }

  /** Index of the first segment that ends after a position; `count` when there is none. */
  find(position: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      const slot = this.slot(middle)
      if (this.ring.starts[slot] + this.ring.lengths[slot] <= position) low = middle + 1
      else high = middle
    }
    return low
  }

  /**
   * Marks what a segment's SACK blocks cover. Blocks outside of what is outstanding are ignored, among them those that report
   * duplicates (RFC 2883).
   * @param base sequence number of position 0
   * @param sndUna position that is cumulatively acknowledged
   * @param sndNxt position behind all that was sent
   * @returns how many sequence numbers were not known to be received before
   */
  acknowledgeSelectively(segment: TcpSegment, base: number, sndUna: number, sndNxt: number): number {
    const before = this.sacked
    const { sack, sackCount } = segment
    if (this.next === NO_EDGES) {
      this.seen = [0, 0, 0, 0, 0, 0, 0, 0]
      this.next = [0, 0, 0, 0, 0, 0, 0, 0]
    }
    const { seen, next } = this
    const reference = (base + sndUna) | 0
    let kept = 0
    for (let i = 0; i < sackCount; i++) {
      const left = sndUna + ((sack[i * 2] - reference) | 0)
      const right = sndUna + ((sack[i * 2 + 1] - reference) | 0)
      if (left < sndUna || right <= left || right > sndNxt) continue
      let from = left
      for (let j = 0; j < this.seenCount; j++) if (seen[2 * j] <= from && from < seen[2 * j + 1]) from = seen[2 * j + 1]
      next[2 * kept] = left
      next[2 * kept + 1] = from < right ? this.markSacked(from, right) : right
      kept++
    }
    if (kept > 0) {
      this.seen = next
      this.next = seen
      this.seenCount = kept
    }
    return this.sacked - before
  }

  /**
   * Marks segments that lie wholly within the range.
   * @returns the position up to which all is marked: where a segment starts that reaches past the range, or the range's end
   */
  private markSacked(left: number, right: number): number {
    const { starts, lengths, sentTimes, flags: marks } = this.ring
    for (let i = this.find(left); i < this.count; i++) {
      const slot = this.slot(i)
      const start = starts[slot]
      const length = lengths[slot]
      if (start + length > right) return Math.max(left, start)
      const flags = marks[slot]
      if (start < left || (flags & SentFlag.SACKED) !== 0) continue
      this.sacked += length
      this.sackedCount++
      this.ledger?.acknowledged(slot, length, sentTimes[slot])
      this.observer?.segmentDelivered(start + length, sentTimes[slot], (flags & SentFlag.EVER_RESENT) !== 0)
      if ((flags & SentFlag.LOST) !== 0) this.lost -= length
      if ((flags & SentFlag.RESENT) !== 0) this.resent -= length
      marks[slot] = (flags & ~(SentFlag.LOST | SentFlag.RESENT)) | SentFlag.SACKED
      if (start + length > this.highestSacked) this.highestSacked = start + length
    }
    return right
  }

  private markLost(slot: number): void {
    const flags = this.ring.flags[slot]
    if ((flags & (SentFlag.SACKED | SentFlag.LOST)) !== 0) return
    this.ring.flags[slot] = flags | SentFlag.LOST
    this.lost += this.ring.lengths[slot]
    this.everLost += this.ring.lengths[slot]
  }

  /** Takes a segment for lost, and its retransmission too if there was one. */
  declareLost(index: number): void {
    const slot = this.slot(index)
    if ((this.ring.flags[slot] & SentFlag.RESENT) !== 0) {
      if ((this.ring.flags[slot] & SentFlag.LOST) !== 0) this.everLost += this.ring.lengths[slot]
      this.ring.flags[slot] &= ~SentFlag.RESENT
      this.resent -= this.ring.lengths[slot]
    }
    this.markLost(slot)
    if (index < this.resendFrom) this.resendFrom = index
  }

  /** Nothing was lost after all: what is not acknowledged counts as in flight again. */
  unmarkLost(): void {
    for (let i = 0; i < this.count; i++) this.ring.flags[this.slot(i)] &= ~SentFlag.LOST
    this.lost = 0
    this.lostBelow = 0
    this.resendFrom = 0
    this.revision++
  }

  /** Takes the oldest segment for lost. */
  markFirstLost(): void {
    if (this.count === 0) return
    this.markLost(this.head)
    this.resendFrom = 0
  }

  /**
   * Marks as lost whatever has at least `threshold` separate selectively acknowledged ranges above it, or more than (threshold - 1)
   * full-sized segments' bytes of them: IsLost of RFC 6675 section 4.
   * @returns whether the oldest segment is lost
   */
  markLostBySack(threshold: number, smss: number): boolean {
    if (this.highestSacked > 0) {
      let above = 0
      let ranges = 0
      let inRange = false
      let index = this.find(this.highestSacked - 1)
      while (index >= this.lostBelow && ranges < threshold && above <= (threshold - 1) * smss) {
        const slot = this.slot(index)
        if ((this.ring.flags[slot] & SentFlag.SACKED) === 0) {
          inRange = false
        } else {
          above += this.ring.lengths[slot]
          if (!inRange) ranges++
          inRange = true
        }
        index--
      }
      if (index >= this.lostBelow) {
        if (this.resendFrom > this.lostBelow) this.resendFrom = this.lostBelow
        for (let i = this.lostBelow; i <= index; i++) this.markLost(this.slot(i))
        this.lostBelow = index + 1
      }
    }
    return this.count > 0 && (this.ring.flags[this.head] & SentFlag.LOST) !== 0
  }

  /**
   * The retransmission timer expired: all that is not selectively acknowledged counts as lost, retransmissions too. When the
   * oldest segment is selectively acknowledged, the peer has dropped what it had reported, and its reports are forgotten (RFC 2018 section 8).
   */
  markAllLost(): void {
    if (this.count > 0 && (this.ring.flags[this.head] & SentFlag.SACKED) !== 0) this.forgetSacks()
    for (let i = 0; i < this.count; i++) {
      const slot = this.slot(i)
      this.ring.flags[slot] &= ~SentFlag.RESENT
      this.markLost(slot)
    }
    this.resent = 0
    this.resendFrom = 0
    this.lostBelow = this.count
  }

  private forgetSacks(): void {
    for (let i = 0; i < this.count; i++) this.ring.flags[this.slot(i)] &= ~SentFlag.SACKED
    this.sacked = 0
    this.sackedCount = 0
    this.highestSacked = 0
    this.seenCount = 0
    this.revision++
  }

  /** Index of the oldest segment that is lost and was not sent again since; -1: none. */
  nextLost(): number {
    if (this.lost === 0) return -1
    while (this.resendFrom < this.count) {
      if ((this.ring.flags[this.slot(this.resendFrom)] & (SentFlag.LOST | SentFlag.RESENT)) === SentFlag.LOST)
        return this.resendFrom
      this.resendFrom++
    }
    return -1
  }

  /**
   * Index of the oldest segment that starts at or above a position and is not selectively acknowledged, nor sent again; -1: none.
   * @param below segments must start below this position
   */
  nextUnsacked(position: number, below: number): number {
    for (let i = this.find(position); i < this.count; i++) {
      const slot = this.slot(i)
      if (this.ring.starts[slot] >= below) return -1
      if ((this.ring.flags[slot] & (SentFlag.SACKED | SentFlag.RESENT)) === 0) return i
    }
    return -1
  }

  /** Index of the newest segment that is not selectively acknowledged; -1: none. */
  lastUnsacked(): number {
    for (let i = this.count - 1; i >= 0; i--) if ((this.ring.flags[this.slot(i)] & SentFlag.SACKED) === 0) return i
    return -1
  }

  /** A segment was sent again. */
  markResent(index: number, now: Nanos): void {
    const slot = this.slot(index)
    this.ledger?.sent(slot, this.pipe, now)
    if ((this.ring.flags[slot] & SentFlag.RESENT) === 0) this.resent += this.ring.lengths[slot]
    this.resendings++
    this.ring.flags[slot] |= SentFlag.RESENT | SentFlag.EVER_RESENT
    this.ring.sentTimes[slot] = now
  }

  clear(): void {
    this.count = 0
    this.outstanding = 0
    this.sacked = 0
    this.sackedCount = 0
    this.revision++
    this.lost = 0
    this.resent = 0
    this.highestSacked = 0
    this.lostBelow = 0
    this.resendFrom = 0
    this.seenCount = 0
    this.letGo()
  }
}
