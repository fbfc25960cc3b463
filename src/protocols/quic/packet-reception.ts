import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import { QuicDecodeError } from '../../wire/quic/decode-error.ts'
import { LONG_RESERVED, QuicHeader, SHORT_RESERVED } from '../../wire/quic/header.ts'
import { decodePacketNumber } from '../../wire/quic/packet-number.ts'
import type { PacketKeys } from '../../crypto/packet-keys.ts'
import type { ConnectionCore } from './connection-core.ts'
import type { QuicDatagram } from './datagram.ts'
import { QuicViolation } from './fault.ts'
import { FrameReception } from './frame-reception.ts'
import type { PacketOrigin } from './frame-reception.ts'
import { sameBytes } from './peer-parameters.ts'
import { APPLICATION, HANDSHAKE, INITIAL } from './recovery/packet-space.ts'
import type { PacketSpace } from './recovery/packet-space.ts'

/** Packets that are kept until there are keys for them. */
const MOST_EARLY = 12
const PROBE_TIMEOUTS = 3

/** Takes datagrams apart into packets, and opens them: RFC 9000 section 12.2, RFC 9001 section 5. */
export class PacketReception {
  packetsReceived = 0
  packetsDropped = 0
  bytesReceived = 0
  readonly header = new QuicHeader()
  private readonly frames: FrameReception
  /** Came before their keys. */
  private early: { readonly datagram: QuicDatagram; readonly start: number }[] = []
  /** Packets that did not authenticate (RFC 9001 section 6.6). */
  private failures = 0
  private isOpened = false

  constructor(private readonly core: ConnectionCore) {
    this.frames = new FrameReception(core)
  }

  /**
   * Takes all packets of a datagram.
   * @returns whether any of them was authentic
   */
  handle(datagram: QuicDatagram): boolean {
    this.isOpened = false
    this.bytesReceived += datagram.bytes.length
    this.handleFrom(datagram, 0, false)
    return this.isOpened
  }

  /** Packets that waited may have got their keys. */
  retry(): void {
    if (this.early.length === 0) return
    const waiting = this.early
    this.early = []
    for (const { datagram, start } of waiting) this.handleFrom(datagram, start, true)
  }

  private handleFrom(datagram: QuicDatagram, from: number, isSingle: boolean): void {
    const { core, header } = this
    const { bytes } = datagram
    let first: Uint8Array | undefined
    for (let at = from; at < bytes.length && !core.isClosed; at = header.end) {
      try {
        header.decode(bytes, at, bytes.length, core.setup.localId.length)
      } catch (error) {
        if (!(error instanceof QuicDecodeError)) throw error
        this.packetsDropped++
        return
      }
      const id = bytes.subarray(header.destinationStart, header.destinationEnd)
      first ??= id
      // RFC 9000 section 12.2: packets of other connections do not belong there.
      if (!sameBytes(first, id) || !this.handlePacket(datagram, id)) this.packetsDropped++
      if (isSingle) return
    }
  }

  /** @returns false: it is of no use */
  private handlePacket(datagram: QuicDatagram, id: Uint8Array): boolean {
    const { core, header } = this
    const { keys } = core
    if (header.type !== '1-rtt' && !this.isFromPeer(datagram)) return false
    switch (header.type) {
      case 'initial':
        // RFC 9000 section 17.2.2: servers send no tokens.
        if (keys.initial === undefined || (!core.isServer && header.tokenEnd > header.tokenStart)) return false
        return this.handleLong(datagram, id, INITIAL, keys.initial.read)
      case 'handshake':
        if (keys.handshake !== undefined) return this.handleLong(datagram, id, HANDSHAKE, keys.handshake.read)
        return !core.isConfirmed && this.keep(datagram)
      case '0-rtt':
        if (!core.isServer) return false
        if (keys.early !== undefined) return this.handleLong(datagram, id, APPLICATION, keys.early)
        return keys.handshake === undefined && !core.isConfirmed && this.keep(datagram)
      case '1-rtt':
        if (keys.application?.canRead === true) return this.handleShort(datagram, id)
        return this.keep(datagram)
      default:
        return false
    }
  }

