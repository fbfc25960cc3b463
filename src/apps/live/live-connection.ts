import type { Blocking } from '../../host/socket.ts'
import { SocketError } from '../../host/socket.ts'
import type { EventData, Timer } from '../../kernel/machine.ts'
import { SECOND, type Nanos } from '../../kernel/time.ts'
import { Http1Server } from '../../protocols/http1/server.ts'
import type { Http1ServerEvent } from '../../protocols/http1/server.ts'
import { judgeUpgrade } from '../../protocols/websocket/opening.ts'
import { formatIp } from '../../wire/address.ts'
import type { HeaderField } from '../../wire/http1.ts'
import type { ByteStream } from '../byte-stream.ts'
import { isStream } from '../http-service.ts'
import type { SiteAnswer, SiteRequest } from '../http-service.ts'
import { EventStream, type EventSink } from './event-stream.ts'
import { FirstWait } from './first-wait.ts'
import type { Attendee, LiveHub } from './live-hub.ts'
import { fieldOf, liveTarget } from './live-request.ts'
import { EVENT_FIELDS, isSocketPath, LIVE_PATH, socketAt, type LiveSite } from './live-site.ts'
import { asciiBytes } from './message-text.ts'
import { Outlet } from './outlet.ts'
import type { ServerSocket } from './server-socket.ts'
import { chunkText } from './told.ts'

/** How many requests of one connection may wait for their answer; behind that it is not read. */
const PIPELINE = 32
/** How long after the last response what still comes in is read, so that it does not reset the connection (RFC 9112 section 9.6). */
const LINGER: Nanos = 2 * SECOND
/** How long who is sent away may take to ask. */
const PATIENCE: Nanos = 5 * SECOND

interface Request {
  readonly method: string
  readonly target: string
  readonly minorVersion: number
  readonly fields: readonly HeaderField[]
  readonly body: Uint8Array[]
  bytes: number
}

/**
 * A connection that speaks HTTP/1.1, and perhaps WebSocket or an event stream later on: one task, which reads and answers one request after the
 * other. What a connection has become it is until its end, and of HTTP nothing is kept then.
 */
export class LiveConnection implements Attendee {
  readonly number: number
  private http: Http1Server | undefined
  private receiving: Request | undefined
  private readonly queue: Request[] = []
  private socket: ServerSocket | undefined
  private events: EventStream | undefined
  private lingering: Timer | undefined
  private hasEnded = false
  /** Beats since anything came. */
  private silentBeats = 0
  private isAnswering = false
  private responses = 0

  /** @param isRefused whether the client is only told to come again later */
  constructor(
    private readonly hub: LiveHub,
    private readonly site: LiveSite,
    private readonly stream: ByteStream,
    private readonly isSecure: boolean,
    private readonly isRefused: boolean,
  ) {
    this.number = hub.nextNumber()
  }

  *run(): Blocking<void> {
    const { hub, stream } = this
    hub.attend(this)
    const alarm = this.isRefused ? this.closeAt(hub.now + PATIENCE) : undefined
    try {
      stream.setNoDelay(true)
      const first = yield* this.speakHttp()
      const { socket } = this
      if (socket !== undefined && first !== undefined) yield* socket.run(first)
      else if (this.events !== undefined) yield* this.follow(this.events)
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      if (this.http !== undefined && this.lingering === undefined)
        hub.record('http:connection-failed', stream.connection, { error: error.code, detail: error.message })
    } finally {
      this.events?.end('the connection is over')
      this.lingering?.cancel()
      alarm?.cancel()
      stream.close()
      hub.forget(this)
    }
  }

  /** @returns the first bytes of another protocol; undefined: the connection is over, or a stream of events from now on */
  private *speakHttp(): Blocking<Uint8Array | undefined> {
    const { stream } = this
    const http = new Http1Server({ bodyLimit: this.hub.options.maxMessage })
    this.http = http
    for (;;) {
      const request = this.queue.shift()
      if (request !== undefined) {
        const first = yield* this.respond(http, request)
        if (first !== undefined || this.events !== undefined) return first
        continue
      }
      if (this.hasEnded) return undefined
      if (http.finished) this.linger()
      if (this.readNow(http)) yield* this.flush(http)
      else if (stream.arrival !== undefined) yield stream.arrival
    }
  }

