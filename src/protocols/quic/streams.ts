/**
 * All streams of a connection, and their flow control.
 *
 * Required reading: RFC 9000 sections 2 (streams), 3 (their states), 4 (flow control), 19.4 to 19.14 (the frames); RFC 9218 section 10.
 *
 * A stream has a sending part, a receiving part, or both. The peer opens one by its first frame for it, and all of the same type with lower
 * IDs along with it. A stream is forgotten when all its parts are done; frames that come for it then mean nothing. What is sent is
 * remembered with the packet that took it along, and comes back here by `acknowledge` or `lose`.
 */
import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import type { ControlFrame } from '../../wire/quic/frame-encoder.ts'
import type { ResetStreamFrame, StopSendingFrame, StreamFrame } from '../../wire/quic/frame.ts'
import { LARGEST_VARINT } from '../../wire/quic/varint.ts'
import type { Nanos } from '../endpoint.ts'
import type { BodySource } from '../body-source.ts'
import type { QuicPriority } from './commands.ts'
import type { QuicEvent } from './event.ts'
import { LocalQuicError, QuicViolation } from './fault.ts'
import type { PacketDraft, SentStreamData } from './packet-draft.ts'
import { ReceiveStream } from './receive-stream.ts'
import { ReceiveWindow } from './receive-window.ts'
import type { SendStream } from './send-stream.ts'
import { StreamCounts } from './stream-counts.ts'
import { StreamSending } from './stream-sending.ts'
import type { StreamSettings } from './settings.ts'

/** Bits of a stream ID: RFC 9000 section 2.1. */
const UNIDIRECTIONAL = 2

/** Both parts of a stream, as far as there are two. */
interface Stream {
  readonly send: SendStream | undefined
  readonly receive: ReceiveStream | undefined
}

export class Streams {
  readonly sending: StreamSending
  readonly counts: StreamCounts
  private readonly streams = new Map<number, Stream>()
  private readonly window: ReceiveWindow
  /** Bidirectional streams that are not over. */
  openRequests = 0
  /** Sum of all streams' received bytes. */
  private received = 0
  private owesLimit = false
  /** Streams that owe a MAX_STREAM_DATA. */
  private readonly owing = new Set<ReceiveStream>()
  /** Streams that are forgotten but for bytes which the application has not consumed. */
  private readonly unread = new Map<number, ReceiveStream>()

  /** @param isServer which end we are */
  constructor(
    private readonly isServer: boolean,
    private readonly settings: StreamSettings,
    private readonly events: QuicEvent[],
  ) {
    this.window = new ReceiveWindow(settings.connectionWindow, settings.maxConnectionWindow)
    this.sending = new StreamSending()
    this.counts = new StreamCounts(isServer, settings.maxBidirectionalStreams, settings.maxUnidirectionalStreams)
  }

  /** All streams that we opened are gone, as is what was sent on them: 0-RTT data were rejected (RFC 9001 section 4.6.2). */
  forgetAll(): void {
    this.streams.clear()
    this.owing.clear()
    this.unread.clear()
    this.openRequests = 0
    this.sending.clear()
    this.counts.forgetOurs()
  }

  // What the application asks for.

  open(bidirectional: boolean): number {
    const { counts, settings } = this
    if (!counts.canOpen(bidirectional)) {
      counts.wanted(bidirectional)
      throw new LocalQuicError('the peer takes no more streams for now')
    }
    const id = counts.open(bidirectional)
    const receive = bidirectional ? this.receivePart(id, settings.streamWindow) : undefined
    if (bidirectional) this.openRequests++
    this.streams.set(id, { send: this.sending.create(id, bidirectional ? 'bidi-local' : 'uni'), receive })
    return id
  }

  send(id: number, piece: Uint8Array | BodySource): void {
    const stream = this.sendPart(id)
    if (stream === undefined) return
    stream.push(piece)
    this.sending.join(stream)
  }

  end(id: number): void {
    const stream = this.sendPart(id)
    if (stream === undefined) return
    stream.end()
    this.sending.join(stream)
  }

