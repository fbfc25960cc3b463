import type { Blocking } from '../../host/socket.ts'
import { SocketError } from '../../host/socket.ts'
import { TimedWait } from '../../host/timed-wait.ts'
import type { Timer } from '../../kernel/machine.ts'
import { SECOND, type Nanos } from '../../kernel/time.ts'
import { WebSocketConnection } from '../../protocols/websocket/connection.ts'
import type { WebSocketEvent } from '../../protocols/websocket/event.ts'
import type { WebSocketAgreement } from '../../protocols/websocket/opening.ts'
import type { WebSocketSettings } from '../../protocols/websocket/options.ts'
import type { ByteStream } from '../byte-stream.ts'
import type { Attendee, LiveHub } from './live-hub.ts'
import { decodeClientMessage, encodeMessage } from './messages.ts'
import type { Hello, MessageId, Say, ServerMessage } from './messages.ts'
import { Outlet } from './outlet.ts'
import type { Member, Room } from './room.ts'
import type { Told } from './told.ts'

/** How long a client is kept waiting for what was said before it came, while the bus does not answer. */
const READING: Nanos = 5 * SECOND
/** After so many messages that nobody understands a client is sent away. */
const PATIENCE = 10
/** Status codes of RFC 6455 section 7.4.1 and of IANA's registry. */
const CODE = { policy: 1008, restart: 1012, later: 1013 } as const
const ABNORMAL = 1006
const MS = 1_000_000

/** What a WebSocket is carried by. */
type SocketCarrier = Pick<ByteStream, 'connection' | 'readNow' | 'arrival' | 'write' | 'close' | 'reset'>

interface LiveSocketOptions {
  readonly agreement: WebSocketAgreement
  /** Shared by all. */
  readonly settings: WebSocketSettings
  readonly url: string
  /** Version of HTTP that it was opened over: `'HTTP/1.1'`. */
  readonly version: string
  /** What others know the client by. */
  readonly from: string
}

/** One client's WebSocket: one task, which reads. What is said in its room is written as it is said. */
export class LiveSocket implements Member, Attendee {
  readonly number: number
  private readonly socket: WebSocketConnection
  private readonly outlet: Outlet
  private room: Room | undefined
  private last: MessageId = 0
  private session = ''
  /** Whether anything was heard since the last beat, and whether it was asked for. */
  private isHeard = true
  private isAsked = false
  private misunderstandings = 0
  private timer: Timer | undefined
  private isOver = false
  /** Whether it is recorded how it ended. */
  private isClosed = false

