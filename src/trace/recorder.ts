import { Arena } from '../kernel/arena.ts'
import { corrupted, FATE_NUMBER } from '../kernel/egress.ts'
import { FrameMark, ID_SEQUENCE_LIMIT, type EventData, type Id } from '../kernel/machine.ts'
import { NEVER, type Nanos } from '../kernel/time.ts'
import { Log, LOG_WIDTH, LogEntry, type LoggedEvent } from '../kernel/trace-log.ts'
import { Classifier } from './classify.ts'
import { effectiveFate, FrameTable, type FrameBlock } from './frame-table.ts'
import type { EventRecord } from './record.ts'
import type { TraceStore } from './trace-store.ts'

/** What a host has to tell: a `TraceLog`, or one that came from a worker. */
export interface HostLog {
  readonly numbers: Float64Array
  readonly length: number
  readonly frames: readonly Uint8Array[]
  readonly events: readonly LoggedEvent[]
}

/** How much a trace may keep when nobody says otherwise, in bytes. */
export const DEFAULT_TRACE_LIMIT = 200_000_000

/** A buffer that holds fewer bytes than this is copied, so that buffers stay few. */
const SMALLEST_BLOCK = 16 * 1024

const QUEUED = FATE_NUMBER.queued
const IN_FLIGHT = FATE_NUMBER['in-flight']
const BAD_FCS = FATE_NUMBER['bad-fcs']

/** How many frames with a mark are remembered for the routers behind. */
const REMEMBERED_MARKS = 4096

/** Buffers with bytes of frames, and the newest frame in each. */
interface Block {
  readonly buffer: ArrayBufferLike
  newest: number
}

/**
 * Puts what hosts tell into one order, numbers the frames, says what each is, and keeps it all within a limit.
 *
 * Policy of the limit: three quarters of it are for bytes of frames, an eighth for the columns, an eighth for events. When a part is full,
 * its oldest go: bytes frame by frame (such a frame is still drawn and listed, but cannot be looked into, and is missing from
 * captures), columns some thousand frames at a time, events an eighth at a time. `TraceView.thinnedBytes` and `firstKept` tell. What goes depends on
 * what happened in the run alone, so that a thinned trace is the same in every placement; memory follows as whole buffers become free.
 */
export class Recorder {
  private readonly classifier = new Classifier()
  private readonly arena = new Arena()
  private readonly blocks = new Map<number, Block>()
  private readonly blockOf = new Map<ArrayBufferLike, number>()
  private lastBuffer: ArrayBufferLike | undefined
  private lastBlock = 0
  private blockCount = 0
  /** Number of the oldest frame whose bytes are kept. */
  private firstWithBytes = 1
  /** How many bytes the frames from there on have. */
  private frameBytes = 0
  /** How many bytes were let go since buffers were last looked through. */
  private bytesToFree = 0
  private interventions = 0
  /** Time of the last event, or of the last thing that is known to befall any frame. */
  lastMoment: Nanos = 0
  /** Frames that changed since `takeChanged`, of those that there were then. */
  private changed = new Set<number>()
  /** How many frames there were then. */
  private told = 0

  constructor(
    readonly store: TraceStore,
    private readonly limit: number = DEFAULT_TRACE_LIMIT,
  ) {}

  /**
   * Takes in what all hosts did in the same span of time. Each log is in order already; they are merged by (time, id).
   * The logs may be cleared afterwards.
   */
  take(logs: readonly HostLog[]): void {
    const { heads, frameHeads } = this
    heads.length = logs.length
    frameHeads.length = logs.length
    heads.fill(0)
    frameHeads.fill(0)
    for (;;) {
      let chosen = -1
      let time = Infinity
      let id = 0
      for (let i = 0; i < logs.length; i++) {
        const log = logs[i]
        const head = heads[i]
        if (head >= log.length) continue
        const otherTime = log.numbers[head + Log.Time]
        if (otherTime > time) continue
        const otherId = log.numbers[head + Log.Id]
        if (chosen >= 0 && otherTime === time && otherId > id) continue
        chosen = i
        time = otherTime
        id = otherId
      }
      if (chosen < 0) break
      // Entries of one host that belong together are read in one go.
      const log = logs[chosen]
      const head = heads[chosen]
      if (log.numbers[head] === LogEntry.Frame) {
        const index = frameHeads[chosen]
        this.frame(log.numbers, head, log.frames[index])
        frameHeads[chosen] = index + 1
      } else this.entry(log, head)
      heads[chosen] = head + LOG_WIDTH
    }
    if (this.bytesToFree > this.limit / 16) this.freeBuffers()
    this.store.connections = this.classifier.connections
  }
  private readonly heads: number[] = []
  private readonly frameHeads: number[] = []

