/**
 * One end of a WebSocket connection, whichever, over a stream of bytes: that of a TCP connection or of TLS behind an upgrade from HTTP/1.1, or
 * that of a stream of HTTP/2.
 *
 * Required reading: RFC 6455 sections 5 (framing), 6, 7 (closing) and 8.1 (text), RFC 7692 (compression), RFC 8441 section 5 (over HTTP/2).
 * The opening handshake is in `opening.ts`; this begins behind it.
 *
 * Messages travel in frames, one message at a time in each direction, whole or in fragments; control frames (Ping, Pong, Close) may stand
 * between fragments. `reception.ts` takes them, `outgoing.ts` makes them. Either end says Close once, as its last frame but for Pongs; when both have
 * said it the connection is over. The server then closes the stream of bytes, for whom it costs less to remember the connection for a while
 * (RFC 6455 section 7.1.1); a client waits for that. What the peer does wrong is answered by Close with a code that says so, and ends the
 * connection at once. Either end of the talk, a Close of the peer's or a mistake, counts once all that came before it is told: that can still be
 * answered.
 *
 * There may be very many of these. One that is open and idle is this object alone: queues, buffers and the memory of compression exist while
 * they hold something.
 */
import { read16, write16 } from '../../wire/integer.ts'
import { utf8Bytes } from '../../wire/asn1-text.ts'
import { CONTROL_LIMIT, isCloseCode, WEBSOCKET_BIT, WEBSOCKET_OPCODE } from '../../wire/websocket.ts'
import { utf8Text, validateUtf8 } from '../../wire/websocket-text.ts'
import type { Endpoint, Nanos } from '../endpoint.ts'
import { LocalProtocolError } from '../local-protocol-error.ts'
import type { WebSocketEvent, WebSocketFault } from './event.ts'
import type { WebSocketOptions } from './options.ts'
import { OutgoingFrames } from './outgoing.ts'
import { Violation, WebSocketReception } from './reception.ts'

/** Codes that no Close frame carries: it said none; there was no Close (RFC 6455 section 7.1.5). */
const NO_STATUS = 1005
const ABNORMAL = 1006
const NO_BYTES = /* @__PURE__ */ new Uint8Array(0)

/** RFC 6455 section 5.5.1. Throws RangeError for what cannot be said. */
function closePayload(code: number | undefined, reason: string): Uint8Array {
  if (code === undefined) {
    if (reason !== '') throw new RangeError('a reason needs a status code (RFC 6455 section 5.5.1)')
    return NO_BYTES
  }
  if (!Number.isInteger(code) || !isCloseCode(code)) {
    throw new RangeError(`${String(code)} is not a status code that Close can carry (RFC 6455 section 7.4)`)
  }
  const words = utf8Bytes(reason)
  if (words.length > CONTROL_LIMIT - 2) throw new RangeError(`a reason of ${String(words.length)} bytes, over 123`)
  const payload = new Uint8Array(2 + words.length)
  write16(payload, 0, code)
  payload.set(words, 2)
  return payload
}

/** RFC 6455 section 5.5.1. Throws Violation. */
function checkClose(payload: Uint8Array): void {
  const { length } = payload
  if (length === 1) throw new Violation(1002, 'a Close with half a status code', 'RFC 6455 section 5.5.1')
  if (length > 0 && !isCloseCode(read16(payload, 0))) {
    throw new Violation(1002, `a Close with the status code ${String(read16(payload, 0))}`, 'RFC 6455 section 7.4')
  }
  if (validateUtf8(payload, 2, length, 0) !== 0) {
    throw new Violation(1007, 'a Close whose reason is not UTF-8', 'RFC 6455 section 5.5.1')
  }
}

export class WebSocketConnection extends WebSocketReception implements Endpoint<Uint8Array, WebSocketEvent> {
  private readonly maskKey: (() => number) | undefined
  private output: OutgoingFrames | undefined
  private events: WebSocketEvent[] | undefined
  /** Our Close was asked for, and was polled. */
  private hasClosed = false
  private closeIsOut = false
  /** What the peer's Close said; 0: there was none yet. */
  private peerCode = 0
  private peerReason = ''
  /** What ends the talk, a Close or a broken rule, once all that came before it is told. */
  private ending: Uint8Array | Violation | undefined
  /** Whether that is being told, and may be answered. */
  private isHeard = false
  private isOver = false
  private deadline: Nanos | undefined

