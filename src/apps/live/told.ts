import { encodeWebSocketHeader, headerLengthFor, WEBSOCKET_BIT, WEBSOCKET_OPCODE } from '../../wire/websocket.ts'
import { asciiBytes } from './message-text.ts'
import type { MessageId } from './messages.ts'

/** A frame of WebSocket as a server sends it, unmasked and whole. */
function textFrame(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headerLengthFor(payload.length, false) + payload.length)
  const first = WEBSOCKET_BIT.FIN | WEBSOCKET_OPCODE.text
  frame.set(payload, encodeWebSocketHeader(frame, 0, first, payload.length, undefined))
  return frame
}

/** A chunk of a body in HTTP/1.1. @param text ASCII, not empty */
export function chunkText(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

/** A message of a room in the forms in which it goes out. Each is made once, when it is first wanted, and sent to all who take that form. */
export class Told {
  private bytes: Uint8Array | undefined
  private framed: Uint8Array | undefined
  private evented: Uint8Array | undefined
  private chunked: Uint8Array | undefined

  /** @param text in JSON, ASCII */
  constructor(
    readonly id: MessageId,
    readonly text: string,
  ) {}

  get payload(): Uint8Array {
    return (this.bytes ??= asciiBytes(this.text))
  }

  /** For WebSockets without compression: a server's frames are not masked, so that they are the same for all (RFC 6455 section 5.1). */
  get frame(): Uint8Array {
    return (this.framed ??= textFrame(this.payload))
  }

  /** For event streams. */
  get event(): Uint8Array {
    return (this.evented ??= asciiBytes(this.eventText))
  }

  /** The same in a chunk of HTTP/1.1 (RFC 9112 section 7.1). */
  get chunk(): Uint8Array {
    return (this.chunked ??= asciiBytes(chunkText(this.eventText)))
  }

  private get eventText(): string {
    return `id: ${String(this.id)}\ndata: ${this.text}\n\n`
  }
}
