import type { AppContext, Blocking } from '../../host/socket.ts'
import type { GroupMembership, RawPacket } from '../../host/packet-access.ts'
import type { Timer } from '../../kernel/machine.ts'
import type { Nanos } from '../../kernel/time.ts'
import { VirtualRouter, type VirtualRouterEvent } from '../../protocols/vrrp/virtual-router.ts'
import { formatIpv4 } from '../../wire/address.ts'
import { IpProtocol } from '../../wire/ipv4.ts'
import {
  decodeVrrp,
  encodeVrrp,
  verifyVrrpChecksum,
  virtualRouterMac,
  VRRP_GROUP,
  VRRP_GROUP_MAC,
  VRRP_TTL,
  vrrpEncodedLength,
} from '../../wire/vrrp.ts'
import { countSetting, fixedSetting, flagSetting } from '../setting.ts'

/** How a host shares addresses with others, of which one at a time has them (RFC 9568). */
export interface FailoverOptions {
  /** Number of the virtual router, 1 to 255: the same on all who share. */
  readonly vrid: number
  /** 1 to 254, the highest is to have them; 255: they are its own. */
  readonly priority: number
  /** The addresses, or names of them. The first says on which link advertisements go; the others may be on other links. */
  readonly virtual: readonly string[]
  /** From one advertisement to the next; a multiple of 10 ms. */
  readonly interval: Nanos
  /** Whether it takes them from somebody of lower priority. */
  readonly preempt: boolean
  /** Whether it takes part at all. */
  readonly enabled: boolean
}

export const FAILOVER_DEFAULTS: Omit<FailoverOptions, 'virtual'> = {
  vrid: 1,
  priority: 100,
  interval: 1_000_000_000,
  preempt: true,
  enabled: true,
}

const CENTISECOND: Nanos = 10_000_000

/** Settings of a running one. */
const LIVE_FAILOVER = ['priority', 'preempt', 'enabled'] as const

/**
 * A host's part in a virtual router: sends and hears advertisements, and while it is active answers for the addresses, with the virtual
 * router's MAC address. Whatever the host serves on these addresses need know nothing of it.
 *
 * Records `vrrp:state-changed {vrid, state, previous, why, priority}`, `vrrp:discarded {why}` and `vrrp:mismatched {vrid, from, addresses}`.
 */
export class Failover {
  private readonly machine: VirtualRouter
  private readonly membership: GroupMembership
  private readonly mac: number
  private timer: Timer | undefined
  private armedFor: Nanos | undefined

  /**
   * Takes part at once, unless it is not enabled.
   * @param virtual the addresses of the options, resolved: IPv4, in [0, 2^32)
   * @param changed is told when this host gets the addresses, and when it loses them
   */
  constructor(
    private readonly context: AppContext,
    options: FailoverOptions,
    private readonly virtual: readonly number[],
    private readonly changed: (isActive: boolean) => void = () => undefined,
  ) {
    const { vrid, priority, interval, preempt, enabled } = options
    const group = { protocol: IpProtocol.VRRP, address: VRRP_GROUP, mac: VRRP_GROUP_MAC, ttl: VRRP_TTL }
    const { packets } = context.sockets.link
    this.membership = packets.joinGroup(virtual[0], group, (packet) => {
      this.heard(packet)
    })
    this.mac = virtualRouterMac(vrid)
    const centiseconds = Math.round(interval / CENTISECOND)
    const primary = this.membership.address
    this.machine = new VirtualRouter({ vrid, priority, preempt, primary, addresses: virtual, interval: centiseconds })
    if (enabled) this.machine.startup(context.environment.now)
    this.settle()
  }

  /** Whether the addresses are here. */
  get isActive(): boolean {
    return this.machine.state === 'ACTIVE'
  }

  /** Gives the addresses up, and says so, so that nobody has to wait. For the end of the application. */
  stop(): void {
    this.machine.shutdown()
    this.settle()
    this.membership.leave()
  }

