import { formatIpv4 } from '../wire/address.ts'
import {
  decodeIcmp,
  decodeQuotation,
  encodeIcmp,
  icmpEncodedLength,
  IcmpMessage,
  IcmpType,
  isIcmpError,
  quoteIpv4,
  UnreachableCode,
  verifyIcmpChecksum,
} from '../wire/icmp.ts'
import { decodeIpv4Header, IpProtocol, Ipv4Header } from '../wire/ipv4.ts'
import type { Environment } from '../kernel/machine.ts'
import { ProtocolTable } from './protocol-table.ts'
import { ErrorLimit } from './error-limit.ts'
import { PAYLOAD_START, type Destination, type ErrorReporter, type InternetLayer } from './internet-layer.ts'
import type { EchoListener, EchoProtocol, ErrorListener, IcmpError, ProtocolHandler, ReceivedPacket } from './network-layer.ts'

/** Errors travel with precedence "internetwork control" (RFC 1812 section 4.3.2.5). */
const ERROR_DSCP = 48

/** Ports and sequence number. */
const QUOTED_OF_TCP = 8

/** Errors in words, for the trace. */
function errorName(type: number, code: number): string {
  if (type === IcmpType.TIME_EXCEEDED) return code === 0 ? 'time exceeded in transit' : 'reassembly time exceeded'
  switch (code) {
    case UnreachableCode.NET_UNREACHABLE:
      return 'network unreachable'
    case UnreachableCode.HOST_UNREACHABLE:
      return 'host unreachable'
    case UnreachableCode.PROTOCOL_UNREACHABLE:
      return 'protocol unreachable'
    case UnreachableCode.PORT_UNREACHABLE:
      return 'port unreachable'
    case UnreachableCode.FRAGMENTATION_NEEDED:
      return 'fragmentation needed'
    default:
      return `unreachable, code ${String(code)}`
  }
}

/**
 * What an error quotes of a packet. Deviates from RFC 1812 section 4.3.2.3, as much as fits in 576 bytes, for a TCP segment that does not
 * fit whole: that is quoted by its first 8 bytes, as RFC 792 has it. Wireshark takes a longer piece for a whole segment with a wrong
 * checksum.
 */
function quote(bytes: Uint8Array, start: number, { protocol, payloadStart, payloadEnd }: Ipv4Header): Uint8Array {
  const quotation = quoteIpv4(bytes, start, bytes.length)
  const isCut = start + quotation.length < payloadEnd
  return isCut && protocol === IpProtocol.TCP ? quotation.subarray(0, payloadStart - start + QUOTED_OF_TCP) : quotation
}

// Messages at hand, of whatever host: one is dealt with before the next.
const incoming = new IcmpMessage()
const outgoing = new IcmpMessage()
const quoted = new Ipv4Header()

/** RFC 792 with the rules of RFC 1122 section 3.2.2 and RFC 1812 section 4.3. */
export class IcmpProtocol implements ProtocolHandler, ErrorReporter, EchoProtocol {
  /** Whether sources on other hosts are told what became of their packets. */
  sendsErrors = true
  private readonly listeners = new ProtocolTable<ErrorListener>()
  /** By `identifier * 2^16 + sequence`. */
  private echoes: Map<number, EchoListener> | undefined = undefined
  private limit: ErrorLimit<number> | undefined = undefined
  /** -1: none was asked for yet. */
  private nextIdentifier = -1

  constructor(
    private readonly environment: Environment,
    private readonly internet: InternetLayer,
  ) {}

  /** Names who hears of errors about packets of a protocol. */
  listen(protocol: number, listener: ErrorListener): void {
    this.listeners.set(protocol, listener)
  }

  // Echo.

  /** A number that tells the echoes of one asker from those of another. */
  identifier(): number {
    if (this.nextIdentifier < 0) this.nextIdentifier = this.environment.random('icmp-identifier').below(0x10000)
    const identifier = this.nextIdentifier
    this.nextIdentifier = (identifier + 1) & 0xffff
    return identifier
  }

  sendEcho(
    destination: Destination,
    identifier: number,
    sequence: number,
    payload: Uint8Array,
    ttl: number,
    listener: EchoListener,
  ): void {
    this.echoes ??= new Map()
    this.echoes.set(identifier * 0x10000 + sequence, listener)
    outgoing.type = IcmpType.ECHO_REQUEST
    outgoing.code = 0
    outgoing.identifier = identifier
    outgoing.sequence = sequence
    outgoing.payload = payload
    this.transmit(destination, destination.source, ttl, 0)
  }

  forgetEcho(identifier: number, sequence: number, listener: EchoListener): void {
    const key = identifier * 0x10000 + sequence
    if (this.echoes?.get(key) === listener) this.echoes.delete(key)
  }

