import { Http2Client } from '../protocols/http2/client.ts'
import type { Http2ClientEvent } from '../protocols/http2/event.ts'
import type { Http2Fault } from '../protocols/http2/fault.ts'
import type { AppContext, Blocking, Task } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { ByteStream } from './byte-stream.ts'
import { isIncremental, rankOf } from './fetch-priority.ts'
import { filler, fillerKey } from './filler.ts'
import type { ExchangeOwner } from './http-exchange.ts'
import { Http2FrameLog } from './http2-frame-log.ts'
import { PushedResponse } from './pushed-response.ts'
import type { PushCache } from './pushed-response.ts'
import { StreamExchange } from './stream-exchange.ts'
import { formatAuthority, formatUrl, parseUrl } from './url.ts'
import { failureOfFault } from './web-fetch.ts'
import type { Failure, Fetch } from './web-fetch.ts'

/** What Chrome announces, so that windows are seldom what a page waits for. */
const SETTINGS = { headerTableSize: 65_536, initialWindowSize: 6_291_456, maxHeaderListSize: 262_144 } as const
const CONNECTION_WINDOW = 15_728_640

const ENDED: Failure = { error: 'incomplete', detail: 'the connection ended before the response', whose: 'remote' }

export interface Http2ExchangeOptions {
  /** Whether the server may push. */
  readonly push: boolean
  readonly pushes: PushCache
}

/** HTTP/2 over one connection: any number of requests, each on a stream of its own. */
export class Http2Exchange extends StreamExchange {
  readonly protocol = 'h2'
  readonly isMultiplexed = true
  private readonly http: Http2Client
  private readonly log: Http2FrameLog
  private readonly pushes: PushCache
  /** Responses that nobody has asked for yet, and those that somebody has, by stream. */
  private readonly pushed = new Map<number, PushedResponse>()
  /** How much is left to be given away of a request's body. */
  private readonly uploads = new Map<Fetch, number>()
  /** Fetches whose response has begun. */
  private readonly answering = new Set<Fetch>()
  private isRetiredNow = false
  private alarm: Task | undefined
  private alarmAt: Nanos = 0

  constructor(context: AppContext, owner: ExchangeOwner, { push, pushes }: Http2ExchangeOptions) {
    super(context, owner)
    this.pushes = pushes
    this.log = new Http2FrameLog(context.environment)
    this.http = new Http2Client({
      settings: { ...SETTINGS, enablePush: push },
      connectionWindow: CONNECTION_WINDOW,
      onFrame: this.log.onFrame,
    })
  }

  get canBegin(): boolean {
    return this.stream !== undefined && this.http.canRequest
  }

  get canPipeline(): boolean {
    return false
  }

  override get isRetired(): boolean {
    return this.isRetiredNow
  }

  override *attach(stream: ByteStream, lost?: Uint8Array): Blocking<void> {
    this.log.attach(stream)
    yield* super.attach(stream, lost)
  }

  protected isAnswering(fetch: Fetch): boolean {
    return this.answering.has(fetch)
  }

  protected isSent(fetch: Fetch): boolean {
    return (this.uploads.get(fetch) ?? 0) === 0
  }

  protected request(fetch: Fetch, conditions: readonly HeaderField[]): number {
    const { url, method, request } = fetch
    const { scheme } = url
    const fields = this.fieldsOf(conditions)
    const head = { method, scheme, authority: formatAuthority(url), path: url.target, fields, body: request.upload }
    const stream = this.http.request(head, { urgency: rankOf(fetch.priority), incremental: isIncremental(request.kind) })
    if (request.upload > 0) this.upload(stream, fetch)
    return stream
  }

  private upload(stream: number, fetch: Fetch): void {
    const { upload } = fetch.request
    const key = fillerKey(fetch.url.target)
    this.uploads.set(fetch, upload)
    this.http.sendSource(stream, {
      length: upload,
      read: (offset, most) => {
        const bytes = filler(key, offset, Math.min(most, upload - offset))
        this.uploads.set(fetch, upload - offset - bytes.length)
        return bytes
      },
    })
  }

  protected *sendBodies(): Blocking<void> {
    // The endpoint has taken them, and sends them as windows allow.
  }

  protected pollTransmit(now: Nanos): Uint8Array | undefined {
    return this.http.pollTransmit(now)
  }

  protected written(): void {
    this.log.written()
  }

  protected handle(bytes: Uint8Array | undefined, now: Nanos): void {
    const { http } = this
    if (bytes === undefined) http.handleEnd(now)
    else http.handle(bytes, now)
    this.takeEvents()
  }

  private takeEvents(): void {
    const { http } = this
    for (let event = http.pollEvent(); event; event = http.pollEvent()) this.takeEvent(event)
    if (!this.isOver) this.setAlarm(http.pollTimeout())
  }

