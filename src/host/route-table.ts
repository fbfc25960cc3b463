import type { ResolvedRoute } from '../scenario/resolved.ts'
import { prefixMask, type NetworkInterface } from './network-interface.ts'

export interface Route {
  readonly network: number
  readonly mask: number
  readonly prefix: number
  /** Next hop's address; 0: the destination itself is on the link. */
  readonly via: number
  readonly interface: NetworkInterface
}

/** Where packets go: the longest matching prefix wins (RFC 1812 section 5.2.4.3); among equals the first in the scenario. */
export class RouteTable {
  private readonly routes: readonly Route[]

  /**
   * The subnets of the interfaces themselves are routes too, whether or not the scenario lists them.
   * @param followsCarrier whether routes over an interface without carrier count only where there is no other: so do the computers and phones
   * of people, whose network manager takes such routes away; a router leaves that to its routing protocol
   */
  constructor(
    routes: readonly ResolvedRoute[],
    interfaces: readonly NetworkInterface[],
    private readonly followsCarrier = false,
  ) {
    const table: Route[] = []
    const add = (destination: number, prefix: number, via: number, card: NetworkInterface): void => {
      const mask = prefixMask(prefix)
      table.push({ network: (destination & mask) >>> 0, mask, prefix, via, interface: card })
    }
    for (const route of routes) {
      if (route.port < 0 || route.port >= interfaces.length)
        throw new RangeError(`no interface ${String(route.port)} for a route`)
      add(route.destination, route.prefix, route.via, interfaces[route.port])
    }
    for (const card of interfaces) {
      if (card.address !== 0) add(card.address, prefixLength(card.mask), 0, card)
    }
    // Sorting is stable, so equals keep the order of the scenario.
    this.routes = table.sort((a, b) => b.prefix - a.prefix)
  }

  /**
   * @param source out of the interface with this address only; absent: out of any
   * @returns the best route, or undefined when there is none
   */
  lookup(destination: number, source?: number): Route | undefined {
    let dead: Route | undefined
    for (const route of this.routes) {
      if (((destination ^ route.network) & route.mask) !== 0) continue
      if (source !== undefined && route.interface.address !== source) continue
      if (route.interface.up || !this.followsCarrier) return route
      dead ??= route
    }
    return dead
  }
}

function prefixLength(mask: number): number {
  return mask === 0 ? 0 : Math.clz32(~mask)
}
