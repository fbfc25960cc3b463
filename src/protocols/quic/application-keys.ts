/**
 * Keys of 1-RTT packets, which change in the course of a connection.
 *
 * Required reading: RFC 9001 section 6 (key update), 6.6 (limits of ciphers), 9.5.
 *
 * Both directions change at once. A bit in the header tells the phase. Packets of the phase before are still opened for a while, as they may
 * be late; a packet whose bit is not that of the present phase, and which is not older, is tried with the next keys, and when it opens the
 * peer has begun a new phase, and we follow. We begin one only when the peer has acknowledged something of the present phase, and its
 * predecessor's keys are gone.
 */
import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import { HEADER_KEY_PHASE } from '../../wire/quic/header.ts'
import type { AeadName } from '../../crypto/aead.ts'
import type { PacketKeys } from '../../crypto/packet-keys.ts'
import type { Nanos } from '../endpoint.ts'
import { QuicViolation } from './fault.ts'
import { USAGE_LIMITS } from './packet-protection.ts'

export class ApplicationKeys {
  /** The Key Phase bit of what is sent. */
  phase: 0 | 1 = 0
  /** Packets that were sealed with the present keys. */
  sealed = 0
  /** Number of the first packet that is sent in this phase. */
  private firstSent = 0
  /** Whether the peer has acknowledged a packet of this phase. */
  isAcknowledged = false
  /** Smallest number of a packet received in this phase; Infinity: none yet. */
  private firstReceived = Infinity
  /** Whether we have acknowledged a packet of this phase, in it. */
  private hasAcknowledged = true
  private next: PacketKeys | undefined
  private previous: PacketKeys | undefined
  /** When the keys of the phase before are thrown away; undefined: not as long as nothing of this phase has come. */
  private previousUntil: Nanos | undefined

  private read: PacketKeys | undefined

  constructor(
    private readonly cipher: AeadName,
    public write: PacketKeys,
  ) {}

  /** Packets that may be sealed with one key: RFC 9001 section 6.6. */
  get confidentialityLimit(): number {
    return USAGE_LIMITS[this.cipher].confidentiality
  }

  /** Packets that may fail to authenticate. */
  get integrityLimit(): number {
    return USAGE_LIMITS[this.cipher].integrity
  }

  /** Keys for reading may come later than those for writing. */
  setRead(keys: PacketKeys): void {
    this.read = keys
  }

  get canRead(): boolean {
    return this.read !== undefined
  }

  /** Reads a protected header; what was read is in the result's fields. Undefined: it is no packet, or cannot be read yet. */
  removeProtection(packet: Uint8Array, start: number, numberAt: number, end: number): PacketKeys['headerProtection'] | undefined {
    const { read } = this
    return read?.headerProtection.remove(packet, start, numberAt, end) === true ? read.headerProtection : undefined
  }

  /**
   * Opens a packet whose header was just read.
   * @param firstByte without protection
   * @returns the payload; undefined when it does not authenticate
   * @throws QuicViolation when it is authentic, but of an older phase than it may be
   */
  open(packet: Uint8Array, firstByte: number, numberAt: number, end: number, number: number): Uint8Array | undefined {
    const { read, previous } = this
    if (read === undefined) return undefined
    const phase = (firstByte & HEADER_KEY_PHASE) === 0 ? 0 : 1
    if (phase === this.phase) {
      const payload = read.open(packet, numberAt, end, number)
      if (payload !== undefined && number < this.firstReceived) this.firstReceived = number
      return payload
    }
    if (previous !== undefined && number < this.firstReceived) return previous.open(packet, numberAt, end, number)
    this.next ??= read.next()
    const payload = this.next.open(packet, numberAt, end, number)
    if (payload !== undefined || previous?.open(packet, numberAt, end, number) === undefined) return payload
    const detail = `packet ${String(number)} under older keys than one before it`
    throw new QuicViolation(QUIC_ERROR_CODE.KEY_UPDATE_ERROR, detail, 'RFC 9001 section 6.4')
  }

  /**
   * A packet was opened. When that was with the next keys, the peer has begun a phase, and so do we.
   * @param until when the old keys are thrown away
   * @param nextNumber of the packet that we send next
   * @returns whether it was so
   * @throws QuicViolation
   */
  follow(firstByte: number, number: number, nextNumber: number, until: Nanos): boolean {
    const phase = (firstByte & HEADER_KEY_PHASE) === 0 ? 0 : 1
    if (phase === this.phase) {
      this.previousUntil ??= until
      return false
    }
    if (this.previous !== undefined && number < this.firstReceived) return false
    if (!this.hasAcknowledged) {
      const detail = 'keys updated twice without awaiting confirmation'
      throw new QuicViolation(QUIC_ERROR_CODE.KEY_UPDATE_ERROR, detail, 'RFC 9001 section 6.2')
    }
    this.rotate(nextNumber)
    this.firstReceived = number
    this.previousUntil = until
    this.hasAcknowledged = false
    return true
  }

  /** Whether we may begin a phase now. */
  get mayUpdate(): boolean {
    return this.isAcknowledged && this.previous === undefined
  }

  /** Begins a phase. */
  update(nextNumber: number): void {
    this.rotate(nextNumber)
    this.firstReceived = Infinity
    this.hasAcknowledged = true
  }

  /**
   * The peer acknowledges packets up to this one.
   * @param firstByte of the packet in which it does, without protection
   * @throws QuicViolation when it does so under keys that are older than those of what it acknowledges
   */
  acknowledged(largest: number, firstByte: number): void {
    if (largest < this.firstSent) return
    const phase = (firstByte & HEADER_KEY_PHASE) === 0 ? 0 : 1
    if (phase !== this.phase) {
      const detail = 'packets acknowledged under older keys than theirs'
      throw new QuicViolation(QUIC_ERROR_CODE.KEY_UPDATE_ERROR, detail, 'RFC 9001 section 6.2')
    }
    this.isAcknowledged = true
  }

  /** We have sent an ACK frame that reports packets up to this one. */
  sentAcknowledgment(largest: number): void {
    if (largest >= this.firstReceived) this.hasAcknowledged = true
  }

  /** When something is to be thrown away. */
  get deadline(): Nanos | undefined {
    return this.previous === undefined ? undefined : this.previousUntil
  }

  handleTimeout(now: Nanos): void {
    if (this.previousUntil === undefined || now < this.previousUntil) return
    this.previous = undefined
    this.previousUntil = undefined
  }

  private rotate(nextNumber: number): void {
    const { read } = this
    if (read === undefined) throw new Error('no keys to update')
    this.previous = read
    this.read = this.next ?? read.next()
    this.next = undefined
    this.write = this.write.next()
    this.phase = this.phase === 0 ? 1 : 0
    this.sealed = 0
    this.firstSent = nextNumber
    this.isAcknowledged = false
    this.previousUntil = undefined
  }
}
