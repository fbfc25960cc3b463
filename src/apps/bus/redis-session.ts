import { SocketError } from '../../host/socket.ts'
import type { AppContext, Blocking, TcpSocket, Wait } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import { SECOND, type Nanos } from '../../kernel/time.ts'
import { formatIp } from '../../wire/address.ts'
import type { EventData } from '../../kernel/machine.ts'
import { byteText } from '../../wire/resp-buffer.ts'
import { RESP_REQUEST_LIMITS, RespRequestDecoder, UNAUTHENTICATED_LIMITS } from '../../wire/resp-request.ts'
import { encodeResp, type RespValue } from '../../wire/resp.ts'
import type { Keyspace } from './keyspace.ts'
import { Blocked, type CommandServer, type CommandSession, type RedisCommand } from './redis-command.ts'
import { bulk, bulkText, CommandError, wrongArity } from './redis-reply.ts'

/** Most bytes that are written at once. */
const PIECE = 65_536

/** Several waits: whichever is first. */
class FirstOf implements Wait {
  constructor(
    private readonly waits: readonly Wait[],
    private readonly until: { readonly context: AppContext; readonly time: Nanos } | undefined,
  ) {}

  arm(resume: () => void): () => void {
    const disarms: (() => void)[] = []
    const disarm = (): void => {
      for (const each of disarms) each()
    }
    const once = (): void => {
      disarm()
      resume()
    }
    for (const wait of this.waits) disarms.push(wait.arm(once))
    if (this.until !== undefined) {
      const timer = this.until.context.environment.schedule(this.until.time, once)
      disarms.push(() => {
        timer.cancel()
      })
    }
    return disarm
  }
}

/** While a client subscribes under RESP2, it can say nothing else. */
const OF_SUBSCRIBERS = new Set(['subscribe', 'unsubscribe', 'psubscribe', 'punsubscribe', 'ping', 'quit', 'reset'])

function endpointText(address: TcpSocket['local']): string {
  return `${formatIp(address.address)}:${String(address.port)}`
}

/** The server, as its connections see it. */
export interface SessionOwner extends CommandServer {
  readonly streamsChanged: Wait
  /** Whether the data takes more memory than it may. */
  readonly isFull: boolean
  /** Whether the thread waits for the disk. */
  readonly isSyncing: boolean
  /** Blocks until it does not. */
  synced(): Blocking<void>
  /** Blocks until the one thread has had the time that a command takes. */
  turn(): Blocking<void>
}

/** One connection of a client. */
export class RedisSession implements CommandSession {
  readonly channels = new Set<string>()
  readonly patterns = new Set<string>()
  readonly address: string
  readonly localAddress: string
  name = ''
  protocol: 2 | 3 = 2
  database = 0
  replies: 'ON' | 'OFF' | 'SKIP' = 'ON'
  lastCommand = 'NULL'
  isAuthenticated: boolean
  isBlocked = false
  /** The connection ends once all that was answered is written. */
  endsSoon = false
  /** Of answers and messages that TCP has not taken, in bytes. */
  outputBytes = 0
  private readonly decoder = new RespRequestDecoder()
  private output: Uint8Array[] = []
  private readonly outputChanged = new WaitQueue()
  private softSince: Nanos = -1
  private isOver = false
  private readonly since: Nanos

  constructor(
    private readonly context: AppContext,
    private readonly server: SessionOwner,
    private readonly socket: TcpSocket,
    readonly id: number,
  ) {
    this.address = endpointText(socket.remote)
    this.localAddress = endpointText(socket.local)
    this.since = context.environment.now
    this.isAuthenticated = server.options.password === ''
    if (!this.isAuthenticated) this.decoder.limits = UNAUTHENTICATED_LIMITS
  }

  get keyspace(): Keyspace {
    return this.server.databases[this.database]
  }

  /** In seconds. */
  get age(): number {
    return Math.floor((this.context.environment.now - this.since) / SECOND)
  }

  get isSubscriber(): boolean {
    return this.channels.size + this.patterns.size > 0
  }

  authenticated(): void {
    this.isAuthenticated = true
    this.decoder.limits = RESP_REQUEST_LIMITS
  }

  /** As a new connection is. */
  reset(): void {
    this.name = ''
    this.protocol = 2
    this.database = 0
    this.replies = 'ON'
    this.isAuthenticated = this.server.options.password === ''
  }

  record(name: string, data: EventData): void {
    this.context.environment.record(name, this.socket.connection, data)
  }

  /** Talks to the client until one of them ends it. @returns why it ended */
  *run(): Blocking<string> {
    const writer = this.context.spawn(this.writeAll())
    try {
      const why = yield* this.talk()
      this.endsSoon = true
      this.outputChanged.wake()
      yield* writer.join()
      return why
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      return error.code
    } finally {
      this.isOver = true
      writer.cancel()
      this.socket.close()
    }
  }

  private *talk(): Blocking<string> {
    const { decoder, socket } = this
    for (;;) {
      for (let words = decoder.next(); words !== undefined; words = decoder.next()) {
        yield* this.server.turn()
        const blocked = this.execute(words)
        if (this.server.isSyncing) yield* this.server.synced()
        if (blocked !== undefined) yield* this.unblocked(blocked)
        if (this.endsSoon) return 'QUIT'
      }
      if (decoder.fault !== undefined) {
        this.reply({ type: 'error', value: `ERR Protocol error: ${decoder.fault}` })
        return `protocol error: ${decoder.fault}`
      }
      const bytes = socket.readNow()
      if (bytes !== undefined) decoder.push(bytes)
      else if (socket.arrival !== undefined) yield socket.arrival
      else return 'the client has closed'
    }
  }

