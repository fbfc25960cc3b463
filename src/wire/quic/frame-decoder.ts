import type { AckFrame, CryptoFrame, DatagramFrame, NewConnectionIdFrame, QuicFrame, StreamFrame } from './frame.ts'
import { QuicFrameReader } from './frame-reader.ts'
import {
  ACK_ECN,
  APPLICATION_CLOSE,
  DATAGRAM_LEN,
  quicFrameType,
  STREAM_FIN,
  STREAM_LEN,
  STREAM_OFF,
  UNIDIRECTIONAL,
  type QuicFrameType,
} from './frame-types.ts'
import { LARGEST_CONNECTION_ID, RESET_TOKEN_LENGTH } from './header.ts'
import { LARGEST_VARINT } from './varint.ts'

const CITES: Readonly<Record<QuicFrameType, string>> = {
  PADDING: 'RFC 9000 section 19.1',
  PING: 'RFC 9000 section 19.2',
  ACK: 'RFC 9000 section 19.3',
  RESET_STREAM: 'RFC 9000 section 19.4',
  STOP_SENDING: 'RFC 9000 section 19.5',
  CRYPTO: 'RFC 9000 section 19.6',
  NEW_TOKEN: 'RFC 9000 section 19.7',
  STREAM: 'RFC 9000 section 19.8',
  MAX_DATA: 'RFC 9000 section 19.9',
  MAX_STREAM_DATA: 'RFC 9000 section 19.10',
  MAX_STREAMS: 'RFC 9000 section 19.11',
  DATA_BLOCKED: 'RFC 9000 section 19.12',
  STREAM_DATA_BLOCKED: 'RFC 9000 section 19.13',
  STREAMS_BLOCKED: 'RFC 9000 section 19.14',
  NEW_CONNECTION_ID: 'RFC 9000 section 19.15',
  RETIRE_CONNECTION_ID: 'RFC 9000 section 19.16',
  PATH_CHALLENGE: 'RFC 9000 section 19.17',
  PATH_RESPONSE: 'RFC 9000 section 19.18',
  CONNECTION_CLOSE: 'RFC 9000 section 19.19',
  HANDSHAKE_DONE: 'RFC 9000 section 19.20',
  DATAGRAM: 'RFC 9221 section 4',
}

/** Most streams of one kind: stream IDs are below 2^62. */
const MOST_STREAMS = 2 ** 60

const PING: QuicFrame = { type: 'PING' }
const HANDSHAKE_DONE: QuicFrame = { type: 'HANDSHAKE_DONE' }

/**
 * Takes a packet's payload apart. One object does for many packets; the frames are new ones, and refer to the payload's array for the
 * bytes that they carry.
 */
export class QuicFrameDecoder {
  private readonly reader = new QuicFrameReader()

  /** Begins a payload, the bytes in [start, end). */
  begin(bytes: Uint8Array, start: number, end: number): void {
    const { reader } = this
    reader.bytes = bytes
    reader.at = start
    reader.end = end
  }

  /** Offset of the next frame; behind `next`, one past the frame that it returned. */
  get at(): number {
    return this.reader.at
  }

  /** Type on the wire of the frame that `next` returned last, or refused. */
  get frameType(): number {
    return this.reader.frameType
  }

  /**
   * The next frame; undefined behind the last one.
   * @throws QuicDecodeError when the bytes are no frame; nothing that follows can be told apart
   */
  next(): QuicFrame | undefined {
    const { reader } = this
    if (reader.at >= reader.end) return undefined
    const code = (reader.frameType = reader.bytes[reader.at])
    const type = quicFrameType(code)
    if (type === undefined) this.refuseType()
    reader.at++
    reader.cites = CITES[type]
    switch (type) {
      case 'PADDING':
        return { type, length: this.padding() }
      case 'PING':
        return PING
      case 'ACK':
        return this.ack(code)
      case 'RESET_STREAM':
        return { type, stream: this.streamId(), code: reader.looseVarint(), finalSize: this.streamOffset() }
      case 'STOP_SENDING':
        return { type, stream: this.streamId(), code: reader.looseVarint() }
      case 'CRYPTO':
        return this.crypto()
      case 'NEW_TOKEN': {
        const length = reader.looseVarint()
        if (length === 0) reader.refuse('an empty token', 'FRAME_ENCODING_ERROR')
        const start = reader.skip(length)
        return { type, start, end: reader.at }
      }
      case 'STREAM':
        return this.stream(code)
      case 'MAX_DATA':
      case 'DATA_BLOCKED':
        return { type, limit: reader.looseVarint() }
      case 'MAX_STREAM_DATA':
      case 'STREAM_DATA_BLOCKED':
        return { type, stream: this.streamId(), limit: reader.looseVarint() }
      case 'MAX_STREAMS':
      case 'STREAMS_BLOCKED': {
        const limit = reader.looseVarint()
        if (limit > MOST_STREAMS) reader.refuse('more than 2^60 streams', 'FRAME_ENCODING_ERROR')
        return { type, bidirectional: (code & UNIDIRECTIONAL) === 0, limit }
      }
      case 'NEW_CONNECTION_ID':
        return this.newConnectionId()
      case 'RETIRE_CONNECTION_ID':
        return { type, sequence: reader.varint() }
      case 'PATH_CHALLENGE':
      case 'PATH_RESPONSE':
        return { type, data: reader.copy(8) }
      case 'CONNECTION_CLOSE':
        return this.connectionClose(code)
      case 'HANDSHAKE_DONE':
        return HANDSHAKE_DONE
      case 'DATAGRAM':
        return this.datagram(code)
    }
  }

