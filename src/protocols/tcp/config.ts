import type { Nanos } from '../endpoint.ts'
import { LINUX, TEXTBOOK } from './presets.ts'

/**
 * What one TCP endpoint is made to do. Every mechanism can be switched off, so that a scenario can show its absence. Lengths
 * are bytes, times nanoseconds.
 */
export interface TcpConfig {
  /**
   * Largest payload that this side announces and sends, before options are taken off: the interface's MTU less 40 for IPv4
   * (RFC 9293 section 3.7.1). 64 to 65495.
   */
  readonly mss: number
  /** How many bytes `send` takes before it says that it is full; sent but unacknowledged bytes count. */
  readonly sendBuffer: number
  /** How many received bytes wait for the reader; also the largest window that is offered. Up to 2^30 - 1. */
  readonly receiveBuffer: number
  /** The window scale option (RFC 7323 section 2). Without it windows end at 65,535. */
  readonly windowScaling: boolean
  /** The timestamps option, for round-trip measurement and PAWS (RFC 7323 sections 3 to 5). */
  readonly timestamps: boolean
  /** Selective acknowledgments, and the recovery built upon them (RFC 2018, RFC 6675). Without: NewReno (RFC 6582). */
  readonly sack: boolean
  /** Nagle's algorithm (RFC 9293 section 3.7.4). A socket's `setNoDelay` switches it off for that socket. */
  readonly nagle: boolean
  /** Minshall's variant of Nagle's algorithm, as in Linux: a small segment waits only for an earlier *small* one. */
  readonly minshall: boolean
  /** Delayed acknowledgments (RFC 9293 section 3.8.6.3). Off: every segment with data is acknowledged at once. */
  readonly delayedAck: boolean
  /** How long an acknowledgment may be held back; below 500 ms (RFC 5681 section 4.2, MUST). 40 ms as in Linux. */
  readonly delayedAckTimeout: Nanos
  /** After how many full-sized segments an acknowledgment goes out at once: 2 by RFC 5681 section 4.2 (MUST: at most 2). */
  readonly delayedAckSegments: number
  /** Avoidance of the silly window syndrome, both sides (RFC 9293 section 3.8.6.2). */
  readonly sillyWindowAvoidance: boolean
  /** How long sender-side avoidance holds back a small segment (RFC 9293 section 3.8.6.2.1: 0.1 to 1 s). */
  readonly sillyWindowOverride: Nanos
  /** Congestion control: NewReno (RFC 5681, RFC 6582), CUBIC (RFC 9438), or BBR version 1 (see `../congestion/bbr.ts`), which is always paced. */
  readonly congestionControl: 'new-reno' | 'cubic' | 'bbr'
  /**
   * How NewReno and CUBIC leave their first slow start before the queue overflows: not at all, by HyStart++ (RFC 9406), or by the older HyStart
   * of Linux's CUBIC.
   */
  readonly hystart: 'off' | 'hystart++' | 'hystart'
  /**
   * How CUBIC's estimate of Reno grows (RFC 9438 section 4.3): by 0.53 segments a round trip, and by a whole one as soon as it is back where
   * the last reduction began; or by 0.53 throughout, as in RFC 8312 and Linux, which is slower where losses are many.
   */
  readonly cubicReno: 'rfc9438' | 'rfc8312'
  /**
   * NewReno's and CUBIC's reductions round the window down to whole segments, as in Linux, which counts packets. Off: bytes, as RFC 5681
   * counts. It matters where windows are small: 0.7 of 7 segments is 4.
   */
  readonly wholeSegments: boolean
  /** Segments are spread over time instead of sent in bursts. */
  readonly pacing: boolean
  /** Explicit congestion notification (RFC 3168): never; if the peer asks for it, as Linux's default; or asked for, too. */
  readonly ecn: 'off' | 'passive' | 'on'
  /** Initial congestion window in segments: 10 (RFC 6928); a byte limit of max(2 segments, 14,600 bytes) holds for 10 too. */
  readonly initialWindow: number
  /** Slow-start threshold to begin with, in bytes: arbitrarily high (RFC 5681 section 3.1). */
  readonly initialSsthresh: number
  /**
   * How many segments an acknowledgment may add to the congestion window in slow start, however much it acknowledges: 1 (RFC 5681
   * section 3.1), 2 (RFC 3465), 8 (RFC 9406 section 4.2, where sending is not paced), or very many as in Linux.
   */
  readonly slowStartPerAck: number
  /**
   * Congestion avoidance counts acknowledged bytes, one segment more per window of them (RFC 5681 section 3.1, recommended). Off: each
   * acknowledgment adds SMSS²/cwnd (equation 3 there), which grows half as fast against delayed acknowledgments.
   */
  readonly byteCounting: boolean
  /** Fast retransmit and fast recovery on duplicate acknowledgments (RFC 5681 section 3.2). Off: the timer alone repairs. */
  readonly fastRetransmit: boolean
  /** How many duplicates speak of a loss: DupThresh, 3 (RFC 5681, RFC 6675). */
  readonly duplicateThreshold: number
  /** New data on the first two duplicate acknowledgments (RFC 3042). */
  readonly limitedTransmit: boolean
  /**
   * Losses by time instead of by counting duplicates: what was sent well before something that has arrived is lost (RACK of RFC 8985).
   * Finds lost retransmissions too, and waits for what is only reordered. Needs `sack` and `fastRetransmit`.
   */
  readonly rack: boolean
  /**
   * When nothing is heard for two round trips, the last segment, or a new one, is sent to draw an acknowledgment that tells of losses at the
   * end, which would otherwise wait for the timer (TLP of RFC 8985 section 7). Needs `sack` and `fastRetransmit`; made for `rack`.
   */
  readonly tailLossProbe: boolean
  /** The receiver tells what came twice in its SACK option, and the sender listens to that (RFC 2883). Needs `sack`. */
  readonly dsack: boolean
  /**
   * In fast recovery by SACK as much is sent for each acknowledgment as brings what is in flight down to the threshold evenly (PRR, RFC
   * 6937), instead of nothing for half a round trip. Of its two reduction bounds, slow start's where SND.UNA advances and nothing more is
   * found lost, packet conservation otherwise: as in Linux.
   */
  readonly proportionalRateReduction: boolean
  /** After a timeout new data goes out first, to find out whether the timeout was spurious (F-RTO, RFC 5682). */
  readonly frto: boolean
  /**
   * The congestion response to a retransmission that proves spurious is taken back, whether timestamps (Eifel, RFC 3522 and 4015) or
   * duplicate reports (`dsack`) prove it, as in Linux. What F-RTO proves is taken back in any case.
   */
  readonly undo: boolean
  /** Back to the initial window after an idle time of one RTO (RFC 5681 section 4.1). */
  readonly slowStartAfterIdle: boolean
  /** RTO before the first measurement: 1 s (RFC 6298 section 2.1). */
  readonly initialRto: Nanos
  /** RTO after a handshake whose SYN was lost and which gave no measurement: 3 s (RFC 6298 section 5.7). */
  readonly fallbackRto: Nanos
  /** Least RTO. 200 ms as in Linux; 1 s by RFC 6298 section 2.4. */
  readonly minRto: Nanos
  /**
   * Least value of the variance term, max(G, 4 RTTVAR) of RFC 6298 section 2.3, where G is the clock's granularity. 200 ms as in Linux,
   * which puts its minimum here: on a steady path the RTO stays that far above the round-trip time, out of reach of delayed acknowledgments.
   */
  readonly rtoVarianceFloor: Nanos
  /** Most RTO, after backing off too: 120 s as in Linux; at least 60 s by RFC 6298 section 2.5. */
  readonly maxRto: Nanos
  /** How often a SYN is sent again before `connect` gives up: 6, as in Linux, is 127 s. */
  readonly synRetries: number
  /** How often a SYN-ACK is sent again: 5, as in Linux, is 63 s. */
  readonly synAckRetries: number
  /**
   * How often the oldest data, a FIN or an unanswered zero-window probe is sent again before the connection is given up (R2 of RFC 9293
   * section 3.8.3, at least 100 s): 15, as in Linux, is 924 s from an RTO of 200 ms.
   */
  readonly retries: number
  /** Length of TIME-WAIT, twice the maximum segment lifetime: 60 s as in Linux; 4 min by RFC 9293 section 3.4.2. */
  readonly timeWait: Nanos
  /** How long a fully closed connection waits in FIN-WAIT-2 for the peer's FIN: 60 s as in Linux; RFC 9293 has no limit. 0: none. */
  readonly finWait2Timeout: Nanos
  /**
   * Mitigations of blind attacks (RFC 5961, taken into RFC 9293 section 3.10.7.4): a reset must hit RCV.NXT exactly, and a SYN in a
   * synchronized state gets a challenge ACK. Off: RFC 793's rules.
   */
  readonly challengeAcks: boolean
  /** At most one challenge ACK, or answer to an unacceptable segment without data, in this time (RFC 5961 section 7). */
  readonly challengeAckInterval: Nanos
  /** Time to live of its packets, or their hop limit (RFC 9293 section 3.9.2). */
  readonly timeToLive: number
  /** Probes on a silent connection (RFC 9293 section 3.8.4). A socket's `setKeepAlive` decides for that socket. Off, as RFC 9293 demands. */
  readonly keepAlive: boolean
  /** Silence before the first probe: 2 hours (RFC 9293 section 3.8.4, MUST: no less by default). */
  readonly keepAliveIdle: Nanos
  /** From one unanswered probe to the next: 75 s as in Linux. */
  readonly keepAliveInterval: Nanos
  /** After how many unanswered probes the peer is taken for gone: 9 as in Linux. */
  readonly keepAliveProbes: number
  /** Answers to SYNs that a full SYN queue has no room for, with all that is to be remembered in the sequence number (RFC 4987 section 3.6). */
  readonly synCookies: boolean
  /** TCP Fast Open (RFC 7413), as client and as server, where applications ask for it. */
  readonly fastOpen: boolean
  /** How many connections of a listener may wait for the end of their handshake with data already taken (RFC 7413 section 5.1). */
  readonly fastOpenBacklog: number
  /** "Don't fragment" on every packet, and segments as large as routers report that the path takes (RFC 1191, RFC 8201). Off: routers cut. */
  readonly pathMtuDiscovery: boolean
  /**
   * Finding the path's MTU by trying, where no message tells it (RFC 4821): never; when timeouts in a row suggest that segments vanish
   * for their size; or always, from small segments upwards. 0, 1 and 2 of Linux's tcp_mtu_probing.
   */
  readonly mtuProbing: 'off' | 'on-black-hole' | 'always'
  /** MSS that such a search begins with: 1024 as in Linux and RFC 4821 section 7.2. */
  readonly mtuProbingBase: number
  /**
   * Whether an ICMP network or host unreachable ends an attempt to connect, as in Linux. Off: as RFC 1122 section 4.2.3.9 has it, it is
   * only remembered as the reason for the timeout.
   */
  readonly unreachableEndsConnect: boolean
}

