import type { CompressedField } from '../../wire/indexing-choice.ts'
import { LocalProtocolError } from '../local-protocol-error.ts'
import type { BodySource } from '../body-source.ts'
import type { HttpPriority } from '../http-message.ts'
import { SENT } from './stream-state.ts'
import type { StreamInput, StreamState } from './stream-state.ts'

/** What the peer's next field section on a stream is. */
type ExpectedSection = 'head' | 'trailers'

/** One stream of a connection: its state, its windows, and what is to be sent on it. */
export class Http2Stream {
  state: StreamState = 'idle'
  expects: ExpectedSection = 'head'
  /** Method of the request, once it is known. */
  method = ''

  /** Bytes that the peer may send. */
  receiveWindow: number
  /** Bytes that were used up since the peer was told last. */
  credit = 0
  /** Bytes that were told to the owner, who has not used them up. */
  unconsumed = 0
  /** Bytes of the body that Content-Length still promises; undefined: it promises nothing. */
  promised: number | undefined
  /** Of the DATA frame that is coming in, whether it ends the stream. */
  isLastData = false

  /** Bytes that we may send; below 0 when the peer made its windows smaller. */
  sendWindow: number
  priority: HttpPriority
  /** When it was last its turn; larger is later. */
  turn = 0
  /** Whether the output has it in its list. */
  isQueued = false
  /** Whether it counts against MAX_CONCURRENT_STREAMS. */
  isCounted = false
  /** Whether the owner knows of it. */
  isTold = false
  /** Whether our message on it was begun. */
  isAnswered = false
  /** Whether a message of ours was begun, and may have a body. */
  isSending = false
  private readonly queue: (Uint8Array | BodySource)[] = []
  /** How much of the queue's first has been sent. */
  private taken = 0
  /** Bytes in the queue, made and not made yet. */
  private waitingBytes = 0
  private sourceBytes = 0
  private hasEnd = false
  private trailers: readonly CompressedField[] = []
  /** Bytes of the body that our Content-Length still promises. */
  private owed: number | undefined

  /**
   * @param isOurs whether we opened or promised it
   */
  constructor(
    readonly id: number,
    readonly isOurs: boolean,
    receiveWindow: number,
    sendWindow: number,
    priority: HttpPriority,
  ) {
    this.receiveWindow = receiveWindow
    this.sendWindow = sendWindow
    this.priority = priority
  }

  /** Feeds the table of sent frames. Throws LocalProtocolError when it does not allow this. */
  sent(input: StreamInput): void {
    const next = SENT[this.state][input]
    if (next === undefined) throw new LocalProtocolError(`${input} cannot be sent on a stream that is ${this.state}`)
    this.state = next
  }

  /** Whether the peer may still send on it. */
  get isReceiving(): boolean {
    return this.state === 'open' || this.state === 'half-closed (local)'
  }

  /** Bytes of the body that wait, and are in memory. */
  get buffered(): number {
    return this.waitingBytes - this.sourceBytes
  }

  /** A message with a body was begun. @param length undefined: any */
  beginBody(length: number | undefined): void {
    this.isSending = true
    this.owed = length
  }

  /** Takes a part of the body. Throws LocalProtocolError. */
  add(piece: Uint8Array | BodySource): void {
    const { length } = piece
    if (!this.isSending || this.hasEnd) throw new LocalProtocolError(`no body is being sent on stream ${String(this.id)}`)
    if (this.owed !== undefined) {
      if (length > this.owed) {
        throw new LocalProtocolError(`a body goes ${String(length - this.owed)} bytes beyond its Content-Length`)
      }
      this.owed -= length
    }
    if (length === 0) return
    this.queue.push(piece)
    this.waitingBytes += length
    if (!(piece instanceof Uint8Array)) this.sourceBytes += length
  }

  /** The body is whole. Throws LocalProtocolError. */
  end(trailers: readonly CompressedField[]): void {
    if (!this.isSending || this.hasEnd) throw new LocalProtocolError(`no body is being sent on stream ${String(this.id)}`)
    if (this.owed !== undefined && this.owed > 0) {
      throw new LocalProtocolError(`a body ends ${String(this.owed)} bytes short of its Content-Length`)
    }
    this.hasEnd = true
    this.trailers = trailers
  }

  /** Whether something is left to be sent. */
  get hasOutput(): boolean {
    return this.waitingBytes > 0 || this.hasEnd
  }

  /** Whether only the end, or trailers, are left: those wait for no window (RFC 9113 section 6.9). */
  get isAtEnd(): boolean {
    return this.waitingBytes === 0 && this.hasEnd
  }

  /** Whether a part of a body waits. */
  get hasContent(): boolean {
    return this.waitingBytes > 0
  }

  /** At least one byte and at most `most` of what waits; only while `hasContent`. */
  take(most: number): Uint8Array {
    const first = this.queue[0]
    const left = Math.min(most, first.length - this.taken)
    let piece: Uint8Array
    if (first instanceof Uint8Array) {
      piece = first.subarray(this.taken, this.taken + left)
    } else {
      piece = first.read(this.taken, left)
      if (piece.length === 0 || piece.length > left)
        throw new LocalProtocolError('a source of a body gave another amount than it may')
      this.sourceBytes -= piece.length
    }
    this.taken += piece.length
    this.waitingBytes -= piece.length
    if (this.taken === first.length) {
      this.queue.shift()
      this.taken = 0
    }
    return piece
  }

  /** The trailers behind the body; none: its last DATA frame ends it. */
  get endFields(): readonly CompressedField[] {
    return this.trailers
  }

  /** Nothing more is to be sent. */
  stopSending(): void {
    this.queue.length = 0
    this.taken = 0
    this.waitingBytes = 0
    this.sourceBytes = 0
    this.hasEnd = false
    this.isSending = false
  }
}
