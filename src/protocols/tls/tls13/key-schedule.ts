/**
 * The key schedule of TLS 1.3: RFC 8446 section 7.
 *
 * One secret at a time is the root: the early secret (from a pre-shared key, or zeros), then the handshake secret (with the key
 * exchange's result mixed in), then the master secret. From each root, secrets with a purpose are derived, bound to the transcript of
 * what was said so far; from a traffic secret come the key and the IV of one direction of records.
 */
import { KEY_LENGTH } from '../../../crypto/aead.ts'
import { hash, HASH_LENGTH, hmac } from '../../../crypto/hash.ts'
import type { HashName } from '../../../crypto/hash.ts'
import { hkdfExpandLabel, hkdfExtract } from '../../../crypto/hkdf.ts'
import { NONCE_LENGTH } from './suites.ts'
import type { Tls13Suite } from './suites.ts'

const NOTHING = new Uint8Array(0)

/** The labels of RFC 8446 section 7.1. */
export type SecretLabel =
  | 'res binder'
  | 'c e traffic'
  | 'e exp master'
  | 'c hs traffic'
  | 's hs traffic'
  | 'c ap traffic'
  | 's ap traffic'
  | 'exp master'
  | 'res master'

/** The present root of the key schedule. */
export class KeySchedule {
  private root: Uint8Array
  private readonly zeros: Uint8Array

  /** Begins with the early secret. @param psk the pre-shared key; absent: zeros */
  constructor(
    readonly hash: HashName,
    psk?: Uint8Array,
  ) {
    this.zeros = new Uint8Array(HASH_LENGTH[hash])
    this.root = hkdfExtract(hash, NOTHING, psk ?? this.zeros)
  }

  /** Goes to the handshake secret with the key exchange's result, and from there to the master secret without anything. */
  advance(input?: Uint8Array): void {
    const salt = hkdfExpandLabel(this.hash, this.root, 'derived', hash(this.hash, NOTHING), HASH_LENGTH[this.hash])
    this.root = hkdfExtract(this.hash, salt, input ?? this.zeros)
  }

  /** Derive-Secret. @param transcript hash of the messages so far */
  derive(label: SecretLabel, transcript: Uint8Array): Uint8Array {
    return hkdfExpandLabel(this.hash, this.root, label, transcript, HASH_LENGTH[this.hash])
  }
}

/** Key and IV of one direction's records: RFC 8446 section 7.3. */
export function trafficKeys(suite: Tls13Suite, secret: Uint8Array): { readonly key: Uint8Array; readonly iv: Uint8Array } {
  return {
    key: hkdfExpandLabel(suite.hash, secret, 'key', NOTHING, KEY_LENGTH[suite.aead]),
    iv: hkdfExpandLabel(suite.hash, secret, 'iv', NOTHING, NONCE_LENGTH),
  }
}

/** The traffic secret after a KeyUpdate: RFC 8446 section 7.2. */
export function nextTrafficSecret(hash: HashName, secret: Uint8Array): Uint8Array {
  return hkdfExpandLabel(hash, secret, 'traffic upd', NOTHING, HASH_LENGTH[hash])
}

/**
 * What Finished, or a binder, says: RFC 8446 section 4.4.4.
 * @param baseKey the sender's handshake traffic secret; for a binder the binder key
 */
export function finishedData(hash: HashName, baseKey: Uint8Array, transcript: Uint8Array): Uint8Array {
  const key = hkdfExpandLabel(hash, baseKey, 'finished', NOTHING, HASH_LENGTH[hash])
  return hmac(hash, key, transcript)
}

/** The pre-shared key of a ticket: RFC 8446 section 4.6.1. */
export function ticketPsk(hash: HashName, resumptionSecret: Uint8Array, nonce: Uint8Array): Uint8Array {
  return hkdfExpandLabel(hash, resumptionSecret, 'resumption', nonce, HASH_LENGTH[hash])
}

/** Whether two byte strings are the same, without saying by its time where they differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i]
  return difference === 0
}