  private setAlarm(at: Nanos | undefined): void {
    if (at === undefined || (this.alarm?.done === false && this.alarmAt <= at)) return
    this.alarm?.cancel()
    this.alarmAt = at
    this.alarm = this.context.spawn(this.awaitAlarm())
  }

  private *awaitAlarm(): Blocking<void> {
    const { context, http } = this
    for (let at = http.pollTimeout(); at !== undefined && !this.isOver; at = http.pollTimeout()) {
      this.alarmAt = at
      if (at > context.environment.now) {
        yield* context.sleep(at - context.environment.now)
      } else {
        http.handleTimeout(context.environment.now)
        this.flush()
        this.takeEvents()
      }
    }
  }

  private takeEvent(event: Http2ClientEvent): void {
    switch (event.type) {
      case 'closed':
        this.takeClosed(event.error, event.broken, event.unprocessed)
        return
      case 'goaway':
        this.isRetiredNow = true
        this.record('http2:goaway-received', { lastStream: event.lastStream, ...failureOfFault(event.error) })
        this.owner.available()
        return
      case 'settings':
        this.owner.available()
        return
      case 'pong':
        return
      case 'pushed':
        this.takePush(event)
        return
      default: {
        const fetch = this.inFlight.get(event.stream)
        if (fetch !== undefined) this.takeOf(fetch, event)
        else if (this.pushed.get(event.stream)?.take(event) === false) {
          this.pushed.delete(event.stream)
          this.http.cancel(event.stream)
        }
        if (event.type === 'end' || event.type === 'reset') this.pushed.delete(event.stream)
      }
    }
  }

  private takeOf(
    fetch: Fetch,
    event: Extract<Http2ClientEvent, { type: 'informational' | 'response' | 'data' | 'end' | 'reset' }>,
  ): void {
    switch (event.type) {
      case 'informational':
        return
      case 'response':
        this.answering.add(fetch)
        this.respond(fetch, event.status, event.fields)
        return
      case 'data':
        this.receive(fetch, event.bytes)
        return
      case 'end':
        this.forget(fetch)
        this.complete(event.stream, fetch)
        return
      case 'reset':
        this.inFlight.delete(event.stream)
        this.forget(fetch)
        if (event.isUnprocessed && !fetch.isCancelled) this.owner.returned(fetch, failureOfFault(event.error))
        else fetch.fail(failureOfFault(event.error), this.stream?.connection, this.protocol)
        this.owner.available()
    }
  }

  private forget(fetch: Fetch): void {
    this.answering.delete(fetch)
    this.uploads.delete(fetch)
  }

  private takePush(event: Extract<Http2ClientEvent, { type: 'pushed' }>): void {
    const { stream, parent, scheme, authority, path, method } = event
    const url = parseUrl(`${scheme}://${authority}${path}`)
    const address = url === undefined ? `${scheme}://${authority}${path}` : formatUrl(url)
    this.record('http2:push-promised', { stream, parent, url: address })
    const reason = url === undefined || method !== 'GET' ? 'no-get' : this.pushes.objection(url, this.inFlight.get(parent))
    if (url === undefined || reason !== undefined) {
      this.record('http2:push-refused', { stream, url: address, reason: reason ?? 'no-get' })
      this.http.cancel(stream)
      return
    }
    const push = new PushedResponse(this.context, url, stream, this.stream?.connection ?? '')
    this.pushed.set(stream, push)
    this.pushes.keep(push)
  }

  private takeClosed(error: Http2Fault | undefined, broken: readonly number[], unprocessed: readonly number[]): void {
    const failure = error ? failureOfFault(error) : ENDED
    if (error) this.record('http:connection-failed', { ...failure })
    const lost = broken.filter((stream) => !unprocessed.includes(stream)).flatMap((stream) => this.inFlight.get(stream) ?? [])
    for (const push of this.pushed.values()) push.lose(failure)
    this.pushed.clear()
    // What the server did nothing with may be sent again; what it did not answer it may have done something with, which GET allows once.
    const answered = lost.filter((fetch) => this.answering.has(fetch))
    this.flush()
    this.end(failure, error === undefined || error.code === 'NO_ERROR', answered)
  }

  override lose(failure: Failure): void {
    for (const push of this.pushed.values()) push.lose(failure)
    this.pushed.clear()
    super.lose(failure)
  }

  protected override stop(): void {
    this.alarm?.cancel()
    super.stop()
  }

  reprioritise(fetch: Fetch): void {
    for (const [stream, other] of this.inFlight) {
      if (other !== fetch) continue
      this.http.reprioritise(stream, { urgency: rankOf(fetch.priority), incremental: isIncremental(fetch.request.kind) })
      this.flush()
    }
  }

  cancel(fetch: Fetch): boolean {
    for (const [stream, other] of this.inFlight) {
      if (other !== fetch) continue
      this.inFlight.delete(stream)
      this.forget(fetch)
      this.http.cancel(stream)
      this.flush()
    }
    return true
  }
}
