import type { EventRecord, FrameRecord, Id, Nanos, TraceView } from '../../src/trace/record.ts'
import { carriersOf } from '../../src/trace/stalls-carriers.ts'
import { NO_STREAM, type MissingRange, type Stall } from '../../src/trace/stalls-episode.ts'
import type { FetchRow, MilestoneKind, Span, SpanKind, Waterfall } from '../../src/trace/waterfall.ts'
import { formatDuration, formatMillis, formatQuantity } from '../format.ts'
import { reasonsOf, tableReason, type StallReason } from '../stall-reasons.ts'

/** What a resource's time is spent on, in the order of a legend. */
export const SPAN_WORDS: Readonly<Record<SpanKind, string>> = {
  queued: 'Queued',
  dns: 'DNS',
  connect: 'Connect',
  tls: 'TLS',
  sending: 'Sending',
  waiting: 'Waiting',
  receiving: 'Receiving',
  blocked: 'Blocked by loss elsewhere',
  repairing: 'Waiting for lost bytes of its own',
}

export const MILESTONE_WORDS: Readonly<Record<MilestoneKind, string>> = {
  'first-rendered': 'First paint',
  parsed: 'DOM ready',
  rendered: 'Visible',
  loaded: 'Loaded',
  failed: 'Failed',
}

/** The last part of an address that says something: `'style.css'`, or the host of a page. */
export function fileName(url: string): string {
  const match = /^[a-z]+:\/\/([^/?#]*)(\/[^?#]*)?(\?[^#]*)?/i.exec(url)
  if (match === null) return url
  const path = match.at(2) ?? '/'
  const last = path.slice(path.lastIndexOf('/') + 1)
  const name = last !== '' ? last : path === '/' ? match[1] : path
  return `${name}${match.at(3) ?? ''}`
}

/** An address without its scheme and host. */
export function pathOf(url: string): string {
  return /^[a-z]+:\/\/[^/?#]*(.*)$/i.exec(url)?.[1] ?? url
}

/** Whether it is known at a time that nothing good came of it. */
export function hasFailed({ ended, outcome, status }: FetchRow, playhead: Nanos): boolean {
  return ended <= playhead && (outcome === 'failed' || status >= 400)
}

/** What came of it by a time, for the column of states. */
export function statusWords(row: FetchRow, playhead: Nanos): string {
  if (row.ended <= playhead) {
    if (row.outcome === 'failed') return row.status >= 400 ? String(row.status) : 'failed'
    if (row.outcome === 'cancelled') return 'cancelled'
    if (row.outcome === 'from-cache') return 'cached'
    if (row.outcome === 'pushed') return `${String(row.status)} pushed`
    return String(row.status)
  }
  return row.respondedAt <= playhead ? String(row.status) : 'pending'
}

/** `'h2 · 5'`: its protocol, and its stream where there is one. */
export function protocolWords(row: FetchRow): string {
  const protocol =
    row.protocol === ''
      ? row.stream === NO_STREAM
        ? ''
        : row.stream % 2 === 1
          ? 'h2'
          : 'h3'
      : row.protocol.replace('http/', 'HTTP/')
  return row.stream === NO_STREAM ? protocol : `${protocol} · ${String(row.stream)}`
}

/** What came over the network for it, once that is known; nothing is said of what did not come from there. */
export function sizeWords({ ended, bytes, outcome }: FetchRow, playhead: Nanos): string {
  return ended > playhead || (bytes === 0 && outcome !== 'complete') ? '' : formatQuantity('bytes', bytes)
}

/** How long it has taken up to a time. */
export function timeWords(row: FetchRow, playhead: Nanos): string {
  const time = Math.min(row.ended, playhead) - row.queued
  return time === 0 ? '0\u00a0ms' : formatDuration(time)
}

/** A time of which parts add up to the whole: not rounded further than to microseconds. */
export function exactWords(time: Nanos): string {
  return `${formatMillis(time)}\u00a0ms`
}

/** All of a resource's time in a sentence: the timeline for those who do not see it. */
export function timelineWords(spans: readonly Span[]): string {
  const totals = new Map<SpanKind, Nanos>()
  for (const { kind, from, to } of spans) totals.set(kind, (totals.get(kind) ?? 0) + to - from)
  const parts = [...totals].map(([kind, time]) => `${SPAN_WORDS[kind]} ${formatDuration(time)}`)
  return parts.length === 0 ? 'Nothing yet' : parts.join(', ')
}

/** Why a stream waited, range by range of missing bytes, as it was known at a time. */
export function stallReasons(
  waterfall: Waterfall,
  trace: TraceView,
  row: FetchRow,
  stall: Stall,
  playhead: Nanos,
): StallReason[] {
  const { host, connection } = row
  const quic = waterfall.quic.find(host, connection)
  if (quic !== undefined) {
    const stream = `stream ${String(stall.stream)}`
    if (stall.missing.length === 0) return [tableReason(stall, playhead)]
    return reasonsOf(
      trace,
      stall,
      playhead,
      stream,
      () => `they belonged to ${stream} itself`,
      (range, until) => quic.carriersOf(trace, stall.stream, range, until),
    )
  }
  return reasonsOf(
    trace,
    stall,
    playhead,
    'the connection',
    (range) => ownerWords(waterfall, row, stall, range),
    ({ seq, from, to, since }, until) => carriersOf(trace, { host, connection, seq, length: to - from, since, until }),
  )
}

function ownerWords(waterfall: Waterfall, row: FetchRow, stall: Stall, { streams }: MissingRange): string {
  if (stall.stream === NO_STREAM) return 'they came before what it had'
  const owners = streams.map((stream) => {
    if (stream === stall.stream) return `stream ${String(stream)} itself`
    if (stream === NO_STREAM) return 'no stream'
    if (stream === 0) return 'the connection itself (stream 0)'
    const owner = waterfall.rowOfStream(row.host, row.connection, stream)
    return `stream ${String(stream)}${owner === undefined ? '' : ` (${pathOf(owner.url)})`}`
  })
  return `they belonged to ${owners.join(' and ')}`
}

/** The packet that led to an event, or undefined when there is none that is kept. */
export function packetBehind(trace: TraceView, id: Id): FrameRecord | undefined {
  let event: EventRecord | undefined = trace.eventById(id)
  for (let steps = 0; event !== undefined && steps < 20; steps++) {
    const frame = trace.frameById(event.cause)
    if (frame !== undefined) return frame
    event = trace.eventById(event.cause)
  }
  return undefined
}
