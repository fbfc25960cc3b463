import { originOf, type QuicCarriage } from './quic-carriage.ts'
import { NEVER, type Fate, type FrameRecord, type Id, type Nanos, type TraceView } from './record.ts'
import { firstSince, type Carriers } from './stalls-carriers.ts'

/** Bytes of a QUIC stream that were missing: [from, to), in offsets of the stream. */
export interface WantedStreamBytes {
  /** Index of the receiving host. */
  readonly host: number
  /** Name of the connection. */
  readonly connection: string
  readonly stream: number
  readonly from: number
  readonly to: number
  /** Frames that brought what lies just below and just above, and the last of the bytes themselves; 0 where there is none. */
  readonly below: Id
  readonly above: Id
  readonly brought: Id
  /** The bytes were not under way before. */
  readonly since: Nanos
  /** When the last of the bytes came; `NEVER` when they have not yet. */
  readonly until: Nanos
}

const WELL: ReadonlySet<Fate> = new Set<Fate>(['queued', 'in-flight', 'arrived'])

/** Frames that are looked at below the one above, when nothing lies below. */
const REACH = 256

/** Bytes of a datagram that are not the stream's, at least. */
const ENVELOPE = 42

/** A packet with bytes of a stream is nearly as long as they are, or as long as packets get, of which this is a part. */
const LONG = 600

/**
 * Which frames had carried bytes that a receiver of a QUIC stream missed. Known where the sender tells what it sends; else guessed from
 * the packets around them.
 */
export function carriersOfStream(trace: TraceView, carriage: QuicCarriage, wanted: WantedStreamBytes): Carriers {
  carriage.update(trace)
  const isKnown = carriage.knows(wanted.host, wanted.connection)
  return {
    lost: isKnown ? lostCarriers(trace, carriage, wanted) : probablyLost(trace, wanted),
    brought: wanted.until === NEVER ? undefined : trace.frameById(wanted.brought),
  }
}

function lostCarriers(trace: TraceView, carriage: QuicCarriage, wanted: WantedStreamBytes): FrameRecord[] {
  const lost: FrameRecord[] = []
  for (let number = firstSince(trace, wanted.since); number <= trace.frameCount; number++) {
    const frame = trace.frame(number)
    if (frame === undefined) continue
    if (frame.enqueued > wanted.until) break
    if (frame.from === wanted.host || (WELL.has(frame.fate) && !frame.corrupted)) continue
    const isCarrier = carriage
      .of(trace, frame)
      .some(
        ({ connection, stream, from, to }) =>
          connection === wanted.connection && stream === wanted.stream && from < wanted.to && to > wanted.from,
      )
    if (isCarrier) lost.push(frame)
  }
  return lost
}

/**
 * A sender sends a stream in its order, so that the bytes left after the packet with those below and before the one with those above, in a
 * packet that is as long as it has to be. Where a sender serves several streams by turns, frames of another may be among them.
 */
function probablyLost(trace: TraceView, wanted: WantedStreamBytes): FrameRecord[] {
  const lost: FrameRecord[] = []
  const connection = trace.connections.indexOf(wanted.connection)
  const above = originOf(trace, trace.frameById(wanted.above))
  if (connection <= 0 || above === undefined) return lost
  const below = originOf(trace, trace.frameById(wanted.below))?.number ?? Math.max(0, above.number - REACH)
  const least = Math.min(wanted.to - wanted.from, LONG) + ENVELOPE
  // A frame that was sent before the one above may have been lost on its last hop after that had left its first.
  for (let number = below + 1; number <= trace.frameCount; number++) {
    const frame = trace.frame(number)
    if (frame === undefined) continue
    if (frame.enqueued > wanted.until) break
    if (frame.connection !== connection || frame.from === wanted.host || frame.length < least) continue
    if (WELL.has(frame.fate) && !frame.corrupted) continue
    const origin = originOf(trace, frame)
    if (origin !== undefined && origin.from === above.from && origin.number > below && origin.number < above.number)
      lost.push(frame)
  }
  return lost
}
