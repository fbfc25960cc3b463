import { DecodeError } from './errors.ts'
import type { DecodeProblem } from './errors.ts'
import type { Field, Layer } from './field.ts'

/**
 * HTTP/1.1 messages on the wire: start lines, field lines and chunk lines (RFC 9112), with the token and field-value rules of
 * RFC 9110 section 5. Text is one code point per byte (ISO 8859-1), so that any bytes which are allowed survive a round trip.
 *
 * Lines end with CRLF only. RFC 9112 section 2.2 lets a recipient accept a bare LF; this codec does not, because two recipients
 * that disagree about where a line ends are how requests are smuggled.
 */

/** One field line. Decoded names are in lower case, values without the whitespace around them. */
export interface HeaderField {
  readonly name: string
  readonly value: string
}

/** RFC 9112 section 3. */
export interface RequestLine {
  /** Case-sensitive. */
  readonly method: string
  /** As sent: origin-form, absolute-form, authority-form or asterisk-form. */
  readonly target: string
  /** The y of HTTP/1.y, 0 to 9; from 1 on it means HTTP/1.1 (RFC 9110 section 2.5). */
  readonly minorVersion: number
}

/** RFC 9112 section 4. */
export interface StatusLine {
  readonly minorVersion: number
  /** Three digits: 0 to 999. */
  readonly status: number
  /** May be empty. */
  readonly reason: string
}

/** What is wrong with an HTTP/1.1 message, and how a server answers it. */
export class Http1DecodeError extends DecodeError {
  constructor(
    problem: DecodeProblem,
    offset: number,
    /** In words, without the offset. */
    readonly detail: string,
    /** The status code with which a server refuses such a request: 400, 413, 414, 431, 501 or 505. */
    readonly status: number,
    /** `'RFC 9112 section 5.1'`. */
    readonly cites: string,
  ) {
    super('http1', problem, offset, detail)
  }
}

const TOKEN = 1
const IN_LINE = 2
const VISIBLE = 4
const DIGIT = 8
const HEX = 16

/** Classes of octets, as bits: tchar (RFC 9110 section 5.6.2), field-content, VCHAR, DIGIT, HEXDIG. */
function octetClasses(): Uint8Array {
  const classes = new Uint8Array(256)
  for (let octet = 0x20; octet < 256; octet++) if (octet !== 0x7f) classes[octet] = IN_LINE
  classes[0x09] = IN_LINE
  for (let octet = 0x21; octet < 0x7f; octet++) classes[octet] |= VISIBLE
  for (const symbol of "!#$%&'*+-.^_`|~") classes[symbol.charCodeAt(0)] |= TOKEN
  for (let octet = 0x30; octet <= 0x39; octet++) classes[octet] |= TOKEN | DIGIT | HEX
  for (let letter = 0; letter < 26; letter++) {
    classes[0x41 + letter] |= TOKEN | (letter < 6 ? HEX : 0)
    classes[0x61 + letter] |= TOKEN | (letter < 6 ? HEX : 0)
  }
  return classes
}

const CLASSES = /* @__PURE__ */ octetClasses()
const CR = 13
const LF = 10
const SP = 32
const HTAB = 9
const COLON = 58

/**
 * Where the line's content ends: the index of the first octet from `start` on that may not stand inside a line (a CR, a LF, a
 * control character), or `end`.
 */
export function lineContentEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = start
  while (i < end && (CLASSES[bytes[i]] & IN_LINE) !== 0) i++
  return i
}

/** Text of bytes, one code point per byte. */
function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, Math.min(end, i + 4096)) as unknown as number[])
  }
  return text
}

/** Bytes of text, one byte per code unit. Throws RangeError for code units over 0xff. */
export function encodeLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff) throw new RangeError(`U+${unit.toString(16)} cannot stand in an HTTP/1.1 head`)
    bytes[i] = unit
  }
  return bytes
}

function invalid(offset: number, detail: string, cites: string): Http1DecodeError {
  return new Http1DecodeError('invalid', offset, detail, 400, cites)
}

function tokenEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = start
  while (i < end && (CLASSES[bytes[i]] & TOKEN) !== 0) i++
  return i
}

