import { Http2Server } from '../protocols/http2/server.ts'
import type { Http2ServerEvent } from '../protocols/http2/event.ts'
import type { AppContext, Blocking, Task } from '../host/socket.ts'
import type { Timer } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { ByteStream } from './byte-stream.ts'
import type { HttpService, ServedAs } from './http-service.ts'
import { Http2FrameLog } from './http2-frame-log.ts'
import { described, ServedStreams } from './served-streams.ts'
import type { Exchange } from './served-streams.ts'

/** How many requests may be under way on one connection. */
const CONCURRENT_STREAMS = 100

/** How many bytes may wait in TCP's buffer that were never sent. */
const UNSENT = 32_768

/** One connection under HTTP/2: a task that reads, those that answer, and while something is to be said, one that writes. */
export class ServedHttp2 extends ServedStreams {
  protected readonly http: Http2Server
  private readonly log: Http2FrameLog
  private writer: Task | undefined
  private timer: Timer | undefined
  private armedAt: Nanos | undefined
  /** How many bytes were read. */
  private consumed = 0
  /** Of responses all of whose bytes have been taken, until they are written. */
  private readonly taken: (() => void)[] = []

  constructor(
    context: AppContext,
    service: HttpService,
    private readonly stream: ByteStream,
    as: ServedAs,
  ) {
    super(context, service, stream, as)
    this.log = new Http2FrameLog(context.environment)
    this.log.attach(stream)
    this.http = new Http2Server({
      settings: {
        maxConcurrentStreams: CONCURRENT_STREAMS,
        ...(service.upgrade !== undefined && { enableConnectProtocol: true }),
      },
      ...((service.streamsBodies === true || service.upgrade !== undefined) && { autoConsume: false }),
      scheduler: service.scheduler,
      onFrame: this.log.onFrame,
    })
  }

  *run(): Blocking<void> {
    const { stream, as } = this
    try {
      stream.setNoDelay(true)
      this.flush()
      if (as.first !== undefined) this.receive(as.first)
      while (!this.isOver) this.receive(yield* stream.read())
      if (this.writer !== undefined) yield* this.writer.join()
    } catch (error) {
      this.fail(error)
    } finally {
      this.end()
      this.timer?.cancel()
      this.writer?.cancel()
      stream.close()
    }
  }

  /** Tells the client that only those requests are answered that have come already (RFC 9113 section 6.8). */
  shutdown(): void {
    if (this.isOver) return
    this.http.shutdown()
    this.takeEvents()
    this.flush()
  }

  /** @param bytes undefined: the client's end */
  private receive(bytes: Uint8Array | undefined): void {
    const { now } = this.context.environment
    this.consumed += bytes?.length ?? 0
    if (bytes === undefined) this.http.handleEnd(now)
    else this.http.handle(bytes, now)
    this.takeEvents()
    if (bytes === undefined) this.isOver = true
    this.flush()
  }

  protected takeEvents(): void {
    for (let event = this.http.pollEvent(); event !== undefined; event = this.http.pollEvent()) this.takeEvent(event)
  }

  private takeEvent(event: Http2ServerEvent): void {
    if (event.type === 'goaway') this.record('http:goaway-received', { lastStream: event.lastStream, ...described(event.error) })
    else if (event.type !== 'settings' && event.type !== 'pong') this.take(event)
  }

  protected isEarly(): boolean {
    return this.consumed <= (this.stream.earlyBytes ?? 0)
  }

  protected consume(stream: number, bytes: number): void {
    if (this.service.streamsBodies === true || this.service.upgrade !== undefined) this.http.consume(stream, bytes)
  }

  protected breakOff(stream: number): void {
    this.http.cancel(stream, 'INTERNAL_ERROR')
  }

  /** Promises what belongs to an answer, before the answer names it (RFC 9113 section 8.4.1). */
  protected push({ stream, scheme, authority, target, method }: Exchange): void {
    if (method !== 'GET') return
    for (const path of this.service.pushesOf(target)) {
      if (!this.http.canPush) return
      const promised = this.http.push(stream, { method: 'GET', scheme, authority, path, fields: [] })
      this.record('http:push-promised', { stream: promised, parent: stream, target: path })
      const head = { stream: promised, method: 'GET', scheme, authority, target: path, fields: [], isPushed: true }
      this.takeWhole(this.begin(head))
    }
  }

  protected whenSent(record: () => void): void {
    this.taken.push(record)
  }

  private recordTaken(): void {
    for (const record of this.taken.splice(0)) record()
  }

  /** Sends what there is to send, unless somebody is at it. */
  protected flush(): void {
    this.arm()
    if (this.writer?.done === false) return
    const first = this.http.pollTransmit(this.context.environment.now)
    if (first !== undefined) this.writer = this.context.spawn(this.write(first))
    else this.recordTaken()
  }

  private *write(first: Uint8Array): Blocking<void> {
    const { stream, http, log, context } = this
    try {
      // With Nagle's algorithm on, no short segment goes out between two frames.
      stream.setNoDelay(false)
      for (let piece: Uint8Array | undefined = first; piece !== undefined; piece = http.pollTransmit(context.environment.now)) {
        yield* stream.write(piece)
        log.written()
        this.recordTaken()
        this.wrote.wake()
        // Which frame is next is decided late, so that what is urgent and comes late is not behind all that was written early.
        yield* stream.drained(UNSENT)
      }
      stream.setNoDelay(true)
      this.takeEvents()
      this.arm()
      if (http.finished) {
        this.isOver = true
        stream.shutdown()
      }
    } catch (error) {
      this.fail(error)
    }
  }

  /** Sets the alarm for the endpoint's next deadline. */
  private arm(): void {
    const deadline = this.http.pollTimeout()
    if (deadline === this.armedAt) return
    this.timer?.cancel()
    this.armedAt = deadline
    this.timer = deadline === undefined ? undefined : this.context.environment.schedule(deadline, () => this.timerFired())
  }

  private timerFired(): void {
    this.armedAt = undefined
    if (this.isOver) return
    this.http.handleTimeout(this.context.environment.now)
    this.takeEvents()
    this.flush()
  }
}
