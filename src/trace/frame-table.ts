import { FATE_NUMBER } from '../kernel/egress.ts'
import { FATES, type Fate } from '../kernel/link.ts'
import { ID_SEQUENCE_LIMIT, type Id } from '../kernel/machine.ts'
import { NEVER, type Nanos } from '../kernel/time.ts'
import { FRAME_KINDS, type FrameKind, type FrameRecord } from './record.ts'

const BLOCK_BITS = 12
const BLOCK_ROWS = 1 << BLOCK_BITS

/** Numbers of a row in columns that every table has: six wide, four words, five bytes. */
const COMMON_BYTES = 6 * 8 + 4 * 4 + 5

/** Bytes of memory that a row costs: with where its bytes are, as the recorder has it, or what a segment carries, as a page has it. */
export const ROW_BYTES = COMMON_BYTES + 2 * 4

/** Numbers of a packed row, see `FrameTable.pack`. */
export const PACKED_WIDTH = 16

const IN_FLIGHT = FATE_NUMBER['in-flight']
const ARRIVED = FATE_NUMBER.arrived
const RANDOM_LOSS = FATE_NUMBER['random-loss']
const LISTED_LOSS = FATE_NUMBER['listed-loss']
const BAD_FCS = FATE_NUMBER['bad-fcs']
const BURST_LOSS = FATE_NUMBER['burst-loss']
const TOO_BIG = FATE_NUMBER['too-big']

/** Columns of `BLOCK_ROWS` frames, in one piece of memory. */
export class FrameBlock {
  readonly id: Float64Array
  readonly enqueued: Float64Array
  readonly sent: Float64Array
  readonly arrives: Float64Array
  readonly fateAt: Float64Array
  readonly cause: Float64Array
  /** `link * 2 + direction`. */
  readonly where: Uint32Array
  readonly length: Uint32Array
  readonly connection: Uint32Array
  /** As in `Log.Corruption`. */
  readonly corruption: Uint32Array
  readonly fate: Uint8Array
  readonly kind: Uint8Array
  readonly mark: Uint8Array
  readonly duplicate: Uint8Array
  /** 1: sequence number and payload are known. */
  readonly isMeasured: Uint8Array

  private places: Int32Array | undefined
  private segments: Uint32Array | undefined

  /** Where the bytes are: a block of the recorder and an offset in it, two numbers a row; there is no such column on a page. */
  get bytesPlaces(): Int32Array {
    return (this.places ??= new Int32Array(BLOCK_ROWS * 2))
  }

  /** Sequence number and payload, two numbers a row; a column that is only there once something was measured. */
  get tcpSegments(): Uint32Array {
    return (this.segments ??= new Uint32Array(BLOCK_ROWS * 2))
  }

  constructor() {
    const memory = new ArrayBuffer(BLOCK_ROWS * COMMON_BYTES)
    const wide = (index: number): Float64Array => new Float64Array(memory, BLOCK_ROWS * 8 * index, BLOCK_ROWS)
    const words = BLOCK_ROWS * 8 * 6
    const word = (index: number): Uint32Array => new Uint32Array(memory, words + BLOCK_ROWS * 4 * index, BLOCK_ROWS)
    const bytes = words + BLOCK_ROWS * 4 * 4
    const byte = (index: number): Uint8Array => new Uint8Array(memory, bytes + BLOCK_ROWS * index, BLOCK_ROWS)
    this.id = wide(0)
    this.enqueued = wide(1)
    this.sent = wide(2)
    this.arrives = wide(3)
    this.fateAt = wide(4)
    this.cause = wide(5)
    this.where = word(0)
    this.length = word(1)
    this.connection = word(2)
    this.corruption = word(3)
    this.fate = byte(0)
    this.kind = byte(1)
    this.mark = byte(2)
    this.duplicate = byte(3)
    this.isMeasured = byte(4)
  }
}

/** Numbers of one host's frames, in the order of their ids. */
class HostFrames {
  /** How many. */
  count = 0
  numbers = new Int32Array(64)

  push(number: number): void {
    if (this.count === this.numbers.length) {
      const larger = new Int32Array(this.count * 2)
      larger.set(this.numbers)
      this.numbers = larger
    }
    this.numbers[this.count++] = number
  }

  /** Forgets numbers below one. */
  dropBelow(number: number): void {
    let gone = 0
    while (gone < this.count && this.numbers[gone] < number) gone++
    this.numbers.copyWithin(0, gone, this.count)
    this.count -= gone
  }
}

