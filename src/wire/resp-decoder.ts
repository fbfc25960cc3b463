import type { DecodeProblem } from './errors.ts'
import type { RespValue } from './resp.ts'
import { byteText, RespBuffer, respInteger } from './resp-buffer.ts'

/** How much a peer may ask of a decoder. */
export interface RespLimits {
  /** Longest line, in bytes: of a simple string, an error, a number. */
  readonly line: number
  /** Longest bulk string, error or verbatim text, in bytes. */
  readonly bulk: number
  /** Most items of one list, map or set: of a map, keys and values together. */
  readonly items: number
  /** How deep lists may stand in lists. */
  readonly depth: number
  /** Most values inside one value, at all depths together. */
  readonly values: number
}

const RESP_LIMITS: RespLimits = {
  line: 65_536,
  bulk: 64 * 1_048_576,
  items: 1_048_576,
  depth: 16,
  values: 1_048_576,
}

/** Why a stream cannot be read on. */
export interface RespFault {
  readonly problem: Exclude<DecodeProblem, 'checksum' | 'truncated'>
  readonly detail: string
}

type Aggregate = 'array' | 'set' | 'push' | 'map' | 'attribute'

/** A list whose items are still coming. */
interface Open {
  readonly kind: Aggregate
  readonly items: RespValue[]
  /** How many items it will have; of an attribute, with the value that it is about. */
  readonly count: number
}

const NULL: RespValue = { type: 'null' }
const NULL_BULK: RespValue = { type: 'null', form: 'bulk' }
const NULL_ARRAY: RespValue = { type: 'null', form: 'array' }
const TRUE: RespValue = { type: 'boolean', value: true }
const FALSE: RespValue = { type: 'boolean', value: false }
const SPECIAL_DOUBLES: Readonly<Record<string, number>> = { inf: Infinity, '-inf': -Infinity, nan: NaN }
const DOUBLE = /^[+-]?\d{1,400}(\.\d{0,400})?([eE][+-]?\d{1,5})?$/
const BIG_NUMBER = /^[+-]?\d+$/
const AGGREGATES: Readonly<Record<string, Aggregate>> = { '*': 'array', '~': 'set', '>': 'push', '%': 'map', '|': 'attribute' }
const BULKS = '$!='

function pairs(items: readonly RespValue[], end: number): (readonly [RespValue, RespValue])[] {
  const entries: (readonly [RespValue, RespValue])[] = []
  for (let i = 0; i + 1 < end; i += 2) entries.push([items[i], items[i + 1]])
  return entries
}

function closed({ kind, items }: Open): RespValue {
  switch (kind) {
    case 'map':
      return { type: 'map', entries: pairs(items, items.length) }
    case 'attribute':
      return { type: 'attribute', entries: pairs(items, items.length - 1), about: items[items.length - 1] }
    default:
      return { type: kind, items }
  }
}

/**
 * Cuts a stream of bytes into values of RESP2 and RESP3, as a client reads what a server says. Takes chunks of any size; never throws.
 * Bytes inside of values are views, of a chunk perhaps: whoever keeps them for long copies them.
 *
 * Deviates from RESP3's specification in that strings and lists of unknown length (`$?`, `*?`) are refused: no server sends them.
 */
export class RespDecoder {
  /** Why the rest of the stream cannot be read; undefined as long as it can. */
  fault: RespFault | undefined
  private readonly limits: RespLimits
  private readonly buffer = new RespBuffer()
  private readonly open: Open[] = []
  private values = 0
  /** Of the bulk whose head has come: its type byte and length; length -1: none. */
  private bulkType = ''
  private bulkLength = -1

  constructor(limits: Partial<RespLimits> = {}) {
    this.limits = { ...RESP_LIMITS, ...limits }
  }

  /** Takes in the next bytes of the stream; they must not change afterwards. */
  push(chunk: Uint8Array): void {
    if (this.fault === undefined) this.buffer.push(chunk)
  }

  /** Whether what has come ends in the middle of a value. */
  get isInside(): boolean {
    return this.open.length > 0 || this.bulkLength >= 0 || this.buffer.at < this.buffer.end
  }

  /** The next whole value; undefined when it is not there yet, or after a fault. */
  next(): RespValue | undefined {
    while (this.fault === undefined) {
      let value = this.bulkLength >= 0 ? this.bulk() : this.line()
      if (value === undefined) return undefined
      if (value === OPENED) continue
      for (let list = this.open.at(-1); list !== undefined; list = this.open.at(-1)) {
        list.items.push(value)
        if (list.items.length < list.count) break
        this.open.pop()
        value = closed(list)
      }
      if (this.open.length > 0) continue
      this.values = 0
      return value
    }
    return undefined
  }

  private refuse(problem: RespFault['problem'], detail: string): RespValue | undefined {
    this.fault = { problem, detail }
    this.buffer.clear()
    this.open.length = 0
    return undefined
  }

