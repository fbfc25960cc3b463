/** Where a text is not UTF-8 (RFC 3629 section 3). */
const INVALID = -1

/** How many bytes the character has that begins with this one; 0: none does. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1
  if (first >= 0xc2 && first < 0xe0) return 2
  if (first >= 0xe0 && first < 0xf0) return 3
  return first >= 0xf0 && first < 0xf5 ? 4 : 0
}

/** Least code point that so many bytes are for. */
const LEAST = [0, 0, 0x80, 0x800, 0x10000]

function pointAt(bytes: Uint8Array, at: number, length: number): number {
  if (length === 0 || at + length > bytes.length) return INVALID
  let point = bytes[at] & (0x7f >> length)
  for (let i = at + 1; i < at + length; i++) {
    if ((bytes[i] & 0xc0) !== 0x80) return INVALID
    point = (point << 6) | (bytes[i] & 0x3f)
  }
  const isScalar = point >= LEAST[length] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)
  return isScalar ? point : INVALID
}

/** The text that bytes are in UTF-8; undefined where they are not. */
export function textOf(bytes: Uint8Array): string | undefined {
  let text = ''
  let at = 0
  for (; at < bytes.length && bytes[at] < 0x80; at++) text += String.fromCharCode(bytes[at])
  while (at < bytes.length) {
    const length = lengthOf(bytes[at])
    const point = length === 1 ? bytes[at] : pointAt(bytes, at, length)
    if (point === INVALID) return undefined
    text += String.fromCodePoint(point)
    at += length
  }
  return text
}

/** A byte for each character of a text that is ASCII. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** Anything but ASCII, which is escaped so that a text is as long as its bytes. */
const BEYOND_ASCII = /[\u007f-\uffff]/g
const PLAIN = /^[ !#-[\]-~]*$/

/** A text as JSON has it (RFC 8259 section 7), in ASCII. */
export function quoted(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`
  return JSON.stringify(text).replace(BEYOND_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
