import { IPV6_HEADER_LENGTH, type Ipv6Header, NextHeader } from './ipv6.ts'
import { FRAGMENT_HEADER_LENGTH } from './ipv6-chain.ts'
import { write16, write32 } from './integer.ts'

/**
 * Where the headers end that every fragment carries: the fixed one, hop-by-hop options, and what is up to a routing header. RFC 8200
 * section 4.5. The chain must be whole.
 * @returns that end, and where the number of the header behind it stands
 */
function perFragmentHeaders(bytes: Uint8Array, header: Ipv6Header): { end: number; numberAt: number } {
  let end = header.payloadStart
  let numberAt = end - IPV6_HEADER_LENGTH + 6
  let at = end
  let kind = header.nextHeader
  while (kind === NextHeader.HOP_BY_HOP || kind === NextHeader.DESTINATION_OPTIONS || kind === NextHeader.ROUTING) {
    const next = at + (bytes[at + 1] + 1) * 8
    if (kind !== NextHeader.DESTINATION_OPTIONS) {
      end = next
      numberAt = at
    }
    kind = bytes[at]
    at = next
  }
  return { end, numberAt }
}

/**
 * Cuts a packet at its source into fragments of at most `mtu` bytes (routers do not cut: RFC 8200 section 4.5). The packet must decode,
 * with a whole chain, and have no fragment header yet.
 * @param identification in [0, 2^32), which nothing else from source to destination has had of late
 * @param headroom bytes left free at the beginning of each array, for the link's header
 * @param allocate makes the array for one fragment, headroom included
 * @returns one array per fragment, in order; a single copy without fragment header when the packet fits
 * @throws RangeError when the MTU has no room for the headers and 8 bytes
 */
export function fragmentIpv6(
  bytes: Uint8Array,
  header: Ipv6Header,
  mtu: number,
  identification: number,
  headroom = 0,
  allocate: (length: number) => Uint8Array = (length) => new Uint8Array(length),
): Uint8Array[] {
  const start = header.payloadStart - IPV6_HEADER_LENGTH
  const { payloadEnd } = header
  if (payloadEnd - start <= mtu) {
    const whole = allocate(headroom + payloadEnd - start)
    whole.set(bytes.subarray(start, payloadEnd), headroom)
    return [whole]
  }
  const { end: headersEnd, numberAt } = perFragmentHeaders(bytes, header)
  const headersLength = headersEnd - start
  const room = (mtu - headersLength - FRAGMENT_HEADER_LENGTH) & ~7
  if (room < 8) throw new RangeError(`an MTU of ${String(mtu)} has no room for these headers and 8 bytes`)
  const fragments: Uint8Array[] = []
  for (let at = headersEnd; at < payloadEnd; at += room) {
    const length = Math.min(room, payloadEnd - at)
    const fragment = allocate(headroom + headersLength + FRAGMENT_HEADER_LENGTH + length)
    const fragmentAt = headroom + headersLength
    fragment.set(bytes.subarray(start, headersEnd), headroom)
    write16(fragment, headroom + 4, headersLength - IPV6_HEADER_LENGTH + FRAGMENT_HEADER_LENGTH + length)
    fragment[headroom + numberAt - start] = NextHeader.FRAGMENT
    fragment[fragmentAt] = bytes[numberAt]
    fragment[fragmentAt + 1] = 0
    write16(fragment, fragmentAt + 2, (at - headersEnd) | (at + length < payloadEnd ? 1 : 0))
    write32(fragment, fragmentAt + 4, identification)
    fragment.set(bytes.subarray(at, at + length), fragmentAt + FRAGMENT_HEADER_LENGTH)
    fragments.push(fragment)
  }
  return fragments
}
