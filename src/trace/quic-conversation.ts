import { initialSecrets, retryIntegrityTag, type PacketCipher, type PacketKeys } from '../crypto/packet-keys.ts'
import { DecodeError } from '../wire/errors.ts'
import type { QuicFrame } from '../wire/quic/frame.ts'
import { QuicFrameDecoder } from '../wire/quic/frame-decoder.ts'
import { QuicHeader, RETRY_TAG_LENGTH, type QuicPacketType } from '../wire/quic/header.ts'
import { CLIENT, Http3Conversation, SERVER, type Sender } from './http3-conversation.ts'
import { QuicHandshake } from './quic-handshake.ts'
import { candidateKeys, initialOpener, LevelOpener, PhasedOpener, type OpenedPacket, type PacketOpener } from './quic-openers.ts'
import { StreamGatherer } from './stream-gatherer.ts'
import { hexOf, type SecretLabel, type TlsSecrets } from './tls-secrets.ts'
import { suiteKeys, SUITES_13 } from './tls-keys.ts'

/** A packet in a datagram, as it was read when it was first seen. */
export interface QuicPacket {
  /** Where its header begins in the datagram's payload. */
  readonly start: number
  readonly type: QuicPacketType
  /** How it is opened again; undefined: it could not be, or there is nothing to open. */
  readonly opened: Omit<OpenedPacket, 'payload'> | undefined
  /** How long the connection ID of a packet with a short header is here. */
  readonly shortIdLength: number
  /** Why it cannot be read, if it should be readable. */
  readonly problem: string | undefined
  /** What it is, other than its type says: a stateless reset. */
  readonly note: string | undefined
  /** Connection IDs of a packet with a long header, as text. */
  readonly destinationId: string
  readonly sourceId: string
  /** Ranges of its level's handshake bytes that it carries. */
  readonly crypto: readonly (readonly [from: number, to: number])[]
}

/** A datagram of the connection. */
export interface QuicDatagramRecord {
  readonly sender: Sender
  readonly packets: readonly QuicPacket[]
}

/** Packet-number spaces: RFC 9000 section 12.3. */
type Space = 0 | 1 | 2
const SPACE_OF: Readonly<Partial<Record<QuicPacketType, Space>>> = { initial: 0, handshake: 1, '0-rtt': 2, '1-rtt': 2 }

/** Connection IDs of one end that are remembered. */
const MOST_IDS = 256
/** Of a stateless reset token, in bytes: RFC 9000 section 10.3. */
const RESET_TOKEN = 16

const NONE: QuicPacket['crypto'] = []
const PLAIN = { opened: undefined, problem: undefined, note: undefined, destinationId: '', sourceId: '', crypto: NONE }

const ALL_CIPHERS: readonly PacketCipher[] = SUITES_13.flatMap((suite) => suiteKeys(suite) ?? [])

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

/**
 * One connection of QUIC, from its first Initial packet on, whatever ways it takes: opens its packets with what key logs say, in the
 * order in which they were sent, gathers handshake messages and streams, and has HTTP/3 cut into frames.
 */
export class QuicConversation {
  readonly handshake = new QuicHandshake()
  /** Once it is known that this is what is spoken. */
  http3: Http3Conversation | undefined

  /** The connection ID of the Retry that the client has answered, as text; undefined: it has answered none. */
  retryId: string | undefined
  /** The first Destination Connection ID. */
  readonly originalId: Uint8Array
  /** By the ID that they are made of, which is the first one or that of a Retry: there may be several, of which the client takes one. */
  private readonly initials = new Map<string, readonly [PacketOpener, PacketOpener]>()
  /** Those that the client has used last. */
  private initial: readonly [PacketOpener, PacketOpener]
  private readonly openers = new Map<string, PacketOpener>()
  /** By sender and space: the largest packet number that was opened. */
  private readonly largest = [-1, -1, -1, -1, -1, -1]
  /** By the end that gave them out: connection IDs as text. */
  private readonly ids: readonly [Set<string>, Set<string>] = [new Set(), new Set()]
  private readonly idLengths: [number, number] = [0, 0]
  /** Stateless reset tokens, as text. */
  private readonly resetTokens = new Set<string>()
  private readonly streams = new Map<number, StreamGatherer>()
  private readonly header = new QuicHeader()
  private readonly frames = new QuicFrameDecoder()
  /** Datagrams by what identifies them. */
  private readonly known = new Map<number, QuicDatagramRecord>()

  /**
   * @param first number of the frame in which its first Initial packet was seen
   * @param destinationId that the client has chosen for the server
   */
  constructor(
    readonly first: number,
    destinationId: Uint8Array,
    private readonly secrets: TlsSecrets,
  ) {
    this.header.allowsGreasedBit = true
    this.originalId = destinationId.slice()
    this.initial = this.addInitial(destinationId)
    this.addId(SERVER, destinationId)
  }

