import { DecodeError } from '../wire/errors.ts'
import { HEADER_LONG, QuicHeader } from '../wire/quic/header.ts'
import type { QuicConversation, QuicPacket } from './quic-conversation.ts'
import { QuicConversations } from './quic-conversations.ts'
import type { FrameSource } from './frame-source.ts'
import { TlsSecrets } from './tls-secrets.ts'
import { UdpDatagramPlace } from './udp-datagram-place.ts'

/** Bytes of a packet with a short header by which its connection is told, and too few to be decrypted. */
const HEAD = 20

/** What Wireshark knows of the 1-RTT packets of one end. */
interface Reader {
  /** Largest packet number so far; -1: none. */
  largest: number
  /** How often the keys were updated. */
  phase: number
}

/**
 * Finds datagrams of QUIC that a capture shows so late that Wireshark 4.0 cannot decrypt them: copies on another link, and what was
 * overtaken on its way. Of such datagrams a capture shows the beginning alone.
 *
 * - After an update of keys (RFC 9001 section 6) it takes every other value of the Key Phase bit for another update, so that one packet
 *   that is late keeps it from reading anything of the connection any more.
 * - It looks for a packet number (RFC 9000 appendix A.3) among those of the largest so far and of what comes then, but not before: where
 *   the bytes that are sent of it begin anew at 0, packets that are late get a wrong one.
 */
export class StaleDatagrams {
  private readonly conversations: QuicConversations
  private readonly readers = new Map<QuicConversation, readonly [Reader, Reader]>()
  private readonly place = new UdpDatagramPlace()

  constructor(source: FrameSource) {
    this.conversations = new QuicConversations(source, new TlsSecrets(), Infinity)
  }

  /**
   * How much is shown of the next datagram of a capture.
   * @param number of the frame
   * @param frame its bytes
   * @returns undefined when it can be shown whole
   */
  shownLength(number: number, frame: Uint8Array): number | undefined {
    const { place } = this
    const sighting = this.conversations.find(number)
    if (sighting === undefined || !place.find(frame)) return undefined
    const { conversation, record } = sighting
    let readers = this.readers.get(conversation)
    if (readers === undefined) {
      readers = [
        { largest: -1, phase: 0 },
        { largest: -1, phase: 0 },
      ]
      this.readers.set(conversation, readers)
    }
    const reader = readers[record.sender]
    if (record.packets.every((packet) => reads(reader, packet))) return undefined
    const start = shortHeaderAt(frame.subarray(place.payloadStart, place.payloadEnd))
    return start === undefined ? undefined : Math.min(place.payloadStart + start + HEAD, frame.length)
  }
}

/** Whether Wireshark can decrypt the next packet, as it does then. */
function reads(reader: Reader, { type, opened }: QuicPacket): boolean {
  if (type !== '1-rtt' || opened === undefined) return true
  const { packetNumber, numberLength, phase } = opened
  if (phase < reader.phase || !isFound(reader.largest + 1, packetNumber, numberLength)) return false
  reader.phase = phase
  reader.largest = Math.max(reader.largest, packetNumber)
  return true
}

/** Whether a packet number is the nearest to the expected one, of those that end in the same bytes and do not begin before. */
function isFound(expected: number, packetNumber: number, length: number): boolean {
  const window = length === 4 ? 0x1_0000_0000 : 1 << (8 * length)
  const first = expected - (expected % window) + (packetNumber % window)
  const isFirst = Math.abs(first - expected) < Math.abs(first + window - expected)
  return packetNumber === (isFirst ? first : first + window)
}

/** Where the 1-RTT packet of a datagram begins; undefined: there is none. */
function shortHeaderAt(payload: Uint8Array): number | undefined {
  const header = new QuicHeader()
  for (let at = 0; at < payload.length; at = header.end) {
    if ((payload[at] & HEADER_LONG) === 0) return at
    try {
      header.decode(payload, at, payload.length, 0)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return undefined
    }
  }
  return undefined
}
