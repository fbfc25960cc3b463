import { parseIpv4 } from '../wire/address.ts'
import { assignAddresses, sharedAddresses } from './addressing.ts'
import { assignAddresses6, networkOf6 } from './addressing6.ts'
import { familyTopology } from './family.ts'
import { computeRoutes } from './routing.ts'
import type { IpAddress } from '../wire/address.ts'
import type { Addressing, Subnet } from './addressing.ts'
import type { ResolvedHost, ResolvedInterface } from './resolved.ts'
import type { ParsedScenario } from './schema.ts'
import type { Topology } from './segment.ts'

/** Locally administered unicast addresses (IEEE 802-2014 section 8.2): 02:00:hh:hh:pp:pp, host from 1 and port from 0. */
const MAC_BASE = 0x0200_0000_0000

function macOf(host: number, port: number): number {
  return MAC_BASE + (host + 1) * 0x1_0000 + port
}

function networkOf(address: number, prefix: number): number {
  return address - (address % 2 ** (32 - prefix))
}

/** What a host has to do with addresses. */
type Addresses = Pick<ResolvedHost, 'interfaces' | 'routes' | 'names'> &
  Partial<Pick<ResolvedHost, 'routes6' | 'advertises' | 'duplicateAddressDetection' | 'loopback'>>

/** By host and port, the network that the host takes itself to be on; undefined where it has no address, or learns that later. */
function connectedOf<Address extends IpAddress>(
  topology: Topology,
  { addresses, subnets }: Addressing<Address>,
  subnetFor: (subnet: Subnet<Address>, address: Address, host: number, port: number) => Subnet<Address> | undefined,
): (Subnet<Address> | undefined)[][] {
  return topology.ports.map((ports, host) =>
    ports.map(({ link }, port) => {
      const subnet = subnets[topology.segmentOf[link] ?? 0]
      const address = addresses[host]?.[port]
      // Of either version, for 0n is as false as 0.
      if (subnet === undefined || !address) return undefined
      return subnetFor(subnet, address, host, port)
    }),
  )
}

/**
 * Everything about addresses: those of each interface, the routes and the names of each host, for both versions of IP.
 * @throws ScenarioError for what cannot be
 */
export function resolveAddresses(scenario: ParsedScenario, topology: Topology): Addresses[] {
  const hosts = Object.values(scenario.hosts)
  const topology4 = familyTopology(scenario, topology, 4)
  const addressing4 = assignAddresses(scenario, topology4)
  const connected4 = connectedOf(topology4, addressing4, (subnet, address, host) => {
    const prefix = hosts[host]?.mistakenPrefix
    return prefix === undefined ? subnet : { network: networkOf(address, prefix), prefix }
  })
  const routing4 = computeRoutes(scenario, topology4, addressing4, connected4, {
    zero: 0,
    networkOf,
    is: (address) => typeof address === 'number',
    learns: () => false,
  })
  const topology6 = familyTopology(scenario, topology, 6)
  const addressing6 = assignAddresses6(scenario, topology6, macOf)
  const isAutomatic = (host: number, port: number): boolean => addressing6.automatic[host]?.[port] ?? false
  const connected6 = connectedOf(topology6, addressing6, (subnet, _, host, port) =>
    isAutomatic(host, port) ? undefined : subnet,
  )
  const routing6 = computeRoutes(scenario, topology6, addressing6, connected6, {
    zero: 0n,
    networkOf: networkOf6,
    is: (address) => typeof address === 'bigint',
    learns: (host) => addressing6.automatic[host]?.includes(true) ?? false,
  })
  return hosts.map((host, index): Addresses => {
    const interfaces = (topology.ports[index] ?? []).map(({ link, end }, port): ResolvedInterface => {
      const address = addressing4.addresses[index]?.[port] ?? 0
      const address6 = addressing6.addresses[index]?.[port] ?? 0n
      return {
        name: `eth${String(port)}`,
        link,
        end,
        mac: macOf(index, port),
        address,
        prefix: connected4[index]?.[port]?.prefix ?? 0,
        ...(address6 !== 0n && {
          address6,
          prefix6: addressing6.subnets[topology.segmentOf[link] ?? 0]?.prefix ?? 0,
          ...(isAutomatic(index, port) && { automatic6: true }),
        }),
        mtu: scenario.links[link]?.mtu ?? 1500,
        ...(host.staticArp === true && {
          staticArp: staticEntries(topology4, addressing4, topology.segmentOf[link] ?? 0, index),
        }),
      }
    })
    const speaks6 = interfaces.some(({ address6 }) => address6 !== undefined)
    return {
      interfaces,
      routes: routing4.routes[index] ?? [],
      names: withAliases(bothNames(routing6.names[index] ?? {}, routing4.names[index] ?? {}), scenario),
      ...(host.loopback !== undefined && { loopback: host.loopback.map((text) => parseIpv4(text) ?? 0) }),
      ...(speaks6 && { routes6: routing6.routes[index] ?? [] }),
      ...(speaks6 && host.advertises === true && { advertises: true }),
      ...(speaks6 &&
        host.duplicateAddressDetection !== undefined && { duplicateAddressDetection: host.duplicateAddressDetection }),
    }
  })
}

/** Everybody else on a segment who has an IPv4 address. */
function staticEntries(
  topology: Topology,
  { addresses }: Addressing,
  segment: number,
  owner: number,
): { address: number; mac: number }[] {
  return (topology.segments[segment]?.attachments ?? []).flatMap(({ host, port }) => {
    const address = addresses[host]?.[port] ?? 0
    if (host === owner || address === 0) return []
    const mac = macOf(host, port)
    return Array.from({ length: topology.replicas[host] ?? 1 }, (_, member) => ({ address: address + member, mac: mac + member }))
  })
}

/** The same with the further names of hosts that are known. */
function withAliases(
  names: Record<string, readonly IpAddress[]>,
  scenario: ParsedScenario,
): Record<string, readonly IpAddress[]> {
  for (const [name, { aliases = [] }] of Object.entries(scenario.hosts)) {
    const addresses = names[name]
    if (addresses !== undefined) for (const alias of aliases) names[alias] = addresses
  }
  for (const [name, address] of sharedAddresses(scenario)) names[name] = [address]
  return names
}

function bothNames(
  names6: Readonly<Record<string, bigint>>,
  names4: Readonly<Record<string, number>>,
): Record<string, readonly IpAddress[]> {
  const all: Record<string, IpAddress[]> = Object.fromEntries(Object.entries(names4).map(([name, address]) => [name, [address]]))
  for (const [name, address] of Object.entries(names6)) all[name] = [address, ...(all[name] ?? [])]
  return all
}
