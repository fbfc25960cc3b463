import type { Blocking, Task } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import type { TcpProtocolName } from '../scenario/tls-settings.ts'
import type { ByteStream } from './byte-stream.ts'
import { HttpExchange } from './http-exchange.ts'
import { failureOf } from './web-fetch.ts'

/**
 * How requests and responses pass over a stream of bytes, TCP's or that of TLS upon it: a task that reads, and while something is to be
 * sent, one that writes.
 */
export abstract class StreamExchange extends HttpExchange {
  abstract override readonly protocol: TcpProtocolName
  protected stream: ByteStream | undefined
  private writer: Task | undefined

  /** Bytes came from the stream; undefined: its end. */
  protected abstract handle(bytes: Uint8Array | undefined, now: Nanos): void

  protected abstract pollTransmit(now: Nanos): Uint8Array | undefined

  /** Bytes of the endpoint have gone into the socket. */
  protected abstract written(): void

  /** Sends the bodies that wait to be sent. */
  protected abstract sendBodies(stream: ByteStream): Blocking<void>

  protected get connection(): string {
    return this.stream?.connection ?? ''
  }

  /** What `begin` left to be sent before there was a stream: for a SYN, or for early data of TLS. */
  firstBytes(): Uint8Array {
    const pieces: Uint8Array[] = []
    const { now } = this.context.environment
    for (let piece = this.pollTransmit(now); piece; piece = this.pollTransmit(now)) pieces.push(piece)
    const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
    let at = 0
    for (const piece of pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    return bytes
  }

  /** The connection is there. @param lost bytes of `firstBytes` that the server did not get */
  *attach(stream: ByteStream, lost?: Uint8Array): Blocking<void> {
    this.stream = stream
    this.attached()
    if (lost !== undefined) yield* stream.write(lost)
    if (this.inFlight.size === 0) return
    this.written()
    this.noteSent()
    this.beginWatch()
  }

  /** Reads until the connection is over; behind `attach`. */
  *run(stream: ByteStream): Blocking<void> {
    try {
      this.flush()
      while (!this.isOver) {
        let bytes = stream.readNow()
        for (let wait = stream.arrival; bytes === undefined && wait !== undefined; wait = stream.arrival) {
          yield wait
          bytes = stream.readNow()
        }
        this.lastProgress = this.context.environment.now
        this.handle(bytes, this.lastProgress)
        this.flush()
      }
    } catch (error) {
      this.lose(failureOf(error))
    } finally {
      this.stop()
    }
  }

  /** Whether TCP ended before TLS did. */
  protected get isTruncated(): boolean {
    const { stream } = this
    return stream !== undefined && 'isTruncated' in stream && stream.isTruncated === true
  }

  protected override stop(): void {
    this.writer?.cancel()
    super.stop()
    this.stream?.close()
  }

  /** Sends what the endpoint has to say, unless somebody is at it. */
  protected flush(): void {
    const { stream } = this
    if (stream === undefined || this.isOver || this.writer?.done === false) return
    // Requests wait for those that come in the same moment, so that they go out together.
    const first = this.sending.size > 0 ? undefined : this.pollTransmit(this.context.environment.now)
    if (first !== undefined || this.sending.size > 0) this.writer = this.context.spawn(this.write(stream, first))
  }

  private *write(stream: ByteStream, first: Uint8Array | undefined): Blocking<void> {
    try {
      yield* this.writeAll(stream, first)
      yield* this.sendBodies(stream)
      this.noteSent()
    } catch (error) {
      // What is wrong with the socket, the reader hears, too; it also reads what the server said before.
      failureOf(error)
    }
  }

  /** Writes all that the endpoint has to say. */
  protected *writeAll(stream: ByteStream, first = this.pollTransmit(this.context.environment.now)): Blocking<void> {
    const { environment } = this.context
    for (let piece = first; piece; piece = this.pollTransmit(environment.now)) {
      yield* stream.write(piece)
      this.lastProgress = environment.now
      this.written()
    }
  }
}
