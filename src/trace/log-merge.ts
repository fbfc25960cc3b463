import type { EventData } from '../kernel/machine.ts'
import { Log, LOG_WIDTH } from '../kernel/trace-log.ts'

/** What a host has to tell: a `TraceLog`, or one that came from a worker. */
export interface HostLog {
  readonly numbers: Float64Array
  readonly length: number
  readonly frames: readonly Uint8Array[]
  readonly names: readonly string[]
  readonly connections: readonly string[]
  readonly data: readonly EventData[]
}

/**
 * Reads logs, each in order already, in the order of (time, id) of all their entries: a heap of the logs by what they tell next. What one
 * log has to tell before any other has its turn comes as one run.
 */
export class LogMerge {
  private logs: readonly HostLog[] = []
  /** Indices of logs that have not been read to their end, as a binary heap of `left` of them. */
  private readonly heap: number[] = []
  private left = 0
  // By index: the next entry of each log, as an offset, and what it is ordered by.
  private readonly heads: number[] = []
  private readonly times: number[] = []
  private readonly ids: number[] = []

  // The run that `next` found: entries of a log, as offsets into its numbers.
  index = 0
  from = 0
  to = 0

  start(logs: readonly HostLog[]): void {
    this.logs = logs
    this.left = 0
    for (let index = 0; index < logs.length; index++) {
      if (logs[index].length === 0) continue
      this.point(index, 0)
      this.heap[this.left++] = index
    }
    for (let at = (this.left >> 1) - 1; at >= 0; at--) this.siftDown(at)
  }

  /** Finds the next run. Returns false when all has been read. */
  next(): boolean {
    const { heap, times, ids } = this
    const left = this.left
    if (left === 0) return false
    const index = heap[0]
    const { numbers, length } = this.logs[index]
    let to = this.heads[index]
    this.index = index
    this.from = to
    if (left === 1) {
      this.to = length
      this.left = 0
      return true
    }
    const rival = left > 2 && this.isBefore(heap[2], heap[1]) ? heap[2] : heap[1]
    const time = times[rival]
    const id = ids[rival]
    let own: number
    do {
      to += LOG_WIDTH
      own = to < length ? numbers[to + Log.Time] : Infinity
    } while (own < time || (own === time && numbers[to + Log.Id] < id))
    this.to = to
    if (to < length) this.point(index, to)
    else heap[0] = heap[--this.left]
    this.siftDown(0)
    return true
  }

  private point(index: number, at: number): void {
    const { numbers } = this.logs[index]
    this.heads[index] = at
    this.times[index] = numbers[at + Log.Time]
    this.ids[index] = numbers[at + Log.Id]
  }

  private isBefore(one: number, other: number): boolean {
    const { times } = this
    return times[one] < times[other] || (times[one] === times[other] && this.ids[one] < this.ids[other])
  }

  private siftDown(start: number): void {
    const { heap, left } = this
    const index = heap[start]
    let hole = start
    for (;;) {
      let child = 2 * hole + 1
      if (child >= left) break
      if (child + 1 < left && this.isBefore(heap[child + 1], heap[child])) child++
      if (this.isBefore(index, heap[child])) break
      heap[hole] = heap[child]
      hole = child
    }
    heap[hole] = index
  }
}
