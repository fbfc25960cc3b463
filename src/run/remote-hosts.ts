import type { Order } from '../kernel/order.ts'
import type { Nanos } from '../kernel/time.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import type { Director, Step } from './director.ts'
import type { HostReport, HostTask } from './host-messages.ts'
import { logOfReport } from './host-server.ts'
import type { Hosts } from './hosts.ts'

/** All hosts of a scenario in workers, each behind a port. */
export class RemoteHosts implements Hosts {
  /** How many frames were ever sent to each port of each host. */
  private readonly sent: number[][]
  private readonly waiting: (((report: HostReport) => void) | undefined)[]

  private constructor(
    private readonly scenario: ResolvedScenario,
    private readonly director: Director,
    private readonly controls: readonly MessagePort[],
  ) {
    this.sent = scenario.hosts.map(({ interfaces }) => interfaces.map(() => 0))
    this.waiting = scenario.hosts.map(() => undefined)
    controls.forEach((port, host) => {
      port.onmessage = ({ data }: MessageEvent<HostReport>) => {
        const resolve = this.waiting[host]
        this.waiting[host] = undefined
        resolve?.(data)
      }
    })
  }

  /**
   * Waits until all hosts have been powered on.
   * @param controls by host; the other ends are in the hosts' setups
   */
  static async connect(scenario: ResolvedScenario, director: Director, controls: readonly MessagePort[]): Promise<RemoteHosts> {
    const hosts = new RemoteHosts(scenario, director, controls)
    hosts.take(await Promise.all(controls.map((_, host) => hosts.report(host))))
    return hosts
  }

  async perform(step: Step): Promise<void> {
    if (step.kind === 'grant') {
      this.take(await Promise.all(step.hosts.map((host) => this.ask(host, step.until, []))))
      this.director.reached(step.until)
      return
    }
    const orders = new Map<number, Order[]>()
    for (const { host, order } of step.orders) {
      const own = orders.get(host)
      if (own === undefined) orders.set(host, [order])
      else own.push(order)
    }
    this.take(await Promise.all([...orders].map(([host, own]) => this.ask(host, step.at, own))))
  }

  settle(): void {
    // The trace was told at the end of each round.
    this.director.store.horizon = this.director.horizon
  }

  dispose(): void {
    for (const port of this.controls) port.close()
  }

  private async ask(host: number, until: Nanos, orders: readonly Order[]): Promise<{ host: number; report: HostReport }> {
    const task: HostTask = { until, orders, sent: this.sent[host] }
    this.controls[host]?.postMessage(task)
    return this.report(host)
  }

  private report(host: number): Promise<{ host: number; report: HostReport }> {
    return new Promise((resolve) => {
      this.waiting[host] = (report) => {
        resolve({ host, report })
      }
    })
  }

  /** Reports of one round, of all who took part. */
  private take(reports: readonly { host: number; report: HostReport }[]): void {
    for (const { host, report } of reports) {
      if (report.failure !== undefined) throw new Error(`Host ${this.scenario.hosts[host]?.name}: ${report.failure}`)
      this.director.conductor.report(host, report.next)
    }
    for (const { host, report } of reports) {
      report.carried.forEach(({ count, earliest }, port) => {
        if (count === 0) return
        const [peer, peerPort] = this.peer(host, port)
        const sent = this.sent[peer]
        sent[peerPort] = sent[peerPort] + count
        this.director.conductor.expect(peer, earliest)
      })
    }
    // A round ends before the next begins, so the logs of one round can be put in order for good.
    this.director.recorder.take(reports.map(({ report }) => logOfReport(report)))
  }

  private peer(host: number, port: number): [number, number] {
    const { link, end } = this.scenario.hosts[host].interfaces[port]
    const { hosts, ports } = this.scenario.links[link]
    return [hosts[1 - end], ports[1 - end]]
  }
}
