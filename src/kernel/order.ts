import type { LinkSettings } from './link.ts'
import type { Id, Machine } from './machine.ts'

/** What one engine is told to do at a moment of simulated time: an intervention, cut into each host's part of it. */
export type Order = {
  /** The intervention's event in the trace. */
  readonly cause: Id
} & (LinkOrder | (MachineOrder & { /** Index of a crowd's member; absent: for the whole host. */ readonly member?: number }))

type LinkOrder =
  | { readonly kind: 'drop'; readonly frame: Id }
  /** `corruption` as in `Log.Corruption`; `detected`: whether a frame that is on its way will fail its frame check sequence. */
  | { readonly kind: 'corrupt'; readonly frame: Id; readonly corruption: number; readonly detected: boolean }
  /** Changes the direction that this host sends on; `up: false` also empties its queue. */
  | { readonly kind: 'link'; readonly port: number; readonly settings: Partial<LinkSettings> }
  /** What is on its way to this port is lost. */
  | { readonly kind: 'cut-incoming'; readonly port: number }

/** What a machine can be told that is not about its links. */
export type MachineOrder =
  | { readonly kind: 'kill' }
  | { readonly kind: 'restart' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'configure'; readonly path: string; readonly value: unknown }
  /** Records details too, or no longer does. */
  | { readonly kind: 'watch'; readonly on: boolean }

/** A machine that is many, each of which can be told something. */
export interface CrowdMachine extends Machine {
  /** Carries out what one member is told. The engine has set `cause`. */
  obey(member: number, order: MachineOrder): void
}