  // Receiving.

  input(packet: ReceivedPacket<Ipv4Header>): void {
    const { bytes, header } = packet
    if (!verifyIcmpChecksum(bytes, header.payloadStart, header.payloadEnd)) {
      this.internet.discard('icmp', 'wrong checksum')
      return
    }
    const message = decodeIcmp(bytes, header.payloadStart, header.payloadEnd, incoming)
    if (message.type === IcmpType.ECHO_REQUEST) {
      // RFC 1122 section 3.2.2.6 allows silence when everybody was asked.
      if (!packet.broadcast) this.answerEcho(header, message)
    } else if (message.type === IcmpType.ECHO_REPLY) {
      this.echoes?.get(message.identifier * 0x10000 + message.sequence)?.replied(header.source, header.ttl)
    } else if (message.type === IcmpType.DESTINATION_UNREACHABLE || message.type === IcmpType.TIME_EXCEEDED) {
      const { type, code, payload } = message
      const isNarrow = type === IcmpType.DESTINATION_UNREACHABLE && code === UnreachableCode.FRAGMENTATION_NEEDED
      const mtu = isNarrow ? message.sequence : 0
      this.dispatch({ type, code, from: header.source, ttl: header.ttl, mtu, quotation: decodeQuotation(payload) }, payload)
    }
  }

  private answerEcho(header: Ipv4Header, request: IcmpMessage): void {
    outgoing.type = IcmpType.ECHO_REPLY
    outgoing.code = 0
    outgoing.identifier = request.identifier
    outgoing.sequence = request.sequence
    outgoing.payload = request.payload
    this.transmit(this.internet.way(header.source), header.destination, undefined, 0)
  }

  /** Finds whose packet an error is about. @throws DecodeError */
  private dispatch(error: IcmpError, quotation: Uint8Array): void {
    const { protocol, source } = error.quotation
    if (typeof source !== 'number' || !this.internet.isOwn(source)) return
    if (protocol !== IpProtocol.ICMP) {
      this.listeners.get(protocol)?.handleError(error)
      return
    }
    const { payloadStart, fragmentOffset } = decodeIpv4Header(quotation, 0, quotation.length, quoted)
    if (fragmentOffset !== 0 || quotation.length < payloadStart + 8) return
    const { type, identifier, sequence } = decodeIcmp(quotation, payloadStart, quotation.length, incoming)
    if (type === IcmpType.ECHO_REQUEST) this.echoes?.get(identifier * 0x10000 + sequence)?.failed(error)
  }

  // Errors.

  /**
   * Tells the source of a packet that it did not arrive; nothing happens where that is forbidden (RFC 1122 section 3.2.2: never about
   * an ICMP error, a broadcast or a fragment other than the first), or when there have been too many. A source on this very host is
   * told directly.
   */
  report(type: number, code: number, bytes: Uint8Array, start: number, mtu: number): void {
    const { environment, internet } = this
    const header = decodeIpv4Header(bytes, start, bytes.length, quoted)
    const { source, destination, fragmentOffset, protocol, payloadStart } = header
    if (fragmentOffset !== 0 || destination >>> 28 >= 14 || internet.isBroadcast(destination)) return
    if (protocol === IpProtocol.ICMP && (payloadStart >= bytes.length || isIcmpError(bytes[payloadStart]))) return
    const quotation = quote(bytes, start, header)
    if (internet.isOwn(source)) {
      this.dispatch({ type, code, from: source, ttl: 0, mtu, quotation: decodeQuotation(quotation) }, quotation)
      return
    }
    const back = internet.way(source)
    if (!this.sendsErrors || back.kind !== 'unicast') return
    this.limit ??= new ErrorLimit()
    if (!this.limit.allows(source, environment.now)) return
    outgoing.type = type
    outgoing.code = code
    outgoing.identifier = 0
    outgoing.sequence = mtu
    outgoing.payload = quotation
    const cause = environment.cause
    environment.cause = environment.record('icmp:sent', '', {
      type,
      code,
      to: formatIpv4(source),
      meaning: errorName(type, code),
    })
    this.transmit(back, internet.isOwn(destination) ? destination : back.source, undefined, ERROR_DSCP)
    environment.cause = cause
  }

  /** Sends `outgoing`. */
  private transmit(destination: Destination, source: number, ttl: number | undefined, dscp: number): void {
    const length = icmpEncodedLength(outgoing)
    const frame = this.internet.begin(destination, source, IpProtocol.ICMP, length, false, 0, ttl, dscp)
    encodeIcmp(outgoing, frame, PAYLOAD_START)
    this.internet.send(frame, destination, 0)
  }
}
