/**
 * Neighbours on an IPv6 link: address resolution and neighbour unreachability detection, RFC 4861 section 7, with the additions of
 * RFC 9131 for routers.
 *
 * A neighbour is INCOMPLETE while its MAC address is asked for; packets for it wait. It is REACHABLE for a while after something was heard
 * that proves that packets of ours arrive: an answer to a solicitation, or an acknowledgment from a higher layer. After that it is
 * STALE: still used, but the next use begins a DELAY of 5 s, in which a higher layer may vouch for it; if none does, it is asked by
 * unicast (PROBE) and forgotten when it does not answer. So, other than ARP's, this cache notices that a neighbour is gone, and hosts
 * take another router then.
 */
import { formatIpv6, formatMac, multicastMac, solicitedNodeAddress, writeMac } from '../wire/address.ts'
import { Icmpv6Type } from '../wire/icmpv6.ts'
import type { NdpMessage, NeighborAdvertisement, NeighborSolicitation } from '../wire/ndp.ts'
import type { Environment, Timer } from '../kernel/machine.ts'
import { SECOND, type Nanos } from '../kernel/time.ts'
import type { NetworkInterface } from './network-interface.ts'

/** RFC 4861 section 10. */
const MULTICAST_SOLICITATIONS = 3
const UNICAST_SOLICITATIONS = 3
const DELAY_FIRST_PROBE: Nanos = 5 * SECOND

/** Most neighbours that are remembered: Linux's gc_thresh3. */
const NDP_CAPACITY = 1024

/** Most packets that wait for one neighbour; then the oldest goes. RFC 4861 section 7.2.2 asks for one at least. */
const NDP_QUEUE_LIMIT = 101

/** RFC 4861 section 7.3.2. */
type Reachability = 'INCOMPLETE' | 'REACHABLE' | 'STALE' | 'DELAY' | 'PROBE'

interface WaitingFrame {
  readonly frame: Uint8Array
  readonly mark: number
}

/** Somebody on the same link. */
export class Neighbour6 {
  /** 48 bits; meaningful unless INCOMPLETE. */
  mac = 0
  /** `undefined`: forgotten. */
  state: Reachability | undefined
  isRouter = false
  /** When REACHABLE becomes STALE. */
  reachableUntil: Nanos = 0
  /** Solicitations sent since the last answer. */
  solicitations = 0
  timer: Timer | undefined
  waiting: WaitingFrame[] = []

  constructor(readonly address: bigint) {}
}

/** What the cache needs of its interface. */
export interface DiscoveryLink {
  readonly card: NetworkInterface
  /** How long a neighbour is taken to be reachable. */
  readonly reachableTime: Nanos
  /** How long a solicitation waits for its answer. */
  readonly retransTimer: Nanos
  /** The address to solicit a neighbour from; undefined while there is none. */
  sourceTowards(address: bigint): bigint | undefined
  /** Sends a message to a station or a group of them. */
  sendNdp(message: NdpMessage, source: bigint, destination: bigint, mac: number): void
  /** Each packet, in its frame, that waited for a neighbour who does not answer. */
  undeliverable(frame: Uint8Array): void
  /** A neighbour does not answer any more, or is no router any more: ways over it are to be found anew. */
  neighbourLost(neighbour: Neighbour6): void
}

/** The neighbours on one interface. */
export class NeighbourDiscovery {
  private readonly neighbours = new Map<bigint, Neighbour6>()

  /** @param forwards whether this is a router */
  constructor(
    private readonly environment: Environment,
    private readonly link: DiscoveryLink,
    private readonly forwards: boolean,
  ) {}

  /** The neighbour with an address, which may be nobody. The answer stays valid until its state is undefined. */
  neighbour(address: bigint): Neighbour6 {
    let neighbour = this.neighbours.get(address)
    if (neighbour === undefined) {
      neighbour = new Neighbour6(address)
      this.remember(neighbour)
    }
    return neighbour
  }

  /** Whether a neighbour is known, and not known to be silent. RFC 4861 section 6.3.6: "reachable or probably reachable". */
  isProbablyReachable(address: bigint): boolean {
    const neighbour = this.neighbours.get(address)
    return neighbour !== undefined && neighbour.state !== 'INCOMPLETE'
  }

