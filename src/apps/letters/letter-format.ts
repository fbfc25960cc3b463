import { encodeLatin1 } from '../../wire/http1.ts'
import { LETTER_METHODS, type LetterMethod } from '../../scenario/letter-method.ts'

/*
 * A letter on the wire: a line that anybody can read, `LETTER hybrid 139`, ended by CR LF, which names how it is packed and how many bytes
 * follow; then those bytes. A made-up protocol, as plain as can be, so that a dump of the packet shows what is a secret and what is not.
 */

export interface Letter {
  readonly method: LetterMethod
  /** What was made of the text. */
  readonly body: Uint8Array
}

/** Most bytes of a body: with its line and TCP's and IP's headers, a letter fits into one Ethernet frame. */
const BODY_LIMIT = 1300
const LINE_LIMIT = 32
const LINE = /^LETTER ([a-z0-9-]+) (0|[1-9][0-9]{0,3})$/
const LF = 10

/** Throws RangeError for a body of more than 1,300 bytes. */
export function encodeLetter({ method, body }: Letter): Uint8Array {
  if (body.length > BODY_LIMIT) throw new RangeError(`a letter of ${String(body.length)} bytes is too long`)
  const line = encodeLatin1(`LETTER ${method} ${String(body.length)}\r\n`)
  const bytes = new Uint8Array(line.length + body.length)
  bytes.set(line)
  bytes.set(body, line.length)
  return bytes
}

/** Cuts a stream of bytes into letters. Keeps at most one letter and what came with it. */
export class LetterDecoder {
  private kept: Uint8Array = new Uint8Array(0)
  /** Why the rest of the stream cannot be read; undefined as long as it can. */
  fault: string | undefined

  /** Takes in the next bytes of the stream. */
  push(bytes: Uint8Array): void {
    const all = new Uint8Array(this.kept.length + bytes.length)
    all.set(this.kept)
    all.set(bytes, this.kept.length)
    this.kept = all
  }

  /** The next letter; undefined when it is not there yet, or after a fault. */
  next(): Letter | undefined {
    if (this.fault !== undefined) return undefined
    const end = this.kept.subarray(0, LINE_LIMIT).indexOf(LF)
    if (end < 0) {
      if (this.kept.length >= LINE_LIMIT) this.fault = 'the line in front of a letter does not end'
      return undefined
    }
    const [, name, size] = LINE.exec(textOf(this.kept.subarray(0, end)).replace(/\r$/, '')) ?? []
    const method = LETTER_METHODS.find((each) => each === name)
    const length = Number(size)
    if (method === undefined || !(length <= BODY_LIMIT)) {
      this.fault = 'the line in front of a letter makes no sense'
      return undefined
    }
    const start = end + 1
    if (this.kept.length < start + length) return undefined
    const body = this.kept.slice(start, start + length)
    this.kept = this.kept.slice(start + length)
    return { method, body }
  }
}

/** One character a byte. */
export function textOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}