  reset(id: number, code: number): void {
    const stream = this.sendPart(id)
    if (stream !== undefined) this.sending.reset(stream, code)
  }

  stopSending(id: number, code: number): void {
    const stream = this.receivePartOf(id) ?? this.unread.get(id)
    if (stream === undefined || stream.isStopped) return
    if (stream.isDone) {
      // There is nothing to stop, and nobody will read what has come.
      this.consume(id, stream.unconsumed)
      return
    }
    stream.isStopped = true
    this.owing.delete(stream)
    this.release(stream)
    stream.reassembly.discard()
    this.credit(stream.unconsumed)
    stream.unconsumed = 0
    if (stream.state === 'Recv') this.sending.control({ type: 'STOP_SENDING', stream: id, code })
  }

  /** Throws LocalQuicError for more than was delivered. */
  consume(id: number, bytes: number): void {
    const stream = this.streams.get(id)?.receive ?? this.unread.get(id)
    if (stream === undefined || stream.isStopped) return
    if (bytes > stream.unconsumed) throw new LocalQuicError(`more of stream ${String(id)} was consumed than delivered`)
    stream.unconsumed -= bytes
    this.credit(bytes)
    this.creditStream(stream, bytes)
    if (stream.unconsumed === 0 && this.unread.delete(id)) this.closed(id)
  }

  prioritise(id: number, priority: QuicPriority): void {
    const stream = this.streams.get(id)?.send
    if (stream !== undefined) this.sending.prioritise(stream, priority)
  }

  buffered(id: number): number {
    return this.streams.get(id)?.send?.buffered ?? 0
  }

  // What comes in.

  /**
   * Takes a STREAM frame.
   * @param bytes what the frame refers to
   * @param early whether the handshake is not complete
   * @throws QuicViolation
   */
  handleData(frame: StreamFrame, bytes: Uint8Array, early: boolean): void {
    const stream = this.receiver(frame.stream)
    if (stream === undefined || stream.isDone) return
    const length = frame.end - frame.start
    this.grow(stream.receive(frame.offset + length, frame.fin))
    if (stream.isStopped) {
      this.release(stream)
      if (stream.state === 'Size Known') this.finish(stream)
      return
    }
    if (length > 0) stream.reassembly.push(frame.offset, bytes.subarray(frame.start, frame.end))
    this.deliver(stream, early)
  }

  /** @throws QuicViolation */
  handleReset(frame: ResetStreamFrame): void {
    const stream = this.receiver(frame.stream)
    if (stream === undefined || stream.isDone) return
    this.grow(stream.reset(frame.finalSize))
    if (!stream.isStopped) {
      this.release(stream)
      stream.reassembly.discard()
    } else {
      this.release(stream)
    }
    stream.state = 'Reset Read'
    this.events.push({ type: 'stream-reset', stream: frame.stream, code: frame.code })
    this.finish(stream)
  }

  /** @throws QuicViolation */
  handleStopSending(frame: StopSendingFrame): void {
    const stream = this.sender(frame.stream, 'RFC 9000 section 19.5')
    // Codes that are rounded here are no longer the peer's anyway; RFC 9000 section 3.5 lets us take any.
    if (stream === undefined || !this.sending.reset(stream, Math.min(frame.code, LARGEST_VARINT))) return
    this.events.push({ type: 'stop-sending', stream: frame.stream, code: frame.code })
  }

  /** @throws QuicViolation */
  handleMaxStreamData(id: number, limit: number): void {
    const stream = this.sender(id, 'RFC 9000 section 19.10')
    if (stream !== undefined) this.sending.raise(stream, limit)
  }

  /** @throws QuicViolation */
  handleStreamDataBlocked(id: number): void {
    // New limits are told before the peer runs into the old ones, so there is nothing to hurry.
    this.receiver(id, 'RFC 9000 section 19.13')
  }

  // What goes out.

  /** Whether a packet would have something to take along. */
  get hasOutput(): boolean {
    return this.owesLimit || this.owing.size > 0 || this.counts.isDue || this.sending.hasOutput
  }

