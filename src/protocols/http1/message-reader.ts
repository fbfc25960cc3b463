import { decodeChunkLine, decodeFieldLine, Http1DecodeError, isFolded, lineContentEnd, trimmed } from '../../wire/http1.ts'
import type { HeaderField } from '../../wire/http1.ts'
import type { BodyFraming } from './framing.ts'
import { joined } from '../../wire/joined.ts'

/** How much of a peer's talk is taken before it is refused. Sizes in bytes, without the line's CRLF. */
export interface Http1Limits {
  /** Longest request or status line; RFC 9112 section 3 recommends at least 8000. */
  readonly startLine: number
  /** All field lines of a head, or of a trailer section, together. */
  readonly fieldSection: number
  /** Field lines of a head, or of a trailer section. */
  readonly fieldCount: number
  /** Longest chunk line, extensions included. */
  readonly chunkLine: number
  /** What chunk lines may hold beside sizes, in all of a body: extensions, leading zeros (RFC 9112 section 7.1.1). */
  readonly chunkExtensions: number
}

export const DEFAULT_LIMITS: Http1Limits = {
  startLine: 8192,
  fieldSection: 65_536,
  fieldCount: 100,
  chunkLine: 1024,
  chunkExtensions: 16_384,
}

/** So many digits a size may have without counting as an extension. */
const SIZE_DIGITS = 14

/** Empty lines that are overlooked before a request (RFC 9112 section 2.2 asks for at least one). */
const EMPTY_LINE_LIMIT = 8

/** What `MessageReader.next` has found. */
export type Finding =
  /** Nothing: more bytes are needed. */
  | 'nothing'
  /** A start line and its fields. The owner now says how long the body is. */
  | 'head'
  /** Bytes of the body. */
  | 'data'
  /** The end of the message. */
  | 'end'

type Phase =
  'start-line' | 'fields' | 'framing' | 'length' | 'chunk-line' | 'chunk-data' | 'chunk-end' | 'trailers' | 'until-close'

const CR = 13
const LF = 10
const NO_BYTES = new Uint8Array(0)

/**
 * Cuts a stream of bytes into messages. What it finds depends on the bytes alone, never on how they were cut into pieces: a line is
 * judged when its end has arrived, or at the first byte that cannot stand in it, or at the first byte over its limit.
 * Bodies come out as views of the pieces that went in.
 */
export class MessageReader<StartLine> {
  /** After 'head'. */
  startLine: StartLine | undefined
  /** After 'head': the header fields; after 'end': the trailer fields. */
  fields: HeaderField[] = []
  /** After 'data': a view of the bytes that were pushed. */
  data: Uint8Array = NO_BYTES

  private phase: Phase = 'start-line'
  /** Pieces behind `current`. */
  private queue: Uint8Array[] = []
  private current: Uint8Array = NO_BYTES
  private position = 0
  private ended = false
  /** Bytes of the body, or of the chunk, that are still to come. */
  private remaining = 0
  private sectionBytes = 0
  /** Of chunk lines, beyond what sizes need. */
  private extensionBytes = 0
  private emptyLines = 0

  /** The beginning of a line that did not arrive in one piece. */
  private carry: Uint8Array = NO_BYTES
  private carryLength = 0
  /** A CR was the last byte of a piece. */
  private sawCr = false
  /** The line that `takeLine` took: where it is. */
  private line: Uint8Array = NO_BYTES
  private lineStart = 0
  private lineEnd = 0

  /**
   * @param role whose messages these are: empty lines are overlooked before a request; in a response a folded field line is
   * joined with a space, as a user agent must, in a request it is refused (RFC 9112 section 5.2)
   * @param decodeStartLine throws Http1DecodeError
   */
  constructor(
    private readonly role: 'request' | 'response',
    private readonly decodeStartLine: (bytes: Uint8Array, start: number, end: number) => StartLine,
    private readonly limits: Http1Limits,
  ) {}

  /** Takes bytes, which must not change any more. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.position === this.current.length && this.queue.length === 0) {
      this.current = bytes
      this.position = 0
    } else {
      this.queue.push(bytes)
    }
  }

  /** The stream is over. */
  end(): void {
    this.ended = true
  }

  /** Whether bytes are waiting that belong to no message found so far, part of a line included. */
  get hasInput(): boolean {
    return this.position < this.current.length || this.queue.length > 0 || this.carryLength > 0 || this.sawCr
  }

