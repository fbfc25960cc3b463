import { ScenarioError, describeFound, listChoices, nearest, quote } from './errors.ts'

/** What a number of a scenario counts; its base unit is the one that the engine computes in. */
export type Unit =
  /** Nanoseconds. */
  | 'time'
  /** Bits per second; 0 is `'unlimited'`. */
  | 'rate'
  | 'bytes'
  /** A share in [0, 1], written in percent. */
  | 'fraction'
  /** A bare number. */
  | 'count'

type Spaced<Name extends string> = `${number} ${Name}` | `${number}${Name}`
/** A time as authors write it: `'20 ms'`. */
export type TimeText = Spaced<'ns' | 'us' | 'µs' | 'ms' | 's' | 'min' | 'h'>
/** A rate as authors write it: `'10 Mbit/s'`. */
export type RateText = Spaced<'bit/s' | 'kbit/s' | 'Mbit/s' | 'Gbit/s' | 'Tbit/s'> | 'unlimited'
/** A size as authors write it: `'64 KiB'`. */
export type SizeText = Spaced<'B' | 'kB' | 'MB' | 'GB' | 'KiB' | 'MiB' | 'GiB'>
/** A share as authors write it: `'2 %'`. */
export type ShareText = Spaced<'%'>

interface Scale {
  /** Unit names in growing order, with how many base units each is. */
  readonly names: readonly (readonly [name: string, factor: number])[]
  /** Other spellings that are understood. */
  readonly aliases: Readonly<Record<string, string>>
  /** What a message gives as an example. */
  readonly example: string
  /** What it is, with its article. */
  readonly noun: string
}

const SCALES: Readonly<Record<'time' | 'rate' | 'bytes', Scale>> = {
  time: {
    names: [
      ['ns', 1],
      ['us', 1e3],
      ['ms', 1e6],
      ['s', 1e9],
      ['min', 60e9],
      ['h', 3600e9],
    ],
    // Both Unicode spellings of micro: U+00B5 and U+03BC.
    aliases: { '\u00b5s': 'us', '\u03bcs': 'us' },
    example: '20 ms',
    noun: 'a time',
  },
  rate: {
    names: [
      ['bit/s', 1],
      ['kbit/s', 1e3],
      ['Mbit/s', 1e6],
      ['Gbit/s', 1e9],
      ['Tbit/s', 1e12],
    ],
    aliases: {},
    example: '10 Mbit/s',
    noun: 'a rate',
  },
  bytes: {
    names: [
      ['B', 1],
      ['kB', 1e3],
      ['KiB', 1024],
      ['MB', 1e6],
      ['MiB', 1024 ** 2],
      ['GB', 1e9],
      ['GiB', 1024 ** 3],
    ],
    aliases: {},
    example: '64 KiB',
    noun: 'a size',
  },
}

const UNLIMITED = 'unlimited'
const NUMBER = '[0-9]{1,16}(?:\\.[0-9]{1,16})?'
const QUANTITY = new RegExp(`^(${NUMBER}) ?([^\\s\\d.]\\S{0,11})$`)
const SHARE = /^([0-9]{1,3}(?:\.[0-9]{1,30})?)(?:e(-[0-9]{1,3}))? ?%$/
const INTEGER = /^-?[0-9]{1,16}$/
const DECIMAL = /^-?[0-9]{1,16}(?:\.[0-9]{1,16})?$/

/** What the text of a unit may look like, as the source of a regular expression without flags (for a JSON Schema). */
export function unitPattern(unit: 'time' | 'rate' | 'bytes' | 'fraction'): string {
  if (unit === 'fraction') return '^[0-9]{1,3}(\\.[0-9]{1,30})?(e-[0-9]{1,3})? ?%$'
  const scale = SCALES[unit]
  const names = [...scale.names.map(([name]) => name), ...Object.keys(scale.aliases)].join('|')
  const quantity = `[0-9]{1,16}(\\.[0-9]{1,16})? ?(${names})`
  return unit === 'rate' ? `^(${UNLIMITED}|${quantity})$` : `^${quantity}$`
}

/** What may be written for a unit: `'a time such as "20 ms" (ns, us, ms, s, min or h)'`. */
export function allowedText(unit: Unit): string {
  switch (unit) {
    case 'fraction':
      return 'a share from "0 %" to "100 %", such as "2 %"'
    case 'count':
      return 'a number'
    default: {
      const { noun, example, names } = SCALES[unit]
      const choices = listChoices(names.map(([name]) => name))
      return `${noun} such as "${example}" (${choices})${unit === 'rate' ? ', or "unlimited"' : ''}`
    }
  }
}

/**
 * Reads a quantity exactly.
 * @returns the value in base units, or what is allowed instead
 */
export function readUnit(unit: Unit, text: string): number | { readonly allowed: string } {
  if (unit === 'fraction') return readShare(text)
  if (unit === 'count') {
    const value = DECIMAL.test(text) ? Number(text) : Number.NaN
    return Number.isFinite(value) && (!INTEGER.test(text) || Number.isSafeInteger(value)) ? value : { allowed: allowedText(unit) }
  }
  if (unit === 'rate' && text === UNLIMITED) return 0
  const match = QUANTITY.exec(text)
  if (match === null) return { allowed: allowedText(unit) }
  const [, digits = '', written = ''] = match
  const scale = SCALES[unit]
  const name = scale.aliases[written] ?? written
  const factor = scale.names.find(([candidate]) => candidate === name)?.[1]
  if (factor === undefined) {
    const guess = nearest(
      written,
      scale.names.map(([candidate]) => candidate),
    )
    return { allowed: `${guess === undefined ? '' : `"${digits} ${guess}" perhaps; `}${allowedText(unit)}` }
  }
  const value = multiply(digits, factor)
  if (value === undefined) return { allowed: `${allowedText(unit)}, a whole number of ${scale.names[0]?.[0] ?? ''} below 2^53` }
  if (unit === 'rate' && value === 0) return { allowed: 'a rate of at least 1 bit/s; cut a link to stop it, or "unlimited"' }
  return value
}

