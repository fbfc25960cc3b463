import type { AppContext, Blocking, Wait } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import { MILLISECOND, SECOND, type Nanos } from '../../kernel/time.ts'
import { byteText } from '../../wire/resp-buffer.ts'
import type { RespValue } from '../../wire/resp.ts'
import { BusCommands } from './bus-commands.ts'
import { BusError } from './bus-error.ts'
import { BusLink, type BusLinkOptions, type BusLinkOwner } from './bus-link.ts'
import { BusSubscriptions } from './bus-subscriptions.ts'
import type { BusEvent } from './bus-event.ts'

export interface BusClientOptions {
  /** Name or address of the host of the bus. */
  readonly host: string
  /** Default 6379. */
  readonly port?: number
  /** For AUTH; absent: none is needed. */
  readonly password?: string
  /** As the bus lists this client. */
  readonly name?: string
  /** Version of RESP. Default 3. */
  readonly protocol?: 2 | 3
  /** How long connecting may take. Default 5 s. */
  readonly connectTimeout?: Nanos
  /** How long a command may wait for its answer, or for a connection; 0: for ever. Default 5 s. */
  readonly commandTimeout?: Nanos
  /** Waits before connecting again: full jitter under base · 2^n, at most the cap. Defaults 50 ms and 2 s. */
  readonly backoffBase?: Nanos
  readonly backoffCap?: Nanos
  /** Bytes of commands that may wait for a connection, or to be sent; beyond that commands block. Default 1 MiB. */
  readonly buffer?: number
}

/** An entry of a stream. */
export interface BusEntry {
  /** `'1526919030474-55'`. */
  readonly id: string
  /** In their order. */
  readonly fields: readonly (readonly [name: string, value: Uint8Array])[]
}

/** Names and values of an entry, in their order. Texts go as UTF-8. */
export type BusFields = Readonly<Record<string, string | Uint8Array>>

const DEFAULT_BUFFER = 1_048_576

function linkOptions(options: BusClientOptions): BusLinkOptions {
  return {
    host: options.host,
    port: options.port ?? 6379,
    password: options.password,
    name: options.name ?? '',
    protocol: options.protocol ?? 3,
    connectTimeout: options.connectTimeout ?? 5 * SECOND,
    backoffBase: options.backoffBase ?? 50 * MILLISECOND,
    backoffCap: options.backoffCap ?? 2 * SECOND,
  }
}

function misfit(value: RespValue): BusError {
  return new BusError('protocol', '', `an answer of type ${value.type} was not expected`)
}

function entryOf(value: RespValue): BusEntry | undefined {
  const [id, fields] = value.type === 'array' ? value.items : []
  if (id?.type !== 'bulk' || fields?.type !== 'array') return undefined
  const pairs: (readonly [string, Uint8Array])[] = []
  for (let i = 0; i + 1 < fields.items.length; i += 2) {
    const [name, word] = [fields.items[i], fields.items[i + 1]]
    if (name.type !== 'bulk' || word.type !== 'bulk') return undefined
    pairs.push([byteText(name.value), word.value.slice()])
  }
  return { id: byteText(id.value), fields: pairs }
}

/**
 * A client of a bus that speaks RESP, for other applications of a host: commands in a pipeline over one connection, subscriptions over
 * another. Both are made when they are first needed, and made again when they go; subscriptions are renewed then. A command whose
 * connection goes fails, for nobody knows whether it was carried out: whether it is sent again is for its caller to decide.
 */
export class BusClient {
  private readonly news = new WaitQueue()
  private events: BusEvent[] = []
  private readonly commands: BusCommands
  private readonly subscriptions: BusSubscriptions

  constructor(context: AppContext, options: BusClientOptions) {
    const tell = (event: BusEvent): void => {
      this.events.push(event)
      this.news.wake()
    }
    const { commandTimeout = 5 * SECOND, buffer = DEFAULT_BUFFER } = options
    const common = linkOptions(options)
    const makeLink = (owner: BusLinkOwner): BusLink => new BusLink(context, common, owner)
    const subscriptions = new BusSubscriptions(tell, makeLink)
    this.subscriptions = subscriptions
    this.commands = new BusCommands(context, commandTimeout, buffer, makeLink, (event) => {
      // A bus that had to be connected to anew may have forgotten who subscribes, without a word to them.
      if (event.type === 'connected') subscriptions.probe()
      tell(event)
    })
  }

