import { Engine } from '../../src/kernel/engine.ts'
import { DEFAULT_LINK, type LinkSettings } from '../../src/kernel/link.ts'
import type { EventData, Id } from '../../src/kernel/machine.ts'
import { Log, LOG_WIDTH, LogEntry } from '../../src/kernel/trace-log.ts'
import { NEVER, SECOND, type Nanos } from '../../src/kernel/time.ts'
import { createHost } from '../../src/host/host-machine.ts'
import { createSwitch } from '../../src/host/switch.ts'
import type { App, AppContext, Blocking } from '../../src/host/socket.ts'
import { DEFAULT_MACHINE, type MachineSettings } from '../../src/scenario/machine-settings.ts'
import type { ResolvedHost, ResolvedInterface, ResolvedRoute } from '../../src/scenario/resolved.ts'
import { interfaceIdentifier, parseIpv4, parseIpv6, type IpAddress } from '../../src/wire/address.ts'

export interface HostPlan {
  kind?: 'host' | 'router' | 'switch'
  gateway?: string
  routes?: readonly { to: string; via: string }[]
  gateway6?: string
  advertises?: boolean
  duplicateAddressDetection?: boolean
  tcp?: Record<string, unknown>
  icmpErrors?: boolean
  clampsMss?: boolean
  /** Further addresses of its own, which it does not answer ARP for. */
  loopback?: readonly string[]
  /** Hardware addresses entered by hand, by IPv4 address. */
  staticArp?: Record<string, number>
  names?: Record<string, string | readonly string[]>
  machine?: Partial<MachineSettings>
  trace?: 'brief'
  /** Runs on this host, in order. */
  apps?: readonly (((context: AppContext) => Blocking<void>) | App)[]
}

export interface LinkPlan extends Partial<LinkSettings> {
  /** `'alice 10.0.0.1/24'`, `'alice 10.0.0.1/24 2001:db8::1/64'`, `'alice auto'`, or only the name for a switch. */
  between: readonly [string, string]
  mtu?: number
}

export interface SentFrame {
  readonly time: Nanos
  readonly id: Id
  readonly cause: Id
  readonly mark: number
  readonly from: string
  readonly port: number
  readonly bytes: Uint8Array
}

export interface HappenedEvent {
  readonly time: Nanos
  readonly id: Id
  readonly cause: Id
  readonly host: string
  readonly name: string
  readonly connection: string
  readonly data: EventData
}

export function ip(text: string): number {
  const address = parseIpv4(text)
  if (address === undefined) throw new RangeError(text)
  return address
}

export function ip6(text: string): bigint {
  const address = parseIpv6(text)
  if (address === undefined) throw new RangeError(text)
  return address
}

function eitherIp(text: string): IpAddress {
  return text.includes(':') ? ip6(text) : ip(text)
}

/** Addresses of a card, by the words behind the host's name in a plan. */
function cardAddresses(
  words: readonly string[],
  mac: number,
): Pick<ResolvedInterface, 'address' | 'prefix' | 'address6' | 'prefix6'> {
  const own: { -readonly [Key in keyof ResolvedInterface]?: ResolvedInterface[Key] } = {}
  for (const word of words) {
    const [address, prefix] = word.split('/')
    if (word === 'auto') Object.assign(own, { address6: interfaceIdentifier(mac), prefix6: 64, automatic6: true })
    else if (word.includes(':')) Object.assign(own, { address6: ip6(address), prefix6: Number(prefix) })
    else Object.assign(own, withPrefix(word))
  }
  return { address: 0, prefix: 0, ...own }
}

function withPrefix(text: string): { address: number; prefix: number } {
  const [address, prefix] = text.split('/')
  return { address: ip(address), prefix: Number(prefix) }
}

/** Several hosts and the links between them on one clock, run as the inline placement does. */
export class World {
  readonly frames: SentFrame[] = []
  readonly events: HappenedEvent[] = []
  readonly engines = new Map<string, Engine>()
  private readonly lookahead: Nanos
  private now: Nanos = 0

