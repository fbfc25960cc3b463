import { filler } from './filler.ts'

/**
 * A media frame, as the stream applications send it: the letter V, sequence number (4 bytes), time of sending in nanoseconds (7 bytes),
 * number of frames in the whole stream (4 bytes), all big-endian; filler behind.
 */
export interface StreamFrame {
  /** From 0, below `total`. */
  readonly sequence: number
  /** In nanoseconds by the sender's clock; below 0 where that is behind. */
  readonly sentAt: number
  readonly total: number
}

/** Bytes that a frame has at least. */
export const STREAM_HEADER = 16

/** Without it, bare numbers pass for the headers of other protocols: Wireshark took some for SMPP. */
const MARK = 'V'.charCodeAt(0)

function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

function read32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0
}

/** @param size length of the frame in bytes, at least `STREAM_HEADER`, at most 65,507 */
export function encodeStreamFrame({ sequence, sentAt, total }: StreamFrame, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  // A time below 2^53 has 21 bits above the lower 32, and a sign: they leave the byte at 4 to the sequence number.
  write32(bytes, 4, Math.floor(sentAt / 0x1_0000_0000))
  write32(bytes, 8, sentAt % 0x1_0000_0000)
  bytes[0] = MARK
  write32(bytes, 1, sequence)
  write32(bytes, 12, total)
  bytes.set(filler(sequence, 0, size - STREAM_HEADER), STREAM_HEADER)
  return bytes
}

/** The frame's header; undefined when the bytes are none. */
export function decodeStreamFrame(bytes: Uint8Array): StreamFrame | undefined {
  if (bytes.length < STREAM_HEADER || bytes[0] !== MARK) return undefined
  const sequence = read32(bytes, 1)
  const sentAt = ((read32(bytes, 4) << 8) >> 8) * 0x1_0000_0000 + read32(bytes, 8)
  const total = read32(bytes, 12)
  return sequence < total && Number.isSafeInteger(sentAt) ? { sequence, sentAt, total } : undefined
}
