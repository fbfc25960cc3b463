import type { Nanos } from '../../endpoint.ts'
import type { Path } from '../path.ts'

/** A packet that was sent. `Frame` is whatever its owner wants back when the packet is acknowledged or lost. */
export interface SentPacket<Frame> {
  readonly number: number
  /** Counts packets of all spaces: a later packet has a larger one, also if sent at the same time. */
  readonly order: number
  readonly sentAt: Nanos
  /** Bytes that count as in flight: the whole packet, without UDP and IP. 0: it does not count (RFC 9002 section 2). */
  readonly size: number
  readonly eliciting: boolean
  /** Whether its loss says something of its size alone (RFC 9000 section 14.4). */
  readonly isMtuProbe: boolean
  /** Whether it was sent as ECT(0). */
  readonly isMarked: boolean
  /** Largest packet number that its ACK frame reports; -1: it has none. */
  readonly reported: number
  readonly path: Path
  /** What it carried that has to arrive. */
  readonly frames: readonly Frame[]
}

/** Packets of one space whose fate is open, by number, in a ring that grows with the span of the numbers. */
export class SentPackets<Frame> {
  private slots: (SentPacket<Frame> | undefined)[] = new Array<SentPacket<Frame> | undefined>(32).fill(undefined)
  /** Numbers [first, end) have slots; the first one's is filled, if there is any. */
  first = 0
  end = 0
  /** How many of them ask for an acknowledgment. */
  eliciting = 0
  /** How many are not in flight. */
  silent = 0

  /** Its number must be `end` or larger. */
  add(packet: SentPacket<Frame>): void {
    const { number } = packet
    if (this.first === this.end) this.first = number
    if (number - this.first >= this.slots.length) this.grow(number - this.first + 1)
    this.slots[number & (this.slots.length - 1)] = packet
    this.end = number + 1
    if (packet.eliciting) this.eliciting++
    if (packet.size === 0) this.silent++
  }

  get(number: number): SentPacket<Frame> | undefined {
    if (number < this.first || number >= this.end) return undefined
    return this.slots[number & (this.slots.length - 1)]
  }

  /** Its fate is known. */
  remove(packet: SentPacket<Frame>): void {
    const mask = this.slots.length - 1
    this.slots[packet.number & mask] = undefined
    if (packet.eliciting) this.eliciting--
    if (packet.size === 0) this.silent--
    if (packet.number !== this.first) return
    while (this.first < this.end && this.slots[this.first & mask] === undefined) this.first++
  }

  private grow(span: number): void {
    const old = this.slots
    let size = old.length
    while (size < span) size *= 2
    const slots = new Array<SentPacket<Frame> | undefined>(size).fill(undefined)
    for (let number = this.first; number < this.end; number++) slots[number & (size - 1)] = old[number & (old.length - 1)]
    this.slots = slots
  }
}
