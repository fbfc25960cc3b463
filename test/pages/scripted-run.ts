import { DEFAULT_LINK } from '../../src/kernel/link.ts'
import { networkAt } from '../../components/network-state.ts'
import type { HostState, LinkState, Run, RunState } from '../../src/run/run.ts'
import type { Action, Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedHost, ResolvedScenario } from '../../src/scenario/resolved.ts'
import {
  FrameMark,
  NEVER,
  type EventRecord,
  type FrameRecord,
  type LinkSettings,
  type Nanos,
  type TraceView,
} from '../../src/trace/record.ts'
import type { InspectedView, Inspection } from '../../src/trace/inspection.ts'
import type { Layer } from '../../src/wire/field.ts'

/*
 * A run whose records were written down beforehand, and which notes what it was told to do: for testing elements. Dropping a frame
 * changes its fate and nothing after it.
 */

export const MS = 1_000_000

const LINK: LinkSettings = { ...DEFAULT_LINK, rate: 10_000_000, delay: 20 * MS, queueBytes: 65_536 }

function host(name: string, end: 0 | 1, app: string): ResolvedHost {
  return {
    name,
    label: name,
    kind: 'host',
    interfaces: [{ name: 'eth0', link: 0, end, mac: 2 ** 41 + end, address: 0x0a000001 + end, prefix: 24, mtu: 1500 }],
    routes: [],
    names: {},
    apps: [{ app, options: {} }],
    tcp: {},
    position: { x: end === 0 ? 0.1 : 0.9, y: 0.5 },
  }
}

export const SCENARIO: ResolvedScenario = {
  id: 'scripted',
  title: 'A scripted download',
  summary: 'One packet is lost.',
  seed: 7,
  duration: 10_000 * MS,
  speed: 0.01,
  hosts: [host('alice', 0, 'browser'), host('bob', 1, 'web-server')],
  links: [{ name: 'alice-bob', hosts: [0, 1], ports: [0, 0], settings: [LINK, LINK] }],
  knobs: [
    {
      name: 'loss',
      label: 'Packet loss',
      help: 'At random.',
      control: { kind: 'range', min: 0, max: 0.2, step: 0.01, scale: 'linear', unit: 'fraction' },
      value: 0,
      sets: ['links[0].loss'],
      applies: 'live',
    },
    {
      name: 'sack',
      label: 'SACK',
      help: '',
      control: { kind: 'toggle' },
      value: true,
      sets: ['hosts.bob.tcp.sack'],
      applies: 'restart',
    },
    {
      name: 'recovery',
      label: 'Recovery',
      help: '',
      control: {
        kind: 'choice',
        choices: [
          { value: 'newreno', label: 'NewReno' },
          { value: 'none', label: 'None' },
        ],
      },
      value: 'newreno',
      sets: ['hosts.bob.tcp.recovery'],
      applies: 'live',
    },
  ],
  faults: ['drop', 'corrupt', 'link', 'cut', 'kill', 'pause', 'machine'],
  views: ['events', 'inspector'],
  lesson: [
    { text: 'Press **play**.', until: { event: 'page:started' } },
    { text: 'Click a `data` packet.', until: { intervention: 'drop' } },
    { text: 'That is all <b>there</b> is.' },
  ],
}

export class ScriptedTrace implements TraceView {
  readonly hosts = ['alice', 'bob']
  readonly connections = ['', '10.0.0.1:49152 ↔ 10.0.0.2:80']
  firstKept = 1
  thinnedBytes = 0
  horizon: Nanos = 0
  readonly all_: FrameRecord[] = []
  readonly allEvents: EventRecord[] = []
  #nextId = 1

  frameAt(enqueued: Nanos, direction: 0 | 1, kind: FrameRecord['kind'], more: Partial<FrameRecord> = {}): FrameRecord {
    const frame: FrameRecord = {
      number: this.all_.length + 1,
      id: this.#nextId++,
      link: 0,
      direction,
      from: direction,
      to: 1 - direction,
      enqueued,
      sent: enqueued,
      arrives: enqueued + 20 * MS,
      fate: 'arrived',
      fateAt: enqueued + 20 * MS,
      length: 66,
      corrupted: false,
      duplicate: false,
      mark: 0,
      kind,
      connection: kind === 'arp' ? 0 : 1,
      seq: 0,
      payload: 0,
      cause: 0,
      ...more,
    }
    this.all_.push(frame)
    return frame
  }

