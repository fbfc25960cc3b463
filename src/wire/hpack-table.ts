/** The tables of HPACK: RFC 7541 sections 2.3 and 4, appendix A. */

/** Name and value of each entry of the static table, from index 1. */
const STATIC_ENTRIES = `
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`

interface StaticTable {
  /** From index 0, which is index 1 on the wire. */
  readonly names: readonly string[]
  readonly values: readonly string[]
  /** The first index on the wire of a name. */
  readonly byName: ReadonlyMap<string, number>
}

function readStaticTable(): StaticTable {
  const names: string[] = []
  const values: string[] = []
  const byName = new Map<string, number>()
  for (const entry of STATIC_ENTRIES.trim().split('\n')) {
    const space = entry.indexOf(' ')
    const name = space < 0 ? entry : entry.slice(0, space)
    names.push(name)
    values.push(space < 0 ? '' : entry.slice(space + 1))
    if (!byName.has(name)) byName.set(name, names.length)
  }
  return { names, values, byName }
}

const STATIC = /* @__PURE__ */ readStaticTable()

/** How many entries the static table has; the dynamic table's newest has the index after. */
const STATIC_LENGTH = 61

/** What an entry counts for beside the octets of its name and value, in bytes (RFC 7541 section 4.1). */
export const ENTRY_OVERHEAD = 32

/** The size of a table with no word from the peer (RFC 9113 section 6.5.2). */
export const DEFAULT_TABLE_SIZE = 4096

/** One table's view of both: the static entries, and behind them the dynamic ones, newest first. */
export class HpackTable {
  // A ring: the newest entry is at `next - 1`. Its length is a power of two.
  private names: string[] = []
  private values: string[] = []
  private next = 0
  /** Dynamic entries. */
  private count = 0
  private sizeNow = 0

  /** @param maximum largest size of the dynamic entries together, in bytes as RFC 7541 section 4.1 counts */
  constructor(private maximum: number) {}

  get maximumSize(): number {
    return this.maximum
  }

  /** What the dynamic entries take, in bytes. */
  get size(): number {
    return this.sizeNow
  }

  /** How many entries there are, static ones included; the largest index. */
  get length(): number {
    return STATIC_LENGTH + this.count
  }

  /** Another maximum; evicts what goes beyond. */
  resize(maximum: number): void {
    this.maximum = maximum
    this.evict(maximum)
  }

  /** The name at an index in [1, `length`]. */
  name(index: number): string {
    return index <= STATIC_LENGTH ? STATIC.names[index - 1] : this.names[this.slot(index)]
  }

  /** The value at an index in [1, `length`]. */
  value(index: number): string {
    return index <= STATIC_LENGTH ? STATIC.values[index - 1] : this.values[this.slot(index)]
  }

  /** Adds an entry, and evicts old ones for it; one that is larger than the maximum only empties the table (RFC 7541 section 4.4). */
  add(name: string, value: string): void {
    const size = name.length + value.length + ENTRY_OVERHEAD
    if (size > this.maximum) {
      this.evict(0)
      return
    }
    this.evict(this.maximum - size)
    if (this.count === this.names.length) this.grow()
    this.names[this.next] = name
    this.values[this.next] = value
    this.next = (this.next + 1) & (this.names.length - 1)
    this.count++
    this.sizeNow += size
  }

  /** The index of an entry with this name and value; else minus the index of one with this name; 0: there is none. */
  find(name: string, value: string): number {
    let sameName = STATIC.byName.get(name) ?? 0
    if (sameName > 0) {
      for (let index = sameName; index <= STATIC_LENGTH && STATIC.names[index - 1] === name; index++) {
        if (STATIC.values[index - 1] === value) return index
      }
    }
    const { names, values, count, next } = this
    const mask = names.length - 1
    for (let age = 1; age <= count; age++) {
      const slot = (next - age) & mask
      if (names[slot] !== name) continue
      if (values[slot] === value) return STATIC_LENGTH + age
      if (sameName === 0) sameName = STATIC_LENGTH + age
    }
    return -sameName
  }

  private slot(index: number): number {
    return (this.next - (index - STATIC_LENGTH)) & (this.names.length - 1)
  }

  private evict(room: number): void {
    const mask = this.names.length - 1
    while (this.sizeNow > room) {
      const oldest = (this.next - this.count) & mask
      this.sizeNow -= this.names[oldest].length + this.values[oldest].length + ENTRY_OVERHEAD
      this.names[oldest] = ''
      this.values[oldest] = ''
      this.count--
    }
  }

  private grow(): void {
    const { count, names, values } = this
    const length = Math.max(8, 2 * names.length)
    const newNames = new Array<string>(length).fill('')
    const newValues = new Array<string>(length).fill('')
    for (let age = count; age > 0; age--) {
      const slot = (this.next - age) & (names.length - 1)
      newNames[count - age] = names[slot]
      newValues[count - age] = values[slot]
    }
    this.names = newNames
    this.values = newValues
    this.next = count
  }
}
