import type { Field, Layer } from './field.ts'

/** `'0x0800'`: a number in hexadecimal, with leading zeros up to `digits`. */
export function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`
}

/** A value and what it means: `'6 (TCP)'`; the value alone when it has no name. */
export function named(value: string | number, name: string | undefined): string {
  return name === undefined ? String(value) : `${String(value)} (${name})`
}

/** One named part of the bytes in [start, end). */
export function field(
  name: string,
  label: string,
  value: string | number | boolean,
  start: number,
  end: number,
  fields: readonly Field[] = [],
): Field {
  const text = typeof value === 'boolean' ? (value ? 'set' : 'not set') : String(value)
  return fields.length === 0 ? { name, label, value: text, start, end } : { name, label, value: text, start, end, fields }
}

/** The layer with what is wrong with it noted, if anything is, after what had been noted before. */
export function withProblems(layer: Layer, problems: readonly string[]): Layer {
  if (problems.length === 0) return layer
  const noted = layer.problem === undefined ? problems : [layer.problem, ...problems]
  return { ...layer, problem: noted.join('; ') }
}