/** When and how often one connection asks a silent peer whether it is there. */
export interface KeepAlive {
  /** Silence before the first probe, in nanoseconds. */
  readonly idle: Nanos
  /** From one unanswered probe to the next. */
  readonly interval: Nanos
  /** After how many unanswered probes the peer is taken for gone. */
  readonly probes: number
}

const MILLISECOND = 1_000_000
const SECOND = 1_000_000_000

/** Linux's values where RFCs leave room; RFC 5681's and 6582's congestion control. */
export const DEFAULT_TCP: TcpConfig = {
  mss: 1460,
  sendBuffer: 1_048_576,
  receiveBuffer: 1_048_576,
  windowScaling: true,
  timestamps: true,
  sack: true,
  nagle: true,
  minshall: true,
  delayedAck: true,
  delayedAckTimeout: 40 * MILLISECOND,
  delayedAckSegments: 2,
  sillyWindowAvoidance: true,
  sillyWindowOverride: 200 * MILLISECOND,
  congestionControl: 'new-reno',
  hystart: 'off',
  cubicReno: 'rfc9438',
  wholeSegments: false,
  pacing: false,
  ecn: 'off',
  initialWindow: 10,
  initialSsthresh: Number.MAX_SAFE_INTEGER,
  slowStartPerAck: 1,
  byteCounting: true,
  fastRetransmit: true,
  duplicateThreshold: 3,
  limitedTransmit: true,
  rack: false,
  tailLossProbe: false,
  dsack: false,
  proportionalRateReduction: false,
  frto: false,
  undo: false,
  slowStartAfterIdle: true,
  initialRto: SECOND,
  fallbackRto: 3 * SECOND,
  minRto: 200 * MILLISECOND,
  rtoVarianceFloor: 200 * MILLISECOND,
  maxRto: 120 * SECOND,
  synRetries: 6,
  synAckRetries: 5,
  retries: 15,
  timeWait: 60 * SECOND,
  finWait2Timeout: 60 * SECOND,
  challengeAcks: true,
  challengeAckInterval: 500 * MILLISECOND,
  timeToLive: 64,
  keepAlive: false,
  keepAliveIdle: 7200 * SECOND,
  keepAliveInterval: 75 * SECOND,
  keepAliveProbes: 9,
  synCookies: false,
  fastOpen: false,
  fastOpenBacklog: 16,
  pathMtuDiscovery: true,
  mtuProbing: 'off',
  mtuProbingBase: 1024,
  unreachableEndsConnect: true,
}

