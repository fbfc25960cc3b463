import type { QuicPacketType } from './header.ts'

/** The frames of QUIC (RFC 9000 section 19, RFC 9221 section 4) by their types, and where each may be sent. */

export type QuicFrameType =
  | 'PADDING'
  | 'PING'
  | 'ACK'
  | 'RESET_STREAM'
  | 'STOP_SENDING'
  | 'CRYPTO'
  | 'NEW_TOKEN'
  | 'STREAM'
  | 'MAX_DATA'
  | 'MAX_STREAM_DATA'
  | 'MAX_STREAMS'
  | 'DATA_BLOCKED'
  | 'STREAM_DATA_BLOCKED'
  | 'STREAMS_BLOCKED'
  | 'NEW_CONNECTION_ID'
  | 'RETIRE_CONNECTION_ID'
  | 'PATH_CHALLENGE'
  | 'PATH_RESPONSE'
  | 'CONNECTION_CLOSE'
  | 'HANDSHAKE_DONE'
  | 'DATAGRAM'

/** The type on the wire; the first one of those frames that have several, whose low bits are flags. */
export const QUIC_FRAME_CODE: Readonly<Record<QuicFrameType, number>> = {
  PADDING: 0x00,
  PING: 0x01,
  ACK: 0x02,
  RESET_STREAM: 0x04,
  STOP_SENDING: 0x05,
  CRYPTO: 0x06,
  NEW_TOKEN: 0x07,
  STREAM: 0x08,
  MAX_DATA: 0x10,
  MAX_STREAM_DATA: 0x11,
  MAX_STREAMS: 0x12,
  DATA_BLOCKED: 0x14,
  STREAM_DATA_BLOCKED: 0x15,
  STREAMS_BLOCKED: 0x16,
  NEW_CONNECTION_ID: 0x18,
  RETIRE_CONNECTION_ID: 0x19,
  PATH_CHALLENGE: 0x1a,
  PATH_RESPONSE: 0x1b,
  CONNECTION_CLOSE: 0x1c,
  HANDSHAKE_DONE: 0x1e,
  DATAGRAM: 0x30,
}

/** Bits of an ACK frame's type: RFC 9000 section 19.3. */
export const ACK_ECN = 0x01

/** Bits of a STREAM frame's type: RFC 9000 section 19.8. */
export const STREAM_FIN = 0x01
export const STREAM_LEN = 0x02
export const STREAM_OFF = 0x04

/** Bit of MAX_STREAMS' and STREAMS_BLOCKED's types: RFC 9000 sections 19.11 and 19.14. */
export const UNIDIRECTIONAL = 0x01

/** Bit of a CONNECTION_CLOSE frame's type: RFC 9000 section 19.19. */
export const APPLICATION_CLOSE = 0x01

/** Bit of a DATAGRAM frame's type: RFC 9221 section 4. */
export const DATAGRAM_LEN = 0x01

/** What each type is, from 0x00 to 0x31. */
const BY_CODE: readonly (QuicFrameType | undefined)[] = /* @__PURE__ */ byCode()

function byCode(): (QuicFrameType | undefined)[] {
  const types = new Array<QuicFrameType | undefined>(0x32).fill(undefined)
  const spans: Partial<Record<QuicFrameType, number>> = {
    ACK: 2,
    STREAM: 8,
    MAX_STREAMS: 2,
    STREAMS_BLOCKED: 2,
    CONNECTION_CLOSE: 2,
    DATAGRAM: 2,
  }
  for (const [name, code] of Object.entries(QUIC_FRAME_CODE) as [QuicFrameType, number][])
    types.fill(name, code, code + (spans[name] ?? 1))
  return types
}

/** What a frame's type is called; undefined: a type that is not known here. */
export function quicFrameType(code: number): QuicFrameType | undefined {
  return BY_CODE[code]
}

/** Frames that are no reason to acknowledge a packet: RFC 9000 section 13.2. */
export function isAckEliciting(type: QuicFrameType): boolean {
  return type !== 'ACK' && type !== 'PADDING' && type !== 'CONNECTION_CLOSE'
}

/** Frames that a packet may hold which validates a path, and does not make it the one in use: RFC 9000 section 9.1. */
export function isProbing(type: QuicFrameType): boolean {
  return type === 'PATH_CHALLENGE' || type === 'PATH_RESPONSE' || type === 'NEW_CONNECTION_ID' || type === 'PADDING'
}

/**
 * Whether a packet of that type may hold the frame: RFC 9000 section 12.4, table 3, and section 12.5.
 * @param code the type on the wire, for CONNECTION_CLOSE of an application is not for handshakes
 */
export function isFrameAllowed(type: QuicFrameType, code: number, packet: QuicPacketType): boolean {
  switch (packet) {
    case '1-rtt':
      return true
    case 'initial':
    case 'handshake':
      if (type === 'CONNECTION_CLOSE') return (code & APPLICATION_CLOSE) === 0
      return type === 'PADDING' || type === 'PING' || type === 'ACK' || type === 'CRYPTO'
    case '0-rtt':
      switch (type) {
        case 'ACK':
        case 'CRYPTO':
        case 'HANDSHAKE_DONE':
        case 'NEW_TOKEN':
        case 'PATH_RESPONSE':
        case 'RETIRE_CONNECTION_ID':
          return false
        default:
          return true
      }
    default:
      return false
  }
}
