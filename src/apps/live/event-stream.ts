import type { Nanos } from '../../kernel/time.ts'
import type { LiveHub } from './live-hub.ts'
import type { MessageId } from './messages.ts'
import type { Member, Room } from './room.ts'
import type { Told } from './told.ts'

/** Where the events of a stream go. */
export interface EventSink {
  /** @returns false: too much waits there already */
  send(told: Told): boolean
  /** Lines of a stream that are no message. */
  sendText(text: string): boolean
  /** That was all. */
  end(): void
}

const MS = 1_000_000

/** One client's stream of server-sent events (HTML Living Standard, section 9.2): what is said in a room, from a message on. */
export class EventStream implements Member {
  private last: MessageId
  private isOver = false

  /**
   * @param connection its name in the trace
   * @param last what the client has already: Last-Event-ID
   */
  constructor(
    private readonly hub: LiveHub,
    private readonly connection: string,
    private readonly room: Room,
    private readonly sink: EventSink,
    last: MessageId,
  ) {
    this.last = last
  }

  open(): void {
    const { hub, room, last } = this
    hub.record('sse:opened', this.connection, { room: room.name, last })
    this.sink.sendText(`retry: ${String(Math.ceil(hub.options.retry / MS))}\n\n`)
    room.enter(this)
    for (const told of room.since(last)) this.deliver(told)
  }

  deliver(told: Told): void {
    if (told.id <= this.last || this.isOver) return
    this.last = told.id
    if (!this.sink.send(told)) this.end('reads too slowly')
  }

  /** A comment keeps the stream from looking dead, and shows whether it is. */
  beat(): void {
    if (!this.isOver && !this.sink.sendText(':\n\n')) this.end('reads too slowly')
  }

  /** @param after how long the client shall wait before it reconnects */
  leave(after: Nanos): void {
    if (this.isOver) return
    this.sink.sendText(`retry: ${String(Math.ceil(after / MS))}\n\n`)
    this.end('the server goes')
  }

  /** Harmless when it is over. */
  end(why: string): void {
    if (this.isOver) return
    this.isOver = true
    this.room.leave(this)
    this.hub.record('sse:closed', this.connection, { why, last: this.last })
    this.sink.end()
  }
}
