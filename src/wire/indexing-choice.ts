import type { HeaderField } from './http1.ts'

/** A field to be encoded by HPACK or QPACK. */
export interface CompressedField extends HeaderField {
  /** Whether it must never be put into a table, by us or by who passes it on (RFC 7541 section 7.1.3, RFC 9204 section 7.1.3). */
  readonly sensitive?: boolean
}

/** Takes fields as they are decoded. */
export interface FieldSink {
  /** @param sensitive whether it was never to be indexed */
  field: (name: string, value: string, sensitive: boolean) => void
}

/** Fields whose values hardly ever come again: they would only push others out of the table. */
const UNREPEATED = new Set([':path', 'age', 'content-length', 'etag', 'if-modified-since', 'if-none-match', 'last-modified'])

/** Cookies shorter than this, in bytes, are too easily guessed to be compressed (RFC 7541 section 7.1.3). */
const SHORT_COOKIE = 20

/** Whether a field must not be put into a table. */
export function isSensitive({ name, value, sensitive }: CompressedField): boolean {
  if (sensitive !== undefined) return sensitive
  if (name === 'authorization' || name === 'proxy-authorization') return true
  return name === 'cookie' && value.length < SHORT_COOKIE
}

/** Whether a field of this name is likely to come again with the same value. */
export function isRepeated(name: string): boolean {
  return !UNREPEATED.has(name)
}
