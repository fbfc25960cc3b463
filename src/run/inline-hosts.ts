import { FRAME_INSPECTOR } from '../host/frame-inspector.ts'
import { Arena, type BlockPool } from '../kernel/arena.ts'
import type { Conductor } from '../kernel/conductor.ts'
import type { Carrier } from '../kernel/egress.ts'
import { Engine, type PortSetup } from '../kernel/engine.ts'
import type { Id, MachineFactory } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { TraceLog } from '../kernel/trace-log.ts'
import type { ResolvedHost, ResolvedScenario } from '../scenario/resolved.ts'
import type { Director, Step } from './director.ts'
import type { Hosts } from './hosts.ts'
import { machineFactory } from './machines.ts'

/** How many numbers hosts may have to tell before the trace is told: few, so that what is told is still in the processor's caches. */
const SETTLE_AT = 1024

/** One direction of a link between two engines of this thread. */
class InlineCarrier implements Carrier {
  constructor(
    private readonly engines: readonly Engine[],
    private readonly conductor: Conductor,
    private readonly peer: number,
    private readonly port: number,
  ) {}

  carry(frame: Uint8Array, arrives: Nanos, id: Id, corruption: number, detected: boolean): void {
    this.engines[this.peer].accept(this.port, frame, arrives, id, corruption, detected)
    this.conductor.expect(this.peer, arrives)
  }
}

/** All hosts of a scenario in this thread. Frames go from engine to engine by reference. */
export class InlineHosts implements Hosts {
  readonly engines: Engine[] = []
  /** Logs in which there is something that the trace has not been told. */
  private readonly untold: TraceLog[] = []
  /** How many numbers there are in them. */
  private untoldNumbers = 0

  /**
   * @param machines what runs on a host; what the scenario says, usually
   * @param pool gives memory of earlier runs, and gets this one's when it is disposed of
   */
  constructor(
    scenario: ResolvedScenario,
    seed: number,
    private readonly director: Director,
    machines: (host: ResolvedHost) => MachineFactory = machineFactory,
    private readonly pool?: BlockPool,
  ) {
    // Of all hosts together, so that blocks are few, and empty in the order in which they were filled.
    const arena = new Arena(pool)
    scenario.hosts.forEach((host, index) => {
      this.engines.push(
        new Engine({
          host: index,
          name: host.name,
          seed,
          factory: machines(host),
          inspector: FRAME_INSPECTOR,
          brief: host.trace === 'brief',
          replicas: host.replicas ?? 1,
          arena,
          ports: host.interfaces.map(({ link, end }): PortSetup => {
            const { hosts, ports, settings } = scenario.links[link]
            const [peer, peerPort] = [hosts[1 - end], ports[1 - end]]
            return {
              link,
              direction: end,
              settings: settings[end],
              carrier: new InlineCarrier(this.engines, director.conductor, peer, peerPort),
            }
          }),
        }),
      )
    })
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
    if (step.kind === 'grant') {
      this.runUntil(step.until, step.hosts)
      return
    }
    for (const { host, order } of step.orders) {
      const engine = this.engines[host]
      engine.run(step.at)
      engine.obey(order)
    }
    // What orders lead to stands in the trace before all else that happens at their time.
    this.settle()
    this.report()
  }

  private runUntil(until: Nanos, hosts: readonly number[]): void {
    const { engines, director, untold } = this
    const { conductor } = director
    for (const host of hosts) {
      const engine = engines[host]
      const { log } = engine
      const before = log.length
      engine.run(until)
      conductor.report(host, engine.nextTime)
      if (before === 0 && log.length > 0) untold.push(log)
      this.untoldNumbers += log.length - before
    }
    director.reached(until)
    if (this.untoldNumbers > SETTLE_AT) this.tell(untold)
  }

  /** Tells the trace all that has happened. */
  settle(): void {
    this.tell(this.engines.map(({ log }) => log))
  }

  private tell(logs: readonly TraceLog[]): void {
    this.director.recorder.take(logs)
    for (const log of logs) log.clear()
    this.untold.length = 0
    this.untoldNumbers = 0
    this.director.store.horizon = this.director.horizon
  }

  /** Ends the run. With a pool, no frame of it may be looked into any more. */
  dispose(): void {
    if (this.pool !== undefined) this.director.recorder.release(this.pool)
  }

  private report(): void {
    for (let host = 0; host < this.engines.length; host++) {
      this.director.conductor.report(host, this.engines[host].nextTime)
    }
  }
}
