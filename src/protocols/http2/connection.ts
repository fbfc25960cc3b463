/**
 * One end of an HTTP/2 connection, whichever: what both do.
 *
 * Required reading: RFC 9113 (HTTP/2) sections 3 to 8, RFC 7541 (HPACK), RFC 9218 sections 4 to 7 and 10 (priorities), RFC 8441 (extended
 * CONNECT), RFC 9113 section 10.5 with the CVEs that `Http2Limits` names.
 *
 * Messages travel on streams, each a pair of half-closable directions with a number; `stream-state.ts` is their life. Everything that is
 * sent but DATA and trailers is encoded when it is asked for and queues up in that order, for HPACK's tables have to see it in one order at
 * both ends. DATA is framed when it is polled, as windows and priorities have it then (`output.ts`). What comes in is cut into frames
 * (`frame-reader.ts`), and `message-reception.ts` and `reception.ts` do what they say. Two windows limit DATA in each direction, a stream's and the connection's.
 *
 * What the peer does wrong is either its stream's end (RST_STREAM, a `reset` event) or the connection's (GOAWAY, a `closed` event). After
 * `closed` nothing is handled any more; the owner sends what is left to poll, and closes the stream of bytes.
 */
import { HpackDecoder } from '../../wire/hpack.ts'
import {
  encodeGoaway,
  encodePing,
  encodeResetStream,
  encodeSettings,
  encodeWindowUpdate,
  HTTP2_PREFACE,
} from '../../wire/http2-frame.ts'
import { HTTP2_FLAG } from '../../wire/http2-names.ts'
import type { Http2ErrorName } from '../../wire/http2-names.ts'
import { encodeLatin1 } from '../../wire/http1.ts'
import type { Endpoint, Nanos } from '../endpoint.ts'
import type { Http2CommonEvent } from './event.ts'
import { LocalProtocolError } from '../local-protocol-error.ts'
import type { Http2Fault, Violation } from './fault.ts'
import { FIELD_SECTIONS } from './field-section.ts'
import { FrameReader } from './frame-reader.ts'
import type { BodySource } from '../body-source.ts'
import type { HttpField } from '../http-message.ts'
import type { Http2Limits, Http2Options, Http2Settings } from './options.ts'
import { Output } from './output.ts'
import { DEFAULT_PRIORITY } from '../http-priority.ts'
import { RateMeter } from '../rate-meter.ts'
import {
  CLIENT_SETTINGS,
  CLIENT_WINDOW,
  DEFAULT_LIMITS,
  INITIAL_SETTINGS,
  SERVER_SETTINGS,
  SERVER_WINDOW,
  settingsToAnnounce,
} from './settings.ts'
import { StreamRegistry } from './stream-registry.ts'
import type { Closing } from './stream-state.ts'
import { Http2Stream } from './stream.ts'

/** What a client supposes before the server has said how many streams it takes; RFC 9113 section 6.5.2 recommends no fewer. */
const SUPPOSED_STREAMS = 100

/** The part of a `closed` or `reset` event that says what happened. */
type Cause = Pick<Http2Fault, 'detail' | 'cites'>

export abstract class Http2Connection<Event extends { readonly type: string }> implements Endpoint<
  Uint8Array,
  Event | Http2CommonEvent