  /** Reads a line, which is a value or begins one. */
  private line(): RespValue | typeof OPENED | undefined {
    const { buffer, limits } = this
    if (buffer.at === buffer.end) return undefined
    const feed = buffer.lineFeed()
    const length = (feed < 0 ? buffer.end : feed) - buffer.at
    if (length > limits.line + 1) return this.refuse('oversized', `a line of more than ${String(limits.line)} bytes`)
    if (feed < 0) return undefined
    const text = byteText(buffer.bytes, buffer.at, feed - 1)
    if (length < 2 || buffer.bytes[feed - 1] !== 13 || text.includes('\r'))
      return this.refuse('invalid', 'a line does not end with CR LF')
    buffer.skipTo(feed + 1)
    if (++this.values > limits.values) return this.refuse('oversized', `more than ${String(limits.values)} values in one`)
    return this.begin(text[0], text.slice(1))
  }

  private begin(type: string, rest: string): RespValue | typeof OPENED | undefined {
    if (Object.hasOwn(AGGREGATES, type)) return this.openList(AGGREGATES[type], rest)
    if (BULKS.includes(type)) return this.openBulk(type, rest)
    switch (type) {
      case '+':
        return { type: 'string', value: rest }
      case '-':
        return { type: 'error', value: rest }
      case ':': {
        const value = respInteger(rest)
        return value === undefined ? this.refuse('invalid', 'an integer that is none of 64 bits') : { type: 'integer', value }
      }
      case '_':
        return rest === '' ? NULL : this.refuse('invalid', 'a null with something in it')
      case '#':
        return rest === 't' ? TRUE : rest === 'f' ? FALSE : this.refuse('invalid', 'a boolean that is neither t nor f')
      case ',':
        if (Object.hasOwn(SPECIAL_DOUBLES, rest)) return { type: 'double', value: SPECIAL_DOUBLES[rest] }
        return DOUBLE.test(rest) ? { type: 'double', value: Number(rest) } : this.refuse('invalid', 'a double that is no number')
      case '(':
        if (rest.length > 4096) return this.refuse('oversized', 'a big number of more than 4096 digits')
        return BIG_NUMBER.test(rest)
          ? { type: 'big-number', value: BigInt(rest.replace('+', '')) }
          : this.refuse('invalid', 'a big number that is no number')
      default:
        return this.refuse('invalid', `no type of RESP begins with byte ${String(type.charCodeAt(0))}`)
    }
  }

  /** A length or a count; -1 only where null is meant. */
  private size(rest: string, most: number, mayBeNull: boolean): number | undefined {
    if (rest === '-1' && mayBeNull) return -1
    const size = /^\d{1,10}$/.test(rest) ? Number(rest) : -1
    if (size >= 0 && size <= most) return size
    if (size > most) this.refuse('oversized', `a length of more than ${String(most)}`)
    else if (rest === '?') this.refuse('unsupported', 'a length that is not known')
    else this.refuse('invalid', 'a length that is no number')
    return undefined
  }

  private openBulk(type: string, rest: string): RespValue | typeof OPENED | undefined {
    const length = this.size(rest, this.limits.bulk, type === '$')
    if (length === undefined) return undefined
    if (length < 0) return NULL_BULK
    if (type === '=' && length < 4) return this.refuse('invalid', 'a verbatim text without its format')
    this.bulkType = type
    this.bulkLength = length
    return OPENED
  }

  private openList(kind: Aggregate, rest: string): RespValue | typeof OPENED | undefined {
    const isPairs = kind === 'map' || kind === 'attribute'
    const size = this.size(rest, isPairs ? this.limits.items >> 1 : this.limits.items, kind === 'array')
    if (size === undefined) return undefined
    if (size < 0) return NULL_ARRAY
    const count = kind === 'attribute' ? 2 * size + 1 : isPairs ? 2 * size : size
    const list: Open = { kind, items: [], count }
    if (count === 0) return closed(list)
    if (this.open.length >= this.limits.depth)
      return this.refuse('oversized', `lists more than ${String(this.limits.depth)} deep`)
    this.open.push(list)
    return OPENED
  }

  /** Reads the bytes of a bulk whose head has come. */
  private bulk(): RespValue | undefined {
    const { buffer, bulkLength, bulkType } = this
    const stop = buffer.at + bulkLength
    if (buffer.end < stop + 2) return undefined
    if (buffer.bytes[stop] !== 13 || buffer.bytes[stop + 1] !== 10)
      return this.refuse('invalid', 'a bulk does not end with CR LF')
    const bytes = buffer.bytes.subarray(buffer.at, stop)
    buffer.skipTo(stop + 2)
    this.bulkLength = -1
    if (bulkType === '$') return { type: 'bulk', value: bytes }
    if (bulkType === '!') return { type: 'error', value: byteText(bytes), isBulk: true }
    if (bytes[3] !== 0x3a) return this.refuse('invalid', 'a verbatim text without its format')
    return { type: 'verbatim', format: byteText(bytes, 0, 3), value: bytes.subarray(4) }
  }
}

/** A line was the beginning of a value that goes on. */
const OPENED = 'opened'
