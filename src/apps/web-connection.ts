import { Http1Client } from '../protocols/http1/client.ts'
import type { Http1ClientEvent } from '../protocols/http1/client.ts'
import type { AppContext, Blocking, Task, TcpSocket } from '../host/socket.ts'
import type { EventData } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { IpAddress } from '../wire/address.ts'
import { filler, fillerKey } from './filler.ts'
import { connectToAny, type ConnectOptions } from './happy-eyeballs.ts'
import { formatAuthority, formatUrl } from './url.ts'
import { failureOf, failureOfFault } from './web-fetch.ts'
import type { Failure, Fetch } from './web-fetch.ts'

/** What a connection needs to know of the browser. It may change at any time. */
export interface ConnectionSettings extends Pick<ConnectOptions, 'happyEyeballs' | 'attemptDelay'> {
  readonly keepAlive: boolean
  /** Whether the first request goes out with the connection, in its SYN where TCP allows (RFC 7413). */
  readonly fastOpen: boolean
  /** Longest silence while a response is awaited, in nanoseconds; 0: any. */
  readonly timeout: Nanos
}

/** What the end of a connection means to the requests that were in flight. */
export interface Loss {
  readonly failure: Failure
  /** Whether the server had said before that it would close. */
  readonly announced: boolean
  /** The request whose response was cut short. */
  readonly broken: Fetch | undefined
  /** Requests that have not had a single byte of a response, in order. */
  readonly unanswered: readonly Fetch[]
}

/** Who has a connection, and hears of it. */
export interface ConnectionOwner {
  readonly settings: ConnectionSettings
  /** Something changed: it can take a request now, perhaps. */
  available(): void
  /** A request that may go out before the connection is established, and with it twice if the network has it so (RFC 7413 section 6.1). */
  firstRequest(): Fetch | undefined
  /** It could not be established; a first request that it had taken was not answered. */
  refused(connection: WebConnection, failure: Failure, first: Fetch | undefined): void
  /** It is over. */
  gone(connection: WebConnection, loss: Loss): void
}

const ENDED: Failure = { error: 'incomplete', detail: 'the connection ended before the response' }

/** One connection of a browser to a server: a task that reads, and while something is to be sent, one that writes. */
export class WebConnection {
  private socket: TcpSocket | undefined
  private readonly http: Http1Client
  /** Requests that wait for the end of their response, in order, by the numbers that the connection gives them. */
  private readonly inFlight = new Map<number, Fetch>()
  /** How many responses it has brought. */
  private served = 0
  private uploading: Fetch | undefined
  private task: Task | undefined
  private writer: Task | undefined
  private watch: Task | undefined
  private lastProgress: Nanos = 0
  private isOver = false

  /**
   * @param isCautious whether one response has to come before requests are pipelined, for a pipeline has just broken (RFC 9112
   * section 9.3.2)
   */
  constructor(
    private readonly context: AppContext,
    private readonly owner: ConnectionOwner,
    private isCautious: boolean,
  ) {
    this.http = new Http1Client({ keepAlive: owner.settings.keepAlive })
  }

  /** Connects. @param resolve finds the server's addresses */
  open(resolve: () => Blocking<readonly IpAddress[]>, port: number): void {
    this.task = this.context.spawn(this.run(resolve, port))
  }

  /** Whether it is not established yet. */
  get isOpening(): boolean {
    return this.socket === undefined
  }

  /** Whether it is not established yet, and has a request already. */
  get isTaken(): boolean {
    return this.socket === undefined && this.inFlight.size > 0
  }

  /** How many requests wait for the end of their response. */
  get load(): number {
    return this.inFlight.size
  }

  /** Whether a request can go out now, alone on the connection. */
  get isIdle(): boolean {
    return this.socket !== undefined && this.inFlight.size === 0 && this.http.canRequest
  }

  /** Whether a request can go out now behind others. Nothing goes out behind POST (RFC 9112 section 9.3.2). */
  get canPipeline(): boolean {
    if (this.isCautious || this.socket === undefined || !this.http.canRequest) return false
    for (const { method } of this.inFlight.values()) if (method === 'POST') return false
    return true
  }

  has(fetch: Fetch): boolean {
    return [...this.inFlight.values()].includes(fetch)
  }

  /** Sends a request; only when `isIdle` or `canPipeline`. */
  begin(fetch: Fetch): void {
    const { url, method, upload } = fetch
    const { now } = this.context.environment
    fetch.wasReused = this.served > 0 || this.inFlight.size > 0
    fetch.sentAt = now
    const fields = [
      { name: 'Host', value: formatAuthority(url) },
      { name: 'User-Agent', value: 'packetarium' },
      { name: 'Accept', value: '*/*' },
    ]
    const number = this.http.request({ method, target: url.target, fields, body: upload })
    if (upload > 0) this.uploading = fetch
    if (this.inFlight.size === 0) this.lastProgress = now
    this.inFlight.set(number, fetch)
    const retry = fetch.retries > 0 ? { retry: fetch.retries } : {}
    const connection = this.socket?.connection ?? ''
    this.record('http:request-sent', { id: fetch.id, method, url: formatUrl(url), connection, ...retry })
    if (this.writer?.done !== false) this.writer = this.context.spawn(this.write())
    if (this.socket !== undefined) this.beginWatch()
  }

  private beginWatch(): void {
    if (this.owner.settings.timeout > 0 && this.watch?.done !== false) this.watch = this.context.spawn(this.watchSilence())
  }

  /** Lets go of the connection and of all that is in flight, without a word to the owner. */
  abort(): void {
    this.isOver = true
    this.inFlight.clear()
    this.stop()
    this.task?.cancel()
  }