  constructor(plan: { seed?: number; hosts: Record<string, HostPlan>; links: readonly LinkPlan[] }) {
    const names = Object.keys(plan.hosts)
    const ends = new Map<string, ResolvedInterface[]>(names.map((name) => [name, []]))
    plan.links.forEach((link, index) => {
      link.between.forEach((end, side) => {
        const [name, ...addresses] = end.split(' ')
        const cards = ends.get(name)
        if (cards === undefined) throw new RangeError(`no host ${name}`)
        const mac = 0x020000000000 + (names.indexOf(name) + 1) * 256 + cards.length
        const which = side as 0 | 1
        const own = cardAddresses(addresses, mac)
        const entries = Object.entries(plan.hosts[name].staticArp ?? {})
        const fixed = entries.length > 0 && { staticArp: entries.map(([text, known]) => ({ address: ip(text), mac: known })) }
        cards.push({ name: `eth${cards.length}`, link: index, end: which, mac, ...own, mtu: link.mtu ?? 1500, ...fixed })
      })
    })
    names.forEach((name, index) => {
      const cards = ends.get(name) ?? []
      const host = resolve(name, plan.hosts[name], cards)
      this.linksOf.set(
        name,
        cards.map((card) => card.link),
      )
      const bodies = plan.hosts[name].apps ?? []
      const engine: Engine = new Engine({
        host: index,
        name,
        seed: plan.seed ?? 1,
        factory: (environment) =>
          host.kind === 'switch'
            ? createSwitch(environment, host)
            : createHost(environment, host, (app) => {
                const body = bodies[Number(app.slice(3))]
                return typeof body === 'function' ? { main: body } : body
              }),
        ports: cards.map((card) => {
          const link = plan.links[card.link]
          const [peer] = link.between[1 - card.end].split(' ')
          const peerPort = (): number => (ends.get(peer) ?? []).findIndex((c) => c.link === card.link && c.end === 1 - card.end)
          return {
            link: card.link,
            direction: card.end,
            settings: { ...DEFAULT_LINK, ...link },
            carrier: {
              carry: (frame, arrives, id, corruption, detected) => {
                this.engines.get(peer)?.accept(peerPort(), frame, arrives, id, corruption, detected)
              },
            },
          }
        }),
      })
      this.engines.set(name, engine)
    })
    this.lookahead = Math.min(...plan.links.map((link) => link.delay ?? DEFAULT_LINK.delay))
    for (const engine of this.engines.values()) engine.start()
    this.collect()
  }

  engine(name: string): Engine {
    const engine = this.engines.get(name)
    if (engine === undefined) throw new RangeError(name)
    return engine
  }

  /** Until `until`, or until nothing is pending. Time stands at `until` afterwards. */
  run(until: Nanos = 1000 * SECOND): this {
    for (;;) {
      let next = NEVER
      for (const engine of this.engines.values()) next = Math.min(next, engine.nextTime)
      if (next >= until) break
      const grant = Math.min(next + this.lookahead, until)
      for (const engine of this.engines.values()) engine.run(grant)
      this.collect()
    }
    for (const engine of this.engines.values()) if (engine.now < until) engine.run(until)
    this.now = until
    return this
  }

  kill(name: string): this {
    this.engine(name).obey({ kind: 'kill', cause: 0 })
    this.collect()
    return this
  }

  restart(name: string): this {
    this.engine(name).obey({ kind: 'restart', cause: 0 })
    this.collect()
    return this
  }

  /** Changes a setting of a running host: `'app.interval'`. */
  configure(name: string, path: string, value: unknown): this {
    this.engine(name).obey({ kind: 'configure', path, value, cause: 0 })
    this.collect()
    return this
  }

  /** Changes both directions of a link. */
  link(index: number, settings: Partial<LinkSettings>): this {
    for (const [, engine] of this.engines) {
      this.portsOf(engine.name).forEach((port, number) => {
        if (port !== index) return
        engine.obey({ kind: 'link', port: number, settings, cause: 0 })
        if (settings.up === false) engine.obey({ kind: 'cut-incoming', port: number, cause: 0 })
      })
    }
    this.collect()
    return this
  }

  private readonly linksOf = new Map<string, number[]>()
  private portsOf(name: string): number[] {
    return this.linksOf.get(name) ?? []
  }

  /** A frame out of nowhere, as from a hostile neighbour. */
  inject(name: string, port: number, frame: Uint8Array, at: Nanos = this.now): this {
    const engine = this.engine(name)
    engine.accept(port, frame, at, engine.nextId(), 0, true)
    return this
  }

