import type { Environment, Timer } from '../kernel/machine.ts'
import { formatIp, type IpAddress } from '../wire/address.ts'
import type { Reassembler } from '../wire/reassembly.ts'

/** Keeps time for the fragments of one version of IP, and tells of datagrams that will never be whole. */
export class ReassemblyWatch<Address extends IpAddress, R extends Reassembler<Address> = Reassembler<Address>> {
  private timer: Timer | undefined

  /**
   * @param protocol whose event it is: `'ip'`, `'ipv6'`
   * @param expired is given the first fragment of a datagram whose time was over, if that had come
   */
  constructor(
    private readonly environment: Environment,
    readonly reassembler: R,
    private readonly protocol: 'ip' | 'ipv6',
    private readonly expired: (first: Uint8Array) => void,
  ) {}

  /** Looks at what has become of the fragments; to be called after each. */
  settle(): void {
    const { reassembler, environment } = this
    for (let failed = reassembler.pollEvent(); failed !== undefined; failed = reassembler.pollEvent()) {
      const { why, source, received, missing, first } = failed
      environment.record(`${this.protocol}:reassembly-failed`, '', { why, source: formatIp(source), received, missing })
      if (why === 'expired' && first !== undefined) this.expired(first)
    }
    const deadline = reassembler.pollTimeout()
    if (deadline === undefined) {
      this.timer?.cancel()
      this.timer = undefined
    } else {
      // Deadlines only grow later, so a timer that is armed is early at worst.
      this.timer ??= environment.schedule(deadline, () => {
        this.timer = undefined
        reassembler.handleTimeout(environment.now)
        this.settle()
      })
    }
  }
}
