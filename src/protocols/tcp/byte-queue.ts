/** Pieces below this many bytes are gathered into memory of our own, so that a peer's tiny segments cannot pin a frame each. */
const SMALL = 512
const SMALL_BLOCK = 256
const LARGE_BLOCK = 4096

const NOTHING = new Uint8Array(0)

/** Pieces side by side: byte `at` of the stream is pieces[i][offsets[i] + at - begins[i]]. */
class Ring {
  head = 0
  count = 0
  /** Whether the last piece is our own memory, with room from `tailUsed` on. */
  tailOwn = false
  tailUsed = 0
  readonly pieces: Uint8Array[]
  readonly begins: Float64Array
  readonly offsets: Int32Array

  constructor(readonly size: number) {
    // Written out where it is short, so that the array is known to have no holes.
    this.pieces = size === 0 ? [] : [NOTHING, NOTHING, NOTHING, NOTHING]
    while (this.pieces.length < size) this.pieces.push(NOTHING)
    this.begins = new Float64Array(size)
    this.offsets = new Int32Array(size)
  }
}

/** Of a queue that holds nothing, which most queues of most connections do most of the time. */
const NO_RING = new Ring(0)
const FIRST_SIZE = 4

/** Rings that queues have let go of, by the logarithm of their size: so that a queue that fills and empties all the time allocates nothing. */
const spareRings: Ring[][] = [[], [], [], [], [], [], [], []]
const MOST_SPARE = 1024

function takeRing(size: number): Ring {
  return spareRings[31 - Math.clz32(size)]?.pop() ?? new Ring(size)
}

/** Takes a ring back, all of whose pieces are `NOTHING` again. */
function giveRing(ring: Ring): void {
  ring.head = 0
  ring.count = 0
  ring.tailOwn = false
  const spare = spareRings[31 - Math.clz32(ring.size)]
  if (spare !== undefined && spare.length < MOST_SPARE) spare.push(ring)
}

/** For `slice` where the bytes do not lie in one piece. */
let scratch = NOTHING

/**
 * A run of consecutive stream bytes, kept as references to the pieces in which they came: pushing and reading do not copy,
 * except for small pieces. Bytes are named by their position in the stream, counted from wherever the owner starts.
 */