  eventAt(time: Nanos, host: number, name: string, data: EventRecord['data'] = {}, cause = 0, connection = ''): EventRecord {
    const event = { id: this.#nextId++, time, host, member: 0, name, connection, data, cause }
    this.allEvents.push(event)
    return event
  }

  get frameCount(): number {
    const mark = `${String(this.horizon)} ${String(this.all_.length)}`
    if (mark !== this.#countMark) {
      this.#countMark = mark
      this.#count = this.all_.filter(({ enqueued }) => enqueued <= this.horizon).length
    }
    return this.#count
  }
  #count = 0
  #countMark = ''
  get events(): readonly EventRecord[] {
    return this.allEvents.filter(({ time }) => time <= this.horizon)
  }
  frame(number: number): FrameRecord | undefined {
    const frame = this.all_.at(number - 1)
    if (frame === undefined || number < this.firstKept || frame.enqueued > this.horizon) return undefined
    return frame.fateAt <= this.horizon ? frame : { ...frame, fate: 'in-flight', fateAt: NEVER }
  }
  frameById(id: number): FrameRecord | undefined {
    return this.frame(this.all_.findIndex((frame) => frame.id === id) + 1)
  }
  eventById(id: number): EventRecord | undefined {
    return this.events.find((event) => event.id === id)
  }
  *frames(where: (frame: FrameRecord) => boolean = () => true): IterableIterator<FrameRecord> {
    for (let number = 1; number <= this.frameCount; number++) {
      const frame = this.frame(number)
      if (frame !== undefined && where(frame)) yield frame
    }
  }
  first(name: string): EventRecord | undefined {
    return this.events.find((event) => event.name === name)
  }
  all(name: string): EventRecord[] {
    return this.events.filter((event) => event.name === name)
  }
}

/** A page asked for; eight segments, of which the third is lost and sent again. It ends at 200 ms. */
export function scriptedTrace(): ScriptedTrace {
  const trace = new ScriptedTrace()
  const start = trace.eventAt(0, 0, 'page:started', { url: 'http://bob/' })
  const syn = trace.frameAt(0, 0, 'tcp-syn', { cause: start.id })
  const answer = trace.frameAt(20 * MS, 1, 'tcp-syn', { cause: syn.id })
  trace.frameAt(40 * MS, 0, 'tcp-data', { cause: answer.id, length: 140 })
  for (let index = 0; index < 8; index++) {
    const lost: Partial<FrameRecord> = index === 2 ? { fate: 'random-loss', fateAt: (72 + index) * MS } : {}
    trace.frameAt((60 + index) * MS, 1, 'tcp-data', { length: 1514, ...lost })
  }
  trace.eventAt(110 * MS, 1, 'tcp:fast-retransmit-entered')
  trace.frameAt(110 * MS, 1, 'tcp-data', { length: 1514, mark: FrameMark.Retransmission })
  trace.eventAt(130 * MS, 0, 'page:loaded', { url: 'http://bob/', resources: 0, bytes: 11_000, duration: 130 * MS })
  return trace
}

/** So many rows of the list: a frame and an event by turns, one each half microsecond. */
export function longTrace(rows: number): ScriptedTrace {
  const trace = new ScriptedTrace()
  for (let index = 0; index < rows / 2; index++) {
    trace.frameAt(index * 1000, index % 2 === 0 ? 0 : 1, 'tcp-data')
    trace.eventAt(index * 1000 + 500, index % 2, 'tcp:delivered', { offset: index * 1448, length: 1448 })
  }
  return trace
}

export class ScriptedRun extends EventTarget implements Run {
  readonly seed = 7
  readonly placement = 'inline'
  readonly end: Nanos
  failure: string | undefined
  state: RunState = 'paused'
  playhead: Nanos = 0
  log: Intervention[] = []
  /** What it was told, in order: `'play'`, `'seek 1000'`, … */
  readonly told: string[] = []
  disposed = false
  /** What the next intervention is refused with. */
  refuses: string | undefined
  #speed = 0.01

  constructor(
    readonly trace: ScriptedTrace = scriptedTrace(),
    readonly scenario: ResolvedScenario = SCENARIO,
  ) {
    super()
    this.end = trace.all_.reduce((end, { arrives }) => Math.max(end, arrives), 200 * MS)
  }

  get horizon(): Nanos {
    return this.trace.horizon
  }
  pace: number | undefined
  get speed(): number {
    return this.#speed
  }
  set speed(value: number) {
    this.#speed = value
    this.#fire('change')
  }
  get knobs(): Run['knobs'] {
    return networkAt(this.scenario, this.log, this.horizon).knobs
  }
  get links(): readonly LinkState[] {
    return networkAt(this.scenario, this.log, this.horizon).links
  }
  get hosts(): readonly HostState[] {
    return networkAt(this.scenario, this.log, this.horizon).power.map((power) => ({ power }))
  }

