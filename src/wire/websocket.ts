import { DecodeError } from './errors.ts'
import { read16, read32, write16, write32 } from './integer.ts'

/** Frames of WebSocket on the wire (RFC 6455 section 5.2), their masks (section 5.3) and status codes (section 7.4). */

/** RFC 6455 section 11.8. */
export const WEBSOCKET_OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const

/** Bits of a frame's first byte. RSV1 says that a message is compressed, once that was agreed on (RFC 7692 section 6). */
export const WEBSOCKET_BIT = { FIN: 0x80, RSV1: 0x40, RSV2: 0x20, RSV3: 0x10 } as const

/** Most bytes of a control frame's payload (RFC 6455 section 5.5). */
export const CONTROL_LIMIT = 125

/** Bytes of a header at most: 2, a length of 8, and a masking key of 4. */
export const WEBSOCKET_HEADER_LIMIT = 14

/** What is wrong with a frame, and the status code with which it is answered. */
export class WebSocketDecodeError extends DecodeError {
  constructor(
    problem: 'invalid' | 'oversized',
    offset: number,
    /** In words, without the offset. */
    readonly detail: string,
    /** 1002 or 1009. */
    readonly code: number,
    /** `'RFC 6455 section 5.2'`. */
    readonly cites: string,
  ) {
    super('websocket', problem, offset, detail)
  }
}

/** A frame's header. */
export interface WebSocketHeader {
  /** Whether it is a message's last frame. */
  isFinal: boolean
  /** RSV1 to RSV3 as they stand in the first byte: of 0x70. */
  reserved: number
  /** 0 to 15. */
  opcode: number
  isMasked: boolean
  /** In network byte order, [0, 2^32); 0 when the frame is not masked. */
  mask: number
  /** Bytes of the payload. */
  length: number
}

/** Whether an opcode is that of a control frame, be it one that is reserved. */
export function isControl(opcode: number): boolean {
  return (opcode & 0x8) !== 0
}

/** Bytes of the header that begins with these two: 2 to 14. */
export function headerLength(second: number): number {
  const length = second & 0x7f
  return 2 + (length < 126 ? 0 : length === 126 ? 2 : 8) + ((second & 0x80) === 0 ? 0 : 4)
}

/** Bytes of the header of a frame that is to be sent. */
export function headerLengthFor(length: number, isMasked: boolean): number {
  return (length < 126 ? 2 : length < 0x10000 ? 4 : 10) + (isMasked ? 4 : 0)
}

function invalid(offset: number, detail: string, section: string): WebSocketDecodeError {
  return new WebSocketDecodeError('invalid', offset, detail, 1002, `RFC 6455 section ${section}`)
}

/**
 * Decodes the header at `start`, of which all `headerLength` bytes are there, into `header`. What reserved bits and opcodes mean is not judged.
 * Throws WebSocketDecodeError for a length that is not written in the fewest bytes, or is over 2^53 (1009).
 */
export function decodeWebSocketHeader(bytes: Uint8Array, start: number, header: WebSocketHeader): void {
  const first = bytes[start]
  const second = bytes[start + 1]
  header.isFinal = (first & WEBSOCKET_BIT.FIN) !== 0
  header.reserved = first & 0x70
  header.opcode = first & 0x0f
  header.isMasked = (second & 0x80) !== 0
  let length = second & 0x7f
  let at = start + 2
  if (length === 126) {
    length = read16(bytes, at)
    if (length < 126) throw invalid(at, 'a length in more bytes than it needs', '5.2')
    at += 2
  } else if (length === 127) {
    const high = read32(bytes, at)
    if (high >= 2 ** 31) throw invalid(at, 'a length whose first bit is set', '5.2')
    length = high * 2 ** 32 + read32(bytes, at + 4)
    if (length < 0x10000) throw invalid(at, 'a length in more bytes than it needs', '5.2')
    if (length > Number.MAX_SAFE_INTEGER) {
      throw new WebSocketDecodeError('oversized', at, 'a frame of over 2^53 bytes', 1009, 'RFC 6455 section 10.4')
    }
    at += 8
  }
  header.length = length
  header.mask = header.isMasked ? read32(bytes, at) : 0
}

/** Writes a header of `headerLengthFor` bytes at `start`, and returns where it ends. @param first the first byte: bits and opcode */
export function encodeWebSocketHeader(
  bytes: Uint8Array,
  start: number,
  first: number,
  length: number,
  mask: number | undefined,
): number {
  const bit = mask === undefined ? 0 : 0x80
  let at = start + 2
  bytes[start] = first
  if (length < 126) {
    bytes[start + 1] = bit | length
  } else if (length < 0x10000) {
    bytes[start + 1] = bit | 126
    write16(bytes, at, length)
    at += 2
  } else {
    bytes[start + 1] = bit | 127
    write32(bytes, at, Math.floor(length / 2 ** 32))
    write32(bytes, at + 4, length % 2 ** 32)
    at += 8
  }
  if (mask === undefined) return at
  write32(bytes, at, mask)
  return at + 4
}

/** Shorter pieces are masked byte by byte: looking at them as words costs more. */
const WORDS_FROM = 64

/** Whether this machine keeps a word's lowest byte first. */
function isLittleEndian(): boolean {
  return new Uint8Array(Uint32Array.of(1).buffer)[0] === 1
}

const LITTLE_ENDIAN = /* @__PURE__ */ isLittleEndian()

/** A word with its bytes in the other order. */
function swapped(word: number): number {
  return ((word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff0000) | (word << 24)) >>> 0
}

/**
 * Masks or unmasks [start, end) in place (RFC 6455 section 5.3).
 * @param mask the masking key, in network byte order
 * @param phase how many bytes of the payload lie before `start`
 */
export function applyMask(bytes: Uint8Array, start: number, end: number, mask: number, phase = 0): void {
  if (mask === 0) return
  const turn = (phase & 3) * 8
  // The key as it stands from `start` on: its first byte on top.
  let key = turn === 0 ? mask : (mask << turn) | (mask >>> (32 - turn))
  let at = start
  if (end - start >= WORDS_FROM) {
    while (((bytes.byteOffset + at) & 3) !== 0) {
      bytes[at++] ^= key >>> 24
      key = (key << 8) | (key >>> 24)
    }
    const count = (end - at) >>> 2
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, count)
    const pattern = LITTLE_ENDIAN ? swapped(key) : key
    for (let i = 0; i < count; i++) words[i] ^= pattern
    at += count << 2
  }
  for (; at < end; at++) {
    bytes[at] ^= key >>> 24
    key = (key << 8) | (key >>> 24)
  }
}

/** RFC 6455 section 7.4.1 and IANA's registry of status codes. */
const CLOSE_CODES: Readonly<Record<number, string>> = {
  1000: 'Normal Closure',
  1001: 'Going Away',
  1002: 'Protocol Error',
  1003: 'Unsupported Data',
  1007: 'Invalid Frame Payload Data',
  1008: 'Policy Violation',
  1009: 'Message Too Big',
  1010: 'Mandatory Extension',
  1011: 'Internal Error',
  1012: 'Service Restart',
  1013: 'Try Again Later',
  1014: 'Bad Gateway',
}

/** What a status code is called; undefined for those of libraries and applications, and for others. */
export function closeCodeName(code: number): string | undefined {
  return CLOSE_CODES[code]
}

/** Whether a Close frame may carry this status code: those registered for the wire, and 3000 to 4999 (RFC 6455 section 7.4.2). */
export function isCloseCode(code: number): boolean {
  return code in CLOSE_CODES || (code >= 3000 && code <= 4999)
}