  private record(name: string, data: EventData): void {
    this.context.environment.record(name, this.socket?.connection ?? '', data)
  }

  private *run(resolve: () => Blocking<readonly IpAddress[]>, port: number): Blocking<void> {
    const { context, owner } = this
    try {
      const addresses = yield* resolve()
      const { timeout, happyEyeballs, attemptDelay, fastOpen } = owner.settings
      const data = fastOpen && addresses.length === 1 ? this.takeFirst() : undefined
      const options = { port, timeout, happyEyeballs, attemptDelay, ...(data !== undefined && { data }) }
      this.socket = yield* connectToAny(context, addresses, options)
      this.lastProgress = context.environment.now
      if (data !== undefined) this.beginWatch()
    } catch (error) {
      this.isOver = true
      const [first] = this.inFlight.values()
      this.inFlight.clear()
      owner.refused(this, failureOf(error), first)
      return
    }
    owner.available()
    yield* this.read(this.socket)
  }

  /** @returns the bytes of a request, for the SYN */
  private takeFirst(): Uint8Array | undefined {
    const { http, owner } = this
    const first = owner.firstRequest()
    if (first === undefined) return undefined
    this.begin(first)
    const pieces: Uint8Array[] = []
    for (let piece = http.pollTransmit(); piece; piece = http.pollTransmit()) pieces.push(piece)
    const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
    let at = 0
    for (const piece of pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    return bytes
  }

  private *read(socket: TcpSocket): Blocking<void> {
    const { http, context } = this
    try {
      while (!this.isOver) {
        const bytes = yield* socket.read()
        const { now } = context.environment
        this.lastProgress = now
        if (bytes === undefined) http.handleEnd(now)
        else http.handle(bytes, now)
        for (let event = http.pollEvent(); event; event = http.pollEvent()) this.takeEvent(event)
      }
    } catch (error) {
      this.lose(failureOf(error))
    } finally {
      this.stop()
    }
  }

  private takeEvent(event: Http1ClientEvent): void {
    const { inFlight } = this
    if (event.type === 'closed') {
      const { error, broken } = event
      if (error) this.record('http:connection-failed', { ...failureOfFault(error), whose: error.whose })
      this.end(
        error ? failureOfFault(error) : ENDED,
        error === undefined,
        broken === undefined ? undefined : inFlight.get(broken),
      )
      return
    }
    const fetch = inFlight.get(event.id)
    if (fetch === undefined) return
    switch (event.type) {
      case 'informational':
        return
      case 'response':
        fetch.status = event.status
        this.record('http:response-started', { id: fetch.id, status: event.status })
        fetch.owner.responded(fetch, event.status, event.fields)
        return
      case 'data':
        fetch.bytes += event.bytes.length
        fetch.digest?.update(event.bytes)
        fetch.owner.received(fetch, event.bytes)
        return
      case 'end':
        this.complete(event.id, fetch)
    }
  }

  private complete(number: number, fetch: Fetch): void {
    this.inFlight.delete(number)
    this.served++
    this.isCautious = false
    const { id, status, bytes, digest } = fetch
    const duration = this.context.environment.now - fetch.sentAt
    this.record('http:response-received', { id, status, bytes, duration, ...(digest && { digest: digest.value }) })
    fetch.owner.ended(fetch)
    this.owner.available()
  }

  /** The network took the connection away. */
  private lose(failure: Failure): void {
    if (this.isOver) return
    this.record('http:connection-failed', { ...failure })
    const [oldest] = this.inFlight.values()
    this.end(failure, false, this.inFlight.size > 0 && this.http.isAnswering ? oldest : undefined)
  }

  private end(failure: Failure, announced: boolean, broken: Fetch | undefined): void {
    const unanswered = [...this.inFlight.values()].filter((fetch) => fetch !== broken)
    this.inFlight.clear()
    this.isOver = true
    // Stopped first, so that the next connection finds this one closed.
    this.stop()
    this.owner.gone(this, { failure, announced, broken, unanswered })
  }

  private stop(): void {
    this.writer?.cancel()
    this.watch?.cancel()
    this.socket?.close()
  }

  private *write(): Blocking<void> {
    try {
      yield* this.flush()
      for (let fetch = this.uploading; fetch; fetch = this.uploading) {
        this.uploading = undefined
        yield* this.sendBody(fetch)
      }
    } catch (error) {
      // What is wrong with the socket, the reader hears, too; it also reads what the server said before.
      failureOf(error)
    }
  }

  private *sendBody(fetch: Fetch): Blocking<void> {
    const key = fillerKey(fetch.url.target)
    this.socket?.setNoDelay(false)
    for (let sent = 0; sent < fetch.upload;) {
      const piece = filler(key, sent, fetch.upload - sent)
      sent += piece.length
      this.http.sendBody(piece)
      yield* this.flush()
    }
    this.http.endBody()
    yield* this.flush()
    this.socket?.setNoDelay(true)
    this.owner.available()
  }

  private *flush(): Blocking<void> {
    const { http, socket } = this
    if (socket === undefined) return
    for (let piece = http.pollTransmit(); piece; piece = http.pollTransmit()) {
      yield* socket.write(piece)
      this.lastProgress = this.context.environment.now
    }
  }

  /** Ends the connection when it has been silent for too long while something was awaited. */
  private *watchSilence(): Blocking<void> {
    const { context, owner } = this
    while (this.inFlight.size > 0) {
      const { timeout } = owner.settings
      if (timeout === 0) return
      const left = this.lastProgress + timeout - context.environment.now
      if (left <= 0) {
        this.lose({ error: 'ETIMEDOUT', detail: 'no response within the time allowed' })
        return
      }
      yield* context.sleep(left)
    }
  }
}
