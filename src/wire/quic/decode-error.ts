import { DecodeError } from '../errors.ts'
import type { DecodeProblem } from '../errors.ts'
import type { QuicErrorName } from './error-codes.ts'

/** What is wrong with a packet, a frame or the transport parameters, and with which error an endpoint answers it. */
export class QuicDecodeError extends DecodeError {
  constructor(
    problem: DecodeProblem,
    offset: number,
    /** In words, without the offset. */
    readonly detail: string,
    readonly code: QuicErrorName,
    /** `'RFC 9000 section 19.3'`. */
    readonly cites: string,
    /** Of the frame, for CONNECTION_CLOSE; 0 where it is no frame's fault. */
    readonly frameType = 0,
  ) {
    super('quic', problem, offset, detail)
  }
}
