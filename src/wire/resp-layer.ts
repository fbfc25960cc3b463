import { field } from './describe.ts'
import type { Field, Layer } from './field.ts'
import { byteText } from './resp-buffer.ts'

/** Wireshark's names where it has them, and what people call these types. */
const TYPES: Readonly<Record<string, readonly [name: string, label: string]>> = {
  '+': ['resp.string', 'String'],
  '-': ['resp.error', 'Error'],
  ':': ['resp.integer', 'Integer'],
  _: ['resp.null', 'Null'],
  '#': ['resp.boolean', 'Boolean'],
  ',': ['resp.double', 'Double'],
  '(': ['resp.big_number', 'Big number'],
  $: ['resp.bulk_string', 'Bulk string'],
  '!': ['resp.bulk_error', 'Bulk error'],
  '=': ['resp.verbatim_string', 'Verbatim string'],
  '*': ['resp.array', 'Array'],
  '~': ['resp.set', 'Set'],
  '>': ['resp.push', 'Push'],
  '%': ['resp.map', 'Map'],
  '|': ['resp.attribute', 'Attribute'],
}
const BULKS = '$!='
const LISTS = '*~>%|'
const NUMBERED = `${BULKS}${LISTS}:`

/** Most fields that are shown, and how deep lists are followed. */
const MOST_FIELDS = 300
const DEPTH = 16
/** Most characters of a value in a summary, and most values. */
const PREVIEW = 40
const TOLD = 8

function preview(text: string): string {
  const visible = text.replace(/[^ -~]/g, '.')
  return visible.length > PREVIEW ? `${visible.slice(0, PREVIEW)}…` : visible
}

interface Told {
  readonly field: Field
  readonly words: string
}

/** Reads values as far as they are there. */
class Reader {
  count = 0

  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
    private readonly end: number,
  ) {}

  /** Where the CR of the line at `at` is; -1: the line does not end here. */
  private lineEnd(): number {
    const { bytes, end } = this
    for (let i = this.at; i + 1 < end; i++) if (bytes[i] === 13 && bytes[i + 1] === 10) return i
    return -1
  }

  /** The next value; undefined: there is none, whole or in part. */
  value(depth: number): Told | undefined {
    const { bytes, at: start, end } = this
    if (start >= end || this.count >= MOST_FIELDS || depth > DEPTH) return undefined
    const type = String.fromCharCode(bytes[start])
    const stop = this.lineEnd()
    if (!Object.hasOwn(TYPES, type) || stop < 0) return undefined
    const rest = byteText(bytes, start + 1, stop)
    if (NUMBERED.includes(type) && !/^[+-]?\d{1,20}$/.test(rest)) return undefined
    this.count++
    this.at = stop + 2
    if (BULKS.includes(type)) return this.bulk(type, start, Number(rest))
    if (LISTS.includes(type)) return this.list(type, start, Number(rest), depth)
    const [name, label] = TYPES[type]
    return {
      field: field(name, label, preview(rest), start, stop + 2),
      words: type === '-' ? `error ${preview(rest)}` : preview(rest),
    }
  }

  private bulk(type: string, start: number, length: number): Told {
    const [name, label] = TYPES[type]
    if (length < 0) return { field: field('resp.null', 'Null', '', start, this.at), words: 'null' }
    const from = this.at
    const to = Math.min(this.end, from + length)
    const text = preview(byteText(this.bytes, from, Math.min(to, from + PREVIEW + 1)))
    this.at = Math.min(this.end, from + length + 2)
    const parts = [field(`${name}.length`, 'Length', length, start, from)]
    if (to > from) parts.push(field(`${name}.value`, 'Value', text, from, to))
    const isWhole = from + length + 2 <= this.end
    return {
      field: field(name, label, isWhole ? text : `${text} (goes on in a later segment)`, start, this.at, parts),
      words: text,
    }
  }

  private list(type: string, start: number, count: number, depth: number): Told {
    const [name, label] = TYPES[type]
    if (count < 0) return { field: field('resp.null', 'Null', '', start, this.at), words: 'null' }
    const parts = [field(`${name}_length`, 'Length', count, start, this.at)]
    const items = type === '%' ? 2 * count : type === '|' ? 2 * count + 1 : count
    const words: string[] = []
    for (let i = 0; i < items; i++) {
      const item = this.value(depth + 1)
      if (item === undefined) break
      parts.push(item.field)
      words.push(item.words)
    }
    const told = words.slice(0, TOLD).join(' ')
    const text = words.length > TOLD || words.length < items ? `${told} …` : told
    const isOuter = depth === 0
    return { field: field(name, label, text, start, this.at, parts), words: isOuter ? text : `[${text}]` }
  }
}

/**
 * Values of RESP that begin in a TCP segment's payload in [start, end); undefined when the bytes do not look like the start of one, as in
 * the middle of a long value.
 */
export function respLayer(bytes: Uint8Array, start: number, end: number): Layer | undefined {
  const reader = new Reader(bytes, start, end)
  const told: Told[] = []
  for (let value = reader.value(0); value !== undefined; value = reader.value(0)) told.push(value)
  if (told.length === 0) return undefined
  const words = told.slice(0, TOLD).map((each) => each.words)
  const summary = told.length > TOLD ? `${words.join(', ')} …` : words.join(', ')
  const title = 'REdis Serialization Protocol'
  return { protocol: 'resp', title, summary, start, end: reader.at, fields: told.map((each) => each.field) }
}
