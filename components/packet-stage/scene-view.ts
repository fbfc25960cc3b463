import type { Nanos } from '../../src/trace/record.ts'
import type { FrameGroupTarget } from '../selection.ts'
import { Flag, type Row } from './frame-index.ts'
import type { Lane, Layout } from './layout.ts'

/** How much an egress queue holds; `Infinity` where there is no limit worth speaking of. */
export interface QueueLimit {
  readonly bytes: number
  readonly frames: number
}

/** What a picture depends on, besides the trace. */
export interface SceneView {
  readonly layout: Layout
  readonly time: Nanos
  /** How long the trace of a loss is seen, in simulated time. */
  readonly linger: Nanos
  /** No bursts. */
  readonly still: boolean
  /** Limits of the egress queues by lane. */
  readonly queues: readonly QueueLimit[]
  /** When a person flipped bits of a frame, by its number. Those that the link flips are flipped half way. */
  readonly corruptedAt: ReadonlyMap<number, Nanos>
  /** Numbers of frames to set off; 0 for none. */
  readonly hovered: number
  readonly selected: number
  readonly focused: number
  /** Frames drawn as one that are pointed at or focused. */
  readonly group?: FrameGroupTarget | undefined
}

/** Whether bits have flipped by the time that is shown. */
export function isTorn(row: Row, view: SceneView): boolean {
  if ((row.flags & Flag.Corrupted) === 0) return false
  const at = view.corruptedAt.get(row.number)
  return view.time >= (at ?? (row.sent + row.arrives) / 2)
}

export function laneOf(layout: Layout, lane: number): Lane {
  return layout.links[lane >> 1].lanes[(lane & 1) as 0 | 1]
}
