import type { AckFrame, ConnectionCloseFrame, NewConnectionIdFrame, QuicFrame } from './frame.ts'
import {
  ACK_ECN,
  APPLICATION_CLOSE,
  DATAGRAM_LEN,
  QUIC_FRAME_CODE,
  STREAM_FIN,
  STREAM_LEN,
  STREAM_OFF,
  UNIDIRECTIONAL,
} from './frame-types.ts'
import { varintLength, writeVarint } from './varint.ts'

/**
 * Writes frames into a packet that is being made: each function writes at `at`, and returns where the next byte goes. Room must be there:
 * the functions named `…Length` tell how much.
 */

/** Bytes of an ACK frame. */
export function ackLength(frame: AckFrame): number {
  const { ranges, ecn } = frame
  let length = 1 + varintLength(frame.largest) + varintLength(frame.delay) + varintLength(ranges.length / 2 - 1)
  length += varintLength(ranges[1] - ranges[0])
  for (let i = 2; i < ranges.length; i += 2)
    length += varintLength(ranges[i - 2] - ranges[i + 1] - 2) + varintLength(ranges[i + 1] - ranges[i])
  if (ecn !== undefined) length += varintLength(ecn.ect0) + varintLength(ecn.ect1) + varintLength(ecn.ce)
  return length
}

/** RFC 9000 section 19.3. The first range ends with `largest`; ranges do not touch. */
export function writeAck(target: Uint8Array, at: number, frame: AckFrame): number {
  const { ranges, ecn } = frame
  target[at] = QUIC_FRAME_CODE.ACK | (ecn === undefined ? 0 : ACK_ECN)
  let next = writeVarint(target, at + 1, frame.largest)
  next = writeVarint(target, next, frame.delay)
  next = writeVarint(target, next, ranges.length / 2 - 1)
  next = writeVarint(target, next, ranges[1] - ranges[0])
  for (let i = 2; i < ranges.length; i += 2) {
    next = writeVarint(target, next, ranges[i - 2] - ranges[i + 1] - 2)
    next = writeVarint(target, next, ranges[i + 1] - ranges[i])
  }
  if (ecn === undefined) return next
  next = writeVarint(target, next, ecn.ect0)
  next = writeVarint(target, next, ecn.ect1)
  return writeVarint(target, next, ecn.ce)
}

/** Bytes of a STREAM frame ahead of its data, with a length; without, for one that goes to the packet's end, where `length` is undefined. */
export function streamHeaderLength(stream: number, offset: number, length: number | undefined): number {
  const offsetLength = offset === 0 ? 0 : varintLength(offset)
  return 1 + varintLength(stream) + offsetLength + (length === undefined ? 0 : varintLength(length))
}

/**
 * What stands ahead of a STREAM frame's data: RFC 9000 section 19.8.
 * @param length of the data, in bytes; undefined: it goes to the end of the packet
 */
export function writeStreamHeader(
  target: Uint8Array,
  at: number,
  stream: number,
  offset: number,
  length: number | undefined,
  fin: boolean,
): number {
  target[at] =
    QUIC_FRAME_CODE.STREAM | (offset === 0 ? 0 : STREAM_OFF) | (length === undefined ? 0 : STREAM_LEN) | (fin ? STREAM_FIN : 0)
  let next = writeVarint(target, at + 1, stream)
  if (offset !== 0) next = writeVarint(target, next, offset)
  return length === undefined ? next : writeVarint(target, next, length)
}

/** Bytes of a CRYPTO frame ahead of its data. */
export function cryptoHeaderLength(offset: number, length: number): number {
  return 1 + varintLength(offset) + varintLength(length)
}

/** What stands ahead of a CRYPTO frame's data: RFC 9000 section 19.6. @param length of the data, in bytes */
export function writeCryptoHeader(target: Uint8Array, at: number, offset: number, length: number): number {
  target[at] = QUIC_FRAME_CODE.CRYPTO
  return writeVarint(target, writeVarint(target, at + 1, offset), length)
}

/** Bytes of a DATAGRAM frame ahead of its data; without its length for one that goes to the packet's end, where `length` is undefined. */
export function datagramHeaderLength(length: number | undefined): number {
  return 1 + (length === undefined ? 0 : varintLength(length))
}

/** What stands ahead of a DATAGRAM frame's data: RFC 9221 section 4. @param length in bytes; undefined: it goes to the end of the packet */
export function writeDatagramHeader(target: Uint8Array, at: number, length: number | undefined): number {
  target[at] = QUIC_FRAME_CODE.DATAGRAM | (length === undefined ? 0 : DATAGRAM_LEN)
  return length === undefined ? at + 1 : writeVarint(target, at + 1, length)
}

/** Frames that are written whole; the others carry data, and are begun with functions of their own. */
export type ControlFrame = Exclude<QuicFrame, { readonly type: 'CRYPTO' | 'STREAM' | 'DATAGRAM' | 'NEW_TOKEN' }> | NewTokenToSend

