/**
 * Makes datagrams of all that waits.
 *
 * Required reading: RFC 9000 sections 12.2 (coalescing), 13 (packetization), 14.1 (padding), 17; RFC 9002 section 7 (what the window allows).
 *
 * A datagram takes along a packet of each level that has something to say, lower levels first. Payloads are written one behind the other, with
 * room for their tags; when all are there it is known which one is to be padded, and they are sealed.
 */
import { PACKET_TAG_LENGTH } from '../../crypto/packet-keys.ts'
import type { PacketKeys } from '../../crypto/packet-keys.ts'
import { HEADER_KEY_PHASE, HEADER_SPIN, setLength, SMALLEST_INITIAL_DATAGRAM } from '../../wire/quic/header.ts'
import { writeLongHeader, writeShortHeader } from '../../wire/quic/header.ts'
import { writeAck } from '../../wire/quic/frame-encoder.ts'
import { packetNumberLength } from '../../wire/quic/packet-number.ts'
import type { PacketNumberLength } from '../../wire/quic/packet-number.ts'
import { write32 } from '../../wire/integer.ts'
import type { Nanos } from '../endpoint.ts'
import type { ConnectionCore } from './connection-core.ts'
import type { QuicDatagram } from './datagram.ts'
import { PacketDraft } from './packet-draft.ts'
import type { SentFrame, SentStreamData } from './packet-draft.ts'
import type { Path } from './path.ts'
import type { PacketKind } from './recovery/loss-recovery.ts'
import { APPLICATION, HANDSHAKE, INITIAL, PACKET_SPACES } from './recovery/packet-space.ts'
import type { PacketSpace } from './recovery/packet-space.ts'
import { ACK_DELAY_EXPONENT } from './settings.ts'
import { TransmissionContent } from './transmission-content.ts'

/** Room behind the largest datagram, for what is written before it is known to be too much. */
const SPARE = 64
/** Packet number and payload have to be so long that there is something to sample (RFC 9001 section 5.4.2). */
const LEAST_SAMPLED = 4
/** With less room than that no further packet is begun in a datagram, in bytes. */
const LEAST_ROOM = 64
const NO_ID = new Uint8Array(0)

/** A packet that is written, and not sealed yet. */
class UnsealedPacket {
  readonly draft = new PacketDraft()
  space: PacketSpace = INITIAL
  keys: PacketKeys | undefined
  isLong = false
  start = 0
  payloadStart = 0
  number = 0
  numberLength: PacketNumberLength = 1
  /** Largest number in its ACK frame; -1: it has none. */
  reported = -1
}

export class Transmission {
  packetsSent = 0
  bytesSent = 0
  /** When pacing lets the next packet go, if that is all that holds it back; undefined: something else, or nothing, does. */
  pacedUntil: Nanos | undefined
  private readonly scratch: Uint8Array
  private readonly packets = [new UnsealedPacket(), new UnsealedPacket(), new UnsealedPacket()]
  private readonly content: TransmissionContent
  /** Packets of the datagram that is made. */
  private count = 0
  private at = 0

  constructor(private readonly core: ConnectionCore) {
    this.scratch = new Uint8Array(core.settings.path.maxUdpPayload + SPARE)
    this.content = new TransmissionContent(core)
  }

  /** The next datagram; undefined: there is nothing to send, or nothing may be sent now. */
  poll(): QuicDatagram | undefined {
    const { core } = this
    this.pacedUntil = undefined
    if (core.isOver) return undefined
    if (core.closing !== undefined) return this.pollClose()
    this.content.prepare()
    const other = core.paths.withOutput()
    const datagram = other === undefined ? undefined : this.pollOnPath(other)
    return datagram ?? this.pollMtuProbe() ?? this.pollCurrent()
  }

  private pollCurrent(): QuicDatagram | undefined {
    const { core } = this
    const { path } = core.recovery
    const limit = Math.min(path.mtu.size, path.sendable)
    if (path.connectionId === undefined || path.connectionId.isRetired) return undefined
    this.begin()
    for (const space of PACKET_SPACES) {
      const keys = this.writeKeys(space)
      if (keys === undefined || limit - this.at < LEAST_ROOM) continue
      this.write(space, keys, path, limit)
    }
    if (this.count === 0) return undefined
    this.pad(path, limit)
    return this.finish(path, 'eliciting')
  }

