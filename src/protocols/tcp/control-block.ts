/**
 * The transmission control block of RFC 9293 section 3.3.1: all that one connection knows, shared by the files that act on it.
 *
 * Sequence numbers are kept as *positions*: how far from the initial sequence number, as plain integers that never wrap (exact to 2^53).
 * Position 0 is the SYN, position 1 the first byte, and the FIN stands behind the last. They become 32-bit numbers only where a segment is
 * read or written, and each number that comes in is taken for the position nearest to where the connection stands.
 */
import type { CongestionControl } from '../congestion/congestion.ts'
import { Pacer } from '../congestion/pacing.ts'
import type { Nanos } from '../endpoint.ts'
import type { TcpSegment } from '../../wire/tcp.ts'
import { ByteQueue } from './byte-queue.ts'
import type { KeepAlive, TcpConfig } from './config.ts'
import { congestionControl } from './congestion-choice.ts'
import type { TcpFailure } from './event.ts'
import type { FastOpenPeer } from './fast-open-peer.ts'
import { ecnState, type EcnState } from './ecn.ts'
import { Reassembly } from './reassembly.ts'
import { PathLimits } from './path-limits.ts'
import { LossRecovery } from './recovery.ts'
import { RttEstimator } from './rtt-estimator.ts'
import { SentSegments } from './sent-segments.ts'
import { NO_TAIL_LOSS_PROBE, TailLossProbe } from './tail-loss-probe.ts'
import { TCP_TRANSITIONS, type TcpInput, type TcpState } from './state.ts'
import { TcpTimer, TimerTable } from './timers.ts'

/** Data of a recorded event: plain JSON. */
export type RecordData = Readonly<Record<string, string | number | boolean | null>>

/** Data that nobody will look at. */
export const LEFT_OUT: RecordData = {}

/** Who keeps a connection. */
export interface ConnectionKeeper {
  /** Takes a recorded event: a name as `'tcp:state-changed'`. */
  record(name: string, data: RecordData): void
  /** Whether nobody looks at what happens all the time now: it is then told without its data. */
  readonly isBrief: boolean
  /** How often a SYN-ACK is sent again, asked each time. @param most what the configuration says */
  synAckRetries(most: number): number
}

export interface TcpConnectionOptions {
  readonly config: TcpConfig
  readonly localPort: number
  readonly remotePort: number
  /** Initial sequence number, in [0, 2^32); hard to guess (RFC 9293 section 3.4.1). */
  readonly isn: number
  /** true: starts in LISTEN and takes the SYN by `handle`; false: starts in CLOSED, and `connect` sends the SYN. */
  readonly passive: boolean
  readonly keeper: ConnectionKeeper
  /** Most payload, options included, that is known to get to the peer in one packet; the configuration's MSS when absent. */
  readonly pathMss?: number
  /** MSS of a peer that names none (RFC 9293 section 3.7.1, MUST-15); that of IPv4, 536, when absent. */
  readonly defaultMss?: number
  /** What is remembered of a server that is to be connected to by Fast Open; shared by all connections to it. */
  readonly fastOpen?: FastOpenPeer | undefined
}

/** Bits of `pendingEvents`, in the order in which events are told. */
export const PendingEvent = { CONNECTED: 1, READABLE: 2, WRITABLE: 4, PEER_FINISHED: 8, CLOSED: 16 } as const

/** MSS when the peer names none, for IPv4. */
const DEFAULT_MSS = 536

const NANOS_PER_TIMESTAMP = 1_000_000

export class ControlBlock {
  readonly config: TcpConfig
  readonly passive: boolean
  readonly keeper: ConnectionKeeper
  state: TcpState

  // Send sequence variables.
  /** Initial send sequence number. */
  readonly iss: number
  sndUna = 0
  sndNxt = 0
  /** Position behind all that was ever sent; past SND.NXT after a zero-window probe. */
  sndMax = 0
  /** Send window in bytes, scaled. */
  sndWnd = 0
  sndWl1 = 0
  sndWl2 = 0
  /** Largest window that the peer ever offered. */
  maxSndWnd = 0
  sndWndShift = 0
  /** Sender's maximum segment size: most payload in a segment, the usual options already taken off (RFC 9293 section 3.7.1). */
  smss = 536
  /** Position behind the last segment sent that was smaller than full (Minshall's SND.SML). */
  sndSml = 0