  /** Waits for what a command waits for. What the client says meanwhile is kept. */
  private *unblocked({ timeout, retry, otherwise }: Blocked): Blocking<void> {
    const { socket, context, decoder } = this
    const until = context.environment.now + timeout
    this.isBlocked = true
    try {
      for (;;) {
        const answer = this.answerOf(retry)
        if (answer !== undefined) {
          this.reply(answer)
          return
        }
        if (timeout > 0 && context.environment.now >= until) {
          this.reply(otherwise)
          return
        }
        for (let bytes = socket.readNow(); bytes !== undefined; bytes = socket.readNow()) decoder.push(bytes)
        const { arrival } = socket
        if (arrival === undefined) {
          this.endsSoon = true
          return
        }
        yield new FirstOf([this.server.streamsChanged, arrival], timeout > 0 ? { context, time: until } : undefined)
      }
    } finally {
      this.isBlocked = false
    }
  }

  private answerOf(run: () => RespValue | undefined): RespValue | undefined {
    try {
      return run()
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      return { type: 'error', value: error.message }
    }
  }

  /** Carries out a command, and answers. @returns what it waits for, unless it is done */
  private execute(words: readonly Uint8Array[]): Blocked | undefined {
    const { server } = this
    const isSkipped = this.replies === 'SKIP'
    let answer: RespValue | Blocked | undefined
    try {
      const command = this.commandOf(words)
      this.lastCommand = command.name
      server.statistics.commands++
      answer = command.run({ server, session: this, words })
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      server.statistics.errors++
      this.record('redis:command-refused', { command: byteText(words[0]).slice(0, 100), error: error.message.slice(0, 200) })
      answer = { type: 'error', value: error.message }
    }
    if (answer instanceof Blocked) return answer
    if (isSkipped && this.replies === 'SKIP') this.replies = 'ON'
    else if (answer !== undefined) this.reply(answer)
    return undefined
  }

  /** Throws CommandError. */
  private commandOf(words: readonly Uint8Array[]): RedisCommand {
    const { server } = this
    const name = byteText(words[0])
    const command = server.commands.get(name.toLowerCase())
    if (command === undefined) {
      let args = ''
      for (const word of words.slice(1)) {
        if (args.length >= 128) break
        args += `'${byteText(word).slice(0, 128 - args.length)}' `
      }
      throw new CommandError(`ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${args}`)
    }
    const { arity, flags } = command
    if (arity > 0 ? words.length !== arity : words.length < -arity) throw wrongArity(command.name)
    if (!this.isAuthenticated && !flags.includes('noauth')) throw new CommandError('NOAUTH Authentication required.')
    if (this.protocol === 2 && this.isSubscriber && !OF_SUBSCRIBERS.has(command.name))
      throw new CommandError(
        `ERR Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      )
    if (flags.includes('denyoom') && server.isFull)
      throw new CommandError("OOM command not allowed when used memory > 'maxmemory'.")
    return command
  }

  private reply(value: RespValue): void {
    if (this.replies === 'ON') this.send(encodeResp(value, this.protocol))
  }

  /** Says something that is not the answer to a command, or not a usual one. */
  push(items: readonly RespValue[]): void {
    if (this.replies !== 'OFF' || this.protocol === 3) this.send(encodeResp({ type: 'push', items }, this.protocol))
  }

  published(channel: string, bytes: Uint8Array, pattern: string | undefined): void {
    const rest = [bulkText(channel), bulk(bytes)]
    this.push(pattern === undefined ? [bulkText('message'), ...rest] : [bulkText('pmessage'), bulkText(pattern), ...rest])
  }

  private send(bytes: Uint8Array): void {
    if (this.isOver) return
    this.output.push(bytes)
    this.outputBytes += bytes.length
    this.outputChanged.wake()
    if (this.isSubscriber) this.checkOutput()
  }

  /** Throws out a subscriber who does not read what he has asked for. */
  private checkOutput(): void {
    const { hard, soft, softTime } = this.server.options.outputLimit
    const { now } = this.context.environment
    if (soft > 0 && this.outputBytes > soft) {
      if (this.softSince < 0) this.softSince = now
    } else this.softSince = -1
    const isTooLong = this.softSince >= 0 && now - this.softSince >= softTime
    if (!isTooLong && (hard === 0 || this.outputBytes <= hard)) return
    this.isOver = true
    this.output = []
    this.server.statistics.outputLimit++
    this.record('redis:output-limit-exceeded', { client: this.id, waiting: this.outputBytes })
    this.server.pubsub.removeAll(this)
    // Redis closes; what its kernel still holds is sent for a while. A reset spares a peer that does not read that while.
    this.socket.reset()
  }

  private *writeAll(): Blocking<void> {
    try {
      for (;;) {
        while (this.output.length === 0) {
          if (this.endsSoon || this.isOver) return
          yield this.outputChanged
        }
        const piece = this.nextPiece()
        yield* this.socket.write(piece)
        this.outputBytes -= piece.length
      }
    } catch (error) {
      // Who reads hears of it, too, and ends the session.
      if (!(error instanceof SocketError)) throw error
      this.isOver = true
      this.output = []
    }
  }

  private nextPiece(): Uint8Array {
    const { output } = this
    let count = 0
    let length = 0
    while (count < output.length && (count === 0 || length + output[count].length <= PIECE)) length += output[count++].length
    if (count === 1) return output.shift() ?? new Uint8Array(0)
    const piece = new Uint8Array(length)
    let at = 0
    for (const part of output.splice(0, count)) {
      piece.set(part, at)
      at += part.length
    }
    return piece
  }
}