/** Inclusive ranges of the numbers. */
export const TCP_LIMITS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  mss: [64, 65_495],
  sendBuffer: [1, 2 ** 31 - 1],
  receiveBuffer: [1, 2 ** 30 - 1],
  delayedAckTimeout: [0, 500 * MILLISECOND],
  delayedAckSegments: [1, 1000],
  sillyWindowOverride: [MILLISECOND, 10 * SECOND],
  initialWindow: [1, 10_000],
  initialSsthresh: [1, Number.MAX_SAFE_INTEGER],
  slowStartPerAck: [1, 1_000_000],
  duplicateThreshold: [1, 1000],
  initialRto: [MILLISECOND, 120 * SECOND],
  fallbackRto: [MILLISECOND, 120 * SECOND],
  minRto: [MILLISECOND, 120 * SECOND],
  rtoVarianceFloor: [1, 120 * SECOND],
  maxRto: [MILLISECOND, 3600 * SECOND],
  synRetries: [0, 255],
  synAckRetries: [0, 255],
  retries: [0, 255],
  timeWait: [0, 3600 * SECOND],
  finWait2Timeout: [0, 3600 * SECOND],
  challengeAckInterval: [0, 10 * SECOND],
  timeToLive: [1, 255],
  keepAliveIdle: [MILLISECOND, 86_400 * SECOND],
  keepAliveInterval: [MILLISECOND, 86_400 * SECOND],
  keepAliveProbes: [1, 255],
  fastOpenBacklog: [1, 65_535],
  mtuProbingBase: [64, 65_495],
}

