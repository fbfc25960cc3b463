import { BROADCAST_MAC, readMac } from '../wire/address.ts'
import { DecodeError } from '../wire/errors.ts'
import { ETHERNET_HEADER_LENGTH, EtherType } from '../wire/ethernet.ts'
import { read16 } from '../wire/integer.ts'
import { IpProtocol } from '../wire/ipv4.ts'
import { TcpConfigError } from '../protocols/tcp/config.ts'
import type { Environment, Machine } from '../kernel/machine.ts'
import type { ResolvedHost } from '../scenario/resolved.ts'
import { Application } from './application.ts'
import { HostEnvironment } from './host-environment.ts'
import { HostSockets, type HostStack } from './host-sockets.ts'
import { IcmpProtocol } from './icmp-protocol.ts'
import { InternetLayer } from './internet-layer.ts'
import { NetworkInterface } from './network-interface.ts'
import { RouteTable } from './route-table.ts'
import type { App } from './socket.ts'
import { TaskScheduler } from './tasks.ts'
import { TcpProtocol } from './tcp-protocol.ts'
import { UdpProtocol } from './udp-protocol.ts'
import { UnknownSetting } from './unknown-setting.ts'

/** Makes an application from its name and its options, both as the scenario has them. */
type AppFactory = (name: string, options: Record<string, unknown>) => App

/** `'app.delay'` is the first application's, `'apps[1].delay'` the second's. */
const APP_PATH = /^(?:app|apps(?:\[(\d+)\]|\.(\d+)))\.(.+)$/

class HostMachine implements Machine {
  private readonly scheduler = new TaskScheduler()
  private readonly environment: HostEnvironment
  private readonly interfaces: readonly NetworkInterface[]
  private readonly stack: HostStack
  private readonly applications: readonly Application[]

  constructor(
    kernel: Environment,
    private readonly host: ResolvedHost,
    createApp: AppFactory,
  ) {
    const environment = new HostEnvironment(kernel, this.scheduler)
    this.environment = environment
    this.interfaces = host.interfaces.map((resolved, port) => new NetworkInterface(port, resolved))
    const routes = new RouteTable(host.routes, this.interfaces)
    const internet = new InternetLayer(environment, this.interfaces, routes, host.kind === 'router')
    const icmp = new IcmpProtocol(environment, internet)
    const udp = new UdpProtocol(environment, internet)
    const tcp = new TcpProtocol(environment, internet, host.tcp)
    internet.reporter = icmp
    internet.register(IpProtocol.ICMP, icmp)
    internet.register(IpProtocol.UDP, udp)
    internet.register(IpProtocol.TCP, tcp)
    icmp.listen(IpProtocol.UDP, udp)
    icmp.listen(IpProtocol.TCP, tcp)
    this.stack = { internet, icmp, udp, tcp, names: host.names }
    this.applications = host.apps.map(({ app, options }) => {
      const sockets = new HostSockets(environment, this.stack)
      return new Application(app, createApp(app, { ...options }), environment, sockets, this.scheduler)
    })
  }

  start(): void {
    this.scheduler.hold()
    try {
      for (const application of this.applications) application.start()
    } finally {
      this.scheduler.release()
    }
  }

  receive(port: number, frame: Uint8Array): void {
    if (frame.length < ETHERNET_HEADER_LENGTH || port >= this.interfaces.length) return
    const card = this.interfaces[port]
    const destination = readMac(frame, 0)
    // A card takes what is for it and for everybody; nobody here has joined a multicast group.
    if (destination !== card.mac && destination !== BROADCAST_MAC) return
    this.scheduler.hold()
    try {
      this.input(card, frame, destination === BROADCAST_MAC)
    } finally {
      this.scheduler.release()
    }
  }

  private input(card: NetworkInterface, frame: Uint8Array, linkBroadcast: boolean): void {
    try {
      const type = read16(frame, 12)
      if (type === EtherType.IPV4) this.stack.internet.receive(card, frame, linkBroadcast)
      else if (type === EtherType.ARP) this.stack.internet.neighbours[card.port].receive(frame)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.stack.internet.discard(error.protocol, error.message)
    }
  }

  /** Applications get no more than to run their `finally` blocks; nothing of it leaves the machine. */
  stop(): void {
    this.environment.powerOff()
    this.scheduler.hold()
    try {
      for (const application of this.applications) application.stop()
    } finally {
      this.scheduler.release()
    }
  }

  /** Connections and what is known of neighbours outlive a cut; what is sent meanwhile is lost on the line. */
  carrier(port: number, up: boolean): void {
    const card = this.interfaces[port]
    if (card.up === up) return
    card.up = up
    this.environment.record(up ? 'interface:carrier-restored' : 'interface:carrier-lost', '', { interface: card.name })
  }

  configure(path: string, value: unknown): void {
    this.scheduler.hold()
    try {
      this.change(path, value)
    } finally {
      this.scheduler.release()
    }
  }

  private change(path: string, value: unknown): void {
    if (path.startsWith('tcp.')) {
      this.changeTcp(path, value)
      return
    }
    const match = APP_PATH.exec(path)
    if (match === null) throw new UnknownSetting(path, `${this.host.name} has settings of its app and of tcp only`)
    const index = Number(match[1] ?? match[2] ?? 0)
    if (index >= this.applications.length) throw new UnknownSetting(path, `${this.host.name} has no such application`)
    const application = this.applications[index]
    if (!application.configure(match[3], value))
      throw new UnknownSetting(path, `${application.name} takes no settings while it runs`)
  }

  private changeTcp(path: string, value: unknown): void {
    try {
      this.stack.tcp.configure(path.slice('tcp.'.length), value)
    } catch (error) {
      if (error instanceof TcpConfigError) throw new UnknownSetting(path, error.message)
      throw error
    }
  }
}

/**
 * A host or a router: interfaces, ARP, IPv4, ICMP, UDP, TCP, and the applications of the scenario. A router also forwards. A restart
 * takes a new one: nothing survives in memory.
 */
export function createHost(environment: Environment, host: ResolvedHost, createApp: AppFactory): Machine {
  return new HostMachine(environment, host, createApp)
}
