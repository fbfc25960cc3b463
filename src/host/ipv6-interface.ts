/**
 * An interface as IPv6 has it: its addresses, its neighbours, and what routers on the link have said. RFC 4861, RFC 4862.
 *
 * Deviates from RFC 4861 section 8: redirects are neither sent nor believed. Deviates from RFC 4862 section 5.4.2: groups are joined
 * without a report (RFC 3810), for no switch or router here wants one.
 */
import {
  ALL_NODES_IPV6,
  ALL_ROUTERS_IPV6,
  formatIpv6,
  isLinkLocalIpv6,
  isMulticastIpv6,
  linkLocalAddress,
  multicastMac,
  solicitedNodeAddress,
} from '../wire/address.ts'
import { Icmpv6Type } from '../wire/icmpv6.ts'
import { NDP_HOP_LIMIT, type NdpMessage, type NeighborSolicitation } from '../wire/ndp.ts'
import type { Environment } from '../kernel/machine.ts'
import { SECOND, type Nanos } from '../kernel/time.ts'
import type { ResolvedInterface } from '../scenario/resolved.ts'
import { NeighbourDiscovery, type DiscoveryLink, type Neighbour6 } from './neighbour-discovery.ts'
import type { NetworkInterface } from './network-interface.ts'
import { DEFAULT_TTL } from './network-layer.ts'
import { MAX_START_DELAY, OwnAddresses, type AddressOwner, type OwnAddress } from './own-addresses.ts'
import { RouterAdvertiser, type AdvertisedLink } from './router-advertiser.ts'
import { RouterDiscovery, type LearningLink } from './router-discovery.ts'

/** RFC 4861 section 10. */
const REACHABLE_TIME: Nanos = 30 * SECOND
const RETRANS_TIMER: Nanos = SECOND
const LEAST_RANDOM_FACTOR = 0.5
const MOST_RANDOM_FACTOR = 1.5

const LINK_LOCAL_PREFIX = 64

/** How an interface gets its addresses. */
export interface Ipv6InterfaceOptions {
  /** undefined: link-local only, until a router advertises. */
  readonly address: bigint | undefined
  readonly prefix: number
  /** Whether it listens to routers. */
  readonly automatic: boolean
  /** Whether addresses are checked before use (RFC 4862 section 5.4). */
  readonly detection: boolean
  /** Whether it is a router's. */
  readonly forwards: boolean
  readonly advertises: boolean
}

/** By the scenario. */
export function ipv6Options(
  resolved: ResolvedInterface,
  host: { readonly kind: string; readonly advertises?: boolean; readonly duplicateAddressDetection?: boolean },
): Ipv6InterfaceOptions {
  const automatic = resolved.automatic6 === true
  return {
    address: automatic ? undefined : resolved.address6,
    prefix: resolved.prefix6 ?? 0,
    automatic,
    detection: host.duplicateAddressDetection ?? automatic,
    forwards: host.kind === 'router',
    advertises: host.advertises === true,
  }
}

/** What an interface needs of the layer that it belongs to. */
export interface InterfaceOwner {
  /** Sends a message of neighbour discovery; the MAC address of `destination` is asked for when `mac` is undefined. */
  transmitNdp(
    link: Ipv6Interface,
    message: NdpMessage,
    source: bigint,
    destination: bigint,
    hopLimit: number,
    mac: number | undefined,
  ): void
  undeliverable(frame: Uint8Array): void
  /** Ways are to be found anew. */
  routesChanged(): void
}

/** What is known of a message of neighbour discovery besides its own bytes. */
export interface NdpOrigin {
  readonly source: bigint
  readonly destination: bigint
  readonly hopLimit: number
}

export class Ipv6Interface implements DiscoveryLink, AddressOwner, LearningLink, AdvertisedLink {
  readonly addresses: OwnAddresses
  readonly neighbours: NeighbourDiscovery
  /** Largest packet in bytes: of the link, or less when a router says so. */
  mtu: number
  /** Hop limit of what this host sends. */
  hopLimit = DEFAULT_TTL
  retransTimer: Nanos = RETRANS_TIMER
  reachableTime: Nanos
  readonly discovery: RouterDiscovery | undefined
  private readonly advertiser: RouterAdvertiser | undefined
  /** Groups that this interface is in, besides those of its addresses. */
  private readonly groups = new Set<bigint>()
  private isDisabled = false

