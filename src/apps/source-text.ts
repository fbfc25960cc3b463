const SLASH = 0x2f
const STAR = 0x2a
const BACKSLASH = 0x5c
const QUOTES = new Set([0x22, 0x27, 0x60])
const LINE_FEED = 0x0a

/** Bytes of source that are kept; what is behind is not looked at. */
const LIMIT = 65_536

/**
 * The text of a stylesheet or a script without its comments of slash and star, kept while it arrives. Bytes are taken for ISO 8859-1, which
 * does no harm to what is looked for.
 */
export class SourceText {
  private readonly kept: string[] = []
  private length = 0
  private isComment = false
  /** The quotation mark that ends the string it is in; 0: none. */
  private quote = 0
  /** The byte before, unless it has had its effect. */
  private previous = 0

  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length && this.length < LIMIT;) i = this.isComment ? this.skip(bytes, i) : this.keep(bytes, i)
  }

  /** All of it, so far. */
  get value(): string {
    return this.kept.join('')
  }

  /** Looks for the end of the comment. @returns where to go on */
  private skip(bytes: Uint8Array, start: number): number {
    let i = start
    if (this.previous === STAR && bytes[i] === SLASH) {
      this.isComment = false
      this.previous = 0
      return i + 1
    }
    this.previous = 0
    i = bytes.indexOf(STAR, i)
    if (i < 0) return bytes.length
    this.previous = STAR
    return i + 1
  }

  /** Keeps text up to a comment, or to the end. @returns where to go on */
  private keep(bytes: Uint8Array, start: number): number {
    let i = start
    for (; i < bytes.length; i++) {
      const byte = bytes[i]
      if (this.quote !== 0) {
        // A string of one line that does not end was no string.
        if (byte === this.quote && this.previous !== BACKSLASH) this.quote = 0
        else if (byte === LINE_FEED && this.quote !== 0x60) this.quote = 0
      } else if (QUOTES.has(byte)) {
        this.quote = byte
      } else if (byte === STAR && this.previous === SLASH) {
        this.isComment = true
        this.previous = 0
        this.append(bytes, start, i)
        // The slash stays, which does no harm.
        return i + 1
      }
      this.previous = this.previous === BACKSLASH && byte === BACKSLASH ? 0 : byte
    }
    this.append(bytes, start, i)
    return i
  }

  private append(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end && this.length < LIMIT; at += 1024) {
      const piece = bytes.subarray(at, Math.min(end, at + 1024))
      this.kept.push(String.fromCharCode(...piece))
      this.length += piece.length
    }
  }
}
