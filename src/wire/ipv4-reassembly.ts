import { finish, sum } from './checksum.ts'
import { write16 } from './integer.ts'
import { IPV4_LENGTH_LIMIT, type Ipv4Header } from './ipv4.ts'
import { type PartialDatagram, Reassembler, type ReassemblyLimits } from './reassembly.ts'

/** RFC 1122 section 3.3.2 asks for 60 to 120 s, RFC 791 for 15 s; Linux takes 30 s. */
export const DEFAULT_REASSEMBLY: ReassemblyLimits = { timeout: 30_000_000_000, memory: 4 * 1024 * 1024 }

/** Puts IPv4's fragments together: a datagram is named by its addresses, protocol and identification. RFC 791 section 3.2. */
export class Ipv4Reassembler extends Reassembler<number> {
  constructor(limits: ReassemblyLimits = DEFAULT_REASSEMBLY) {
    super(limits, IPV4_LENGTH_LIMIT)
  }

  /**
   * Takes one fragment, and copies what it keeps of it.
   * @param bytes what `header` was decoded from, the packet beginning at `start`
   * @returns the whole datagram as one packet with a header, when this fragment completes it
   */
  handle(bytes: Uint8Array, start: number, header: Ipv4Header, now: number): Uint8Array | undefined {
    const { source, destination, protocol, identification, payloadStart, payloadEnd, moreFragments } = header
    const key = `${String(source)} ${String(destination)} ${String(protocol)} ${String(identification)}`
    const place = { bytes, start, payloadStart, payloadEnd, offset: header.fragmentOffset, moreFragments }
    const congestionExperienced = header.ecn === 3
    return this.take({ key, source, destination, protocol, identification, ...place, congestionExperienced }, now)
  }

  protected complete(partial: PartialDatagram<number>, first: Uint8Array): Uint8Array {
    const headerLength = partial.firstHeaderLength
    const packet = new Uint8Array(headerLength + partial.length)
    packet.set(first.subarray(0, headerLength))
    partial.copyTo(packet, headerLength)
    // RFC 3168 section 5.3: one fragment that met congestion speaks for all.
    if (partial.congestionExperienced) packet[1] |= 3
    write16(packet, 2, packet.length)
    write16(packet, 6, 0)
    write16(packet, 10, 0)
    write16(packet, 10, finish(sum(packet, 0, headerLength)))
    return packet
  }
}
