import { writeMac } from '../wire/address.ts'
import type { Ipv4Header } from '../wire/ipv4.ts'
import type { Environment } from '../kernel/machine.ts'
import { Destination, PAYLOAD_START, type InternetLayer } from './internet-layer.ts'
import type { NetworkInterface } from './network-interface.ts'
import type { ReceivedPacket, Way } from './network-layer.ts'
import type { GroupMembership, PacketAccess, PacketInterceptor, RawPacket } from './packet-access.ts'

/** Internetwork control (RFC 791 section 3.1): what routers say to each other goes first. */
const CONTROL_DSCP = 48

/** What the layer does for ways that it has given. */
interface Relaying {
  copyToForward(frame: Uint8Array, header: Ipv4Header, way: Way): Uint8Array | undefined
  sendForwarded(copy: Uint8Array, way: Way): void
}

/** IPv4 of one host, for programs that are part of the network. */
export class RawPackets implements PacketAccess {
  /** Who hears what comes for a protocol. */
  private readonly listeners = new Map<number, ((packet: RawPacket) => void)[]>()

  private readonly relaying: Relaying

  constructor(
    private readonly environment: Environment,
    private readonly layer: InternetLayer,
  ) {
    this.relaying = layer
  }

  intercept(interceptor: PacketInterceptor): () => void {
    const { layer } = this
    layer.interceptors = [...(layer.interceptors ?? []), interceptor]
    return () => {
      const others = (layer.interceptors ?? []).filter((other) => other !== interceptor)
      layer.interceptors = others.length === 0 ? undefined : others
    }
  }

  way(address: number): Way {
    return this.layer.way(address)
  }

  copy(frame: Uint8Array, header: Ipv4Header, way: Way): Uint8Array | undefined {
    return this.relaying.copyToForward(frame, header, way)
  }

  relay(copy: Uint8Array, way: Way): void {
    this.relaying.sendForwarded(copy, way)
  }

  isOwn(address: number): boolean {
    return this.layer.isOwn(address)
  }

  addAddress(address: number, mac?: number): void {
    const card = this.cardNear(address)
    card.addAddress(address, mac ?? card.mac)
    this.layer.setOwn(address, true)
  }

  removeAddress(address: number): void {
    for (const card of this.layer.interfaces) card.removeAddress(address)
    if (this.layer.interfaces.every((card) => card.address !== address)) this.layer.setOwn(address, false)
  }

  announce(address: number): void {
    for (const card of this.layer.interfaces) {
      const mac = card.macOf(address)
      if (mac !== undefined) this.layer.neighbours[card.port].announce(address, mac)
    }
  }

  /** The interface whose network an address is of; the first where there is none. */
  private cardNear(address: number): NetworkInterface {
    const { interfaces } = this.layer
    return interfaces.find((card) => card.address !== 0 && card.covers(address)) ?? interfaces[0]
  }

  joinGroup(
    near: number,
    group: { readonly protocol: number; readonly address: number; readonly mac: number; readonly ttl: number },
    listener: (packet: RawPacket) => void,
  ): GroupMembership {
    const { layer, environment } = this
    const card = this.cardNear(near)
    const here = (packet: RawPacket): void => {
      if (packet.destination === group.address || layer.isOwn(packet.destination)) listener(packet)
    }
    this.listen(group.protocol, here)
    card.join(group.mac)
    layer.groups = new Set([...(layer.groups ?? []), group.address])
    const destination = new Destination(layer, group.address, 'group', card, group.address)
    return {
      address: card.address,
      send: (length, sourceMac, write) => {
        const frame = layer.begin(destination, card.address, group.protocol, length, false, 0, group.ttl, CONTROL_DSCP)
        writeMac(frame, 0, group.mac)
        writeMac(frame, 6, sourceMac)
        write(frame, PAYLOAD_START)
        environment.transmit(card.port, frame)
      },
      leave: () => {
        card.leave(group.mac)
        const listeners = this.listeners.get(group.protocol) ?? []
        listeners.splice(listeners.indexOf(here), 1)
      },
    }
  }

  private listen(protocol: number, listener: (packet: RawPacket) => void): void {
    const known = this.listeners.get(protocol)
    if (known !== undefined) {
      known.push(listener)
      return
    }
    const listeners = [listener]
    this.listeners.set(protocol, listeners)
    this.layer.register(protocol, {
      input: (packet: ReceivedPacket<Ipv4Header>) => {
        const { bytes, header } = packet
        const { payloadStart: start, payloadEnd: end, source, destination, ttl } = header
        for (const heard of [...listeners]) heard({ bytes, start, end, source, destination, ttl })
      },
    })
  }
}
