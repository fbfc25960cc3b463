import { OPAQUE_FRAMES, type FrameInspector } from '../../src/kernel/frame-inspector.ts'
import { DEFAULT_LINK, type Fate, type LinkSettings } from '../../src/kernel/link.ts'
import type { QueueDiscipline, QueueOwner } from '../../src/kernel/queue-discipline.ts'
import { randomStream } from '../../src/kernel/random.ts'

/** Frames whose first byte says which flow they belong to; those with a second byte of 1 can be marked, which makes it 2. */
export const TAGGED: FrameInspector = {
  ...OPAQUE_FRAMES,
  flow: (frame) => Math.imul(frame[0] + 1, 0x9e3779b1) >>> 0,
  congestionMarked: (frame) => {
    if (frame[1] === 0) return undefined
    if (frame[1] === 2) return frame
    const copy = frame.slice()
    copy[1] = 2
    return copy
  },
}

/** A frame of a flow. */
export function tagged(flow: number, length = 1000, ecn: 0 | 1 | 2 = 0): Uint8Array {
  const frame = new Uint8Array(length)
  frame[0] = flow
  frame[1] = ecn
  return frame
}

/** A queue discipline by itself, with a line that asks when it is told to. */
export class QueueLab {
  readonly queue: QueueDiscipline
  readonly settings: LinkSettings
  readonly dropped: { readonly id: number; readonly fate: Fate; readonly time: number }[] = []
  readonly marked: number[] = []
  readonly left: { readonly id: number; readonly time: number; readonly frame: Uint8Array }[] = []
  now = 0
  private ids = 0

  constructor(discipline: new (owner: QueueOwner) => QueueDiscipline, settings: Partial<LinkSettings>, seed = 1) {
    this.settings = { ...DEFAULT_LINK, ...settings }
    this.queue = new discipline({
      settings: this.settings,
      inspector: TAGGED,
      dropped: (id, fate) => this.dropped.push({ id, fate, time: this.now }),
      marked: (id) => this.marked.push(id),
      random: (purpose) => randomStream(seed, purpose),
    })
  }

  /** A frame comes; its id. */
  put(frame: Uint8Array, free = false): number {
    const id = ++this.ids
    const fate = this.queue.enqueue(frame, id, this.now, free)
    if (fate !== undefined) this.dropped.push({ id, fate, time: this.now })
    return id
  }

  /** The line asks. Returns the id of what leaves, or 0. */
  take(): number {
    if (!this.queue.dequeue(this.now)) return 0
    const { id, frame } = this.queue
    this.left.push({ id, time: this.now, frame })
    return id
  }
}
