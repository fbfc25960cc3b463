import { SocketError } from '../../host/socket.ts'
import type { App, AppContext, Blocking, TcpSocket } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import { MILLISECOND, SECOND, type Nanos } from '../../kernel/time.ts'
import { calendarTime } from '../../protocols/x509/calendar.ts'
import { encodeLatin1 } from '../../wire/http1.ts'
import { FSYNC_POLICIES, type FsyncPolicy } from '../../scenario/bus-options.ts'
import { choiceSetting, countSetting, fixedSetting, LONGEST } from '../setting.ts'
import { AppendOnlyFile } from './append-only-file.ts'
import { ChannelTable } from './channel-table.ts'
import { shortestLog, replayLog } from './log-replay.ts'
import { KEY_COMMANDS } from './key-commands.ts'
import { Keyspace } from './keyspace.ts'
import { PUBSUB_COMMANDS } from './pubsub-commands.ts'
import type { Caller, RedisCommand, RedisStatistics } from './redis-command.ts'
import { DEFAULT_REDIS, type RedisServerOptions } from './redis-options.ts'
import { RedisSession, type SessionOwner } from './redis-session.ts'
import { SERVER_COMMANDS } from './server-commands.ts'
import { SESSION_COMMANDS } from './session-commands.ts'
import { STREAM_COMMANDS } from './stream-commands.ts'
import { STRING_COMMANDS } from './string-commands.ts'

/** A client that is silent is asked whether it is still there, by TCP: as `tcp-keepalive 300` says, the usual setting. */
const KEEP_ALIVE = { idle: 300 * SECOND, interval: 100 * SECOND, probes: 3 }

/*
 * A server of Redis: the commands of redis.io's documentation that a bus, a session store and a cache need, with the answers of version 7.0.
 *
 * Everything happens in one thread: connections take turns, a command at a time, each for as long as the machine's processor takes for a
 * request. What a client has not read waits in its output buffer, which is bounded for subscribers: who is too slow is thrown out.
 *
 * With `appendonly`, every change goes into a log on the host's disk, from which the data is made anew after a restart. With
 * `fsync: 'always'` that happens before the answer leaves, so that nothing that was acknowledged is ever lost; with `everysec` the last
 * second is, with `no` up to half a minute.
 *
 * Deviates from Redis: what has expired goes when somebody looks for it, and not before; there are no transactions, scripts, lists, sets,
 * hashes, consumer groups, replicas, nor eviction; a rewrite of the log is done at once.
 */

const CHANGEABLE = ['fsync', 'fsyncTime', 'maxMemory', 'maxClients']
const DATABASES = 16

/** When the log is written out, where it is not at once; with 'no', Linux does so after half a minute. */
const FLUSH_INTERVAL: Readonly<Record<FsyncPolicy, Nanos>> = { always: SECOND, everysec: SECOND, no: 30 * SECOND }

/** How many commands are carried out between two looks at how much memory the data takes. */
const MEMORY_LOOK = 64

function tableOfCommands(): ReadonlyMap<string, RedisCommand> {
  const all = [SESSION_COMMANDS, STRING_COMMANDS, KEY_COMMANDS, STREAM_COMMANDS, PUBSUB_COMMANDS, SERVER_COMMANDS].flat()
  return new Map(all.map((command) => [command.name, command]))
}

export class RedisServer implements App, SessionOwner {
  readonly options: { -readonly [Key in keyof RedisServerOptions]: RedisServerOptions[Key] }
  readonly commands = tableOfCommands()
  readonly databases: readonly Keyspace[]
  readonly pubsub = new ChannelTable()
  readonly sessions = new Set<RedisSession>()
  readonly streamsChanged = new WaitQueue()
  readonly statistics: RedisStatistics = { connections: 0, commands: 0, rejected: 0, errors: 0, outputLimit: 0 }
  log: AppendOnlyFile | undefined
  private context: AppContext | undefined
  private startedAt: Nanos = 0
  private nextSession = 1
  private isReplaying = false
  /** Until when the disk keeps the thread busy. */
  private busyUntil: Nanos = 0
  /** Length of the log after the last rewrite. */
  private rewritten = 0
  private knownMemory = 0
  private untilLook = 0
  private flushing = false

  constructor(options: Partial<RedisServerOptions>) {
    this.options = { ...DEFAULT_REDIS, ...options }
    this.databases = Array.from({ length: DATABASES }, () => new Keyspace(() => this.clock()))
  }

  *main(context: AppContext): Blocking<void> {
    this.context = context
    this.startedAt = context.environment.now
    const { port, backlog, appendonly, fsync } = this.options
    if (appendonly) {
      this.log = new AppendOnlyFile(context.environment.disk, fsync)
      this.replay(context, this.log)
    }
    const listener = context.sockets.listen(port, { backlog })
    context.environment.record('redis:started', '', {
      port,
      appendonly,
      keys: this.databases.reduce((sum, { size }) => sum + size, 0),
    })
    for (;;) context.spawn(this.serve(context, yield* listener.accept()))
  }

