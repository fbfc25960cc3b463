import { applyMask, encodeWebSocketHeader, headerLengthFor, WEBSOCKET_BIT, WEBSOCKET_OPCODE } from '../../wire/websocket.ts'

/** So many Pongs may wait; the oldest are let go then, since only the latest Ping needs its answer (RFC 6455 section 5.5.3). */
const WAITING_PONGS = 64

/** A message that is to be sent, or what is left of it. */
interface Outgoing {
  /** Opcode and RSV1 of its first frame. */
  readonly first: number
  readonly bytes: Uint8Array
  sent: number
}

/** A frame as it travels. @param mask the masking key of a client's; undefined: none */
function encodeFrame(first: number, payload: Uint8Array, start: number, end: number, mask: number | undefined): Uint8Array {
  const length = end - start
  const frame = new Uint8Array(headerLengthFor(length, mask !== undefined) + length)
  const at = encodeWebSocketHeader(frame, 0, first, length, mask)
  frame.set(start === 0 && end === payload.length ? payload : payload.subarray(start, end), at)
  if (mask !== undefined) applyMask(frame, at, frame.length, mask)
  return frame
}

/**
 * What waits to be sent: answers to Pings first, then Pings, then messages in their order, behind them Close. Frames are made when they are
 * polled, so that a control frame goes between the fragments of a message.
 */
export class OutgoingFrames {
  private readonly pongs: Uint8Array[] = []
  private readonly pings: Uint8Array[] = []
  private messages: Outgoing[] = []
  private close: Uint8Array | undefined

  /** Bytes of messages that wait. */
  get buffered(): number {
    let bytes = 0
    for (const message of this.messages) bytes += message.bytes.length - message.sent
    return bytes
  }

  get isEmpty(): boolean {
    return this.messages.length === 0 && this.close === undefined && this.pings.length === 0 && this.pongs.length === 0
  }

  /** @param first opcode, and RSV1 if it is compressed */
  addMessage(first: number, bytes: Uint8Array): void {
    this.messages.push({ first, bytes, sent: 0 })
  }

  addPing(payload: Uint8Array): void {
    this.pings.push(payload)
  }

  addPong(payload: Uint8Array): void {
    if (this.pongs.length === WAITING_PONGS) this.pongs.shift()
    this.pongs.push(payload)
  }

  /** Behind everything that waits. */
  addClose(payload: Uint8Array): void {
    this.close = payload
  }

  /** Only Close is left to be sent. */
  discardAll(): void {
    this.messages = []
    this.pings.length = 0
    this.pongs.length = 0
  }

  /** The next frame. @param nextMask gives a masking key for each; undefined: nothing is masked */
  poll(fragmentSize: number, nextMask: (() => number) | undefined): Uint8Array | undefined {
    const { FIN } = WEBSOCKET_BIT
    const pong = this.pongs.shift()
    if (pong !== undefined) return encodeFrame(FIN | WEBSOCKET_OPCODE.pong, pong, 0, pong.length, nextMask?.())
    const ping = this.pings.shift()
    if (ping !== undefined) return encodeFrame(FIN | WEBSOCKET_OPCODE.ping, ping, 0, ping.length, nextMask?.())
    if (this.messages.length > 0) {
      const message = this.messages[0]
      const { bytes, sent } = message
      const end = Math.min(bytes.length, sent + fragmentSize)
      const opcode = sent === 0 ? message.first : WEBSOCKET_OPCODE.continuation
      const isLast = end === bytes.length
      message.sent = end
      if (isLast) this.messages.shift()
      return encodeFrame((isLast ? FIN : 0) | opcode, bytes, sent, end, nextMask?.())
    }
    const { close } = this
    if (close === undefined) return undefined
    this.close = undefined
    return encodeFrame(FIN | WEBSOCKET_OPCODE.close, close, 0, close.length, nextMask?.())
  }
}
