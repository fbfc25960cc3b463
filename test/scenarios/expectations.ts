import assert from 'node:assert/strict'
import { formatCount } from '../../src/scenario/units.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import type { RunSetup } from './catalog-runs.ts'
import type { Spoil } from './spoiled-trace.ts'

/** What is expected of one scenario of the catalog, besides what is expected of all. */
export interface Expectations {
  /** What else a reader may set, under which the claims hold too. */
  readonly variants: readonly RunSetup[]
  /** For each claim, a run that puts it to the test, and what would contradict it there. */
  readonly contradictions: readonly (readonly [RunSetup, Spoil])[]
  /** What the article says that it measured, measured anew. */
  readonly figures: () => readonly string[]
  /** Runs that differ in kind, whose captures are looked at as well. */
  readonly ways?: readonly RunSetup[]
  /** Besides the scenario as it stands, runs in which that happens which the lesson waits for. */
  readonly waits?: readonly RunSetup[]
  /** Whether it has switches, or routers that forward what is wrong above IP. */
  readonly passesOnWrongFrames?: true
}

export const knobs = (...values: RunSetup['knobs'][]): RunSetup[] => values.map((value) => ({ knobs: value ?? {} }))

export const later = (event: EventRecord, by: number): EventRecord => ({ ...event, time: event.time + by })

export const withData = (event: EventRecord, data: EventRecord['data']): EventRecord => ({
  ...event,
  data: { ...event.data, ...data },
})

export const isOf = (event: EventRecord, trace: TraceView, host: string, name: string): boolean =>
  event.name === name && trace.hosts[event.host] === host

/** The nth event of a name on a host, from 0; from the end when negative. */
export function event(
  trace: TraceView,
  host: string,
  name: string,
  nth = 0,
  where?: (event: EventRecord) => boolean,
): EventRecord {
  const found = trace.all(name, (each) => trace.hosts[each.host] === host && (where === undefined || where(each))).at(nth)
  assert.ok(found, `${name} of ${host}`)
  return found
}

export const entered = (trace: TraceView, host: string, state: string): number =>
  event(trace, host, 'tcp:state-changed', 0, ({ data }) => data['to'] === state).time

export const count = (trace: TraceView, host: string, name: string): number =>
  trace.all(name, (each) => trace.hosts[each.host] === host).length

export const ms = (nanos: number, digits = 0): string => {
  const text = (nanos / 1e6).toFixed(digits)
  return `${digits === 0 ? formatCount(Number(text)) : text} ms`
}

export const s = (nanos: number, digits = 1): string => `${(nanos / 1e9).toFixed(digits)} s`

/** Of as many values as you like; sorts them. */
export const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
