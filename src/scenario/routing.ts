import { ScenarioError, quote } from './errors.ts'
import { formatPath } from './path.ts'
import { formatIp, parseIp } from '../wire/address.ts'
import type { IpAddress } from '../wire/address.ts'
import type { Addressing, Subnet } from './addressing.ts'
import type { Path } from './path.ts'
import type { ResolvedRoute } from './resolved.ts'
import type { ParsedScenario } from './schema.ts'
import type { Topology } from './segment.ts'

const FAR = Number.MAX_SAFE_INTEGER

/** What routing needs to know of a version of IP. */
export interface Arithmetic<Address extends IpAddress> {
  /** No address, or all of them. */
  readonly zero: Address
  /** Lowest address of a network. */
  readonly networkOf: (address: Address, prefix: number) => Address
  readonly is: (address: IpAddress) => address is Address
  /** Whether a host learns its routes from router advertisements, so that it needs none but those its author has written. */
  readonly learns: (host: number) => boolean
}

/** Routes and names of every host. */
export interface Routing<Address extends IpAddress> {
  readonly routes: readonly (readonly ResolvedRoute<Address>[])[]
  /** By host: addresses by host name, of each the nearest. */
  readonly names: readonly Readonly<Record<string, Address>>[]
}

/**
 * The routes of every host for one version of IP. Those that its author has written; or else static routes over the fewest routers; of
 * several such ways, that over the first port, and there over the first router of the list. A host with one interface and one router
 * gets a default route only, one with several interfaces a default route over each.
 * @param topology of those who speak this version
 * @param connected the network that a host takes itself to be on, by host and port; undefined where it is on none
 * @throws ScenarioError for a gateway or a next hop that is none
 */
export function computeRoutes<Address extends IpAddress>(
  scenario: ParsedScenario,
  topology: Topology,
  addressing: Addressing<Address>,
  connected: readonly (readonly (Subnet<Address> | undefined)[])[],
  arithmetic: Arithmetic<Address>,
): Routing<Address> {
  const routing = new RouteFinder(scenario, topology, addressing, connected, arithmetic)
  const isSwitch = (host: number): boolean => topology.kinds[host] === 'switch'
  return {
    routes: topology.names.map((_, host) => (isSwitch(host) ? [] : routing.routesOf(host))),
    names: topology.names.map((_, host) => (isSwitch(host) ? {} : routing.namesFor(host))),
  }
}

/** How many further routers each router needs to reach a segment: 0 on it, `FAR` when it cannot. By host. */
function routerDistances(topology: Topology, segment: number): number[] {
  const distance = topology.names.map(() => FAR)
  const reached = new Set([segment])
  let frontier = [segment]
  for (let hops = 0; frontier.length > 0; hops++) {
    const next: number[] = []
    for (const { host } of frontier.flatMap((index) => topology.segments[index]?.attachments ?? [])) {
      if (topology.kinds[host] !== 'router' || distance[host] !== FAR) continue
      distance[host] = hops
      for (const { link } of topology.ports[host] ?? []) {
        const beyond = topology.segmentOf[link] ?? 0
        if (!reached.has(beyond)) {
          reached.add(beyond)
          next.push(beyond)
        }
      }
    }
    frontier = next
  }
  return distance
}

interface Gateway<Address> {
  readonly port: number
  readonly via: Address
}

interface Hop<Address> extends Gateway<Address> {
  readonly router: number
  /** Routers on the way. */
  readonly distance: number
}

class RouteFinder<Address extends IpAddress> {
  private readonly away: readonly (readonly number[])[]

  constructor(
    private readonly scenario: ParsedScenario,
    private readonly topology: Topology,
    private readonly addressing: Addressing<Address>,
    private readonly connected: readonly (readonly (Subnet<Address> | undefined)[])[],
    private readonly arithmetic: Arithmetic<Address>,
  ) {
    this.away = topology.segments.map((_, segment) => routerDistances(topology, segment))
  }

  private addressAt(host: number, port: number): Address {
    return this.addressing.addresses[host]?.[port] ?? this.arithmetic.zero
  }

