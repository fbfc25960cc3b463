import { write16 } from './integer.ts'
import { decodeIpv6Header, IPV6_HEADER_LENGTH, IPV6_PAYLOAD_LIMIT, type Ipv6Header } from './ipv6.ts'
import { FRAGMENT_HEADER_LENGTH, type Ipv6Chain, walkIpv6Chain } from './ipv6-chain.ts'
import { type PartialDatagram, Reassembler, type ReassemblyLimits } from './reassembly.ts'

/** RFC 8200 section 4.5: 60 s. */
const DEFAULT_REASSEMBLY_V6: ReassemblyLimits = { timeout: 60_000_000_000, memory: 4 * 1024 * 1024 }

/**
 * Puts IPv6's fragments together: a datagram is named by its addresses and identification. RFC 8200 section 4.5. Only what
 * `walkIpv6Chain` says is to be reassembled belongs here: the walk has seen to lengths and to the first fragment's chain.
 */
export class Ipv6Reassembler extends Reassembler<bigint> {
  constructor(limits: ReassemblyLimits = DEFAULT_REASSEMBLY_V6) {
    super(limits, IPV6_HEADER_LENGTH + IPV6_PAYLOAD_LIMIT + FRAGMENT_HEADER_LENGTH)
  }

  /**
   * Takes one fragment, and copies what it keeps of it.
   * @param bytes what `header` was decoded from, and `chain` walked along, with the verdict `reassemble`
   * @returns the whole datagram as one packet without fragment header, when this fragment completes it; its chain is to be walked anew
   */
  handle(bytes: Uint8Array, header: Ipv6Header, chain: Ipv6Chain, now: number): Uint8Array | undefined {
    const { source, destination } = header
    const { identification, fragmentStart, fragmentOffset, moreFragments } = chain
    return this.take(
      {
        key: `${String(source)} ${String(destination)} ${String(identification)}`,
        source,
        destination,
        protocol: bytes[fragmentStart],
        identification,
        bytes,
        start: header.payloadStart - IPV6_HEADER_LENGTH,
        payloadStart: fragmentStart + FRAGMENT_HEADER_LENGTH,
        payloadEnd: header.payloadEnd,
        offset: fragmentOffset,
        moreFragments,
        congestionExperienced: header.ecn === 3,
      },
      now,
    )
  }

  protected complete(partial: PartialDatagram<bigint>, first: Uint8Array): Uint8Array {
    const headersLength = partial.firstHeaderLength - FRAGMENT_HEADER_LENGTH
    const { fragmentPointer } = walkIpv6Chain(first, decodeIpv6Header(first, 0, first.length), first.length, 'destination')
    const packet = new Uint8Array(headersLength + partial.length)
    packet.set(first.subarray(0, headersLength))
    // What the fragment header said comes next is told by the header before it.
    packet[fragmentPointer] = first[headersLength]
    partial.copyTo(packet, headersLength)
    write16(packet, 4, packet.length - IPV6_HEADER_LENGTH)
    // RFC 3168 section 5.3, as for IPv4: one fragment that met congestion speaks for all.
    if (partial.congestionExperienced) packet[1] |= 0x30
    return packet
  }
}
