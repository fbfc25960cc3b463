import type { Id } from './machine.ts'
import type { Nanos } from './time.ts'

const INITIAL_CAPACITY = 16

/** Frames in a row, with their ids and the times at which they came: a growing ring, so that neither end costs more as it fills. */
export class FrameRing {
  count = 0
  bytes = 0
  private first = 0
  private frames: Uint8Array[] = []
  private ids = new Float64Array(INITIAL_CAPACITY)
  private times = new Float64Array(INITIAL_CAPACITY)

  push(frame: Uint8Array, id: Id, time: Nanos): void {
    if (this.count === this.ids.length) this.grow()
    const at = (this.first + this.count) & (this.ids.length - 1)
    this.frames[at] = frame
    this.ids[at] = id
    this.times[at] = time
    this.count++
    this.bytes += frame.length
  }

  // The one that came first; there must be one.

  get frame(): Uint8Array {
    return this.frames[this.first]
  }
  get id(): Id {
    return this.ids[this.first]
  }
  get time(): Nanos {
    return this.times[this.first]
  }

  /** Takes the first away. */
  shift(): void {
    this.bytes -= this.frames[this.first].length
    this.frames[this.first] = GONE
    this.first = (this.first + 1) & (this.ids.length - 1)
    this.count--
  }

  has(id: Id): boolean {
    return this.placeOf(id) >= 0
  }

  /** Takes one out of the middle. Returns whether it was there. */
  remove(id: Id): boolean {
    const place = this.placeOf(id)
    if (place < 0) return false
    const mask = this.ids.length - 1
    this.bytes -= this.frames[(this.first + place) & mask].length
    for (let i = place + 1; i < this.count; i++) {
      const from = (this.first + i) & mask
      const to = (from - 1) & mask
      this.frames[to] = this.frames[from]
      this.ids[to] = this.ids[from]
      this.times[to] = this.times[from]
    }
    this.count--
    this.frames[(this.first + this.count) & mask] = GONE
    return true
  }

  /** Visits all, from the first. */
  forEach(visit: (frame: Uint8Array, id: Id, time: Nanos) => void): void {
    for (let i = 0; i < this.count; i++) {
      const at = (this.first + i) & (this.ids.length - 1)
      visit(this.frames[at], this.ids[at], this.times[at])
    }
  }

  clear(): void {
    while (this.count > 0) this.shift()
  }

  private placeOf(id: Id): number {
    for (let i = 0; i < this.count; i++) if (this.ids[(this.first + i) & (this.ids.length - 1)] === id) return i
    return -1
  }

  private grow(): void {
    const { count, first, frames } = this
    const ids = new Float64Array(count * 2)
    const times = new Float64Array(count * 2)
    this.frames = []
    for (let i = 0; i < count; i++) {
      const at = (first + i) & (count - 1)
      this.frames.push(frames[at])
      ids[i] = this.ids[at]
      times[i] = this.times[at]
    }
    this.ids = ids
    this.times = times
    this.first = 0
  }
}

const GONE = new Uint8Array(0)
