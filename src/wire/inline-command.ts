/** What stands for what behind a backslash in double quotes. */
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' }
const SPACE = /[ \n\r\t\v\f\0]/

/**
 * The words of a command as people type it: between spaces, in double quotes with escapes (`\n`, `\xff`), or in single quotes with `\'`.
 * @param line one code unit a byte
 * @returns undefined: quotes are not closed, or not followed by a space
 */
export function inlineWords(line: string): string[] | undefined {
  const words: string[] = []
  for (let at = 0; ;) {
    while (at < line.length && SPACE.test(line[at])) at++
    if (at >= line.length) return words
    let word = ''
    while (at < line.length && !SPACE.test(line[at])) {
      const quote = line[at]
      if (quote !== '"' && quote !== "'") {
        word += line[at++]
        continue
      }
      const quoted = quote === '"' ? doubleQuoted(line, at + 1) : singleQuoted(line, at + 1)
      if (quoted === undefined || (quoted.end < line.length && !SPACE.test(line[quoted.end]))) return undefined
      word += quoted.text
      at = quoted.end
    }
    words.push(word)
  }
}

interface Quoted {
  readonly text: string
  /** Behind the closing quote. */
  readonly end: number
}

function doubleQuoted(line: string, start: number): Quoted | undefined {
  let text = ''
  for (let at = start; at < line.length; at++) {
    const character = line[at]
    if (character === '"') return { text, end: at + 1 }
    if (character !== '\\' || at + 1 >= line.length) {
      text += character
      continue
    }
    const hex = /^x[\da-fA-F]{2}/.exec(line.slice(at + 1, at + 4))
    if (hex !== null) {
      text += String.fromCharCode(parseInt(hex[0].slice(1), 16))
      at += 3
    } else {
      const escaped = line[++at]
      text += Object.hasOwn(ESCAPES, escaped) ? ESCAPES[escaped] : escaped
    }
  }
  return undefined
}

function singleQuoted(line: string, start: number): Quoted | undefined {
  let text = ''
  for (let at = start; at < line.length; at++) {
    if (line[at] === '\\' && line[at + 1] === "'") text += line[++at]
    else if (line[at] === "'") return { text, end: at + 1 }
    else text += line[at]
  }
  return undefined
}