  /** Whether it stands between two messages. Empty lines before a message do not count. */
  get betweenMessages(): boolean {
    return this.phase === 'start-line' && !this.hasInput
  }

  /** After 'head': how the body is framed. */
  begin(framing: BodyFraming): void {
    if (framing === 'chunked') {
      this.phase = 'chunk-line'
      this.extensionBytes = 0
    } else if (framing === 'until-close') {
      this.phase = 'until-close'
    } else {
      this.phase = 'length'
      this.remaining = framing
    }
  }

  /** After 'head': there is no body, and no 'end' is wanted (1xx responses). */
  skip(): void {
    this.phase = 'start-line'
  }

  /** After 'head' or 'end': all input that was not read, which is no message's. */
  takeRest(): Uint8Array {
    const pieces = [this.current.subarray(this.position), ...this.queue]
    this.discard()
    return joined(pieces)
  }

  /** Forgets all input, and takes the rest of a message that will not be read. */
  discard(): void {
    this.queue = []
    this.current = NO_BYTES
    this.position = 0
    this.carry = NO_BYTES
    this.carryLength = 0
    this.sawCr = false
  }

  /** Goes on to the next thing to tell. Throws Http1DecodeError, after which it must not be asked again. */
  next(): Finding {
    for (;;) {
      switch (this.phase) {
        case 'start-line':
          if (!this.takeLine(this.limits.startLine)) return 'nothing'
          this.takeStartLine()
          break
        case 'fields':
          if (!this.takeLine(this.limits.fieldSection - this.sectionBytes)) return 'nothing'
          if (this.takeFieldLine()) break
          this.phase = 'framing'
          return 'head'
        case 'framing':
          throw new Error('how the body is framed has not been said')
        case 'length':
          if (this.remaining === 0) return this.finish()
          return this.takeData(this.remaining) ? 'data' : 'nothing'
        case 'chunk-line':
          if (!this.takeLine(this.limits.chunkLine)) return 'nothing'
          this.countExtensions(this.lineEnd - this.lineStart - SIZE_DIGITS)
          this.remaining = decodeChunkLine(this.line, this.lineStart, this.lineEnd)
          if (this.remaining === 0) this.openSection('trailers')
          else this.phase = 'chunk-data'
          break
        case 'chunk-data':
          if (!this.takeData(this.remaining)) return 'nothing'
          if (this.remaining === 0) this.phase = 'chunk-end'
          return 'data'
        case 'chunk-end':
          if (!this.takeLine(0)) return 'nothing'
          this.phase = 'chunk-line'
          break
        case 'trailers':
          if (!this.takeLine(this.limits.fieldSection - this.sectionBytes)) return 'nothing'
          if (this.takeFieldLine()) break
          return this.finish(this.fields)
        case 'until-close':
          if (this.takeData(Number.MAX_SAFE_INTEGER)) return 'data'
          return this.ended ? this.finish() : 'nothing'
      }
    }
  }

  private finish(trailers: HeaderField[] = []): Finding {
    this.fields = trailers
    this.phase = 'start-line'
    this.emptyLines = 0
    return 'end'
  }

  private openSection(phase: 'fields' | 'trailers'): void {
    this.phase = phase
    this.fields = []
    this.sectionBytes = 0
  }

  private takeStartLine(): void {
    if (this.lineStart === this.lineEnd && this.role === 'request' && this.emptyLines < EMPTY_LINE_LIMIT) {
      this.emptyLines++
      return
    }
    this.startLine = this.decodeStartLine(this.line, this.lineStart, this.lineEnd)
    this.openSection('fields')
  }

  /** Takes the current line as a field line; false when it is the empty line behind the last one. */
  private takeFieldLine(): boolean {
    const { line, lineStart, lineEnd, fields } = this
    if (lineStart === lineEnd) return false
    this.sectionBytes += lineEnd - lineStart
    if (this.role === 'response' && fields.length > 0 && isFolded(line, lineStart, lineEnd)) {
      const last = fields[fields.length - 1]
      const value = [last.value, trimmed(line, lineStart, lineEnd)].filter((part) => part !== '').join(' ')
      fields[fields.length - 1] = { name: last.name, value }
      return true
    }
    if (fields.length === this.limits.fieldCount) {
      const detail = `more than ${String(this.limits.fieldCount)} field lines`
      throw new Http1DecodeError('oversized', 0, detail, 431, 'RFC 6585 section 5')
    }
    fields.push(decodeFieldLine(line, lineStart, lineEnd))
    return true
  }

