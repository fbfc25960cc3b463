import type { AppContext, Blocking, Task } from '../host/socket.ts'
import type { EventData } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { ByteStream } from './byte-stream.ts'
import type { FetchProtocol } from './fetch-events.ts'
import { formatUrl } from './url.ts'
import { failureOf } from './web-fetch.ts'
import type { Failure, Fetch } from './web-fetch.ts'

/** What an exchange needs to know of the browser. It may change at any time. */
export interface ExchangeSettings {
  readonly keepAlive: boolean
  /** Longest silence while a response is awaited, in nanoseconds; 0: any. */
  readonly timeout: Nanos
}

/** What the end of a connection means to the requests that were in flight. */
export interface Loss {
  readonly failure: Failure
  /** Whether the server had said before that it would close, or that it has done nothing with what is unanswered. */
  readonly announced: boolean
  /** Requests whose response was cut short. */
  readonly broken: readonly Fetch[]
  /** Requests that have not had a single byte of a response, in order. */
  readonly unanswered: readonly Fetch[]
}

/** Who has an exchange, and hears of it. */
export interface ExchangeOwner {
  readonly settings: ExchangeSettings
  /** Something changed: it can take a request now, perhaps. */
  available(): void
  /** The server did nothing with a request, and the connection goes on: it may be sent again (RFC 9113 section 8.7). */
  returned(fetch: Fetch, failure: Failure): void
  /** It is over. */
  over(loss: Loss): void
}

/**
 * How requests and responses pass over one connection: the part that all versions of HTTP share. It is a task that reads, and while
 * something is to be sent, one that writes.
 */
export abstract class HttpExchange {
  abstract readonly protocol: FetchProtocol
  /** Whether any number of requests share it. */
  abstract readonly isMultiplexed: boolean
  /** Requests that wait for the end of their response, in order, by the numbers that the connection gives them. */
  protected readonly inFlight = new Map<number, Fetch>()
  protected stream: ByteStream | undefined
  protected isOver = false
  /** How many responses it has brought. */
  protected served = 0
  /** Requests that are not in the socket yet. */
  private readonly sending = new Set<Fetch>()
  private writer: Task | undefined
  private watch: Task | undefined
  private lastProgress: Nanos = 0

  constructor(
    protected readonly context: AppContext,
    protected readonly owner: ExchangeOwner,
  ) {}

  /** How many requests wait for the end of their response. */
  get load(): number {
    return this.inFlight.size
  }

  /** Whether no more requests can be made, though it goes on. */
  get isRetired(): boolean {
    return false
  }

  /** Whether a request can go out now, and nothing else is in its way. */
  abstract get canBegin(): boolean

  /** Whether a request can go out now behind others of HTTP/1.1. */
  abstract get canPipeline(): boolean

  /** Whether something of the response to this request has come. */
  protected abstract isAnswering(fetch: Fetch): boolean

  /** Gives the request to the endpoint. @returns the number that the endpoint gives it, from 1; the stream's number in HTTP/2 */
  protected abstract request(fetch: Fetch, fields: readonly HeaderField[]): number

  /** Bytes came from the stream; undefined: its end. */
  protected abstract handle(bytes: Uint8Array | undefined, now: Nanos): void

  protected abstract pollTransmit(now: Nanos): Uint8Array | undefined

  /** Bytes of the endpoint have gone into the socket. */
  protected abstract written(): void

  /** Whether the endpoint has given away all of a request. */
  protected abstract isSent(fetch: Fetch): boolean

  /** Sends the bodies that wait to be sent. */
  protected abstract sendBodies(stream: ByteStream): Blocking<void>

  /** Its request matters more now. */
  abstract reprioritise(fetch: Fetch): void

  /** @returns whether the connection survives that nobody wants this response */
  abstract cancel(fetch: Fetch): boolean

  has(fetch: Fetch): boolean {
    for (const other of this.inFlight.values()) if (other === fetch) return true
    return false
  }

