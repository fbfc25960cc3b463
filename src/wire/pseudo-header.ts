// The pseudo-header that the checksums of TCP, UDP and ICMPv6 begin with: RFC 9293 section 3.1 (IPv4), RFC 8200 section 8.1 (IPv6).
// All of it is sums of 16-bit words, and a sum does not care which words it was made of. So whoever knows both addresses adds them
// once, for each version in its own way, and the transports' codecs take the sum.

import type { IpAddress } from './address.ts'

/** The words of an IPv6 address, added up; below 2^19. */
function wordsOf(address: bigint): number {
  let rest = address
  let total = 0
  while (rest !== 0n) {
    const low = Number(rest & 0xffff_ffffn)
    total += (low >>> 16) + (low & 0xffff)
    rest >>= 32n
  }
  return total
}

/**
 * The addresses' share of a pseudo-header: what the checksum functions of TCP, UDP and ICMPv6 take in place of two IPv4 addresses. It
 * holds for as long as the addresses do, so a connection adds them up once.
 * @param destination of the same version; with a routing header the final one (RFC 8200 section 8.1)
 * @returns an unfolded sum in [0, 2^20)
 */
export function addressSum(source: IpAddress, destination: IpAddress): number {
  if (typeof source === 'bigint' || typeof destination === 'bigint') return wordsOf(BigInt(source)) + wordsOf(BigInt(destination))
  return (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff)
}
