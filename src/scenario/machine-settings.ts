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
  /** How far the clock on the wall is ahead of the true time. */
  readonly clockAhead: Nanos
  /** How far it is behind; counts against the former. */
  readonly clockBehind: Nanos
  /** How many parts per million the host's clocks run too fast; below 0: too slow. */
  readonly clockDrift: number
  /** Bytes for connections and what waits in their buffers; 0: without limit. */
  readonly memory: number
}

const SECOND = 1e9
const DAY = 86_400e9

/** Inclusive ranges. */
export const MACHINE_LIMITS: Readonly<Record<keyof MachineSettings, { readonly min: number; readonly max: number }>> = {
  perPacket: { min: 0, max: SECOND },
  perHandshake: { min: 0, max: SECOND },
  perRequest: { min: 0, max: 100 * SECOND },
  clockAhead: { min: 0, max: 1000 * DAY },
  clockBehind: { min: 0, max: 1000 * DAY },
  clockDrift: { min: -500_000, max: 1_000_000 },
  memory: { min: 0, max: Number.MAX_SAFE_INTEGER },
}

/** A perfect machine. */
export const DEFAULT_MACHINE: MachineSettings = {
  perPacket: 0,
  perHandshake: 0,
  perRequest: 0,
  clockAhead: 0,
  clockBehind: 0,
  clockDrift: 0,
  memory: 0,
}
