import type { Ipv4Header } from '../wire/ipv4.ts'
import type { Way } from './network-layer.ts'

/** Sees what comes in before the host's own stack does, as a hook of Linux's netfilter. IPv4 only. */
export interface PacketInterceptor {
  /**
   * A packet has come in, whole: fragments are put together first. Called while the stack works; neither argument holds afterwards.
   * @param frame holds the packet, which begins behind the Ethernet header; must not be written to
   * @returns whether it has been taken care of
   */
  intercepted(frame: Uint8Array, header: Ipv4Header): boolean
  /**
   * Nobody answers for the next hop of a packet that may have been relayed here.
   * @param frame as it would have gone out
   * @returns a frame with the packet as it came in, about which its source is to be told; undefined: it is none of ours
   */
  restored(frame: Uint8Array): Uint8Array | undefined
}

/** A packet of a protocol of IP that the host's stack does not know. Holds for the call only. */
export interface RawPacket {
  readonly bytes: Uint8Array
  /** Where the protocol's part begins, and ends. */
  readonly start: number
  readonly end: number
  readonly source: number
  readonly destination: number
  readonly ttl: number
}

/** Membership in a group of one link, for one protocol of IP. */
export interface GroupMembership {
  /** Our own address on the link. */
  readonly address: number
  /**
   * Sends a packet to the group.
   * @param length of its payload
   * @param sourceMac what the frame gives for its sender
   * @param write writes the payload at an offset of a frame
   */
  send(length: number, sourceMac: number, write: (frame: Uint8Array, at: number) => void): void
  leave(): void
}

/** What programs that are part of the network do: balancers and routers. IPv4 only. */
export interface PacketAccess {
  /** @returns takes it away again */
  intercept(interceptor: PacketInterceptor): () => void
  /** Where packets for an address go. May be kept. */
  way(address: number): Way
  /**
   * A copy of a packet that came in, to be changed and relayed, its TTL already decremented. Undefined: it cannot be passed on, and its
   * source was told why, by ICMP.
   */
  copy(frame: Uint8Array, header: Ipv4Header, way: Way): Uint8Array | undefined
  /** Sends such a copy to the next hop of a way, whatever its destination address says. */
  relay(copy: Uint8Array, way: Way): void
  isOwn(address: number): boolean
  /**
   * Takes on a further address, for which ARP answers.
   * @param mac what ARP says; absent: that of the card. The card takes in frames for it, too.
   */
  addAddress(address: number, mac?: number): void
  removeAddress(address: number): void
  /** Tells everybody on the link that a further address is here (RFC 5227 section 3). */
  announce(address: number): void
  /**
   * @param near an address on the link
   * @param listener takes what comes for the protocol, to the group or to us
   */
  joinGroup(
    near: number,
    group: { readonly protocol: number; readonly address: number; readonly mac: number; readonly ttl: number },
    listener: (packet: RawPacket) => void,
  ): GroupMembership
}
