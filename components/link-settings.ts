import { readUnit, writeUnit, type Unit } from '../src/scenario/units.ts'
import type { Flap, LinkSettings } from '../src/trace/record.ts'
import { formatQuantity } from './format.ts'

/** Where a setting stands among the controls of a link. */
export type LinkGroup = 'delay' | 'queue' | 'loss' | 'spoil' | 'cut'

interface Control {
  readonly key: keyof LinkSettings
  readonly label: string
  readonly group: LinkGroup
  /** Of use only with these settings; always, when absent. */
  readonly shown?: (settings: LinkSettings) => boolean
}

/** How one number among a link's settings is called, shown and turned. */
export interface RangeControl extends Control {
  readonly kind: 'range'
  readonly unit: Unit
  /** In base units. */
  readonly min: number
  readonly max: number
  /** On a logarithmic scale, 0 has a place of its own at the low end, if it has a name. */
  readonly scale: 'linear' | 'log'
  readonly step: number
  /** What 0 means, where that is no number: a rate of 0 is no limit. */
  readonly zero?: string
  /** What a count counts. */
  readonly noun?: string
}
/** One of several words. */
export interface ChoiceControl extends Control {
  readonly kind: 'choice'
  readonly choices: readonly { readonly value: string; readonly label: string }[]
}
/** On or off. */
export interface SwitchControl extends Control {
  readonly kind: 'switch'
}
/** A list, written out. */
export interface ListControl extends Control {
  readonly kind: 'list'
  readonly placeholder: string
  /** undefined: it cannot be read. */
  readonly parse: (text: string) => LinkSettings['lossList'] | LinkSettings['flaps'] | undefined
}
export type LinkControl = RangeControl | ChoiceControl | SwitchControl | ListControl

const MS = 1_000_000
const UNLIMITED = Number.MAX_SAFE_INTEGER
const FRACTION = { kind: 'range', unit: 'fraction', min: 0, max: 1, step: 0.01, scale: 'linear' } as const
const TIME = { kind: 'range', unit: 'time', step: 0, scale: 'log' } as const
const RATE = { kind: 'range', unit: 'rate', min: 1_000, max: 10_000_000_000, step: 0, scale: 'log', zero: 'no limit' } as const
const SIZE = { kind: 'range', unit: 'bytes', step: 0, scale: 'log' } as const
const COUNT = { kind: 'range', unit: 'count', step: 0, scale: 'log' } as const

const isJittery = ({ jitter }: LinkSettings): boolean => jitter > 0
const isRed = ({ discipline }: LinkSettings): boolean => discipline === 'red'
const isCodel = ({ discipline }: LinkSettings): boolean => discipline === 'codel' || discipline === 'fq-codel'
const isFair = ({ discipline }: LinkSettings): boolean => discipline === 'fq-codel'
const hasBursts = ({ burstEnter }: LinkSettings): boolean => burstEnter > 0
const reorders = ({ reorder, reorderEvery }: LinkSettings): boolean => reorder > 0 || reorderEvery > 0

