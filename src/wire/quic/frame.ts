/** A part of the array that a frame was decoded from: [start, end). */
interface Range {
  readonly start: number
  readonly end: number
}

/** RFC 9000 section 19.1: as many PADDING frames as follow each other, a byte each. */
export interface PaddingFrame {
  readonly type: 'PADDING'
  readonly length: number
}

/** RFC 9000 section 19.2. */
export interface PingFrame {
  readonly type: 'PING'
}

/** Counts of packets that came with each mark: RFC 9000 section 19.3.2. */
export interface EcnCounts {
  readonly ect0: number
  readonly ect1: number
  readonly ce: number
}

/** RFC 9000 section 19.3. */
export interface AckFrame {
  readonly type: 'ACK'
  /** Largest packet number that is acknowledged. */
  readonly largest: number
  /** As it stands there: in units of 2^ack_delay_exponent microseconds. */
  readonly delay: number
  /** Smallest and largest number of each range, the range with the largest numbers first: `[7, 9, 2, 4]` is 9, 8, 7, 4, 3 and 2. */
  readonly ranges: readonly number[]
  readonly ecn: EcnCounts | undefined
}

/** RFC 9000 section 19.4. */
export interface ResetStreamFrame {
  readonly type: 'RESET_STREAM'
  readonly stream: number
  /** Of the application; rounded above 2^53. */
  readonly code: number
  /** In bytes. */
  readonly finalSize: number
}

/** RFC 9000 section 19.5. */
export interface StopSendingFrame {
  readonly type: 'STOP_SENDING'
  readonly stream: number
  /** Of the application; rounded above 2^53. */
  readonly code: number
}

/** RFC 9000 section 19.6: bytes of the handshake, [start, end) of the array, which begin at `offset` of their stream. */
export interface CryptoFrame extends Range {
  readonly type: 'CRYPTO'
  readonly offset: number
}

/** RFC 9000 section 19.7: a token, [start, end) of the array, not empty. */
export interface NewTokenFrame extends Range {
  readonly type: 'NEW_TOKEN'
}

/** RFC 9000 section 19.8: bytes of a stream, [start, end) of the array, which begin at `offset` of it; may be empty. */
export interface StreamFrame extends Range {
  readonly type: 'STREAM'
  readonly stream: number
  readonly offset: number
  /** Whether the stream ends behind these bytes. */
  readonly fin: boolean
}

/** RFC 9000 section 19.9: bytes of all streams; rounded above 2^53. */
export interface MaxDataFrame {
  readonly type: 'MAX_DATA'
  readonly limit: number
}

/** RFC 9000 section 19.10: bytes of one stream; rounded above 2^53. */
export interface MaxStreamDataFrame {
  readonly type: 'MAX_STREAM_DATA'
  readonly stream: number
  readonly limit: number
}

/** RFC 9000 section 19.11: streams of that kind over the connection's life, at most 2^60. */
export interface MaxStreamsFrame {
  readonly type: 'MAX_STREAMS'
  readonly bidirectional: boolean
  readonly limit: number
}

/** RFC 9000 section 19.12; rounded above 2^53. */
export interface DataBlockedFrame {
  readonly type: 'DATA_BLOCKED'
  readonly limit: number
}

/** RFC 9000 section 19.13; rounded above 2^53. */
export interface StreamDataBlockedFrame {
  readonly type: 'STREAM_DATA_BLOCKED'
  readonly stream: number
  readonly limit: number
}

/** RFC 9000 section 19.14: at most 2^60. */
export interface StreamsBlockedFrame {
  readonly type: 'STREAMS_BLOCKED'
  readonly bidirectional: boolean
  readonly limit: number
}

/** RFC 9000 section 19.15. */
export interface NewConnectionIdFrame {
  readonly type: 'NEW_CONNECTION_ID'
  readonly sequence: number
  readonly retirePriorTo: number
  /** 1 to 20 bytes; the receiver's to keep. */
  readonly connectionId: Uint8Array
  /** 16 bytes; the receiver's to keep. */
  readonly resetToken: Uint8Array
}

/** RFC 9000 section 19.16. */
export interface RetireConnectionIdFrame {
  readonly type: 'RETIRE_CONNECTION_ID'
  readonly sequence: number
}

/** RFC 9000 sections 19.17 and 19.18. */
export interface PathFrame {
  readonly type: 'PATH_CHALLENGE' | 'PATH_RESPONSE'
  /** 8 bytes; the receiver's to keep. */
  readonly data: Uint8Array
}

/** RFC 9000 section 19.19. */
export interface ConnectionCloseFrame {
  readonly type: 'CONNECTION_CLOSE'
  /** Whose codes `code` is of: type 0x1c or 0x1d. */
  readonly space: 'transport' | 'application'
  /** Rounded above 2^53. */
  readonly code: number
  /** Type of the frame that is complained about; 0 when it is not known, or the application's. */
  readonly frameType: number
  /** In words for people. */
  readonly reason: string
}

/** RFC 9000 section 19.20. */
export interface HandshakeDoneFrame {
  readonly type: 'HANDSHAKE_DONE'
}

/** RFC 9221 section 4: a message, [start, end) of the array; may be empty. */
export interface DatagramFrame extends Range {
  readonly type: 'DATAGRAM'
}

/** Any frame. Byte ranges are those of the array that it was decoded from. */
export type QuicFrame =
  | PaddingFrame
  | PingFrame
  | AckFrame
  | ResetStreamFrame
  | StopSendingFrame
  | CryptoFrame
  | NewTokenFrame
  | StreamFrame
  | MaxDataFrame
  | MaxStreamDataFrame
  | MaxStreamsFrame
  | DataBlockedFrame
  | StreamDataBlockedFrame
  | StreamsBlockedFrame
  | NewConnectionIdFrame
  | RetireConnectionIdFrame
  | PathFrame
  | ConnectionCloseFrame
  | HandshakeDoneFrame
  | DatagramFrame
