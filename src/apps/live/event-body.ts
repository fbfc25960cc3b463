import type { Blocking } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import type { Nanos } from '../../kernel/time.ts'
import type { BodyStream } from '../http-service.ts'
import { EventStream, type EventSink } from './event-stream.ts'
import type { Attendee, LiveHub } from './live-hub.ts'
import { asciiBytes } from './message-text.ts'
import type { MessageId } from './messages.ts'
import type { Room } from './room.ts'
import type { Told } from './told.ts'

/** A stream of events as the body of a response that somebody else frames and sends: that of HTTP/2. */
export class EventBody implements BodyStream, EventSink, Attendee {
  readonly length = undefined
  readonly number: number
  private readonly inbox: Uint8Array[] = []
  private waiting = 0
  private hasEnded = false
  private readonly changed = new WaitQueue()
  private readonly events: EventStream

  constructor(
    private readonly hub: LiveHub,
    connection: string,
    room: Room,
    last: MessageId,
  ) {
    this.number = hub.nextNumber()
    this.events = new EventStream(hub, connection, room, this, last)
    hub.attend(this)
    this.events.open()
  }

  *read(): Blocking<Uint8Array | undefined> {
    let isInterrupted = true
    try {
      while (this.inbox.length === 0 && !this.hasEnded) yield this.changed
      isInterrupted = false
    } finally {
      // Who reads was told to stop: the client has gone.
      if (isInterrupted) this.cancel()
    }
    const bytes = this.inbox.shift()
    this.waiting -= bytes?.length ?? 0
    return bytes
  }

  cancel(): void {
    this.events.end('the client has gone')
    this.hub.forget(this)
  }

  send(told: Told): boolean {
    return this.push(told.event)
  }

  sendText(text: string): boolean {
    return this.push(asciiBytes(text))
  }

  private push(bytes: Uint8Array): boolean {
    if (this.waiting + bytes.length > this.hub.options.sendQueue) return false
    this.inbox.push(bytes)
    this.waiting += bytes.length
    this.changed.wake()
    return true
  }

  end(): void {
    this.hasEnded = true
    this.hub.forget(this)
    this.changed.wake()
  }

  beat(): void {
    this.events.beat()
  }

  leave(after: Nanos): void {
    this.events.leave(after)
  }
}
