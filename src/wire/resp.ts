/**
 * Values of RESP, the protocol of Redis, in both of its versions: RESP2 (the types string, error, integer, bulk, array and the null ones) and
 * RESP3 (the rest), as redis.io's protocol specification has them. A value is what a server answers, or pushes; a command is an array of
 * bulk strings.
 */
export type RespValue =
  /** `+OK`. No CR or LF inside; one code unit a byte. */
  | { readonly type: 'string'; readonly value: string }
  /** `-ERR unknown command`; RESP3's `!` the same with any bytes. One code unit a byte. */
  | { readonly type: 'error'; readonly value: string; readonly isBulk?: true }
  /** `:42`; 64 bits. Beyond 2^53 a bigint, so that nothing is lost. */
  | { readonly type: 'integer'; readonly value: number | bigint }
  /** `$5`: any bytes. */
  | { readonly type: 'bulk'; readonly value: Uint8Array }
  | { readonly type: 'array'; readonly items: readonly RespValue[] }
  /** RESP3's `_`; RESP2's `$-1`, or `*-1` where `isArray`. */
  | { readonly type: 'null'; readonly form?: 'bulk' | 'array' }
  /** `#t`. */
  | { readonly type: 'boolean'; readonly value: boolean }
  /** `,3.14`, `,inf`, `,-inf`, `,nan`. */
  | { readonly type: 'double'; readonly value: number }
  /** `(3492890328409238509324850943850943825024385`. */
  | { readonly type: 'big-number'; readonly value: bigint }
  /** `=15`: text, and in three characters what kind of it: `txt`, `mkd`. */
  | { readonly type: 'verbatim'; readonly format: string; readonly value: Uint8Array }
  /** `%2`: in order; keys may be anything. */
  | { readonly type: 'map'; readonly entries: readonly (readonly [RespValue, RespValue])[] }
  /** `~3`. */
  | { readonly type: 'set'; readonly items: readonly RespValue[] }
  /** `>3`: comes without being asked for. */
  | { readonly type: 'push'; readonly items: readonly RespValue[] }
  /** `|1`: says something about the value behind it, which is no part of any list's count. */
  | { readonly type: 'attribute'; readonly entries: readonly (readonly [RespValue, RespValue])[]; readonly about: RespValue }

/** Bytes that grow as they are written. */
class Output {
  bytes = new Uint8Array(64)
  length = 0

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }

  text(text: string): void {
    this.reserve(text.length)
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i)
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }
}

function writeBulk(output: Output, type: string, bytes: Uint8Array): void {
  output.text(`${type}${String(bytes.length)}\r\n`)
  output.raw(bytes)
  output.text('\r\n')
}

/** As C's `%.17g` does, in as few digits as give the same number back. */
function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (value === Infinity) return 'inf'
  return value === -Infinity ? '-inf' : String(value)
}

/** A line has no room for what ends it. */
function lineText(text: string): string {
  return text.replace(/[\r\n]/g, ' ')
}

function writeList(output: Output, type: string, items: readonly RespValue[], version: 2 | 3): void {
  output.text(`${type}${String(items.length)}\r\n`)
  for (const item of items) write(output, item, version)
}

function writeMap(output: Output, type: string, entries: readonly (readonly [RespValue, RespValue])[], version: 2 | 3): void {
  output.text(`${type}${String(version === 2 ? 2 * entries.length : entries.length)}\r\n`)
  for (const [key, value] of entries) {
    write(output, key, version)
    write(output, value, version)
  }
}

function write(output: Output, value: RespValue, version: 2 | 3): void {
  switch (value.type) {
    case 'string':
      output.text(`+${lineText(value.value)}\r\n`)
      return
    case 'error':
      if (value.isBulk === true && version === 3) output.text(`!${String(value.value.length)}\r\n${value.value}\r\n`)
      else output.text(`-${lineText(value.value)}\r\n`)
      return
    case 'integer':
      output.text(`:${String(value.value)}\r\n`)
      return
    case 'bulk':
      writeBulk(output, '$', value.value)
      return
    case 'array':
      writeList(output, '*', value.items, version)
      return
    case 'null':
      output.text(value.form === 'array' && version === 2 ? '*-1\r\n' : version === 2 ? '$-1\r\n' : '_\r\n')
      return
    case 'boolean':
      if (version === 3) output.text(value.value ? '#t\r\n' : '#f\r\n')
      else output.text(value.value ? ':1\r\n' : ':0\r\n')
      return
    case 'double':
    case 'big-number': {
      const text = value.type === 'double' ? doubleText(value.value) : String(value.value)
      if (version === 3) output.text(`${value.type === 'double' ? ',' : '('}${text}\r\n`)
      else output.text(`$${String(text.length)}\r\n${text}\r\n`)
      return
    }
    case 'verbatim':
      if (version === 2) {
        writeBulk(output, '$', value.value)
        return
      }
      output.text(`=${String(value.value.length + 4)}\r\n${value.format}:`)
      output.raw(value.value)
      output.text('\r\n')
      return
    case 'map':
      writeMap(output, version === 3 ? '%' : '*', value.entries, version)
      return
    case 'set':
      writeList(output, version === 3 ? '~' : '*', value.items, version)
      return
    case 'push':
      writeList(output, version === 3 ? '>' : '*', value.items, version)
      return
    case 'attribute':
      if (version === 3) writeMap(output, '|', value.entries, version)
      write(output, value.about, version)
  }
}

/**
 * A value on the wire.
 * @param version of RESP; with 2, types that only RESP3 has become what servers send in their place: maps flat arrays, doubles bulk strings,
 * booleans 0 and 1; attributes are left out
 */
export function encodeResp(value: RespValue, version: 2 | 3): Uint8Array {
  const output = new Output()
  write(output, value, version)
  return output.bytes.subarray(0, output.length)
}

/** A command on the wire: an array of bulk strings. */
export function encodeRespCommand(words: readonly Uint8Array[]): Uint8Array {
  const output = new Output()
  output.text(`*${String(words.length)}\r\n`)
  for (const word of words) writeBulk(output, '$', word)
  return output.bytes.subarray(0, output.length)
}
