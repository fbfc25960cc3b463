import { applyMask } from '../../wire/websocket.ts'
import { NOT_UTF8, validateUtf8 } from '../../wire/websocket-text.ts'

const NO_BYTES = /* @__PURE__ */ new Uint8Array(0)

/** A message, or a control frame's payload, that has begun and is not whole. */
export class MessageAssembly {
  bytes: Uint8Array = NO_BYTES
  length = 0
  fragments = 1
  /** Of the text so far. */
  utf8 = 0

  /** @param room bytes that are to be left behind the last one */
  constructor(
    readonly opcode: number,
    readonly isCompressed: boolean,
    /** Whether it is text that can be judged as it comes. */
    private readonly isText: boolean,
    private readonly room: number,
  ) {}

  /**
   * Takes [start, end) of a frame's payload, unmasking it.
   * @param expected bytes of the message as far as they are announced
   * @param phase how much of the frame's payload came before
   * @returns whether it may still become a text, if it is one
   */
  add(bytes: Uint8Array, start: number, end: number, expected: number, mask: number, phase: number): boolean {
    const from = this.length
    const to = from + end - start
    if (to + this.room > this.bytes.length) {
      // Never more than twice of what has arrived: a length that is only announced takes no memory.
      const larger = new Uint8Array(Math.min(expected, Math.max(to, 2 * from)) + this.room)
      larger.set(this.bytes.subarray(0, from))
      this.bytes = larger
    }
    this.bytes.set(bytes.subarray(start, end), from)
    this.length = to
    if (mask !== 0) applyMask(this.bytes, from, to, mask, phase)
    if (!this.isText) return true
    this.utf8 = validateUtf8(this.bytes, from, to, this.utf8)
    return this.utf8 !== NOT_UTF8
  }

  /** What has come. */
  get content(): Uint8Array {
    return this.bytes.length === this.length ? this.bytes : this.bytes.subarray(0, this.length)
  }
}
