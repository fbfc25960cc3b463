import type { AppContext, Blocking } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import type { EventData } from '../../kernel/machine.ts'
import type { Nanos } from '../../kernel/time.ts'
import { BusError } from '../bus/bus-error.ts'
import type { LiveServerOptions } from './live-options.ts'
import { messageText } from './messages.ts'
import type { MessageId, News, Said, Say } from './messages.ts'
import { Room } from './room.ts'
import type { RoomBus } from './room-bus.ts'
import { Sessions } from './sessions.ts'
import { Told } from './told.ts'

/** A connection that can be told to go, and asked whether it is there. */
export interface Attendee {
  /** To spread over time what is done with all. */
  readonly number: number
  /** Another period without a sign of life is over. */
  beat(): void
  /** @param after how long the client shall wait before it comes again, in nanoseconds */
  leave(after: Nanos): void
}

/** What came of something that was to be said. */
export type SayOutcome =
  | { readonly id: MessageId }
  /** `isFinal`: it would be the same if it were said again. */
  | { readonly why: string; readonly isFinal: boolean }

/** What all connections of a server share: rooms, sessions, and who is there. */
export class LiveHub {
  readonly rooms = new Map<string, Room>()
  readonly sessions: Sessions
  readonly attendees = new Set<Attendee>()
  /** Connections that are open. */
  present = 0
  /** Attendees so far. */
  private count = 0
  /** Whether everybody is told to go. */
  isDraining = false
  /** Woken when the first attendee has come, when the last has gone, and when an option has changed. */
  readonly changed = new WaitQueue()
  bus: RoomBus | undefined

  constructor(
    readonly context: AppContext,
    readonly options: LiveServerOptions,
  ) {
    this.sessions = new Sessions(context.environment.random('live-sessions'), options.sessionSecret)
  }

  get now(): Nanos {
    return this.context.environment.now
  }

  record(name: string, connection: string, data: EventData): void {
    this.context.environment.record(name, connection, data)
  }

  /** For an attendee. */
  nextNumber(): number {
    return this.count++
  }

  attend(attendee: Attendee): void {
    this.attendees.add(attendee)
    if (this.attendees.size === 1) this.changed.wake()
  }

  forget(attendee: Attendee): void {
    if (this.attendees.delete(attendee) && this.attendees.size === 0) this.changed.wake()
  }

  /** A room, which is made when it is first asked for; undefined: there are too many. */
  room(name: string): Room | undefined {
    let room = this.rooms.get(name)
    if (room === undefined && this.rooms.size < this.options.rooms) {
      room = new Room(this.context, name)
      this.rooms.set(name, room)
      this.bus?.open(room)
    }
    return room
  }

  /** How long a client that is told to go shall wait: drawn for each. */
  private wait(): Nanos {
    const { after, spread } = this.options.leaving
    return after + (spread === 0 ? 0 : Math.floor(this.context.environment.random('live-leaving').next() * spread))
  }

  /** Tells somebody to go. */
  dismiss(attendee: Attendee): void {
    attendee.leave(this.wait())
  }

  /** Says something in a room for a client. Blocks until it is said, with a bus until that has it. What was said already is not said again. */
  *say(room: Room, say: Say, from: string): Blocking<SayOutcome> {
    const { key, text, sentAt } = say
    const known = room.known(key)
    if (known !== undefined) return { id: known }
    const id = yield* this.publish(room, key, (id): Said => ({ type: 'said', room: room.name, id, from, text, sentAt }))
    return typeof id === 'number' ? { id } : id
  }

  /** Publishes a piece of news. @returns its id; undefined: the bus does not have it */
  *announce(room: Room, text: string): Blocking<MessageId | undefined> {
    const sentAt = this.now
    const id = yield* this.publish(room, '', (id): News => ({ type: 'news', room: room.name, id, text, sentAt }))
    return typeof id === 'number' ? id : undefined
  }

  private *publish(
    room: Room,
    key: string,
    message: (id: MessageId) => Said | News,
  ): Blocking<MessageId | { readonly why: string; readonly isFinal: boolean }> {
    const { bus } = this
    if (bus === undefined) {
      const id = room.nextId()
      room.add(new Told(id, messageText(message(id))), key, this.options.history)
      return id
    }
    try {
      return yield* bus.say(room, key, message(0))
    } catch (error) {
      if (!(error instanceof BusError)) throw error
      return { why: `the bus: ${error.message}`, isFinal: false }
    }
  }
}
