import type { BlockPool } from '../kernel/arena.ts'
import { FATE_NUMBER } from '../kernel/egress.ts'
import { corrupted } from '../kernel/impairments.ts'
import { FrameMark, ID_SEQUENCE_LIMIT, type EventData, type Id } from '../kernel/machine.ts'
import { NEVER, type Nanos } from '../kernel/time.ts'
import { Log, LOG_WIDTH, LogEntry } from '../kernel/trace-log.ts'
import { Classifier } from './classify.ts'
import { FrameMemory } from './frame-memory.ts'
import type { FrameSource } from './frame-source.ts'
import { effectiveFate, FrameTable, type FrameBlock } from './frame-table.ts'
import { LogMerge, type HostLog } from './log-merge.ts'
import { TcpSegmentPlace } from './tcp-segment-place.ts'
import type { TraceStore } from './trace-store.ts'

/** How much a trace may keep when nobody says otherwise, in bytes. */
export const DEFAULT_TRACE_LIMIT = 256_000_000

/** How a limit is divided up, all in bytes. */
interface TraceBudgets {
  /** For frames: their bytes, and the columns of what is known of them. */
  readonly frames: number
  /** For the columns alone. */
  readonly columns: number
  readonly events: number
}

/** What the parts of a trace may take: a million frames of a hundred bytes fit into the default limit. */
export function budgetsOf(limit: number): TraceBudgets {
  return { frames: limit * 0.75, columns: limit * 0.375, events: limit * 0.25 }
}

const QUEUED = FATE_NUMBER.queued
const IN_FLIGHT = FATE_NUMBER['in-flight']
const BAD_FCS = FATE_NUMBER['bad-fcs']

/** How many frames with a mark are remembered for the routers behind. */
const REMEMBERED_MARKS = 4096

/**
 * Puts what hosts tell into one order, numbers the frames, says what each is, and keeps it all within a limit.
 *
 * Policy of the limit: three quarters of it are for frames, with half of that at most for their columns, and a quarter for events. When a part
 * is full, its oldest go: bytes frame by frame (such a frame is still drawn and listed, but cannot be looked into, and is missing from
 * captures), columns some thousand frames at a time, events an eighth at a time. `TraceView.thinnedBytes` and `firstKept` tell. What goes depends on
 * what happened in the run alone, so that a thinned trace is the same in every placement; memory follows as whole buffers become free.
 */
export class Recorder implements FrameSource {
  private readonly classifier = new Classifier()
  private readonly memory = new FrameMemory()
  private readonly merge = new LogMerge()
  /** By log: how many of its frames have been taken in. */
  private readonly framesTaken: number[] = []
  /** Number of the oldest frame whose bytes are kept. */
  private firstWithBytes = 1
  /** How many bytes the frames from there on have. */
  private frameBytes = 0
  /** How many bytes were let go since buffers were last looked through. */
  private bytesToFree = 0
  private interventions = 0
  /** Told when a machine breaks down or comes back by itself; the member of a crowd is index + 1, 0: no crowd's. */
  powerNews: ((host: number, member: number, isOn: boolean) => void) | undefined
  /** Time of the last event, or of the last thing that is known to befall any frame. */
  lastMoment: Nanos = 0
  /** Frames that changed since `takeChanged`, of those that there were then. */
  private changed = new Set<number>()
  /** How many frames there were then. */
  private told = 0

  private readonly table: FrameTable
  private readonly budgets: TraceBudgets
  private readonly place = new TcpSegmentPlace()

  constructor(
    readonly store: TraceStore,
    limit: number = DEFAULT_TRACE_LIMIT,
  ) {
    this.table = store.table
    this.budgets = budgetsOf(limit)
    store.measure = (number) => {
      this.measure(number)
    }
  }

