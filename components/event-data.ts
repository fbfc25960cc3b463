import type { EventRecord } from '../src/trace/record.ts'
import { formatQuantity } from './format.ts'

export type Data = EventRecord['data']

/** A value of an event in words. */
export function text(data: Data, key: string): string {
  const value = data[key]
  return Array.isArray(value) ? value.join(', ') : String(value)
}

/** A number of an event with its unit. */
export function quantity(data: Data, key: string, unit: 'time' | 'bytes' | 'count'): string {
  const value = data[key]
  return typeof value === 'number' ? formatQuantity(unit, value) : text(data, key)
}