/** Checks `HTTP/1.y` at [start, end) and gives y. */
function decodeVersion(bytes: Uint8Array, start: number, end: number): number {
  const matches =
    end - start === 8 &&
    decodeLatin1(bytes, start, start + 5) === 'HTTP/' &&
    (CLASSES[bytes[start + 5]] & DIGIT) !== 0 &&
    bytes[start + 6] === 46 &&
    (CLASSES[bytes[start + 7]] & DIGIT) !== 0
  if (!matches) throw invalid(start, 'the protocol version is not of the form HTTP/1.1', 'RFC 9112 section 2.3')
  if (bytes[start + 5] !== 49) {
    const detail = `${decodeLatin1(bytes, start, end)} has another major version than 1`
    throw new Http1DecodeError('unsupported', start, detail, 505, 'RFC 9110 section 15.6.6')
  }
  return bytes[start + 7] - 48
}

/** Whether a request target has one of the four forms of RFC 9112 section 3.2 that this method may use. */
function hasTargetForm(method: string, target: string): boolean {
  if (method === 'CONNECT') return /^[^/?#@]+:\d*$/.test(target)
  if (target === '*') return method === 'OPTIONS'
  if (target.includes('#')) return false
  return target.startsWith('/') || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(target)
}

/**
 * Decodes `method SP request-target SP HTTP-version` in [start, end), the line without its CRLF (RFC 9112 section 3).
 * Throws Http1DecodeError.
 */
export function decodeRequestLine(bytes: Uint8Array, start: number, end: number): RequestLine {
  const methodEnd = tokenEnd(bytes, start, end)
  if (methodEnd === start || bytes[methodEnd] !== SP || methodEnd === end) {
    throw invalid(methodEnd, 'the request line does not begin with a method and one space', 'RFC 9112 section 3.1')
  }
  let targetEnd = methodEnd + 1
  while (targetEnd < end && (CLASSES[bytes[targetEnd]] & VISIBLE) !== 0) targetEnd++
  if (targetEnd === methodEnd + 1 || targetEnd === end || bytes[targetEnd] !== SP) {
    throw invalid(targetEnd, 'the method is not followed by a request target and one space', 'RFC 9112 section 3.2')
  }
  const minorVersion = decodeVersion(bytes, targetEnd + 1, end)
  const method = decodeLatin1(bytes, start, methodEnd)
  const target = decodeLatin1(bytes, methodEnd + 1, targetEnd)
  if (!hasTargetForm(method, target)) {
    throw invalid(methodEnd + 1, `${method} cannot ask for a target of this form`, 'RFC 9112 section 3.2')
  }
  return { method, target, minorVersion }
}

/**
 * Decodes `HTTP-version SP status-code SP [ reason-phrase ]` in [start, end), the line without its CRLF (RFC 9112 section 4).
 * Throws Http1DecodeError.
 */
export function decodeStatusLine(bytes: Uint8Array, start: number, end: number): StatusLine {
  const versionEnd = Math.min(start + 8, end)
  const minorVersion = decodeVersion(bytes, start, versionEnd)
  const code = versionEnd + 1
  let status = 0
  for (let i = code; i < code + 3; i++) {
    if (i >= end || (CLASSES[bytes[i]] & DIGIT) === 0) throw invalid(i, 'no status code of three digits', 'RFC 9112 section 4')
    status = status * 10 + bytes[i] - 48
  }
  // The space before an empty reason phrase is often forgotten, and there is nothing to confuse it with.
  const spaced = bytes[versionEnd] === SP && (code + 3 === end || bytes[code + 3] === SP)
  if (!spaced) throw invalid(versionEnd, 'the status code does not stand between single spaces', 'RFC 9112 section 4')
  return { minorVersion, status, reason: decodeLatin1(bytes, Math.min(code + 4, end), end) }
}

/** Whether the line in [start, end) goes on with the field before it: the obsolete line folding of RFC 9112 section 5.2. */
export function isFolded(bytes: Uint8Array, start: number, end: number): boolean {
  return start < end && (bytes[start] === SP || bytes[start] === HTAB)
}

/** Decodes `field-name ":" OWS field-value OWS` in [start, end), the line without its CRLF (RFC 9112 section 5). Throws Http1DecodeError. */
export function decodeFieldLine(bytes: Uint8Array, start: number, end: number): HeaderField {
  if (isFolded(bytes, start, end)) throw invalid(start, 'a field line begins with whitespace', 'RFC 9112 section 5.2')
  const nameEnd = tokenEnd(bytes, start, end)
  if (nameEnd === start || nameEnd === end || bytes[nameEnd] !== COLON) {
    throw invalid(nameEnd, 'a field line does not begin with a name and a colon right behind it', 'RFC 9112 section 5.1')
  }
  const valueEnd = lineContentEnd(bytes, nameEnd + 1, end)
  if (valueEnd < end) throw invalid(valueEnd, 'a field value holds a control character', 'RFC 9110 section 5.5')
  const value = trimmed(bytes, nameEnd + 1, end)
  return { name: decodeLatin1(bytes, start, nameEnd).toLowerCase(), value }
}

/** Text of [start, end) without spaces and tabs at its ends. */
export function trimmed(bytes: Uint8Array, start: number, end: number): string {
  let from = start
  let to = end
  while (from < to && (bytes[from] === SP || bytes[from] === HTAB)) from++
  while (to > from && (bytes[to - 1] === SP || bytes[to - 1] === HTAB)) to--
  return decodeLatin1(bytes, from, to)
}

/** `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )` */
const CHUNK_EXTENSIONS = /^(?:[ \t]*;[ \t]*[\w!#$%&'*+.^`|~-]+(?:[ \t]*=[ \t]*(?:[\w!#$%&'*+.^`|~-]+|"(?:[^"\\]|\\.)*"))?)*$/

/**
 * Decodes `chunk-size [ chunk-ext ]` in [start, end), the line without its CRLF (RFC 9112 section 7.1); extensions are checked for
 * their form and ignored. Gives the size in bytes, at most 2^53 - 1. Throws Http1DecodeError.
 */
export function decodeChunkLine(bytes: Uint8Array, start: number, end: number): number {
  const cites = 'RFC 9112 section 7.1'
  let size = 0
  let i = start
  for (; i < end && (CLASSES[bytes[i]] & HEX) !== 0; i++) {
    const octet = bytes[i]
    size = size * 16 + (octet <= 57 ? octet - 48 : (octet | 0x20) - 87)
    if (size > Number.MAX_SAFE_INTEGER) throw new Http1DecodeError('oversized', start, 'a chunk of over 2^53 bytes', 413, cites)
  }
  if (i === start) throw invalid(start, 'a chunk does not begin with its size in hexadecimal digits', cites)
  if (i < end && !CHUNK_EXTENSIONS.test(decodeLatin1(bytes, i, end))) {
    throw invalid(i, 'a chunk size is followed by something else than extensions', 'RFC 9112 section 7.1.1')
  }
  return size
}

/** Whether a text is a token (RFC 9110 section 5.6.2): a method, a field name. */
function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff || (CLASSES[unit] & TOKEN) === 0) return false
  }
  return text !== ''
}

