import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking, TcpSocket } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import { Playout } from './playout.ts'
import { fixedSetting } from './setting.ts'
import { decodeStreamFrame } from './stream-frame.ts'

export interface StreamReceiverOptions {
  readonly port: number
  readonly transport: 'udp' | 'tcp'
  /** From one media frame to the next. */
  readonly interval: Nanos
  /** Of a media frame, in bytes; counts over TCP only, where nothing else says where a frame ends. */
  readonly size: number
  /** From the first frame's arrival to its slot: how late another may be and still be heard. */
  readonly playout: Nanos
}

const DEFAULTS: StreamReceiverOptions = { port: 5004, transport: 'udp', interval: 20_000_000, size: 160, playout: 60_000_000 }

/** Receives streams of media frames, and plays each against a clock that does not wait. */
export class StreamReceiver implements App {
  private readonly options: StreamReceiverOptions

  constructor(options: Partial<StreamReceiverOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    if (this.options.transport === 'udp') {
      yield* this.receiveDatagrams(context)
      return
    }
    const listener = context.sockets.listen(this.options.port)
    for (;;) context.spawn(this.receiveStream(context, yield* listener.accept()))
  }

  private playout(context: AppContext, connection: string): Playout {
    return new Playout(context, connection, this.options.interval, this.options.playout)
  }

  private *receiveDatagrams(context: AppContext): Blocking<void> {
    const socket = context.sockets.udp(this.options.port)
    /** By sender: address and port. */
    const streams = new Map<string, Playout>()
    for (;;) {
      const datagram = yield* socket.receive()
      if (datagram === undefined) continue
      const { from, bytes } = datagram
      const frame = decodeStreamFrame(bytes)
      if (frame === undefined) {
        context.environment.record('stream:frame-refused', '', { bytes: bytes.length })
        continue
      }
      const key = `${String(from.address)} ${String(from.port)}`
      let stream = streams.get(key)
      if (stream === undefined) {
        stream = this.playout(context, '')
        streams.set(key, stream)
      }
      stream.frame(frame)
    }
  }

  private *receiveStream(context: AppContext, socket: TcpSocket): Blocking<void> {
    const { size } = this.options
    const stream = this.playout(context, socket.connection)
    try {
      for (;;) {
        const bytes = yield* socket.readExactly(size)
        if (bytes.length === 0) return
        const frame = bytes.length === size ? decodeStreamFrame(bytes) : undefined
        if (frame === undefined) {
          // Where the next frame begins, nobody can tell any more.
          context.environment.record('stream:frame-refused', socket.connection, { bytes: bytes.length })
          return
        }
        stream.frame(frame)
      }
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      context.environment.record('stream:failed', socket.connection, { error: error.code, detail: error.message })
    } finally {
      socket.close()
    }
  }

  configure(path: string): void {
    throw fixedSetting(path, [])
  }
}