/** What rows mean beyond their own numbers. */
export interface TableContext {
  /** By `link * 2 + direction`: indices of the sending and the receiving host. */
  readonly ends: readonly (readonly [number, number])[]
  /** Up to where the run is known. */
  readonly horizon: Nanos
  /** Finds out sequence number and payload of a frame. Few ask, so that is not done for each; on the page they are known. */
  readonly measure: (number: number) => void
}

/** A frame of a table; reads the columns when asked, so it is always up to date. */
class FrameView implements FrameRecord {
  constructor(
    private readonly context: TableContext,
    private readonly block: FrameBlock,
    private readonly at: number,
    readonly number: number,
  ) {}
  get id(): Id {
    return this.block.id[this.at]
  }
  get link(): number {
    return this.block.where[this.at] >>> 1
  }
  get direction(): 0 | 1 {
    return (this.block.where[this.at] & 1) as 0 | 1
  }
  get from(): number {
    return this.ends()[0]
  }
  get to(): number {
    return this.ends()[1]
  }
  get enqueued(): Nanos {
    return this.block.enqueued[this.at]
  }
  get sent(): Nanos {
    return this.block.sent[this.at]
  }
  get arrives(): Nanos {
    return this.block.arrives[this.at]
  }
  get fate(): Fate {
    return FATES[effectiveFate(this.block, this.at, this.context.horizon)]
  }
  get fateAt(): Nanos {
    const { block, at, context } = this
    const fate = effectiveFate(block, at, context.horizon)
    if (fate === ARRIVED) return block.arrives[at]
    return fate <= IN_FLIGHT ? NEVER : block.fateAt[at]
  }
  get length(): number {
    return this.block.length[this.at]
  }
  get corrupted(): boolean {
    return this.block.corruption[this.at] !== 0
  }
  get duplicate(): boolean {
    return this.block.duplicate[this.at] !== 0
  }
  get mark(): number {
    return this.block.mark[this.at]
  }
  get kind(): FrameKind {
    return FRAME_KINDS[this.block.kind[this.at]]
  }
  get connection(): number {
    return this.block.connection[this.at]
  }
  get seq(): number {
    this.measure()
    return this.block.isMeasured[this.at] === 0 ? 0 : this.block.tcpSegments[this.at * 2]
  }
  get payload(): number {
    this.measure()
    return this.block.isMeasured[this.at] === 0 ? 0 : this.block.tcpSegments[this.at * 2 + 1]
  }
  get cause(): Id {
    return this.block.cause[this.at]
  }
  private measure(): void {
    if (this.block.isMeasured[this.at] === 0) this.context.measure(this.number)
  }
  private ends(): readonly [number, number] {
    return this.context.ends[this.block.where[this.at]]
  }
}

/**
 * What is known of a frame's fate at the horizon: what lies beyond is not told. What a link does at that very moment has not happened
 * yet; what a person did then has.
 */
export function effectiveFate(block: FrameBlock, at: number, horizon: Nanos): number {
  const fate = block.fate[at]
  if (fate === IN_FLIGHT) return block.arrives[at] < horizon ? ARRIVED : IN_FLIGHT
  if (fate <= ARRIVED) return fate
  const fateAt = block.fateAt[at]
  if (fateAt < horizon || (fateAt === horizon && !isForetold(fate))) return fate
  return block.sent[at] === NEVER ? FATE_NUMBER.queued : IN_FLIGHT
}

/** Whether a frame's fate is known when it leaves. */
function isForetold(fate: number): boolean {
  return fate === RANDOM_LOSS || fate === LISTED_LOSS || fate === BAD_FCS || fate === BURST_LOSS || fate === TOO_BIG
}

/** Frames in the order of their numbers, in columns; the oldest can be let go, a block at a time. */
export class FrameTable {
  /** How many frames there have been; also the number of the newest. */
  count = 0
  /** Number of the oldest that is kept. */
  firstKept = 1
  private readonly blocks: (FrameBlock | undefined)[] = []
  private readonly byHost: (HostFrames | undefined)[] = []
  /** The block of the newest. */
  private newest: FrameBlock | undefined

  constructor(private readonly context: TableContext) {}

  get bytes(): number {
    return (this.count - this.firstKept + 1) * ROW_BYTES
  }

  /** The block of a frame that is kept. */
  block(number: number): FrameBlock {
    return this.blocks[(number - 1) >> BLOCK_BITS] as FrameBlock
  }

  /** A frame's place in its block. */
  static at(number: number): number {
    return (number - 1) & (BLOCK_ROWS - 1)
  }

  has(number: number): boolean {
    return number >= this.firstKept && number <= this.count
  }