  /**
   * Takes in what all hosts did in the same span of time. Each log is in order already; they are merged by (time, id).
   * The logs may be cleared afterwards.
   */
  take(logs: readonly HostLog[]): void {
    const { merge, framesTaken } = this
    framesTaken.length = logs.length
    framesTaken.fill(0)
    merge.start(logs)
    while (merge.next()) {
      const { index, to } = merge
      const log = logs[index]
      const { numbers, frames } = log
      let taken = framesTaken[index]
      for (let at = merge.from; at < to; at += LOG_WIDTH) {
        const kind = numbers[at]
        if (kind === LogEntry.Frame) this.frame(numbers, at, frames[taken++])
        else if (kind === LogEntry.Event) this.loggedEvent(log, at)
        else if (kind === LogEntry.Marked) this.congestionMarked(numbers[at + Log.Id], frames[taken++])
        else this.news(numbers, at, kind === LogEntry.Sent)
      }
      framesTaken[index] = taken
    }
    if (this.bytesToFree > this.budgets.frames / 12) {
      this.memory.free(this.firstWithBytes)
      this.bytesToFree = 0
    }
    this.store.connections = this.classifier.connections
  }

  /** Records what a person did. */
  intervention(time: Nanos, name: string, data: EventData, cause: Id): Id {
    const id = this.store.hosts.length * ID_SEQUENCE_LIMIT + ++this.interventions
    this.event(time, id, -1, name, '', data, cause, 0)
    return id
  }

  /** A person ended a frame's way. */
  setFate(number: number, fate: number, at: Nanos): void {
    const { table } = this
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
    const { table } = this
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
    const { table } = this
    if (number < this.firstWithBytes || !table.has(number)) return undefined
    return this.memory.bytes(table.block(number), FrameTable.at(number))
  }

  /** Lets the bytes of all frames go; their memory is for other runs. */
  release(pool: BlockPool): void {
    this.memory.release(pool)
    this.firstWithBytes = this.table.count + 1
    this.frameBytes = 0
  }

  get frameCount(): number {
    return this.table.count
  }

  /** Number of the oldest frame whose bytes are kept. */
  get firstKept(): number {
    return Math.max(this.firstWithBytes, this.table.firstKept)
  }

  get keyLog(): readonly string[] {
    return this.store.keyLog
  }

  connectionOf(frame: number): number {
    const { table } = this
    return table.has(frame) ? table.block(frame).connection[FrameTable.at(frame)] : 0
  }

  /** Numbers of older frames whose record changed since the last call. */
  takeChanged(): Set<number> {
    const { changed } = this
    this.changed = new Set()
    this.told = this.store.frameCount
    return changed
  }

  private frame(numbers: Float64Array, at: number, bytes: Uint8Array): void {
    const { table, classifier } = this
    const id = numbers[at + Log.Id]
    const cause = numbers[at + Log.Cause]
    const where = numbers[at + Log.Where]
    const mark = numbers[at + Log.Mark]
    const fate = numbers[at + Log.Fate]
    const number = table.append(id)
    const block = table.block(number)
    const row = FrameTable.at(number)
    block.enqueued[row] = numbers[at + Log.Time]
    block.where[row] = where
    block.length[row] = bytes.length
    block.mark[row] = mark === 0 ? 0 : this.markOf(mark, id, cause)
    block.cause[row] = cause
    block.sent[row] = numbers[at + Log.Sent]
    block.arrives[row] = numbers[at + Log.Arrives]
    block.fate[row] = fate
    block.fateAt[row] = numbers[at + Log.FateAt]
    block.corruption[row] = numbers[at + Log.Corruption]
    block.duplicate[row] = numbers[at + Log.Duplicate]
    if (fate === QUEUED) this.wait(where, number)
    else this.foresee(block, row)
    classifier.classify(bytes)
    block.kind[row] = classifier.kind
    block.connection[row] = classifier.connectionNumber
    this.frameBytes += bytes.length
    this.memory.keep(number, block, row, bytes)
    this.thinFrames()
  }

  /** A queue let a frame go on with a mark of congestion: these are its bytes from there on. */
  private congestionMarked(id: Id, bytes: Uint8Array): void {
    const { table } = this
    const number = table.numberOf(id)
    if (number === 0) return
    const block = table.block(number)
    const row = FrameTable.at(number)
    block.mark[row] = block.mark[row] | FrameMark.CongestionExperienced
    this.change(number)
    if (number < this.firstWithBytes) return
    this.memory.keep(number, block, row, bytes)
  }