  /** The best next hop of a host towards a segment that it is not on. */
  private nextHop(segment: number, host: number): Hop<Address> | undefined {
    const { topology } = this
    const distances = this.away[segment] ?? []
    let best: Hop<Address> | undefined
    topology.ports[host]?.forEach(({ link }, port) => {
      if (this.addressAt(host, port) === this.arithmetic.zero) return
      for (const neighbour of topology.segments[topology.segmentOf[link] ?? 0]?.attachments ?? []) {
        if (neighbour.host === host || topology.kinds[neighbour.host] !== 'router') continue
        const distance = distances[neighbour.host] ?? FAR
        if (distance === FAR || distance >= (best?.distance ?? FAR)) continue
        best = { port, router: neighbour.host, via: this.addressAt(neighbour.host, neighbour.port), distance }
      }
    })
    return best
  }

  routesOf(host: number): ResolvedRoute<Address>[] {
    const { topology, addressing, arithmetic } = this
    const ports = topology.ports[host] ?? []
    if (ports.every((_, port) => this.addressAt(host, port) === arithmetic.zero)) return []
    const own = new Set(ports.map(({ link }) => topology.segmentOf[link] ?? 0))
    const routes: ResolvedRoute<Address>[] = []
    ports.forEach((_, port) => {
      const subnet = this.connected[host]?.[port]
      if (subnet !== undefined) routes.push({ destination: subnet.network, prefix: subnet.prefix, via: arithmetic.zero, port })
    })
    const written = this.writtenRoutes(host)
    routes.push(...written)
    const isRouter = topology.kinds[host] === 'router'
    const isLeft = written.length === 0 && !arithmetic.learns(host)
    const gateway = this.givenGateway(host) ?? (isLeft ? this.soleGateway(host) : undefined)
    if (isLeft && (gateway === undefined || isRouter)) {
      topology.segments.forEach((_, segment) => {
        const subnet = addressing.subnets[segment]
        if (subnet === undefined || own.has(segment)) return
        const hop = this.nextHop(segment, host)
        if (hop !== undefined) routes.push({ destination: subnet.network, prefix: subnet.prefix, via: hop.via, port: hop.port })
      })
    }
    const fallbacks = [...(gateway === undefined ? [] : [gateway]), ...(isRouter || !isLeft ? [] : this.nearestRouters(host))]
    fallbacks.forEach(({ via, port }, index) => {
      if (fallbacks.findIndex((other) => other.port === port) === index)
        routes.push({ destination: arithmetic.zero, prefix: 0, via, port })
    })
    return routes.sort((a, b) => b.prefix - a.prefix)
  }

  private routersNear(host: number): Hop<Address>[] {
    const { topology } = this
    return (topology.ports[host] ?? []).flatMap(({ link }, port) =>
      this.addressAt(host, port) === this.arithmetic.zero
        ? []
        : (topology.segments[topology.segmentOf[link] ?? 0]?.attachments ?? [])
            .filter((other) => other.host !== host && topology.kinds[other.host] === 'router')
            .map((other) => ({ port, router: other.host, via: this.addressAt(other.host, other.port), distance: 0 })),
    )
  }

  /** Routers for what no route is known for: of each port the first. A host on several links prefers the first that has carrier. */
  private nearestRouters(host: number): readonly Gateway<Address>[] {
    const near = this.routersNear(host)
    return (this.topology.ports[host]?.length ?? 0) > 1 ? near : near.slice(0, 1)
  }

  /** The only router of a host of one interface. */
  private soleGateway(host: number): Gateway<Address> | undefined {
    const { topology } = this
    if (topology.kinds[host] !== 'host' || topology.ports[host]?.length !== 1) return undefined
    const routers = this.routersNear(host)
    return routers.length === 1 ? routers[0] : undefined
  }

  private givenGateway(host: number): Gateway<Address> | undefined {
    const name = this.topology.names[host] ?? ''
    const given = this.scenario.hosts[name]?.gateway
    if (given === undefined) return undefined
    const address = parseIp(given)
    if (address !== undefined && !this.arithmetic.is(address)) return undefined
    const near = this.routersNear(host)
    const index = this.topology.names.indexOf(given)
    const addresses = index < 0 ? [address] : (this.addressing.addresses[index] ?? [])
    const gateway = near.find(({ via }) => addresses.includes(via))
    if (gateway !== undefined) return gateway
    // A router which does not speak this version is one of the other.
    if (index >= 0 && this.isOfOtherVersion(index)) return undefined
    throw this.noRouter(host, ['hosts', name, 'gateway'], given)
  }

  private isOfOtherVersion(host: number): boolean {
    return this.addressing.addresses[host]?.every((address) => address === this.arithmetic.zero) ?? false
  }

