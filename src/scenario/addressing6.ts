import { AUTOMATIC } from './address-schema.ts'
import { ScenarioError, quote } from './errors.ts'
import { formatPath } from './path.ts'
import { formatIpv6, interfaceIdentifier, isLinkLocalIpv6, isMulticastIpv6, parseIpv6 } from '../wire/address.ts'
import type { Addressing, Subnet } from './addressing.ts'
import type { ParsedScenario } from './schema.ts'
import type { Attachment, Segment, Topology } from './segment.ts'

/** IPv6 addresses by host and port, 0n where there is none; and which of them come from router advertisements. */
export interface Addressing6 extends Addressing<bigint> {
  readonly automatic: readonly (readonly boolean[])[]
  /** Whether a router speaks of itself, by host. */
  readonly advertises: readonly boolean[]
}

/** The prefix for examples in texts (RFC 3849): 2001:db8::/32. */
const DOCUMENTATION = 0x2001_0db8n << 96n
const USUAL_PREFIX = 64
/** What interface identifiers need: the rest of an address is theirs (RFC 4291 section 2.5.1). */
const AUTOMATIC_PREFIX = 64
const PREFIXES = { least: 16, most: 126 }
/** The lower 8 bits that routers are numbered from, downwards, as in IPv4. */
const FIRST_ROUTER = 0xfe

/** Lowest address of the network of a prefix. */
export function networkOf6(address: bigint, prefix: number): bigint {
  const rest = BigInt(128 - prefix)
  return (address >> rest) << rest
}

function contains({ network, prefix }: Subnet<bigint>, address: bigint): boolean {
  return networkOf6(address, prefix) === network
}

function overlap(a: Subnet<bigint>, b: Subnet<bigint>): boolean {
  return contains(a, b.network) || contains(b, a.network)
}

function formatSubnet({ network, prefix }: Subnet<bigint>): string {
  return `${formatIpv6(network)}/${String(prefix)}`
}

interface Wish {
  readonly attachment: Attachment
  /** undefined: automatic. */
  readonly address: bigint | undefined
  readonly prefix: number | undefined
  readonly path: string
  readonly text: string
}

function key({ host, port }: Attachment): string {
  return `${String(host)}/${String(port)}`
}

/**
 * Gives every interface that speaks IPv6 an address: the author's, the one that it will make of what a router advertises (RFC 4862
 * section 5.5.3, with the interface identifier of RFC 2464 section 4), or else the next free one of the segment's subnet, hosts from
 * ::1 upwards, routers from ::fe downwards. A segment without any address given becomes 2001:db8:0:k::/64, k being its place in the
 * list of segments.
 * @param topology of those who speak IPv6
 * @param macOf the MAC address of a port
 * @throws ScenarioError for addresses that cannot be
 */
export function assignAddresses6(
  scenario: ParsedScenario,
  topology: Topology,
  macOf: (host: number, port: number) => number,
): Addressing6 {
  const wishes = collectWishes(scenario, topology)
  const advertises = Object.entries(scenario.hosts).map(([name, host]) =>
    checkAdvertiser(name, host.kind, host.advertises === true),
  )
  const given = topology.segments.map((segment) => givenSubnet(segment, wishes, topology))
  refuseOverlaps(given, wishes, topology)
  const taken = given.filter((subnet) => subnet !== undefined)
  const subnets = topology.segments.map((segment, index) => {
    if (segment.attachments.length === 0) return undefined
    const subnet = given[index] ?? freeSubnet(index, taken)
    if (given[index] === undefined) taken.push(subnet)
    return subnet
  })
  const addresses = topology.ports.map((ports) => ports.map(() => 0n))
  const automatic = topology.ports.map((ports) => ports.map(() => false))
  topology.segments.forEach((segment, index) => {
    const subnet = subnets[index]
    if (subnet === undefined) return
    const used = new Set<bigint>()
    const open: Attachment[] = []
    for (const attachment of segment.attachments) {
      const wish = wishes.get(key(attachment))
      if (wish === undefined) open.push(attachment)
      else if (wish.address !== undefined) give(attachment, wish.address)
      else {
        checkAutomatic(wish, segment, subnet, topology, advertises)
        give(attachment, subnet.network | interfaceIdentifier(macOf(attachment.host, attachment.port)))
        const ports = automatic[attachment.host]
        if (ports !== undefined) ports[attachment.port] = true
      }
    }
    const isRouter = ({ host }: Attachment): boolean => topology.kinds[host] === 'router'
    // Among routers only, counting from below reads better.
    const routersFromAbove = segment.attachments.some((attachment) => !isRouter(attachment))
    const most = 2n ** BigInt(128 - subnet.prefix) - 1n
    let low = 1n
    let high = most < FIRST_ROUTER ? most : BigInt(FIRST_ROUTER)
    for (const attachment of open) {
      if (BigInt(used.size) >= most) {
        const found = `${String(segment.attachments.length)} interfaces in ${formatSubnet(subnet)}`
        const path = formatPath(['hosts', topology.names[attachment.host] ?? ''])
        throw new ScenarioError(path, found, `at most ${String(most)}; a shorter prefix holds more`)
      }
      const fromAbove = routersFromAbove && isRouter(attachment)
      while (fromAbove && high > 0n && used.has(subnet.network | high)) high--
      if (fromAbove && high > 0n) {
        give(attachment, subnet.network | high)
      } else {
        while (used.has(subnet.network | low)) low++
        give(attachment, subnet.network | low)
      }
    }

    function give({ host, port }: Attachment, address: bigint): void {
      used.add(address)
      const ports = addresses[host]
      if (ports !== undefined) ports[port] = address
    }
  })
  return { addresses, subnets, automatic, advertises }
}

