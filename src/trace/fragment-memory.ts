/** How many fragmented datagrams are remembered; a power of two. */
const CAPACITY = 256

/**
 * Which conversation a fragmented datagram belongs to, for its later fragments tell no ports. By a hash of the datagram's name: a newer
 * datagram takes an older one's place, and nothing is allocated.
 */
export class FragmentMemory {
  private readonly sources = new Uint32Array(CAPACITY)
  private readonly destinations = new Uint32Array(CAPACITY)
  private readonly names = new Float64Array(CAPACITY)
  private readonly conversations = new Int32Array(CAPACITY)

  /**
   * Notes the conversation of the datagram from `source` to `destination`, both numbers in [0, 2^32), named by `name`, an integer in
   * [0, 2^53).
   */
  remember(source: number, destination: number, name: number, conversation: number): void {
    const slot = slotOf(source, destination, name)
    this.sources[slot] = source
    this.destinations[slot] = destination
    this.names[slot] = name
    this.conversations[slot] = conversation
  }

  /** The conversation of a datagram; 0 when it is not remembered. */
  recall(source: number, destination: number, name: number): number {
    const slot = slotOf(source, destination, name)
    const isSame = this.sources[slot] === source && this.destinations[slot] === destination && this.names[slot] === name
    return isSame ? this.conversations[slot] : 0
  }
}

function slotOf(source: number, destination: number, name: number): number {
  const mixed = Math.imul(name, 0x9e37_79b1) ^ Math.imul(source, 31) ^ Math.imul(destination, 17)
  return (mixed ^ (mixed >>> 16)) & (CAPACITY - 1)
}
