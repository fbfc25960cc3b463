import type { PacketAccess } from '../../host/packet-access.ts'
import { finish, sum } from '../../wire/checksum.ts'
import { ICMP_HEADER_LENGTH, isIcmpError, verifyIcmpChecksum } from '../../wire/icmp.ts'
import { read16, write16 } from '../../wire/integer.ts'
import { decodeIpv4Header, IPV4_HEADER_LENGTH, IpProtocol, Ipv4Header } from '../../wire/ipv4.ts'
import type { Target } from './target.ts'
import { End, redirect } from './translation.ts'

/** What a balancer knows of its connections, for errors about their packets. */
interface Connections {
  readonly address: number
  readonly isServing: boolean
  findByServer(source: number, sourcePort: number, destination: number, destinationPort: number): number
  findByClient(source: number, sourcePort: number, destination: number, destinationPort: number): number
  targetOf(entry: number): Target
  clientOf(entry: number): number
  asFromClient(bytes: Uint8Array, start: number, tcp: number, end: number, entry: number): void
  asFromServer(bytes: Uint8Array, start: number, tcp: number, end: number, entry: number): void
}

/**
 * Errors of ICMP about packets that were translated: whoever sent the packet is told, in words that he knows (RFC 5508 section 4.2). So
 * path MTU discovery works through a balancer.
 */
export class ErrorTranslation {
  private readonly quoted = new Ipv4Header()

  constructor(
    private readonly packets: PacketAccess,
    private readonly connections: Connections,
    private readonly isDirect: boolean,
  ) {}

  /** @returns whether the error was about a packet of ours, and has been sent on. Throws DecodeError. */
  intercepted(frame: Uint8Array, header: Ipv4Header): boolean {
    const at = header.payloadStart
    const quotation = at + ICMP_HEADER_LENGTH
    if (header.payloadEnd < quotation + IPV4_HEADER_LENGTH || !isIcmpError(frame[at])) return false
    const {
      protocol,
      source,
      destination,
      payloadStart: tcp,
    } = decodeIpv4Header(frame, quotation, header.payloadEnd, this.quoted)
    if (protocol !== IpProtocol.TCP || this.quoted.fragmentOffset !== 0 || tcp + 8 > header.payloadEnd) return false
    const [from, to] = [read16(frame, tcp), read16(frame, tcp + 2)]
    if (!verifyIcmpChecksum(frame, at, header.payloadEnd)) return false
    // About a reply of the server, as the client gets it.
    const ofServer = this.connections.findByClient(destination, to, source, from)
    if (ofServer >= 0 && this.connections.isServing) return this.tellServer(frame, header, quotation, tcp, ofServer)
    if (this.isDirect) return false
    // About a packet of the client, as the server gets it.
    const ofClient = this.connections.findByServer(destination, to, source, from)
    return ofClient >= 0 && this.tellClient(frame, header, quotation, tcp, ofClient)
  }

  private tellServer(frame: Uint8Array, header: Ipv4Header, quotation: number, tcp: number, entry: number): boolean {
    const { way, address } = this.connections.targetOf(entry)
    const copy = this.packets.copy(frame, header, way)
    if (copy === undefined) return true
    if (!this.isDirect) {
      this.connections.asFromServer(copy, quotation, tcp, header.payloadEnd, entry)
      this.readdress(copy, header, End.DESTINATION, address)
    }
    this.packets.relay(copy, way)
    return true
  }

  private tellClient(frame: Uint8Array, header: Ipv4Header, quotation: number, tcp: number, entry: number): boolean {
    const { connections } = this
    const client = connections.clientOf(entry)
    const way = this.packets.way(client)
    const copy = this.packets.copy(frame, header, way)
    if (copy === undefined) return true
    connections.asFromClient(copy, quotation, tcp, header.payloadEnd, entry)
    this.readdress(copy, header, End.DESTINATION, client)
    // The client knows of no server here.
    if (header.source === connections.targetOf(entry).address) redirect(copy, End.SOURCE, connections.address)
    this.packets.relay(copy, way)
    return true
  }

  private readdress(copy: Uint8Array, { payloadStart, payloadEnd }: Ipv4Header, which: number, address: number): void {
    redirect(copy, which, address)
    write16(copy, payloadStart + 2, 0)
    write16(copy, payloadStart + 2, finish(sum(copy, payloadStart, payloadEnd)))
  }
}
