import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking, Station } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import { formatIp, formatMac } from '../wire/address.ts'
import { countSetting, fixedSetting, LONGEST } from './setting.ts'

export interface ArpSpooferOptions {
  /** Name or IPv4 address of one whose packets are wanted. */
  readonly victim: string
  /** Name or IPv4 address of whom the victim talks to on the link: a router, as a rule. */
  readonly pose: string
  /** Whether what comes is passed on to whom it was meant for. */
  readonly forward: boolean
  /** From one lie to the next. */
  readonly interval: Nanos
  readonly start: Nanos
  /** How long from the first lie; 0: for ever. */
  readonly duration: Nanos
}

const SECOND = 1_000_000_000
const DEFAULTS: ArpSpooferOptions = { victim: '', pose: '', forward: true, interval: SECOND, start: 0, duration: 0 }
const CHANGEABLE = ['interval', 'forward']
/** How often an address is asked for before it is given up, and how long each answer may take. */
const ATTEMPTS = 20
const PATIENCE: Nanos = SECOND / 4

/**
 * Makes two neighbours believe that each is at our hardware address, by ARP replies that nobody asked for, and so reads what they say to
 * each other. RFC 826 has no way to tell a lie from the truth (RFC 5227 section 5). At the end the truth is told, so that nobody notices a
 * breakdown.
 */
export class ArpSpoofer implements App {
  private readonly options: { -readonly [Key in keyof ArpSpooferOptions]: ArpSpooferOptions[Key] }
  private setForwarding: ((on: boolean) => void) | undefined

  constructor(options: Partial<ArpSpooferOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    const { environment, sockets, sleep } = context
    const { start, duration } = this.options
    const { link } = sockets
    if (start > environment.now) yield* sleep(start - environment.now)
    let victim: Station | undefined
    let pose: Station | undefined
    try {
      victim = yield* find(context, this.options.victim)
      pose = yield* find(context, this.options.pose)
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      environment.record('spoof:failed', '', { error: error.code, detail: error.message })
      return
    }
    const own = link.ownStation(victim.address)
    if (own === undefined) return
    this.setForwarding = (on) => {
      link.setForwarding(on)
    }
    link.setForwarding(this.options.forward)
    const end = duration > 0 ? environment.now + duration : Infinity
    const names = { victim: formatIp(victim.address), pose: formatIp(pose.address) }
    environment.record('spoof:started', '', { ...names, mac: formatMac(own.mac), forward: this.options.forward })
    let lies = 0
    while (environment.now < end) {
      link.sendArpReply(victim, { address: pose.address, mac: own.mac })
      link.sendArpReply(pose, { address: victim.address, mac: own.mac })
      lies += 2
      yield* sleep(Math.min(this.options.interval, end - environment.now))
    }
    link.sendArpReply(victim, pose)
    link.sendArpReply(pose, victim)
    environment.record('spoof:ended', '', { ...names, lies })
  }

  configure(path: string, value: unknown): void {
    if (path === 'interval') {
      this.options.interval = countSetting(path, value, 1000, LONGEST)
    } else if (path === 'forward' && typeof value === 'boolean') {
      this.options.forward = value
      this.setForwarding?.(value)
    } else {
      throw fixedSetting(path, CHANGEABLE)
    }
  }
}

/** Asks for somebody's hardware address in the honest way: by having something to say to him. */
function* find({ sockets }: AppContext, name: string): Blocking<Station> {
  const address = yield* sockets.resolve(name, 4)
  if (typeof address !== 'number') throw new SocketError('ENOTFOUND', `${name} has no IPv4 address`)
  for (let sequence = 1; sequence <= ATTEMPTS; sequence++) {
    const known = sockets.link.stationOf(address)
    if (known !== undefined) return known
    yield* sockets.ping(address, { sequence, payload: 0, timeout: PATIENCE })
  }
  throw new SocketError('EHOSTUNREACH', `nobody answers for ${formatIp(address)} on this link`)
}