> {
  protected readonly limits: Http2Limits
  /** What we announce, and what of it holds because the peer has acknowledged it. */
  protected readonly announced: Http2Settings
  protected local: Http2Settings = INITIAL_SETTINGS
  protected remote: Http2Settings
  protected readonly reader: FrameReader
  protected readonly decoder = new HpackDecoder()
  protected readonly output: Output
  protected readonly streams: StreamRegistry
  /** Time of the last call that brought it. */
  protected now: Nanos = 0
  /** Whether our SETTINGS wait for an acknowledgment. */
  protected awaitsAck = true
  /** Highest stream of the peer's that we take: what our last GOAWAY said. */
  protected lastTaken = Infinity
  /** Highest stream of ours that the peer takes: what its last GOAWAY said; and why. */
  protected lastAccepted = Infinity
  protected farewell: Http2Fault | undefined
  /** Bytes that the peer may send on all streams together. */
  protected receiveWindow = INITIAL_SETTINGS.initialWindowSize
  protected readonly resetMeter: RateMeter

  protected readonly onFrame: Http2Options['onFrame']
  private readonly autoConsume: boolean
  private readonly fullWindow: number
  /** Bytes that were used up since the peer was told last. */
  private credit = 0
  /** Bytes on finished streams that the owner has not used up. */
  private readonly leftovers = new Map<number, number>()
  private events: (Event | Http2CommonEvent)[] = []
  private isOver = false
  private settingsDeadline: Nanos | undefined
  private stalledSince: Nanos | undefined

  protected constructor(
    protected readonly isServer: boolean,
    options: Http2Options,
  ) {
    const { onFrame, frameSize = 0x4000 - 9, scheduler = 'priority' } = options
    this.limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.announced = { ...(isServer ? SERVER_SETTINGS : CLIENT_SETTINGS), ...options.settings }
    this.fullWindow = options.connectionWindow ?? (isServer ? SERVER_WINDOW : CLIENT_WINDOW)
    this.autoConsume = options.autoConsume ?? true
    this.onFrame = onFrame
    if (!Number.isInteger(frameSize) || frameSize < 1) throw new RangeError(`${String(frameSize)} is not a size of frames`)
    if (!Number.isInteger(this.fullWindow) || this.fullWindow < 0xffff || this.fullWindow >= 2 ** 31) {
      throw new RangeError(`${String(this.fullWindow)} is not a size of the connection's window`)
    }
    this.remote = isServer ? INITIAL_SETTINGS : { ...INITIAL_SETTINGS, maxConcurrentStreams: SUPPOSED_STREAMS }
    this.reader = new FrameReader(isServer)
    this.streams = new StreamRegistry(isServer)
    this.resetMeter = new RateMeter(this.limits.resets)
    const preface = isServer ? undefined : encodeLatin1(HTTP2_PREFACE)
    this.output = new Output(preface, scheduler, frameSize, onFrame, (stream) => {
      this.endSent(stream)
    })
    this.output.push(encodeSettings(settingsToAnnounce(this.announced, isServer)), false)
    const more = this.fullWindow - this.receiveWindow
    if (more > 0) this.output.push(encodeWindowUpdate(0, more), false)
    this.receiveWindow = this.fullWindow
  }

  /** How many streams are not closed, promised ones included. */
  get openStreams(): number {
    return this.streams.open.size
  }

  /** Whether everything was sent and received that this connection is for: it should be closed once all is polled. */
  get finished(): boolean {
    return this.isOver
  }

  /** What the peer has announced, or what holds before it has. */
  get peerSettings(): Http2Settings {
    return this.remote
  }

  /** A part of a stream's body, by reference; it must not change any more. Throws LocalProtocolError. */
  sendBody(stream: number, bytes: Uint8Array): void {
    const sender = this.sender(stream)
    sender?.add(bytes)
    if (sender) this.output.join(sender)
  }

  /** The whole body, made when it is sent; `endBody` is implied. Throws LocalProtocolError. */
  sendSource(stream: number, source: BodySource): void {
    const sender = this.sender(stream)
    sender?.add(source)
    this.endBody(stream)
  }

  /** The end of a stream's body. Throws LocalProtocolError, RangeError for trailers that cannot be sent. */
  endBody(stream: number, trailers: readonly HttpField[] = []): void {
    const sender = this.sender(stream)
    const fields = FIELD_SECTIONS.toSend(trailers)
    sender?.end(fields)
    if (sender) this.output.join(sender)
  }

  /** Bytes given to `sendBody` on this stream that have not been polled; 0 for one that is closed. */
  buffered(stream: number): number {
    return this.streams.open.get(stream)?.buffered ?? 0
  }

  /** Gives up a stream: RST_STREAM. Nothing is told of it any more. Harmless when it is closed. */
  cancel(stream: number, code: Http2ErrorName = 'CANCEL'): void {
    const cancelled = this.streams.open.get(stream)
    if (cancelled === undefined || this.isOver) return
    cancelled.sent('RST_STREAM')
    this.output.push(encodeResetStream(stream, code), false)
    this.close(cancelled, 'reset-by-us')
    this.finishWhenDone()
  }

  /**
   * So many bytes of a stream's data were used up, so that the peer may send as many again; only with `autoConsume: false`. Harmless when
   * the stream was reset. Throws LocalProtocolError for more than was told.
   */
  consume(stream: number, bytes: number): void {
    const open = this.streams.open.get(stream)
    const unconsumed = open?.unconsumed ?? this.leftovers.get(stream)
    if (unconsumed === undefined || this.isOver) return
    if (bytes > unconsumed)
      throw new LocalProtocolError(`stream ${String(stream)} has not brought ${String(bytes)} bytes to use up`)
    if (open) {
      open.unconsumed -= bytes
      this.giveCredit(open, bytes)
    } else {
      if (unconsumed === bytes) this.leftovers.delete(stream)
      else this.leftovers.set(stream, unconsumed - bytes)
      this.giveCredit(undefined, bytes)
    }
  }

  /** Asks for a `pong` with the same eight bytes. Throws RangeError for another number of them. */
  ping(data: Uint8Array): void {
    if (data.length !== 8) throw new RangeError('a PING carries eight bytes')
    if (!this.isOver) this.output.push(encodePing(data, false), false)
  }

  /** Takes bytes from the stream. They must not change any more. */
  handle(bytes: Uint8Array, now: Nanos): void {
    this.now = now
    if (this.isOver) return
    this.reader.push(bytes)
    this.read()
  }

  /** The peer has closed its half of the stream of bytes. */
  handleEnd(now: Nanos): void {
    this.now = now
    if (this.isOver) return
    const peer = this.isServer ? 'client' : 'server'
    const detail = `the ${peer} closed the connection with ${String(this.openStreams)} streams open`
    const lost: Http2Fault = { whose: 'remote', code: 'INCOMPLETE', detail, cites: 'RFC 9113 section 5.4.1' }
    const wasError = this.farewell !== undefined && this.farewell.code !== 'NO_ERROR'
    this.finish(wasError ? this.farewell : this.openStreams > 0 ? lost : undefined)
  }

  pollTransmit(now: Nanos): Uint8Array | undefined {
    this.now = now
    const chunk = this.output.poll()
    if (chunk === undefined) {
      if (!this.output.isBlocked) this.stalledSince = undefined
      else this.stalledSince ??= now
      return undefined
    }
    this.stalledSince = undefined
    if (this.awaitsAck) this.settingsDeadline ??= now + this.limits.settingsTimeout
    return chunk
  }

  /** When an acknowledgment is overdue, or DATA has waited for the peer's windows for too long. */
  pollTimeout(): Nanos | undefined {
    if (this.isOver) return undefined
    const { stall, settingsTimeout } = this.limits
    const ack = this.awaitsAck && settingsTimeout > 0 ? this.settingsDeadline : undefined
    if (this.stalledSince === undefined || stall === 0) return ack
    return Math.min(ack ?? Infinity, this.stalledSince + stall)
  }

  handleTimeout(now: Nanos): void {
    this.now = now
    const due = this.pollTimeout()
    if (due === undefined || due > now) return
    if (this.awaitsAck && this.settingsDeadline !== undefined && this.settingsDeadline <= now) {
      this.fail('SETTINGS_TIMEOUT', { detail: 'our SETTINGS were not acknowledged in time', cites: 'RFC 9113 section 6.5.3' })
    } else {
      this.fail('ENHANCE_YOUR_CALM', { detail: 'the peer left its windows closed for too long', cites: 'RFC 9113 section 10.5' })
    }
  }

  pollEvent(): Event | Http2CommonEvent | undefined {
    return this.events.shift()
  }

  /** Takes what the reader has. */
  protected abstract read(): void

  protected tell(event: Event | Http2CommonEvent): void {
    this.events.push(event)
  }

  protected newStream(id: number, isOurs: boolean): Http2Stream {
    const { local, remote } = this
    const stream = new Http2Stream(id, isOurs, local.initialWindowSize, remote.initialWindowSize, DEFAULT_PRIORITY)
    this.streams.add(stream)
    return stream
  }

  /** A message's fields on a stream that may send them. @param body bytes of content that follow; `'none'`: the fields are all */
  protected sendHead(stream: Http2Stream, fields: readonly HttpField[], body: number | 'unknown' | 'none', opens = 0): void {
    stream.sent('HEADERS')
    this.streams.activate(stream)
    stream.isAnswered = true
    const isWhole = body === 'none'
    this.output.fields(stream.id, fields, isWhole ? HTTP2_FLAG.END_STREAM : 0, 0, opens)
    if (isWhole) this.endSent(stream)
    else stream.beginBody(body === 'unknown' ? undefined : body)
  }

  /** Bytes of a DATA frame have been used up, or are of no use. @param stream undefined: they count for the connection alone */
  protected giveCredit(stream: Http2Stream | undefined, bytes: number): void {
    this.credit += bytes
    if (2 * this.credit >= this.fullWindow) {
      this.receiveWindow += this.credit
      this.output.push(encodeWindowUpdate(0, this.credit), true)
      this.credit = 0
    }
    if (stream?.isReceiving !== true || stream.isLastData) return
    stream.credit += bytes
    if (2 * stream.credit < this.local.initialWindowSize) return
    stream.receiveWindow += stream.credit
    this.output.push(encodeWindowUpdate(stream.id, stream.credit), true)
    stream.credit = 0
  }

  /** A piece of content for the owner. */
  protected deliver(stream: Http2Stream, bytes: Uint8Array): void {
    this.tell({ type: 'data', stream: stream.id, bytes })
    if (this.autoConsume) this.giveCredit(stream, bytes.length)
    else stream.unconsumed += bytes.length
  }

  /** The peer has broken a rule on a stream, which ends it. */
  protected resetStream(id: number, code: Http2ErrorName, { detail, cites }: Cause): void {
    if (this.resetMeter.exceeds(this.now)) {
      this.fail('ENHANCE_YOUR_CALM', { detail: 'too many streams had to be reset', cites: 'RFC 9113 section 10.5' })
      return
    }
    this.output.push(encodeResetStream(id, code), true)
    const stream = this.streams.open.get(id)
    if (stream === undefined) {
      this.streams.remember(id, 'reset-by-us')
      return
    }
    const { isTold } = stream
    this.close(stream, 'reset-by-us')
    if (isTold) this.tell({ type: 'reset', stream: id, error: { whose: 'remote', code, detail, cites }, isUnprocessed: false })
    this.finishWhenDone()
  }

  /** A stream has come to its end. */
  protected close(stream: Http2Stream, closing: Closing): void {
    this.output.leave(stream)
    this.streams.remove(stream, closing)
    if (stream.unconsumed === 0) return
    // On a whole message the owner goes on to use up what it was told; of one that was given up, nobody will.
    if (closing === 'finished') this.leftovers.set(stream.id, stream.unconsumed)
    else this.giveCredit(undefined, stream.unconsumed)
  }

  /** Our message on a stream is whole, as far as the wire is concerned. */
  protected endSent(stream: Http2Stream): void {
    stream.sent('END_STREAM')
    if (stream.state !== 'closed') return
    this.close(stream, 'finished')
    this.finishWhenDone()
  }

  /** Says goodbye to the peer. */
  protected sendGoaway(lastStream: number, code: Http2ErrorName, debug: string): void {
    this.output.push(encodeGoaway(lastStream, code, debug), false)
    this.lastTaken = lastStream
  }

  /** Whether nothing can begin on this connection any more. */
  protected abstract get isLeaving(): boolean

  /** After the end of a stream, or a goodbye. */
  protected finishWhenDone(): void {
    if (!this.isOver && this.isLeaving && this.streams.open.size === 0) this.finish(undefined)
  }

  /** The peer has broken a rule of the connection, which ends it. */
  protected fail(code: Http2ErrorName, { detail, cites }: Cause): void {
    if (this.isOver) return
    this.sendGoaway(Math.min(this.lastTaken, this.streams.lastPeer), code, `${detail} (${cites})`)
    this.finish({ whose: 'remote', code, detail, cites })
  }

  protected failBy({ code, detail, cites }: Pick<Violation, 'code' | 'detail' | 'cites'>): void {
    this.fail(code, { detail, cites })
  }

  private finish(error: Http2Fault | undefined): void {
    const broken = this.streams.numbers
    const { unopened } = this.output
    this.isOver = true
    this.output.discardBodies()
    this.reader.discard()
    this.streams.open.clear()
    this.leftovers.clear()
    const unprocessed = broken.filter((id) => unopened.has(id))
    this.tell({ type: 'closed', error, broken, unprocessed })
  }

  /** The stream that a body is given for; undefined: it was closed by the peer in the meantime, and nobody wants the body. */
  private sender(id: number): Http2Stream | undefined {
    const stream = this.streams.open.get(id)
    if (stream === undefined && this.streams.isIdle(id)) throw new LocalProtocolError(`there is no stream ${String(id)}`)
    return stream
  }
}
