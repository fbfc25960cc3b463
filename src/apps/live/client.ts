import { SocketError } from '../../host/socket.ts'
import type { App, AppContext, Blocking } from '../../host/socket.ts'
import type { EventData, Timer } from '../../kernel/machine.ts'
import type { Random } from '../../kernel/random.ts'
import { NEVER, type Nanos } from '../../kernel/time.ts'
import type { TlsSession } from '../../protocols/tls/session.ts'
import type { IpAddress } from '../../wire/address.ts'
import type { HeaderField } from '../../wire/http1.ts'
import type { ByteStream } from '../byte-stream.ts'
import { connectSecurely } from '../secure-stream.ts'
import { formatAuthority, type HttpUrl } from '../url.ts'
import { ClientEvents } from './client-events.ts'
import { changedSettings, clientSettings, type ClientSettings, type WrittenClientOptions } from './client-options.ts'
import { ClientPolls } from './client-polls.ts'
import { reconnectWait } from './client-reconnection.ts'
import { ClientSocket } from './client-socket.ts'
import { UNTOLD, type ClientTransport, type Ending, type TransportOwner } from './client-transport.ts'
import { cookiesAfter } from './cookies.ts'
import type { Malformed, MessageId, Say, ServerMessage } from './messages.ts'

/*
 * A client of a live server: it comes into a room, hears what is said there, says something itself perhaps, and comes back when its
 * connection goes.
 *
 * There may be ten thousand of them in one process, so that one which is connected and has nothing to do is small: this object, its transport, a
 * coroutine that waits for bytes, and one timer for all that has its time (the next sign of life, the next thing to say, the end). The
 * timer is not moved when a deadline moves away: it is armed anew, for what is due by then, when it fires. Options are shared.
 *
 * What it says has a key, and is kept until the server has acknowledged it: after a new connection it is said again under the same key, and a
 * server that knows the key acknowledges it without saying it twice.
 */

const MS = 1_000_000
const NO_FIELDS: readonly HeaderField[] = []
/** Most messages that wait for their acknowledgement: beyond that nothing new is said. */
const MOST_UNACKNOWLEDGED = 1000

export class LiveClient implements App, TransportOwner {
  settings: ClientSettings
  room = ''
  /** Token of the last `welcome`. */
  private token = ''
  /** Fields of requests: cookies. */
  fields: readonly HeaderField[] = NO_FIELDS
  /** Newest message that it has of the room. */
  private newest: MessageId = 0
  private running: AppContext | undefined = undefined
  private transport: ClientTransport | undefined = undefined
  private stream: ByteStream | undefined = undefined
  private timer: Timer | undefined = undefined
  private timerAt: Nanos = NEVER
  private isConnected = false
  /** Whether nothing was heard of the room on this connection. */
  private isFirst = true
  private isLeaving = false
  /** Until when the server has to let it in. */
  private deadline: Nanos = NEVER
  private heardAt: Nanos = 0
  /** When the server was asked for a sign of life; −1: it was not, since it was heard. */
  private askedAt: Nanos = -1
  private sayAt: Nanos = NEVER
  /** How many things it has said. */
  private sayings = 0
  /** What a server could not take and wants to hear again, when, and how often in a row that was; made when it is told so. */
  private later: { keys: string[]; at: Nanos; readonly attempts: number; readonly wait: Nanos } | undefined = undefined
  /** Not acknowledged, by key; made when there is something. */
  private unacknowledged: Map<string, Say> | undefined = undefined
  /** Why it gave up the connection by itself. */
  private reason = ''
  /** How long the server of this connection wants it to stay away, from `go-away`. */
  private told: Nanos = UNTOLD
  /** Attempts that have failed in a row, and waits, since the last good connection; and the last of these waits. */
  private failures = 0
  private waits = 0
  private wait: Nanos = 0
  /** When it began to be without a connection. */
  private lostAt: Nanos = 0
  /** Which server and which of its addresses were tried last; −1: none. */
  private server = -1
  private address: IpAddress | undefined = undefined
  private ticket: TlsSession | undefined = undefined

  constructor(options: WrittenClientOptions) {
    this.settings = clientSettings(options)
  }