  private remember(neighbour: Neighbour6): void {
    if (this.neighbours.size >= NDP_CAPACITY) this.evict()
    neighbour.state = 'INCOMPLETE'
    neighbour.solicitations = 0
    this.neighbours.set(neighbour.address, neighbour)
  }

  /** Makes room: the oldest of those who never answered goes first, so that a scan of the subnet does not push out the living. */
  private evict(): void {
    let oldest: Neighbour6 | undefined
    for (const neighbour of this.neighbours.values()) {
      oldest ??= neighbour
      if (neighbour.state !== 'INCOMPLETE') continue
      oldest = neighbour
      break
    }
    if (oldest !== undefined) this.forget(oldest)
  }

  private forget(neighbour: Neighbour6): void {
    neighbour.timer?.cancel()
    neighbour.timer = undefined
    neighbour.state = undefined
    neighbour.waiting = []
    this.neighbours.delete(neighbour.address)
  }

  private enter(neighbour: Neighbour6, state: Reachability): void {
    const from = neighbour.state
    if (from === state) return
    neighbour.state = state
    this.environment.record('ndp:state-changed', '', {
      address: formatIpv6(neighbour.address),
      interface: this.link.card.name,
      from: from ?? 'none',
      to: state,
    })
  }

  // Sending.

  /** Sends a frame, whose destination address is filled in here, or lets it wait until the neighbour is resolved. */
  send(neighbour: Neighbour6, frame: Uint8Array, mark: number): void {
    const { environment } = this
    if (neighbour.state === undefined) this.remember(neighbour)
    if (neighbour.state === 'INCOMPLETE') {
      this.wait(neighbour, frame, mark)
      return
    }
    if (neighbour.state === 'REACHABLE' && environment.now >= neighbour.reachableUntil) this.enter(neighbour, 'STALE')
    if (neighbour.state === 'STALE') {
      this.enter(neighbour, 'DELAY')
      neighbour.solicitations = 0
      this.arm(neighbour, DELAY_FIRST_PROBE)
    }
    writeMac(frame, 0, neighbour.mac)
    environment.transmit(this.link.card.port, frame, mark)
  }

  private wait(neighbour: Neighbour6, frame: Uint8Array, mark: number): void {
    if (neighbour.waiting.length >= NDP_QUEUE_LIMIT) {
      neighbour.waiting.shift()
      this.environment.record('ndp:queue-overflowed', '', { address: formatIpv6(neighbour.address), limit: NDP_QUEUE_LIMIT })
    }
    neighbour.waiting.push({ frame, mark })
    if (neighbour.timer === undefined) this.solicit(neighbour)
  }

  /** Asks for a neighbour: everybody who could be it, or, when its MAC address is known, itself. */
  private solicit(neighbour: Neighbour6): void {
    const { link } = this
    const { address } = neighbour
    neighbour.solicitations++
    const source = link.sourceTowards(address)
    if (source !== undefined) {
      const message: NeighborSolicitation = {
        type: Icmpv6Type.NEIGHBOR_SOLICITATION,
        target: address,
        sourceLinkLayer: link.card.mac,
      }
      const group = solicitedNodeAddress(address)
      if (neighbour.state === 'PROBE') link.sendNdp(message, source, address, neighbour.mac)
      else link.sendNdp(message, source, group, multicastMac(group))
    }
    this.arm(neighbour, link.retransTimer)
  }

  private arm(neighbour: Neighbour6, wait: Nanos): void {
    neighbour.timer?.cancel()
    neighbour.timer = this.environment.schedule(this.environment.now + wait, () => {
      neighbour.timer = undefined
      this.timerFired(neighbour)
    })
  }

