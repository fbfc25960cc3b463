import { BROADCAST_MAC, readMac } from '../wire/address.ts'
import { DecodeError } from '../wire/errors.ts'
import { ETHERNET_HEADER_LENGTH, EtherType } from '../wire/ethernet.ts'
import { read16 } from '../wire/integer.ts'
import { IpProtocol } from '../wire/ipv4.ts'
import { NextHeader } from '../wire/ipv6.ts'
import { TcpConfigError } from '../protocols/tcp/config.ts'
import type { Environment, Machine } from '../kernel/machine.ts'
import type { ResolvedHost } from '../scenario/resolved.ts'
import { Application } from './application.ts'
import { HostEnvironment } from './host-environment.ts'
import { HostSockets, type HostStack } from './host-sockets.ts'
import { HostWays } from './host-ways.ts'
import { IcmpProtocol } from './icmp-protocol.ts'
import { Icmpv6Protocol } from './icmpv6-protocol.ts'
import { InternetLayer } from './internet-layer.ts'
import { ipv6Options } from './ipv6-interface.ts'
import { Ipv6Layer } from './ipv6-layer.ts'
import { DEFAULT_MACHINE } from '../scenario/machine-settings.ts'
import { LoadWatch, type Load } from './load-watch.ts'
import { NetworkInterface } from './network-interface.ts'
import { Internet } from './network-layer.ts'
import { RawLink } from './raw-link.ts'
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

/** IPv6 of a host; undefined where none is spoken. */
function ipv6LayerOf(environment: Environment, host: ResolvedHost, cards: readonly NetworkInterface[]): Ipv6Layer | undefined {
  if (host.routes6 === undefined) return undefined
  const options = host.interfaces.map((resolved) => (resolved.address6 === undefined ? undefined : ipv6Options(resolved, host)))
  return new Ipv6Layer(environment, cards, options, host.routes6, host.kind === 'router')
}

class HostMachine implements Machine {
  private readonly scheduler = new TaskScheduler()
  private readonly environment: HostEnvironment
  private readonly interfaces: readonly NetworkInterface[]
  private readonly layer: InternetLayer
  private readonly layer6: Ipv6Layer | undefined
  private readonly stack: HostStack
  private readonly applications: readonly Application[]
  private readonly isRouter: boolean
  private readonly isTracedBriefly: boolean

  constructor(kernel: Environment, host: ResolvedHost, createApp: AppFactory) {
    // Of the host's description nothing more is kept: a crowd has one for each member.
    this.isRouter = host.kind === 'router'
    this.isTracedBriefly = host.trace === 'brief'
    const environment = new HostEnvironment(kernel, this.scheduler)
    this.environment = environment
    if (host.machine !== undefined) environment.machine = host.machine
    this.interfaces = host.interfaces.map((resolved, port) => new NetworkInterface(port, resolved))
    const forwards = host.kind === 'router'
    const routes = new RouteTable(host.routes, this.interfaces, !forwards)
    const layer = new InternetLayer(environment, this.interfaces, routes, forwards)
    const icmp = new IcmpProtocol(environment, layer)
    const layer6 = ipv6LayerOf(environment, host, this.interfaces)
    const icmpv6 = layer6 && new Icmpv6Protocol(environment, layer6)
    const internet = new Internet(layer, layer6)
    const udp = new UdpProtocol(environment, internet)
    const tcp = new TcpProtocol(environment, internet, host.tcp)
    icmp.sendsErrors = host.icmpErrors !== false
    layer.clampsMss = host.clampsMss === true
    for (const address of host.loopback ?? []) layer.setOwn(address, true)
    layer.reporter = icmp
    layer.register(IpProtocol.ICMP, icmp)
    layer.register(IpProtocol.UDP, udp)
    layer.register(IpProtocol.TCP, tcp)
    icmp.listen(IpProtocol.UDP, udp)
    icmp.listen(IpProtocol.TCP, tcp)
    if (layer6 !== undefined && icmpv6 !== undefined) {
      icmpv6.sendsErrors = host.icmpErrors !== false
      layer6.clampsMss = host.clampsMss === true
      layer6.reporter = icmpv6
      layer6.register(NextHeader.ICMPV6, icmpv6)
      layer6.register(NextHeader.UDP, udp)
      layer6.register(NextHeader.TCP, tcp)
      icmpv6.listen(NextHeader.UDP, udp)
      icmpv6.listen(NextHeader.TCP, tcp)
    }
    this.layer = layer
    this.layer6 = layer6
    const ways = new HostWays(internet, this.interfaces, layer6)
    this.stack = { internet, ways, link: new RawLink(layer, layer6, environment), icmp, icmpv6, udp, tcp, names: host.names }
    this.applications = host.apps.map(({ app, options }) => {
      const sockets = new HostSockets(environment, this.stack)
      return new Application(app, createApp(app, { ...options }), environment, sockets, this.scheduler)
    })
  }

