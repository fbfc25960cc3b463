/** Simulated time: an integer count of nanoseconds since the run began, in [0, 2^53): exact for 104 days. */
export type Nanos = number

export const MICROSECOND: Nanos = 1_000
export const MILLISECOND: Nanos = 1_000_000
export const SECOND: Nanos = 1_000_000_000

/** Later than every event. */
export const NEVER: Nanos = Number.MAX_SAFE_INTEGER

/** Time in nanoseconds that `bytes` take on a line of `bitsPerSecond`, rounded up to a whole nanosecond. */
export function serializationTime(bytes: number, bitsPerSecond: number): Nanos {
  return Math.ceil((bytes * 8 * SECOND) / bitsPerSecond)
}