  /** @returns whether anything came, be it the end */
  private readNow(http: Http1Server): boolean {
    const { stream, hub } = this
    const bytes = stream.readNow()
    if (bytes === undefined && stream.arrival !== undefined) return false
    this.silentBeats = 0
    if (bytes === undefined) {
      this.hasEnded = true
      http.handleEnd(hub.now)
    } else http.handle(bytes, hub.now)
    for (let event = http.pollEvent(); event !== undefined; event = http.pollEvent()) this.takeEvent(event)
    return true
  }

  private takeEvent(event: Http1ServerEvent): void {
    const { receiving, hub, stream } = this
    switch (event.type) {
      case 'request': {
        const { method, target, minorVersion, fields } = event
        this.receiving = { method, target, minorVersion, fields, body: [], bytes: 0 }
        if (event.expectsContinue) this.http?.sendContinue()
        return
      }
      case 'data':
        if (receiving === undefined) return
        receiving.body.push(event.bytes)
        receiving.bytes += event.bytes.length
        return
      case 'end':
        this.receiving = undefined
        if (receiving === undefined) return
        this.queue.push(receiving)
        hub.record('http:request-received', stream.connection, {
          method: receiving.method,
          target: receiving.target,
          bytes: receiving.bytes,
        })
        return
      case 'closed': {
        this.receiving = undefined
        if (event.error === undefined) return
        const { status, code, whose, detail, cites } = event.error
        hub.record('http:request-refused', stream.connection, { status, error: code, whose, detail, cites })
      }
    }
  }

  private *flush(http: Http1Server): Blocking<void> {
    for (let piece = http.pollTransmit(); piece !== undefined; piece = http.pollTransmit()) yield* this.stream.write(piece)
  }

  /** Everything is said: waits for the client's end, but not for ever. */
  private linger(): void {
    if (this.lingering !== undefined) return
    this.stream.shutdown()
    this.lingering = this.closeAt(this.hub.now + LINGER)
  }

  private closeAt(time: Nanos): Timer {
    return this.hub.context.environment.schedule(time, () => {
      this.stream.close()
    })
  }

  private *respond(http: Http1Server, request: Request): Blocking<Uint8Array | undefined> {
    const { hub, site } = this
    const { path } = liveTarget(request.target)
    this.isAnswering = true
    const began = hub.now
    // To send somebody away costs no thought.
    if (!this.isRefused) yield* hub.context.processRequest()
    if (this.isRefused) {
      yield* this.send(http, request, began, site.unavailable(), true)
    } else if (isSocketPath(path) && http.canSwitchProtocols) {
      return yield* this.upgrade(http, request, path, began)
    } else if (path === LIVE_PATH.events && request.method === 'GET') {
      yield* this.sendEvents(http, request)
    } else {
      const answer = yield* this.whileThere(http, site.answer(this.siteRequest(request), this.record))
      if (answer !== undefined) yield* this.send(http, request, began, answer, !site.keepAlive)
    }
    this.isAnswering = false
    return undefined
  }

  private readonly record = (name: string, data: EventData): void => {
    this.hub.record(name, this.stream.connection, data)
  }

  private siteRequest({ method, target, fields, body, bytes }: Request): SiteRequest {
    const { remote, local } = this.stream
    return {
      method,
      target,
      authority: fieldOf(fields, 'host') ?? '',
      bytes,
      digest: undefined,
      body,
      fields,
      isEarly: false,
      isSecure: this.isSecure,
      client: formatIp(remote.address),
      server: formatIp(local.address),
    }
  }

  /** Goes on with something that may take long, but not when the client has gone meanwhile. @returns undefined: it has */
  private *whileThere<T>(http: Http1Server, body: Blocking<T>): Blocking<T | undefined> {
    const { stream } = this
    let isDone = false
    try {
      for (let step = body.next(); ; step = body.next()) {
        if (step.done === true) {
          isDone = true
          return step.value
        }
        while (!this.hasEnded && this.queue.length < PIPELINE && this.readNow(http));
        if (this.hasEnded) return undefined
        const { arrival } = stream
        yield arrival === undefined || this.queue.length >= PIPELINE ? step.value : new FirstWait(step.value, arrival)
      }
    } finally {
      if (!isDone) body.return(undefined as T)
    }
  }

