/** Where a class such as `[^a-z]` ends, and whether a character is in it. */
function matchClass(pattern: string, start: number, character: string): { readonly end: number; readonly isIn: boolean } {
  let at = start + 1
  const isNegated = pattern[at] === '^'
  if (isNegated) at++
  let isIn = false
  for (; at < pattern.length && pattern[at] !== ']'; at++) {
    if (pattern[at] === '\\' && at + 1 < pattern.length) {
      at++
      if (pattern[at] === character) isIn = true
    } else if (pattern[at + 1] === '-' && at + 2 < pattern.length) {
      const [low, high] = [pattern[at], pattern[at + 2]].sort((a, b) => a.charCodeAt(0) - b.charCodeAt(0))
      if (character >= low && character <= high) isIn = true
      at += 2
    } else if (pattern[at] === character) isIn = true
  }
  return { end: Math.min(at + 1, pattern.length), isIn: isIn !== isNegated }
}

/**
 * Whether a name fits a pattern of Redis: `*` any characters, `?` any one, `[a-z]` one of these, `[^a-z]` none of these, `\` takes the next as
 * it is. Takes time in proportion to the product of both lengths at most.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  // Where the last star was, and what it has eaten up to: only the last one ever has to be tried anew.
  let star = -1
  let eaten = 0
  while (t < text.length) {
    const next = matchOne(pattern, p, text[t])
    if (pattern[p] === '*') {
      star = p++
      eaten = t
    } else if (next >= 0) {
      p = next
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++eaten
    } else return false
  }
  while (pattern[p] === '*') p++
  return p >= pattern.length
}

/** Matches one character that is no star. @returns where the pattern goes on; -1: it does not fit */
function matchOne(pattern: string, at: number, character: string): number {
  if (at >= pattern.length) return -1
  const sign = pattern[at]
  if (sign === '?') return at + 1
  if (sign === '[') {
    const { end, isIn } = matchClass(pattern, at, character)
    return isIn ? end : -1
  }
  if (sign === '\\' && at + 1 < pattern.length) return pattern[at + 1] === character ? at + 2 : -1
  return sign === character ? at + 1 : -1
}
