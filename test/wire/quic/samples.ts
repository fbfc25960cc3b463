import type { QuicFrame } from '../../../src/wire/quic/frame.ts'
import { QuicFrameDecoder } from '../../../src/wire/quic/frame-decoder.ts'
import {
  controlFrameLength,
  writeControlFrame,
  writeCryptoHeader,
  writeDatagramHeader,
  writeStreamHeader,
  type ControlFrame,
} from '../../../src/wire/quic/frame-encoder.ts'

/** One of each kind, and of each form that a kind has. */
export const CONTROL_FRAMES: readonly ControlFrame[] = [
  { type: 'PADDING', length: 5 },
  { type: 'PING' },
  { type: 'ACK', largest: 9, delay: 25, ranges: [7, 9, 2, 4, 0, 0], ecn: undefined },
  { type: 'ACK', largest: 2 ** 40, delay: 16_384, ranges: [2 ** 40, 2 ** 40, 3, 100], ecn: { ect0: 5, ect1: 0, ce: 70_000 } },
  { type: 'RESET_STREAM', stream: 4, code: 0x10c, finalSize: 100_000 },
  { type: 'STOP_SENDING', stream: 2 ** 33, code: 1 },
  { type: 'NEW_TOKEN', token: Uint8Array.of(1, 2, 3) },
  { type: 'MAX_DATA', limit: 2 ** 50 },
  { type: 'MAX_STREAM_DATA', stream: 3, limit: 65_536 },
  { type: 'MAX_STREAMS', bidirectional: true, limit: 100 },
  { type: 'MAX_STREAMS', bidirectional: false, limit: 3 },
  { type: 'DATA_BLOCKED', limit: 10 },
  { type: 'STREAM_DATA_BLOCKED', stream: 7, limit: 20 },
  { type: 'STREAMS_BLOCKED', bidirectional: true, limit: 4 },
  { type: 'STREAMS_BLOCKED', bidirectional: false, limit: 5 },
  {
    type: 'NEW_CONNECTION_ID',
    sequence: 3,
    retirePriorTo: 2,
    connectionId: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    resetToken: new Uint8Array(16).fill(9),
  },
  { type: 'RETIRE_CONNECTION_ID', sequence: 1 },
  { type: 'PATH_CHALLENGE', data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
  { type: 'PATH_RESPONSE', data: Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1) },
  { type: 'CONNECTION_CLOSE', space: 'transport', code: 0x128, frameType: 6, reason: 'no such luck' },
  { type: 'CONNECTION_CLOSE', space: 'application', code: 0x100, frameType: 0, reason: '' },
  { type: 'HANDSHAKE_DONE' },
]

export function encoded(frame: ControlFrame): Uint8Array {
  const bytes = new Uint8Array(controlFrameLength(frame))
  if (writeControlFrame(bytes, 0, frame) !== bytes.length) throw new Error(`the length of ${frame.type} is wrong`)
  return bytes
}

function withData(write: (target: Uint8Array) => number, length: number): Uint8Array {
  const bytes = new Uint8Array(64)
  const at = write(bytes)
  return bytes.fill(0x61, at, at + length).slice(0, at + length)
}

/** Payloads of one packet each, of several frames. */
export const PAYLOADS: readonly Uint8Array[] = [
  ...CONTROL_FRAMES.map(encoded),
  withData((target) => writeCryptoHeader(target, 0, 1200, 10), 10),
  withData((target) => writeStreamHeader(target, 0, 8, 0, 10, false), 10),
  withData((target) => writeStreamHeader(target, 0, 8, 70_000, undefined, true), 10),
  withData((target) => writeStreamHeader(target, 0, 0, 5, 0, true), 0),
  withData((target) => writeDatagramHeader(target, 0, 10), 10),
  withData((target) => writeDatagramHeader(target, 0, undefined), 10),
  Uint8Array.of(...CONTROL_FRAMES.flatMap((frame) => [...encoded(frame)])),
]

/** All frames of a payload. */
export function framesOf(payload: Uint8Array, start = 0, end = payload.length): QuicFrame[] {
  const decoder = new QuicFrameDecoder()
  decoder.begin(payload, start, end)
  const frames: QuicFrame[] = []
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) frames.push(frame)
  return frames
}
