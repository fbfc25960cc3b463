import type { Nanos } from '../endpoint.ts'

/**
 * The day on which every run begins: 2026-01-01T00:00:00Z, in seconds since 1970 (POSIX). Certificates carry dates of the calendar, and
 * a run's clock begins at 0; it is a fixed day so that a run is the same whenever it is had.
 */
export const RUN_EPOCH = 1_767_225_600

/** A day, in seconds. */
export const DAY = 86_400

const NANOS_PER_SECOND = 1e9

/** Calendar time in whole seconds since 1970 of a wall clock, which counts nanoseconds from the beginning of the run. */
export function calendarTime(wallClock: Nanos): number {
  return RUN_EPOCH + Math.floor(wallClock / NANOS_PER_SECOND)
}
