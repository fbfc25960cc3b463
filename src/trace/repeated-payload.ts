import type { TcpSegmentPlace } from './tcp-segment-place.ts'

/**
 * Finds TCP segments whose payload a capture already has: what was sent again, and what was forwarded over a second link.
 *
 * A capture of all links holds each byte of a stream once for each time that it was handed to a link. Wireshark puts messages that span
 * segments together as they come, and with its default preferences takes a second copy for more of the stream, unless its timing looks
 * like that of a timeout: "New fragment overlaps old data", or a TLS record that does not decrypt. First copies alone stand in the order
 * of the stream, whatever gets lost, for that is the order in which TCP sends them. So such a capture leaves out the payload of later
 * copies, as a capture with a snapshot length does, and their headers tell the story. What is not put together is shown whole.
 */

/** Bytes of one direction that the capture has, as ranges of offsets; `packets[i]` is the packet that brought a range. */
class Direction {
  /** Sequence number of offset 0. */
  private base = 0
  private started = false
  private readonly starts: number[] = []
  private readonly ends: number[] = []
  private readonly packets: number[] = []

  begin(seq: number): void {
    if (this.started && this.base === seq) return
    this.started = true
    this.base = seq
    this.starts.length = 0
    this.ends.length = 0
    this.packets.length = 0
  }

  /** Offset of a sequence number: the one that is nearest to the newest byte, for sequence numbers wrap. */
  private offsetOf(seq: number): number {
    const newest = this.ends.at(-1) ?? 0
    return newest + ((seq - (this.base + newest)) | 0)
  }

  /** Takes in a payload. Returns the packet that brought its first byte when all of it was there already; 0 otherwise. */
  add(seq: number, length: number, packet: number): number {
    if (!this.started) this.begin(seq)
    const start = this.offsetOf(seq)
    const end = start + length
    const { starts, ends, packets } = this
    let at = starts.length
    while (at > 0 && starts[at - 1] > start) at--
    const known = at > 0 && ends[at - 1] > start ? packets[at - 1] : 0
    let covered = known === 0 ? start : ends[at - 1]
    let next = at
    while (covered < end && next < starts.length && starts[next] <= covered) covered = Math.max(covered, ends[next++])
    if (known !== 0 && covered >= end) return known
    let last = at
    while (last < starts.length && ends[last] <= end) last++
    starts.splice(at, last - at, start)
    ends.splice(at, last - at, end)
    packets.splice(at, last - at, packet)
    return 0
  }
}

interface Conversation {
  readonly directions: readonly [Direction, Direction]
  /** Whether Wireshark puts its messages together; undefined until its first data. */
  isReassembled: boolean | undefined
}

export class RepeatedPayload {
  private readonly conversations = new Map<number, Conversation>()

  /**
   * Takes in the next packet of a capture.
   * @param connection number of its conversation, at least 1
   * @param packet its position in the capture, from 1
   * @returns the earlier packet with the same payload (its first byte), if the payload is to be left out; 0 otherwise
   */
  add(connection: number, frame: Uint8Array, place: TcpSegmentPlace, packet: number): number {
    let conversation = this.conversations.get(connection)
    if (conversation === undefined) {
      conversation = { directions: [new Direction(), new Direction()], isReassembled: undefined }
      this.conversations.set(connection, conversation)
    }
    const direction = conversation.directions[place.side]
    if (place.isSyn) direction.begin(place.seq)
    if (place.payloadLength === 0) return 0
    conversation.isReassembled ??= looksReassembled(frame, place.payloadStart, place.payloadEnd)
    if (!conversation.isReassembled) return 0
    return direction.add(place.seq, place.payloadLength, packet)
  }

  /** Whether Wireshark puts messages of a conversation together, as far as can be told by now. */
  isReassembled(connection: number): boolean {
    return this.conversations.get(connection)?.isReassembled === true
  }
}

/** Whether a stream begins with a TLS record (RFC 8446 section 5.1), or a word of HTTP (RFC 9112 section 2.1, RFC 9113 section 3.4). */
function looksReassembled(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 4) return false
  if (bytes[start] >= 20 && bytes[start] <= 24 && bytes[start + 1] === 3 && bytes[start + 2] <= 4) return true
  for (let at = start; at < start + 3; at++) if (bytes[at] < 0x41 || bytes[at] > 0x5a) return false
  return true
}