/** Everything about a link that can be turned by hand, in the order in which it is shown. */
export const LINK_CONTROLS: readonly LinkControl[] = [
  { key: 'delay', label: 'One-way delay', group: 'delay', ...TIME, min: 0.01 * MS, max: 2_000 * MS },
  { key: 'jitter', label: 'Jitter', group: 'delay', ...TIME, min: 0.01 * MS, max: 1_000 * MS, zero: 'none' },
  {
    key: 'jitterShape',
    label: 'Shape of jitter',
    group: 'delay',
    kind: 'choice',
    shown: isJittery,
    choices: [
      { value: 'uniform', label: 'even' },
      { value: 'normal', label: 'bell' },
      { value: 'pareto', label: 'long tail (Pareto)' },
    ],
  },
  { key: 'jitterCorrelation', label: 'Jitter as before', group: 'delay', ...FRACTION, shown: isJittery },
  { key: 'rate', label: 'Rate', group: 'queue', ...RATE },
  { key: 'overhead', label: 'Overhead a packet', group: 'queue', ...SIZE, min: 1, max: 1000, zero: 'none' },
  {
    key: 'bucket',
    label: 'Token bucket',
    group: 'queue',
    ...SIZE,
    min: 1000,
    max: 10_000_000,
    zero: 'none',
    shown: ({ rate }) => rate > 0,
  },
  { key: 'peakRate', label: 'Peak rate', group: 'queue', ...RATE, shown: ({ rate, bucket }) => rate > 0 && bucket > 0 },
  {
    key: 'discipline',
    label: 'Queue discipline',
    group: 'queue',
    kind: 'choice',
    choices: [
      { value: 'drop-tail', label: 'drop-tail' },
      { value: 'red', label: 'RED' },
      { value: 'codel', label: 'CoDel' },
      { value: 'fq-codel', label: 'FQ-CoDel' },
    ],
  },
  { key: 'queueFrames', label: 'Queue, in packets', group: 'queue', ...COUNT, min: 1, max: 10_000, noun: 'packets' },
  { key: 'queueBytes', label: 'Queue, in bytes', group: 'queue', ...SIZE, min: 1000, max: 10_000_000 },
  {
    key: 'ecn',
    label: 'ECN marking',
    group: 'queue',
    kind: 'switch',
    shown: ({ discipline }) => discipline !== 'drop-tail',
  },
  { key: 'redMin', label: 'RED minimum', group: 'queue', ...COUNT, min: 1, max: 1000, noun: 'packets', shown: isRed },
  { key: 'redMax', label: 'RED maximum', group: 'queue', ...COUNT, min: 1, max: 3000, noun: 'packets', shown: isRed },
  { key: 'redProbability', label: 'RED probability at the maximum', group: 'queue', ...FRACTION, shown: isRed },
  { key: 'redWeight', label: 'RED weight of an arrival', group: 'queue', ...COUNT, min: 0.0001, max: 1, shown: isRed },
  { key: 'redGentle', label: 'RED, gentle beyond the maximum', group: 'queue', kind: 'switch', shown: isRed },
  { key: 'codelTarget', label: 'CoDel target', group: 'queue', ...TIME, min: 0.1 * MS, max: 1_000 * MS, shown: isCodel },
  { key: 'codelInterval', label: 'CoDel interval', group: 'queue', ...TIME, min: MS, max: 10_000 * MS, shown: isCodel },
  { key: 'fqFlows', label: 'FQ-CoDel queues', group: 'queue', ...COUNT, min: 1, max: 65_536, shown: isFair },
  { key: 'fqQuantum', label: 'FQ-CoDel quantum', group: 'queue', ...SIZE, min: 64, max: 100_000, shown: isFair },
  { key: 'loss', label: 'Loss', group: 'loss', ...FRACTION },
  {
    key: 'lossBurst',
    label: 'Burst length',
    group: 'loss',
    ...COUNT,
    min: 1,
    max: 1000,
    zero: 'each for itself',
    noun: 'packets',
    shown: ({ loss }) => loss > 0,
  },
  {
    key: 'lossOf',
    label: 'Which packets',
    group: 'loss',
    kind: 'choice',
    choices: [
      { value: 'all', label: 'all' },
      { value: 'data', label: 'only data' },
      { value: 'acks', label: 'only pure ACKs' },
      { value: 'udp', label: 'only UDP' },
    ],
  },
  {
    key: 'lossList',
    label: 'Packets by number',
    group: 'loss',
    kind: 'list',
    placeholder: 'such as 3, 7, 12',
    parse: parseNumbers,
  },
  { key: 'burstEnter', label: 'Bursts begin (p)', group: 'loss', ...FRACTION },
  { key: 'burstLeave', label: 'Bursts end (r)', group: 'loss', ...FRACTION, shown: hasBursts },
  { key: 'burstLoss', label: 'Loss within bursts', group: 'loss', ...FRACTION, shown: hasBursts },
  { key: 'gapLoss', label: 'Loss between bursts', group: 'loss', ...FRACTION, shown: hasBursts },
  { key: 'blackHoleMtu', label: 'Black hole above', group: 'loss', ...SIZE, min: 68, max: 65_535, zero: 'none' },
  { key: 'corrupt', label: 'Bit errors', group: 'spoil', ...FRACTION },
  {
    key: 'corruptUndetected',
    label: 'Bit errors slip past the check sequence',
    group: 'spoil',
    kind: 'switch',
    shown: ({ corrupt }) => corrupt > 0,
  },
  { key: 'duplicate', label: 'Duplicates', group: 'spoil', ...FRACTION },
  { key: 'reorder', label: 'Held back', group: 'spoil', ...FRACTION },
  {
    key: 'reorderCorrelation',
    label: 'Held back as before',
    group: 'spoil',
    ...FRACTION,
    shown: ({ reorder }) => reorder > 0,
  },
  { key: 'reorderEvery', label: 'Held back, every so many', group: 'spoil', ...COUNT, min: 1, max: 1000, zero: 'none' },
  { key: 'reorderBy', label: 'Held back for', group: 'spoil', ...TIME, min: 0.01 * MS, max: 2_000 * MS, shown: reorders },
  { key: 'flapEvery', label: 'Goes down every', group: 'cut', ...TIME, min: MS, max: 100_000 * MS, zero: 'never' },
  {
    key: 'flapFor',
    label: 'Stays down for',
    group: 'cut',
    ...TIME,
    min: MS,
    max: 100_000 * MS,
    shown: ({ flapEvery }) => flapEvery > 0,
  },
  {
    key: 'flaps',
    label: 'Goes down at',
    group: 'cut',
    kind: 'list',
    placeholder: 'such as 5 s for 200 ms, 9 s for 1 s',
    parse: parseFlaps,
  },
]

