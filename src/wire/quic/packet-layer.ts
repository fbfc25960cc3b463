import { field, hex, named } from '../describe.ts'
import type { Field, Layer } from '../field.ts'
import { bytesInWords } from '../tls/field-reader.ts'
import {
  HEADER_FIXED,
  HEADER_KEY_PHASE,
  HEADER_LONG,
  HEADER_NUMBER_LENGTH,
  HEADER_SPIN,
  LONG_RESERVED,
  offeredVersions,
  SHORT_RESERVED,
  type QuicHeader,
  type QuicPacketType,
} from './header.ts'
import { readVarint, varintLengthAt } from './varint.ts'

/** What is behind the header protection of a packet, for those who have removed it. */
export interface PlainHeader {
  /** Without its protection. */
  readonly firstByte: number
  /** In bytes. */
  readonly numberLength: number
  /** In full. */
  readonly packetNumber: number
}

/** What the RFCs call them. */
const NAMES: Readonly<Record<QuicPacketType, string>> = {
  initial: 'Initial',
  '0-rtt': '0-RTT',
  handshake: 'Handshake',
  retry: 'Retry',
  '1-rtt': '1-RTT',
  'version-negotiation': 'Version Negotiation',
  'unknown-version': 'packet of an unknown version',
}

/** `'Initial'`, `'1-RTT'`. */
export function quicPacketName(type: QuicPacketType): string {
  return NAMES[type]
}

function idField(bytes: Uint8Array, name: string, label: string, start: number, end: number): Field[] {
  return start === end ? [] : [field(name, label, bytesInWords(bytes.subarray(start, end)), start, end)]
}

/** The bits of the first byte, as far as they can be read. */
function firstByteFields(header: QuicHeader, plain: PlainHeader | undefined): Field[] {
  const { start, type } = header
  const first = plain?.firstByte ?? header.firstByte
  const isLong = (first & HEADER_LONG) !== 0
  const bit = (name: string, label: string, value: string | number | boolean): Field =>
    field(name, label, value, start, start + 1)
  const fields = [
    bit('quic.header_form', 'Header form', named(isLong ? 1 : 0, isLong ? 'long' : 'short')),
    ...(type === 'version-negotiation' ? [] : [bit('quic.fixed_bit', 'Fixed bit', (first & HEADER_FIXED) !== 0)]),
  ]
  if (type === 'version-negotiation' || type === 'unknown-version') return fields
  if (isLong) fields.push(bit('quic.long.packet_type', 'Packet type', named((first >> 4) & 3, NAMES[type])))
  else fields.push(bit('quic.spin_bit', 'Spin bit', (first & HEADER_SPIN) !== 0))
  if (plain === undefined) return fields
  if (isLong) fields.push(bit('quic.long.reserved', 'Reserved', (first & LONG_RESERVED) >> 2))
  else
    fields.push(
      bit('quic.short.reserved', 'Reserved', (first & SHORT_RESERVED) >> 3),
      bit('quic.key_phase', 'Key phase bit', (first & HEADER_KEY_PHASE) >> 2),
    )
  fields.push(
    bit(
      'quic.packet_number_length',
      'Packet number length',
      named(first & HEADER_NUMBER_LENGTH, plain.numberLength === 1 ? '1 byte' : `${String(plain.numberLength)} bytes`),
    ),
  )
  return fields
}

function longFields(bytes: Uint8Array, header: QuicHeader): Field[] {
  const { start, version, destinationStart, destinationEnd, sourceStart, sourceEnd, tokenStart, tokenEnd, type } = header
  const fields = [
    field('quic.version', 'Version', hex(version, 8), start + 1, start + 5),
    field('quic.dcil', 'Destination connection ID length', destinationEnd - destinationStart, start + 5, start + 6),
    ...idField(bytes, 'quic.dcid', 'Destination connection ID', destinationStart, destinationEnd),
    field('quic.scil', 'Source connection ID length', sourceEnd - sourceStart, destinationEnd, destinationEnd + 1),
    ...idField(bytes, 'quic.scid', 'Source connection ID', sourceStart, sourceEnd),
  ]
  if (type === 'initial') {
    fields.push(field('quic.token_length', 'Token length', tokenEnd - tokenStart, sourceEnd, tokenStart))
    fields.push(...idField(bytes, 'quic.token', 'Token', tokenStart, tokenEnd))
  } else if (type === 'retry') fields.push(...idField(bytes, 'quic.retry_token', 'Retry token', tokenStart, tokenEnd))
  return fields
}

/** Whatever stands behind the connection IDs, the token and the Length. */
function restFields(bytes: Uint8Array, header: QuicHeader, plain: PlainHeader | undefined): Field[] {
  const { packetNumberAt, end, type, tokenEnd, sourceEnd } = header
  const sized = (name: string, label: string, start: number): Field[] =>
    start < end ? [field(name, label, end - start === 1 ? '1 byte' : `${String(end - start)} bytes`, start, end)] : []
  switch (type) {
    case 'version-negotiation':
      return offeredVersions(bytes, header).map((version, i) =>
        field('quic.supported_version', 'Supported version', hex(version, 8), packetNumberAt + 4 * i, packetNumberAt + 4 * i + 4),
      )
    case 'unknown-version':
      return sized('quic.remaining_payload', 'What this version says', packetNumberAt)
    case 'retry':
      return idField(bytes, 'quic.retry_integrity_tag', 'Retry integrity tag', packetNumberAt, end)
    default: {
      const fields: Field[] = []
      if (type !== '1-rtt') {
        const lengthAt = type === 'initial' ? tokenEnd : sourceEnd
        const length = readVarint(bytes, lengthAt)
        fields.push(field('quic.length', 'Length', length, lengthAt, lengthAt + varintLengthAt(bytes[lengthAt])))
      }
      if (plain === undefined) return [...fields, ...sized('quic.remaining_payload', 'Protected', packetNumberAt)]
      const payloadAt = packetNumberAt + plain.numberLength
      fields.push(field('quic.packet_number', 'Packet number', plain.packetNumber, packetNumberAt, payloadAt))
      const name = type === '1-rtt' ? 'quic.protected_payload' : 'quic.payload'
      return [...fields, ...sized(name, 'Protected payload', payloadAt)]
    }
  }
}

/**
 * A packet as it stands in a datagram, for the inspector.
 * @param header decoded from these bytes
 * @param plain undefined: its header protection could not be removed
 */
export function quicPacketLayer(bytes: Uint8Array, header: QuicHeader, plain: PlainHeader | undefined): Layer {
  const { start, end, type, destinationStart, destinationEnd } = header
  const isLong = type !== '1-rtt'
  const number = plain === undefined ? '' : ` ${String(plain.packetNumber)}`
  const size = `${String(end - start).replace(/\B(?=(\d{3})+$)/g, ',')} bytes`
  return {
    protocol: 'quic',
    title: `QUIC ${NAMES[type]}`,
    summary: `${NAMES[type]}${number}, ${size}`,
    start,
    end,
    fields: [
      ...firstByteFields(header, plain),
      ...(isLong
        ? longFields(bytes, header)
        : idField(bytes, 'quic.dcid', 'Destination connection ID', destinationStart, destinationEnd)),
      ...restFields(bytes, header, plain),
    ],
  }
}