  /** Whether a packet that begins at `start` is one of this connection, by the ID that it is for. */
  owns(bytes: Uint8Array, start: number, end: number, sender: Sender): boolean {
    const receiver = sender === CLIENT ? SERVER : CLIENT
    try {
      this.header.decode(bytes, start, end, this.idLengths[receiver])
    } catch (error) {
      if (error instanceof DecodeError) return false
      throw error
    }
    const { destinationStart, destinationEnd } = this.header
    return this.ids[receiver].has(latin1(bytes.subarray(destinationStart, destinationEnd)))
  }

  /** Takes in a datagram, or knows it again: one that is forwarded is seen on each link. */
  add(bytes: Uint8Array, sender: Sender): QuicDatagramRecord {
    const name = fingerprint(bytes)
    const known = this.known.get(name)
    if (known?.sender === sender) return known
    const record = { sender, packets: this.take(bytes, sender) }
    this.known.set(name, record)
    return record
  }

  /** The payload of a packet that was opened before; undefined: these bytes are not those that were sent. */
  payload(bytes: Uint8Array, packet: QuicPacket): Uint8Array | undefined {
    if (packet.opened === undefined) return undefined
    const { keys, packetNumber } = packet.opened
    const header = this.headerOf(bytes, packet)
    if (header === undefined) return undefined
    if (!keys.headerProtection.remove(bytes, header.start, header.packetNumberAt, header.end)) return undefined
    return keys.open(bytes, header.packetNumberAt, header.end, packetNumber)
  }

  /** The header of a packet in these bytes, until the next call; undefined: there is none, these are not the bytes that were sent. */
  headerOf(bytes: Uint8Array, { start, shortIdLength }: QuicPacket): QuicHeader | undefined {
    try {
      this.header.decode(bytes, start, bytes.length, shortIdLength)
      return this.header
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    }
  }

  private take(bytes: Uint8Array, sender: Sender): QuicPacket[] {
    const packets: QuicPacket[] = []
    const { header } = this
    const shortIdLength = this.idLengths[1 - sender]
    for (let start = 0; start < bytes.length; start = header.end) {
      try {
        header.decode(bytes, start, bytes.length, shortIdLength)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        const problem = error.message
        packets.push({ ...PLAIN, start, type: '1-rtt', shortIdLength, problem })
        break
      }
      packets.push(this.takePacket(bytes, sender, shortIdLength))
    }
    return packets
  }

  private takePacket(bytes: Uint8Array, sender: Sender, shortIdLength: number): QuicPacket {
    const { header } = this
    const { start, type } = header
    const isLong = type !== '1-rtt'
    const destinationId = isLong ? latin1(bytes.subarray(header.destinationStart, header.destinationEnd)) : ''
    const sourceId = isLong ? latin1(bytes.subarray(header.sourceStart, header.sourceEnd)) : ''
    const plain = { ...PLAIN, start, type, shortIdLength, destinationId, sourceId }
    if (type === 'initial' && sender === CLIENT) this.noteInitial(destinationId)
    if (type === 'retry') return { ...plain, problem: this.takeRetry(bytes) }
    const space = SPACE_OF[type]
    if (space === undefined) return plain
    const opener = this.openerOf(type, sender)
    const at = sender * 3 + space
    const opened = opener?.open(bytes, header, this.largest[at])
    if (opened === undefined) {
      if (type === '1-rtt' && this.isReset(bytes)) return { ...plain, note: 'Stateless Reset' }
      return opener?.hasKeys === true ? { ...plain, problem: 'does not decrypt: its tag does not match the bytes' } : plain
    }
    this.largest[at] = Math.max(this.largest[at], opened.packetNumber)
    if (type !== '1-rtt') this.addId(sender, bytes.subarray(header.sourceStart, header.sourceEnd))
    const { payload, ...how } = opened
    const crypto: (readonly [number, number])[] = []
    const problem = this.takeFrames(payload, type, sender, crypto)
    return { ...plain, opened: how, problem, crypto: crypto.length === 0 ? NONE : crypto }
  }

