import type { ParsedScenario } from './schema.ts'

/** One end of a link at a host or a router. */
export interface Attachment {
  /** Index of the host. */
  readonly host: number
  /** Index of the host's interface. */
  readonly port: number
  /** Index of the link. */
  readonly link: number
}

/** A layer-2 network: what a broadcast reaches. One link, or several that switches join. */
export interface Segment {
  /** Indices of links, ascending. */
  readonly links: readonly number[]
  /** Everybody on it with an address, in the order of hosts, then ports. */
  readonly attachments: readonly Attachment[]
}

/** Who is plugged in where, by index. */
export interface Topology {
  readonly names: readonly string[]
  readonly kinds: readonly ('host' | 'router' | 'switch')[]
  /** By host: how many there are of it, which is one but for crowds. */
  readonly replicas: readonly number[]
  /** By host: for each of its ports, the link and which end of it. */
  readonly ports: readonly (readonly { readonly link: number; readonly end: 0 | 1 }[])[]
  /** By link: indices of the hosts at its ends. */
  readonly ends: readonly (readonly [number, number])[]
  readonly linkNames: readonly string[]
  readonly segments: readonly Segment[]
  /** By link: index of its segment. */
  readonly segmentOf: readonly number[]
}

/** Name of a link as given, or of its ends. */
export function nameOfLink(link: ParsedScenario['links'][number]): string {
  return link.name ?? link.between.join('-')
}

/** Numbers everything in a scenario whose links join hosts that exist. */
export function topologyOf(scenario: ParsedScenario): Topology {
  const names = Object.keys(scenario.hosts)
  const indexOf = new Map(names.map((name, index) => [name, index]))
  const kinds = Object.values(scenario.hosts).map(({ kind }) => kind)
  const replicas = Object.values(scenario.hosts).map((host) => host.replicas ?? 1)
  const ports: { link: number; end: 0 | 1 }[][] = names.map(() => [])
  const ends = scenario.links.map(({ between }, link) => {
    const pair: [number, number] = [indexOf.get(between[0]) ?? 0, indexOf.get(between[1]) ?? 0]
    ports[pair[0]]?.push({ link, end: 0 })
    ports[pair[1]]?.push({ link, end: 1 })
    return pair
  })
  const { segments, segmentOf } = segmentsOf(kinds, ports, ends)
  return { names, kinds, replicas, ports, ends, linkNames: scenario.links.map(nameOfLink), segments, segmentOf }
}

function segmentsOf(
  kinds: Topology['kinds'],
  ports: Topology['ports'],
  ends: Topology['ends'],
): { segments: Segment[]; segmentOf: number[] } {
  const segmentOf = ends.map(() => -1)
  const members: number[][] = []
  for (let first = 0; first < ends.length; first++) {
    if (segmentOf[first] !== -1) continue
    const segment = members.length
    const links = [first]
    segmentOf[first] = segment
    for (let i = 0; i < links.length; i++) {
      for (const host of ends[links[i] ?? 0] ?? []) {
        if (kinds[host] !== 'switch') continue
        for (const { link } of ports[host] ?? []) {
          if (segmentOf[link] !== -1) continue
          segmentOf[link] = segment
          links.push(link)
        }
      }
    }
    members.push(links.sort((a, b) => a - b))
  }
  const attachments: Attachment[][] = members.map(() => [])
  ports.forEach((list, host) => {
    if (kinds[host] === 'switch') return
    list.forEach(({ link }, port) => attachments[segmentOf[link] ?? 0]?.push({ host, port, link }))
  })
  return { segments: members.map((links, index) => ({ links, attachments: attachments[index] ?? [] })), segmentOf }
}
