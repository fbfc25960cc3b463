import { DecodeError } from './errors.ts'
import type { DecodeProblem } from './errors.ts'
import { HTTP3_FRAME_CODE, HTTP3_SETTING_ID, HTTP3_STREAM_CODE, http3SettingName } from './http3-names.ts'
import type { Http3ErrorName, Http3FrameType, Http3SettingName, Http3StreamType } from './http3-names.ts'
import { readVarint, varintLength, varintLengthAt, writeVarint } from './quic/varint.ts'

/** The frames of HTTP/3: RFC 9114 section 7, RFC 9218 section 7.2; datagrams: RFC 9297 section 2.1. */

/** What is wrong with a frame, and how it is answered: by the end of the connection. */
export class Http3DecodeError extends DecodeError {
  constructor(
    problem: DecodeProblem,
    offset: number,
    /** In words, without the offset. */
    readonly detail: string,
    readonly code: Http3ErrorName,
    /** `'RFC 9114 section 7.2.4'`. */
    readonly cites: string,
  ) {
    super('http3', problem, offset, detail)
  }
}

/** Largest number of a stream that requests use, in what says "all of them": 2^62 - 4, eight bytes (RFC 9114 section 5.2). */
const EVERY_STREAM = /* @__PURE__ */ Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc)

/** Where an integer at `at` ends; undefined: beyond `end`. RFC 9000 section 16. */
export function varintEnd(bytes: Uint8Array, at: number, end: number): number | undefined {
  if (at >= end) return undefined
  const next = at + varintLengthAt(bytes[at])
  return next > end ? undefined : next
}

/** Reads integers from a frame's payload, [at, end). */
class PayloadReader {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
    private readonly end: number,
    private readonly name: string,
    private readonly cites: string,
  ) {}

  integer(): number {
    const { bytes, at, end } = this
    const next = varintEnd(bytes, at, end)
    if (next === undefined) throw this.fail('truncated', `a ${this.name} frame that ends in an integer`)
    this.at = next
    return readVarint(bytes, at)
  }

  /** The only thing in a frame. */
  single(): number {
    const value = this.integer()
    if (this.at < this.end) throw this.fail('invalid', `a ${this.name} frame that is longer than what it says`)
    return value
  }

  private fail(problem: DecodeProblem, detail: string): Http3DecodeError {
    return new Http3DecodeError(problem, this.at, detail, 'H3_FRAME_ERROR', this.cites)
  }
}

/** A frame's header. @returns a copy that ends where the payload begins */
export function encodeFrameHeader(type: Http3FrameType, length: number): Uint8Array {
  const code = HTTP3_FRAME_CODE[type]
  const bytes = new Uint8Array(varintLength(code) + varintLength(length))
  writeVarint(bytes, writeVarint(bytes, 0, code), length)
  return bytes
}

function encodeFrame(type: Http3FrameType, ...parts: readonly (number | Uint8Array)[]): Uint8Array {
  let length = 0
  for (const part of parts) length += typeof part === 'number' ? varintLength(part) : part.length
  const header = encodeFrameHeader(type, length)
  const bytes = new Uint8Array(header.length + length)
  bytes.set(header)
  let at = header.length
  for (const part of parts) {
    if (typeof part === 'number') at = writeVarint(bytes, at, part)
    else {
      bytes.set(part, at)
      at += part.length
    }
  }
  return bytes
}

/** A HEADERS frame. @param section an encoded field section */
export function encodeHeadersFrame(section: Uint8Array): Uint8Array {
  return encodeFrame('HEADERS', section)
}

/** A SETTINGS frame with these parameters, values below 2^53. */
export function encodeSettingsFrame(settings: readonly (readonly [Http3SettingName, number])[]): Uint8Array {
  return encodeFrame('SETTINGS', ...settings.flatMap(([name, value]) => [HTTP3_SETTING_ID[name], value]))
}

/** @param id the first stream that is refused, or push; undefined: no stream is refused yet */
export function encodeGoawayFrame(id: number | undefined): Uint8Array {
  return encodeFrame('GOAWAY', id ?? EVERY_STREAM)
}

/** PRIORITY_UPDATE of a request's stream. @param value a Priority Field Value: `'u=1, i'` */
export function encodePriorityUpdateFrame(stream: number, value: string): Uint8Array {
  return encodeFrame(
    'PRIORITY_UPDATE',
    stream,
    Uint8Array.from(value, (character) => character.charCodeAt(0)),
  )
}

/** What a unidirectional stream begins with. */
export function encodeStreamType(type: Http3StreamType): Uint8Array {
  return Uint8Array.of(HTTP3_STREAM_CODE[type])
}