  /** Events of a name, optionally of one host. */
  happened(name: string, host?: string): HappenedEvent[] {
    return this.events.filter((event) => event.name === name && (host === undefined || event.host === host))
  }

  private collect(): void {
    const from = { frames: this.frames.length, events: this.events.length }
    for (const engine of this.engines.values()) {
      const { log } = engine
      const words = log.takeEvents()
      let frame = 0
      for (let at = 0; at < log.length; at += LOG_WIDTH) {
        const kind = log.numbers[at + Log.Kind]
        const base = { time: log.numbers[at + Log.Time], id: log.numbers[at + Log.Id], cause: log.numbers[at + Log.Cause] }
        const where = log.numbers[at + Log.Where]
        if (kind === LogEntry.Frame) {
          const port = this.portsOf(engine.name).indexOf(where >> 1)
          this.frames.push({ ...base, mark: log.numbers[at + Log.Mark], from: engine.name, port, bytes: log.frames[frame++] })
        } else if (kind === LogEntry.Event) {
          this.events.push({ ...base, host: engine.name, ...words[where] })
        }
      }
      log.clear()
    }
    inOrder(this.frames, from.frames)
    inOrder(this.events, from.events)
  }
}

function inOrder(list: { time: Nanos; id: Id }[], from: number): void {
  const sorted = list.splice(from).sort((a, b) => a.time - b.time || a.id - b.id)
  for (const entry of sorted) list.push(entry)
}

function resolve(name: string, plan: HostPlan, cards: readonly ResolvedInterface[]): ResolvedHost {
  const routes: ResolvedRoute[] = []
  const routes6: ResolvedRoute<bigint>[] = []
  const speaks6 = cards.some(({ address6 }) => address6 !== undefined)
  cards.forEach(({ address6, prefix6 = 0, automatic6 }, port) => {
    const rest = BigInt(128 - prefix6)
    if (address6 !== undefined && automatic6 !== true)
      routes6.push({ destination: (address6 >> rest) << rest, prefix: prefix6, via: 0n, port })
  })
  const route6 = (to: string, via: string): void => {
    const next = ip6(via)
    const port = cards.findIndex(
      ({ address6 = 0n, prefix6 = 0 }) => address6 !== 0n && (address6 ^ next) >> BigInt(128 - prefix6) === 0n,
    )
    const [network, prefix] = to.split('/')
    routes6.push({ destination: ip6(network), prefix: Number(prefix), via: next, port })
  }
  const route = (to: string, via: string): void => {
    const next = ip(via)
    const port = cards.findIndex((card) => ((card.address ^ next) & (-1 << (32 - card.prefix))) === 0)
    const { address, prefix } = withPrefix(to)
    routes.push({ destination: address, prefix, via: next, port })
  }
  for (const { to, via } of plan.routes ?? []) (to.includes(':') ? route6 : route)(to, via)
  if (plan.gateway6 !== undefined) route6('::/0', plan.gateway6)
  if (plan.gateway !== undefined) route('0.0.0.0/0', plan.gateway)
  return {
    name,
    label: name,
    kind: plan.kind ?? 'host',
    interfaces: cards,
    routes,
    ...(speaks6 && { routes6 }),
    ...(plan.advertises !== undefined && { advertises: plan.advertises }),
    ...(plan.duplicateAddressDetection !== undefined && { duplicateAddressDetection: plan.duplicateAddressDetection }),
    names: Object.fromEntries(Object.entries(plan.names ?? {}).map(([key, value]) => [key, [value].flat().map(eitherIp)])),
    apps: (plan.apps ?? []).map((_, index) => ({ app: `app${index}`, options: {} })),
    tcp: plan.tcp ?? {},
    ...(plan.machine !== undefined && { machine: { ...DEFAULT_MACHINE, ...plan.machine } }),
    ...(plan.trace !== undefined && { trace: plan.trace }),
    ...(plan.icmpErrors !== undefined && { icmpErrors: plan.icmpErrors }),
    ...(plan.clampsMss !== undefined && { clampsMss: plan.clampsMss }),
    ...(plan.loopback !== undefined && { loopback: plan.loopback.map(ip) }),
    position: { x: 0, y: 0 },
  }
}
