import type { Id, EventData } from '../kernel/machine.ts'
import type { Fate } from '../kernel/link.ts'
import type { Nanos } from '../kernel/time.ts'

// What it takes to read a record. The page sees the trace, not the kernel.
export { FrameMark, NO_ID } from '../kernel/machine.ts'
export { NEVER } from '../kernel/time.ts'
export type { Fate, Flap, LinkSettings } from '../kernel/link.ts'
export type { EventData, Id } from '../kernel/machine.ts'
export type { Nanos } from '../kernel/time.ts'

/** What a frame is, at a glance: the shape that the stage draws. The order is part of the trace's binary form: append only. */
export const FRAME_KINDS = ['other', 'arp', 'icmp', 'udp', 'tcp-syn', 'tcp-ack', 'tcp-data', 'tcp-fin', 'tcp-rst', 'ndp'] as const
export type FrameKind = (typeof FRAME_KINDS)[number]

/** One frame on one link, as the page knows it. */
export interface FrameRecord {
  /** Position in the run's total order, from 1: the number that an intervention, a link and a capture of all links use. */
  readonly number: number
  readonly id: Id
  /** Index of the link in the scenario. */
  readonly link: number
  /** 0: from the link's first end to its second; 1: back. */
  readonly direction: 0 | 1
  /** Indices of hosts. */
  readonly from: number
  readonly to: number
  /** When the sender handed it to the link's egress queue: the time in a capture of all links. */
  readonly enqueued: Nanos
  /** When its first bit left; `NEVER` while it waits, or when it never left. */
  readonly sent: Nanos
  /** When its last bit arrives, or would have arrived; `NEVER` while it waits, or when it never left. */
  readonly arrives: Nanos
  readonly fate: Fate
  /** When the fate befell it; `NEVER` for `'queued'` and `'in-flight'`. */
  readonly fateAt: Nanos
  /** In bytes, without the frame check sequence. */
  readonly length: number
  /** Whether bits flipped on the way. */
  readonly corrupted: boolean
  /** Whether it is the second copy of a frame that the link duplicated. */
  readonly duplicate: boolean
  /** Bits of `FrameMark`. */
  readonly mark: number
  readonly kind: FrameKind
  /** Index into `TraceView.connections`; 0 is `''`, no conversation. Same for both directions. */
  readonly connection: number
  /** Sequence number of a TCP segment (SEG.SEQ of RFC 9293 section 3.3.1); 0 for anything else, fragments too. */
  readonly seq: number
  /** Bytes of text that a TCP segment carries; 0 for anything else, fragments too. */
  readonly payload: number
  /** The frame or event that led to this one. */
  readonly cause: Id
}

/** Something that happened in a host, or that a person did. */
export interface EventRecord {
  readonly id: Id
  readonly time: Nanos
  /** Index of the host, or -1 for what a person did. */
  readonly host: number
  /** Of a host that is a crowd: which of its members, index + 1; 0: of no crowd, or of the whole. */
  readonly member: number
  /** `category:past-tense`. */
  readonly name: string
  /** The conversation's name, or ''. */
  readonly connection: string
  readonly data: EventData
  readonly cause: Id
}

/** What claims, instruments and the page ask of a trace. Frames are in the order of their numbers, events in (time, id). */
export interface TraceView {
  /** Names of hosts by index. */
  readonly hosts: readonly string[]
  /** How many frames have been numbered. */
  readonly frameCount: number
  /** Number of the oldest frame whose record is still kept (from 1); older ones were thinned away. */
  readonly firstKept: number
  /** How many bytes of frames the trace has let go, to stay within its limit. */
  readonly thinnedBytes: number
  readonly connections: readonly string[]
  readonly events: readonly EventRecord[]
  /** A frame by its number; undefined when it does not exist or was thinned away. */
  frame(number: number): FrameRecord | undefined
  frameById(id: Id): FrameRecord | undefined
  eventById(id: Id): EventRecord | undefined
  /** Frames in order, optionally only some. */
  frames(where?: (frame: FrameRecord) => boolean): IterableIterator<FrameRecord>
  /** First event of a name (optionally one that also satisfies `where`). */
  first(name: string, where?: (event: EventRecord) => boolean): EventRecord | undefined
  /** All events of a name. */
  all(name: string, where?: (event: EventRecord) => boolean): EventRecord[]
}
