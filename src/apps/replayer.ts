import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking, SocketAddress, TcpSocket } from '../host/socket.ts'
import type { EventData } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import { formatIp } from '../wire/address.ts'
import { countSetting, fixedSetting } from './setting.ts'
import { joined } from '../wire/joined.ts'

export interface ReplayerOptions {
  /** Whose connections are watched: a TCP port. */
  readonly port: number
  /** How often what was recorded is sent again. */
  readonly copies: number
  /** How long after it was recorded, and from one copy to the next. */
  readonly delay: Nanos
}

const DEFAULTS: ReplayerOptions = { port: 443, copies: 1, delay: 1_000_000_000 }
/** Most bytes of a first flight that are recorded. */
const FLIGHT_LIMIT = 65_536
/** How long an answer to a copy is listened to. */
const PATIENCE: Nanos = 2_000_000_000
/** Record type of application data (RFC 8446 section 5.1). */
const APPLICATION_DATA = 23
const RECORD_HEADER = 5

/**
 * Sits on a router, lets connections pass, and records with what each begins: all that the client says before the server has said anything.
 * Under TLS 1.3 that may be a whole request, as early data (0-RTT). The replayer cannot read it, nor change it; but it can send it
 * once more, and a server that takes no care will carry it out once more (RFC 8446 section 8).
 */
export class Replayer implements App {
  private readonly options: { -readonly [Key in keyof ReplayerOptions]: ReplayerOptions[Key] }

  constructor(options: Partial<ReplayerOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    const { sockets } = context
    const { port } = this.options
    sockets.link.divert([port])
    try {
      const listener = sockets.listen(port)
      for (;;) context.spawn(this.pass(context, yield* listener.accept()))
    } finally {
      sockets.link.divert([])
    }
  }

  configure(path: string, value: unknown): void {
    if (path !== 'copies') throw fixedSetting(path, ['copies'])
    this.options.copies = countSetting(path, value, 0, 100)
  }

  /** Lets one connection pass, both ways. */
  private *pass(context: AppContext, client: TcpSocket): Blocking<void> {
    const to = client.local
    let server: TcpSocket | undefined
    try {
      server = yield* context.sockets.connect(to, { noDelay: true })
      client.setNoDelay(true)
      const flight = new Flight()
      const up = context.spawn(relay(client, server, (bytes) => flight.add(bytes)))
      const down = context.spawn(
        relay(server, client, () => {
          if (flight.end()) context.spawn(this.replay(context, to, flight.bytes))
        }),
      )
      yield* up.join()
      yield* down.join()
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
    } finally {
      client.close()
      server?.close()
    }
  }

  private *replay(context: AppContext, to: SocketAddress, flight: Uint8Array): Blocking<void> {
    const record = (name: string, data: EventData, connection = ''): void => {
      context.environment.record(name, connection, { server: formatIp(to.address), bytes: flight.length, ...data })
    }
    record('replayer:flight-recorded', {})
    const { copies, delay } = this.options
    for (let copy = 1; copy <= copies; copy++) {
      yield* context.sleep(delay)
      try {
        const socket = yield* context.sockets.connect(to, { noDelay: true })
        yield* socket.write(flight)
        record('replayer:flight-replayed', { copy }, socket.connection)
        context.spawn(listen(context, socket))
      } catch (error) {
        if (!(error instanceof SocketError)) throw error
        record('replayer:failed', { copy, error: error.code, detail: error.message })
      }
    }
  }
}

/** What the client has said before the server said anything. */
class Flight {
  private readonly parts: Uint8Array[] = []
  private length = 0
  private isOver = false

  add(bytes: Uint8Array): void {
    if (this.isOver || this.length > FLIGHT_LIMIT) return
    this.parts.push(bytes)
    this.length += bytes.length
  }

  /** The server has answered. @returns whether that was the first time, and there is something that may be worth sending again */
  end(): boolean {
    if (this.isOver) return false
    this.isOver = true
    return this.length <= FLIGHT_LIMIT && hasEarlyData(this.bytes)
  }

  get bytes(): Uint8Array {
    return joined(this.parts)
  }
}

/** Whether a first flight holds records of application data: what is in them nobody but the server can tell. */
function hasEarlyData(flight: Uint8Array): boolean {
  let at = 0
  while (at + RECORD_HEADER <= flight.length) {
    if (flight[at] === APPLICATION_DATA) return true
    at += RECORD_HEADER + (flight[at + 3] << 8) + flight[at + 4]
  }
  return false
}

/** Passes on all that comes, and the end. @param told of each part before it goes on */
function* relay(from: TcpSocket, to: TcpSocket, told: (bytes: Uint8Array) => void): Blocking<void> {
  try {
    for (let bytes = yield* from.read(); bytes !== undefined; bytes = yield* from.read()) {
      told(bytes)
      yield* to.write(bytes)
    }
    to.shutdown()
  } catch (error) {
    if (!(error instanceof SocketError)) throw error
    // What was broken off on one side is broken off on the other.
    to.reset()
  }
}

/** Listens to what comes back, which tells it nothing, and goes. */
function* listen(context: AppContext, socket: TcpSocket): Blocking<void> {
  const patience = context.spawn(context.sleep(PATIENCE))
  const reader = context.spawn(
    (function* () {
      try {
        while ((yield* socket.read()) !== undefined);
      } catch (error) {
        if (!(error instanceof SocketError)) throw error
      }
    })(),
  )
  yield* context.race([patience, reader])
  reader.cancel()
  patience.cancel()
  socket.reset()
}
