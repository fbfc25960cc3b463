/**
 * What TCP held back. A receiver that is missing bytes keeps what comes behind them and hands nothing on (RFC 9293 section 3.10.7.4):
 * with several streams on one connection, each of them waits for whatever was lost, be it another's. Here these waits are read off the
 * trace, each with the very bytes that were missing.
 *
 * From the receiver come `tcp:out-of-order-buffered` and `tcp:delivered`; from the ends' HTTP/2 comes which bytes of the connection are
 * whose (`http2:frame-sent`, or `http2:frame-received` where the sender is a stranger).
 */
import type { EventData, EventRecord, Nanos } from './record.ts'
import { NO_STREAM, stallsOfEpisode, type ReceptionEntry, type Stall, type StreamBytes } from './stalls-episode.ts'

function amount(data: EventData, key: string): number {
  const value = data[key]
  return typeof value === 'number' ? value : 0
}

/** HTTP/2 frames of one direction of a connection, as one of its ends told. */
class FrameSpans implements StreamBytes {
  private readonly from: number[] = []
  private readonly to: number[] = []
  private readonly streams: number[] = []
  private readonly times: Nanos[] = []

  constructor(private readonly isSender: boolean) {}

  get count(): number {
    return this.from.length
  }

  /** Behind the last byte that was told of. */
  get end(): number {
    return this.to.at(-1) ?? 0
  }

  /** When the first of them was told. */
  get begun(): Nanos {
    return this.times.at(0) ?? 0
  }

  /** @returns false when it lies before the one before: the same two ports serve another connection now */
  add({ time, data }: EventRecord): boolean {
    const from = amount(data, 'from')
    if (this.count > 0 && from < this.from[this.count - 1]) return false
    this.from.push(from)
    this.to.push(amount(data, 'to'))
    this.streams.push(amount(data, 'stream'))
    this.times.push(time)
    return true
  }

  /** An end tells of a frame when all of it has been written, which may be when much of it is gone; but not before those ahead were. */
  writtenAt(offset: number): Nanos {
    if (!this.isSender) return 0
    let index = Math.min(this.firstBehind(offset), this.count - 1)
    const told = this.times[index]
    while (index >= 0 && this.times[index] === told) index--
    return index < 0 ? 0 : this.times[index]
  }

  each(from: number, to: number, visit: (stream: number, from: number, to: number) => void): void {
    let at = from
    for (let index = this.firstBehind(from); index < this.count && this.from[index] < to; index++) {
      const start = Math.max(from, this.from[index])
      if (start > at) visit(NO_STREAM, at, start)
      at = Math.max(at, Math.min(to, this.to[index]))
      visit(this.streams[index], start, Math.min(to, this.to[index]))
    }
    if (at < to) visit(NO_STREAM, at, to)
  }

  /** Index of the first frame that ends behind an offset. */
  private firstBehind(offset: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.to[middle] <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

const NOBODY = new FrameSpans(false)

/** The time from the first early bytes until no hole was left. */
interface Episode {
  /** Sequence number of the byte at offset 0. */
  readonly base: number
  readonly entries: ReceptionEntry[]
  isOver: boolean
  /** Behind the last byte that came early. */
  end: number
  stalls: readonly Stall[]
  /** What `stalls` rests on: how many entries, and frames of HTTP/2 up to which offset. */
  readEntries: number
  readEnd: number
}

/** One end of a connection, receiving. */
class Reception {
  private readonly episodes: Episode[] = []

  takeEarly({ time, data }: EventRecord): void {
    const offset = amount(data, 'offset')
    const to = offset + amount(data, 'length')
    let episode = this.episodes.at(-1)
    if (episode === undefined || episode.isOver) {
      const base = (amount(data, 'seq') - offset) >>> 0
      episode = { base, entries: [], isOver: false, end: 0, stalls: [], readEntries: 0, readEnd: 0 }
      this.episodes.push(episode)
    }
    episode.end = Math.max(episode.end, to)
    episode.entries.push({ time, early: [offset, to], next: amount(data, 'missingOffset') })
  }

  /** @returns whether anything had been waiting */
  takeDelivered({ time, data }: EventRecord): boolean {
    const episode = this.episodes.at(-1)
    if (episode === undefined || episode.isOver) return false
    const next = amount(data, 'offset') + amount(data, 'length')
    episode.entries.push({ time, early: undefined, next })
    episode.isOver = next >= episode.end
    return true
  }

  /** @param told of each connection that used these two ports, in order */
  stalls(told: readonly FrameSpans[]): Stall[] {
    return this.episodes.flatMap((episode) => {
      const { base, entries, readEnd, end } = episode
      const spans = told.findLast(({ begun }) => begun <= entries[0].time) ?? told.at(0) ?? NOBODY
      if (episode.readEntries !== entries.length || (readEnd < end && readEnd !== spans.end)) {
        episode.stalls = stallsOfEpisode(entries, spans, base)
        episode.readEntries = entries.length
        episode.readEnd = spans.end
      }
      return episode.stalls
    })
  }
}

/** Finds stalls as a trace grows. */
export class StallFinder {
  private readonly receptions = new Map<string, Reception>()
  /** By connection: frames as each host told that it sent or received them. */
  private readonly sent = new Map<string, Map<number, FrameSpans[]>>()
  private readonly received = new Map<string, Map<number, FrameSpans[]>>()
  /** Grows whenever a stall may have come or changed. */
  version = 0

  clear(): void {
    this.receptions.clear()
    this.sent.clear()
    this.received.clear()
    this.version++
  }

  /** Takes in an event, of any name; they come in order. */
  take(event: EventRecord): void {
    switch (event.name) {
      case 'tcp:delivered':
        if (this.receptions.get(keyOf(event.host, event.connection))?.takeDelivered(event) === true) this.version++
        return
      case 'tcp:out-of-order-buffered':
        this.reception(event).takeEarly(event)
        this.version++
        return
      case 'http2:frame-sent':
        addSpan(this.sent, event)
        if (this.receptions.size > 0) this.version++
        return
      case 'http2:frame-received':
        addSpan(this.received, event)
        if (this.receptions.size > 0) this.version++
    }
  }

  /** All waits at one end of a connection, by when they began; also those that are to come at a time the trace knows of already. */
  stalls(host: number, connection: string): Stall[] {
    return this.receptions.get(keyOf(host, connection))?.stalls(this.spans(host, connection)) ?? []
  }

  private spans(host: number, connection: string): readonly FrameSpans[] {
    const told = this.sent.get(connection)
    if (told !== undefined) for (const [sender, spans] of told) if (sender !== host) return spans
    return this.received.get(connection)?.get(host) ?? []
  }

  private reception({ host, connection }: EventRecord): Reception {
    const key = keyOf(host, connection)
    let reception = this.receptions.get(key)
    if (reception === undefined) {
      reception = new Reception()
      this.receptions.set(key, reception)
    }
    return reception
  }
}

function keyOf(host: number, connection: string): string {
  return `${String(host)} ${connection}`
}

function addSpan(told: Map<string, Map<number, FrameSpans[]>>, event: EventRecord): void {
  const { host, connection } = event
  let hosts = told.get(connection)
  if (hosts === undefined) told.set(connection, (hosts = new Map<number, FrameSpans[]>()))
  let all = hosts.get(host)
  const isSender = event.name === 'http2:frame-sent'
  if (all === undefined) hosts.set(host, (all = [new FrameSpans(isSender)]))
  if (all[all.length - 1].add(event)) return
  const spans = new FrameSpans(isSender)
  spans.add(event)
  all.push(spans)
}
