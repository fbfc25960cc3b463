/**
 * Neighbour discovery's messages and options, RFC 4861 section 4, with the recursive DNS servers of RFC 8106. A message is read only
 * when it passes the validity checks of RFC 4861 sections 6.1, 7.1 and 8.1 that can be made on its bytes; those on the packet around
 * it (hop limit 255, checksum, addresses) are the host's.
 */
import { isLinkLocalIpv6, isMulticastIpv6, readIpv6, readMac, writeIpv6, writeMac } from './address.ts'
import { DecodeError } from './errors.ts'
import { Icmpv6Type, sealIcmpv6 } from './icmpv6.ts'
import { read16, read32, write16, write32 } from './integer.ts'

/** Hop limit of every message of neighbour discovery: one with less came through a router, and is not believed. RFC 4861 section 3.1. */
export const NDP_HOP_LIMIT = 255

/** A lifetime that never ends, in seconds. RFC 4861 section 4.6.2. */
export const INFINITE_LIFETIME = 0xffff_ffff

/** Option types. RFC 4861 section 4.6, RFC 8106 section 5.1. */
export const NdpOption = {
  SOURCE_LINK_LAYER_ADDRESS: 1,
  TARGET_LINK_LAYER_ADDRESS: 2,
  PREFIX_INFORMATION: 3,
  REDIRECTED_HEADER: 4,
  MTU: 5,
  RECURSIVE_DNS_SERVER: 25,
} as const

/** A prefix of the link's. RFC 4861 section 4.6.2. */
export interface PrefixInformation {
  /** The prefix's bits, the others 0. */
  readonly prefix: bigint
  /** 0 to 128. */
  readonly length: number
  /** Whether addresses of the prefix are on the link. */
  readonly onLink: boolean
  /** Whether hosts make themselves addresses of it. RFC 4862 section 5.5. */
  readonly autonomous: boolean
  /** Seconds; `INFINITE_LIFETIME`: for ever. */
  readonly validLifetime: number
  /** Seconds, at most `validLifetime` in an honest message. */
  readonly preferredLifetime: number
}

/** Where names are resolved. RFC 8106 section 5.1. */
export interface RecursiveDnsServers {
  /** Seconds. */
  readonly lifetime: number
  readonly addresses: readonly bigint[]
}

/** Options of a message; those that it has no use for are absent. */
export interface NdpOptions {
  /** MAC address of who sent this. */
  readonly sourceLinkLayer?: number
  /** MAC address of the target. */
  readonly targetLinkLayer?: number
  /** Of the link, bytes. */
  readonly mtu?: number
  readonly prefixes?: readonly PrefixInformation[]
  readonly dnsServers?: readonly RecursiveDnsServers[]
  /** What made the router send a redirect: a packet, header first, cut short. Decoded, a view into the decoder's input. */
  readonly redirected?: Uint8Array
}

/** RFC 4861 section 4.1. */
export interface RouterSolicitation extends NdpOptions {
  readonly type: typeof Icmpv6Type.ROUTER_SOLICITATION
}

/** RFC 4861 section 4.2. */
export interface RouterAdvertisement extends NdpOptions {
  readonly type: typeof Icmpv6Type.ROUTER_ADVERTISEMENT
  /** What hosts should put into the hop limit; 0: the router does not say. */
  readonly hopLimit: number
  /** Addresses come by DHCPv6. */
  readonly managed: boolean
  /** Other configuration comes by DHCPv6. */
  readonly otherConfiguration: boolean
  /** Seconds for which this is a default router, 0 to 65535; 0: it is none. */
  readonly routerLifetime: number
  /** Milliseconds for which a neighbour is taken to be reachable; 0: the router does not say. */
  readonly reachableTime: number
  /** Milliseconds between solicitations; 0: the router does not say. */
  readonly retransTimer: number
}

/** RFC 4861 section 4.3. */
export interface NeighborSolicitation extends NdpOptions {
  readonly type: typeof Icmpv6Type.NEIGHBOR_SOLICITATION
  /** Whose link-layer address is asked for; no group. */
  readonly target: bigint
}

/** RFC 4861 section 4.4. */
export interface NeighborAdvertisement extends NdpOptions {
  readonly type: typeof Icmpv6Type.NEIGHBOR_ADVERTISEMENT
  /** The sender forwards packets. */
  readonly isRouter: boolean
  /** This answers a solicitation. */
  readonly solicited: boolean
  /** This replaces what is known. */
  readonly override: boolean
  /** Whose link-layer address is told; no group. */
  readonly target: bigint
}

