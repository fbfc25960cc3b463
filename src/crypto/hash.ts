import { hmac as nobleHmac } from '@noble/hashes/hmac.js'
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'

/** The hash functions of FIPS 180-4 that TLS and X.509 use. */
export type HashName = 'sha256' | 'sha384' | 'sha512'

/** Of a digest, in bytes. */
export const HASH_LENGTH: Readonly<Record<HashName, number>> = { sha256: 32, sha384: 48, sha512: 64 }

/** A digest in the making. */
export interface Hash {
  /** Takes in more bytes, which the caller may write over afterwards. */
  update(bytes: Uint8Array): this
  /** The digest of all bytes so far. It may be asked for at any time, and more bytes may follow. */
  digest(): Uint8Array
  /** Another digest in the making, which has taken in the same bytes so far. */
  clone(): Hash
}

/** The functions as `@noble/hashes` has them, for the other files of this folder. */
export const HASHES = { sha256, sha384, sha512 } as const

interface RunningState {
  update(bytes: Uint8Array): unknown
  digest(): Uint8Array
  clone(): RunningState
}

class RunningHash implements Hash {
  constructor(private readonly state: RunningState) {}

  update(bytes: Uint8Array): this {
    this.state.update(bytes)
    return this
  }

  digest(): Uint8Array {
    // The library's state is used up by its digest.
    return this.state.clone().digest()
  }

  clone(): Hash {
    return new RunningHash(this.state.clone())
  }
}

/** The digest of some bytes (FIPS 180-4): `HASH_LENGTH[name]` bytes. */
export function hash(name: HashName, bytes: Uint8Array): Uint8Array {
  return HASHES[name](bytes)
}

/** A digest of bytes that come piece by piece, such as a handshake's transcript. */
export function createHash(name: HashName): Hash {
  return new RunningHash(HASHES[name].create())
}

/** The keyed digest of RFC 2104: `HASH_LENGTH[name]` bytes. */
export function hmac(name: HashName, key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return nobleHmac(HASHES[name], key, bytes)
}
