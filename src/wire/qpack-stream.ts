import type { DecodeProblem } from './errors.ts'
import { PrefixReader } from './prefix-code.ts'
import { LARGEST_INTEGER, QpackDecodeError } from './qpack-error.ts'

type StreamErrorCode = 'QPACK_ENCODER_STREAM_ERROR' | 'QPACK_DECODER_STREAM_ERROR'

const NO_BYTES = /* @__PURE__ */ new Uint8Array(0)

/**
 * The instructions of a QPACK encoder or decoder stream (RFC 9204 sections 4.3 and 4.4), which come cut anywhere: takes whole ones, and
 * keeps the beginning of the next.
 */
export abstract class QpackInstructionReader {
  protected readonly reader: PrefixReader
  private kept = NO_BYTES
  private keptLength = 0

  /** @param longest an instruction that is not whole after so many bytes is an error */
  protected constructor(
    private readonly code: StreamErrorCode,
    private readonly cites: string,
    private readonly longest: number,
  ) {
    this.reader = new PrefixReader(LARGEST_INTEGER, (problem, offset, detail) => this.error(problem, offset, detail))
  }

  /** Takes bytes of the stream. Throws QpackDecodeError, after which this is of no use. */
  handle(bytes: Uint8Array): void {
    let from = bytes
    if (this.keptLength > 0) {
      this.keep(bytes)
      from = this.kept.subarray(0, this.keptLength)
    }
    const { reader } = this
    reader.begin(from, 0, from.length)
    let whole = 0
    try {
      while (reader.position < from.length) {
        this.take()
        whole = reader.position
      }
    } catch (error) {
      if (!(error instanceof QpackDecodeError) || error.problem !== 'truncated') throw error
    }
    reader.release()
    const rest = from.length - whole
    if (rest > this.longest) throw this.error('oversized', whole, 'an instruction that has no end')
    if (from === bytes) {
      this.keptLength = 0
      if (rest > 0) this.keep(bytes.subarray(whole))
    } else {
      this.kept.copyWithin(0, whole, this.keptLength)
      this.keptLength = rest
    }
  }

  /** Takes one instruction at the reader's position; what it changes must be changed after all of it was read. */
  protected abstract take(): void

  protected error(problem: DecodeProblem, offset: number, detail: string, cites = this.cites): QpackDecodeError {
    return new QpackDecodeError(problem, offset, detail, this.code, cites)
  }

  private keep(bytes: Uint8Array): void {
    const length = this.keptLength + bytes.length
    if (length > this.kept.length) {
      const larger = new Uint8Array(Math.max(64, 2 * length))
      larger.set(this.kept.subarray(0, this.keptLength))
      this.kept = larger
    }
    this.kept.set(bytes, this.keptLength)
    this.keptLength = length
  }
}
