import { DEFAULT_LINK } from '../../src/kernel/link.ts'
import type { Run, RunState } from '../../src/run/run.ts'
import type { Intervention, Action } from '../../src/scenario/intervention.ts'
import type { ResolvedHost, ResolvedScenario } from '../../src/scenario/resolved.ts'
import {
  FrameMark,
  NEVER,
  type EventRecord,
  type Fate,
  type FrameKind,
  type FrameRecord,
  type LinkSettings,
  type Nanos,
  type TraceView,
} from '../../src/trace/record.ts'
import type { Inspection } from '../../src/trace/inspection.ts'
import type { Field, Layer } from '../../src/wire/field.ts'

/*
 * A run that no engine made: records by formula, for looking at elements and for testing them without protocols. It knows its whole
 * future, and tells only what is known at its horizon.
 */

const MS = 1_000_000

const LINK: LinkSettings = { ...DEFAULT_LINK, rate: 10_000_000, delay: 20 * MS }

export interface HostPlan {
  readonly name: string
  readonly x: number
  readonly y: number
  readonly kind?: ResolvedHost['kind']
  readonly app?: string
}
export interface LinkPlan {
  readonly between: readonly [string, string]
  readonly settings?: Partial<LinkSettings>
}

/** A scenario with these hosts and links, and addresses given in order. */
export function syntheticScenario(hosts: readonly HostPlan[], links: readonly LinkPlan[], speed = 0.02): ResolvedScenario {
  const at = (name: string): number => hosts.findIndex((host) => host.name === name)
  return {
    id: 'synthetic',
    title: 'Synthetic',
    summary: 'Made by formula.',
    seed: 1,
    duration: 10_000 * MS,
    speed,
    hosts: hosts.map(({ name, x, y, kind = 'host', app }, index) => ({
      name,
      label: name,
      kind,
      interfaces: links.flatMap(({ between }, link) =>
        between.includes(name)
          ? [
              {
                name: `eth${String(links.slice(0, link).filter((each) => each.between.includes(name)).length)}`,
                link,
                end: between[0] === name ? (0 as const) : (1 as const),
                mac: 0x0200_0000_0000 + index * 256 + link,
                address: kind === 'switch' ? 0 : 0x0a00_0000 + (kind === 'router' ? link * 256 + 254 : index + 1),
                prefix: 24,
                mtu: 1500,
              },
            ]
          : [],
      ),
      routes: [],
      names: {},
      apps: app === undefined ? [] : [{ app, options: {} }],
      tcp: {},
      position: { x, y },
    })),
    links: links.map(({ between: [a, b], settings }) => ({
      name: `${a}-${b}`,
      hosts: [at(a), at(b)],
      ports: [0, 0],
      settings: [
        { ...LINK, ...settings },
        { ...LINK, ...settings },
      ],
    })),
    knobs: [],
    faults: ['drop', 'corrupt', 'link', 'cut', 'kill', 'pause'],
    views: [],
    lesson: [],
  }
}

export interface SendOptions {
  readonly mark?: number
  /** Why it does not arrive. */
  readonly fate?: Fate
  /** How far on the way that happens, 0 to 1. */
  readonly where?: number
  readonly corrupted?: boolean
  readonly duplicate?: boolean
  /** Raw numbers, for `inspect`. */
  readonly seq?: number
  readonly ack?: number
  readonly answersSyn?: boolean
}

/** Records of frames by formula: a lane is busy while a frame leaves, the next ones wait. */
export class SyntheticTrace implements TraceView {
  readonly hosts: readonly string[]
  readonly connections = ['', '10.0.0.1:49152 ↔ 10.0.0.2:80', '10.0.0.1:49153 ↔ 10.0.0.2:80', '10.0.0.3:40000 ↔ 10.0.0.4:5004']
  readonly events: readonly EventRecord[] = []
  readonly firstKept = 1
  readonly thinnedBytes = 0
  horizon: Nanos = 0
  readonly planned: (FrameRecord & { readonly told: SendOptions })[] = []
  readonly #scenario: ResolvedScenario
  readonly #free: number[] = []
  /** By lane, when those that wait will leave. */
  readonly #departures: number[][] = []
  #sorted = true

