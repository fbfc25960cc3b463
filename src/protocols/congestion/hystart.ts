/**
 * Out of slow start before the queue overflows: HyStart++ (RFC 9406), and the HyStart that it grew from, as Linux's CUBIC has it.
 *
 * Both watch round-trip times. A *round* begins with some segment and ends with its acknowledgment. When a round's least round-trip time
 * stands clearly above the last one's, a queue is building up. HyStart++ then grows at a quarter of the speed for up to five rounds
 * (conservative slow start), and goes back to slow start if the delay was a false alarm. Linux's HyStart leaves slow start at once, and
 * also when the acknowledgments of one round have come in a close row for half of the least round-trip time: then the pipe is full.
 */
import type { Nanos } from '../endpoint.ts'
import type { AckSample } from './congestion.ts'

const MILLISECOND = 1_000_000

/** RFC 9406 section 4.3. */
const MIN_RTT_THRESH: Nanos = 4 * MILLISECOND
const MAX_RTT_THRESH: Nanos = 16 * MILLISECOND
const MIN_RTT_DIVISOR = 8
const N_RTT_SAMPLE = 8
const CSS_GROWTH_DIVISOR = 4
const CSS_ROUNDS = 5

/** What a slow start does with an acknowledgment. */
export interface SlowStartExit {
  /**
   * An acknowledgment came in the initial slow start.
   * @returns by how much the window's growth is to be divided: 1 in slow start, 4 in conservative slow start; 0 to leave slow start now
   */
  acknowledged(sample: AckSample, cwnd: number): number
}

/** HyStart++: RFC 9406 section 4.2. */
export class HyStartPlusPlus implements SlowStartExit {
  /** Whether it is in conservative slow start. */
  conservative = false
  private windowEnd = -1
  private lastRoundMinRtt = Infinity
  private currentRoundMinRtt = Infinity
  private rttSampleCount = 0
  private cssBaselineMinRtt = Infinity
  private cssRounds = 0

  acknowledged(sample: AckSample): number {
    // The round that begins before anything was sent has no end in data: the first acknowledgment ends it.
    if (sample.sndUna > this.windowEnd) {
      this.windowEnd = sample.sndNxt
      this.lastRoundMinRtt = this.currentRoundMinRtt
      this.currentRoundMinRtt = Infinity
      this.rttSampleCount = 0
      if (this.conservative) {
        this.cssRounds++
        if (this.cssRounds >= CSS_ROUNDS) return 0
      }
    }
    if (sample.rtt >= 0) {
      this.currentRoundMinRtt = Math.min(this.currentRoundMinRtt, sample.rtt)
      this.rttSampleCount++
    }
    if (this.rttSampleCount < N_RTT_SAMPLE) return this.conservative ? CSS_GROWTH_DIVISOR : 1
    if (this.conservative) {
      if (this.currentRoundMinRtt < this.cssBaselineMinRtt) {
        this.cssBaselineMinRtt = Infinity
        this.conservative = false
      }
    } else if (this.lastRoundMinRtt !== Infinity) {
      const threshold = Math.max(MIN_RTT_THRESH, Math.min(Math.floor(this.lastRoundMinRtt / MIN_RTT_DIVISOR), MAX_RTT_THRESH))
      if (this.currentRoundMinRtt >= this.lastRoundMinRtt + threshold) {
        this.cssBaselineMinRtt = this.currentRoundMinRtt
        this.conservative = true
        this.cssRounds = 0
      }
    }
    return this.conservative ? CSS_GROWTH_DIVISOR : 1
  }
}

/** Linux: no exit below this window, in segments (`hystart_low_window`). */
const LOW_WINDOW = 16
/** Linux: acknowledgments at most so far apart form a train (`hystart_ack_delta_us`). */
const ACK_DELTA: Nanos = 2 * MILLISECOND

/** HyStart as in Linux's CUBIC, after Ha and Rhee, "Taming the elephants: New TCP slow start", 2011. */
export class HyStartClassic implements SlowStartExit {
  private windowEnd = -1
  private roundStart: Nanos = 0
  private lastAck: Nanos = 0
  private leastRtt = Infinity
  private currentRtt = Infinity
  private samples = 0

  /** @param paced whether sending is paced, which spreads a train over a whole round-trip time */
  constructor(
    private readonly smss: number,
    private readonly paced: boolean,
  ) {}

  acknowledged(sample: AckSample, cwnd: number): number {
    const { now, rtt } = sample
    if (sample.sndUna > this.windowEnd) {
      this.windowEnd = sample.sndNxt
      this.roundStart = now
      this.lastAck = now
      this.currentRtt = Infinity
      this.samples = 0
    }
    if (rtt < 0) return 1
    if (rtt < this.leastRtt) this.leastRtt = rtt
    if (cwnd < LOW_WINDOW * this.smss) return 1
    if (now - this.lastAck <= ACK_DELTA) {
      this.lastAck = now
      if (now - this.roundStart > (this.paced ? this.leastRtt : this.leastRtt / 2)) return 0
    }
    this.currentRtt = Math.min(this.currentRtt, rtt)
    if (this.samples < N_RTT_SAMPLE) {
      this.samples++
      return 1
    }
    const threshold = Math.max(MIN_RTT_THRESH, Math.min(this.leastRtt / MIN_RTT_DIVISOR, MAX_RTT_THRESH))
    return this.currentRtt > this.leastRtt + threshold ? 0 : 1
  }
}
