import { DecodeError } from '../../wire/errors.ts'
import {
  decodeHttpDatagram,
  decodeIdFrame,
  decodePriorityUpdateFrame,
  decodeSettingsFrame,
  encodeHttpDatagram,
  Http3DecodeError,
} from '../../wire/http3-frame.ts'
import { HTTP3_ERROR_CODE, HTTP3_FRAME_CODE, http3ErrorName, http3FrameType, http3StreamType } from '../../wire/http3-names.ts'
import type { Http3ErrorName } from '../../wire/http3-names.ts'
import { QpackDecodeError } from '../../wire/qpack-error.ts'
import { readVarint, varintLength, varintLengthAt } from '../../wire/quic/varint.ts'
import { ChunkQueue } from '../chunk-queue.ts'
import type { Nanos } from '../endpoint.ts'
import { LocalProtocolError } from '../local-protocol-error.ts'
import { RateMeter } from '../rate-meter.ts'
import { Violation, violation } from './fault.ts'
import type { Http3Fault } from './fault.ts'
import { Http3FrameReader } from './frame-reader.ts'
import { Http3MessageReception, unexpected } from './message-reception.ts'
import type { Http3Options } from './options.ts'
import { settingsOf } from './settings.ts'
import type { Http3Stream } from './stream.ts'
import type { Http3Transport, Http3TransportEvent } from './transport.ts'

/** Frames of the control stream are no longer than this, in bytes. */
const LONGEST_CONTROL = 4096

/** Streams' numbers, by their low bits (RFC 9000 section 2.1). */
const SERVER_INITIATED = 1
const UNIDIRECTIONAL = 2

/** A unidirectional stream of the peer's. */
interface PeerStream {
  readonly chunks: ChunkQueue
  /** Length of the type that it begins with, in bytes; 0: not known. */
  typeLength: number
  /** Undefined: its type has not come. */
  type: 'control' | 'QPACK encoder' | 'QPACK decoder' | undefined
  /** Of the control stream. */
  frames: Http3FrameReader | undefined
  /** Bytes that the transport has told. */
  received: number
  /** How many of them were given back. */
  settled: number
}

/** What an end of a connection does with what comes in: messages are above, here is all the rest. */
export abstract class Http3Reception<Event extends { readonly type: string }> extends Http3MessageReception<Event> {
  protected hasSettings = false
  private readonly peerStreams = new Map<number, PeerStream>()
  private readonly controlMeter: RateMeter
  private readonly unknownMeter: RateMeter

  protected constructor(transport: Http3Transport, isServer: boolean, options: Http3Options) {
    super(transport, isServer, options)
    this.controlMeter = new RateMeter(this.limits.controlFrames)
    this.unknownMeter = new RateMeter(this.limits.unknownStreams)
  }

  /** The peer has begun a stream for a request. */
  protected abstract begin(id: number): void
  protected abstract takeSettings(settings: ReturnType<typeof settingsOf>): void
  protected abstract takeGoaway(id: number): void
  protected abstract takeMaxPushId(id: number): void
  protected abstract takeCancelPush(id: number): void
  /** @param isPush whether `element` is a push, not a stream */
  protected abstract takePriorityUpdate(element: number, isPush: boolean, value: string): void
  /** The peer gave up sending on a stream that was not whole. */
  protected abstract takeReset(stream: Http3Stream, code: Http3ErrorName): void
  /** The peer does not want our message on a stream. */
  protected abstract takeStop(stream: Http3Stream, code: Http3ErrorName): void
  protected abstract takeEarlyRejected(): void
  protected abstract takeStreamsAvailable(): void

  /** Takes what the transport tells. Bytes in it must not change any more. */
  handle(event: Http3TransportEvent, now: Nanos): void {
    this.now = now
    if (this.finished) return
    try {
      this.take(event)
    } catch (error) {
      this.answer(error)
    }
    this.flush()
  }