  #fire(name: string): void {
    this.dispatchEvent(new Event(name))
  }

  /** Moves the playhead without anybody having asked. */
  goTo(time: Nanos): void {
    this.playhead = Math.max(0, Math.min(time, this.end))
    if (this.playhead > this.trace.horizon) {
      this.trace.horizon = this.playhead
      this.#fire('trace')
    }
    this.#fire('time')
    const state = this.playhead === this.end ? 'ended' : this.state === 'ended' ? 'paused' : this.state
    if (state === this.state) return
    this.state = state
    this.#fire('change')
  }

  play(): void {
    this.told.push('play')
    this.state = 'playing'
    this.#fire('change')
  }
  pause(): void {
    this.told.push('pause')
    if (this.state === 'playing') this.state = 'paused'
    this.#fire('change')
  }
  step(direction: 1 | -1): Promise<void> {
    this.told.push(`step ${String(direction)}`)
    this.goTo(this.playhead + direction * MS)
    return Promise.resolve()
  }
  seek(time: Nanos): Promise<void> {
    this.told.push(`seek ${String(time)}`)
    this.goTo(time)
    return Promise.resolve()
  }
  intervene(action: Action): Promise<void> {
    this.told.push(JSON.stringify(action))
    if (this.refuses !== undefined) return Promise.reject(new Error(this.refuses))
    this.log = [...this.log.filter(({ at }) => at <= this.playhead), { ...action, at: this.playhead }]
    if ('drop' in action && 'frame' in action.drop) {
      const { frame } = action.drop
      this.trace.all_[frame - 1] = { ...this.trace.all_[frame - 1], fate: 'dropped-by-hand', fateAt: this.playhead }
    }
    if (this.playhead < this.trace.horizon) {
      this.trace.horizon = this.playhead
      this.#fire('restart')
    }
    this.#fire('trace')
    this.#fire('change')
    return Promise.resolve()
  }
  restart(options: { log?: readonly Intervention[] } = {}): Promise<void> {
    this.told.push(`restart ${String(options.log?.length ?? 0)}`)
    this.log = [...(options.log ?? [])]
    this.trace.horizon = 0
    this.playhead = 0
    this.state = 'paused'
    this.#fire('restart')
    this.#fire('change')
    return Promise.resolve()
  }
  /** Other bytes that the packets have something to do with. */
  views: readonly InspectedView[] = []
  inspect(number: number): Promise<Inspection | undefined> {
    const frame = this.trace.frame(number)
    if (frame === undefined) return Promise.resolve(undefined)
    const bytes = new Uint8Array(frame.length).map((_, index) => index & 255)
    return Promise.resolve({ bytes, layers: LAYERS, views: this.views, summary: LAYERS.at(-1)?.summary ?? '', isOpen: false })
  }
  capture(choice: { kind: string }): Promise<Uint8Array> {
    this.told.push(`capture ${choice.kind}`)
    return Promise.resolve(new Uint8Array([10, 13, 13, 10]))
  }
  qlog(): Promise<string> {
    this.told.push('qlog')
    return Promise.resolve('{}')
  }
  dispose(): void {
    this.disposed = true
  }
}

const LAYERS: readonly Layer[] = [
  {
    protocol: 'ethernet',
    title: 'Ethernet',
    summary: 'a → b',
    start: 0,
    end: 14,
    fields: [{ name: 'eth.type', label: 'Type', value: '0x0800 (IPv4)', start: 12, end: 14 }],
  },
  {
    protocol: 'ipv4',
    title: 'Internet Protocol version 4',
    summary: '10.0.0.1 → 10.0.0.2',
    start: 14,
    end: 34,
    fields: [{ name: 'ip.ttl', label: 'Time to live', value: '64', start: 22, end: 23 }],
    problem: 'checksum should be 0x1c46',
  },
  {
    protocol: 'tcp',
    title: 'Transmission Control Protocol',
    summary: '49152 → 80 [ACK] seq 1',
    start: 34,
    end: 66,
    fields: [
      { name: 'tcp.seq', label: 'Sequence number', value: '1', start: 38, end: 42 },
      {
        name: 'tcp.flags',
        label: 'Flags',
        value: '0x010 (ACK)',
        start: 46,
        end: 48,
        fields: [{ name: 'tcp.flags.ack', label: 'ACK', value: 'set', start: 47, end: 48 }],
      },
    ],
  },
]
