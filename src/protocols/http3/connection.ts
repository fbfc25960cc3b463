/**
 * One end of an HTTP/3 connection, whichever: what both do.
 *
 * Required reading: RFC 9114 (HTTP/3) sections 3 to 8, RFC 9204 (QPACK) sections 2 to 4, RFC 9218 sections 4 to 7 and 10 (priorities),
 * RFC 9220 (extended CONNECT), RFC 9297 section 2 (datagrams), RFC 9114 section 10.5.
 *
 * Each request has a stream of QUIC's, on which frames follow each other: HEADERS, DATA, perhaps HEADERS with trailers. Three more streams
 * in each direction carry what belongs to no request: the control stream (SETTINGS first, GOAWAY, PRIORITY_UPDATE), QPACK's encoder stream
 * (changes of its table), and QPACK's decoder stream (what of that has arrived). QUIC does the rest: order within a stream, flow control,
 * resets, and by the priorities that it is told, which stream goes first. So this machine has no windows and no scheduler; its commands act
 * on the transport at once, and of the five verbs of `Endpoint` there is no `pollTransmit`.
 *
 * Streams are independent, but for QPACK: a HEADERS frame that needs a table entry which has not arrived blocks its stream until the
 * encoder stream brings it. Whether that can happen the encoder decides, within what the decoder bears.
 *
 * What the peer does wrong is either its stream's end (a `reset` event) or the connection's (CONNECTION_CLOSE, a `closed` event). After
 * `closed` nothing is handled any more.
 */
import { encodeFrameHeader, encodeHeadersFrame, encodeSettingsFrame, encodeStreamType } from '../../wire/http3-frame.ts'
import { HTTP3_ERROR_CODE } from '../../wire/http3-names.ts'
import type { Http3ErrorName, Http3FrameType, Http3StreamType } from '../../wire/http3-names.ts'
import type { CompressedField } from '../../wire/indexing-choice.ts'
import { QpackDecoder } from '../../wire/qpack-decoder.ts'
import { QpackEncoder } from '../../wire/qpack-encoder.ts'
import { varintLengthAt } from '../../wire/quic/varint.ts'
import type { BodySource } from '../body-source.ts'
import type { Nanos } from '../endpoint.ts'
import type { HttpField, HttpPriority } from '../http-message.ts'
import { LocalProtocolError } from '../local-protocol-error.ts'
import { RateMeter } from '../rate-meter.ts'
import { FramedBody } from './body-framing.ts'
import type { Http3CommonEvent } from './event.ts'
import type { Http3Fault } from './fault.ts'
import { FIELD_SECTIONS } from './field-section.ts'
import type { Http3FrameNotice, Http3Limits, Http3Options, Http3Settings } from './options.ts'
import { CLIENT_SETTINGS, DEFAULT_LIMITS, INITIAL_SETTINGS, SERVER_SETTINGS, settingsToAnnounce } from './settings.ts'
import type { Http3Stream } from './stream.ts'
import type { Http3Transport } from './transport.ts'

/** What goes out beside requests must not wait for them: their fields may need what is inserted into the table of QPACK. */
const FIRST: HttpPriority = { urgency: -1, incremental: true }

/** While so many bytes wait on the encoder stream, the table is not changed (RFC 9204 section 2.1.3). */
const CHOKED = 4096

/** A unidirectional stream of ours. */
interface OwnStream {
  readonly id: number
  /** Bytes that were sent. */
  sentBytes: number
}

/** The part of a `closed` or `reset` event that says what happened. */
export type Cause = Pick<Http3Fault, 'detail' | 'cites'>

export abstract class Http3Connection<Event extends { readonly type: string }> {
  protected readonly limits: Http3Limits
  /** What we announce. */
  protected readonly announced: Http3Settings
  protected remote: Http3Settings
  protected encoder: QpackEncoder
  protected decoder: QpackDecoder
  /** Requests' streams that are not over, by number. */
  protected readonly streams = new Map<number, Http3Stream>()
  /** Streams on which our message is whole, and may not have arrived. */
  protected readonly unacknowledged = new Set<number>()
  /** Highest number of a request's stream; -4: none. */
  protected lastStream = -4
  /** Time of the last call that brought it. */
  protected now: Nanos = 0
  protected readonly resetMeter: RateMeter
  protected readonly autoConsume: boolean
  protected readonly onFrame: Http3Options['onFrame']

