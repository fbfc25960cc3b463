/**
 * What a host learns from routers: default routers, prefixes on the link, an address of each (stateless address autoconfiguration), MTU,
 * hop limit, timers. RFC 4861 section 6.3, RFC 4862 section 5.5.
 *
 * Deviates from RFC 8064: interface identifiers are made of the MAC address (RFC 2464 section 4), not of a hash (RFC 7217). Both are
 * stable; these can be read.
 */
import { ALL_ROUTERS_IPV6, formatIpv6, interfaceIdentifier, isLinkLocalIpv6, multicastMac } from '../wire/address.ts'
import { Icmpv6Type } from '../wire/icmpv6.ts'
import { IPV6_MIN_MTU } from '../wire/ipv6.ts'
import { INFINITE_LIFETIME, type NdpMessage, type PrefixInformation, type RouterAdvertisement } from '../wire/ndp.ts'
import type { Environment, Timer } from '../kernel/machine.ts'
import { MILLISECOND, NEVER, SECOND, type Nanos } from '../kernel/time.ts'
import type { NetworkInterface } from './network-interface.ts'
import { MAX_START_DELAY, type OwnAddresses } from './own-addresses.ts'

/** RFC 4861 section 10. */
const SOLICITATIONS = 3
const SOLICITATION_INTERVAL: Nanos = 4 * SECOND

/** RFC 4862 section 5.5.3: a valid lifetime is not cut below this by whoever can send a message. */
const LEAST_REMAINING: Nanos = 7200 * SECOND

/** What interface identifiers take of an address. */
const IDENTIFIER_BITS = 64

/** Most of either that are remembered, for a message costs nothing. */
const ROUTER_LIMIT = 16
const PREFIX_LIMIT = 32

interface DefaultRouter {
  readonly address: bigint
  until: Nanos
}

interface LinkPrefix {
  readonly prefix: bigint
  readonly length: number
  until: Nanos
}

/** What discovery needs of its interface, and changes of it. */
export interface LearningLink {
  readonly card: NetworkInterface
  readonly addresses: OwnAddresses
  /** Settings of the link: see `Ipv6Interface`. */
  mtu: number
  hopLimit: number
  retransTimer: Nanos
  setReachableTime(base: Nanos): void
  sendNdp(message: NdpMessage, source: bigint, destination: bigint, mac: number): void
  learnRouter(address: bigint, mac: number): void
  /** Whether a router answers, as far as is known. */
  isProbablyReachable(address: bigint): boolean
  /** Routers or prefixes have changed: ways are to be found anew. */
  routesChanged(): void
}

/** Lifetimes are in seconds on the wire. */
function endOf(now: Nanos, lifetime: number): Nanos {
  return lifetime === INFINITE_LIFETIME ? NEVER : now + lifetime * SECOND
}

export class RouterDiscovery {
  private readonly routers: DefaultRouter[] = []
  private readonly prefixes: LinkPrefix[] = []
  private solicitations = 0
  private solicitationTimer: Timer | undefined
  private expiryTimer: Timer | undefined
  private expiresAt: Nanos = NEVER

  constructor(
    private readonly environment: Environment,
    private readonly link: LearningLink,
  ) {}

  // Asking.

  /** Begins to ask for routers, now that there is an address to ask from; that took long enough (RFC 4861 section 6.3.7). */
  begin(): void {
    if (this.solicitations === 0 && this.routers.length === 0) this.solicit()
  }

  private solicit(): void {
    const { environment, link } = this
    this.solicitationTimer = undefined
    if (this.solicitations >= SOLICITATIONS) return
    const source = link.addresses.linkLocal?.address
    if (source === undefined) return
    this.solicitations++
    link.sendNdp(
      { type: Icmpv6Type.ROUTER_SOLICITATION, sourceLinkLayer: link.card.mac },
      source,
      ALL_ROUTERS_IPV6,
      multicastMac(ALL_ROUTERS_IPV6),
    )
    this.solicitationTimer = environment.schedule(environment.now + SOLICITATION_INTERVAL, () => {
      this.solicit()
    })
  }

  // Where to.

  /** Whether an address is on the link, by the longest prefix that says so; -1 when none does. */
  onLinkPrefix(address: bigint): number {
    let longest = -1
    for (const { prefix, length } of this.prefixes) {
      if (length > longest && (address ^ prefix) >> BigInt(128 - length) === 0n) longest = length
    }
    return longest
  }

  /**
   * The router for what is not near: one that answers, when there is one; or else the next in turn, so that each gets asked. RFC 4861
   * section 6.3.6.
   */
  defaultRouter(): bigint | undefined {
    const { routers, link } = this
    const good = routers.find(({ address }) => link.isProbablyReachable(address))
    return (good ?? routers[0])?.address
  }

  /** A router does not answer: others come first from now on. */
  routerLost(address: bigint): void {
    const at = this.routers.findIndex((router) => router.address === address)
    if (at < 0) return
    this.routers.push(...this.routers.splice(at, 1))
  }

