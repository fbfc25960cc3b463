import type { App, AppContext, Blocking } from '../../host/socket.ts'
import { SECOND } from '../../kernel/time.ts'
import type { Http2Scheduler } from '../../protocols/http2/options.ts'
import { encodeLatin1, type HeaderField } from '../../wire/http1.ts'
import { BusError } from '../bus/bus-error.ts'
import { HttpFront } from '../http-front.ts'
import type { HttpService, SiteAnswer, SiteRecord, SiteRequest } from '../http-service.ts'
import { textOf } from '../live/message-text.ts'
import { liveTarget } from '../live/live-request.ts'
import { cookieOf } from '../load-balancer-stickiness.ts'
import { fixedSetting, flagSetting } from '../setting.ts'
import { createStore, type SessionStore, type SessionStoreOptions } from './session-store.ts'

export interface SessionServerOptions extends SessionStoreOptions {
  readonly port: number
  readonly backlog: number
  readonly keepAlive: boolean
}

const DEFAULTS: SessionServerOptions = {
  port: 80,
  backlog: 128,
  keepAlive: true,
  sessions: 'memory',
  lifetime: 3600 * SECOND,
  key: 'a-key-that-all-the-servers-share-',
}

/** Name of the cookie. */
export const SESSION_COOKIE = 'session'

const NAME = /^user=([a-z0-9-]{1,60})$/
const LONGEST_BODY = 1024

/**
 * A server that people log in to: `POST /login` with `user=…` gives a cookie, `GET /me` says who brings it along, `POST /logout` ends that.
 * Nobody has a password: who somebody is, is taken on trust. What there is to see is where it is kept afterwards.
 *
 * Records `session:opened {user, bytes}` with the length of the cookie's value, `session:checked {isKnown, took}` with how long it took to
 * find out, `session:closed {}`, and `session:failed {error}` when the Redis did not answer.
 */
export class SessionServer implements App, HttpService {
  readonly digests = false
  readonly keepsBodies = true
  readonly scheduler: Http2Scheduler = 'fair'
  keepAlive: boolean
  private readonly options: SessionServerOptions
  private readonly front: HttpFront
  private running: { readonly context: AppContext; readonly store: SessionStore } | undefined

  constructor(options: Partial<SessionServerOptions>) {
    this.options = { ...DEFAULTS, ...options }
    const { port, backlog, keepAlive } = this.options
    this.keepAlive = keepAlive
    this.front = new HttpFront({ port, backlog, fastOpen: false }, this)
  }

  *main(context: AppContext): Blocking<void> {
    this.running = { context, store: createStore(context, this.options) }
    yield* this.front.main(context)
  }

  /** `keepAlive`, of connections to come. */
  configure(path: string, value: unknown): void {
    if (path !== 'keepAlive') throw fixedSetting(path, ['keepAlive'])
    this.keepAlive = flagSetting(path, value)
  }

  delayOf(): number {
    return 0
  }

  pushesOf(): readonly string[] {
    return []
  }

  *answer(request: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    const { method } = request
    const { path } = liveTarget(request.target)
    try {
      switch (path) {
        case '/login':
          return method === 'POST' ? yield* this.login(request, record) : notAllowed('POST')
        case '/logout':
          return method === 'POST' ? yield* this.logout(request, record) : notAllowed('POST')
        case '/me':
          return method === 'GET' || method === 'HEAD' ? yield* this.tell(request, record) : notAllowed('GET, HEAD')
        case '/health':
          return json(200, '{"here":true}')
        default:
          return json(404, '{"error":"there is nothing here"}')
      }
    } catch (error) {
      if (!(error instanceof BusError)) throw error
      record('session:failed', { error: error.problem })
      return json(503, '{"error":"who you are cannot be found out now"}', [{ name: 'Retry-After', value: '1' }])
    }
  }

  private get here() {
    if (this.running === undefined) throw new Error('it does not run')
    return this.running
  }

  private *login({ body, bytes, isSecure }: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    const text = bytes > LONGEST_BODY ? undefined : body.map((piece) => textOf(piece) ?? '').join('')
    const [, user] = NAME.exec(text ?? '') ?? []
    if (user === undefined) return json(400, '{"error":"user=, and a name of small letters, digits and hyphens"}')
    const value = yield* this.here.store.open(user)
    if (value === undefined) return json(503, '{"error":"there is no room"}')
    record('session:opened', { user, bytes: value.length })
    return json(200, `{"user":"${user}"}`, [this.cookie(value, Math.ceil(this.options.lifetime / SECOND), isSecure)])
  }

  private *tell({ fields }: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    const { context, store } = this.here
    const value = cookieOf(fields, SESSION_COOKIE)
    const from = context.environment.now
    const user = value === undefined ? undefined : yield* store.find(value)
    record('session:checked', { isKnown: user !== undefined, took: context.environment.now - from })
    return user === undefined ? json(401, '{"error":"who are you?"}', [CHALLENGE]) : json(200, `{"user":"${user}"}`)
  }

  private *logout({ fields, isSecure }: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    const value = cookieOf(fields, SESSION_COOKIE)
    if (value !== undefined) yield* this.here.store.close(value)
    record('session:closed', {})
    return json(200, '{}', [this.cookie('', 0, isSecure)])
  }

  /** RFC 6265 section 4.1: out of reach of scripts, and of requests that other sites bring about. @param age in seconds; 0: it is taken away */
  private cookie(value: string, age: number, isSecure: boolean): HeaderField {
    const attributes = `Path=/; Max-Age=${String(age)}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
    return { name: 'Set-Cookie', value: `${SESSION_COOKIE}=${value}; ${attributes}` }
  }
}

/** RFC 9110 section 15.5.2 wants a challenge with 401; there is no registered scheme for logging in by a form. */
const CHALLENGE: HeaderField = { name: 'WWW-Authenticate', value: 'Session realm="login"' }

const JSON_FIELDS: readonly HeaderField[] = [
  { name: 'Content-Type', value: 'application/json' },
  { name: 'Cache-Control', value: 'no-store' },
]

function json(status: number, text: string, more: readonly HeaderField[] = []): SiteAnswer {
  return { status, fields: [...JSON_FIELDS, ...more], content: encodeLatin1(text), isChunked: false }
}

function notAllowed(methods: string): SiteAnswer {
  return json(405, '{"error":"another method"}', [{ name: 'Allow', value: methods }])
}
