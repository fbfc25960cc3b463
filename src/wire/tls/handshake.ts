/**
 * Handshake messages as such: RFC 8446 section 4, RFC 5246 section 7.4. A message is a type of one byte, a length of three and a
 * body. Messages flow through records as a stream: one record may hold several, and one message may span several.
 *
 * The decoders of messages take a whole message, header included, since that is what transcripts hash.
 */
import { TlsDecodeError } from './decode-error.ts'
import { TlsReader } from './reader.ts'
import { TlsWriter } from './writer.ts'

/** Bytes of a handshake message's header. */
export const HANDSHAKE_HEADER_LENGTH = 4

/**
 * Longest body of a message that is taken in, unless told otherwise: the longest ClientHello that there can be takes 131,396 bytes, and
 * any real chain of certificates is shorter.
 */
const DEFAULT_LIMIT = 0x2_0200

/** Type and body's length of the message at `start`. @returns undefined while fewer than four bytes are there */
export function decodeHandshakeHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly type: number; readonly length: number } | undefined {
  if (end - start < HANDSHAKE_HEADER_LENGTH) return undefined
  return { type: bytes[start], length: (bytes[start + 1] << 16) | (bytes[start + 2] << 8) | bytes[start + 3] }
}

/** A reader of the body of a whole message of the given type. Throws TlsDecodeError when it is another, or its length is wrong. */
export function bodyReader(message: Uint8Array, type: number, cites: string): TlsReader {
  const header = decodeHandshakeHeader(message, 0, message.length)
  if (header?.length !== message.length - HANDSHAKE_HEADER_LENGTH) {
    throw new TlsDecodeError('truncated', message.length, 'this is no whole message', 'decode_error', cites)
  }
  if (header.type !== type) {
    throw new TlsDecodeError('invalid', 0, `a message of type ${String(header.type)}`, 'unexpected_message', cites)
  }
  return new TlsReader(message, HANDSHAKE_HEADER_LENGTH, message.length, cites)
}

/** A whole message, with the body that `write` writes. */
export function encodeHandshake(type: number, write: (writer: TlsWriter) => void): Uint8Array {
  const writer = new TlsWriter().uint8(type)
  const mark = writer.open(3)
  write(writer)
  writer.close(mark, 3)
  return writer.finish()
}

/** Puts handshake messages together from the contents of records, or from QUIC's CRYPTO frames. */
export class HandshakeBuffer {
  private bytes = new Uint8Array(0)
  /** What is there and not yet taken out: [start, end). */
  private start = 0
  private end = 0

  /** @param limit most bytes of a message's body; longer ones are refused as soon as their header is there */
  constructor(private readonly limit = DEFAULT_LIMIT) {}

  /** Whether a message has begun that is not whole: no other kind of record, and no change of keys, may come now (RFC 8446 section 5.1). */
  get isPartial(): boolean {
    return this.end > this.start
  }

  /** Takes the content of one handshake record. */
  push(content: Uint8Array): void {
    const needed = this.end - this.start + content.length
    if (this.end + content.length > this.bytes.length) {
      // Messages that were handed out are views of the old buffer, so it is left to them.
      const larger = new Uint8Array(Math.max(needed, Math.min(needed * 2, this.limit + HANDSHAKE_HEADER_LENGTH)))
      larger.set(this.bytes.subarray(this.start, this.end))
      this.bytes = larger
      this.end -= this.start
      this.start = 0
    }
    this.bytes.set(content, this.end)
    this.end += content.length
  }

  /**
   * The next whole message, header included.
   * @throws TlsDecodeError when it is longer than the limit (illegal_parameter)
   */
  next(): Uint8Array | undefined {
    const header = decodeHandshakeHeader(this.bytes, this.start, this.end)
    if (header === undefined) return undefined
    if (header.length > this.limit) {
      const detail = `a handshake message of ${String(header.length)} bytes`
      throw new TlsDecodeError('oversized', 1, detail, 'illegal_parameter', 'RFC 8446 section 4')
    }
    const next = this.start + HANDSHAKE_HEADER_LENGTH + header.length
    if (this.end < next) return undefined
    const message = this.bytes.subarray(this.start, next)
    this.start = next
    return message
  }
}
