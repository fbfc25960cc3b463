/**
 * What is in flight on one path, and how much may be: RFC 9002 section 7 and appendix B, over congestion control that TCP has too.
 *
 * How it works. A window bounds what is in flight. The first loss, or mark, of a packet that was sent since the last reduction reduces it
 * and begins a *recovery period*, in which the window neither grows nor shrinks, and which ends when a packet is acknowledged that was sent
 * in it. "Sent in it" is told by the order of sending, for several packets may be sent at one simulated time.
 */
import { AckSample, type CongestionControl } from '../../congestion/congestion.ts'
import { Cubic } from '../../congestion/cubic.ts'
import { NewReno } from '../../congestion/new-reno.ts'
import { Pacer } from '../../congestion/pacing.ts'
import type { CongestionSettings } from '../../congestion/settings.ts'
import type { Nanos } from '../../endpoint.ts'
import type { RttEstimate } from './rtt-estimate.ts'

export interface PathCongestionOptions {
  /** Default: `'cubic'`. */
  readonly congestionControl?: 'cubic' | 'new-reno'
  /**
   * How CUBIC's estimate of Reno grows, see `CongestionSettings`. Default: `'whole-segment'`.
   * Deviates from RFC 9438 section 4.3, as the stacks do that QUIC is measured by: with losses of 1 % ngtcp2 and quic-go are a fifth faster
   * than that section allows.
   */
  readonly cubicReno?: 'rfc9438' | 'whole-segment'
  /** Whether packets are spread over the round trip. Default: true. */
  readonly pacing?: boolean
}

/** As qlog names them. */
export type CongestionState = 'slow_start' | 'congestion_avoidance' | 'recovery'

/** kMinimumWindow of RFC 9002 section 7.2, in datagrams. */
const MINIMUM_WINDOW = 2
/** RFC 9002 section 7.2: the initial window is ten datagrams, but no more bytes than this, or two datagrams if they are more. */
const INITIAL_DATAGRAMS = 10
const INITIAL_BYTES = 14_720

function settings({ cubicReno = 'whole-segment' }: PathCongestionOptions, pacing: boolean): CongestionSettings {
  return {
    hystart: 'hystart++',
    cubicReno,
    wholeSegments: false,
    pacing,
    initialSsthresh: Number.MAX_SAFE_INTEGER,
    // RFC 9002 section 7.3.1: all that was acknowledged; without pacing RFC 9406 section 4.3 wants a limit, to bound bursts.
    slowStartPerAck: pacing ? Number.MAX_SAFE_INTEGER : 8,
    byteCounting: 'parts',
  }
}

function initialDatagrams(datagramSize: number): number {
  return Math.min(INITIAL_DATAGRAMS, Math.max(INITIAL_BYTES / datagramSize, MINIMUM_WINDOW))
}

export class PathCongestion {
  /** Bytes sent that are neither acknowledged nor lost: bytes_in_flight. */
  inFlight = 0
  readonly control: CongestionControl
  private readonly pacer: Pacer | undefined
  /** max_datagram_size. */
  private datagramSize: number
  /** Packets before this one, in the order of sending, were sent before the last reduction. */
  private recoveryOrder = 0
  private recovering = false
  /** One packet may go out although the window has just been reduced, to repair the loss soon (RFC 9002 section 7.3.2). */
  private hasRescue = false
  /** Packets before this one were sent when the window or the pacer held more back. */
  private limitedUpTo = 0
  private readonly sample = new AckSample()

  // Of the acknowledgment at hand.
  private priorFlight = 0
  private acked = 0
  private largestAcked = -1
  private leavesRecovery = false
  private reducedNow = false

  /** Counts reductions. */
  episode = 0
  /** Packets whose loss brought or prolonged the last one, and that did not arrive after all. */
  private episodeLosses = 0

  /** @param from a path whose window is to begin with, though not with what is in flight there */
  constructor(
    options: PathCongestionOptions,
    private readonly rtt: RttEstimate,
    datagramSize: number,
    from?: PathCongestion,
  ) {
    const { congestionControl = 'cubic', pacing = true } = options
    const chosen = settings(options, pacing)
    this.datagramSize = datagramSize
    const control = congestionControl === 'cubic' ? new Cubic(chosen, MINIMUM_WINDOW) : new NewReno(chosen, MINIMUM_WINDOW)
    control.begin(datagramSize, initialDatagrams(datagramSize))
    this.control = control
    // RFC 9002 section 7.7: bursts up to the initial window.
    if (pacing) this.pacer = new Pacer(control, rtt, control.cwnd)
    if (from === undefined) return
    control.cwnd = from.control.cwnd
    control.ssthresh = from.control.ssthresh
  }

  /** congestion_window, in bytes. */
  get window(): number {
    return this.control.cwnd
  }

  /** ssthresh in bytes; `Infinity` until something is known. */
  get threshold(): number {
    const { ssthresh } = this.control
    return ssthresh === Number.MAX_SAFE_INTEGER ? Infinity : ssthresh
  }

