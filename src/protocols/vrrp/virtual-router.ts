/**
 * One virtual router as one of its routers sees it. Required reading: RFC 9568 sections 6 (state machine) and 7.1 (what is taken in); RFC
 * 5798, which it obsoletes, speaks the same on the wire.
 *
 * Several routers share addresses, of which one at a time, the *active* one, answers for them. It says so to the others each interval. Who
 * hears nothing for three intervals, and a skew that is shorter the higher his own priority, takes over: so of several backups the best is
 * first, and the others hear it before their own time is up. Who gives up says so with priority 0, and the backups wait for their skew only.
 *
 * ```
 *                      startup, priority 255
 *   INITIALIZE ───────────────────────────────────────▶ ACTIVE
 *      ▲  │ startup            nothing heard in time      │  ▲
 *      │  └────────▶ BACKUP ──────────────────────────────│──┘
 *      │               ▲  │          heard of a better one │
 *      └── shutdown ───┼──┘◀────────────────────────────────┤
 *      └── shutdown ───┴────────────────────────────────────┘
 * ```
 *
 * The machine knows advertisements and time alone. Its owner answers ARP for the addresses while it is active, announces them by gratuitous
 * ARP when it hears `became-active`, and sends what `pollTransmit` gives to the group.
 */
import type { VrrpAdvertisement } from '../../wire/vrrp.ts'
import type { Endpoint, Nanos } from '../endpoint.ts'

export type VirtualRouterState = 'INITIALIZE' | 'BACKUP' | 'ACTIVE'

/** An advertisement that came in, with what its packet says. */
export interface HeardAdvertisement {
  readonly advertisement: VrrpAdvertisement
  /** IPv4 address of the sender, in [0, 2^32). */
  readonly source: number
  readonly ttl: number
}

/** Why a state was entered. */
export type StateReason = 'startup' | 'shutdown' | 'silence' | 'resignation' | 'better-router'

export type VirtualRouterEvent =
  | {
      readonly kind: 'state-changed'
      readonly state: VirtualRouterState
      readonly previous: VirtualRouterState
      readonly reason: StateReason
    }
  /** A peer's fault: what came in was thrown away. `section` is RFC 9568's. */
  | { readonly kind: 'discarded'; readonly why: string; readonly section: string; readonly source: number }
  /** A router of the same number is set up for other addresses; told once for each list. RFC 9568 section 7.1. */
  | { readonly kind: 'mismatched'; readonly source: number; readonly addresses: readonly number[] }

export interface VirtualRouterOptions {
  /** 1 to 255. */
  readonly vrid: number
  /** 1 to 254; 255: the addresses are this router's own. */
  readonly priority: number
  /** IPv4 addresses, 1 to 255 of them. */
  readonly addresses: readonly number[]
  /** From one advertisement to the next in centiseconds, 1 to 4095. */
  readonly interval: number
  /** Whether it takes over from a router of lower priority. An owner does so in any case. */
  readonly preempt: boolean
  /** This router's own address on the link: decides between equals. */
  readonly primary: number
}

const CENTISECOND: Nanos = 10_000_000

/** Priority of who owns the addresses, and of who gives up (RFC 9568 section 5.2.4). */
const OWNER = 255
const RESIGNED = 0

/** Has the five verbs of an endpoint; what goes out is a bare advertisement, for its source and its TTL are the network's business. */
export class VirtualRouter implements Omit<Endpoint<HeardAdvertisement, VirtualRouterEvent>, 'pollTransmit'> {
  state: VirtualRouterState = 'INITIALIZE'
  preempt: boolean
  private ownPriority: number
  /** Active_Adver_Interval: of the active router, in centiseconds. */
  private activeInterval: number
  /** Adver_Timer while active, Active_Down_Timer as a backup. */
  private deadline: Nanos | undefined
  private readonly outgoing: VrrpAdvertisement[] = []
  private readonly events: VirtualRouterEvent[] = []
  private lastMismatch = ''
  /** Whether the wait as a backup was cut short by priority 0. */
  private isResigned = false

  /** @throws RangeError for options out of range */
  constructor(private readonly options: VirtualRouterOptions) {
    const { vrid, priority, interval, addresses, preempt } = options
    if (!(vrid >= 1 && vrid <= 255)) throw new RangeError(`a virtual router has a number of 1 to 255, not ${String(vrid)}`)
    if (!(interval >= 1 && interval <= 4095))
      throw new RangeError(`an interval has 1 to 4095 centiseconds, not ${String(interval)}`)
    if (addresses.length < 1 || addresses.length > 255) throw new RangeError('a virtual router has 1 to 255 addresses')
    checkPriority(priority)
    this.ownPriority = priority
    this.preempt = preempt
    this.activeInterval = interval
  }

  get vrid(): number {
    return this.options.vrid
  }

  get addresses(): readonly number[] {
    return this.options.addresses
  }

  get priority(): number {
    return this.ownPriority
  }

  /** Changes the priority from now on. An active router says so at once, so that a better one need not wait to hear it. */
  setPriority(priority: number): void {
    checkPriority(priority)
    this.ownPriority = priority
    if (this.state === 'ACTIVE') this.advertise(priority)
  }