  /** Throws LocalProtocolError for a client that has no masking keys. */
  constructor(options: WebSocketOptions) {
    super(options)
    if (this.isClient && options.maskKey === undefined) {
      throw new LocalProtocolError('a client masks what it sends (RFC 6455 section 5.1)')
    }
    this.maskKey = this.isClient ? options.maskKey : undefined
  }

  /** `'closing'` once either end has said Close, `'closed'` once the last event is told. */
  get state(): 'open' | 'closing' | 'closed' {
    if (this.isOver) return 'closed'
    return this.hasClosed || this.peerCode !== 0 ? 'closing' : 'open'
  }

  /** Bytes of messages that were given and have not been polled. */
  get buffered(): number {
    return this.output?.buffered ?? 0
  }

  /**
   * A text, as UTF-8; by reference, the bytes must not change any more. Nothing happens once the peer's Close is told, or the connection is
   * over. Throws LocalProtocolError after a `close` of ours, RangeError for what is not UTF-8.
   */
  sendText(bytes: Uint8Array): void {
    if (validateUtf8(bytes, 0, bytes.length, 0) !== 0) throw new RangeError('a text that is not UTF-8')
    this.send(WEBSOCKET_OPCODE.text, bytes)
  }

  /** Bytes that are no text; as `sendText`. */
  sendBinary(bytes: Uint8Array): void {
    this.send(WEBSOCKET_OPCODE.binary, bytes)
  }

  /** Asks for a `pong` with the same bytes, of which there are at most 125. Throws like `sendText`, RangeError for more. */
  ping(payload: Uint8Array = NO_BYTES): void {
    if (payload.length > CONTROL_LIMIT) throw new RangeError('a Ping carries at most 125 bytes')
    if (this.maySend()) this.frames.addPing(payload)
  }

  /** A Pong that nobody asked for: a one-way sign of life (RFC 6455 section 5.5.3). As `ping`. */
  pong(payload: Uint8Array = NO_BYTES): void {
    if (payload.length > CONTROL_LIMIT) throw new RangeError('a Pong carries at most 125 bytes')
    if (this.maySend()) this.frames.addPong(payload)
  }

  /**
   * Says Close behind what waits to be sent. Harmless when it was said, or the connection is over. Throws RangeError for a code that Close cannot
   * carry, and for a reason of over 123 bytes.
   * @param code absent: none is said
   */
  close(code?: number, reason = ''): void {
    const payload = closePayload(code, reason)
    if (this.isOver || this.hasClosed) return
    this.hasClosed = true
    this.frames.addClose(payload)
  }

  /** Takes bytes of the stream. They must not change any more. */
  handle(bytes: Uint8Array, now: Nanos): void {
    if (this.isDeaf) return
    try {
      this.read(bytes)
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      this.endWith(error)
    }
    this.goOn(now)
  }

  /** The peer has closed its half of the stream of bytes. */
  handleEnd(_now: Nanos): void {
    this.takeEnding()
    if (this.isOver) return
    if (this.peerCode !== 0) {
      this.finish(undefined)
      return
    }
    const when = this.isMidway ? 'in the middle of a message' : 'without a Close'
    this.finish({ whose: 'remote', code: ABNORMAL, detail: `the stream ended ${when}`, cites: 'RFC 6455 section 7.1.5' })
  }

  pollTransmit(now: Nanos): Uint8Array | undefined {
    // Who sends first and listens later has nothing to answer.
    if (this.output === undefined && !this.isHeard) this.takeEnding()
    const { output } = this
    if (output === undefined) return undefined
    const frame = output.poll(this.settings.fragmentSize, this.maskKey)
    if (!output.isEmpty) return frame
    this.output = undefined
    if (this.hasClosed && !this.closeIsOut) {
      this.closeIsOut = true
      this.goOn(now)
    }
    return frame
  }

  /** When the peer has had enough time to say Close, or to close the stream. */
  pollTimeout(): Nanos | undefined {
    return this.deadline
  }

  handleTimeout(now: Nanos): void {
    if (this.isOver || this.deadline === undefined || now < this.deadline) return
    const detail = 'our Close was not answered in time'
    const late: WebSocketFault = { whose: 'network', code: ABNORMAL, detail, cites: 'RFC 6455 section 7.1.1' }
    this.finish(this.peerCode === 0 ? late : undefined)
  }

