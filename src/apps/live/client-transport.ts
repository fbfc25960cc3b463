import type { AppContext, Blocking } from '../../host/socket.ts'
import type { EventData } from '../../kernel/machine.ts'
import type { Random } from '../../kernel/random.ts'
import type { Nanos } from '../../kernel/time.ts'
import type { HeaderField } from '../../wire/http1.ts'
import type { ByteStream } from '../byte-stream.ts'
import type { ClientSettings } from './client-options.ts'
import type { Malformed, MessageId, Say, ServerMessage } from './messages.ts'

/** How a connection ended, or why none came about. */
export interface Ending {
  /** `'ECONNREFUSED'`, `'close 1012'`, `'503'`. */
  readonly why: string
  /** How long the server has told the client to stay away, in nanoseconds; −1: it has not. */
  readonly told: Nanos
  /** Whether the server wants no more connections from this client (204 to an event stream, HTML Living Standard section 9.2.3). */
  readonly isFinal?: boolean
}

/** The server has told nothing about when to come back. */
export const UNTOLD = -1

/** One connection's way of hearing and saying. */
export interface ClientTransport {
  /** Connects, and talks until it is over. Throws SocketError. */
  run(): Blocking<Ending>
  say(say: Say): void
  /** Asks whether the server is there, where there is a way to. */
  ask(): void
  /** Tells the server that this is the end, and ends. */
  leave(): void
  /** When it is to be looked after again; undefined: never. */
  pollTimeout(): Nanos | undefined
  handleTimeout(now: Nanos): void
}

/** The client, as its transports see it. */
export interface TransportOwner {
  readonly context: AppContext
  readonly settings: ClientSettings
  readonly random: Random
  readonly room: string
  /** Newest message that it has; 0: none, or it does not go on where it was. */
  readonly last: MessageId
  /** Token of an earlier `welcome`; '': none. */
  readonly session: string
  /** Host and port, as the field Host has them. */
  readonly authority: string
  /** What stands before paths: `'/chat'`; mostly ''. */
  readonly prefix: string
  /** Fields of every request besides Host: cookies. */
  readonly fields: readonly HeaderField[]
  /** Opens the connection that stands for the client's: it is torn down when the client gives up. Throws SocketError. */
  connect(): Blocking<ByteStream>
  /** Opens one more to the same server. Throws SocketError. */
  connectAgain(): Blocking<ByteStream>
  /** Something was heard, whatever it was. */
  alive(): void
  /** The server has let the client in. */
  entered(session: string, isResumed: boolean): void
  heard(message: ServerMessage | Malformed): void
  /** Fields of an answer. */
  noticed(fields: readonly HeaderField[]): void
  /** Whether it has given up the connection by itself. */
  readonly hasGivenUp: boolean
  /** Tears down what there is. */
  giveUp(why: string): void
  /** About the connection that there is. */
  record(name: string, data: EventData): void
  /** Its deadlines have changed. */
  rearm(): void
}
