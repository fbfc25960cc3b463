import type { Action, Intervention } from '../scenario/intervention.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import type { Inspection } from '../trace/inspection.ts'
import type { LinkSettings } from '../kernel/link.ts'
import type { Nanos } from '../kernel/time.ts'
import type { TraceView } from '../trace/record.ts'

export type RunState =
  /** Workers are starting. */
  | 'loading'
  | 'paused'
  | 'playing'
  /** Nothing is left to happen, or the duration is over, and the playhead is there. */
  | 'ended'
  /** The engine broke; `failure` says why. */
  | 'failed'

export interface LinkState {
  /** By direction. */
  readonly settings: readonly [LinkSettings, LinkSettings]
}
export interface HostState {
  readonly power: 'on' | 'off' | 'paused'
  /** Of a crowd that is on: members that are not, by their indices; absent: all are on. */
  readonly members?: Readonly<Record<number, 'off' | 'paused'>>
  /** Whose details the trace has though its trace is brief: members by their indices, -1: the whole host; absent: nobody's. */
  readonly watched?: readonly number[]
}

/**
 * What a capture holds: every link, or what one host saw. Of every link, TCP payload that is in the capture already is left out where
 * Wireshark puts messages together (HTTP, TLS), and can be had with `repeats: 'whole'`.
 */
export type CaptureChoice =
  { readonly kind: 'links'; readonly repeats?: 'headers' | 'whole' } | { readonly kind: 'host'; readonly host: string }

export interface RestartOptions {
  readonly seed?: number
  readonly log?: readonly Intervention[]
  /** 0 when absent. */
  readonly at?: Nanos
}

/**
 * One run as the page sees it. Fires plain events: `change` (state, speed, knobs, links, hosts, log), `time` (the playhead moved; at most
 * once an animation frame), `trace` (new records came in), `restart` (the trace began anew: fork, seed or restart).
 */
export interface Run extends EventTarget {
  readonly scenario: ResolvedScenario
  readonly seed: number
  readonly state: RunState
  readonly failure: string | undefined
  /** 'workers': one worker a host, or one for all where there is a crowd; 'inline': all in this thread. */
  readonly placement: 'workers' | 'inline'
  /** Where the reader is: the simulated time that is shown. */
  readonly playhead: Nanos
  /** How far the run has been simulated; `playhead <= horizon`. */
  readonly horizon: Nanos
  /** Simulated seconds per real second, 0.001 to 10. */
  speed: number
  /** While it plays slower than asked for, because it cannot be simulated as fast here: the speed that it has. */
  readonly pace?: number | undefined
  readonly trace: TraceView
  readonly log: readonly Intervention[]
  /** Current values by knob name. */
  readonly knobs: Readonly<Record<string, number | string | boolean>>
  /** State of links and hosts at the horizon, by index. */
  readonly links: readonly LinkState[]
  readonly hosts: readonly HostState[]
  play(): void
  pause(): void
  /** Pauses, and goes to the next (or previous) time at which something happened. */
  step(direction: 1 | -1): Promise<void>
  /** Goes to a time; beyond the horizon, the run is simulated up to there. */
  seek(time: Nanos): Promise<void>
  /**
   * Does something to the run at the playhead. In the past (playhead < horizon) this forks: the run starts anew with the log up
   * to the playhead and this action, and is simulated up to there. Rejects with an Error for people when it is not possible.
   */
  intervene(action: Action): Promise<void>
  /** From zero with the same seed and an empty log (or the log given), and silently on to a time, where what is done then is done. */
  restart(options?: RestartOptions): Promise<void>
  /** What is in a frame, also as a part of its streams, and decrypted; undefined when its bytes were thinned away. */
  inspect(frame: number): Promise<Inspection | undefined>
  /** A pcapng file of what has happened up to the horizon. */
  capture(choice: CaptureChoice): Promise<Uint8Array>
  /** A qlog file of what the ends of all connections of QUIC have seen up to the horizon; undefined: there are none. */
  qlog(): Promise<string | undefined>
  /** Ends workers, frees everything. */
  dispose(): void
}