function isLineContent(text: string, mask: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff || (CLASSES[unit] & mask) === 0) return false
  }
  return true
}

function encodeFields(fields: readonly HeaderField[]): string {
  let text = ''
  for (const { name, value } of fields) {
    if (!isToken(name)) throw new RangeError(`'${name}' is not a field name`)
    if (!isLineContent(value, IN_LINE) || /^[ \t]|[ \t]$/.test(value))
      throw new RangeError(`the value of ${name} is not a field value`)
    text += `${name}: ${value}\r\n`
  }
  return text
}

/**
 * A request's head up to its empty line, always as HTTP/1.1 unless `minorVersion` is 0. Throws RangeError for anything that
 * would not come out of a decoder as it went in, line breaks in a value among them.
 */
export function encodeRequestHead(line: RequestLine, fields: readonly HeaderField[]): Uint8Array {
  if (!isToken(line.method)) throw new RangeError(`'${line.method}' is not a method`)
  if (!isLineContent(line.target, VISIBLE) || !hasTargetForm(line.method, line.target)) {
    throw new RangeError(`'${line.target}' is not a request target of ${line.method}`)
  }
  return encodeLatin1(`${line.method} ${line.target} HTTP/1.${String(line.minorVersion)}\r\n${encodeFields(fields)}\r\n`)
}

/** A response's head up to its empty line. Throws RangeError like `encodeRequestHead`. */
export function encodeStatusHead(line: StatusLine, fields: readonly HeaderField[]): Uint8Array {
  if (!Number.isInteger(line.status) || line.status < 100 || line.status > 999)
    throw new RangeError('a status code has three digits')
  if (!isLineContent(line.reason, IN_LINE)) throw new RangeError('the reason phrase holds a control character')
  const status = `HTTP/1.${String(line.minorVersion)} ${String(line.status)} ${line.reason}`
  return encodeLatin1(`${status}\r\n${encodeFields(fields)}\r\n`)
}

