import type { EventRecord, Nanos, TraceView } from '../record.ts'
import { EventReader } from './event-reader.ts'

/** One key, as of a time. */
export interface PlacedKey {
  readonly key: string
  /** Its place among 2^32. */
  readonly hash: number
  /** Who was asked for it last: an index of `KeyHistory.servers`. */
  server: number
  /** Who had it when the servers last changed; below 0: it was not known then. */
  before: number
  /** When it was last asked for. */
  at: Nanos
  /** How many changes there had been then. */
  changes: number
}

/** A time from which another set of servers, or another strategy, was in service. */
export interface ServersChange {
  readonly time: Nanos
  /** What changed: `'s5 down'`, `'ring'`. */
  readonly what: string
  /** How many keys that were known before have been asked for again until the next change, and of these, how many from another server. */
  asked: number
  moved: number
}

/** A request that a key was looked up for. */
export interface KeyPick {
  readonly time: Nanos
  readonly key: string
  readonly hash: number
  readonly server: number
}

/** The points of a ring, as `balancer:ring-built` tells them. */
export interface RingPieces {
  readonly time: Nanos
  readonly shares: readonly number[]
  readonly ends: readonly number[]
  /** Indices of `KeyHistory.servers`. */
  readonly owners: readonly number[]
}

/** What is kept of one event. */
type Step =
  | { readonly kind: 'pick'; readonly pick: KeyPick; readonly strategy: string }
  | {
      readonly kind: 'change'
      readonly time: Nanos
      readonly what: string
      readonly out: ReadonlySet<number>
      readonly strategy: string
    }
  | { readonly kind: 'ring'; readonly ring: RingPieces }

const IN_SERVICE = new Set(['up', 'slow-start'])

/**
 * Which server has which key, by the strategies of a load balancer that hash, over time: told by `balancer:picked` with its `hash`. A key
 * that was sent to somebody else because its own server did not answer counts as being where it was.
 */
export class KeyHistory {
  /** Names, in the order in which they came up. */
  readonly servers: string[] = []
  /** All that are known at the time, in the order in which they came up. */
  keys = new Map<string, PlacedKey>()
  /** Up to the time. */
  changes: ServersChange[] = []
  /** The ring at the time; undefined: there is none. */
  ring: RingPieces | undefined
  /** How the last request before the time was placed; '': there was none. */
  strategy = ''
  /** Who is out of service at the time: indices of `servers`. */
  out: ReadonlySet<number> = new Set()
  /** How many of the events that matter lie before the time: while it is the same, nothing has changed. */
  next = 0
  private readonly reader = new EventReader()
  private readonly steps: Step[] = []
  /** As of the last event that was read. */
  private outNow: ReadonlySet<number> = new Set()
  private strategyNow = ''

  /** @param host index of the balancer */
  constructor(readonly host: number) {}

  /** Reads what a trace has got since. */
  update(trace: TraceView): void {
    this.reader.read(trace, (event) => {
      if (event.host === this.host) this.read(event)
    })
  }

  /** Back or forward to a time. */
  goTo(time: Nanos): void {
    const last = this.steps.at(this.next - 1)
    if (this.next > 0 && last !== undefined && timeOf(last) > time) this.begin()
    for (; this.next < this.steps.length && timeOf(this.steps[this.next]) <= time; this.next++) this.take(this.steps[this.next])
  }

  /** Requests from after one time up to the time that was gone to, the newest first. */
  picksSince(time: Nanos): KeyPick[] {
    const found: KeyPick[] = []
    for (let i = this.next - 1; i >= 0 && timeOf(this.steps[i]) > time; i--) {
      const step = this.steps[i]
      if (step.kind === 'pick') found.push(step.pick)
    }
    return found
  }

  private read({ name, time, data }: EventRecord): void {
    switch (name) {
      case 'balancer:picked': {
        const { hash, backend, target, strategy, attempt } = data
        const isLookedUp = typeof hash === 'number'
        const before = this.strategyNow
        if (strategy === 'sticky' || attempt !== 1 || (before === '' && !isLookedUp)) return
        this.strategyNow = String(strategy)
        if (before !== '' && before !== strategy) this.change(time, this.strategyNow)
        if (!isLookedUp) return
        const pick = { time, key: String(target), hash, server: this.serverOf(String(backend)) }
        this.steps.push({ kind: 'pick', pick, strategy: this.strategyNow })
        return
      }
      case 'balancer:backend-changed': {
        const [name, state] = [String(data['backend']), String(data['state'])]
        const server = this.serverOf(name)
        const isOut = !IN_SERVICE.has(state)
        // Who is back at full weight, or out for one more reason, changes nothing.
        if (this.outNow.has(server) === isOut) return
        const others = [...this.outNow].filter((each) => each !== server)
        this.outNow = new Set(isOut ? [...others, server] : others)
        this.change(time, `${name} ${isOut ? state : 'up'}`)
        return
      }
      case 'balancer:ring-built':
        this.steps.push({ kind: 'ring', ring: this.ringOf(time, data) })
        return
    }
  }

  private change(time: Nanos, what: string): void {
    this.steps.push({ kind: 'change', time, what, out: this.outNow, strategy: this.strategyNow })
  }

  private ringOf(time: Nanos, data: EventRecord['data']): RingPieces {
    const servers = listIn(data['servers']).map((server) => this.serverOf(String(server)))
    const told = listIn(data['shares']).map(Number)
    const shares: number[] = []
    for (const [i, server] of servers.entries()) shares[server] = told[i]
    return {
      time,
      shares: Array.from(shares, (share: number | undefined) => share ?? 0),
      ends: listIn(data['ends']).map(Number),
      owners: listIn(data['owners']).map((owner) => servers[Number(owner)]),
    }
  }

  private serverOf(name: string): number {
    const known = this.servers.indexOf(name)
    return known >= 0 ? known : this.servers.push(name) - 1
  }

  private begin(): void {
    this.next = 0
    this.keys = new Map()
    this.changes = []
    this.ring = undefined
    this.strategy = ''
    this.out = new Set()
  }

  private take(step: Step): void {
    if (step.kind === 'ring') this.ring = step.ring
    else if (step.kind === 'change') {
      // Of a key that nobody has asked for since the change before, it is not known who had it then.
      for (const key of this.keys.values()) key.before = key.changes === this.changes.length ? key.server : -1
      this.changes.push({ time: step.time, what: step.what, asked: 0, moved: 0 })
      this.out = step.out
      this.goBy(step.strategy)
    } else this.place(step.pick, step.strategy)
  }

  private goBy(strategy: string): void {
    this.strategy = strategy
    if (strategy !== '' && strategy !== 'ring' && strategy !== 'bounded-ring') this.ring = undefined
  }

  private place({ key, hash, server, time }: KeyPick, strategy: string): void {
    this.goBy(strategy)
    const known = this.keys.get(key)
    const changes = this.changes.length
    if (known === undefined) {
      this.keys.set(key, { key, hash, server, before: -1, at: time, changes })
      return
    }
    const change = this.changes.at(-1)
    if (change !== undefined && known.before >= 0 && known.changes < changes) {
      change.asked++
      if (server !== known.before) change.moved++
    }
    known.server = server
    known.at = time
    known.changes = changes
  }
}

function timeOf(step: Step): Nanos {
  return step.kind === 'pick' ? step.pick.time : step.kind === 'ring' ? step.ring.time : step.time
}

function listIn(value: EventRecord['data'][string] | undefined): readonly (string | number)[] {
  return Array.isArray(value) ? (value as readonly (string | number)[]) : []
}
