import { createAead, KEY_LENGTH, type Aead, type AeadName } from './aead.ts'
import { HASH_LENGTH, type HashName } from './hash.ts'
import { HeaderProtection } from './header-protection.ts'
import { hkdfExpandLabel, hkdfExtract } from './hkdf.ts'

/** What a cipher suite of TLS 1.3 protects the packets of QUIC with. */
export interface PacketCipher {
  readonly aead: AeadName
  readonly hash: HashName
}

/** That of Initial packets, whatever is agreed on later: RFC 9001 section 5.2. */
export const INITIAL_CIPHER: PacketCipher = { aead: 'aes-128-gcm', hash: 'sha256' }

/** Bytes that a sealed packet has more than its plaintext: RFC 9001 section 5.3. */
export const PACKET_TAG_LENGTH = 16

const NOTHING = new Uint8Array(0)
const NONCE_LENGTH = 12

/**
 * The keys by which one end protects its packets at one encryption level, and in one key phase: RFC 9001 section 5.1. Packets have their
 * header in front of what is sealed, and their tag behind it.
 */
export class PacketKeys {
  /** The same for all key phases. */
  readonly headerProtection: HeaderProtection
  private readonly aead: Aead
  private readonly iv: Uint8Array
  private readonly nonce = new Uint8Array(NONCE_LENGTH)

  /**
   * @param secret a traffic secret, `HASH_LENGTH[cipher.hash]` bytes
   * @param headerProtection of the phase before; absent for the first one
   */
  constructor(
    private readonly cipher: PacketCipher,
    private readonly secret: Uint8Array,
    headerProtection?: HeaderProtection,
  ) {
    const { aead, hash } = cipher
    this.aead = createAead(aead, hkdfExpandLabel(hash, secret, 'quic key', NOTHING, KEY_LENGTH[aead]))
    this.iv = hkdfExpandLabel(hash, secret, 'quic iv', NOTHING, NONCE_LENGTH)
    this.headerProtection =
      headerProtection ?? new HeaderProtection(aead, hkdfExpandLabel(hash, secret, 'quic hp', NOTHING, KEY_LENGTH[aead]))
  }

  /** The keys of the next key phase: RFC 9001 section 6.1. */
  next(): PacketKeys {
    const { cipher, secret, headerProtection } = this
    const updated = hkdfExpandLabel(cipher.hash, secret, 'quic ku', NOTHING, HASH_LENGTH[cipher.hash])
    return new PacketKeys(cipher, updated, headerProtection)
  }

  /**
   * Seals a packet in place and protects its header.
   * @param packet with 16 bytes of room behind the payload
   * @param start of the header
   * @param payloadStart where the payload begins, right behind the packet number
   * @param payloadEnd one past the payload; packet number and payload are at least 4 bytes
   * @param packetNumber in full
   * @returns one past the sealed packet
   */
  seal(packet: Uint8Array, start: number, payloadStart: number, payloadEnd: number, packetNumber: number): number {
    const numberLength = (packet[start] & 3) + 1
    if (payloadEnd - payloadStart + numberLength < 4) throw new RangeError('a packet too short for its header protection')
    const end = payloadEnd + PACKET_TAG_LENGTH
    if (end > packet.length) throw new RangeError('no room for the tag of a packet')
    this.setNonce(packetNumber)
    packet.set(
      this.aead.seal(this.nonce, packet.subarray(start, payloadStart), packet.subarray(payloadStart, payloadEnd)),
      payloadStart,
    )
    this.headerProtection.apply(packet, start, payloadStart - numberLength)
    return end
  }

  /**
   * Opens the packet whose header `headerProtection.remove` has just read.
   * @param numberAt where its packet number begins
   * @param end one past the packet
   * @param packetNumber in full
   * @returns the payload, the caller's to keep; undefined when it does not authenticate
   */
  open(packet: Uint8Array, numberAt: number, end: number, packetNumber: number): Uint8Array | undefined {
    const { headerProtection } = this
    this.setNonce(packetNumber)
    const sealed = packet.subarray(numberAt + headerProtection.numberLength, end)
    return this.aead.open(this.nonce, headerProtection.plainHeader, sealed)
  }

  /** RFC 9001 section 5.3. */
  private setNonce(packetNumber: number): void {
    const { nonce, iv } = this
    const low = packetNumber >>> 0
    const high = Math.floor(packetNumber / 0x1_0000_0000)
    for (let i = 0; i < 4; i++) nonce[i] = iv[i]
    for (let i = 0; i < 4; i++) {
      nonce[4 + i] = iv[4 + i] ^ (high >>> (24 - 8 * i))
      nonce[8 + i] = iv[8 + i] ^ (low >>> (24 - 8 * i))
    }
  }
}

/** Salt of version 1: RFC 9001 section 5.2. */
const INITIAL_SALT = /* @__PURE__ */ Uint8Array.of(
  ...[0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a],
)

/** The secrets of both ends' Initial packets, by the first Destination Connection ID that a client has chosen: RFC 9001 section 5.2. */
export function initialSecrets(destinationConnectionId: Uint8Array): {
  readonly client: Uint8Array
  readonly server: Uint8Array
} {
  const secret = hkdfExtract('sha256', INITIAL_SALT, destinationConnectionId)
  return {
    client: hkdfExpandLabel('sha256', secret, 'client in', NOTHING, 32),
    server: hkdfExpandLabel('sha256', secret, 'server in', NOTHING, 32),
  }
}

/** Key and nonce of Retry packets' tags: RFC 9001 section 5.8. */
const RETRY_KEY = /* @__PURE__ */ Uint8Array.of(
  ...[0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e],
)
const RETRY_NONCE = /* @__PURE__ */ Uint8Array.of(...[0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb])

/**
 * The tag that ends a Retry packet: RFC 9001 section 5.8.
 * @param originalDestinationConnectionId of the client's first Initial packet
 * @param packet the Retry packet without its tag
 * @returns 16 bytes
 */
export function retryIntegrityTag(originalDestinationConnectionId: Uint8Array, packet: Uint8Array): Uint8Array {
  const idLength = originalDestinationConnectionId.length
  const pseudoPacket = new Uint8Array(1 + idLength + packet.length)
  pseudoPacket[0] = idLength
  pseudoPacket.set(originalDestinationConnectionId, 1)
  pseudoPacket.set(packet, 1 + idLength)
  return createAead('aes-128-gcm', RETRY_KEY).seal(RETRY_NONCE, pseudoPacket, NOTHING)
}
