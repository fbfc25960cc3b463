import { DecodeError } from './errors.ts'

/** One block of a text in PEM (RFC 7468). */
export interface PemBlock {
  /** What it is: `'CERTIFICATE'`, `'PRIVATE KEY'`. */
  readonly label: string
  readonly bytes: Uint8Array
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const LINE = 64

/** Of the whole text, in characters: some ten thousand certificates. */
const TEXT_LIMIT = 1 << 24

/** Base64 with padding and without line breaks (RFC 4648 section 4). */
export function encodeBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const left = bytes.length - i
    text += DIGITS[word >>> 18] + DIGITS[(word >>> 12) & 63]
    text += left > 1 ? DIGITS[(word >>> 6) & 63] : '='
    text += left > 2 ? DIGITS[word & 63] : '='
  }
  return text
}

/** One block with lines of 64 characters and a line break at its end (RFC 7468 section 3). */
export function encodePem(label: string, bytes: Uint8Array): string {
  const base64 = encodeBase64(bytes)
  let text = `-----BEGIN ${label}-----\n`
  for (let at = 0; at < base64.length; at += LINE) text += `${base64.slice(at, at + LINE)}\n`
  return `${text}-----END ${label}-----\n`
}

const TAB = 9
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const EQUALS = 61

function isBlank(unit: number): boolean {
  return unit === SPACE || unit === LINE_FEED || unit === CARRIAGE_RETURN || unit === TAB
}

/** Value of each base64 digit by its code unit, 255 for others. */
function digitValues(): Uint8Array {
  const values = new Uint8Array(128).fill(255)
  for (let i = 0; i < DIGITS.length; i++) values[DIGITS.charCodeAt(i)] = i
  return values
}

const VALUES = /* @__PURE__ */ digitValues()

/** Decodes base64 in [start, end) of a text, with blanks and line breaks anywhere. */
function decodeBase64(text: string, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(((end - start) * 3) / 4))
  let length = 0
  let word = 0
  let bits = 0
  let digits = 0
  let padding = 0
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i)
    if (isBlank(unit)) continue
    if (unit === EQUALS) {
      padding++
      continue
    }
    const value = unit < 128 ? VALUES[unit] : 255
    if (value === 255 || padding > 0) throw new DecodeError('pem', 'invalid', i, 'a character that is no digit of base64')
    word = ((word << 6) | value) & 0xffffff
    bits += 6
    digits++
    if (bits >= 8) {
      bits -= 8
      bytes[length++] = word >>> bits
    }
  }
  const isWhole = (digits + padding) % 4 === 0 && padding <= 2 && (word & ((1 << bits) - 1)) === 0
  if (!isWhole) throw new DecodeError('pem', 'invalid', end, 'base64 that does not end as it should')
  return bytes.subarray(0, length)
}

const BEGIN = '-----BEGIN '
const DASHES = '-----'

/**
 * All blocks of a text, in order; what stands outside of them is passed over (RFC 7468 section 2). Throws DecodeError, also when there is
 * none. Deviates from RFC 7468 section 3: headers inside a block, as encrypted keys have them, are refused.
 */
export function decodePem(text: string): PemBlock[] {
  if (text.length > TEXT_LIMIT) throw new DecodeError('pem', 'oversized', 0, `more than ${String(TEXT_LIMIT)} characters`)
  const blocks: PemBlock[] = []
  for (let begin = text.indexOf(BEGIN); begin >= 0;) {
    const labelStart = begin + BEGIN.length
    const labelEnd = text.indexOf(DASHES, labelStart)
    const label = labelEnd < 0 ? '' : text.slice(labelStart, labelEnd)
    if (!/^[A-Z0-9 ]{1,64}$/.test(label)) throw new DecodeError('pem', 'invalid', begin, 'a block does not say what it is')
    const closing = `-----END ${label}-----`
    const end = text.indexOf(closing, labelEnd + DASHES.length)
    if (end < 0) throw new DecodeError('pem', 'truncated', begin, `the block ${label} does not end`)
    blocks.push({ label, bytes: decodeBase64(text, labelEnd + DASHES.length, end) })
    begin = text.indexOf(BEGIN, end + closing.length)
  }
  if (blocks.length === 0) throw new DecodeError('pem', 'truncated', 0, 'there is no block')
  return blocks
}
