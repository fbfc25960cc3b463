import type { FrameNotice } from '../protocols/http2/options.ts'
import type { Environment } from '../kernel/machine.ts'
import type { ByteStream, OffsetMap } from './byte-stream.ts'

/**
 * Writes each frame of an HTTP/2 connection into the trace: `http2:frame-sent` and `http2:frame-received {stream, type, length, from, to}`.
 * [from, to) are the bytes of TCP's stream of that direction, 0 being the first behind the SYN, that carried the frame: under TLS, the
 * records that it was in.
 */
export class Http2FrameLog {
  private readonly waiting: FrameNotice[] = []
  private stream: ByteStream | undefined
  private sent: OffsetMap | undefined
  private received: OffsetMap | undefined

  constructor(private readonly environment: Environment) {}

  /** The stream that carries the frames; frames may have been polled before. */
  attach(stream: ByteStream): void {
    this.stream = stream
    this.sent = stream.carriers?.sent
    this.received = stream.carriers?.received
  }

  /** For the endpoint's `onFrame`. */
  readonly onFrame = (frame: FrameNotice): void => {
    // Which record a frame will be in is not known before it is written.
    if (frame.direction === 'sent') this.waiting.push(frame)
    else this.note('http2:frame-received', frame, this.received)
  }

  /** All that was polled from the endpoint so far has been written to the stream. */
  written(): void {
    for (const frame of this.waiting) this.note('http2:frame-sent', frame, this.sent)
    this.waiting.length = 0
  }

  private note(name: string, { stream, type, flags, length, from, to }: FrameNotice, map: OffsetMap | undefined): void {
    const [first, last] = map?.carrierOf(from, to) ?? [from, to]
    this.environment.record(name, this.stream?.connection ?? '', { stream, type, flags, length, from: first, to: last })
  }
}