  start(): void {
    this.scheduler.hold()
    try {
      this.layer6?.start()
      this.considerLoad()
      for (const application of this.applications) application.start()
    } finally {
      this.scheduler.release()
    }
    // By now applications listen.
    this.considerLoad()
  }

  receive(port: number, frame: Uint8Array): void {
    if (frame.length < ETHERNET_HEADER_LENGTH || port >= this.interfaces.length) return
    const card = this.interfaces[port]
    const destination = readMac(frame, 0)
    // A card takes what is for it, for everybody, and for the groups that it was told to listen to.
    const isForGroup = destination !== card.mac && !card.answersTo(destination)
    if (isForGroup && destination !== BROADCAST_MAC && !card.hears(destination)) return
    if (this.environment.isBusy) this.takeInLater(card, frame, isForGroup)
    else this.takeIn(card, frame, isForGroup)
  }

  private takeInLater(card: NetworkInterface, frame: Uint8Array, isForGroup: boolean): void {
    const { processor, machine } = this.environment
    processor.submitIncoming(machine.perPacket, () => {
      this.takeIn(card, frame, isForGroup)
    })
  }

  private takeIn(card: NetworkInterface, frame: Uint8Array, isForGroup: boolean): void {
    this.scheduler.hold()
    try {
      this.input(card, frame, isForGroup)
    } finally {
      this.scheduler.release()
    }
  }

  private input(card: NetworkInterface, frame: Uint8Array, linkBroadcast: boolean): void {
    try {
      const type = read16(frame, 12)
      if (type === EtherType.IPV4) {
        if (card.address !== 0) this.layer.receive(card, frame, linkBroadcast)
      } else if (type === EtherType.ARP) {
        this.layer.neighbours[card.port].receive(frame)
      } else if (type === EtherType.IPV6) {
        const link = this.layer6?.links[card.port]
        if (link !== undefined) this.layer6?.receive(link, frame, linkBroadcast)
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.layer.discard(error.protocol, error.message)
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

  /**
   * Connections and what is known of neighbours outlive a cut; what is sent meanwhile is lost on the line. A host on several links goes on
   * over another, as far as its connections can.
   */
  carrier(port: number, up: boolean): void {
    const card = this.interfaces[port]
    if (card.up === up) return
    card.up = up
    this.environment.record(up ? 'interface:carrier-restored' : 'interface:carrier-lost', '', { interface: card.name })
    // A router's routes stay, and where there is but one link there is no other way.
    if (this.isRouter || this.interfaces.length < 2) return
    this.scheduler.hold()
    try {
      this.layer.carrierChanged()
      this.layer6?.routesChanged()
      this.stack.ways.changed()
    } finally {
      this.scheduler.release()
    }
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
    if (path.startsWith('machine.')) {
      this.changeMachine(path, value)
      return
    }
    const match = APP_PATH.exec(path)
    if (match === null)
      throw new UnknownSetting(path, `${this.environment.name} has settings of its app, of tcp and of its machine only`)
    const index = Number(match[1] ?? match[2] ?? 0)
    if (index >= this.applications.length) throw new UnknownSetting(path, `${this.environment.name} has no such application`)
    const application = this.applications[index]
    if (!application.configure(match[3], value))
      throw new UnknownSetting(path, `${application.name} takes no settings while it runs`)
  }

  private changeMachine(path: string, value: unknown): void {
    const { environment } = this
    const name = path.slice('machine.'.length)
    if (!Object.hasOwn(DEFAULT_MACHINE, name) || typeof value !== 'number')
      throw new UnknownSetting(path, `a machine has ${Object.keys(DEFAULT_MACHINE).join(', ')}, each a number`)
    environment.machine = { ...environment.machine, [name]: value }
    this.considerLoad()
  }

  /** Whether the load is looked at: where anything is limited, and where there are so many connections that they are not told one by one. */
  private considerLoad(): void {
    const { environment } = this
    const { memory, machine, isLimited } = environment
    const isWatched = isLimited || (this.isTracedBriefly && this.stack.tcp.isServing)
    if (isWatched && environment.load === undefined) environment.load = new LoadWatch(environment, () => this.look())
    if (environment.load !== undefined) environment.load.isEnabled = isWatched
    const isCounted = memory.limit > 0 || machine.connectionMemory > 0 || isWatched
    if (isCounted === memory.isCounted) return
    memory.isCounted = isCounted
    this.stack.tcp.countMemory()
  }

  private look(): Load {
    const { processor, memory, descriptors } = this.environment
    const { acceptQueue, synQueue } = this.stack.tcp.queues
    const { busyTime } = processor
    return { busyTime, memory: memory.used, connections: memory.held, acceptQueue, synQueue, descriptors: descriptors.count }
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
 * A host or a router: interfaces, ARP, IPv4, IPv6 with neighbour discovery, ICMP, UDP, TCP, and the applications of the scenario. A router also forwards. A restart
 * takes a new one: nothing survives in memory.
 */
export function createHost(environment: Environment, host: ResolvedHost, createApp: AppFactory): Machine {
  return new HostMachine(environment, host, createApp)
}
