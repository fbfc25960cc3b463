import { read16, read32, write16, write32 } from './integer.ts'

/** Every station on the link: `ff:ff:ff:ff:ff:ff`. */
export const BROADCAST_MAC = 0xffff_ffff_ffff

/** Every host on this network: `255.255.255.255`. RFC 919. */
export const BROADCAST_IPV4 = 0xffff_ffff

/** The six bytes at `at`, big-endian, as a number in [0, 2^48). */
export function readMac(bytes: Uint8Array, at: number): number {
  return read16(bytes, at) * 0x1_0000_0000 + read32(bytes, at + 2)
}

/** Writes a MAC address, big-endian, into the six bytes at `at`. */
export function writeMac(bytes: Uint8Array, at: number, mac: number): void {
  write16(bytes, at, (mac / 0x1_0000_0000) | 0)
  write32(bytes, at + 2, mac)
}

/** Dotted decimal: `'10.0.0.1'`. */
export function formatIpv4(address: number): string {
  return `${String(address >>> 24)}.${String((address >>> 16) & 0xff)}.${String((address >>> 8) & 0xff)}.${String(address & 0xff)}`
}

/**
 * Reads dotted decimal: four numbers from 0 to 255, without leading zeros (which some programs take for octal; RFC 6943 section
 * 3.1.1).
 * @returns the address in [0, 2^32), or undefined when the text is no such address
 */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let address = 0
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part)) return undefined
    const byte = Number(part)
    if (byte > 255) return undefined
    address = address * 256 + byte
  }
  return address
}

/** Six lower-case bytes with colons: `'02:00:00:00:00:01'`. */
export function formatMac(mac: number): string {
  return mac
    .toString(16)
    .padStart(12, '0')
    .replace(/(..)(?=.)/g, '$1:')
}

/**
 * Reads six two-digit hexadecimal bytes, all separated by colons or all by hyphens.
 * @returns the address in [0, 2^48), or undefined when the text is no such address
 */
export function parseMac(text: string): number | undefined {
  if (!/^[\da-f]{2}(?:(?::[\da-f]{2}){5}|(?:-[\da-f]{2}){5})$/i.test(text)) return undefined
  return Number.parseInt(text.replaceAll(/[:-]/g, ''), 16)
}

/** An IP address of either version: IPv4 as a `number` in [0, 2^32), IPv6 as a `bigint` in [0, 2^128). */
export type IpAddress = number | bigint

/** No address: `::`. RFC 4291 section 2.5.2. */
export const UNSPECIFIED_IPV6 = 0n

/** This host itself: `::1`. RFC 4291 section 2.5.3. */
export const LOOPBACK_IPV6 = 1n

/** Every node on the link: `ff02::1`. RFC 4291 section 2.7.1. */
export const ALL_NODES_IPV6 = 0xff02_0000_0000_0000_0000_0000_0000_0001n

/** Every router on the link: `ff02::2`. RFC 4291 section 2.7.1. */
export const ALL_ROUTERS_IPV6 = 0xff02_0000_0000_0000_0000_0000_0000_0002n

/** `ff02::1:ff00:0`, the prefix of 104 bits of solicited-node addresses. RFC 4291 section 2.7.1. */
const SOLICITED_NODE_PREFIX = 0xff02_0000_0000_0000_0000_0001_ff00_0000n

/** `fe80::`. RFC 4291 section 2.5.6. */
const LINK_LOCAL_PREFIX = 0xfe80n << 112n

/** `::ffff:0:0`, the prefix of 96 bits of addresses that stand for IPv4 ones. RFC 4291 section 2.5.5.2. */
const IPV4_MAPPED_WORD = 0xffffn

// A bigint of 128 bits takes four objects to make, and the same few addresses come again in every packet: what was read last is kept
// by a hash of its words. Only a memory: no result depends on it.
const READ_SLOTS = 256
const readWords = new Uint32Array(READ_SLOTS * 4)
const readAddresses: bigint[] = new Array<bigint>(READ_SLOTS).fill(0n)

// Two halves of an address as the machine's own words.
const halves = new BigUint64Array(2)
const halfWords = new Uint32Array(halves.buffer)
/** Where in a half its high 32 bits are. */
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0]
const LOW = 1 - HIGH

/** The sixteen bytes at `at`, big-endian, as an address in [0, 2^128). */
export function readIpv6(bytes: Uint8Array, at: number): bigint {
  const a = read32(bytes, at)
  const b = read32(bytes, at + 4)
  const c = read32(bytes, at + 8)
  const d = read32(bytes, at + 12)
  const mixed = Math.imul(a ^ (b >>> 7), 0x9e37_79b1) ^ Math.imul(c, 0x85eb_ca6b) ^ Math.imul(d, 0xc2b2_ae35)
  const slot = (mixed ^ (mixed >>> 15)) & (READ_SLOTS - 1)
  const word = slot * 4
  if (readWords[word] === a && readWords[word + 1] === b && readWords[word + 2] === c && readWords[word + 3] === d) {
    return readAddresses[slot]
  }
  halfWords[HIGH] = a
  halfWords[LOW] = b
  halfWords[2 + HIGH] = c
  halfWords[2 + LOW] = d
  const address = (halves[0] << 64n) | halves[1]
  readWords[word] = a
  readWords[word + 1] = b
  readWords[word + 2] = c
  readWords[word + 3] = d
  readAddresses[slot] = address
  return address
}

