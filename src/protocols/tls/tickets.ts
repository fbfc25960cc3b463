import { createAead, KEY_LENGTH } from '../../crypto/aead.ts'
import type { Aead } from '../../crypto/aead.ts'
import type { RandomBytes } from '../../crypto/random-bytes.ts'
import { read32, write32 } from '../../wire/integer.ts'
import type { Nanos } from '../endpoint.ts'
import { NONCE_LENGTH, TAG_LENGTH } from './tls13/suites.ts'

/** Seven days, the most that RFC 8446 section 4.6.1 allows. */
const MAX_LIFETIME = 604_800
const SECOND = 1_000_000_000
/** How far a client's idea of a ticket's age may be from ours for early data to be taken (RFC 8446 section 8.3). */
const FRESHNESS_WINDOW = 10 * SECOND
const TIME_LENGTH = 8
const NOTHING = new Uint8Array(0)

export interface TlsTicketsOptions {
  readonly random: RandomBytes
  /** Seconds for which a ticket may be used, in [1, 604800]. Default: 7200. */
  readonly lifetime?: number
  /** How many used tickets, and how many TLS 1.2 sessions, are remembered at most. Default: 10000. */
  readonly capacity?: number
}

/** What a ticket held. */
export interface OpenedTicket {
  readonly state: Uint8Array
  /** How long ago it was sealed, in nanoseconds. */
  readonly age: Nanos
}

/**
 * What a server keeps for all of its connections, so that clients may resume: the key of its tickets (RFC 5077 section 4), which of them
 * have brought early data (RFC 8446 section 8), and the sessions of TLS 1.2 that go by an ID. All of it is bounded.
 */
export class TlsTickets {
  /** Seconds. */
  readonly lifetime: number
  private readonly capacity: number
  private readonly random: RandomBytes
  private readonly aead: Aead
  /** When which ticket was used; the oldest use first. */
  private readonly used = new Map<string, Nanos>()
  /** By session ID; the oldest first. */
  private readonly sessions = new Map<string, { readonly state: Uint8Array; readonly since: Nanos }>()

  constructor({ random, lifetime = 7200, capacity = 10_000 }: TlsTicketsOptions) {
    if (!(lifetime >= 1 && lifetime <= MAX_LIFETIME)) throw new RangeError(`no ticket lives for ${String(lifetime)} seconds`)
    this.lifetime = Math.floor(lifetime)
    this.capacity = capacity
    this.random = random
    this.aead = createAead('chacha20-poly1305', random(KEY_LENGTH['chacha20-poly1305']))
  }

  /** Encrypts what a session consists of. @returns the ticket: a nonce, then the sealed time and state */
  seal(state: Uint8Array, now: Nanos): Uint8Array {
    const plaintext = new Uint8Array(TIME_LENGTH + state.length)
    write32(plaintext, 0, Math.floor(now / 0x1_0000_0000))
    write32(plaintext, 4, now % 0x1_0000_0000)
    plaintext.set(state, TIME_LENGTH)
    const nonce = this.random(NONCE_LENGTH)
    const sealed = this.aead.seal(nonce, NOTHING, plaintext)
    const ticket = new Uint8Array(NONCE_LENGTH + sealed.length)
    ticket.set(nonce)
    ticket.set(sealed, NONCE_LENGTH)
    return ticket
  }

  /** @returns undefined for what is no ticket of ours, and for one that is too old or from the future */
  open(ticket: Uint8Array, now: Nanos): OpenedTicket | undefined {
    if (ticket.length < NONCE_LENGTH + TIME_LENGTH + TAG_LENGTH) return undefined
    const plaintext = this.aead.open(ticket.subarray(0, NONCE_LENGTH), NOTHING, ticket.subarray(NONCE_LENGTH))
    if (plaintext === undefined) return undefined
    const age = now - (read32(plaintext, 0) * 0x1_0000_0000 + read32(plaintext, 4))
    return age >= 0 && age <= this.lifetime * SECOND ? { state: plaintext.subarray(TIME_LENGTH), age } : undefined
  }

  /**
   * Whether a ticket is good for early data: it was not used for that before, and its age, as the client has it, fits ours.
   * A replay repeats the client's idea of the age, so it is not fresh any more once the window has passed, and a use need not be
   * remembered for longer. When too many uses are younger than that, none is taken (RFC 8446 section 8.2).
   * @param clientAge in nanoseconds
   */
  claimEarlyData(ticket: Uint8Array, clientAge: Nanos, opened: OpenedTicket, now: Nanos): boolean {
    if (Math.abs(opened.age - clientAge) > FRESHNESS_WINDOW) return false
    const tag = keyOf(ticket.subarray(ticket.length - TAG_LENGTH))
    if (this.used.has(tag)) return false
    if (this.used.size >= this.capacity) {
      for (const [oldest, since] of this.used) {
        if (now - since <= 2 * FRESHNESS_WINDOW) return false
        this.used.delete(oldest)
        break
      }
    }
    this.used.set(tag, now)
    return true
  }

  /** Remembers a session of TLS 1.2 by its ID (RFC 5246 section 7.4.1.2), and forgets the oldest one if there are too many. */
  rememberSession(id: Uint8Array, state: Uint8Array, now: Nanos): void {
    const key = keyOf(id)
    this.sessions.delete(key)
    if (this.sessions.size >= this.capacity) {
      for (const oldest of this.sessions.keys()) {
        this.sessions.delete(oldest)
        break
      }
    }
    this.sessions.set(key, { state, since: now })
  }

  /** The state of a session of TLS 1.2; undefined: not known any more. */
  recallSession(id: Uint8Array, now: Nanos): Uint8Array | undefined {
    const known = this.sessions.get(keyOf(id))
    return known !== undefined && now - known.since <= this.lifetime * SECOND ? known.state : undefined
  }

  /** Forgets a session that ended badly: it must not be resumed (RFC 5246 section 7.2.2). */
  forgetSession(id: Uint8Array): void {
    this.sessions.delete(keyOf(id))
  }
}

function keyOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
