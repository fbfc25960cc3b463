import type { LinkSettings } from '../src/trace/record.ts'
import type { Unit } from '../src/scenario/units.ts'
import { formatQuantity } from './format.ts'

/** How one setting of a link is called, shown and turned. */
export interface LinkControl {
  readonly key: keyof LinkSettings
  readonly label: string
  readonly unit: Unit
  /** In base units. */
  readonly min: number
  readonly max: number
  /** On a logarithmic scale, 0 has a place of its own at the low end. */
  readonly scale: 'linear' | 'log'
  readonly step: number
  /** What 0 means, where that is no number: a rate of 0 is no limit. */
  readonly zero?: string
  /** Shown at once, or only under "more". */
  readonly rare: boolean
}

const MS = 1_000_000

export const LINK_CONTROLS: readonly LinkControl[] = [
  { key: 'loss', label: 'Loss', unit: 'fraction', min: 0, max: 1, step: 0.01, scale: 'linear', rare: false },
  { key: 'delay', label: 'One-way delay', unit: 'time', min: 0.01 * MS, max: 2_000 * MS, step: 0, scale: 'log', rare: false },
  {
    key: 'rate',
    label: 'Rate',
    unit: 'rate',
    min: 1_000,
    max: 10_000_000_000,
    step: 0,
    scale: 'log',
    zero: 'no limit',
    rare: false,
  },
  {
    key: 'jitter',
    label: 'Jitter',
    unit: 'time',
    min: 0.01 * MS,
    max: 1_000 * MS,
    step: 0,
    scale: 'log',
    zero: 'none',
    rare: true,
  },
  { key: 'corrupt', label: 'Bit errors', unit: 'fraction', min: 0, max: 1, step: 0.01, scale: 'linear', rare: true },
  { key: 'duplicate', label: 'Duplicates', unit: 'fraction', min: 0, max: 1, step: 0.01, scale: 'linear', rare: true },
  { key: 'reorder', label: 'Reordering', unit: 'fraction', min: 0, max: 1, step: 0.01, scale: 'linear', rare: true },
]

/** The name of a setting. */
export function linkSettingLabel(key: keyof LinkSettings): string {
  const control = LINK_CONTROLS.find((each) => each.key === key)
  if (control !== undefined) return control.label
  switch (key) {
    case 'queueBytes':
    case 'queueFrames':
      return 'Queue'
    case 'corruptUndetected':
      return 'Bit errors slip past the check sequence'
    case 'lossList':
      return 'Frames to lose'
    case 'reorderBy':
      return 'Reordered frames wait'
    default:
      return key === 'up' ? 'Cable' : key
  }
}

/** The value of a setting, for people. */
export function formatLinkSetting<K extends keyof LinkSettings>(key: K, value: LinkSettings[K]): string {
  if (key === 'up') return value === true ? 'whole' : 'cut'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value !== 'number') return value.length === 0 ? 'none' : value.map((each) => `#${String(each)}`).join(', ')
  if (key === 'queueFrames') return `${String(value)} frames`
  if (key === 'queueBytes') return formatQuantity('bytes', value)
  if (key === 'reorderBy') return formatQuantity('time', value)
  const control = LINK_CONTROLS.find((each) => each.key === key)
  if (control === undefined) return String(value)
  return value === 0 && control.zero !== undefined ? control.zero : formatQuantity(control.unit, value)
}

/** Nice values per decade, so that a logarithmic slider stops at numbers people would type. */
const STOPS = [1, 1.5, 2, 3, 4, 5, 6, 8]

function stops(min: number, max: number): number[] {
  const values: number[] = []
  for (let power = 10 ** Math.floor(Math.log10(min)); power <= max; power *= 10) {
    for (const stop of STOPS) {
      const value = Math.round(power * stop)
      if (value >= min && value <= max) values.push(value)
    }
  }
  return values
}

const stopsByRange = new Map<string, readonly number[]>()

/** The values at which a logarithmic slider stops, ascending; with 0 first where the range has it. */
export function logStops(min: number, max: number, zero: boolean): readonly number[] {
  const key = `${String(min)} ${String(max)} ${String(zero)}`
  let found = stopsByRange.get(key)
  if (found === undefined) {
    found = zero ? [0, ...stops(min, max)] : stops(min, max)
    stopsByRange.set(key, found)
  }
  return found
}

/** Index of the stop that is nearest to a value, by ratio. */
export function nearestStop(values: readonly number[], value: number): number {
  let best = 0
  let distance = Infinity
  values.forEach((each, index) => {
    const apart = each === 0 || value === 0 ? (each === value ? 0 : Infinity) : Math.abs(Math.log(each / value))
    if (apart < distance) {
      best = index
      distance = apart
    }
  })
  return best
}