  private *send(http: Http1Server, { method }: Request, began: Nanos, answer: SiteAnswer, isLast: boolean): Blocking<void> {
    const { status, fields, content } = answer
    const body = content instanceof Uint8Array ? content : new Uint8Array(0)
    // Who asks for the head of a stream gets no stream.
    if (isStream(content)) content.cancel()
    if (http.respond({ status, fields, body: body.length, close: isLast })) {
      if (body.length > 0) http.sendBody(body)
      http.endBody()
    }
    yield* this.flush(http)
    const sent = method === 'HEAD' ? 0 : body.length
    this.record('http:response-sent', { id: ++this.responses, status, bytes: sent, duration: this.hub.now - began })
  }

  /** @returns the first bytes of WebSocket; undefined: it was refused */
  private *upgrade(http: Http1Server, request: Request, path: string, began: Nanos): Blocking<Uint8Array | undefined> {
    const { hub, site, stream } = this
    const judgement = judgeUpgrade(request, site.policy)
    if (!judgement.accepted) {
      const { status, fields, detail, cites } = judgement
      this.record('websocket:refused', { status, detail, cites })
      yield* this.send(http, request, began, { status, fields, content: asciiBytes(`${detail}\n`), isChunked: false }, false)
      this.isAnswering = false
      return undefined
    }
    const first = http.switchProtocols('websocket', judgement.fields)
    yield* this.flush(http)
    this.http = undefined
    const scheme = this.isSecure ? 'wss' : 'ws'
    const url = `${scheme}://${fieldOf(request.fields, 'host') ?? ''}${request.target}`
    const from = formatIp(stream.remote.address)
    const { agreement } = judgement
    this.socket = socketAt(path, hub, stream, { agreement, settings: site.settings, url, version: 'HTTP/1.1', from })
    return first
  }

  /** Begins a stream of events, which is what the connection is used for until its end. */
  private *sendEvents(http: Http1Server, request: Request): Blocking<void> {
    const { hub, site, stream } = this
    const target = liveTarget(request.target)
    const room = site.roomOf(target)
    if (room === undefined) {
      const content = asciiBytes('there are too many rooms\n')
      yield* this.send(http, request, hub.now, { status: 404, fields: [], content, isChunked: false }, false)
      return
    }
    const last = site.lastOf(target, request.fields)
    yield* hub.context.processFor(hub.options.join.cost + hub.options.join.message * room.since(last).length)
    http.respond({ status: 200, fields: EVENT_FIELDS, body: 'chunked' })
    yield* this.flush(http)
    this.events = new EventStream(hub, stream.connection, room, this.sink(request.minorVersion > 0), last)
    this.http = undefined
    this.events.open()
  }

  /** Whatever comes is no news any more, but its end is. */
  private *follow(events: EventStream): Blocking<void> {
    const { stream } = this
    for (;;) {
      if (stream.readNow() !== undefined) continue
      const { arrival } = stream
      if (arrival === undefined) break
      yield arrival
    }
    events.end('the client has gone')
  }

  /** From here on the body's bytes are written past the endpoint: they are the same for all clients. */
  private sink(isChunked: boolean): EventSink {
    const { hub, stream } = this
    const outlet = new Outlet(hub.context, stream)
    const send = (bytes: Uint8Array): boolean => outlet.send(bytes, hub.options.sendQueue)
    return {
      send: (told) => send(isChunked ? told.chunk : told.event),
      sendText: (text) => send(asciiBytes(isChunked ? chunkText(text) : text)),
      end: () => {
        if (isChunked) send(asciiBytes('0\r\n\r\n'))
        if (outlet.isEmpty) this.linger()
        else {
          outlet.forget()
          stream.reset()
        }
      },
    }
  }

  beat(): void {
    if (this.socket !== undefined) this.socket.beat()
    else if (this.events !== undefined) this.events.beat()
    // As long as a WebSocket has, which is asked at one beat and given up at the next.
    else if (++this.silentBeats > 2 && !this.isAnswering) this.stream.close()
  }

  leave(after: Nanos): void {
    if (this.socket !== undefined) this.socket.leave(after)
    else if (this.events !== undefined) this.events.leave(after)
    // Who waits for an answer gets it with the word that it is the last.
    else if (!this.isAnswering) this.linger()
  }
}
