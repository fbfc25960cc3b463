import { createApp } from '../../src/apps/registry.ts'
import { createHost } from '../../src/host/host-machine.ts'
import { SocketError, type App, type AppContext, type Blocking, type TcpSocket } from '../../src/host/socket.ts'
import { createSwitch } from '../../src/host/switch.ts'
import type { MachineFactory } from '../../src/kernel/machine.ts'
import type { Nanos } from '../../src/kernel/time.ts'
import { Director } from '../../src/run/director.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ResolvedHost, ResolvedScenario } from '../../src/scenario/resolved.ts'

export const BITS = { kilo: 1000, mega: 1_000_000 } as const

/** What one host sends, and how it reads. */
export interface SidePlan {
  readonly size: number
  readonly chunk: number
  readonly readLimit: number
  /** How long the reader sleeps each time that it has read so many bytes. */
  readonly readPause: Nanos
  readonly readPauseEvery: number
  readonly receiveBuffer: number
  readonly sendBuffer: number
  /** What else is set of TCP. */
  readonly tcp: Readonly<Record<string, unknown>>
}

export interface Interruption {
  readonly at: Nanos
  /** `Infinity`: for good. */
  readonly lasts: Nanos
  /** Which link or host, modulo their number. */
  readonly where: number
}

export interface TransferPlan {
  /** Version of IP. */
  readonly ip: 'v4' | 'v6'
  readonly topology: 'direct' | 'router' | 'switch'
  readonly seed: number
  readonly rate: number
  readonly delay: Nanos
  readonly jitter: Nanos
  readonly queueFrames: number
  /** Of the queues; they mark what is sent as ECN-capable where they would drop it. */
  readonly discipline: 'drop-tail' | 'red' | 'codel'
  readonly loss: number
  readonly corrupt: number
  readonly corruptUndetected: boolean
  readonly duplicate: number
  readonly reorder: number
  readonly reorderBy: Nanos
  readonly cuts: readonly Interruption[]
  readonly pauses: readonly Interruption[]
  readonly alice: SidePlan
  readonly bob: SidePlan
}

const SIDE: SidePlan = {
  size: 0,
  chunk: 65_536,
  readLimit: 65_536,
  readPause: 0,
  readPauseEvery: 10_000,
  receiveBuffer: 1_048_576,
  sendBuffer: 1_048_576,
  tcp: {},
}

/** Nothing is sent, and nothing goes wrong. */
export const DEFAULT_PLAN: TransferPlan = {
  ip: 'v4',
  topology: 'direct',
  seed: 1,
  rate: 0,
  delay: 1_000_000,
  jitter: 0,
  queueFrames: 1000,
  discipline: 'drop-tail',
  loss: 0,
  corrupt: 0,
  corruptUndetected: false,
  duplicate: 0,
  reorder: 0,
  reorderBy: 0,
  cuts: [],
  pauses: [],
  alice: SIDE,
  bob: SIDE,
}

/** What became of one host's end of the connection. */
class Side {
  received = 0
  /** Whether all that was received is what the other sent. */
  exact = true
  /** Whether the other's FIN came. */
  ended = false
  /** Whether the connection is over for it, one way or another. */
  done = false
  /** Codes of socket errors. */
  readonly errors: string[] = []
  lastReadAt: Nanos = 0
  private readonly blocked = new Set<string>()

  constructor(
    readonly size: number,
    private readonly expected: Uint8Array,
  ) {}

  /** What it is blocked on; the most telling. */
  get waitsFor(): string {
    for (const what of ['connect', 'accept', 'write', 'read']) if (this.blocked.has(what)) return what
    return 'closed'
  }

  /** Runs a blocking operation, and notes its error. @returns undefined after an error */
  *attempt<T>(what: string, operation: Blocking<T>): Blocking<{ value: T } | undefined> {
    this.blocked.add(what)
    try {
      return { value: yield* operation }
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      this.errors.push(error.code)
      return undefined
    } finally {
      this.blocked.delete(what)
    }
  }

  take(bytes: Uint8Array, now: Nanos): void {
    const expected = this.expected.subarray(this.received, this.received + bytes.length)
    if (Buffer.compare(bytes, expected) !== 0) this.exact = false
    this.received += bytes.length
    this.lastReadAt = now
  }
}

/** Bytes without a short period. */
function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0, x = seed; i < length; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = x >>> 24
  }
  return bytes
}

class TransferApp implements App {
  constructor(
    private readonly side: Side,
    private readonly plan: SidePlan,
    private readonly bytes: Uint8Array,
    private readonly connects: boolean,
  ) {}

  *main(context: AppContext): Blocking<void> {
    const { side } = this
    const opened = yield* side.attempt(this.connects ? 'connect' : 'accept', this.open(context))
    if (opened !== undefined) {
      const socket = opened.value
      const tasks = [context.spawn(this.write(socket)), context.spawn(this.read(socket, context))]
      for (const task of tasks) yield* task.join()
      socket.close()
      yield* side.attempt('closed', socket.closed())
    }
    side.done = true
  }

  private *open({ sockets }: AppContext): Blocking<TcpSocket> {
    if (!this.connects) return yield* sockets.listen(80).accept()
    return yield* sockets.connect({ address: yield* sockets.resolve('bob'), port: 80 })
  }

