import type { LinkSettings } from './link.ts'
import type { Id } from './machine.ts'

/** What one engine is told to do at a moment of simulated time: an intervention, cut into each host's part of it. */
export type Order = {
  /** The intervention's event in the trace. */
  readonly cause: Id
} & (
  | { readonly kind: 'drop'; readonly frame: Id }
  /** `corruption` as in `Log.Corruption`; `detected`: whether a frame that is on its way will fail its frame check sequence. */
  | { readonly kind: 'corrupt'; readonly frame: Id; readonly corruption: number; readonly detected: boolean }
  /** Changes the direction that this host sends on; `up: false` also empties its queue. */
  | { readonly kind: 'link'; readonly port: number; readonly settings: Partial<LinkSettings> }
  /** What is on its way to this port is lost. */
  | { readonly kind: 'cut-incoming'; readonly port: number }
  | { readonly kind: 'kill' }
  | { readonly kind: 'restart' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'configure'; readonly path: string; readonly value: unknown }
)