  /** Sends a request; only when `canBegin` or `canPipeline`. Before there is a stream it is kept for `firstBytes`. */
  begin(fetch: Fetch): void {
    const { url, method, priority } = fetch
    const { now } = this.context.environment
    fetch.wasReused = this.served > 0 || this.inFlight.size > 0
    fetch.sentAt = now
    const number = this.request(fetch, fetch.conditions)
    if (this.inFlight.size === 0) this.lastProgress = now
    this.inFlight.set(number, fetch)
    this.sending.add(fetch)
    const retry = fetch.retries > 0 ? { retry: fetch.retries } : {}
    const stream = this.isMultiplexed ? { stream: number, priority } : {}
    const connection = this.stream?.connection ?? ''
    this.record('http:request-sent', { id: fetch.id, method, url: formatUrl(url), connection, ...stream, ...retry })
    if (this.stream === undefined) return
    fetch.enter('sending', this.stream.connection, this.isMultiplexed ? number : undefined)
    this.flush()
    this.beginWatch()
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

  /** Takes back what was begun before there was a stream: it was not sent, or not read. */
  takeBack(): Fetch[] {
    const taken = [...this.inFlight.values()]
    this.inFlight.clear()
    this.sending.clear()
    this.isOver = true
    return taken
  }

  /** The connection is there. @param lost bytes of `firstBytes` that the server did not get */
  *attach(stream: ByteStream, lost?: Uint8Array): Blocking<void> {
    this.stream = stream
    this.lastProgress = this.context.environment.now
    for (const [number, fetch] of this.inFlight)
      fetch.enter('sending', stream.connection, this.isMultiplexed ? number : undefined)
    if (lost !== undefined) yield* stream.write(lost)
    if (this.inFlight.size === 0) return
    this.written()
    this.settle()
    this.beginWatch()
  }

  /** Reads until the connection is over; behind `attach`. */
  *run(stream: ByteStream): Blocking<void> {
    try {
      this.flush()
      while (!this.isOver) {
        const bytes = yield* stream.read()
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

  /** Lets go of the connection and of all that is in flight, without a word to the owner. */
  abort(): void {
    this.isOver = true
    this.inFlight.clear()
    this.stop()
  }

  /** Whether TCP ended before TLS did. */
  protected get isTruncated(): boolean {
    const { stream } = this
    return stream !== undefined && 'isTruncated' in stream && stream.isTruncated === true
  }

  protected record(name: string, data: EventData): void {
    this.context.environment.record(name, this.stream?.connection ?? '', data)
  }

  /** What all requests say; conditions behind it. */
  protected fieldsOf(conditions: readonly HeaderField[]): HeaderField[] {
    return [{ name: 'User-Agent', value: 'packetarium' }, { name: 'Accept', value: '*/*' }, ...conditions]
  }

  /** The head of a response has come. */
  protected respond(fetch: Fetch, status: number, fields: readonly HeaderField[]): void {
    this.sending.delete(fetch)
    fetch.status = status
    fetch.enter('receiving', this.stream?.connection ?? '')
    this.record('http:response-started', { id: fetch.id, status })
    fetch.owner.responded(fetch, status, fields)
  }

  protected receive(fetch: Fetch, bytes: Uint8Array): void {
    fetch.bytes += bytes.length
    fetch.digest?.update(bytes)
    fetch.owner.received(fetch, bytes)
  }

  protected complete(number: number, fetch: Fetch): void {
    this.inFlight.delete(number)
    this.served++
    const { id, status, bytes, digest } = fetch
    const duration = this.context.environment.now - fetch.sentAt
    this.record('http:response-received', { id, status, bytes, duration, ...(digest && { digest: digest.value }) })
    fetch.end('complete', this.protocol, this.stream?.connection ?? '')
    fetch.owner.ended(fetch)
    this.owner.available()
  }

  /** The network took the connection away. */
  protected lose(failure: Failure): void {
    if (this.isOver) return
    this.record('http:connection-failed', { ...failure })
    const all = [...this.inFlight.values()]
    const broken = all.filter((fetch) => this.isAnswering(fetch))
    this.end(failure, false, broken)
  }

  protected end(failure: Failure, announced: boolean, broken: readonly Fetch[]): void {
    const unanswered = [...this.inFlight.values()].filter((fetch) => !broken.includes(fetch))
    this.inFlight.clear()
    this.isOver = true
    // Stopped first, so that the next connection finds this one closed.
    this.stop()
    this.owner.over({ failure, announced, broken, unanswered })
  }

  protected stop(): void {
    this.writer?.cancel()
    this.watch?.cancel()
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
      this.settle()
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

  /** What could be sent is in the socket: requests that are whole wait for their response now. */
  private settle(): void {
    for (const fetch of this.sending) {
      if (!this.isSent(fetch)) continue
      fetch.enter('waiting', this.stream?.connection ?? '')
      this.sending.delete(fetch)
    }
  }

  private beginWatch(): void {
    if (this.owner.settings.timeout > 0 && this.watch?.done !== false) this.watch = this.context.spawn(this.watchSilence())
  }

  /** Ends the connection when it has been silent for too long while something was awaited. */
  private *watchSilence(): Blocking<void> {
    const { context, owner } = this
    while (this.inFlight.size > 0) {
      const { timeout } = owner.settings
      if (timeout === 0) return
      const left = this.lastProgress + timeout - context.environment.now
      if (left <= 0) {
        this.lose({ error: 'ETIMEDOUT', detail: 'no response within the time allowed', whose: 'network' })
        return
      }
      yield* context.sleep(left)
    }
  }
}
