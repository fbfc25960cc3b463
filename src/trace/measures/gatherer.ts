import type { EventRecord, Nanos } from '../record.ts'

/**
 * Gathers one series from what a trace tells. Values stand for buckets of time; `NaN` is a gap: nothing was measured there, or it is not known.
 */
export interface Gatherer {
  /** Names of the events that it wants to see, in their order. */
  readonly events: readonly string[]
  take(event: EventRecord, hosts: readonly string[]): void
  /** What happened before a time is not known, for the trace has let it go. */
  forget(before: Nanos): void
  /** Writes the values of the first `count` buckets, all of which lie before `horizon` at least in part. */
  write(into: Float64Array, count: number, horizon: Nanos): void
}

/** The part of a gap that is at the beginning of what is known. */
export function writeUnknown(into: Float64Array, count: number, width: Nanos, unknownUntil: Nanos): void {
  const unknown = Math.min(count, Math.ceil(unknownUntil / width))
  for (let index = 0; index < unknown; index++) into[index] = Number.NaN
}