/** An HTTP datagram (RFC 9297 section 2.1). @param stream of a request, a multiple of 4 */
export function encodeHttpDatagram(stream: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(varintLength(stream / 4) + payload.length)
  bytes.set(payload, writeVarint(bytes, 0, stream / 4))
  return bytes
}

/** An HTTP datagram: its request's stream, and where its payload begins. Throws Http3DecodeError. */
export function decodeHttpDatagram(bytes: Uint8Array): { readonly stream: number; readonly start: number } {
  const cites = 'RFC 9297 section 2.1'
  const start = varintEnd(bytes, 0, bytes.length)
  if (start === undefined) throw new Http3DecodeError('truncated', 0, 'a datagram without a stream', 'H3_DATAGRAM_ERROR', cites)
  const quarter = readVarint(bytes, 0)
  if (quarter < 2 ** 60) return { stream: 4 * quarter, start }
  throw new Http3DecodeError('invalid', 0, 'a datagram of a stream that cannot be', 'H3_DATAGRAM_ERROR', cites)
}

/** One parameter of a SETTINGS frame. */
export interface Http3Setting {
  readonly id: number
  /** From 2^53 on, rounded. */
  readonly value: number
  /** Where it lies: [start, end). */
  readonly start: number
  readonly end: number
}

/** SETTINGS, RFC 9114 section 7.2.4: its parameters in order, unknown ones included. Throws Http3DecodeError. */
export function decodeSettingsFrame(bytes: Uint8Array, start: number, end: number): Http3Setting[] {
  const reader = new PayloadReader(bytes, start, end, 'SETTINGS', 'RFC 9114 section 7.2.4')
  const settings: Http3Setting[] = []
  while (reader.at < end) {
    const from = reader.at
    const id = reader.integer()
    const value = reader.integer()
    settings.push({ id, value, start: from, end: reader.at })
  }
  return settings
}

/** Identifiers of settings that HTTP/2 has, and HTTP/3 must not (RFC 9114 sections 7.2.4.1 and 11.2.2). */
const FORBIDDEN_SETTINGS = new Set([0x0, 0x2, 0x3, 0x4, 0x5])

/** What a setting breaks; undefined: it is allowed, or not known. RFC 9114 section 7.2.4.1, RFC 8441 section 3, RFC 9297 section 2.1.1. */
export function http3SettingProblem({
  id,
  value,
}: Http3Setting): { readonly detail: string; readonly cites: string } | undefined {
  if (FORBIDDEN_SETTINGS.has(id)) {
    return { detail: `the setting 0x${id.toString(16)}, which is HTTP/2's alone`, cites: 'RFC 9114 section 7.2.4.1' }
  }
  const name = http3SettingName(id)
  if (value <= 1 || (name !== 'ENABLE_CONNECT_PROTOCOL' && name !== 'H3_DATAGRAM')) return undefined
  const cites = name === 'H3_DATAGRAM' ? 'RFC 9297 section 2.1.1' : 'RFC 8441 section 3'
  return { detail: `${name} was set to ${String(value)}`, cites }
}

/** GOAWAY, CANCEL_PUSH or MAX_PUSH_ID: its one number, from 2^53 on rounded. Throws Http3DecodeError. */
export function decodeIdFrame(
  type: 'GOAWAY' | 'CANCEL_PUSH' | 'MAX_PUSH_ID',
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const section = { CANCEL_PUSH: '7.2.3', GOAWAY: '7.2.6', MAX_PUSH_ID: '7.2.7' }[type]
  return new PayloadReader(bytes, start, end, type, `RFC 9114 section ${section}`).single()
}

/** PUSH_PROMISE, RFC 9114 section 7.2.5: the push, and where its field section begins. Throws Http3DecodeError. */
export function decodePushPromiseFrame(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly push: number; readonly sectionStart: number } {
  const reader = new PayloadReader(bytes, start, end, 'PUSH_PROMISE', 'RFC 9114 section 7.2.5')
  const push = reader.integer()
  return { push, sectionStart: reader.at }
}

/** PRIORITY_UPDATE, RFC 9218 section 7.2: the stream or push, and where its Priority Field Value begins. Throws Http3DecodeError. */
export function decodePriorityUpdateFrame(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly element: number; readonly valueStart: number } {
  const reader = new PayloadReader(bytes, start, end, 'PRIORITY_UPDATE', 'RFC 9218 section 7.2')
  const element = reader.integer()
  return { element, valueStart: reader.at }
}
