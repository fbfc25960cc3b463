// Putting fragments back together: RFC 791 section 3.2 and RFC 8200 section 4.5, with the bookkeeping of RFC 815 turned around. That
// algorithm keeps a list of the holes; here the sorted list of what came is kept, and the holes are the gaps in it. Because nothing
// may overlap, a datagram is whole as soon as the bytes that came are as many as its last fragment promised.
//
// Overlapping fragments have no honest source and let an attacker show a firewall one datagram and the host another. As RFC 5722
// section 4 asks for IPv6, and good sense for IPv4, the datagram is given up together with all of its fragments that are still to come.
// Only an exact copy of a fragment, which a network may well produce, is ignored instead (RFC 8200 section 4.5).

import type { IpAddress } from './address.ts'

export interface ReassemblyLimits {
  /** Nanoseconds from a datagram's first fragment to its end. */
  readonly timeout: number
  /** Bytes of memory for unfinished datagrams together, an estimate of the bookkeeping included. */
  readonly memory: number
}

/** What memory one datagram and one fragment take besides the bytes. */
const DATAGRAM_OVERHEAD = 512
const FRAGMENT_OVERHEAD = 128

/** Why a datagram was given up. */
export type ReassemblyFailure =
  /** Time ran out. With the first fragment at hand, the source is owed an ICMP "time exceeded" (RFC 1122 section 3.3.2, RFC 8200 section 4.5). */
  | 'expired'
  /** Fragments overlap. */
  | 'overlap'
  /** Two last fragments differ in where the datagram ends, or bytes came from behind its end. */
  | 'contradictory-end'
  /** A fragment is empty, or is not the last one and yet no multiple of 8 bytes long. */
  | 'invalid-length'
  /** It would be longer than a packet can say. */
  | 'oversized'
  /** It was the oldest when memory ran out. */
  | 'memory'

/** A datagram was given up. */
export interface ReassemblyFailed<Address extends IpAddress = number> {
  readonly why: ReassemblyFailure
  readonly source: Address
  readonly destination: Address
  readonly protocol: number
  readonly identification: number
  /** Bytes of payload that had come. */
  readonly received: number
  /** Which bytes of the payload had not: `'1480–2959, from 4440'`; `''` when that cannot be said. */
  readonly missing: string
  /** The first fragment, header and all, when it had come: what an ICMP error quotes. */
  readonly first: Uint8Array | undefined
}

/** One fragment: where it is in an array, and where it belongs. */
export interface Fragment<Address extends IpAddress> {
  /** Names the datagram. */
  readonly key: string
  readonly source: Address
  readonly destination: Address
  readonly protocol: number
  readonly identification: number
  readonly bytes: Uint8Array
  /** First byte of the packet. */
  readonly start: number
  /** First byte behind the headers that each fragment has. */
  readonly payloadStart: number
  readonly payloadEnd: number
  /** Where the payload belongs in the datagram's. */
  readonly offset: number
  readonly moreFragments: boolean
  readonly congestionExperienced: boolean
}

/** A datagram of which some fragments came. */
export class PartialDatagram<Address extends IpAddress> {
  /** Sorted by offset; not overlapping. */
  readonly offsets: number[] = []
  readonly pieces: Uint8Array[] = []
  received = 0
  /** Length of the payload; -1 until the last fragment came. */
  length = -1
  /** The first fragment and the length of its headers. */
  first: Uint8Array | undefined
  firstHeaderLength = 0
  congestionExperienced = false
  /** Given up: the rest of its fragments is ignored. */
  dead = false
  memory = DATAGRAM_OVERHEAD

  constructor(
    readonly source: Address,
    readonly destination: Address,
    readonly protocol: number,
    readonly identification: number,
    readonly deadline: number,
  ) {}

