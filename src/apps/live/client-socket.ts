import { randomBytesFrom } from '../../crypto/random-bytes.ts'
import type { Blocking } from '../../host/socket.ts'
import type { Nanos } from '../../kernel/time.ts'
import { Http1Client, type Http1ClientEvent } from '../../protocols/http1/client.ts'
import { WebSocketConnection } from '../../protocols/websocket/connection.ts'
import { judgeAnswer, openingFields, webSocketKey, type WebSocketWish } from '../../protocols/websocket/opening.ts'
import { DEFAULT_WEBSOCKET_SETTINGS, type WebSocketSettings } from '../../protocols/websocket/options.ts'
import type { ByteStream } from '../byte-stream.ts'
import { retryAfterOf } from './client-request.ts'
import { UNTOLD, type ClientTransport, type Ending, type TransportOwner } from './client-transport.ts'
import { fieldOf } from './live-request.ts'
import { decodeServerMessage, encodeMessage, type ClientMessage, type Say } from './messages.ts'
import { Outlet } from './outlet.ts'

/** Most bytes that wait to be sent. */
const SEND_QUEUE = 1_048_576
const MEBIBYTE = 1_048_576
/** Of all clients. */
const SETTINGS: WebSocketSettings = { ...DEFAULT_WEBSOCKET_SETTINGS, maxMessage: MEBIBYTE, maxFrame: MEBIBYTE, closeTimeout: 5e9 }

/** Status codes of IANA's registry for WebSocket: the server restarts; try again later. */
const RESTART = 1012
const TRY_LATER = 1013
/** Normal closure, and going away: RFC 6455 section 7.4.1. */
const NORMAL = 1000
/** Who is told to come back later, and not when, is to choose a time between these. */
const LATER_LEAST: Nanos = 5e9
const LATER_SPREAD: Nanos = 25e9

/** A client's WebSocket over HTTP/1.1. What its opening took is let go once it is open. */
export class ClientSocket implements ClientTransport {
  private socket: WebSocketConnection | undefined
  private outlet: Outlet | undefined
  private ending: Ending | undefined

  constructor(private readonly owner: TransportOwner) {}

  *run(): Blocking<Ending> {
    const { owner } = this
    const stream = yield* owner.connect()
    const first = yield* this.open(stream)
    if (first === undefined) return this.ending ?? { why: 'the handshake failed', told: UNTOLD }
    this.outlet = new Outlet(owner.context, stream)
    const { room, last, session } = owner
    this.send({ type: 'hello', room, last, session })
    if (first.length > 0) this.receive(first)
    while (this.ending === undefined) {
      const bytes = stream.readNow()
      if (bytes !== undefined) this.receive(bytes)
      else if (stream.arrival !== undefined) yield stream.arrival
      else {
        this.socket?.handleEnd(owner.context.environment.now)
        this.takeEvents()
        this.ending ??= { why: 'the connection ended', told: UNTOLD }
      }
      if (this.ending === undefined) this.takeEvents()
    }
    return this.ending
  }