  constructor(
    private readonly environment: Environment,
    readonly card: NetworkInterface,
    private readonly owner: InterfaceOwner,
    private readonly options: Ipv6InterfaceOptions,
  ) {
    this.mtu = card.mtu
    this.reachableTime = this.randomized(REACHABLE_TIME)
    this.addresses = new OwnAddresses(environment, this)
    this.neighbours = new NeighbourDiscovery(environment, this, options.forwards)
    this.discovery = options.automatic ? new RouterDiscovery(environment, this) : undefined
    this.advertiser = options.advertises ? new RouterAdvertiser(environment, this) : undefined
    this.join(ALL_NODES_IPV6)
    if (options.forwards) this.join(ALL_ROUTERS_IPV6)
  }

  /** Brings the addresses up. Called once, when the machine starts. */
  start(): void {
    const { card, options, addresses, environment } = this
    const linkLocal = linkLocalAddress(card.mac)
    if (options.detection) {
      const delay = environment.random('ndp-delay').below(MAX_START_DELAY)
      addresses.assignAfterDetection(linkLocal, LINK_LOCAL_PREFIX, delay)
      if (options.address !== undefined) addresses.assignAfterDetection(options.address, options.prefix, delay)
    } else {
      addresses.assign(linkLocal, LINK_LOCAL_PREFIX)
      if (options.address !== undefined) addresses.assign(options.address, options.prefix)
    }
    this.advertiser?.begin()
  }

  private join(group: bigint): void {
    this.groups.add(group)
    this.card.join(multicastMac(group))
  }

  /** Whether packets for a group are for this interface. */
  isMember(group: bigint): boolean {
    return this.groups.has(group) || this.addresses.list.some(({ address }) => solicitedNodeAddress(address) === group)
  }

  // Settings that a router may change.

  setReachableTime(base: Nanos): void {
    this.reachableTime = this.randomized(base)
  }

  /** RFC 4861 section 6.3.2: spread, so that hosts do not all ask at once. */
  private randomized(base: Nanos): Nanos {
    const draw = this.environment.random('ndp-reachable-time').next()
    return Math.floor(base * (LEAST_RANDOM_FACTOR + draw * (MOST_RANDOM_FACTOR - LEAST_RANDOM_FACTOR)))
  }

  // For addresses.

  solicitTentative(address: bigint): void {
    const group = solicitedNodeAddress(address)
    this.sendNdp({ type: Icmpv6Type.NEIGHBOR_SOLICITATION, target: address }, 0n, group, multicastMac(group))
  }

  addressAssigned(own: OwnAddress): void {
    if (isLinkLocalIpv6(own.address)) {
      this.discovery?.begin()
      return
    }
    // RFC 9131 section 6.1.2: so that routers know where to send the answers before the first one comes.
    if (this.options.detection && !this.options.forwards) {
      this.sendNdp(
        {
          type: Icmpv6Type.NEIGHBOR_ADVERTISEMENT,
          isRouter: false,
          solicited: false,
          override: false,
          target: own.address,
          targetLinkLayer: this.card.mac,
        },
        own.address,
        ALL_ROUTERS_IPV6,
        multicastMac(ALL_ROUTERS_IPV6),
      )
    }
  }

  addressesChanged(): void {
    this.owner.routesChanged()
  }

  // For discovery.

  routesChanged(): void {
    this.owner.routesChanged()
  }

  sourceTowards(address: bigint): bigint | undefined {
    return this.addresses.sourceTowards(address)
  }

  sendNdp(message: NdpMessage, source: bigint, destination: bigint, mac?: number): void {
    if (!this.isDisabled) this.owner.transmitNdp(this, message, source, destination, NDP_HOP_LIMIT, mac)
  }

