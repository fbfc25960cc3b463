import { ScenarioError, quote } from './errors.ts'
import { formatPath } from './path.ts'
import { formatIpv4, parseIpv4 } from '../wire/address.ts'
import type { IpAddress } from '../wire/address.ts'
import type { ParsedScenario } from './schema.ts'
import type { Attachment, Segment, Topology } from './segment.ts'

/** A network of one version of IP: `network` is its lowest address. */
export interface Subnet<Address extends IpAddress = number> {
  readonly network: Address
  readonly prefix: number
}

/**
 * Addresses by host and port; 0 (0n) where there is none, as on a switch's ports. And the subnet of each segment; undefined where
 * nobody needs one.
 */
export interface Addressing<Address extends IpAddress = number> {
  readonly addresses: readonly (readonly Address[])[]
  readonly subnets: readonly (Subnet<Address> | undefined)[]
}

const USUAL_PREFIX = 24
/** 8 bits of a network keep it within one first octet; 30 leave two hosts. */
const PREFIXES = { least: 8, most: 30 }

/** Prefixes of subnets for many, the longest first. */
const CROWDED_PREFIXES = [20, 16, 12]

/** How many addresses a subnet has. */
function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix)
}

function contains(subnet: Subnet, address: number): boolean {
  return address >= subnet.network && address < subnet.network + sizeOf(subnet.prefix)
}

function subnetOf(address: number, prefix: number): Subnet {
  return { network: address - (address % sizeOf(prefix)), prefix }
}

function formatSubnet({ network, prefix }: Subnet): string {
  return `${formatIpv4(network)}/${String(prefix)}`
}

interface Wish {
  readonly attachment: Attachment
  readonly address: number
  /** How many addresses from there on it takes: those of a crowd's members. */
  readonly size: number
  /** undefined: that of the segment. */
  readonly prefix: number | undefined
  readonly path: string
  readonly text: string
}

/**
 * The addresses that are no interface's own, with their names.
 * @throws ScenarioError for what is no address
 */
export function sharedAddresses(scenario: ParsedScenario): [name: string, address: number][] {
  return Object.entries(scenario.names).map(([name, text]) => {
    const address = parseIpv4(text)
    if (address === undefined)
      throw new ScenarioError(formatPath(['names', name]), quote(text), 'an IPv4 address such as "10.0.0.100"')
    return [name, address]
  })
}

/**
 * Gives every interface that speaks IPv4 an address: the author's, or else the next free one of the segment's subnet, hosts from below, routers
 * from above. A segment without any address given becomes 10.0.k.0/24, k being its place in the list of segments.
 * @param topology of those who speak IPv4
 * @throws ScenarioError for addresses that cannot be
 */
export function assignAddresses(scenario: ParsedScenario, topology: Topology): Addressing {
  const wishes = collectWishes(scenario, topology)
  const shared = sharedAddresses(scenario)
  for (const { address, size, path, text } of wishes.values()) {
    const other = shared.find(([, one]) => one >= address && one < address + size)
    if (other !== undefined)
      throw new ScenarioError(path, quote(text), `an address of its own, for ${other[0]} is the name of this one`)
  }
  const given = topology.segments.map((segment) => givenSubnet(segment, wishes, topology))
  refuseOverlaps(given, wishes, topology)
  const taken = given.filter((subnet) => subnet !== undefined)
  const subnets = topology.segments.map((segment, index) => {
    if (segment.attachments.length === 0) return undefined
    const subnet = given[index] ?? freeSubnet(index, addressesOf(segment, topology), taken)
    if (given[index] === undefined) taken.push(subnet)
    return subnet
  })
  const addresses = topology.ports.map((ports) => ports.map(() => 0))
  topology.segments.forEach((segment, index) => {
    const subnet = subnets[index]
    if (subnet === undefined) return
    const kept = shared.map(([, address]) => address).filter((address) => contains(subnet, address))
    fill(segment, subnet, wishes, topology, addresses, kept)
  })
  return { addresses, subnets }
}

