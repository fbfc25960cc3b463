import { encodeChunkLine, encodeLastChunk } from '../../wire/http1.ts'
import type { HeaderField } from '../../wire/http1.ts'
import { LocalProtocolError } from './fault.ts'
import type { BodyFraming } from './framing.ts'

/**
 * Pieces of output that are shorter than this, in bytes, are copied together up to it, so that a head travels in one segment with
 * the beginning of its body. Longer pieces go out as they are.
 */
const GATHERED = 2048

const CRLF = /* @__PURE__ */ Uint8Array.of(13, 10)

/** Frames the bodies of outgoing messages, and holds what is to be sent. Bodies are taken by reference. */
export class MessageWriter {
  private queue: Uint8Array[] = []
  private framing: BodyFraming = 0
  /** Bytes that the framing still promises; counts down only when a length was given. */
  private remaining = 0

  /** Whether nothing is waiting to be sent. */
  get isEmpty(): boolean {
    return this.queue.length === 0
  }

  /** A message's head; its body follows as `framing` says. */
  head(bytes: Uint8Array, framing: BodyFraming): void {
    this.queue.push(bytes)
    this.framing = framing
    this.remaining = typeof framing === 'number' ? framing : 0
  }

  /** A head without a body that leaves the framing of another message alone (1xx responses). */
  interim(bytes: Uint8Array): void {
    this.queue.push(bytes)
  }

  /** A part of the body. Throws LocalProtocolError when it goes beyond the length that the head promises. */
  data(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (typeof this.framing === 'number') {
      if (bytes.length > this.remaining) {
        throw new LocalProtocolError(`a body goes ${String(bytes.length - this.remaining)} bytes beyond its Content-Length`)
      }
      this.remaining -= bytes.length
    }
    if (this.framing === 'chunked') this.queue.push(encodeChunkLine(bytes.length), bytes, CRLF)
    else this.queue.push(bytes)
  }

  /** The end of the body. Throws LocalProtocolError when bytes are missing, or when there are trailers but no chunks. */
  end(trailers: readonly HeaderField[]): void {
    if (this.remaining > 0)
      throw new LocalProtocolError(`a body ends ${String(this.remaining)} bytes short of its Content-Length`)
    if (this.framing === 'chunked') this.queue.push(encodeLastChunk(trailers))
    else if (trailers.length > 0) throw new LocalProtocolError('only a chunked body has trailers')
  }

  /** The next piece to send, or undefined. */
  poll(): Uint8Array | undefined {
    const first = this.queue.shift()
    if (first === undefined || first.length >= GATHERED || this.queue.length === 0) return first
    let length = first.length
    for (const piece of this.queue) length += piece.length
    const gathered = new Uint8Array(Math.min(GATHERED, length))
    gathered.set(first)
    for (let at = first.length; at < gathered.length;) {
      const piece = this.queue[0]
      const taken = Math.min(piece.length, gathered.length - at)
      gathered.set(taken === piece.length ? piece : piece.subarray(0, taken), at)
      at += taken
      if (taken === piece.length) this.queue.shift()
      else this.queue[0] = piece.subarray(taken)
    }
    return gathered
  }

  /** Lets go of what has not been sent. */
  discard(): void {
    this.queue = []
  }
}