/** The line before a chunk of `size` bytes, at least 1; the chunk itself is followed by CRLF. */
export function encodeChunkLine(size: number): Uint8Array {
  return encodeLatin1(`${size.toString(16)}\r\n`)
}

/** The last chunk, the trailer section and the empty line that end a chunked body. Throws RangeError like `encodeRequestHead`. */
export function encodeLastChunk(trailers: readonly HeaderField[]): Uint8Array {
  return encodeLatin1(`0\r\n${encodeFields(trailers)}\r\n`)
}

/** Names that Wireshark gives to fields; others are shown under `http.request.line` or `http.response.line`. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  accept: 'http.accept',
  'accept-encoding': 'http.accept_encoding',
  'accept-language': 'http.accept_language',
  authorization: 'http.authorization',
  'cache-control': 'http.cache_control',
  connection: 'http.connection',
  'content-encoding': 'http.content_encoding',
  'content-length': 'http.content_length_header',
  'content-type': 'http.content_type',
  cookie: 'http.cookie',
  date: 'http.date',
  host: 'http.host',
  'last-modified': 'http.last_modified',
  location: 'http.location',
  referer: 'http.referer',
  server: 'http.server',
  'set-cookie': 'http.set_cookie',
  'transfer-encoding': 'http.transfer_encoding',
  upgrade: 'http.upgrade',
  'user-agent': 'http.user_agent',
}

/** Collects a layer's fields while walking over the messages in a segment. */
class LayerBuilder {
  readonly fields: Field[] = []
  readonly summaries: string[] = []
  problem: string | undefined
  constructor(
    private readonly bytes: Uint8Array,
    private readonly end: number,
  ) {}

  private text(start: number, end: number): string {
    return decodeLatin1(this.bytes, start, end)
  }

  /** The index of the CRLF that ends the line at `start`, or -1 when the segment ends before, or when the line is broken. */
  private lineEnd(start: number): number {
    const { bytes, end } = this
    const at = lineContentEnd(bytes, start, end)
    return at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF ? at : -1
  }

  /** Takes one message at `start`; gives where it ends in this segment, or -1 when none begins there. */
  message(start: number): number {
    const lineEnd = this.lineEnd(start)
    if (lineEnd < 0) return -1
    const isResponse = this.text(start, Math.min(start + 7, lineEnd)) === 'HTTP/1.'
    let length = 0
    try {
      if (isResponse) length = this.statusLine(start, lineEnd)
      else this.requestLine(start, lineEnd)
    } catch (error) {
      if (!(error instanceof Http1DecodeError)) throw error
      if (!isResponse && error.status !== 505) return -1
      this.problem ??= error.detail
      this.note('http.chat', 'Start line', this.text(start, lineEnd), start, lineEnd + 2)
      return this.end
    }
    return this.head(isResponse, lineEnd + 2, length)
  }

  private note(name: string, label: string, value: string, start: number, end: number, fields?: readonly Field[]): void {
    this.fields.push(fields ? { name, label, value, start, end, fields } : { name, label, value, start, end })
  }

  private requestLine(start: number, lineEnd: number): void {
    const { method, target } = decodeRequestLine(this.bytes, start, lineEnd)
    const line = this.text(start, lineEnd)
    const uri = start + method.length + 1
    const version = uri + target.length + 1
    this.summaries.push(line)
    this.note('http.request', 'Request line', line, start, lineEnd + 2, [
      { name: 'http.request.method', label: 'Method', value: method, start, end: uri - 1 },
      { name: 'http.request.uri', label: 'Request target', value: target, start: uri, end: version - 1 },
      { name: 'http.request.version', label: 'Version', value: this.text(version, lineEnd), start: version, end: lineEnd },
    ])
  }

  /** Gives how long the body is when no field says so; -1: no body, whatever the fields say. */
  private statusLine(start: number, lineEnd: number): number {
    const { status, reason } = decodeStatusLine(this.bytes, start, lineEnd)
    const line = this.text(start, lineEnd)
    const parts: Field[] = [
      { name: 'http.response.version', label: 'Version', value: this.text(start, start + 8), start, end: start + 8 },
      {
        name: 'http.response.code',
        label: 'Status code',
        value: this.text(start + 9, start + 12),
        start: start + 9,
        end: start + 12,
      },
    ]
    if (reason !== '') {
      parts.push({ name: 'http.response.phrase', label: 'Reason phrase', value: reason, start: start + 13, end: lineEnd })
    }
    this.summaries.push(line)
    this.note('http.response', 'Status line', line, start, lineEnd + 2, parts)
    return status < 200 || status === 204 || status === 304 ? -1 : Number.POSITIVE_INFINITY
  }

