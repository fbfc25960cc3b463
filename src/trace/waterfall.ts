/**
 * How pages loaded, as a browser's network panel has it: which resources, in which phases, and what they waited for. Read off the events
 * that browsers record (`src/apps/fetch-events.ts` says what they mean); nothing is measured twice, so the phases of a resource add up
 * to its time exactly.
 */
import type { EventData, EventRecord, Id, Nanos, TraceView } from './record.ts'
import { NEVER } from './record.ts'
import { QuicReceptions } from './quic-receptions.ts'
import { StallFinder } from './stalls.ts'
import { NO_STREAM, type Stall } from './stalls-episode.ts'

/** The phases of a fetch, in the order in which they usually come. */
export type FetchPhase = 'queued' | 'dns' | 'connect' | 'tls' | 'sending' | 'waiting' | 'receiving'

/** What a resource's time is spent on: its phases, and of `waiting` and `receiving` the parts for which its bytes were held back. */
export type SpanKind =
  | FetchPhase
  /** Its bytes had come, and were held back for bytes of others that were lost: blocked by loss elsewhere. Of QUIC: for QPACK's table. */
  | 'blocked'
  /** Its bytes had come, and were held back for others of its own. */
  | 'repairing'

/** A part of a resource's time. */
export interface Span {
  readonly kind: SpanKind
  /** The phase that it is a part of. */
  readonly phase: FetchPhase
  readonly from: Nanos
  readonly to: Nanos
  /** For `blocked` and `repairing`. */
  readonly stall: Stall | undefined
  /** The event that began the phase, and the one that ended it (0 while it lasts). */
  readonly begunBy: Id
  readonly endedBy: Id
}

/** One phase of a fetch; it lasts until the next one begins, or the fetch ends. */
export interface PhaseRecord {
  readonly phase: FetchPhase
  readonly from: Nanos
  readonly event: Id
  readonly connection: string
  /** Number of the stream of HTTP/2 or HTTP/3, or `NO_STREAM`. */
  readonly stream: number
}

/** One resource that a browser asked for. */
export interface FetchRow {
  /** Its place among all rows of the trace. */
  readonly index: number
  /** Index of the browser's host. */
  readonly host: number
  readonly page: PageLoad | undefined
  /** From 1, within the browser. */
  readonly id: number
  readonly url: string
  readonly kind: string
  /** Number of the fetch that led to it; 0: the person. */
  readonly initiator: number
  readonly renderBlocking: boolean
  readonly queued: Nanos
  readonly phases: PhaseRecord[]
  priority: string
  method: string
  /** 0: none yet. */
  status: number
  /** When the status was known; `NEVER`: not yet. */
  respondedAt: Nanos
  /** Name of the connection that it used last, or ''. */
  connection: string
  /** Number of the HTTP/2 stream, or `NO_STREAM`. */
  stream: number
  /** `NEVER` while it lasts. */
  ended: Nanos
  endedBy: Id
  bytes: number
  /** `'complete'`, `'failed'`, `'cancelled'`, `'from-cache'`, `'pushed'`; '' while it lasts. */
  outcome: string
  protocol: string
  /** Why it failed. */
  error: string
  detail: string
  /** Grows with each event of it. */
  version: number
}

export type MilestoneKind = 'first-rendered' | 'parsed' | 'rendered' | 'loaded' | 'failed'

export interface Milestone {
  readonly kind: MilestoneKind
  readonly time: Nanos
  readonly event: Id
}

/** One visit of a browser to a page. */
export interface PageLoad {
  /** Its place among all pages of the trace. */
  readonly index: number
  readonly host: number
  readonly url: string
  readonly started: Nanos
  readonly rows: FetchRow[]
  readonly milestones: Milestone[]
}

const MILESTONES: Readonly<Record<string, MilestoneKind>> = {
  'page:first-rendered': 'first-rendered',
  'page:parsed': 'parsed',
  'page:rendered': 'rendered',
  'page:loaded': 'loaded',
  'page:failed': 'failed',
}

function amount(data: EventData, key: string, absent = 0): number {
  const value = data[key]
  return typeof value === 'number' ? value : absent
}

function text(data: EventData, key: string): string {
  const value = data[key]
  return typeof value === 'string' ? value : ''
}

/** The pages and resources of a trace, kept up to date as it grows. */
export class Waterfall {
  readonly pages: PageLoad[] = []
  readonly rows: FetchRow[] = []
  /** What TCP held back, and what QUIC did. */
  readonly stalls = new StallFinder()
  readonly quic = new QuicReceptions()
  /** Grows whenever a page or a resource came or changed, but for stalls. */
  version = 0
  private taken = 0
  /** Id of the first event that was taken in: the oldest ones may be let go. */
  private firstEvent: Id = 0
  /** By host, then by the fetch's number. */
  private readonly byId = new Map<number, Map<number, FetchRow>>()
  /** By host and connection: the rows whose requests went out on it, in that order. */
  private readonly byConnection = new Map<string, FetchRow[]>()
  private readonly latestPage = new Map<number, PageLoad>()
  /** What stalls the spans of a connection were read from. */
  private readonly stallsOf = new Map<string, { readonly version: number; readonly byStream: Map<number, Stall[]> }>()