  /** Writes what there is to say at one level, if it may be said now. */
  private write(space: PacketSpace, keys: PacketKeys, path: Path, limit: number): void {
    const { core, content } = this
    const { recovery, now } = core
    const received = core.keys.received[space]
    const mayAcknowledge = space !== APPLICATION || core.keys.application !== undefined
    const isAckDue = mayAcknowledge && (received.ackNow || (received.ackAt >= 0 && received.ackAt <= now))
    const isProbe = recovery.probesDue(space) > 0
    const hasContent = isProbe || content.has(space, path)
    if (!isAckDue && !hasContent) return
    // Where the limit before validation leaves too little room, an Initial packet may acknowledge, and no more (RFC 9000 section 14.1).
    const isCramped = space === INITIAL && limit < SMALLEST_INITIAL_DATAGRAM
    const maySend = !isCramped && (isProbe || (hasContent && recovery.admits(limit - this.at, now)))
    if (!maySend && hasContent) this.holdBack(path)
    if (!isAckDue && !maySend) return
    const packet = this.open(space, keys, path, limit)
    const { draft } = packet
    if (mayAcknowledge && (isAckDue || received.isOwed)) this.acknowledge(packet, received.wantsPing && !maySend && !isCramped)
    if (maySend) content.write(space, draft, path)
    if (maySend && isProbe && !draft.isAckEliciting) draft.control({ type: 'PING' })
    this.close(packet)
  }

  /** An ACK frame. @param wantsPing whether a PING goes along, so that the peer acknowledges it */
  private acknowledge(packet: UnsealedPacket, wantsPing: boolean): void {
    const { core } = this
    const { draft, space } = packet
    const received = core.keys.received[space]
    const ack = received.report(space === APPLICATION ? ACK_DELAY_EXPONENT : 0, core.now)
    if (ack === undefined) return
    draft.at = writeAck(draft.bytes, draft.at, ack)
    packet.reported = ack.largest
    if (space === APPLICATION) core.keys.application?.sentAcknowledgment(ack.largest)
    if (wantsPing) draft.control({ type: 'PING' })
  }

  /** Something waits that the window or the pacer holds back. */
  private holdBack(path: Path): void {
    const { congestion } = path
    if (congestion.paceAt > this.core.now) this.pacedUntil = congestion.paceAt
  }

  /** RFC 9000 section 14.1: datagrams with Initial packets are as large as every path has to take; likewise those that try a path. */
  private pad(path: Path, limit: number): void {
    const { core, packets, count } = this
    const first = packets[0]
    const isFull = first.space === INITIAL && (!core.isServer || first.draft.isAckEliciting)
    const hasChallenge = packets[count - 1].draft.frames.some(({ type }) => type === 'PATH_CHALLENGE' || type === 'PATH_RESPONSE')
    if (!isFull && !(hasChallenge && count > 0)) return
    if (limit < SMALLEST_INITIAL_DATAGRAM && path.sendable < SMALLEST_INITIAL_DATAGRAM) return
    this.padTo(SMALLEST_INITIAL_DATAGRAM)
  }

  private padTo(size: number): void {
    const { draft } = this.packets[this.count - 1]
    draft.pad(size - PACKET_TAG_LENGTH)
    this.at = draft.at + PACKET_TAG_LENGTH
  }

  /** Validation of another path than that in use: RFC 9000 section 8.2. */
  private pollOnPath(path: Path): QuicDatagram | undefined {
    const { connectionId, sendable } = path
    const keys = this.writeKeys(APPLICATION)
    const limit = Math.min(SMALLEST_INITIAL_DATAGRAM, sendable)
    if (connectionId === undefined || keys === undefined || limit < LEAST_ROOM) return undefined
    this.begin()
    const packet = this.open(APPLICATION, keys, path, limit)
    this.content.writeValidation(packet.draft, path, limit >= SMALLEST_INITIAL_DATAGRAM)
    if (!packet.draft.isAckEliciting) return undefined
    this.close(packet)
    if (limit >= SMALLEST_INITIAL_DATAGRAM) this.padTo(SMALLEST_INITIAL_DATAGRAM)
    return this.finish(path, 'eliciting')
  }

  /** A packet that tries how large datagrams may be: RFC 9000 section 14.4. */
  private pollMtuProbe(): QuicDatagram | undefined {
    const { core } = this
    const { path } = core.recovery
    const size = core.isConfirmed && path.sendable === Infinity ? path.mtu.probeSize(core.now) : 0
    const keys = this.writeKeys(APPLICATION)
    if (size === 0 || keys === undefined || path.connectionId === undefined) return undefined
    if (!core.recovery.admits(size, core.now)) return undefined
    this.begin()
    const packet = this.open(APPLICATION, keys, path, size)
    packet.draft.control({ type: 'PING' })
    this.close(packet)
    this.padTo(size)
    path.mtu.probeSent(size)
    return this.finish(path, 'mtu-probe')
  }

