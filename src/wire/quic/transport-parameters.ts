import { read16, read32, write16, write32 } from '../integer.ts'
import { readIpv6, writeIpv6 } from '../address.ts'
import { QuicDecodeError } from './decode-error.ts'
import { LARGEST_CONNECTION_ID, RESET_TOKEN_LENGTH } from './header.ts'
import { LARGEST_VARINT, readVarint, varintLength, varintLengthAt, writeVarint } from './varint.ts'
import { joined } from '../joined.ts'

/** Transport parameters: RFC 9000 section 18, RFC 9221 section 3. */

export type TransportParameterName =
  | 'original_destination_connection_id'
  | 'max_idle_timeout'
  | 'stateless_reset_token'
  | 'max_udp_payload_size'
  | 'initial_max_data'
  | 'initial_max_stream_data_bidi_local'
  | 'initial_max_stream_data_bidi_remote'
  | 'initial_max_stream_data_uni'
  | 'initial_max_streams_bidi'
  | 'initial_max_streams_uni'
  | 'ack_delay_exponent'
  | 'max_ack_delay'
  | 'disable_active_migration'
  | 'preferred_address'
  | 'active_connection_id_limit'
  | 'initial_source_connection_id'
  | 'retry_source_connection_id'
  | 'max_datagram_frame_size'

/** RFC 9000 section 18.2. */
export const TRANSPORT_PARAMETER_ID: Readonly<Record<TransportParameterName, number>> = {
  original_destination_connection_id: 0x00,
  max_idle_timeout: 0x01,
  stateless_reset_token: 0x02,
  max_udp_payload_size: 0x03,
  initial_max_data: 0x04,
  initial_max_stream_data_bidi_local: 0x05,
  initial_max_stream_data_bidi_remote: 0x06,
  initial_max_stream_data_uni: 0x07,
  initial_max_streams_bidi: 0x08,
  initial_max_streams_uni: 0x09,
  ack_delay_exponent: 0x0a,
  max_ack_delay: 0x0b,
  disable_active_migration: 0x0c,
  preferred_address: 0x0d,
  active_connection_id_limit: 0x0e,
  initial_source_connection_id: 0x0f,
  retry_source_connection_id: 0x10,
  max_datagram_frame_size: 0x20,
}

const NAMES: ReadonlyMap<number, TransportParameterName> = /* @__PURE__ */ new Map(
  (Object.entries(TRANSPORT_PARAMETER_ID) as [TransportParameterName, number][]).map(([name, id]) => [id, name]),
)

/** Undefined for a parameter that is not known here, and ignored. */
export function transportParameterName(id: number): TransportParameterName | undefined {
  return NAMES.get(id)
}

/** Where else a server can be reached: RFC 9000 section 9.6. */
export interface PreferredAddress {
  /** Undefined where the parameter has zeros. */
  readonly ipv4: { readonly address: number; readonly port: number } | undefined
  readonly ipv6: { readonly address: bigint; readonly port: number } | undefined
  /** 1 to 20 bytes, of sequence number 1. */
  readonly connectionId: Uint8Array
  /** 16 bytes. */
  readonly resetToken: Uint8Array
}

/** What one end tells the other about itself. Limits may be rounded above 2^53. */
export interface TransportParameters {
  /** Server only, as the three with tokens and addresses. */
  readonly originalDestinationConnectionId?: Uint8Array | undefined
  /** In milliseconds; 0: none. */
  readonly maxIdleTimeout: number
  /** 16 bytes. */
  readonly statelessResetToken?: Uint8Array | undefined
  /** Largest UDP payload that is received, in bytes; at least 1200. */
  readonly maxUdpPayloadSize: number
  /** In bytes. */
  readonly initialMaxData: number
  /** Of bidirectional streams that the sender of this parameter opens. */
  readonly initialMaxStreamDataBidiLocal: number
  /** Of bidirectional streams that its receiver opens. */
  readonly initialMaxStreamDataBidiRemote: number
  readonly initialMaxStreamDataUni: number
  readonly initialMaxStreamsBidi: number
  readonly initialMaxStreamsUni: number
  /** Delays in ACK frames are in units of 2^this microseconds; at most 20. */
  readonly ackDelayExponent: number
  /** In milliseconds, below 2^14. */
  readonly maxAckDelay: number
  readonly disableActiveMigration: boolean
  readonly preferredAddress?: PreferredAddress | undefined
  /** At least 2. */
  readonly activeConnectionIdLimit: number
  readonly initialSourceConnectionId?: Uint8Array | undefined
  readonly retrySourceConnectionId?: Uint8Array | undefined
  /** Largest DATAGRAM frame that is received, with its type and length; 0: none. RFC 9221 section 3. */
  readonly maxDatagramFrameSize: number
}

