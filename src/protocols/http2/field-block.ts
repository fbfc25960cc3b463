import { Violation } from './fault.ts'
import type { Http2Limits } from './options.ts'

/** What a field block is for, from its first frame. */
export interface BlockPurpose {
  readonly stream: number
  readonly endsStream: boolean
  /** The stream that it promises; 0: none. */
  readonly promised: number
  /** The stream that it depends on by RFC 7540; -1: nothing is said. */
  readonly dependsOn: number
}

/** Puts a field block together that comes in several frames: RFC 9113 section 4.3. */
export class FieldBlock {
  bytes: Uint8Array
  length = 0
  private continuations = 0

  constructor(
    readonly purpose: BlockPurpose,
    private readonly limits: Http2Limits,
  ) {
    this.bytes = new Uint8Array(512)
  }

  /** Throws Violation when it becomes too much. @param isContinuation whether it comes in a CONTINUATION frame */
  add(bytes: Uint8Array, start: number, end: number, isContinuation: boolean): void {
    const { limits } = this
    const length = this.length + end - start
    if (isContinuation) this.continuations++
    if (this.continuations > limits.continuations || length > limits.fieldBlock) {
      const detail = `a field block of ${String(length)} bytes in ${String(1 + this.continuations)} frames, and no end`
      throw new Violation(0, 'ENHANCE_YOUR_CALM', detail, 'RFC 9113 section 10.5')
    }
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.min(2 * length, limits.fieldBlock))
      larger.set(this.bytes.subarray(0, this.length))
      this.bytes = larger
    }
    this.bytes.set(bytes.subarray(start, end), this.length)
    this.length = length
  }
}
