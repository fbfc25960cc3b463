import { FATE_NUMBER } from '../../src/kernel/egress.ts'
import { DEFAULT_LINK } from '../../src/kernel/link.ts'
import { ID_SEQUENCE_LIMIT } from '../../src/kernel/machine.ts'
import { NEVER } from '../../src/kernel/time.ts'
import type { HostState, LinkState, Run, RunState } from '../../src/run/run.ts'
import type { Action, Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedHost, ResolvedScenario } from '../../src/scenario/resolved.ts'
import { PACKED_WIDTH } from '../../src/trace/frame-table.ts'
import type { ChartPlan, MeasureSpec } from '../../src/trace/measures/measure-spec.ts'
import { FRAME_KINDS, type EventData } from '../../src/trace/record.ts'
import { TraceStore } from '../../src/trace/trace-store.ts'

/*
 * A storm that no engine made: records by formula, handed to the page's store as a director would hand them, as many as ten thousand
 * clients cause. So the page's own work is measured, and nothing else.
 */

const MS = 1_000_000
const SECOND = 1000 * MS
const KINDS = ['tcp-data', 'tcp-ack', 'tcp-data', 'tcp-ack', 'tcp-syn', 'tcp-data', 'tcp-ack', 'tcp-fin'].map((kind) =>
  FRAME_KINDS.indexOf(kind as (typeof FRAME_KINDS)[number]),
)
const SYN = FRAME_KINDS.indexOf('tcp-syn')
const ARRIVED = FATE_NUMBER['in-flight']
const REFUSED = FATE_NUMBER['queue-full']

/** When the first server dies, and for how long. */
const KILLED = 4 * SECOND

function host(
  name: string,
  index: number,
  links: readonly number[],
  x: number,
  y: number,
  more: Partial<ResolvedHost>,
): ResolvedHost {
  return {
    name,
    label: name,
    kind: 'host',
    interfaces: links.map((link, port) => ({
      name: `eth${String(port)}`,
      link,
      end: link === 0 && name === 'clients' ? 0 : name === 'balancer' && link > 0 ? 0 : 1,
      mac: 2 ** 41 + index * 2 ** 20 + port,
      address: 0x0a000001 + index * 2 ** 16,
      prefix: 12,
      mtu: 1500,
    })),
    routes: [],
    names: {},
    apps: [],
    tcp: {},
    position: { x, y },
    ...more,
  }
}

const series = (label: string, spec: MeasureSpec, more: Partial<ChartPlan['series'][number]> = {}) => ({
  label,
  unit: 'count' as const,
  perSecond: spec.measure === 'frames',
  spec,
  ...more,
})

/** @param clients how many members the crowd has */
export function stormScenario(clients: number): ResolvedScenario {
  const states = ['connected', 'connecting', 'backing-off', 'gone'] as const
  const bucket = 100 * MS
  const link = { ...DEFAULT_LINK, rate: 1_000_000_000, delay: 20 * MS }
  const load = { measure: 'value', event: 'host:load-sampled' } as const
  return {
    id: 'storm',
    title: 'A storm',
    summary: '',
    seed: 1,
    duration: 60 * SECOND,
    speed: 1,
    hosts: [
      host('clients', 0, [0], 0, 0.5, { replicas: clients, apps: [{ app: 'browser', options: {} }] }),
      host('balancer', 1, [0, 1, 2], 0.5, 0.5, { kind: 'router' }),
      host('server-a', 2, [1], 1, 0, { apps: [{ app: 'web-server', options: {} }] }),
      host('server-b', 3, [2], 1, 1, { apps: [{ app: 'web-server', options: {} }] }),
    ],
    links: [
      { name: 'clients-balancer', hosts: [0, 1], ports: [0, 0], settings: [link, link] },
      { name: 'balancer-server-a', hosts: [1, 2], ports: [1, 0], settings: [link, link] },
      { name: 'balancer-server-b', hosts: [1, 3], ports: [2, 0], settings: [link, link] },
    ],
    knobs: [],
    faults: ['drop', 'corrupt', 'link', 'cut', 'kill', 'pause'],
    views: ['charts', 'crowd', 'events'],
    charts: [
      {
        title: 'SYNs into the servers',
        bucket,
        stacked: false,
        series: ['server-a', 'server-b'].map((to) => series(to, { measure: 'frames', kind: 'tcp-syn', to })),
      },
      {
        title: 'Clients by state',
        bucket,
        stacked: true,
        series: states.map((state) => series(state, { measure: 'members', host: 'clients', state, members: clients })),
      },
      {
        title: 'Servers: processor and accept queue',
        bucket,
        stacked: false,
        series: [
          series('processor of server-b', { ...load, field: 'processor', host: 'server-b' }, { unit: 'fraction' }),
          series('accept queue of server-b', { ...load, field: 'acceptQueue', host: 'server-b' }),
        ],
      },
      {
        title: 'Delay of messages',
        bucket: 500 * MS,
        stacked: false,
        series: [50, 95, 99].map((percentile) =>
          series(
            `${String(percentile)}th percentile`,
            { measure: 'percentile', event: 'chat:heard', field: 'delay', percentile },
            { unit: 'time' },
          ),
        ),
      },
    ],
    lesson: [],
  }
}

