import { cryptoHeaderLength, writeCryptoHeader } from '../../wire/quic/frame-encoder.ts'
import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import { QuicViolation } from './fault.ts'
import type { PacketDraft, SentCrypto } from './packet-draft.ts'
import { Reassembly } from './reassembly.ts'
import { SendBuffer } from './send-buffer.ts'

/** How far ahead of what was read a peer may send, in bytes: at least 4,096 (RFC 9000 section 7.5). */
const MAX_AHEAD = 0x1_0000
/** The longest message that is taken, in bytes: a chain of certificates may be long. */
const MAX_MESSAGE = 0x2_0000
const MESSAGE_HEADER = 4
/** Separate ranges that are held while bytes before them are missing. */
const MAX_GAPS = 512
/** A frame with fewer bytes is not worth its header, unless it is all that there is. */
const LEAST_DATA = 16

/** The bytes of the handshake at one encryption level, in both directions: RFC 9000 section 7.5, RFC 9001 section 4.1.3. */
export class CryptoStream {
  private readonly reassembly = new Reassembly()
  private readonly output = new SendBuffer()
  /** What came in order and was not a whole message yet: [heldFrom, heldTo) of the array, whose rest is room for more. */
  private held: Uint8Array = new Uint8Array(0)
  private heldFrom = 0
  private heldTo = 0

  /** Whether bytes came in that are no whole message. */
  get isPartial(): boolean {
    return this.heldTo > this.heldFrom || this.reassembly.gaps > 0
  }

  /** How many bytes came in without a gap. */
  get received(): number {
    return this.reassembly.offset
  }

  /** Takes a CRYPTO frame's bytes. Throws QuicViolation. */
  receive(offset: number, bytes: Uint8Array): void {
    const { reassembly } = this
    if (offset + bytes.length > reassembly.offset + MAX_AHEAD || reassembly.gaps > MAX_GAPS)
      throw new QuicViolation(QUIC_ERROR_CODE.CRYPTO_BUFFER_EXCEEDED, 'too much of a handshake at once', 'RFC 9000 section 7.5')
    if (bytes.length > 0) reassembly.push(offset, bytes)
    for (let part = reassembly.take(); part !== undefined; part = reassembly.take()) this.hold(part)
  }

  /** Puts bytes behind those that are held. The room doubles, so that many small frames cost no more than a few large ones. */
  private hold(part: Uint8Array): void {
    const { held, heldFrom, heldTo } = this
    const length = heldTo - heldFrom
    if (length === 0) {
      // Nothing is written behind it, as it has no room.
      this.held = part
      this.heldFrom = 0
      this.heldTo = part.length
      return
    }
    if (heldTo + part.length > held.length) {
      this.held = new Uint8Array(2 * (length + part.length))
      this.held.set(held.subarray(heldFrom, heldTo))
      this.heldFrom = 0
      this.heldTo = length
    }
    this.held.set(part, this.heldTo)
    this.heldTo += part.length
  }

  /** The next whole message, with its header. Throws QuicViolation for one that is too long. */
  nextMessage(): Uint8Array | undefined {
    const { held, heldFrom, heldTo } = this
    if (heldTo - heldFrom < MESSAGE_HEADER) return undefined
    const length = MESSAGE_HEADER + ((held[heldFrom + 1] << 16) | (held[heldFrom + 2] << 8) | held[heldFrom + 3])
    if (length > MAX_MESSAGE)
      throw new QuicViolation(
        QUIC_ERROR_CODE.CRYPTO_BUFFER_EXCEEDED,
        `a message of ${String(length)} bytes`,
        'RFC 9000 section 7.5',
      )
    if (heldTo - heldFrom < length) return undefined
    this.heldFrom += length
    return held.subarray(heldFrom, heldFrom + length)
  }

  /** Something to send. */
  push(message: Uint8Array): void {
    this.output.push(message)
  }

  get hasOutput(): boolean {
    return this.output.hasLost || this.output.end > this.output.sent
  }

  /** Writes as much as there is room for. */
  write(draft: PacketDraft): void {
    const { output } = this
    while (this.hasOutput) {
      const isLost = output.hasLost
      const offset = isLost ? output.lostStart : output.sent
      const most = (isLost ? output.lostEnd : output.end) - offset
      const length = Math.min(most, draft.room - cryptoHeaderLength(offset, Math.min(most, draft.room)))
      if (length <= 0 || (length < most && length < LEAST_DATA)) return
      draft.at = writeCryptoHeader(draft.bytes, draft.at, offset, length)
      if (isLost) output.writeAgain(draft.bytes, draft.at, offset, length)
      else output.writeNew(draft.bytes, draft.at, length)
      draft.at += length
      draft.took({ type: 'CRYPTO', offset, length })
    }
  }

  acknowledge(frame: SentCrypto): void {
    this.output.acknowledge(frame.offset, frame.length)
  }

  lose(frame: SentCrypto): void {
    this.output.lose(frame.offset, frame.length)
  }
}
