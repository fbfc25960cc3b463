import type { IpAddress } from '../wire/address.ts'
import type { NetworkInterface } from './network-interface.ts'
import type { Ipv6Layer } from './ipv6-layer.ts'
import type { Internet } from './network-layer.ts'
import type { Blocking } from './socket.ts'
import { WaitQueue } from './tasks.ts'

/** What applications may know of a host's ways to the outside, which change with the carrier of its links. */
export class HostWays {
  private version = 0
  /** Made when somebody waits for them. */
  private news: WaitQueue | undefined = undefined

  constructor(
    private readonly internet: Internet,
    private readonly interfaces: readonly NetworkInterface[],
    private readonly layer6: Ipv6Layer | undefined,
  ) {}

  /** For the machine. */
  changed(): void {
    this.version++
    this.news?.wake()
  }

  /** Blocks until a link has lost its carrier, or has it again, on a host that has several. */
  *awaitChange(): Blocking<void> {
    const { version } = this
    while (this.version === version) yield (this.news ??= new WaitQueue())
  }

  sourceTowards(address: IpAddress): IpAddress | undefined {
    const way = this.internet.way(address)
    if (way === undefined || way.kind === 'unreachable' || way.card?.up === false) return undefined
    return way.source
  }

  canLeaveFrom(own: IpAddress): boolean {
    if (typeof own === 'number') return this.interfaces.some(({ address, up }) => address === own && up)
    return this.layer6?.links.some((link) => link?.addresses.isAssigned(own) === true && link.card.up) ?? false
  }
}