/** RFC 4861 section 4.5. */
export interface NdpRedirect extends NdpOptions {
  readonly type: typeof Icmpv6Type.REDIRECT
  /** The better first hop: a router's link-local address, or `destination` itself. */
  readonly target: bigint
  /** What packets are for; no group. */
  readonly destination: bigint
}

export type NdpMessage = RouterSolicitation | RouterAdvertisement | NeighborSolicitation | NeighborAdvertisement | NdpRedirect

/** Bytes of a message before its options, by type from 133 on. RFC 4861 sections 4.1 to 4.5. */
const FIXED_LENGTHS: Readonly<Record<NdpMessage['type'], number>> = { 133: 8, 134: 16, 135: 24, 136: 24, 137: 40 }

/** Option lengths are counted in these. */
const UNIT = 8

const PREFIX_OPTION_LENGTH = 32
const LINK_LAYER_OPTION_LENGTH = 8
const MTU_OPTION_LENGTH = 8
/** Before the addresses, or the quoted packet. */
const OPTION_HEAD_LENGTH = 8

const ON_LINK = 0x80
const AUTONOMOUS = 0x40
const MANAGED = 0x80
const OTHER_CONFIGURATION = 0x40
const ROUTER = 0x8000_0000
const SOLICITED = 0x4000_0000
const OVERRIDE = 0x2000_0000

/** Bytes of a message of this type before its options; undefined when the type is not neighbour discovery's. */
export function ndpFixedLength(type: number): number | undefined {
  return (FIXED_LENGTHS as Readonly<Record<number, number | undefined>>)[type]
}

/** `address` with all but its first `length` bits 0. */
function prefixOf(address: bigint, length: number): bigint {
  const rest = BigInt(128 - length)
  return (address >> rest) << rest
}

function decodePrefix(bytes: Uint8Array, at: number): PrefixInformation {
  const length = bytes[at + 2]
  if (length > 128) throw new DecodeError('ndp', 'invalid', at + 2, `a prefix of ${String(length)} bits`)
  return {
    prefix: prefixOf(readIpv6(bytes, at + 16), length),
    length,
    onLink: (bytes[at + 3] & ON_LINK) !== 0,
    autonomous: (bytes[at + 3] & AUTONOMOUS) !== 0,
    validLifetime: read32(bytes, at + 4),
    preferredLifetime: read32(bytes, at + 8),
  }
}

function decodeDnsServers(bytes: Uint8Array, at: number, length: number): RecursiveDnsServers {
  const addresses: bigint[] = []
  for (let address = at + OPTION_HEAD_LENGTH; address < at + length; address += 16) addresses.push(readIpv6(bytes, address))
  return { lifetime: read32(bytes, at + 4), addresses }
}

/** Reads options up to `end`. Unknown ones, and known ones of another length than theirs, are stepped over (RFC 4861 section 4.6). */
function decodeOptions(bytes: Uint8Array, start: number, end: number): NdpOptions {
  const options: { -readonly [name in keyof NdpOptions]: NdpOptions[name] } = {}
  const prefixes: PrefixInformation[] = []
  const dnsServers: RecursiveDnsServers[] = []
  let at = start
  while (at < end) {
    const length = at + 1 < end ? bytes[at + 1] * UNIT : 0
    // RFC 4861 sections 6.1 and 7.1: all options have a length that is greater than zero.
    if (length === 0) throw new DecodeError('ndp', 'invalid', Math.min(at + 1, end), 'an option of length 0')
    if (at + length > end) throw new DecodeError('ndp', 'truncated', end, 'an option reaches past the message')
    const type = bytes[at]
    if (type === NdpOption.SOURCE_LINK_LAYER_ADDRESS && length === LINK_LAYER_OPTION_LENGTH) {
      options.sourceLinkLayer = readMac(bytes, at + 2)
    } else if (type === NdpOption.TARGET_LINK_LAYER_ADDRESS && length === LINK_LAYER_OPTION_LENGTH) {
      options.targetLinkLayer = readMac(bytes, at + 2)
    } else if (type === NdpOption.PREFIX_INFORMATION && length === PREFIX_OPTION_LENGTH) {
      prefixes.push(decodePrefix(bytes, at))
    } else if (type === NdpOption.REDIRECTED_HEADER) {
      options.redirected = bytes.subarray(at + OPTION_HEAD_LENGTH, at + length)
    } else if (type === NdpOption.MTU && length === MTU_OPTION_LENGTH) {
      options.mtu = read32(bytes, at + 4)
    } else if (type === NdpOption.RECURSIVE_DNS_SERVER && length >= 24 && length % 16 === UNIT) {
      dnsServers.push(decodeDnsServers(bytes, at, length))
    }
    at += length
  }
  if (prefixes.length > 0) options.prefixes = prefixes
  if (dnsServers.length > 0) options.dnsServers = dnsServers
  return options
}