  configure(path: string, value: unknown): void {
    const before = this.settings
    this.settings = changedSettings(before, path, value)
    if (!this.isConnected) return
    if (path === 'say.interval') this.scheduleSaying(true)
    this.rearm()
  }

  get context(): AppContext {
    if (this.running === undefined) throw new Error('a client that was not started')
    return this.running
  }

  get random(): Random {
    return this.context.environment.random('live-client')
  }

  get session(): string {
    return this.settings.resume ? this.token : ''
  }

  get last(): MessageId {
    return this.settings.resume ? this.newest : 0
  }

  private get url(): HttpUrl {
    return this.settings.urls[Math.max(0, this.server)]
  }

  get authority(): string {
    return formatAuthority(this.url)
  }

  get prefix(): string {
    return this.url.target.replace(/\/$/, '')
  }

  *main(context: AppContext): Blocking<void> {
    this.running = context
    const { environment } = context
    const { settings, random } = this
    this.room = settings.rooms > 1 ? `${settings.room}-${String(random.below(settings.rooms))}` : settings.room
    const start = settings.start + (settings.startWithin > 0 ? Math.floor(random.next() * settings.startWithin) : 0)
    try {
      if (start > environment.now) {
        this.tell({ state: 'idle' })
        yield* context.sleep(start - environment.now)
      }
      this.lostAt = environment.now
      if (settings.stop > 0) this.rearm()
      for (;;) {
        const { why, told, isFinal } = yield* this.attend(context)
        const { attempts } = this.settings.reconnect
        if (this.isLeaving || isFinal === true || (attempts > 0 && this.failures >= attempts)) {
          this.tell({ state: 'gone', why: this.isLeaving ? 'left' : why })
          return
        }
        const wait = this.nextWait(told)
        this.tell({ state: 'backing-off', attempt: this.failures + 1, wait, why })
        yield* context.sleep(wait)
        if (this.stopsBy(environment.now)) this.isLeaving = true
        if (this.isLeaving) {
          this.tell({ state: 'gone', why: 'left' })
          return
        }
      }
    } finally {
      this.timer?.cancel()
      this.timerAt = NEVER
      this.stream?.close()
    }
  }

  private stopsBy(now: Nanos): boolean {
    const { stop } = this.settings
    return stop > 0 && now >= stop
  }

  /** From an attempt to connect to the end of what came of it. */
  private *attend(context: AppContext): Blocking<Ending> {
    const { environment } = context
    this.tell({ state: 'connecting', attempt: this.failures + 1 })
    this.reason = ''
    this.told = UNTOLD
    this.deadline = environment.now + this.settings.connectTimeout
    this.transport = this.makeTransport()
    this.rearm()
    let ending: Ending
    try {
      ending = yield* this.transport.run()
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      ending = { why: error.code, told: UNTOLD }
    } finally {
      this.transport = undefined
      this.stream?.close()
      this.stream = undefined
    }
    if (this.isConnected) {
      this.isConnected = false
      this.lostAt = environment.now
    } else this.failures++
    return { ...ending, why: this.reason === '' ? ending.why : this.reason, told: this.told === UNTOLD ? ending.told : this.told }
  }

  private makeTransport(): ClientTransport {
    const { transport } = this.settings
    if (transport === 'websocket') return new ClientSocket(this)
    return transport === 'sse' ? new ClientEvents(this) : new ClientPolls(this, transport === 'long-poll')
  }

  private nextWait(told: Nanos): Nanos {
    const { reconnect } = this.settings
    this.wait = reconnectWait(reconnect, this.waits++, this.wait, this.random)
    return this.wait + (reconnect.honour && told > 0 ? told : 0)
  }

  // Connecting.

  *connect(): Blocking<ByteStream> {
    yield* this.chooseServer()
    const stream = yield* this.connectAgain()
    this.stream = stream
    if (this.hasGivenUp) stream.reset()
    return stream
  }