/** RFC 9000 section 19.7, as its sender has it. */
export interface NewTokenToSend {
  readonly type: 'NEW_TOKEN'
  /** Not empty. */
  readonly token: Uint8Array
}

/** Bytes of a frame. */
export function controlFrameLength(frame: ControlFrame): number {
  switch (frame.type) {
    case 'PADDING':
      return frame.length
    case 'PING':
    case 'HANDSHAKE_DONE':
      return 1
    case 'ACK':
      return ackLength(frame)
    case 'RESET_STREAM':
      return 1 + varintLength(frame.stream) + varintLength(frame.code) + varintLength(frame.finalSize)
    case 'STOP_SENDING':
      return 1 + varintLength(frame.stream) + varintLength(frame.code)
    case 'NEW_TOKEN':
      return 1 + varintLength(frame.token.length) + frame.token.length
    case 'MAX_DATA':
    case 'DATA_BLOCKED':
    case 'MAX_STREAMS':
    case 'STREAMS_BLOCKED':
      return 1 + varintLength(frame.limit)
    case 'MAX_STREAM_DATA':
    case 'STREAM_DATA_BLOCKED':
      return 1 + varintLength(frame.stream) + varintLength(frame.limit)
    case 'NEW_CONNECTION_ID':
      return (
        2 + varintLength(frame.sequence) + varintLength(frame.retirePriorTo) + frame.connectionId.length + frame.resetToken.length
      )
    case 'RETIRE_CONNECTION_ID':
      return 1 + varintLength(frame.sequence)
    case 'PATH_CHALLENGE':
    case 'PATH_RESPONSE':
      return 9
    case 'CONNECTION_CLOSE': {
      const frameType = frame.space === 'transport' ? varintLength(frame.frameType) : 0
      return 1 + varintLength(frame.code) + frameType + varintLength(frame.reason.length) + frame.reason.length
    }
  }
}

/**
 * Writes any frame but those which carry data.
 * @returns where the next byte goes
 * @throws RangeError when a number is not one of those that are written
 */
export function writeControlFrame(target: Uint8Array, at: number, frame: ControlFrame): number {
  target[at] = QUIC_FRAME_CODE[frame.type]
  const next = at + 1
  switch (frame.type) {
    case 'PADDING':
      target.fill(0, at, at + frame.length)
      return at + frame.length
    case 'PING':
    case 'HANDSHAKE_DONE':
      return next
    case 'ACK':
      return writeAck(target, at, frame)
    case 'RESET_STREAM':
      return writeVarint(target, writeVarint(target, writeVarint(target, next, frame.stream), frame.code), frame.finalSize)
    case 'STOP_SENDING':
      return writeVarint(target, writeVarint(target, next, frame.stream), frame.code)
    case 'NEW_TOKEN':
      return writeBytes(target, writeVarint(target, next, frame.token.length), frame.token)
    case 'MAX_DATA':
    case 'DATA_BLOCKED':
      return writeVarint(target, next, frame.limit)
    case 'MAX_STREAMS':
    case 'STREAMS_BLOCKED':
      if (!frame.bidirectional) target[at] |= UNIDIRECTIONAL
      return writeVarint(target, next, frame.limit)
    case 'MAX_STREAM_DATA':
    case 'STREAM_DATA_BLOCKED':
      return writeVarint(target, writeVarint(target, next, frame.stream), frame.limit)
    case 'NEW_CONNECTION_ID':
      return writeNewConnectionId(target, next, frame)
    case 'RETIRE_CONNECTION_ID':
      return writeVarint(target, next, frame.sequence)
    case 'PATH_CHALLENGE':
    case 'PATH_RESPONSE':
      return writeBytes(target, next, frame.data)
    case 'CONNECTION_CLOSE':
      return writeConnectionClose(target, at, frame)
  }
}

function writeBytes(target: Uint8Array, at: number, bytes: Uint8Array): number {
  target.set(bytes, at)
  return at + bytes.length
}

function writeNewConnectionId(target: Uint8Array, at: number, frame: NewConnectionIdFrame): number {
  const next = writeVarint(target, writeVarint(target, at, frame.sequence), frame.retirePriorTo)
  target[next] = frame.connectionId.length
  return writeBytes(target, writeBytes(target, next + 1, frame.connectionId), frame.resetToken)
}

function writeConnectionClose(target: Uint8Array, at: number, frame: ConnectionCloseFrame): number {
  const isApplication = frame.space === 'application'
  target[at] = QUIC_FRAME_CODE.CONNECTION_CLOSE | (isApplication ? APPLICATION_CLOSE : 0)
  let next = writeVarint(target, at + 1, frame.code)
  if (!isApplication) next = writeVarint(target, next, frame.frameType)
  next = writeVarint(target, next, frame.reason.length)
  for (let i = 0; i < frame.reason.length; i++) target[next + i] = frame.reason.charCodeAt(i)
  return next + frame.reason.length
}
