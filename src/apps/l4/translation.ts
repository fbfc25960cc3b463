import { updateChecksum } from '../../wire/checksum.ts'
import { ETHERNET_HEADER_LENGTH } from '../../wire/ethernet.ts'
import { read16, read32, write16, write32 } from '../../wire/integer.ts'

/*
 * Network address translation (RFC 3022) of TCP, in place. Checksums are corrected without reading what they cover (RFC 1624), so that a
 * packet which came in damaged goes out damaged, and its receiver finds out.
 */

/** Offsets into an IPv4 header. */
const IP_CHECKSUM = 10
const SOURCE = 12
const DESTINATION = 16

/** Offset into a TCP header. */
const TCP_CHECKSUM = 16

/** An end of a connection as it stands in a packet: which of the two. */
export const End = { SOURCE: 0, DESTINATION: 1 } as const

/**
 * Gives one end of a packet another address and another port.
 * @param start where the IPv4 header begins
 * @param tcp where the TCP header begins
 * @param end one past the last byte that is there: a quoted packet may lack its TCP checksum
 */
export function translate(
  bytes: Uint8Array,
  start: number,
  tcp: number,
  end: number,
  which: number,
  address: number,
  port: number,
): void {
  const addressAt = start + (which === End.SOURCE ? SOURCE : DESTINATION)
  const portAt = tcp + (which === End.SOURCE ? 0 : 2)
  const oldAddress = read32(bytes, addressAt)
  const oldPort = read16(bytes, portAt)
  write32(bytes, addressAt, address)
  write16(bytes, portAt, port)
  write16(bytes, start + IP_CHECKSUM, withAddress(read16(bytes, start + IP_CHECKSUM), oldAddress, address))
  const checksumAt = tcp + TCP_CHECKSUM
  if (checksumAt + 2 > end) return
  const checksum = withAddress(read16(bytes, checksumAt), oldAddress, address)
  write16(bytes, checksumAt, updateChecksum(checksum, oldPort, port))
}

/** Gives a packet in a frame another destination address, as that of an ICMP error, whose checksum does not cover it. */
export function redirect(frame: Uint8Array, which: number, address: number): void {
  const start = ETHERNET_HEADER_LENGTH
  const at = start + (which === End.SOURCE ? SOURCE : DESTINATION)
  const old = read32(frame, at)
  write32(frame, at, address)
  write16(frame, start + IP_CHECKSUM, withAddress(read16(frame, start + IP_CHECKSUM), old, address))
}

function withAddress(checksum: number, from: number, to: number): number {
  return updateChecksum(updateChecksum(checksum, from >>> 16, to >>> 16), from & 0xffff, to & 0xffff)
}
