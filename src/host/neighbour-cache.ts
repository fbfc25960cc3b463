/**
 * Address resolution: RFC 826, with the cache's duties from RFC 1122 section 2.3.2 and the behaviour of Linux where these leave
 * room.
 *
 * A neighbour is *unresolved* while its MAC address is asked for, *resolved* while it is known. A packet for an unresolved
 * neighbour waits with it. A resolved neighbour that has not been heard of for a while is still used, but the next use also asks
 * it by unicast whether it is there (RFC 1122 section 2.3.2.1, "unicast poll"); without an answer it is forgotten.
 *
 * Whoever talks to us is believed, for RFC 826 knows no proof: so anybody on the link can claim anybody's address. A neighbour entered
 * by hand is neither asked nor corrected.
 */
import { ARP_LENGTH, ArpOperation, ArpPacket, decodeArp, encodeArp } from '../wire/arp.ts'
import { BROADCAST_MAC, formatIpv4, formatMac, writeMac } from '../wire/address.ts'
import { encodeEthernet, ETHERNET_HEADER_LENGTH, EthernetHeader, EtherType } from '../wire/ethernet.ts'
import type { Environment, Timer } from '../kernel/machine.ts'
import { NEVER, SECOND, type Nanos } from '../kernel/time.ts'
import type { NetworkInterface } from './network-interface.ts'
import { SparseMap } from './sparse-map.ts'

/** How often a neighbour is asked before it is given up, and how long each question waits. */
const ARP_ATTEMPTS = 3
const ARP_INTERVAL: Nanos = SECOND

/** A resolved neighbour unheard of for so long is asked again when it is used: Linux's base_reachable_time. */
const ARP_REFRESH: Nanos = 30 * SECOND

/** Most neighbours that are remembered. Linux's gc_thresh3 is 1024 until an administrator of a large network raises it, as here. */
export const ARP_CAPACITY = 32_768

/** Most packets that wait for one neighbour; then the oldest goes. Linux waits with about as many full-sized ones. */
export const ARP_QUEUE_LIMIT = 101

interface WaitingFrame {
  readonly frame: Uint8Array
  readonly mark: number
}

/** Somebody on the same link. */
export class Neighbour {
  /** 48 bits; meaningful when resolved. */
  mac = 0
  state: 'unresolved' | 'resolved' | 'forgotten' = 'forgotten'
  /** When a use asks anew; `NEVER` while a question is out. */
  refreshAt: Nanos = NEVER
  /** Questions asked since the last answer. */
  attempts = 0
  timer: Timer | undefined = undefined
  /** undefined: none. */
  waiting: WaitingFrame[] | undefined = undefined
  /** Entered by hand. */
  isStatic = false

  /** @param address IPv4 address in [0, 2^32) */
  constructor(readonly address: number) {}
}

/** A station's own address: neither a group's nor nobody's. */
function isStation(mac: number): boolean {
  return mac !== 0 && (Math.floor(mac / 0x100_0000_0000) & 1) === 0
}

// What is at hand, of whatever interface: one packet is dealt with before the next.
const packet = new ArpPacket()
const ethernet = new EthernetHeader()

/** Whom neighbours are for. */
interface NeighbourOwner {
  /** A packet, in its frame, has waited for a neighbour who does not answer. */
  undeliverable(frame: Uint8Array): void
}

/** The neighbours on one interface. */
export class NeighbourCache {
  private readonly neighbours = new SparseMap<number, Neighbour>()
  /** Those who have not answered yet, the oldest first; undefined: nobody. */
  private silent: Set<Neighbour> | undefined = undefined

  constructor(
    private readonly environment: Environment,
    private readonly card: NetworkInterface,
    private readonly owner: NeighbourOwner,
  ) {
    for (const { address, mac } of card.staticArp) {
      const neighbour = new Neighbour(address)
      neighbour.isStatic = true
      neighbour.state = 'resolved'
      neighbour.mac = mac
      this.neighbours.set(address | 0, neighbour)
    }
  }