  /** Largest payload that `sendDatagram` takes for a request now, in bytes; 0: none. */
  maxDatagramPayload(stream: number): number {
    if (!this.remote.datagrams || !this.announced.datagrams) return 0
    return Math.max(0, this.transport.maxDatagramPayload - varintLength(stream / 4))
  }

  /**
   * Sends an HTTP datagram, which may be lost, on behalf of a request (RFC 9297 section 2.1). Harmless when its stream is over. Throws
   * LocalProtocolError where datagrams were not agreed on, or for one that is too long.
   */
  sendDatagram(stream: number, payload: Uint8Array): void {
    if (!this.streams.has(stream) || this.finished) return
    if (payload.length > this.maxDatagramPayload(stream)) throw new LocalProtocolError('no datagram of this length can be sent')
    this.transport.sendDatagram(encodeHttpDatagram(stream, payload))
  }

  private take(event: Http3TransportEvent): void {
    switch (event.type) {
      case 'stream-opened':
        this.takeOpened(event.stream)
        return
      case 'stream-data': {
        const { stream: id, bytes, fin } = event
        const stream = this.streams.get(id)
        if (stream === undefined) {
          this.takePeerStream(id, bytes, fin)
          return
        }
        stream.reader.push(bytes)
        stream.received += bytes.length
        stream.hasFin ||= fin
        this.readStream(stream)
        return
      }
      case 'stream-reset': {
        const stream = this.streams.get(event.stream)
        if (stream === undefined) this.takePeerStreamEnd(event.stream)
        else if (!stream.isReceived) this.takeReset(stream, nameOf(event.code))
        return
      }
      case 'stop-sending': {
        if (this.isCritical(event.stream)) {
          throw violation('H3_CLOSED_CRITICAL_STREAM', 'the peer does not want a stream that must not be closed', '6.2.1')
        }
        this.unacknowledged.delete(event.stream)
        const stream = this.streams.get(event.stream)
        if (stream === undefined) this.finishWhenDone()
        else this.takeStop(stream, nameOf(event.code))
        return
      }
      case 'stream-acknowledged':
        if (this.unacknowledged.delete(event.stream)) this.finishWhenDone()
        return
      case 'streams-available':
        this.takeStreamsAvailable()
        return
      case 'datagram':
        this.takeDatagram(event.bytes)
        return
      case 'early-data':
        if (event.outcome === 'rejected') this.takeEarlyRejected()
        return
      case 'draining':
      case 'closed':
        this.takeClosed(event.error)
    }
  }

  /** Answers what was wrong with what came in. */
  protected override answer(error: unknown): void {
    if (error instanceof Violation) {
      if (error.stream === undefined) this.fail(error.code, error)
      else this.resetStream(error.stream, error.code, error)
    } else if (error instanceof Http3DecodeError) {
      this.fail(error.code, error)
    } else if (error instanceof QpackDecodeError) {
      this.fail(error.code, error)
    } else {
      if (error instanceof DecodeError) throw new Error('a decoder threw what it does not throw', { cause: error })
      throw error
    }
  }

  private takeOpened(id: number): void {
    if ((id & UNIDIRECTIONAL) !== 0) {
      this.peerStreams.set(id, {
        chunks: new ChunkQueue(),
        typeLength: 0,
        type: undefined,
        frames: undefined,
        received: 0,
        settled: 0,
      })
      return
    }
    if ((id & SERVER_INITIATED) !== 0) {
      throw violation('H3_STREAM_CREATION_ERROR', 'the server has begun a stream in both directions', '6.1')
    }
    this.lastStream = Math.max(this.lastStream, id)
    this.begin(id)
  }

  // Unidirectional streams: RFC 9114 section 6.2.