function checkAdvertiser(name: string, kind: string, advertises: boolean): boolean {
  if (advertises && kind !== 'router')
    throw new ScenarioError(formatPath(['hosts', name, 'advertises']), 'true', 'false on anything but a router')
  return advertises
}

function checkAutomatic(
  wish: Wish,
  segment: Segment,
  subnet: Subnet<bigint>,
  topology: Topology,
  advertises: readonly boolean[],
): void {
  const name = topology.names[wish.attachment.host] ?? ''
  if (topology.kinds[wish.attachment.host] === 'router')
    throw new ScenarioError(
      wish.path,
      quote(wish.text),
      'an address such as "2001:db8::1/64", for a router does not get its own from others',
    )
  if (!segment.attachments.some(({ host }) => advertises[host])) {
    const allowed = `an address, or "auto" where a router on a link of ${name} has advertises: true`
    throw new ScenarioError(wish.path, quote(wish.text), allowed)
  }
  if (subnet.prefix !== AUTOMATIC_PREFIX) {
    const allowed = `an address in ${formatSubnet(subnet)}, for "auto" takes a prefix of ${String(AUTOMATIC_PREFIX)} bits`
    throw new ScenarioError(wish.path, quote(wish.text), allowed)
  }
}

function collectWishes(scenario: ParsedScenario, topology: Topology): Map<string, Wish> {
  const wishes = new Map<string, Wish>()
  const owners = new Map<bigint, Wish>()
  const speaking = new Set(topology.segments.flatMap(({ attachments }) => attachments.map(key)))
  Object.entries(scenario.hosts).forEach(([name, host], index) => {
    const ports = topology.ports[index] ?? []
    const linksText = (): string => ports.map(({ link }) => topology.linkNames[link] ?? '').join(', ')
    const add = (text: string, port: number, path: string): void => {
      const attachment = { host: index, port, link: ports[port]?.link ?? 0 }
      if (!speaking.has(key(attachment)))
        throw new ScenarioError(path, quote(text), `none, for ${name} speaks IPv4 only; ip: "dual" changes that`)
      const wish = readWish(text, attachment, path)
      const owner = wish.address === undefined ? undefined : owners.get(wish.address)
      if (owner !== undefined) {
        const allowed = `an address of its own; ${formatPath(['hosts', topology.names[owner.attachment.host] ?? ''])} has this one`
        throw new ScenarioError(path, quote(text), allowed)
      }
      if (wish.address !== undefined) owners.set(wish.address, wish)
      wishes.set(key(attachment), wish)
    }
    if (host.address6 !== undefined) {
      const path = formatPath(['hosts', name, 'address6'])
      if (ports.length !== 1)
        throw new ScenarioError(path, quote(host.address6), `addresses6 by link instead, for ${name} has several: ${linksText()}`)
      add(host.address6, 0, path)
    }
    for (const [linkName, text] of Object.entries(host.addresses6 ?? {})) {
      const path = formatPath(['hosts', name, 'addresses6', linkName])
      const port = ports.findIndex(({ link }) => topology.linkNames[link] === linkName)
      if (port < 0) throw new ScenarioError(path, quote(linkName), `the name of a link of ${name}: ${linksText()}`)
      add(text, port, path)
    }
  })
  return wishes
}

