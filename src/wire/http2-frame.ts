import { DecodeError } from './errors.ts'
import type { DecodeProblem } from './errors.ts'
import { HTTP2_ERROR_CODE, HTTP2_FLAG, HTTP2_FRAME_CODE, HTTP2_SETTING_ID, http2SettingName } from './http2-names.ts'
import type { Http2ErrorName, Http2FrameType, Http2SettingName } from './http2-names.ts'
import { read16, read32, write16, write32 } from './integer.ts'

/** The frames of HTTP/2: RFC 9113 sections 4 and 6, RFC 9218 section 7.1. */

/** Of a frame's header, in bytes. */
export const HTTP2_HEADER_LENGTH = 9

/** What a client's end of the connection begins with (RFC 9113 section 3.4), as Latin-1. */
export const HTTP2_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** Largest window, and largest increment of one (RFC 9113 section 6.9.1). */
export const LARGEST_WINDOW = 2 ** 31 - 1

/** A frame's header (RFC 9113 section 4.1). */
export interface Http2FrameHeader {
  /** Of the payload, in bytes: 0 to 2^24 - 1. */
  length: number
  type: number
  flags: number
  /** 0 to 2^31 - 1; the reserved bit is left out. */
  stream: number
}

/** What is wrong with a frame, and how it is answered. */
export class Http2DecodeError extends DecodeError {
  constructor(
    problem: DecodeProblem,
    offset: number,
    /** In words, without the offset. */
    readonly detail: string,
    readonly code: Http2ErrorName,
    /** `'RFC 9113 section 6.1'`. */
    readonly cites: string,
    /** Whether it concerns the frame's stream alone, or the whole connection. */
    readonly scope: 'stream' | 'connection' = 'connection',
  ) {
    super('http2', problem, offset, detail)
  }
}

function wrongLength(at: number, detail: string, cites: string, scope?: 'stream'): Http2DecodeError {
  return new Http2DecodeError('invalid', at, detail, 'FRAME_SIZE_ERROR', cites, scope)
}

/** Decodes the nine bytes at `at` into `header`. */
export function decodeFrameHeader(bytes: Uint8Array, at: number, header: Http2FrameHeader): void {
  header.length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]
  header.type = bytes[at + 3]
  header.flags = bytes[at + 4]
  header.stream = read32(bytes, at + 5) & 0x7fffffff
}

/** Writes a frame's header of nine bytes at `at`. */
export function writeFrameHeader(
  target: Uint8Array,
  at: number,
  length: number,
  type: Http2FrameType,
  flags: number,
  stream: number,
): void {
  target[at] = length >>> 16
  target[at + 1] = length >>> 8
  target[at + 2] = length
  target[at + 3] = HTTP2_FRAME_CODE[type]
  target[at + 4] = flags
  write32(target, at + 5, stream)
}

function frame(type: Http2FrameType, flags: number, stream: number, length: number): Uint8Array {
  const bytes = new Uint8Array(HTTP2_HEADER_LENGTH + length)
  writeFrameHeader(bytes, 0, length, type, flags, stream)
  return bytes
}

/** A part of an array: [start, end). */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** What RFC 7540 section 5.3 said about priorities, which RFC 9113 only parses. */
interface LegacyPriority {
  readonly isExclusive: boolean
  readonly dependsOn: number
  /** 1 to 256. */
  readonly weight: number
}

function decodeLegacyPriority(bytes: Uint8Array, at: number): LegacyPriority {
  const first = read32(bytes, at)
  return { isExclusive: first >= 0x80000000, dependsOn: first & 0x7fffffff, weight: bytes[at + 4] + 1 }
}

/** The payload without its padding; `from` is where content begins behind the pad length. RFC 9113 section 6.1. */
function withoutPadding(bytes: Uint8Array, start: number, end: number, flags: number, from: number, cites: string): ByteRange {
  const padding = (flags & HTTP2_FLAG.PADDED) !== 0 ? bytes[start] : 0
  if (padding > end - from) throw tooMuchPadding(start, cites)
  return { start: from, end: end - padding }
}

/** Padding that is longer than what is left of a frame (RFC 9113 sections 6.1, 6.2 and 6.6). */
export function tooMuchPadding(at: number, cites: string): Http2DecodeError {
  return new Http2DecodeError('invalid', at, 'padding as long as the whole frame', 'PROTOCOL_ERROR', cites)
}