  /** Writes what is owed about flow control, and what waits of streams, as far as there is room. */
  write(draft: PacketDraft, now: Nanos, smoothedRtt: Nanos): void {
    this.writeLimits(draft, now, smoothedRtt)
    this.counts.write(draft)
    this.sending.write(draft)
  }

  /** A frame of this object's has arrived. */
  acknowledge(frame: ControlFrame | SentStreamData): void {
    const done = this.sending.acknowledge(frame)
    if (done === undefined) return
    this.events.push({ type: 'stream-acknowledged', stream: done.id })
    this.forgetIfDone(done.id)
  }

  /** A frame of this object's was lost: what it said is said again, as far as it still holds (RFC 9000 section 13.3). */
  lose(frame: ControlFrame | SentStreamData): void {
    switch (frame.type) {
      case 'MAX_DATA':
        this.owesLimit = true
        return
      case 'MAX_STREAM_DATA': {
        const stream = this.streams.get(frame.stream)?.receive
        if (stream?.state === 'Recv' && !stream.isStopped) this.owing.add(stream)
        return
      }
      case 'MAX_STREAMS':
        this.counts.lose(frame.bidirectional)
        return
      case 'STOP_SENDING': {
        const stream = this.streams.get(frame.stream)?.receive
        if (stream?.state === 'Recv') this.sending.control(frame)
        return
      }
      default:
        this.sending.lose(frame)
    }
  }

  private writeLimits(draft: PacketDraft, now: Nanos, smoothedRtt: Nanos): void {
    if (this.owesLimit) {
      const limit = this.window.update(now, smoothedRtt)
      if (draft.control({ type: 'MAX_DATA', limit })) this.owesLimit = false
    }
    if (this.owing.size === 0) return
    for (const stream of this.owing) {
      const limit = stream.window.update(now, smoothedRtt)
      // Whoever wants more on one stream wants more in all (as Chromium has it).
      this.window.widen(stream.window.windowSize * 1.5)
      if (!draft.control({ type: 'MAX_STREAM_DATA', stream: stream.id, limit })) return
      this.owing.delete(stream)
    }
  }

  /** Tells what has come in order. */
  private deliver(stream: ReceiveStream, early: boolean): void {
    const { events, settings } = this
    const { reassembly, id } = stream
    let told = false
    for (let bytes = reassembly.take(); bytes !== undefined; bytes = reassembly.take()) {
      const { length } = bytes
      const fin = stream.isAtEnd
      if (settings.observe) events.push({ type: 'stream-delivered', stream: id, offset: reassembly.offset - length, length })
      events.push({ type: 'stream-data', stream: id, bytes, fin, early })
      told ||= fin
      if (settings.autoConsume) {
        this.credit(length)
        this.creditStream(stream, length)
      } else {
        stream.unconsumed += length
      }
    }
    if (!stream.isAtEnd) return
    if (!told) events.push({ type: 'stream-data', stream: id, bytes: new Uint8Array(0), fin: true, early })
    this.finish(stream)
  }

  /** The receiving part is done. */
  private finish(stream: ReceiveStream): void {
    if (stream.state === 'Size Known') stream.state = 'Data Read'
    this.owing.delete(stream)
    this.forgetIfDone(stream.id)
  }

  private forgetIfDone(id: number): void {
    const stream = this.streams.get(id)
    if (stream === undefined || stream.send?.isDone === false || stream.receive?.isDone === false) return
    this.streams.delete(id)
    if ((id & UNIDIRECTIONAL) === 0) this.openRequests--
    // As long as something of it is kept, the peer opens no other instead.
    if (stream.receive !== undefined && stream.receive.unconsumed > 0) this.unread.set(id, stream.receive)
    else this.closed(id)
  }

  /** Nothing is kept of a stream any more. */
  private closed(id: number): void {
    if (!this.isOurs(id)) this.counts.close((id & UNIDIRECTIONAL) === 0)
  }

