import type { DecodeError, DecodeProblem } from './errors.ts'
import { huffmanDecode, huffmanEncode, huffmanLength } from './hpack-huffman.ts'

/**
 * Integers and strings of HPACK and QPACK, which begin in the low bits of an octet: RFC 7541 section 5, RFC 9204 section 4.1. A string is
 * text with one code point per byte.
 */

const NO_BYTES = /* @__PURE__ */ new Uint8Array(0)

/** Reads them one after the other from a part of an array. */
export class PrefixReader {
  bytes: Uint8Array = NO_BYTES
  position = 0
  end = 0

  /**
   * @param largest integers are below this; up to 2^53 they are exact
   * @param fail makes the error for what cannot be read
   */
  constructor(
    private readonly largest: number,
    private readonly fail: (problem: DecodeProblem, offset: number, detail: string) => DecodeError,
  ) {}

  /** What is read next: [start, end). */
  begin(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.position = start
    this.end = end
  }

  /** Lets go of the array. */
  release(): void {
    this.bytes = NO_BYTES
  }

  /** @param mask the prefix's bits of the first octet */
  integer(mask: number): number {
    const start = this.position
    const { bytes, end, largest } = this
    if (start >= end) throw this.fail('truncated', start, 'the block ends before an integer')
    let value = bytes[this.position++] & mask
    if (value < mask) return value
    for (let unit = 1; ; unit *= 128) {
      if (this.position >= end) throw this.fail('truncated', start, 'the block ends in an integer')
      const octet = bytes[this.position++]
      value += (octet & 0x7f) * unit
      // Zeros that only make it longer are limited as well.
      if (value >= largest || unit >= largest) throw this.fail('oversized', start, 'an integer that is too large')
      if (octet < 0x80) return value
    }
  }

  /** @param mask the bits of the length in the first octet; the bit above says whether it is in the Huffman code */
  string(mask: number): string {
    const start = this.position
    const { bytes, end } = this
    const isHuffman = start < end && (bytes[start] & (mask + 1)) !== 0
    const length = this.integer(mask)
    const from = this.position
    if (length > end - from) throw this.fail('truncated', start, 'the block ends in a string')
    const to = from + length
    this.position = to
    if (!isHuffman) return latin1(bytes, from, to)
    const text = huffmanDecode(bytes, from, to)
    if (text === undefined) throw this.fail('invalid', from, 'a string that is no Huffman code, or ends in wrong padding')
    return text
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, Math.min(end, i + 4096)) as unknown as number[])
  }
  return text
}

/** Writes them one after the other. */
export class PrefixWriter {
  private target = new Uint8Array(128)
  private at = 0

  /** @param huffman whether strings go out in the Huffman code where that is not longer */
  constructor(private readonly huffman: boolean) {}

  /** How many bytes have been written since `take`. */
  get length(): number {
    return this.at
  }

  /** What has been written, a copy; writing begins anew. */
  take(): Uint8Array {
    const bytes = this.target.slice(0, this.at)
    this.at = 0
    return bytes
  }

  /** @param pattern the bits of the first octet above the prefix; @param mask the prefix's bits; @param value below 2^53 */
  integer(pattern: number, mask: number, value: number): void {
    this.reserve(10)
    const { target } = this
    if (value < mask) {
      target[this.at++] = pattern | value
      return
    }
    target[this.at++] = pattern | mask
    let rest = value - mask
    while (rest >= 128) {
      target[this.at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    target[this.at++] = rest
  }

  /** @param text code units are octets; @param pattern the bits above the Huffman bit, which stands above `mask` */
  string(pattern: number, mask: number, text: string): void {
    const coded = this.huffman ? huffmanLength(text) : text.length
    if (this.huffman && text !== '' && coded <= text.length) {
      this.integer(pattern | (mask + 1), mask, coded)
      this.reserve(coded)
      this.at = huffmanEncode(text, this.target, this.at)
      return
    }
    this.integer(pattern, mask, text.length)
    this.reserve(text.length)
    const { target, at } = this
    for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i)
    this.at = at + text.length
  }

  private reserve(length: number): void {
    if (this.at + length <= this.target.length) return
    const larger = new Uint8Array(Math.max(2 * this.target.length, this.at + length))
    larger.set(this.target.subarray(0, this.at))
    this.target = larger
  }
}
