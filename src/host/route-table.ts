import type { ResolvedRoute } from '../scenario/resolved.ts'
import { prefixMask, type NetworkInterface } from './network-interface.ts'

interface Route {
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

  /** The subnets of the interfaces themselves are routes too, whether or not the scenario lists them. */
  constructor(routes: readonly ResolvedRoute[], interfaces: readonly NetworkInterface[]) {
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

  /** @returns the best route, or undefined when there is none */
  lookup(destination: number): Route | undefined {
    for (const route of this.routes) {
      if (((destination ^ route.network) & route.mask) === 0) return route
    }
    return undefined
  }
}

function prefixLength(mask: number): number {
  return mask === 0 ? 0 : Math.clz32(~mask)
}
