/**
 * Connecting to one of several addresses, so that a broken path of one version of IP costs a quarter of a second and not minutes: RFC
 * 8305, "Happy Eyeballs Version 2". Addresses come sorted (RFC 6724); of the two versions they take turns. Each attempt begins a little
 * after the one before, or at once when that has failed; the first to complete wins, the others are given up.
 *
 * Names come from a table here, so sections 3 (asynchronous queries) and 4's history of past connections have no part in it.
 */
import type { AppContext, Blocking, Task, TcpSocket } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import { formatIp, type IpAddress } from '../wire/address.ts'
import { failureOf } from './web-fetch.ts'

/** How several addresses are tried. */
export interface RaceOptions {
  /** Whether an attempt begins while others are under way. */
  readonly happyEyeballs: boolean
  /** How long after an attempt the next one begins. */
  readonly attemptDelay: Nanos
}

export interface ConnectOptions extends RaceOptions {
  readonly port: number
  /** Of each attempt, in nanoseconds; 0: as long as TCP itself tries. */
  readonly timeout: Nanos
  /** A first request, for the SYN if Fast Open allows; only where there is a single address to try. */
  readonly data?: Uint8Array
}

/** Takes turns between the versions of IP, beginning with that of the first address. RFC 8305 section 4. */
function interleaved(addresses: readonly IpAddress[]): IpAddress[] {
  const first = addresses.filter((address) => typeof address === typeof addresses[0])
  const second = addresses.filter((address) => typeof address !== typeof addresses[0])
  const order: IpAddress[] = []
  for (let i = 0; i < Math.max(first.length, second.length); i++) order.push(...first.slice(i, i + 1), ...second.slice(i, i + 1))
  return order
}

function* connectTo(context: AppContext, address: IpAddress, options: ConnectOptions): Blocking<TcpSocket> {
  const { port, timeout, data } = options
  const more = { ...(timeout > 0 && { timeout }), ...(data !== undefined && { data }) }
  return yield* context.sockets.connect({ address, port }, { noDelay: true, ...more })
}

interface Attempt {
  readonly address: IpAddress
  readonly task: Task
}

/** What an attempt makes. */
export interface Attempted {
  /** Name of the conversation. */
  readonly connection: string
  close(): void
}

class Race<Connection extends Attempted> {
  winner: Connection | undefined
  error: unknown
  private readonly attempts: Attempt[] = []

  constructor(
    private readonly context: AppContext,
    private readonly connect: (address: IpAddress) => Blocking<Connection>,
  ) {}

  get running(): Task[] {
    return this.attempts.filter(({ task }) => !task.done).map(({ task }) => task)
  }

  begin(address: IpAddress): void {
    this.record('started', address, { attempt: this.attempts.length + 1 })
    this.attempts.push({ address, task: this.context.spawn(this.attempt(address)) })
  }

  private *attempt(address: IpAddress): Blocking<void> {
    try {
      const socket = yield* this.connect(address)
      if (this.winner === undefined) {
        this.winner = socket
        this.record('succeeded', address, {}, socket.connection)
      } else {
        // Both in the same instant.
        socket.close()
        this.record('cancelled', address, {})
      }
    } catch (error) {
      const failure = failureOf(error)
      this.error = error
      this.record('failed', address, { ...failure })
    }
  }

  /** Gives up what is still under way. */
  end(): void {
    for (const { address, task } of this.attempts) {
      if (task.done) continue
      task.cancel()
      this.record('cancelled', address, {})
    }
  }

  private record(what: string, address: IpAddress, data: Record<string, string | number>, connection = ''): void {
    const { environment } = this.context
    const version = typeof address === 'number' ? 4 : 6
    environment.record(`browser:connection-attempt-${what}`, connection, { address: formatIp(address), version, ...data })
  }
}

/**
 * Connects over TCP to the first of several addresses that answers.
 * @param addresses at least one, in the order of RFC 6724
 * @throws SocketError the last attempt's, when all have failed
 */
export function* connectToAny(
  context: AppContext,
  addresses: readonly IpAddress[],
  options: ConnectOptions,
): Blocking<TcpSocket> {
  return yield* raceAddresses(context, addresses, options, (address) => connectTo(context, address, options))
}

/**
 * The same, whatever a connection is.
 * @param connect tries one address; it may be given up at any time, and throws SocketError
 */
export function* raceAddresses<Connection extends Attempted>(
  context: AppContext,
  addresses: readonly IpAddress[],
  options: RaceOptions,
  connect: (address: IpAddress) => Blocking<Connection>,
): Blocking<Connection> {
  if (addresses.length === 1) return yield* connect(addresses[0])
  const race = new Race(context, connect)
  const waiting = options.happyEyeballs ? interleaved(addresses) : [...addresses]
  try {
    for (;;) {
      const next = waiting.shift()
      if (next !== undefined) race.begin(next)
      const tasks = race.running
      const pause = options.happyEyeballs && waiting.length > 0 ? [context.spawn(context.sleep(options.attemptDelay))] : []
      yield* context.race([...tasks, ...pause])
      for (const task of pause) task.cancel()
      if (race.winner !== undefined) return race.winner
      if (waiting.length === 0 && race.running.length === 0) throw race.error
    }
  } finally {
    race.end()
  }
}