  /** Field lines and body; gives where the message ends in this segment. */
  private head(isResponse: boolean, start: number, defaultLength: number): number {
    let at = start
    let length = Math.max(0, defaultLength)
    let chunked = false
    for (;;) {
      const lineEnd = this.lineEnd(at)
      if (lineEnd < 0) return this.unfinished(at, 'The head goes on in a later segment')
      if (lineEnd === at) break
      try {
        const { name, value } = decodeFieldLine(this.bytes, at, lineEnd)
        const label = this.text(at, at + name.length)
        this.note(FIELD_NAMES[name] ?? `http.${isResponse ? 'response' : 'request'}.line`, label, value, at, lineEnd + 2)
        if (name === 'content-length' && defaultLength >= 0 && /^\d{1,15}$/.test(value)) length = Number(value)
        if (name === 'transfer-encoding' && defaultLength >= 0) chunked = /(?:^|,)[ \t]*chunked$/i.test(value)
      } catch (error) {
        if (!(error instanceof Http1DecodeError)) throw error
        this.problem ??= error.detail
        this.note('http.unknown_header', 'Invalid field line', this.text(at, lineEnd), at, lineEnd + 2)
      }
      at = lineEnd + 2
    }
    at += 2
    return chunked ? this.chunks(at) : this.body(at, length)
  }

  private unfinished(at: number, value: string): number {
    if (at < this.end) this.note('http.chat', 'Unfinished', value, at, this.end)
    return this.end
  }

  private body(start: number, length: number): number {
    const end = Math.min(this.end, start + length)
    if (start < end) this.note('http.file_data', 'Body', `${String(end - start)} bytes in this segment`, start, end)
    return end
  }

  private chunks(start: number): number {
    let at = start
    while (at < this.end) {
      const lineEnd = this.lineEnd(at)
      if (lineEnd < 0) return this.unfinished(at, 'The chunk line goes on in a later segment')
      let size: number
      try {
        size = decodeChunkLine(this.bytes, at, lineEnd)
      } catch (error) {
        if (!(error instanceof Http1DecodeError)) throw error
        this.problem ??= error.detail
        return this.unfinished(at, 'Not a chunk')
      }
      this.note('http.chunk_size', 'Chunk size', `${String(size)} bytes`, at, lineEnd + 2)
      at = lineEnd + 2
      if (size === 0) return this.trailers(at)
      const end = Math.min(this.end, at + size)
      if (at < end) this.note('http.chunk_data', 'Chunk data', `${String(end - at)} bytes in this segment`, at, end)
      at = Math.min(this.end, end + 2)
      if (end < at) this.note('http.chunk_boundary', 'Chunk boundary', '\\r\\n', end, at)
    }
    return this.end
  }

  private trailers(start: number): number {
    let at = start
    for (;;) {
      const lineEnd = this.lineEnd(at)
      if (lineEnd < 0) return this.unfinished(at, 'The trailers go on in a later segment')
      if (lineEnd === at) return at + 2
      this.note('http.chunked_trailer_part', 'Trailer', this.text(at, lineEnd), at, lineEnd + 2)
      at = lineEnd + 2
    }
  }
}

/**
 * The HTTP/1.1 messages that begin in a TCP segment's payload in [start, end), with the names of Wireshark's display filter;
 * undefined when the bytes do not look like the start of one, as in the middle of a body.
 */
export function http1Layer(bytes: Uint8Array, start: number, end: number): Layer | undefined {
  const builder = new LayerBuilder(bytes, end)
  let at = builder.message(start)
  if (at < 0) return undefined
  while (at < end) {
    const next = builder.message(at)
    if (next < 0) break
    at = next
  }
  const layer: Layer = {
    protocol: 'http',
    title: 'Hypertext Transfer Protocol',
    summary: builder.summaries.join(', ') || 'HTTP',
    start,
    end: at,
    fields: builder.fields,
  }
  return builder.problem === undefined ? layer : { ...layer, problem: builder.problem }
}