  private noRouter(host: number, path: Path, given: string): ScenarioError {
    const name = this.topology.names[host] ?? ''
    const near = this.routersNear(host)
    const choices = near.map(({ via }) => formatIp(via)).join(', ')
    const allowed =
      near.length === 0 ? `none, for no router is on a link of ${name}` : `a router on a link of ${name}: ${choices}`
    return new ScenarioError(formatPath(path), quote(given), allowed)
  }

  /** What the author has written of this version. */
  private writtenRoutes(host: number): ResolvedRoute<Address>[] {
    const name = this.topology.names[host] ?? ''
    return (this.scenario.hosts[name]?.routes ?? []).flatMap(({ to, via }, index): ResolvedRoute<Address>[] => {
      const path = ['hosts', name, 'routes', index] as const
      const target = this.readNetwork(to, [...path, 'to'])
      const next = parseIp(via)
      if (next !== undefined && target !== 'default' && typeof next !== typeof target.network) {
        throw new ScenarioError(formatPath([...path, 'via']), quote(via), `a router, or an address of the version of ${to}`)
      }
      if (next !== undefined && !this.arithmetic.is(next)) return []
      if (target !== 'default' && !this.arithmetic.is(target.network)) return []
      const hop =
        next === undefined
          ? this.routerByName(host, via, [...path, 'via'], target === 'default')
          : this.nextHopAt(host, next, [...path, 'via'])
      if (hop === undefined) return []
      const { network, prefix } = target === 'default' ? { network: this.arithmetic.zero, prefix: 0 } : target
      return [{ destination: network as Address, prefix, via: hop.via, port: hop.port }]
    })
  }

  private readNetwork(text: string, path: Path): Subnet<IpAddress> | 'default' {
    if (text === 'default') return 'default'
    const [written = '', length = ''] = text.split('/')
    const address = parseIp(written)
    const prefix = Number(length)
    if (address === undefined || prefix > (typeof address === 'number' ? 32 : 128))
      throw new ScenarioError(formatPath(path), quote(text), 'a network such as "10.2.0.0/16" or "2001:db8:2::/48", or "default"')
    if (this.arithmetic.is(address)) {
      const network = this.arithmetic.networkOf(address, prefix)
      if (network !== address)
        throw new ScenarioError(
          formatPath(path),
          quote(text),
          `"${formatIp(network)}/${length}", the network that this address is in`,
        )
    }
    return { network: address, prefix }
  }

  private routerByName(host: number, name: string, path: Path, isDefault: boolean): Gateway<Address> | undefined {
    const index = this.topology.names.indexOf(name)
    const hop = this.routersNear(host).find(({ router }) => router === index)
    if (hop !== undefined) return hop
    if (isDefault && index >= 0 && this.isOfOtherVersion(index)) return undefined
    throw this.noRouter(host, path, name)
  }

  private nextHopAt(host: number, via: Address, path: Path): Gateway<Address> {
    const port = (this.connected[host] ?? []).findIndex(
      (subnet) => subnet !== undefined && this.arithmetic.networkOf(via, subnet.prefix) === subnet.network,
    )
    if (port >= 0) return { port, via }
    const networks = (this.connected[host] ?? []).flatMap((subnet) =>
      subnet === undefined ? [] : [`${formatIp(subnet.network)}/${String(subnet.prefix)}`],
    )
    throw new ScenarioError(formatPath(path), quote(formatIp(via)), `an address on a network of its own: ${networks.join(', ')}`)
  }

  namesFor(asker: number): Record<string, Address> {
    const { topology, arithmetic } = this
    // Who does not speak a version has no use for its addresses, and is not told (RFC 3493 section 6.1, AI_ADDRCONFIG).
    if (this.isOfOtherVersion(asker)) return {}
    const own = new Set((topology.ports[asker] ?? []).map(({ link }) => topology.segmentOf[link] ?? 0))
    const distanceOf = (segment: number): number =>
      own.has(segment) ? 0 : 1 + (this.nextHop(segment, asker)?.distance ?? FAR - 1)
    const names: Record<string, Address> = {}
    topology.names.forEach((name, host) => {
      if (topology.kinds[host] === 'switch') return
      let best = FAR + 1
      topology.ports[host]?.forEach(({ link }, port) => {
        const address = this.addressAt(host, port)
        const distance = host === asker ? 0 : distanceOf(topology.segmentOf[link] ?? 0)
        if (address === arithmetic.zero || distance >= best) return
        best = distance
        names[name] = address
      })
    })
    return names
  }
}
