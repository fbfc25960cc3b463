import { FrameMark, type EventRecord, type FrameRecord, type Id, type Nanos, type TraceView } from './record.ts'

/** Bytes of a stream of QUIC in a frame: [from, to), in offsets of the stream. */
export interface StreamPiece {
  readonly connection: string
  readonly stream: number
  readonly from: number
  readonly to: number
}

/** A piece that was told of, and the frame that it went out with is still to be seen. */
interface ToldPiece {
  readonly id: Id
  readonly time: Nanos
  readonly piece: StreamPiece
}

const NONE: readonly StreamPiece[] = []

/** Hops that a frame is followed back at most. */
const MOST_HOPS = 32

function amount(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

/**
 * Which bytes of streams the frames of QUIC carry, so that nothing has to be decrypted: a sender tells it as `quic:stream-sent`, right before
 * it hands the frame to its link. Of those who tell nothing (a program outside the simulation) nothing is known.
 */
export class QuicCarriage {
  /** By the id of the frame that the sender made. */
  private readonly pieces = new Map<Id, StreamPiece[]>()
  /** By host, in order. */
  private readonly told = new Map<number, ToldPiece[]>()
  /** Who has told, by connection. */
  private readonly tellers = new Map<string, Set<number>>()
  private taken = 0
  private firstEvent: Id = 0
  private nextFrame = 1

  clear(): void {
    this.pieces.clear()
    this.told.clear()
    this.tellers.clear()
    this.taken = 0
    this.firstEvent = 0
    this.nextFrame = 1
  }

  /** Takes in what came since the last call. */
  update(trace: TraceView): void {
    const { events, frameCount } = trace
    const first = events.at(0)?.id ?? 0
    if (events.length < this.taken || frameCount + 1 < this.nextFrame || (this.taken > 0 && first !== this.firstEvent))
      this.clear()
    this.firstEvent = first
    for (; this.taken < events.length; this.taken++) {
      const event = events[this.taken]
      if (event.name === 'quic:stream-sent') this.take(event)
    }
    if (this.told.size === 0) {
      this.nextFrame = frameCount + 1
      return
    }
    for (let number = Math.max(this.nextFrame, trace.firstKept); number <= frameCount; number++) {
      const frame = trace.frame(number)
      if (frame?.kind === 'udp' && (frame.mark & FrameMark.Forwarded) === 0) this.load(frame)
    }
    this.nextFrame = frameCount + 1
  }

  /** Whether what comes to a host by a connection was told of by who sends it. */
  knows(host: number, connection: string): boolean {
    for (const teller of this.tellers.get(connection) ?? []) if (teller !== host) return true
    return false
  }

  /** What a frame carries, as it was made or as a router passed it on. */
  of(trace: TraceView, frame: FrameRecord): readonly StreamPiece[] {
    if (this.pieces.size === 0 || frame.kind !== 'udp') return NONE
    const origin = (frame.mark & FrameMark.Forwarded) === 0 ? frame : originOf(trace, frame)
    return (origin === undefined ? undefined : this.pieces.get(origin.id)) ?? NONE
  }

  private take({ id, time, host, connection, data }: EventRecord): void {
    const from = amount(data['offset'])
    const piece = { connection, stream: amount(data['stream']), from, to: from + amount(data['length']) }
    const told = this.told.get(host)
    if (told === undefined) this.told.set(host, [{ id, time, piece }])
    else told.push({ id, time, piece })
    const tellers = this.tellers.get(connection)
    if (tellers === undefined) this.tellers.set(connection, new Set([host]))
    else tellers.add(host)
  }

  /** A host has sent a datagram: it carries what the host has told since the one before. */
  private load({ id, from, enqueued }: FrameRecord): void {
    const told = this.told.get(from)
    if (told === undefined) return
    let count = 0
    while (count < told.length && told[count].id < id) count++
    // Older ones had no frame of their own: they could not be sent.
    const pieces = told.splice(0, count).flatMap(({ time, piece }) => (time === enqueued ? [piece] : []))
    if (pieces.length > 0) this.pieces.set(id, pieces)
    if (told.length === 0) this.told.delete(from)
  }
}

/** The frame on the first link, of which routers made this one. */
export function originOf(trace: TraceView, frame: FrameRecord | undefined): FrameRecord | undefined {
  let at = frame
  for (let hops = 0; at !== undefined && (at.mark & FrameMark.Forwarded) !== 0 && hops < MOST_HOPS; hops++) {
    const before = trace.frameById(at.cause)
    if (before === undefined) return at
    at = before
  }
  return at
}