  // Hearing.

  /** @param source where a valid advertisement came from: a link-local address */
  advertised(source: bigint, message: RouterAdvertisement): void {
    const { link, environment } = this
    const { sourceLinkLayer, mtu, routerLifetime } = message
    if (message.hopLimit > 0) link.hopLimit = message.hopLimit
    if (message.reachableTime > 0) link.setReachableTime(message.reachableTime * MILLISECOND)
    if (message.retransTimer > 0) link.retransTimer = message.retransTimer * MILLISECOND
    if (mtu !== undefined && mtu >= IPV6_MIN_MTU && mtu <= link.card.mtu) link.mtu = mtu
    if (sourceLinkLayer !== undefined) link.learnRouter(source, sourceLinkLayer)
    environment.record('ndp:router-advertised', '', {
      router: formatIpv6(source),
      interface: link.card.name,
      lifetime: routerLifetime,
      prefixes: (message.prefixes ?? []).map(({ prefix, length }) => `${formatIpv6(prefix)}/${String(length)}`),
    })
    this.updateRouter(source, routerLifetime)
    for (const information of message.prefixes ?? []) this.takePrefix(information)
    if (routerLifetime > 0) {
      this.solicitationTimer?.cancel()
      this.solicitationTimer = undefined
      this.solicitations = SOLICITATIONS
    }
    link.routesChanged()
    this.expire()
  }

  private updateRouter(address: bigint, lifetime: number): void {
    const at = this.routers.findIndex((router) => router.address === address)
    const until = endOf(this.environment.now, lifetime)
    if (lifetime === 0) {
      if (at >= 0) this.routers.splice(at, 1)
    } else if (at >= 0) {
      this.routers[at].until = until
    } else if (this.routers.length < ROUTER_LIMIT) {
      this.routers.push({ address, until })
    }
  }

  private takePrefix(information: PrefixInformation): void {
    const { prefix, length, onLink, autonomous, validLifetime, preferredLifetime } = information
    if (isLinkLocalIpv6(prefix)) return
    if (onLink) this.updatePrefix(prefix, length, validLifetime)
    // RFC 4862 section 5.5.3 (c) and (d).
    if (autonomous && preferredLifetime <= validLifetime && length + IDENTIFIER_BITS === 128) {
      this.configure(prefix, length, validLifetime, preferredLifetime)
    }
  }

  private updatePrefix(prefix: bigint, length: number, lifetime: number): void {
    const at = this.prefixes.findIndex((known) => known.prefix === prefix && known.length === length)
    const until = endOf(this.environment.now, lifetime)
    if (lifetime === 0) {
      if (at >= 0) this.prefixes.splice(at, 1)
    } else if (at >= 0) {
      this.prefixes[at].until = until
    } else if (this.prefixes.length < PREFIX_LIMIT) {
      this.prefixes.push({ prefix, length, until })
    }
  }

  /** RFC 4862 section 5.5.3 (d) and (e). */
  private configure(prefix: bigint, length: number, validLifetime: number, preferredLifetime: number): void {
    const { environment, link } = this
    const { now } = environment
    const address = prefix | interfaceIdentifier(link.card.mac)
    const known = link.addresses.find(address)
    if (known === undefined) {
      if (validLifetime === 0 || link.addresses.list.length >= PREFIX_LIMIT) return
      // Everybody on the link has heard the same message, so each waits for a time of its own (RFC 4862 section 5.4.2).
      const delay = environment.random('ndp-delay').below(MAX_START_DELAY)
      const own = link.addresses.assignAfterDetection(address, length, delay)
      own.validUntil = endOf(now, validLifetime)
      own.preferredUntil = endOf(now, preferredLifetime)
      return
    }
    known.preferredUntil = endOf(now, preferredLifetime)
    const until = endOf(now, validLifetime)
    if (until > known.validUntil || until - now > LEAST_REMAINING) known.validUntil = until
    else if (known.validUntil - now > LEAST_REMAINING) known.validUntil = now + LEAST_REMAINING
  }

  /** Lets go of what has lived its time, and comes back for the next. */
  private expire(): void {
    const { environment, link, routers, prefixes } = this
    const { now } = environment
    let changed = false
    for (const list of [routers, prefixes]) {
      for (let at = list.length - 1; at >= 0; at--) {
        if (list[at].until > now) continue
        list.splice(at, 1)
        changed = true
      }
    }
    let next = link.addresses.expire()
    for (const { until } of [...routers, ...prefixes]) next = Math.min(next, until)
    if (changed) link.routesChanged()
    if (next === this.expiresAt) return
    this.expiryTimer?.cancel()
    this.expiryTimer = undefined
    this.expiresAt = next
    if (next === NEVER) return
    this.expiryTimer = environment.schedule(next, () => {
      this.expiresAt = NEVER
      this.expire()
    })
  }
}
