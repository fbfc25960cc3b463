import { createAead } from '../../../crypto/aead.ts'
import type { Aead } from '../../../crypto/aead.ts'
import { ContentType, ProtocolVersion } from '../../../wire/tls/code-points.ts'
import { decodeInnerPlaintext, encodeInnerPlaintext, encodeRecordHeader } from '../../../wire/tls/record.ts'
import { MAX_CIPHERTEXT_LENGTH, MAX_PLAINTEXT_LENGTH, RECORD_HEADER_LENGTH } from '../../../wire/tls/record.ts'
import { TlsAlertError } from '../fault.ts'
import type { OpenedRecord, RecordOpener, RecordSealer } from '../handshake.ts'
import { trafficKeys } from './key-schedule.ts'
import { TAG_LENGTH } from './suites.ts'
import type { Tls13Suite } from './suites.ts'

/** The sequence number and the nonces made of it: RFC 8446 section 5.3. */
class Nonces {
  sequence = 0
  private readonly nonce: Uint8Array

  constructor(private readonly iv: Uint8Array) {
    this.nonce = iv.slice()
  }

  /** The IV with the sequence number, a big-endian integer of 64 bits, mixed into its end. Good until the next call. */
  current(): Uint8Array {
    const { iv, nonce, sequence } = this
    const high = Math.floor(sequence / 0x1_0000_0000)
    for (let i = 0; i < 4; i++) {
      nonce[4 + i] = iv[4 + i] ^ (high >>> (24 - 8 * i))
      nonce[8 + i] = iv[8 + i] ^ (sequence >>> (24 - 8 * i))
    }
    return nonce
  }
}

/** Protects the records of one direction of TLS 1.3 under one traffic secret: RFC 8446 section 5.2. */
export class Tls13Sealer implements RecordSealer {
  readonly overhead = RECORD_HEADER_LENGTH + 1 + TAG_LENGTH
  private readonly aead: Aead
  private readonly nonces: Nonces
  private readonly header = new Uint8Array(RECORD_HEADER_LENGTH)

  /** @param padding inner plaintexts are padded with zeros to a multiple of so many bytes (RFC 8446 section 5.4) */
  constructor(
    private readonly suite: Tls13Suite,
    secret: Uint8Array,
    private readonly padding = 1,
  ) {
    const { key, iv } = trafficKeys(suite, secret)
    this.aead = createAead(suite.aead, key)
    this.nonces = new Nonces(iv)
  }

  get remaining(): number {
    return this.suite.recordLimit - this.nonces.sequence
  }

  seal(type: number, plaintext: Uint8Array): Uint8Array {
    const bare = plaintext.length + 1
    const padded = Math.min(Math.ceil(bare / this.padding) * this.padding, MAX_PLAINTEXT_LENGTH + 1)
    const length = padded + TAG_LENGTH
    const { header } = this
    encodeRecordHeader({ type: ContentType.application_data, version: ProtocolVersion.TLS1_2, length }, header, 0)
    const sealed = this.aead.seal(this.nonces.current(), header, encodeInnerPlaintext(type, plaintext, padded - bare))
    this.nonces.sequence++
    const record = new Uint8Array(RECORD_HEADER_LENGTH + length)
    record.set(header)
    record.set(sealed, RECORD_HEADER_LENGTH)
    return record
  }
}

/** Removes the protection of one direction of TLS 1.3 under one traffic secret: RFC 8446 section 5.2. */
export class Tls13Opener implements RecordOpener {
  private readonly aead: Aead
  private readonly nonces: Nonces

  constructor(suite: Tls13Suite, secret: Uint8Array) {
    const { key, iv } = trafficKeys(suite, secret)
    this.aead = createAead(suite.aead, key)
    this.nonces = new Nonces(iv)
  }

  open(record: Uint8Array): OpenedRecord | undefined {
    const length = record.length - RECORD_HEADER_LENGTH
    if (length > MAX_CIPHERTEXT_LENGTH)
      throw new TlsAlertError('record_overflow', `a record of ${String(length)} bytes`, 'RFC 8446 section 5.2')
    const header = record.subarray(0, RECORD_HEADER_LENGTH)
    const inner = this.aead.open(this.nonces.current(), header, record.subarray(RECORD_HEADER_LENGTH))
    if (inner === undefined) return undefined
    this.nonces.sequence++
    const { type, content } = decodeInnerPlaintext(inner)
    return { type, plaintext: content }
  }
}
