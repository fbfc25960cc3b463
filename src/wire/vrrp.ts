/**
 * The Virtual Router Redundancy Protocol's one message, version 3, for IPv4: RFC 9568 section 5, RFC 5798 section 5.
 *
 * The two differ in the checksum. RFC 5798 section 5.2.8 puts a pseudo-header before the message, and its implementations do so over IPv4,
 * too; RFC 9568 section 5.2.8 wants that over IPv6 only. Either is taken; `encodeVrrp` writes the older one, which all receivers in use take.
 */
import { formatIpv4 } from './address.ts'
import { finish, pseudoHeaderSum, sum } from './checksum.ts'
import { field, hex, named, withProblems } from './describe.ts'
import { DecodeError } from './errors.ts'
import type { Field, Layer } from './field.ts'
import { read16, read32, write16, write32 } from './integer.ts'
import { IpProtocol } from './ipv4.ts'

/** Where advertisements go: 224.0.0.18 (RFC 9568 section 5.1.1.2). */
export const VRRP_GROUP = 0xe000_0012

/** The group's MAC address: 01:00:5e:00:00:12 (RFC 1112 section 6.4). */
export const VRRP_GROUP_MAC = 0x0100_5e00_0012

/** What an advertisement's TTL must be when it arrives, for then no router has passed it on (RFC 9568 section 5.1.1.3). */
export const VRRP_TTL = 255

const VERSION = 3
const ADVERTISEMENT = 1
const HEADER_LENGTH = 8

/** Centiseconds in 12 bits. */
const INTERVAL_LIMIT = 0xfff

/** The MAC address that whoever is active answers for: 00-00-5E-00-01-{VRID} (RFC 9568 section 7.3). @param vrid 1 to 255 */
export function virtualRouterMac(vrid: number): number {
  return 0x0000_5e00_0100 + vrid
}

/** What the active router says of itself. RFC 9568 section 5.2. */
export interface VrrpAdvertisement {
  /** Which virtual router, 1 to 255. */
  readonly vrid: number
  /** 255: the owner of the addresses; 1 to 254: a backup; 0: the sender gives up. */
  readonly priority: number
  /** From one advertisement to the next in centiseconds, 0 to 4095. */
  readonly interval: number
  /** IPv4 addresses in [0, 2^32) of the virtual router, at most 255. */
  readonly addresses: readonly number[]
}

/**
 * Reads the advertisement that fills [start, end). The checksum is not looked at: see `verifyVrrpChecksum`.
 * @throws DecodeError for what is cut short, of another version or another type, or without an address
 */
export function decodeVrrp(bytes: Uint8Array, start: number, end: number): VrrpAdvertisement {
  if (end - start < HEADER_LENGTH) throw new DecodeError('vrrp', 'truncated', end, 'an advertisement takes at least 8 bytes')
  const version = bytes[start] >>> 4
  if (version !== VERSION) throw new DecodeError('vrrp', 'unsupported', start, `version ${String(version)}`)
  const type = bytes[start] & 0xf
  if (type !== ADVERTISEMENT) throw new DecodeError('vrrp', 'unsupported', start, `type ${String(type)}`)
  const vrid = bytes[start + 1]
  if (vrid === 0) throw new DecodeError('vrrp', 'invalid', start + 1, 'virtual router 0')
  const count = bytes[start + 3]
  if (count === 0) throw new DecodeError('vrrp', 'invalid', start + 3, 'no address')
  if (end - start < HEADER_LENGTH + 4 * count)
    throw new DecodeError('vrrp', 'truncated', end, `no room for ${String(count)} addresses`)
  const addresses: number[] = []
  for (let i = 0; i < count; i++) addresses.push(read32(bytes, start + HEADER_LENGTH + 4 * i))
  return { vrid, priority: bytes[start + 2], interval: read16(bytes, start + 4) & INTERVAL_LIMIT, addresses }
}

/** Bytes that `encodeVrrp` writes. */
export function vrrpEncodedLength({ addresses }: VrrpAdvertisement): number {
  return HEADER_LENGTH + 4 * addresses.length
}

/**
 * Writes the advertisement at `start`, with RFC 5798's checksum.
 * @param source the sender's IPv4 address; it goes to `VRRP_GROUP`
 * @returns one past the last byte written
 * @throws RangeError for more than 255 addresses or none, and numbers that have no room
 */
