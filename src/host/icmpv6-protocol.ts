import { formatIpv6, isMulticastIpv6 } from '../wire/address.ts'
import { IcmpType, TimeExceededCode, UnreachableCode } from '../wire/icmp.ts'
import {
  decodeIcmpv6,
  decodeQuotationV6,
  encodeIcmpv6,
  icmpv6EncodedLength,
  Icmpv6Message,
  Icmpv6Type,
  isIcmpv6Error,
  isNdp,
  quoteIpv6,
  UnreachableCodeV6,
  verifyIcmpv6Checksum,
} from '../wire/icmpv6.ts'
import { decodeIpv6Header, Ipv6Header, NextHeader } from '../wire/ipv6.ts'
import { Ipv6Chain, ParameterProblemCode, walkIpv6Chain } from '../wire/ipv6-chain.ts'
import { decodeNdp } from '../wire/ndp.ts'
import { addressSum } from '../wire/pseudo-header.ts'
import type { Environment } from '../kernel/machine.ts'
import { ErrorLimit } from './error-limit.ts'
import { PAYLOAD_START_V6, type Destination6, type ErrorReporter6, type Ipv6Layer } from './ipv6-layer.ts'
import type { EchoListener, EchoProtocol, ErrorListener, IcmpError, ProtocolHandler, ReceivedPacket } from './network-layer.ts'

/** Ports and sequence number. */
const QUOTED_OF_TCP = 8

/** Errors in words, for the trace. */
function errorName(type: number, code: number): string {
  switch (type) {
    case Icmpv6Type.PACKET_TOO_BIG:
      return 'packet too big'
    case Icmpv6Type.TIME_EXCEEDED:
      return code === 0 ? 'hop limit exceeded in transit' : 'reassembly time exceeded'
    case Icmpv6Type.PARAMETER_PROBLEM:
      return 'parameter problem'
    default:
      break
  }
  switch (code) {
    case UnreachableCodeV6.NO_ROUTE:
      return 'no route'
    case UnreachableCodeV6.BEYOND_SCOPE:
      return 'beyond the scope of the source address'
    case UnreachableCodeV6.ADDRESS_UNREACHABLE:
      return 'address unreachable'
    case UnreachableCodeV6.PORT_UNREACHABLE:
      return 'port unreachable'
    default:
      return `unreachable, code ${String(code)}`
  }
}

/**
 * Type and code of ICMP that say the same: RFC 7915 section 5.2, which has the same table for translators; undefined for what says
 * nothing to a sender.
 */
function inWordsOfIcmp(type: number, code: number): { type: number; code: number } | undefined {
  switch (type) {
    case Icmpv6Type.PACKET_TOO_BIG:
      return { type: IcmpType.DESTINATION_UNREACHABLE, code: UnreachableCode.FRAGMENTATION_NEEDED }
    case Icmpv6Type.TIME_EXCEEDED:
      return { type: IcmpType.TIME_EXCEEDED, code: code === 0 ? TimeExceededCode.TTL : TimeExceededCode.REASSEMBLY }
    case Icmpv6Type.PARAMETER_PROBLEM:
      return code === ParameterProblemCode.UNRECOGNIZED_NEXT_HEADER
        ? { type: IcmpType.DESTINATION_UNREACHABLE, code: UnreachableCode.PROTOCOL_UNREACHABLE }
        : undefined
    case Icmpv6Type.DESTINATION_UNREACHABLE:
      switch (code) {
        case UnreachableCodeV6.NO_ROUTE:
          // Deviates from RFC 7915, which has "host unreachable": to who sent it, they differ.
          return { type: IcmpType.DESTINATION_UNREACHABLE, code: UnreachableCode.NET_UNREACHABLE }
        case UnreachableCodeV6.PROHIBITED:
          return { type: IcmpType.DESTINATION_UNREACHABLE, code: UnreachableCode.HOST_PROHIBITED }
        case UnreachableCodeV6.PORT_UNREACHABLE:
          return { type: IcmpType.DESTINATION_UNREACHABLE, code: UnreachableCode.PORT_UNREACHABLE }
        default:
          return { type: IcmpType.DESTINATION_UNREACHABLE, code: UnreachableCode.HOST_UNREACHABLE }
      }
    default:
      return undefined
  }
}