  private *chooseServer(): Blocking<void> {
    const { urls, pick } = this.settings
    const { random } = this
    const previous = this.server
    if (pick === 'in-order') this.server = (previous + 1) % urls.length
    else if (previous < 0 || urls.length === 1) this.server = random.below(urls.length)
    else this.server = (previous + 1 + random.below(urls.length - 1)) % urls.length
    const addresses = yield* this.context.sockets.resolveAll(this.url.host)
    const tried = this.address === undefined ? -1 : addresses.indexOf(this.address)
    const { length } = addresses
    if (length === 1) this.address = addresses[0]
    else if (pick === 'in-order') this.address = addresses[urls.length > 1 ? 0 : (tried + 1) % length]
    else this.address = addresses[tried < 0 ? random.below(length) : (tried + 1 + random.below(length - 1)) % length]
  }

  *connectAgain(): Blocking<ByteStream> {
    const { context, url, settings, address } = this
    if (address === undefined) throw new SocketError('ENOTFOUND', url.host)
    const begun = context.environment.now
    const timeout = this.isConnected ? settings.connectTimeout : Math.max(1, this.deadline - begun)
    const socket = yield* context.sockets.connect({ address, port: url.port }, { noDelay: true, timeout })
    if (url.scheme === 'http') return socket
    if (settings.tls === undefined) throw new SocketError('EPROTO', 'nothing is known of TLS')
    const { ticket } = this
    this.ticket = undefined
    return yield* connectSecurely(context, socket, {
      serverName: url.host,
      alpn: ['http/1.1'],
      settings: settings.tls,
      timeout: Math.max(1, timeout - (context.environment.now - begun)),
      ...(ticket !== undefined && { session: ticket }),
      ticketReceived: (session) => {
        this.ticket = session
      },
    })
  }

  // What the transport tells.

  alive(): void {
    this.heardAt = this.context.environment.now
    this.askedAt = -1
  }

  entered(session: string, isResumed: boolean): void {
    const { environment } = this.context
    this.token = session
    if (this.isConnected) return
    this.isConnected = true
    this.isFirst = true
    this.failures = 0
    this.waits = 0
    this.wait = 0
    this.deadline = NEVER
    this.tell({ state: 'connected', server: this.authority, resumed: isResumed, took: environment.now - this.lostAt })
    this.later = undefined
    for (const say of this.unacknowledged?.values() ?? []) this.sayTo(say, true)
    this.scheduleSaying(false)
    this.rearm()
  }

  heard(message: ServerMessage | Malformed): void {
    switch (message.type) {
      case 'welcome':
        this.entered(message.session, message.resumed)
        return
      case 'said':
      case 'news': {
        const { id, sentAt } = message
        // Servers that share nothing number by themselves: what is first on a connection is new, whatever its number.
        if (id <= this.newest && !this.isFirst) return
        this.isFirst = false
        this.newest = id
        const name = message.type === 'said' ? 'chat:heard' : 'news:received'
        this.record(name, { id, delay: this.context.wallClock() - sentAt })
        return
      }
      case 'ack':
        if (this.unacknowledged?.delete(message.key) === true) {
          if (this.later?.at === NEVER) this.later = undefined
          this.record('chat:acknowledged', { key: message.key, id: message.id })
        }
        return
      case 'refused':
        if (message.again === true) this.sayLater(message.key)
        else if (message.key !== '') this.unacknowledged?.delete(message.key)
        this.record('chat:refused', { key: message.key, why: message.why })
        return
      case 'go-away':
        this.told = message.after * MS
        this.reason = 'go-away'
        this.transport?.leave()
        return
      case 'ping':
      case 'pong':
        return
      case 'malformed':
        this.record('client:message-malformed', { why: message.why })
    }
  }

  noticed(fields: readonly HeaderField[]): void {
    this.fields = cookiesAfter(this.fields, fields)
  }

  get hasGivenUp(): boolean {
    return this.reason !== ''
  }

  giveUp(why: string): void {
    if (this.reason === '') this.reason = why
    this.stream?.reset()
  }

  record(name: string, data: EventData): void {
    this.context.environment.record(name, this.stream?.connection ?? '', data)
  }

  private tell(data: EventData): void {
    this.record('client:state-changed', data)
  }

  // What has its time.

  private get heartbeatDue(): Nanos {
    const { interval, timeout } = this.settings.heartbeat
    if (interval === 0) return NEVER
    return this.askedAt >= 0 ? this.askedAt + timeout : this.heardAt + interval
  }