  /** Begin anew. */
  clear(): void {
    this.pages.length = 0
    this.rows.length = 0
    this.stalls.clear()
    this.quic.clear()
    this.stallsOf.clear()
    this.taken = 0
    this.firstEvent = 0
    this.byId.clear()
    this.byConnection.clear()
    this.latestPage.clear()
    this.version++
  }

  /** Takes in what came since the last call; when the trace has let events go, all that are left. */
  update(trace: TraceView): void {
    const { events } = trace
    const first = events.at(0)?.id ?? 0
    if (events.length < this.taken || (this.taken > 0 && first !== this.firstEvent)) this.clear()
    this.firstEvent = first
    for (; this.taken < events.length; this.taken++) this.take(events[this.taken], trace)
  }

  /** Grows whenever something may have been held back, or no longer. */
  get heldVersion(): number {
    return this.stalls.version + this.quic.version
  }

  /** The fetch of a browser by its number. */
  row(host: number, id: number): FetchRow | undefined {
    return this.byId.get(host)?.get(id)
  }

  /** The resource that a stream of a browser's connection carried. */
  rowOfStream(host: number, connection: string, stream: number): FetchRow | undefined {
    if (stream === NO_STREAM) return undefined
    return this.byConnection.get(keyOf(host, connection))?.find((row) => row.stream === stream)
  }

  /**
   * What a resource's time was spent on, up to a time: without gap or overlap from when it was queued to its end, or to `until`
   * if that is earlier. Empty when it had not been asked for yet.
   */
  spans(row: FetchRow, until: Nanos): Span[] {
    const end = Math.min(row.ended, until)
    const spans: Span[] = []
    row.phases.forEach((phase, index) => {
      const next = row.phases.at(index + 1)
      const to = Math.min(next?.from ?? row.ended, end)
      if (to <= phase.from) return
      this.divide(spans, row, phase, to, next?.event ?? row.endedBy)
    })
    return spans
  }

  /** Takes the time for which bytes were held back out of a phase. */
  private divide(spans: Span[], row: FetchRow, record: PhaseRecord, to: Nanos, endedBy: Id): void {
    const { phase, event } = record
    let at = record.from
    const push = (kind: SpanKind, end: Nanos, stall: Stall | undefined): void => {
      if (end <= at) return
      const last = spans.at(-1)
      // The same phase again, on another connection: one to look at.
      const goesOn = last?.kind === kind && stall === undefined
      if (goesOn) spans[spans.length - 1] = { ...last, to: end, endedBy }
      else spans.push({ kind, phase, from: at, to: end, stall, begunBy: event, endedBy })
      at = end
    }
    if ((phase === 'waiting' || phase === 'receiving') && record.connection !== '') {
      for (const stall of this.heldBack(row, record)) {
        if (stall.to <= at) continue
        if (stall.from >= to) break
        push(phase, stall.from, undefined)
        push(stall.isOwn ? 'repairing' : 'blocked', Math.min(stall.to, to), stall)
      }
    }
    push(phase, to, undefined)
  }

  private heldBack(row: FetchRow, { connection, stream }: PhaseRecord): readonly Stall[] {
    const { host } = row
    const quic = this.quic.find(host, connection)
    if (quic !== undefined) return quic.holdsOf(stream).map((hold) => ({ ...hold, isOwn: hold.cause === 'own' }))
    const key = keyOf(host, connection)
    let known = this.stallsOf.get(key)
    if (known?.version !== this.stalls.version) {
      const byStream = new Map<number, Stall[]>()
      for (const stall of this.stalls.stalls(host, connection)) {
        const same = byStream.get(stall.stream)
        if (same === undefined) byStream.set(stall.stream, [stall])
        else same.push(stall)
      }
      known = { version: this.stalls.version, byStream }
      this.stallsOf.set(key, known)
    }
    const stalls = known.byStream.get(stream) ?? []
    if (stream !== NO_STREAM || stalls.length === 0) return stalls
    // Responses of HTTP/1 come one after the other: what came before the one ahead was whole belongs to that one.
    const sharing = this.byConnection.get(key) ?? []
    const ahead = sharing.at(sharing.indexOf(row) - 1)
    return ahead === undefined || sharing[0] === row ? stalls : stalls.filter(({ from }) => from >= ahead.ended)
  }