  undeliverable(frame: Uint8Array): void {
    this.owner.undeliverable(frame)
  }

  neighbourLost({ address }: Neighbour6): void {
    this.discovery?.routerLost(address)
    this.owner.routesChanged()
  }

  learnRouter(address: bigint, mac: number): void {
    this.neighbours.learn(address, mac, true)
  }

  isProbablyReachable(address: bigint): boolean {
    return this.neighbours.isProbablyReachable(address)
  }

  prefixes(): { prefix: bigint; length: number }[] {
    const { address, prefix } = this.options
    if (address === undefined) return []
    const rest = BigInt(128 - prefix)
    return [{ prefix: (address >> rest) << rest, length: prefix }]
  }

  // Hearing.

  /**
   * Takes a message whose bytes are valid.
   * @returns why it is not believed; undefined when it is
   */
  receive(message: NdpMessage, origin: NdpOrigin): string | undefined {
    // RFC 4861 sections 6.1 and 7.1: whoever is beyond a router cannot send such a packet.
    if (origin.hopLimit !== NDP_HOP_LIMIT) return `a hop limit of ${String(origin.hopLimit)}: it has come through a router`
    switch (message.type) {
      case Icmpv6Type.NEIGHBOR_SOLICITATION:
        return this.receiveSolicitation(message, origin)
      case Icmpv6Type.NEIGHBOR_ADVERTISEMENT: {
        if (message.solicited && isMulticastIpv6(origin.destination)) return 'an answer to nobody in particular'
        const own = this.addresses.find(message.target)
        if (own === undefined) this.neighbours.advertised(message)
        else this.conflict(own)
        return undefined
      }
      case Icmpv6Type.ROUTER_SOLICITATION:
        if (origin.source === 0n && message.sourceLinkLayer !== undefined) return 'a MAC address of nobody'
        if (!this.options.forwards) return undefined
        if (message.sourceLinkLayer !== undefined) this.neighbours.learn(origin.source, message.sourceLinkLayer, false)
        this.advertiser?.solicited(origin.source)
        return undefined
      case Icmpv6Type.ROUTER_ADVERTISEMENT:
        if (!isLinkLocalIpv6(origin.source)) return 'a router that does not speak from a link-local address'
        this.discovery?.advertised(origin.source, message)
        return undefined
      default:
        return undefined
    }
  }

  /** RFC 4861 section 7.2.3, RFC 4862 section 5.4.3. */
  private receiveSolicitation(message: NeighborSolicitation, { source, destination }: NdpOrigin): string | undefined {
    const { target, sourceLinkLayer } = message
    const isDetection = source === 0n
    if (isDetection && sourceLinkLayer !== undefined) return 'a MAC address of nobody'
    if (isDetection && destination !== solicitedNodeAddress(target)) return 'a check of an address that asks one host'
    const own = this.addresses.find(target)
    if (own === undefined) return undefined
    if (own.state === 'tentative') {
      // Who has an address asks from it; who asks from none wants it, too.
      if (isDetection) this.conflict(own)
      return undefined
    }
    if (sourceLinkLayer !== undefined) this.neighbours.learn(source, sourceLinkLayer)
    const answer = {
      type: Icmpv6Type.NEIGHBOR_ADVERTISEMENT,
      isRouter: this.options.forwards,
      solicited: !isDetection,
      override: true,
      target,
      targetLinkLayer: this.card.mac,
    } as const
    if (isDetection) this.sendNdp(answer, target, ALL_NODES_IPV6, multicastMac(ALL_NODES_IPV6))
    else this.sendNdp(answer, target, source, sourceLinkLayer)
    return undefined
  }

  private conflict(own: OwnAddress): void {
    if (own.state !== 'tentative') {
      this.environment.record('ndp:conflict-detected', '', { address: formatIpv6(own.address), interface: this.card.name })
      return
    }
    this.addresses.duplicated(own)
    // RFC 4862 section 5.4.5: made of the MAC address, so that is not unique either.
    if (isLinkLocalIpv6(own.address)) this.isDisabled = true
  }
}