/** HEADERS, RFC 9113 section 6.2: where its fragment of the field block is, and what is said about priority. Throws Http2DecodeError. */
export function decodeHeaders(
  bytes: Uint8Array,
  start: number,
  end: number,
  flags: number,
): { readonly fragment: ByteRange; readonly priority: LegacyPriority | undefined } {
  const cites = 'RFC 9113 section 6.2'
  const priorityAt = start + ((flags & HTTP2_FLAG.PADDED) !== 0 ? 1 : 0)
  const hasPriority = (flags & HTTP2_FLAG.PRIORITY) !== 0
  const from = priorityAt + (hasPriority ? 5 : 0)
  if (from > end) throw wrongLength(start, 'a HEADERS frame too short for its flags', cites)
  const fragment = withoutPadding(bytes, start, end, flags, from, cites)
  return { fragment, priority: hasPriority ? decodeLegacyPriority(bytes, priorityAt) : undefined }
}

/** PUSH_PROMISE, RFC 9113 section 6.6. Throws Http2DecodeError. */
export function decodePushPromise(
  bytes: Uint8Array,
  start: number,
  end: number,
  flags: number,
): { readonly promised: number; readonly fragment: ByteRange } {
  const cites = 'RFC 9113 section 6.6'
  const promisedAt = start + ((flags & HTTP2_FLAG.PADDED) !== 0 ? 1 : 0)
  const from = promisedAt + 4
  if (from > end) throw wrongLength(start, 'a PUSH_PROMISE frame too short for its flags', cites)
  return {
    promised: read32(bytes, promisedAt) & 0x7fffffff,
    fragment: withoutPadding(bytes, start, end, flags, from, cites),
  }
}

/** PRIORITY, RFC 9113 section 6.3. Throws Http2DecodeError. */
export function decodePriority(bytes: Uint8Array, start: number, end: number): LegacyPriority {
  if (end - start !== 5) throw wrongLength(start, 'a PRIORITY frame of another length than 5', 'RFC 9113 section 6.3', 'stream')
  return decodeLegacyPriority(bytes, start)
}

/** RST_STREAM, RFC 9113 section 6.4: its error code. Throws Http2DecodeError. */
export function decodeResetStream(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== 4) throw wrongLength(start, 'a RST_STREAM frame of another length than 4', 'RFC 9113 section 6.4')
  return read32(bytes, start)
}

/** One parameter of a SETTINGS frame. */
export interface Http2Setting {
  readonly id: number
  readonly value: number
}

/** SETTINGS, RFC 9113 section 6.5: its parameters in order, unknown ones included. Throws Http2DecodeError. */
export function decodeSettings(bytes: Uint8Array, start: number, end: number, flags: number): Http2Setting[] {
  const cites = 'RFC 9113 section 6.5'
  const isAck = (flags & HTTP2_FLAG.ACK) !== 0
  if (isAck && end > start) throw wrongLength(start, 'an acknowledgment of SETTINGS with a payload', cites)
  if ((end - start) % 6 !== 0) throw wrongLength(start, 'a SETTINGS frame of a length that is no multiple of 6', cites)
  const settings: Http2Setting[] = []
  for (let at = start; at < end; at += 6) settings.push({ id: read16(bytes, at), value: read32(bytes, at + 2) })
  return settings
}

/** What a value of a setting breaks, with the error code for it; undefined: it is allowed, or its setting unknown. RFC 9113 section 6.5.2. */
export function settingProblem(id: number, value: number): Http2ErrorName | undefined {
  switch (http2SettingName(id)) {
    case 'ENABLE_PUSH':
    case 'ENABLE_CONNECT_PROTOCOL':
    case 'NO_RFC7540_PRIORITIES':
      return value > 1 ? 'PROTOCOL_ERROR' : undefined
    case 'INITIAL_WINDOW_SIZE':
      return value > LARGEST_WINDOW ? 'FLOW_CONTROL_ERROR' : undefined
    case 'MAX_FRAME_SIZE':
      return value < 0x4000 || value > 0xffffff ? 'PROTOCOL_ERROR' : undefined
    default:
      return undefined
  }
}

/** PING, RFC 9113 section 6.7: its eight bytes, a copy. Throws Http2DecodeError. */
export function decodePing(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (end - start !== 8) throw wrongLength(start, 'a PING frame of another length than 8', 'RFC 9113 section 6.7')
  return bytes.slice(start, end)
}

/** GOAWAY, RFC 9113 section 6.8. Throws Http2DecodeError. */
export function decodeGoaway(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly lastStream: number; readonly code: number; readonly debug: ByteRange } {
  if (end - start < 8) throw wrongLength(start, 'a GOAWAY frame shorter than 8', 'RFC 9113 section 6.8')
  return {
    lastStream: read32(bytes, start) & 0x7fffffff,
    code: read32(bytes, start + 4),
    debug: { start: start + 8, end },
  }
}

/** WINDOW_UPDATE, RFC 9113 section 6.9: its increment, which may be 0. Throws Http2DecodeError. */
export function decodeWindowUpdate(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== 4) throw wrongLength(start, 'a WINDOW_UPDATE frame of another length than 4', 'RFC 9113 section 6.9')
  return read32(bytes, start) & 0x7fffffff
}

