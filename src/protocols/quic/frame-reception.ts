import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import { QuicDecodeError } from '../../wire/quic/decode-error.ts'
import type { QuicFrame } from '../../wire/quic/frame.ts'
import { QuicFrameDecoder } from '../../wire/quic/frame-decoder.ts'
import { isAckEliciting, isFrameAllowed, isProbing } from '../../wire/quic/frame-types.ts'
import type { QuicPacketType } from '../../wire/quic/header.ts'
import type { ConnectionCore } from './connection-core.ts'
import type { QuicDatagram } from './datagram.ts'
import { QuicViolation } from './fault.ts'
import type { Path } from './path.ts'
import { APPLICATION } from './recovery/packet-space.ts'
import type { PacketSpace } from './recovery/packet-space.ts'

/** Where frames come from. */
export interface PacketOrigin {
  readonly type: QuicPacketType
  readonly space: PacketSpace
  readonly number: number
  /** Without protection. */
  readonly firstByte: number
  readonly datagram: QuicDatagram
  /** Destination Connection ID. */
  readonly id: Uint8Array
}

/** Takes the frames of packets that are authentic: RFC 9000 sections 12.4, 13.1, 19. */
export class FrameReception {
  private readonly decoder = new QuicFrameDecoder()

  constructor(private readonly core: ConnectionCore) {}

  /** Throws QuicViolation for what the peer must not send. */
  take(origin: PacketOrigin, payload: Uint8Array): void {
    const { core, decoder } = this
    const { space, number, datagram } = origin
    const path = core.paths.pathOf(datagram)
    if (payload.length === 0) throw violation('a packet without frames', 'RFC 9000 section 12.4')
    let isEliciting = false
    let isProbe = true
    decoder.begin(payload, 0, payload.length)
    for (let frame = this.next(origin.type); frame !== undefined; frame = this.next(origin.type)) {
      isEliciting ||= isAckEliciting(frame.type)
      isProbe &&= isProbing(frame.type)
      try {
        this.takeFrame(origin, frame, payload, path)
      } catch (error) {
        throw error instanceof QuicViolation && error.frameType === 0 ? blame(error, decoder.frameType) : error
      }
      if (core.isClosed) return
    }
    core.keys.received[space].record(number, isEliciting, datagram.ecn, core.now)
    if (space === APPLICATION && !isProbe && path !== undefined) core.paths.nonProbing(path, number)
  }

  /** The next frame, if it is one that such a packet may hold. */
  private next(type: QuicPacketType): QuicFrame | undefined {
    const { decoder } = this
    try {
      const frame = decoder.next()
      if (frame === undefined || isFrameAllowed(frame.type, decoder.frameType, type)) return frame
      throw blame(violation(`a ${frame.type} frame in a packet of type ${type}`, 'RFC 9000 section 12.4'), decoder.frameType)
    } catch (error) {
      if (!(error instanceof QuicDecodeError)) throw error
      throw new QuicViolation(QUIC_ERROR_CODE[error.code], error.detail, error.cites, error.frameType)
    }
  }

  private takeFrame(origin: PacketOrigin, frame: QuicFrame, payload: Uint8Array, path: Path | undefined): void {
    const { core } = this
    const { streams } = core
    switch (frame.type) {
      case 'PADDING':
      case 'PING':
      case 'DATA_BLOCKED':
        // New limits are told before the peer runs into the old ones.
        return
      case 'ACK':
        if (origin.type === '1-rtt') core.keys.application?.acknowledged(frame.largest, origin.firstByte)
        core.recovery.handleAck(origin.space, frame, core.now)
        return
      case 'STREAM':
        if (core.settings.observe) {
          const { stream, offset, start, end } = frame
          core.events.push({ type: 'stream-received', stream, offset, length: end - start, packet: origin.number })
        }
        streams.handleData(frame, payload, !core.handshake.isComplete)
        return
      case 'CRYPTO':
        core.handshake.receive(origin.space, frame.offset, payload.subarray(frame.start, frame.end), core.now)
        return
      case 'MAX_DATA':
        streams.sending.raiseTotal(frame.limit)
        return
      case 'MAX_STREAM_DATA':
        streams.handleMaxStreamData(frame.stream, frame.limit)
        return
      case 'MAX_STREAMS':
        core.maxStreams(frame.bidirectional, frame.limit)
        return
      case 'DATAGRAM':
        if (!core.settings.datagrams) throw violation('a DATAGRAM frame that was not asked for', 'RFC 9221 section 3')
        core.events.push({ type: 'datagram', bytes: payload.subarray(frame.start, frame.end) })
        return
      case 'RESET_STREAM':
        streams.handleReset(frame)
        return
      case 'STOP_SENDING':
        streams.handleStopSending(frame)
        return
      case 'STREAM_DATA_BLOCKED':
        streams.handleStreamDataBlocked(frame.stream)
        return
      case 'STREAMS_BLOCKED':
        streams.counts.handleBlocked(frame.bidirectional)
        return
      case 'CONNECTION_CLOSE':
        core.peerClosed(frame)
        return
      default:
        this.takeRare(origin, frame, payload, path)
    }
  }

  private takeRare(
    { id }: PacketOrigin,
    frame: Extract<
      QuicFrame,
      {
        readonly type:
          'NEW_TOKEN' | 'HANDSHAKE_DONE' | 'NEW_CONNECTION_ID' | 'RETIRE_CONNECTION_ID' | 'PATH_CHALLENGE' | 'PATH_RESPONSE'
      }
    >,
    payload: Uint8Array,
    path: Path | undefined,
  ): void {
    const { core } = this
    switch (frame.type) {
      case 'NEW_TOKEN':
        if (core.isServer) throw violation('a NEW_TOKEN from a client', 'RFC 9000 section 19.7')
        core.events.push({ type: 'new-token', token: payload.slice(frame.start, frame.end) })
        return
      case 'HANDSHAKE_DONE':
        if (core.isServer) throw violation('a HANDSHAKE_DONE from a client', 'RFC 9000 section 19.20')
        core.confirm()
        return
      case 'NEW_CONNECTION_ID':
        core.remoteIds.take(frame)
        core.paths.renewIds()
        return
      case 'RETIRE_CONNECTION_ID': {
        const { retired, added } = core.localIds.retire(frame.sequence, id)
        if (retired !== undefined) core.setup.role.idRemoved(retired.bytes)
        for (const { bytes } of added) core.setup.role.idAdded(bytes)
        return
      }
      case 'PATH_CHALLENGE':
        path?.validation.challenged(frame.data)
        return
      case 'PATH_RESPONSE':
        core.paths.answered(frame.data)
    }
  }
}

function violation(detail: string, cites: string): QuicViolation {
  return new QuicViolation(QUIC_ERROR_CODE.PROTOCOL_VIOLATION, detail, cites)
}

/** The same violation, with the type of the frame that did it. */
function blame({ code, detail, cites, certificateError }: QuicViolation, frameType: number): QuicViolation {
  return new QuicViolation(code, detail, cites, frameType, certificateError)
}
