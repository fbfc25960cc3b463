import { SocketError } from '../host/socket.ts'
import type { App, AppContext, Blocking } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import { parseIpv4 } from '../wire/address.ts'
import { TcpFlag, TcpSegment } from '../wire/tcp.ts'
import { countSetting, fixedSetting } from './setting.ts'

export interface SynFlooderOptions {
  /** Name or IPv4 address of the victim. */
  readonly to: string
  readonly port: number
  /** Invented sources are drawn from this IPv4 network, as `'198.51.100.0/24'`. */
  readonly sources: string
  /** SYNs a second, on average. */
  readonly rate: number
  readonly start: Nanos
  /** How long; 0: for ever. */
  readonly duration: Nanos
}

const SECOND = 1_000_000_000
const DEFAULTS: SynFlooderOptions = { to: '', port: 80, sources: '198.51.100.0/24', rate: 100, start: 0, duration: 0 }
const CHANGEABLE = ['rate']
/** What Linux's SYNs offer, so that these look like any other. */
const USUAL = { window: 64_240, mss: 1460 } as const

/**
 * Sends SYNs under addresses that are not its own, and never answers: RFC 4987 section 2. Each makes a listener keep a half-open connection
 * for as long as it is patient. They come at irregular times, for a steady beat would hit the same moment of the victim's timers.
 */
export class SynFlooder implements App {
  private readonly options: { -readonly [Key in keyof SynFlooderOptions]: SynFlooderOptions[Key] }

  constructor(options: Partial<SynFlooderOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main({ environment, sockets, sleep }: AppContext): Blocking<void> {
    const { to, port, start, duration } = this.options
    const [network, hosts] = parseNetwork(this.options.sources)
    if (start > environment.now) yield* sleep(start - environment.now)
    const random = environment.random('syn-flooder')
    const end = duration > 0 ? start + duration : Infinity
    const syn = new TcpSegment()
    let sent = 0
    try {
      const victim = yield* sockets.resolve(to, 4)
      environment.record('flood:started', '', { rate: this.options.rate })
      while (environment.now < end) {
        syn.clear()
        syn.sourcePort = 1024 + random.below(0x1_0000 - 1024)
        syn.destinationPort = port
        syn.flags = TcpFlag.SYN
        syn.seq = random.uint32()
        syn.window = USUAL.window
        syn.mss = USUAL.mss
        syn.sackPermitted = true
        // Neither the first nor the last of the network: those are nobody's.
        sockets.sendRaw((network + 1 + random.below(hosts - 2)) >>> 0, victim, syn)
        sent++
        yield* sleep((SECOND / this.options.rate) * (0.5 + random.next()))
      }
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      environment.record('flood:failed', '', { error: error.code, detail: error.message })
    }
    environment.record('flood:ended', '', { sent })
  }

  configure(path: string, value: unknown): void {
    if (path !== 'rate') throw fixedSetting(path, CHANGEABLE)
    this.options.rate = countSetting(path, value, 1, 100_000)
  }
}

/** @returns its first address, and how many it has */
function parseNetwork(text: string): [network: number, hosts: number] {
  const [address, prefix] = text.split('/')
  const parsed = parseIpv4(address)
  const length = Number(prefix)
  if (parsed === undefined || !(length >= 8 && length <= 30))
    throw new RangeError(`'${text}' is not an IPv4 network of 4 hosts or more`)
  const hosts = 0x1_0000_0000 / (1 << length)
  return [Math.floor(parsed / hosts) * hosts, hosts]
}