  /** The neighbour with an address, which may be nobody. The answer stays valid until its state is `forgotten`. */
  neighbour(address: number): Neighbour {
    let neighbour = this.neighbours.get(address | 0)
    if (neighbour === undefined) {
      neighbour = new Neighbour(address)
      this.remember(neighbour)
    }
    return neighbour
  }

  private remember(neighbour: Neighbour): void {
    if (this.neighbours.size >= ARP_CAPACITY) this.evict()
    neighbour.state = 'unresolved'
    this.silent ??= new Set<Neighbour>()
    this.silent.add(neighbour)
    this.neighbours.set(neighbour.address | 0, neighbour)
  }

  /** Makes room: the oldest of those who never answered goes first, so that a scan of the subnet does not push out the living. */
  private evict(): void {
    for (const neighbour of this.silent ?? this.neighbours.values()) {
      if (neighbour.isStatic) continue
      this.forget(neighbour)
      return
    }
  }

  private isSilentNoMore(neighbour: Neighbour): void {
    this.silent?.delete(neighbour)
    if (this.silent?.size === 0) this.silent = undefined
  }

  private forget(neighbour: Neighbour): void {
    neighbour.timer?.cancel()
    neighbour.timer = undefined
    neighbour.state = 'forgotten'
    this.isSilentNoMore(neighbour)
    neighbour.waiting = undefined
    this.neighbours.delete(neighbour.address | 0)
  }

  /** Sends a frame, whose destination address is filled in here, or lets it wait until the neighbour is resolved. */
  send(neighbour: Neighbour, frame: Uint8Array, mark: number): void {
    if (neighbour.state === 'resolved') {
      if (this.environment.now >= neighbour.refreshAt) this.ask(neighbour)
      writeMac(frame, 0, neighbour.mac)
      this.environment.transmit(this.card.port, frame, mark)
      return
    }
    if (neighbour.state === 'forgotten') this.remember(neighbour)
    const waiting = (neighbour.waiting ??= [])
    if (waiting.length >= ARP_QUEUE_LIMIT) {
      waiting.shift()
      this.environment.record('arp:queue-overflowed', '', { address: formatIpv4(neighbour.address), limit: ARP_QUEUE_LIMIT })
    }
    waiting.push({ frame, mark })
    if (neighbour.timer === undefined) this.ask(neighbour)
  }

  private ask(neighbour: Neighbour): void {
    neighbour.refreshAt = NEVER
    neighbour.attempts++
    const unicast = neighbour.state === 'resolved'
    packet.operation = ArpOperation.REQUEST
    packet.targetMac = 0
    packet.targetIp = neighbour.address
    // The answer tells whether the neighbour is still there, and still the same.
    this.transmit(unicast ? neighbour.mac : BROADCAST_MAC)
    neighbour.timer = this.environment.schedule(this.environment.now + ARP_INTERVAL, () => {
      this.unanswered(neighbour)
    })
  }

  private unanswered(neighbour: Neighbour): void {
    neighbour.timer = undefined
    if (neighbour.attempts < ARP_ATTEMPTS) {
      this.ask(neighbour)
      return
    }
    const { waiting } = neighbour
    neighbour.attempts = 0
    this.forget(neighbour)
    this.environment.cause = this.environment.record('arp:failed', '', {
      address: formatIpv4(neighbour.address),
      interface: this.card.name,
      attempts: ARP_ATTEMPTS,
    })
    for (const { frame } of waiting ?? []) this.owner.undeliverable(frame)
  }

  /**
   * A higher layer has heard from the neighbour, or from somebody behind it: no need to ask for a while (RFC 1122 section 2.3.2.1,
   * "higher-layer advice").
   */
  confirm(neighbour: Neighbour): void {
    if (neighbour.refreshAt !== NEVER) neighbour.refreshAt = this.environment.now + ARP_REFRESH
  }