/** PRIORITY_UPDATE, RFC 9218 section 7.1: the stream, and where its Priority Field Value is. Throws Http2DecodeError. */
export function decodePriorityUpdate(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly stream: number; readonly value: ByteRange } {
  if (end - start < 4) throw wrongLength(start, 'a PRIORITY_UPDATE frame shorter than 4', 'RFC 9218 section 7.1')
  return { stream: read32(bytes, start) & 0x7fffffff, value: { start: start + 4, end } }
}

/** A SETTINGS frame with these parameters, values in [0, 2^32). */
export function encodeSettings(settings: readonly (readonly [Http2SettingName, number])[]): Uint8Array {
  const bytes = frame('SETTINGS', 0, 0, 6 * settings.length)
  let at = HTTP2_HEADER_LENGTH
  for (const [name, value] of settings) {
    write16(bytes, at, HTTP2_SETTING_ID[name])
    write32(bytes, at + 2, value)
    at += 6
  }
  return bytes
}

/** Acknowledges the peer's SETTINGS. */
export function encodeSettingsAck(): Uint8Array {
  return frame('SETTINGS', HTTP2_FLAG.ACK, 0, 0)
}

/** @param data eight bytes */
export function encodePing(data: Uint8Array, isAck: boolean): Uint8Array {
  const bytes = frame('PING', isAck ? HTTP2_FLAG.ACK : 0, 0, 8)
  bytes.set(data, HTTP2_HEADER_LENGTH)
  return bytes
}

/** @param debug in words, Latin-1 */
export function encodeGoaway(lastStream: number, code: Http2ErrorName, debug: string): Uint8Array {
  const bytes = frame('GOAWAY', 0, 0, 8 + debug.length)
  write32(bytes, 9, lastStream)
  write32(bytes, 13, HTTP2_ERROR_CODE[code])
  for (let i = 0; i < debug.length; i++) bytes[17 + i] = debug.charCodeAt(i)
  return bytes
}

/** @param stream 0: the connection's window; @param increment 1 to 2^31 - 1, in bytes */
export function encodeWindowUpdate(stream: number, increment: number): Uint8Array {
  const bytes = frame('WINDOW_UPDATE', 0, stream, 4)
  write32(bytes, HTTP2_HEADER_LENGTH, increment)
  return bytes
}

export function encodeResetStream(stream: number, code: Http2ErrorName): Uint8Array {
  const bytes = frame('RST_STREAM', 0, stream, 4)
  write32(bytes, HTTP2_HEADER_LENGTH, HTTP2_ERROR_CODE[code])
  return bytes
}

/** @param value a Priority Field Value: `'u=1, i'` */
export function encodePriorityUpdate(stream: number, value: string): Uint8Array {
  const bytes = frame('PRIORITY_UPDATE', 0, 0, 4 + value.length)
  write32(bytes, HTTP2_HEADER_LENGTH, stream)
  for (let i = 0; i < value.length; i++) bytes[13 + i] = value.charCodeAt(i)
  return bytes
}

/**
 * A field block as HEADERS, or as PUSH_PROMISE when a stream is promised, and as many CONTINUATION frames as it takes.
 * @param flags END_STREAM or 0
 * @param promised 0: HEADERS
 * @param maxFrameSize largest payload, in bytes
 */
export function encodeFieldBlock(
  block: Uint8Array,
  stream: number,
  flags: number,
  promised: number,
  maxFrameSize: number,
): Uint8Array {
  const prefix = promised === 0 ? 0 : 4
  const first = Math.min(block.length, maxFrameSize - prefix)
  const continuations = Math.ceil((block.length - first) / maxFrameSize)
  const bytes = new Uint8Array(block.length + prefix + HTTP2_HEADER_LENGTH * (1 + continuations))
  const endHeaders = continuations === 0 ? HTTP2_FLAG.END_HEADERS : 0
  writeFrameHeader(bytes, 0, prefix + first, promised === 0 ? 'HEADERS' : 'PUSH_PROMISE', flags | endHeaders, stream)
  if (promised !== 0) write32(bytes, HTTP2_HEADER_LENGTH, promised)
  bytes.set(block.subarray(0, first), HTTP2_HEADER_LENGTH + prefix)
  let at = HTTP2_HEADER_LENGTH + prefix + first
  for (let from = first; from < block.length;) {
    const to = Math.min(block.length, from + maxFrameSize)
    writeFrameHeader(bytes, at, to - from, 'CONTINUATION', to === block.length ? HTTP2_FLAG.END_HEADERS : 0, stream)
    bytes.set(block.subarray(from, to), at + HTTP2_HEADER_LENGTH)
    at += HTTP2_HEADER_LENGTH + to - from
    from = to
  }
  return bytes
}
