import { DecodeError } from '../wire/errors.ts'
import { HEADER_LONG, QuicHeader } from '../wire/quic/header.ts'
import { HandshakeType } from '../wire/tls/code-points.ts'
import type { FrameSource } from './frame-source.ts'
import { CLIENT, SERVER, type Sender } from './http3-conversation.ts'
import type { QuicConversation, QuicDatagramRecord, QuicPacket } from './quic-conversation.ts'
import { QuicConversations } from './quic-conversations.ts'
import { TlsSecrets } from './tls-secrets.ts'
import { UdpDatagramPlace } from './udp-datagram-place.ts'

/** Bytes of a packet with a short header by which its connection is told, and too few to be decrypted. */
const HEAD = 20

/**
 * What Wireshark 4.0 can do with a datagram at its place in a capture: decrypt it; not yet, for something has to be shown before; not any
 * more; or take it for something else, and from then on the rest of the connection, too. Of what comes too late the beginning can be shown.
 */
type Verdict = 'readable' | 'early' | 'late' | 'misleading'

/** How a datagram is shown: whole, or its first bytes alone, or later in the file, or where Wireshark looks for no protocol in it. */
export type Showing = 'whole' | 'later' | 'aside' | { readonly head: number }

/** What Wireshark knows of the 1-RTT packets of one end. */
interface PacketReader {
  /** Largest packet number so far; -1: none. */
  readonly largest: number
  /** How often the keys were updated. */
  readonly phase: number
}

/** Handshake bytes of one level that the server has sent, as far as they were shown. */
interface LevelReader {
  readonly ranges: QuicPacket['crypto']
  /** The first that was not. */
  readonly end: number
}

/** What Wireshark knows of a connection. */
interface Knowledge {
  /** Whether the Retry was shown that the client answers. */
  readonly isRetried: boolean
  /** Destination connection IDs of the client's Initial packets. */
  readonly initialIds: readonly string[]
  readonly initial: LevelReader
  readonly handshake: LevelReader
  readonly readers: readonly [PacketReader, PacketReader]
}

const NOTHING: Knowledge = {
  isRetried: false,
  initialIds: [],
  initial: { ranges: [], end: 0 },
  handshake: { ranges: [], end: 0 },
  readers: [
    { largest: -1, phase: 0 },
    { largest: -1, phase: 0 },
  ],
}

/** A connection as far as a capture has shown it. */
interface Shown {
  readonly conversation: QuicConversation
  knowledge: Knowledge
  /** Behind the ServerHello in the server's Initial packets, and behind its EncryptedExtensions and its last message at the next level. */
  readonly helloEnd: number
  readonly extensionsEnd: number
  readonly handshakeEnd: number
}

/**
 * Tells which datagrams of QUIC Wireshark 4.0 can decrypt, as a capture shows them one after the other:
 *
 * - It knows the keys of a level only when the handshake messages before it were shown, and takes handshake bytes of a level for what is
 *   missing of the one before. What came to a host in another order is early.
 * - It takes every Retry for the beginning of a new handshake. Of several the client answers one; the others are misleading, and so are
 *   Initial and 0-RTT packets that were sent before the answer, and are shown after it.
 * - After an update of keys (RFC 9001 section 6) it takes every other value of the Key Phase bit for another update, so that one packet that
 *   is late keeps it from reading anything of the connection any more.
 * - It looks for a packet number (RFC 9000 appendix A.3) among those of the largest so far and of what comes then, but not before: where the
 *   bytes that are sent of it begin anew at 0, packets that are late get a wrong one.
 */
export class ReadableDatagrams {
  private readonly conversations: QuicConversations
  private readonly connections = new Map<QuicConversation, Shown>()
  private readonly place = new UdpDatagramPlace()

  constructor(source: FrameSource) {
    this.conversations = new QuicConversations(source, new TlsSecrets(), Infinity)
  }

  /**
   * How the next datagram of a capture is shown, which then is taken for shown, unless it is shown later.
   * @param number of the frame
   * @param frame its bytes
   */
  next(number: number, frame: Uint8Array): Showing {
    const { place } = this
    const sighting = this.conversations.find(number)
    if (sighting === undefined || !place.find(frame)) return 'whole'
    const { conversation, record } = sighting
    const shown = this.connections.get(conversation) ?? begin(conversation)
    this.connections.set(conversation, shown)
    const before = shown.knowledge
    const verdict = read(shown, record)
    if (verdict === 'readable') return 'whole'
    shown.knowledge = before
    if (verdict === 'early') return 'later'
    if (verdict === 'misleading') return 'aside'
    const start = shortHeaderAt(frame.subarray(place.payloadStart, place.payloadEnd))
    return start === undefined ? 'aside' : { head: Math.min(place.payloadStart + start + HEAD, frame.length) }
  }
}