  /** `fsync`, `fsyncTime`, `maxMemory`, `maxClients`: from now on. */
  configure(path: string, value: unknown): void {
    switch (path) {
      case 'fsync':
        this.setFsync(choiceSetting(path, value, FSYNC_POLICIES))
        return
      case 'fsyncTime':
        this.options.fsyncTime = countSetting(path, value, 0, LONGEST)
        return
      case 'maxMemory':
        this.options.maxMemory = countSetting(path, value, 0, Number.MAX_SAFE_INTEGER)
        this.untilLook = 0
        return
      case 'maxClients':
        this.options.maxClients = countSetting(path, value, 1, 1_000_000)
        return
      default:
        throw fixedSetting(path, CHANGEABLE)
    }
  }

  setFsync(policy: FsyncPolicy): void {
    this.options.fsync = policy
    if (this.log === undefined) return
    this.log.policy = policy
    if (policy === 'always') this.log.sync()
  }

  private *serve(context: AppContext, socket: TcpSocket): Blocking<void> {
    this.statistics.connections++
    socket.setNoDelay(true)
    socket.setKeepAlive(KEEP_ALIVE)
    if (this.sessions.size >= this.options.maxClients) {
      this.statistics.rejected++
      yield* this.reject(context, socket)
      return
    }
    const session = new RedisSession(context, this, socket, this.nextSession++)
    this.sessions.add(session)
    context.environment.record('redis:client-connected', socket.connection, { client: session.id, clients: this.sessions.size })
    let why = 'the server has stopped'
    try {
      why = yield* session.run()
    } finally {
      this.sessions.delete(session)
      this.pubsub.removeAll(session)
      session.record('redis:client-disconnected', { client: session.id, why })
    }
  }

  private *reject({ environment }: AppContext, socket: TcpSocket): Blocking<void> {
    environment.record('redis:client-refused', socket.connection, { clients: this.sessions.size })
    try {
      yield* socket.write(encodeLatin1('-ERR max number of clients reached\r\n'))
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      environment.record('redis:client-disconnected', socket.connection, { client: 0, why: error.code })
    } finally {
      socket.close()
    }
  }

  /** Milliseconds since 1970, by the host's clock. */
  clock(): number {
    return calendarTime(0) * 1000 + Math.floor((this.context?.wallClock() ?? 0) / MILLISECOND)
  }

  /** In seconds. */
  get uptime(): number {
    return Math.floor(((this.context?.environment.now ?? 0) - this.startedAt) / SECOND)
  }

  /** Blocks until the one thread has had the time that a command takes. */
  *turn(): Blocking<void> {
    const { context } = this
    if (context === undefined) return
    while (this.isSyncing) yield* this.synced()
    yield* context.processRequest()
  }

  /** Whether the thread waits for the disk. */
  get isSyncing(): boolean {
    return this.busyUntil > (this.context?.environment.now ?? 0)
  }

  *synced(): Blocking<void> {
    const { context } = this
    if (context !== undefined && this.isSyncing) yield* context.sleep(this.busyUntil - context.environment.now)
  }

  /** The data has changed: by a command that does the same again, whenever it is replayed. */
  changed({ database }: Caller, words: readonly Uint8Array[]): void {
    const { log, context } = this
    if (log === undefined || this.isReplaying || context === undefined) return
    log.append(database, words)
    if (log.policy === 'always') {
      if (this.options.fsyncTime > 0) this.busyUntil = Math.max(this.busyUntil, context.environment.now) + this.options.fsyncTime
    } else if (!this.flushing) context.spawn(this.flushLater(context, log))
    const { rewriteAbove } = this.options
    if (rewriteAbove > 0 && log.length > rewriteAbove && log.length > 2 * this.rewritten) this.rewriteLog()
  }

  /** Writes the log out when it is time. */
  private *flushLater(context: AppContext, log: AppendOnlyFile): Blocking<void> {
    this.flushing = true
    try {
      yield* context.sleep(FLUSH_INTERVAL[log.policy])
    } finally {
      this.flushing = false
    }
    const bytes = log.sync()
    if (bytes > 0) context.environment.record('redis:log-written', '', { bytes, length: log.length })
  }

  streamChanged(): void {
    this.streamsChanged.wake()
  }

  get memory(): number {
    return this.databases.reduce((sum, keyspace) => sum + keyspace.memory, 0)
  }

  /** Whether the data takes more memory than it may. */
  get isFull(): boolean {
    const { maxMemory } = this.options
    if (maxMemory === 0) return false
    if (this.untilLook-- <= 0 || this.knownMemory > maxMemory) {
      this.untilLook = Math.min(MEMORY_LOOK, Math.floor((maxMemory - this.memory) / 4096))
      this.knownMemory = this.memory
    }
    return this.knownMemory > maxMemory
  }

  /** Makes the data anew from the log. */
  private replay(context: AppContext, log: AppendOnlyFile): void {
    const { commands, bytes, cutOff } = log.load()
    if (commands.length === 0 && cutOff === 0) return
    this.isReplaying = true
    const refused = replayLog(this, commands)
    this.isReplaying = false
    this.rewritten = log.length
    context.environment.record('redis:log-replayed', '', { commands: commands.length, refused, bytes, cutOff })
  }

  /** Puts the shortest log with the same effect in the place of the log. */
  rewriteLog(): void {
    const { log, context } = this
    if (log === undefined || context === undefined) return
    const before = log.length + log.waiting
    const { commands, last } = shortestLog(this.databases)
    log.rewrite(commands, last)
    this.rewritten = log.length
    context.environment.record('redis:log-rewritten', '', { before, after: log.length })
  }
}
