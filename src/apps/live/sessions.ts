import { hmac } from '../../crypto/hash.ts'
import type { Random } from '../../kernel/random.ts'
import type { Nanos } from '../../kernel/time.ts'
import { asciiBytes } from './message-text.ts'

/** Sessions that are kept at most without a connection. */
const MOST = 100_000
/** Length of a signature, in bytes. */
const SIGNATURE = 16
const SIGNED = /^([0-9a-f]{16})\.([0-9]{1,15})\.([0-9a-f]{32})$/
const MS = 1_000_000

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/**
 * How servers recognize clients that have gone, so that they can go on when they are back.
 *
 * A server by itself remembers them: then it is the only one that does, and forgets them when it dies. Servers that share a secret remember nothing.
 * All that there is to know stands in the token, which is signed (HMAC, RFC 2104), so that it is as good at any of them: for which room it is,
 * and until when, counted from when it was handed out. The price is that nobody can take it back.
 */
export class Sessions {
  /** Until when each can be resumed, and of which room it is; by token, in the order in which they were left. */
  private readonly left = new Map<string, { readonly room: string; readonly until: Nanos }>()
  private readonly secret: Uint8Array | undefined

  /** @param secret '': sessions are known here alone */
  constructor(
    private readonly random: Random,
    secret: string,
  ) {
    this.secret = secret === '' ? undefined : asciiBytes(secret)
  }

  /** A token for a new session. @param window for how long a token with a signature is good */
  issue(room: string, now: Nanos, window: Nanos): string {
    const number = hex(this.random.uint32(), 8) + hex(this.random.uint32(), 8)
    const { secret } = this
    if (secret === undefined || window === 0) return number
    const until = String(Math.ceil((now + window) / MS))
    return `${number}.${until}.${signature(secret, number, until, room)}`
  }

  /** A client has gone. @param window for how long it may come back */
  leave(token: string, room: string, now: Nanos, window: Nanos): void {
    if (this.secret !== undefined) return
    for (const [oldest, { until }] of this.left) {
      if (until > now && this.left.size < MOST) break
      this.left.delete(oldest)
    }
    if (window > 0) this.left.set(token, { room, until: now + window })
  }

  /** A client is back. @returns whether its session goes on */
  resume(token: string, room: string, now: Nanos): boolean {
    const { secret } = this
    if (secret !== undefined) {
      const [, number = '', until = '', signed] = SIGNED.exec(token) ?? []
      return signed !== undefined && Number(until) * MS >= now && signature(secret, number, until, room) === signed
    }
    const session = this.left.get(token)
    if (session?.room !== room || session.until < now) return false
    this.left.delete(token)
    return true
  }
}

function signature(secret: Uint8Array, number: string, until: string, room: string): string {
  const digest = hmac('sha256', secret, asciiBytes(`${number}.${until}.${room}`)).subarray(0, SIGNATURE)
  let text = ''
  for (const byte of digest) text += hex(byte, 2)
  return text
}
