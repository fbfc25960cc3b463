/**
 * A router speaks of itself: RFC 4861 section 6.2. A few advertisements soon after the start, then one every 200 to 600 s, and one for
 * each host that asks.
 */
import { ALL_NODES_IPV6, multicastMac } from '../wire/address.ts'
import { Icmpv6Type } from '../wire/icmpv6.ts'
import type { NdpMessage, PrefixInformation, RouterAdvertisement } from '../wire/ndp.ts'
import type { Environment } from '../kernel/machine.ts'
import { MILLISECOND, SECOND, type Nanos } from '../kernel/time.ts'
import type { NetworkInterface } from './network-interface.ts'
import type { OwnAddresses } from './own-addresses.ts'

/** RFC 4861 sections 6.2.1 and 10. */
const MAX_INTERVAL: Nanos = 600 * SECOND
const MIN_INTERVAL: Nanos = 200 * SECOND
const INITIAL_ADVERTISEMENTS = 3
const INITIAL_INTERVAL: Nanos = 16 * SECOND
const RESPONSE_DELAY: Nanos = 500 * MILLISECOND
const ROUTER_LIFETIME = (3 * MAX_INTERVAL) / SECOND
const VALID_LIFETIME = 2_592_000
const PREFERRED_LIFETIME = 604_800
const HOP_LIMIT = 64

/** Answers that may wait at a time; who asks more finds the next regular advertisement. */
const RESPONSE_LIMIT = 64

/** What an advertiser needs of its interface. */
export interface AdvertisedLink {
  readonly card: NetworkInterface
  readonly addresses: OwnAddresses
  /** The prefixes of the link, by the router's own addresses. */
  prefixes(): readonly { readonly prefix: bigint; readonly length: number }[]
  /** Sends a message, to a station whose MAC address is asked for when `mac` is undefined. */
  sendNdp(message: NdpMessage, source: bigint, destination: bigint, mac?: number): void
}

export class RouterAdvertiser {
  private sent = 0
  private readonly waiting = new Set<bigint>()

  constructor(
    private readonly environment: Environment,
    private readonly link: AdvertisedLink,
  ) {}

  begin(): void {
    this.later(this.draw(RESPONSE_DELAY))
  }

  private draw(most: Nanos): Nanos {
    return Math.floor(this.environment.random('router-advertisement').next() * most)
  }

  private later(wait: Nanos): void {
    this.environment.schedule(this.environment.now + wait, () => {
      this.send(ALL_NODES_IPV6, multicastMac(ALL_NODES_IPV6))
      this.sent++
      const usual = MIN_INTERVAL + this.draw(MAX_INTERVAL - MIN_INTERVAL)
      this.later(this.sent < INITIAL_ADVERTISEMENTS ? Math.min(usual, INITIAL_INTERVAL) : usual)
    })
  }

  /**
   * Answers a valid solicitation: to its sender alone, which RFC 4861 section 6.2.6 allows, so that everybody gets an answer at once.
   * @param source 0n: nobody's, so that all are told
   */
  solicited(source: bigint): void {
    if (this.waiting.has(source) || this.waiting.size >= RESPONSE_LIMIT) return
    this.waiting.add(source)
    this.environment.schedule(this.environment.now + this.draw(RESPONSE_DELAY), () => {
      this.waiting.delete(source)
      if (source === 0n) this.send(ALL_NODES_IPV6, multicastMac(ALL_NODES_IPV6))
      else this.send(source, undefined)
    })
  }

  private send(destination: bigint, mac: number | undefined): void {
    const { link } = this
    const source = link.addresses.linkLocal?.address
    if (source === undefined) return
    const prefixes = link.prefixes().map(({ prefix, length }): PrefixInformation => ({
      prefix,
      length,
      onLink: true,
      autonomous: true,
      validLifetime: VALID_LIFETIME,
      preferredLifetime: PREFERRED_LIFETIME,
    }))
    const message: RouterAdvertisement = {
      type: Icmpv6Type.ROUTER_ADVERTISEMENT,
      hopLimit: HOP_LIMIT,
      managed: false,
      otherConfiguration: false,
      routerLifetime: ROUTER_LIFETIME,
      reachableTime: 0,
      retransTimer: 0,
      sourceLinkLayer: link.card.mac,
      mtu: link.card.mtu,
      prefixes,
    }
    link.sendNdp(message, source, destination, mac)
  }
}
