import { ENTRY_OVERHEAD } from './hpack-table.ts'

/** The tables of QPACK: RFC 9204 section 3, appendix A. */

/** Name and value of each entry of the static table, from index 0. */
const STATIC_ENTRIES = `
:authority
:path /
age 0
content-disposition
content-length 0
cookie
date
etag
if-modified-since
if-none-match
last-modified
link
location
referer
set-cookie
:method CONNECT
:method DELETE
:method GET
:method HEAD
:method OPTIONS
:method POST
:method PUT
:scheme http
:scheme https
:status 103
:status 200
:status 304
:status 404
:status 503
accept */*
accept application/dns-message
accept-encoding gzip, deflate, br
accept-ranges bytes
access-control-allow-headers cache-control
access-control-allow-headers content-type
access-control-allow-origin *
cache-control max-age=0
cache-control max-age=2592000
cache-control max-age=604800
cache-control no-cache
cache-control no-store
cache-control public, max-age=31536000
content-encoding br
content-encoding gzip
content-type application/dns-message
content-type application/javascript
content-type application/json
content-type application/x-www-form-urlencoded
content-type image/gif
content-type image/jpeg
content-type image/png
content-type text/css
content-type text/html; charset=utf-8
content-type text/plain
content-type text/plain;charset=utf-8
range bytes=0-
strict-transport-security max-age=31536000
strict-transport-security max-age=31536000; includesubdomains
strict-transport-security max-age=31536000; includesubdomains; preload
vary accept-encoding
vary origin
x-content-type-options nosniff
x-xss-protection 1; mode=block
:status 100
:status 204
:status 206
:status 302
:status 400
:status 403
:status 421
:status 425
:status 500
accept-language
access-control-allow-credentials FALSE
access-control-allow-credentials TRUE
access-control-allow-headers *
access-control-allow-methods get
access-control-allow-methods get, post, options
access-control-allow-methods options
access-control-expose-headers content-length
access-control-request-headers content-type
access-control-request-method get
access-control-request-method post
alt-svc clear
authorization
content-security-policy script-src 'none'; object-src 'none'; base-uri 'none'
early-data 1
expect-ct
forwarded
if-range
origin
purpose prefetch
server
timing-allow-origin *
upgrade-insecure-requests 1
user-agent
x-forwarded-for
x-frame-options deny
x-frame-options sameorigin`

interface StaticTable {
  readonly names: readonly string[]
  readonly values: readonly string[]
  /** The indices of each name, ascending. */
  readonly byName: ReadonlyMap<string, readonly number[]>
}

function readStaticTable(): StaticTable {
  const names: string[] = []
  const values: string[] = []
  const byName = new Map<string, number[]>()
  for (const entry of STATIC_ENTRIES.trim().split('\n')) {
    const space = entry.indexOf(' ')
    const name = space < 0 ? entry : entry.slice(0, space)
    const others = byName.get(name)
    if (others === undefined) byName.set(name, [names.length])
    else others.push(names.length)
    names.push(name)
    values.push(space < 0 ? '' : entry.slice(space + 1))
  }
  return { names, values, byName }
}

const STATIC = /* @__PURE__ */ readStaticTable()

/** How many entries the static table has. */
export const STATIC_LENGTH = 99

/** @param index in [0, 99) */
export function staticName(index: number): string {
  return STATIC.names[index]
}

/** @param index in [0, 99) */
export function staticValue(index: number): string {
  return STATIC.values[index]
}

/** The index of the static entry with this name and value; -1: there is none. */
export function findStatic(name: string, value: string): number {
  for (const index of STATIC.byName.get(name) ?? []) if (STATIC.values[index] === value) return index
  return -1
}

/** The index of the first static entry with this name; -1: there is none. */
export function findStaticName(name: string): number {
  return STATIC.byName.get(name)?.[0] ?? -1
}

/** What an entry counts for, in bytes (RFC 9204 section 3.2.1). */
export function entrySize(name: string, value: string): number {
  return name.length + value.length + ENTRY_OVERHEAD
}

/**
 * The dynamic table. Entries are known by their absolute index, which says how many had been inserted before: it stays the same for as
 * long as the entry is there (RFC 9204 section 3.2.4).
 */
export class QpackTable {
  // A ring: the newest entry is at `next - 1`. Its length is a power of two.
  private names: string[] = []
  private values: string[] = []
  private next = 0
  private count = 0
  private sizeNow = 0
  private inserted = 0
  private capacityNow = 0

  /** Largest size of the entries together, in bytes. */
  get capacity(): number {
    return this.capacityNow
  }

  /** What the entries take, in bytes. */
  get size(): number {
    return this.sizeNow
  }

  /** How many entries were ever inserted: the absolute index of the next one. */
  get insertCount(): number {
    return this.inserted
  }

  /** Absolute index of the oldest entry that is there; `insertCount` when none is. */
  get oldest(): number {
    return this.inserted - this.count
  }

  /** Whether the entry with this absolute index is there. */
  has(index: number): boolean {
    return index >= this.inserted - this.count && index < this.inserted
  }

  /** The name of an entry that is there. */
  name(index: number): string {
    return this.names[this.slot(index)]
  }

  /** The value of an entry that is there. */
  value(index: number): string {
    return this.values[this.slot(index)]
  }

  /** Another capacity; evicts what goes beyond. */
  setCapacity(capacity: number): void {
    this.capacityNow = capacity
    this.evict(capacity)
  }

  /** Adds an entry, and evicts old ones for it. @returns false, and nothing is changed, when it is larger than the capacity */
  insert(name: string, value: string): boolean {
    const size = entrySize(name, value)
    if (size > this.capacityNow) return false
    this.evict(this.capacityNow - size)
    if (this.count === this.names.length) this.grow()
    this.names[this.next] = name
    this.values[this.next] = value
    this.next = (this.next + 1) & (this.names.length - 1)
    this.count++
    this.inserted++
    this.sizeNow += size
    return true
  }

  /** The absolute index of the newest entry with this name and value; -1: there is none. */
  find(name: string, value: string): number {
    for (let index = this.inserted - 1; index >= this.oldest; index--) {
      const slot = this.slot(index)
      if (this.values[slot] === value && this.names[slot] === name) return index
    }
    return -1
  }

  /** The absolute index of the newest entry with this name, below `below`; -1: there is none. */
  findName(name: string, below: number): number {
    for (let index = Math.min(this.inserted, below) - 1; index >= this.oldest; index--) {
      if (this.names[this.slot(index)] === name) return index
    }
    return -1
  }

  private slot(index: number): number {
    return (this.next - (this.inserted - index)) & (this.names.length - 1)
  }

  private evict(room: number): void {
    while (this.sizeNow > room) {
      const slot = this.slot(this.oldest)
      this.sizeNow -= entrySize(this.names[slot], this.values[slot])
      this.names[slot] = ''
      this.values[slot] = ''
      this.count--
    }
  }

  private grow(): void {
    const { count, oldest } = this
    const length = Math.max(8, 2 * this.names.length)
    const names = new Array<string>(length).fill('')
    const values = new Array<string>(length).fill('')
    for (let i = 0; i < count; i++) {
      const slot = this.slot(oldest + i)
      names[i] = this.names[slot]
      values[i] = this.values[slot]
    }
    this.names = names
    this.values = values
    this.next = count
  }
}
