import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking, TcpSocket } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import { filler, fillerKey } from './filler.ts'
import { fixedSetting } from './setting.ts'

/** One thing to do with a connection. */
export type ScriptStep =
  | { readonly do: 'sleep'; readonly for: Nanos }
  | { readonly do: 'send'; readonly bytes: number }
  | { readonly do: 'read'; readonly bytes: number }
  | { readonly do: 'read-to-end' | 'shutdown' | 'close' | 'reset' | 'wait-closed' }

export interface SocketScriptOptions {
  /** TCP port to accept one connection on; 0: connects instead. */
  readonly listen: number
  /** `'bob:80'`. */
  readonly connect: string
  readonly start: Nanos
  readonly steps: readonly ScriptStep[]
}

const DEFAULTS: SocketScriptOptions = { listen: 0, connect: '', start: 0, steps: [] }

/** Does with one TCP connection what it is told, step by step: for scenarios about TCP itself. */
export class SocketScript implements App {
  private readonly options: SocketScriptOptions
  /** The step that is being done, from 1; 0: none yet. */
  private step = 0
  /** How many bytes were sent so far. */
  private sent = 0
  private connection = ''

  constructor(options: Partial<SocketScriptOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    const { environment } = context
    const { start, steps } = this.options
    if (start > environment.now) yield* context.sleep(start - environment.now)
    try {
      const socket = yield* this.socket(context)
      this.connection = socket.connection
      for (const step of steps) {
        this.step++
        environment.record('script:step', this.connection, { step: this.step, ...step })
        yield* this.carryOut(context, socket, step)
      }
      environment.record('script:finished', this.connection, { steps: this.step })
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      environment.record('script:failed', this.connection, { step: this.step, error: error.code, detail: error.message })
    }
  }

  private *socket({ sockets }: AppContext): Blocking<TcpSocket> {
    const { listen, connect } = this.options
    if (listen !== 0) {
      const listener = sockets.listen(listen)
      const socket = yield* listener.accept()
      listener.close()
      return socket
    }
    const colon = connect.lastIndexOf(':')
    // An IPv6 address stands in brackets.
    const address = yield* sockets.resolve(connect.slice(0, colon).replace(/^\[(.*)\]$/, '$1'))
    return yield* sockets.connect({ address, port: Number(connect.slice(colon + 1)) })
  }

  private *carryOut(context: AppContext, socket: TcpSocket, step: ScriptStep): Blocking<void> {
    switch (step.do) {
      case 'sleep':
        yield* context.sleep(step.for)
        return
      case 'send':
        yield* this.send(socket, step.bytes)
        return
      case 'read':
        yield* this.read(context, socket, step.bytes)
        return
      case 'read-to-end':
        yield* this.read(context, socket, Number.POSITIVE_INFINITY)
        return
      case 'shutdown':
        socket.shutdown()
        return
      case 'close':
        socket.close()
        return
      case 'reset':
        socket.reset()
        return
      case 'wait-closed':
        yield* socket.closed()
    }
  }

  private *send(socket: TcpSocket, bytes: number): Blocking<void> {
    const key = fillerKey(this.options.connect)
    for (let left = bytes; left > 0;) {
      const piece = filler(key, this.sent, left)
      left -= piece.length
      this.sent += piece.length
      yield* socket.write(piece)
    }
  }

  /** Reads and throws away so many bytes, or what comes until the peer's FIN. */
  private *read(context: AppContext, socket: TcpSocket, bytes: number): Blocking<void> {
    let got = 0
    while (got < bytes) {
      const left = bytes - got
      const piece = yield* Number.isFinite(left) ? socket.read(left) : socket.read()
      if (piece === undefined) break
      got += piece.length
    }
    context.environment.record('script:read', this.connection, { step: this.step, bytes: got })
  }

  configure(path: string): void {
    throw fixedSetting(path, [])
  }
}