function readWish(text: string, attachment: Attachment, path: string): Wish {
  if (text === AUTOMATIC) return { attachment, address: undefined, prefix: undefined, path, text }
  const [colons = '', length] = text.split('/')
  const address = parseIpv6(colons)
  const prefix = length === undefined ? undefined : Number(length)
  // Global unicast is what IANA gives out (RFC 4291 section 2.5.4), and unique local addresses (RFC 4193).
  const first = (address ?? 0n) >> 120n
  const usable =
    address !== undefined &&
    !isMulticastIpv6(address) &&
    !isLinkLocalIpv6(address) &&
    (first >> 5n === 1n || first >> 1n === 0x7en)
  if (!usable) {
    throw new ScenarioError(
      path,
      quote(text),
      'a global or unique local IPv6 address such as "2001:db8::1/64" or "fd00::1/64", or "auto"',
    )
  }
  if (prefix !== undefined && (prefix < PREFIXES.least || prefix > PREFIXES.most)) {
    const allowed = `a prefix of ${String(PREFIXES.least)} to ${String(PREFIXES.most)} bits, such as "${colons}/64"`
    throw new ScenarioError(path, quote(text), allowed)
  }
  return { attachment, address, prefix, path, text }
}

/** The subnet that the addresses given on a segment agree on. */
function givenSubnet(segment: Segment, wishes: ReadonlyMap<string, Wish>, topology: Topology): Subnet<bigint> | undefined {
  const here = segment.attachments
    .map((attachment) => wishes.get(key(attachment)))
    .filter((wish): wish is Wish & { address: bigint } => wish?.address !== undefined)
  const first = here.find(({ prefix }) => prefix !== undefined) ?? here[0]
  if (first === undefined) return undefined
  const prefix = first.prefix ?? USUAL_PREFIX
  const subnet = { network: networkOf6(first.address, prefix), prefix }
  for (const wish of here) {
    if (!contains(subnet, wish.address) || (wish.prefix ?? prefix) !== prefix) {
      const who = topology.names[first.attachment.host] ?? ''
      throw new ScenarioError(
        wish.path,
        quote(wish.text),
        `an address in ${formatSubnet(subnet)}, the subnet of ${who} on the same segment`,
      )
    }
    if (wish.address === subnet.network) {
      const allowed = `another address of ${formatSubnet(subnet)}, for the first one means any of its routers (RFC 4291 section 2.6.1)`
      throw new ScenarioError(wish.path, quote(wish.text), allowed)
    }
  }
  return subnet
}

function refuseOverlaps(
  given: readonly (Subnet<bigint> | undefined)[],
  wishes: ReadonlyMap<string, Wish>,
  topology: Topology,
): void {
  given.forEach((subnet, later) => {
    const earlier = given.findIndex(
      (other, index) => index < later && subnet !== undefined && other !== undefined && overlap(subnet, other),
    )
    const other = given[earlier]
    if (other === undefined) return
    const wish = topology.segments[later]?.attachments
      .map((attachment) => wishes.get(key(attachment)))
      .find((one) => one?.address !== undefined)
    const link = topology.linkNames[topology.segments[earlier]?.links[0] ?? 0] ?? ''
    const allowed = `an address outside ${formatSubnet(other)}, for that subnet is on another segment, link ${link}`
    throw new ScenarioError(wish?.path ?? 'hosts', quote(wish?.text ?? ''), allowed)
  })
}

/** 2001:db8:0:k::/64, or the next one that overlaps nothing taken. */
function freeSubnet(index: number, taken: readonly Subnet<bigint>[]): Subnet<bigint> {
  for (let k = BigInt(index); ; k++) {
    const subnet = { network: DOCUMENTATION | (k << 64n), prefix: USUAL_PREFIX }
    if (!taken.some((other) => overlap(other, subnet))) return subnet
  }
}
