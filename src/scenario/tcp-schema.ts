import * as v from 'valibot'
import { TCP_LIMITS } from '../protocols/tcp/config.ts'
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

/** Switches of a host's TCP. Whatever is left out keeps the implementation's default. */
export const tcpSchema = v.pipe(
  strict('TCP options', {
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
    congestionControl: v.exactOptional(choiceField('Congestion control.', ['new-reno'])),
    initialWindow: count('initialWindow', 'Initial congestion window in segments.'),
    initialSsthresh: size('initialSsthresh', 'Slow-start threshold to begin with.'),
    slowStartPerAck: count('slowStartPerAck', 'How many segments an acknowledgment may add to the window in slow start.'),
    byteCounting: flag('Congestion avoidance counts acknowledged bytes instead of acknowledgments.'),
    fastRetransmit: flag('Fast retransmit and fast recovery; without, the timer alone repairs.'),
    duplicateThreshold: count('duplicateThreshold', 'How many duplicate acknowledgments speak of a loss.'),
    limitedTransmit: flag('New data on the first two duplicate acknowledgments.'),
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
    unreachableEndsConnect: flag('Whether an ICMP unreachable ends an attempt to connect.'),
  } satisfies Record<keyof TcpConfig, v.GenericSchema>),
  v.description('Switches of TCP on this host; the rest keeps its default.'),
)
