import type { ResolvedInterface } from '../scenario/resolved.ts'

/** A prefix of 0 to 32 bits as a mask, a number in [0, 2^32). */
export function prefixMask(prefix: number): number {
  return prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0
}

/** A card of a host: a port of the kernel with its addresses. */
export class NetworkInterface {
  readonly name: string
  /** 48 bits. */
  readonly mac: number
  /** In [0, 2^32). */
  readonly address: number
  readonly mask: number
  /** Everybody in the subnet; -1 where there is no such address (prefixes 31 and 32, RFC 3021 section 2.1). */
  readonly broadcast: number
  /** Largest IP packet in bytes. */
  readonly mtu: number
  /** Neighbours whose hardware addresses were entered by hand. */
  readonly staticArp: readonly { readonly address: number; readonly mac: number }[]
  /** Carrier. */
  up = true
  /** Further addresses that ARP answers for, and with which MAC address; undefined: none. */
  private further: Map<number, number> | undefined
  /** Groups that the card listens to, by their MAC addresses: how many want each. */
  private groups: Map<number, number> | undefined = undefined

  /** @param port the kernel's number of the port */
  constructor(
    readonly port: number,
    resolved: ResolvedInterface,
  ) {
    this.name = resolved.name
    this.mac = resolved.mac
    this.address = resolved.address
    this.mask = prefixMask(resolved.prefix)
    this.broadcast = resolved.prefix > 30 ? -1 : (resolved.address | ~this.mask) >>> 0
    this.mtu = resolved.mtu
    this.staticArp = resolved.staticArp ?? []
  }

  /** Listens to a group of stations; undone by as many `leave`. */
  join(group: number): void {
    this.groups ??= new Map()
    this.groups.set(group, (this.groups.get(group) ?? 0) + 1)
  }

  leave(group: number): void {
    const left = (this.groups?.get(group) ?? 0) - 1
    if (left > 0) this.groups?.set(group, left)
    else this.groups?.delete(group)
  }

  /** Whether the card takes frames for a group. */
  hears(group: number): boolean {
    return this.groups?.has(group) === true
  }

  /** Answers ARP for a further address with a MAC address, whose frames it takes in, too. */
  addAddress(address: number, mac: number): void {
    this.further ??= new Map()
    this.further.set(address, mac)
  }

  removeAddress(address: number): void {
    if (this.further?.delete(address) === true && this.further.size === 0) this.further = undefined
  }

  /** What ARP says of an address: our MAC address for it; undefined: it is not ours. */
  macOf(address: number): number | undefined {
    return this.further?.get(address) ?? (address === this.address ? this.mac : undefined)
  }

  /** Whether frames for a MAC address that is not the card's own are for this station all the same. */
  answersTo(mac: number): boolean {
    if (this.further !== undefined) for (const own of this.further.values()) if (own === mac) return true
    return false
  }

  /** Whether an address belongs to the subnet. */
  covers(address: number): boolean {
    return ((address ^ this.address) & this.mask) === 0
  }
}
