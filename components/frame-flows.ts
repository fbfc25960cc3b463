import type { Run } from '../src/run/run.ts'
import { QuicCarriage, type StreamPiece } from '../src/trace/quic-carriage.ts'
import { FrameMark, type EventRecord, type FrameRecord, type TraceView } from '../src/trace/record.ts'

/** What colours tell apart. */
export type FlowMode = 'connection' | 'stream'

/** One end's stream of TCP: where its sequence numbers begin, and which bytes belong to which stream of HTTP/2. */
interface Sender {
  readonly host: number
  /** Sequence number of the first byte; undefined while its SYN was not seen. */
  base: number | undefined
  readonly from: number[]
  readonly to: number[]
  readonly stream: number[]
}

/** Bytes of a header of HTTP/2's frames (RFC 9113 section 4.1), and what a record of TLS 1.3 adds to its content, about. */
const FRAME_HEADER = 9
const RECORD = 16_384
const RECORD_OVERHEAD = 22

/** A stream of HTTP/2 or of QUIC, in the order of its first frame in the trace. */
export interface Flow {
  /** Index into the trace's connections. */
  readonly connection: number
  readonly stream: number
}

/** What tells that a connection of QUIC goes another way, before the first packet does, or by those that came. */
const MOVES = ['quic:migration-started', 'quic:migrated'] as const

function first(sorted: readonly number[], above: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle] <= above) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Which colour a frame has: that of its connection, or that of the stream of HTTP/2 or QUIC that has most of it. Which stream that is, the
 * hosts tell as events, by offsets in TCP's stream or with each packet, so that nothing has to be decrypted.
 *
 * Fires `change` when colours have another meaning.
 */
export class FrameFlows extends EventTarget {
  #mode: FlowMode
  /** Streams so far; the colour of the first is 1. */
  readonly flows: Flow[] = []
  readonly #numbers = new Map<string, number>()
  /** By index of the connection. */
  readonly #senders = new Map<number, Sender[]>()
  readonly #connections = new Map<string, number>()
  /** By the name that a way has on its own: the connection of QUIC that has moved there. */
  readonly #movers = new Map<string, string>()
  #moves = 0
  /** Id of the newest event that was taken in. */
  #taken = -1
  #nextFrame = 1
  readonly #carriage = new QuicCarriage()
  readonly #trace: () => TraceView

  constructor(trace: () => TraceView, mode: FlowMode) {
    super()
    this.#trace = trace
    this.#mode = mode
  }