  // Receive sequence variables.
  /** Initial receive sequence number. */
  irs = 0
  rcvNxt = 0
  /** Right edge of the window as offered; never moves left. */
  rcvAdv = 0
  rcvWndShift = 0
  /** Largest payload received so far: an estimate of the peer's full-sized segment (RMSS of RFC 5681). */
  rcvMss: number
  /** RCV.NXT as in the last acknowledgment sent: Last.ACK.sent of RFC 7323. */
  lastAckSent = 0
  /** Position of the peer's FIN, once seen; -1 before. */
  peerFin = -1

  // Agreed in the handshake.
  sackPermitted = false
  timestamps = false
  windowScaling = false
  /** TS.Recent. */
  tsRecent = 0

  // What is due.
  /** A SYN, or a SYN and ACK, is to be sent. */
  synPending = false
  ackPending = false
  /** The next acknowledgment is to tell of a larger window, whatever else it says. */
  windowUpdateDue = false
  /** Payload received since the last acknowledgment. */
  unacknowledged = 0
  probePending = false
  /** The user has finished sending. */
  finQueued = false
  finSent = false
  /** The user has closed both halves: data that still comes is answered with a reset. */
  userClosed = false
  noDelay: boolean
  /** Silly window avoidance was overridden: the next segment goes out whatever its size. */
  overridden = false
  /** A reset, or the answer to a segment that belongs to no connection, is to be sent; undefined: none is. */
  reset: TcpSegment | undefined = undefined

  // Attempts.
  synRetransmissions = 0
  /** Timeouts in a row without progress. */
  retries = 0
  /** Probes in a row without an answer. */
  probes = 0
  /** Probes of silence, if any. */
  keepAlive: KeepAlive | undefined = undefined
  keepAlivePending = false
  /** All probes of a silent peer stayed unanswered. */
  silent = false
  /** The last ICMP error on the way to the peer. */
  unreachable: TcpFailure | undefined = undefined

  // Duplicates, as RFC 2883 has them.
  /** What came twice and is to be reported, as positions of the peer's; `duplicateRight` is -1 when there is nothing. */
  duplicateLeft = 0
  duplicateRight = -1
  /** How many segments the peer has reported as received twice, in all and by the last report. */
  duplicatesReported = 0
  newlyReported = 0

  // For the user.
  pendingEvents = 0
  failure: TcpFailure | undefined = undefined
  closedTold = false
  /** `send` took less than it was given. */
  sendBlocked = false

  // For the trace.
  tracedCwnd = 0
  tracedSsthresh = 0
  roundEnd = 0

  readonly sendQueue = new ByteQueue(1)
  readonly receiveQueue = new ByteQueue(1)
  readonly reassembly: Reassembly
  readonly sent = new SentSegments()
  readonly timers = new TimerTable()
  /** What is known of the path's MTU. */
  readonly path = new PathLimits()
  /** What was known of it before the connection was made, as an MSS. */
  readonly pathMss: number
  readonly defaultMss: number
  /** Fast Open as a client. */
  readonly fastOpen: FastOpenPeer | undefined
  /** Bytes that our SYN carried. */
  synData = 0
  /** Fast Open as a server: the data of the peer's SYN is to be taken; then, was taken, before the handshake is done. */
  takesSynData = false
  fastOpened = false
  /** Fast Open as a server: goes out with the SYN-ACK. */
  grantedCookie: Uint8Array | undefined = undefined
  readonly rtt: RttEstimator
  readonly congestion: CongestionControl
  readonly ecn: EcnState
  /** Spreads segments over time; undefined: nothing does. */
  readonly pacer: Pacer | undefined
  /** Position up to which acknowledgments are of a window that was full, under pacing. */
  windowFilledUpTo = 0
  readonly recovery: LossRecovery
  readonly tailLoss: TailLossProbe
  readonly localPort: number
  readonly remotePort: number

