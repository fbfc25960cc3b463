import type { Blocking, Wait } from '../host/socket.ts'
import { SocketError } from '../host/socket.ts'
import type { AppContext } from '../host/socket.ts'
import type { Environment, Timer } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { Backend } from './balancing/backend.ts'
import type { BackendPool } from './balancing/pool.ts'
import type { Tunnel } from './http-service.ts'
import type { LoadBalancerOptions } from './load-balancer-options.ts'

/** How many bytes went through a tunnel. */
interface TunnelCount {
  /** From the client. */
  up: number
  /** To it. */
  down: number
  /** When the last of them came. */
  at?: Nanos
  /** Whether it was broken off because nothing went through it for too long. */
  isSilent?: boolean
}

/**
 * Carries bytes both ways, and understands none of them, until both ends have finished or one has broken off: then the other is broken
 * off, too. Two small tasks and no buffer: what one end does not take, the other has to wait with.
 * @param upFirst what has come from the client already; @param downFirst what has come for it
 * @param longestSilence after how long without a byte in either direction it is broken off; 0: never
 */
function* tunnel(
  context: AppContext,
  client: Tunnel,
  server: Tunnel,
  upFirst: Uint8Array,
  downFirst: Uint8Array,
  count: TunnelCount,
  longestSilence: Nanos,
): Blocking<void> {
  let hasFailed = false
  const fail = (): void => {
    hasFailed = true
    client.reset()
    server.reset()
  }
  const { environment } = context
  const unwatch = longestSilence === 0 ? undefined : watchSilence(environment, longestSilence, count, fail)
  const down = context.spawn(pump(environment, server, client, downFirst, count, 'down', fail))
  try {
    yield* pump(environment, client, server, upFirst, count, 'up', fail)
    yield* down.join()
  } finally {
    unwatch?.()
    if (!down.done) {
      down.cancel()
      if (!hasFailed) server.reset()
    }
    server.close()
  }
}

/**
 * Ends a tunnel through which nothing goes. One timer, which is not moved for each byte: it looks when the last one went through.
 * @returns what ends that
 */
function watchSilence(environment: Environment, longest: Nanos, count: TunnelCount, fail: () => void): () => void {
  let timer: Timer
  const look = (): void => {
    const due = (count.at ?? 0) + longest
    if (environment.now < due) {
      timer = environment.schedule(due, look)
      return
    }
    count.isSilent = true
    fail()
  }
  count.at = environment.now
  timer = environment.schedule(environment.now + longest, look)
  return () => {
    timer.cancel()
  }
}

function* pump(
  environment: Environment,
  from: Tunnel,
  to: Tunnel,
  first: Uint8Array,
  count: TunnelCount,
  way: 'up' | 'down',
  fail: () => void,
): Blocking<void> {
  try {
    if (first.length > 0) {
      count[way] += first.length
      yield* to.write(first)
    }
    for (;;) {
      let bytes = from.readNow()
      for (let wait: Wait | undefined = from.arrival; bytes === undefined && wait !== undefined; wait = from.arrival) {
        yield wait
        bytes = from.readNow()
      }
      if (bytes === undefined) break
      count[way] += bytes.length
      count.at = environment.now
      yield* to.write(bytes)
    }
    to.shutdown()
  } catch (error) {
    // Whoever was at fault: neither end hears anything more of the other.
    if (!(error instanceof SocketError)) throw error
    fail()
  }
}

/** The tunnels of a balancer, by server: with `cutDown`, those to a server that is down are broken off. */
export class Tunnels {
  /** What breaks off a tunnel; only where that may be wanted. */
  private readonly cuts = new Map<Backend, Set<() => void>>()

  constructor(
    private readonly context: AppContext,
    private readonly pool: BackendPool,
    private readonly options: Pick<LoadBalancerOptions, 'cutDown' | 'tunnelTimeout'>,
  ) {}

  /** Carries one to its end; the server, which counts it, counts one less then. */
  *carry(backend: Backend, client: Tunnel, server: Tunnel, first: Uint8Array, rest: Uint8Array): Blocking<void> {
    const { context, pool } = this
    const count: TunnelCount = { up: 0, down: 0 }
    const cut = (): void => {
      client.reset()
      server.reset()
    }
    const cuts = this.options.cutDown ? this.cutsOf(backend) : undefined
    cuts?.add(cut)
    try {
      yield* tunnel(context, client, server, first, rest, count, this.options.tunnelTimeout)
    } finally {
      cuts?.delete(cut)
      const { up, down, isSilent = false } = count
      context.environment.record('balancer:tunnel-closed', client.connection, { backend: backend.name, up, down, isSilent })
      pool.ended(backend)
    }
  }

  /** A server is down. */
  cut(backend: Backend): void {
    for (const cut of this.cuts.get(backend) ?? []) cut()
  }

  private cutsOf(backend: Backend): Set<() => void> {
    let cuts = this.cuts.get(backend)
    if (cuts === undefined) {
      cuts = new Set()
      this.cuts.set(backend, cuts)
    }
    return cuts
  }
}
