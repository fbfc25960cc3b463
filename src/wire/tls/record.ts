/**
 * The record layer: RFC 8446 section 5, RFC 5246 section 6.2. A record is a header of five bytes and a fragment of at most 2^14
 * bytes of content, plus what protection adds.
 */
import { read16, write16 } from '../integer.ts'
import { ContentType, ProtocolVersion } from './code-points.ts'
import { TlsDecodeError } from './decode-error.ts'

/** Bytes of a record's header. */
export const RECORD_HEADER_LENGTH = 5
/** Most bytes of content in one record: 2^14 (RFC 8446 section 5.1). */
export const MAX_PLAINTEXT_LENGTH = 16384
/** Most bytes of a protected record of TLS 1.3 behind its header (RFC 8446 section 5.2). */
export const MAX_CIPHERTEXT_LENGTH = MAX_PLAINTEXT_LENGTH + 256
/** Most bytes of a protected record of TLS 1.2 behind its header (RFC 5246 section 6.2.3). */
const MAX_CIPHERTEXT_LENGTH_12 = MAX_PLAINTEXT_LENGTH + 2048

export interface RecordHeader {
  /** A value of `ContentType`. */
  readonly type: number
  /** legacy_record_version. TLS 1.3 ignores it. */
  readonly version: number
  /** Bytes of the fragment behind the header. */
  readonly length: number
}

/**
 * Decodes the header at `start`.
 * @param anyVersion whether the version counts for nothing, as once TLS 1.3 is agreed on (RFC 8446 section 5.1)
 * @returns undefined while fewer than five bytes are there
 * @throws TlsDecodeError for a type that does not exist (unexpected_message, RFC 8446 section 5), for a version whose first byte is
 *   not 3 (protocol_version: these bytes are not TLS), and for a length that no version allows (record_overflow)
 */
export function decodeRecordHeader(bytes: Uint8Array, start: number, end: number, anyVersion = false): RecordHeader | undefined {
  if (end - start < RECORD_HEADER_LENGTH) return undefined
  const type = bytes[start]
  if (type < ContentType.change_cipher_spec || type > ContentType.application_data) {
    throw new TlsDecodeError('invalid', start, `no record type: ${String(type)}`, 'unexpected_message', 'RFC 8446 section 5')
  }
  if (!anyVersion && bytes[start + 1] !== 3) {
    const detail = 'these bytes are no record of TLS'
    throw new TlsDecodeError('unsupported', start + 1, detail, 'protocol_version', 'RFC 5246 appendix E.1')
  }
  const length = read16(bytes, start + 3)
  if (length > MAX_CIPHERTEXT_LENGTH_12) {
    const detail = `a record of ${String(length)} bytes`
    throw new TlsDecodeError('oversized', start + 3, detail, 'record_overflow', 'RFC 8446 section 5.2')
  }
  return { type, version: read16(bytes, start + 1), length }
}

/** Writes a record's header at `start`. */
export function encodeRecordHeader(header: RecordHeader, bytes: Uint8Array, start: number): void {
  bytes[start] = header.type
  write16(bytes, start + 1, header.version)
  write16(bytes, start + 3, header.length)
}

/**
 * A record of plaintext, header and fragment.
 * @param version legacy_record_version; the first ClientHello goes out with TLS 1.0 for old servers' sake (RFC 8446 section 5.1)
 * @throws RangeError when the fragment is longer than 2^14 bytes
 */
export function encodeRecord(type: number, fragment: Uint8Array, version: number = ProtocolVersion.TLS1_2): Uint8Array {
  if (fragment.length > MAX_PLAINTEXT_LENGTH) throw new RangeError(`a record of ${String(fragment.length)} bytes`)
  const bytes = new Uint8Array(RECORD_HEADER_LENGTH + fragment.length)
  encodeRecordHeader({ type, version, length: fragment.length }, bytes, 0)
  bytes.set(fragment, RECORD_HEADER_LENGTH)
  return bytes
}

/** The inside of a protected record of TLS 1.3: RFC 8446 section 5.2. */
export interface InnerPlaintext {
  /** The true type, any value from 1 to 255. */
  readonly type: number
  /** A view of the content, without type and padding. */
  readonly content: Uint8Array
}

/**
 * Takes type and padding off a decrypted record.
 * @throws TlsDecodeError when there is nothing but zeros (unexpected_message, RFC 8446 section 5.4), or more than 2^14 bytes of
 *   content and a byte of type (record_overflow)
 */
export function decodeInnerPlaintext(bytes: Uint8Array): InnerPlaintext {
  if (bytes.length > MAX_PLAINTEXT_LENGTH + 1) {
    const detail = `an inner plaintext of ${String(bytes.length)} bytes`
    throw new TlsDecodeError('oversized', 0, detail, 'record_overflow', 'RFC 8446 section 5.4')
  }
  let last = bytes.length - 1
  while (last >= 0 && bytes[last] === 0) last--
  if (last < 0) throw new TlsDecodeError('invalid', 0, 'a record without a type', 'unexpected_message', 'RFC 8446 section 5.4')
  return { type: bytes[last], content: bytes.subarray(0, last) }
}

/** Content, its true type, and as many zeros as `padding` says: RFC 8446 section 5.2. */
export function encodeInnerPlaintext(type: number, content: Uint8Array, padding = 0): Uint8Array {
  const bytes = new Uint8Array(content.length + 1 + padding)
  bytes.set(content)
  bytes[content.length] = type
  return bytes
}