/** The address of one node at `at`. */
function unicast(bytes: Uint8Array, at: number, what: string): bigint {
  const address = readIpv6(bytes, at)
  if (isMulticastIpv6(address)) throw new DecodeError('ndp', 'invalid', at, `the ${what} is a group`)
  return address
}

/**
 * Reads the message that fills [start, end).
 * @throws DecodeError when it is no message of neighbour discovery, is cut short, has a code, an option of length 0, or a group where
 * one node is meant
 */
export function decodeNdp(bytes: Uint8Array, start: number, end: number): NdpMessage {
  if (start >= end) throw new DecodeError('ndp', 'truncated', end, 'no message')
  const type = bytes[start]
  const fixedLength = ndpFixedLength(type)
  if (fixedLength === undefined) throw new DecodeError('ndp', 'unsupported', start, `type ${String(type)}`)
  const optionsStart = start + fixedLength
  if (optionsStart > end) throw new DecodeError('ndp', 'truncated', end, `a message takes at least ${String(fixedLength)} bytes`)
  if (bytes[start + 1] !== 0) throw new DecodeError('ndp', 'invalid', start + 1, `code ${String(bytes[start + 1])}`)
  const options = decodeOptions(bytes, optionsStart, end)
  if (type === Icmpv6Type.ROUTER_SOLICITATION) return { type, ...options }
  if (type === Icmpv6Type.ROUTER_ADVERTISEMENT) {
    return {
      type,
      hopLimit: bytes[start + 4],
      managed: (bytes[start + 5] & MANAGED) !== 0,
      otherConfiguration: (bytes[start + 5] & OTHER_CONFIGURATION) !== 0,
      routerLifetime: read16(bytes, start + 6),
      reachableTime: read32(bytes, start + 8),
      retransTimer: read32(bytes, start + 12),
      ...options,
    }
  }
  const target = unicast(bytes, start + 8, 'target')
  if (type === Icmpv6Type.NEIGHBOR_SOLICITATION) return { type, target, ...options }
  if (type === Icmpv6Type.NEIGHBOR_ADVERTISEMENT) {
    const flags = read32(bytes, start + 4)
    return {
      type,
      isRouter: (flags & ROUTER) !== 0,
      solicited: (flags & SOLICITED) !== 0,
      override: (flags & OVERRIDE) !== 0,
      target,
      ...options,
    }
  }
  const destination = unicast(bytes, start + 24, 'destination')
  // RFC 4861 section 8.1: the target is a router's link-local address, or the destination itself.
  if (target !== destination && !isLinkLocalIpv6(target)) {
    throw new DecodeError('ndp', 'invalid', start + 8, 'a redirect to an address that is not link-local')
  }
  return { type: Icmpv6Type.REDIRECT, target, destination, ...options }
}

/** Bytes of the redirected header option: what is quoted is padded to whole units. */
function redirectedLength(redirected: Uint8Array): number {
  return (OPTION_HEAD_LENGTH + redirected.length + UNIT - 1) & -UNIT
}

/** Bytes that `encodeNdp` writes. */
export function ndpEncodedLength(message: NdpMessage): number {
  let length = FIXED_LENGTHS[message.type]
  if (message.sourceLinkLayer !== undefined) length += LINK_LAYER_OPTION_LENGTH
  if (message.targetLinkLayer !== undefined) length += LINK_LAYER_OPTION_LENGTH
  if (message.mtu !== undefined) length += MTU_OPTION_LENGTH
  length += (message.prefixes?.length ?? 0) * PREFIX_OPTION_LENGTH
  for (const { addresses } of message.dnsServers ?? []) length += OPTION_HEAD_LENGTH + 16 * addresses.length
  if (message.redirected !== undefined) length += redirectedLength(message.redirected)
  return length
}

function encodeOptionHead(bytes: Uint8Array, at: number, type: number, length: number): void {
  if (length > 255 * UNIT) throw new RangeError('an option of neighbour discovery exceeds 2,040 bytes')
  bytes.fill(0, at, at + length)
  bytes[at] = type
  bytes[at + 1] = length / UNIT
}