  private takePeerStream(id: number, bytes: Uint8Array, fin: boolean): void {
    const stream = this.peerStreams.get(id)
    if (stream === undefined) {
      // It was given up, and this was on its way.
      this.transport.consume(id, bytes.length)
      return
    }
    stream.chunks.push(bytes)
    stream.received += bytes.length
    if (stream.type === undefined && !this.takeType(id, stream)) {
      if (!fin && this.peerStreams.has(id)) return
      this.peerStreams.delete(id)
      this.transport.consume(id, stream.received)
      return
    }
    if (stream.type === 'control') this.readControl(id, stream)
    else this.readInstructions(stream)
    if (this.finished) return
    this.transport.consume(id, stream.chunks.offset - stream.settled)
    stream.settled = stream.chunks.offset
    if (fin) this.takePeerStreamEnd(id)
  }

  /** @returns whether its type is known now, and of use */
  private takeType(id: number, stream: PeerStream): boolean {
    const { chunks } = stream
    if (stream.typeLength === 0) {
      const first = chunks.peek()
      if (first < 0) return false
      stream.typeLength = varintLengthAt(first)
    }
    if (!chunks.gather(stream.typeLength)) return false
    return this.useType(id, stream, readVarint(chunks.bytes, chunks.start))
  }

  private useType(id: number, stream: PeerStream, code: number): boolean {
    const type = http3StreamType(code)
    if (type === undefined) {
      if (this.unknownMeter.exceeds(this.now)) throw violation('H3_EXCESSIVE_LOAD', 'too many streams of unknown types', '10.5')
      this.peerStreams.delete(id)
      this.transport.stopSending(id, HTTP3_ERROR_CODE.H3_STREAM_CREATION_ERROR)
      return false
    }
    if (type === 'push') {
      if (this.isServer) throw violation('H3_STREAM_CREATION_ERROR', 'a client sent a push', '6.2.2')
      throw violation('H3_ID_ERROR', 'a push, where none was allowed by MAX_PUSH_ID', '4.6')
    }
    for (const other of this.peerStreams.values()) {
      if (other.type !== type) continue
      const cites = type === 'control' ? 'RFC 9114 section 6.2.1' : 'RFC 9204 section 4.2'
      throw new Violation(undefined, 'H3_STREAM_CREATION_ERROR', `a second ${type} stream`, cites)
    }
    stream.type = type
    if (type === 'control') stream.frames = new Http3FrameReader(stream.chunks)
    return true
  }

  private takePeerStreamEnd(id: number): void {
    const type = this.peerStreams.get(id)?.type
    this.peerStreams.delete(id)
    if (type === undefined) return
    const cites = type === 'control' ? 'RFC 9114 section 6.2.1' : 'RFC 9204 section 4.2'
    throw new Violation(undefined, 'H3_CLOSED_CRITICAL_STREAM', `the peer has closed its ${type} stream`, cites)
  }

  private readInstructions({ chunks, type }: PeerStream): void {
    while (chunks.takePiece(Infinity)) {
      const { bytes, start, end } = chunks
      const piece = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
      if (type === 'QPACK decoder') this.encoder.handle(piece)
      else this.decoder.handle(piece)
    }
    if (type === 'QPACK decoder') return
    for (const id of this.decoder.readable) {
      const stream = this.streams.get(id)
      if (stream !== undefined && !this.finished) this.resume(stream)
    }
  }

  private readControl(id: number, { frames }: PeerStream): void {
    while (frames !== undefined && !this.finished) {
      switch (frames.next()) {
        case 'nothing':
          return
        case 'head':
          this.takeControlHead(frames)
          break
        case 'frame':
          this.noticeReceived(id, frames)
          this.takeControlFrame(frames)
          break
        case 'data':
          break
        case 'end':
          this.noticeReceived(id, frames)
      }
    }
  }

