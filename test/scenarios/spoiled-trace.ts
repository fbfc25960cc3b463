import type { EventRecord, FrameRecord, TraceView } from '../../src/trace/record.ts'

/** What is changed about a trace: a record, or undefined for one that is left out. */
export interface Spoil {
  readonly event?: (event: EventRecord, trace: TraceView) => EventRecord | undefined
  readonly frame?: (frame: FrameRecord, trace: TraceView) => FrameRecord | undefined
}

/** A record of its own: those of a trace may be read from its columns when they are asked for. */
function copy(frame: FrameRecord): FrameRecord {
  const { number, id, link, direction, from, to, enqueued, sent, arrives, fate, fateAt, length } = frame
  const { corrupted, duplicate, mark, kind, connection, seq, payload, cause } = frame
  const when = { enqueued, sent, arrives, fate, fateAt }
  const what = { kind, connection, seq, payload, cause }
  return { number, id, link, direction, from, to, ...when, length, corrupted, duplicate, mark, ...what }
}

/** The same trace with something wrong in it, as if a protocol had misbehaved. */
export function spoiledTrace(trace: TraceView, { event, frame }: Spoil): TraceView {
  const events = trace.events.flatMap((record) => (event === undefined ? record : (event(record, trace) ?? [])))
  const frames = [...trace.frames()].map(copy).flatMap((record) => (frame === undefined ? record : (frame(record, trace) ?? [])))
  return {
    hosts: trace.hosts,
    frameCount: trace.frameCount,
    firstKept: trace.firstKept,
    thinnedBytes: trace.thinnedBytes,
    connections: trace.connections,
    events,
    frame: (number) => frames.find((record) => record.number === number),
    frameById: (id) => frames.find((record) => record.id === id),
    eventById: (id) => events.find((record) => record.id === id),
    frames: (where) => frames.filter((record) => where === undefined || where(record)).values(),
    first: (name, where) => events.find((record) => record.name === name && (where === undefined || where(record))),
    all: (name, where) => events.filter((record) => record.name === name && (where === undefined || where(record))),
  }
}
