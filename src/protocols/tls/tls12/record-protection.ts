import { createAead } from '../../../crypto/aead.ts'
import type { Aead, AeadName } from '../../../crypto/aead.ts'
import { read16, write16, write32 } from '../../../wire/integer.ts'
import { encodeRecordHeader, MAX_PLAINTEXT_LENGTH, RECORD_HEADER_LENGTH } from '../../../wire/tls/record.ts'
import { ProtocolVersion } from '../../../wire/tls/code-points.ts'
import { TlsAlertError } from '../fault.ts'
import type { OpenedRecord, RecordOpener, RecordSealer } from '../handshake.ts'
import type { DirectionKeys } from './key-schedule.ts'

const NONCE_LENGTH = 12
const TAG_LENGTH = 16
/** 2^24.5 full records: the limit of AES-GCM that RFC 8446 section 5.5 gives holds for TLS 1.2 as well. */
const GCM_RECORD_LIMIT = 23_726_566

/** What both directions do: count records, and make nonces and additional data of the count. */
class Protection {
  readonly aead: Aead
  /** Bytes of the nonce that stand in each record: 8 with AES-GCM (RFC 5288 section 3), none with ChaCha20 (RFC 7905 section 2). */
  readonly explicitLength: number
  sequence = 0
  private readonly nonce = new Uint8Array(NONCE_LENGTH)
  private readonly aad = new Uint8Array(13)

  constructor(
    readonly name: AeadName,
    { key, iv }: DirectionKeys,
  ) {
    this.aead = createAead(name, key)
    this.explicitLength = NONCE_LENGTH - iv.length
    this.nonce.set(iv)
    this.iv = iv
  }

  private readonly iv: Uint8Array

  /** With AES-GCM the bytes in the record, whatever they are; with ChaCha20 the sequence number over the IV. Good until the next call. */
  nonceOf(record: Uint8Array): Uint8Array {
    const { nonce, iv, explicitLength } = this
    if (explicitLength > 0) {
      nonce.set(record.subarray(RECORD_HEADER_LENGTH, RECORD_HEADER_LENGTH + explicitLength), iv.length)
      return nonce
    }
    const high = Math.floor(this.sequence / 0x1_0000_0000)
    for (let i = 0; i < 4; i++) {
      nonce[4 + i] = iv[4 + i] ^ (high >>> (24 - 8 * i))
      nonce[8 + i] = iv[8 + i] ^ (this.sequence >>> (24 - 8 * i))
    }
    return nonce
  }

  /** Sequence number, type, version and the plaintext's length: RFC 5246 section 6.2.3.3. Good until the next call. */
  additionalData(record: Uint8Array, length: number): Uint8Array {
    const { aad } = this
    this.writeSequence(aad, 0)
    aad.set(record.subarray(0, 3), 8)
    write16(aad, 11, length)
    return aad
  }

  /** The sequence number as an integer of 64 bits. */
  writeSequence(bytes: Uint8Array, at: number): void {
    write32(bytes, at, Math.floor(this.sequence / 0x1_0000_0000))
    write32(bytes, at + 4, this.sequence % 0x1_0000_0000)
  }
}

/** Protects the records of one direction of TLS 1.2: RFC 5246 section 6.2.3.3. */
export class Tls12Sealer implements RecordSealer {
  readonly overhead: number
  private readonly protection: Protection

  constructor(name: AeadName, keys: DirectionKeys) {
    this.protection = new Protection(name, keys)
    this.overhead = RECORD_HEADER_LENGTH + this.protection.explicitLength + TAG_LENGTH
  }

  get remaining(): number {
    const { name, sequence } = this.protection
    return (name === 'chacha20-poly1305' ? Number.MAX_SAFE_INTEGER : GCM_RECORD_LIMIT) - sequence
  }

  seal(type: number, plaintext: Uint8Array): Uint8Array {
    const { protection, overhead } = this
    const record = new Uint8Array(overhead + plaintext.length)
    const length = record.length - RECORD_HEADER_LENGTH
    encodeRecordHeader({ type, version: ProtocolVersion.TLS1_2, length }, record, 0)
    // The nonce's explicit part must never be the same twice: the sequence number never is (RFC 5288 section 3).
    if (protection.explicitLength > 0) protection.writeSequence(record, RECORD_HEADER_LENGTH)
    const aad = protection.additionalData(record, plaintext.length)
    const sealed = protection.aead.seal(protection.nonceOf(record), aad, plaintext)
    record.set(sealed, RECORD_HEADER_LENGTH + protection.explicitLength)
    protection.sequence++
    return record
  }
}

/** Removes the protection of one direction of TLS 1.2: RFC 5246 section 6.2.3.3. */
export class Tls12Opener implements RecordOpener {
  private readonly protection: Protection

  constructor(name: AeadName, keys: DirectionKeys) {
    this.protection = new Protection(name, keys)
  }

  open(record: Uint8Array): OpenedRecord | undefined {
    const { protection } = this
    const start = RECORD_HEADER_LENGTH + protection.explicitLength
    const length = record.length - start - TAG_LENGTH
    if (length < 0) return undefined
    if (read16(record, 1) !== ProtocolVersion.TLS1_2)
      throw new TlsAlertError('protocol_version', 'a record of another version', 'RFC 5246 section 6.2.1')
    if (length > MAX_PLAINTEXT_LENGTH)
      throw new TlsAlertError('record_overflow', `a record of ${String(length)} bytes`, 'RFC 5246 section 6.2.3')
    const aad = protection.additionalData(record, length)
    const plaintext = protection.aead.open(protection.nonceOf(record), aad, record.subarray(start))
    if (plaintext === undefined) return undefined
    protection.sequence++
    return { type: record[0], plaintext }
  }
}
