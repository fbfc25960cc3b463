import type { LinkChange } from './link-layers.ts'
import type { MachineChange } from './machine-layers.ts'
import type { Nanos } from '../kernel/time.ts'

/**
 * One packet: by the number of its frame in the run, while it is on its way; or by its number on one direction of a link, from 1 and
 * in the order in which packets leave. The latter may be one that has not been sent yet, or that had passed long before: a run with
 * such an action in its log is simulated from its start with that packet struck. So it says the same of two runs that differ.
 */
export type PacketChoice =
  { readonly frame: number } | { readonly link: string; readonly direction: 0 | 1; readonly packet: number }

/**
 * What a person did to the run, in plain numbers and names. Where a host is named, it may be one member of a crowd: `'clients[37]'`. The JSON
 * form with units is parsed by `parseInterventions`.
 */
export type Action =
  | { readonly drop: PacketChoice }
  | { readonly corrupt: PacketChoice }
  | { readonly set: { readonly knob: string; readonly value: number | string | boolean } }
  | { readonly kill: string }
  | { readonly restart: string }
  | { readonly pause: string }
  | { readonly resume: string }
  | {
      readonly host: {
        readonly name: string
        /** On top of what the scenario and its knobs say; null clears, and that is back. */
        readonly settings: MachineChange
      }
    }
  /** From now on the trace has all details of a host, though its trace is brief; nothing else changes, neither bytes nor ids. */
  | { readonly watch: string }
  | { readonly unwatch: string }
  | { readonly cut: string }
  | { readonly heal: string }
  | {
      readonly link: {
        readonly name: string
        /** 0 or 1; both when absent. */
        readonly direction?: 0 | 1
        /** On top of what the scenario and its knobs say; null clears, and that is back. */
        readonly settings: LinkChange
      }
    }

/**
 * Stamped with simulated time. Same-time interventions act in the order of the log, before everything else at that time, but for the
 * start of the hosts at time 0: who acts then finds them running.
 */
export type Intervention = Action & { readonly at: Nanos }