  private takeControlHead(frames: Http3FrameReader): void {
    const { type, length } = frames
    if (!this.hasSettings && type !== HTTP3_FRAME_CODE.SETTINGS) {
      throw violation('H3_MISSING_SETTINGS', 'the control stream does not begin with SETTINGS', '6.2.1')
    }
    switch (http3FrameType(type)) {
      case undefined:
        this.takeUnknownHead(frames)
        return
      case 'SETTINGS':
        if (this.hasSettings) throw unexpected(type, 'a second time', '7.2.4')
        break
      case 'DATA':
      case 'HEADERS':
      case 'PUSH_PROMISE':
        throw unexpected(type, 'on the control stream', '7.2')
      case 'MAX_PUSH_ID':
        if (!this.isServer) throw unexpected(type, 'from a server', '7.2.7')
        break
      case 'PRIORITY_UPDATE':
      case 'PRIORITY_UPDATE (push)':
        if (!this.isServer)
          throw new Violation(undefined, 'H3_FRAME_UNEXPECTED', 'PRIORITY_UPDATE from a server', 'RFC 9218 section 7.2')
        break
      case 'CANCEL_PUSH':
      case 'GOAWAY':
    }
    if (length > LONGEST_CONTROL)
      throw violation('H3_EXCESSIVE_LOAD', `a frame of ${String(length)} bytes on the control stream`, '10.5')
  }

  private takeControlFrame({ type, bytes, start, end }: Http3FrameReader): void {
    const name = http3FrameType(type)
    if (name !== 'SETTINGS' && this.controlMeter.exceeds(this.now)) {
      throw violation('H3_EXCESSIVE_LOAD', 'too many frames on the control stream', '10.5')
    }
    switch (name) {
      case 'SETTINGS': {
        const settings = settingsOf(decodeSettingsFrame(bytes, start, end))
        this.hasSettings = true
        this.takeSettings(settings)
        this.remote = settings
        this.encoder.grant(settings.qpackMaxTableCapacity, settings.qpackBlockedStreams)
        this.tell({ type: 'settings', settings })
        return
      }
      case 'GOAWAY':
        this.takeGoaway(decodeIdFrame(name, bytes, start, end))
        return
      case 'MAX_PUSH_ID':
        this.takeMaxPushId(decodeIdFrame(name, bytes, start, end))
        return
      case 'CANCEL_PUSH':
        this.takeCancelPush(decodeIdFrame(name, bytes, start, end))
        return
      case 'PRIORITY_UPDATE':
      case 'PRIORITY_UPDATE (push)': {
        const { element, valueStart } = decodePriorityUpdateFrame(bytes, start, end)
        const value = String.fromCharCode(...bytes.subarray(valueStart, Math.min(end, valueStart + 300)))
        this.takePriorityUpdate(element, name !== 'PRIORITY_UPDATE', value)
        return
      }
      default:
      // Refused or skipped when its type was known.
    }
  }

  /** RFC 9297 section 2.1. */
  private takeDatagram(bytes: Uint8Array): void {
    // Only what we have announced is taken; what comes for a stream that is over, or has not begun, may be dropped.
    if (!this.announced.datagrams) return
    const { stream: id, start } = decodeHttpDatagram(bytes)
    const stream = this.streams.get(id)
    if (stream !== undefined && !stream.isReceived) this.tell({ type: 'datagram', stream: id, bytes: bytes.subarray(start) })
  }

  private takeClosed(error: Extract<Http3TransportEvent, { type: 'closed' }>['error']): void {
    const peer = this.isServer ? 'client' : 'server'
    if (error === undefined || (error.space === 'application' && nameOf(error.code) === 'H3_NO_ERROR')) {
      const detail = `the ${peer} closed the connection with ${String(this.openStreams)} streams open`
      const lost: Http3Fault = { whose: 'remote', code: 'INCOMPLETE', detail, cites: 'RFC 9114 section 5.2' }
      this.finish(this.openStreams > 0 ? lost : undefined)
      return
    }
    const { space, code, name, detail, cites } = error
    const whose = error.whose === 'peer' ? 'remote' : error.whose
    this.finish({ whose, code: space === 'application' ? nameOf(code) : name, detail, cites })
  }
}

/** RFC 9114 section 9. */
function nameOf(code: number): Http3ErrorName {
  return http3ErrorName(code) ?? 'H3_NO_ERROR'
}