  /** How many of the pieces lie before `offset`. */
  position(offset: number): number {
    let low = 0
    let high = this.offsets.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.offsets[middle] < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** One past the last byte that came. */
  reach(): number {
    const last = this.offsets.length - 1
    return last < 0 ? 0 : this.offsets[last] + this.pieces[last].length
  }

  /** Which bytes have not come, in words. */
  missing(): string {
    if (this.offsets.length === 0) return ''
    const gaps: string[] = []
    let at = 0
    for (let i = 0; i < this.offsets.length; i++) {
      if (this.offsets[i] > at) gaps.push(`${String(at)}–${String(this.offsets[i] - 1)}`)
      at = this.offsets[i] + this.pieces[i].length
    }
    if (this.length < 0) gaps.push(`from ${String(at)}`)
    else if (at < this.length) gaps.push(`${String(at)}–${String(this.length - 1)}`)
    return gaps.join(', ')
  }

  /** Copies the pieces to where they belong in `packet`, whose payload begins at `payloadStart`. */
  copyTo(packet: Uint8Array, payloadStart: number): void {
    for (let i = 0; i < this.pieces.length; i++) packet.set(this.pieces[i], payloadStart + this.offsets[i])
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * Puts fragments together, in bounded memory and time whatever is sent. Without IO: time comes in as an argument, in nanoseconds
 * that never run backwards. After `handle` and `handleTimeout` the owner drains `pollEvent` and asks `pollTimeout` anew.
 */
export abstract class Reassembler<Address extends IpAddress> {
  // In order of arrival, which is the order of deadlines, for all get the same time.
  private readonly partials = new Map<string, PartialDatagram<Address>>()
  private readonly events: ReassemblyFailed<Address>[] = []
  private used = 0

  /** @param lengthLimit most bytes of a datagram together with the headers of its first fragment */
  protected constructor(
    private readonly limits: ReassemblyLimits,
    private readonly lengthLimit: number,
  ) {}

  /** One packet out of all pieces, with the first fragment's headers. */
  protected abstract complete(partial: PartialDatagram<Address>, first: Uint8Array): Uint8Array

  /** Estimated bytes of memory that unfinished datagrams take; at most `limits.memory`. */
  get memory(): number {
    return this.used
  }

  /** Takes one fragment, and copies what it keeps of it; returns the whole datagram as one packet, when this fragment completes it. */
  protected take(fragment: Fragment<Address>, now: number): Uint8Array | undefined {
    this.handleTimeout(now)
    const { key } = fragment
    let partial = this.partials.get(key)
    if (partial === undefined) {
      const { source, destination, protocol, identification } = fragment
      partial = new PartialDatagram(source, destination, protocol, identification, now + this.limits.timeout)
      this.partials.set(key, partial)
      this.used += partial.memory
    }
    if (partial.dead) return undefined
    const failure = this.place(partial, fragment)
    if (failure !== undefined) this.giveUp(partial, failure)
    else if (partial.received === partial.length && partial.first !== undefined) {
      this.forget(key, partial)
      return this.complete(partial, partial.first)
    }
    this.evict()
    return undefined
  }

  /** When `handleTimeout` wants to be called; undefined: never. */
  pollTimeout(): number | undefined {
    for (const partial of this.partials.values()) return partial.deadline
    return undefined
  }

  /** Gives up the datagrams whose time is over. Harmless when called early. */
  handleTimeout(now: number): void {
    for (const [key, partial] of this.partials) {
      if (partial.deadline > now) return
      if (!partial.dead) this.report(partial, 'expired')
      this.forget(key, partial)
    }
  }

  /** The next datagram that was given up, or undefined. */
  pollEvent(): ReassemblyFailed<Address> | undefined {
    return this.events.shift()
  }

  /** Files a fragment; says why the datagram cannot be put together, if so. */
  private place(partial: PartialDatagram<Address>, fragment: Fragment<Address>): ReassemblyFailure | undefined {
    const { bytes, start, payloadStart, payloadEnd, offset, moreFragments } = fragment
    const length = payloadEnd - payloadStart
    if (length === 0 || (moreFragments && length % 8 !== 0)) return 'invalid-length'
    const end = offset + length
    // Every fragment has headers of its own, of which only the first one's last.
    const headerLength = offset === 0 ? payloadStart - start : partial.firstHeaderLength
    if (headerLength + Math.max(end, partial.reach()) > this.lengthLimit) return 'oversized'
    const position = partial.position(offset)
    if (partial.offsets[position] === offset && equal(partial.pieces[position], bytes.subarray(payloadStart, payloadEnd))) {
      return !moreFragments === (partial.length === end) ? undefined : 'contradictory-end'
    }
    if (position > 0 && partial.offsets[position - 1] + partial.pieces[position - 1].length > offset) return 'overlap'
    if (position < partial.offsets.length && partial.offsets[position] < end) return 'overlap'
    if (partial.length >= 0 ? end > partial.length || !moreFragments : !moreFragments && partial.reach() > end) {
      return 'contradictory-end'
    }
    if (!moreFragments) partial.length = end
    const copy = bytes.slice(offset === 0 ? start : payloadStart, payloadEnd)
    if (offset === 0) {
      partial.first = copy
      partial.firstHeaderLength = payloadStart - start
    }
    partial.offsets.splice(position, 0, offset)
    partial.pieces.splice(position, 0, offset === 0 ? copy.subarray(payloadStart - start) : copy)
    partial.received += length
    partial.congestionExperienced ||= fragment.congestionExperienced
    const memory = FRAGMENT_OVERHEAD + copy.length
    partial.memory += memory
    this.used += memory
    return undefined
  }

  /** Keeps a datagram's name alone, until its time is over, to ignore the rest of its fragments. */
  private giveUp(partial: PartialDatagram<Address>, why: ReassemblyFailure): void {
    this.report(partial, why)
    this.used -= partial.memory - DATAGRAM_OVERHEAD
    partial.memory = DATAGRAM_OVERHEAD
    partial.dead = true
    partial.offsets.length = 0
    partial.pieces.length = 0
    partial.first = undefined
  }

  private report(partial: PartialDatagram<Address>, why: ReassemblyFailure): void {
    const { source, destination, protocol, identification, received, first } = partial
    this.events.push({ why, source, destination, protocol, identification, received, missing: partial.missing(), first })
  }

  private forget(key: string, partial: PartialDatagram<Address>): void {
    this.partials.delete(key)
    this.used -= partial.memory
  }

  /** Lets the oldest go until the rest is within the limit. */
  private evict(): void {
    for (const [key, partial] of this.partials) {
      if (this.used <= this.limits.memory) return
      if (!partial.dead) this.report(partial, 'memory')
      this.forget(key, partial)
    }
  }
}