  private refuseType(): never {
    const { reader } = this
    reader.cites = 'RFC 9000 section 12.4'
    // The whole type, for whoever reads the complaint.
    reader.frameType = reader.looseVarint()
    if (reader.frameType < 0x40 && quicFrameType(reader.frameType) !== undefined)
      reader.refuse('a frame type that is not written as short as can be', 'PROTOCOL_VIOLATION')
    return reader.refuse(`frame type 0x${reader.frameType.toString(16)} is not known`, 'FRAME_ENCODING_ERROR')
  }

  private padding(): number {
    const { reader } = this
    const { bytes, end } = reader
    const start = reader.at - 1
    let { at } = reader
    while (at < end && bytes[at] === 0) at++
    reader.at = at
    return at - start
  }

  private streamId(): number {
    const { reader } = this
    const stream = reader.looseVarint()
    if (stream > LARGEST_VARINT) reader.refuse('a stream ID beyond all that was allowed', 'STREAM_LIMIT_ERROR')
    return stream
  }

  /** Larger ones than 2^53 are refused as beyond flow control, which nobody here lets go as far. */
  private streamOffset(): number {
    const { reader } = this
    const offset = reader.looseVarint()
    if (offset > LARGEST_VARINT) reader.refuse('an offset beyond all that was allowed', 'FLOW_CONTROL_ERROR')
    return offset
  }

  private ack(code: number): AckFrame {
    const { reader } = this
    const largest = reader.varint()
    const delay = reader.looseVarint()
    const more = reader.looseVarint()
    // A range takes two bytes at least, so what is not there is never counted for long.
    if (more > (reader.end - reader.at) / 2) reader.truncated()
    let top = largest
    let bottom = top - reader.varint()
    if (bottom < 0) this.refuseRange()
    const ranges = [bottom, top]
    for (let i = 0; i < more; i++) {
      top = bottom - reader.varint() - 2
      bottom = top - reader.varint()
      if (bottom < 0) this.refuseRange()
      ranges.push(bottom, top)
    }
    if ((code & ACK_ECN) === 0) return { type: 'ACK', largest, delay, ranges, ecn: undefined }
    const ecn = { ect0: reader.varint(), ect1: reader.varint(), ce: reader.varint() }
    return { type: 'ACK', largest, delay, ranges, ecn }
  }

  private refuseRange(): never {
    return this.reader.refuse('a range of packet numbers below 0', 'FRAME_ENCODING_ERROR')
  }

  private crypto(): CryptoFrame {
    const { reader } = this
    const offset = reader.looseVarint()
    const length = reader.looseVarint()
    if (offset + length > LARGEST_VARINT) reader.refuse('an offset beyond any handshake', 'CRYPTO_BUFFER_EXCEEDED')
    const start = reader.skip(length)
    return { type: 'CRYPTO', offset, start, end: reader.at }
  }

  private stream(code: number): StreamFrame {
    const { reader } = this
    const stream = this.streamId()
    const offset = (code & STREAM_OFF) === 0 ? 0 : this.streamOffset()
    const length = (code & STREAM_LEN) === 0 ? reader.end - reader.at : reader.looseVarint()
    const start = reader.skip(length)
    if (offset + length > LARGEST_VARINT) reader.refuse('an offset beyond all that was allowed', 'FLOW_CONTROL_ERROR')
    return { type: 'STREAM', stream, offset, fin: (code & STREAM_FIN) !== 0, start, end: reader.at }
  }

  private newConnectionId(): NewConnectionIdFrame {
    const { reader } = this
    const sequence = reader.varint()
    const retirePriorTo = reader.varint()
    if (retirePriorTo > sequence) reader.refuse('a connection ID that retires itself', 'FRAME_ENCODING_ERROR')
    const length = reader.uint8()
    if (length < 1 || length > LARGEST_CONNECTION_ID)
      reader.refuse(`a connection ID of ${String(length)} bytes`, 'FRAME_ENCODING_ERROR')
    const connectionId = reader.copy(length)
    return { type: 'NEW_CONNECTION_ID', sequence, retirePriorTo, connectionId, resetToken: reader.copy(RESET_TOKEN_LENGTH) }
  }

  private connectionClose(type: number): QuicFrame {
    const { reader } = this
    const isApplication = (type & APPLICATION_CLOSE) !== 0
    const code = reader.looseVarint()
    const frameType = isApplication ? 0 : reader.looseVarint()
    const length = reader.looseVarint()
    const start = reader.skip(length)
    const reason = reasonText(reader.bytes, start, reader.at)
    return { type: 'CONNECTION_CLOSE', space: isApplication ? 'application' : 'transport', code, frameType, reason }
  }

  private datagram(code: number): DatagramFrame {
    const { reader } = this
    const length = (code & DATAGRAM_LEN) === 0 ? reader.end - reader.at : reader.looseVarint()
    const start = reader.skip(length)
    return { type: 'DATAGRAM', start, end: reader.at }
  }
}

/** A reason phrase (RFC 9000 section 19.19): what is not printable ASCII, and should have been UTF-8, becomes a question mark. */
function reasonText(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    text += byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : '?'
  }
  return text
}
