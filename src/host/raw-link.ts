import type { Environment } from '../kernel/machine.ts'
import type { InternetLayer } from './internet-layer.ts'
import type { Ipv6Layer } from './ipv6-layer.ts'
import type { PacketAccess } from './packet-access.ts'
import { RawPackets } from './raw-packets.ts'
import type { LinkAccess, Station } from './socket.ts'

/** The links of a host, for programs that write their own ARP packets. */
export class RawLink implements LinkAccess {
  private rawPackets: PacketAccess | undefined

  constructor(
    private readonly layer: InternetLayer,
    private readonly layer6: Ipv6Layer | undefined,
    private readonly environment: Environment,
  ) {}

  get packets(): PacketAccess {
    this.rawPackets ??= new RawPackets(this.environment, this.layer)
    return this.rawPackets
  }

  ownStation(towards: number): Station | undefined {
    const { card } = this.layer.way(towards)
    return card === undefined ? undefined : { address: card.address, mac: card.mac }
  }

  stationOf(address: number): Station | undefined {
    const { card } = this.layer.way(address)
    const mac = card === undefined ? undefined : this.layer.neighbours[card.port].macOf(address)
    return mac === undefined ? undefined : { address, mac }
  }

  sendArpReply(to: Station, claim: Station): void {
    const { card } = this.layer.way(to.address)
    if (card !== undefined) this.layer.neighbours[card.port].claim(to, claim.address, claim.mac)
  }

  setForwarding(on: boolean): void {
    this.layer.forwards = on
  }

  divert(ports: readonly number[]): void {
    this.layer.diverted = ports.length === 0 ? undefined : new Set(ports)
  }

  blockUdp(on: boolean): void {
    this.layer.blocksUdp = on
    if (this.layer6 !== undefined) this.layer6.blocksUdp = on
  }
}
