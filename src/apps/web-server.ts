import { Http1Server } from '../protocols/http1/server.ts'
import type { Http1Response, Http1ServerEvent } from '../protocols/http1/server.ts'
import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking, Task, TcpSocket } from '../host/socket.ts'
import { encodeLatin1 } from '../wire/http1.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { EventData } from '../kernel/machine.ts'
import { SECOND } from '../kernel/time.ts'
import type { Nanos } from '../kernel/time.ts'
import { Digest } from './digest.ts'
import { countSetting, fixedSetting, flagSetting, LONGEST } from './setting.ts'
import { contentOf } from './web-content.ts'
import type { Content, ServedResource } from './web-content.ts'

export interface WebServerOptions {
  readonly port: number
  /** By path. */
  readonly serves: Readonly<Record<string, Readonly<ServedResource>>>
  /** Whether a connection is kept for further requests. */
  readonly keepAlive: boolean
  /** How many connections may wait to be accepted. */
  readonly backlog: number
  /** Whether requests in SYNs are taken (RFC 7413). */
  readonly fastOpen: boolean
  /** Whether events carry a digest of each body. It costs about a nanosecond a byte. */
  readonly digest: boolean
}

const DEFAULTS: WebServerOptions = { port: 80, serves: {}, keepAlive: true, backlog: 128, fastOpen: false, digest: false }

/** How many requests of one connection may wait for their answer; behind that it is not read. */
const PIPELINE_LIMIT = 32
/** How long a connection is read after the last response, so that what still comes in does not reset it (RFC 9112 section 9.6). */
const LINGER: Nanos = 2 * SECOND
const RESOURCE_SETTING = /^serves\[("(?:[ !#-[\]-~]|\\["\\])*")\]\.(delay|size|chunked)$/
const ALLOWED = 'GET, HEAD, POST, PUT, OPTIONS'
const KNOWN_METHODS = new Set(['DELETE', 'CONNECT', 'TRACE', 'PATCH'])

/**
 * Serves made-up content by path over HTTP/1.1, on any number of connections. POST and PUT are accepted at every path, the body counted and
 * thrown away. Pipelined requests are thought about at once and answered in their order.
 */
export class WebServer implements App {
  private readonly options: WebServerOptions
  private readonly resources: Map<string, ServedResource>
  private readonly contents = new Map<string, Content>()
  private keepAlive: boolean

  constructor(options: Partial<WebServerOptions>) {
    this.options = { ...DEFAULTS, ...options }
    this.resources = new Map(Object.entries(this.options.serves).map(([path, resource]) => [path, { ...resource }]))
    this.keepAlive = this.options.keepAlive
  }

  *main(context: AppContext): Blocking<void> {
    const { port, backlog, fastOpen, digest } = this.options
    const listener = context.sockets.listen(port, { backlog, fastOpen })
    for (;;) {
      const socket = yield* listener.accept()
      const http = new Http1Server({ keepAlive: this.keepAlive })
      context.spawn(new ServedConnection(context, this, socket, http, digest).run())
    }
  }

  /** `keepAlive` (of new connections); `delay` of all resources; `serves["/a"].delay`, `.size`, `.chunked`. */
  configure(path: string, value: unknown): void {
    if (path === 'keepAlive') {
      this.keepAlive = flagSetting(path, value)
    } else if (path === 'delay') {
      const delay = countSetting(path, value, 0, LONGEST)
      for (const resource of this.resources.values()) resource.delay = delay
    } else {
      this.configureResource(path, value)
    }
  }

  private configureResource(path: string, value: unknown): void {
    const [, served, key] = RESOURCE_SETTING.exec(path) ?? []
    // The key is written as a JSON string.
    const resource = served === undefined ? undefined : this.resources.get(JSON.parse(served) as string)
    if (resource === undefined) throw fixedSetting(path, ['keepAlive', 'delay', 'serves["/…"].delay, .size, .chunked'])
    if (key === 'delay') resource.delay = countSetting(path, value, 0, LONGEST)
    else if (key === 'size') resource.size = countSetting(path, value, 0, Number.MAX_SAFE_INTEGER)
    else resource.chunked = flagSetting(path, value)
    this.contents.clear()
  }

  /** What a request target names; undefined: nothing is there. */
  find(target: string): { path: string; resource: ServedResource } | undefined {
    const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '') || '/'
    for (const candidate of [path, path.replace(/\?.*$/s, '')]) {
      const resource = this.resources.get(candidate)
      if (resource) return { path: candidate, resource }
    }
    return undefined
  }

  content(path: string, resource: ServedResource): Content {
    let content = this.contents.get(path)
    if (content === undefined) {
      content = contentOf(path, resource, (other) => this.resources.get(other)?.type)
      this.contents.set(path, content)
    }
    return content
  }
}

