import type { ResolvedRoute } from '../scenario/resolved.ts'
import type { Ipv6Interface } from './ipv6-interface.ts'

/** The way to the next hop. */
export interface NextHop {
  readonly link: Ipv6Interface
  /** 0n: the destination itself is on the link. */
  readonly via: bigint
}

interface Route extends NextHop {
  readonly network: bigint
  readonly prefix: number
}

/**
 * Where IPv6 packets go: by the longest prefix among the routes of the scenario, the networks that routers have said to be on the link,
 * and the default routers. RFC 4861 section 5.2, RFC 7608. Of equals the scenario's come first.
 */
export class Ipv6RouteTable {
  private readonly routes: readonly Route[]

  constructor(
    routes: readonly ResolvedRoute<bigint>[],
    private readonly links: readonly (Ipv6Interface | undefined)[],
  ) {
    // Sorting is stable, so equals keep the order of the scenario.
    this.routes = routes
      .map(({ destination, prefix, via, port }): Route => {
        const link = links[port]
        if (link === undefined) throw new RangeError(`no interface ${String(port)} for a route`)
        return { network: destination, prefix, via, link }
      })
      .sort((a, b) => b.prefix - a.prefix)
  }

  /** @returns the best next hop, or undefined when there is none */
  lookup(destination: bigint): NextHop | undefined {
    const route = this.routes.find(({ network, prefix }) => (destination ^ network) >> BigInt(128 - prefix) === 0n)
    let best: NextHop | undefined = route
    let longest = route?.prefix ?? -1
    for (const link of this.links) {
      const prefix = link?.discovery?.onLinkPrefix(destination) ?? -1
      if (link !== undefined && prefix > longest) {
        best = { link, via: 0n }
        longest = prefix
      }
    }
    return best ?? this.defaultRouter()
  }

  private defaultRouter(): NextHop | undefined {
    for (const link of this.links) {
      const via = link?.discovery?.defaultRouter()
      if (link !== undefined && via !== undefined) return { link, via }
    }
    return undefined
  }
}