  view(number: number): FrameRecord | undefined {
    return this.has(number) ? new FrameView(this.context, this.block(number), FrameTable.at(number), number) : undefined
  }

  /** Adds an empty row; returns its number. */
  append(id: Id): number {
    const number = ++this.count
    const at = FrameTable.at(number)
    let block = this.newest
    if (at === 0 || block === undefined) block = this.newest = this.blocks[(number - 1) >> BLOCK_BITS] ??= new FrameBlock()
    block.id[at] = id
    const host = Math.floor(id / ID_SEQUENCE_LIMIT)
    let frames = this.byHost[host]
    if (frames === undefined) frames = this.byHost[host] = new HostFrames()
    frames.push(number)
    return number
  }

  /** Number of the frame of an id; 0 when it is not kept, or not a frame. */
  numberOf(id: Id): number {
    const frames = this.byHost[Math.floor(id / ID_SEQUENCE_LIMIT)]
    if (frames === undefined) return 0
    const { numbers, count } = frames
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.idOf(numbers[middle]) < id) low = middle + 1
      else high = middle
    }
    if (low === count) return 0
    const number = numbers[low]
    return this.idOf(number) === id ? number : 0
  }

  /** Number of the last frame of the oldest block that is kept. */
  get oldestBlockEnd(): number {
    return (((this.firstKept - 1) >> BLOCK_BITS) + 1) * BLOCK_ROWS
  }

  /** Lets the oldest block go, unless it is the only one. Returns how many frames went. */
  dropOldestBlock(): number {
    const end = this.oldestBlockEnd
    if (end >= this.count) return 0
    this.blocks[(end - 1) >> BLOCK_BITS] = undefined
    const before = this.firstKept
    this.firstKept = end + 1
    // An unused host index leaves a hole.
    for (const frames of this.byHost) frames?.dropBelow(this.firstKept)
    return this.firstKept - before
  }

  /** Forgets all frames up to a number that is not there yet. */
  private letGoUpTo(number: number): void {
    this.blocks.fill(undefined)
    for (const frames of this.byHost) frames?.dropBelow(Infinity)
    this.newest = undefined
    this.count = number
    this.firstKept = number + 1
  }

  /** Writes a row as `PACKED_WIDTH` numbers, for another thread. */
  pack(number: number, into: Float64Array, offset: number): void {
    const block = this.block(number)
    const at = FrameTable.at(number)
    if (block.isMeasured[at] === 0) this.context.measure(number)
    let to = offset
    into[to++] = number
    into[to++] = block.id[at]
    into[to++] = block.enqueued[at]
    into[to++] = block.sent[at]
    into[to++] = block.arrives[at]
    into[to++] = block.fateAt[at]
    into[to++] = block.cause[at]
    into[to++] = block.where[at]
    into[to++] = block.length[at]
    into[to++] = block.connection[at]
    into[to++] = block.corruption[at]
    into[to++] = block.fate[at]
    into[to++] = block.kind[at]
    into[to++] = block.mark[at] * 2 + block.duplicate[at]
    const isMeasured = block.isMeasured[at] !== 0
    into[to++] = isMeasured ? block.tcpSegments[at * 2] : 0
    into[to] = isMeasured ? block.tcpSegments[at * 2 + 1] : 0
  }

  /** Takes in a packed row: a new one, or news of an old one. Rows between the newest and a new one were let go elsewhere. */
  unpack(from: Float64Array, offset: number): void {
    const number = from[offset]
    if (number < this.firstKept) return
    if (number > this.count + 1) this.letGoUpTo(number - 1)
    if (number > this.count) this.append(from[offset + 1])
    const block = this.block(number)
    const at = FrameTable.at(number)
    block.enqueued[at] = from[offset + 2]
    block.sent[at] = from[offset + 3]
    block.arrives[at] = from[offset + 4]
    block.fateAt[at] = from[offset + 5]
    block.cause[at] = from[offset + 6]
    block.where[at] = from[offset + 7]
    block.length[at] = from[offset + 8]
    block.connection[at] = from[offset + 9]
    block.corruption[at] = from[offset + 10]
    block.fate[at] = from[offset + 11]
    block.kind[at] = from[offset + 12]
    block.mark[at] = from[offset + 13] >> 1
    block.duplicate[at] = from[offset + 13] & 1
    block.tcpSegments[at * 2] = from[offset + 14]
    block.tcpSegments[at * 2 + 1] = from[offset + 15]
    block.isMeasured[at] = 1
  }

  /** The id of a frame; -1 when it is not kept. */
  idOf(number: number): Id {
    return this.has(number) ? this.block(number).id[FrameTable.at(number)] : -1
  }
}