/** A whole number by formula that looks like chance. */
function hash(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x45d9f3b)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** A run whose playhead moves with real time, and whose records come as it moves. */
export class StormRun extends EventTarget implements Run {
  readonly scenario: ResolvedScenario
  readonly seed = 1
  readonly placement = 'inline'
  readonly failure = undefined
  readonly knobs = {}
  state: RunState = 'paused'
  playhead = 0
  horizon = 0
  speed = 1
  trace: TraceStore
  log: Intervention[] = []
  readonly links: readonly LinkState[]
  readonly hosts: readonly HostState[]
  readonly #packed = new Float64Array(PACKED_WIDTH)
  #told = 0
  #eventId = 0
  #timer = 0

  /**
   * @param clients how many members the crowd has
   * @param perMillisecond how many frames are sent each millisecond
   * @param eventsPerMillisecond at most 30
   */
  constructor(
    readonly clients: number,
    readonly perMillisecond: number,
    readonly eventsPerMillisecond = 1,
  ) {
    super()
    this.scenario = stormScenario(clients)
    this.links = this.scenario.links.map(({ settings }) => ({ settings }))
    this.hosts = this.scenario.hosts.map(() => ({ power: 'on' }))
    this.trace = this.#emptyTrace()
  }

  #emptyTrace(): TraceStore {
    const { hosts, links } = this.scenario
    const trace = new TraceStore(
      hosts.map(({ name }) => name),
      links.map((link) => link.hosts),
    )
    trace.connections = Array.from({ length: this.clients + 1 }, (_, index) =>
      index === 0 ? '' : `10.0.0.1:${String(20_000 + index)} ↔ 10.2.0.1:80`,
    )
    return trace
  }

  /** Makes the records of the milliseconds up to a time known. */
  #simulate(time: number): void {
    const until = Math.floor(time / MS)
    for (let at = this.#told; at < until; at++) this.#millisecond(at)
    this.#told = Math.max(this.#told, until)
    this.horizon = Math.max(this.horizon, time)
    this.trace.horizon = this.horizon
  }

  #millisecond(at: number): void {
    const { trace, perMillisecond, clients } = this
    const start = at * MS
    const isStorm = start >= KILLED
    for (let i = 0; i < perMillisecond; i++) {
      const number = trace.frameCount + 1
      const chance = hash(number)
      const member = chance % clients
      const enqueued = start + Math.floor((i * MS) / perMillisecond)
      const isLost = isStorm && chance % 50 === 0
      const toB = isStorm || member % 2 === 1
      const link = chance % 4 < 2 ? 0 : toB ? 2 : 1
      const where = link * 2 + ((chance >>> 8) & 1)
      const kind = isStorm && chance % 3 === 0 ? SYN : KINDS[(chance >>> 4) % KINDS.length]
      const { hosts } = this.scenario.links[link]
      const id = hosts[where & 1] * ID_SEQUENCE_LIMIT + number
      const way = 20 * MS + (link === 0 ? (member % 40) * MS : 0)
      this.#tell(number, id, enqueued, isLost ? NEVER : enqueued, isLost ? NEVER : enqueued + way, where, kind, member, isLost)
    }
    for (let i = 0; i < this.eventsPerMillisecond; i++) {
      this.#event(start + i * 30_000, 0, hash(at * 30 + i) % clients, isStorm)
    }
    if (start === KILLED) {
      this.#record(start, -1, 0, 'run:host-killed', { host: 'server-a' })
      for (let member = 0; member < clients; member += 2) {
        this.#record(start, 0, member + 1, 'client:state-changed', { state: 'gone' })
      }
    }
    if (at % 100 === 0) {
      const processor = isStorm ? 1 : 0.35 + (hash(at) % 100) / 1000
      this.#record(start, 3, 0, 'host:load-sampled', { processor, acceptQueue: isStorm ? 128 : hash(at) % 7 })
    }
  }

  #event(time: number, hostIndex: number, member: number, isStorm: boolean): void {
    const chance = hash(time + member)
    if (chance % 3 !== 0) {
      this.#record(time, hostIndex, member + 1, 'chat:heard', {
        id: chance,
        delay: (isStorm ? 400 : 45) * MS + (chance % 30) * MS,
      })
      return
    }
    const state = isStorm ? (['connecting', 'backing-off', 'connected', 'backing-off'] as const)[chance % 4] : 'connected'
    this.#record(time, hostIndex, member + 1, 'client:state-changed', { state, attempt: chance % 9 })
  }

  #tell(
    number: number,
    id: number,
    enqueued: number,
    sent: number,
    arrives: number,
    where: number,
    kind: number,
    member: number,
    isLost: boolean,
  ): void {
    const row = [number, id, enqueued, sent, arrives, isLost ? enqueued : NEVER, 0, where, 120, member + 1, 0]
    this.#packed.set([...row, isLost ? REFUSED : ARRIVED, kind, 0, number, 54])
    this.trace.table.unpack(this.#packed, 0)
  }

  #record(time: number, of: number, member: number, name: string, data: EventData): void {
    const id = 10 * ID_SEQUENCE_LIMIT + ++this.#eventId
    this.trace.eventTable.adopt({ id, time, host: of, member, name, connection: '', data, cause: 0 })
  }

  play(): void {
    if (this.state === 'playing') return
    this.state = 'playing'
    this.dispatchEvent(new Event('change'))
    let last = performance.now()
    const tick = (now: number): void => {
      const elapsed = Math.min(100, Math.max(0, now - last))
      last = now
      this.#simulate(this.playhead + elapsed * MS * this.speed)
      this.dispatchEvent(new Event('trace'))
      this.playhead = Math.max(this.playhead, Math.floor(this.playhead + elapsed * MS * this.speed))
      this.dispatchEvent(new Event('time'))
      this.#timer = requestAnimationFrame(tick)
    }
    this.#timer = requestAnimationFrame(tick)
  }

  pause(): void {
    cancelAnimationFrame(this.#timer)
    if (this.state === 'paused') return
    this.state = 'paused'
    this.dispatchEvent(new Event('change'))
  }

  step(direction: 1 | -1): Promise<void> {
    return this.seek(this.playhead + direction * MS)
  }

  seek(time: number): Promise<void> {
    if (time > this.horizon) {
      this.#simulate(time)
      this.dispatchEvent(new Event('trace'))
    }
    this.playhead = Math.max(0, time)
    this.dispatchEvent(new Event('time'))
    return Promise.resolve()
  }

  intervene(action: Action): Promise<void> {
    this.log = [...this.log, { ...action, at: this.playhead }]
    this.dispatchEvent(new Event('change'))
    return Promise.resolve()
  }

  restart(): Promise<void> {
    this.trace = this.#emptyTrace()
    this.#told = this.playhead = this.horizon = 0
    this.dispatchEvent(new Event('restart'))
    return Promise.resolve()
  }

  inspect(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  capture(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array())
  }

  qlog(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  dispose(): void {
    cancelAnimationFrame(this.#timer)
  }
}
