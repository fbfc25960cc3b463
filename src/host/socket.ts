import type { Environment } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'

/** What a blocked application waits for. Yielded by coroutines; made only by sockets and `sleep`. */
export interface Wait {
  /**
   * Registers the one callback that resumes the waiting application. Calls it at most once, never before `arm` returns.
   * @returns stops waiting (the application was killed)
   */
  arm(resume: () => void): () => void
}

/** A blocking operation: `const bytes = yield* socket.read()`. */
export type Blocking<T> = Generator<Wait, T, void>

/** Errors as users know them. */
export type SocketErrorCode =
  | 'ECONNREFUSED'
  | 'ECONNRESET'
  | 'ECONNABORTED'
  | 'ETIMEDOUT'
  | 'EHOSTUNREACH'
  | 'ENETUNREACH'
  | 'EADDRINUSE'
  | 'EMSGSIZE'
  | 'EPIPE'
  | 'ENOTFOUND'

export class SocketError extends Error {
  override readonly name = 'SocketError'
  constructor(
    readonly code: SocketErrorCode,
    detail: string,
  ) {
    super(`${code}: ${detail}`)
  }
}

/** An IPv4 address as a number in [0, 2^32), a port in [0, 65535]. */
export interface SocketAddress {
  readonly address: number
  readonly port: number
}

export interface TcpSocket {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  /** The conversation's name in the trace. */
  readonly connection: string
  /** In-order bytes as soon as there are any (at most `limit`); undefined at the peer's FIN. Throws SocketError. */
  read(limit?: number): Blocking<Uint8Array | undefined>
  /** Exactly `length` bytes, or fewer when the peer's FIN comes first. */
  readExactly(length: number): Blocking<Uint8Array>
  /** Blocks until all of it is in the send buffer. Throws SocketError; EPIPE after `shutdown`. The bytes must not change afterwards. */
  write(bytes: Uint8Array): Blocking<void>
  /** Half-close: a FIN after all that was written. Reading goes on. */
  shutdown(): void
  /** Both halves. What was written is still sent; unread input makes it a reset (RFC 1122 section 4.2.2.13, RFC 2525 section 2.17). */
  close(): void
  /** A reset, at once. */
  reset(): void
  /** Blocks until the connection is gone (TIME-WAIT counts as gone). Throws SocketError when it did not end well. */
  closed(): Blocking<void>
  /** Nagle's algorithm on (the default) or off. */
  setNoDelay(on: boolean): void
  /** How many bytes can be read without blocking. */
  readonly readable: number
}

export interface TcpListener {
  readonly local: SocketAddress
  /** The next established connection. */
  accept(): Blocking<TcpSocket>
  close(): void
}

export interface Datagram {
  readonly from: SocketAddress
  readonly bytes: Uint8Array
}

export interface UdpSocket {
  readonly local: SocketAddress
  /** Never blocks. Throws EMSGSIZE over 65,507 bytes. */
  sendTo(to: SocketAddress, bytes: Uint8Array): void
  /** The next datagram, or undefined when none came in time. Throws ECONNREFUSED when an ICMP port unreachable came back. */
  receive(timeout?: Nanos): Blocking<Datagram | undefined>
  close(): void
}

export interface EchoReply {
  readonly from: number
  readonly kind: 'reply' | 'time-exceeded' | 'unreachable'
  readonly rtt: Nanos
  readonly ttl: number
}

/** What an application sees of its host. */
export interface Sockets {
  connect(to: SocketAddress, options?: { noDelay?: boolean; timeout?: Nanos }): Blocking<TcpSocket>
  listen(port: number, options?: { backlog?: number }): TcpListener
  udp(port?: number): UdpSocket
  /** One ICMP echo; undefined when nothing came back in time. */
  ping(to: number, options: { sequence: number; payload: number; ttl?: number; timeout: Nanos }): Blocking<EchoReply | undefined>
  /** Resolves a host name of the scenario, or a dotted address. Throws ENOTFOUND. */
  resolve(name: string): Blocking<number>
}

/** What an application is given. Its functions may be taken out of it: `const { sockets, sleep } = context`. */
export interface AppContext {
  readonly sockets: Sockets
  readonly environment: Environment
  /** Sleeps on simulated time. */
  readonly sleep: (duration: Nanos) => Blocking<void>
  /** Starts another coroutine of this application; it dies with the application. An uncaught error is recorded as `app:failed`. */
  readonly spawn: (task: Blocking<void>) => Task
  /** Blocks until one of several tasks has ended, and says which. */
  readonly race: (tasks: readonly Task[]) => Blocking<number>
}

export interface Task {
  readonly done: boolean
  /** Ends it, running its `finally` blocks. */
  cancel(): void
  /** Blocks until it has ended. */
  join(): Blocking<void>
}

/** An application: its options come from the scenario, validated. */
export interface App {
  main(context: AppContext): Blocking<void>
  /** A knob or an intervention changed an option; the path is below `app options`. Throws on an unknown path. */
  configure?(path: string, value: unknown): void
}