  private take(event: EventRecord, trace: TraceView): void {
    const { name } = event
    if (name.startsWith('tcp:') || name.startsWith('http2:frame')) this.stalls.take(event)
    else if (name.startsWith('quic:') || name.startsWith('qpack:')) this.quic.take(event)
    else if (name.startsWith('fetch:')) this.takeFetch(event)
    else if (name.startsWith('page:')) this.takePage(event)
    else if (name === 'http:request-sent') this.change(event, (row) => (row.method = text(event.data, 'method')))
    else if (name === 'http:response-started') {
      this.change(event, (row) => {
        row.status = amount(event.data, 'status')
        row.respondedAt = event.time
      })
    } else if (name === 'run:host-killed') this.cutOff(trace.hosts.indexOf(text(event.data, 'host')), event)
  }

  private takeFetch(event: EventRecord): void {
    const { name, time, data, connection, id } = event
    if (name === 'fetch:queued') this.queue(event)
    else if (name === 'fetch:prioritised') this.change(event, (row) => (row.priority = text(data, 'priority')))
    else if (name === 'fetch:phase-started') {
      this.change(event, (row) => {
        const stream = amount(data, 'stream', connection !== '' && connection === row.connection ? row.stream : NO_STREAM)
        const phase = text(data, 'phase') as FetchPhase
        row.stream = stream
        if (connection !== '') row.connection = connection
        row.phases.push({ phase, from: time, event: id, connection: row.connection, stream })
        if (phase === 'sending' || stream !== NO_STREAM) this.share(row)
      })
    } else if (name === 'fetch:ended') {
      this.change(event, (row) => {
        row.ended = time
        row.endedBy = id
        row.status = amount(data, 'status', row.status)
        if (row.respondedAt > time) row.respondedAt = time
        row.bytes = amount(data, 'bytes')
        row.outcome = text(data, 'outcome')
        row.protocol = text(data, 'protocol')
        row.error = text(data, 'error')
        row.detail = text(data, 'detail')
        if (connection !== '') row.connection = connection
      })
    }
  }

  /** A request goes out on a connection. */
  private share(row: FetchRow): void {
    const key = keyOf(row.host, row.connection)
    const sharing = this.byConnection.get(key)
    if (sharing === undefined) this.byConnection.set(key, [row])
    else if (!sharing.includes(row)) sharing.push(row)
  }

  private queue({ time, host, data, id }: EventRecord): void {
    const page = this.latestPage.get(host)
    const row: FetchRow = {
      index: this.rows.length,
      host,
      page,
      id: amount(data, 'id'),
      url: text(data, 'url'),
      kind: text(data, 'kind'),
      initiator: amount(data, 'initiator'),
      renderBlocking: data['renderBlocking'] === true,
      queued: time,
      phases: [{ phase: 'queued', from: time, event: id, connection: '', stream: NO_STREAM }],
      priority: text(data, 'priority'),
      method: '',
      status: 0,
      respondedAt: NEVER,
      connection: '',
      stream: NO_STREAM,
      ended: NEVER,
      endedBy: 0,
      bytes: 0,
      outcome: '',
      protocol: '',
      error: '',
      detail: '',
      version: 0,
    }
    this.rows.push(row)
    page?.rows.push(row)
    let rows = this.byId.get(host)
    if (rows === undefined) this.byId.set(host, (rows = new Map<number, FetchRow>()))
    rows.set(row.id, row)
    this.version++
  }

  private takePage({ name, time, host, data, id }: EventRecord): void {
    if (name === 'page:started') {
      const page = { index: this.pages.length, host, url: text(data, 'url'), started: time, rows: [], milestones: [] }
      this.pages.push(page)
      this.latestPage.set(host, page)
    } else if (name in MILESTONES) {
      this.latestPage.get(host)?.milestones.push({ kind: MILESTONES[name], time, event: id })
    }
    this.version++
  }

  private change(event: EventRecord, how: (row: FetchRow) => void): void {
    const row = this.row(event.host, amount(event.data, 'id'))
    if (row === undefined || row.ended !== NEVER) return
    how(row)
    row.version++
    this.version++
  }

  /** A browser's host was switched off: nothing of it goes on, and a new one begins at 1 again. */
  private cutOff(host: number, { time, id }: EventRecord): void {
    for (const row of this.byId.get(host)?.values() ?? []) {
      if (row.ended !== NEVER) continue
      row.ended = time
      row.endedBy = id
      row.outcome = 'cancelled'
      row.error = 'host switched off'
      row.version++
    }
    this.byId.delete(host)
    this.latestPage.delete(host)
    this.version++
  }
}

function keyOf(host: number, connection: string): string {
  return `${String(host)} ${connection}`
}