  private control: OwnStream | undefined
  private encoderStream: OwnStream | undefined
  private decoderStream: OwnStream | undefined
  /** Frames that wait for the control stream to be opened. */
  private waitingControl: (readonly [Http3FrameType, Uint8Array])[] = []
  private readonly frameSize: number
  private readonly qpackOptions: { readonly tableCapacity: number; readonly blockedStreams: number }
  private events: (Event | Http3CommonEvent)[] = []
  private isOver = false

  protected constructor(
    protected readonly transport: Http3Transport,
    protected readonly isServer: boolean,
    options: Http3Options,
  ) {
    const { frameSize = 0x4000, qpackTableCapacity = 4096, qpackBlockedStreams = 0 } = options
    this.limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.announced = { ...(isServer ? SERVER_SETTINGS : CLIENT_SETTINGS), ...options.settings }
    this.remote = options.rememberedSettings ?? INITIAL_SETTINGS
    this.autoConsume = options.autoConsume ?? true
    this.onFrame = options.onFrame
    if (!Number.isInteger(frameSize) || frameSize < 1) throw new RangeError(`${String(frameSize)} is not a size of frames`)
    for (const amount of [qpackTableCapacity, qpackBlockedStreams]) {
      if (!Number.isSafeInteger(amount) || amount < 0) throw new RangeError(`${String(amount)} is no limit of QPACK`)
    }
    this.frameSize = frameSize
    this.qpackOptions = { tableCapacity: qpackTableCapacity, blockedStreams: qpackBlockedStreams }
    settingsToAnnounce(this.announced)
    this.encoder = this.newEncoder()
    this.decoder = this.newDecoder()
    this.resetMeter = new RateMeter(this.limits.resets)
    this.flush()
  }

  /** How many requests are under way. */
  get openStreams(): number {
    return this.streams.size
  }

  /** Whether everything was sent and received that this connection is for. */
  get finished(): boolean {
    return this.isOver
  }

  /** What the peer has announced, or what holds before it has. */
  get peerSettings(): Http3Settings {
    return this.remote
  }

  /** A part of a stream's body, by reference; it must not change any more. Throws LocalProtocolError. */
  sendBody(id: number, bytes: Uint8Array): void {
    const stream = this.sender(id)
    stream?.takeBody(bytes.length)
    if (stream === undefined) return
    for (let from = 0; from < bytes.length; from += this.frameSize) {
      const piece = bytes.subarray(from, from + this.frameSize)
      const header = encodeFrameHeader('DATA', piece.length)
      this.notice(stream, 'DATA', header.length, piece.length)
      this.transport.send(id, header)
      this.transport.send(id, piece)
    }
  }

  /** The whole body, made when it is sent; `endBody` is implied. Throws LocalProtocolError. */
  sendSource(id: number, source: BodySource): void {
    const stream = this.sender(id)
    stream?.takeBody(source.length)
    if (stream !== undefined && source.length > 0) {
      const framed = new FramedBody(source, this.frameSize, (length) => {
        this.notice(stream, 'DATA', encodeFrameHeader('DATA', length).length, length)
      })
      this.transport.sendSource(id, framed)
    }
    this.endBody(id)
  }

  /** The end of a stream's body. Throws LocalProtocolError, RangeError for trailers that cannot be sent. */
  endBody(id: number, trailers: readonly HttpField[] = []): void {
    const fields = FIELD_SECTIONS.toSend(trailers)
    const stream = this.sender(id)
    if (stream === undefined) return
    if (stream.isTunnel && fields.length > 0) throw new LocalProtocolError('there are no trailers in a tunnel')
    stream.endBody()
    if (fields.length > 0) this.sendFields(stream, fields)
    this.endSent(stream)
    this.flush()
  }

  /** Bytes given to `sendBody` on this stream that have not gone out; 0 for one that is closed. */
  buffered(id: number): number {
    return this.transport.buffered(id)
  }

  /**
   * Gives up a stream, in both directions; with H3_NO_ERROR behind a message that we have sent whole, only the rest of the peer's (RFC 9114
   * section 4.1). Nothing is told of it any more. Harmless when it is closed.
   */
  cancel(id: number, code: Http3ErrorName = 'H3_REQUEST_CANCELLED'): void {
    const stream = this.streams.get(id)
    if (stream === undefined || this.isOver) return
    if (stream.isSent && code === 'H3_NO_ERROR') stream.isSendingOver = true
    this.abandon(stream, code)
    this.flush()
  }

  /**
   * Ends the connection at once, whatever is under way: CONNECTION_CLOSE with H3_NO_ERROR (RFC 9114 section 5.3). Nothing is told of it.
   * Harmless when it is over.
   */
  close(): void {
    if (this.isOver) return
    this.transport.close(HTTP3_ERROR_CODE.H3_NO_ERROR)
    this.forgetStreams()
    this.events = []
  }

