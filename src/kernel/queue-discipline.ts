import type { FrameInspector } from './frame-inspector.ts'
import type { Fate, LinkSettings } from './link.ts'
import type { Id } from './machine.ts'
import type { Random } from './random.ts'
import type { Nanos } from './time.ts'

/**
 * Decides which frames may wait for the line, in which order they leave, and which are given up. Holds what waits, but knows neither
 * the line nor what befalls frames on it.
 */
export interface QueueDiscipline {
  /** How many frames wait. */
  readonly count: number
  /** Their bytes. */
  readonly bytes: number
  /** What `dequeue` has taken out. */
  readonly frame: Uint8Array
  readonly id: Id
  /**
   * A frame comes.
   * @param free whether the line is free and nothing waits: the frame will be asked for at once, and no limit of the queue holds for it
   * @returns what becomes of it, when it may not wait
   */
  enqueue(frame: Uint8Array, id: Id, now: Nanos, free: boolean): Fate | undefined
  /** The line is free: takes out what shall leave now, to `frame` and `id`. Returns whether there was something. */
  dequeue(now: Nanos): boolean
  /** Takes in what had waited elsewhere since `time`, whatever the limits. */
  adopt(frame: Uint8Array, id: Id, time: Nanos): void
  has(id: Id): boolean
  /** Takes one out, for good. Returns whether it was there. */
  remove(id: Id): boolean
  /** Visits all that waits. */
  forEach(visit: (frame: Uint8Array, id: Id, time: Nanos) => void): void
  clear(): void
}

/** Who is told what a discipline does to frames that it has let wait. */
export interface QueueOwner {
  /** The link's settings, as they are at any time. */
  readonly settings: Readonly<LinkSettings>
  readonly inspector: FrameInspector
  /** A frame is given up. */
  dropped(id: Id, fate: Fate): void
  /** A frame goes on with other bytes: it says now that it has met with congestion. */
  marked(id: Id, frame: Uint8Array): void
  /** A seeded stream of this direction: `'red'`. */
  random(purpose: string): Random
}

/** Whether a queue of so much has room for one more frame. */
export function hasRoom(frames: number, bytes: number, length: number, settings: Readonly<LinkSettings>): boolean {
  return frames < settings.queueFrames && bytes + length <= settings.queueBytes
}
