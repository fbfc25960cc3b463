import { DecodeError } from '../errors.ts'
import type { DecodeProblem } from '../errors.ts'

/** With which alert bytes are refused that are not what the RFCs say. */
export type DecodeAlertName =
  /** The structure does not hold together: a length that is wrong, a vector outside its bounds. */
  | 'decode_error'
  /** Well formed, but a value is forbidden or contradicts another. */
  | 'illegal_parameter'
  /** A type of record or message that does not exist. */
  | 'unexpected_message'
  /** More bytes than a record may hold. */
  | 'record_overflow'
  /** A version that is not spoken. */
  | 'protocol_version'

/** What is wrong with a record or a message of TLS, and with which alert an endpoint answers it. */
export class TlsDecodeError extends DecodeError {
  constructor(
    problem: DecodeProblem,
    offset: number,
    /** In words, without the offset. */
    readonly detail: string,
    readonly alert: DecodeAlertName,
    /** `'RFC 8446 section 4.1.2'`. */
    readonly cites: string,
  ) {
    super('tls', problem, offset, detail)
  }
}
