import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import { QuicViolation } from './fault.ts'
import { Reassembly } from './reassembly.ts'
import type { ReceiveWindow } from './receive-window.ts'

/** RFC 9000 section 3.2. Data are read as soon as they are received, so two of its states are passed through at once. */
export type ReceiveState = 'Recv' | 'Size Known' | 'Data Read' | 'Reset Read'

/** Separate ranges of a stream that are held while bytes before them are missing; a peer that makes more of them means harm. */
const MAX_GAPS = 4096

/** The receiving part of a stream. */
export class ReceiveStream {
  state: ReceiveState = 'Recv'
  readonly reassembly = new Reassembly()
  /** Whether we have asked the peer to stop, so that what comes is thrown away. */
  isStopped = false
  /** Bytes that were delivered, and not consumed. */
  unconsumed = 0
  /** Offset behind the last byte that came in. */
  highest = 0
  private finalSize: number | undefined

  constructor(
    readonly id: number,
    readonly window: ReceiveWindow,
  ) {}

  /** Whether nothing more will come of it (terminal states). */
  get isDone(): boolean {
    return this.state === 'Data Read' || this.state === 'Reset Read'
  }

  /** Whether all bytes were delivered, up to the end. */
  get isAtEnd(): boolean {
    return this.finalSize !== undefined && this.reassembly.offset === this.finalSize
  }

  /**
   * Takes notice of bytes up to `end`, before they are put in order.
   * @returns by how much the stream has grown, which counts against the connection's flow control
   * @throws QuicViolation
   */
  receive(end: number, fin: boolean): number {
    const { finalSize } = this
    if (finalSize !== undefined ? end > finalSize || (fin && end !== finalSize) : fin && end < this.highest)
      throw this.wrongSize(finalSize === undefined ? `an end at ${String(end)} before bytes that came` : this.beyond(end))
    if (end > this.window.limit) {
      const detail = `stream ${String(this.id)} goes to ${String(end)}, where ${String(this.window.limit)} is the limit`
      throw new QuicViolation(QUIC_ERROR_CODE.FLOW_CONTROL_ERROR, detail, 'RFC 9000 section 4.1')
    }
    if (this.reassembly.gaps > MAX_GAPS)
      throw new QuicViolation(QUIC_ERROR_CODE.PROTOCOL_VIOLATION, 'a stream in too many pieces', 'RFC 9000 section 21.6')
    const grown = Math.max(0, end - this.highest)
    this.highest += grown
    if (fin) this.setFinalSize(end)
    return grown
  }

  /**
   * Takes a RESET_STREAM.
   * @returns by how much the stream has grown
   * @throws QuicViolation
   */
  reset(finalSize: number): number {
    if (this.finalSize !== undefined ? finalSize !== this.finalSize : finalSize < this.highest)
      throw this.wrongSize(`a reset at ${String(finalSize)} that does not fit what came`)
    if (finalSize > this.window.limit) {
      const detail = `a reset at ${String(finalSize)}, where ${String(this.window.limit)} is the limit`
      throw new QuicViolation(QUIC_ERROR_CODE.FLOW_CONTROL_ERROR, detail, 'RFC 9000 section 4.5')
    }
    const grown = finalSize - this.highest
    this.highest = finalSize
    this.setFinalSize(finalSize)
    return grown
  }

  private setFinalSize(size: number): void {
    this.finalSize = size
    if (this.state === 'Recv') this.state = 'Size Known'
  }

  private beyond(end: number): string {
    return `${String(end)} is not the end at ${String(this.finalSize)}`
  }

  private wrongSize(detail: string): QuicViolation {
    const text = `stream ${String(this.id)}: ${detail}`
    return new QuicViolation(QUIC_ERROR_CODE.FINAL_SIZE_ERROR, text, 'RFC 9000 section 4.5')
  }
}
