import { Engine, type PortSetup } from '../kernel/engine.ts'
import type { MachineFactory } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { ResolvedHost, ResolvedScenario } from '../scenario/resolved.ts'
import type { Director, Step } from './director.ts'
import type { Hosts } from './hosts.ts'
import { machineFactory } from './machines.ts'

/** How many numbers hosts may have to tell before the trace is told. */
const SETTLE_AT = 64 * 1024

/** All hosts of a scenario in this thread. Frames go from engine to engine by reference. */
export class InlineHosts implements Hosts {
  readonly engines: Engine[]

  /** @param machines what runs on a host; what the scenario says, usually */
  constructor(
    scenario: ResolvedScenario,
    seed: number,
    private readonly director: Director,
    machines: (host: ResolvedHost) => MachineFactory = machineFactory,
  ) {
    this.engines = scenario.hosts.map(
      (host, index) =>
        new Engine({
          host: index,
          name: host.name,
          seed,
          factory: machines(host),
          ports: host.interfaces.map(({ link, end }): PortSetup => {
            const { hosts, ports, settings } = scenario.links[link]
            const [peer, peerPort] = [hosts[1 - end], ports[1 - end]]
            return {
              link,
              direction: end,
              settings: settings[end],
              carrier: {
                carry: (frame, arrives, id, corruption, detected) => {
                  this.engines[peer].accept(peerPort, frame, arrives, id, corruption, detected)
                },
              },
            }
          }),
        }),
    )
    for (const engine of this.engines) engine.start()
    this.settle()
    this.report()
  }

  /**
   * Lets everything before `limit` happen.
   * @param goOn asked after each round; false stops early
   * @returns whether `limit` was reached
   */
  advance(limit: Nanos, goOn?: () => boolean): boolean {
    const { director } = this
    const settle = (): void => {
      this.settle()
    }
    for (;;) {
      const step = director.next(limit, settle)
      if (step === undefined) break
      this.perform(step)
      if (goOn !== undefined && !goOn()) {
        this.settle()
        return false
      }
    }
    this.settle()
    return true
  }

  /** Does what the director says. */
  perform(step: Step): void {
    const { engines, director } = this
    if (step.kind === 'grant') {
      let told = 0
      for (const host of step.hosts) {
        const engine = engines[host]
        engine.run(step.until)
        told += engine.log.length
      }
      director.reached(step.until)
      if (told > SETTLE_AT) this.settle()
    } else {
      for (const { host, order } of step.orders) {
        const engine = engines[host]
        engine.run(step.at)
        engine.obey(order)
      }
      // What orders lead to stands in the trace before all else that happens at their time.
      this.settle()
    }
    this.report()
  }

  /** Tells the trace all that has happened. */
  settle(): void {
    this.director.recorder.take(this.engines.map(({ log }) => log))
    for (const { log } of this.engines) log.clear()
    this.director.store.horizon = this.director.horizon
  }

  dispose(): void {
    // Nothing is held outside this thread.
  }

  private report(): void {
    for (let host = 0; host < this.engines.length; host++) {
      this.director.conductor.report(host, this.engines[host].nextTime)
    }
  }
}
