/** What the tests of pages assert with. */

function show(value: unknown): string {
  if (value instanceof Element) return `<${value.localName}>`
  if (typeof value === 'string') return `“${value}”`
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value)
}

export function fail(message: string): never {
  throw new Error(message)
}

/** The same value, as `Object.is` has it. */
export function equal<T>(actual: T, expected: NoInfer<T>, message?: string): void {
  if (!Object.is(actual, expected))
    fail(`${message === undefined ? '' : `${message}: `}found ${show(actual)}, expected ${show(expected)}`)
}

/** Plain data as text, its keys in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )
}

/** The same plain data. */
export function same<T>(actual: T, expected: NoInfer<T>, message?: string): void {
  const [found, wanted] = [canonical(actual), canonical(expected)]
  if (found !== wanted) fail(`${message === undefined ? '' : `${message}: `}found ${found}, expected ${wanted}`)
}

export function ok(value: unknown, message: string): asserts value {
  if (value === false || value === undefined || value === null || value === '' || value === 0) fail(message)
}

export function match(text: string | null | undefined, pattern: RegExp): void {
  if (!pattern.test(text ?? '')) fail(`${show(text)} does not match ${String(pattern)}`)
}
