import type { Blocking } from '../../host/socket.ts'
import { SocketError } from '../../host/socket.ts'
import type { Timer } from '../../kernel/machine.ts'
import { SECOND, type Nanos } from '../../kernel/time.ts'
import { WebSocketConnection } from '../../protocols/websocket/connection.ts'
import type { WebSocketEvent } from '../../protocols/websocket/event.ts'
import type { WebSocketAgreement } from '../../protocols/websocket/opening.ts'
import type { WebSocketSettings } from '../../protocols/websocket/options.ts'
import type { ByteStream } from '../byte-stream.ts'
import type { Attendee, LiveHub } from './live-hub.ts'
import { Outlet } from './outlet.ts'

/** Status codes of RFC 6455 section 7.4.1 and of IANA's registry. */
export const CODE = { policy: 1008, restart: 1012, later: 1013 } as const
const ABNORMAL = 1006
/** How long after a Close that says what the client did wrong what still comes is read: else it would reset the connection before that is heard. */
const LINGER: Nanos = 2 * SECOND

/** What a WebSocket is carried by. */
export type SocketCarrier = Pick<ByteStream, 'connection' | 'readNow' | 'arrival' | 'write' | 'shutdown' | 'close' | 'reset'>

export interface ServerSocketOptions {
  readonly agreement: WebSocketAgreement
  /** Shared by all. */
  readonly settings: WebSocketSettings
  readonly url: string
  /** Version of HTTP that it was opened over: `'HTTP/1.1'`. */
  readonly version: string
  /** What others know the client by. */
  readonly from: string
}

export type Message = Extract<WebSocketEvent, { type: 'message' }>

/** The server's end of one client's WebSocket: one task, which reads. What messages are for is the business of each kind. */
export abstract class ServerSocket implements Attendee {
  readonly number: number
  protected readonly socket: WebSocketConnection
  protected readonly outlet: Outlet
  protected isOver = false
  private lingers = false
  /** Whether anything was heard since the last beat, and whether it was asked for. */
  private isHeard = true
  private isAsked = false
  private timer: Timer | undefined
  /** Whether it is recorded how it ended. */
  private isClosed = false

  constructor(
    protected readonly hub: LiveHub,
    protected readonly carrier: SocketCarrier,
    protected readonly options: ServerSocketOptions,
  ) {
    const { agreement, settings } = options
    this.number = hub.nextNumber()
    this.socket = new WebSocketConnection({ role: 'server', settings, deflate: agreement.deflate })
    this.outlet = new Outlet(hub.context, carrier)
  }

  /** Answers a message; no other is taken before this is done. */
  protected abstract take(message: Message): Blocking<void>
  /** It is over: leaves whatever it takes part in. */
  protected abstract withdraw(): void
  /** The client is told to go. */
  abstract leave(after: Nanos): void

  /** @param first bytes that came behind the request */
  *run(first: Uint8Array): Blocking<void> {
    const { carrier, socket, hub } = this
    const { agreement, url, version } = this.options
    const { protocol, extensions } = agreement
    hub.record('websocket:opened', carrier.connection, { url, protocol, extensions, version })
    try {
      if (first.length > 0) yield* this.receive(first)
      while (!this.isOver) {
        const bytes = carrier.readNow()
        if (bytes !== undefined) {
          yield* this.receive(bytes)
          continue
        }
        const wait = carrier.arrival
        if (wait !== undefined) {
          yield wait
          continue
        }
        socket.handleEnd(hub.now)
        yield* this.takeEvents()
        break
      }
      if (this.lingers) yield* this.linger()
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      this.recordClosed(ABNORMAL, error.code, false, 'network')
    } finally {
      this.isOver = true
      this.timer?.cancel()
      this.withdraw()
      this.outlet.forget()
      this.recordClosed(ABNORMAL, '', false, 'local')
      carrier.close()
    }
  }

