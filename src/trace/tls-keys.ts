import { createAead, KEY_LENGTH, type Aead, type AeadName } from '../crypto/aead.ts'
import { HASH_LENGTH, type HashName } from '../crypto/hash.ts'
import { hkdfExpandLabel } from '../crypto/hkdf.ts'
import { tls12Prf } from '../crypto/prf.ts'
import { CipherSuite } from '../wire/tls/code-points.ts'
import { RECORD_HEADER_LENGTH } from '../wire/tls/record.ts'

/** What a cipher suite protects records with, and the hash of its key derivation. */
export interface SuiteKeys {
  readonly aead: AeadName
  readonly hash: HashName
}

const SUITES: ReadonlyMap<number, SuiteKeys> = /* @__PURE__ */ new Map<number, SuiteKeys>([
  [CipherSuite.TLS_AES_128_GCM_SHA256, { aead: 'aes-128-gcm', hash: 'sha256' }],
  [CipherSuite.TLS_AES_256_GCM_SHA384, { aead: 'aes-256-gcm', hash: 'sha384' }],
  [CipherSuite.TLS_CHACHA20_POLY1305_SHA256, { aead: 'chacha20-poly1305', hash: 'sha256' }],
  [CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256, { aead: 'aes-128-gcm', hash: 'sha256' }],
  [CipherSuite.TLS_RSA_WITH_AES_256_GCM_SHA384, { aead: 'aes-256-gcm', hash: 'sha384' }],
  [CipherSuite.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, { aead: 'aes-128-gcm', hash: 'sha256' }],
  [CipherSuite.TLS_DHE_RSA_WITH_AES_256_GCM_SHA384, { aead: 'aes-256-gcm', hash: 'sha384' }],
  [CipherSuite.TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256, { aead: 'chacha20-poly1305', hash: 'sha256' }],
  [CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, { aead: 'aes-128-gcm', hash: 'sha256' }],
  [CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, { aead: 'aes-256-gcm', hash: 'sha384' }],
  [CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, { aead: 'aes-128-gcm', hash: 'sha256' }],
  [CipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, { aead: 'aes-256-gcm', hash: 'sha384' }],
  [CipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, { aead: 'chacha20-poly1305', hash: 'sha256' }],
  [CipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, { aead: 'chacha20-poly1305', hash: 'sha256' }],
])

/** The suites of TLS 1.3, among which early data does not say its own. */
export const SUITES_13: readonly number[] = [
  CipherSuite.TLS_AES_128_GCM_SHA256,
  CipherSuite.TLS_AES_256_GCM_SHA384,
  CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
]

/** Undefined for a suite that records are not decrypted of here. */
export function suiteKeys(suite: number): SuiteKeys | undefined {
  return SUITES.get(suite)
}

const NOTHING = new Uint8Array(0)
const NONCE_LENGTH = 12
/** Explicit nonce of AES-GCM in a record of TLS 1.2: RFC 5288 section 3. */
const EXPLICIT_LENGTH = 8

/** The keys by which one end protects its records, until they change. */
export interface RecordKeys {
  /** Bytes between a record's header and its ciphertext. */
  readonly prefixLength: number
  /** Decrypts a whole record, header included, that was the `sequence`-th under these keys, from 0; undefined: it does not authenticate. */
  open(record: Uint8Array, sequence: number): Uint8Array | undefined
  /** The keys after a KeyUpdate; TLS 1.3 only. */
  next(): RecordKeys | undefined
}

/** A nonce: the initialization vector, mixed with the sequence number (RFC 8446 section 5.3). */
function nonceOf(iv: Uint8Array, sequence: number): Uint8Array {
  const nonce = iv.slice()
  for (let at = NONCE_LENGTH - 1, rest = sequence; rest > 0; at--, rest = Math.floor(rest / 256)) nonce[at] ^= rest % 256
  return nonce
}

/** RFC 8446 section 5.2 and 7.3. */
export class RecordKeys13 implements RecordKeys {
  readonly prefixLength = 0
  private readonly aead: Aead
  private readonly iv: Uint8Array

