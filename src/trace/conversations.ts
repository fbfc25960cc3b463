/** Slots of an empty table; always a power of two. */
const FIRST_CAPACITY = 256

/** What a conversation's ends are numbers of: IPv4 addresses themselves, or the numbers of IPv6 addresses in `Ipv6Addresses`. */
export const AddressKind = { IPV4: 0, IPV6: 1 } as const

/**
 * Conversations by their two ends, whichever way a packet goes: a hash table over plain numbers with linear probing, so that
 * looking one up allocates nothing. Number 0 is no conversation.
 */
export class Conversations {
  /** By number; `names[0]` is `''`. A conversation is named after who was seen first: `'10.0.0.1:49152 ↔ 10.0.0.2:80'`. */
  readonly names: string[] = ['']
  private slots = new Int32Array(FIRST_CAPACITY)
  // By number: the ends in the order of (address, port), so that both directions have one key.
  private lowAddress = new Uint32Array(FIRST_CAPACITY / 2)
  private highAddress = new Uint32Array(FIRST_CAPACITY / 2)
  private ports = new Uint32Array(FIRST_CAPACITY / 2)
  private kinds = new Uint8Array(FIRST_CAPACITY / 2)

  /** The conversation between two ends, numbers of `kind`; 0 when there is none yet. */
  find(kind: number, source: number, sourcePort: number, destination: number, destinationPort: number): number {
    return isInOrder(source, sourcePort, destination, destinationPort)
      ? this.slots[this.slotOf(kind, source, destination, ((sourcePort << 16) | destinationPort) >>> 0)]
      : this.slots[this.slotOf(kind, destination, source, ((destinationPort << 16) | sourcePort) >>> 0)]
  }

  /**
   * Adds a conversation that `find` did not find.
   * @param sourcePort -1 with `destinationPort` -1: a conversation of two addresses
   */
  add(kind: number, source: number, sourcePort: number, destination: number, destinationPort: number, name: string): number {
    if (this.names.length === this.ports.length) this.grow()
    const number = this.names.length
    this.names.push(name)
    const inOrder = isInOrder(source, sourcePort, destination, destinationPort)
    this.lowAddress[number] = inOrder ? source : destination
    this.highAddress[number] = inOrder ? destination : source
    this.ports[number] = inOrder ? (sourcePort << 16) | destinationPort : (destinationPort << 16) | sourcePort
    this.kinds[number] = kind
    this.slots[this.slotOfNumber(number)] = number
    return number
  }

  private slotOfNumber(number: number): number {
    return this.slotOf(this.kinds[number], this.lowAddress[number], this.highAddress[number], this.ports[number])
  }

  /** Where a conversation is, or belongs. */
  private slotOf(kind: number, low: number, high: number, ports: number): number {
    const { slots, lowAddress, highAddress, kinds } = this
    const mask = slots.length - 1
    let mixed = Math.imul(low, 0x9e37_79b1) ^ Math.imul(high, 0x85eb_ca6b) ^ Math.imul(ports + kind, 0xc2b2_ae35)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b_3c6d)
    let slot = (mixed ^ (mixed >>> 13)) & mask
    for (;;) {
      const number = slots[slot]
      if (number === 0) return slot
      const isSame = lowAddress[number] === low && highAddress[number] === high && this.ports[number] === ports
      if (isSame && kinds[number] === kind) return slot
      slot = (slot + 1) & mask
    }
  }

  /** Twice the room; at most half of the slots are ever taken. */
  private grow(): void {
    this.slots = new Int32Array(this.slots.length * 2)
    this.lowAddress = doubled(this.lowAddress)
    this.highAddress = doubled(this.highAddress)
    this.ports = doubled(this.ports)
    const kinds = new Uint8Array(this.kinds.length * 2)
    kinds.set(this.kinds)
    this.kinds = kinds
    for (let number = 1; number < this.names.length; number++) this.slots[this.slotOfNumber(number)] = number
  }
}

function isInOrder(source: number, sourcePort: number, destination: number, destinationPort: number): boolean {
  return source < destination || (source === destination && sourcePort <= destinationPort)
}

function doubled(column: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(column.length * 2)
  larger.set(column)
  return larger
}
