import type { Disk } from './disk.ts'
import type { Happening } from './happening.ts'
import type { Nanos } from './time.ts'
import type { Random } from './random.ts'

/**
 * Names one frame, or one recorded event, of a run. Ids of one host grow in the order in which things happened there;
 * over all hosts the pair (time, id) is the total order. Built as `hostIndex * 2^36 + sequence`, sequence from 1.
 */
export type Id = number

/** No cause: the start of a chain. */
export const NO_ID: Id = 0

/** Width of the sequence part of an id: 2^36 things a host, 2^17 hosts. */
export const ID_SEQUENCE_LIMIT = 2 ** 36

/** Something that a timer wakes. Who has thousands of timers needs no closure for each. */
export interface Sleeper {
  wake(): void
}

/** A pending timer. */
export interface Timer {
  /** Harmless when it has fired already. */
  cancel(): void
}

/** What a machine may ask of the world. One for each host; it outlives restarts of the machine. */
export interface Environment {
  /** Simulated time of the event being processed. */
  readonly now: Nanos
  /** Index of the host in the scenario's list of hosts. */
  readonly host: number
  /** Name of the host in the scenario. */
  readonly name: string
  /** How many times this host has been started, from 1; becomes part of names of random streams after a restart. */
  readonly boot: number
  /** How many ports (ends of links) this host has. */
  readonly ports: number
  /**
   * The id of what is being processed now (a received frame, a recorded event), for `cause`; the kernel sets it to the frame's id
   * before `receive`, and to the timer's remembered cause before its action; a machine may set it to an event's id.
   */
  cause: Id
  /**
   * Memory for a frame of `length` bytes, zero-filled, cut from a larger block; 2 bytes off a 4-byte boundary, so that the IP
   * header behind an Ethernet header is aligned. Once transmitted, a frame must never be written to again.
   */
  allocate(length: number): Uint8Array
  /**
   * Hands a frame to a port's egress queue. Never fails: a full queue, a cut link and random loss are fates of the frame.
   * @param mark bits that travel in the trace only, see `FrameMark`
   * @returns the frame's id
   */
  transmit(port: number, frame: Uint8Array, mark?: number): Id
  /** Bytes waiting in the egress queue of a port. */
  queuedBytes(port: number): number
  /** Calls `action`, or wakes it, at simulated time `at` (at once after the current event, if `at` has passed). */
  schedule(at: Nanos, action: (() => void) | Sleeper): Timer
  /** A seeded stream for one purpose: `'tcp-isn'`. The same purpose gives the same stream object. */
  random(purpose: string): Random
  /**
   * Records an event in the trace.
   * @param name qlog-style, `category:past-tense`: `'tcp:state-changed'`
   * @param connection which conversation it belongs to (`'10.0.0.1:49152>10.0.0.2:80'`), or ''
   * @param data plain JSON values only
   */
  record(name: string, connection: string, data: EventData): Id
  /** Whether details are left out of the trace now: `trace: 'brief'`, and nobody watches. */
  readonly isBrief: boolean
  /**
   * Instead of `record`, for a detail that is left out. Uses an id up all the same, so that those of all else do not depend on who watches.
   * @returns the cause of what was left out, to be the cause of what it leads to
   */
  omit(): Id
  /**
   * The machine breaks down: power off once the current event is over, as by a kill, and on again later. Records `host:crashed`, and
   * `host:recovered` then.
   * @param restartAfter 0: stays off
   */
  crash(why: string, restartAfter: Nanos): void
  /** Storage of the host that outlives the machine. */
  readonly disk: Disk
}

/** What the machine of a crowd may ask of the world besides, for its members. */
export interface CrowdEnvironment extends Environment {
  /** Whether the whole host is paused. */
  readonly isPaused: boolean
  nextId(): Id
  /** Lets something happen at a time that is not past; `id` from `nextId`. Nothing but itself cancels it. */
  push(time: Nanos, id: Id, happening: Happening): void
  /** Keeps something that has come up while the whole host is paused, until it goes on. */
  hold(happening: Happening): void
  /** A new seeded stream of the host named, for one purpose; it is not remembered. */
  randomOf(name: string, purpose: string): Random
  /** `record` for a member, by its index from 0. */
  recordOf(member: number, name: string, connection: string, data: EventData): Id
  /** A frame that had arrived here found nobody: its receiver is off (or, `isFull`, is paused and has no room for it). */
  lose(frame: Id, isFull: boolean): void
}

/** Data of a recorded event: plain JSON. */
export type EventData = Readonly<Record<string, string | number | boolean | null | readonly (string | number)[]>>

/** What runs on a host, as the kernel sees it: opaque frames in and out. */
export interface Machine {
  /** Power on. Called once; a restart makes a new machine. */
  start(): void
  /** A frame has arrived whole at a port. The bytes are shared and must not be written to. */
  receive(port: number, frame: Uint8Array): void
  /** Power off, at once and without a word to anybody. Its timers are gone already. */
  stop(): void
  /** The link at a port went up or down (carrier). */
  carrier(port: number, up: boolean): void
  /**
   * Changes a setting of the running machine (a knob, an intervention). Throws `UnknownSetting` for a name or value it does not know.
   * @param path dotted path below the host in the scenario: `'app.interval'`
   */
  configure(path: string, value: unknown): void
}

/** Makes the machine of a host; called at power-on and at each restart. */
export type MachineFactory = (environment: CrowdEnvironment) => Machine

/** Bits of `transmit`'s mark. */
export const FrameMark = {
  /** The transport sends bytes again that it had sent before. */
  Retransmission: 1,
  /** A router sends on a frame that came in elsewhere. */
  Forwarded: 2,
  /** A zero-window or keepalive probe. */
  Probe: 4,
  /** Set by the trace, not by who transmits: a queue on this link marked it, for it met with congestion there (RFC 3168). */
  CongestionExperienced: 8,
} as const