/** RFC 4443, and the door to neighbour discovery (RFC 4861). */
export class Icmpv6Protocol implements ProtocolHandler, ErrorReporter6, EchoProtocol {
  /** Whether sources on other hosts are told what became of their packets. */
  sendsErrors = true
  private readonly incoming = new Icmpv6Message()
  private readonly outgoing = new Icmpv6Message()
  private readonly quoted = new Ipv6Header()
  private readonly chain = new Ipv6Chain()
  private readonly listeners = new Map<number, ErrorListener>()
  /** By `identifier * 2^16 + sequence`. */
  private readonly echoes = new Map<number, EchoListener>()
  private readonly limit = new ErrorLimit<bigint>()

  constructor(
    private readonly environment: Environment,
    private readonly layer: Ipv6Layer,
  ) {}

  /** Names who hears of errors about packets of a protocol. */
  listen(protocol: number, listener: ErrorListener): void {
    this.listeners.set(protocol, listener)
  }

  // Echo.

  sendEcho(
    destination: Destination6,
    identifier: number,
    sequence: number,
    payload: Uint8Array,
    hopLimit: number,
    listener: EchoListener,
  ): void {
    const rest = identifier * 0x10000 + sequence
    this.echoes.set(rest, listener)
    this.fill(Icmpv6Type.ECHO_REQUEST, 0, rest, payload)
    this.transmit(destination, destination.source, hopLimit)
  }

  forgetEcho(identifier: number, sequence: number, listener: EchoListener): void {
    const key = identifier * 0x10000 + sequence
    if (this.echoes.get(key) === listener) this.echoes.delete(key)
  }

  private fill(type: number, code: number, rest: number, payload: Uint8Array): void {
    const { outgoing } = this
    outgoing.type = type
    outgoing.code = code
    outgoing.rest = rest
    outgoing.payload = payload
  }

  // Receiving.

  input(packet: ReceivedPacket<Ipv6Header>): void {
    const { bytes, header } = packet
    const { payloadStart, payloadEnd, source, hopLimit } = header
    if (!verifyIcmpv6Checksum(bytes, payloadStart, payloadEnd, packet.addressSum)) {
      this.layer.discard('icmpv6', 'wrong checksum')
      return
    }
    const message = decodeIcmpv6(bytes, payloadStart, payloadEnd, this.incoming)
    const { type, code, rest, payload } = message
    if (isNdp(type)) {
      this.discover(packet)
    } else if (type === Icmpv6Type.ECHO_REQUEST) {
      this.answerEcho(packet, message)
    } else if (type === Icmpv6Type.ECHO_REPLY) {
      this.echoes.get(rest)?.replied(source, hopLimit)
    } else if (isIcmpv6Error(type)) {
      const mtu = type === Icmpv6Type.PACKET_TOO_BIG ? rest : 0
      this.dispatch(type, code, source, hopLimit, mtu, payload)
    }
  }

  private discover({ bytes, header, port, reassembled }: ReceivedPacket<Ipv6Header>): void {
    const link = this.layer.links[port]
    // RFC 6980 section 5: never in fragments, behind which anything may hide.
    const why = reassembled
      ? 'it came in fragments'
      : link?.receive(decodeNdp(bytes, header.payloadStart, header.payloadEnd), header)
    if (why !== undefined) this.layer.discard('ndp', why)
  }

  private answerEcho({ header, broadcast }: ReceivedPacket<Ipv6Header>, { rest, payload }: Icmpv6Message): void {
    const way = this.layer.way(header.source)
    // RFC 4443 section 4.2 leaves open whether a request to a group is answered; IPv4 does not here, so this does not.
    if (broadcast || (way.kind !== 'unicast' && way.kind !== 'local')) return
    this.fill(Icmpv6Type.ECHO_REPLY, 0, rest, payload)
    this.transmit(way, header.destination, undefined)
  }

