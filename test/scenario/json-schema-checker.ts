type Schema = Readonly<Record<string, unknown>>

/** The keywords that say nothing about a value. */
const NOTES = new Set(['$schema', '$defs', 'title', 'description', 'default', 'examples'])

/**
 * Checks a value against a JSON Schema of draft 2020-12, as far as the scenario's schema needs it: an unknown keyword fails.
 * @returns the first problem, with its place; undefined when there is none
 */
export function schemaProblem(root: object, value: unknown): string | undefined {
  const definitions = ((root as Schema)['$defs'] ?? {}) as Readonly<Record<string, Schema>>

  function problem(schema: Schema | boolean, item: unknown, path: string): string | undefined {
    if (typeof schema === 'boolean') return schema ? undefined : `${path}: nothing is allowed`
    for (const [keyword, rule] of Object.entries(schema)) {
      const found = NOTES.has(keyword) ? undefined : keywordProblem(keyword, rule, schema, item, path)
      if (found !== undefined) return found
    }
    return undefined
  }

  function keywordProblem(keyword: string, rule: unknown, schema: Schema, item: unknown, path: string): string | undefined {
    const fail = (why: string): string => `${path}: ${why}`
    const list = Array.isArray(item) ? (item as unknown[]) : undefined
    const object = typeof item === 'object' && item !== null && list === undefined ? (item as Record<string, unknown>) : undefined
    switch (keyword) {
      case '$ref':
        return problem(definitions[String(rule).replace('#/$defs/', '')], item, path)
      case 'type':
        return hasType(item, String(rule)) ? undefined : fail(`not of type ${String(rule)}`)
      case 'const':
        return item === rule ? undefined : fail(`not ${JSON.stringify(rule)}`)
      case 'enum':
        return (rule as unknown[]).includes(item) ? undefined : fail('not one of the values')
      case 'pattern':
        return typeof item !== 'string' || new RegExp(String(rule), 'u').test(item) ? undefined : fail(`not like ${String(rule)}`)
      case 'minLength':
        return typeof item !== 'string' || item.length >= Number(rule) ? undefined : fail('too short')
      case 'maxLength':
        return typeof item !== 'string' || item.length <= Number(rule) ? undefined : fail('too long')
      case 'minimum':
        return typeof item !== 'number' || item >= Number(rule) ? undefined : fail('too small')
      case 'maximum':
        return typeof item !== 'number' || item <= Number(rule) ? undefined : fail('too large')
      case 'minItems':
        return list === undefined || list.length >= Number(rule) ? undefined : fail('too few items')
      case 'maxItems':
        return list === undefined || list.length <= Number(rule) ? undefined : fail('too many items')
      case 'minProperties':
        return object === undefined || Object.keys(object).length >= Number(rule) ? undefined : fail('too few properties')
      case 'maxProperties':
        return object === undefined || Object.keys(object).length <= Number(rule) ? undefined : fail('too many properties')
      case 'not':
        return problem(rule as Schema, item, path) === undefined ? fail('is what it must not be') : undefined
      case 'anyOf':
        return (rule as Schema[]).some((one) => problem(one, item, path) === undefined)
          ? undefined
          : fail('none of the alternatives')
      case 'oneOf':
        return (rule as Schema[]).filter((one) => problem(one, item, path) === undefined).length === 1
          ? undefined
          : fail('not one alternative')
      case 'items': {
        const first = ((schema['prefixItems'] ?? []) as unknown[]).length
        return firstOf(list?.slice(first) ?? [], (element, index) =>
          problem(rule as Schema, element, `${path}[${index + first}]`),
        )
      }
      case 'prefixItems':
        return firstOf(rule as Schema[], (one, index) =>
          list && index < list.length ? problem(one, list[index], `${path}[${index}]`) : undefined,
        )
      case 'required':
        return firstOf(rule as string[], (name) => (object && !(name in object) ? fail(`lacks ${name}`) : undefined))
      case 'properties':
        return firstOf(Object.entries(rule as Record<string, Schema>), ([name, one]) =>
          object && name in object ? problem(one, object[name], `${path}.${name}`) : undefined,
        )
      case 'additionalProperties': {
        const known = Object.keys(schema['properties'] ?? {})
        return firstOf(Object.entries(object ?? {}), ([name, one]) =>
          known.includes(name) ? undefined : problem(rule as Schema, one, `${path}.${name}`),
        )
      }
      case 'propertyNames':
        return firstOf(Object.keys(object ?? {}), (name) => problem(rule as Schema, name, `${path}.${name}`))
      default:
        throw new Error(`unknown keyword ${keyword}`)
    }
  }

  return problem(root as Schema, value, '$')
}

function hasType(item: unknown, type: string): boolean {
  switch (type) {
    case 'array':
      return Array.isArray(item)
    case 'object':
      return typeof item === 'object' && item !== null && !Array.isArray(item)
    case 'integer':
      return Number.isInteger(item)
    default:
      return typeof item === type
  }
}

function firstOf<Item>(items: readonly Item[], look: (item: Item, index: number) => string | undefined): string | undefined {
  for (const [index, item] of items.entries()) {
    const found = look(item, index)
    if (found !== undefined) return found
  }
  return undefined
}
