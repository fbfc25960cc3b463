import type { EventData, Id } from './machine.ts'
import type { Nanos } from './time.ts'

/** Numbers that describe one entry of the log; see the offsets below. */
export const LOG_WIDTH = 13

/** What an entry says. */
export const LogEntry = {
  /** A frame was handed to an egress queue. */
  Frame: 0,
  /** A frame that had been waiting began its way, with all that is known of its end. */
  Sent: 1,
  /** A frame's end is another than was known when it was sent. */
  Fate: 2,
  /** Something happened; its words stand in `names`, `connections` and `data`. */
  Event: 3,
  /** A queue changed the bytes of a frame that it holds, to say that it met with congestion; they stand in `frames`. Uses Id. */
  Marked: 4,
} as const

/** Offsets of an entry's numbers. `Sent` uses Id, Where and from Sent on; `Fate` uses Id, Fate, FateAt. */
export const Log = {
  Kind: 0,
  Time: 1,
  Id: 2,
  /** `link * 2 + direction` for a frame; index of its words for an event. */
  Where: 3,
  Length: 4,
  /** Of an event: which member of a crowd it happened to, its index + 1; 0: no crowd's. */
  Member: 4,
  Mark: 5,
  Cause: 6,
  Sent: 7,
  Arrives: 8,
  Fate: 9,
  FateAt: 10,
  /** 0: intact; else `1 + offset * 256 + mask`: the byte at the offset is XORed with the mask on the way. */
  Corruption: 11,
  /** 1: the second copy of a duplicated frame. */
  Duplicate: 12,
} as const

/** The words of an event; its time, id and cause stand among the numbers. */
export interface LoggedEvent {
  readonly name: string
  readonly connection: string
  readonly data: EventData
}

/** Arrays that grew larger than this are given up when the log is cleared. */
const LARGEST_KEPT = 1024

/**
 * What one host has to tell since it was last asked, in the order in which it happened. Plain arrays of numbers, so that
 * a host in a worker can transfer them and a host in this thread pays for no objects.
 */
export class TraceLog {
  numbers = new Float64Array(LOG_WIDTH * 32)
  /** How many numbers are in use; a multiple of `LOG_WIDTH`. */
  length = 0
  /** Bytes of the frames, in the order of the entries that bring some; the first `frameCount` count. */
  frames: Uint8Array[] = []
  frameCount = 0
  // The words of events, side by side; the first `eventCount` count. Emptying an array gives up its memory, so they are not emptied.
  names: string[] = []
  connections: string[] = []
  data: EventData[] = []
  eventCount = 0

  /** Reserves an entry. Returns its offset in `numbers`, which the caller fills. */
  entry(kind: number, time: Nanos, id: Id): number {
    const at = this.length
    if (at + LOG_WIDTH > this.numbers.length) {
      const larger = new Float64Array(this.numbers.length * 2)
      larger.set(this.numbers)
      this.numbers = larger
    }
    this.length = at + LOG_WIDTH
    this.numbers[at] = kind
    this.numbers[at + Log.Time] = time
    this.numbers[at + Log.Id] = id
    return at
  }

  /** Adds the bytes that the entry made last brings. */
  addFrame(frame: Uint8Array): void {
    this.frames[this.frameCount++] = frame
  }

  /** @param member index of a crowd's member + 1; 0: no crowd's */
  event(time: Nanos, id: Id, cause: Id, name: string, connection: string, data: EventData, member = 0): void {
    const at = this.entry(LogEntry.Event, time, id)
    const index = this.eventCount++
    this.numbers[at + Log.Where] = index
    this.numbers[at + Log.Member] = member
    this.numbers[at + Log.Cause] = cause
    this.names[index] = name
    this.connections[index] = connection
    this.data[index] = data
  }

  /** The events' words, for another thread. */
  takeEvents(): LoggedEvent[] {
    const events: LoggedEvent[] = []
    for (let index = 0; index < this.eventCount; index++) {
      events.push({ name: this.names[index], connection: this.connections[index], data: this.data[index] })
    }
    return events
  }

  fate(time: Nanos, id: Id, fate: number, fateAt: Nanos): void {
    const at = this.entry(LogEntry.Fate, time, id)
    this.numbers[at + Log.Fate] = fate
    this.numbers[at + Log.FateAt] = fateAt
  }

  /** A frame that waits says from now on that it has met with congestion. */
  marked(time: Nanos, id: Id, frame: Uint8Array): void {
    const at = this.entry(LogEntry.Marked, time, id)
    this.numbers[at + Log.Length] = frame.length
    this.addFrame(frame)
  }

  clear(): void {
    this.length = 0
    this.frameCount = 0
    this.eventCount = 0
    if (this.frames.length > LARGEST_KEPT) this.frames = []
    if (this.names.length > LARGEST_KEPT) {
      this.names = []
      this.connections = []
      this.data = []
    }
  }
}