  private *receive(bytes: Uint8Array): Blocking<void> {
    this.isHeard = true
    this.socket.handle(bytes, this.hub.now)
    yield* this.takeEvents()
    this.flush()
    // The answer to a Close was the last thing to say, and once it is out the connection is over.
    yield* this.takeEvents()
  }

  private *takeEvents(): Blocking<void> {
    const { socket } = this
    for (let event = socket.pollEvent(); event !== undefined; event = socket.pollEvent()) {
      if (event.type === 'message') {
        this.recordMessage('websocket:message-received', event.bytes.length, event.opcode)
        yield* this.take(event)
      } else this.takeEnd(event)
    }
  }

  private takeEnd(event: WebSocketEvent): void {
    if (event.type !== 'closed') return
    const { code, reason, clean, error } = event
    // What is left to say, its own Close among it, goes out before the stream is closed.
    this.flush()
    this.isOver = true
    this.lingers = error !== undefined && error.code !== ABNORMAL
    this.recordClosed(error?.code ?? code, error?.detail ?? reason, clean, error?.whose ?? 'remote')
  }

  /** RFC 6455 section 7.1.1. */
  private *linger(): Blocking<void> {
    const { carrier } = this
    this.at(this.hub.now + LINGER, () => {
      carrier.close()
    })
    yield* this.outlet.drained()
    carrier.shutdown()
    for (;;) {
      if (carrier.readNow() !== undefined) continue
      const { arrival } = carrier
      if (arrival === undefined) return
      yield arrival
    }
  }

  private recordClosed(code: number, reason: string, clean: boolean, whose: string): void {
    if (this.isClosed) return
    this.isClosed = true
    this.hub.record('websocket:closed', this.carrier.connection, { code, reason, clean, whose })
  }

  protected recordMessage(name: string, length: number, opcode: string): void {
    const { environment } = this.hub.context
    if (environment.isBrief) environment.omit()
    else environment.record(name, this.carrier.connection, { length, opcode })
  }

  /** Sends a message, now or as soon as the client reads. */
  protected send(opcode: Message['opcode'], bytes: Uint8Array): void {
    if (this.socket.state !== 'open') return
    this.recordMessage('websocket:message-sent', bytes.length, opcode)
    if (opcode === 'text') this.socket.sendText(bytes)
    else this.socket.sendBinary(bytes)
    this.flush()
  }

  protected flush(): void {
    const { now } = this.hub
    for (let bytes = this.socket.pollTransmit(now); bytes !== undefined; bytes = this.socket.pollTransmit(now)) this.push(bytes)
  }

  protected push(bytes: Uint8Array): void {
    if (this.outlet.send(bytes, this.hub.options.sendQueue) || this.socket.state !== 'open') return
    const { waiting } = this.outlet
    this.hub.record('live:slow-reader-dropped', this.carrier.connection, { waiting })
    this.outlet.forget()
    this.close(CODE.later, 'the client reads too slowly')
  }

  protected close(code: number, reason: string): void {
    this.socket.close(code, reason)
    this.flush()
    const deadline = this.socket.pollTimeout()
    if (deadline !== undefined) this.at(deadline, () => this.giveUp())
  }

  /** A close that nobody answers. */
  private giveUp(): void {
    this.recordClosed(ABNORMAL, 'Close was not answered in time', false, 'network')
    this.isOver = true
    this.carrier.reset()
  }

  /** There is one timer at most: the later thing to do takes the place of the earlier. */
  protected at(time: Nanos, action: () => void): void {
    this.timer?.cancel()
    this.timer = this.hub.context.environment.schedule(time, action)
  }

  beat(): void {
    const wasHeard = this.isHeard
    this.isHeard = false
    if (wasHeard) {
      this.isAsked = false
      return
    }
    if (this.isAsked) {
      this.recordClosed(ABNORMAL, 'no answer to a Ping', false, 'network')
      this.isOver = true
      this.carrier.reset()
      return
    }
    this.isAsked = true
    if (this.socket.state !== 'open') return
    this.socket.ping()
    this.flush()
  }
}