  /** Throws UnknownSetting. */
  configure(path: string, value: unknown): void {
    const { machine } = this
    if (path === 'priority') machine.setPriority(countSetting(path, value, 1, 255))
    else if (path === 'preempt') machine.preempt = flagSetting(path, value)
    else if (path !== 'enabled') throw fixedSetting(path, LIVE_FAILOVER)
    else if (flagSetting(path, value)) machine.startup(this.context.environment.now)
    else machine.shutdown()
    this.settle()
  }

  /** Throws DecodeError. */
  private heard({ bytes, start, end, source, destination, ttl }: RawPacket): void {
    const { environment } = this.context
    const advertisement = decodeVrrp(bytes, start, end)
    if (!verifyVrrpChecksum(bytes, start, end, source, destination)) {
      environment.record('vrrp:discarded', '', { why: 'wrong checksum', from: formatIpv4(source) })
      return
    }
    this.machine.handle({ advertisement, source, ttl }, environment.now)
    this.settle()
  }

  /** Does what the machine wants done. */
  private settle(): void {
    const { machine, membership } = this
    const { environment } = this.context
    for (let next = machine.pollTransmit(); next !== undefined; next = machine.pollTransmit()) {
      const advertisement = next
      membership.send(vrrpEncodedLength(advertisement), this.mac, (frame, at) => {
        encodeVrrp(advertisement, frame, at, membership.address)
      })
    }
    for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent()) this.happened(event)
    const deadline = machine.pollTimeout()
    if (deadline === this.armedFor) return
    this.timer?.cancel()
    this.armedFor = deadline
    if (deadline === undefined) return
    this.timer = environment.schedule(deadline, () => {
      this.armedFor = undefined
      machine.handleTimeout(environment.now)
      this.settle()
    })
  }

  private happened(event: VirtualRouterEvent): void {
    const { environment } = this.context
    const { vrid, priority } = this.machine
    if (event.kind === 'discarded') {
      environment.record('vrrp:discarded', '', { why: event.why, section: event.section, from: formatIpv4(event.source) })
    } else if (event.kind === 'mismatched') {
      const addresses = event.addresses.map(formatIpv4)
      environment.record('vrrp:mismatched', '', { vrid, from: formatIpv4(event.source), addresses })
    } else {
      const { state, previous, reason } = event
      const cause = environment.cause
      environment.cause = environment.record('vrrp:state-changed', '', { vrid, state, previous, why: reason, priority })
      if (state === 'ACTIVE') this.takeOver()
      else if (previous === 'ACTIVE') this.giveUp()
      environment.cause = cause
    }
  }

  private takeOver(): void {
    const { packets } = this.context.sockets.link
    for (const address of this.virtual) {
      packets.addAddress(address, this.mac)
      packets.announce(address)
    }
    this.changed(true)
  }

  private giveUp(): void {
    for (const address of this.virtual) this.context.sockets.link.packets.removeAddress(address)
    this.changed(false)
  }
}

/** The IPv4 addresses that texts name: `'10.0.0.100'`, `'www'`. Throws SocketError ENOTFOUND. */
export function* resolveVirtual({ sockets }: AppContext, texts: readonly string[]): Blocking<number[]> {
  const addresses: number[] = []
  for (const text of texts) {
    const address = yield* sockets.resolve(text, 4)
    if (typeof address === 'number') addresses.push(address)
  }
  return addresses
}

/**
 * Does an application's work while its host shares addresses; with the work's end they are given up.
 * @param options absent: nothing is shared
 * @param begun is given what can be configured
 */
export function* sharing(
  context: AppContext,
  options: Partial<FailoverOptions> | undefined,
  work: Blocking<void>,
  begun: (failover: Failover) => void,
): Blocking<void> {
  if (options === undefined) {
    yield* work
    return
  }
  const all = { ...FAILOVER_DEFAULTS, virtual: [], ...options }
  const failover = new Failover(context, all, yield* resolveVirtual(context, all.virtual))
  begun(failover)
  try {
    yield* work
  } finally {
    failover.stop()
  }
}
