/** UTF-8 as WebSocket's text is: RFC 3629, judged byte by byte, so that what cannot become right is seen at once. */

/** What the validator returns for text that is not UTF-8. */
export const NOT_UTF8 = -1

/*
 * The state between two bytes is one integer. 0: between two characters. Else it says how many bytes are to come (bits 16 to 17) and
 * which values the next of them may have (bits 8 to 15: least, bits 0 to 7: most); those behind it are 0x80 to 0xbf.
 */
function expecting(more: number, least: number, most: number): number {
  return (more << 16) | (least << 8) | most
}

/** The state behind the first byte of a character that is longer than one: RFC 3629 section 4, in which forms that are too long, surrogates and
 * what is above U+10FFFF do not exist. */
function afterFirst(octet: number): number {
  if (octet < 0xc2 || octet > 0xf4) return NOT_UTF8
  if (octet < 0xe0) return expecting(1, 0x80, 0xbf)
  if (octet === 0xe0) return expecting(2, 0xa0, 0xbf)
  if (octet === 0xed) return expecting(2, 0x80, 0x9f)
  if (octet < 0xf0) return expecting(2, 0x80, 0xbf)
  if (octet === 0xf0) return expecting(3, 0x90, 0xbf)
  return octet === 0xf4 ? expecting(3, 0x80, 0x8f) : expecting(3, 0x80, 0xbf)
}

/** Behind so many bytes of ASCII it pays to look at four at once. */
const WORDS_FROM = 32

/** Where the first byte from `start` on is that is no ASCII, or `end`. */
function asciiEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  // So far, and on to where a word begins.
  const soon = start + WORDS_FROM + ((4 - ((bytes.byteOffset + start) & 3)) & 3)
  if (soon < end) {
    while (at < soon && bytes[at] < 0x80) at++
    if (at < soon) return at
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >>> 2)
    let i = 0
    while (i < words.length && (words[i] & 0x80808080) === 0) i++
    at += i << 2
  }
  while (at < end && bytes[at] < 0x80) at++
  return at
}

/**
 * Goes on with a text.
 * @param state 0 at its beginning, then what the last call returned
 * @returns 0 where a character ends, something above 0 inside of one, `NOT_UTF8` once no more bytes could make it right
 */
export function validateUtf8(bytes: Uint8Array, start: number, end: number, state: number): number {
  let now = state
  let at = start
  while (at < end) {
    if (now === 0) {
      at = asciiEnd(bytes, at, end)
      if (at === end) return 0
      now = afterFirst(bytes[at++])
      if (now < 0) return NOT_UTF8
      continue
    }
    const octet = bytes[at++]
    if (octet < ((now >>> 8) & 0xff) || octet > (now & 0xff)) return NOT_UTF8
    const more = (now >>> 16) - 1
    now = more === 0 ? 0 : expecting(more, 0x80, 0xbf)
  }
  return now
}

/** Code units that are put together at once. */
const PIECE = 4096

/** The text of bytes that are valid UTF-8; what is not is left out. */
export function utf8Text(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = ''
  let units: number[] = []
  for (let at = start; at < end;) {
    const first = bytes[at]
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    if (validateUtf8(bytes, at, Math.min(end, at + length), 0) !== 0) {
      at++
      continue
    }
    let point = length === 1 ? first : first & (0x7f >> length)
    for (let i = at + 1; i < at + length; i++) point = (point << 6) | (bytes[i] & 0x3f)
    if (point < 0x10000) units.push(point)
    else units.push(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + (point & 0x3ff))
    at += length
    if (units.length < PIECE) continue
    text += String.fromCharCode.apply(null, units)
    units = []
  }
  return text + String.fromCharCode.apply(null, units)
}