function collectWishes(scenario: ParsedScenario, topology: Topology): Map<string, Wish> {
  const wishes = new Map<string, Wish>()
  const owners: Wish[] = []
  const speaking = new Set(topology.segments.flatMap(({ attachments }) => attachments.map(key)))
  Object.entries(scenario.hosts).forEach(([name, host], index) => {
    const ports = topology.ports[index] ?? []
    const add = (text: string, port: number, path: string): void => {
      const attachment = { host: index, port, link: ports[port]?.link ?? 0 }
      if (!speaking.has(key(attachment)))
        throw new ScenarioError(path, quote(text), `none, for ${name} speaks IPv6 only; ip: "dual" changes that`)
      const wish = readWish(text, attachment, path, host.replicas ?? 1)
      const owner = owners.find((other) => wish.address < other.address + other.size && other.address < wish.address + wish.size)
      if (owner !== undefined) {
        const name = formatPath(['hosts', topology.names[owner.attachment.host] ?? ''])
        const allowed =
          wish.size === 1 && owner.size === 1
            ? `an address of its own; ${name} has this one`
            : `addresses of its own, one for each member; ${name} has some of these`
        throw new ScenarioError(path, quote(text), allowed)
      }
      owners.push(wish)
      wishes.set(key(wish.attachment), wish)
    }
    if (host.address !== undefined) {
      const path = formatPath(['hosts', name, 'address'])
      if (ports.length !== 1) {
        const links = ports.map(({ link }) => topology.linkNames[link] ?? '').join(', ')
        throw new ScenarioError(path, quote(host.address), `addresses by link instead, for ${name} has several: ${links}`)
      }
      add(host.address, 0, path)
    }
    for (const [linkName, text] of Object.entries(host.addresses ?? {})) {
      const path = formatPath(['hosts', name, 'addresses', linkName])
      const port = ports.findIndex(({ link }) => topology.linkNames[link] === linkName)
      if (port < 0) {
        const links = ports.map(({ link }) => topology.linkNames[link] ?? '').join(', ')
        throw new ScenarioError(path, quote(linkName), `the name of a link of ${name}: ${links}`)
      }
      add(text, port, path)
    }
  })
  return wishes
}

function readWish(text: string, attachment: Attachment, path: string, size: number): Wish {
  const [dotted = '', length] = text.split('/')
  const address = parseIpv4(dotted)
  const prefix = length === undefined ? undefined : Number(length)
  const usable = address !== undefined && address >= 0x0100_0000 && address < 0xe000_0000 && Math.floor(address / 2 ** 24) !== 127
  if (!usable) throw new ScenarioError(path, quote(text), 'a unicast IPv4 address such as "10.0.0.1/24"')
  if (prefix !== undefined && (prefix < PREFIXES.least || prefix > PREFIXES.most)) {
    throw new ScenarioError(
      path,
      quote(text),
      `a prefix of ${String(PREFIXES.least)} to ${String(PREFIXES.most)} bits, such as "${dotted}/24"`,
    )
  }
  return { attachment, address, size, prefix, path, text }
}

function key({ host, port }: Attachment): string {
  return `${String(host)}/${String(port)}`
}

/** The subnet that the addresses given on a segment agree on. */
function givenSubnet(segment: Segment, wishes: ReadonlyMap<string, Wish>, topology: Topology): Subnet | undefined {
  const here = segment.attachments.map((attachment) => wishes.get(key(attachment))).filter((wish) => wish !== undefined)
  const first = here.find(({ prefix }) => prefix !== undefined) ?? here[0]
  if (first === undefined) return undefined
  const subnet = subnetOf(first.address, first.prefix ?? usualPrefix(segment, topology))
  for (const wish of here) {
    const top = subnet.network + sizeOf(subnet.prefix) - 1
    const sameLength = wish.prefix === undefined || wish.prefix === subnet.prefix
    const last = wish.address + wish.size - 1
    if (!contains(subnet, wish.address) || !sameLength) {
      const who = topology.names[first.attachment.host] ?? ''
      throw new ScenarioError(
        wish.path,
        quote(wish.text),
        `an address in ${formatSubnet(subnet)}, the subnet of ${who} on the same segment`,
      )
    }
    if (last >= top && wish.size > 1) {
      const allowed = `an address that leaves room for ${String(wish.size)} members in ${formatSubnet(subnet)}, or a shorter prefix`
      throw new ScenarioError(wish.path, quote(wish.text), allowed)
    }
    if (wish.address === subnet.network || wish.address === top) {
      const range = `${formatIpv4(subnet.network + 1)} to ${formatIpv4(top - 1)}`
      throw new ScenarioError(
        wish.path,
        quote(wish.text),
        `an address of a host, ${range}; the first and the last are the subnet's own`,
      )
    }
  }
  return subnet
}

function overlap(a: Subnet, b: Subnet): boolean {
  return contains(a, b.network) || contains(b, a.network)
}

