import { read32 } from '../wire/integer.ts'

/** Slots of an empty table; always a power of two. */
const FIRST_CAPACITY = 64

/** Words of an address. */
const WORDS = 4

/**
 * IPv6 addresses as small numbers from 1 on, in order of appearance: a hash table over plain words with linear probing, so that looking
 * one up in a frame allocates nothing.
 */
export class Ipv6Addresses {
  private slots = new Int32Array(FIRST_CAPACITY)
  // By number, from 1.
  private words = new Uint32Array((FIRST_CAPACITY / 2) * WORDS)
  private count = 0

  /** The number of the address at `at`, which must lie whole in the frame; 0 when it is new. */
  find(frame: Uint8Array, at: number): number {
    return this.slots[this.slotOf(read32(frame, at), read32(frame, at + 4), read32(frame, at + 8), read32(frame, at + 12))]
  }

  /** The number of the address at `at`, a new one if need be. */
  add(frame: Uint8Array, at: number): number {
    const known = this.find(frame, at)
    if (known !== 0) return known
    if ((this.count + 1) * WORDS === this.words.length) this.grow()
    const number = ++this.count
    for (let i = 0; i < WORDS; i++) this.words[number * WORDS + i] = read32(frame, at + 4 * i)
    this.slots[this.slotOfNumber(number)] = number
    return number
  }

  private slotOfNumber(number: number): number {
    const { words } = this
    const word = number * WORDS
    return this.slotOf(words[word], words[word + 1], words[word + 2], words[word + 3])
  }

  /** Where an address is, or belongs. */
  private slotOf(a: number, b: number, c: number, d: number): number {
    const { slots, words } = this
    const mask = slots.length - 1
    let mixed = Math.imul(a, 0x9e37_79b1) ^ Math.imul(b, 0x85eb_ca6b) ^ Math.imul(c, 0xc2b2_ae35) ^ Math.imul(d, 0x27d4_eb2f)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b_3c6d)
    let slot = (mixed ^ (mixed >>> 13)) & mask
    for (;;) {
      const number = slots[slot]
      const word = number * WORDS
      if (number === 0) return slot
      if (words[word] === a && words[word + 1] === b && words[word + 2] === c && words[word + 3] === d) return slot
      slot = (slot + 1) & mask
    }
  }

  /** Twice the room; at most half of the slots are ever taken. */
  private grow(): void {
    const larger = new Uint32Array(this.words.length * 2)
    larger.set(this.words)
    this.words = larger
    this.slots = new Int32Array(this.slots.length * 2)
    for (let number = 1; number <= this.count; number++) this.slots[this.slotOfNumber(number)] = number
  }
}
