import type { Nanos } from '../kernel/time.ts'

/**
 * The machine under a host, in plain numbers: what a scenario sets, a knob turns and a fault changes. Setting one leaves the others
 * alone.
 */
export interface MachineSettings {
  /** Processor time that each packet takes that comes in or goes out. */
  readonly perPacket: Nanos
  /** Processor time that a server needs for each handshake that a client begins. */
  readonly perHandshake: Nanos
  /** Processor time that a server needs for each request. */
  readonly perRequest: Nanos
  /** Processor time that a server needs to accept a connection. */
  readonly perConnection: Nanos
  /** Processor time that a server needs for each message that comes in or goes out on a connection that is kept. */
  readonly perMessage: Nanos
  /** How far the clock on the wall is ahead of the true time. */
  readonly clockAhead: Nanos
  /** How far it is behind; counts against the former. */
  readonly clockBehind: Nanos
  /** How many parts per million the host's clocks run too fast; below 0: too slow. */
  readonly clockDrift: number
  /** Bytes for connections and what waits in their buffers; 0: without limit. */
  readonly memory: number
  /** Bytes that an application needs for each of its connections, besides their buffers. */
  readonly connectionMemory: number
  /** How many files may be open at once, of which each socket is one; 0: without limit. */
  readonly descriptors: number
  /** A machine whose memory is exhausted crashes, and starts again after so long; 0: it refuses what it has no room for, and goes on. */
  readonly restartAfter: Nanos
}

const SECOND = 1e9
const DAY = 86_400e9

/** Inclusive ranges. */
export const MACHINE_LIMITS: Readonly<Record<keyof MachineSettings, { readonly min: number; readonly max: number }>> = {
  perPacket: { min: 0, max: SECOND },
  perHandshake: { min: 0, max: SECOND },
  perRequest: { min: 0, max: 100 * SECOND },
  perConnection: { min: 0, max: SECOND },
  perMessage: { min: 0, max: SECOND },
  clockAhead: { min: 0, max: 1000 * DAY },
  clockBehind: { min: 0, max: 1000 * DAY },
  clockDrift: { min: -500_000, max: 1_000_000 },
  memory: { min: 0, max: Number.MAX_SAFE_INTEGER },
  connectionMemory: { min: 0, max: 1e12 },
  descriptors: { min: 0, max: 100_000_000 },
  restartAfter: { min: 0, max: DAY },
}

/** A perfect machine. */
export const DEFAULT_MACHINE: MachineSettings = {
  perPacket: 0,
  perHandshake: 0,
  perRequest: 0,
  perConnection: 0,
  perMessage: 0,
  clockAhead: 0,
  clockBehind: 0,
  clockDrift: 0,
  memory: 0,
  connectionMemory: 0,
  descriptors: 0,
  restartAfter: 0,
}