  /** Finds whose packet an error is about. @throws DecodeError */
  private dispatch(type: number, code: number, from: bigint, ttl: number, mtu: number, payload: Uint8Array): void {
    const meaning = inWordsOfIcmp(type, code)
    const quotation = decodeQuotationV6(payload)
    if (meaning === undefined || !this.layer.isOwn(quotation.source)) return
    const error: IcmpError = { ...meaning, from, ttl, mtu, quotation }
    if (quotation.protocol !== NextHeader.ICMPV6) {
      this.listeners.get(quotation.protocol)?.handleError(error)
      return
    }
    if (type === Icmpv6Type.PACKET_TOO_BIG) {
      // The next echo or answer goes in fragments that fit; this one is lost.
      this.layer.narrow(this.layer.way(quotation.destination), mtu)
      return
    }
    const header = decodeIpv6Header(payload, 0, payload.length, this.quoted)
    const { start, fragmentStart, fragmentOffset } = walkIpv6Chain(payload, header, payload.length, 'destination', this.chain)
    if ((fragmentStart >= 0 && fragmentOffset !== 0) || payload.length < start + 8) return
    const echo = decodeIcmpv6(payload, start, payload.length, this.incoming)
    if (echo.type === Icmpv6Type.ECHO_REQUEST) this.echoes.get(echo.rest)?.failed(error)
  }

  // Errors.

  /**
   * Tells the source of a packet that it did not arrive; nothing happens where RFC 4443 section 2.4 (e) forbids it, or when there have
   * been too many. A source on this very host is told directly.
   */
  report(type: number, code: number, bytes: Uint8Array, start: number, rest: number): void {
    const { environment, layer } = this
    const header = decodeIpv6Header(bytes, start, bytes.length, this.quoted)
    const { source, destination } = header
    if (!mayReport(type, code, destination) || source === 0n || isMulticastIpv6(source)) return
    const quotation = this.quote(bytes, start, header)
    if (quotation === undefined) return
    if (layer.isOwn(source)) {
      this.dispatch(type, code, source, 0, type === Icmpv6Type.PACKET_TOO_BIG ? rest : 0, quotation)
      return
    }
    const back = layer.way(source)
    if (!this.sendsErrors || back.kind !== 'unicast' || !this.limit.allows(source, environment.now)) return
    this.fill(type, code, rest, quotation)
    const { cause } = environment
    environment.cause = environment.record('icmpv6:sent', '', {
      type,
      code,
      to: formatIpv6(source),
      meaning: errorName(type, code),
    })
    this.transmit(back, layer.isOwn(destination) ? destination : back.source, undefined)
    environment.cause = cause
  }

  /**
   * What an error quotes of a packet; undefined for a packet about which there is none. Deviates from RFC 4443 section 2.4 (c), as much as
   * fits, for a TCP segment that does not fit whole: that is quoted by its first 8 bytes, as Wireshark takes a longer piece for a whole
   * segment with a wrong checksum.
   */
  private quote(bytes: Uint8Array, start: number, header: Ipv6Header): Uint8Array | undefined {
    const quotation = quoteIpv6(bytes, start, bytes.length)
    const end = start + quotation.length
    const { payloadEnd } = header
    const chain = walkIpv6Chain(bytes, header, end, 'destination', this.chain)
    if (chain.protocol === NextHeader.ICMPV6 && !(chain.fragmentStart >= 0 && chain.fragmentOffset > 0)) {
      if (chain.start >= end || isIcmpv6Error(bytes[chain.start])) return undefined
    }
    const isCut = end < payloadEnd
    return isCut && chain.protocol === NextHeader.TCP && chain.start + QUOTED_OF_TCP < end
      ? quotation.subarray(0, chain.start - start + QUOTED_OF_TCP)
      : quotation
  }

  /** Sends `outgoing`. */
  private transmit(destination: Destination6, source: bigint, hopLimit: number | undefined): void {
    const length = icmpv6EncodedLength(this.outgoing)
    const frame = this.layer.begin(destination, source, NextHeader.ICMPV6, length, false, 0, hopLimit)
    encodeIcmpv6(this.outgoing, frame, PAYLOAD_START_V6, addressSum(source, destination.address))
    this.layer.send(frame, destination, 0)
  }
}

/** RFC 4443 section 2.4 (e.3): of what was sent to a group, only that it is too big, or has an option that asks for an answer. */
function mayReport(type: number, code: number, destination: bigint): boolean {
  if (!isMulticastIpv6(destination)) return true
  if (type === Icmpv6Type.PACKET_TOO_BIG) return true
  return type === Icmpv6Type.PARAMETER_PROBLEM && code === ParameterProblemCode.UNRECOGNIZED_OPTION
}