  constructor(options: TcpConnectionOptions) {
    const { config } = options
    this.config = config
    this.passive = options.passive
    this.keeper = options.keeper
    this.iss = options.isn >>> 0
    this.state = 'CLOSED'
    this.noDelay = !config.nagle
    this.rcvMss = Math.min(536, config.mss)
    this.reassembly = new Reassembly(config.receiveBuffer)
    this.rtt = new RttEstimator(config)
    this.congestion = congestionControl(config, timestampOffset(this.iss))
    this.sent.ledger = this.congestion.ledger
    this.ecn = ecnState(config)
    this.tailLoss = config.tailLossProbe ? new TailLossProbe() : NO_TAIL_LOSS_PROBE
    const isPaced = config.pacing || this.congestion.modelBased
    this.pacer = isPaced ? new Pacer(this.congestion, this.rtt) : undefined
    this.recovery = new LossRecovery(config, this.sent, this.congestion)
    this.pathMss = options.pathMss ?? config.mss
    this.defaultMss = options.defaultMss ?? DEFAULT_MSS
    this.fastOpen = options.fastOpen
    if (config.keepAlive) {
      this.keepAlive = { idle: config.keepAliveIdle, interval: config.keepAliveInterval, probes: config.keepAliveProbes }
    }
    this.localPort = options.localPort
    this.remotePort = options.remotePort
    this.rcvWndShift = windowShift(config)
    if (options.passive) this.move('passive-open')
  }

  // Times. Each by itself would be an object of its own; together they are one, close to each other.

  private readonly times = [0, 0, 0, 0, -Infinity, 0]

  get lastSentAt(): Nanos {
    return this.times[0]
  }
  set lastSentAt(time: Nanos) {
    this.times[0] = time
  }
  /** When TS.Recent was taken. */
  get tsRecentAt(): Nanos {
    return this.times[1]
  }
  set tsRecentAt(time: Nanos) {
    this.times[1] = time
  }
  get synSentAt(): Nanos {
    return this.times[2]
  }
  set synSentAt(time: Nanos) {
    this.times[2] = time
  }
  /** From the last probe to the next, doubled each time; 0 while the window is open. */
  get persistInterval(): Nanos {
    return this.times[3]
  }
  set persistInterval(time: Nanos) {
    this.times[3] = time
  }
  get lastChallengeAt(): Nanos {
    return this.times[4]
  }
  set lastChallengeAt(time: Nanos) {
    this.times[4] = time
  }
  /** When the peer was last heard of: an acknowledgment that is acceptable. */
  get heardAt(): Nanos {
    return this.times[5]
  }
  set heardAt(time: Nanos) {
    this.times[5] = time
  }

  record(name: string, data: RecordData): void {
    this.keeper.record(name, data)
  }

  /** Whether to record what happens all the time with `LEFT_OUT` in place of its data. */
  get isBrief(): boolean {
    return this.keeper.isBrief
  }

  /** Sequence number of a position of ours. */
  sendSeq(position: number): number {
    return (this.iss + position) >>> 0
  }

  /** Sequence number of a position of the peer's. */
  receiveSeq(position: number): number {
    return (this.irs + position) >>> 0
  }

  /** Position of an acknowledgment number: the one nearest to SND.UNA. */
  ackPosition(ack: number): number {
    return this.sndUna + ((ack - (this.iss + this.sndUna)) | 0)
  }

  /** Position of a sequence number of the peer's: the one nearest to RCV.NXT. */
  receivePosition(seq: number): number {
    return this.rcvNxt + ((seq - (this.irs + this.rcvNxt)) | 0)
  }

  /** Our timestamp clock: milliseconds (RFC 7323 section 5.4). */
  timestamp(now: Nanos): number {
    return (timestampOffset(this.iss) + Math.floor(now / NANOS_PER_TIMESTAMP)) >>> 0
  }

  /** Round-trip time by the timestamp that the peer echoes, at least 1 ns; -1: it tells none. */
  echoedRtt(segment: TcpSegment, now: Nanos): Nanos {
    if (!this.timestamps || !segment.hasTimestamp || segment.tsEcr === 0) return -1
    const rtt = ((this.timestamp(now) - segment.tsEcr) | 0) * NANOS_PER_TIMESTAMP
    return rtt >= 0 && rtt <= now ? Math.max(rtt, 1) : -1
  }

  /** Whether both sides agree upon their numbers, and the connection is not over. */
  get isSynchronized(): boolean {
    const { state } = this
    return state !== 'CLOSED' && state !== 'LISTEN' && state !== 'SYN-SENT' && state !== 'SYN-RECEIVED' && state !== 'TIME-WAIT'
  }

