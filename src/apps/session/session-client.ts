import { SocketError } from '../../host/socket.ts'
import type { App, AppContext, Blocking } from '../../host/socket.ts'
import type { EventData } from '../../kernel/machine.ts'
import { SECOND, type Nanos } from '../../kernel/time.ts'
import { encodeLatin1, type HeaderField } from '../../wire/http1.ts'
import { within } from '../balancing/time-limit.ts'
import { cookiesAfter } from '../live/cookies.ts'
import { fixedSetting } from '../setting.ts'
import { Upstream, type UpstreamResponse } from '../upstream.ts'
import { formatAuthority, parseUrl, type HttpUrl } from '../url.ts'
import { SESSION_COOKIE } from './session-server.ts'

export interface SessionClientOptions {
  readonly server: string
  readonly interval: Nanos
  /** How long an answer may take. */
  readonly timeout: Nanos
  readonly start: Nanos
  readonly startWithin: Nanos
  /** 0: never. */
  readonly logout: Nanos
  /** Whether somebody goes on with the cookie after the logout. */
  readonly copied: boolean
}

const DEFAULTS: SessionClientOptions = {
  server: '',
  interval: SECOND,
  timeout: 2 * SECOND,
  start: 0,
  startWithin: 0,
  logout: 0,
  copied: false,
}

/** What came of a request. */
interface Outcome {
  /** 0: there was no answer. */
  readonly status: number
  readonly duration: Nanos
  readonly error: string
}

/**
 * Somebody who logs in, asks again and again who he is, and logs in again when nobody knows him. What fails for another reason he tries again
 * when it is time for the next question.
 *
 * Records `client:state-changed {state}`; `session:logged-in {again, duration, bytes}`, `again` counting from 0, with the length of the field
 * Cookie from then on; `session:answered {status, duration, error}` of each question; `session:lost {}` when nobody knew him;
 * `session:logged-out {status}`; `session:copy-answered {status}` of each question with a copy of the cookie after the logout.
 */
export class SessionClient implements App {
  private readonly options: SessionClientOptions
  private readonly url: HttpUrl
  private readonly upstream: Upstream
  /** Cookies. */
  private fields: readonly HeaderField[] = []
  private logins = 0
  private state = ''

  constructor(options: Partial<SessionClientOptions>) {
    this.options = { ...DEFAULTS, ...options }
    const url = parseUrl(this.options.server)
    if (url === undefined) throw new RangeError(`'${this.options.server}' is no address of a server`)
    this.url = url
    this.upstream = new Upstream(url, undefined, { watchesIdle: true, idleLimit: 1 })
  }

  configure(path: string): void {
    throw fixedSetting(path, [])
  }

  *main(context: AppContext): Blocking<void> {
    const { environment } = context
    const { start, startWithin, interval, logout, copied } = this.options
    const begin = start + (startWithin > 0 ? Math.floor(environment.random('session-client').next() * startWithin) : 0)
    this.tell(context, 'idle')
    yield* context.sleep(Math.max(0, begin - environment.now))
    for (let due = environment.now; logout === 0 || due < logout; due += interval) {
      yield* context.sleep(Math.max(0, due - environment.now))
      yield* this.turn(context)
      // Who was kept waiting does not make up for it.
      while (due + interval < environment.now) due += interval
    }
    yield* context.sleep(Math.max(0, logout - environment.now))
    const copy = this.fields
    const { status } = yield* this.request(context, 'POST', '/logout', this.fields)
    this.fields = []
    environment.record('session:logged-out', '', { status })
    this.tell(context, 'gone')
    if (copied) yield* this.goOn(context, copy)
  }

  /** One question; before it and after it a login, where that is needed. */
  private *turn(context: AppContext): Blocking<void> {
    if (!this.isKnown && !(yield* this.login(context))) return
    const { status, duration, error } = yield* this.request(context, 'GET', '/me', this.fields)
    context.environment.record('session:answered', '', { status, duration, error })
    if (status === 200) this.tell(context, 'connected')
    else if (status !== 401) this.tell(context, 'backing-off')
    else {
      context.environment.record('session:lost', '', {})
      yield* this.login(context)
    }
  }

  private get isKnown(): boolean {
    return this.fields.some(({ value }) => value.includes(`${SESSION_COOKIE}=`))
  }

  /** @returns whether it has worked */
  private *login(context: AppContext): Blocking<boolean> {
    const { environment } = context
    this.tell(context, 'connecting')
    const body = encodeLatin1(
      `user=${environment.name
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-')
        .slice(0, 60)}`,
    )
    const { status, duration } = yield* this.request(context, 'POST', '/login', this.fields, body)
    if (status !== 200) {
      this.tell(context, 'backing-off')
      return false
    }
    const [{ value } = { value: '' }] = this.fields
    environment.record('session:logged-in', '', { again: this.logins++, duration, bytes: value.length })
    this.tell(context, 'connected')
    return true
  }

  /** As somebody would who has copied the cookie. */
  private *goOn(context: AppContext, copy: readonly HeaderField[]): Blocking<void> {
    for (;;) {
      const { status } = yield* this.request(context, 'GET', '/me', copy, undefined, false)
      context.environment.record('session:copy-answered', '', { status })
      if (status === 401) return
      yield* context.sleep(this.options.interval)
    }
  }

  private *request(
    context: AppContext,
    method: 'GET' | 'POST',
    target: string,
    cookies: readonly HeaderField[],
    body?: Uint8Array,
    keeps = true,
  ): Blocking<Outcome> {
    const { environment } = context
    const from = environment.now
    const outcome = (status: number, error = ''): Outcome => ({ status, duration: environment.now - from, error })
    const type = body === undefined ? [] : [{ name: 'Content-Type', value: 'application/x-www-form-urlencoded' }]
    const fields = [{ name: 'Host', value: formatAuthority(this.url) }, ...type, ...cookies]
    const parts = body === undefined ? [] : [body]
    const asked = { method, target, fields, bytes: body?.length ?? 0, body: parts }
    try {
      const answered = yield* within(context, this.options.timeout, this.whole(context, asked))
      if (answered === undefined) return outcome(0, 'timeout')
      const { status, fields: told } = answered.value
      if (keeps) this.fields = cookiesAfter(this.fields, told)
      return outcome(status)
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      return outcome(0, error.code)
    }
  }

  /** An answer to its end. */
  private *whole(context: AppContext, asked: Parameters<Upstream['fetch']>[1]): Blocking<UpstreamResponse> {
    const response = yield* this.upstream.fetch(context, asked)
    const { body } = response
    let isWhole = false
    try {
      while ((yield* body.read()) !== undefined) continue
      isWhole = true
    } finally {
      if (!isWhole) body.cancel()
    }
    return response
  }

  private tell(context: AppContext, state: string): void {
    if (this.state === state) return
    this.state = state
    const data: EventData = { state }
    context.environment.record('client:state-changed', '', data)
  }
}
