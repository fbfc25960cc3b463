/** Pieces below this many bytes are gathered into memory of our own, so that a peer's tiny segments cannot pin a frame each. */
const SMALL = 512
const SMALL_BLOCK = 256
const LARGE_BLOCK = 4096

const NOTHING = new Uint8Array(0)

/**
 * A run of consecutive stream bytes, kept as references to the pieces in which they came: pushing and reading do not copy,
 * except for small pieces. Bytes are named by their position in the stream, counted from wherever the owner starts.
 */
export class ByteQueue {
  /** Position of the first byte held. */
  start: number
  /** One past the last byte held. */
  end: number
  // A ring of pieces: byte `at` of the stream is piece[offset + at - begin].
  private pieces: Uint8Array[] = [NOTHING, NOTHING, NOTHING, NOTHING]
  private begins = new Float64Array(4)
  private offsets = new Int32Array(4)
  private head = 0
  private count = 0
  /** Whether the last piece is our own memory, with room from `tailUsed` on. */
  private tailOwn = false
  private tailUsed = 0
  private scratch = NOTHING

  constructor(start: number) {
    this.start = start
    this.end = start
  }

  /** How many bytes are held. */
  get length(): number {
    return this.end - this.start
  }

  /** How many pieces are held. */
  get pieceCount(): number {
    return this.count
  }

  /** Appends bytes, which must not change afterwards. */
  push(bytes: Uint8Array): void {
    const length = bytes.length
    if (length === 0) return
    if (length < SMALL) {
      this.pushSmall(bytes)
      return
    }
    this.add(bytes, 0, length)
    this.tailOwn = false
  }

  private pushSmall(bytes: Uint8Array): void {
    if (this.tailOwn) {
      const tail = this.pieces[(this.head + this.count - 1) & (this.pieces.length - 1)]
      if (this.tailUsed + bytes.length <= tail.length) {
        tail.set(bytes, this.tailUsed)
        this.tailUsed += bytes.length
        this.end += bytes.length
        return
      }
    }
    const block = new Uint8Array(this.tailOwn ? LARGE_BLOCK : Math.max(SMALL_BLOCK, bytes.length))
    block.set(bytes)
    this.add(block, 0, bytes.length)
    this.tailOwn = true
    this.tailUsed = bytes.length
  }

  private add(piece: Uint8Array, offset: number, length: number): void {
    if (this.count === this.pieces.length) this.grow()
    const slot = (this.head + this.count) & (this.pieces.length - 1)
    this.pieces[slot] = piece
    this.begins[slot] = this.end
    this.offsets[slot] = offset
    this.count++
    this.end += length
  }

  private grow(): void {
    const size = this.pieces.length
    const pieces: Uint8Array[] = []
    const begins = new Float64Array(size * 2)
    const offsets = new Int32Array(size * 2)
    for (let i = 0; i < size * 2; i++) {
      const from = (this.head + i) & (size - 1)
      pieces.push(i < size ? this.pieces[from] : NOTHING)
      if (i >= size) continue
      begins[i] = this.begins[from]
      offsets[i] = this.offsets[from]
    }
    this.pieces = pieces
    this.begins = begins
    this.offsets = offsets
    this.head = 0
  }

  /** Appends all that another queue holds, whose first byte must follow our last; the other must not be used any more. */
  append(other: ByteQueue): void {
    const mask = other.pieces.length - 1
    for (let i = 0; i < other.count; i++) {
      const slot = (other.head + i) & mask
      const from = Math.max(other.begins[slot], other.start)
      const to = i + 1 < other.count ? other.begins[(slot + 1) & mask] : other.end
      this.add(other.pieces[slot], other.offsets[slot] + from - other.begins[slot], to - from)
    }
    if (other.count > 0) {
      this.tailOwn = other.tailOwn
      this.tailUsed = other.tailUsed
    }
  }

  /** Lets go of all bytes before a position; beyond the end it empties the queue. */
  discard(to: number): void {
    const mask = this.pieces.length - 1
    while (this.count > 0) {
      const next = this.count > 1 ? this.begins[(this.head + 1) & mask] : this.end
      if (next > to) break
      this.dropFirst(mask)
    }
    this.start = Math.min(Math.max(this.start, to), this.end)
  }

  private dropFirst(mask: number): void {
    this.pieces[this.head] = NOTHING
    this.head = (this.head + 1) & mask
    this.count--
    if (this.count === 0) this.tailOwn = false
  }

  /**
   * Takes bytes from the front: as many as lie together in memory, at most `limit`.
   * @returns undefined when there are none
   */
  read(limit: number): Uint8Array | undefined {
    if (this.count === 0 || limit <= 0) return undefined
    const mask = this.pieces.length - 1
    const piece = this.pieces[this.head]
    const next = this.count > 1 ? this.begins[(this.head + 1) & mask] : this.end
    const from = this.offsets[this.head] + this.start - this.begins[this.head]
    const available = next - this.start
    if (available > limit) {
      this.start += limit
      return piece.subarray(from, from + limit)
    }
    this.start = next
    this.dropFirst(mask)
    return from === 0 && available === piece.length ? piece : piece.subarray(from, from + available)
  }

  /**
   * The bytes from `position` on, without taking them. A view when they lie in one piece; otherwise a copy in memory of this queue,
   * good until the next call.
   * @param position in [start, end)
   * @param length at least 1; position + length at most `end`
   */
  slice(position: number, length: number): Uint8Array {
    const mask = this.pieces.length - 1
    let low = 0
    let high = this.count - 1
    // The last piece that begins at or before the position; new data is read near the end, retransmissions near the start.
    if (this.begins[(this.head + high) & mask] <= position) low = high
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.begins[(this.head + middle) & mask] <= position) low = middle
      else high = middle - 1
    }
    let slot = (this.head + low) & mask
    const next = low + 1 < this.count ? this.begins[(slot + 1) & mask] : this.end
    const from = this.offsets[slot] + position - this.begins[slot]
    if (position + length <= next) {
      const piece = this.pieces[slot]
      return from === 0 && length === piece.length ? piece : piece.subarray(from, from + length)
    }
    if (this.scratch.length < length) this.scratch = new Uint8Array(length)
    let copied = 0
    let offset = from
    while (copied < length) {
      const end = low + 1 < this.count ? this.begins[(slot + 1) & mask] : this.end
      const part = Math.min(end - position - copied, length - copied)
      this.scratch.set(this.pieces[slot].subarray(offset, offset + part), copied)
      copied += part
      low++
      slot = (slot + 1) & mask
      offset = this.offsets[slot]
    }
    return this.scratch.length === length ? this.scratch : this.scratch.subarray(0, length)
  }

  /** Lets go of everything; the next byte pushed keeps its position. */
  clear(): void {
    this.discard(this.end)
  }
}