  /** When the segment was sent that the peer's timestamp is an echo of, in whole milliseconds; -1: it tells nothing. */
  echoedTick(segment: TcpSegment, now: Nanos): number {
    if (!this.timestamps || !segment.hasTimestamp || segment.tsEcr === 0) return -1
    return Math.floor(now / NANOS_PER_TIMESTAMP) - ((this.timestamp(now) - segment.tsEcr) | 0)
  }

  /** Whether it was the peer who ended the connection by a reset. */
  get wasReset(): boolean {
    return this.failure?.code === 'ECONNRESET'
  }

  /** Whether the peer's FIN was received, and all before it. */
  get peerFinished(): boolean {
    return this.peerFin >= 0 && this.rcvNxt > this.peerFin
  }

  /** Goes where the table leads from the current state. */
  move(input: TcpInput): void {
    const from = this.state
    const to = TCP_TRANSITIONS[from][input]
    if (to === undefined) throw new Error(`TCP has no transition from ${from} on ${input}`)
    this.state = to
    this.record('tcp:state-changed', this.isBrief ? LEFT_OUT : { from, to, why: input })
  }

  emit(event: number): void {
    this.pendingEvents |= event
  }

  /** Tells the user that it is over, once. */
  tellClosed(failure: TcpFailure | undefined): void {
    if (this.closedTold) return
    this.closedTold = true
    this.failure = failure
    this.emit(PendingEvent.CLOSED)
  }

  /** To CLOSED by an input; lets go of everything but what can still be read. */
  end(input: TcpInput, failure: TcpFailure | undefined): void {
    this.move(input)
    this.release()
    this.tellClosed(failure)
  }

  /** To TIME-WAIT's or CLOSED's bareness: no timers, nothing to send. */
  release(): void {
    this.timers.clearAll()
    this.sendQueue.clear()
    this.sent.clear()
    this.reassembly.clear()
    this.synPending = false
    this.ackPending = false
    this.probePending = false
    this.keepAlivePending = false
    this.sendBlocked = false
  }

  /** An acknowledgment is due at once. */
  acknowledgeNow(): void {
    this.ackPending = true
  }

  /** To TIME-WAIT by an input, for twice the maximum segment lifetime. */
  waitForStragglers(input: TcpInput, now: Nanos): void {
    const { ackPending } = this
    this.move(input)
    this.release()
    this.ackPending = ackPending
    this.timers.set(TcpTimer.TIME_WAIT, now + this.config.timeWait)
    this.tellClosed(undefined)
  }

  /** Records the congestion window when it has changed. */
  traceCongestion(): void {
    const cwnd = this.recovery.steeredWindow
    const { ssthresh } = this.congestion
    if (cwnd === this.tracedCwnd && ssthresh === this.tracedSsthresh) return
    this.tracedCwnd = cwnd
    this.tracedSsthresh = ssthresh
    this.record('tcp:congestion-updated', this.isBrief ? LEFT_OUT : { cwnd, ssthresh, flight: this.sent.pipe })
  }
}

/** The round-trip time was measured, and taken into the averages. */
export function recordRtt(block: ControlBlock, measured: Nanos): void {
  const { srtt, rttvar, rto } = block.rtt
  block.record('tcp:rtt-sampled', block.isBrief ? LEFT_OUT : { rtt: measured, srtt, rttvar, rto })
}

/** Added to our clock, so that its start is no clue to the host's (RFC 7323 section 7.1). */
function timestampOffset(iss: number): number {
  return Math.imul(iss ^ (iss >>> 15), 0x2c1b3c6d) >>> 0
}

/** What the timestamp clock of a connection with this initial sequence number shows. */
export function timestampAt(iss: number, now: Nanos): number {
  return (timestampOffset(iss) + Math.floor(now / NANOS_PER_TIMESTAMP)) >>> 0
}

/** Shift count that lets the window field express the whole receive buffer (RFC 7323 section 2.3: at most 14). */
export function windowShift(config: TcpConfig): number {
  if (!config.windowScaling) return 0
  let shift = 0
  while (shift < 14 && config.receiveBuffer >>> shift > 0xffff) shift++
  return shift
}
