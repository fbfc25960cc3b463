import { DecodeError } from './errors.ts'
import type { DecodeProblem } from './errors.ts'
import type { Http3ErrorName } from './http3-names.ts'

/** What is wrong with what a QPACK peer sent, and how HTTP/3 answers it: always with the end of the connection (RFC 9204 section 6). */
export class QpackDecodeError extends DecodeError {
  constructor(
    problem: DecodeProblem,
    offset: number,
    /** In words, without the offset. */
    readonly detail: string,
    readonly code: Extract<Http3ErrorName, `QPACK_${string}`>,
    /** `'RFC 9204 section 4.5.1'`. */
    readonly cites: string,
  ) {
    super('qpack', problem, offset, detail)
  }
}

/** RFC 9204 section 4.1.1 wants integers of 62 bits; above 2^53 they are rounded, and nothing so large can be right. */
export const LARGEST_INTEGER = 2 ** 62
