import type { Carrier } from '../kernel/egress.ts'
import type { Id } from '../kernel/machine.ts'
import { NEVER, type Nanos } from '../kernel/time.ts'

/** Numbers in front of the bytes: arrives, id, corruption, detected, length. */
const HEADER_WIDTH = 5

/** Where the next frame starts, so that what follows its Ethernet header is aligned to 4 bytes. */
function nextStart(end: number): number {
  return ((end + 1) & ~3) + 2
}

/**
 * Collects the frames that a host sends on one direction of a link during a grant, for one message.
 *
 * Form of a batch: the number of frames and five numbers a frame as 64-bit floats in the byte order of the machine, then the
 * frames' bytes, each 2 bytes off a 4-byte boundary.
 */
export class BatchWriter implements Carrier {
  /** How many frames are in the batch. */
  count = 0
  /** Arrival time of the earliest of them, or `NEVER`. */
  earliest: Nanos = NEVER
  private headers: number[] = []
  private frames: Uint8Array[] = []
  private end = 0

  carry(frame: Uint8Array, arrives: Nanos, id: Id, corruption: number, detected: boolean): void {
    this.count++
    if (arrives < this.earliest) this.earliest = arrives
    this.headers.push(arrives, id, corruption, detected ? 1 : 0, frame.length)
    this.frames.push(frame)
    this.end = nextStart(this.end) + frame.length
  }

  /** The batch, and an empty one begins. */
  take(): ArrayBuffer {
    const first = (1 + this.count * HEADER_WIDTH) * 8
    const buffer = new ArrayBuffer(first + this.end)
    const numbers = new Float64Array(buffer, 0, 1 + this.count * HEADER_WIDTH)
    numbers[0] = this.count
    numbers.set(this.headers, 1)
    const bytes = new Uint8Array(buffer, first)
    let end = 0
    for (const frame of this.frames) {
      const start = nextStart(end)
      bytes.set(frame, start)
      end = start + frame.length
    }
    this.count = 0
    this.earliest = NEVER
    this.headers = []
    this.frames = []
    this.end = 0
    return buffer
  }
}

/** Hands over each frame of a batch, in order. Returns how many there were. */
export function readBatch(buffer: ArrayBuffer, carrier: Carrier): number {
  const count = new Float64Array(buffer, 0, 1)[0]
  const numbers = new Float64Array(buffer, 8, count * HEADER_WIDTH)
  const first = (1 + count * HEADER_WIDTH) * 8
  let end = 0
  for (let at = 0; at < numbers.length; at += HEADER_WIDTH) {
    const start = nextStart(end)
    end = start + numbers[at + 4]
    carrier.carry(
      new Uint8Array(buffer, first + start, end - start),
      numbers[at],
      numbers[at + 1],
      numbers[at + 2],
      numbers[at + 3] === 1,
    )
  }
  return count
}