function encodeLinkLayer(bytes: Uint8Array, at: number, type: number, mac: number): number {
  encodeOptionHead(bytes, at, type, LINK_LAYER_OPTION_LENGTH)
  writeMac(bytes, at + 2, mac)
  return at + LINK_LAYER_OPTION_LENGTH
}

function encodePrefix(bytes: Uint8Array, at: number, information: PrefixInformation): number {
  encodeOptionHead(bytes, at, NdpOption.PREFIX_INFORMATION, PREFIX_OPTION_LENGTH)
  bytes[at + 2] = information.length
  bytes[at + 3] = (information.onLink ? ON_LINK : 0) | (information.autonomous ? AUTONOMOUS : 0)
  write32(bytes, at + 4, information.validLifetime)
  write32(bytes, at + 8, information.preferredLifetime)
  writeIpv6(bytes, at + 16, prefixOf(information.prefix, information.length))
  return at + PREFIX_OPTION_LENGTH
}

function encodeDnsServers(bytes: Uint8Array, at: number, { lifetime, addresses }: RecursiveDnsServers): number {
  const length = OPTION_HEAD_LENGTH + 16 * addresses.length
  encodeOptionHead(bytes, at, NdpOption.RECURSIVE_DNS_SERVER, length)
  write32(bytes, at + 4, lifetime)
  for (const [i, address] of addresses.entries()) writeIpv6(bytes, at + OPTION_HEAD_LENGTH + 16 * i, address)
  return at + length
}

/** Writes the options in ascending order of type; returns one past the last byte. */
function encodeOptions(message: NdpOptions, bytes: Uint8Array, start: number): number {
  const { sourceLinkLayer, targetLinkLayer, redirected, mtu } = message
  let at = start
  if (sourceLinkLayer !== undefined) at = encodeLinkLayer(bytes, at, NdpOption.SOURCE_LINK_LAYER_ADDRESS, sourceLinkLayer)
  if (targetLinkLayer !== undefined) at = encodeLinkLayer(bytes, at, NdpOption.TARGET_LINK_LAYER_ADDRESS, targetLinkLayer)
  for (const prefix of message.prefixes ?? []) at = encodePrefix(bytes, at, prefix)
  if (redirected !== undefined) {
    const length = redirectedLength(redirected)
    encodeOptionHead(bytes, at, NdpOption.REDIRECTED_HEADER, length)
    bytes.set(redirected, at + OPTION_HEAD_LENGTH)
    at += length
  }
  if (mtu !== undefined) {
    encodeOptionHead(bytes, at, NdpOption.MTU, MTU_OPTION_LENGTH)
    write32(bytes, at + 4, mtu)
    at += MTU_OPTION_LENGTH
  }
  for (const servers of message.dnsServers ?? []) at = encodeDnsServers(bytes, at, servers)
  return at
}

/**
 * Writes the message with its checksum at `start`.
 * @param addresses the `addressSum` of the packet's addresses, for the checksum
 * @returns one past the last byte written
 * @throws RangeError when an option exceeds 2,040 bytes
 */
export function encodeNdp(message: NdpMessage, bytes: Uint8Array, start: number, addresses: number): number {
  bytes.fill(0, start, start + FIXED_LENGTHS[message.type])
  bytes[start] = message.type
  if (message.type === Icmpv6Type.ROUTER_ADVERTISEMENT) {
    bytes[start + 4] = message.hopLimit
    bytes[start + 5] = (message.managed ? MANAGED : 0) | (message.otherConfiguration ? OTHER_CONFIGURATION : 0)
    write16(bytes, start + 6, message.routerLifetime)
    write32(bytes, start + 8, message.reachableTime)
    write32(bytes, start + 12, message.retransTimer)
  } else if (message.type === Icmpv6Type.NEIGHBOR_ADVERTISEMENT) {
    const flags = (message.isRouter ? ROUTER : 0) + (message.solicited ? SOLICITED : 0) + (message.override ? OVERRIDE : 0)
    write32(bytes, start + 4, flags)
  }
  if ('target' in message) writeIpv6(bytes, start + 8, message.target)
  if (message.type === Icmpv6Type.REDIRECT) writeIpv6(bytes, start + 24, message.destination)
  const end = encodeOptions(message, bytes, start + FIXED_LENGTHS[message.type])
  sealIcmpv6(bytes, start, end, addresses)
  return end
}
