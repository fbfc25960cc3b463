import type { HeaderField } from '../../wire/http1.ts'

/** One element of Sec-WebSocket-Extensions (RFC 6455 section 9.1). */
export interface Extension {
  readonly name: string
  /** In their order; the value of one that has none is undefined. */
  readonly parameters: readonly (readonly [name: string, value: string | undefined])[]
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const IS_TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const QUOTED = /"((?:[\t !#-[\]-~\x80-\xff]|\\[\t !-~\x80-\xff])*)"/y
const BLANK = /[ \t]*/y

/** Whether a text is a token of RFC 9110 section 5.6.2: the name of a subprotocol. */
export function isToken(text: string): boolean {
  return IS_TOKEN.test(text)
}

/** Where the values of a field stand, one for each of its lines. `name` in lower case. */
export function fieldLines(fields: readonly HeaderField[], name: string): string[] {
  return fields.filter((field) => field.name === name).map(({ value }) => value)
}

/** The elements of a comma-separated list without blanks around them; empty ones are left out (RFC 9110 section 5.6.1). */
export function listed(values: readonly string[]): string[] {
  return values
    .flatMap((value) => value.split(','))
    .map((element) => element.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((element) => element !== '')
}

/** Reads a text from left to right. */
class Scanner {
  private at = 0

  constructor(private readonly text: string) {}

  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found !== null) this.at += found[0].length
    return found
  }

  /** Steps over one character with blanks around it. */
  takes(character: string): boolean {
    this.match(BLANK)
    if (this.text[this.at] !== character) return false
    this.at++
    this.match(BLANK)
    return true
  }

  get isAtEnd(): boolean {
    return this.at === this.text.length
  }
}

/** A parameter's value: a token, or a string in quotes whose content is one; undefined: neither. */
function parameterValue(scanner: Scanner): string | undefined {
  const quoted = scanner.match(QUOTED)
  if (quoted === null) return scanner.match(TOKEN)?.[0]
  const value = quoted[1].replace(/\\(.)/g, '$1')
  return isToken(value) ? value : undefined
}

function extension(scanner: Scanner): Extension | undefined {
  const name = scanner.match(TOKEN)?.[0]
  if (name === undefined) return undefined
  const parameters: (readonly [string, string | undefined])[] = []
  while (scanner.takes(';')) {
    const parameter = scanner.match(TOKEN)?.[0]
    if (parameter === undefined) return undefined
    const hasValue = scanner.takes('=')
    const value = hasValue ? parameterValue(scanner) : undefined
    if (hasValue && value === undefined) return undefined
    parameters.push([parameter, value])
  }
  return { name, parameters }
}

/** What the lines of Sec-WebSocket-Extensions say; undefined where they are malformed (RFC 6455 section 9.1). */
export function parseExtensions(lines: readonly string[]): Extension[] | undefined {
  const all: Extension[] = []
  for (const line of lines) {
    const scanner = new Scanner(line)
    do {
      while (scanner.takes(','));
      if (scanner.isAtEnd) break
      const parsed = extension(scanner)
      if (parsed === undefined) return undefined
      all.push(parsed)
    } while (scanner.takes(','))
    if (!scanner.isAtEnd) return undefined
  }
  return all
}

/** An element as it stands in the field. */
export function formatExtension({ name, parameters }: Extension): string {
  return [name, ...parameters.map(([key, value]) => (value === undefined ? key : `${key}=${value}`))].join('; ')
}