  private takeFrames(
    payload: Uint8Array,
    type: QuicPacketType,
    sender: Sender,
    crypto: (readonly [number, number])[],
  ): string | undefined {
    const { frames } = this
    // Taking in a frame opens no packet, so the decoder is not begun anew meanwhile.
    frames.begin(payload, 0, payload.length)
    try {
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
        if (frame.type === 'CRYPTO') crypto.push([frame.offset, frame.offset + frame.end - frame.start])
        this.takeFrame(frame, payload, type, sender)
      }
      return undefined
    } catch (error) {
      if (error instanceof DecodeError) return error.message
      throw error
    }
  }

  private takeFrame(frame: QuicFrame, payload: Uint8Array, type: QuicPacketType, sender: Sender): void {
    switch (frame.type) {
      case 'CRYPTO':
        if (type !== 'initial' && type !== 'handshake' && type !== '1-rtt') return
        this.handshake.add(sender, type, frame.offset, payload.subarray(frame.start, frame.end))
        this.noteHandshake()
        return
      case 'STREAM':
        this.takeStream(frame.stream, frame.offset, payload.subarray(frame.start, frame.end), sender)
        return
      case 'NEW_CONNECTION_ID':
        this.addId(sender, frame.connectionId)
        this.resetTokens.add(latin1(frame.resetToken))
        return
      default:
    }
  }

  private takeStream(stream: number, offset: number, bytes: Uint8Array, sender: Sender): void {
    const { http3 } = this
    if (http3 === undefined) return
    const key = stream * 2 + sender
    let gatherer = this.streams.get(key)
    if (gatherer === undefined) {
      gatherer = new StreamGatherer()
      this.streams.set(key, gatherer)
    }
    gatherer.add(offset, bytes, (next) => {
      http3.push(sender, stream, next)
    })
  }

  /** What a handshake message has told. */
  private noteHandshake(): void {
    const { alpn, offers, parameters } = this.handshake
    const resetToken = parameters[SERVER]?.statelessResetToken
    if (resetToken !== undefined) this.resetTokens.add(latin1(resetToken))
    // What is spoken early is what was spoken the last time, and offered again.
    if (alpn === undefined ? offers.includes('h3') : alpn === 'h3') this.http3 ??= new Http3Conversation()
    else this.http3 = undefined
  }

  /** @returns what is wrong with it */
  private takeRetry(bytes: Uint8Array): string | undefined {
    const { start, end, sourceStart, sourceEnd } = this.header
    const tagAt = end - RETRY_TAG_LENGTH
    const tag = retryIntegrityTag(this.originalId, bytes.subarray(start, tagAt))
    if (!tag.every((byte, i) => byte === bytes[tagAt + i])) return 'its integrity tag does not match'
    const source = bytes.slice(sourceStart, sourceEnd)
    this.addId(SERVER, source)
    this.addInitial(source)
    return undefined
  }

  /** The client sends an Initial packet: it answers the Retry whose ID that is. */
  private noteInitial(destinationId: string): void {
    const used = this.initials.get(destinationId)
    if (used === undefined) return
    this.initial = used
    if (destinationId !== latin1(this.originalId)) this.retryId = destinationId
  }

  private isReset(bytes: Uint8Array): boolean {
    const { end } = this.header
    return end >= 21 && this.resetTokens.has(latin1(bytes.subarray(end - RESET_TOKEN, end)))
  }

  /** Keys of Initial packets are made of the ID that the client has used first, or was given by a Retry: RFC 9001 section 5.2. */
  private addInitial(destinationId: Uint8Array): readonly [PacketOpener, PacketOpener] {
    const id = latin1(destinationId)
    const { client, server } = initialSecrets(destinationId)
    const openers = this.initials.get(id) ?? ([initialOpener(client), initialOpener(server)] as const)
    if (this.initials.size < MOST_IDS) this.initials.set(id, openers)
    return openers
  }

  private openerOf(type: QuicPacketType, sender: Sender): PacketOpener | undefined {
    if (type === 'initial') return this.initial[sender]
    const name = `${type} ${String(sender)}`
    const known = this.openers.get(name)
    if (known?.hasKeys === true) return known
    const made = this.newOpener(type, sender)
    if (made?.hasKeys === true) this.openers.set(name, made)
    return made
  }

  private newOpener(type: QuicPacketType, sender: Sender): PacketOpener | undefined {
    const end = sender === CLIENT ? 'CLIENT' : 'SERVER'
    if (type === '0-rtt') return sender === CLIENT ? new LevelOpener(this.keysOf('CLIENT_EARLY_TRAFFIC_SECRET')) : undefined
    if (type === 'handshake') return new LevelOpener(this.keysOf(`${end}_HANDSHAKE_TRAFFIC_SECRET`))
    return new PhasedOpener(this.keysOf(`${end}_TRAFFIC_SECRET_0`))
  }

  private keysOf(label: SecretLabel): PacketKeys[] {
    const { clientRandom, suite } = this.handshake
    if (clientRandom === undefined) return []
    const cipher = suite === undefined ? undefined : suiteKeys(suite)
    // Early data may be under another suite than the one that is chosen then.
    const ciphers = cipher === undefined || label === 'CLIENT_EARLY_TRAFFIC_SECRET' ? ALL_CIPHERS : [cipher]
    return candidateKeys(this.secrets.find(label, hexOf(clientRandom)), ciphers)
  }

  private addId(owner: Sender, id: Uint8Array): void {
    const ids = this.ids[owner]
    // All that an end gives out are of one length here, as with every implementation that is known.
    if (ids.size === 0 || owner === CLIENT || this.largest[owner * 3] >= 0) this.idLengths[owner] = id.length
    if (ids.size < MOST_IDS) ids.add(latin1(id))
  }
}

/** Tells datagrams apart by their ends, which are the tags of ciphers, and by their lengths. In [0, 2^53). */
function fingerprint(payload: Uint8Array): number {
  let name = payload.length & 0x1f
  for (let i = Math.max(0, payload.length - 6); i < payload.length; i++) name = name * 256 + payload[i]
  return name
}