  /** The handshake of RFC 6455 section 4.1. @returns what came behind it; undefined: it failed, and `ending` says why */
  private *open(stream: ByteStream): Blocking<Uint8Array | undefined> {
    const { owner } = this
    const { environment } = owner.context
    const http = new Http1Client()
    const wish: WebSocketWish = owner.settings.compression ? { deflate: [{}] } : {}
    const key = webSocketKey(randomBytesFrom(owner.random))
    const target = `${owner.prefix}/live`
    const fields = [{ name: 'Host', value: owner.authority }, ...openingFields(wish, key), ...owner.fields]
    http.upgrade({ target, fields, protocol: 'websocket' })
    for (let bytes = http.pollTransmit(); bytes !== undefined; bytes = http.pollTransmit()) yield* stream.write(bytes)
    for (;;) {
      const bytes = yield* stream.read()
      owner.alive()
      if (bytes === undefined) http.handleEnd(environment.now)
      else http.handle(bytes, environment.now)
      for (let event = http.pollEvent(); event !== undefined; event = http.pollEvent()) {
        if (event.type === 'upgraded') {
          const { rest, fields: answered } = event
          const answer = judgeAnswer({ status: 101, fields: answered }, wish, key)
          owner.noticed(answered)
          if (!answer.accepted) {
            owner.record('websocket:failed', { detail: answer.detail, cites: answer.cites, whose: 'remote' })
            this.ending = { why: 'the handshake failed', told: UNTOLD }
            return undefined
          }
          const { protocol, deflate, extensions } = answer.agreement
          const maskKey = (): number => owner.random.uint32()
          this.socket = new WebSocketConnection({ role: 'client', maskKey, settings: SETTINGS, deflate })
          const url = `${stream.carriers === undefined ? 'ws' : 'wss'}://${owner.authority}${target}`
          owner.record('websocket:opened', { url, protocol, extensions, version: 'HTTP/1.1' })
          return rest
        }
        this.ending = refusal(event)
        if (event.type === 'response') owner.noticed(event.fields)
        if (this.ending !== undefined) return undefined
      }
    }
  }

  private receive(bytes: Uint8Array): void {
    this.owner.alive()
    this.socket?.handle(bytes, this.owner.context.environment.now)
  }

  private takeEvents(): void {
    const { socket, owner } = this
    if (socket === undefined) return
    for (let event = socket.pollEvent(); event !== undefined; event = socket.pollEvent()) {
      if (event.type === 'message') {
        this.recordMessage('websocket:message-received', event.bytes.length, event.opcode)
        owner.heard(decodeServerMessage(event.bytes))
      } else if (event.type === 'closed') {
        const { code, reason, clean, error } = event
        owner.record('websocket:closed', {
          code: error?.code ?? code,
          reason: error?.detail ?? reason,
          clean,
          whose: error?.whose ?? 'remote',
        })
        this.ending = { why: error === undefined ? `close ${String(code)}` : error.detail, told: this.toldBy(code) }
      }
    }
    this.flush()
  }

  private toldBy(code: number): Nanos {
    if (code !== RESTART && code !== TRY_LATER) return UNTOLD
    return LATER_LEAST + Math.floor(this.owner.random.next() * LATER_SPREAD)
  }

  private recordMessage(name: string, length: number, opcode: string): void {
    const { environment } = this.owner.context
    if (environment.isBrief) environment.omit()
    else this.owner.record(name, { length, opcode })
  }

  private send(message: ClientMessage): void {
    const { socket } = this
    if (socket?.state !== 'open') return
    const bytes = encodeMessage(message)
    this.recordMessage('websocket:message-sent', bytes.length, 'text')
    socket.sendText(bytes)
    this.flush()
  }

  private flush(): void {
    const { socket, outlet, owner } = this
    if (socket === undefined || outlet === undefined) return
    const { now } = owner.context.environment
    for (let bytes = socket.pollTransmit(now); bytes !== undefined; bytes = socket.pollTransmit(now)) {
      if (!outlet.send(bytes, SEND_QUEUE)) owner.giveUp('the server does not read')
    }
    if (socket.pollTimeout() !== undefined) owner.rearm()
  }

  say(say: Say): void {
    this.send(say)
  }

  ask(): void {
    this.send({ type: 'ping' })
  }

  leave(): void {
    this.socket?.close(NORMAL)
    this.flush()
  }

  pollTimeout(): Nanos | undefined {
    return this.socket?.pollTimeout()
  }

  handleTimeout(now: Nanos): void {
    const { socket } = this
    if (socket === undefined) return
    socket.handleTimeout(now)
    if (socket.state === 'closed') this.owner.giveUp('Close was not answered in time')
  }
}

/** What an answer that is no upgrade means. @returns undefined: nothing, yet */
function refusal(event: Http1ClientEvent): Ending | undefined {
  if (event.type === 'response') return { why: String(event.status), told: retryAfterOf(fieldOf(event.fields, 'retry-after')) }
  return event.type === 'closed' ? { why: event.error?.detail ?? 'the connection ended', told: UNTOLD } : undefined
}
