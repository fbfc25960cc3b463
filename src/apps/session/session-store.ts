import { randomBytesFrom, type RandomBytes } from '../../crypto/random-bytes.ts'
import type { AppContext, Blocking } from '../../host/socket.ts'
import type { Nanos } from '../../kernel/time.ts'
import { MILLISECOND, SECOND } from '../../kernel/time.ts'
import { calendarTime } from '../../protocols/x509/calendar.ts'
import type { SessionKind } from '../../scenario/session-kind.ts'
import { encodeLatin1 } from '../../wire/http1.ts'
import { BusClient } from '../bus/bus-client.ts'
import { textOf } from '../live/message-text.ts'
import { encodeBase64Url, readToken, signToken } from './json-web-token.ts'

/** Where a server finds out who somebody is. */
export interface SessionStore {
  /** @returns what the client is to bring along: visible ASCII; undefined: there is no room for one more. Throws BusError */
  open(user: string): Blocking<string | undefined>
  /** @returns whose it is; undefined: nobody's. Throws BusError */
  find(value: string): Blocking<string | undefined>
  /** Whatever may be done to make it worthless. Throws BusError */
  close(value: string): Blocking<void>
}

export interface SessionStoreOptions {
  readonly sessions: SessionKind
  readonly lifetime: Nanos
  readonly redis?: { readonly to: string; readonly port: number; readonly timeout: Nanos } | undefined
  /** To sign tokens. */
  readonly key: string
}

export function createStore(context: AppContext, options: SessionStoreOptions): SessionStore {
  switch (options.sessions) {
    case 'memory':
      return new MemoryStore(context, options.lifetime)
    case 'redis':
      return new RedisStore(context, options)
    case 'jwt':
      return new TokenStore(context, options)
  }
}

/** 128 bits that nobody can guess. */
const ID_BYTES = 16
const idFrom = (random: RandomBytes): string => encodeBase64Url(random(ID_BYTES))
const ID = /^[A-Za-z0-9_-]{22}$/

/** What a session takes of a server's memory, with what stands around it. */
const SESSION_BYTES = 256

/** Known to this server alone, until it is switched off. */
class MemoryStore implements SessionStore {
  private readonly sessions = new Map<string, { readonly user: string; readonly until: Nanos }>()
  private readonly random: RandomBytes

  constructor(
    private readonly context: AppContext,
    private readonly lifetime: Nanos,
  ) {
    this.random = randomBytesFrom(context.environment.random('session'))
  }

  *open(user: string): Blocking<string | undefined> {
    yield* []
    const { now } = this.context.environment
    // In the order in which they were opened they grow too old.
    for (const [id, { until }] of this.sessions) {
      if (until > now) break
      this.forget(id)
    }
    if (!this.context.claimMemory(SESSION_BYTES)) return undefined
    const id = idFrom(this.random)
    this.sessions.set(id, { user, until: now + this.lifetime })
    return id
  }

  *find(id: string): Blocking<string | undefined> {
    yield* []
    const session = this.sessions.get(id)
    return session !== undefined && session.until > this.context.environment.now ? session.user : undefined
  }

  *close(id: string): Blocking<void> {
    yield* []
    this.forget(id)
  }

  private forget(id: string): void {
    if (this.sessions.delete(id)) this.context.releaseMemory(SESSION_BYTES)
  }
}

/** Known to all servers that share a Redis, which is asked each time. */
class RedisStore implements SessionStore {
  private readonly client: BusClient
  private readonly random: RandomBytes
  private readonly lifetime: Nanos

  constructor(context: AppContext, { redis, lifetime }: SessionStoreOptions) {
    if (redis === undefined) throw new RangeError('sessions in Redis need a Redis')
    const { to, port, timeout } = redis
    const patience = { commandTimeout: timeout, connectTimeout: timeout, backoffBase: 10 * MILLISECOND, backoffCap: SECOND }
    this.client = new BusClient(context, { host: to, port, name: context.environment.name, ...patience })
    this.client.start()
    context.spawn(this.hearken())
    this.random = randomBytesFrom(context.environment.random('session'))
    this.lifetime = lifetime
  }

  /** What becomes of the connection is nothing to us: who asks is told. */
  private *hearken(): Blocking<void> {
    for (;;) yield* this.client.nextEvent()
  }

  *open(user: string): Blocking<string> {
    const id = idFrom(this.random)
    yield* this.client.set(`session:${id}`, encodeLatin1(user), this.lifetime)
    return id
  }

  *find(id: string): Blocking<string | undefined> {
    if (!ID.test(id)) return undefined
    const user = yield* this.client.get(`session:${id}`)
    return user && textOf(user)
  }

  *close(id: string): Blocking<void> {
    if (ID.test(id)) yield* this.client.command(['DEL', `session:${id}`])
  }
}

/** Known to nobody: who has the key can tell whether it was signed with it. */
class TokenStore implements SessionStore {
  private readonly key: Uint8Array

  constructor(
    private readonly context: AppContext,
    private readonly options: SessionStoreOptions,
  ) {
    this.key = encodeLatin1(options.key)
  }

  private get now(): number {
    return calendarTime(this.context.wallClock())
  }

  *open(user: string): Blocking<string> {
    yield* []
    const { now } = this
    return signToken({ sub: user, iat: now, exp: now + Math.ceil(this.options.lifetime / SECOND) }, this.key)
  }

  *find(token: string): Blocking<string | undefined> {
    yield* []
    return readToken(token, this.key, this.now)?.sub
  }

  *close(): Blocking<void> {
    // There is nothing that could be forgotten.
    yield* []
  }
}