  private get due(): Nanos {
    const { stop } = this.settings
    const end = stop > 0 && !this.isLeaving ? stop : NEVER
    const { transport } = this
    if (transport === undefined) return end
    const whileThere = this.isLeaving ? NEVER : Math.min(this.heartbeatDue, this.sayAt, this.later?.at ?? NEVER)
    const own = this.isConnected ? whileThere : this.deadline
    return Math.min(end, own, transport.pollTimeout() ?? NEVER)
  }

  rearm(): void {
    const { due } = this
    if (due >= this.timerAt) return
    this.timer?.cancel()
    this.timerAt = due
    this.timer = this.context.environment.schedule(due, () => {
      this.fire()
    })
  }

  private fire(): void {
    const { environment } = this.context
    const { now } = environment
    this.timer = undefined
    this.timerAt = NEVER
    if (this.stopsBy(now) && !this.isLeaving) this.leave()
    else if (this.transport !== undefined) {
      if (!this.isConnected) {
        if (now >= this.deadline) {
          this.deadline = NEVER
          this.giveUp('ETIMEDOUT')
        }
      } else if (!this.isLeaving) {
        if (now >= this.heartbeatDue) this.beat(now)
        if (now >= this.sayAt) this.saySomething(now)
        if (this.later !== undefined && now >= this.later.at) this.sayAgain(this.later)
      }
      this.transport?.handleTimeout(now)
    }
    this.rearm()
  }

  private leave(): void {
    this.isLeaving = true
    if (this.isConnected) this.transport?.leave()
    else this.giveUp('left')
  }

  /** Nothing was heard for too long. */
  private beat(now: Nanos): void {
    if (this.askedAt < 0) {
      this.askedAt = now
      this.transport?.ask()
      return
    }
    const silence = now - this.heardAt
    this.record('client:heartbeat-missed', { silence })
    this.askedAt = -1
    this.heardAt = now
    this.giveUp('silence')
  }

  // Chat.

  /** @param isChanged whether the interval has changed, so that the next time is drawn anew */
  private scheduleSaying(isChanged: boolean): void {
    const { interval } = this.settings.say
    const { now } = this.context.environment
    if (interval === 0) this.sayAt = NEVER
    else if (isChanged || this.sayAt === NEVER) this.sayAt = now + Math.floor(this.random.next() * interval)
    // What would have been said meanwhile is not said all at once.
    else if (this.sayAt < now) this.sayAt += Math.ceil((now - this.sayAt) / interval) * interval
  }

  private saySomething(now: Nanos): void {
    const { say, text } = this.settings
    const { environment, wallClock } = this.context
    const early = say.jitter === 0 ? 1 : 1 + say.jitter * (2 * this.random.next() - 1)
    this.sayAt = now + Math.max(1, Math.floor(say.interval * early))
    const waiting = (this.unacknowledged ??= new Map())
    if (waiting.size >= MOST_UNACKNOWLEDGED) return
    const key = `${environment.name}/${String(environment.boot)}-${String(++this.sayings)}`
    const saying: Say = { type: 'say', room: this.room, key, text, sentAt: wallClock() }
    waiting.set(key, saying)
    this.sayTo(saying, false)
  }

  /** The server could not take it. It is said again after a wait like that before a new connection, and longer each time in a row. */
  private sayLater(key: string): void {
    const { later, context, random } = this
    if (this.unacknowledged?.has(key) !== true) return
    if (later !== undefined && later.at !== NEVER) {
      later.keys.push(key)
      return
    }
    const attempts = later?.attempts ?? 0
    // However eager the policy is, a server that answers at once is not asked again in the same instant.
    const wait = Math.max(MS, reconnectWait(this.settings.reconnect, attempts, later?.wait ?? 0, random))
    this.later = { keys: [key], at: context.environment.now + wait, attempts: attempts + 1, wait }
    this.rearm()
  }

  private sayAgain(later: NonNullable<LiveClient['later']>): void {
    const { keys } = later
    later.keys = []
    later.at = NEVER
    for (const key of keys) {
      const say = this.unacknowledged?.get(key)
      if (say !== undefined) this.sayTo(say, true)
    }
  }

  private sayTo(say: Say, isAgain: boolean): void {
    this.record('chat:sent', { key: say.key, again: isAgain })
    this.transport?.say(say)
  }
}
