import { SocketError } from '../../host/socket.ts'
import type { AppContext, Blocking, Task, TcpSocket } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import { SECOND, type Nanos } from '../../kernel/time.ts'
import { utf8Bytes } from '../../wire/asn1-text.ts'
import { RespDecoder } from '../../wire/resp-decoder.ts'
import { encodeRespCommand, type RespValue } from '../../wire/resp.ts'
import { joined } from '../../wire/joined.ts'

/** How a connection to a bus is made, and made again. */
export interface BusLinkOptions {
  readonly host: string
  readonly port: number
  readonly password: string | undefined
  readonly name: string
  readonly protocol: 2 | 3
  readonly connectTimeout: Nanos
  readonly backoffBase: Nanos
  readonly backoffCap: Nanos
}

/** Whoever a connection is for. */
export interface BusLinkOwner {
  /** Commands can be sent now, on a connection that is new. */
  opened(): void
  /** What the bus says, once the connection is open. @returns what is wrong with it, if anything is: the connection is given up */
  received(value: RespValue): string | undefined
  /** The connection has gone, or did not come about. */
  lost(detail: string): void
}

/** A peer that is silent is asked whether it is still there, by TCP. */
const KEEP_ALIVE = { idle: 5 * SECOND, interval: 1 * SECOND, probes: 4 }

/** Words of a command as they travel. */
export function busCommand(parts: readonly (string | Uint8Array)[]): Uint8Array {
  return encodeRespCommand(parts.map((part) => (typeof part === 'string' ? utf8Bytes(part) : part)))
}

/**
 * A connection to a bus that is made again whenever it goes, after waits with full jitter. It sends commands in the order in which they
 * were given, and passes on what comes back; what belongs to what is for its owner to know.
 */
export class BusLink {
  isOpen = false
  /** Of commands that TCP has not taken, in bytes. */
  waitingBytes = 0
  /** Wakes who waits for room. */
  readonly drained = new WaitQueue()
  private output: Uint8Array[] = []
  private readonly outputChanged = new WaitQueue()
  private socket: TcpSocket | undefined
  private task: Task | undefined
  private isClosed = false
  /** How many connections have gone since one was open last, that one among them. */
  private failures = 0
  /** Answers of the handshake that are still to come. */
  private greetings = 0

  constructor(
    private readonly context: AppContext,
    private readonly options: BusLinkOptions,
    private readonly owner: BusLinkOwner,
  ) {}

  /** Begins to connect; harmless when it has begun. */
  start(): void {
    if (this.task === undefined && !this.isClosed) this.task = this.context.spawn(this.run())
  }

  /** Sends a command once all those before have gone. Only while `isOpen`. */
  send(bytes: Uint8Array): void {
    this.output.push(bytes)
    this.waitingBytes += bytes.length
    this.outputChanged.wake()
  }

  /** Gives up the connection there is: another one is made. */
  giveUp(): void {
    this.isOpen = false
    this.socket?.reset()
  }

  /** For good. */
  close(): void {
    this.isClosed = true
    this.isOpen = false
    this.socket?.close()
    this.task?.cancel()
    this.drained.wake()
  }

  private *run(): Blocking<void> {
    const { context, owner } = this
    while (!this.isClosed) {
      const detail = yield* this.connection()
      this.forget()
      this.failures++
      context.environment.record('bus:disconnected', '', { detail, attempt: this.failures })
      owner.lost(detail)
      yield* context.sleep(this.nextWait())
    }
  }

  private nextWait(): Nanos {
    const { backoffBase, backoffCap } = this.options
    let most = backoffBase
    for (let i = 1; i < this.failures && most < backoffCap; i++) most *= 2
    return Math.floor(this.context.environment.random('bus-backoff').next() * Math.min(most, backoffCap))
  }

  private forget(): void {
    this.isOpen = false
    this.socket = undefined
    this.output = []
    this.waitingBytes = 0
    this.drained.wake()
  }

  /** One connection, from its beginning to its end. @returns why it ended */
  private *connection(): Blocking<string> {
    const { context, options } = this
    let writer: Task | undefined
    let socket: TcpSocket | undefined
    try {
      const address = yield* context.sockets.resolve(options.host)
      socket = yield* context.sockets.connect({ address, port: options.port }, { noDelay: true, timeout: options.connectTimeout })
      this.socket = socket
      socket.setKeepAlive(KEEP_ALIVE)
      writer = context.spawn(this.writeAll(socket))
      this.greet()
      return yield* this.readAll(socket)
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      return error.message
    } finally {
      writer?.cancel()
      socket?.close()
    }
  }

  private greet(): void {
    const { protocol, password, name } = this.options
    const words: string[][] = []
    if (protocol === 3) words.push(['HELLO', '3', ...(password === undefined ? [] : ['AUTH', 'default', password])])
    else if (password !== undefined) words.push(['AUTH', password])
    if (name !== '') words.push(['CLIENT', 'SETNAME', name])
    this.greetings = words.length
    for (const each of words) this.send(busCommand(each))
    if (words.length === 0) this.open()
  }

  private open(): void {
    this.isOpen = true
    this.failures = 0
    const { environment } = this.context
    environment.record('bus:connected', this.socket?.connection ?? '', {
      server: this.options.host,
      protocol: this.options.protocol,
    })
    this.owner.opened()
  }

  private *readAll(socket: TcpSocket): Blocking<string> {
    const decoder = new RespDecoder()
    for (;;) {
      const bytes = socket.readNow()
      if (bytes === undefined) {
        const { arrival } = socket
        if (arrival === undefined) return 'the bus has closed the connection'
        yield arrival
        continue
      }
      decoder.push(bytes)
      for (let value = decoder.next(); value !== undefined; value = decoder.next()) {
        const wrong = this.greetings > 0 ? this.greeted(value) : this.owner.received(value)
        if (wrong !== undefined) return wrong
      }
      if (decoder.fault !== undefined) return `the bus does not speak RESP: ${decoder.fault.detail}`
    }
  }

  private greeted(value: RespValue): string | undefined {
    if (value.type === 'error') return `the bus refuses: ${value.value}`
    if (--this.greetings === 0) this.open()
    return undefined
  }

  private *writeAll(socket: TcpSocket): Blocking<void> {
    try {
      for (;;) {
        while (this.output.length === 0) yield this.outputChanged
        const pieces = this.output
        this.output = []
        const bytes = joined(pieces)
        yield* socket.write(bytes)
        this.waitingBytes -= bytes.length
        this.drained.wake()
      }
    } catch (error) {
      // Who reads hears of it, too, and says so.
      if (!(error instanceof SocketError)) throw error
      socket.reset()
    }
  }
}
