import { inlineWords } from './inline-command.ts'
import { byteText, RespBuffer } from './resp-buffer.ts'

export interface RespRequestLimits {
  /** Longest inline command, and longest line with a length, in bytes. */
  readonly line: number
  /** Most words of a command. */
  readonly words: number
  /** Longest word, in bytes. */
  readonly bulk: number
}

/** Those of Redis, but for the longest word, which is 512 MiB there. */
export const RESP_REQUEST_LIMITS: RespRequestLimits = { line: 65_536, words: 1_048_576, bulk: 64 * 1_048_576 }

/** What somebody may ask who has not said who he is: Redis's figures. */
export const UNAUTHENTICATED_LIMITS: RespRequestLimits = { line: 65_536, words: 10, bulk: 16_384 }

/** Bytes of a text, one for each code unit. */
export function textBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

const STAR = 0x2a
const DOLLAR = 0x24

/**
 * Cuts a stream of bytes into commands, as a server reads them: arrays of bulk strings, or lines that people type. Takes chunks of any size;
 * never throws. Words are views: whoever keeps them copies them.
 */
export class RespRequestDecoder {
  /** What is wrong, in the words in which Redis says so; undefined as long as nothing is. Nothing is read behind it. */
  fault: string | undefined
  limits: RespRequestLimits
  private readonly buffer = new RespBuffer()
  /** Words of the command that is coming, and how many more it has; 0: none is. */
  private words: Uint8Array[] = []
  private missing = 0
  /** Length of the word that is coming; -1: its head has not come. */
  private wordLength = -1

  constructor(limits: Partial<RespRequestLimits> = {}) {
    this.limits = { ...RESP_REQUEST_LIMITS, ...limits }
  }

  /** Takes in the next bytes of the stream; they must not change afterwards. */
  push(chunk: Uint8Array): void {
    if (this.fault === undefined) this.buffer.push(chunk)
  }

  /** The next command, of at least one word; undefined when it is not there yet, or after a fault. */
  next(): readonly Uint8Array[] | undefined {
    while (this.fault === undefined) {
      const { buffer } = this
      if (this.missing > 0) {
        if (!this.word()) return undefined
        if (this.missing > 0) continue
        const words = this.words
        this.words = []
        return words
      }
      if (buffer.at === buffer.end) return undefined
      if (buffer.bytes[buffer.at] !== STAR) {
        const words = this.inline()
        if (words === undefined) return undefined
        if (words.length > 0) return words
      } else if (!this.begin()) return undefined
    }
    return undefined
  }

  private refuse(detail: string): void {
    this.fault = detail
    this.buffer.clear()
    this.words = []
  }

  /** A number behind its type byte, on a line of its own; undefined: it has not come, or is none. */
  private number(whatTooBig: string, whatInvalid: string, most: number): number | undefined {
    const { buffer } = this
    const feed = buffer.lineFeed()
    if ((feed < 0 ? buffer.end : feed) - buffer.at > this.limits.line) {
      this.refuse(`too big ${whatTooBig} count string`)
      return undefined
    }
    if (feed < 0) return undefined
    const line = byteText(buffer.bytes, buffer.at + 1, feed)
    if (!/^(0|-?[1-9]\d{0,15})\r$/.test(line) || Number(line) > most) {
      this.refuse(whatInvalid)
      return undefined
    }
    buffer.skipTo(feed + 1)
    return Number(line)
  }

  /** Reads the head of an array. @returns whether it has come */
  private begin(): boolean {
    const { words } = this.limits
    const isStranger = words === UNAUTHENTICATED_LIMITS.words
    const count = this.number('mbulk', isStranger ? 'unauthenticated multibulk length' : 'invalid multibulk length', words)
    if (count === undefined) return false
    this.missing = Math.max(0, count)
    return true
  }

  /** Reads a word of an array. @returns whether it has come */
  private word(): boolean {
    const { buffer } = this
    if (this.wordLength < 0) {
      if (buffer.at === buffer.end) return false
      const first = buffer.bytes[buffer.at]
      if (first !== DOLLAR) {
        // A byte that cannot stand on a line of its own is told as what Redis makes of it.
        this.refuse(`expected '$', got '${first === 13 || first === 10 ? ' ' : String.fromCharCode(first)}'`)
        return false
      }
      const { bulk } = this.limits
      const isStranger = bulk === UNAUTHENTICATED_LIMITS.bulk
      const length = this.number('bulk', isStranger ? 'unauthenticated bulk length' : 'invalid bulk length', bulk)
      if (length === undefined) return false
      if (length < 0) {
        this.refuse('invalid bulk length')
        return false
      }
      this.wordLength = length
    }
    const stop = buffer.at + this.wordLength
    // As Redis does, what stands behind a word is not looked at: two bytes, whatever they are.
    if (buffer.end < stop + 2) return false
    this.words.push(buffer.bytes.subarray(buffer.at, stop))
    buffer.skipTo(stop + 2)
    this.wordLength = -1
    this.missing--
    return true
  }

  private inline(): readonly Uint8Array[] | undefined {
    const { buffer } = this
    const feed = buffer.lineFeed()
    if ((feed < 0 ? buffer.end : feed) - buffer.at > this.limits.line) {
      this.refuse('too big inline request')
      return undefined
    }
    if (feed < 0) return undefined
    const words = inlineWords(byteText(buffer.bytes, buffer.at, feed).replace(/\r$/, ''))
    buffer.skipTo(feed + 1)
    if (words === undefined) this.refuse('unbalanced quotes in request')
    return words?.map(textBytes)
  }
}
