import { KEY_LENGTH } from '../../../crypto/aead.ts'
import type { AeadName } from '../../../crypto/aead.ts'
import type { HashName } from '../../../crypto/hash.ts'
import { tls12Prf } from '../../../crypto/prf.ts'
import type { Tls12Suite } from './cipher-suites.ts'
import { joined } from '../../../wire/joined.ts'

/** Of every master secret, in bytes: RFC 5246 section 8.1. */
export const MASTER_SECRET_LENGTH = 48
/** Of what a Finished says, in bytes: RFC 5246 section 7.4.9. */
export const VERIFY_DATA_LENGTH = 12

/** Bytes of the nonce that come from the key block; the rest of the twelve is sent in each record (RFC 5288 section 3, RFC 7905 section 2). */
const FIXED_IV_LENGTH: Readonly<Record<AeadName, number>> = {
  'aes-128-gcm': 4,
  'aes-256-gcm': 4,
  'chacha20-poly1305': 12,
}

/** One direction's key and the fixed part of its nonces. */
export interface DirectionKeys {
  readonly key: Uint8Array
  readonly iv: Uint8Array
}

/** The master secret of a peer that does not know better: RFC 5246 section 8.1. */
export function masterSecret(
  hash: HashName,
  premaster: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
): Uint8Array {
  return tls12Prf(hash, premaster, 'master secret', joined([clientRandom, serverRandom]), MASTER_SECRET_LENGTH)
}

/**
 * The master secret that is bound to the whole handshake: RFC 7627 section 4.
 * @param sessionHash hash of all messages up to the ClientKeyExchange, that one included
 */
export function extendedMasterSecret(hash: HashName, premaster: Uint8Array, sessionHash: Uint8Array): Uint8Array {
  return tls12Prf(hash, premaster, 'extended master secret', sessionHash, MASTER_SECRET_LENGTH)
}

/** The keys of both directions: RFC 5246 section 6.3. Authenticated ciphers need no keys for MACs. */
export function recordKeys(
  { hash, aead }: Tls12Suite,
  master: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
): { readonly client: DirectionKeys; readonly server: DirectionKeys } {
  const keyLength = KEY_LENGTH[aead]
  const ivLength = FIXED_IV_LENGTH[aead]
  const block = tls12Prf(hash, master, 'key expansion', joined([serverRandom, clientRandom]), 2 * (keyLength + ivLength))
  const ivs = 2 * keyLength
  return {
    client: { key: block.subarray(0, keyLength), iv: block.subarray(ivs, ivs + ivLength) },
    server: { key: block.subarray(keyLength, ivs), iv: block.subarray(ivs + ivLength) },
  }
}

/** What a Finished says: RFC 5246 section 7.4.9. @param transcript hash of all messages before it */
export function verifyData(hash: HashName, master: Uint8Array, sender: 'client' | 'server', transcript: Uint8Array): Uint8Array {
  return tls12Prf(hash, master, `${sender} finished`, transcript, VERIFY_DATA_LENGTH)
}