  constructor(
    private readonly hub: LiveHub,
    private readonly carrier: SocketCarrier,
    private readonly options: LiveSocketOptions,
  ) {
    const { agreement, settings } = options
    this.number = hub.nextNumber()
    this.socket = new WebSocketConnection({ role: 'server', settings, deflate: agreement.deflate })
    this.outlet = new Outlet(hub.context, carrier)
  }

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
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      this.recordClosed(ABNORMAL, error.code, false, 'network')
    } finally {
      this.isOver = true
      this.timer?.cancel()
      this.leaveRoom()
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
        yield* this.take(event.bytes)
      } else this.takeEnd(event)
    }
  }

  private takeEnd(event: WebSocketEvent): void {
    if (event.type !== 'closed') return
    const { code, reason, clean, error } = event
    // What is left to say, its own Close among it, goes out before the stream is closed.
    this.flush()
    this.isOver = true
    this.recordClosed(error?.code ?? code, error?.detail ?? reason, clean, error?.whose ?? 'remote')
  }

  private recordClosed(code: number, reason: string, clean: boolean, whose: string): void {
    if (this.isClosed) return
    this.isClosed = true
    this.hub.record('websocket:closed', this.carrier.connection, { code, reason, clean, whose })
  }

  private recordMessage(name: string, length: number, opcode: string): void {
    const { environment } = this.hub.context
    if (environment.isBrief) environment.omit()
    else environment.record(name, this.carrier.connection, { length, opcode })
  }

  private *take(bytes: Uint8Array): Blocking<void> {
    yield* this.hub.context.processMessage()
    const message = decodeClientMessage(bytes)
    switch (message.type) {
      case 'hello':
        yield* this.enter(message)
        return
      case 'say':
        yield* this.say(message)
        return
      case 'ping':
        this.send({ type: 'pong' })
        return
      case 'pong':
        return
      case 'malformed':
        this.send({ type: 'refused', key: '', why: message.why })
        if (++this.misunderstandings === PATIENCE) this.close(CODE.policy, 'too many messages that are none')
    }
  }

  private *enter({ room: name, last, session }: Hello): Blocking<void> {
    const { hub } = this
    const { context, options } = hub
    const room = hub.room(name)
    if (room === undefined) {
      this.send({ type: 'refused', key: '', why: 'there are too many rooms' })
      return
    }
    this.leaveRoom()
    const resumed = session !== '' && hub.sessions.resume(session, name, hub.now)
    if (!resumed && options.shed.delay > 0 && context.processorDelay() > options.shed.delay) {
      // Whom it has no time for is sent away before work is done for him.
      hub.record('live:connection-refused', this.carrier.connection, {
        why: 'processor',
        by: 'go-away',
        connections: hub.present,
      })
      this.leave(options.admission.retryAfter)
      return
    }
    if (!resumed) yield* context.processFor(options.join.cost)
    yield* this.untilReady(room)
    const missed = room.since(last).length
    yield* context.processFor(options.join.message * missed)
    if (this.isOver) return
    this.session = resumed ? session : hub.sessions.issue(name, hub.now, options.sessions)
    hub.record('live:joined', this.carrier.connection, { room: name, resumed, missed, last })
    this.send({ type: 'welcome', session: this.session, resumed })
    this.room = room
    this.last = last
    room.enter(this)
    for (const told of room.since(last)) this.deliver(told)
  }

  private *untilReady(room: Room): Blocking<void> {
    const { hub } = this
    const { bus, context } = hub
    const until = hub.now + READING
    while (bus !== undefined && !room.isReady && hub.now < until) yield new TimedWait(bus.ready, context.environment, until)
  }

  private leaveRoom(): void {
    const { room, hub, session } = this
    if (room === undefined) return
    this.room = undefined
    room.leave(this)
    hub.sessions.leave(session, room.name, hub.now, hub.options.sessions)
  }

  private *say(say: Say): Blocking<void> {
    const { hub, room } = this
    const { key } = say
    if (room === undefined || room.name !== say.room) {
      this.send({ type: 'refused', key, why: 'the client is not in this room' })
      return
    }
    const outcome = yield* hub.say(room, say, this.options.from)
    if ('why' in outcome) {
      this.send({ type: 'refused', key, why: outcome.why, again: !outcome.isFinal })
      return
    }
    const { id } = outcome
    hub.record('chat:said', this.carrier.connection, { key, id, room: room.name })
    this.send({ type: 'ack', key, id })
  }

  deliver(told: Told): void {
    if (told.id <= this.last || this.socket.state !== 'open') return
    this.last = told.id
    this.recordMessage('websocket:message-sent', told.text.length, 'text')
    if (this.options.agreement.deflate === undefined) {
      this.push(told.frame)
      return
    }
    this.socket.sendText(told.payload)
    this.flush()
  }

  private send(message: ServerMessage): void {
    if (this.socket.state !== 'open') return
    const bytes = encodeMessage(message)
    this.recordMessage('websocket:message-sent', bytes.length, 'text')
    this.socket.sendText(bytes)
    this.flush()
  }

  private flush(): void {
    const { now } = this.hub
    for (let bytes = this.socket.pollTransmit(now); bytes !== undefined; bytes = this.socket.pollTransmit(now)) this.push(bytes)
  }

  private push(bytes: Uint8Array): void {
    if (this.outlet.send(bytes, this.hub.options.sendQueue) || this.socket.state !== 'open') return
    const { waiting } = this.outlet
    this.hub.record('live:slow-reader-dropped', this.carrier.connection, { waiting })
    this.outlet.forget()
    this.close(CODE.later, 'the client reads too slowly')
  }

  private close(code: number, reason: string): void {
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
  private at(time: Nanos, action: () => void): void {
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

  leave(after: Nanos): void {
    if (this.socket.state !== 'open') return
    this.send({ type: 'go-away', after: Math.ceil(after / MS) })
    this.at(this.hub.now + this.hub.options.leaving.linger, () => {
      this.close(CODE.restart, 'the server goes')
    })
  }
}