export function encodeVrrp(advertisement: VrrpAdvertisement, bytes: Uint8Array, start: number, source: number): number {
  const { vrid, priority, interval, addresses } = advertisement
  if (addresses.length === 0 || addresses.length > 255) throw new RangeError('a virtual router has 1 to 255 addresses')
  if (vrid < 1 || vrid > 255 || priority < 0 || priority > 255) throw new RangeError('a number of one byte')
  if (interval < 0 || interval > INTERVAL_LIMIT) throw new RangeError('an interval of at most 4095 centiseconds')
  bytes[start] = (VERSION << 4) | ADVERTISEMENT
  bytes[start + 1] = vrid
  bytes[start + 2] = priority
  bytes[start + 3] = addresses.length
  write16(bytes, start + 4, interval)
  write16(bytes, start + 6, 0)
  addresses.forEach((address, index) => {
    write32(bytes, start + HEADER_LENGTH + 4 * index, address)
  })
  const end = start + vrrpEncodedLength(advertisement)
  write16(bytes, start + 6, finish(sum(bytes, start, end, pseudoHeaderSum(source, VRRP_GROUP, IpProtocol.VRRP, end - start))))
  return end
}

/**
 * Whether the checksum of the message that fills [start, end) is right, by RFC 5798 or by RFC 9568.
 * @param source IPv4 addresses of the packet
 */
export function verifyVrrpChecksum(bytes: Uint8Array, start: number, end: number, source: number, destination: number): boolean {
  const total = sum(bytes, start, end)
  return finish(total) === 0 || finish(total + pseudoHeaderSum(source, destination, IpProtocol.VRRP, end - start)) === 0
}

function priorityName(priority: number): string {
  if (priority === 255) return 'owner of the addresses'
  if (priority === 0) return 'gives up'
  return priority === 100 ? 'default of a backup' : 'of a backup'
}

/**
 * The advertisement that fills [start, end), for the inspector; field names are Wireshark's.
 * @param source with both addresses the layer's problem also tells of a wrong checksum
 * @throws DecodeError as `decodeVrrp` does
 */
export function vrrpLayer(bytes: Uint8Array, start: number, end: number, source: number, destination: number): Layer {
  const { vrid, priority, interval, addresses } = decodeVrrp(bytes, start, end)
  const addressesEnd = start + HEADER_LENGTH + 4 * addresses.length
  const fields: Field[] = [
    field('vrrp.version', 'Version', VERSION, start, start + 1),
    field('vrrp.type', 'Type', named(ADVERTISEMENT, 'advertisement'), start, start + 1),
    field('vrrp.virt_rtr_id', 'Virtual router', vrid, start + 1, start + 2),
    field('vrrp.prio', 'Priority', named(priority, priorityName(priority)), start + 2, start + 3),
    field('vrrp.addr_count', 'Addresses', addresses.length, start + 3, start + 4),
    field('vrrp.reserved_mbz', 'Reserved', bytes[start + 4] >>> 4, start + 4, start + 5),
    field('vrrp.short_adver_int', 'Advertisement interval', `${String(interval)} centiseconds`, start + 4, start + 6),
    field('vrrp.checksum', 'Checksum', hex(read16(bytes, start + 6), 4), start + 6, start + 8),
    ...addresses.map((address, index) => {
      const at = start + HEADER_LENGTH + 4 * index
      return field('vrrp.ip_addr', 'Address', formatIpv4(address), at, at + 4)
    }),
  ]
  const problems: string[] = []
  if (!verifyVrrpChecksum(bytes, start, end, source, destination)) {
    const found = read16(bytes, start + 6)
    const rest = sum(bytes, start, end, pseudoHeaderSum(source, destination, IpProtocol.VRRP, end - start))
    problems.push(`checksum should be ${hex(finish(rest + (~found & 0xffff)), 4)}`)
  }
  if (addressesEnd < end) problems.push(`${String(end - addressesEnd)} bytes behind the addresses`)
  const layer: Layer = {
    protocol: 'vrrp',
    title: 'Virtual Router Redundancy Protocol',
    summary: `advertisement of virtual router ${String(vrid)}, priority ${String(priority)}, ${addresses.map(formatIpv4).join(', ')}`,
    start,
    end,
    fields,
  }
  return withProblems(layer, problems)
}
