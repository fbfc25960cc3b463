/** Why a command of a bus client came to nothing. */
export type BusProblem =
  /** The bus answered with an error: `code` has its first word. */
  | 'refused'
  /** The connection went while the command was under way: nobody knows whether it was carried out. */
  | 'lost'
  /** There was no connection, and none came in time: the command was never sent. */
  | 'unreachable'
  /** There was no answer in time: nobody knows whether it was carried out. */
  | 'timed-out'
  /** What came back is not RESP, or no answer to what was asked. The connection is given up. */
  | 'protocol'
  /** The client was closed. */
  | 'closed'

/** A command of a bus client has failed. */
export class BusError extends Error {
  override readonly name = 'BusError'
  constructor(
    readonly problem: BusProblem,
    /** Of 'refused', the first word of the error: `'WRONGTYPE'`; else ''. */
    readonly code: string,
    detail: string,
  ) {
    super(detail)
  }

  /** Whether it is certain that the bus has not done what was asked. */
  get isHarmless(): boolean {
    return this.problem === 'refused' || this.problem === 'unreachable'
  }
}