/**
 * Reads a quantity exactly.
 * @param path where it stands, for the error
 * @returns the value in base units
 * @throws ScenarioError naming what is allowed
 */
export function parseUnit(unit: Unit, text: string, path = ''): number {
  const value = readUnit(unit, text)
  if (typeof value === 'number') return value
  throw new ScenarioError(path, quote(text), value.allowed)
}

/** Nanoseconds of `'20 ms'`. Throws ScenarioError. */
export function parseTime(text: unknown, path = ''): number {
  if (typeof text !== 'string') throw new ScenarioError(path, describeFound(text), allowedText('time'))
  return parseUnit('time', text, path)
}

/** A decimal times a whole factor, when the product is a whole number below 2^53. */
function multiply(digits: string, factor: number): number | undefined {
  const [whole = '', fraction = ''] = digits.split('.')
  const product = BigInt(whole + fraction) * BigInt(factor)
  const divisor = 10n ** BigInt(fraction.length)
  if (product % divisor !== 0n) return undefined
  const value = Number(product / divisor)
  return Number.isSafeInteger(value) ? value : undefined
}

function readShare(text: string): number | { readonly allowed: string } {
  const match = SHARE.exec(text)
  // Shifting the exponent instead of dividing keeps the nearest double: "33.3 %" is the literal 0.333.
  const value = match === null ? Number.NaN : Number(`${match[1] ?? ''}e${String(Number(match[2] ?? 0) - 2)}`)
  return value >= 0 && value <= 1 ? value : { allowed: allowedText('fraction') }
}

/**
 * Writes a value so that `parseUnit` reads the very same value back: `'12.5 ms'`, `'64 KiB'`, `'1234.567 us'`.
 * @param value in base units, a whole number but for fractions and counts
 */
export function writeUnit(unit: Unit, value: number): string {
  if (unit === 'count') return String(value)
  if (unit === 'fraction') return writeShare(value)
  if (unit === 'rate' && value === 0) return UNLIMITED
  const names = SCALES[unit].names
  for (let i = names.length - 1; i > 0; i--) {
    const [name, factor] = names[i] ?? ['', 1]
    const text = value < factor ? undefined : divide(value, factor)
    if (text !== undefined) return `${text} ${name}`
  }
  return `${String(value)} ${names[0]?.[0] ?? ''}`
}

/** The quotient as a decimal of at most three places, when it is one exactly. */
function divide(value: number, factor: number): string | undefined {
  const thousandths = BigInt(value) * 1000n
  if (thousandths % BigInt(factor) !== 0n) return undefined
  const quotient = thousandths / BigInt(factor)
  const places = (quotient % 1000n).toString().padStart(3, '0').replace(/0+$/, '')
  return `${(quotient / 1000n).toString()}${places === '' ? '' : `.${places}`}`
}

function writeShare(value: number): string {
  if (value === 0) return '0 %'
  const [mantissa = '0', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent) + 2
  const digits = mantissa.replace('.', '')
  if (power < -8) return `${mantissa}e${String(power)} %`
  if (power < 0) return `0.${'0'.repeat(-power - 1)}${digits} %`
  const whole = digits.slice(0, power + 1).padEnd(power + 1, '0')
  const rest = digits.slice(power + 1)
  return `${whole}${rest === '' ? '' : `.${rest}`} %`
}

/**
 * Writes a value for people, at most three significant digits: `'12.5 ms'`, `'9.6 Mbit/s'`, `'1.2 kB'`, `'2 %'`, `'41,961'`.
 * @param value in base units
 * @param takesBinary whether a size that is a multiple of 1,024 may be written in KiB and the like
 */
export function formatUnit(unit: Unit, value: number, takesBinary = true): string {
  if (unit === 'count') return formatCount(value)
  if (unit === 'fraction') return `${plain(value * 100)} %`
  if (unit === 'rate' && value === 0) return UNLIMITED
  if (unit === 'bytes' && value >= Number.MAX_SAFE_INTEGER) return UNLIMITED
  const sign = value < 0 ? '-' : ''
  const size = Math.abs(value)
  // A power of two says more about itself in binary units: 64 KiB, not 65.5 kB.
  const binary = takesBinary && unit === 'bytes' && size >= 1024 && size % 1024 === 0 && size % 1000 !== 0
  const names = SCALES[unit].names.filter(([name]) => unit !== 'bytes' || name === 'B' || name.includes('i') === binary)
  for (const [name, factor] of names.toReversed()) {
    const rounded = Number((size / factor).toPrecision(3))
    // Seconds stay seconds up to two minutes, as on a stopwatch.
    if (rounded >= (name === 'min' ? 2 : 1)) return `${sign}${plain(size / factor)} ${name === 'us' ? '\u00b5s' : name}`
  }
  return `${sign}${plain(size)} ${names[0]?.[0] ?? ''}`
}

/** Time for people: `'12.5 ms'`. */
export function formatTime(nanos: number): string {
  return formatUnit('time', nanos)
}

/** A count for people, thousands set off by commas: `'41,961'`. */
export function formatCount(value: number): string {
  const [whole = '', places] = String(value).split('.')
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',')
  return places === undefined ? grouped : `${grouped}.${places}`
}

function plain(value: number): string {
  return value >= 1000 ? formatCount(Math.round(value)) : String(Number(value.toPrecision(3)))
}
