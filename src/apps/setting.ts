import { UnknownSetting } from '../host/unknown-setting.ts'

/** A whole number in [min, max] for a setting. Throws UnknownSetting. */
export function countSetting(path: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw new UnknownSetting(path, `takes a whole number from ${String(min)} to ${String(max)}, not ${JSON.stringify(value)}`)
}

/** A number in [min, max] for a setting. Throws UnknownSetting. */
export function numberSetting(path: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw new UnknownSetting(path, `takes a number from ${String(min)} to ${String(max)}, not ${JSON.stringify(value)}`)
}

/** A boolean for a setting. Throws UnknownSetting. */
export function flagSetting(path: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new UnknownSetting(path, `takes true or false, not ${JSON.stringify(value)}`)
}

/** One of several words for a setting. Throws UnknownSetting. */
export function choiceSetting<const Choice extends string>(path: string, value: unknown, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  throw new UnknownSetting(path, `takes one of ${choices.join(', ')}, not ${JSON.stringify(value)}`)
}

/** For a path that no running application can change. */
export function fixedSetting(path: string, changeable: readonly string[]): UnknownSetting {
  const allowed = changeable.length === 0 ? 'nothing' : changeable.join(', ')
  return new UnknownSetting(path, `a running application changes ${allowed} only`)
}

/** An hour in nanoseconds: the longest time that a setting takes. */
export const LONGEST = 3_600_000_000_000
