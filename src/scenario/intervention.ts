import type { LinkSettings } from '../kernel/link.ts'
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
  | { readonly cut: string }
  | { readonly heal: string }
  | {
      readonly link: {
        readonly name: string
        /** 0 or 1; both when absent. */
        readonly direction?: 0 | 1
        readonly settings: Partial<LinkSettings>
      }
    }

/** Stamped with simulated time. Same-time interventions act in the order of the log, before everything else at that time. */
export type Intervention = Action & { readonly at: Nanos }
