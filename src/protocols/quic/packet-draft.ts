import { controlFrameLength, writeControlFrame } from '../../wire/quic/frame-encoder.ts'
import type { ControlFrame } from '../../wire/quic/frame-encoder.ts'

/** Bytes of the handshake that a packet took along. */
export interface SentCrypto {
  readonly type: 'CRYPTO'
  readonly offset: number
  readonly length: number
}

/** Bytes of a stream that a packet took along. */
export interface SentStreamData {
  readonly type: 'STREAM'
  readonly stream: number
  readonly offset: number
  readonly length: number
  readonly fin: boolean
}

/** A DATAGRAM frame, which nobody sends again. */
export interface SentDatagram {
  readonly type: 'DATAGRAM'
}

/** What a packet took along, remembered until its fate is known. */
export type SentFrame = ControlFrame | SentCrypto | SentStreamData | SentDatagram

export const SENT_DATAGRAM: SentDatagram = { type: 'DATAGRAM' }

/** A packet's payload while it is written. One object does for all packets. */
export class PacketDraft {
  /** Where frames are written. */
  bytes: Uint8Array = new Uint8Array(0)
  /** Where the next frame goes. */
  at = 0
  /** Where the first one went. */
  private start = 0
  /** One past the last byte that frames may take. */
  limit = 0
  /** What has to be remembered of it. */
  frames: SentFrame[] = []
  /** Whether the peer will acknowledge it. */
  isAckEliciting = false
  /** Whether it holds something else than ACK and CONNECTION_CLOSE frames, so that it counts as in flight (RFC 9002 section 2). */
  isInFlight = false

  /** Begins a payload that may take [at, limit) of the array. */
  begin(bytes: Uint8Array, at: number, limit: number): void {
    this.bytes = bytes
    this.at = at
    this.start = at
    this.limit = limit
    this.frames = []
    this.isAckEliciting = false
    this.isInFlight = false
  }

  /** Whether nothing was written yet. */
  get isEmpty(): boolean {
    return this.at === this.start
  }

  /** Bytes that are left. */
  get room(): number {
    return this.limit - this.at
  }

  /** Writes a frame that is to be acknowledged. @returns false: there is no room for it, nothing was written */
  control(frame: ControlFrame): boolean {
    if (controlFrameLength(frame) > this.limit - this.at) return false
    this.at = writeControlFrame(this.bytes, this.at, frame)
    this.took(frame)
    return true
  }

  /** Something was written that is to be acknowledged. */
  took(frame: SentFrame): void {
    this.frames.push(frame)
    this.isAckEliciting = true
    this.isInFlight = true
  }

  /** Fills up to `end` with PADDING. */
  pad(end: number): void {
    if (this.at >= end) return
    this.bytes.fill(0, this.at, end)
    this.at = end
    this.isInFlight = true
  }
}
