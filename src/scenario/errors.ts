/** The one error for people who wrote a scenario, a log or a share link: where it is wrong, what stands there, what may stand there. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError'
  constructor(
    /** Where, as an author would write it: `'links[0].delay'`; `''` for the whole. */
    readonly path: string,
    /** What stands there: `'"0 ms"'`, `'nothing'`. */
    readonly found: string,
    /** What may stand there: `'a time of at least 1 ns, such as "20 ms"'`. */
    readonly allowed: string,
  ) {
    super(`${path === '' ? '' : `${path}: `}found ${found}; allowed: ${allowed}`)
  }
}

const LONGEST_QUOTE = 60

/** Names a value in a message, in at most some 70 characters. */
export function describeFound(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${String(value.length)}`
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object') return `a ${typeof value}`
  const keys = Object.keys(value)
  if (keys.length === 0) return 'an empty object'
  const shown = keys.slice(0, 4).map((key) => clip(key, 20))
  return `an object with ${shown.join(', ')}${keys.length > 4 ? ', …' : ''}`
}

/** A string in double quotes, shortened. */
export function quote(text: string): string {
  return JSON.stringify(clip(text, LONGEST_QUOTE))
}

/** `'a, b or c'`, shortened when there are many. */
export function listChoices(choices: readonly string[], limit = 30): string {
  if (choices.length === 0) return 'none'
  if (choices.length > limit) return `${choices.slice(0, limit).join(', ')}, … (${String(choices.length)} in all)`
  const last = choices[choices.length - 1] ?? ''
  return choices.length === 1 ? last : `${choices.slice(0, -1).join(', ')} or ${last}`
}

/** Words of others for what has another name here. */
const SYNONYMS: Readonly<Record<string, string>> = {
  latency: 'delay',
  rtt: 'delay',
  bandwidth: 'rate',
  speed: 'rate',
  buffer: 'queue',
  drop: 'loss',
  ip: 'address',
  nodes: 'hosts',
  edges: 'links',
  endpoints: 'between',
}

/** The choice that a misspelt word most likely meant, or undefined when none is near. */
export function nearest(word: string, choices: readonly string[]): string | undefined {
  if (word.length > LONGEST_QUOTE) return undefined
  const synonym = Object.hasOwn(SYNONYMS, word) ? SYNONYMS[word] : undefined
  if (synonym !== undefined && choices.includes(synonym)) return synonym
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const choice of choices) {
    const distance = editDistance(word.toLowerCase(), choice.toLowerCase())
    if (distance < bestDistance) {
      best = choice
      bestDistance = distance
    }
  }
  return best
}

/** `listChoices` with a guess in front: `'"loss" perhaps; one of delay, loss or rate'`. */
export function suggestChoices(word: string, choices: readonly string[]): string {
  const guess = nearest(word, choices)
  return `${guess === undefined ? '' : `${guess} perhaps; `}${choices.length === 1 ? '' : 'one of '}${listChoices(choices)}`
}

function clip(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`
}

/** Levenshtein's distance by rows, where two neighbours changing places count as one slip of the hand. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, index) => index)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Infinity
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity
      rows[i]?.push(Math.min(substituted, swapped, at(i - 1, j) + 1, at(i, j - 1) + 1))
    }
  }
  return at(a.length, b.length)
}
