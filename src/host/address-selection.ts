/**
 * Which address to talk from, and which of several to talk to first: RFC 6724, with the default policy table of section 2.1 and without
 * what these hosts do not have (temporary addresses, mobility, sites).
 */
import type { IpAddress } from '../wire/address.ts'
import { isLinkLocalIpv6, isMulticastIpv6 } from '../wire/address.ts'
import type { Internet, Way } from './network-layer.ts'

/** How far an address means anything. RFC 6724 section 3.1, with the numbers of RFC 4291 section 2.7. */
const Scope = { LINK_LOCAL: 2, GLOBAL: 14 } as const

/** ::ffff:0:0/96: as such IPv4 addresses stand in the policy table. */
const MAPPED = 0xffffn << 32n

interface Policy {
  readonly prefix: bigint
  readonly length: number
  readonly precedence: number
  readonly label: number
}

/** RFC 6724 section 2.1: the longest prefix that fits decides. */
const POLICIES: readonly Policy[] = [
  { prefix: 1n, length: 128, precedence: 50, label: 0 },
  { prefix: MAPPED, length: 96, precedence: 35, label: 4 },
  { prefix: 0n, length: 96, precedence: 1, label: 3 },
  { prefix: 0x2001_0000n << 96n, length: 32, precedence: 5, label: 5 },
  { prefix: 0x2002n << 112n, length: 16, precedence: 30, label: 2 },
  { prefix: 0x3ffen << 112n, length: 16, precedence: 1, label: 12 },
  { prefix: 0xfec0n << 112n, length: 10, precedence: 1, label: 11 },
  { prefix: 0xfcn << 120n, length: 7, precedence: 3, label: 13 },
]
const ANYTHING: Policy = { prefix: 0n, length: 0, precedence: 40, label: 1 }

function mapped(address: IpAddress): bigint {
  return typeof address === 'number' ? MAPPED | BigInt(address) : address
}

function policyOf(address: IpAddress): Policy {
  const whole = mapped(address)
  return POLICIES.find(({ prefix, length }) => (whole ^ prefix) >> BigInt(128 - length) === 0n) ?? ANYTHING
}

/** RFC 6724 sections 3.1 and 3.2. */
function scopeOf(address: IpAddress): number {
  if (typeof address === 'number') {
    const isLocal = address >>> 24 === 127 || address >>> 16 === 0xa9fe
    return isLocal ? Scope.LINK_LOCAL : Scope.GLOBAL
  }
  if (isMulticastIpv6(address)) return Number((address >> 112n) & 0xfn)
  return address === 1n || isLinkLocalIpv6(address) ? Scope.LINK_LOCAL : Scope.GLOBAL
}

/** How many leading bits two addresses share: at most as many as the prefix of the first has (RFC 6724 section 2.2). */
function commonPrefix(source: bigint, destination: bigint, most: number): number {
  const difference = source ^ destination
  return difference === 0n ? most : Math.min(most, 128 - difference.toString(2).length)
}

/** An address that a packet may be sent from. */
export interface SourceCandidate {
  readonly address: bigint
  /** Length of its prefix. */
  readonly prefix: number
  /** Whether its preferred lifetime is over (RFC 4862 section 5.5.4). */
  readonly deprecated: boolean
}

/** Positive when `a` is the better source. RFC 6724 section 5. */
function compareSources(a: SourceCandidate, b: SourceCandidate, destination: bigint): number {
  // Rule 1: the same address.
  if (a.address === destination || b.address === destination) return a.address === destination ? 1 : -1
  // Rule 2: appropriate scope.
  const [scopeA, scopeB, scope] = [scopeOf(a.address), scopeOf(b.address), scopeOf(destination)]
  if (scopeA < scopeB) return scopeA < scope ? -1 : 1
  if (scopeB < scopeA) return scopeB < scope ? 1 : -1
  // Rule 3: no deprecated addresses.
  if (a.deprecated !== b.deprecated) return a.deprecated ? -1 : 1
  // Rule 6: matching label.
  const { label } = policyOf(destination)
  const [labelA, labelB] = [policyOf(a.address).label === label, policyOf(b.address).label === label]
  if (labelA !== labelB) return labelA ? 1 : -1
  // Rule 8: longest matching prefix.
  return commonPrefix(a.address, destination, a.prefix) - commonPrefix(b.address, destination, b.prefix)
}

/** The best source for a destination: of equals the first. RFC 6724 section 5. */
export function selectSource(candidates: readonly SourceCandidate[], destination: bigint): SourceCandidate | undefined {
  let best: SourceCandidate | undefined
  for (const candidate of candidates) {
    if (best === undefined || compareSources(candidate, best, destination) > 0) best = candidate
  }
  return best
}

interface Candidate {
  readonly address: IpAddress
  /** With a source; undefined when there is no way. */
  readonly way: Way | undefined
}

/** Negative when `a` is to be tried first. RFC 6724 section 6. */
function compareDestinations(a: Candidate, b: Candidate): number {
  // Rule 1: avoid unusable destinations.
  if (a.way === undefined || b.way === undefined) return a.way === b.way ? 0 : a.way === undefined ? 1 : -1
  // Rule 2: matching scope.
  const scopeMatches = [a, b].map(({ address, way }) => scopeOf(address) === scopeOf(way?.source ?? 0))
  if (scopeMatches[0] !== scopeMatches[1]) return scopeMatches[0] ? -1 : 1
  // Rule 5: matching label.
  const labelMatches = [a, b].map(({ address, way }) => policyOf(address).label === policyOf(way?.source ?? 0).label)
  if (labelMatches[0] !== labelMatches[1]) return labelMatches[0] ? -1 : 1
  // Rule 6: higher precedence.
  const precedence = policyOf(b.address).precedence - policyOf(a.address).precedence
  if (precedence !== 0) return precedence
  // Rule 8: smaller scope.
  const scope = scopeOf(a.address) - scopeOf(b.address)
  if (scope !== 0) return scope
  // Rule 9: longest matching prefix, of addresses of one version.
  if (typeof a.address !== typeof b.address) return 0
  const shared = [a, b].map(({ address, way }) => commonPrefix(mapped(way?.source ?? 0), mapped(address), 128))
  return shared[1] - shared[0]
}

/** Addresses in the order in which to try them; equals stay as they were (rule 10). RFC 6724 section 6. */
export function sortDestinations(addresses: readonly IpAddress[], internet: Internet): IpAddress[] {
  return addresses
    .map((address): Candidate => {
      const way = internet.way(address)
      return { address, way: way === undefined || way.kind === 'unreachable' ? undefined : way }
    })
    .sort(compareDestinations)
    .map(({ address }) => address)
}
