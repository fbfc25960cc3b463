import type { ParsedHost, ParsedScenario } from './schema.ts'
import type { Topology } from './segment.ts'

/** A version of IP. */
export type Family = 4 | 6

function hasAddress6(host: ParsedHost): boolean {
  return host.address6 !== undefined || host.addresses6 !== undefined
}

/** Whether a host speaks a version: crowds IPv4 only, others by its own word, by its having an IPv6 address, or by what the scenario says of all. */
function speaks(scenario: ParsedScenario, host: ParsedHost, family: Family): boolean {
  if (host.kind === 'switch') return false
  if (host.replicas !== undefined) return family === 4
  const versions = host.ip ?? (scenario.ip === 'v4' && hasAddress6(host) ? 'dual' : scenario.ip)
  return versions === 'dual' || versions === (family === 4 ? 'v4' : 'v6')
}

/** The network as those see it who speak one version of IP: on each segment only they have an address. */
export function familyTopology(scenario: ParsedScenario, topology: Topology, family: Family): Topology {
  const hosts = Object.values(scenario.hosts).map((host) => speaks(scenario, host, family))
  if (hosts.every((does, host) => does || topology.kinds[host] === 'switch')) return topology
  const segments = topology.segments.map(({ links, attachments }) => ({
    links,
    attachments: attachments.filter(({ host }) => hosts[host]),
  }))
  return { ...topology, segments }
}