  private timerFired(neighbour: Neighbour6): void {
    if (neighbour.state === 'DELAY') {
      this.enter(neighbour, 'PROBE')
      this.solicit(neighbour)
      return
    }
    const most = neighbour.state === 'PROBE' ? UNICAST_SOLICITATIONS : MULTICAST_SOLICITATIONS
    if (neighbour.solicitations < most) {
      this.solicit(neighbour)
      return
    }
    const { environment, link } = this
    const { waiting, solicitations } = neighbour
    this.forget(neighbour)
    environment.cause = environment.record('ndp:failed', '', {
      address: formatIpv6(neighbour.address),
      interface: link.card.name,
      attempts: solicitations,
    })
    link.neighbourLost(neighbour)
    for (const { frame } of waiting) link.undeliverable(frame)
  }

  // Hearing.

  /** A higher layer has heard from the neighbour, or from somebody behind it, that packets arrive. RFC 4861 section 7.3.1. */
  confirm(neighbour: Neighbour6): void {
    if (neighbour.state === undefined || neighbour.state === 'INCOMPLETE') return
    neighbour.reachableUntil = this.environment.now + this.link.reachableTime
    if (neighbour.state === 'REACHABLE') return
    neighbour.timer?.cancel()
    neighbour.timer = undefined
    neighbour.solicitations = 0
    this.enter(neighbour, 'REACHABLE')
  }

  /**
   * A message said what its sender's MAC address is. That proves nothing about the way there, so the neighbour is STALE at best. RFC
   * 4861 sections 6.2.6, 6.3.4 and 7.2.3.
   * @param isRouter when the message tells
   */
  learn(address: bigint, mac: number, isRouter?: boolean): void {
    const neighbour = this.neighbour(address)
    if (isRouter !== undefined) neighbour.isRouter = isRouter
    if (neighbour.state === 'INCOMPLETE' || neighbour.mac !== mac) {
      this.resolved(neighbour, mac)
      neighbour.timer?.cancel()
      neighbour.timer = undefined
      this.enter(neighbour, 'STALE')
    }
    this.release(neighbour)
  }

  /** RFC 4861 section 7.2.5. */
  advertised(message: NeighborAdvertisement): void {
    const { target, targetLinkLayer, solicited, override, isRouter } = message
    let neighbour = this.neighbours.get(target)
    if (neighbour === undefined) {
      // RFC 9131 section 6.1.1: a router learns of a new host at once, so that what comes back to it need not wait.
      if (this.forwards && targetLinkLayer !== undefined) this.learn(target, targetLinkLayer, isRouter)
      return
    }
    neighbour = this.neighbour(target)
    if (neighbour.state === 'INCOMPLETE') {
      if (targetLinkLayer === undefined) return
      this.resolved(neighbour, targetLinkLayer)
      neighbour.isRouter = isRouter
      this.heard(neighbour, solicited)
      this.release(neighbour)
      return
    }
    const isOther = targetLinkLayer !== undefined && targetLinkLayer !== neighbour.mac
    if (isOther && !override) {
      // Two answer for one address: what is known stays, under doubt.
      if (neighbour.state === 'REACHABLE') this.enter(neighbour, 'STALE')
      return
    }
    if (isOther) this.resolved(neighbour, targetLinkLayer)
    if (solicited || isOther) this.heard(neighbour, solicited)
    const wasRouter = neighbour.isRouter
    neighbour.isRouter = isRouter
    if (wasRouter && !isRouter) this.link.neighbourLost(neighbour)
  }

  private resolved(neighbour: Neighbour6, mac: number): void {
    neighbour.mac = mac
    this.environment.record('ndp:resolved', '', {
      address: formatIpv6(neighbour.address),
      mac: formatMac(mac),
      interface: this.link.card.name,
    })
  }

  private heard(neighbour: Neighbour6, solicited: boolean): void {
    neighbour.timer?.cancel()
    neighbour.timer = undefined
    neighbour.solicitations = 0
    if (solicited) neighbour.reachableUntil = this.environment.now + this.link.reachableTime
    this.enter(neighbour, solicited ? 'REACHABLE' : 'STALE')
  }

  private release(neighbour: Neighbour6): void {
    const { waiting } = neighbour
    if (waiting.length === 0) return
    neighbour.waiting = []
    for (const { frame, mark } of waiting) this.send(neighbour, frame, mark)
  }
}
