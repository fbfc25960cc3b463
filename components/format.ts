import { formatUnit, type Unit } from '../src/scenario/units.ts'
import type { Nanos } from '../src/trace/record.ts'

/** A non-breaking space, between a number and its unit. */
const NBSP = '\u00a0'

/** A value in base units for people, on one line: `'20 ms'`, `'9.6 Mbit/s'`. */
export function formatQuantity(unit: Unit, value: number, takesBinary = true): string {
  return formatUnit(unit, value, takesBinary).replaceAll(' ', NBSP)
}

/** A span of time for people: `'20 ms'`. */
export function formatDuration(time: Nanos): string {
  return formatQuantity('time', time)
}

/** A point in time to the microsecond, in milliseconds: `'1234.567'`. One form, so that a column of them can be compared. */
export function formatMillis(time: Nanos): string {
  return (Math.floor(time / 1_000) / 1_000).toFixed(3)
}

/** A point in time on a display that spans `extent`: always as many digits, so that it does not jump while it runs. */
export function formatClock(time: Nanos, extent: Nanos): string {
  if (extent < 1_000_000_000) return `${formatMillis(time)}${NBSP}ms`
  return `${(Math.floor(time / 1_000) / 1_000_000).toFixed(6)}${NBSP}s`
}

/** A playback speed in words: `'10 ms takes 1 s'`. */
export function formatSpeed(speed: number): string {
  const simulated = formatDuration(Math.round(speed * 1_000_000_000))
  return speed === 1 ? 'real time' : `${simulated} takes 1${NBSP}s`
}

/** The end of a scale that has room for `time`: 1, 2 or 5 times a power of ten. */
export function roundExtent(time: Nanos): Nanos {
  const power = 10 ** Math.floor(Math.log10(Math.max(time, 1)))
  for (const factor of [1, 2, 5]) if (power * factor >= time) return power * factor
  return power * 10
}
