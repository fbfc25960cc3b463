import { datagramHeaderLength, writeDatagramHeader } from '../../wire/quic/frame-encoder.ts'
import { LocalQuicError } from './fault.ts'
import { SENT_DATAGRAM } from './packet-draft.ts'
import type { PacketDraft } from './packet-draft.ts'

/** Messages that wait at most; behind that the oldest is dropped. */
const MOST_WAITING = 256

/** Bytes of type and length around a message of that size at most. */
const OVERHEAD = 3

/** Messages that may be lost, on their way out: RFC 9221. */
export class DatagramQueue {
  /** Largest frame that the peer takes, in bytes; 0: none. */
  limit = 0
  private readonly waiting: Uint8Array[] = []

  /** Largest message that can be sent. @param room of a packet, in bytes */
  largest(room: number): number {
    return Math.max(0, Math.min(this.limit, room) - OVERHEAD)
  }

  /** Throws LocalQuicError for a message that is too long. */
  push(bytes: Uint8Array, room: number): void {
    if (bytes.length > this.largest(room)) throw new LocalQuicError(`no datagram of ${String(bytes.length)} bytes can be sent`)
    if (this.waiting.length === MOST_WAITING) this.waiting.shift()
    this.waiting.push(bytes)
  }

  get hasOutput(): boolean {
    return this.waiting.length > 0
  }

  /** Writes as many as there is room for. */
  write(draft: PacketDraft): void {
    for (let first = this.waiting.at(0); first !== undefined; first = this.waiting.at(0)) {
      if (datagramHeaderLength(first.length) + first.length > draft.room) {
        if (!draft.isEmpty) return
        // Not even a packet of its own is large enough, as the path takes less than it did: it will never fit.
        this.waiting.shift()
        continue
      }
      this.waiting.shift()
      draft.at = writeDatagramHeader(draft.bytes, draft.at, first.length)
      draft.bytes.set(first, draft.at)
      draft.at += first.length
      draft.took(SENT_DATAGRAM)
    }
  }

  clear(): void {
    this.waiting.length = 0
  }
}
