import type { Order } from '../kernel/order.ts'
import type { Nanos } from '../kernel/time.ts'
import type { LoggedEvent } from '../kernel/trace-log.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'

/** The first message to a host's worker. */
export interface HostSetup {
  readonly scenario: ResolvedScenario
  /** Index of the host. */
  readonly host: number
  readonly seed: number
  /** This end of each link, by port. */
  readonly links: readonly MessagePort[]
  /** To the director. */
  readonly control: MessagePort
}

/** From the director to a host. Nothing else is sent until the host has reported. */
export interface HostTask {
  /** Everything before this time may be processed. */
  readonly until: Nanos
  /** Then these orders are carried out. */
  readonly orders: readonly Order[]
  /** How many frames have been sent to each port since the beginning; the host waits for all of them first. */
  readonly sent: readonly number[]
}

/** From a host to the director, when a task is done. */
export interface HostReport {
  /** The host's earliest pending event. */
  readonly next: Nanos
  /** By port: how many frames were sent there, and when the earliest of them arrives. */
  readonly carried: readonly { readonly count: number; readonly earliest: Nanos }[]
  /** The numbers of the host's `TraceLog`. */
  readonly numbers: Float64Array
  /** Bytes of the frames in it, one after another, 2 bytes off a 4-byte boundary each. */
  readonly bytes: Uint8Array
  readonly events: readonly LoggedEvent[]
  /** What went wrong in this host's own code, if anything. */
  readonly failure?: string
}
