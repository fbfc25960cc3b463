import { NEVER, type Nanos } from '../kernel/time.ts'
import type { Intervention } from '../scenario/intervention.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import { Director } from './director.ts'
import { InlineHosts } from './inline-hosts.ts'
import { machineFactory } from './machines.ts'
import { Outside, type Deliver } from './outside.ts'

export interface RealTimeOptions {
  /** The host that is taken out. */
  readonly attach: string
  readonly interventions: readonly Intervention[]
  readonly deliver: Deliver
}

/** An Ethernet header, and the longest VLAN tags that may stand in it. */
const HEADER = 14
const TAGS = 8

interface Incoming {
  readonly port: number
  readonly frame: Uint8Array
  readonly at: Nanos
}

/**
 * A run with one host taken out and the outside in its place, without IO and without a clock: whoever drives it says what time it is,
 * and hands in what comes from outside.
 *
 * How it keeps step with a real clock: everything before the time that is granted has happened, nothing after it. A frame from outside
 * carries the time at which it came in, and enters its link when the run has got there, so a run that lags behind delays frames but does
 * not change their order. `nextTime` says when there is something to do again, as far as is known without what the outside will send.
 *
 * The links of the host are simulated whole: a frame from outside waits in the host's egress queue, takes its time on the line, and may be
 * lost there.
 */
export class RealTimeRun {
  readonly director: Director
  /** How many frames from outside were taken in. */
  taken = 0
  /** How many were refused: too short or too long for the link, or the host was off or paused. */
  refused = 0
  private readonly hosts: InlineHosts
  private readonly outside: Outside
  private readonly host: number
  /** From `head` on, in order of time. */
  private incoming: Incoming[] = []
  private head = 0

  /** @throws RangeError when there is no such host */
  constructor(scenario: ResolvedScenario, { attach, interventions, deliver }: RealTimeOptions) {
    this.host = scenario.hosts.findIndex(({ name }) => name === attach)
    if (this.host < 0) throw new RangeError(`there is no host ${attach}`)
    this.outside = new Outside(deliver)
    this.director = new Director(scenario, { seed: scenario.seed, interventions })
    this.hosts = new InlineHosts(scenario, scenario.seed, this.director, (host) =>
      host.name === attach ? this.outside.machine : machineFactory(host),
    )
  }

  /** Everything before this time has happened. */
  get horizon(): Nanos {
    return this.director.horizon
  }

  /** Whether the scenario's duration is over. */
  get over(): boolean {
    return this.horizon >= this.director.scenario.duration
  }

  /** When there is something to do again, unless the outside does something earlier; at the latest the end. */
  get nextTime(): Nanos {
    const incoming = this.head < this.incoming.length ? this.incoming[this.head].at : NEVER
    return Math.min(this.director.nextTime, incoming, this.director.scenario.duration)
  }

  /**
   * Takes a frame from outside.
   * @param port index of the interface
   * @param frame copied when it is sent; must not change before
   * @param at simulated time at which it came in; not before that of the frame before it
   */
  receive(port: number, frame: Uint8Array, at: Nanos): void {
    this.incoming.push({ port, frame, at })
  }

  /**
   * Lets everything before `now` happen.
   * @param goOn asked after each round; false stops early
   * @returns whether `now`, or the end, was reached
   */
  advance(now: Nanos, goOn: () => boolean): boolean {
    const end = Math.min(now, this.director.scenario.duration)
    for (;;) {
      const at = this.head < this.incoming.length ? this.incoming[this.head].at : NEVER
      const stop = at < end ? Math.max(at, this.horizon) : end
      if (!this.hosts.advance(stop, goOn) && this.horizon < stop) return false
      if (at >= end || this.over) return true
      this.takeIn()
    }
  }

  /** Sends what has come in up to the horizon. */
  private takeIn(): void {
    const { horizon, outside, incoming } = this
    const engine = this.hosts.engines[this.host]
    const { interfaces } = this.director.scenario.hosts[this.host]
    engine.run(horizon)
    while (this.head < incoming.length && incoming[this.head].at <= horizon) {
      const { port, frame } = incoming[this.head++]
      const fits = frame.length >= HEADER && frame.length <= HEADER + TAGS + interfaces[port].mtu
      if (fits && engine.power === 'on' && outside.send(port, frame)) this.taken++
      else this.refused++
    }
    if (this.head === incoming.length || this.head > 4096) {
      incoming.splice(0, this.head)
      this.head = 0
    }
    // As after any order: what was done at this time stands in the trace before what happens at it.
    this.hosts.perform({ kind: 'orders', at: horizon, orders: [] })
  }
}
