import { ScenarioError, quote } from './errors.ts'

/** Keys from the top of a scenario down to a value: `['links', 0, 'delay']`. */
export type Path = readonly (string | number)[]

const PLAIN_KEY = /^[A-Za-z_$][\w$-]*$/
const STEP = /\.?([A-Za-z_$][\w$-]*)|\[(0|[1-9]\d{0,8})\]|\[("(?:[^"\\]|\\.)*")\]/y
const LONGEST_PATH = 300

/** As an author writes it: `'links[0].delay'`, `'hosts.bob.serves["/"]'`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${String(key)}]`
    else if (PLAIN_KEY.test(key)) text += text === '' ? key : `.${key}`
    else text += `[${JSON.stringify(key)}]`
  }
  return text
}

/**
 * The inverse of `formatPath`.
 * @param where path of the text itself, for the error
 * @throws ScenarioError for anything that is no such path
 */
export function parsePath(text: string, where: string): Path {
  const path: (string | number)[] = []
  let at = 0
  while (at < text.length) {
    STEP.lastIndex = at
    const match = text.length > LONGEST_PATH ? null : STEP.exec(text)
    const [, plain, index, quoted] = match ?? []
    const startsWell = plain === undefined || (at === 0) !== text.startsWith('.', at)
    const key = plain ?? (index === undefined ? unquote(quoted) : Number(index))
    if (match === null || !startsWell || key === undefined) throw invalid(text, where)
    path.push(key)
    at = STEP.lastIndex
  }
  if (path.length === 0) throw invalid(text, where)
  return path
}

function unquote(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function invalid(text: string, where: string): ScenarioError {
  return new ScenarioError(
    where,
    quote(text),
    'a path such as links[0].loss, hosts.bob.app.interval or hosts.bob.serves["/"].size',
  )
}
