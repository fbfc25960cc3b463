import * as v from 'valibot'
import { listChoices, suggestChoices } from './errors.ts'
import { allowedText, formatUnit, readUnit, unitPattern, writeUnit } from './units.ts'
import type { RateText, ShareText, SizeText, TimeText, Unit } from './units.ts'

/*
 * The building blocks of the scenario's schema. Throughout, a schema's message says what is allowed there, in words; what was
 * found and where is added when the issue becomes a ScenarioError.
 */

/** What an author writes, and what the engine gets. */
export type Field<Written, Read> = v.GenericSchema<Written, Read>

/**
 * An object of exactly these keys. Unlike valibot's it refuses lists, and it names an unknown key before a missing one: a misspelt
 * key is mostly both.
 * @param noun what it is, for messages: `'a link'`
 */
export function strict<const Entries extends v.ObjectEntries>(noun: string, entries: Entries) {
  const keys = Object.keys(entries)
  const allowed = `${noun}: an object with ${listChoices(keys)}`
  const schema = v.strictObject(entries, (issue) => {
    const missing = issue.path?.[0]?.key
    if (typeof missing !== 'string') return allowed
    const message = (entries[missing] as { message?: unknown } | undefined)?.message
    return typeof message === 'string' ? message : `${missing}, which ${noun} must have`
  })
  return beforeRunning(schema, (dataset, config) => {
    const value: unknown = dataset.value
    if (typeof value !== 'object' || value === null) return undefined
    if (Array.isArray(value)) return refuse(schema, dataset, config, allowed)
    const unknown = Object.keys(value).find((key) => !Object.hasOwn(entries, key))
    if (unknown === undefined) return undefined
    const input = value as Record<string, unknown>
    const path = [{ type: 'object', origin: 'key', input, key: unknown, value: input[unknown] }] as const
    return refuse(schema, dataset, config, `no key of this name in ${noun}; ${suggestChoices(unknown, keys)}`, {
      path,
      input: unknown,
    })
  })
}

/** Values by name. Refuses lists. */
export function byName<Value extends v.GenericSchema>(
  noun: string,
  keySchema: v.GenericSchema<string, string>,
  value: Value,
  more: { readonly min?: number; readonly max: number; readonly description: string },
) {
  const { min = 0, max, description } = more
  const allowed = `an object that gives ${noun}, ${min === 0 ? 'at most' : `${String(min)} to`} ${String(max)}`
  const base = v.record(keySchema, value, allowed)
  const schema = beforeRunning(base, (dataset, config) =>
    Array.isArray(dataset.value) ? refuse(base, dataset, config, allowed) : undefined,
  )
  return v.pipe(schema, v.minEntries(min, allowed), v.maxEntries(max, allowed), v.description(description))
}

/** A list of bounded length. */
export function listOf<Item extends v.GenericSchema>(
  noun: string,
  item: Item,
  more: { readonly min?: number; readonly max: number; readonly description: string },
) {
  const { min = 0, max, description } = more
  const allowed = `a list of ${min === 0 ? 'at most' : `${String(min)} to`} ${String(max)} ${noun}`
  return v.pipe(v.array(item, allowed), v.minLength(min, allowed), v.maxLength(max, allowed), v.description(description))
}

interface Bounds {
  /** In base units. */
  readonly min?: number
  readonly max: number
}

function bounded(
  unit: Exclude<Unit, 'count' | 'fraction'>,
  bounds: Bounds,
  description: string,
): v.GenericSchema<string, number> {
  const { min = 0, max } = bounds
  const range =
    min > 0
      ? `, from ${writeUnit(unit, min)} to ${formatUnit(unit, max)}`
      : max >= Number.MAX_SAFE_INTEGER
        ? ''
        : `, at most ${formatUnit(unit, max)}`
  const allowed = allowedText(unit) + range
  const explain = (text: string): string => {
    const value = readUnit(unit, text)
    return typeof value === 'number' ? allowed : value.allowed + range
  }
  return v.pipe(
    v.string(allowed),
    v.regex(new RegExp(unitPattern(unit)), (issue) => explain(issue.input)),
    v.description(description),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const value = readUnit(unit, dataset.value)
      if (typeof value === 'number' && value >= min && value <= max) return value
      addIssue({ message: explain(dataset.value) })
      return NEVER
    }),
  )
}