  private *write(socket: TcpSocket): Blocking<void> {
    const { bytes, plan, side } = this
    for (let at = 0; at < bytes.length; at += plan.chunk) {
      if ((yield* side.attempt('write', socket.write(bytes.subarray(at, at + plan.chunk)))) === undefined) return
    }
    socket.shutdown()
  }

  private *read(socket: TcpSocket, { environment, sleep }: AppContext): Blocking<void> {
    const { plan, side } = this
    let nextPause = plan.readPauseEvery
    for (;;) {
      const read = yield* side.attempt('read', socket.read(plan.readLimit))
      if (read === undefined) return
      if (read.value === undefined) {
        side.ended = true
        return
      }
      side.take(read.value, environment.now)
      if (plan.readPause === 0 || side.received < nextPause) continue
      nextPause += plan.readPauseEvery
      yield* sleep(plan.readPause)
    }
  }
}

const LINKS = {
  direct: [['alice', 'bob']],
  router: [
    ['alice', 'middle'],
    ['middle', 'bob'],
  ],
  switch: [
    ['alice', 'middle'],
    ['middle', 'bob'],
  ],
} as const

function scenarioOf(plan: TransferPlan): ResolvedScenario {
  const { topology, seed } = plan
  const resolved = resolveScenario({
    id: 'transfer',
    ip: plan.ip,
    title: 'A transfer',
    seed,
    duration: '80000 s',
    hosts: { alice: {}, bob: {}, ...(topology !== 'direct' && { middle: { kind: topology } }) },
    links: LINKS[topology].map((between) => ({ between })),
  })
  const { rate, delay, jitter, queueFrames, discipline, loss, corrupt, corruptUndetected, duplicate, reorder, reorderBy } = plan
  const changes = {
    rate,
    delay,
    jitter,
    queueFrames,
    discipline,
    ecn: true,
    loss,
    corrupt,
    corruptUndetected,
    duplicate,
    reorder,
    reorderBy,
  }
  const links = resolved.links.map((link) => {
    const [there, back] = link.settings
    return {
      ...link,
      settings: [
        { ...there, ...changes },
        { ...back, ...changes },
      ] as const,
    }
  })
  return { ...resolved, links }
}

/** In pairs, so that each is possible when its time comes: of one link or host, one interruption begins after the last has ended. */
function interventionsOf({ cuts, pauses }: TransferPlan, { links, hosts }: ResolvedScenario): Intervention[] {
  const list: Intervention[] = []
  const free = new Map<string, Nanos>()
  const add = (
    interruptions: readonly Interruption[],
    names: readonly string[],
    begin: 'cut' | 'pause',
    end: 'heal' | 'resume',
  ): void => {
    for (const { at, lasts, where } of [...interruptions].sort((a, b) => a.at - b.at)) {
      const name = names[where % names.length]
      if (at < (free.get(name) ?? 0)) continue
      free.set(name, at + lasts)
      list.push({ at, [begin]: name } as unknown as Intervention)
      if (lasts !== Infinity) list.push({ at: at + lasts, [end]: name } as unknown as Intervention)
    }
  }
  add(
    cuts,
    links.map(({ name }) => name),
    'cut',
    'heal',
  )
  add(
    pauses,
    hosts.map(({ name }) => name),
    'pause',
    'resume',
  )
  return list
}

/** Runs a transfer until nothing is left to happen. */
export function runTransfer(plan: TransferPlan) {
  const bytes = { alice: pattern(plan.alice.size, 1), bob: pattern(plan.bob.size, 2) }
  const alice = new Side(plan.alice.size, bytes.bob)
  const bob = new Side(plan.bob.size, bytes.alice)
  const ends: Record<string, { plan: SidePlan; app: () => App }> = {
    alice: { plan: plan.alice, app: () => new TransferApp(alice, plan.alice, bytes.alice, true) },
    bob: { plan: plan.bob, app: () => new TransferApp(bob, plan.bob, bytes.bob, false) },
  }
  const machines = (host: ResolvedHost): MachineFactory => {
    if (host.kind === 'switch') return (environment) => createSwitch(environment, host)
    if (!(host.name in ends)) return (environment) => createHost(environment, host, createApp)
    const {
      app,
      plan: { receiveBuffer, sendBuffer, tcp },
    } = ends[host.name]
    const own = { ...host, apps: [{ app: 'transfer', options: {} }], tcp: { ...tcp, receiveBuffer, sendBuffer } }
    return (environment) => createHost(environment, own, app)
  }
  const scenario = scenarioOf(plan)
  const interventions = interventionsOf(plan, scenario)
  const director = new Director(scenario, { seed: plan.seed, interventions })
  const hosts = new InlineHosts(scenario, plan.seed, director, machines)
  const reached = hosts.advance(scenario.duration, () => director.nextTime < scenario.duration)
  return {
    alice,
    bob,
    director,
    /** Applications that failed by something else than a socket error. */
    failures: director.store.all('app:failed').map(({ data }) => data['error']),
    brokenForGood: [...plan.cuts, ...plan.pauses].some(({ lasts }) => lasts === Infinity),
    /** When the last thing happened. */
    now: reached ? director.lasted : director.horizon,
    lastProgress: Math.max(alice.lastReadAt, bob.lastReadAt, ...interventions.map(({ at }) => at)),
  }
}