  /** Counts what came in against the connection's flow control. */
  private grow(bytes: number): void {
    this.received += bytes
    if (this.received <= this.window.limit) return
    const detail = `${String(this.received)} bytes in all streams, where ${String(this.window.limit)} is the limit`
    throw new QuicViolation(QUIC_ERROR_CODE.FLOW_CONTROL_ERROR, detail, 'RFC 9000 section 4.1')
  }

  /** What has come and will not be delivered is used up. */
  private release(stream: ReceiveStream): void {
    const { reassembly } = stream
    this.credit(stream.highest - reassembly.offset)
    reassembly.offset = stream.highest
  }

  private credit(bytes: number): void {
    this.window.consume(bytes)
    if (this.window.isDue) this.owesLimit = true
  }

  private creditStream(stream: ReceiveStream, bytes: number): void {
    stream.window.consume(bytes)
    if (stream.state === 'Recv' && !stream.isStopped && stream.window.isDue) this.owing.add(stream)
  }

  private isOurs(id: number): boolean {
    return (id & 1) === (this.isServer ? 1 : 0)
  }

  private receivePart(id: number, size: number): ReceiveStream {
    return new ReceiveStream(id, new ReceiveWindow(size, this.settings.maxStreamWindow))
  }

  /** The part that we send on. Undefined: it is over. Throws LocalQuicError where there never was one. */
  private sendPart(id: number): SendStream | undefined {
    const isReceiving = (id & UNIDIRECTIONAL) !== 0 && !this.isOurs(id)
    if (isReceiving || !this.counts.wasOpened(id)) throw new LocalQuicError(`nothing can be sent on stream ${String(id)}`)
    return this.streams.get(id)?.send
  }

  private receivePartOf(id: number): ReceiveStream | undefined {
    const isSending = (id & UNIDIRECTIONAL) !== 0 && this.isOurs(id)
    if (isSending || !this.counts.wasOpened(id)) throw new LocalQuicError(`nothing is received on stream ${String(id)}`)
    return this.streams.get(id)?.receive
  }

  /** The receiving part that a peer's frame is for. Undefined: it is over. */
  private receiver(id: number, cites = 'RFC 9000 section 19.8'): ReceiveStream | undefined {
    const known = this.streams.get(id)
    if (known?.receive !== undefined) return known.receive
    if (this.isOurs(id)) {
      if ((id & UNIDIRECTIONAL) !== 0) throw wrongStream(`data on stream ${String(id)}, which is for us to send on`, cites)
      if (!this.counts.wasOpened(id)) throw wrongStream(`stream ${String(id)} was not opened yet`, cites)
      return undefined
    }
    this.opened(id)
    return this.streams.get(id)?.receive
  }

  /** The sending part that a peer's frame is for. Undefined: it is over. */
  private sender(id: number, cites: string): SendStream | undefined {
    const known = this.streams.get(id)
    if (known?.send !== undefined) return known.send
    if (this.isOurs(id)) {
      if (!this.counts.wasOpened(id)) throw wrongStream(`stream ${String(id)} was not opened yet`, cites)
      return undefined
    }
    if ((id & UNIDIRECTIONAL) !== 0) throw wrongStream(`stream ${String(id)} is for the peer to send on`, cites)
    this.opened(id)
    return this.streams.get(id)?.send
  }

  /** The peer has opened this stream, and those before it: RFC 9000 section 3.2. */
  private opened(id: number): void {
    const { settings, counts } = this
    const bidirectional = (id & UNIDIRECTIONAL) === 0
    for (let next = counts.nextOfPeer(id); next !== undefined; next = counts.nextOfPeer(id)) {
      const receive = this.receivePart(next, settings.streamWindow)
      const send = bidirectional ? this.sending.create(next, 'bidi-remote') : undefined
      if (bidirectional) this.openRequests++
      this.streams.set(next, { send, receive })
      this.events.push({ type: 'stream-opened', stream: next })
    }
  }
}

function wrongStream(detail: string, cites: string): QuicViolation {
  return new QuicViolation(QUIC_ERROR_CODE.STREAM_STATE_ERROR, detail, cites)
}
