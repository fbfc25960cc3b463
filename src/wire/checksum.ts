// The Internet checksum: RFC 1071 (computing), RFC 1624 (updating).
//
// A ones'-complement sum does not care about byte order: adding byte-swapped words gives the byte-swapped sum (RFC 1071 section
// 2 (B)). So long ranges are added as the machine's own 32-bit words, and only the folded result is swapped. A range that begins
// at an odd address is taken as one byte and a range that begins at an even one, whose sum is swapped once more, for there the
// machine's words straddle the data's.

/** Below this length, finding the word view costs more than it saves. */
const WORDS_FROM = 128

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

// Word views of the two buffers summed last: frames are cut from blocks, so the next one is often of the same block, and what was sent
// a while ago is being received from the one before. Only a memory: no result depends on it.
let lastBuffer: ArrayBufferLike = new ArrayBuffer(0)
let lastWords = new Uint32Array(0)
let otherBuffer: ArrayBufferLike = lastBuffer
let otherWords = lastWords

/** The words of a buffer from its beginning, without the last one to three bytes of an uneven buffer. */
function wordsOf(buffer: ArrayBufferLike): Uint32Array {
  if (buffer === lastBuffer) return lastWords
  const words = buffer === otherBuffer ? otherWords : new Uint32Array(buffer as ArrayBuffer, 0, buffer.byteLength >>> 2)
  otherBuffer = lastBuffer
  otherWords = lastWords
  lastBuffer = buffer
  lastWords = words
  return words
}

/** Adds whole words, as numbers: exact for as many as any buffer has, and the fewest steps there are. */
function addWords(words: Uint32Array, from: number, to: number): number {
  let even = 0
  let odd = 0
  let at = from
  const unrolledEnd = from + ((to - from) & ~7)
  while (at < unrolledEnd) {
    even += words[at] + words[at + 1]
    odd += words[at + 2] + words[at + 3]
    even += words[at + 4] + words[at + 5]
    odd += words[at + 6] + words[at + 7]
    at += 8
  }
  while (at < to) even += words[at++]
  return even + odd
}

/** Brings a sum of 32-bit words below 2^16. A word counts as much as its halves do, for 2^16 is 1 when the carries are added back in. */
function foldWords(total: number): number {
  const high = Math.floor(total / 0x1_0000_0000)
  const low = total - high * 0x1_0000_0000
  return fold((low & 0xffff) + (low >>> 16) + (high & 0xffff) + (high >>> 16))
}

/** Brings a sum below 2^16 by adding the carries back in. */
function fold(total: number): number {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16)
  return folded
}

function swapped(folded: number): number {
  return ((folded & 0xff) << 8) | (folded >>> 8)
}

/** Sum of bytes as big-endian 16-bit words, one by one. */
function sumBytes(bytes: Uint8Array, start: number, end: number): number {
  let total = 0
  let at = start
  const evenEnd = start + ((end - start) & ~1)
  while (at < evenEnd) {
    total += (bytes[at] << 8) | bytes[at + 1]
    at += 2
  }
  return at < end ? total + (bytes[at] << 8) : total
}

/** Folded sum of a long range that begins at an even address. */
function sumWords(bytes: Uint8Array, start: number, end: number): number {
  const offset = bytes.byteOffset
  const words = wordsOf(bytes.buffer)
  const word = (offset + start + 2) >>> 2
  const lastWord = (offset + end) >>> 2
  const head = sumBytes(bytes, start, word * 4 - offset)
  const tail = sumBytes(bytes, lastWord * 4 - offset, end)
  const middle = foldWords(addWords(words, word, lastWord))
  return fold(head + tail + (LITTLE_ENDIAN ? swapped(middle) : middle))
}

/**
 * Ones'-complement sum of the bytes in [start, end) as big-endian 16-bit words; an odd last byte counts as the high half of a
 * word. Ranges can be chained through `initial` when all but the last have an even length. RFC 1071 section 1.
 * @param initial a sum to go on from, in [0, 2^30]
 * @returns the sum folded to [0, 0xffff], not complemented
 */
export function sum(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  if (end - start < WORDS_FROM) return fold(initial + sumBytes(bytes, start, end))
  if (((bytes.byteOffset + start) & 1) === 0) return fold(initial + sumWords(bytes, start, end))
  return fold(initial + (bytes[start] << 8) + swapped(sumWords(bytes, start + 1, end)))
}

/**
 * The checksum that belongs to a sum: folded and complemented.
 * @param total in [0, 2^31)
 * @returns the value for the checksum field; 0 when the summed range holds a right checksum
 */
export function finish(total: number): number {
  return ~fold(total) & 0xffff
}

/**
 * Sum of the pseudo-header that TCP and UDP checksums begin with: addresses, protocol, and the length of header and data in
 * bytes. RFC 9293 section 3.1, RFC 768.
 * @returns an unfolded sum, for the `initial` of `sum`
 */
export function pseudoHeaderSum(source: number, destination: number, protocol: number, length: number): number {
  return (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + protocol + length
}

/**
 * The checksum after one 16-bit word of what it covers has changed, without reading the rest. RFC 1624 section 3 (equation 3),
 * which, unlike RFC 1141, never gives 0xffff where computing anew gives 0.
 */
export function updateChecksum(checksum: number, oldWord: number, newWord: number): number {
  return finish((~checksum & 0xffff) + (~oldWord & 0xffff) + newWord)
}