  /** The event Startup of RFC 9568 section 6.4.1; nothing in another state. */
  startup(now: Nanos): void {
    if (this.state !== 'INITIALIZE') return
    if (this.ownPriority === OWNER) {
      this.becomeActive(now, 'startup')
      return
    }
    this.activeInterval = this.options.interval
    this.deadline = now + this.activeDownInterval()
    this.enter('BACKUP', 'startup')
  }

  /** The event Shutdown of RFC 9568 sections 6.4.2 and 6.4.3: an active router resigns, so that nobody need wait. */
  shutdown(): void {
    if (this.state === 'INITIALIZE') return
    if (this.state === 'ACTIVE') this.advertise(RESIGNED)
    this.deadline = undefined
    this.enter('INITIALIZE', 'shutdown')
  }

  handle(unit: HeardAdvertisement, now: Nanos): void {
    const { advertisement, source, ttl } = unit
    if (this.state === 'INITIALIZE' || advertisement.vrid !== this.options.vrid) return
    if (ttl !== 255) {
      this.events.push({ kind: 'discarded', why: `TTL of ${String(ttl)}, not 255`, section: '5.1.1.3', source })
      return
    }
    this.compareAddresses(advertisement, source)
    if (this.state === 'BACKUP') this.heardAsBackup(advertisement, now)
    else this.heardAsActive(advertisement, source, now)
  }

  /** What goes to the group next. */
  pollTransmit(): VrrpAdvertisement | undefined {
    return this.outgoing.shift()
  }

  pollTimeout(): Nanos | undefined {
    return this.deadline
  }

  handleTimeout(now: Nanos): void {
    if (this.deadline === undefined || now < this.deadline) return
    if (this.state === 'BACKUP') {
      this.becomeActive(now, this.isResigned ? 'resignation' : 'silence')
    } else {
      this.advertise(this.ownPriority)
      this.deadline = now + this.options.interval * CENTISECOND
    }
  }

  pollEvent(): VirtualRouterEvent | undefined {
    return this.events.shift()
  }

  /** RFC 9568 section 6.4.2. */
  private heardAsBackup({ priority, interval }: VrrpAdvertisement, now: Nanos): void {
    if (priority === RESIGNED) {
      this.isResigned = true
      this.deadline = now + this.skewTime()
    } else if (!this.preempt || priority >= this.ownPriority) {
      this.follow(interval, now)
    }
  }

  /** RFC 9568 section 6.4.3. */
  private heardAsActive({ priority, interval }: VrrpAdvertisement, source: number, now: Nanos): void {
    const isBetter = priority > this.ownPriority || (priority === this.ownPriority && source > this.options.primary)
    if (priority !== RESIGNED && isBetter) {
      this.follow(interval, now)
      this.enter('BACKUP', 'better-router')
      return
    }
    // To the other one, and to switches that have just learned from his that the virtual router's address is there.
    this.advertise(this.ownPriority)
    if (priority === RESIGNED) this.deadline = now + this.options.interval * CENTISECOND
  }

  /** Waits as a backup of an active router, at whose pace. */
  private follow(interval: number, now: Nanos): void {
    // Of no interval at all nobody could hear three in time.
    this.activeInterval = Math.max(1, interval)
    this.isResigned = false
    this.deadline = now + this.activeDownInterval()
  }

  private becomeActive(now: Nanos, reason: StateReason): void {
    this.advertise(this.ownPriority)
    this.deadline = now + this.options.interval * CENTISECOND
    this.isResigned = false
    this.enter('ACTIVE', reason)
  }

  private enter(state: VirtualRouterState, reason: StateReason): void {
    const previous = this.state
    this.state = state
    this.events.push({ kind: 'state-changed', state, previous, reason })
  }

  private advertise(priority: number): void {
    const { vrid, interval, addresses } = this.options
    this.outgoing.push({ vrid, priority, interval, addresses })
  }

  /** Skew_Time: RFC 9568 section 6.1. */
  private skewTime(): Nanos {
    return Math.floor(((256 - this.ownPriority) * this.activeInterval * CENTISECOND) / 256)
  }

  /** Active_Down_Interval: RFC 9568 section 6.1. */
  private activeDownInterval(): Nanos {
    return 3 * this.activeInterval * CENTISECOND + this.skewTime()
  }

  /** Others are told, and obeyed all the same. */
  private compareAddresses({ addresses, priority }: VrrpAdvertisement, source: number): void {
    const own = this.options.addresses
    if (priority === RESIGNED) return
    if (addresses.length === own.length && addresses.every((address) => own.includes(address))) return
    const mismatch = `${String(source)} ${addresses.join(' ')}`
    if (mismatch === this.lastMismatch) return
    this.lastMismatch = mismatch
    this.events.push({ kind: 'mismatched', source, addresses })
  }
}

function checkPriority(priority: number): void {
  if (!(priority >= 1 && priority <= OWNER)) throw new RangeError(`a priority is 1 to 255, not ${String(priority)}`)
}