  constructor(scenario: ResolvedScenario) {
    this.#scenario = scenario
    this.hosts = scenario.hosts.map(({ name }) => name)
  }

  /** Sends a frame and returns when it arrives, or would have. */
  send(
    time: Nanos,
    link: number,
    direction: 0 | 1,
    kind: FrameKind,
    length: number,
    connection: number,
    told: SendOptions = {},
  ): Nanos {
    const { settings, hosts } = this.#scenario.links[link]
    const { rate, delay, queueFrames } = settings[direction]
    const lane = link * 2 + direction
    const serial = rate === 0 ? 0 : Math.ceil((length * 8e9) / rate)
    const enqueued = Math.round(time)
    const departures = (this.#departures[lane] ??= []).filter((each) => each > enqueued)
    this.#departures[lane] = departures
    const full = departures.length >= queueFrames
    const sent = full ? NEVER : Math.max(enqueued, this.#free[lane] ?? 0)
    const arrives = full ? NEVER : sent + serial + delay
    if (!full) {
      this.#free[lane] = sent + serial
      departures.push(sent)
    }
    const fate: Fate = full ? 'queue-full' : (told.fate ?? 'arrived')
    const fateAt = full ? enqueued : fate === 'arrived' ? arrives : Math.round(sent + (arrives - sent) * (told.where ?? 0.5))
    this.planned.push({
      number: 0,
      id: this.planned.length + 1,
      link,
      direction,
      from: hosts[direction],
      to: hosts[1 - direction],
      enqueued,
      sent,
      arrives,
      fate,
      fateAt,
      length,
      corrupted: told.corrupted ?? false,
      duplicate: told.duplicate ?? false,
      mark: told.mark ?? 0,
      kind,
      connection,
      seq: told.seq ?? 0,
      payload: 0,
      cause: 0,
      told,
    })
    this.#sorted = false
    return arrives === NEVER ? enqueued + delay : arrives
  }

  #sort(): void {
    if (this.#sorted) return
    this.#sorted = true
    this.planned.sort((a, b) => a.enqueued - b.enqueued || a.id - b.id)
  }

  get frameCount(): number {
    this.#sort()
    let low = 0
    let high = this.planned.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.planned[middle].enqueued <= this.horizon) low = middle + 1
      else high = middle
    }
    return low
  }

  frame(number: number): FrameRecord | undefined {
    if (number < 1 || number > this.frameCount) return undefined
    const frame = this.planned[number - 1]
    const known = { ...frame, number }
    if (frame.sent > this.horizon && frame.sent !== NEVER) {
      return { ...known, sent: NEVER, arrives: NEVER, fate: 'queued', fateAt: NEVER }
    }
    if (frame.fate === 'arrived' && frame.arrives > this.horizon) return { ...known, fate: 'in-flight', fateAt: NEVER }
    return known
  }

  frameById(id: number): FrameRecord | undefined {
    this.#sort()
    const index = this.planned.findIndex((frame) => frame.id === id)
    return this.frame(index + 1)
  }

  eventById(): undefined {
    return undefined
  }

  *frames(where: (frame: FrameRecord) => boolean = () => true): IterableIterator<FrameRecord> {
    for (let number = 1; number <= this.frameCount; number++) {
      const frame = this.frame(number)
      if (frame !== undefined && where(frame)) yield frame
    }
  }

  first(): undefined {
    return undefined
  }

  all(): EventRecord[] {
    return []
  }
}

function fields(values: Readonly<Record<string, string | number>>): Field[] {
  return Object.entries(values).map(([name, value]) => ({ name, label: name, value: String(value), start: 0, end: 1 }))
}

