import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking } from '../host/socket.ts'
import { fixedSetting } from './setting.ts'

export interface UdpEchoOptions {
  readonly port: number
}

const DEFAULTS: UdpEchoOptions = { port: 7 }

/** Sends every datagram back to where it came from, unchanged (RFC 862). */
export class UdpEcho implements App {
  private readonly options: UdpEchoOptions

  constructor(options: Partial<UdpEchoOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main({ sockets, environment }: AppContext): Blocking<void> {
    const socket = sockets.udp(this.options.port)
    for (;;) {
      try {
        const datagram = yield* socket.receive()
        if (datagram !== undefined) socket.sendTo(datagram.from, datagram.bytes)
      } catch (error) {
        // Whoever asked is gone; the next one may come.
        if (!(error instanceof SocketError)) throw error
        environment.record('echo:failed', '', { error: error.code, detail: error.message })
      }
    }
  }

  configure(path: string): void {
    throw fixedSetting(path, [])
  }
}
