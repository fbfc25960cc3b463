import { DecodeError } from './errors.ts'

/**
 * DEFLATE decompression: RFC 1951. What a stranger has compressed is judged strictly: codes that are no prefix codes, distances beyond what
 * was agreed on, lengths that contradict themselves and ends in the middle of a block are errors, and the output is bounded before it is made.
 */

/** Codes up to this length are looked up at once. */
const FAST_BITS = 9
const LONGEST_CODE = 15
const END_OF_BLOCK = 256

/** Of the length symbols from 257 on (RFC 1951 section 3.2.5). */
const LENGTH_BASE = /* @__PURE__ */ Uint16Array.of(
  ...[3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258],
)
const LENGTH_EXTRA = /* @__PURE__ */ Uint8Array.of(
  ...[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0],
)
const DISTANCE_BASE = /* @__PURE__ */ Uint16Array.of(
  ...[1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145],
  ...[8193, 12289, 16385, 24577],
)
const DISTANCE_EXTRA = /* @__PURE__ */ Uint8Array.of(
  ...[0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13],
)
/** Order of the code lengths of code lengths (RFC 1951 section 3.2.7). */
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

function invalid(detail: string): DecodeError {
  return new DecodeError('deflate', 'invalid', 0, detail)
}

/** A prefix code given by the lengths of its symbols' codes (RFC 1951 section 3.2.2). */
class PrefixCode {
  /** By the next `FAST_BITS` bits: symbol and length of a code, `symbol << 4 | length`; 0: the code is longer, or there is none. */
  readonly fast = new Uint16Array(1 << FAST_BITS)
  /** How many codes of each length there are. */
  readonly counts = new Uint16Array(LONGEST_CODE + 1)
  /** Symbols in the order of their codes. */
  readonly symbols: Uint16Array

  /** Throws DecodeError when no such code exists. */
  constructor(lengths: Uint8Array, from: number, to: number, mayBeIncomplete: boolean) {
    const { counts, fast } = this
    for (let i = from; i < to; i++) counts[lengths[i]]++
    const used = to - from - counts[0]
    counts[0] = 0
    let left = 1
    const offsets = new Uint16Array(LONGEST_CODE + 2)
    const next = new Uint16Array(LONGEST_CODE + 2)
    for (let length = 1; length <= LONGEST_CODE; length++) {
      left = left * 2 - counts[length]
      if (left < 0) throw invalid('more codes than there can be')
      offsets[length + 1] = offsets[length] + counts[length]
      next[length + 1] = (next[length] + counts[length]) << 1
    }
    // One symbol, or none at all, has half a code (RFC 1951 section 3.2.7).
    const isSparse = used === 0 || (used === 1 && counts[1] === 1)
    if (left > 0 && !(mayBeIncomplete && isSparse)) throw invalid('fewer codes than there must be')
    this.symbols = new Uint16Array(used)
    for (let i = from; i < to; i++) {
      const length = lengths[i]
      if (length === 0) continue
      this.symbols[offsets[length]++] = i - from
      const code = next[length]++
      if (length > FAST_BITS) continue
      let reversed = 0
      for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit)
      const entry = ((i - from) << 4) | length
      for (let at = reversed; at < fast.length; at += 1 << length) fast[at] = entry
    }
  }
}

function fixedLengths(): Uint8Array {
  const lengths = new Uint8Array(288 + 32)
  lengths.fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280, 288).fill(5, 288)
  return lengths
}

const FIXED_LITERALS = /* @__PURE__ */ new PrefixCode(/* @__PURE__ */ fixedLengths(), 0, 288, false)
const FIXED_DISTANCES = /* @__PURE__ */ new PrefixCode(/* @__PURE__ */ fixedLengths(), 288, 320, false)

/** One decompression. */
class Inflation {
  output: Uint8Array
  length = 0
  private at: number
  private hold = 0
  private bits = 0

  constructor(
    private readonly input: Uint8Array,
    start: number,
    private readonly end: number,
    private readonly history: Uint8Array,
    private readonly windowSize: number,
    private readonly limit: number,
  ) {
    this.at = start
    this.output = new Uint8Array(Math.min(limit, Math.max(64, 3 * (end - start))))
  }

  run(): void {
    // A block that says that it is the last ends its stream at the next byte; another may follow (RFC 7692 section 7.2.3.4).
    while (this.at < this.end || this.bits > 0) {
      if (this.at === this.end && this.bits < 8 && this.hold === 0) return
      const head = this.take(3)
      const type = head >> 1
      if (type === 0) this.stored()
      else if (type === 1) this.compressed(FIXED_LITERALS, FIXED_DISTANCES)
      else if (type === 2) this.dynamic()
      else throw invalid('a block of a type that there is not')
      if ((head & 1) !== 0) this.align()
    }
  }

  private truncated(): DecodeError {
    return new DecodeError('deflate', 'truncated', this.end, 'the data ends in the middle of a block')
  }

  /** Fills up to at least 24 bits, if there are as many. */
  private fill(): void {
    while (this.bits <= 23 && this.at < this.end) {
      this.hold |= this.input[this.at++] << this.bits
      this.bits += 8
    }
  }

  /** At most 16 bits, the first of them lowest. */
  private take(count: number): number {
    if (count === 0) return 0
    this.fill()
    if (this.bits < count) throw this.truncated()
    const value = this.hold & ((1 << count) - 1)
    this.hold >>>= count
    this.bits -= count
    return value
  }

