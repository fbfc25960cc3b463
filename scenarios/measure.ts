import { formatCount, formatTime } from '../src/scenario/units.ts'
import type { ClaimResult } from '../src/scenario/claim-schema.ts'
import { NO_ID } from '../src/trace/record.ts'
import type { EventRecord, FrameRecord, TraceView } from '../src/trace/record.ts'

/** Events of a name on one host, in order. */
export function eventsOf(trace: TraceView, host: string, name: string): EventRecord[] {
  const index = trace.hosts.indexOf(host)
  return trace.all(name, (event) => event.host === index)
}

/** Frames that one host sent, in order; those that a link duplicated only once. */
export function framesFrom(trace: TraceView, host: string, where: (frame: FrameRecord) => boolean): FrameRecord[] {
  const index = trace.hosts.indexOf(host)
  return [...trace.frames((frame) => frame.from === index && !frame.duplicate && where(frame))]
}

/** Whether a frame did not reach the other end, for whatever reason. */
export function isLost({ fate }: FrameRecord): boolean {
  return fate !== 'arrived' && fate !== 'queued' && fate !== 'in-flight'
}

/** A number in an event's data; NaN when it is none. */
export function amount(event: EventRecord | undefined, key: string): number {
  const value = event?.data[key]
  return typeof value === 'number' ? value : Number.NaN
}

/** A claim about what did not come up: it is not contradicted. The evidence says that nothing was measured. */
export function noOccasion(why: string): ClaimResult {
  return { holds: true, evidence: `Not put to the test in this run: ${why}.` }
}

/** `'1 packet'`, `'2 packets'`. */
export function count(number: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(number)} ${number === 1 ? noun : nouns}`
}

/** A time for people: `'12.5 ms'`. */
export const time = formatTime

/**
 * What a host had to wait for before an event could happen: frames that came to it, the last one first. Follows the causes back over all
 * hosts to where it began, so it counts round trips, however long they took.
 */
export function awaitedFrames(trace: TraceView, event: EventRecord): FrameRecord[] {
  const awaited: FrameRecord[] = []
  let id = event.cause
  while (id !== NO_ID) {
    const frame = trace.frameById(id)
    if (frame?.to === event.host) awaited.push(frame)
    id = (frame ?? trace.eventById(id))?.cause ?? NO_ID
  }
  return awaited
}