function layersOf(frame: FrameRecord & { readonly told: SendOptions }): Layer[] {
  const layer = (protocol: string, values: Readonly<Record<string, string | number>>, summary = ''): Layer => ({
    protocol,
    title: protocol,
    summary,
    start: 0,
    end: 1,
    fields: fields(values),
  })
  if (frame.kind === 'arp') return [layer('arp', {}, frame.direction === 0 ? 'who has 10.0.0.2? tell 10.0.0.1' : 'is at')]
  if (frame.kind === 'icmp') {
    return [layer('icmp', { 'icmp.seq': 1 }, frame.direction === 0 ? 'Echo request, seq 1' : 'Echo reply, seq 1')]
  }
  if (!frame.kind.startsWith('tcp')) return []
  const { seq = 1000, ack = 5000, answersSyn = false } = frame.told
  const flag = (set: boolean): string => (set ? 'set' : 'not set')
  const payload = frame.length - 54
  return [
    layer('ipv4', {
      'ip.src': `h${String(frame.from)}`,
      'ip.dst': `h${String(frame.to)}`,
      'ip.len': payload + 40,
      'ip.hdr_len': '20 bytes',
    }),
    layer('tcp', {
      'tcp.srcport': 1,
      'tcp.dstport': 1,
      'tcp.seq_raw': seq,
      'tcp.ack_raw': ack,
      'tcp.hdr_len': '20 bytes',
      'tcp.flags.syn': flag(frame.kind === 'tcp-syn'),
      'tcp.flags.ack': flag(frame.kind !== 'tcp-syn' || answersSyn),
      'tcp.flags.fin': flag(frame.kind === 'tcp-fin'),
      'tcp.flags.reset': flag(frame.kind === 'tcp-rst'),
    }),
  ]
}

/** A run over a synthetic trace, moved by hand (`goTo`) or by the page's clock (`play`). */
export class SyntheticRun extends EventTarget implements Run {
  readonly scenario: ResolvedScenario
  readonly trace: SyntheticTrace
  readonly seed = 1
  readonly placement = 'inline'
  readonly failure = undefined
  readonly knobs = {}
  state: RunState = 'paused'
  playhead: Nanos = 0
  speed: number
  log: Intervention[] = []
  links: Run['links']
  hosts: Run['hosts']
  #timer = 0

  constructor(scenario: ResolvedScenario, trace: SyntheticTrace) {
    super()
    this.scenario = scenario
    this.trace = trace
    this.speed = scenario.speed
    this.links = scenario.links.map(({ settings }) => ({ settings }))
    this.hosts = scenario.hosts.map(() => ({ power: 'on' }))
  }

  get horizon(): Nanos {
    return this.trace.horizon
  }

  /** Moves the playhead, and the horizon with it where it lies beyond. */
  goTo(time: Nanos): void {
    this.playhead = time
    if (time > this.trace.horizon) {
      this.trace.horizon = time
      this.dispatchEvent(new Event('trace'))
    }
    this.dispatchEvent(new Event('time'))
  }

  play(): void {
    this.state = 'playing'
    this.dispatchEvent(new Event('change'))
    let last = performance.now()
    const tick = (now: number): void => {
      this.goTo(this.playhead + Math.max(0, now - last) * this.speed * MS)
      last = now
      this.#timer = requestAnimationFrame(tick)
    }
    this.#timer = requestAnimationFrame(tick)
  }

