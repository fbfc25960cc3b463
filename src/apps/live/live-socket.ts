import type { Blocking } from '../../host/socket.ts'
import { TimedWait } from '../../host/timed-wait.ts'
import { SECOND, type Nanos } from '../../kernel/time.ts'
import { decodeClientMessage, encodeMessage } from './messages.ts'
import type { Hello, MessageId, Say, ServerMessage } from './messages.ts'
import type { Member, Room } from './room.ts'
import { CODE, ServerSocket, type Message } from './server-socket.ts'
import type { Told } from './told.ts'

/** How long a client is kept waiting for what was said before it came, while the bus does not answer. */
const READING: Nanos = 5 * SECOND
/** After so many messages that nobody understands a client is sent away. */
const PATIENCE = 10
const MS = 1_000_000

/** The WebSocket of one who listens and talks in a room. What is said there is written as it is said. */
export class LiveSocket extends ServerSocket implements Member {
  private room: Room | undefined
  private last: MessageId = 0
  private session = ''
  private misunderstandings = 0

  protected override *take({ bytes }: Message): Blocking<void> {
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
        this.tell({ type: 'pong' })
        return
      case 'pong':
        return
      case 'malformed':
        this.tell({ type: 'refused', key: '', why: message.why })
        if (++this.misunderstandings === PATIENCE) this.close(CODE.policy, 'too many messages that are none')
    }
  }

  private *enter({ room: name, last, session }: Hello): Blocking<void> {
    const { hub } = this
    const { context, options } = hub
    const room = hub.room(name)
    if (room === undefined) {
      this.tell({ type: 'refused', key: '', why: 'there are too many rooms' })
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
    this.tell({ type: 'welcome', session: this.session, resumed })
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

  protected override withdraw(): void {
    this.leaveRoom()
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
      this.tell({ type: 'refused', key, why: 'the client is not in this room' })
      return
    }
    const outcome = yield* hub.say(room, say, this.options.from)
    if ('why' in outcome) {
      this.tell({ type: 'refused', key, why: outcome.why, again: !outcome.isFinal })
      return
    }
    const { id } = outcome
    hub.record('chat:said', this.carrier.connection, { key, id, room: room.name })
    this.tell({ type: 'ack', key, id })
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

  private tell(message: ServerMessage): void {
    this.send('text', encodeMessage(message))
  }

  override leave(after: Nanos): void {
    if (this.socket.state !== 'open') return
    this.tell({ type: 'go-away', after: Math.ceil(after / MS) })
    this.at(this.hub.now + this.hub.options.leaving.linger, () => {
      this.close(CODE.restart, 'the server goes')
    })
  }
}
