/** What the tests of pages assert with. */

function show(value: unknown): string {
  if (value instanceof Element) return `<${value.localName}>`
  return typeof value === 'function' ? value.name : (JSON.stringify(value) as string | undefined) ?? String(value)
}

export function fail(message: string): never {
  throw new Error(message)
}

/** The same value, as `Object.is` has it. */
export function equal<T>(actual: T, expected: NoInfer<T>, message?: string): void {
  if (!Object.is(actual, expected)) fail(`${message === undefined ? '' : `${message}: `}found ${show(actual)}, expected ${show(expected)}`)
}

/** The same plain data. */
export function same<T>(actual: T, expected: NoInfer<T>, message?: string): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (found !== wanted) fail(`${message === undefined ? '' : `${message}: `}found ${found}, expected ${wanted}`)
}

export function ok(value: unknown, message: string): asserts value {
  if (value === false || value === undefined || value === null || value === '' || value === 0) fail(message)
}

export function match(text: string | null | undefined, pattern: RegExp): void {
  if (!pattern.test(text ?? '')) fail(`${show(text)} does not match ${String(pattern)}`)
}