  /**
   * So many bytes of a stream's data were used up, so that the peer may send as many again; only with `autoConsume: false`. Harmless when
   * the stream is over. Throws LocalProtocolError for more than was told.
   */
  consume(id: number, bytes: number): void {
    const stream = this.streams.get(id)
    if (stream !== undefined) {
      if (bytes > stream.unconsumed) {
        throw new LocalProtocolError(`stream ${String(id)} has not brought ${String(bytes)} bytes to use up`)
      }
      stream.unconsumed -= bytes
    }
    if (!this.isOver) this.transport.consume(id, bytes)
  }

  pollEvent(): Event | Http3CommonEvent | undefined {
    return this.events.shift()
  }

  protected tell(event: Event | Http3CommonEvent): void {
    this.events.push(event)
  }

  /** Sends what QPACK has to say, and opens the streams for that once the peer lets us. To be called after everything. */
  protected flush(): void {
    if (this.isOver) return
    this.openOwnStreams()
    this.flushEncoder()
    const { decoderStream, transport, limits } = this
    if (decoderStream === undefined) return
    const answers = this.decoder.takeInstructions()
    if (answers === undefined) return
    transport.send(decoderStream.id, answers)
    if (transport.buffered(decoderStream.id) <= limits.waitingInstructions) return
    this.fail('H3_EXCESSIVE_LOAD', { detail: 'the peer does not read our QPACK decoder stream', cites: 'RFC 9114 section 10.5' })
  }

  private flushEncoder(): void {
    if (this.encoderStream === undefined) return
    const instructions = this.encoder.takeInstructions()
    if (instructions !== undefined) this.transport.send(this.encoderStream.id, instructions)
  }

  private newEncoder(): QpackEncoder {
    return new QpackEncoder(this.qpackOptions)
  }

  private newDecoder(): QpackDecoder {
    const { qpackMaxTableCapacity, qpackBlockedStreams } = this.announced
    return new QpackDecoder({ maxTableCapacity: qpackMaxTableCapacity, blockedStreams: qpackBlockedStreams })
  }

  /** Everything that was sent is gone, and streams are numbered anew (RFC 9001 section 4.6.2). */
  protected beginAnew(): void {
    this.control = this.encoderStream = this.decoderStream = undefined
    this.waitingControl = []
    this.encoder = this.newEncoder()
    this.decoder = this.newDecoder()
    this.remote = INITIAL_SETTINGS
    this.unacknowledged.clear()
    this.lastStream = -4
  }

  private openOwnStreams(): void {
    if (this.control === undefined) {
      this.control = this.openOwn('control')
      if (this.control === undefined) return
      this.sendControl('SETTINGS', encodeSettingsFrame(settingsToAnnounce(this.announced)))
      for (const [type, frame] of this.waitingControl) this.sendControl(type, frame)
      this.waitingControl = []
    }
    if (this.encoderStream === undefined && this.qpackOptions.tableCapacity > 0)
      this.encoderStream = this.openOwn('QPACK encoder')
    if (this.decoderStream === undefined && this.announced.qpackMaxTableCapacity > 0) {
      this.decoderStream = this.openOwn('QPACK decoder')
    }
  }

  private openOwn(type: Http3StreamType): OwnStream | undefined {
    const { transport } = this
    if (!transport.canOpenStream(false)) return undefined
    const id = transport.openStream(false)
    transport.setPriority(id, FIRST)
    transport.send(id, encodeStreamType(type))
    return { id, sentBytes: 1 }
  }

  /** Whether a stream is one of ours that must not be closed (RFC 9114 section 6.2.1, RFC 9204 section 4.2). */
  protected isCritical(id: number): boolean {
    return id === this.control?.id || id === this.encoderStream?.id || id === this.decoderStream?.id
  }

  /** A whole frame for the control stream. */
  protected sendControl(type: Http3FrameType, frame: Uint8Array): void {
    const { control } = this
    if (control === undefined) {
      this.waitingControl.push([type, frame])
      return
    }
    const lengthAt = varintLengthAt(frame[0])
    const header = lengthAt + varintLengthAt(frame[lengthAt])
    this.notice(control, type, header, frame.length - header)
    this.transport.send(control.id, frame)
  }