  pause(): void {
    cancelAnimationFrame(this.#timer)
    this.state = 'paused'
    this.dispatchEvent(new Event('change'))
  }

  step(direction: 1 | -1): Promise<void> {
    this.goTo(Math.max(0, this.playhead + direction * MS))
    return Promise.resolve()
  }

  seek(time: Nanos): Promise<void> {
    this.goTo(time)
    return Promise.resolve()
  }

  intervene(action: Action): Promise<void> {
    this.log = [...this.log, { ...action, at: this.playhead }]
    this.dispatchEvent(new Event('change'))
    return Promise.resolve()
  }

  restart(): Promise<void> {
    this.trace.horizon = 0
    this.playhead = 0
    this.dispatchEvent(new Event('restart'))
    return Promise.resolve()
  }

  inspect(number: number): Promise<Inspection | undefined> {
    const frame = this.trace.planned.at(number - 1)
    if (frame === undefined) return Promise.resolve(undefined)
    const layers = layersOf(frame)
    return Promise.resolve({
      bytes: new Uint8Array(frame.length),
      layers,
      views: [],
      summary: layers.at(-1)?.summary ?? '',
      isOpen: false,
    })
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

const ISN_CLIENT = 1_000_000
const ISN_SERVER = 4_000_000_000

/**
 * A download: handshake, request, rounds of data that double, one segment lost (or several), duplicate ACKs, a retransmission, the end.
 * @param queueFrames limit of the server's queue
 */
export function syntheticDownload(queueFrames = 1000, loss = 0): SyntheticRun {
  const scenario = syntheticScenario(
    [
      { name: 'alice', x: 0.15, y: 0.5, app: 'browser' },
      { name: 'bob', x: 0.85, y: 0.5, app: 'web-server' },
    ],
    [{ between: ['alice', 'bob'], settings: { queueFrames, loss } }],
  )
  const trace = new SyntheticTrace(scenario)
  const segment = 1460
  const upward = (time: Nanos, kind: FrameKind, told: SendOptions, payload = 0): Nanos =>
    trace.send(time, 0, 0, kind, 54 + payload, 1, told)
  const downward = (time: Nanos, kind: FrameKind, told: SendOptions, payload = 0): Nanos =>
    trace.send(time, 0, 1, kind, 54 + payload, 1, told)
  let time = upward(2 * MS, 'tcp-syn', { seq: ISN_CLIENT })
  time = downward(time, 'tcp-syn', { seq: ISN_SERVER, answersSyn: true })
  upward(time, 'tcp-ack', { ack: ISN_SERVER + 1 })
  time = upward(time, 'tcp-data', { seq: ISN_CLIENT + 1 }, 180)
  let sequence = 1
  for (let round = 0; round < 4; round++) {
    let next = Infinity
    const hole = round === 1 ? 3 : -1
    let missing = 0
    for (let i = 0; i < 4 * 2 ** round; i++) {
      const lost = i === hole
      const arrives = downward(
        time,
        'tcp-data',
        { seq: ISN_SERVER + sequence, ...(lost ? { fate: 'random-loss' } : {}) },
        segment,
      )
      if (lost) missing = sequence
      sequence += segment
      if (!lost) next = Math.min(next, upward(arrives, 'tcp-ack', { ack: ISN_SERVER + (missing > 0 ? missing : sequence) }))
    }
    if (missing > 0) {
      const again = downward(next + 12 * MS, 'tcp-data', { seq: ISN_SERVER + missing, mark: FrameMark.Retransmission }, segment)
      next = upward(again, 'tcp-ack', { ack: ISN_SERVER + sequence })
    }
    time = next
  }
  time = downward(time, 'tcp-fin', { seq: ISN_SERVER + sequence })
  time = upward(time, 'tcp-ack', { ack: ISN_SERVER + sequence + 1 })
  time = upward(time, 'tcp-fin', {})
  downward(time, 'tcp-ack', { ack: ISN_CLIENT + 200 })
  return new SyntheticRun(scenario, trace)
}

/** Every kind of frame and of fate on a network of six: for looking at. */
export function syntheticZoo(): SyntheticRun {
  const scenario = syntheticScenario(
    [
      { name: 'alice', x: 0.1, y: 0.2, app: 'browser' },
      { name: 'carol', x: 0.1, y: 0.8, app: 'ping' },
      { name: 'switch', x: 0.38, y: 0.5, kind: 'switch' },
      { name: 'router', x: 0.64, y: 0.5, kind: 'router' },
      { name: 'bob', x: 0.92, y: 0.2, app: 'web-server' },
      { name: 'dave', x: 0.92, y: 0.8, app: 'stream-receiver' },
    ],
    [
      { between: ['alice', 'switch'], settings: { delay: 20 * MS } },
      { between: ['carol', 'switch'], settings: { rate: 100_000_000 } },
      { between: ['switch', 'router'], settings: { rate: 4_000_000, queueFrames: 12 } },
      { between: ['router', 'bob'], settings: { rate: 1_000_000_000, loss: 0.02 } },
      { between: ['router', 'dave'], settings: { rate: 2_000_000 } },
    ],
  )
  const trace = new SyntheticTrace(scenario)
  const kinds: FrameKind[] = ['tcp-syn', 'tcp-ack', 'tcp-data', 'tcp-fin', 'tcp-rst', 'udp', 'arp', 'icmp', 'ndp', 'other']
  const size = (kind: FrameKind): number => (kind === 'tcp-data' ? 1514 : kind === 'udp' ? 400 : 60)
  for (let round = 0; round < 60; round++) {
    const start = round * 12 * MS
    const kind = kinds[round % kinds.length]
    const other = kinds[(round * 2 + 3) % kinds.length]
    trace.send(start, 0, 0, kind, size(kind), kind.startsWith('tcp') ? 1 : 0)
    trace.send(start + 5 * MS, 0, 1, other, size(other), other.startsWith('tcp') ? 2 : 0)
    trace.send(start + 2 * MS, 1, 0, 'icmp', 98, 0)
    trace.send(start + 7 * MS, 1, 1, 'tcp-data', 900, 3, { mark: FrameMark.Retransmission })
    trace.send(start, 2, 0, 'tcp-data', 1514, 1)
    trace.send(start, 2, 0, 'tcp-data', 1514, 2)
    trace.send(start + 1, 2, 0, 'udp', 600, 3)
    if (round % 3 === 0) for (let i = 0; i < 8; i++) trace.send(start + 3 * MS + i, 2, 0, 'tcp-data', 1514, 1 + (i % 2))
    trace.send(start + 4 * MS, 2, 1, 'tcp-ack', 60, 1)
    trace.send(start, 3, 0, 'tcp-data', 1514, 1, round % 4 === 1 ? { fate: 'random-loss' } : {})
    trace.send(start + 6 * MS, 3, 1, 'tcp-ack', 60, 1, round % 5 === 2 ? { corrupted: true, fate: 'bad-fcs', where: 1 } : {})
    trace.send(start, 4, 0, 'udp', 1200, 3, round % 4 === 2 ? { corrupted: true, fate: 'bad-fcs', where: 1 } : {})
    trace.send(start + 3 * MS, 4, 1, 'udp', 300, 3, round % 6 === 3 ? { fate: 'dropped-by-hand', where: 0.3 } : {})
  }
  return new SyntheticRun(scenario, trace)
}

/** About `count` frames in flight at once, on a star of six links, from 200 ms on. */
export function syntheticCrowd(count: number): SyntheticRun {
  const spokes = 6
  const hosts: HostPlan[] = [{ name: 'hub', x: 0.5, y: 0.5, kind: 'router' }]
  const links: LinkPlan[] = []
  for (let i = 0; i < spokes; i++) {
    const angle = (i * 2 * Math.PI) / spokes
    hosts.push({ name: `host ${String(i + 1)}`, x: 0.5 + 0.4 * Math.cos(angle), y: 0.5 + 0.4 * Math.sin(angle), app: 'browser' })
    links.push({ between: [`host ${String(i + 1)}`, 'hub'], settings: { rate: 1_000_000_000, delay: 100 * MS } })
  }
  const scenario = syntheticScenario(hosts, links, 0.1)
  const trace = new SyntheticTrace(scenario)
  const lanes = spokes * 2
  const interval = (100 * MS * lanes) / count
  const kinds: FrameKind[] = ['tcp-data', 'tcp-ack', 'udp', 'tcp-data', 'tcp-ack', 'icmp']
  for (let lane = 0; lane < lanes; lane++) {
    for (let i = 0; i * interval < 3000 * MS; i++) {
      const kind = kinds[(i * 7 + lane) % kinds.length]
      const fate: SendOptions = i % 97 === 5 ? { fate: 'random-loss' } : i % 50 === 7 ? { mark: FrameMark.Retransmission } : {}
      const time = i * interval + lane * 1000
      trace.send(time, lane >> 1, (lane & 1) as 0 | 1, kind, kind === 'tcp-ack' ? 60 : 700, 1 + ((i + lane) % 3), fate)
    }
  }
  return new SyntheticRun(scenario, trace)
}