const CONTROLS = new Map(LINK_CONTROLS.map((control) => [control.key, control]))

/** The name of a setting. */
function linkSettingLabel(key: keyof LinkSettings): string {
  return CONTROLS.get(key)?.label ?? 'Cable'
}

/** The name of a setting within a sentence. */
export function linkSettingName(key: keyof LinkSettings): string {
  const label = linkSettingLabel(key)
  return /^[A-Z][a-z-]*[, ]|^[A-Z][a-z-]*$/.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label
}

/** The value of a setting, for people. */
export function formatLinkSetting<K extends keyof LinkSettings>(key: K, value: LinkSettings[K]): string {
  if (key === 'up') return value === true ? 'whole' : 'cut'
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  const control = CONTROLS.get(key)
  if (typeof value === 'number') return control?.kind === 'range' ? rangeWords(control, value) : String(value)
  if (typeof value === 'string')
    return control?.kind === 'choice' ? (control.choices.find((choice) => choice.value === value)?.label ?? value) : value
  return value.length === 0 ? 'none' : listWords(value, '#')
}

/** A value of a range, for people. */
export function rangeWords(control: RangeControl, value: number): string {
  if (value === 0 && control.zero !== undefined) return control.zero
  if (value === UNLIMITED) return 'no limit'
  const words = formatQuantity(control.unit, control.unit === 'count' ? Number(value.toPrecision(6)) : value)
  if (control.noun === undefined) return words
  return `${words} ${value === 1 ? control.noun.replace(/s$/, '') : control.noun}`
}

/** A list as it can be written into its field. */
export function listWords(list: LinkSettings['lossList'] | LinkSettings['flaps'], sign = ''): string {
  return list
    .map((each) =>
      typeof each === 'number' ? sign + String(each) : `${writeUnit('time', each.at)} for ${writeUnit('time', each.for)}`,
    )
    .join(', ')
}

function parseNumbers(text: string): readonly number[] | undefined {
  const numbers = text.split(/[\s,#]+/).filter((part) => part !== '')
  const values = numbers.map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : 0))
  return values.every((value) => value >= 1) && values.length <= 10_000 ? values : undefined
}

function parseFlaps(text: string): readonly Flap[] | undefined {
  const parts = text.split(',').filter((part) => part.trim() !== '')
  const flaps = parts.flatMap((part): Flap[] => {
    const [at, span] = part.split(/\bfor\b/).map((each) => readUnit('time', each.trim()))
    return typeof at === 'number' && typeof span === 'number' && span > 0 ? [{ at, for: span }] : []
  })
  return flaps.length === parts.length ? flaps : undefined
}

/** Nice values per decade, so that a logarithmic slider stops at numbers people would type. */
const STOPS = [1, 1.5, 2, 3, 4, 5, 6, 8]

function stops(min: number, max: number): number[] {
  const values: number[] = []
  for (let exponent = Math.floor(Math.log10(min)); 10 ** exponent <= max; exponent++) {
    for (const stop of STOPS) {
      // Below 1 a value is a fraction; above, all that is counted is whole.
      const value = exponent < 0 ? Number((stop * 10 ** exponent).toPrecision(2)) : Math.round(stop * 10 ** exponent)
      if (value >= min && value <= max && value !== values.at(-1)) values.push(value)
    }
  }
  if (values[0] !== min) values.unshift(min)
  if (values.at(-1) !== max) values.push(max)
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
