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

  /** @param followsCarrier as `RouteTable` has it */
  constructor(
    routes: readonly ResolvedRoute<bigint>[],
    private readonly links: readonly (Ipv6Interface | undefined)[],
    private readonly followsCarrier: boolean,
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

  /**
   * @param from out of this interface only; absent: out of any
   * @returns the best next hop, or undefined when there is none
   */
  lookup(destination: bigint, from?: Ipv6Interface): NextHop | undefined {
    const live = this.followsCarrier ? this.lookupBy(destination, (link) => isFrom(link, from) && link.card.up) : undefined
    return live ?? this.lookupBy(destination, (link) => isFrom(link, from))
  }

  private lookupBy(destination: bigint, counts: (link: Ipv6Interface) => boolean): NextHop | undefined {
    const route = this.routes.find(
      ({ network, prefix, link }) => (destination ^ network) >> BigInt(128 - prefix) === 0n && counts(link),
    )
    let best: NextHop | undefined = route
    let longest = route?.prefix ?? -1
    for (const link of this.links) {
      if (link === undefined || !counts(link)) continue
      const prefix = link.discovery?.onLinkPrefix(destination) ?? -1
      if (prefix > longest) {
        best = { link, via: 0n }
        longest = prefix
      }
    }
    return best ?? this.defaultRouter(counts)
  }

  private defaultRouter(counts: (link: Ipv6Interface) => boolean): NextHop | undefined {
    for (const link of this.links) {
      if (link === undefined || !counts(link)) continue
      const via = link.discovery?.defaultRouter()
      if (via !== undefined) return { link, via }
    }
    return undefined
  }
}

function isFrom(link: Ipv6Interface, from: Ipv6Interface | undefined): boolean {
  return from === undefined || link === from
}