export class ByteQueue {
  /** Position of the first byte held. */
  start: number
  /** One past the last byte held. */
  end: number
  private ring = NO_RING

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
    return this.ring.count
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
    this.ring.tailOwn = false
  }

  private pushSmall(bytes: Uint8Array): void {
    const { ring } = this
    if (ring.tailOwn) {
      const tail = ring.pieces[(ring.head + ring.count - 1) & (ring.size - 1)]
      if (ring.tailUsed + bytes.length <= tail.length) {
        tail.set(bytes, ring.tailUsed)
        ring.tailUsed += bytes.length
        this.end += bytes.length
        return
      }
    }
    const block = new Uint8Array(ring.tailOwn ? LARGE_BLOCK : Math.max(SMALL_BLOCK, bytes.length))
    block.set(bytes)
    this.add(block, 0, bytes.length)
    this.ring.tailOwn = true
    this.ring.tailUsed = bytes.length
  }

  private add(piece: Uint8Array, offset: number, length: number): void {
    if (this.ring.count === this.ring.size) this.grow()
    const { ring } = this
    const slot = (ring.head + ring.count) & (ring.size - 1)
    ring.pieces[slot] = piece
    ring.begins[slot] = this.end
    ring.offsets[slot] = offset
    ring.count++
    this.end += length
  }

  private grow(): void {
    const { ring } = this
    const larger = takeRing(Math.max(FIRST_SIZE, ring.size * 2))
    for (let i = 0; i < ring.size; i++) {
      const from = (ring.head + i) & (ring.size - 1)
      larger.pieces[i] = ring.pieces[from]
      larger.begins[i] = ring.begins[from]
      larger.offsets[i] = ring.offsets[from]
      ring.pieces[from] = NOTHING
    }
    larger.count = ring.count
    larger.tailOwn = ring.tailOwn
    larger.tailUsed = ring.tailUsed
    this.ring = larger
    if (ring !== NO_RING) giveRing(ring)
  }

  /** Appends all that another queue holds, whose first byte must follow our last; the other must not be used any more. */
  append(other: ByteQueue): void {
    const { ring } = other
    const mask = ring.size - 1
    for (let i = 0; i < ring.count; i++) {
      const slot = (ring.head + i) & mask
      const from = Math.max(ring.begins[slot], other.start)
      const to = i + 1 < ring.count ? ring.begins[(slot + 1) & mask] : other.end
      this.add(ring.pieces[slot], ring.offsets[slot] + from - ring.begins[slot], to - from)
    }
    if (ring.count > 0) {
      this.ring.tailOwn = ring.tailOwn
      this.ring.tailUsed = ring.tailUsed
    }
  }

  /** Lets go of all bytes before a position; beyond the end it empties the queue. */
  discard(to: number): void {
    while (this.ring.count > 0) {
      const { ring } = this
      const next = ring.count > 1 ? ring.begins[(ring.head + 1) & (ring.size - 1)] : this.end
      if (next > to) break
      this.dropFirst(ring)
    }
    this.start = Math.min(Math.max(this.start, to), this.end)
  }

  private dropFirst(ring: Ring): void {
    ring.pieces[ring.head] = NOTHING
    ring.head = (ring.head + 1) & (ring.size - 1)
    ring.count--
    if (ring.count > 0) return
    this.ring = NO_RING
    giveRing(ring)
  }

  /**
   * Takes bytes from the front: as many as lie together in memory, at most `limit`.
   * @returns undefined when there are none
   */
  read(limit: number): Uint8Array | undefined {
    const { ring } = this
    const { head } = ring
    if (ring.count === 0 || limit <= 0) return undefined
    const piece = ring.pieces[head]
    const next = ring.count > 1 ? ring.begins[(head + 1) & (ring.size - 1)] : this.end
    const from = ring.offsets[head] + this.start - ring.begins[head]
    const available = next - this.start
    if (available > limit) {
      this.start += limit
      return piece.subarray(from, from + limit)
    }
    this.start = next
    this.dropFirst(ring)
    return from === 0 && available === piece.length ? piece : piece.subarray(from, from + available)
  }

  /**
   * The bytes from `position` on, without taking them. A view when they lie in one piece; otherwise a copy in memory that all queues share,
   * good until the next call.
   * @param position in [start, end)
   * @param length at least 1; position + length at most `end`
   */
  slice(position: number, length: number): Uint8Array {
    const { pieces, begins, offsets, size, head, count } = this.ring
    const mask = size - 1
    let low = 0
    let high = count - 1
    // The last piece that begins at or before the position; new data is read near the end, retransmissions near the start.
    if (begins[(head + high) & mask] <= position) low = high
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (begins[(head + middle) & mask] <= position) low = middle
      else high = middle - 1
    }
    let slot = (head + low) & mask
    const next = low + 1 < count ? begins[(slot + 1) & mask] : this.end
    const from = offsets[slot] + position - begins[slot]
    if (position + length <= next) {
      const piece = pieces[slot]
      return from === 0 && length === piece.length ? piece : piece.subarray(from, from + length)
    }
    if (scratch.length < length) scratch = new Uint8Array(length)
    let copied = 0
    let offset = from
    while (copied < length) {
      const end = low + 1 < count ? begins[(slot + 1) & mask] : this.end
      const part = Math.min(end - position - copied, length - copied)
      scratch.set(pieces[slot].subarray(offset, offset + part), copied)
      copied += part
      low++
      slot = (slot + 1) & mask
      offset = offsets[slot]
    }
    return scratch.length === length ? scratch : scratch.subarray(0, length)
  }

  /** Lets go of everything; the next byte pushed keeps its position. */
  clear(): void {
    this.discard(this.end)
  }
}