  private align(): void {
    const odd = this.bits & 7
    this.hold >>>= odd
    this.bits -= odd
  }

  private symbol(code: PrefixCode): number {
    this.fill()
    const entry = code.fast[this.hold & ((1 << FAST_BITS) - 1)]
    const length = entry & 15
    if (entry !== 0) {
      if (length > this.bits) throw this.truncated()
      this.hold >>>= length
      this.bits -= length
      return entry >> 4
    }
    return this.longSymbol(code)
  }

  /** Bit by bit, as RFC 1951 section 3.2.2 numbers the codes. */
  private longSymbol({ counts, symbols }: PrefixCode): number {
    let code = 0
    let first = 0
    let index = 0
    for (let length = 1; length <= LONGEST_CODE; length++) {
      if (length > this.bits) throw this.truncated()
      code |= (this.hold >>> (length - 1)) & 1
      const count = counts[length]
      if (code - first < count) {
        this.hold >>>= length
        this.bits -= length
        return symbols[index + code - first]
      }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw invalid('a code that stands for nothing')
  }

  private reserve(more: number): void {
    const wanted = this.length + more
    if (wanted > this.limit) {
      throw new DecodeError('deflate', 'oversized', this.at, `over ${String(this.limit)} bytes when decompressed`)
    }
    if (wanted <= this.output.length) return
    const larger = new Uint8Array(Math.min(this.limit, Math.max(wanted, 2 * this.output.length)))
    larger.set(this.output.subarray(0, this.length))
    this.output = larger
  }

  private stored(): void {
    this.align()
    const length = this.take(16)
    if ((this.take(16) ^ 0xffff) !== length) throw invalid('a length that contradicts itself')
    // What was read ahead goes back.
    this.at -= this.bits >> 3
    this.hold = 0
    this.bits = 0
    if (this.at + length > this.end) throw this.truncated()
    this.reserve(length)
    this.output.set(this.input.subarray(this.at, this.at + length), this.length)
    this.length += length
    this.at += length
  }

  private dynamic(): void {
    const literals = this.take(5) + 257
    const distances = this.take(5) + 1
    const codes = this.take(4) + 4
    if (literals > 286 || distances > 30) throw invalid('more symbols than there are')
    const lengths = new Uint8Array(320)
    for (let i = 0; i < codes; i++) lengths[LENGTH_ORDER[i]] = this.take(3)
    const code = new PrefixCode(lengths, 0, 19, false)
    lengths.fill(0)
    const total = literals + distances
    for (let i = 0; i < total;) {
      const symbol = this.symbol(code)
      if (symbol < 16) {
        lengths[i++] = symbol
        continue
      }
      if (symbol === 16 && i === 0) throw invalid('the length of a code is repeated before there is one')
      const value = symbol === 16 ? lengths[i - 1] : 0
      const count = symbol === 16 ? 3 + this.take(2) : symbol === 17 ? 3 + this.take(3) : 11 + this.take(7)
      if (i + count > total) throw invalid('lengths of more codes than there are')
      lengths.fill(value, i, i + count)
      i += count
    }
    if (lengths[END_OF_BLOCK] === 0) throw invalid('a block that cannot end')
    this.compressed(new PrefixCode(lengths, 0, literals, true), new PrefixCode(lengths, literals, total, true))
  }

  private compressed(literals: PrefixCode, distances: PrefixCode): void {
    for (;;) {
      const symbol = this.symbol(literals)
      if (symbol < END_OF_BLOCK) {
        if (this.length === this.output.length) this.reserve(1)
        this.output[this.length++] = symbol
        continue
      }
      if (symbol === END_OF_BLOCK) return
      const row = symbol - 257
      if (row >= LENGTH_BASE.length) throw invalid('a length that there is not')
      const length = LENGTH_BASE[row] + this.take(LENGTH_EXTRA[row])
      const column = this.symbol(distances)
      if (column >= DISTANCE_BASE.length) throw invalid('a distance that there is not')
      this.copy(length, DISTANCE_BASE[column] + this.take(DISTANCE_EXTRA[column]))
    }
  }

  private copy(count: number, distance: number): void {
    const { history } = this
    if (distance > this.windowSize || distance > this.length + history.length) {
      throw invalid('a distance that goes back too far')
    }
    this.reserve(count)
    const { output } = this
    let to = this.length
    const end = to + count
    for (; to < distance && to < end; to++) output[to] = history[history.length + to - distance]
    for (; to < end; to++) output[to] = output[to - distance]
    this.length = end
  }
}

/**
 * Decompresses [start, end), which is made of whole blocks (RFC 1951); bits behind them that fill up the last byte are 0.
 * @param history what was decompressed before, as far as one may look back; its last byte is the latest
 * @param windowSize how far one may look back, in bytes: 256 to 32,768
 * @param limit most bytes that may come out
 * @returns bytes of its own. Throws DecodeError
 */
export function inflate(
  bytes: Uint8Array,
  start: number,
  end: number,
  history: Uint8Array,
  windowSize: number,
  limit: number,
): Uint8Array {
  const inflation = new Inflation(bytes, start, end, history, windowSize, limit)
  inflation.run()
  const { output, length } = inflation
  return output.length === length ? output : output.subarray(0, length)
}