  /** The end is said at every level that the peer may be able to read: RFC 9000 section 10.2.3. */
  private pollClose(): QuicDatagram | undefined {
    const { core } = this
    const { closing } = core
    const { path } = core.recovery
    const limit = Math.min(path.mtu.size, path.sendable)
    if (closing?.isDue !== true || closing.frame === undefined || path.connectionId === undefined) return undefined
    closing.isDue = false
    this.begin()
    for (const space of PACKET_SPACES) {
      const keys = this.writeKeys(space)
      if (keys === undefined || limit - this.at < LEAST_ROOM) continue
      const packet = this.open(space, keys, path, limit)
      this.content.writeClose(packet.draft, closing.frame, space)
      this.close(packet)
    }
    if (this.count === 0) return undefined
    this.pad(path, limit)
    return this.finish(path, 'silent')
  }

  private writeKeys(space: PacketSpace): PacketKeys | undefined {
    const { keys, isServer } = this.core
    if (space === APPLICATION) return keys.application?.write ?? (isServer ? undefined : keys.early)
    return (space === INITIAL ? keys.initial : keys.handshake)?.write
  }

  private begin(): void {
    this.count = 0
    this.at = 0
  }

  /** Begins a packet: writes its header. */
  private open(space: PacketSpace, keys: PacketKeys, path: Path, limit: number): UnsealedPacket {
    const { core, scratch, at } = this
    const packet = this.packets[this.count]
    const number = core.recovery.nextNumber(space)
    const numberLength = packetNumberLength(number, core.recovery.largestAcknowledged(space))
    const destination = path.connectionId?.bytes ?? NO_ID
    packet.space = space
    packet.keys = keys
    packet.start = at
    packet.number = number
    packet.numberLength = numberLength
    packet.reported = -1
    const { application } = core.keys
    packet.isLong = space !== APPLICATION || application === undefined
    if (packet.isLong || application === undefined) {
      const type = space === INITIAL ? 'initial' : space === HANDSHAKE ? 'handshake' : '0-rtt'
      const token = space === INITIAL ? core.token : NO_ID
      packet.payloadStart = writeLongHeader(scratch, at, type, destination, core.setup.localId, number, numberLength, token)
      write32(scratch, at + 1, core.setup.version)
    } else {
      const flags = (application.phase === 1 ? HEADER_KEY_PHASE : 0) | (core.spinBit ? HEADER_SPIN : 0)
      packet.payloadStart = writeShortHeader(scratch, at, destination, flags, number, numberLength)
    }
    packet.draft.begin(scratch, packet.payloadStart, limit - PACKET_TAG_LENGTH)
    return packet
  }

  /** Ends a packet, unless nothing was written. */
  private close(packet: UnsealedPacket): void {
    const { draft, payloadStart, numberLength } = packet
    if (draft.at === payloadStart) return
    draft.pad(payloadStart + LEAST_SAMPLED - numberLength)
    this.at = draft.at + PACKET_TAG_LENGTH
    this.count++
  }

  /** Seals the packets, and takes them for sent. @param kind of those that ask for an acknowledgment */
  private finish(path: Path, kind: PacketKind): QuicDatagram {
    const { core, scratch } = this
    const { recovery, now } = core
    const isMarked = path.ecn.marks && kind !== 'silent'
    let streams: SentStreamData[] | undefined
    for (let i = 0; i < this.count; i++) {
      const { draft, keys, space, isLong, start, payloadStart, number, numberLength, reported } = this.packets[i]
      const end = draft.at + PACKET_TAG_LENGTH
      if (isLong) setLength(scratch, payloadStart, numberLength, end)
      keys?.seal(scratch, start, payloadStart, draft.at, number)
      const actual = draft.isAckEliciting ? kind : draft.isInFlight && kind !== 'silent' ? 'padded' : 'silent'
      recovery.packetSent(space, path, end - start, actual, isMarked, draft.frames, reported, now)
      this.packetsSent++
      if (core.settings.observe) streams = withStreams(streams, draft.frames)
      if (reported >= 0 && draft.isAckEliciting) core.keys.received[space].reportWillBeAcknowledged()
      if (draft.isAckEliciting) core.idle.sent(now, recovery.probeTimeout)
      if (space === APPLICATION && !isLong) core.sealedApplicationPacket()
      // RFC 9001 section 4.9.1: a client that speaks at the next level has no use for the first.
      if (space === HANDSHAKE && !core.isServer) core.discardInitialKeys()
    }
    const bytes = scratch.slice(0, this.at)
    path.datagramSent(bytes.length)
    this.bytesSent += bytes.length
    const datagram: QuicDatagram = { local: path.local, remote: path.remote, ecn: isMarked ? 2 : 0, bytes }
    return streams === undefined ? datagram : { ...datagram, streams }
  }
}

/** What of streams there is among the frames of a packet, behind what there was in packets before it. */
function withStreams(before: SentStreamData[] | undefined, frames: readonly SentFrame[]): SentStreamData[] | undefined {
  let streams = before
  for (const frame of frames) if (frame.type === 'STREAM' && frame.length > 0) (streams ??= []).push(frame)
  return streams
}