  /** Whether a long header names the peer as before: RFC 9000 section 7.2. */
  private isFromPeer({ bytes }: QuicDatagram): boolean {
    const { core, header } = this
    if (!core.isServer && !core.hasServerId) return true
    return sameBytes(core.expectedIds.source, bytes.subarray(header.sourceStart, header.sourceEnd))
  }

  private keep(datagram: QuicDatagram): boolean {
    if (this.early.length >= MOST_EARLY) return false
    this.early.push({ datagram, start: this.header.start })
    return true
  }

  private handleLong(datagram: QuicDatagram, id: Uint8Array, space: PacketSpace, keys: PacketKeys): boolean {
    const { core, header } = this
    const { bytes } = datagram
    const { headerProtection } = keys
    if (!headerProtection.remove(bytes, header.start, header.packetNumberAt, header.end)) return false
    const received = core.keys.received[space]
    const { firstByte } = headerProtection
    const number = decodePacketNumber(received.largest, headerProtection.truncatedNumber, headerProtection.numberLength)
    if (received.isDuplicate(number)) return false
    const payload = keys.open(bytes, header.packetNumberAt, header.end, number)
    if (payload === undefined) return this.failed()
    if ((firstByte & LONG_RESERVED) !== 0) throw reserved('RFC 9000 section 17.2')
    this.opened(space, datagram)
    return this.take({ type: header.type, space, number, firstByte, datagram, id }, payload)
  }

  private handleShort(datagram: QuicDatagram, id: Uint8Array): boolean {
    const { core, header } = this
    const { application, received } = core.keys
    const { bytes } = datagram
    const { packetNumberAt, end } = header
    const protection = application?.removeProtection(bytes, header.start, packetNumberAt, end)
    if (application === undefined || protection === undefined) return false
    const { firstByte } = protection
    const number = decodePacketNumber(received[APPLICATION].largest, protection.truncatedNumber, protection.numberLength)
    if (received[APPLICATION].isDuplicate(number)) return false
    const payload = application.open(bytes, firstByte, packetNumberAt, end, number)
    if (payload === undefined) return this.failed()
    if ((firstByte & SHORT_RESERVED) !== 0) throw reserved('RFC 9000 section 17.3.1')
    const until = core.now + PROBE_TIMEOUTS * core.recovery.probeTimeout
    if (application.follow(firstByte, number, core.recovery.nextNumber(APPLICATION), until)) {
      // Whoever wanted new keys here has them now.
      core.wantsKeyUpdate = false
      core.events.push({ type: 'key-updated', phase: application.phase, by: 'peer' })
    }
    if (core.isServer && core.keys.early !== undefined) core.earlyKeysUntil ??= until
    core.spin(firstByte, number)
    return this.take({ type: '1-rtt', space: APPLICATION, number, firstByte, datagram, id }, payload)
  }

  private take(origin: PacketOrigin, payload: Uint8Array): boolean {
    const { core } = this
    const { isClosed } = core
    if (isClosed) return false
    this.isOpened = true
    this.packetsReceived++
    this.frames.take(origin, payload)
    core.idle.received(core.now, core.recovery.probeTimeout)
    return true
  }

  /** What a packet of a handshake tells by being authentic. */
  private opened(space: PacketSpace, { bytes }: QuicDatagram): void {
    const { core, header } = this
    if (space === INITIAL && !core.isServer && !core.hasServerId)
      core.serverChose(bytes.slice(header.sourceStart, header.sourceEnd))
    if (space === HANDSHAKE && core.isServer) {
      // RFC 9001 section 4.9.1, RFC 9000 section 8.1.
      core.discardInitialKeys()
      core.paths.addressValidated()
    }
  }

  private failed(): false {
    const { core } = this
    this.failures++
    if (core.keys.application !== undefined && this.failures > core.keys.application.integrityLimit)
      throw new QuicViolation(
        QUIC_ERROR_CODE.AEAD_LIMIT_REACHED,
        `${String(this.failures)} packets that do not authenticate`,
        'RFC 9001 section 6.6',
      )
    return false
  }
}

function reserved(cites: string): QuicViolation {
  return new QuicViolation(QUIC_ERROR_CODE.PROTOCOL_VIOLATION, 'reserved bits of the header are not 0', cites)
}