function begin(conversation: QuicConversation): Shown {
  const { handshake } = conversation
  const initial = handshake.messages(SERVER, 'initial')
  const next = handshake.messages(SERVER, 'handshake')
  const isExtensions = next.findIndex(
    (message) => handshake.read(SERVER, 'handshake', message)[0] === HandshakeType.encrypted_extensions,
  )
  return {
    conversation,
    knowledge: NOTHING,
    helloEnd: initial.at(-1)?.end ?? Infinity,
    extensionsEnd: isExtensions < 0 ? Infinity : next[isExtensions].end,
    handshakeEnd: next.at(-1)?.end ?? Infinity,
  }
}

/** Reads a datagram as Wireshark does, and learns from it. */
function read(shown: Shown, { sender, packets }: QuicDatagramRecord): Verdict {
  for (const packet of packets) {
    const verdict = readPacket(shown, sender, packet)
    if (verdict !== 'readable') return verdict
  }
  return 'readable'
}

function readPacket(shown: Shown, sender: Sender, packet: QuicPacket): Verdict {
  const { knowledge } = shown
  switch (packet.type) {
    case 'initial':
      return sender === CLIENT
        ? readInitial(shown, packet)
        : readLevel(shown, 'initial', packet, packet.opened === undefined || knowledge.initialIds.length > 0)
    case '0-rtt':
      if (isOutdated(shown, packet)) return 'misleading'
      return packet.opened === undefined || knowledge.initialIds.includes(packet.destinationId) ? 'readable' : 'early'
    case 'handshake':
      if (packet.opened === undefined) return 'readable'
      return readLevel(shown, sender === SERVER ? 'handshake' : undefined, packet, knowledge.initial.end >= shown.helloEnd)
    case '1-rtt':
      return packet.opened === undefined ? 'readable' : readShort(shown, sender, packet, packet.opened)
    case 'retry': {
      const { retryId } = shown.conversation
      if (knowledge.isRetried || (retryId !== undefined && retryId !== packet.sourceId)) return 'misleading'
      shown.knowledge = { ...knowledge, isRetried: true }
      return 'readable'
    }
    default:
      return 'readable'
  }
}

/** Whether a client's packet is one from before its answer to a Retry, and the answer was asked for by now. */
function isOutdated({ conversation: { retryId }, knowledge }: Shown, { destinationId }: QuicPacket): boolean {
  const isFirst = retryId !== undefined && (knowledge.initialIds[0] ?? destinationId) === destinationId
  return isFirst && knowledge.isRetried && destinationId !== retryId
}

function readInitial(shown: Shown, packet: QuicPacket): Verdict {
  const { knowledge } = shown
  const { destinationId } = packet
  if (isOutdated(shown, packet)) return 'misleading'
  if (!knowledge.initialIds.includes(destinationId))
    shown.knowledge = { ...knowledge, initialIds: [...knowledge.initialIds, destinationId] }
  return 'readable'
}

function readLevel(shown: Shown, level: 'initial' | 'handshake' | undefined, { crypto }: QuicPacket, hasKeys: boolean): Verdict {
  if (!hasKeys) return 'early'
  if (level === undefined || crypto.length === 0) return 'readable'
  const { knowledge } = shown
  const ranges = [...knowledge[level].ranges, ...crypto].sort(([a], [b]) => a - b)
  const end = ranges.reduce((next, [from, to]) => (from > next ? next : Math.max(next, to)), 0)
  shown.knowledge = { ...knowledge, [level]: { ranges, end } }
  return 'readable'
}

function readShort(shown: Shown, sender: Sender, packet: QuicPacket, opened: NonNullable<QuicPacket['opened']>): Verdict {
  const { knowledge, helloEnd, extensionsEnd, handshakeEnd } = shown
  // What is spoken is looked up but once, when the first of these packets is shown.
  if (knowledge.initial.end < helloEnd || knowledge.handshake.end < extensionsEnd) return 'early'
  if (packet.crypto.length > 0 && knowledge.handshake.end < handshakeEnd) return 'early'
  const { packetNumber, numberLength, phase } = opened
  const reader = knowledge.readers[sender]
  if (phase < reader.phase || !isFound(reader.largest + 1, packetNumber, numberLength)) return 'late'
  const next = { phase, largest: Math.max(reader.largest, packetNumber) }
  const { readers } = knowledge
  shown.knowledge = { ...knowledge, readers: sender === CLIENT ? [next, readers[SERVER]] : [readers[CLIENT], next] }
  return 'readable'
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