  /** Records what a person did. */
  intervention(time: Nanos, name: string, data: EventData, cause: Id): Id {
    const id = this.store.hosts.length * ID_SEQUENCE_LIMIT + ++this.interventions
    this.event({ id, time, host: -1, name, connection: '', data, cause })
    return id
  }

  /** A person ended a frame's way. */
  setFate(number: number, fate: number, at: Nanos): void {
    const { table } = this.store
    if (!table.has(number)) return
    table.block(number).fate[FrameTable.at(number)] = fate
    table.block(number).fateAt[FrameTable.at(number)] = at
    this.change(number)
  }

  /** A person ended the way of all that is in flight on some directions, each as `link * 2 + direction`. */
  loseInFlight(directions: readonly number[], fate: number, at: Nanos): void {
    const { table, horizon } = this.store
    for (let number = table.firstKept; number <= table.count; number++) {
      const block = table.block(number)
      const row = FrameTable.at(number)
      if (!directions.includes(block.where[row]) || effectiveFate(block, row, horizon) !== IN_FLIGHT) continue
      this.setFate(number, fate, at)
    }
  }

  /**
   * A person flipped bits of a frame that is queued or in flight. One that will get lost on its way still does.
   * @param detected whether its frame check sequence will tell, if it is in flight
   */
  corrupt(number: number, corruption: number, detected: boolean): void {
    const { table } = this.store
    if (!table.has(number)) return
    const block = table.block(number)
    const row = FrameTable.at(number)
    block.corruption[row] = corruption
    const fate = block.fate[row]
    if (fate === IN_FLIGHT || fate === BAD_FCS) {
      block.fate[row] = detected ? BAD_FCS : IN_FLIGHT
      block.fateAt[row] = detected ? block.arrives[row] : NEVER
    }
    this.change(number)
  }

  /** The bytes of a frame as they arrived, with the bits flipped that were flipped; undefined when they were let go. */
  bytes(number: number): Uint8Array | undefined {
    const bytes = this.bytesAsSent(number)
    if (bytes === undefined) return undefined
    const corruption = this.store.table.block(number).corruption[FrameTable.at(number)]
    return corruption === 0 ? bytes : corrupted(bytes, corruption)
  }

  /** The bytes of a frame as they left. */
  bytesAsSent(number: number): Uint8Array | undefined {
    const { table } = this.store
    if (number < this.firstWithBytes || !table.has(number)) return undefined
    const columns = table.block(number)
    const at = FrameTable.at(number)
    const block = this.blocks.get(columns.bytesBlock[at]) as Block
    return new Uint8Array(block.buffer, columns.bytesStart[at], columns.length[at])
  }

  /** Numbers of older frames whose record changed since the last call. */
  takeChanged(): Set<number> {
    const { changed } = this
    this.changed = new Set()
    this.told = this.store.frameCount
    return changed
  }

  private frame(numbers: Float64Array, at: number, bytes: Uint8Array): void {
    const { table } = this.store
    const number = table.append(numbers[at + Log.Id])
    const block = table.block(number)
    const row = FrameTable.at(number)
    block.enqueued[row] = numbers[at + Log.Time]
    block.where[row] = numbers[at + Log.Where]
    block.length[row] = bytes.length
    const cause = numbers[at + Log.Cause]
    block.mark[row] = this.markOf(numbers[at + Log.Mark], numbers[at + Log.Id], cause)
    block.cause[row] = cause
    block.sent[row] = numbers[at + Log.Sent]
    block.arrives[row] = numbers[at + Log.Arrives]
    block.fate[row] = numbers[at + Log.Fate]
    block.fateAt[row] = numbers[at + Log.FateAt]
    block.corruption[row] = numbers[at + Log.Corruption]
    this.foresee(block, row)
    if (block.fate[row] === QUEUED) {
      const where = block.where[row]
      const queue = this.queued[where]
      if (queue === undefined) this.queued[where] = { rows: [number], head: 0 }
      else queue.rows.push(number)
    }
    block.duplicate[row] = numbers[at + Log.Duplicate]
    this.classifier.classify(bytes)
    block.kind[row] = this.classifier.kind
    block.connection[row] = this.classifier.connectionNumber
    this.keep(number, block, row, bytes)
    this.thinFrames()
  }

  private event(event: EventRecord): void {
    if (event.time > this.lastMoment) this.lastMoment = event.time
    this.store.events.push(event)
    this.store.thinEvents(this.limit / 8)
  }