/** A request on its way through the server. */
interface Exchange {
  /** From 1, within its connection. */
  readonly id: number
  readonly method: string
  readonly target: string
  /** Whether the client waits to be told to send the body. */
  expectsContinue: boolean
  bytes: number
  readonly digest: Digest | undefined
  /** When it was whole. */
  receivedAt: Nanos
  /** When the server has thought about it. */
  readyAt: Nanos
}

interface Answer {
  readonly response: Http1Response
  readonly content: Content | Uint8Array | undefined
}

const NO_BYTES = new Uint8Array(0)

/** One connection: a task that reads, and while something is to be said, one that writes. */
class ServedConnection {
  /** The request whose body is coming in. */
  private receiving: Exchange | undefined
  /** Requests that are whole, in order. */
  private readonly queue: Exchange[] = []
  private responder: Task | undefined
  private hasOutput = false
  /** Everything is said, and only the client's end is waited for. */
  private lingerer: Task | undefined
  /** Whether the client has finished sending. */
  private hasEnded = false
  /** Whether it is over, by failure or by our own hand: what sockets throw from now on is no news. */
  private isOver = false

  constructor(
    private readonly context: AppContext,
    private readonly server: WebServer,
    private readonly socket: TcpSocket,
    private readonly http: Http1Server,
    private readonly digests: boolean,
  ) {}

  *run(): Blocking<void> {
    try {
      this.socket.setNoDelay(true)
      yield* this.receive()
    } catch (error) {
      this.fail(error)
    } finally {
      this.responder?.cancel()
      this.lingerer?.cancel()
      this.socket.close()
    }
  }

  private *receive(): Blocking<void> {
    const { socket, http, context } = this
    for (;;) {
      const bytes = yield* socket.read()
      const { now } = context.environment
      if (bytes === undefined) http.handleEnd(now)
      else http.handle(bytes, now)
      this.takeEvents()
      if (this.receiving?.expectsContinue === true && bytes !== undefined) yield* this.welcome(this.receiving)
      if (bytes === undefined) {
        yield* this.finish()
        return
      }
      if (this.queue.length > 0 || this.hasOutput || http.finished) this.startResponding()
      if (this.queue.length >= PIPELINE_LIMIT) yield* this.untilAnswered()
    }
  }

  private startResponding(): void {
    if (this.responder?.done === false) return
    this.responder = this.context.spawn(this.respond())
  }

  private *untilAnswered(): Blocking<void> {
    if (this.responder) yield* this.responder.join()
  }

  /** The client has said all that it wants to say: answers what is left. */
  private *finish(): Blocking<void> {
    this.hasEnded = true
    if (this.queue.length > 0 || this.hasOutput) this.startResponding()
    yield* this.untilAnswered()
  }

  private record(name: string, data: EventData): void {
    this.context.environment.record(name, this.socket.connection, data)
  }

  /** Records, once, that the connection is lost. Anything but a socket's error is a fault of this program. */
  private fail(error: unknown): void {
    if (!(error instanceof SocketError)) throw error
    if (this.isOver) return
    this.isOver = true
    this.record('http:connection-failed', { error: error.code, detail: error.message })
  }

  private takeEvents(): void {
    const { http } = this
    for (let event = http.pollEvent(); event; event = http.pollEvent()) this.takeEvent(event)
  }

  private takeEvent(event: Http1ServerEvent): void {
    const { receiving } = this
    switch (event.type) {
      case 'request': {
        const { id, method, target, expectsContinue } = event
        const digest = this.digests ? new Digest() : undefined
        this.receiving = { id, method, target, expectsContinue, bytes: 0, digest, receivedAt: 0, readyAt: 0 }
        return
      }
      case 'data':
        if (receiving === undefined) return
        receiving.bytes += event.bytes.length
        receiving.digest?.update(event.bytes)
        return
      case 'end':
        if (receiving !== undefined) this.enqueue(receiving)
        this.receiving = undefined
        return
      case 'closed':
        this.receiving = undefined
        if (event.error === undefined) return
        // The endpoint has answered by itself, or will.
        this.hasOutput = true
        this.record('http:request-refused', {
          status: event.error.status,
          error: event.error.code,
          whose: event.error.whose,
          detail: event.error.detail,
          cites: event.error.cites,
        })
    }
  }

