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
  /** Carrier. */
  up = true

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
  }

  /** Whether an address belongs to the subnet. */
  covers(address: number): boolean {
    return ((address ^ this.address) & this.mask) === 0
  }
}
