import { ScenarioError, quote } from './errors.ts'
import { formatPath } from './path.ts'
import { formatIpv4, parseIpv4 } from '../wire/address.ts'
import type { Addressing } from './addressing.ts'
import type { ResolvedRoute } from './resolved.ts'
import type { ParsedScenario } from './schema.ts'
import type { Topology } from './segment.ts'

const FAR = Number.MAX_SAFE_INTEGER

/** Routes and names of every host. */
export interface Routing {
  readonly routes: readonly (readonly ResolvedRoute[])[]
  /** By host: addresses by host name, of each the nearest. */
  readonly names: readonly Readonly<Record<string, number>>[]
}

/**
 * Static routes over the fewest routers; of several such ways, that over the first port, and there over the first router of the list. A host
 * with one interface and one router gets a default route only.
 * @throws ScenarioError for a gateway that is none
 */
export function computeRoutes(scenario: ParsedScenario, topology: Topology, addressing: Addressing): Routing {
  const away = topology.segments.map((_, segment) => routerDistances(topology, segment))
  const routes = topology.names.map((_, host) => routesOf(scenario, topology, addressing, away, host))
  const names = topology.names.map((_, host) =>
    topology.kinds[host] === 'switch' ? {} : namesFor(topology, addressing, away, host),
  )
  return { routes, names }
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

interface Hop {
  readonly port: number
  readonly router: number
  readonly via: number
  /** Routers on the way. */
  readonly distance: number
}

/** The best next hop of a host towards a segment that it is not on. */
function nextHop(topology: Topology, addressing: Addressing, distances: readonly number[], host: number): Hop | undefined {
  let best: Hop | undefined
  topology.ports[host]?.forEach(({ link }, port) => {
    for (const neighbour of topology.segments[topology.segmentOf[link] ?? 0]?.attachments ?? []) {
      if (neighbour.host === host || topology.kinds[neighbour.host] !== 'router') continue
      const distance = distances[neighbour.host] ?? FAR
      if (distance === FAR || distance >= (best?.distance ?? FAR)) continue
      best = { port, router: neighbour.host, via: addressing.addresses[neighbour.host]?.[neighbour.port] ?? 0, distance }
    }
  })
  return best
}

function routesOf(
  scenario: ParsedScenario,
  topology: Topology,
  addressing: Addressing,
  away: readonly (readonly number[])[],
  host: number,
): ResolvedRoute[] {
  if (topology.kinds[host] === 'switch') return []
  const ports = topology.ports[host] ?? []
  const own = new Set(ports.map(({ link }) => topology.segmentOf[link] ?? 0))
  const routes: ResolvedRoute[] = []
  ports.forEach(({ link }, port) => {
    const subnet = addressing.subnets[topology.segmentOf[link] ?? 0]
    if (subnet !== undefined) routes.push({ destination: subnet.network, prefix: subnet.prefix, via: 0, port })
  })
  const gateway = givenGateway(scenario, topology, addressing, host) ?? soleGateway(topology, addressing, host)
  if (gateway === undefined || topology.kinds[host] === 'router') {
    topology.segments.forEach((_, segment) => {
      const subnet = addressing.subnets[segment]
      if (subnet === undefined || own.has(segment)) return
      const hop = nextHop(topology, addressing, away[segment] ?? [], host)
      if (hop !== undefined) routes.push({ destination: subnet.network, prefix: subnet.prefix, via: hop.via, port: hop.port })
    })
  }
  const fallback = gateway ?? (topology.kinds[host] === 'router' ? undefined : firstRouter(topology, addressing, host))
  if (fallback !== undefined) routes.push({ destination: 0, prefix: 0, via: fallback.via, port: fallback.port })
  return routes.sort((a, b) => b.prefix - a.prefix)
}

type Gateway = Pick<Hop, 'port' | 'via'>

function routersNear(topology: Topology, addressing: Addressing, host: number): Gateway[] {
  return (topology.ports[host] ?? []).flatMap(({ link }, port) =>
    (topology.segments[topology.segmentOf[link] ?? 0]?.attachments ?? [])
      .filter((near) => near.host !== host && topology.kinds[near.host] === 'router')
      .map((near) => ({ port, via: addressing.addresses[near.host]?.[near.port] ?? 0 })),
  )
}

function firstRouter(topology: Topology, addressing: Addressing, host: number): Gateway | undefined {
  return routersNear(topology, addressing, host)[0]
}

/** The only router of a host of one interface. */
function soleGateway(topology: Topology, addressing: Addressing, host: number): Gateway | undefined {
  if (topology.kinds[host] !== 'host' || topology.ports[host]?.length !== 1) return undefined
  const routers = routersNear(topology, addressing, host)
  return routers.length === 1 ? routers[0] : undefined
}

function givenGateway(scenario: ParsedScenario, topology: Topology, addressing: Addressing, host: number): Gateway | undefined {
  const name = topology.names[host] ?? ''
  const given = scenario.hosts[name]?.gateway
  if (given === undefined) return undefined
  const near = routersNear(topology, addressing, host)
  const index = topology.names.indexOf(given)
  const addresses = index < 0 ? [parseIpv4(given)] : (addressing.addresses[index] ?? [])
  const gateway = near.find(({ via }) => addresses.includes(via))
  if (gateway !== undefined) return gateway
  const choices = near.map(({ via }) => formatIpv4(via)).join(', ')
  const allowed = near.length === 0 ? `none, for no router is on a link of ${name}` : `a router on a link of ${name}: ${choices}`
  throw new ScenarioError(formatPath(['hosts', name, 'gateway']), quote(given), allowed)
}

function namesFor(
  topology: Topology,
  addressing: Addressing,
  away: readonly (readonly number[])[],
  asker: number,
): Record<string, number> {
  const own = new Set((topology.ports[asker] ?? []).map(({ link }) => topology.segmentOf[link] ?? 0))
  const distanceOf = (segment: number): number =>
    own.has(segment) ? 0 : 1 + (nextHop(topology, addressing, away[segment] ?? [], asker)?.distance ?? FAR - 1)
  const names: Record<string, number> = {}
  topology.names.forEach((name, host) => {
    if (topology.kinds[host] === 'switch') return
    let best = FAR + 1
    topology.ports[host]?.forEach(({ link }, port) => {
      const distance = host === asker ? 0 : distanceOf(topology.segmentOf[link] ?? 0)
      if (distance >= best) return
      best = distance
      names[name] = addressing.addresses[host]?.[port] ?? 0
    })
  })
  return names
}