  constructor(
    private readonly suite: SuiteKeys,
    private readonly secret: Uint8Array,
  ) {
    this.aead = createAead(suite.aead, hkdfExpandLabel(suite.hash, secret, 'key', NOTHING, KEY_LENGTH[suite.aead]))
    this.iv = hkdfExpandLabel(suite.hash, secret, 'iv', NOTHING, NONCE_LENGTH)
  }

  open(record: Uint8Array, sequence: number): Uint8Array | undefined {
    const header = record.subarray(0, RECORD_HEADER_LENGTH)
    return this.aead.open(nonceOf(this.iv, sequence), header, record.subarray(RECORD_HEADER_LENGTH))
  }

  /** RFC 8446 section 7.2. */
  next(): RecordKeys {
    const { suite, secret } = this
    return new RecordKeys13(suite, hkdfExpandLabel(suite.hash, secret, 'traffic upd', NOTHING, HASH_LENGTH[suite.hash]))
  }
}

/** One of several: that which opens the first record. */
export class UncertainKeys implements RecordKeys {
  readonly prefixLength = 0
  private found: RecordKeys | undefined

  constructor(private readonly candidates: readonly RecordKeys[]) {}

  open(record: Uint8Array, sequence: number): Uint8Array | undefined {
    if (this.found !== undefined) return this.found.open(record, sequence)
    for (const keys of this.candidates) {
      const opened = keys.open(record, sequence)
      if (opened === undefined) continue
      this.found = keys
      return opened
    }
    return undefined
  }

  next(): RecordKeys | undefined {
    return this.found?.next()
  }
}

/** RFC 5246 section 6.2.3.3, with the nonces of RFC 5288 section 3 and RFC 7905 section 2. */
class RecordKeys12 implements RecordKeys {
  readonly prefixLength: number
  private readonly aead: Aead

  constructor(
    name: AeadName,
    key: Uint8Array,
    private readonly iv: Uint8Array,
  ) {
    this.aead = createAead(name, key)
    this.prefixLength = name === 'chacha20-poly1305' ? 0 : EXPLICIT_LENGTH
  }

  open(record: Uint8Array, sequence: number): Uint8Array | undefined {
    const { prefixLength, iv } = this
    const sealed = record.subarray(RECORD_HEADER_LENGTH + prefixLength)
    const length = sealed.length - 16
    if (length < 0) return undefined
    const aad = new Uint8Array(13)
    for (let at = 7, rest = sequence; rest > 0; at--, rest = Math.floor(rest / 256)) aad[at] = rest % 256
    aad.set(record.subarray(0, 3), 8)
    aad[11] = length >>> 8
    aad[12] = length
    if (prefixLength === 0) return this.aead.open(nonceOf(iv, sequence), aad, sealed)
    const nonce = new Uint8Array(NONCE_LENGTH)
    nonce.set(iv)
    nonce.set(record.subarray(RECORD_HEADER_LENGTH, RECORD_HEADER_LENGTH + prefixLength), NONCE_LENGTH - prefixLength)
    return this.aead.open(nonce, aad, sealed)
  }

  next(): undefined {
    return undefined
  }
}

/** Both ends' keys of TLS 1.2, client first: RFC 5246 section 6.3. */
export function recordKeys12(
  suite: SuiteKeys,
  masterSecret: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
): readonly [RecordKeys, RecordKeys] {
  const keyLength = KEY_LENGTH[suite.aead]
  const ivLength = suite.aead === 'chacha20-poly1305' ? NONCE_LENGTH : NONCE_LENGTH - EXPLICIT_LENGTH
  const seed = new Uint8Array(serverRandom.length + clientRandom.length)
  seed.set(serverRandom)
  seed.set(clientRandom, serverRandom.length)
  const block = tls12Prf(suite.hash, masterSecret, 'key expansion', seed, 2 * (keyLength + ivLength))
  const ivs = 2 * keyLength
  const keysOf = (end: 0 | 1): RecordKeys =>
    new RecordKeys12(
      suite.aead,
      block.slice(end * keyLength, (end + 1) * keyLength),
      block.slice(ivs + end * ivLength, ivs + (end + 1) * ivLength),
    )
  return [keysOf(0), keysOf(1)]
}
