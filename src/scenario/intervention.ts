import type { LinkChange } from './link-layers.ts'
import type { MachineChange } from './machine-layers.ts'
import type { Nanos } from '../kernel/time.ts'

/** What a person did to the run, in plain numbers and names. The JSON form with units is parsed by `parseInterventions`. */
export type Action =
  | { readonly drop: { readonly frame: number } }
  | { readonly corrupt: { readonly frame: number } }
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
