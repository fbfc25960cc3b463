import type { EventData } from '../../src/kernel/machine.ts'
import type { EventRecord, FrameRecord, TraceView } from '../../src/trace/record.ts'

/** An event of a made-up trace; what is left out is nothing. */
export interface MadeEvent {
  readonly name: string
  readonly time?: number
  readonly host?: number
  readonly connection?: string
  readonly data?: EventData
}

/** A trace of made-up records: frames are numbered from 1, events have ids from 1. */
export function madeTrace(
  hosts: readonly string[],
  events: readonly MadeEvent[],
  frames: readonly Partial<FrameRecord>[] = [],
): TraceView {
  const eventRecords = events.map(({ name, time = 0, host = 0, connection = '', data = {} }, index): EventRecord => ({
    id: index + 1,
    time,
    host,
    member: 0,
    name,
    connection,
    data,
    cause: 0,
  }))
  const frameRecords = frames.map((frame, index): FrameRecord => ({
    number: index + 1,
    id: 1000 + index,
    link: 0,
    direction: 0,
    from: 0,
    to: 1,
    enqueued: index,
    sent: index,
    arrives: index + 1,
    fate: 'arrived',
    fateAt: index + 1,
    length: 60,
    corrupted: false,
    duplicate: false,
    mark: 0,
    kind: 'other',
    connection: 0,
    seq: 0,
    payload: 0,
    cause: 0,
    ...frame,
  }))
  const all: TraceView['all'] = (name, where = () => true) => eventRecords.filter((event) => event.name === name && where(event))
  return {
    hosts,
    frameCount: frameRecords.length,
    firstKept: 1,
    thinnedBytes: 0,
    connections: [...new Set(['', ...events.map(({ connection = '' }) => connection)])],
    events: eventRecords,
    frame: (number) => frameRecords[number - 1],
    frameById: (id) => frameRecords.find((frame) => frame.id === id),
    eventById: (id) => eventRecords[id - 1],
    frames: (where = () => true) => frameRecords.filter(where).values(),
    first: (name, where) => all(name, where)[0],
    all,
  }
}