  get state(): CongestionState {
    if (this.recovering) return 'recovery'
    return this.control.cwnd < this.control.ssthresh ? 'slow_start' : 'congestion_avoidance'
  }

  /** When pacing lets the next packet go; in the past: now. */
  get paceAt(): Nanos {
    return this.pacer === undefined ? 0 : this.pacer.readyAt
  }

  /** Whether a packet of that size may be sent now. @param order of the next packet that will be sent */
  admits(size: number, order: number, now: Nanos): boolean {
    const isPaced = this.pacer !== undefined && this.pacer.readyAt > now
    if (!isPaced && (this.hasRescue || this.inFlight + size <= this.control.cwnd)) return true
    this.limitedUpTo = order
    return false
  }

  /** A packet that counts as in flight was sent. */
  sent(size: number, now: Nanos): void {
    this.inFlight += size
    this.hasRescue = false
    this.pacer?.sent(size, now)
  }

  /** It does not count any more, and that means nothing: its keys are gone. */
  discarded(size: number): void {
    this.inFlight -= size
  }

  /** Datagrams have another size from now on. */
  resized(datagramSize: number): void {
    if (datagramSize === this.datagramSize) return
    this.datagramSize = datagramSize
    this.control.resized(datagramSize)
  }

  /** An acknowledgment begins: what it acknowledges follows by `acknowledged`, what it shows to be lost by `lost`, then `finish`. */
  begin(): void {
    this.priorFlight = this.inFlight
    this.acked = 0
    this.largestAcked = -1
    this.leavesRecovery = false
    this.reducedNow = false
  }

  /** A packet in flight was acknowledged: RFC 9002 appendix B.5. */
  acknowledged(size: number, order: number): void {
    this.inFlight -= size
    if (order > this.largestAcked) this.largestAcked = order
    if (order < this.recoveryOrder) return
    this.acked += size
    this.leavesRecovery = this.recovering
  }

  /**
   * A packet in flight was lost: RFC 9002 appendix B.8.
   * @param next order of the next packet that will be sent
   * @returns whether a recovery period begins
   */
  lost(size: number, order: number, next: number, now: Nanos): boolean {
    this.inFlight -= size
    if (order < this.recoveryOrder) {
      this.episodeLosses++
      return false
    }
    this.control.remember()
    // RFC 9002 section 7.3.2 takes a part of the window, not of what is in flight: a window that is not used does not grow either.
    this.control.lossDetected(this.control.cwnd, now)
    this.enterRecovery(next)
    this.hasRescue = true
    this.episodeLosses = 1
    return true
  }

  /** A probe of the path's MTU was lost, which says nothing of congestion (RFC 9000 section 14.4). */
  probeLost(size: number): void {
    this.inFlight -= size
  }

  /** Marks of congestion came back, for packets up to this one: RFC 9002 section 7.3.2. @returns whether a recovery period begins */
  marked(order: number, next: number, now: Nanos): boolean {
    if (order < this.recoveryOrder) return false
    this.control.congestionMarked(this.control.cwnd, now)
    this.enterRecovery(next)
    this.episodeLosses = 0
    return true
  }

  private enterRecovery(next: number): void {
    this.recoveryOrder = next
    this.recovering = true
    this.reducedNow = true
    this.episode++
  }

  /** RFC 9002 section 7.6.2. */
  persistentlyCongested(now: Nanos): void {
    this.control.timedOut(this.control.cwnd, true, now)
    this.recoveryOrder = 0
    this.recovering = false
    this.hasRescue = false
    this.episodeLosses = 0
  }

  /**
   * A packet that counted as lost in that episode has arrived after all. When none of its losses was one, the reduction is taken back.
   * @returns whether it is
   */
  lossDisproved(episode: number, now: Nanos): boolean {
    if (episode !== this.episode || this.episodeLosses === 0) return false
    this.episodeLosses--
    if (this.episodeLosses > 0) return false
    this.control.undo(now)
    this.recoveryOrder = 0
    this.recovering = false
    return true
  }

  /**
   * All that the acknowledgment tells was told: the window grows.
   * @param next order of the next packet that will be sent
   * @param latestRtt that it measured; -1: none
   */
  finish(next: number, latestRtt: Nanos, now: Nanos): void {
    if (this.reducedNow) return
    if (this.leavesRecovery) {
      this.recovering = false
      this.control.recovered(this.inFlight, true, now)
    }
    if (this.acked === 0) return
    const { sample, control, priorFlight } = this
    const { cwnd, ssthresh } = control
    sample.now = now
    sample.acked = this.acked
    sample.rtt = latestRtt
    sample.priorFlight = priorFlight
    // RFC 9002 section 7.8. In slow start half of the window in use is enough: by the time it is full, it has grown.
    sample.cwndLimited =
      priorFlight + this.datagramSize > cwnd ||
      (cwnd < ssthresh && priorFlight * 2 > cwnd) ||
      this.largestAcked < this.limitedUpTo
    sample.sndUna = this.largestAcked + 1
    sample.sndNxt = next
    sample.srtt = this.rtt.srtt
    control.acknowledged(sample)
  }
}