/** A time in nanoseconds. */
export function timeField(description: string, bounds: Bounds): Field<TimeText, number> {
  return bounded('time', bounds, description) as Field<TimeText, number>
}

/** A rate in bits per second; `'unlimited'` is 0. */
export function rateField(description: string): Field<RateText, number> {
  return bounded('rate', { max: 1e15 }, description) as Field<RateText, number>
}

/** A size in bytes. */
export function sizeField(description: string, bounds: Bounds): Field<SizeText, number> {
  return bounded('bytes', bounds, description) as Field<SizeText, number>
}

/** A share in [0, 1]: in percent, or as a bare number. */
export function shareField(description: string): Field<ShareText | number, number> {
  const allowed = `${allowedText('fraction')}, or a number from 0 to 1`
  const schema = v.pipe(
    v.union(
      [
        v.pipe(v.number(allowed), v.minValue(0, allowed), v.maxValue(1, allowed)),
        v.pipe(v.string(allowed), v.regex(new RegExp(unitPattern('fraction')), allowed)),
      ],
      allowed,
    ),
    v.description(description),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const value = typeof dataset.value === 'number' ? dataset.value : readUnit('fraction', dataset.value)
      if (typeof value === 'number') return value
      addIssue({ message: allowed })
      return NEVER
    }),
  )
  return schema as Field<ShareText | number, number>
}

/** A whole number. */
export function countField(description: string, bounds: { readonly min: number; readonly max: number }): Field<number, number> {
  const allowed = `a whole number from ${String(bounds.min)} to ${formatUnit('count', bounds.max)}`
  return v.pipe(
    v.number(allowed),
    v.safeInteger(allowed),
    v.minValue(bounds.min, allowed),
    v.maxValue(bounds.max, allowed),
    v.description(description),
  )
}

/** A number that need not be whole. */
export function numberField(description: string, bounds: { readonly min: number; readonly max: number }): Field<number, number> {
  const allowed = `a number from ${String(bounds.min)} to ${formatUnit('count', bounds.max)}`
  return v.pipe(v.number(allowed), v.minValue(bounds.min, allowed), v.maxValue(bounds.max, allowed), v.description(description))
}

export function flagField(description: string): Field<boolean, boolean> {
  return v.pipe(v.boolean('true or false'), v.description(description))
}

/** Prose of bounded length, not empty. */
export function proseField(description: string, max: number): Field<string, string> {
  const allowed = `a text of 1 to ${String(max)} characters`
  return v.pipe(v.string(allowed), v.minLength(1, allowed), v.maxLength(max, allowed), v.description(description))
}

/** A text of a fixed form. */
export function formField(description: string, form: RegExp, allowed: string): Field<string, string> {
  return v.pipe(v.string(allowed), v.maxLength(300, allowed), v.regex(form, allowed), v.description(description))
}

export function choiceField<const Choices extends readonly string[]>(description: string, choices: Choices) {
  const allowed = `one of ${listChoices(choices)}`
  return v.pipe(
    v.picklist(choices, (issue) => (typeof issue.input === 'string' ? suggestChoices(issue.input, choices) : allowed)),
    v.description(description),
  )
}

type Run = (dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) => v.OutputDataset<unknown, v.BaseIssue<unknown>>

/** The schema, with a look at its input first: whatever that returns, unless undefined, is the answer. */
function beforeRunning<Schema extends v.GenericSchema>(
  schema: Schema,
  look: (...parameters: Parameters<Run>) => ReturnType<Run> | undefined,
): Schema {
  const run: Run = schema['~run'].bind(schema)
  return Object.assign(schema, { '~run': ((dataset, config) => look(dataset, config) ?? run(dataset, config)) satisfies Run })
}

function refuse(
  schema: v.GenericSchema,
  dataset: v.UnknownDataset,
  config: v.Config<v.BaseIssue<unknown>>,
  message: string,
  more: { readonly path?: readonly [v.ObjectPathItem]; readonly input?: unknown } = {},
): ReturnType<Run> {
  v._addIssue(schema as never, 'key', dataset, config, { ...more, message } as never)
  return dataset as unknown as ReturnType<Run>
}