  get mode(): FlowMode {
    return this.#mode
  }
  set mode(mode: FlowMode) {
    if (mode === this.#mode) return
    this.#mode = mode
    this.dispatchEvent(new Event('change'))
  }

  /** Whether there are streams to tell apart. */
  get hasStreams(): boolean {
    const told = ['http2:frame-sent', 'quic:stream-sent']
    return this.flows.length > 0 || told.some((name) => this.#trace().first(name) !== undefined)
  }

  clear(): void {
    this.flows.length = 0
    this.#numbers.clear()
    this.#senders.clear()
    this.#connections.clear()
    this.#movers.clear()
    this.#moves = 0
    this.#carriage.clear()
    this.#taken = -1
    this.#nextFrame = 1
  }

  /** What the colour of a frame stands for, as `flowIndex` takes it: 0 is none. */
  flowOf(frame: FrameRecord): number {
    if (frame.connection === 0) return 0
    if (this.#mode === 'connection') return this.homeOf(frame.connection)
    this.#update()
    if (frame.kind === 'udp') {
      const stream = mostCarried(this.#carriage.of(this.#trace(), frame))
      return stream < 0 ? 0 : this.#numberOf(this.homeOf(frame.connection), stream)
    }
    if (frame.payload === 0) return 0
    for (const sender of this.#senders.get(frame.connection) ?? []) {
      if (sender.base === undefined || sender.to.length === 0) continue
      const offset = (frame.seq - sender.base) >>> 0
      const stream = offset < sender.to[sender.to.length - 1] ? dominant(sender, offset, offset + frame.payload) : 0
      if (stream !== 0) return this.#numberOf(frame.connection, stream)
    }
    return 0
  }

  /** The connection that packets between two ends belong to: where one of QUIC has moved there, the one that it began as. */
  homeOf(connection: number): number {
    const trace = this.#trace()
    if (MOVES.every((name) => trace.first(name) === undefined)) return connection
    const moves = MOVES.flatMap((name) => trace.all(name))
    if (moves.length !== this.#moves) {
      this.#moves = moves.length
      for (const { connection: mover, data } of moves) {
        const ends = String(data['to']).split(' → ')
        this.#movers.set(ends.join(' ↔ '), mover).set(ends.reverse().join(' ↔ '), mover)
      }
    }
    const home = this.#movers.get(trace.connections[connection])
    return home === undefined ? connection : Math.max(trace.connections.indexOf(home), 0) || connection
  }

  /** What the colour of a stream's packets stands for, as `flowIndex` takes it: its connection, when colours tell connections apart. */
  flowOfStream(connection: number, stream: number): number {
    if (this.#mode === 'connection') return connection
    this.#update()
    return this.#numberOf(connection, stream)
  }

  #numberOf(connection: number, stream: number): number {
    return this.#numbers.get(`${String(connection)} ${String(stream)}`) ?? 0
  }

  /** Whether a frame carries something whose stream may still be told. */
  isOpen(frame: Pick<FrameRecord, 'connection' | 'payload'>): boolean {
    return this.#mode === 'stream' && frame.payload > 0 && frame.connection !== 0
  }

  #update(): void {
    const trace = this.#trace()
    if (trace.frameCount + 1 < this.#nextFrame) this.clear()
    const { events } = trace
    let from = events.length
    while (from > 0 && events[from - 1].id !== this.#taken) from--
    for (let at = from; at < events.length; at++) {
      const event = events[at]
      if (event.name === 'http2:frame-sent') this.#takeSent(trace, event)
      else if (event.name === 'quic:stream-sent') this.#takeStream(trace, event)
    }
    this.#carriage.update(trace)
    this.#taken = events.at(-1)?.id ?? -1
    for (let number = Math.max(this.#nextFrame, trace.firstKept); number <= trace.frameCount; number++) {
      const frame = trace.frame(number)
      const isOpening = frame?.kind === 'tcp-syn' && (frame.mark & FrameMark.Forwarded) === 0
      if (isOpening) this.#sender(frame.connection, frame.from).base = (frame.seq + 1) >>> 0
    }
    this.#nextFrame = trace.frameCount + 1
  }

  #takeSent(trace: TraceView, { connection: name, host, data }: EventRecord): void {
    const { stream, from, to, length } = data
    if (typeof stream !== 'number' || typeof from !== 'number' || typeof to !== 'number') return
    const connection = this.#connectionOf(trace, name)
    if (connection <= 0) return
    const sender = this.#sender(connection, host)
    // The place of a frame in TLS is that of its records, which others may share: they lie in them one behind the other.
    const start = Math.max(from, sender.to.at(-1) ?? 0)
    const size = FRAME_HEADER + (typeof length === 'number' ? length : 0)
    sender.from.push(start)
    sender.to.push(Math.max(start, Math.min(to, start + size + Math.floor(size / RECORD) * RECORD_OVERHEAD)))
    sender.stream.push(stream)
    if (stream !== 0) this.#enter(connection, stream)
  }

  #takeStream(trace: TraceView, { connection: name, data: { stream } }: EventRecord): void {
    const connection = this.#connectionOf(trace, name)
    if (connection > 0 && typeof stream === 'number' && !isControl(stream)) this.#enter(connection, stream)
  }

  #enter(connection: number, stream: number): void {
    if (this.#numberOf(connection, stream) !== 0) return
    this.flows.push({ connection, stream })
    this.#numbers.set(`${String(connection)} ${String(stream)}`, this.flows.length)
  }

  #connectionOf(trace: TraceView, name: string): number {
    let connection = this.#connections.get(name) ?? -1
    if (connection < 0) {
      connection = trace.connections.indexOf(name)
      this.#connections.set(name, connection)
    }
    return connection
  }

  #sender(connection: number, host: number): Sender {
    const senders = this.#senders.get(connection) ?? []
    let sender = senders.find((each) => each.host === host)
    if (sender === undefined) {
      sender = { host, base: undefined, from: [], to: [], stream: [] }
      senders.push(sender)
      this.#senders.set(connection, senders)
    }
    return sender
  }
}

/** The stream that has most of [start, end); 0: none. */
function dominant({ from, to, stream }: Sender, start: number, end: number): number {
  let best = 0
  let most = 0
  for (let at = first(to, start); at < from.length && from[at] < end; at++) {
    if (stream[at] === 0) continue
    const share = Math.min(end, to[at]) - Math.max(start, from[at])
    if (share <= most) continue
    best = stream[at]
    most = share
  }
  return best
}

/** Whether a stream of QUIC goes one way only: HTTP/3 has its settings and tables there (RFC 9114 section 6.2). */
function isControl(stream: number): boolean {
  return stream % 4 >= 2
}

/** The stream that a frame carries most of; -1: none. */
function mostCarried(pieces: readonly StreamPiece[]): number {
  let best = -1
  let most = 0
  for (const { stream, from, to } of pieces) {
    if (to - from <= most || isControl(stream)) continue
    best = stream
    most = to - from
  }
  return best
}

const byRun = new WeakMap<Run, FrameFlows>()

/** The colours of a run, the same for all elements that show it. */
export function flowsOf(run: Run): FrameFlows {
  let flows = byRun.get(run)
  if (flows === undefined) {
    flows = new FrameFlows(() => run.trace, run.scenario.colorBy ?? 'connection')
    run.addEventListener('restart', () => {
      flows?.clear()
    })
    byRun.set(run, flows)
  }
  return flows
}
