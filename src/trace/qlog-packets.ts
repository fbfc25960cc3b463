import { DecodeError } from '../wire/errors.ts'
import { HEADER_LONG, offeredVersions, RETRY_TAG_LENGTH, type QuicPacketType } from '../wire/quic/header.ts'
import { QuicFrameDecoder } from '../wire/quic/frame-decoder.ts'
import { qlogFrame, qlogToken, type QlogData } from './qlog-frames.ts'
import type { QuicConversation, QuicPacket } from './quic-conversation.ts'
import { hexOf } from './tls-secrets.ts'

/** draft-ietf-quic-qlog-quic-events-01 appendix A.5. */
const PACKET_TYPES: Readonly<Record<QuicPacketType, string>> = {
  initial: 'initial',
  '0-rtt': '0RTT',
  handshake: 'handshake',
  retry: 'retry',
  '1-rtt': '1RTT',
  'version-negotiation': 'version_negotiation',
  'unknown-version': 'unknown',
}

/** A version as qlog writes it: `'00000001'`. */
export function qlogVersion(version: number): string {
  return version.toString(16).padStart(8, '0')
}

/**
 * What qlog says of a packet that was sent or received: draft-ietf-quic-qlog-quic-events-01 section 3.3.5.
 * @param bytes the datagram's payload, as it was sent
 * @param isCoalesced whether there are other packets in the datagram
 * @param datagram its number
 * @param delayExponent of its sender's ACK frames
 * @returns undefined when nothing can be said, since nobody has told the secrets
 */
export function qlogPacket(
  conversation: QuicConversation,
  bytes: Uint8Array,
  packet: QuicPacket,
  isCoalesced: boolean,
  datagram: number,
  delayExponent: number,
): QlogData | undefined {
  const { type, opened, start, note } = packet
  const header = conversation.headerOf(bytes, packet)
  if (header === undefined) return undefined
  const { end, destinationStart, destinationEnd, sourceStart, sourceEnd, tokenStart, tokenEnd, version, packetNumberAt } = header
  const common = { ...(isCoalesced && { is_coalesced: true }), datagram_id: datagram }
  if (note !== undefined) {
    const stateless_reset_token = hexOf(bytes.subarray(end - 16, end))
    return { header: { packet_type: 'stateless_reset' }, stateless_reset_token, raw: { length: end - start }, ...common }
  }
  const isLong = (bytes[start] & HEADER_LONG) !== 0
  const ids = {
    ...(isLong && { version: qlogVersion(version), scil: sourceEnd - sourceStart, dcil: destinationEnd - destinationStart }),
    ...(isLong && { scid: hexOf(bytes.subarray(sourceStart, sourceEnd)) }),
    dcid: hexOf(bytes.subarray(destinationStart, destinationEnd)),
  }
  const packet_type = PACKET_TYPES[type]
  if (type === 'retry') {
    const retry_token = qlogToken('retry', bytes.subarray(tokenStart, tokenEnd))
    const raw = { length: end - start, payload_length: tokenEnd - tokenStart + RETRY_TAG_LENGTH }
    return { header: { packet_type, ...ids }, retry_token, raw, ...common }
  }
  if (type === 'version-negotiation') {
    const supported_versions = offeredVersions(bytes, header).map(qlogVersion)
    return { header: { packet_type, ...ids }, supported_versions, raw: { length: end - start }, ...common }
  }
  const token = tokenEnd > tokenStart && { token: qlogToken(undefined, bytes.subarray(tokenStart, tokenEnd)) }
  const payload = conversation.payload(bytes, packet)
  if (opened === undefined || payload === undefined) return undefined
  const { packetNumber, firstByte } = opened
  return {
    header: {
      packet_type,
      packet_number: packetNumber,
      flags: firstByte,
      ...token,
      ...(isLong && { length: end - packetNumberAt }),
      ...ids,
    },
    frames: framesOf(payload, delayExponent),
    raw: { length: end - start, payload_length: payload.length },
    ...common,
  }
}

/** The least that is said of a packet: which it is. */
export function qlogPacketName({ type, opened }: QuicPacket): QlogData {
  return { packet_type: PACKET_TYPES[type], ...(opened !== undefined && { packet_number: opened.packetNumber }) }
}

function framesOf(payload: Uint8Array, delayExponent: number): QlogData[] {
  const decoder = new QuicFrameDecoder()
  const frames: QlogData[] = []
  decoder.begin(payload, 0, payload.length)
  try {
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next())
      frames.push(qlogFrame(frame, payload, delayExponent))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const rest = payload.subarray(decoder.at)
    frames.push({ frame_type: 'unknown', raw_frame_type: payload[decoder.at] ?? 0, raw_length: rest.length, raw: hexOf(rest) })
  }
  return frames
}
