import type { IpAddress } from './address.ts'
import { finish, pseudoHeaderSum, sum } from './checksum.ts'
import { field, hex, named, withProblems } from './describe.ts'
import { DecodeError } from './errors.ts'
import type { Layer } from './field.ts'
import { read16, write16 } from './integer.ts'
import { IpProtocol } from './ipv4.ts'
import { addressSum } from './pseudo-header.ts'

/** Bytes of a UDP header. */
export const UDP_HEADER_LENGTH = 8

/** Most bytes of payload in one datagram over IPv4 without options. */
export const UDP_PAYLOAD_LIMIT = 65_507

/** A UDP header as values. RFC 768. */
export class UdpHeader {
  /** 0 to 65535; 0 when no reply is expected. */
  sourcePort = 0
  /** 0 to 65535. */
  destinationPort = 0
  /** The checksum field as it was decoded, 0 for none; `encodeUdp` computes its own. */
  checksum = 0
  /** First byte of the payload in the decoded array. */
  payloadStart = 0
  /** One past the payload's last byte in the decoded array, by the length field. */
  payloadEnd = 0
}

/**
 * Reads the header of the datagram in [start, end). Bytes behind the length that it gives belong to nobody. The checksum is not
 * looked at: see `verifyUdpChecksum`.
 * @param into is filled and returned
 * @throws DecodeError when the datagram is cut short, or its length is below that of the header
 */
export function decodeUdp(bytes: Uint8Array, start: number, end: number, into = new UdpHeader()): UdpHeader {
  if (end - start < UDP_HEADER_LENGTH) throw new DecodeError('udp', 'truncated', end, 'the header takes 8 bytes')
  const length = read16(bytes, start + 4)
  if (length < UDP_HEADER_LENGTH) throw new DecodeError('udp', 'invalid', start + 4, `length ${String(length)}`)
  if (start + length > end) throw new DecodeError('udp', 'truncated', end, 'the length reaches past the end')
  into.sourcePort = read16(bytes, start)
  into.destinationPort = read16(bytes, start + 2)
  into.checksum = read16(bytes, start + 6)
  into.payloadStart = start + UDP_HEADER_LENGTH
  into.payloadEnd = start + length
  return into
}

/**
 * Writes header, payload and checksum at `start`.
 * @param source IPv4 address in [0, 2^32), for the checksum; or, of either version, both addresses' `addressSum`
 * @param destination likewise; left out with an `addressSum`
 * @returns one past the last byte written
 * @throws RangeError when the payload exceeds what the length field can say
 */
export function encodeUdp(
  header: UdpHeader,
  payload: Uint8Array,
  bytes: Uint8Array,
  start: number,
  source: number,
  destination = 0,
): number {
  const length = UDP_HEADER_LENGTH + payload.length
  if (length > 0xffff) throw new RangeError('a UDP datagram exceeds 65,535 bytes')
  const end = start + length
  write16(bytes, start, header.sourcePort)
  write16(bytes, start + 2, header.destinationPort)
  write16(bytes, start + 4, length)
  write16(bytes, start + 6, 0)
  bytes.set(payload, start + UDP_HEADER_LENGTH)
  // 0 says "no checksum", so a checksum of 0 is sent as its other form.
  const checksum = finish(sum(bytes, start, end, pseudoHeaderSum(source, destination, IpProtocol.UDP, length)))
  write16(bytes, start + 6, checksum === 0 ? 0xffff : checksum)
  return end
}

/**
 * Whether the checksum of the datagram that begins at `start` is right, or absent, which over IPv6 it must not be (RFC 8200 section
 * 8.1): see `UdpHeader.checksum`. The datagram must decode.
 * @param source IPv4 address in [0, 2^32); or, of either version, both addresses' `addressSum`
 * @param destination likewise; left out with an `addressSum`
 */
export function verifyUdpChecksum(bytes: Uint8Array, start: number, source: number, destination = 0): boolean {
  if (read16(bytes, start + 6) === 0) return true
  const length = read16(bytes, start + 4)
  return finish(sum(bytes, start, start + length, pseudoHeaderSum(source, destination, IpProtocol.UDP, length))) === 0
}

function checksumProblem(
  bytes: Uint8Array,
  start: number,
  end: number,
  source: IpAddress,
  destination: IpAddress,
): string | undefined {
  const addresses = addressSum(source, destination)
  const isMissing = typeof source === 'bigint' && read16(bytes, start + 6) === 0
  if (!isMissing && verifyUdpChecksum(bytes, start, addresses)) return undefined
  const pseudoHeader = addresses + IpProtocol.UDP + end - start
  const expected = finish(sum(bytes, start + 8, end, sum(bytes, start, start + 6, pseudoHeader)))
  return `checksum should be ${hex(expected === 0 ? 0xffff : expected, 4)}`
}

/**
 * The header for the inspector.
 * @param source with both addresses the layer's problem also tells of a wrong checksum
 * @throws DecodeError as `decodeUdp` does
 */
export function udpLayer(bytes: Uint8Array, start: number, end: number, source?: IpAddress, destination?: IpAddress): Layer {
  const header = decodeUdp(bytes, start, end)
  const { sourcePort, destinationPort, checksum, payloadStart, payloadEnd } = header
  const payloadLength = payloadEnd - payloadStart
  const layer: Layer = {
    protocol: 'udp',
    title: 'User Datagram Protocol',
    summary: `${String(sourcePort)} → ${String(destinationPort)}, ${String(payloadLength)} bytes`,
    start,
    end: payloadStart,
    fields: [
      field('udp.srcport', 'Source port', sourcePort, start, start + 2),
      field('udp.dstport', 'Destination port', destinationPort, start + 2, start + 4),
      field('udp.length', 'Length', payloadEnd - start, start + 4, start + 6),
      field('udp.checksum', 'Checksum', named(hex(checksum, 4), checksum === 0 ? 'none' : undefined), start + 6, start + 8),
    ],
  }
  if (source === undefined || destination === undefined) return layer
  const problem = checksumProblem(bytes, start, payloadEnd, source, destination)
  return withProblems(layer, problem === undefined ? [] : [problem])
}