  pollEvent(): WebSocketEvent | undefined {
    if (this.events === undefined) this.takeEnding()
    else this.isHeard = true
    const { events } = this
    if (events === undefined) return undefined
    const event = events.shift()
    if (events.length === 0) this.events = undefined
    return event
  }

  /** Behind the peer's Close there is nothing to be heard (RFC 6455 section 5.5.1). */
  protected override get isDeaf(): boolean {
    return this.isOver || this.peerCode !== 0 || this.ending !== undefined
  }

  protected override takeMessage(opcode: 'text' | 'binary', bytes: Uint8Array): void {
    this.tell({ type: 'message', opcode, bytes })
  }

  protected override takeControl(opcode: number, payload: Uint8Array): void {
    if (opcode === WEBSOCKET_OPCODE.ping) {
      // Behind our Close, too: only the peer's ends that duty (RFC 6455 section 5.5.2).
      this.frames.addPong(payload)
      this.tell({ type: 'ping', bytes: payload })
    } else if (opcode === WEBSOCKET_OPCODE.pong) {
      this.tell({ type: 'pong', bytes: payload })
    } else {
      checkClose(payload)
      this.endWith(payload)
    }
  }

  /** What came before and is not told yet may still be answered, unless we have said Close ourselves. */
  private endWith(ending: Uint8Array | Violation): void {
    this.ending = ending
    this.isHeard = false
    if (this.events === undefined || this.hasClosed) this.takeEnding()
  }

  private takeEnding(): void {
    const { ending } = this
    this.ending = undefined
    this.isHeard = false
    if (ending instanceof Violation) this.fail(ending)
    else if (ending !== undefined) this.takeClose(ending)
  }

  private takeClose(payload: Uint8Array): void {
    this.peerCode = payload.length === 0 ? NO_STATUS : read16(payload, 0)
    this.peerReason = utf8Text(payload, 2)
    this.stopReading()
    // Behind both Closes nothing is said; Pings that came before this one are still answered before ours.
    if (this.closeIsOut) this.output = undefined
    this.tell({ type: 'close', code: this.peerCode, reason: this.peerReason })
    if (this.hasClosed) {
      if (this.closeIsOut && !this.isClient) this.finish(undefined)
      return
    }
    this.hasClosed = true
    // The answer repeats the code, and nothing else.
    this.frames.addClose(payload.subarray(0, 2))
  }

  private get frames(): OutgoingFrames {
    return (this.output ??= new OutgoingFrames())
  }

  private tell(event: WebSocketEvent): void {
    if (this.events === undefined) this.events = [event]
    else this.events.push(event)
  }

  /** Throws LocalProtocolError after our Close. */
  private maySend(): boolean {
    if (this.isOver || this.peerCode !== 0) return false
    if (this.hasClosed) throw new LocalProtocolError('nothing is sent behind Close (RFC 6455 section 5.5.1)')
    return true
  }

  private send(opcode: number, bytes: Uint8Array): void {
    if (!this.maySend()) return
    const isWorthIt = this.parameters !== undefined && bytes.length >= this.settings.deflateThreshold
    const compressed = isWorthIt ? this.compressor?.compress(bytes) : undefined
    if (compressed === undefined) this.frames.addMessage(opcode, bytes)
    else this.frames.addMessage(opcode | WEBSOCKET_BIT.RSV1, compressed)
  }

  /** After either end's Close. */
  private goOn(now: Nanos): void {
    if (this.isOver || !this.closeIsOut) return
    if (this.peerCode !== 0 && !this.isClient) {
      this.finish(undefined)
      return
    }
    const { closeTimeout } = this.settings
    if (closeTimeout > 0) this.deadline ??= now + closeTimeout
  }

  /** The peer has broken a rule: RFC 6455 section 7.1.7. */
  private fail({ code, detail, cites }: Violation): void {
    this.output?.discardAll()
    if (!this.hasClosed) {
      this.hasClosed = true
      this.frames.addClose(closePayload(code, detail.slice(0, 100)))
    }
    this.finish({ whose: 'remote', code, detail, cites })
  }

  private finish(error: WebSocketFault | undefined): void {
    const { peerCode } = this
    this.isOver = true
    this.deadline = undefined
    this.stopReading()
    const code = peerCode === 0 ? ABNORMAL : peerCode
    this.tell({ type: 'closed', clean: peerCode !== 0 && this.closeIsOut, code, reason: this.peerReason, error })
  }
}
