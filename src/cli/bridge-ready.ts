import { formatIp, formatIpv4, formatIpv6, formatMac } from '../wire/address.ts'
import type { InterfaceSettings, Place } from './attachment.ts'
import type { ResolvedHost, ResolvedInterface, ResolvedScenario } from '../scenario/resolved.ts'

/** One interface that the outside takes over; addresses in text, null where there is none. */
interface ReadyInterface {
  readonly link: string
  /** `'lab/eth0'`, or the path of the socket. */
  readonly at: string
  readonly mac: string
  readonly mtu: number
  readonly address: string | null
  readonly prefix: number | null
  readonly gateway: string | null
  readonly address6: string | null
  readonly prefix6: number | null
  readonly gateway6: string | null
  /** Networks behind the interface, besides its own, and the next hop to each. */
  readonly routes: readonly { readonly to: string; readonly via: string }[]
}

/** The first line of a bridge: what the outside must take on, and whom it finds. Of several interfaces the first; all stand in `interfaces`. */
export interface ReadyLine extends ReadyInterface {
  readonly ready: true
  readonly host: string
  readonly peers: Readonly<Record<string, { readonly address?: string; readonly address6?: string }>>
  /** Only of a host with several. */
  readonly interfaces?: readonly ReadyInterface[]
}

/** @param places by port of the host */
export function readyLine(scenario: ResolvedScenario, host: ResolvedHost, places: readonly Place[]): ReadyLine {
  const interfaces = host.interfaces.map((one, port): ReadyInterface => {
    const routes = routesOf(host, port)
    const gateway = (all: string): string | null => routes.find(({ to }) => to === all)?.via ?? null
    return {
      link: scenario.links[one.link].name,
      at: describePlace(places[port]),
      mac: formatMac(one.mac),
      mtu: one.mtu,
      address: one.address === 0 ? null : formatIpv4(one.address),
      prefix: one.address === 0 ? null : one.prefix,
      gateway: gateway('0.0.0.0/0'),
      address6: one.address6 === undefined ? null : formatIpv6(one.address6),
      prefix6: one.prefix6 ?? null,
      gateway6: gateway('::/0'),
      routes,
    }
  })
  return {
    ready: true,
    host: host.name,
    ...interfaces[0],
    peers: peersOf(host),
    ...(interfaces.length > 1 && { interfaces }),
  }
}

/** What the interface at a port is to be given. */
export function settingsOf(host: ResolvedHost, port: number): InterfaceSettings {
  const { mac, mtu, address, prefix, address6, prefix6, automatic6 }: ResolvedInterface = host.interfaces[port]
  return {
    mac: formatMac(mac),
    mtu,
    addresses: [
      ...(address === 0 ? [] : [`${formatIpv4(address)}/${String(prefix)}`]),
      // What a router advertises, the outside takes from there.
      ...(address6 === undefined || automatic6 === true ? [] : [`${formatIpv6(address6)}/${String(prefix6)}`]),
    ],
    routes: routesOf(host, port).map(({ to, via }) => [to, via] as const),
  }
}

function routesOf(host: ResolvedHost, port: number): { to: string; via: string }[] {
  return [...host.routes, ...(host.routes6 ?? [])]
    .filter((route) => route.port === port && BigInt(route.via) !== 0n)
    .map(({ destination, prefix, via }) => ({ to: `${formatIp(destination)}/${String(prefix)}`, via: formatIp(via) }))
}

function peersOf(host: ResolvedHost): ReadyLine['peers'] {
  const others = Object.entries(host.names).filter(([name]) => name !== host.name)
  return Object.fromEntries(
    others.map(([name, addresses]) => {
      const v4 = addresses.find((address) => typeof address === 'number')
      const v6 = addresses.find((address) => typeof address === 'bigint')
      return [name, { ...(v4 !== undefined && { address: formatIp(v4) }), ...(v6 !== undefined && { address6: formatIp(v6) }) }]
    }),
  )
}

function describePlace(place: Place): string {
  if (place.kind === 'socket') return place.path
  return place.namespace === undefined ? place.name : `${place.namespace}/${place.name}`
}
