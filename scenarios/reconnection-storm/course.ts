import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { eventsOf } from '../measure.ts'

/** When clients changed their state, in order. */
export const changes = (trace: TraceView): EventRecord[] => eventsOf(trace, 'clients', 'client:state-changed')

export interface Course {
  /** How many there are. */
  readonly clients: number
  /** How many were connected when the power went, fewest from then on, and at the end. */
  readonly before: number
  readonly fewest: number
  readonly last: number
  /** How long after the failure the last one was back; infinite: not all are. */
  readonly fullAfter: number
}

/** How many clients were connected, from when the power of s1 went; undefined: nobody has lost anything. */
export function courseOf(trace: TraceView): Course | undefined {
  const failure = trace.first('run:host-killed')?.time ?? Infinity
  const connected = new Set<number>()
  const seen = new Set<number>()
  let before = 0
  let fewest = Infinity
  let lastMissing = 0
  for (const { time: at, member, data } of changes(trace)) {
    if (at > failure && fewest === Infinity) before = fewest = connected.size
    seen.add(member)
    if (data['state'] === 'connected') connected.add(member)
    else connected.delete(member)
    if (at <= failure) continue
    fewest = Math.min(fewest, connected.size)
    // The moment at which the last one is back ends it.
    if (connected.size <= seen.size) lastMissing = at
  }
  if (seen.size === 0) return undefined
  if (fewest === Infinity) before = fewest = connected.size
  const fullAfter = connected.size < seen.size ? Infinity : Math.max(0, lastMissing - failure)
  return { clients: seen.size, before, fewest, last: connected.size, fullAfter }
}
