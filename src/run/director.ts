import { Conductor } from '../kernel/conductor.ts'
import type { Order } from '../kernel/order.ts'
import type { Nanos } from '../kernel/time.ts'
import { ScenarioError } from '../scenario/errors.ts'
import type { Action, Intervention } from '../scenario/intervention.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import { Recorder } from '../trace/recorder.ts'
import { TraceStore } from '../trace/trace-store.ts'
import { ImpossibleAction } from './impossible-action.ts'
import { NetworkState, type Plan } from './network-state.ts'
import { usualTraceLimit } from './trace-limit.ts'

export interface DirectorOptions {
  readonly seed: number
  /** What has been, or will have been, done to this run; in any order of time. */
  readonly interventions?: readonly Intervention[]
  /** In bytes. */
  readonly traceLimit?: number
}

/** What has to be done next for time to go on. */
export type Step =
  /** Let these hosts (indices) process everything before `until`. */
  | { readonly kind: 'grant'; readonly until: Nanos; readonly hosts: readonly number[] }
  /** Let these hosts carry out these orders at `at`, in this order. */
  | { readonly kind: 'orders'; readonly at: Nanos; readonly orders: readonly { readonly host: number; readonly order: Order }[] }

/**
 * Directs one run, without IO: says what to do next, and keeps the trace. Used alike by the inline placement, which does what it says
 * by calling engines, and by the director's worker, which does it by messages.
 */
export class Director {
  readonly recorder: Recorder
  readonly store: TraceStore
  readonly conductor: Conductor
  readonly state: NetworkState
  /** Everything that was done so far, in order. */
  private readonly done: Intervention[] = []
  /** Interventions that could not be carried out when their time came, for people. */
  readonly refused: { readonly intervention: Intervention; readonly why: string }[] = []
  private readonly pending: Intervention[]
  /** What nobody does, but the scenario has happen. */
  private readonly scheduled: ReadonlySet<Intervention>

  constructor(
    readonly scenario: ResolvedScenario,
    readonly options: DirectorOptions,
  ) {
    this.store = new TraceStore(
      scenario.hosts.map(({ name }) => name),
      scenario.links.map(({ hosts }) => hosts),
    )
    this.recorder = new Recorder(this.store, options.traceLimit ?? usualTraceLimit(scenario))
    this.state = new NetworkState(scenario, options.seed, this.recorder)
    this.conductor = new Conductor(scenario.hosts.length, this.state.smallestDelay)
    this.scheduled = new Set(outagesOf(scenario))
    this.pending = [...this.scheduled, ...(options.interventions ?? [])].sort((a, b) => a.at - b.at)
  }

  /** Everything that is done to this run, in order; what lies beyond the horizon is still to come. */
  get log(): readonly Intervention[] {
    return [...this.done, ...this.pending.filter((intervention) => !this.scheduled.has(intervention))]
  }

  /** Up to where everything has happened. */
  get horizon(): Nanos {
    return this.conductor.horizon
  }

  /** Time of the next thing that could happen; `NEVER` when the run is over. */
  get nextTime(): Nanos {
    return Math.min(this.conductor.earliest, this.state.nextFlap, this.pending[0]?.at ?? Infinity)
  }

  /** Whether nothing can happen any more before the scenario's end, and all that is under way has come to its end. */
  get over(): boolean {
    if (this.horizon >= this.scenario.duration) return true
    return this.nextTime >= this.scenario.duration && this.horizon > this.recorder.lastMoment
  }

  /** How long the run lasted, when it has been let go as far as it goes. */
  get lasted(): Nanos {
    return this.nextTime >= this.scenario.duration ? Math.min(this.horizon, this.recorder.lastMoment) : this.horizon
  }

  /**
   * What to do next on the way to `limit`; undefined: everything before `limit` has happened.
   * Before an intervention's step is asked for, the trace must have been told all (`settle`).
   */
  next(limit: Nanos, settle: () => void): Step | undefined {
    for (;;) {
      const end = Math.min(limit, this.scenario.duration)
      const intervention = this.pending[0]
      const asked = intervention === undefined ? end : Math.min(end, Math.max(intervention.at, this.horizon))
      const { nextFlap } = this.state
      const stop = Math.min(asked, nextFlap)
      const until = this.conductor.grant(stop)
      if (until !== undefined) return { kind: 'grant', until, hosts: this.conductor.hostsWithWork(until) }
      if (nextFlap <= stop && nextFlap < this.scenario.duration) {
        settle()
        this.store.horizon = this.horizon
        const plan = this.state.flap(nextFlap)
        if (plan !== undefined) return this.ordersOf(plan)
        continue
      }
      if (intervention === undefined || intervention.at > stop) return undefined
      this.pending.shift()
      settle()
      this.store.horizon = this.horizon
      const step = this.tryToCarryOut(intervention)
      if (step !== undefined) return step
    }
  }

  /** A round is over. */
  reached(until: Nanos): void {
    this.conductor.reached(until)
  }

  /**
   * Something is done to the run now, at the horizon. The trace must have been told all.
   * @throws ImpossibleAction or ScenarioError, for people; then nothing has happened
   */
  intervene(action: Action): Step {
    this.store.horizon = this.horizon
    return this.carryOut({ ...action, at: this.horizon })
  }

  private tryToCarryOut(intervention: Intervention): Step | undefined {
    if (this.scheduled.has(intervention) && this.isIdle(intervention)) return undefined
    try {
      return this.carryOut(intervention)
    } catch (error) {
      if (!(error instanceof ImpossibleAction) && !(error instanceof ScenarioError)) throw error
      const why = error.message
      this.refused.push({ intervention, why })
      this.recorder.intervention(this.horizon, 'run:intervention-refused', { why }, 0)
      return undefined
    }
  }

  /** Whether the power that an outage takes or gives back has been taken or given by somebody else. */
  private isIdle(intervention: Intervention): boolean {
    const isKill = 'kill' in intervention
    const name = isKill ? intervention.kill : 'restart' in intervention ? intervention.restart : undefined
    const host = this.scenario.hosts.findIndex((each) => each.name === name)
    return host >= 0 && (this.state.hosts[host].power === 'off') === isKill
  }

  private carryOut(intervention: Intervention): Step {
    const step = this.ordersOf(this.state.plan(intervention, this.horizon))
    if (!this.scheduled.has(intervention)) this.done.push(intervention)
    return step
  }

  private ordersOf({ name, data, cause, drafts, note }: Plan): Step {
    const event = this.recorder.intervention(this.horizon, name, data, cause)
    note()
    this.conductor.lookahead = this.state.smallestDelay
    const orders = drafts.map(({ host, ...draft }) => ({ host, order: { ...draft, cause: event } }))
    return { kind: 'orders', at: this.horizon, orders }
  }
}

/** Outages of hosts, as what somebody would have to do. */
function outagesOf({ hosts }: ResolvedScenario): Intervention[] {
  return hosts.flatMap(({ name, outages = [] }) =>
    outages.flatMap((outage): Intervention[] => [
      { at: outage.at, kill: name },
      ...(outage.for > 0 ? [{ at: outage.at + outage.for, restart: name }] : []),
    ]),
  )
}