  /** A frame that a router sends on is a retransmission when the frame that came in was. */
  private markOf(mark: number, id: Id, cause: Id): number {
    const { again } = this
    const inherited = (mark & FrameMark.Forwarded) !== 0 && again.size > 0 ? (again.get(cause) ?? 0) : 0
    const all = mark | inherited
    if ((all & (FrameMark.Retransmission | FrameMark.Probe)) !== 0) {
      if (again.size === REMEMBERED_MARKS) again.clear()
      again.set(id, all & ~FrameMark.Forwarded)
    }
    return all
  }
  private readonly again = new Map<Id, number>()

  private entry({ numbers, events }: HostLog, at: number): void {
    const time = numbers[at + Log.Time]
    const id = numbers[at + Log.Id]
    if (numbers[at] === LogEntry.Event) {
      const { name, connection, data } = events[numbers[at + Log.Where]]
      const host = Math.floor(id / ID_SEQUENCE_LIMIT)
      this.event({ id, time, host, name, connection, data, cause: numbers[at + Log.Cause] })
      return
    }
    const { table } = this.store
    const isSent = numbers[at] === LogEntry.Sent
    const number = isSent ? this.leave(numbers[at + Log.Where], id) : table.numberOf(id)
    if (number === 0) return
    const block = table.block(number)
    const row = FrameTable.at(number)
    if (isSent) {
      block.sent[row] = numbers[at + Log.Sent]
      block.arrives[row] = numbers[at + Log.Arrives]
      block.corruption[row] = numbers[at + Log.Corruption]
    }
    block.fate[row] = numbers[at + Log.Fate]
    block.fateAt[row] = numbers[at + Log.FateAt]
    this.foresee(block, row)
    this.change(number)
  }

  /** The number of a frame that leaves its queue: nearly always the one that has waited longest there. */
  private leave(where: number, id: Id): number {
    const queue = this.queued[where]
    const { table } = this.store
    while (queue !== undefined && queue.head < queue.rows.length) {
      const number = queue.rows[queue.head++]
      if (queue.head > 1024) {
        queue.rows.splice(0, queue.head)
        queue.head = 0
      }
      if (table.idOf(number) === id) return number
    }
    return table.numberOf(id)
  }
  /** By `link * 2 + direction`: numbers of the frames that were put into the queue, from `head` on those that have not left. */
  private readonly queued: ({ readonly rows: number[]; head: number } | undefined)[] = []

  private change(number: number): void {
    if (number <= this.told) this.changed.add(number)
  }

  private foresee({ fateAt, arrives }: FrameBlock, row: number): void {
    const end = Math.min(fateAt[row], arrives[row])
    const moment = end === NEVER ? fateAt[row] : end
    if (moment !== NEVER && moment > this.lastMoment) this.lastMoment = moment
  }

  private keep(
    number: number,
    columns: { bytesBlock: Int32Array; bytesStart: Int32Array },
    row: number,
    given: Uint8Array,
  ): void {
    let bytes = given
    if (bytes.buffer !== this.lastBuffer) {
      let index = this.blockOf.get(bytes.buffer)
      if (index === undefined) {
        if (bytes.buffer.byteLength < SMALLEST_BLOCK) {
          bytes = this.arena.allocate(given.length)
          bytes.set(given)
          index = this.blockOf.get(bytes.buffer)
        }
        index ??= this.adopt(bytes.buffer)
      }
      this.lastBuffer = bytes.buffer
      this.lastBlock = index
    }
    columns.bytesBlock[row] = this.lastBlock
    columns.bytesStart[row] = bytes.byteOffset
    ;(this.blocks.get(this.lastBlock) as Block).newest = number
    this.frameBytes += given.length
  }

  private adopt(buffer: ArrayBufferLike): number {
    const index = ++this.blockCount
    this.blocks.set(index, { buffer, newest: 0 })
    this.blockOf.set(buffer, index)
    return index
  }

  private thinFrames(): void {
    const { table } = this.store
    while (this.frameBytes > this.limit * 0.75) this.letBytesGo(this.firstWithBytes)
    while (table.bytes > this.limit / 8 && table.oldestBlockEnd < table.count) {
      this.letBytesGo(table.oldestBlockEnd)
      table.dropOldestBlock()
    }
  }

  /** Bytes of all frames up to a number. */
  private letBytesGo(last: number): void {
    const { store } = this
    for (; this.firstWithBytes <= last; this.firstWithBytes++) {
      const length = store.table.block(this.firstWithBytes).length[FrameTable.at(this.firstWithBytes)]
      this.frameBytes -= length
      this.bytesToFree += length
      store.thinnedBytes += length
    }
  }

  /** Forgets buffers in which there is nothing more to keep. */
  private freeBuffers(): void {
    for (const [index, { buffer, newest }] of this.blocks) {
      if (newest >= this.firstWithBytes) continue
      this.blocks.delete(index)
      this.blockOf.delete(buffer)
    }
    this.bytesToFree = 0
    this.lastBuffer = undefined
  }
}
