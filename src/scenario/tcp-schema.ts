import * as v from 'valibot'
import { TCP_LIMITS, TCP_PRESETS } from '../protocols/tcp/config.ts'
import { choiceField, countField, flagField, sizeField, strict, timeField } from './field-schema.ts'
import type { TcpConfig } from '../protocols/tcp/config.ts'

function limits(name: keyof TcpConfig): { min: number; max: number } {
  const [min, max] = TCP_LIMITS[name] ?? [0, Number.MAX_SAFE_INTEGER]
  return { min, max }
}
const count = (name: keyof TcpConfig, description: string) => v.exactOptional(countField(description, limits(name)))
const size = (name: keyof TcpConfig, description: string) => v.exactOptional(sizeField(description, limits(name)))
const time = (name: keyof TcpConfig, description: string) => v.exactOptional(timeField(description, limits(name)))
const flag = (description: string) => v.exactOptional(flagField(description))

/** Switches of a host's TCP. Whatever is left out is as the preset has it. */
export const tcpSchema = v.pipe(
  strict('TCP options', {
    preset: v.exactOptional(
      choiceField('What the other switches begin with: the standards, Linux, or what textbooks teach.', TCP_PRESETS),
    ),
    mss: size('mss', 'Largest payload announced and sent.'),
    sendBuffer: size('sendBuffer', 'How much a sender may have written that is not acknowledged yet.'),
    receiveBuffer: size('receiveBuffer', 'How much may wait for the reader; also the largest window offered.'),
    windowScaling: flag('The window scale option.'),
    timestamps: flag('The timestamps option.'),
    sack: flag('Selective acknowledgments, and the recovery built upon them.'),
    nagle: flag("Nagle's algorithm: small segments wait for outstanding data to be acknowledged."),
    minshall: flag("Minshall's variant of Nagle's algorithm: a small segment waits only for an earlier small one."),
    delayedAck: flag('Delayed acknowledgments.'),
    delayedAckTimeout: time('delayedAckTimeout', 'How long an acknowledgment may be held back.'),
    delayedAckSegments: count('delayedAckSegments', 'After how many full-sized segments an acknowledgment goes out at once.'),
    sillyWindowAvoidance: flag('Avoidance of the silly window syndrome.'),
    sillyWindowOverride: time('sillyWindowOverride', 'How long silly window avoidance holds back a small segment.'),
    congestionControl: v.exactOptional(choiceField('Congestion control.', ['new-reno', 'cubic', 'bbr'])),
    hystart: v.exactOptional(
      choiceField('Leaving slow start before the queue overflows: not, by HyStart++ (RFC 9406), or as Linux does it.', [
        'off',
        'hystart++',
        'hystart',
      ]),
    ),
    cubicReno: v.exactOptional(
      choiceField("How fast CUBIC's estimate of Reno grows where that leads: as in RFC 9438, or as in RFC 8312 and Linux.", [
        'rfc9438',
        'rfc8312',
      ]),
    ),
    wholeSegments: flag('Reductions of the congestion window round it down to whole segments, as in Linux.'),
    pacing: flag('Segments are spread over time instead of sent in bursts; BBR always does so.'),
    ecn: v.exactOptional(
      choiceField('Explicit congestion notification: never, when the peer asks for it, or asked for too.', [
        'off',
        'passive',
        'on',
      ]),
    ),
    initialWindow: count('initialWindow', 'Initial congestion window in segments.'),
    initialSsthresh: size('initialSsthresh', 'Slow-start threshold to begin with.'),
    slowStartPerAck: count('slowStartPerAck', 'How many segments an acknowledgment may add to the window in slow start.'),
    byteCounting: flag('Congestion avoidance counts acknowledged bytes instead of acknowledgments.'),
    fastRetransmit: flag('Fast retransmit and fast recovery; without, the timer alone repairs.'),
    duplicateThreshold: count('duplicateThreshold', 'How many duplicate acknowledgments speak of a loss.'),
    limitedTransmit: flag('New data on the first two duplicate acknowledgments.'),
    rack: flag('Losses are found by time instead of by counting duplicates; needs selective acknowledgments.'),
    tailLossProbe: flag('After two silent round trips a probe finds out about losses at the end.'),
    dsack: flag('The receiver tells what came twice, and the sender listens.'),
    proportionalRateReduction: flag('In fast recovery the rate falls evenly to its new value.'),
    frto: flag('After a timeout new data goes out first, to find out whether it was spurious.'),
    undo: flag('The response to a retransmission that proves spurious is taken back.'),
    slowStartAfterIdle: flag('Back to the initial window after an idle time.'),
    initialRto: time('initialRto', 'Retransmission timeout before the first measurement.'),
    fallbackRto: time('fallbackRto', 'Retransmission timeout after a handshake whose SYN was lost.'),
    minRto: time('minRto', 'Least retransmission timeout.'),
    rtoVarianceFloor: time('rtoVarianceFloor', 'How far at least the retransmission timeout stays above the round-trip time.'),
    maxRto: time('maxRto', 'Most retransmission timeout.'),
    synRetries: count('synRetries', 'How often a SYN is sent again.'),
    synAckRetries: count('synAckRetries', 'How often a SYN-ACK is sent again.'),
    retries: count('retries', 'How often data is sent again before the connection is given up.'),
    timeWait: time('timeWait', 'Length of TIME-WAIT.'),
    finWait2Timeout: time('finWait2Timeout', "How long a closed connection waits for the peer's FIN; 0 s: for ever."),
    challengeAcks: flag('Mitigations of blind attacks (RFC 5961).'),
    challengeAckInterval: time('challengeAckInterval', 'At most one challenge acknowledgment in this time.'),
    timeToLive: count('timeToLive', 'Time to live of its packets, or their hop limit.'),
    keepAlive: flag('Probes on a connection that has been silent for long.'),
    keepAliveIdle: time('keepAliveIdle', 'Silence before the first probe.'),
    keepAliveInterval: time('keepAliveInterval', 'From one unanswered probe to the next.'),
    keepAliveProbes: count('keepAliveProbes', 'After how many unanswered probes the peer is taken for gone.'),
    synCookies: flag('Answers SYNs that a full SYN queue has no room for, by cookies.'),
    fastOpen: flag('TCP Fast Open, where applications ask for it: data in the SYN.'),
    fastOpenBacklog: count(
      'fastOpenBacklog',
      'How many connections of a listener may wait for their handshake with data already taken.',
    ),
    pathMtuDiscovery: flag('Packets that no router may cut, as large as reports say that the path takes. Off: routers cut them.'),
    mtuProbing: v.exactOptional(
      choiceField('Finding the MTU of the path by trying: never, when segments seem to vanish for their size, or always.', [
        'off',
        'on-black-hole',
        'always',
      ]),
    ),
    mtuProbingBase: size('mtuProbingBase', 'Segment size that such a search begins with.'),
    unreachableEndsConnect: flag('Whether an ICMP unreachable ends an attempt to connect.'),
  } satisfies Record<keyof TcpConfig | 'preset', v.GenericSchema>),
  v.description('Switches of TCP on this host; the rest is as in the preset.'),
)
