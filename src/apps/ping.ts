import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking, EchoReply, Task } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import { formatIp, type IpAddress } from '../wire/address.ts'
import { countSetting, fixedSetting, LONGEST } from './setting.ts'

export interface PingOptions {
  /** Name or address. */
  readonly to: string
  /** Of IP: 4 or 6; 0: that of the address which is tried first. */
  readonly version: 0 | 4 | 6
  /** How many echo requests; as many as it takes when `traceroute`. */
  readonly count: number
  readonly interval: Nanos
  /** Bytes of data in a request. */
  readonly size: number
  /** Time to live; the most hops when `traceroute`. */
  readonly ttl: number
  readonly timeout: Nanos
  /** Whether to count the time to live up from 1, one request each, until the target answers. */
  readonly traceroute: boolean
  readonly start: Nanos
}

const DEFAULTS: PingOptions = {
  to: '',
  version: 0,
  count: 4,
  interval: 1_000_000_000,
  size: 56,
  ttl: 64,
  timeout: 1_000_000_000,
  traceroute: false,
  start: 0,
}
const CHANGEABLE = ['count', 'interval', 'size', 'ttl', 'timeout']

/** Asks a host for echoes at a steady pace, or finds out who is on the way to it. */
export class Ping implements App {
  private readonly options: { -readonly [Key in keyof PingOptions]: PingOptions[Key] }
  private sent = 0
  private received = 0

  constructor(options: Partial<PingOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    const { environment, sockets } = context
    const { to, start, traceroute, version } = this.options
    if (start > environment.now) yield* context.sleep(start - environment.now)
    try {
      const target = yield* sockets.resolve(to, version === 0 ? undefined : version)
      yield* traceroute ? this.trace(context, target) : this.ask(context, target)
      environment.record('ping:finished', '', { sent: this.sent, received: this.received })
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      environment.record('ping:failed', '', { error: error.code, detail: error.message })
    }
  }

  /** Each request at its time, whether those before are answered or not. */
  private *ask(context: AppContext, target: IpAddress): Blocking<void> {
    const { options } = this
    const tasks: Task[] = []
    let due = context.environment.now
    for (let sequence = 1; sequence <= options.count; sequence++) {
      const left = due - context.environment.now
      if (left > 0) yield* context.sleep(left)
      tasks.push(context.spawn(this.askOnce(context, target, sequence)))
      due += options.interval
    }
    for (const task of tasks) yield* task.join()
  }

  private *askOnce(context: AppContext, target: IpAddress, sequence: number): Blocking<void> {
    yield* this.echo(context, target, sequence, this.options.ttl)
  }

  private *trace(context: AppContext, target: IpAddress): Blocking<void> {
    for (let ttl = 1; ttl <= this.options.ttl; ttl++) {
      const reply = yield* this.echo(context, target, ttl, ttl)
      if (reply !== undefined && reply.kind !== 'time-exceeded') return
    }
  }

  private *echo(context: AppContext, target: IpAddress, sequence: number, ttl: number): Blocking<EchoReply | undefined> {
    const { environment, sockets } = context
    const { size, timeout } = this.options
    environment.record('ping:sent', '', { sequence, ttl })
    this.sent++
    try {
      const reply = yield* sockets.ping(target, { sequence, payload: size, ttl, timeout })
      if (reply === undefined) {
        environment.record('ping:timed-out', '', { sequence })
        return undefined
      }
      const { from, rtt, kind } = reply
      if (kind === 'reply') this.received++
      environment.record('ping:replied', '', { sequence, from: formatIp(from), rtt, kind })
      return reply
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      environment.record('ping:failed', '', { sequence, error: error.code, detail: error.message })
      return undefined
    }
  }

  configure(path: string, value: unknown): void {
    const { options } = this
    switch (path) {
      case 'count':
        options.count = countSetting(path, value, 1, 1_000_000)
        return
      case 'interval':
        options.interval = countSetting(path, value, 1000, LONGEST)
        return
      case 'size':
        options.size = countSetting(path, value, 0, 65_507)
        return
      case 'ttl':
        options.ttl = countSetting(path, value, 1, 255)
        return
      case 'timeout':
        options.timeout = countSetting(path, value, 1, LONGEST)
        return
      default:
        throw fixedSetting(path, CHANGEABLE)
    }
  }
}
