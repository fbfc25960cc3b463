import type { Nanos } from '../../kernel/time.ts'

/** How far a connection has come, by what was seen of it. Each has a timeout of its own. */
export const Tracked = {
  /** A SYN has passed, and no more. */
  SYN: 0,
  ESTABLISHED: 1,
  /** One side has finished. */
  FIN: 2,
  /** Both have, or one has reset it: kept for what still comes. */
  CLOSED: 3,
} as const

/** Names for the trace, by state. */
export const TRACKED_NAMES = ['syn', 'established', 'fin', 'closed'] as const

/** Bits of `flags`. */
export const TrackedFlag = {
  /** The server has answered with a SYN of its own. */
  ANSWERED: 1,
  CLIENT_FIN: 2,
  SERVER_FIN: 4,
  /** It counts among the connections that its server has. */
  COUNTED: 8,
} as const

/** Where connections go. */
interface Place {
  readonly address: number
  readonly port: number
}

const NONE = -1
const FIRST_CAPACITY = 64

/**
 * What a balancer knows of each connection: a row of typed columns, found by the client's end, and in full NAT by the server's. An entry
 * takes 36 bytes in its columns and 4 for each of its two to four places in a table of hashes.
 *
 * Entries of one state are linked in the order of their last packets. Since a state has one timeout, the first of each list is the first to
 * expire: nothing is searched, and no entry has a timer.
 */
export class ConnectionTable {
  /** How many connections there are. */
  size = 0
  // Columns.
  client = new Uint32Array(FIRST_CAPACITY)
  clientPort = new Uint16Array(FIRST_CAPACITY)
  /** Our own port towards the server, in full NAT; 0 otherwise. */
  ownPort = new Uint16Array(FIRST_CAPACITY)
  /** Index of the server. */
  backend = new Uint16Array(FIRST_CAPACITY)
  state = new Uint8Array(FIRST_CAPACITY)
  flags = new Uint8Array(FIRST_CAPACITY)
  /** What the client sends next, and expects next, by its last segment. */
  clientNext = new Uint32Array(FIRST_CAPACITY)
  clientAck = new Uint32Array(FIRST_CAPACITY)
  private seen = new Float64Array(FIRST_CAPACITY)
  private older = new Int32Array(FIRST_CAPACITY)
  private newer = new Int32Array(FIRST_CAPACITY)

  /** By state, the entry that was longest without a packet, and the one with the last. */
  private readonly oldest = new Int32Array(TRACKED_NAMES.length).fill(NONE)
  private readonly newest = new Int32Array(TRACKED_NAMES.length).fill(NONE)
  /** Entry and one, by hash; 0: free. Their number is a power of two, and at least twice that of the entries. */
  private slots = new Int32Array(2 * FIRST_CAPACITY)
  private backSlots: Int32Array
  /** Entries that are free again, linked by `newer`. */
  private free = NONE
  private used = 0

  /**
   * @param places by index of the server
   * @param isFull whether connections are found from the server's end, too
   */
  constructor(
    private readonly places: readonly Place[],
    private readonly isFull: boolean,
  ) {
    this.backSlots = new Int32Array(isFull ? this.slots.length : 0)
  }

  /** Bytes of all columns and tables. */
  get byteLength(): number {
    const { client, clientPort, ownPort, backend, state, flags, clientNext, clientAck, seen, older, newer } = this
    const columns = [client, clientPort, ownPort, backend, state, flags, clientNext, clientAck, seen, older, newer]
    return [...columns, this.slots, this.backSlots].reduce((total, column) => total + column.byteLength, 0)
  }

  /** The entry of a client's end, or -1. */
  find(address: number, port: number): number {
    const mask = this.slots.length - 1
    for (let slot = hashOf(address, port) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.slots[slot] - 1
      if (entry < 0) return NONE
      if (this.client[entry] === address && this.clientPort[entry] === port) return entry
    }
  }

  /** In full NAT the entry of our own port towards a server, or -1. */
  findBack(address: number, port: number, ownPort: number): number {
    const mask = this.backSlots.length - 1
    for (let slot = hashOf(address, port * 0x1_0000 + ownPort) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.backSlots[slot] - 1
      if (entry < 0) return NONE
      if (this.ownPort[entry] !== ownPort) continue
      const place = this.places[this.backend[entry]]
      if (place.address === address && place.port === port) return entry
    }
  }

  /** Adds a connection that is not there. @returns its entry, which holds until it is removed */
  add(address: number, port: number, backend: number, ownPort: number, now: Nanos): number {
    if (this.free === NONE && this.used === this.client.length) this.grow()
    const entry = this.free === NONE ? this.used++ : this.free
    if (entry === this.free) this.free = this.newer[entry]
    this.client[entry] = address
    this.clientPort[entry] = port
    this.backend[entry] = backend
    this.ownPort[entry] = ownPort
    this.state[entry] = Tracked.SYN
    this.flags[entry] = 0
    this.seen[entry] = now
    this.link(entry)
    place(this.slots, this.hash(entry), entry)
    if (this.isFull) place(this.backSlots, this.hashBack(entry), entry)
    this.size++
    return entry
  }