  /** A message's fields. @param body bytes of content that follow; `'none'`: the fields are all */
  protected sendHead(stream: Http3Stream, fields: readonly HttpField[], body: number | 'unknown' | 'none'): void {
    stream.isAnswered = true
    this.sendFields(stream, fields)
    if (body === 'none') this.endSent(stream)
    else stream.beginBody(body === 'unknown' ? undefined : body)
    this.flush()
  }

  protected sendFields(stream: Http3Stream, fields: readonly CompressedField[]): void {
    const { encoderStream, transport } = this
    const mayInsert = encoderStream !== undefined && transport.buffered(encoderStream.id) < CHOKED
    const section = this.encoder.encode(stream.id, fields, mayInsert)
    this.flushEncoder()
    const frame = encodeHeadersFrame(section)
    this.notice(stream, 'HEADERS', frame.length - section.length, section.length)
    transport.send(stream.id, frame)
  }

  private notice(
    stream: { readonly id: number; sentBytes: number },
    type: Http3FrameNotice['type'],
    headerLength: number,
    length: number,
  ): void {
    const from = stream.sentBytes
    stream.sentBytes += headerLength + length
    this.onFrame?.({ direction: 'sent', type, stream: stream.id, length, from, to: stream.sentBytes })
  }

  /** Our message on a stream is whole. */
  protected endSent(stream: Http3Stream): void {
    stream.isSent = true
    this.transport.end(stream.id)
    // What we close before it has arrived would be lost; a client has its answer by then.
    if (this.isServer) this.unacknowledged.add(stream.id)
    this.closeIfDone(stream)
  }

  protected closeIfDone(stream: Http3Stream): void {
    if (!stream.isSent || !stream.isReceived) return
    this.streams.delete(stream.id)
    this.finishWhenDone()
  }

  /** Lets go of a stream in both directions. */
  protected abandon(stream: Http3Stream, code: Http3ErrorName): void {
    const { id } = stream
    const { transport } = this
    if (!stream.isSendingOver) {
      transport.reset(id, HTTP3_ERROR_CODE[code])
      this.unacknowledged.delete(id)
    }
    transport.consume(id, stream.received - stream.settled)
    stream.settled = stream.received
    if (!stream.isReceived) {
      transport.stopSending(id, HTTP3_ERROR_CODE[code])
      this.decoder.cancel(id)
    }
    this.streams.delete(id)
    stream.reader.discard()
    this.finishWhenDone()
  }

  /** The peer has broken a rule on a stream, which ends it. */
  protected resetStream(id: number, code: Http3ErrorName, { detail, cites }: Cause): void {
    if (this.resetMeter.exceeds(this.now)) {
      this.fail('H3_EXCESSIVE_LOAD', { detail: 'too many streams had to be reset', cites: 'RFC 9114 section 10.5' })
      return
    }
    const stream = this.streams.get(id)
    if (stream === undefined) return
    const { isTold } = stream
    if (isTold) this.tell({ type: 'reset', stream: id, error: { whose: 'remote', code, detail, cites }, isUnprocessed: false })
    this.abandon(stream, code)
  }

  /** Whether nothing can begin on this connection any more. */
  protected abstract get isLeaving(): boolean

  /** After the end of a stream, or a goodbye. */
  protected finishWhenDone(): void {
    if (this.isOver || !this.isLeaving || this.streams.size > 0 || this.unacknowledged.size > 0) return
    this.transport.close(HTTP3_ERROR_CODE.H3_NO_ERROR, '')
    this.finish(undefined)
  }

  /** The peer has broken a rule of the connection, which ends it. */
  protected fail(code: Http3ErrorName, { detail, cites }: Cause): void {
    if (this.isOver) return
    this.transport.close(HTTP3_ERROR_CODE[code], `${detail} (${cites})`)
    this.finish({ whose: 'remote', code, detail, cites })
  }

  protected finish(error: Http3Fault | undefined): void {
    const broken = [...this.streams.keys()].sort((a, b) => a - b)
    this.forgetStreams()
    this.tell({ type: 'closed', error, broken, unprocessed: [] })
  }

  private forgetStreams(): void {
    this.isOver = true
    for (const stream of this.streams.values()) stream.reader.discard()
    this.streams.clear()
    this.unacknowledged.clear()
  }

  /** The stream that a body is given for; undefined: it is over, and nobody wants the body. Throws LocalProtocolError. */
  private sender(id: number): Http3Stream | undefined {
    const stream = this.streams.get(id)
    if (stream === undefined && !(id <= this.lastStream)) throw new LocalProtocolError(`there is no stream ${String(id)}`)
    return stream?.isSendingOver === true ? undefined : stream
  }
}
