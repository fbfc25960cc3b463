import { CommandError } from './redis-reply.ts'

/**
 * Names an entry: milliseconds since 1970, and a number among those of that millisecond.
 *
 * Deviates from Redis in that both are at most 2^53 - 1 where its are of 64 bits; in ranges they may be Infinity.
 */
export interface StreamId {
  readonly ms: number
  readonly seq: number
}

export const LEAST_ID: StreamId = { ms: 0, seq: 0 }
export const GREATEST_ID: StreamId = { ms: Infinity, seq: Infinity }

export interface StreamEntry {
  readonly id: StreamId
  /** Names and values, in turn. */
  readonly fields: readonly Uint8Array[]
}

export function compareIds(a: StreamId, b: StreamId): number {
  if (a.ms !== b.ms) return a.ms < b.ms ? -1 : 1
  return a.seq === b.seq ? 0 : a.seq < b.seq ? -1 : 1
}

export function formatId({ ms, seq }: StreamId): string {
  return `${String(ms)}-${String(seq)}`
}

const ID = /^(\d{1,20})(?:-(\d{1,20}))?$/

/**
 * An id as text.
 * @param missing the second part where there is none
 * @throws CommandError
 */
export function parseId(text: string, missing: number): StreamId {
  const match = ID.exec(text)
  const ms = Number(match?.[1])
  const seq = match?.[2] === undefined ? missing : Number(match[2])
  if (match === null || ms > Number.MAX_SAFE_INTEGER || (seq > Number.MAX_SAFE_INTEGER && seq !== Infinity))
    throw new CommandError('ERR Invalid stream ID specified as stream command argument')
  return { ms, seq }
}

/** The next id there is. */
export function idAfter({ ms, seq }: StreamId): StreamId {
  return seq >= Number.MAX_SAFE_INTEGER ? { ms: ms + 1, seq: 0 } : { ms, seq: seq + 1 }
}

/** The one before. */
export function idBefore({ ms, seq }: StreamId): StreamId {
  return seq > 0 ? { ms, seq: seq === Infinity ? Infinity : seq - 1 } : { ms: ms - 1, seq: Infinity }
}

/** Redis keeps so many entries in a node, and trims whole nodes when it need not be exact. */
const NODE = 100

/** A log of entries with growing ids, from which only the oldest go. */
export class StreamValue {
  /** The greatest id that was ever given. */
  lastId: StreamId = LEAST_ID
  /** Of names and values, in bytes. */
  size = 0
  private entries: StreamEntry[] = []
  /** How many at the beginning of `entries` are gone. */
  private gone = 0

  get length(): number {
    return this.entries.length - this.gone
  }

  get first(): StreamEntry | undefined {
    return this.entries.at(this.gone)
  }

  /** The id must be greater than `lastId`. */
  append(entry: StreamEntry): void {
    this.entries.push(entry)
    this.lastId = entry.id
    for (const word of entry.fields) this.size += word.length
  }

  /** The first place whose id is not less. */
  private placeOf(id: StreamId): number {
    let low = this.gone
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareIds(this.entries[middle].id, id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Entries with from <= id <= to, oldest first unless reversed. */
  range(from: StreamId, to: StreamId, count = Infinity, isReversed = false): StreamEntry[] {
    const start = this.placeOf(from)
    let end = this.placeOf(to)
    if (end < this.entries.length && compareIds(this.entries[end].id, to) === 0) end++
    if (end <= start || count <= 0) return []
    if (isReversed) return this.entries.slice(Math.max(start, end - count), end).reverse()
    return this.entries.slice(start, Math.min(end, start + count))
  }

  /** @returns whether it was there */
  remove(id: StreamId): boolean {
    const place = this.placeOf(id)
    if (place >= this.entries.length || compareIds(this.entries[place].id, id) !== 0) return false
    const [{ fields }] = this.entries.splice(place, 1)
    for (const word of fields) this.size -= word.length
    return true
  }

  /** @returns how many entries went */
  trimToLength(most: number, isExact: boolean): number {
    return this.trim(this.length - most, isExact)
  }

  trimToId(least: StreamId, isExact: boolean): number {
    return this.trim(this.placeOf(least) - this.gone, isExact)
  }

  private trim(wanted: number, isExact: boolean): number {
    const count = isExact ? wanted : Math.floor(wanted / NODE) * NODE
    if (count <= 0) return 0
    for (let i = this.gone; i < this.gone + count; i++) for (const word of this.entries[i].fields) this.size -= word.length
    this.gone += count
    if (this.gone * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.gone)
      this.gone = 0
    }
    return count
  }
}