  private countExtensions(bytes: number): void {
    if (bytes <= 0) return
    this.extensionBytes += bytes
    if (this.extensionBytes <= this.limits.chunkExtensions) return
    const detail = `chunk extensions of over ${String(this.limits.chunkExtensions)} bytes together`
    throw new Http1DecodeError('oversized', 0, detail, 400, 'RFC 9112 section 7.1.1')
  }

  private advance(): boolean {
    const next = this.queue.shift()
    if (next === undefined) return false
    this.current = next
    this.position = 0
    return true
  }

  private takeData(most: number): boolean {
    if (this.position === this.current.length && !this.advance()) return false
    const start = this.position
    const end = Math.min(this.current.length, start + most)
    this.data = start === 0 && end === this.current.length ? this.current : this.current.subarray(start, end)
    this.position = end
    this.remaining -= end - start
    return true
  }

  /** Takes a line of at most `limit` bytes, if its end has arrived. */
  private takeLine(limit: number): boolean {
    for (;;) {
      if (this.position === this.current.length && !this.advance()) return false
      const bytes = this.current
      const start = this.position
      if (this.sawCr) {
        if (bytes[start] !== LF) throw this.wrongOctet(CR)
        this.sawCr = false
        this.position = start + 1
        return this.takeCarry()
      }
      const most = start + limit - this.carryLength
      const at = lineContentEnd(bytes, start, Math.min(bytes.length, most))
      if (at === bytes.length) {
        this.keep(bytes, start, at)
        this.position = at
        continue
      }
      if (bytes[at] !== CR) throw at === most ? this.tooLong(bytes[at]) : this.wrongOctet(bytes[at])
      if (at + 1 === bytes.length) {
        this.keep(bytes, start, at)
        this.sawCr = true
        this.position = at + 1
        continue
      }
      if (bytes[at + 1] !== LF) throw this.wrongOctet(CR)
      this.position = at + 2
      if (this.carryLength > 0) {
        this.keep(bytes, start, at)
        return this.takeCarry()
      }
      this.line = bytes
      this.lineStart = start
      this.lineEnd = at
      return true
    }
  }

  private keep(bytes: Uint8Array, start: number, end: number): void {
    const length = this.carryLength + end - start
    if (length > this.carry.length) {
      const larger = new Uint8Array(Math.max(256, 2 * length))
      larger.set(this.carry.subarray(0, this.carryLength))
      this.carry = larger
    }
    this.carry.set(bytes.subarray(start, end), this.carryLength)
    this.carryLength = length
  }

  private takeCarry(): boolean {
    this.line = this.carry
    this.lineStart = 0
    this.lineEnd = this.carryLength
    this.carryLength = 0
    return true
  }

  private wrongOctet(octet: number): Http1DecodeError {
    const detail =
      octet === CR
        ? 'a CR without a LF behind it'
        : octet === LF
          ? 'a line that ends with a bare LF'
          : `the control character 0x${octet.toString(16).padStart(2, '0')} in a line`
    return new Http1DecodeError('invalid', 0, detail, 400, 'RFC 9112 section 2.2')
  }

  private tooLong(octet: number): Http1DecodeError {
    const { phase, role } = this
    if (phase === 'chunk-end') {
      return new Http1DecodeError('invalid', 0, 'a chunk longer than its size says', 400, 'RFC 9112 section 7.1')
    }
    if (lineContentEnd(Uint8Array.of(octet), 0, 1) === 0) return this.wrongOctet(octet)
    if (phase === 'start-line') {
      const detail = `a ${role === 'request' ? 'request' : 'status'} line of over ${String(this.limits.startLine)} bytes`
      return new Http1DecodeError('oversized', 0, detail, 414, 'RFC 9112 section 3')
    }
    if (phase === 'chunk-line') {
      const detail = `a chunk line of over ${String(this.limits.chunkLine)} bytes`
      return new Http1DecodeError('oversized', 0, detail, 400, 'RFC 9112 section 7.1.1')
    }
    const detail = `field lines of over ${String(this.limits.fieldSection)} bytes together`
    return new Http1DecodeError('oversized', 0, detail, 431, 'RFC 6585 section 5')
  }
}
