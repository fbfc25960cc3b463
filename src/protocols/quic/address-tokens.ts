/**
 * Tokens by which a server sees, without remembering anything, that a client receives what is sent to its address.
 *
 * Required reading: RFC 9000 sections 8.1.1 to 8.1.4.
 *
 * A token is sealed: what it says cannot be read or made by anybody else. That of a Retry packet is good for a few seconds, for one address and
 * port, and one connection ID; that of a NEW_TOKEN frame for a day, for an address, and once. The first byte tells which kind it is.
 */
import { createAead, KEY_LENGTH } from '../../crypto/aead.ts'
import type { Aead } from '../../crypto/aead.ts'
import { hkdfExpandLabel } from '../../crypto/hkdf.ts'
import type { RandomBytes } from '../../crypto/random-bytes.ts'
import { writeIpv6 } from '../../wire/address.ts'
import { read32, write16, write32 } from '../../wire/integer.ts'
import type { Nanos } from '../endpoint.ts'
import type { SocketAddress } from './datagram.ts'

const NONCE_LENGTH = 12
const TAG_LENGTH = 16
const TIME_LENGTH = 8
const PLACE_LENGTH = 1 + 16 + 2
const RETRY = 1
const LATER = 2
const SECOND = 1_000_000_000
const RETRY_LIFETIME = 15 * SECOND
const LATER_LIFETIME = 86_400 * SECOND
/** Tokens whose use is remembered, so that each is good only once (RFC 9000 section 8.1.4); behind that the oldest is forgotten. */
const MOST_USED = 10_000

/** What a token says. */
export type TokenVerdict =
  /** The client's address is its own, and a Retry was answered: what the client's first Initial packet was addressed with. */
  | { readonly type: 'retried'; readonly originalId: Uint8Array }
  /** The client's address is its own. */
  | { readonly type: 'known' }
  /** It is one of a Retry packet, and wrong: a client would show it again and again. */
  | { readonly type: 'wrong' }
  /** It says nothing. */
  | { readonly type: 'unknown' }

const UNKNOWN: TokenVerdict = { type: 'unknown' }
const WRONG: TokenVerdict = { type: 'wrong' }

export class AddressTokens {
  private readonly aead: Aead
  private readonly used = new Set<string>()

  /** @param secret 32 bytes, known to nobody else */
  constructor(
    secret: Uint8Array,
    private readonly random: RandomBytes,
  ) {
    const key = hkdfExpandLabel('sha256', secret, 'address token', new Uint8Array(0), KEY_LENGTH['chacha20-poly1305'])
    this.aead = createAead('chacha20-poly1305', key)
  }

  /**
   * For a Retry packet.
   * @param originalId Destination Connection ID of the Initial packet that it answers
   * @param retryId what the client will address its next one with
   */
  forRetry(remote: SocketAddress, originalId: Uint8Array, retryId: Uint8Array, now: Nanos): Uint8Array {
    const content = new Uint8Array(TIME_LENGTH + originalId.length)
    content.set(originalId, TIME_LENGTH)
    return this.seal(RETRY, content, placeOf(remote, true, retryId), now)
  }

  /** For a NEW_TOKEN frame. */
  forLater(remote: SocketAddress, now: Nanos): Uint8Array {
    return this.seal(LATER, new Uint8Array(TIME_LENGTH), placeOf(remote, false), now)
  }

  /**
   * What the token of an Initial packet says; one of NEW_TOKEN is used up by that.
   * @param destinationId of the packet
   */
  judge(token: Uint8Array, remote: SocketAddress, destinationId: Uint8Array, now: Nanos): TokenVerdict {
    if (token.length === 0) return UNKNOWN
    const isRetry = token[0] === RETRY
    if (!isRetry && token[0] !== LATER) return UNKNOWN
    const content = this.open(token, placeOf(remote, isRetry, isRetry ? destinationId : undefined))
    if (content === undefined) return isRetry ? WRONG : UNKNOWN
    const age = now - (read32(content, 0) * 0x1_0000_0000 + read32(content, 4))
    if (isRetry) return age < 0 || age > RETRY_LIFETIME ? WRONG : { type: 'retried', originalId: content.slice(TIME_LENGTH) }
    return age < 0 || age > LATER_LIFETIME || !this.use(token) ? UNKNOWN : { type: 'known' }
  }

  /** @returns false: it was used before */
  private use(token: Uint8Array): boolean {
    const key = String.fromCharCode(...token.subarray(1, 1 + NONCE_LENGTH))
    if (this.used.has(key)) return false
    if (this.used.size >= MOST_USED) {
      for (const oldest of this.used) {
        this.used.delete(oldest)
        break
      }
    }
    this.used.add(key)
    return true
  }

  private seal(kind: number, content: Uint8Array, place: Uint8Array, now: Nanos): Uint8Array {
    write32(content, 0, Math.floor(now / 0x1_0000_0000))
    write32(content, 4, now % 0x1_0000_0000)
    const nonce = this.random(NONCE_LENGTH)
    const sealed = this.aead.seal(nonce, place, content)
    const token = new Uint8Array(1 + NONCE_LENGTH + sealed.length)
    token[0] = kind
    token.set(nonce, 1)
    token.set(sealed, 1 + NONCE_LENGTH)
    return token
  }

  private open(token: Uint8Array, place: Uint8Array): Uint8Array | undefined {
    if (token.length < 1 + NONCE_LENGTH + TIME_LENGTH + TAG_LENGTH) return undefined
    return this.aead.open(token.subarray(1, 1 + NONCE_LENGTH), place, token.subarray(1 + NONCE_LENGTH))
  }
}

/** Whom a token is for, as bytes. */
function placeOf({ address, port }: SocketAddress, withPort: boolean, connectionId: Uint8Array = new Uint8Array(0)): Uint8Array {
  const place = new Uint8Array(PLACE_LENGTH + connectionId.length)
  place[0] = typeof address === 'number' ? 4 : 6
  if (typeof address === 'number') write32(place, 1, address)
  else writeIpv6(place, 1, address)
  if (withPort) write16(place, 17, port)
  place.set(connectionId, PLACE_LENGTH)
  return place
}

const RESET_TOKEN_LENGTH = 16

/** The stateless reset token that belongs to a connection ID of ours: RFC 9000 section 10.3.2. @param secret 32 bytes */
export function resetTokenOf(secret: Uint8Array, connectionId: Uint8Array): Uint8Array {
  return hkdfExpandLabel('sha256', secret, 'stateless reset', connectionId, RESET_TOKEN_LENGTH)
}
