import { FATE_NUMBER } from '../../kernel/egress.ts'
import { effectiveFate, FrameTable } from '../frame-table.ts'
import { FRAME_KINDS, NEVER, type Fate, type FrameKind, type Nanos, type TraceView } from '../record.ts'
import { TraceStore } from '../trace-store.ts'

const IN_FLIGHT = FATE_NUMBER['in-flight']
const ARRIVED = FATE_NUMBER.arrived

/** By name, as `FrameCursor.kind` gives it. */
export const KIND_NUMBERS: ReadonlyMap<FrameKind, number> = new Map(FRAME_KINDS.map((kind, index) => [kind, index]))

/** What is known of a frame, read into the same object again and again: of a trace in columns, without making any object. */
export class FrameCursor {
  /** Twice the link's index, plus the direction. */
  where = 0
  /** Hosts at both ends. */
  from = 0
  to = 0
  /** Index in `FRAME_KINDS`. */
  kind = 0
  length = 0
  enqueued: Nanos = 0
  /** `NEVER` while it waits. */
  sent: Nanos = 0
  /** Whether it is still waiting, or on its way. */
  isOpen = false
  /** Whether it did not arrive. */
  isLost = false
  /** When it arrived or was lost; `NEVER` while it is open. */
  settled: Nanos = 0

  /** @returns false when there is no such frame, or when it was thinned away */
  load(trace: TraceView, number: number): boolean {
    if (trace instanceof TraceStore) return this.loadRow(trace, number)
    const frame = trace.frame(number)
    if (frame === undefined) return false
    this.where = frame.link * 2 + frame.direction
    this.from = frame.from
    this.to = frame.to
    this.kind = KIND_NUMBERS.get(frame.kind) ?? 0
    this.length = frame.length
    this.enqueued = frame.enqueued
    this.sent = frame.sent
    this.settle(frame.fate, frame.arrives, frame.fateAt)
    return true
  }

  private loadRow(store: TraceStore, number: number): boolean {
    const { table, ends } = store
    if (!table.has(number)) return false
    const block = table.block(number)
    const at = FrameTable.at(number)
    const where = block.where[at]
    const [from, to] = ends[where]
    this.where = where
    this.from = from
    this.to = to
    this.kind = block.kind[at]
    this.length = block.length[at]
    this.enqueued = block.enqueued[at]
    this.sent = block.sent[at]
    const fate = effectiveFate(block, at, store.horizon)
    this.isOpen = fate <= IN_FLIGHT
    this.isLost = fate > ARRIVED
    this.settled = this.isOpen ? NEVER : fate === ARRIVED ? block.arrives[at] : block.fateAt[at]
    return true
  }

  private settle(fate: Fate, arrives: Nanos, fateAt: Nanos): void {
    this.isOpen = fate === 'queued' || fate === 'in-flight'
    this.isLost = !this.isOpen && fate !== 'arrived'
    this.settled = this.isOpen ? NEVER : this.isLost ? fateAt : arrives
  }
}
