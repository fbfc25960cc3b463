import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking, SocketAddress, TcpSocket, UdpSocket } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import { countSetting, fixedSetting, LONGEST } from './setting.ts'
import { encodeStreamFrame, STREAM_HEADER } from './stream-frame.ts'

export interface StreamSenderOptions {
  /** Name or address of the receiver. */
  readonly to: string
  readonly port: number
  readonly transport: 'udp' | 'tcp'
  /** From one media frame to the next. */
  readonly interval: Nanos
  /** Of a media frame, in bytes. */
  readonly size: number
  /** How many media frames. */
  readonly count: number
  readonly start: Nanos
}

const DEFAULTS: StreamSenderOptions = {
  to: '',
  port: 5004,
  transport: 'udp',
  interval: 20_000_000,
  size: 160,
  count: 250,
  start: 0,
}
const LARGEST = 65_507

/**
 * Sends media frames at a steady pace, as a telephone does: each at its time, whatever became of those before. Over TCP, frames that
 * the connection cannot take yet wait, with the time that was theirs.
 */
export class StreamSender implements App {
  private readonly options: { -readonly [Key in keyof StreamSenderOptions]: StreamSenderOptions[Key] }

  constructor(options: Partial<StreamSenderOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    const { sockets, environment } = context
    const { to, port, transport, start } = this.options
    try {
      yield* until(context, start)
      const address: SocketAddress = { address: yield* sockets.resolve(to), port }
      if (transport === 'udp') yield* this.sendDatagrams(context, sockets.udp(), address)
      else yield* this.sendStream(context, yield* sockets.connect(address, { noDelay: true }))
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      environment.record('stream:failed', '', { error: error.code, detail: error.message })
    }
  }

  /** Sends the frames, each when its time has come. @param send may block */
  private *paced(context: AppContext, send: (frame: Uint8Array) => Blocking<void> | undefined): Blocking<void> {
    const { options } = this
    let due = context.environment.now
    for (let sequence = 0; sequence < options.count; sequence++) {
      yield* until(context, due)
      const sentAt = due + context.wallClock() - context.environment.now
      const blocking = send(encodeStreamFrame({ sequence, sentAt, total: options.count }, options.size))
      if (blocking) yield* blocking
      context.environment.record('stream:frame-sent', '', { sequence })
      due += options.interval
    }
  }

  private *sendDatagrams(context: AppContext, socket: UdpSocket, to: SocketAddress): Blocking<void> {
    const listener = context.spawn(hearRefusals(context, socket))
    yield* this.paced(context, (frame) => {
      socket.sendTo(to, frame)
      return undefined
    })
    listener.cancel()
    socket.close()
  }

  private *sendStream(context: AppContext, socket: TcpSocket): Blocking<void> {
    yield* this.paced(context, (frame) => socket.write(frame))
    socket.shutdown()
    yield* socket.closed()
  }

  configure(path: string, value: unknown): void {
    const { options } = this
    switch (path) {
      case 'interval':
        options.interval = countSetting(path, value, 1000, LONGEST)
        return
      case 'size':
        // Where frames follow each other in a stream, the receiver counts on their size.
        if (options.transport === 'tcp') throw fixedSetting(path, ['interval', 'count'])
        options.size = countSetting(path, value, STREAM_HEADER, LARGEST)
        return
      case 'count':
        options.count = countSetting(path, value, 1, 1_000_000)
        return
      default:
        throw fixedSetting(path, ['interval', 'size', 'count'])
    }
  }
}

/** Sleeps until a time, unless that has passed. */
function* until(context: AppContext, time: Nanos): Blocking<void> {
  const left = time - context.environment.now
  if (left > 0) yield* context.sleep(left)
}

/** Notes that nobody listens; a sender of datagrams goes on regardless. */
function* hearRefusals({ environment }: AppContext, socket: UdpSocket): Blocking<void> {
  for (;;) {
    try {
      yield* socket.receive()
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      if (error.code === 'ECONNABORTED') return
      environment.record('stream:refused', '', { error: error.code, detail: error.message })
    }
  }
}