/** What is meant by a parameter that is left out: RFC 9000 section 18.2. */
export const DEFAULT_TRANSPORT_PARAMETERS: TransportParameters = {
  maxIdleTimeout: 0,
  maxUdpPayloadSize: 65527,
  initialMaxData: 0,
  initialMaxStreamDataBidiLocal: 0,
  initialMaxStreamDataBidiRemote: 0,
  initialMaxStreamDataUni: 0,
  initialMaxStreamsBidi: 0,
  initialMaxStreamsUni: 0,
  ackDelayExponent: 3,
  maxAckDelay: 25,
  disableActiveMigration: false,
  activeConnectionIdLimit: 2,
  maxDatagramFrameSize: 0,
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type NumberKey = {
  [K in keyof TransportParameters]-?: TransportParameters[K] extends number ? K : never
}[keyof TransportParameters]

/** Parameters that are one integer, in the order in which they are written, with what bounds them. */
const NUMBERS: readonly (readonly [TransportParameterName, NumberKey, least: number, most: number])[] = [
  ['max_idle_timeout', 'maxIdleTimeout', 0, Infinity],
  ['max_udp_payload_size', 'maxUdpPayloadSize', 1200, Infinity],
  ['initial_max_data', 'initialMaxData', 0, Infinity],
  ['initial_max_stream_data_bidi_local', 'initialMaxStreamDataBidiLocal', 0, Infinity],
  ['initial_max_stream_data_bidi_remote', 'initialMaxStreamDataBidiRemote', 0, Infinity],
  ['initial_max_stream_data_uni', 'initialMaxStreamDataUni', 0, Infinity],
  ['initial_max_streams_bidi', 'initialMaxStreamsBidi', 0, 2 ** 60],
  ['initial_max_streams_uni', 'initialMaxStreamsUni', 0, 2 ** 60],
  ['ack_delay_exponent', 'ackDelayExponent', 0, 20],
  ['max_ack_delay', 'maxAckDelay', 0, 2 ** 14 - 1],
  ['active_connection_id_limit', 'activeConnectionIdLimit', 2, Infinity],
  ['max_datagram_frame_size', 'maxDatagramFrameSize', 0, Infinity],
]
const NUMBER_BY_NAME = /* @__PURE__ */ new Map(NUMBERS.map((entry) => [entry[0], entry]))

const CITES = 'RFC 9000 section 18.2'

function refuse(at: number, detail: string): never {
  throw new QuicDecodeError('invalid', at, detail, 'TRANSPORT_PARAMETER_ERROR', CITES)
}

/** One parameter as it stands there: its value is [start, end). */
export interface TransportParameterPlace {
  /** Rounded above 2^53. */
  id: number
  /** Of the whole parameter. */
  at: number
  start: number
  end: number
}

/**
 * Finds the parameter at `at` (RFC 9000 section 18).
 * @throws QuicDecodeError when it is cut off
 */
export function transportParameterAt(bytes: Uint8Array, at: number, end: number): TransportParameterPlace {
  const idLength = varintLengthAt(bytes[at])
  const lengthAt = at + idLength
  if (lengthAt >= end) refuse(end, 'the parameters end within one')
  const start = lengthAt + varintLengthAt(bytes[lengthAt])
  if (start > end) refuse(end, 'the parameters end within one')
  const valueEnd = start + readVarint(bytes, lengthAt)
  if (valueEnd > end) refuse(end, 'the parameters end within one')
  return { id: readVarint(bytes, at), at, start, end: valueEnd }
}

/**
 * Decodes the data of the TLS extension quic_transport_parameters.
 * @param from whose they are: a client does not send those of a server
 * @returns with the defaults of what is left out; byte strings are copies
 * @throws QuicDecodeError with TRANSPORT_PARAMETER_ERROR
 */
export function decodeTransportParameters(bytes: Uint8Array, from: 'client' | 'server'): TransportParameters {
  const parameters: Mutable<TransportParameters> = { ...DEFAULT_TRANSPORT_PARAMETERS }
  const seen = new Set<number>()
  for (let at = 0; at < bytes.length;) {
    const place = transportParameterAt(bytes, at, bytes.length)
    if (seen.has(place.id) && place.id <= LARGEST_VARINT) refuse(at, `parameter 0x${place.id.toString(16)} twice`)
    seen.add(place.id)
    const name = transportParameterName(place.id)
    if (name !== undefined) decodeOne(bytes, place, name, from, parameters)
    at = place.end
  }
  return parameters
}

function decodeOne(
  bytes: Uint8Array,
  place: TransportParameterPlace,
  name: TransportParameterName,
  from: 'client' | 'server',
  into: Mutable<TransportParameters>,
): void {
  const { at, start, end } = place
  const number = NUMBER_BY_NAME.get(name)
  if (number !== undefined) {
    into[number[1]] = decodeNumber(bytes, place, number)
    return
  }
  if (from === 'client' && name !== 'initial_source_connection_id' && name !== 'disable_active_migration')
    refuse(at, `${name} from a client`)
  switch (name) {
    case 'original_destination_connection_id':
      into.originalDestinationConnectionId = connectionId(bytes, place, name)
      break
    case 'initial_source_connection_id':
      into.initialSourceConnectionId = connectionId(bytes, place, name)
      break
    case 'retry_source_connection_id':
      into.retrySourceConnectionId = connectionId(bytes, place, name)
      break
    case 'stateless_reset_token':
      if (end - start !== RESET_TOKEN_LENGTH) refuse(start, `${name} of ${String(end - start)} bytes`)
      into.statelessResetToken = bytes.slice(start, end)
      break
    case 'disable_active_migration':
      if (end !== start) refuse(start, `${name} with a value`)
      into.disableActiveMigration = true
      break
    case 'preferred_address':
      into.preferredAddress = decodePreferredAddress(bytes, start, end)
  }
}

function decodeNumber(
  bytes: Uint8Array,
  { start, end }: TransportParameterPlace,
  [name, , least, most]: (typeof NUMBERS)[number],
): number {
  if (start === end || start + varintLengthAt(bytes[start]) !== end) refuse(start, `${name} is not one integer`)
  const value = readVarint(bytes, start)
  if (value < least || value > most) refuse(start, `${name} of ${String(value)}`)
  return value
}

function connectionId(bytes: Uint8Array, { start, end }: TransportParameterPlace, name: string): Uint8Array {
  if (end - start > LARGEST_CONNECTION_ID) refuse(start, `${name} of ${String(end - start)} bytes`)
  return bytes.slice(start, end)
}

/** Both addresses with their ports, and the length of the connection ID. */
const PREFERRED_FIXED = 4 + 2 + 16 + 2 + 1

function decodePreferredAddress(bytes: Uint8Array, start: number, end: number): PreferredAddress {
  const idAt = start + PREFERRED_FIXED
  const idLength = idAt <= end ? bytes[idAt - 1] : 0
  if (idLength < 1 || idLength > LARGEST_CONNECTION_ID || idAt + idLength + RESET_TOKEN_LENGTH !== end)
    refuse(start, `preferred_address of ${String(end - start)} bytes`)
  const ipv4 = { address: read32(bytes, start), port: read16(bytes, start + 4) }
  const ipv6 = { address: readIpv6(bytes, start + 6), port: read16(bytes, start + 22) }
  return {
    ipv4: ipv4.address === 0 && ipv4.port === 0 ? undefined : ipv4,
    ipv6: ipv6.address === 0n && ipv6.port === 0 ? undefined : ipv6,
    connectionId: bytes.slice(idAt, idAt + idLength),
    resetToken: bytes.slice(idAt + idLength, end),
  }
}

/**
 * Encodes parameters, leaving out those which have their default value.
 * @throws RangeError when a number is not one that can be written
 */
export function encodeTransportParameters(parameters: TransportParameters): Uint8Array {
  const parts: Uint8Array[] = []
  const add = (name: TransportParameterName, value: Uint8Array | undefined): void => {
    if (value === undefined) return
    const id = TRANSPORT_PARAMETER_ID[name]
    const part = new Uint8Array(varintLength(id) + varintLength(value.length) + value.length)
    part.set(value, writeVarint(part, writeVarint(part, 0, id), value.length))
    parts.push(part)
  }
  add('original_destination_connection_id', parameters.originalDestinationConnectionId)
  for (const [name, key] of NUMBERS) {
    const value = parameters[key]
    if (value === DEFAULT_TRANSPORT_PARAMETERS[key]) continue
    const bytes = new Uint8Array(varintLength(value))
    writeVarint(bytes, 0, value)
    add(name, bytes)
  }
  add('stateless_reset_token', parameters.statelessResetToken)
  if (parameters.disableActiveMigration) add('disable_active_migration', new Uint8Array(0))
  if (parameters.preferredAddress !== undefined) add('preferred_address', encodePreferredAddress(parameters.preferredAddress))
  add('initial_source_connection_id', parameters.initialSourceConnectionId)
  add('retry_source_connection_id', parameters.retrySourceConnectionId)
  return joined(parts)
}

function encodePreferredAddress({ ipv4, ipv6, connectionId: id, resetToken }: PreferredAddress): Uint8Array {
  const bytes = new Uint8Array(PREFERRED_FIXED + id.length + resetToken.length)
  if (ipv4 !== undefined) {
    write32(bytes, 0, ipv4.address)
    write16(bytes, 4, ipv4.port)
  }
  if (ipv6 !== undefined) {
    writeIpv6(bytes, 6, ipv6.address)
    write16(bytes, 22, ipv6.port)
  }
  bytes[PREFERRED_FIXED - 1] = id.length
  bytes.set(id, PREFERRED_FIXED)
  bytes.set(resetToken, PREFERRED_FIXED + id.length)
  return bytes
}