  /** Begins to connect, and goes on doing so for ever. Harmless when it has begun. Commands and subscriptions do so by themselves. */
  start(): void {
    this.commands.start()
  }

  /** Whether commands can be sent at once. */
  get isConnected(): boolean {
    return this.commands.isOpen
  }

  /** How many have received it. Throws BusError. */
  *publish(channel: string, bytes: Uint8Array): Blocking<number> {
    const answer = yield* this.command(['PUBLISH', channel, bytes])
    if (answer.type !== 'integer') throw misfit(answer)
    return Number(answer.value)
  }

  /** Wants what is published on a channel, until `unsubscribe`; over any number of reconnections. What comes is in the event feed. */
  subscribe(channel: string): void {
    this.subscriptions.want('channels', channel)
  }

  unsubscribe(channel: string): void {
    this.subscriptions.drop('channels', channel)
  }

  /** The same for all channels that fit a pattern: `'room:*'`. */
  subscribePattern(pattern: string): void {
    this.subscriptions.want('patterns', pattern)
  }

  unsubscribePattern(pattern: string): void {
    this.subscriptions.drop('patterns', pattern)
  }

  /**
   * Appends an entry to a stream (XADD).
   * @param maxLength trims the stream to so many entries; absent: it grows
   * @returns the entry's id. Throws BusError
   */
  *append(stream: string, fields: BusFields, maxLength?: number): Blocking<string> {
    const limit = maxLength === undefined ? [] : ['MAXLEN', String(maxLength)]
    const answer = yield* this.command(['XADD', stream, ...limit, '*', ...Object.entries(fields).flat()])
    if (answer.type !== 'bulk') throw misfit(answer)
    return byteText(answer.value)
  }

  /**
   * Entries of a stream behind an id, oldest first (XRANGE).
   * @param after `'0'`: from the beginning
   * @param count at most so many; absent: all. Throws BusError
   */
  *range(stream: string, after: string, count?: number): Blocking<readonly BusEntry[]> {
    const from = after === '0' ? '-' : `(${after}`
    const limit = count === undefined ? [] : ['COUNT', String(count)]
    const answer = yield* this.command(['XRANGE', stream, from, '+', ...limit])
    if (answer.type === 'null') return []
    if (answer.type !== 'array') throw misfit(answer)
    return answer.items.map((item) => {
      const entry = entryOf(item)
      if (entry === undefined) throw misfit(item)
      return entry
    })
  }

  /** undefined: there is none. Throws BusError. */
  *get(key: string): Blocking<Uint8Array | undefined> {
    const answer = yield* this.command(['GET', key])
    if (answer.type === 'null') return undefined
    if (answer.type !== 'bulk') throw misfit(answer)
    return answer.value.slice()
  }

  /** @param expires after so long, in nanoseconds, to the millisecond; absent: never. Throws BusError */
  *set(key: string, value: Uint8Array, expires?: Nanos): Blocking<void> {
    const when = expires === undefined ? [] : ['PX', String(Math.max(1, Math.ceil(expires / MILLISECOND)))]
    const answer = yield* this.command(['SET', key, value, ...when])
    if (answer.type !== 'string') throw misfit(answer)
  }

  /**
   * Any command that has one answer, in a pipeline with all others. Texts go as UTF-8.
   * @returns what came back, errors excepted; its bytes may be views. Throws BusError
   */
  command(parts: readonly (string | Uint8Array)[]): Blocking<RespValue> {
    return this.commands.run(parts)
  }

  /** The next thing that happened; undefined: nothing, for now. */
  pollEvent(): BusEvent | undefined {
    return this.events.shift()
  }

  /** What to wait for after `pollEvent` gave nothing. */
  get happening(): Wait {
    return this.news
  }

  /** Blocks until something happens. */
  *nextEvent(): Blocking<BusEvent> {
    for (;;) {
      const event = this.pollEvent()
      if (event !== undefined) return event
      yield this.news
    }
  }

  /** For good. Commands under way fail. */
  close(): void {
    this.commands.close()
    this.subscriptions.close()
  }
}
