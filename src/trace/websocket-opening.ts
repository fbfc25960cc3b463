import type { Side } from './tls-conversation.ts'
import { WebSocketConversation } from './websocket-conversation.ts'

/** Longest head that is waited for, in characters. */
const LONGEST_HEAD = 1 << 16

const REQUEST = /[A-Z]+ [^\r\n ]+ HTTP\/1\.1\r\n(?:[^\r\n]+\r\n)*?upgrade:[^\r\n]*websocket[^\r\n]*\r\n/i
const AGREEMENT = /HTTP\/1\.1 101[^\r\n]*\r\n(?:[^\r\n]+\r\n)*?upgrade:[^\r\n]*websocket[^\r\n]*\r\n/i

/** Of one end: what was not looked at yet, and where that begins in its stream. */
interface Half {
  rest: string
  offset: number
  isServer: boolean
  /** Whether its part of the handshake has come, and `rest` is what follows it. */
  isOpen: boolean
}

function newHalf(): Half {
  return { rest: '', offset: 0, isServer: false, isOpen: false }
}

/** Looks out for a connection of HTTP/1.1 that goes on with WebSocket: RFC 6455 section 4. */
export class WebSocketOpening {
  private readonly halves: readonly [Half, Half] = [newHalf(), newHalf()]
  private client: Side | undefined

  /** Whether the bytes of an end are worth looking at: a server's are not before it was asked. */
  wants(side: Side): boolean {
    return this.client !== undefined || !this.halves[side].isServer
  }

  /**
   * Takes in the next bytes of an end; some may have been left out before.
   * @param offset where they begin in its stream
   * @returns the conversation that begins, with what there is of it
   */
  push(side: Side, offset: number, bytes: Uint8Array): WebSocketConversation | undefined {
    const half = this.halves[side]
    if (half.offset + half.rest.length !== offset) {
      half.rest = ''
      half.offset = offset
    }
    for (let at = 0; at < bytes.length; at += 4096) half.rest += String.fromCharCode(...bytes.subarray(at, at + 4096))
    if (offset === 0) half.isServer = half.rest.startsWith('HTTP/')
    this.look(side, half)
    const [first, second] = this.halves
    if (!first.isOpen || !second.isOpen) return undefined
    const conversation = new WebSocketConversation([first.offset, second.offset])
    for (const end of [0, 1] as const) {
      conversation.push(
        end,
        Uint8Array.from(this.halves[end].rest, (character) => character.charCodeAt(0)),
      )
    }
    return conversation
  }

  private look(side: Side, half: Half): void {
    for (
      let end = half.rest.indexOf('\r\n\r\n');
      end >= 0 && !(half.isOpen && half.isServer);
      end = half.rest.indexOf('\r\n\r\n')
    ) {
      const head = half.rest.slice(0, end + 4)
      if (REQUEST.test(head)) {
        this.client = side
        half.isOpen = true
      } else if (this.client !== undefined && side !== this.client && AGREEMENT.test(head)) {
        half.isOpen = true
        half.isServer = true
      } else if (half.isOpen) {
        // What a client sends behind its request is kept, unless it is another request.
        return
      }
      half.rest = half.rest.slice(end + 4)
      half.offset += end + 4
    }
    const excess = half.rest.length - LONGEST_HEAD
    if (excess <= 0 || half.isOpen) return
    half.rest = half.rest.slice(excess)
    half.offset += excess
  }
}
