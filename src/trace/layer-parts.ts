import type { Field, Layer } from '../wire/field.ts'

/*
 * A layer is read from whole bytes, put together from several packets. What a packet shows of it is the part that lies there.
 */

function movedFields(fields: readonly Field[], by: number, from: number, to: number): Field[] {
  const moved: Field[] = []
  for (const field of fields) {
    const start = Math.max(from, field.start + by)
    const end = Math.min(to, field.end + by)
    if (start >= end) continue
    const { name, label, value } = field
    const inner = field.fields === undefined ? [] : movedFields(field.fields, by, from, to)
    moved.push(inner.length === 0 ? { name, label, value, start, end } : { name, label, value, start, end, fields: inner })
  }
  return moved
}

/** The part of a layer that lies in [from, to) once it is moved by `by` bytes; undefined: nothing of it lies there. */
export function partOf(layer: Layer, by: number, from: number, to: number): Layer | undefined {
  const start = Math.max(from, layer.start + by)
  const end = Math.min(to, layer.end + by)
  return start >= end ? undefined : { ...layer, start, end, fields: movedFields(layer.fields, by, from, to) }
}