  remove(entry: number): void {
    this.unlink(entry)
    this.vacate(this.slots, entry, false)
    if (this.isFull) this.vacate(this.backSlots, entry, true)
    this.newer[entry] = this.free
    this.free = entry
    this.size--
  }

  /** A packet has come. @param state what it has become by it */
  touch(entry: number, state: number, now: Nanos): void {
    this.seen[entry] = now
    if (this.newest[state] === entry && this.state[entry] === state) return
    this.unlink(entry)
    this.state[entry] = state
    this.link(entry)
  }

  /** When its last packet came. */
  lastSeen(entry: number): Nanos {
    return this.seen[entry]
  }

  /** The entry of a state that was longest without a packet, or -1. */
  oldestOf(state: number): number {
    return this.oldest[state]
  }

  /** All entries, those of the earlier states first, and there the quietest. Not to be changed meanwhile. */
  entries(): number[] {
    const all: number[] = []
    for (const first of this.oldest) for (let entry = first; entry !== NONE; entry = this.newer[entry]) all.push(entry)
    return all
  }

  private link(entry: number): void {
    const state = this.state[entry]
    const last = this.newest[state]
    this.older[entry] = last
    this.newer[entry] = NONE
    if (last === NONE) this.oldest[state] = entry
    else this.newer[last] = entry
    this.newest[state] = entry
  }

  private unlink(entry: number): void {
    const state = this.state[entry]
    const before = this.older[entry]
    const behind = this.newer[entry]
    if (before === NONE) this.oldest[state] = behind
    else this.newer[before] = behind
    if (behind === NONE) this.newest[state] = before
    else this.older[behind] = before
  }

  private hash(entry: number): number {
    return hashOf(this.client[entry], this.clientPort[entry])
  }

  private hashBack(entry: number): number {
    const { address, port } = this.places[this.backend[entry]]
    return hashOf(address, port * 0x1_0000 + this.ownPort[entry])
  }

  /** Takes an entry out of a table of hashes, and moves up whoever stands behind it for want of his own place. */
  private vacate(slots: Int32Array, entry: number, isBack: boolean): void {
    const mask = slots.length - 1
    let hole = (isBack ? this.hashBack(entry) : this.hash(entry)) & mask
    while (slots[hole] !== entry + 1) hole = (hole + 1) & mask
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const other = slots[slot] - 1
      const home = (isBack ? this.hashBack(other) : this.hash(other)) & mask
      // He may go no further back than to his own place.
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      slots[hole] = slots[slot]
      hole = slot
    }
    slots[hole] = 0
  }

  private grow(): void {
    const capacity = 2 * this.client.length
    this.client = widened(this.client, new Uint32Array(capacity))
    this.clientPort = widened(this.clientPort, new Uint16Array(capacity))
    this.ownPort = widened(this.ownPort, new Uint16Array(capacity))
    this.backend = widened(this.backend, new Uint16Array(capacity))
    this.state = widened(this.state, new Uint8Array(capacity))
    this.flags = widened(this.flags, new Uint8Array(capacity))
    this.clientNext = widened(this.clientNext, new Uint32Array(capacity))
    this.clientAck = widened(this.clientAck, new Uint32Array(capacity))
    this.seen = widened(this.seen, new Float64Array(capacity))
    this.older = widened(this.older, new Int32Array(capacity))
    this.newer = widened(this.newer, new Int32Array(capacity))
    this.slots = new Int32Array(2 * capacity)
    this.backSlots = new Int32Array(this.isFull ? 2 * capacity : 0)
    // It grows when all are in use.
    for (let entry = 0; entry < this.used; entry++) {
      place(this.slots, this.hash(entry), entry)
      if (this.isFull) place(this.backSlots, this.hashBack(entry), entry)
    }
  }
}

function widened<Column extends { set: (from: Column) => void }>(from: Column, into: Column): Column {
  into.set(from)
  return into
}

function place(slots: Int32Array, hash: number, entry: number): void {
  const mask = slots.length - 1
  let slot = hash & mask
  while (slots[slot] !== 0) slot = (slot + 1) & mask
  slots[slot] = entry + 1
}

/** Spreads two words over 32 bits: two rounds of MurmurHash3's finalizer (Appleby). */
function hashOf(address: number, ports: number): number {
  let x = Math.imul(address ^ (address >>> 16), 0x85ebca6b) ^ ports
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  return (x ^ (x >>> 13)) >>> 0
}
