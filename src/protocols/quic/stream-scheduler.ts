import type { SendStream } from './send-stream.ts'

/** RFC 9218 section 4.1, and one before all of them. */
const URGENCIES = 9
/** The most urgent one. */
const FIRST = -1

/**
 * Which stream's bytes go next: RFC 9218 section 10. By urgency; among equals what has to be sent again goes first (RFC 9000 section 13.3);
 * what is not incremental goes one after the other in the order of IDs, what is incremental shares, a packet each in turn. Where both are
 * there, the first of the former shares with the latter.
 */
export class StreamScheduler {
  private readonly levels: SendStream[][] = Array.from({ length: URGENCIES }, () => [])
  private count = 0
  private turn = 0

  get isEmpty(): boolean {
    return this.count === 0
  }

  /** A stream has something to send, perhaps. */
  join(stream: SendStream): void {
    if (stream.isQueued) return
    stream.isQueued = true
    stream.turn = this.turn
    this.levels[stream.priority.urgency - FIRST].push(stream)
    this.count++
  }

  leave(stream: SendStream): void {
    if (!stream.isQueued) return
    stream.isQueued = false
    const level = this.levels[stream.priority.urgency - FIRST]
    level.splice(level.indexOf(stream), 1)
    this.count--
  }

  clear(): void {
    for (const level of this.levels) {
      for (const stream of level) stream.isQueued = false
      level.length = 0
    }
    this.count = 0
  }

  /** The stream whose turn it is, of those that can send. @param room what the connection's flow control lets out, in bytes */
  choose(room: number): SendStream | undefined {
    for (const level of this.levels) {
      const chosen = level.length === 0 ? undefined : chooseAmong(level, room)
      if (chosen !== undefined) return chosen
    }
    return undefined
  }

  /** A stream has had its turn. */
  took(stream: SendStream): void {
    stream.turn = ++this.turn
  }
}

function chooseAmong(level: readonly SendStream[], room: number): SendStream | undefined {
  let best: SendStream | undefined
  let single: SendStream | undefined
  for (const stream of level) {
    if (!stream.hasOutput(room)) continue
    if (stream.hasLost) return stream
    if (!stream.priority.incremental) {
      if (single === undefined || stream.id < single.id) single = stream
    } else if (best === undefined || precedes(stream, best)) {
      best = stream
    }
  }
  if (best === undefined || single === undefined) return single ?? best
  return precedes(single, best) ? single : best
}

function precedes(one: SendStream, other: SendStream): boolean {
  return one.turn !== other.turn ? one.turn < other.turn : one.id < other.id
}
