import type { Blocking } from '../../host/socket.ts'
import { CODE, ServerSocket, type Message } from './server-socket.ts'

/** A WebSocket that sends every message back as it came, and takes the next one when the client has room for it. */
export class EchoSocket extends ServerSocket {
  protected override *take({ opcode, bytes }: Message): Blocking<void> {
    yield* this.hub.context.processMessage()
    this.send(opcode, bytes)
    yield* this.outlet.drained()
  }

  protected override withdraw(): void {
    // It takes part in nothing.
  }

  override leave(): void {
    this.close(CODE.restart, 'the server goes')
  }
}
