import { streamHeaderLength, writeStreamHeader } from '../../wire/quic/frame-encoder.ts'
import type { BodySource } from '../body-source.ts'
import type { QuicPriority } from './commands.ts'
import { LocalQuicError } from './fault.ts'
import type { PacketDraft, SentStreamData } from './packet-draft.ts'
import { SendBuffer } from './send-buffer.ts'

/** RFC 9000 section 3.1. */
export type SendState = 'Ready' | 'Send' | 'Data Sent' | 'Reset Sent' | 'Data Recvd' | 'Reset Recvd'

const DEFAULT_PRIORITY: QuicPriority = { urgency: 3, incremental: false }

/** A frame with fewer bytes of data is not worth its header, unless it is all that there is. */
const LEAST_DATA = 16

/** The sending part of a stream. */
export class SendStream {
  state: SendState = 'Ready'
  priority: QuicPriority = DEFAULT_PRIORITY
  /** When it was last its turn; larger is later. */
  turn = 0
  /** Whether the scheduler has it. */
  isQueued = false
  /** The limit at which the peer was last told that we are blocked. */
  blockedAt = -1
  private readonly buffer = new SendBuffer()
  private hasEnd = false
  private finSent = false
  private finLost = false
  private finAcknowledged = false

  constructor(
    readonly id: number,
    /** What the peer takes, in bytes (MAX_STREAM_DATA). */
    public limit: number,
  ) {}

  /** Bytes in memory that were never sent. */
  get buffered(): number {
    return this.buffer.buffered
  }

  /** Bytes that were sent at least once: the final size, when it is reset now. */
  get sent(): number {
    return this.buffer.sent
  }

  /** Whether nothing is left to be done (terminal states). */
  get isDone(): boolean {
    return this.state === 'Data Recvd' || this.state === 'Reset Recvd'
  }

  /** Takes bytes. Throws LocalQuicError behind the end. */
  push(piece: Uint8Array | BodySource): void {
    if (this.hasEnd) throw new LocalQuicError(`stream ${String(this.id)} has ended`)
    if (this.isOpen) this.buffer.push(piece)
  }

  /** No more bytes. Throws LocalQuicError the second time. */
  end(): void {
    if (this.hasEnd) throw new LocalQuicError(`stream ${String(this.id)} has ended`)
    this.hasEnd = true
  }

  /** Gives up. @returns whether there was something to give up */
  reset(): boolean {
    if (!this.isOpen) return false
    this.state = 'Reset Sent'
    this.hasEnd = true
    this.buffer.clear()
    return true
  }

  /** Whether it has something to send again. */
  get hasLost(): boolean {
    return this.isOpen && (this.buffer.hasLost || this.finLost)
  }

  /** Whether it has something to send that no flow control of this stream holds back. @param room what the connection's lets out, in bytes */
  hasOutput(room: number): boolean {
    if (!this.isOpen) return false
    const { buffer } = this
    if (buffer.hasLost || this.finLost) return true
    if (buffer.end > buffer.sent) return room > 0 && buffer.sent < this.limit
    return this.hasEnd && !this.finSent
  }

  /** Whether the stream's flow control is all that holds it back. */
  get isBlocked(): boolean {
    return this.isOpen && this.buffer.end > this.buffer.sent && this.buffer.sent >= this.limit
  }

  /**
   * Writes a STREAM frame.
   * @param connectionRoom how many bytes may be sent for the first time, in all streams
   * @returns how many were; -1: there is no room for a frame
   */
  write(draft: PacketDraft, connectionRoom: number): number {
    const { buffer } = this
    if (buffer.hasLost) return this.writeLost(draft)
    const most = Math.min(buffer.end - buffer.sent, connectionRoom, this.limit - buffer.sent)
    const offset = buffer.sent
    const length = this.writeHeader(draft, offset, Math.max(0, most))
    if (length < 0) return -1
    buffer.writeNew(draft.bytes, draft.at, length)
    draft.at += length
    const fin = this.hasEnd && buffer.sent === buffer.end
    if (fin) this.finLost = false
    this.finSent ||= fin
    if (this.state === 'Ready') this.state = 'Send'
    if (this.finSent) this.state = 'Data Sent'
    draft.took({ type: 'STREAM', stream: this.id, offset, length, fin })
    return length
  }

  /** What a packet had along has arrived. */
  acknowledge(frame: SentStreamData): void {
    if (!this.isOpen) return
    this.buffer.acknowledge(frame.offset, frame.length)
    if (frame.fin) {
      this.finAcknowledged = true
      this.finLost = false
    }
    if (this.finAcknowledged && this.buffer.isDone) this.state = 'Data Recvd'
  }

  /** A RESET_STREAM has arrived. */
  resetAcknowledged(): void {
    if (this.state === 'Reset Sent') this.state = 'Reset Recvd'
  }

  /** What a packet had along was lost. */
  lose(frame: SentStreamData): void {
    if (!this.isOpen) return
    this.buffer.lose(frame.offset, frame.length)
    if (frame.fin && !this.finAcknowledged) this.finLost = true
  }

  private get isOpen(): boolean {
    return this.state === 'Ready' || this.state === 'Send' || this.state === 'Data Sent'
  }

  private writeLost(draft: PacketDraft): number {
    const { buffer } = this
    const offset = buffer.lostStart
    const length = this.writeHeader(draft, offset, buffer.lostEnd - offset)
    if (length < 0) return -1
    buffer.writeAgain(draft.bytes, draft.at, offset, length)
    draft.at += length
    const fin = this.finSent && offset + length === buffer.end
    if (fin) this.finLost = false
    draft.took({ type: 'STREAM', stream: this.id, offset, length, fin })
    return 0
  }

  /** Writes what stands ahead of the data. @returns how much of `most` bytes fits; -1: nothing was written */
  private writeHeader(draft: PacketDraft, offset: number, most: number): number {
    const { room } = draft
    const open = streamHeaderLength(this.id, offset, undefined)
    // Up to the end of the packet it needs no length.
    const fills = most >= room - open
    const length = fills ? room - open : Math.min(most, room - streamHeaderLength(this.id, offset, most))
    if (length < 0 || (length < most && length < LEAST_DATA)) return -1
    const { buffer } = this
    const fin = this.hasEnd && offset + length === buffer.end
    draft.at = writeStreamHeader(draft.bytes, draft.at, this.id, offset, fills ? undefined : length, fin)
    return length
  }
}