  private event(
    time: Nanos,
    id: Id,
    host: number,
    name: string,
    connection: string,
    data: EventData,
    cause: Id,
    member: number,
  ): void {
    if (time > this.lastMoment) this.lastMoment = time
    this.store.eventTable.append(time, id, host, name, connection, data, cause, member)
    this.store.thinEvents(this.budgets.events)
  }

  /** A frame that a router sends on is a retransmission when the frame that came in was. */
  private markOf(mark: number, id: Id, cause: Id): number {
    const { again, newestAgain } = this
    // Most frames are younger than any such: a host's ids grow.
    const mayInherit = (mark & FrameMark.Forwarded) !== 0 && cause <= (newestAgain[Math.floor(cause / ID_SEQUENCE_LIMIT)] ?? -1)
    const inherited = mayInherit ? (again.get(cause) ?? 0) : 0
    const all = mark | inherited
    if ((all & (FrameMark.Retransmission | FrameMark.Probe)) !== 0) {
      if (again.size === REMEMBERED_MARKS) again.clear()
      again.set(id, all & ~FrameMark.Forwarded)
      newestAgain[Math.floor(id / ID_SEQUENCE_LIMIT)] = id
    }
    return all
  }
  private readonly again = new Map<Id, number>()
  /** By host: the newest of these. */
  private readonly newestAgain: number[] = []

  private loggedEvent({ numbers, names, connections, data }: HostLog, at: number): void {
    const id = numbers[at + Log.Id]
    const index = numbers[at + Log.Where]
    const host = Math.floor(id / ID_SEQUENCE_LIMIT)
    const [time, cause, member] = [numbers[at + Log.Time], numbers[at + Log.Cause], numbers[at + Log.Member]]
    const name = names[index]
    if (name === 'host:crashed' || name === 'host:recovered') this.powerNews?.(host, member, name === 'host:recovered')
    this.event(time, id, host, name, connections[index], data[index], cause, member)
  }

  /** News of a frame that was told of before. */
  private news(numbers: Float64Array, at: number, isSent: boolean): void {
    const { table } = this
    const id = numbers[at + Log.Id]
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

  private wait(where: number, number: number): void {
    const queue = this.queued[where]
    if (queue === undefined) this.queued[where] = { rows: [number], head: 0 }
    else queue.rows.push(number)
  }

  /** The number of a frame that leaves its queue: nearly always the one that has waited longest there. */
  private leave(where: number, id: Id): number {
    const queue = this.queued[where]
    const { table } = this
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

  /** Fills in what segment of TCP a frame carries. */
  private measure(number: number): void {
    const { table, place } = this
    const block = table.block(number)
    const row = FrameTable.at(number)
    if (block.isMeasured[row] !== 0 || number < this.firstWithBytes) return
    block.isMeasured[row] = 1
    if (!place.find(this.memory.bytes(block, row))) return
    block.tcpSegments[row * 2] = place.segSeq
    block.tcpSegments[row * 2 + 1] = place.payloadLength
  }

  private foresee({ fateAt, arrives }: FrameBlock, row: number): void {
    const moment = Math.min(fateAt[row], arrives[row])
    if (moment !== NEVER && moment > this.lastMoment) this.lastMoment = moment
  }

  private thinFrames(): void {
    const { table, budgets } = this
    while (this.frameBytes > 0 && this.frameBytes + table.bytes > budgets.frames) this.letBytesGo(this.firstWithBytes)
    while (table.bytes > budgets.columns && table.oldestBlockEnd < table.count) {
      this.letBytesGo(table.oldestBlockEnd)
      table.dropOldestBlock()
    }
  }

  /** Bytes of all frames up to a number. */
  private letBytesGo(last: number): void {
    const { store, table } = this
    for (; this.firstWithBytes <= last; this.firstWithBytes++) {
      this.measure(this.firstWithBytes)
      const length = table.block(this.firstWithBytes).length[FrameTable.at(this.firstWithBytes)]
      this.frameBytes -= length
      this.bytesToFree += length
      store.thinnedBytes += length
    }
  }
}
