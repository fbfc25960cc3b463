import { amount } from './measure.ts'
import type { TraceView } from '../src/trace/record.ts'

/** One stream of QUIC as it arrives. */
interface Reassembly {
  /** Up to where everything has arrived, and up to where it has been handed on. */
  arrived: number
  delivered: number
  /** What came ahead of its turn: from, to. */
  readonly ahead: [number, number][]
  heldSince: number | undefined
}

function arrive(stream: Reassembly, from: number, to: number): void {
  stream.ahead.push([from, to])
  stream.ahead.sort(([a], [b]) => a - b)
  while (stream.ahead.length > 0 && (stream.ahead[0]?.[0] ?? 0) <= stream.arrived) {
    stream.arrived = Math.max(stream.arrived, stream.ahead.shift()?.[1] ?? 0)
  }
}

/** What QUIC held back at one end, as its bytes arrived. */
export interface StreamWaits {
  readonly streams: number
  /** Those that waited for bytes of their own. */
  readonly waited: number
  /** The longest of these waits, in nanoseconds; 0 when there was none. */
  readonly longest: number
  /** How often bytes that were in order, within their stream, were not handed on at once: because of another's. */
  readonly forOthers: number
}

/** Of all connections of QUIC at a host. */
export function streamWaits(trace: TraceView, host: string): StreamWaits {
  const index = trace.hosts.indexOf(host)
  const streams = new Map<string, Reassembly>()
  const waited = new Set<string>()
  let [longest, forOthers, now] = [0, 0, 0]
  const settle = (): void => {
    for (const { arrived, delivered } of streams.values()) if (arrived > delivered) forOthers++
  }
  for (const event of trace.events) {
    if (event.host !== index) continue
    const hasCome = event.name === 'quic:stream-received'
    if (!hasCome && event.name !== 'quic:stream-delivered') continue
    if (event.time > now) settle()
    now = event.time
    const key = `${event.connection} ${String(event.data['stream'])}`
    const from = amount(event, 'offset')
    const to = from + amount(event, 'length')
    const stream = streams.get(key) ?? { arrived: 0, delivered: 0, ahead: [], heldSince: undefined }
    streams.set(key, stream)
    if (hasCome) arrive(stream, from, to)
    else stream.delivered = to
    if (stream.ahead.length > 0) {
      stream.heldSince ??= now
      waited.add(key)
    } else if (stream.heldSince !== undefined) {
      longest = Math.max(longest, now - stream.heldSince)
      stream.heldSince = undefined
    }
  }
  settle()
  return { streams: streams.size, waited: waited.size, longest, forOthers }
}