/** Writes an IPv6 address, big-endian, into the sixteen bytes at `at`. */
export function writeIpv6(bytes: Uint8Array, at: number, address: bigint): void {
  halves[0] = address >> 64n
  halves[1] = address
  write32(bytes, at, halfWords[HIGH])
  write32(bytes, at + 4, halfWords[LOW])
  write32(bytes, at + 8, halfWords[2 + HIGH])
  write32(bytes, at + 12, halfWords[2 + LOW])
}

/** The eight groups of an IPv6 address, the first one first. */
function groupsOf(address: bigint): number[] {
  const groups: number[] = []
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((address >> shift) & 0xffffn))
  return groups
}

/**
 * The one canonical form: lower case, no leading zeros, the longest run of two or more groups of zeros (of equals the first) as `::`.
 * RFC 5952 section 4. An address that stands for an IPv4 one ends in dotted decimal: `'::ffff:192.0.2.1'` (section 5).
 */
export function formatIpv6(address: bigint): string {
  if (address >> 32n === IPV4_MAPPED_WORD) return `::ffff:${formatIpv4(Number(address & 0xffff_ffffn))}`
  const groups = groupsOf(address)
  let runStart = 8
  let runLength = 1
  for (let start = 0; start < 8; start++) {
    let end = start
    while (end < 8 && groups[end] === 0) end++
    if (end - start > runLength) {
      runStart = start
      runLength = end - start
    }
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  if (runStart === 8) return text(groups)
  return `${text(groups.slice(0, runStart))}::${text(groups.slice(runStart + runLength))}`
}

/** Appends the groups of `text`, of which the last may be an IPv4 address; says whether it is well-formed. */
function parseGroups(text: string, isTail: boolean, into: number[]): boolean {
  if (text === '') return true
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    if (/^[\da-f]{1,4}$/i.test(part)) {
      into.push(Number.parseInt(part, 16))
      continue
    }
    const embedded = isTail && i === parts.length - 1 ? parseIpv4(part) : undefined
    if (embedded === undefined) return false
    into.push(embedded >>> 16, embedded & 0xffff)
  }
  return true
}

/**
 * Reads any of the forms of RFC 4291 section 2.2: eight groups, `::` once for one or more groups of zeros, dotted decimal in place of
 * the last two groups. Without zone (`%eth0`), prefix length or brackets.
 * @returns the address in [0, 2^128), or undefined when the text is no such address
 */
export function parseIpv6(text: string): bigint | undefined {
  const gap = text.indexOf('::')
  const head: number[] = []
  const tail: number[] = []
  if (gap < 0) {
    if (!parseGroups(text, true, head) || head.length !== 8) return undefined
  } else {
    if (!parseGroups(text.slice(0, gap), false, head) || !parseGroups(text.slice(gap + 2), true, tail)) return undefined
    if (head.length + tail.length > 7) return undefined
  }
  let address = 0n
  for (const group of head) address = (address << 16n) | BigInt(group)
  address <<= 16n * BigInt(8 - head.length)
  for (const [i, group] of tail.entries()) address |= BigInt(group) << (16n * BigInt(tail.length - 1 - i))
  return address
}

/** An address of either version as text: `'10.0.0.1'`, `'2001:db8::1'`. */
export function formatIp(address: IpAddress): string {
  return typeof address === 'number' ? formatIpv4(address) : formatIpv6(address)
}

/** Reads an address of either version, as `parseIpv4` and `parseIpv6` do. */
export function parseIp(text: string): IpAddress | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

/** Whether this names a group: `ff00::/8`. RFC 4291 section 2.7. */
export function isMulticastIpv6(address: bigint): boolean {
  return address >> 120n === 0xffn
}

/** Whether this is meaningful on its link alone: `fe80::/10`. RFC 4291 section 2.5.6. */
export function isLinkLocalIpv6(address: bigint): boolean {
  return address >> 118n === 0x3fan
}

/** The group in which a node listens for neighbour solicitations for its address: `ff02::1:ffXX:XXXX`. RFC 4291 section 2.7.1. */
export function solicitedNodeAddress(address: bigint): bigint {
  return SOLICITED_NODE_PREFIX | (address & 0xff_ffffn)
}

/** The MAC address `33:33:XX:XX:XX:XX` to which packets for an IPv6 group go. RFC 2464 section 7. */
export function multicastMac(group: bigint): number {
  return 0x3333_0000_0000 + Number(group & 0xffff_ffffn)
}

/** The 64 bits that name an interface on its link, made of its MAC address: modified EUI-64. RFC 4291 appendix A, RFC 2464 section 4. */
export function interfaceIdentifier(mac: number): bigint {
  const bits = BigInt(mac)
  return (((bits >> 24n) << 40n) | 0xff_fe00_0000n | (bits & 0xff_ffffn)) ^ (1n << 57n)
}

/** The link-local address of the interface with this MAC address. RFC 2464 section 5. */
export function linkLocalAddress(mac: number): bigint {
  return LINK_LOCAL_PREFIX | interfaceIdentifier(mac)
}
