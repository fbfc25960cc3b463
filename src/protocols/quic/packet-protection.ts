import { INITIAL_CIPHER, initialSecrets, PacketKeys, retryIntegrityTag } from '../../crypto/packet-keys.ts'
import type { AeadName } from '../../crypto/aead.ts'
import { RETRY_TAG_LENGTH } from '../../wire/quic/header.ts'

/** The keys of both ends at one encryption level. */
export interface LevelKeys {
  readonly client: PacketKeys
  readonly server: PacketKeys
}

/** Keys of Initial packets, by the first Destination Connection ID that a client has chosen, or by that of a Retry: RFC 9001 section 5.2. */
export function initialKeys(destinationConnectionId: Uint8Array): LevelKeys {
  const { client, server } = initialSecrets(destinationConnectionId)
  return { client: new PacketKeys(INITIAL_CIPHER, client), server: new PacketKeys(INITIAL_CIPHER, server) }
}

/**
 * Fills in the tag of a Retry packet, its last 16 bytes: RFC 9001 section 5.8.
 * @param originalDestinationConnectionId of the client's first Initial packet
 */
export function sealRetry(packet: Uint8Array, originalDestinationConnectionId: Uint8Array): void {
  const tagAt = packet.length - RETRY_TAG_LENGTH
  packet.set(retryIntegrityTag(originalDestinationConnectionId, packet.subarray(0, tagAt)), tagAt)
}

/** Whether the Retry packet in [start, end) answers that Initial packet: RFC 9001 section 5.8. */
export function isRetryAuthentic(
  bytes: Uint8Array,
  start: number,
  end: number,
  originalDestinationConnectionId: Uint8Array,
): boolean {
  const tagAt = end - RETRY_TAG_LENGTH
  const tag = retryIntegrityTag(originalDestinationConnectionId, bytes.subarray(start, tagAt))
  let difference = 0
  for (let i = 0; i < RETRY_TAG_LENGTH; i++) difference |= tag[i] ^ bytes[tagAt + i]
  return difference === 0
}

/** How often a key of a cipher may be used: RFC 9001 section 6.6. */
export interface UsageLimits {
  /** Packets that may be sealed with one key; an update of keys must come before. */
  readonly confidentiality: number
  /** Packets that may fail to authenticate over a connection's life; with one more it ends: AEAD_LIMIT_REACHED. */
  readonly integrity: number
}

export const USAGE_LIMITS: Readonly<Record<AeadName, UsageLimits>> = {
  'aes-128-gcm': { confidentiality: 2 ** 23, integrity: 2 ** 52 },
  'aes-256-gcm': { confidentiality: 2 ** 23, integrity: 2 ** 52 },
  // More packets than a connection can have.
  'chacha20-poly1305': { confidentiality: Number.MAX_SAFE_INTEGER, integrity: 2 ** 36 },
}
