/** Why a decoder refused its input. */
export type DecodeProblem =
  /** The input ends before the structure does. */
  | 'truncated'
  /** A field has a value that its specification forbids. */
  | 'invalid'
  /** A checksum does not match. */
  | 'checksum'
  /** Valid, but a version or feature that this codec does not speak. */
  | 'unsupported'
  /** A length or a count goes beyond a limit that this codec sets to stay bounded. */
  | 'oversized'

/** The only error that a decoder throws, whatever bytes it is given. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  constructor(
    /** Protocol, lower case: `'ipv4'`. */
    readonly protocol: string,
    readonly problem: DecodeProblem,
    /** Byte offset, in the array given to the decoder, at which the problem was seen. */
    readonly offset: number,
    detail: string,
  ) {
    super(`${protocol}: ${problem} at byte ${String(offset)}: ${detail}`)
  }
}
