import type { AppContext, Blocking } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import { TimedWait } from '../../host/timed-wait.ts'
import { SECOND, type Nanos } from '../../kernel/time.ts'
import { utf8Bytes } from '../../wire/asn1-text.ts'
import { BusClient, type BusEntry } from '../bus/bus-client.ts'
import { BusError } from '../bus/bus-error.ts'
import type { LiveServerOptions } from './live-options.ts'
import { asciiBytes, textOf } from './message-text.ts'
import { decodeServerMessage, messageText } from './messages.ts'
import type { MessageId, News, Said } from './messages.ts'
import type { Room } from './room.ts'
import { Told } from './told.ts'

/** How many entries of one millisecond have ids of their own. */
const SEQUENCES = 4096
/** How many messages of a room the bus keeps at least. */
const KEPT = 10_000
/** How long what was said may take until it is read again. */
const READING: Nanos = 5 * SECOND

/** The id of a stream's entry, `'1526919030474-55'`, as one number that grows with it; exact for some 70 years. */
function numberOf(id: string): MessageId {
  const [milliseconds, sequence] = id.split('-')
  return Number(milliseconds) * SEQUENCES + Math.min(SEQUENCES - 1, Number(sequence))
}

function entryOf(id: MessageId): string {
  return `${String(Math.floor(id / SEQUENCES))}-${String(id % SEQUENCES)}`
}

/** How far a room has been read, and whether there is more. */
interface Reading {
  isReading: boolean
  isStale: boolean
}

/**
 * Rooms that servers share by a bus. What is said is appended to the room's stream, and is safe from then on; a note on the room's channel tells
 * all servers to read on in the stream. So everybody tells everything once and in the same order, and what a server has missed while it was
 * cut off it reads when it is back.
 *
 * Without streams what is said is published, and that is all: it reaches those servers that listen at this moment, each gives it the next number of
 * its own room, and it is acknowledged when the bus has passed it on, be it to nobody.
 */
export class RoomBus {
  private readonly client: BusClient
  private readonly isKept: boolean
  private readonly readings = new Map<Room, Reading>()
  /** Woken when a room has been read. */
  readonly ready = new WaitQueue()

  constructor(
    private readonly context: AppContext,
    private readonly options: LiveServerOptions,
    { to, port, password, stream = true }: NonNullable<LiveServerOptions['bus']>,
    private readonly rooms: ReadonlyMap<string, Room>,
  ) {
    const { name } = context.environment
    this.isKept = stream
    this.client = new BusClient(context, { host: to, port, name, ...(password !== undefined && { password }) })
  }

  /** Begins to listen for a room. */
  open(room: Room): void {
    room.isReady = !this.isKept
    this.readings.set(room, { isReading: false, isStale: false })
    this.client.subscribe(channelOf(room))
  }

  *run(): Blocking<void> {
    this.client.start()
    for (;;) {
      const event = yield* this.client.nextEvent()
      if (this.isKept && (event.type === 'message' || event.type === 'subscribed')) this.readOn(event.channel)
      else if (event.type === 'message') this.hear(event.channel, event.bytes)
    }
  }

  private readOn(channel: string): void {
    const room = this.rooms.get(channel.slice(CHANNEL.length))
    const reading = room && this.readings.get(room)
    if (room === undefined || reading === undefined) return
    reading.isStale = true
    if (!reading.isReading) this.context.spawn(this.read(room, reading))
  }

  private *read(room: Room, reading: Reading): Blocking<void> {
    reading.isReading = true
    try {
      while (reading.isStale) {
        reading.isStale = false
        const entries = yield* this.client.range(channelOf(room), entryOf(room.last))
        for (const entry of entries) this.take(room, entry)
        room.isReady = true
        this.ready.wake()
      }
    } catch (error) {
      // The bus is read again when it is back.
      if (!(error instanceof BusError)) throw error
      this.context.environment.record('live:bus-failed', '', { room: room.name, error: error.problem, detail: error.message })
    } finally {
      reading.isReading = false
    }
  }

  /** What is only published: its key in a line of its own, and the message. */
  private hear(channel: string, bytes: Uint8Array): void {
    const room = this.rooms.get(channel.slice(CHANNEL.length))
    const end = bytes.indexOf(LINE_FEED)
    const message = decodeServerMessage(bytes.subarray(end + 1))
    if (room === undefined || end < 0 || (message.type !== 'said' && message.type !== 'news')) return
    const id = Math.max(room.last + 1, message.id)
    room.add(new Told(id, messageText({ ...message, id })), textOf(bytes.subarray(0, end)) ?? '', this.options.history)
  }

  private take(room: Room, { id, fields }: BusEntry): void {
    const value = (name: string): Uint8Array => fields.find(([field]) => field === name)?.[1] ?? new Uint8Array(0)
    const message = decodeServerMessage(value('message'))
    if (message.type !== 'said' && message.type !== 'news') return
    const number = numberOf(id)
    room.add(new Told(number, messageText({ ...message, id: number })), textOf(value('key')) ?? '', this.options.history)
  }

  /**
   * Says something to all servers.
   * @returns the id under which it is told, once the bus has it: where it is in the stream twice, because it was said again to another server or
   *   after a crash, that of the first. Throws BusError
   */
  *say(room: Room, key: string, message: Said | News): Blocking<MessageId> {
    if (!this.isKept) {
      const id = room.nextId()
      const line = utf8Bytes(`${key.replaceAll('\n', ' ')}\n${messageText({ ...message, id })}`)
      yield* this.client.publish(channelOf(room), line)
      return room.known(key) ?? id
    }
    // Its id is the entry's.
    const entry = { key, message: messageText({ ...message, id: 1 }) }
    // What begins now goes out behind the command below, and is answered with it.
    this.readOn(channelOf(room))
    const id = yield* this.client.append(channelOf(room), entry, Math.max(KEPT, this.options.history))
    this.context.spawn(this.note(room, id))
    const number = numberOf(id)
    yield* this.untilRead(room, number)
    return room.known(key) ?? number
  }

  private *untilRead(room: Room, id: MessageId): Blocking<void> {
    const { environment } = this.context
    const until = environment.now + READING
    while (room.last < id) {
      if (environment.now >= until) throw new BusError('timed-out', '', 'what was said could not be read again')
      if (this.readings.get(room)?.isReading === false) this.readOn(channelOf(room))
      yield new TimedWait(this.ready, environment, until)
    }
  }

  private *note(room: Room, id: string): Blocking<void> {
    try {
      yield* this.client.publish(channelOf(room), asciiBytes(id))
    } catch (error) {
      if (!(error instanceof BusError)) throw error
      // It is in the stream: others read it with the next note, or when they are back.
      this.context.environment.record('live:bus-failed', '', { room: room.name, error: error.problem, detail: error.message })
    }
  }
}

const CHANNEL = 'room:'
const LINE_FEED = 10

/** Of a room's notes, and of its stream. */
function channelOf(room: Room): string {
  return CHANNEL + room.name
}
