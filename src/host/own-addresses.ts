/**
 * The IPv6 addresses of one interface and what becomes of them: RFC 4862. An address that has to be checked is *tentative* until nobody
 * has answered for it (section 5.4); then *preferred*, until its preferred lifetime is over; then *deprecated*, which means that nothing
 * new is begun from it, until its valid lifetime is over, too (section 5.5.4).
 */
import { formatIpv6, isLinkLocalIpv6, multicastMac, solicitedNodeAddress } from '../wire/address.ts'
import type { Environment, Timer } from '../kernel/machine.ts'
import { NEVER, SECOND, type Nanos } from '../kernel/time.ts'
import { selectSource, type SourceCandidate } from './address-selection.ts'
import type { NetworkInterface } from './network-interface.ts'

/** How often an address is asked for before it is used: DupAddrDetectTransmits, RFC 4862 section 5.1. */
const DETECTION_SOLICITATIONS = 1

/** The first message of an interface waits for up to so long, lest all hosts speak at once after the lights come on: RFC 4861 section 10. */
export const MAX_START_DELAY: Nanos = SECOND

/** An address of this interface. */
export class OwnAddress implements SourceCandidate {
  state: 'tentative' | 'preferred' | 'deprecated' = 'tentative'
  preferredUntil: Nanos = NEVER
  validUntil: Nanos = NEVER
  timer: Timer | undefined
  solicitations = 0

  constructor(
    readonly address: bigint,
    readonly prefix: number,
  ) {}

  get deprecated(): boolean {
    return this.state === 'deprecated'
  }
}

/** Who owns the addresses. */
export interface AddressOwner {
  readonly card: NetworkInterface
  readonly retransTimer: Nanos
  /** Asks who has an address, from no address. */
  solicitTentative(address: bigint): void
  /** An address can be used from now on. */
  addressAssigned(own: OwnAddress): void
  /** Addresses have come, gone, or changed: what was chosen by them is to be chosen anew. */
  addressesChanged(): void
}

export class OwnAddresses {
  private readonly all: OwnAddress[] = []

  constructor(
    private readonly environment: Environment,
    private readonly owner: AddressOwner,
  ) {}

  get list(): readonly OwnAddress[] {
    return this.all
  }

  find(address: bigint): OwnAddress | undefined {
    for (const own of this.all) if (own.address === address) return own
    return undefined
  }

  /** Whether packets for an address are for this interface. */
  isAssigned(address: bigint): boolean {
    const own = this.find(address)
    return own !== undefined && own.state !== 'tentative'
  }

  get linkLocal(): OwnAddress | undefined {
    return this.all.find(({ address, state }) => isLinkLocalIpv6(address) && state !== 'tentative')
  }

  /** The best address to talk from: undefined while there is none. */
  sourceTowards(destination: bigint): bigint | undefined {
    const assigned = this.all.filter(({ state }) => state !== 'tentative')
    return selectSource(assigned, destination)?.address
  }

  /** Adds an address that is to be used without asking anybody. */
  assign(address: bigint, prefix: number): OwnAddress {
    const own = this.add(address, prefix)
    this.settle(own)
    return own
  }

  /** Adds an address, and asks whether somebody has it already. @param delay before it does so */
  assignAfterDetection(address: bigint, prefix: number, delay: Nanos): OwnAddress {
    const own = this.add(address, prefix)
    this.later(own, delay, () => {
      this.detect(own)
    })
    return own
  }

  private add(address: bigint, prefix: number): OwnAddress {
    const own = new OwnAddress(address, prefix)
    this.all.push(own)
    // RFC 4862 section 5.4.2: before anything is sent.
    this.owner.card.join(multicastMac(solicitedNodeAddress(address)))
    return own
  }

  private later(own: OwnAddress, wait: Nanos, action: () => void): void {
    own.timer = this.environment.schedule(this.environment.now + wait, () => {
      own.timer = undefined
      action()
    })
  }

  private detect(own: OwnAddress): void {
    if (own.solicitations >= DETECTION_SOLICITATIONS) {
      this.settle(own)
      return
    }
    own.solicitations++
    this.owner.solicitTentative(own.address)
    this.later(own, this.owner.retransTimer, () => {
      this.detect(own)
    })
  }

  private settle(own: OwnAddress): void {
    own.state = 'preferred'
    this.environment.record('ipv6:address-assigned', '', {
      address: `${formatIpv6(own.address)}/${String(own.prefix)}`,
      interface: this.owner.card.name,
    })
    this.owner.addressesChanged()
    this.owner.addressAssigned(own)
  }

  /** Somebody else has an address that is tentative here: it is never used. RFC 4862 section 5.4.5. */
  duplicated(own: OwnAddress): void {
    this.environment.record('ipv6:duplicate-detected', '', {
      address: formatIpv6(own.address),
      interface: this.owner.card.name,
    })
    this.remove(own)
  }

  private remove(own: OwnAddress): void {
    own.timer?.cancel()
    own.timer = undefined
    const at = this.all.indexOf(own)
    if (at < 0) return
    this.all.splice(at, 1)
    this.owner.card.leave(multicastMac(solicitedNodeAddress(own.address)))
    this.owner.addressesChanged()
  }

  /** Lets lifetimes end that are over. @returns when the next one ends */
  expire(): Nanos {
    const { now } = this.environment
    let next = NEVER
    for (const own of [...this.all]) {
      const { address, validUntil, preferredUntil, state } = own
      const data = { address: formatIpv6(address), interface: this.owner.card.name }
      if (validUntil <= now) {
        this.environment.record('ipv6:address-expired', '', data)
        this.remove(own)
        continue
      }
      if (state === 'preferred' && preferredUntil <= now) {
        own.state = 'deprecated'
        this.environment.record('ipv6:address-deprecated', '', data)
        this.owner.addressesChanged()
      } else if (state === 'deprecated' && preferredUntil > now) {
        own.state = 'preferred'
        this.owner.addressesChanged()
      }
      next = Math.min(next, validUntil, preferredUntil > now ? preferredUntil : NEVER)
    }
    return next
  }
}
