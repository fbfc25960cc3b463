import * as v from 'valibot'
import { ScenarioError, describeFound } from './errors.ts'
import { formatPath } from './path.ts'

/** How much plain data is looked at, so that a hostile file costs little. */
const DEEPEST = 12
const MOST_VALUES = 100_000
const LONGEST_TEXT = 10_000
const LONGEST_KEY = 300

/**
 * A deep copy of plain data: objects, lists, texts, finite numbers, booleans, null, and functions as they are (for claims).
 * @param path where it stands, for errors
 * @throws ScenarioError for anything else, and for more than a scenario can need
 */
export function copyPlain(value: unknown, path: readonly (string | number)[] = []): unknown {
  let values = 0
  const copy = (item: unknown, at: (string | number)[]): unknown => {
    const refuse = (found: string, allowed: string) => new ScenarioError(formatPath(at), found, allowed)
    if (++values > MOST_VALUES)
      throw refuse(`more than ${String(MOST_VALUES)} values`, `at most ${String(MOST_VALUES)} values in all`)
    if (typeof item === 'string') {
      if (item.length <= LONGEST_TEXT) return item
      throw refuse(`a text of ${String(item.length)} characters`, `at most ${String(LONGEST_TEXT)} characters`)
    }
    if (typeof item === 'number' && !Number.isFinite(item)) throw refuse(String(item), 'a finite number')
    if (typeof item !== 'object' || item === null) {
      if (typeof item === 'bigint' || typeof item === 'symbol') throw refuse(`a ${typeof item}`, 'plain data, as in JSON')
      return item
    }
    if (at.length - path.length >= DEEPEST)
      throw refuse('a deeper level', `at most ${String(DEEPEST)} levels of lists and objects`)
    if (Array.isArray(item)) return item.map((element: unknown, index) => copy(element, [...at, index]))
    const prototype: unknown = Object.getPrototypeOf(item)
    if (prototype !== Object.prototype && prototype !== null) throw refuse('an object of a class', 'plain data, as in JSON')
    const result: Record<string, unknown> = {}
    for (const [key, element] of Object.entries(item)) {
      if (key === '__proto__' || key.length > LONGEST_KEY) {
        throw refuse(`the key ${describeFound(key)}`, `keys of at most ${String(LONGEST_KEY)} characters, without __proto__`)
      }
      result[key] = copy(element, [...at, key])
    }
    return result
  }
  return copy(value, [...path])
}

/**
 * Checks a value against a schema of this folder.
 * @param path where the value stands, for the error
 * @throws ScenarioError for the first thing that is wrong
 */
export function check<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  path: readonly (string | number)[] = [],
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true, abortPipeEarly: true })
  if (result.success) return result.output
  const issue = result.issues[0]
  const found = tellingIssue(issue, path)
  throw new ScenarioError(formatPath(found.path), found.found, found.issue.message)
}

interface Told {
  readonly issue: v.BaseIssue<unknown>
  readonly path: readonly (string | number)[]
  readonly found: string
}

/** Of a union's many issues, the one of the alternative that the author seems to have meant. */
function tellingIssue(issue: v.BaseIssue<unknown>, prefix: readonly (string | number)[]): Told {
  const items = (issue.path ?? []) as readonly { readonly key?: unknown; readonly value?: unknown }[]
  const path = [...prefix, ...items.map(({ key }) => (typeof key === 'number' ? key : String(key)))]
  const meant = meantAlternative(issue.issues ?? [])
  if (meant !== undefined) return tellingIssue(meant, path)
  // Of a key that an object should not have, or lacks, the value there is what was found.
  const ofKey = issue.type === 'strict_object' && items.length > 0
  return { issue, path, found: describeFound(ofKey ? items[items.length - 1]?.value : issue.input) }
}

function meantAlternative(issues: readonly v.BaseIssue<unknown>[]): v.BaseIssue<unknown> | undefined {
  let best: v.BaseIssue<unknown> | undefined
  let bestDepth = 0
  const inside = issues.filter((issue) => issue.path !== undefined)
  for (const issue of issues) {
    const depth = (issue.path?.length ?? 0) * 2 - (isUnknownKey(issue) ? 1 : 0) + (issue.kind === 'schema' ? 0 : 1)
    if (depth > bestDepth) {
      best = issue
      bestDepth = depth
    }
  }
  return best !== undefined && isUnknownKey(best) && inside.length > 1 ? undefined : best
}

/** Whether it says that an object has a key which it should not have. */
function isUnknownKey(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.path?.length === 1 && issue.path[0].origin === 'key' && issue.input !== undefined
}