function refuseOverlaps(given: readonly (Subnet | undefined)[], wishes: ReadonlyMap<string, Wish>, topology: Topology): void {
  const ordered = given
    .map((subnet, segment) => ({ subnet, segment }))
    .filter((entry): entry is { subnet: Subnet; segment: number } => entry.subnet !== undefined)
    .sort((a, b) => a.subnet.network - b.subnet.network || a.segment - b.segment)
  for (let i = 1; i < ordered.length; i++) {
    const [before, after] = [ordered[i - 1], ordered[i]]
    if (before === undefined || after === undefined || !overlap(before.subnet, after.subnet)) continue
    const [earlier, later] = before.segment < after.segment ? [before, after] : [after, before]
    const wish = topology.segments[later.segment]?.attachments
      .map((attachment) => wishes.get(key(attachment)))
      .find((one) => one !== undefined)
    const link = topology.linkNames[topology.segments[earlier.segment]?.links[0] ?? 0] ?? ''
    const allowed = `an address outside ${formatSubnet(earlier.subnet)}, for that subnet is on another segment, link ${link}`
    throw new ScenarioError(wish?.path ?? 'hosts', quote(wish?.text ?? ''), allowed)
  }
}

/** How many addresses a segment needs. */
function addressesOf(segment: Segment, { replicas }: Topology): number {
  return segment.attachments.reduce((sum, { host }) => sum + (replicas[host] ?? 1), 0)
}

/** Of a subnet whose prefix the author has left open: such that a crowd has room in it. */
function usualPrefix(segment: Segment, topology: Topology): number {
  const hasCrowd = segment.attachments.some(({ host }) => (topology.replicas[host] ?? 1) > 1)
  return hasCrowd ? prefixFor(addressesOf(segment, topology)) : USUAL_PREFIX
}

function prefixFor(addresses: number): number {
  return [USUAL_PREFIX, ...CROWDED_PREFIXES].find((prefix) => addresses + 2 <= sizeOf(prefix)) ?? PREFIXES.least
}

/** 10.0.k.0/24, or for a crowd a larger subnet from 10.128.0.0 up, that overlaps nothing taken. */
function freeSubnet(index: number, hosts: number, taken: readonly Subnet[]): Subnet {
  const prefix = prefixFor(hosts)
  const crowded = prefix < USUAL_PREFIX
  let subnet = { network: (crowded ? 0x0a80_0000 : 0x0a00_0000) + index * sizeOf(prefix), prefix }
  for (;;) {
    const candidate = subnet
    const other = taken.find((one) => overlap(one, candidate))
    if (other === undefined) return subnet
    // Past the one in the way, on the next multiple of the own size.
    const past = Math.max(other.network + sizeOf(other.prefix), subnet.network + sizeOf(prefix))
    subnet = { network: Math.ceil(past / sizeOf(prefix)) * sizeOf(prefix), prefix }
  }
}

function fill(
  segment: Segment,
  subnet: Subnet,
  wishes: ReadonlyMap<string, Wish>,
  topology: Topology,
  addresses: number[][],
  kept: readonly number[],
): void {
  const used = new Set<number>(kept)
  const open: Attachment[] = []
  for (const attachment of segment.attachments) {
    const wish = wishes.get(key(attachment))
    if (wish === undefined) open.push(attachment)
    else give(attachment, wish.address, wish.size)
  }
  const isRouter = ({ host }: Attachment): boolean => topology.kinds[host] === 'router'
  // Among routers only, counting from below reads better.
  const routersFromAbove = segment.attachments.some((attachment) => !isRouter(attachment))
  let low = subnet.network + 1
  const top = subnet.network + sizeOf(subnet.prefix) - 2
  let high = top
  for (const attachment of open) {
    const size = topology.replicas[attachment.host] ?? 1
    const start = firstOfFree(size)
    if (used.size >= sizeOf(subnet.prefix) - 2 || start === undefined) {
      const name = topology.names[attachment.host] ?? ''
      const found = `${String(addressesOf(segment, topology))} interfaces in ${formatSubnet(subnet)}`
      throw new ScenarioError(
        formatPath(['hosts', name]),
        found,
        `at most ${String(sizeOf(subnet.prefix) - 2)}; a shorter prefix holds more`,
      )
    }
    if (routersFromAbove && isRouter(attachment)) {
      while (used.has(high)) high--
      give(attachment, high, 1)
    } else {
      give(attachment, start, size)
    }
  }

  /** The lowest address from which on so many are free; undefined when there is none. */
  function firstOfFree(size: number): number | undefined {
    while (used.has(low)) low++
    let start = low
    for (let count = 0; count < size; count++) {
      if (start + size - 1 > top) return undefined
      if (!used.has(start + count)) continue
      start += count + 1
      count = -1
    }
    return start
  }

  function give({ host, port }: Attachment, address: number, size: number): void {
    for (let member = 0; member < size; member++) used.add(address + member)
    const ports = addresses[host]
    if (ports !== undefined) ports[port] = address
  }
}