/** What the settings that are words may be. */
const TCP_CHOICES: Readonly<Record<string, readonly string[]>> = {
  congestionControl: ['new-reno', 'cubic', 'bbr'],
  hystart: ['off', 'hystart++', 'hystart'],
  cubicReno: ['rfc9438', 'rfc8312'],
  ecn: ['off', 'passive', 'on'],
  mtuProbing: ['off', 'on-black-hole', 'always'],
}

/** A setting of TCP that does not exist, or does not take this value. */
export class TcpConfigError extends Error {
  override readonly name = 'TcpConfigError'
  constructor(
    /** Name of the setting. */
    readonly setting: string,
    detail: string,
  ) {
    super(detail)
  }
}

/** What each preset changes of the defaults. */
const PRESETS: Readonly<Record<string, Readonly<Partial<TcpConfig>>>> = { standard: {}, linux: LINUX, textbook: TEXTBOOK }

/** Names of the presets, that of the defaults first. */
export const TCP_PRESETS = Object.keys(PRESETS)

/**
 * A preset with some settings changed.
 * @param overrides settings by their names in `TcpConfig`; and `preset`, by which to begin: `'standard'` (`DEFAULT_TCP`) when absent
 * @throws TcpConfigError for an unknown name, a wrong type or a number out of range; says what is allowed
 */
export function tcpConfig(overrides: Readonly<Record<string, unknown>>): TcpConfig {
  const { preset = TCP_PRESETS[0], ...settings } = overrides
  if (typeof preset !== 'string' || !Object.hasOwn(PRESETS, preset)) {
    throw new TcpConfigError('preset', `TCP's preset is ${listed(TCP_PRESETS)}, not ${JSON.stringify(preset)}`)
  }
  const merged: Record<string, unknown> = { ...DEFAULT_TCP, ...PRESETS[preset] }
  for (const [name, value] of Object.entries(settings)) {
    if (!Object.hasOwn(DEFAULT_TCP, name)) {
      const names = ['preset', ...Object.keys(DEFAULT_TCP)]
      throw new TcpConfigError(name, `TCP has no setting ${name}; it has ${names.join(', ')}`)
    }
    const expected = typeof merged[name]
    if (typeof value !== expected) throw new TcpConfigError(name, `TCP's ${name} is a ${expected}, not ${JSON.stringify(value)}`)
    if (typeof value === 'string' && !TCP_CHOICES[name].includes(value)) {
      throw new TcpConfigError(name, `TCP's ${name} is ${listed(TCP_CHOICES[name])}, not ${JSON.stringify(value)}`)
    }
    if (typeof value === 'number') {
      const [least, most] = TCP_LIMITS[name]
      if (!Number.isInteger(value) || value < least || value > most) {
        throw new TcpConfigError(
          name,
          `TCP's ${name} is an integer from ${String(least)} to ${String(most)}, not ${String(value)}`,
        )
      }
    }
    merged[name] = value
  }
  return merged as unknown as TcpConfig
}

function listed(choices: readonly string[]): string {
  return choices.map((choice) => `'${choice}'`).join(' or ')
}
