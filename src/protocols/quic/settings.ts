import { DEFAULT_TRANSPORT_PARAMETERS } from '../../wire/quic/transport-parameters.ts'
import type { TransportParameters } from '../../wire/quic/transport-parameters.ts'
import { QUIC_V1, SMALLEST_INITIAL_DATAGRAM } from '../../wire/quic/header.ts'
import type { Nanos } from '../endpoint.ts'
import type { QuicOptions } from './options.ts'
import type { PathOptions } from './path.ts'
import type { RememberedParameters } from './session.ts'

const KIB = 1024
const MIB = 1024 * KIB
const MILLISECOND = 1_000_000
const SECOND = 1_000_000_000

/** ack_delay_exponent of ours. */
export const ACK_DELAY_EXPONENT = DEFAULT_TRANSPORT_PARAMETERS.ackDelayExponent

/** Of a DATAGRAM frame that we take: any that fits into a packet (RFC 9221 section 3). */
const MAX_DATAGRAM_FRAME = 65_535

/** What of the options is about streams, all filled in. */
export interface StreamSettings {
  readonly connectionWindow: number
  readonly maxConnectionWindow: number
  readonly streamWindow: number
  readonly maxStreamWindow: number
  readonly maxBidirectionalStreams: number
  readonly maxUnidirectionalStreams: number
  readonly autoConsume: boolean
  readonly observe: boolean
}

/** What both ends' options come down to. */
export interface QuicSettings extends StreamSettings {
  readonly versions: readonly number[]
  readonly connectionIdLength: number
  readonly activeConnectionIdLimit: number
  readonly idleTimeout: Nanos
  readonly datagrams: boolean
  readonly maxAckDelay: Nanos
  /** Packets under one key; Infinity: up to the cipher's limit. */
  readonly keyUpdateAfter: number
  readonly spinBit: boolean
  readonly path: PathOptions
}

/** Fills in what options leave out. Throws RangeError for what is out of range. */
export function quicSettings(options: QuicOptions): QuicSettings {
  const { versions = [QUIC_V1], connectionIdLength = 8, activeConnectionIdLimit = 4, idleTimeout = 30 * SECOND } = options
  const { connectionWindow = MIB, streamWindow = 256 * KIB, maxUdpPayload = 1452, maxAckDelay = 25 * MILLISECOND } = options
  const { maxConnectionWindow = 24 * MIB, maxStreamWindow = 16 * MIB, keyUpdateAfter = Infinity } = options
  const { maxBidirectionalStreams = 100, maxUnidirectionalStreams = 100 } = options
  check('connectionIdLength', connectionIdLength, connectionIdLength === 0 ? 0 : 4, 20)
  check('activeConnectionIdLimit', activeConnectionIdLimit, 2, 64)
  check('idleTimeout', idleTimeout, 0, Number.MAX_SAFE_INTEGER)
  check('maxUdpPayload', maxUdpPayload, 1200, 65_527)
  check('maxAckDelay', maxAckDelay, 0, 16_383 * MILLISECOND)
  check('keyUpdateAfter', keyUpdateAfter, 1, Infinity)
  for (const window of [connectionWindow, streamWindow]) check('a window', window, 0, 2 ** 40)
  for (const count of [maxBidirectionalStreams, maxUnidirectionalStreams]) check('a number of streams', count, 0, 2 ** 20)
  if (!versions.some(isSpoken)) throw new RangeError('version 1 is the one that is spoken here')
  return {
    versions,
    connectionIdLength,
    activeConnectionIdLimit,
    idleTimeout,
    connectionWindow,
    maxConnectionWindow: Math.max(connectionWindow, maxConnectionWindow),
    streamWindow,
    maxStreamWindow: Math.max(streamWindow, maxStreamWindow),
    maxBidirectionalStreams,
    maxUnidirectionalStreams,
    autoConsume: options.autoConsume ?? false,
    observe: options.observe ?? false,
    datagrams: options.datagrams ?? false,
    maxAckDelay,
    keyUpdateAfter,
    spinBit: options.spinBit ?? false,
    path: {
      congestionControl: options.congestionControl ?? 'cubic',
      pacing: options.pacing ?? true,
      ecn: options.ecn ?? true,
      maxUdpPayload: options.pmtud === false ? SMALLEST_INITIAL_DATAGRAM : maxUdpPayload,
      ...(options.initialRtt !== undefined && { initialRtt: options.initialRtt }),
    },
  }
}

/** Whether that version is known here. */
export function isSpoken(version: number): boolean {
  return version === QUIC_V1
}

function check(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most)) throw new RangeError(`${name} of ${String(value)}`)
}

/** What we tell the peer of ourselves: RFC 9000 section 18.2. */
export function ownParameters(settings: QuicSettings): TransportParameters {
  const { streamWindow } = settings
  return {
    ...DEFAULT_TRANSPORT_PARAMETERS,
    maxIdleTimeout: Math.ceil(settings.idleTimeout / MILLISECOND),
    initialMaxData: settings.connectionWindow,
    initialMaxStreamDataBidiLocal: streamWindow,
    initialMaxStreamDataBidiRemote: streamWindow,
    initialMaxStreamDataUni: streamWindow,
    initialMaxStreamsBidi: settings.maxBidirectionalStreams,
    initialMaxStreamsUni: settings.maxUnidirectionalStreams,
    maxAckDelay: Math.ceil(settings.maxAckDelay / MILLISECOND),
    activeConnectionIdLimit: settings.activeConnectionIdLimit,
    maxDatagramFrameSize: settings.datagrams ? MAX_DATAGRAM_FRAME : 0,
  }
}

/** What of a server's parameters holds for 0-RTT data later: RFC 9000 section 7.4.1. */
export function remembered(parameters: TransportParameters): RememberedParameters {
  return {
    activeConnectionIdLimit: parameters.activeConnectionIdLimit,
    initialMaxData: parameters.initialMaxData,
    initialMaxStreamDataBidiLocal: parameters.initialMaxStreamDataBidiLocal,
    initialMaxStreamDataBidiRemote: parameters.initialMaxStreamDataBidiRemote,
    initialMaxStreamDataUni: parameters.initialMaxStreamDataUni,
    initialMaxStreamsBidi: parameters.initialMaxStreamsBidi,
    initialMaxStreamsUni: parameters.initialMaxStreamsUni,
    maxDatagramFrameSize: parameters.maxDatagramFrameSize,
  }
}

/** Whether a server that accepts 0-RTT data now allows less than it did: RFC 9000 section 7.4.1. */
export function isReduced(now: RememberedParameters, before: RememberedParameters): boolean {
  for (const [name, value] of Object.entries(before) as [keyof RememberedParameters, number][]) if (now[name] < value) return true
  return false
}