  private enqueue(exchange: Exchange): void {
    const { now } = this.context.environment
    const { id, method, target, bytes, digest } = exchange
    exchange.receivedAt = now
    exchange.readyAt = now + (this.server.find(target)?.resource.delay ?? 0)
    this.queue.push(exchange)
    this.record('http:request-received', { id, method, target, bytes, ...(digest && { digest: digest.value }) })
  }

  /** Asks for the body of a request whose client waits for that, when everything before it is answered. */
  private *welcome(exchange: Exchange): Blocking<void> {
    exchange.expectsContinue = false
    if (this.queue.length > 0) this.startResponding()
    yield* this.untilAnswered()
    if (this.isOver || this.http.finished) return
    this.http.sendContinue()
    this.hasOutput = true
  }

  /** Answers what there is to answer, then ends; ends the connection, too, when that is over. */
  private *respond(): Blocking<void> {
    const { queue, http } = this
    try {
      for (;;) {
        const exchange = http.unanswered > 0 ? queue.shift() : undefined
        if (exchange) yield* this.answer(exchange)
        else if (this.hasOutput) yield* this.flush()
        else break
      }
      if (!http.finished || this.hasEnded) return
      queue.length = 0
      this.socket.shutdown()
      this.lingerer = this.context.spawn(this.linger())
    } catch (error) {
      this.fail(error)
    }
  }

  /** Waits for the client's end, which ends this task too, but not for ever. */
  private *linger(): Blocking<void> {
    yield* this.context.sleep(LINGER)
    this.isOver = true
    this.socket.close()
  }

  private *flush(): Blocking<void> {
    this.hasOutput = false
    for (let piece = this.http.pollTransmit(); piece; piece = this.http.pollTransmit()) yield* this.socket.write(piece)
  }

  private *answer(exchange: Exchange): Blocking<void> {
    const { http, socket, context } = this
    yield* context.processRequest()
    const thinking = exchange.readyAt - context.environment.now
    if (thinking > 0) yield* context.sleep(thinking)
    const { response, content } = this.answerTo(exchange)
    const digest = this.digests ? new Digest() : undefined
    let sent = 0
    const length = content?.length ?? 0
    if (http.respond(response)) {
      // With Nagle's algorithm on, no short segment goes out in the middle of a body.
      socket.setNoDelay(false)
      while (sent < length) {
        const piece = pieceOf(content, sent)
        http.sendBody(piece)
        digest?.update(piece)
        sent += piece.length
        if (sent < length) yield* this.flush()
      }
      http.endBody()
    }
    yield* this.flush()
    socket.setNoDelay(true)
    const { id } = exchange
    const duration = context.environment.now - exchange.receivedAt
    this.record('http:response-sent', {
      id,
      status: response.status,
      bytes: sent,
      duration,
      ...(digest && { digest: digest.value }),
    })
  }

  private answerTo({ method, target, bytes, digest }: Exchange): Answer {
    switch (method) {
      case 'GET':
      case 'HEAD': {
        const found = this.server.find(target)
        if (found === undefined) return text(404, `404 Not Found: ${target}\n`)
        const { path, resource } = found
        const content = this.server.content(path, resource)
        const fields = [SERVER, { name: 'Content-Type', value: resource.type }]
        return { response: { status: 200, fields, body: resource.chunked ? 'chunked' : content.length }, content }
      }
      // Deviates from RFC 9110 section 9.3.4: what is put is not there to be got afterwards, as the answer says.
      case 'POST':
      case 'PUT': {
        const [kept, sum] = [method === 'PUT' ? ', not kept' : '', digest === undefined ? '' : `, digest ${digest.value}`]
        return text(200, `${String(bytes)} bytes received${kept}${sum}\n`)
      }
      case 'OPTIONS':
        return { response: { status: 204, fields: [SERVER, { name: 'Allow', value: ALLOWED }], body: 0 }, content: undefined }
      default:
        return KNOWN_METHODS.has(method)
          ? text(405, `405 Method Not Allowed: ${method}\n`, [{ name: 'Allow', value: ALLOWED }])
          : text(501, `501 Not Implemented: ${method}\n`)
    }
  }
}

const SERVER: HeaderField = { name: 'Server', value: 'packetarium' }

function text(status: number, body: string, more: readonly HeaderField[] = []): Answer {
  const content = encodeLatin1(body)
  const fields = [SERVER, { name: 'Content-Type', value: 'text/plain' }, ...more]
  return { response: { status, fields, body: content.length }, content }
}

function pieceOf(content: Content | Uint8Array | undefined, offset: number): Uint8Array {
  if (content === undefined) return NO_BYTES
  return content instanceof Uint8Array ? content.subarray(offset) : content.piece(offset)
}