  /**
   * Takes an ARP packet. Learns from a sender who talks to us, and corrects what is known of a sender who talks to others (RFC 826,
   * "Packet Reception"): so an announcement (RFC 5227 section 3) changes an entry but never makes one.
   * @throws DecodeError
   */
  receive(frame: Uint8Array): void {
    decodeArp(frame, ETHERNET_HEADER_LENGTH, frame.length, packet)
    const { operation, senderIp, senderMac, targetIp } = packet
    const { card } = this
    if (!isStation(senderMac) || card.address === 0) return
    if (senderIp === card.address) {
      this.environment.record('arp:conflict-detected', '', { address: formatIpv4(senderIp), mac: formatMac(senderMac) })
      return
    }
    const ownMac = card.macOf(targetIp)
    const isForUs = ownMac !== undefined
    if (senderIp !== 0 && senderIp !== card.broadcast && card.covers(senderIp)) this.learn(senderIp, senderMac, isForUs)
    // Who announces an address that we share has taken it: an answer would tell switches that it is still here.
    if (operation === ArpOperation.REQUEST && isForUs && senderIp !== targetIp) {
      packet.operation = ArpOperation.REPLY
      packet.targetMac = senderMac
      packet.targetIp = senderIp
      this.transmit(senderMac, targetIp, ownMac, ownMac)
    }
  }

  private learn(address: number, mac: number, isForUs: boolean): void {
    let neighbour = this.neighbours.get(address | 0)
    if (neighbour === undefined) {
      if (!isForUs) return
      neighbour = this.neighbour(address)
    }
    if (neighbour.isStatic) {
      if (neighbour.mac !== mac)
        this.environment.record('arp:ignored', '', { address: formatIpv4(address), mac: formatMac(mac), why: 'static entry' })
      return
    }
    const news = neighbour.state !== 'resolved' || neighbour.mac !== mac
    neighbour.timer?.cancel()
    neighbour.timer = undefined
    neighbour.attempts = 0
    if (neighbour.state !== 'resolved') this.isSilentNoMore(neighbour)
    neighbour.state = 'resolved'
    neighbour.mac = mac
    neighbour.refreshAt = this.environment.now + ARP_REFRESH
    if (news) {
      this.environment.record('arp:resolved', '', {
        address: formatIpv4(address),
        mac: formatMac(mac),
        interface: this.card.name,
      })
    }
    const { waiting } = neighbour
    if (waiting === undefined) return
    neighbour.waiting = undefined
    for (const { frame, mark } of waiting) this.send(neighbour, frame, mark)
  }

  /** The MAC address of a neighbour, or undefined when it is not known. */
  macOf(address: number): number | undefined {
    const neighbour = this.neighbours.get(address | 0)
    return neighbour?.state === 'resolved' ? neighbour.mac : undefined
  }

  /**
   * Tells one station that an IPv4 address is at a MAC address, unasked, and whether it is true or not.
   * @param to IPv4 and MAC address of who is told
   */
  claim(to: { readonly address: number; readonly mac: number }, address: number, mac: number): void {
    packet.operation = ArpOperation.REPLY
    packet.targetMac = to.mac
    packet.targetIp = to.address
    this.transmit(to.mac, address, mac)
  }

  /** Tells everybody that an address of ours is at a MAC address: RFC 5227 section 3. The frame comes from that MAC address, so that switches learn it. */
  announce(address: number, mac: number): void {
    packet.operation = ArpOperation.REQUEST
    packet.targetMac = 0
    packet.targetIp = address
    this.transmit(BROADCAST_MAC, address, mac, mac)
  }

  /** Sends `packet` with its sender's addresses, which honestly are our own. */
  private transmit(destination: number, senderIp = this.card.address, senderMac = this.card.mac, source = this.card.mac): void {
    const { card, environment } = this
    packet.senderMac = senderMac
    packet.senderIp = senderIp
    ethernet.destination = destination
    ethernet.source = source
    ethernet.type = EtherType.ARP
    const frame = environment.allocate(ETHERNET_HEADER_LENGTH + ARP_LENGTH)
    encodeArp(packet, frame, encodeEthernet(ethernet, frame, 0))
    environment.transmit(card.port, frame)
  }
}
